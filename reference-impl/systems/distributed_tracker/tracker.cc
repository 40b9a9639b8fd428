// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/systems/distributed_tracker/tracker.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "protocols/reload/app_attach.h"
#include "protocols/reload/protocol.h"
#include "reference-impl/net/log.h"
#include "reference-impl/ppstp/judge.h"
#include "reference-impl/systems/distributed_tracker/entry.h"

namespace peerscope::distributed_tracker {
namespace {

using ppstp::SwarmOutcome;
using Change = SwarmOutcome::Change;

// Peer IDs have no fixed length; the swarm ID's tells where it ends.
std::string publication_key(std::string_view swarm_id, std::string_view peer_id) {
  return std::to_string(swarm_id.size()) + ':' + std::string(swarm_id) + std::string(peer_id);
}

bool joined(const SwarmOutcome& result) {
  return result.change == Change::kJoined || result.change == Change::kJoinedAgain;
}

Options in_step(Options options) {
  options.directory.lifetime = options.tracker.registry.track_timer;
  options.directory.defects = options.defects;
  if (options.defects.has(Defect::kForeignPeersFirst)) options.tracker.own_peers_first = false;
  return options;
}

}  // namespace

DistributedTracker::DistributedTracker(net::Clock& clock, reload::Node& node, Options options,
                                       std::unique_ptr<ppstp::Access> access)
    : clock_(clock),
      node_(node),
      options_(in_step(std::move(options))),
      tracker_(clock, options_.tracker, std::move(access)),
      admission_(clock, options_.admission),
      directory_(clock, node, options_.directory) {
  directory_.set_overloaded([this] { return admission_.overloaded(); });
  tracker_.set_on_ended([this](const ppstp::Registration& peer) { on_ended(peer); });
}

DistributedTracker::~DistributedTracker() {
  clock_.cancel(refresh_timer_);
}

bool DistributedTracker::placed(char letter) const {
  return node_.overlay()->configuration.ppsp_status_placement.find(letter) != std::string::npos;
}

void DistributedTracker::handle(net::HttpRequest&& request, const net::ConnectionInfo& connection,
                                net::Responder respond) {
  handle(request, connection, Answer([respond](net::Reply reply) { respond(std::move(reply)); }));
}

void DistributedTracker::handle(const net::HttpRequest& request, const net::ConnectionInfo& connection, Answer answer) {
  if (!admission_.admit()) return answer(tracker_.refuse(request, ppstp::kServiceUnavailable));
  auto outcome = tracker_.begin(request, connection);
  if (auto* reply = std::get_if<net::Reply>(&outcome)) return answer(std::move(*reply));
  ppstp::Accepted& accepted = std::get<ppstp::Accepted>(outcome);
  if (accepted.peer != ppstp::kNone && accepted.request->request_type != ppstp::kRequestFind)
    store_status(accepted.peer, *accepted.request);
  const auto concerns_others = [](const SwarmOutcome& result) {
    return result.change != Change::kNothing || (result.ok && result.wants_list);
  };
  const bool wait = std::any_of(accepted.results.begin(), accepted.results.end(), concerns_others);
  const ppstp::PeerIndex peer = accepted.peer;
  const bool connect = accepted.is_connect;
  if (wait) {
    tracker_.keep(accepted);
    share(std::move(accepted), std::move(answer));
  } else {
    answer(tracker_.finish(accepted));
  }
  if (peer != ppstp::kNone) refresh(peer, connect);
}

// ---- what a request changed goes to the overlay, what it wants to know comes from there, all at the same time

void DistributedTracker::share(ppstp::Accepted accepted, Answer answer) {
  auto waiting = std::make_shared<Waiting>();
  waiting->accepted = std::move(accepted);
  waiting->answer = std::move(answer);
  const auto& results = waiting->accepted.results;
  waiting->others.failed.resize(results.size());
  waiting->others.members.resize(results.size());
  waiting->peers.resize(results.size());
  waiting->begun = clock_.now();
  admission_.begin();
  waiting->left = 1;  // this function
  share_all(waiting);
}

void DistributedTracker::share_all(const WaitingPtr& waiting) {
  const auto& results = waiting->accepted.results;
  const auto lists = [&](std::size_t i) { return results[i].ok && results[i].wants_list; };
  if (service_ != nullptr) {
    for (std::size_t i = 0; i < results.size(); ++i) {
      if (lists(i) || results[i].change != Change::kNothing) share_by_service(waiting, i);
    }
    return done_one(waiting);
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (lists(i)) find_members(waiting, i);
  }
  if (defect(Defect::kAnswersBeforeStore)) {
    done_one(waiting);
    for (std::size_t i = 0; i < results.size(); ++i) share_result(waiting, i, nullptr);
    return;
  }
  if (defect(Defect::kOneStoreAtATime)) return share_in_turn(waiting, 0);
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].change == Change::kNothing || (i > 0 && defect(Defect::kFirstStoreOnly))) continue;
    share_by_store(waiting, i);
  }
  done_one(waiting);
}

void DistributedTracker::share_by_store(const WaitingPtr& waiting, std::size_t index) {
  ++waiting->left;
  share_result(waiting, index, [this, waiting, index](ppstp::ErrorCode code) {
    if (code != ppstp::kNoError) {
      waiting->others.failed[index] = true;
      waiting->store_error = std::max(waiting->store_error, code);
    }
    done_one(waiting);
  });
}

void DistributedTracker::share_in_turn(const WaitingPtr& waiting, std::size_t index) {
  const auto& results = waiting->accepted.results;
  while (index < results.size() && results[index].change == Change::kNothing) ++index;
  if (index == results.size()) return done_one(waiting);
  share_result(waiting, index, [this, waiting, index](ppstp::ErrorCode code) {
    waiting->others.failed[index] = code != ppstp::kNoError;
    waiting->store_error = std::max(waiting->store_error, code);
    share_in_turn(waiting, index + 1);
  });
}

void DistributedTracker::share_result(const WaitingPtr& waiting, std::size_t index, Directory::OnDone done) {
  const ppstp::Accepted& accepted = waiting->accepted;
  const SwarmOutcome& result = accepted.results[index];
  const ppstp::Membership* membership = membership_of(accepted.peer, result.swarm_id);
  if (joined(result) && membership != nullptr)
    return publish(accepted.peer, *membership, accepted.transaction_id, std::move(done));
  if (result.change == Change::kLeft && !defect(Defect::kLeaveNotStored))
    return withdraw(std::string(result.swarm_id), std::string(accepted.peer_id), accepted.transaction_id,
                    std::move(done));
  if (done) done(ppstp::kNoError);
}

void DistributedTracker::find_members(const WaitingPtr& waiting, std::size_t index) {
  ++waiting->left;
  const ppstp::Accepted& accepted = waiting->accepted;
  directory_.find(std::string(accepted.results[index].swarm_id), accepted.wanted.count, accepted.transaction_id,
                  [this, waiting, index](ppstp::ErrorCode code, Directory::Peers peers) {
                    if (peers) waiting->others.members[index] = *peers;
                    waiting->peers[index] = std::move(peers);
                    waiting->find_error = std::max(waiting->find_error, code);
                    done_one(waiting);
                  });
}

void DistributedTracker::done_one(const WaitingPtr& waiting) {
  if (--waiting->left == 0) finish(waiting);
}

void DistributedTracker::finish(const WaitingPtr& waiting) {
  admission_.end(clock_.now() - waiting->begun);
  const auto& results = waiting->accepted.results;
  bool any_done = false;
  for (std::size_t i = 0; i < results.size(); ++i) any_done = any_done || (results[i].ok && !waiting->others.failed[i]);
  if (!any_done && waiting->store_error != ppstp::kNoError) waiting->others.error = waiting->store_error;
  // A FIND has nothing to tell without the overlay. A JOIN has: the peer is registered, and its tracker knows some
  // peers itself.
  if (!waiting->accepted.is_connect && waiting->find_error != ppstp::kNoError)
    waiting->others.error = waiting->find_error;
  put_right(*waiting);
  waiting->answer(tracker_.finish(waiting->accepted, waiting->others));
}

// A store without answer may have been done all the same. What the answer says is undone there is undone in the overlay
// too, without waiting.
void DistributedTracker::put_right(const Waiting& waiting) {
  const ppstp::Accepted& accepted = waiting.accepted;
  const std::string_view transaction = service_ != nullptr ? std::string_view() : accepted.transaction_id;
  for (std::size_t i = 0; i < accepted.results.size(); ++i) {
    if (!waiting.others.failed[i]) continue;
    const SwarmOutcome& result = accepted.results[i];
    if (result.change == Change::kJoined)
      withdraw(std::string(result.swarm_id), std::string(accepted.peer_id), transaction, nullptr);
    if (result.change != Change::kLeft) continue;
    // The removal was refused: tracker_.finish() makes the peer a member again, and the entry must last.
    clock_.schedule(net::Duration(0),
                    [this, peer = std::string(accepted.peer_id), index = accepted.peer, epoch = accepted.epoch,
                     swarm = std::string(result.swarm_id), alive = std::weak_ptr<bool>(alive_)] {
                      if (alive.expired() || !tracker_.registry().is_current(index, epoch)) return;
                      const ppstp::Membership* membership = membership_of(index, swarm);
                      if (membership != nullptr) publish(index, *membership, {}, nullptr);
                    });
  }
}

// ---- service mode

void DistributedTracker::use_service(const net::Endpoint& desk, ServiceDial dial) {
  ServiceDeskOptions options;
  options.directory = options_.directory;
  options.max_members = options_.tracker.registry.max_peers;
  desk_ = std::make_unique<ServiceDesk>(clock_, node_, std::move(options));
  desk_->set_own_peers([this](const std::string& swarm_id, const std::string& peer_id) {
    return membership_of(tracker_.find_peer(peer_id), swarm_id) != nullptr;
  });
  directory_.set_keeps(
      [this](const std::string& swarm_id, const std::string& peer_id) { return desk_->knows(swarm_id, peer_id); });
  ServiceClientOptions client;
  client.patience = options_.directory.patience;
  service_ = std::make_unique<ServiceClient>(clock_, node_, std::move(dial), client);
  node_.offer(reload::kPpstpApplication, desk);
}

void DistributedTracker::handle_service(const net::HttpRequest& request, const net::ConnectionInfo& connection,
                                        Answer answer) {
  if (desk_ != nullptr) desk_->handle(request, connection, std::move(answer));
}

ppstp::Request DistributedTracker::service_join(ppstp::PeerIndex peer, const ppstp::Membership& membership) const {
  const ppstp::Registration& registration = tracker_.registry()[peer];
  ppstp::Request request;
  request.request_type = ppstp::kRequestConnect;
  request.peer_id = registration.id;
  ppstp::Connect& connect = request.connect.emplace();
  for (const ppstp::Address& address : registration.addresses) connect.peer_addr.push_back(to_peer_addr(address));
  connect.swarm_action.push_back({std::string(tracker_.registry().swarm_id(membership.swarm)),
                                  std::string(ppstp::kJoin),
                                  std::string(membership.seeder ? ppstp::kSeeder : ppstp::kLeech)});
  return request;
}

void DistributedTracker::share_by_service(const WaitingPtr& waiting, std::size_t index) {
  const ppstp::Accepted& accepted = waiting->accepted;
  const SwarmOutcome& result = accepted.results[index];
  const std::string swarm_id(result.swarm_id);
  const ppstp::Membership* membership = membership_of(accepted.peer, swarm_id);
  ppstp::Request request;
  request.peer_id = std::string(accepted.peer_id);
  if (result.change == Change::kLeft) {
    publications_.erase(publication_key(swarm_id, accepted.peer_id));
    request.request_type = ppstp::kRequestConnect;
    request.connect.emplace().swarm_action.push_back(
        {swarm_id, std::string(ppstp::kLeave), std::string(result.seeder ? ppstp::kSeeder : ppstp::kLeech)});
  } else if (accepted.is_connect && membership != nullptr) {
    request = service_join(accepted.peer, *membership);
    request.connect->peer_num = accepted.request->connect->peer_num;
    const ppstp::Registration& registration = tracker_.registry()[accepted.peer];
    note_publication(registration, swarm_id, value_of(registration, *membership));
  } else {
    request.request_type = ppstp::kRequestFind;
    request.find = ppstp::Find{swarm_id, ppstp::find_peer_num(*accepted.request)};
  }
  ++waiting->left;
  service_->ask(swarm_id, std::move(request), accepted.transaction_id,
                [this, waiting, index](Served served) { take_service(waiting, index, std::move(served)); });
}

void DistributedTracker::take_service(const WaitingPtr& waiting, std::size_t index, Served served) {
  const ppstp::Accepted& accepted = waiting->accepted;
  const SwarmOutcome& result = accepted.results[index];
  const std::string swarm_id(result.swarm_id);
  if (!served.by_service) {
    if (result.ok && result.wants_list) find_members(waiting, index);
    if (result.change != Change::kNothing) share_by_store(waiting, index);
    return done_one(waiting);
  }
  const ppstp::Membership* membership = membership_of(accepted.peer, swarm_id);
  const bool find = result.change == Change::kNothing;
  // The responsible tracker is another one than before: the peer is registered anew, which brings the list as well.
  if (find && served.error == ppstp::kForbiddenAction && membership != nullptr) {
    ppstp::Request again = service_join(accepted.peer, *membership);
    again.connect->peer_num = ppstp::find_peer_num(*accepted.request);
    return service_->ask(swarm_id, std::move(again), accepted.transaction_id, [this, waiting, index](Served second) {
      if (second.error == ppstp::kForbiddenAction) second.error = ppstp::kInternalServerError;
      take_service(waiting, index, std::move(second));
    });
  }
  if (defect(Defect::kServiceErrorIsSuccess)) served.error = ppstp::kNoError;
  if (defect(Defect::kServiceOwnPeersOnly)) served.peers.clear();
  if (served.error != ppstp::kNoError && !find) {
    waiting->others.failed[index] = true;
    waiting->store_error = std::max(waiting->store_error, served.error);
  } else if (served.error != ppstp::kNoError) {
    waiting->find_error = std::max(waiting->find_error, served.error);
  }
  auto peers = std::make_shared<std::vector<ppstp::ForeignPeer>>(without_own(std::move(served.peers), swarm_id));
  waiting->others.members[index] = *peers;
  waiting->peers[index] = std::move(peers);
  done_one(waiting);
}

// PPSTP does not say when a peer joined. One that is listed here with the same address is this tracker's own; with
// another one it has moved, and the responsible tracker knows that better.
std::vector<ppstp::ForeignPeer> DistributedTracker::without_own(std::vector<ppstp::ForeignPeer> peers,
                                                                std::string_view swarm_id) {
  std::erase_if(peers, [&](const ppstp::ForeignPeer& peer) {
    const ppstp::PeerIndex own = tracker_.find_peer(peer.id);
    if (membership_of(own, swarm_id) == nullptr) return false;
    const ppstp::Address* address = ppstp::preferred_address(tracker_.registry()[own].addresses);
    return address != nullptr && *address == peer.address;
  });
  for (ppstp::ForeignPeer& peer : peers) peer.joined = net::SystemTime::max();
  return peers;
}

// ---- entries

const ppstp::Membership* DistributedTracker::membership_of(ppstp::PeerIndex peer, std::string_view swarm_id) const {
  const ppstp::Registry& registry = tracker_.registry();
  if (peer == ppstp::kNone) return nullptr;
  for (const ppstp::Membership& membership : registry[peer].memberships) {
    if (registry.swarm_id(membership.swarm) == swarm_id) return &membership;
  }
  return nullptr;
}

std::string DistributedTracker::value_of(const ppstp::Registration& peer, const ppstp::Membership& membership) const {
  const bool status = placed('B') && !defect(Defect::kNoStatusInEntry);
  return encode_entry(peer, membership, tracker_.registry().swarm_id(membership.swarm), status,
                      directory_.most_bytes());
}

void DistributedTracker::publish(ppstp::PeerIndex peer, const ppstp::Membership& membership,
                                 std::string_view transaction, Directory::OnDone done) {
  const ppstp::Registration& registration = tracker_.registry()[peer];
  const std::string swarm_id(tracker_.registry().swarm_id(membership.swarm));
  std::string value = value_of(registration, membership);
  const std::uint64_t serial = note_publication(registration, swarm_id, value);
  auto stored = [this, key = publication_key(swarm_id, registration.id), serial,
                 done = std::move(done)](ppstp::ErrorCode code) {
    if (code != ppstp::kNoError) publication_failed(key, serial);
    if (done) done(code);
  };
  // With a transaction the responsible tracker has been asked already, and has no desk.
  if (service_ == nullptr || !transaction.empty())
    return directory_.store(swarm_id, registration.id, std::move(value), transaction, std::move(stored));
  service_->ask(swarm_id, service_join(peer, membership), "renewal",
                [this, swarm_id, peer_id = registration.id, value = std::move(value),
                 stored = std::move(stored)](Served served) mutable {
                  if (served.by_service) return stored(served.error);
                  directory_.store(swarm_id, peer_id, std::move(value), {}, std::move(stored));
                });
}

std::uint64_t DistributedTracker::note_publication(const ppstp::Registration& peer, std::string_view swarm_id,
                                                   std::string_view value) {
  const std::string key = publication_key(swarm_id, peer.id);
  Publication& publication = publications_[key];
  publication.swarm_id = swarm_id;
  publication.peer_id = peer.id;
  publication.content = std::hash<std::string_view>{}(value);
  publication.expires = clock_.now() + options_.directory.lifetime;
  publication.serial = ++last_serial_;
  publication.exists = true;
  due_.push_back({clock_.now() + options_.directory.lifetime / 2, key, publication.serial});
  arm_refresh();
  return publication.serial;
}

void DistributedTracker::publication_failed(const std::string& key, std::uint64_t serial) {
  const auto at = publications_.find(key);
  if (at != publications_.end() && at->second.serial == serial) at->second.expires = clock_.now();
}

void DistributedTracker::withdraw(const std::string& swarm_id, const std::string& peer_id, std::string_view transaction,
                                  Directory::OnDone done) {
  publications_.erase(publication_key(swarm_id, peer_id));
  if (service_ == nullptr || !transaction.empty()) return remove(swarm_id, peer_id, transaction, std::move(done));
  ppstp::Request leave;
  leave.request_type = ppstp::kRequestConnect;
  leave.peer_id = peer_id;
  leave.connect.emplace().swarm_action.push_back({swarm_id, std::string(ppstp::kLeave), std::string(ppstp::kLeech)});
  service_->ask(swarm_id, std::move(leave), "expiry", [this, swarm_id, peer_id, done = std::move(done)](Served served) {
    if (!served.by_service) return remove(swarm_id, peer_id, {}, done);
    if (done) done(served.error);
  });
}

void DistributedTracker::remove(const std::string& swarm_id, const std::string& peer_id, std::string_view transaction,
                                Directory::OnDone done) {
  // Another tracker's registration of this peer has the same key.
  if (desk_ != nullptr && desk_->knows(swarm_id, peer_id)) {
    if (done) done(ppstp::kNoError);
    return;
  }
  directory_.remove(swarm_id, peer_id, transaction, std::move(done));
}

// A sign of life: entries of which less than half of the lifetime is left are stored again. A CONNECT may have changed
// addresses or abilities, which stand in all of them. Nobody waits for that.
void DistributedTracker::refresh(ppstp::PeerIndex peer, bool changed) {
  const ppstp::Registration& registration = tracker_.registry()[peer];
  if (registration.id.empty() || defect(Defect::kNoRefresh)) return;
  const net::Duration half = options_.directory.lifetime / 2;
  for (const ppstp::Membership& membership : registration.memberships) {
    const auto at =
        publications_.find(publication_key(tracker_.registry().swarm_id(membership.swarm), registration.id));
    if (at == publications_.end()) continue;
    const bool old = at->second.expires - clock_.now() < half || defect(Defect::kRefreshEveryTime);
    const auto same = [&] {
      return std::hash<std::string>{}(value_of(registration, membership)) == at->second.content;
    };
    if (!old && (!changed || same())) continue;
    ++refreshes_;
    publish(peer, membership, {}, nullptr);
  }
}

void DistributedTracker::arm_refresh() {
  if (refresh_timer_ != 0 || due_.empty()) return;
  refresh_timer_ = clock_.schedule(due_.front().time - clock_.now(), [this] { refresh_due(); });
}

// Half of an entry's lifetime is over: when the peer was heard of meanwhile, its registration outlasts the entry.
void DistributedTracker::refresh_due() {
  constexpr std::size_t kSlice = 64;  // then requests have a turn
  refresh_timer_ = 0;
  for (std::size_t i = 0; i < kSlice && !due_.empty() && due_.front().time <= clock_.now(); ++i) {
    const Due due = std::move(due_.front());
    due_.pop_front();
    const auto at = publications_.find(due.key);
    if (at == publications_.end() || at->second.serial != due.serial || defect(Defect::kNoRefresh)) continue;
    const ppstp::PeerIndex peer = tracker_.find_peer(at->second.peer_id);
    const ppstp::Membership* membership = membership_of(peer, at->second.swarm_id);
    if (membership == nullptr) continue;  // on_ended() and LEAVE remove their entries
    if (tracker_.registry()[peer].deadline <= at->second.expires) continue;
    ++refreshes_;
    publish(peer, *membership, {}, nullptr);
  }
  arm_refresh();
}

void DistributedTracker::on_ended(const ppstp::Registration& peer) {
  for (const ppstp::Membership& membership : peer.memberships) {
    const std::string swarm_id(tracker_.registry().swarm_id(membership.swarm));
    if (!defect(Defect::kExpiryNotStored)) withdraw(swarm_id, peer.id, {}, nullptr);
  }
  forget_status(peer.id);
}

// ---- status (placement E)

void DistributedTracker::store_status(ppstp::PeerIndex peer, const ppstp::Request& request) {
  if (!placed('E')) return;
  const ppstp::Registration& registration = tracker_.registry()[peer];
  if (registration.memberships.empty()) return forget_status(registration.id);
  const auto [at, fresh] = statuses_.try_emplace(registration.id);
  const bool early = !fresh && clock_.now() - at->second.stored < options_.status_interval;
  if (early && !defect(Defect::kStatusWithEveryReport)) return;
  // A status informs other trackers, a registration is what peers are found by. The next sign of life brings it.
  if (admission_.overloaded()) {
    if (fresh) statuses_.erase(at);
    return;
  }
  at->second.stored = clock_.now();
  reload::PeerStatus status;
  status.updated = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall_now().time_since_epoch()).count());
  status.ct_node_id = node_.node_id();
  status.status = status_of(registration);
  if (request.stat_report) {
    for (const ppstp::Stat& stat : request.stat_report->stat) {
      status.uploaded += static_cast<std::uint64_t>(std::max<std::int64_t>(0, stat.uploaded_bytes.value_or(0)));
      status.downloaded += static_cast<std::uint64_t>(std::max<std::int64_t>(0, stat.downloaded_bytes.value_or(0)));
    }
  }
  for (const ppstp::Membership& membership : registration.memberships) {
    reload::SwarmRef swarm;
    swarm.swarm_id = tracker_.registry().swarm_id(membership.swarm);
    swarm.mode = membership.seeder ? reload::kSeederEntry : reload::kLeechEntry;
    status.swarms.push_back(std::move(swarm));
  }
  const reload::KindRules* rules = node_.overlay()->find_kind(reload::kPpspPeerStatusKind);
  if (rules == nullptr) return;
  std::string value = reload::encode_part(status, &node_.overlay()->context);
  while (value.size() > rules->max_size && !status.swarms.empty()) {
    status.swarms.pop_back();
    value = reload::encode_part(status, &node_.overlay()->context);
  }
  directory_.store_status(registration.id, std::move(value));
}

void DistributedTracker::forget_status(const std::string& peer_id) {
  if (statuses_.erase(peer_id) != 0) directory_.remove_status(peer_id);
}

std::string DistributedTracker::metrics() const {
  const DirectoryStats& d = directory_.stats();
  const ServiceClientStats s = service_ != nullptr ? service_->stats() : ServiceClientStats();
  return fmt::format(
      "{{\"tracker\":{},\"service\":{{\"attaches\":{},\"requests\":{},\"repeats\":{},\"failures\":{},\"members\":{}}},"
      "\"overlay\":{{\"published\":{},\"waiting\":{},\"most_waiting\":{},\"window\":{},\"refused\":{},"
      "\"stores\":{},\"store_requests\":{},"
      "\"removals\":{},\"statuses\":{},\"refreshes\":{},\"fetches\":{},\"cached\":{},\"repeats\":{},\"failures\":{}}}}"
      "}",
      tracker_.metrics(), s.attaches, s.requests, s.repeats, s.failures, desk_ != nullptr ? desk_->members() : 0,
      publications_.size(), admission_.waiting(), admission_.most_waiting(), admission_.window(), admission_.refused(),
      d.stores, directory_.batches().batches() + directory_.batches().halves(), d.removals, d.statuses, refreshes_,
      d.fetches, d.cached, d.repeats, d.failures);
}

}  // namespace peerscope::distributed_tracker
