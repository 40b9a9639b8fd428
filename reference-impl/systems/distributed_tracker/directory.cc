// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/systems/distributed_tracker/directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "protocols/reload/ppsp_usage.h"
#include "protocols/reload/security/crypto.h"
#include "reference-impl/net/log.h"
#include "reference-impl/systems/distributed_tracker/entry.h"

namespace peerscope::distributed_tracker {
namespace {

constexpr int kTransmissions = 2;  // one repeat

std::uint32_t seconds(net::Duration duration) {
  return static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(duration).count());
}

// Joins the PPSTP capture with the RELOAD one.
void log_pair(std::string_view what, std::string_view transaction, std::string_view name, std::uint64_t reload) {
  if (!net::log_enabled(net::LogLevel::kInfo)) return;
  net::log_info("tracker", what,
                {{"ppstp_transaction", transaction},
                 {"reload_transaction", fmt::format("{:#018x}", reload)},
                 {"resource", name}});
}

}  // namespace

Directory::Directory(net::Clock& clock, reload::Node& node, DirectoryOptions options)
    : clock_(clock),
      node_(node),
      options_(std::move(options)),
      random_(options_.seed),
      batches_(
          clock, options_.batches, [this] { return room_for_values(); },
          [this](const std::string& name, std::shared_ptr<const StoreBatches::Batch> batch, OnDone done) {
            send_batch(name, std::move(batch), std::move(done));
          }) {}

Directory::~Directory() = default;

std::uint32_t Directory::shards() const {
  return std::max<std::uint32_t>(1, node_.overlay()->configuration.ppsp_shards);
}

std::size_t Directory::most_bytes() const {
  const reload::KindRules* rules = node_.overlay()->find_kind(reload::kPpspSwarmKind);
  return rules == nullptr ? 0 : rules->max_size;
}

net::TimerId Directory::later(net::Duration delay, std::function<void()> what) {
  return clock_.schedule(delay, [alive = std::weak_ptr<bool>(alive_), what = std::move(what)] {
    if (!alive.expired()) what();
  });
}

// ---- one question, at most two requests

void Directory::ask(Asked what, std::function<void(OnAnswer)> send, OnDone done) {
  auto asking = std::make_shared<Asking>();
  asking->what = what;
  asking->send = std::move(send);
  asking->done = std::move(done);
  send_once(asking);
}

int Directory::transmissions() const {
  return defect(Defect::kNoRepeat) || (overloaded_ && overloaded_()) ? 1 : kTransmissions;
}

void Directory::send_once(const std::shared_ptr<Asking>& asking) {
  if (asking->over) return;
  if (++asking->sent > 1) ++stats_.repeats;
  const int number = asking->sent;
  asking->timer = later(options_.patience, [this, asking] {
    if (asking->over) return;
    if (asking->sent < transmissions()) return send_once(asking);
    conclude(asking, meaning_of(0, asking->what).code);
  });
  asking->send([this, asking, number, alive = std::weak_ptr<bool>(alive_)](const reload::RequestError* error) {
    if (alive.expired() || asking->over) return;
    if (error == nullptr) return conclude(asking, ppstp::kNoError);
    // An answer to the first request that comes after the second was sent counts only when it is good.
    if (number != asking->sent) return;
    const Meaning meaning = meaning_of(error->code, asking->what);
    if (meaning.code != ppstp::kNoError)
      net::log_info("tracker", "the overlay refused", {{"code", error->code}, {"why", error->text}});
    if (meaning.again == Again::kNo || asking->sent >= transmissions()) return conclude(asking, meaning.code);
    clock_.cancel(asking->timer);
    asking->timer = later(meaning.again == Again::kLater ? options_.pause : net::Duration(0),
                          [this, asking] { send_once(asking); });
  });
}

void Directory::conclude(const std::shared_ptr<Asking>& asking, ppstp::ErrorCode code) {
  asking->over = true;
  clock_.cancel(asking->timer);
  asking->send = nullptr;
  if (defect(Defect::kEveryErrorIsInternal) && code != ppstp::kNoError) code = ppstp::kInternalServerError;
  if (defect(Defect::kStoreErrorIsSuccess) && asking->what == Asked::kStore) code = ppstp::kNoError;
  if (code != ppstp::kNoError) ++stats_.failures;
  const OnDone done = std::move(asking->done);
  if (done) done(code);
}

// ---- writing

void Directory::write(const std::string& resource_name, reload::NewValue value, std::string_view transaction,
                      OnDone done) {
  value.lifetime = seconds(options_.lifetime);
  if (defect(Defect::kLifetimeOfADay)) value.lifetime = 86400;
  batches_.add(resource_name, {std::move(value), std::string(transaction), std::move(done)});
}

void Directory::send_batch(const std::string& resource_name, std::shared_ptr<const StoreBatches::Batch> batch,
                           OnDone done) {
  const std::string resource = node_.resource_id(resource_name);
  const auto send = [this, resource, resource_name, batch = std::move(batch)](const OnAnswer& answer) {
    std::vector<reload::NewValue> values;
    values.reserve(batch->size());
    for (const StoreBatches::Entry& entry : *batch) values.push_back(entry.value);
    node_.store(resource, std::move(values),
                [answer](reload::Reply<reload::StoreAns> reply) { answer(reply.ok() ? nullptr : &reply.error()); });
    for (const StoreBatches::Entry& entry : *batch)
      log_pair(entry.value.exists ? "store" : "remove", entry.transaction, resource_name, node_.last_transaction());
  };
  ask(Asked::kStore, send, std::move(done));
}

// Besides them a StoreReq has its header, the certificate of this tracker and a signature.
std::size_t Directory::room_for_values() const {
  constexpr std::size_t kRest = 2500;
  const std::size_t size = node_.overlay()->configuration.max_message_size;
  return size > kRest ? size - kRest : 0;
}

std::string Directory::entry_name(const std::string& swarm_id, const std::string& peer_id) const {
  if (defect(Defect::kNameWithoutPrefix)) return swarm_id;
  std::uint32_t shard = reload::shard_of(peer_id, shards());
  if (defect(Defect::kShardByLastBytes)) {
    const std::string hash = reload::sha1(peer_id);
    shard = static_cast<unsigned char>(hash.back()) % shards();
  }
  return reload::swarm_resource_name(swarm_id, shard);
}

std::string Directory::entry_key(const std::string& peer_id) const {
  if (defect(Defect::kPeerFirstInKey)) return peer_id + node_.node_id().str();
  return reload::swarm_key(node_.node_id(), peer_id);
}

std::uint32_t Directory::entry_kind() const {
  return defect(Defect::kStatusKindForSwarm) ? reload::kPpspPeerStatusKind : reload::kPpspSwarmKind;
}

void Directory::store(const std::string& swarm_id, const std::string& peer_id, std::string value,
                      std::string_view transaction, OnDone done) {
  ++stats_.stores;
  if (defect(Defect::kDoesNotStore)) {
    later(net::Duration(0), [done = std::move(done)] { done(ppstp::kNoError); });
    return;
  }
  reload::NewValue entry;
  entry.kind = entry_kind();
  entry.key = entry_key(peer_id);
  entry.value = std::move(value);
  write(entry_name(swarm_id, peer_id), std::move(entry), transaction, std::move(done));
}

void Directory::remove(const std::string& swarm_id, const std::string& peer_id, std::string_view transaction,
                       OnDone done) {
  ++stats_.removals;
  if (defect(Defect::kDoesNotStore)) {
    later(net::Duration(0), [done = std::move(done)] { done(ppstp::kNoError); });
    return;
  }
  reload::NewValue entry;
  entry.kind = entry_kind();
  entry.key = entry_key(peer_id);
  entry.exists = defect(Defect::kLeaveStoresEmptyValue);
  write(entry_name(swarm_id, peer_id), std::move(entry), transaction, std::move(done));
}

void Directory::store_status(const std::string& peer_id, std::string value) {
  ++stats_.statuses;
  reload::NewValue status;
  status.kind = reload::kPpspPeerStatusKind;
  status.key = node_.node_id().str();
  status.value = std::move(value);
  write(reload::peer_resource_name(peer_id), std::move(status), {}, nullptr);
}

void Directory::remove_status(const std::string& peer_id) {
  ++stats_.removals;
  reload::NewValue status;
  status.kind = reload::kPpspPeerStatusKind;
  status.key = node_.node_id().str();
  status.exists = false;
  write(reload::peer_resource_name(peer_id), std::move(status), {}, nullptr);
}

// ---- reading

const Directory::Cached* Directory::cached(const std::string& swarm_id, std::size_t count) const {
  const auto found = cache_.find(swarm_id);
  if (found == cache_.end()) return nullptr;
  const Cached& one = found->second;
  const bool fresh = clock_.now() - one.time < options_.cache_age || defect(Defect::kStaleCache);
  return fresh && (one.complete || one.peers->size() >= count) ? &one : nullptr;
}

void Directory::remember(const std::string& swarm_id, Cached cached) {
  while (!cache_order_.empty() && (cache_order_.size() >= options_.max_cached_swarms ||
                                   clock_.now() - cache_order_.front().first >= options_.cache_age)) {
    const auto oldest = cache_.find(cache_order_.front().second);
    if (oldest != cache_.end() && oldest->second.time == cache_order_.front().first && !defect(Defect::kStaleCache))
      cache_.erase(oldest);
    cache_order_.pop_front();
  }
  cache_order_.emplace_back(cached.time, swarm_id);
  cache_[swarm_id] = std::move(cached);
}

void Directory::find(const std::string& swarm_id, std::size_t count, std::string_view transaction, OnFound done) {
  if (defect(Defect::kOwnPeersOnly)) {
    later(net::Duration(0), [done = std::move(done)] { done(ppstp::kNoError, nullptr); });
    return;
  }
  if (const Cached* known = cached(swarm_id, count); known != nullptr) {
    ++stats_.cached;
    later(net::Duration(0), [done = std::move(done), peers = known->peers] { done(ppstp::kNoError, peers); });
    return;
  }
  const auto [at, fresh] = fetches_.try_emplace(swarm_id);
  at->second.waiters.push_back({count, std::string(transaction), std::move(done)});
  if (!fresh) return;  // one fetch serves all who ask meanwhile
  Fetch& fetch = at->second;
  fetch.count = count;
  fetch.transaction = transaction;
  fetch.begun = clock_.now();
  fetch.order.resize(defect(Defect::kFirstShardOnly) ? 1 : shards());
  std::iota(fetch.order.begin(), fetch.order.end(), 0U);
  std::shuffle(fetch.order.begin(), fetch.order.end(), random_);
  next_shards(swarm_id);
}

// In random order until there are enough peers, a few at a time: one after the other takes long where swarms are small,
// all at once costs too much where they are large.
void Directory::next_shards(const std::string& swarm_id) {
  Fetch& fetch = fetches_.at(swarm_id);
  const bool late = clock_.now() - fetch.begun >= kTransmissions * options_.patience;
  const bool enough = fetch.order.empty() || fetch.found.size() >= fetch.count || late;
  if (enough && fetch.asked == 0 && !fetch.over) {
    fetch.over = true;
    later(net::Duration(0), [this, swarm_id] { fetched(swarm_id); });
  }
  while (!enough && !fetch.order.empty() && fetch.asked < std::max<std::size_t>(1, options_.shards_at_once)) {
    const std::uint32_t shard = fetch.order.back();
    fetch.order.pop_back();
    ++fetch.asked;
    fetch_shard(swarm_id, shard);
  }
}

void Directory::fetch_shard(const std::string& swarm_id, std::uint32_t shard) {
  const std::string name = defect(Defect::kNameWithoutPrefix) ? swarm_id : reload::swarm_resource_name(swarm_id, shard);
  const std::string resource = node_.resource_id(name);
  ++stats_.fetches;
  auto result = std::make_shared<std::vector<reload::FetchKindResponse>>();
  ask(
      Asked::kFetch,
      [this, resource, name, result, transaction = fetches_.at(swarm_id).transaction](const OnAnswer& answer) {
        reload::StoredDataSpecifier specifier;
        specifier.kind = entry_kind();
        node_.fetch(resource, {specifier},
                    [answer, result](reload::Reply<std::vector<reload::FetchKindResponse>> reply) {
                      if (!reply.ok()) return answer(&reply.error());
                      *result = *std::move(reply);
                      answer(nullptr);
                    });
        log_pair("fetch", transaction, name, node_.last_transaction());
      },
      [this, swarm_id, result](ppstp::ErrorCode code) {
        Fetch& at = fetches_.at(swarm_id);
        --at.asked;
        if (code == ppstp::kNoError) {
          at.answered = true;
          take(swarm_id, at, *result);
        } else {
          at.error = code;
        }
        next_shards(swarm_id);
      });
}

// What other trackers registered. What this one registered it knows better itself.
void Directory::take(const std::string& swarm_id, Fetch& fetch,
                     const std::vector<reload::FetchKindResponse>& kinds) const {
  for (const reload::FetchKindResponse& kind : kinds) {
    for (const reload::StoredData& value : kind.values) {
      if (!value.exists) continue;
      const auto key = reload::read_swarm_key(value.key, node_.node_id().size());
      if (!key) continue;
      if (key->ct_node_id == node_.node_id() && !(keeps_ && keeps_(swarm_id, std::string(key->peer_id)))) continue;
      auto peer = read_entry(value.value, swarm_id);
      if (!peer || peer->id != key->peer_id) continue;
      const auto [at, fresh] = fetch.found.try_emplace(peer->id, *peer);
      if (fresh) continue;
      if (defect(Defect::kDuplicatesListed)) fetch.doubles.push_back(*peer);
      const bool newer = peer->joined > at->second.joined;
      if (newer != defect(Defect::kOldestWins)) at->second = *std::move(peer);
    }
  }
}

void Directory::fetched(const std::string& swarm_id) {
  auto node = fetches_.extract(swarm_id);
  if (node.empty()) return;
  Fetch& fetch = node.mapped();
  if (!fetch.answered) {
    for (const Waiter& waiter : fetch.waiters) waiter.done(fetch.error, nullptr);
    return;
  }
  auto peers = std::make_shared<std::vector<ppstp::ForeignPeer>>();
  peers->reserve(fetch.found.size());
  for (auto& [id, peer] : fetch.found) peers->push_back(std::move(peer));
  for (ppstp::ForeignPeer& peer : fetch.doubles) peers->push_back(std::move(peer));
  const bool complete = fetch.order.empty() && fetch.error == ppstp::kNoError;
  remember(swarm_id, {fetch.begun, peers, complete});
  for (Waiter& waiter : fetch.waiters) {
    // Who came later and wants more than this fetch was for.
    const bool short_of =
        !complete && fetch.error == ppstp::kNoError && waiter.count > fetch.count && peers->size() < waiter.count;
    if (short_of) {
      find(swarm_id, waiter.count, waiter.transaction, std::move(waiter.done));
    } else {
      waiter.done(ppstp::kNoError, peers);
    }
  }
}

}  // namespace peerscope::distributed_tracker
