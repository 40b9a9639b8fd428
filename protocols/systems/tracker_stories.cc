// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/systems/tracker_stories.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "protocols/ppstp/protocol.h"
#include "protocols/reload/ppsp_usage.h"
#include "protocols/reload/protocol.h"
#include "protocols/systems/distributed_tracker.h"

namespace peerscope::systems {

using ppstp::SwarmAction;
using reload::DataModel;
using reload::StoredData;

std::string_view to_string(Step step) {
  static constexpr std::array<std::string_view, 13> kNames = {"PPSTP request",
                                                              "Store",
                                                              "copy for a replica",
                                                              "Fetch",
                                                              "Store of the status",
                                                              "stored",
                                                              "fetched",
                                                              "error of the overlay",
                                                              "PPSTP answer",
                                                              "AppAttach to the responsible tracker",
                                                              "where it takes requests",
                                                              "request to the responsible tracker",
                                                              "its answer"};
  return kNames[static_cast<std::size_t>(step)];
}

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;    // ns
constexpr std::int64_t kAfterwards = 5 * kSecond;  // what is not waited for comes by then
constexpr std::int64_t kForgotten = 60 * kSecond;  // a request that nobody answered
constexpr std::int64_t kCacheAge = 10 * kSecond;
constexpr std::int64_t kRemote = 30 * kSecond;  // how long a Fetch or Store shows that the swarm lies elsewhere
constexpr std::int64_t kTolerance = kSecond;
constexpr std::int64_t kPatience = 2 * kSecond;  // more than an answer takes
constexpr std::int64_t kStatusPause = 60 * kSecond;
constexpr std::uint32_t kNamedShards = 16;
constexpr std::size_t kMostWaitingHops = 64;
constexpr std::size_t kMostCandidates = 256;  // requests that are looked at for one message of the overlay

void add_hop(Story& story, const Hop& hop) {
  if (story.hops.size() >= Story::kMostHops) return;
  const auto at = std::upper_bound(story.hops.begin(), story.hops.end(), hop,
                                   [](const Hop& a, const Hop& b) { return a.frame < b.frame; });
  story.hops.insert(at, hop);
}

std::string action_of(const ppstp::Request& m) {
  std::string text = m.request_type.value_or("request");
  constexpr std::size_t kNamed = 3;
  if (m.connect) {
    for (std::size_t i = 0; i < std::min(m.connect->swarm_action.size(), kNamed); ++i) {
      const SwarmAction& one = m.connect->swarm_action[i];
      text += fmt::format(" {} {}", one.action.value_or("?"), one.swarm_id.value_or("?"));
    }
    if (m.connect->swarm_action.size() > kNamed) text += " ...";
  } else if (m.find) {
    text += " " + m.find->swarm_id.value_or("?");
  }
  return text + ", peer " + m.peer_id.value_or("?");
}

std::string ipv4_text(std::uint32_t address) {
  return fmt::format("{}.{}.{}.{}", address >> 24, address >> 16 & 0xff, address >> 8 & 0xff, address & 0xff);
}

bool is_ours(std::uint32_t kind) {
  return kind == reload::kPpspSwarmKind || kind == reload::kPpspPeerStatusKind;
}

// The shards in which a peer may be registered, whatever the overlay's number of them.
std::vector<std::uint32_t> shards_of(std::string_view peer_id) {
  std::vector<std::uint32_t> shards = {0};
  for (std::uint32_t count = 2; count <= reload::kMostPpspShards; count *= 2) {
    const std::uint32_t shard = reload::shard_of(peer_id, count);
    if (std::find(shards.begin(), shards.end(), shard) == shards.end()) shards.push_back(shard);
  }
  return shards;
}

// PPSTP's error for one of RELOAD's (section 1.4 of the profile); 0: none of them.
std::int64_t ppstp_error(std::uint16_t code) {
  switch (code) {
    case reload::kRequestTimeout:
    case reload::kTtlExceeded:
    case reload::kInProgress:
    case reload::kConfigTooOld:
    case reload::kConfigTooNew:
      return ppstp::kServiceUnavailable;
    case reload::kNotFound:
      return 0;
    default:
      return ppstp::kInternalServerError;
  }
}

}  // namespace

struct TrackerStories::Exchange {
  Step what = Step::kFetch;
  std::string resource;
  std::string swarm_id;
  std::string peer_id;  // in the key
  std::string node;     // of the connection tracker, as far as known
  bool exists = true;
  std::vector<Hop> hops;  // until the story is known
  std::shared_ptr<Story> story;
  std::int64_t sent_ns = 0;
  std::int64_t answered_ns = 0;  // at the connection tracker
  std::uint64_t sent_frame = 0;
  std::uint64_t error_frame = 0;
  std::uint16_t error = 0;
  StoredData value;  // that is stored, until the answer
  bool has_value = false;
  std::size_t index = 0;             // of the value in its message
  std::vector<std::string> fetched;  // a few of the peers
  std::size_t fetched_count = 0;
  bool judged_answer = false;
  bool noted = false;  // as a sign that the swarm is stored elsewhere
  // Peers that were fetched twice, at which addresses: the one that joined last, and the others.
  struct Twice {
    std::set<std::string> newest;
    std::set<std::string> older;
  };
  std::map<std::string, Twice> twice;
  std::map<std::string, std::pair<std::uint64_t, std::set<std::string>>> joined;  // while the answer is read
};

const Story* TrackerStories::Place::story(std::size_t index) const {
  if (request != nullptr) return index == 0 ? request.get() : nullptr;
  for (auto at = exchanges.begin(); at != exchanges.end(); ++at) {
    const Story* story = (*at)->story.get();
    const auto same = [story](const std::shared_ptr<Exchange>& other) { return other->story.get() == story; };
    if (story == nullptr || std::any_of(exchanges.begin(), at, same)) continue;
    if (index-- == 0) return story;
  }
  return nullptr;
}

class TrackerStories::Impl {
 public:
  Place look(const Protocol& protocol, const Message& message, const Message* request, std::vector<Finding>& findings) {
    findings_ = &findings;
    message_ = &message;
    now_ = message.time_ns;
    if (&protocol == &ppstp::protocol()) {
      if (const auto* asked = ppstp::request_of(message); asked != nullptr) return begin(*asked);
      const auto* asked = request != nullptr ? ppstp::request_of(*request) : nullptr;
      const auto* answer = ppstp::response_of(message);
      if (asked != nullptr && answer != nullptr) return end(*asked, *answer, *request);
    } else if (&protocol == &reload::protocol()) {
      return look_at_overlay();
    }
    return {};
  }
  std::string_view name_of(std::string_view resource) const {
    const auto at = names_.find(std::string(resource));
    return at == names_.end() ? std::string_view{} : std::string_view(at->second.text);
  }

 private:
  // A request that went on to the responsible tracker, and its answer.
  struct Passed {
    std::uint64_t frame = 0;
    std::string swarm_id;
    std::uint64_t answer_frame = 0;  // 0: none yet
    std::int64_t error = 0;
    std::size_t listed = 0;  // peers
  };
  // A request of a peer with what is needed to find and judge what it leads to.
  struct Open {
    std::shared_ptr<Story> story;
    std::string id;
    std::string server;  // endpoint
    std::string peer_id;
    std::vector<SwarmAction> actions;  // of a CONNECT; FIND: the swarm without action
    std::int64_t wanted = ppstp::kMostPeers;
    bool connect = false;
    bool report = false;
    std::vector<std::shared_ptr<Exchange>> exchanges;
    std::string tid;
    std::weak_ptr<Open> outer;                    // of a request that a tracker sent on
    std::vector<std::shared_ptr<Passed>> passed;  // what became of those, in their order
    std::shared_ptr<Passed> as_passed;
    bool concerns(std::string_view swarm) const {
      return std::any_of(actions.begin(), actions.end(), [&](const SwarmAction& one) { return one.swarm_id == swarm; });
    }
  };
  using OpenPtr = std::shared_ptr<Open>;
  using Exchanges = std::vector<std::shared_ptr<Exchange>>;  // of one journey
  struct Name {
    std::string text;
    std::string swarm_id;  // empty: a peer's
    std::uint32_t shard = 0;
  };
  // What the overlay holds, as accepted Stores show it.
  struct Entry {
    std::int64_t until_ns = 0;
    std::int64_t stored_ns = 0;
    std::uint64_t joined = 0;
    std::string value;
    std::string swarms;  // of a status: as encoded
  };

  // ---- PPSTP

  static std::string id_of(const Message& request, const ppstp::Request& m) {
    return fmt::format("{}\n{}\n{}\n{}", request.source, request.destination, m.peer_id.value_or(""),
                       m.transaction_id.value_or(""));
  }

  Place begin(const ppstp::Request& m) {
    if (!m.peer_id) return {};
    expire();
    auto open = std::make_shared<Open>();
    const OpenPtr outer = outer_of(m);
    if (outer == nullptr) {
      open->story = std::make_shared<Story>();
      Story& story = *open->story;
      story.action = action_of(m);
      story.request_frame = message_->frame;
      story.request_ns = now_;
      story.hops.push_back({message_->frame, now_, Step::kRequest});
    }
    open->server = message_->destination;
    open->peer_id = *m.peer_id;
    open->tid = m.transaction_id.value_or("");
    open->connect = m.connect.has_value();
    open->report = m.stat_report.has_value();
    if (m.connect) open->actions = m.connect->swarm_action;
    if (m.stat_report) {
      for (const ppstp::Stat& stat : m.stat_report->stat) open->actions.push_back({stat.swarm_id, {}, {}});
    }
    if (m.find && m.find->peer_num) open->wanted = m.find->peer_num->peer_count.value_or(open->wanted);
    if (m.find && m.find->swarm_id) open->actions.push_back({m.find->swarm_id, {}, {}});
    for (const SwarmAction& one : open->actions) {
      if (!one.swarm_id) continue;
      learn_swarm(*one.swarm_id);
      by_swarm_[*one.swarm_id].push_back(open);
      if (one.action == ppstp::kJoin) left_.erase({*one.swarm_id, *m.peer_id});
    }
    learn_peer(*m.peer_id);
    by_peer_[*m.peer_id].push_back(open);
    open->id = id_of(*message_, m);
    by_id_[open->id] = open;
    if (outer != nullptr) pass_on(*open, outer);
    recent_.push_back(std::move(open));
    return {recent_.back()->story, {}, outer != nullptr ? Step::kForwarded : Step::kRequest};
  }

  // The peer's request that this one is the continuation of.
  OpenPtr outer_of(const ppstp::Request& m) const {
    const std::string tid = m.transaction_id.value_or("");
    const auto at = by_peer_.find(*m.peer_id);
    const std::size_t slash = tid.rfind('/');
    if (at == by_peer_.end() || slash == std::string::npos) return nullptr;
    std::size_t looked = 0;
    for (auto one = at->second.rbegin(); one != at->second.rend() && looked < kMostCandidates; ++one, ++looked) {
      const Open& open = **one;
      if (open.as_passed == nullptr && open.story->answer_ns == 0 && open.server != message_->destination &&
          tid.compare(0, slash, open.tid) == 0)
        return *one;
    }
    return nullptr;
  }

  void pass_on(Open& open, const OpenPtr& outer) {
    constexpr std::size_t kMostPassed = 256;
    open.story = outer->story;
    open.outer = outer;
    open.as_passed = std::make_shared<Passed>();
    open.as_passed->frame = message_->frame;
    if (!open.actions.empty()) open.as_passed->swarm_id = open.actions.front().swarm_id.value_or("");
    if (outer->passed.size() < kMostPassed) outer->passed.push_back(open.as_passed);
    Story& story = *open.story;
    if (story.number == 0) story.number = ++stories_;
    if (story.overlay_ns == 0) story.overlay_ns = now_;
    add_hop(story, {message_->frame, now_, Step::kForwarded});
  }

  Place end_passed(const Open& open, const ppstp::Response& answer) {
    Passed& passed = *open.as_passed;
    Story& story = *open.story;
    if (passed.answer_frame == 0) {
      passed.answer_frame = message_->frame;
      passed.error = answer.response_type == ppstp::kSuccessful ? 0 : answer.error_code.value_or(-1);
      for (const ppstp::SwarmResult& result : answer.swarm_result) {
        if (result.swarm_id != passed.swarm_id) continue;
        if (result.result != ppstp::kSuccessful) passed.error = ppstp::kInternalServerError;
        if (result.peer_group) passed.listed = result.peer_group->peer_info.size();
      }
      add_hop(story, {message_->frame, now_, Step::kServed});
      if (story.answer_ns == 0) (open.connect ? story.stored_ns : story.fetched_ns) = now_;
    }
    return {open.story, {}, Step::kServed};
  }

  Place end(const ppstp::Request& asked, const ppstp::Response& answer, const Message& request) {
    const auto at = by_id_.find(id_of(request, asked));
    if (at == by_id_.end()) return {};
    const OpenPtr open = at->second;
    if (open->as_passed != nullptr) return end_passed(*open, answer);
    Story& story = *open->story;
    if (story.answer_ns == 0) {
      story.answer_ns = now_;
      story.answer_frame = message_->frame;
      add_hop(story, {message_->frame, now_, Step::kAnswer});
      judge(*open, answer);
    }
    return {open->story, {}, Step::kAnswer};
  }

  void expire() {
    while (!recent_.empty()) {
      const Story& oldest = *recent_.front()->story;
      const bool over =
          oldest.answer_ns != 0 ? now_ - oldest.answer_ns > kAfterwards : now_ - oldest.request_ns > kForgotten;
      if (!over && recent_.size() < kMostOpen) return;
      forget(recent_.front());
      recent_.pop_front();
    }
  }
  void forget(const OpenPtr& open) {
    const auto drop = [&](auto& table, const std::string& key) {
      const auto at = table.find(key);
      if (at == table.end()) return;
      const auto place = std::find(at->second.begin(), at->second.end(), open);  // the oldest stand in front
      if (place != at->second.end()) at->second.erase(place);
      if (at->second.empty()) table.erase(at);
    };
    drop(by_peer_, open->peer_id);
    for (const SwarmAction& one : open->actions) {
      if (one.swarm_id) drop(by_swarm_, *one.swarm_id);
    }
    const auto same = by_id_.find(open->id);
    if (same != by_id_.end() && same->second == open) by_id_.erase(same);
  }

  // ---- names

  void learn_swarm(const std::string& swarm_id) {
    if (swarms_.size() < kMostNames && swarms_.insert(swarm_id).second) new_swarms_.push_back(swarm_id);
  }
  void learn_peer(const std::string& peer_id) {
    if (peers_.size() < kMostNames && peers_.insert(peer_id).second) new_peers_.push_back(peer_id);
  }
  void name_shard(const std::string& swarm_id, std::uint32_t shard) {
    if (names_.size() < kMostNames * 4)
      names_.try_emplace(reload::swarm_resource(swarm_id, shard),
                         Name{fmt::format("swarm {}, shard {}", swarm_id, shard), swarm_id, shard});
  }
  // Hashing waits until there is an overlay: a capture of PPSTP alone costs nothing.
  void hash_names() {
    for (const std::string& swarm_id : new_swarms_) {
      for (std::uint32_t shard = 0; shard < kNamedShards; ++shard) name_shard(swarm_id, shard);
    }
    for (const std::string& peer_id : new_peers_) {
      if (names_.size() < kMostNames * 4)
        names_.try_emplace(reload::peer_resource(peer_id), Name{"peer " + peer_id, {}, 0});
    }
    new_swarms_.clear();
    new_peers_.clear();
  }
  std::string swarm_at(const std::string& resource) const {
    const auto at = names_.find(resource);
    return at == names_.end() ? std::string() : at->second.swarm_id;
  }

  // ---- RELOAD

  Place look_at_overlay() {
    const reload::Packet* packet = reload::packet_of(*message_);
    if (packet == nullptr || packet->is_ack() || packet->forwarding.is_fragment()) return {};
    const bool request = message_->direction == Direction::kRequest;
    const bool asks = std::holds_alternative<reload::StoreReq>(packet->contents.body) ||
                      std::holds_alternative<reload::FetchReq>(packet->contents.body) || is_attach(*packet);
    if (request ? !asks : exchanges_.empty()) return {};  // most of what an overlay says
    const std::string id = reload::protocol().journey_id(*message_);
    const auto known = exchanges_.find(id);
    if (known != exchanges_.end()) return go_on(known->second, *packet);
    if (!request) return {};
    Exchanges exchanges = exchanges_of(*packet);
    if (exchanges.empty()) return {};
    if (exchange_count_ + exchanges.size() > kMostExchanges) {
      exchanges_.clear();
      exchange_count_ = 0;
    }
    exchange_count_ += exchanges.size();
    exchanges_.emplace(id, exchanges);
    for (const auto& exchange : exchanges) {
      exchange->sent_ns = now_;
      exchange->sent_frame = message_->frame;
    }
    judge_request(exchanges);
    return go_on(exchanges, *packet);
  }

  static bool is_attach(const reload::Packet& packet) {
    const auto* attach = std::get_if<reload::AppAttachReq>(&packet.contents.body);
    const auto& to = packet.forwarding.destination_list;
    return attach != nullptr && attach->application == reload::kPpstpApplication && !to.empty() &&
           to.back().type == reload::kResourceDestination;
  }

  // Empty for a request that has nothing to do with peers and swarms; else at least one.
  Exchanges exchanges_of(const reload::Packet& packet) {
    const auto* store = std::get_if<reload::StoreReq>(&packet.contents.body);
    const auto* fetch = std::get_if<reload::FetchReq>(&packet.contents.body);
    const bool attach = is_attach(packet);
    if (store == nullptr && fetch == nullptr && !attach) return {};
    hash_names();
    auto exchange = std::make_shared<Exchange>();
    exchange->resource = attach             ? packet.forwarding.destination_list.back().id
                         : store != nullptr ? store->resource
                                            : fetch->resource;
    exchange->swarm_id = swarm_at(exchange->resource);
    if (attach) {
      exchange->what = Step::kAttach;
      return {exchange};
    }
    note_shard(exchange->resource);
    if (fetch != nullptr) {
      const bool ours = std::any_of(fetch->specifiers.begin(), fetch->specifiers.end(),
                                    [](const auto& one) { return is_ours(one.kind); });
      if (!ours && exchange->swarm_id.empty()) return {};
      return {exchange};
    }
    exchange->what = store->replica_number == 0 ? Step::kStore : Step::kCopy;
    return exchanges_of(*store, *exchange);
  }

  // Registrations that arrive together are stored together: one exchange for each value.
  Exchanges exchanges_of(const reload::StoreReq& store, const Exchange& common) {
    constexpr std::size_t kMostValues = 64;
    Exchanges exchanges;
    bool ours = !common.swarm_id.empty();
    for (const reload::StoreKindData& data : store.kind_data) {
      if (!is_ours(data.kind)) continue;
      ours = true;
      for (const StoredData& value : data.values) {
        if (exchanges.size() >= kMostValues) break;
        auto exchange = std::make_shared<Exchange>(common);
        exchange->index = exchanges.size();
        if (data.kind == reload::kPpspPeerStatusKind && store.replica_number == 0) exchange->what = Step::kStatus;
        take_value(*exchange, value);
        exchanges.push_back(std::move(exchange));
      }
    }
    if (ours && exchanges.empty()) exchanges.push_back(std::make_shared<Exchange>(common));
    return exchanges;
  }

  void take_value(Exchange& exchange, const StoredData& value) {
    constexpr std::size_t kLargest = 4096;  // bytes; the Kinds have a few hundred
    if (value.value.size() + value.key.size() > kLargest) return;
    exchange.has_value = exchange.what != Step::kCopy;
    if (exchange.has_value) exchange.value = value;
    exchange.exists = value.exists;
    const std::size_t length = node_id_length();
    if (value.key.size() < length) return;
    exchange.node = value.key.substr(0, length);
    exchange.peer_id = value.key.substr(length);
    if (value.kind == reload::kPpspPeerStatusKind) {
      const auto at = names_.find(exchange.resource);
      constexpr std::size_t kPrefix = 5;  // "peer "
      if (at != names_.end() && at->second.swarm_id.empty()) exchange.peer_id = at->second.text.substr(kPrefix);
      return;
    }
    reload::SwarmEntry entry;
    if (!exchange.swarm_id.empty() || !read(value, entry)) return;
    learn_swarm(entry.swarm_id);
    for (const std::uint32_t shard : shards_of(exchange.peer_id)) name_shard(entry.swarm_id, shard);
    hash_names();
    exchange.swarm_id = swarm_at(exchange.resource);
    note_shard(exchange.resource);
  }
  // The number of shards is a power of two above each of them.
  void note_shard(const std::string& resource) {
    const auto at = names_.find(resource);
    while (at != names_.end() && at->second.shard >= shards_ && shards_ < reload::kMostPpspShards) shards_ *= 2;
  }

  std::size_t node_id_length() const {
    const auto* context = static_cast<const reload::Context*>(message_->context);
    return context != nullptr && context->node_id_length != 0 ? context->node_id_length : reload::kDefaultNodeIdLength;
  }
  template <class T>
  static bool read(const StoredData& value, T& out) {
    reload::KindValue whole{value.kind, true, {}};
    if (!value.exists || !reload::decode_part(value.value, whole) || !std::holds_alternative<T>(whole.value))
      return false;
    out = std::get<T>(std::move(whole.value));
    return true;
  }

  // One more hop of a journey: a request on its way, or an answer.
  Place go_on(const Exchanges& exchanges, const reload::Packet& packet) {
    for (const auto& exchange : exchanges) go_on(exchange, packet);
    return {nullptr, exchanges, step_of(*exchanges.front(), packet)};
  }
  void go_on(const std::shared_ptr<Exchange>& exchange, const reload::Packet& packet) {
    learn_node(*exchange, packet.forwarding);
    const bool original = exchange->what == Step::kStore || exchange->what == Step::kFetch;
    if (original && !exchange->noted && !exchange->node.empty()) {
      exchange->noted = true;
      note(remote_, exchange->node, exchange->resource);
    }
    if (message_->direction == Direction::kResponse) take_answer(*exchange, packet);
    // Who makes copies is responsible now, as its neighbour may have been before it died.
    const bool asks = message_->direction == Direction::kRequest;
    if (asks && exchange->what == Step::kCopy && packet.forwarding.via_list.empty()) is_here(exchange->resource);
    const Hop hop{message_->frame, now_, step_of(*exchange, packet)};
    if (exchange->story != nullptr) {
      add_hop(*exchange->story, hop);
      note_times(*exchange);
    } else {
      if (exchange->hops.size() < kMostWaitingHops) exchange->hops.push_back(hop);
      attach(exchange);
    }
  }

  // At whoever sent the message: what it stores there itself goes over no link.
  void is_here(const std::string& resource) {
    if (const auto owner = nodes_.find(message_->source); owner != nodes_.end())
      remote_.erase({owner->second, resource});
  }

  static Step step_of(const Exchange& exchange, const reload::Packet& packet) {
    if (std::holds_alternative<reload::StoreAns>(packet.contents.body)) return Step::kStored;
    if (std::holds_alternative<reload::FetchAns>(packet.contents.body)) return Step::kFetched;
    if (std::holds_alternative<reload::ErrorResponse>(packet.contents.body)) return Step::kError;
    if (std::holds_alternative<reload::AppAttachAns>(packet.contents.body)) return Step::kAttached;
    return exchange.what;
  }

  // Whoever asks is the first of the Via List, or the last that an answer goes to, and then it is at that end of the
  // link.
  void learn_node(Exchange& exchange, const reload::ForwardingHeader& header) {
    const bool answer = message_->direction == Direction::kResponse;
    const auto& list = answer ? header.destination_list : header.via_list;
    if (list.empty()) {
      const auto at = nodes_.find(message_->source);
      if (!answer && exchange.node.empty() && at != nodes_.end()) exchange.node = at->second;
      return;
    }
    const reload::Destination& asker = answer ? list.back() : list.front();
    if (asker.type != reload::kNodeDestination) return;
    if (exchange.node.empty() || exchange.what == Step::kFetch) exchange.node = asker.id;
    if (answer && list.size() == 1 && nodes_.size() < kMostNames) nodes_[message_->destination] = asker.id;
  }

  void take_answer(Exchange& exchange, const reload::Packet& packet) {
    if (packet.forwarding.destination_list.size() <= 1) exchange.answered_ns = now_;
    if (exchange.judged_answer) return;
    exchange.judged_answer = true;
    if (const auto* error = std::get_if<reload::ErrorResponse>(&packet.contents.body); error != nullptr) {
      exchange.error = error->code;
      exchange.error_frame = message_->frame;
      if (exchange.what == Step::kFetch && error->code == reload::kResponseTooLarge)
        report("SD-DT-16", message_->first(reload::kErrorCode), "a shard is too large to be fetched");
      return;
    }
    if (const auto* fetched = std::get_if<reload::FetchAns>(&packet.contents.body); fetched != nullptr) {
      // Who answers is responsible, also when another was before.
      is_here(exchange.resource);
      // One Fetch may serve several requests of that moment, whichever is answered first.
      if (!exchange.node.empty() && !exchange.swarm_id.empty()) note(fetched_, exchange.node, exchange.swarm_id);
      if (!exchange.node.empty()) note(fetched_shards_, exchange.node, exchange.resource);
      judge_fetched(exchange, *fetched);
      exchange.joined.clear();
    } else if (exchange.what == Step::kStore || exchange.what == Step::kStatus) {
      if (exchange.has_value) remember(exchange, exchange.value);
      exchange.value = StoredData();
    }
  }

  void remember(const Exchange& exchange, const StoredData& value) {
    if (entries_.size() >= kMostEntries) entries_.clear();
    const std::string place = exchange.resource + value.key;
    if (!value.exists) {
      entries_.erase(place);
      return;
    }
    if (!exchange.swarm_id.empty()) note_latest(exchange.swarm_id, exchange.peer_id, exchange.node);
    Entry& entry = entries_[place];
    entry = {now_ + static_cast<std::int64_t>(value.lifetime) * kSecond, now_, 0, value.value, {}};
    if (reload::SwarmEntry swarm; read(value, swarm)) entry.joined = swarm.joined;
    if (reload::PeerStatus status; read(value, status)) entry.swarms = swarms_of(status);
  }
  void note_latest(const std::string& swarm_id, const std::string& peer_id, const std::string& node) {
    if (latest_.size() >= kMostEntries) latest_.clear();
    latest_[{swarm_id, peer_id}] = node;
  }
  static std::string swarms_of(const reload::PeerStatus& status) {
    std::string out;
    for (const reload::SwarmRef& one : status.swarms) out += fmt::format("{}/{}\n", one.swarm_id, one.mode);
    return out;
  }

  // ---- which story an exchange belongs to

  bool is_open(const Open& open) const {
    return open.story->answer_ns == 0 || now_ - open.story->answer_ns <= kAfterwards;
  }
  // 2: the server's node, 1: it may be, 0: another's.
  int fit(const Open& open, const Exchange& exchange) const {
    const auto at = servers_.find(open.server);
    if (at == servers_.end() || exchange.node.empty()) return 1;
    return at->second == exchange.node ? 2 : 0;
  }

  void attach(const std::shared_ptr<Exchange>& exchange) {
    const bool fetch = exchange->what == Step::kFetch || exchange->what == Step::kAttach;
    const auto& table = fetch ? by_swarm_ : by_peer_;
    const auto at = table.find(fetch ? exchange->swarm_id : exchange->peer_id);
    if (at == table.end()) return;
    OpenPtr best;
    int best_fit = 0;
    std::size_t best_count = 0;
    std::size_t looked = 0;
    for (auto one = at->second.rbegin(); one != at->second.rend() && looked < kMostCandidates; ++one, ++looked) {
      const Open& open = **one;
      if (!is_open(open) || open.story->request_ns > exchange->sent_ns) continue;
      if (fetch && open.story->answer_ns != 0 && open.story->answer_ns < exchange->sent_ns) continue;
      // The peer's own tracker attaches, and stores its status.
      const bool first_hand = exchange->what == Step::kAttach || exchange->what == Step::kStatus;
      if (first_hand && open.as_passed != nullptr) continue;
      if (!fetch && !exchange->swarm_id.empty() && !open.report && !open.concerns(exchange->swarm_id)) continue;
      const int how = fit(open, *exchange);
      if (how == 0 || how < best_fit) continue;
      best_count = how > best_fit ? 1 : best_count + 1;
      if (how > best_fit) best = *one;
      best_fit = how;
    }
    // Several requests of servers whose nodes are not known: a later hop may tell.
    if (best == nullptr || (fetch && best_fit == 1 && best_count > 1)) return;
    join(best, exchange);
  }

  void join(const OpenPtr& open, const std::shared_ptr<Exchange>& exchange) {
    exchange->story = open->story;
    open->exchanges.push_back(exchange);
    if (!exchange->node.empty() && servers_.size() < kMostNames) servers_.try_emplace(open->server, exchange->node);
    Story& story = *open->story;
    if (story.number == 0) story.number = ++stories_;
    for (const Hop& hop : exchange->hops) add_hop(story, hop);
    exchange->hops.clear();
    note_times(*exchange);
  }

  static void note_times(const Exchange& exchange) {
    Story& story = *exchange.story;
    if (story.overlay_ns == 0) story.overlay_ns = exchange.sent_ns;
    const bool in_time = story.answer_ns == 0 || exchange.answered_ns <= story.answer_ns;
    if (exchange.answered_ns == 0 || !in_time) return;
    if (exchange.what == Step::kStore) story.stored_ns = std::max(story.stored_ns, exchange.answered_ns);
    if (exchange.what == Step::kFetch) story.fetched_ns = std::max(story.fetched_ns, exchange.answered_ns);
  }

  using Times = std::map<std::pair<std::string, std::string>, std::int64_t>;
  void note(Times& times, const std::string& a, const std::string& b) {
    if (times.size() >= kMostEntries) times.clear();
    times[{a, b}] = now_;
  }

  // ---- judging

  void report(const char* id, const Event* event, std::string detail) {
    for (const Requirement& rule : distributed_tracker().requirements) {
      if (std::string_view(rule.id) != id) continue;
      findings_->push_back({&rule, rule.severity, event != nullptr ? event->offset : 0,
                            event != nullptr ? event->length : 0, std::move(detail)});
    }
  }

  // The field as it is in the exchange's own value: a Store may have several.
  const Event* of_value(const Exchange& exchange, const Field& field) const {
    std::size_t left = exchange.index;
    for (const Event& event : message_->events) {
      if (event.field == &field && left-- == 0) return &event;
    }
    return message_->first(field);
  }

  void judge_request(const Exchanges& exchanges);
  void judge_value(const Exchange& exchange, const StoredData& value);
  void judge_place(const Exchange& exchange, const reload::SwarmEntry& entry);
  void judge_refresh(const Exchange& exchange, const StoredData& value);
  void judge_fetched(Exchange& exchange, const reload::FetchAns& fetched);
  void judge(const Open& open, const ppstp::Response& answer);
  void judge_action(const Open& open, const SwarmAction& action, const ppstp::Response& answer);
  void judge_failure(const Open& open, const ppstp::Response& answer);
  void judge_order(const Open& open);
  void judge_list(const Open& open, const ppstp::SwarmResult& result);
  void judge_source(const Open& open, const ppstp::SwarmResult& result);
  void judge_shards(const Open& open, const ppstp::SwarmResult& result);
  bool is_left_out(const Open& open, const std::string& node, const std::string& resource) const;
  std::string_view missing_from(const Open& open, const ppstp::SwarmResult& result, const std::string& node,
                                const std::string& resource) const;
  void judge_service(const Open& open, const ppstp::Response& answer);
  static const Passed* last_passed(const Open& open, std::string_view swarm_id);
  const Event* result_event(std::string_view swarm_id) const;
  bool is_remote(const Open& open, const std::string& swarm_id) const;
  bool has_entry(const Open& open, const std::string& swarm_id) const;
  static bool stores_another(const Open& open, std::string_view swarm_id);
  static bool is_asked_for(const Open& open, const Exchange& exchange);
  void judge_reports(const Open& open);
  void note_addresses(Exchange& exchange, const StoredData& value);
  bool is_old_address(const Open& open, const ppstp::PeerInfo& info) const;

  std::vector<Finding>* findings_ = nullptr;  // of the message that is looked at
  const Message* message_ = nullptr;
  std::int64_t now_ = 0;

  std::uint32_t stories_ = 0;
  std::uint32_t shards_ = 1;    // as far as seen
  std::deque<OpenPtr> recent_;  // in the order of their requests
  std::unordered_map<std::string, OpenPtr> by_id_;
  std::unordered_map<std::string, std::deque<OpenPtr>> by_peer_;
  std::unordered_map<std::string, std::deque<OpenPtr>> by_swarm_;
  std::unordered_map<std::string, Exchanges> exchanges_;  // by Protocol::journey_id
  std::size_t exchange_count_ = 0;
  std::unordered_set<std::string> swarms_;
  std::unordered_set<std::string> peers_;
  std::vector<std::string> new_swarms_;  // not hashed yet
  std::vector<std::string> new_peers_;
  std::unordered_map<std::string, Name> names_;                        // by Resource-ID
  std::unordered_map<std::string, std::string> nodes_;                 // Node-ID by the endpoint of its link
  std::unordered_map<std::string, std::string> servers_;               // Node-ID by the PPSTP server's endpoint
  std::map<std::string, Entry> entries_;                               // by Resource-ID and key, one after the other
  std::map<std::pair<std::string, std::string>, std::string> latest_;  // swarm and peer: node that stored it last
  Times remote_;                                                       // node and resource: last asked over a link
  Times fetched_;                                                      // node and swarm: last FetchAns
  Times fetched_shards_;                                               // node and resource: the same
  Times left_;                                                         // swarm and peer: OK of the LEAVE
};

// ---- what a tracker asks of the overlay

void TrackerStories::Impl::judge_request(const Exchanges& exchanges) {
  const auto* store = reload::body_of<reload::StoreReq>(*message_);
  if (store == nullptr || store->replica_number != 0) return;
  std::size_t next = 0;  // exchange, in the order of the values
  for (const reload::StoreKindData& data : store->kind_data) {
    const auto at = names_.find(store->resource);
    const std::uint32_t wanted = at == names_.end()            ? data.kind
                                 : at->second.swarm_id.empty() ? reload::kPpspPeerStatusKind
                                                               : reload::kPpspSwarmKind;
    if (data.kind != wanted)
      report(
          "SD-DT-02", message_->first(reload::kStoreKind),
          fmt::format("Kind {:#x} at the Resource-ID of {}, where {:#x} belongs", data.kind, at->second.text, wanted));
    if (!is_ours(data.kind)) continue;
    for (const StoredData& value : data.values) {
      if (next < exchanges.size()) judge_value(*exchanges[next++], value);
    }
  }
}

void TrackerStories::Impl::judge_value(const Exchange& exchange, const StoredData& value) {
  const bool swarm = value.kind == reload::kPpspSwarmKind;
  const Event* key = of_value(exchange, reload::kKey);
  const bool fits = reload::is_ppsp_key(value.kind, value.key.size(), node_id_length());
  if (!fits)
    report("SD-DT-07", key,
           fmt::format("a key of {} bytes; it is the tracker's Node-ID{}", value.key.size(),
                       swarm ? " and the peer ID" : " alone"));
  judge_refresh(exchange, value);
  if (!value.exists) return;
  reload::SwarmEntry entry;
  reload::PeerStatus status;
  if (!(swarm ? read(value, entry) : read(value, status)))
    return report("SD-DT-18", of_value(exchange, reload::kValue), "the value does not read as the profile's structure");
  if (!swarm || entry.entry_version != reload::kStatusVersion) return;
  if (fits && value.key.substr(node_id_length()) != entry.peer_id)
    report("SD-DT-07", key, fmt::format("the key does not end with the entry's peer ID {}", entry.peer_id));
  judge_place(exchange, entry);
}

void TrackerStories::Impl::judge_place(const Exchange& exchange, const reload::SwarmEntry& entry) {
  const Event* place = message_->first(reload::kStoreResource);
  for (const std::uint32_t shard : shards_of(entry.peer_id)) {
    if (reload::swarm_resource(entry.swarm_id, shard) == exchange.resource) return;
  }
  constexpr std::uint32_t kTried = 256;
  for (std::uint32_t shard = 1; shard < kTried; ++shard) {
    if (reload::swarm_resource(entry.swarm_id, shard) != exchange.resource) continue;
    return report(
        "SD-DT-15", place,
        fmt::format("shard {} of swarm {}; the hash of {} never chooses it", shard, entry.swarm_id, entry.peer_id));
  }
  report("SD-DT-02", place, fmt::format("the Resource-ID is not that of swarm {}", entry.swarm_id));
}

void TrackerStories::Impl::judge_refresh(const Exchange& exchange, const StoredData& value) {
  const auto at = entries_.find(exchange.resource + value.key);
  if (at == entries_.end() || !value.exists) return;
  const Entry& before = at->second;
  if (value.kind == reload::kPpspPeerStatusKind) {
    reload::PeerStatus status;
    const bool same = read(value, status) && swarms_of(status) == before.swarms;
    if (same && now_ - before.stored_ns < kStatusPause - kTolerance)
      report("SD-DT-19", message_->first(reload::kStoreKind),
             fmt::format("the status is stored again after {} s", (now_ - before.stored_ns) / kSecond));
    return;
  }
  const auto peer = by_peer_.find(exchange.peer_id);
  const bool asked =
      peer != by_peer_.end() && std::any_of(peer->second.begin(), peer->second.end(), [&](const auto& one) {
        return one->connect && is_open(*one) && one->concerns(exchange.swarm_id);
      });
  const std::int64_t left = before.until_ns - now_;
  const std::int64_t half = static_cast<std::int64_t>(value.lifetime) * kSecond / 2;
  if (!asked && value.value == before.value && left > half + kTolerance)
    report("SD-DT-09", of_value(exchange, reload::kLifetime),
           fmt::format("stored again with {} s of {} s left", left / kSecond, value.lifetime));
}

// ---- what the overlay answers

// Values are few, but a stranger says how many.
void TrackerStories::Impl::note_addresses(Exchange& exchange, const StoredData& value) {
  constexpr std::size_t kMostPeers = 256;
  reload::SwarmEntry entry;
  if (exchange.joined.size() >= kMostPeers || !read(value, entry)) return;
  std::set<std::string> addresses;
  for (const reload::PpspAddr& addr : entry.addrs)
    addresses.insert(fmt::format("{}:{}", ipv4_text(addr.address.ipv4), addr.address.port));
  auto [at, fresh] = exchange.joined.try_emplace(entry.peer_id, entry.joined, addresses);
  if (fresh || entry.joined > at->second.first)
    note_latest(entry.swarm_id, entry.peer_id, value.key.substr(0, node_id_length()));
  if (fresh) return;
  auto& [joined, newest] = at->second;
  Exchange::Twice& twice = exchange.twice[entry.peer_id];
  if (entry.joined > joined) {
    twice.older.insert(newest.begin(), newest.end());
    joined = entry.joined;
    newest = addresses;
  } else if (entry.joined < joined) {
    twice.older.insert(addresses.begin(), addresses.end());
  }
  twice.newest = newest;
}

bool TrackerStories::Impl::is_old_address(const Open& open, const ppstp::PeerInfo& info) const {
  if (!info.peer_addr || !info.peer_addr->ip_address || !info.peer_addr->ip_address->address || !info.peer_addr->port)
    return false;
  const std::string address = fmt::format("{}:{}", *info.peer_addr->ip_address->address, *info.peer_addr->port);
  return std::any_of(open.exchanges.begin(), open.exchanges.end(), [&](const auto& exchange) {
    const auto at = exchange->twice.find(*info.peer_id);
    return at != exchange->twice.end() && at->second.older.contains(address) && !at->second.newest.contains(address);
  });
}

void TrackerStories::Impl::judge_fetched(Exchange& exchange, const reload::FetchAns& fetched) {
  constexpr std::size_t kKept = 2;  // one of them is not the peer that asks
  for (const reload::FetchKindResponse& response : fetched.kind_responses) {
    if (response.kind != reload::kPpspSwarmKind) continue;
    for (const StoredData& value : response.values) {
      const auto parts = reload::read_swarm_key(value.key, node_id_length());
      if (value.exists && parts) {
        ++exchange.fetched_count;
        const bool fresh = exchange.fetched.empty() || exchange.fetched.front() != parts->peer_id;
        if (fresh && exchange.fetched.size() < kKept) exchange.fetched.emplace_back(parts->peer_id);
      }
      note_addresses(exchange, value);
      const auto at = entries_.find(exchange.resource + value.key);
      if (value.exists && at != entries_.end() && at->second.until_ns + kAfterwards < now_)
        report("SD-DT-12", message_->first(reload::kFetchValue),
               fmt::format("an entry whose lifetime ended {} s ago", (now_ - at->second.until_ns) / kSecond));
    }
  }
}

// ---- what the peer is answered

const Event* TrackerStories::Impl::result_event(std::string_view swarm_id) const {
  for (const Event& event : message_->events) {
    if (event.field == &ppstp::kSwarmId && event.text == swarm_id) return &event;
  }
  const Event* error = message_->first(ppstp::kErrorCode);
  return error != nullptr ? error : message_->first(ppstp::kResponseType);
}

// Whether the swarm is stored at another node than the server's: then what is done with it is seen on a link.
bool TrackerStories::Impl::is_remote(const Open& open, const std::string& swarm_id) const {
  const auto node = servers_.find(open.server);
  if (node == servers_.end()) return false;
  const auto at =
      remote_.find({node->second, reload::swarm_resource(swarm_id, reload::shard_of(open.peer_id, shards_))});
  return at != remote_.end() && now_ - at->second <= kRemote;
}

// What is over already need not be removed.
bool TrackerStories::Impl::has_entry(const Open& open, const std::string& swarm_id) const {
  const auto node = servers_.find(open.server);
  if (node == servers_.end()) return false;
  const auto at = entries_.find(reload::swarm_resource(swarm_id, reload::shard_of(open.peer_id, shards_)) +
                                node->second + open.peer_id);
  return at != entries_.end() && at->second.until_ns > now_;
}

// What a tracker stores itself shows by its copies.
bool TrackerStories::Impl::stores_another(const Open& open, std::string_view swarm_id) {
  return std::any_of(open.exchanges.begin(), open.exchanges.end(), [&](const auto& exchange) {
    return (exchange->what == Step::kStore || exchange->what == Step::kCopy) && exchange->swarm_id != swarm_id;
  });
}

void TrackerStories::Impl::judge(const Open& open, const ppstp::Response& answer) {
  if (!message_->whole()) return;
  if (!open.passed.empty()) judge_service(open, answer);
  if (open.connect) {
    for (const SwarmAction& action : open.actions) judge_action(open, action, answer);
    judge_failure(open, answer);
    judge_order(open);
  }
  if (answer.response_type != ppstp::kSuccessful) return;
  if (open.report) judge_reports(open);
  for (const ppstp::SwarmResult& result : answer.swarm_result) {
    if (!result.swarm_id || result.result != ppstp::kSuccessful) continue;
    judge_list(open, result);
    judge_source(open, result);
    if (!open.connect && shards_ > 1) judge_shards(open, result);
  }
}

void TrackerStories::Impl::judge_action(const Open& open, const SwarmAction& action, const ppstp::Response& answer) {
  if (!action.swarm_id || !action.action || answer.response_type != ppstp::kSuccessful) return;
  for (const ppstp::SwarmResult& result : answer.swarm_result) {
    if (result.swarm_id == action.swarm_id && result.result != ppstp::kSuccessful) return;
  }
  const std::string& swarm = *action.swarm_id;
  const bool join = action.action == ppstp::kJoin;
  if (!join) note(left_, swarm, open.peer_id);
  const Exchange* sent = nullptr;  // the last one without an answer, or with an error
  for (const auto& exchange : open.exchanges) {
    if (exchange->what != Step::kStore || exchange->swarm_id != swarm || exchange->exists != join) continue;
    if (exchange->answered_ns != 0 && exchange->error == 0) return;  // as it should be
    sent = exchange.get();
  }
  if (sent == nullptr && last_passed(open, swarm) != nullptr) return;
  const char* step = join ? "SD-DT-03" : "SD-DT-10";
  const Event* place = result_event(swarm);
  if (sent != nullptr && sent->error != 0)
    report("SD-DT-04", place,
           fmt::format("the Store in frame {} failed with {} in frame {}, the answer says success", sent->sent_frame,
                       value_name(reload::kErrorCode, sent->error), sent->error_frame));
  else if (sent != nullptr)
    report(step, place, fmt::format("the Store in frame {} was not answered before", sent->sent_frame));
  else if (is_remote(open, swarm) && (join || has_entry(open, swarm)))
    report(!join                         ? "SD-DT-10"
           : stores_another(open, swarm) ? "SD-DT-13"
                                         : "SD-DT-02",
           place,
           fmt::format("answered without a Store that {} {} of swarm {}", join ? "registers" : "removes", open.peer_id,
                       swarm));
}

// An error that is not that of the profile's table, where one Store failed and nothing else can be meant.
void TrackerStories::Impl::judge_failure(const Open& open, const ppstp::Response& answer) {
  if (answer.response_type != ppstp::kFailed || !answer.error_code || open.actions.size() != 1) return;
  const Exchange* failed = nullptr;
  const Exchange* silent = nullptr;
  for (const auto& exchange : open.exchanges) {
    if (exchange->what != Step::kStore) continue;
    if (exchange->error != 0) failed = exchange.get();
    if (exchange->answered_ns == 0 && now_ - exchange->sent_ns >= kPatience) silent = exchange.get();
  }
  if (failed == nullptr && silent != nullptr && *answer.error_code == ppstp::kInternalServerError)
    report("SD-DT-04", message_->first(ppstp::kErrorCode),
           fmt::format("error {}, though nobody answered the Store in frame {}; the profile says {}",
                       *answer.error_code, silent->sent_frame, static_cast<int>(ppstp::kServiceUnavailable)));
  if (failed == nullptr) return;
  const std::int64_t expected = ppstp_error(failed->error);
  if (expected != 0 && *answer.error_code != expected)
    report("SD-DT-04", message_->first(ppstp::kErrorCode),
           fmt::format("error {} for {} in frame {}; the profile says {}", *answer.error_code,
                       value_name(reload::kErrorCode, failed->error), failed->error_frame, expected));
}

// Not what undoes a registration that was refused elsewhere.
bool TrackerStories::Impl::is_asked_for(const Open& open, const Exchange& exchange) {
  return std::any_of(open.actions.begin(), open.actions.end(), [&](const SwarmAction& action) {
    return action.swarm_id == exchange.swarm_id && (action.action == ppstp::kJoin) == exchange.exists;
  });
}

void TrackerStories::Impl::judge_order(const Open& open) {
  const Exchange* first = nullptr;
  for (const auto& exchange : open.exchanges) {
    if (exchange->what != Step::kStore || exchange->error != 0 || !is_asked_for(open, *exchange)) continue;
    if (first == nullptr) {
      first = exchange.get();
    } else if (exchange->swarm_id != first->swarm_id && first->answered_ns != 0 &&
               exchange->sent_ns > first->answered_ns) {
      return report("SD-DT-13", message_->first(ppstp::kSwarmResult),
                    fmt::format("the Store in frame {} waited for the answer to that in frame {}", exchange->sent_frame,
                                first->sent_frame));
    }
  }
}

// A peer that reports is there: its entries must not have run out.
void TrackerStories::Impl::judge_reports(const Open& open) {
  const auto node = servers_.find(open.server);
  if (node == servers_.end()) return;
  for (const SwarmAction& one : open.actions) {
    if (!one.swarm_id) continue;
    const auto entry = entries_.find(reload::swarm_resource(*one.swarm_id, reload::shard_of(open.peer_id, shards_)) +
                                     node->second + open.peer_id);
    if (entry != entries_.end() && entry->second.until_ns + kTolerance < open.story->request_ns)
      report("SD-DT-09", result_event(*one.swarm_id),
             fmt::format("the entry of {} in swarm {} ran out {} s ago", open.peer_id, *one.swarm_id,
                         (now_ - entry->second.until_ns) / kSecond));
  }
}

// ---- lists of peers

void TrackerStories::Impl::judge_list(const Open& open, const ppstp::SwarmResult& result) {
  if (!result.peer_group || !servers_.contains(open.server)) return;
  const std::string& node = servers_.at(open.server);
  const Event* place = result_event(*result.swarm_id);
  std::unordered_set<std::string_view> seen;
  bool others = false;
  bool told = false;
  for (const ppstp::PeerInfo& info : result.peer_group->peer_info) {
    if (!info.peer_id) continue;
    const std::string& peer = *info.peer_id;
    if (is_old_address(open, info))
      report("SD-DT-14", place, fmt::format("{} is listed at an address that it left", peer));
    if (!seen.insert(peer).second) report("SD-DT-14", place, fmt::format("{} is in the list twice", peer));
    const auto left = left_.find({*result.swarm_id, peer});
    if (left != left_.end() && now_ - left->second > kCacheAge + kTolerance)
      report("SD-DT-11", place, fmt::format("{} left {} s ago", peer, (now_ - left->second) / kSecond));
    const auto at = latest_.find({*result.swarm_id, peer});
    if (at == latest_.end()) continue;
    const bool same = at->second == node;
    if (same && others && !told)
      report("SD-DT-17", place, fmt::format("{}, of the same tracker, stands behind peers of others", peer));
    told = told || (same && others);
    others = others || !same;
  }
}

void TrackerStories::Impl::judge_source(const Open& open, const ppstp::SwarmResult& result) {
  const auto node = servers_.find(open.server);
  if (node == servers_.end()) return;
  const std::string& swarm = *result.swarm_id;
  if (last_passed(open, swarm) != nullptr) return;  // judge_service()
  std::size_t fetched = 0;
  bool others = false;  // than the peer that asks
  bool answered = false;
  for (const auto& exchange : open.exchanges) {
    if (exchange->what != Step::kFetch || exchange->swarm_id != swarm || exchange->answered_ns == 0) continue;
    answered = answered || exchange->error == 0;
    fetched += exchange->fetched_count;
    for (const std::string& peer : exchange->fetched) others = others || peer != open.peer_id;
  }
  const bool empty = !result.peer_group || result.peer_group->peer_info.empty();
  const Event* place = result_event(swarm);
  if (answered) {
    note(fetched_, node->second, swarm);
    if (!open.connect && empty && others)
      report("SD-DT-05", place, fmt::format("no list, though {} entries were fetched", fetched));
    return;
  }
  if (open.connect) return;
  const auto before = fetched_.find({node->second, swarm});
  if (before != fetched_.end() && now_ - before->second > kCacheAge + kTolerance && is_remote(open, swarm))
    report("SD-DT-20", place,
           fmt::format("the swarm was fetched {} s ago for the last time", (now_ - before->second) / kSecond));
  else if (before == fetched_.end() && is_remote(open, swarm))
    report("SD-DT-05", place, "answered without a Fetch");
}

// ---- shards

// A list that is shorter than wanted, though a shard that the tracker asks others for was not looked into.
void TrackerStories::Impl::judge_shards(const Open& open, const ppstp::SwarmResult& result) {
  const auto node = servers_.find(open.server);
  const std::size_t listed = result.peer_group ? result.peer_group->peer_info.size() : 0;
  if (node == servers_.end() || !open.passed.empty() || static_cast<std::int64_t>(listed) >= open.wanted) return;
  for (std::uint32_t shard = 0; shard < std::min(shards_, kNamedShards); ++shard) {
    const std::string resource = reload::swarm_resource(*result.swarm_id, shard);
    if (!is_left_out(open, node->second, resource)) continue;
    const std::string_view peer = missing_from(open, result, node->second, resource);
    if (peer.empty()) continue;
    return report("SD-DT-16", result_event(*result.swarm_id),
                  fmt::format("{} peers, and shard {}, where {} is registered, was not fetched", listed, shard, peer));
  }
}

bool TrackerStories::Impl::is_left_out(const Open& open, const std::string& node, const std::string& resource) const {
  const auto remote = remote_.find({node, resource});
  if (remote == remote_.end() || now_ - remote->second > kRemote) return false;  // it may be its own
  const auto fetched = fetched_shards_.find({node, resource});
  if (fetched != fetched_shards_.end() && now_ - fetched->second <= kCacheAge + kTolerance) return false;
  return std::none_of(open.exchanges.begin(), open.exchanges.end(), [&](const auto& exchange) {
    return exchange->what == Step::kFetch && exchange->resource == resource;
  });
}

// A peer of another tracker that was there when the oldest list was fetched that a cache may have.
std::string_view TrackerStories::Impl::missing_from(const Open& open, const ppstp::SwarmResult& result,
                                                    const std::string& node, const std::string& resource) const {
  for (auto at = entries_.lower_bound(resource); at != entries_.end() && at->first.starts_with(resource); ++at) {
    const std::string_view key = std::string_view(at->first).substr(resource.size());
    if (key.size() <= node.size() || key.starts_with(node)) continue;
    const std::string_view peer = key.substr(node.size());
    const bool old = now_ - at->second.stored_ns > kCacheAge + kTolerance && at->second.until_ns > now_ + kTolerance;
    const bool listed =
        result.peer_group && std::any_of(result.peer_group->peer_info.begin(), result.peer_group->peer_info.end(),
                                         [&](const auto& info) { return info.peer_id == peer; });
    if (old && !listed && peer != open.peer_id) return peer;
  }
  return {};
}

// ---- service mode

const TrackerStories::Impl::Passed* TrackerStories::Impl::last_passed(const Open& open, std::string_view swarm_id) {
  const Passed* last = nullptr;
  for (const auto& one : open.passed) {
    if (one->swarm_id == swarm_id) last = one.get();
  }
  return last;
}

// The peer hears what the responsible tracker said. Where Store and Fetch were used in its place, the other rules hold.
void TrackerStories::Impl::judge_service(const Open& open, const ppstp::Response& answer) {
  const auto stored = [&](std::string_view swarm) {
    return std::any_of(open.exchanges.begin(), open.exchanges.end(), [&](const auto& one) {
      return (one->what == Step::kStore || one->what == Step::kFetch) && one->swarm_id == swarm;
    });
  };
  for (const ppstp::SwarmResult& result : answer.swarm_result) {
    const Passed* passed = result.swarm_id ? last_passed(open, *result.swarm_id) : nullptr;
    if (passed == nullptr || result.result != ppstp::kSuccessful || stored(*result.swarm_id)) continue;
    const Event* place = result_event(*result.swarm_id);
    const std::size_t listed = result.peer_group ? result.peer_group->peer_info.size() : 0;
    if (passed->answer_frame == 0)
      report("SD-DT-21", place, fmt::format("success, though nobody answered the request in frame {}", passed->frame));
    else if (passed->error != 0)
      report("SD-DT-21", place,
             fmt::format("success, though the responsible tracker answered error {} in frame {}", passed->error,
                         passed->answer_frame));
    else if (listed < passed->listed)
      report("SD-DT-21", place,
             fmt::format("{} peers, though the responsible tracker listed {} in frame {}", listed, passed->listed,
                         passed->answer_frame));
  }
  if (answer.response_type != ppstp::kFailed || !answer.error_code || open.actions.size() != 1 ||
      !open.actions[0].swarm_id || stored(*open.actions[0].swarm_id))
    return;
  const Passed* passed = last_passed(open, *open.actions[0].swarm_id);
  if (passed == nullptr) return;
  const bool unavailable = passed->answer_frame == 0 || passed->error == ppstp::kServiceUnavailable;
  const std::int64_t expected = unavailable          ? ppstp::kServiceUnavailable
                                : passed->error != 0 ? ppstp::kInternalServerError
                                                     : ppstp::kNoError;
  if (expected != *answer.error_code)
    report("SD-DT-21", message_->first(ppstp::kErrorCode),
           fmt::format("error {}, where the responsible tracker's answer asks for {}", *answer.error_code, expected));
}

// ---- the object

TrackerStories::TrackerStories() : impl_(std::make_unique<Impl>()) {}
TrackerStories::~TrackerStories() = default;

TrackerStories::Place TrackerStories::look(const Protocol& protocol, const Message& message, const Message* request,
                                           std::vector<Finding>& findings) {
  return impl_->look(protocol, message, request, findings);
}

std::string_view TrackerStories::name_of(std::string_view resource) const {
  return impl_->name_of(resource);
}

void TrackerStories::clear() {
  impl_ = std::make_unique<Impl>();
}

}  // namespace peerscope::systems
