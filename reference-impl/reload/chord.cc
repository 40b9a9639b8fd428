// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/chord.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocols/reload/protocol.h"
#include "protocols/reload/security/crypto.h"

namespace peerscope::reload {
namespace {

constexpr net::Duration kAnnounceDelay = std::chrono::milliseconds(20);  // several changes make one Update
constexpr net::Duration kJoinPatience = std::chrono::seconds(30);        // for the step that is waited for
constexpr net::Duration kUnreachableFor = std::chrono::seconds(60);
constexpr int kJoinAttempts = 30;
constexpr std::size_t kMostUnreachable = 256;

Number finger_start(Number self, std::size_t index) {  // index from 0: i of the RFC is one more
  return self + (Number{1} << (127 - index));
}
bool in_finger_range(Number self, std::size_t index, Number node) {
  const Number distance = clockwise(self, node);
  return distance >> (127 - index) == 1;
}

}  // namespace

Chord::Chord(TopologyHost& host) : host_(host), self_(to_number(host.node_id())) {}

Chord::~Chord() {
  for (const net::TimerId timer : {update_timer_, finger_timer_, announce_timer_, join_timer_})
    host_.clock().cancel(timer);
}

net::TimerId Chord::after(net::Duration delay, void (Chord::*what)()) {
  return host_.clock().schedule(delay, [this, what, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) (this->*what)();
  });
}

// ---- routing

std::string Chord::resource_id(std::string_view resource_name) const {
  return resource_id_of(resource_name);
}

bool Chord::responsible(std::string_view id) const {
  if (!joined_) return false;
  return predecessors_.empty() || within(predecessors_.front(), to_number(id), self_);
}

std::optional<NodeId> Chord::next_hop(std::string_view id) const {
  if (!joined_) {
    for (const NodeId* way :
         {joining_ ? &joining_->admitting : nullptr, joining_ ? &joining_->bootstrap : nullptr, &last_bootstrap_}) {
      if (way != nullptr && !way->empty() && host_.is_linked(*way)) return *way;
    }
  }
  if (peers_.empty()) return std::nullopt;
  const Number target = to_number(id);
  const auto above = peers_.upper_bound(target);
  const Number closest = above == peers_.begin() ? *peers_.rbegin() : *std::prev(above);
  if (within(self_, closest, target) && closest != self_) return id_of(closest);
  return id_of(above == peers_.end() ? *peers_.begin() : *above);
}

bool Chord::closer(std::string_view id, std::string_view a, std::string_view b) const {
  const Number target = to_number(id);
  return clockwise(target, to_number(a)) < clockwise(target, to_number(b));
}

bool Chord::plausible_owner(std::string_view resource, const NodeId& node) const {
  const Number target = to_number(resource);
  const Number distance = clockwise(target, to_number(node));
  const auto nearer = [&](Number other) { return clockwise(target, other) < distance; };
  return std::none_of(successors_.begin(), successors_.end(), nearer) &&
         std::none_of(predecessors_.begin(), predecessors_.end(), nearer);
}

// ---- storage

std::vector<NodeId> Chord::replicas(std::string_view) const {
  std::vector<NodeId> nodes;
  if (host_.has_defect(NodeDefect::kNoReplicas)) return nodes;
  for (std::size_t i = 0; i < std::min(kReplicaCount, successors_.size()); ++i) nodes.push_back(id_of(successors_[i]));
  return nodes;
}

bool Chord::keeps(std::string_view resource) const {
  return predecessors_.size() < kNeighbourCount || within(predecessors_.back(), to_number(resource), self_);
}

bool Chord::plausible_replica_source(const NodeId& node) const {
  const Number number = to_number(node);
  if (joining_) return node == joining_->admitting || peers_.contains(number);
  return std::count(predecessors_.begin(), predecessors_.end(), number) != 0 ||
         std::count(successors_.begin(), successors_.end(), number) != 0;
}

std::optional<NodeId> Chord::neighbour_responsible(std::string_view resource) const {
  if (!joined_ || successors_.empty()) return std::nullopt;
  const Number target = to_number(resource);
  const bool whole_ring = peers_.size() <= kNeighbourCount;
  if (!whole_ring && !within(predecessors_.back(), target, successors_.back())) return std::nullopt;
  Number owner = self_;
  const auto look = [&](Number node) {
    if (clockwise(target, node) < clockwise(target, owner)) owner = node;
  };
  for (const Number node : predecessors_) look(node);
  for (const Number node : successors_) look(node);
  if (owner == self_) return std::nullopt;
  return id_of(owner);
}

std::uint32_t Chord::responsible_ppb() const {
  constexpr std::uint64_t kBillion = 1'000'000'000;
  if (!joined_) return 0;
  if (predecessors_.empty()) return kBillion;
  return static_cast<std::uint32_t>((clockwise(predecessors_.front(), self_) >> 64) * kBillion >> 64);
}

// ---- tables

std::vector<Number> Chord::nearest(bool upwards, std::size_t count) const {
  std::vector<Number> found;
  if (peers_.empty()) return found;
  const std::size_t most = std::min(count, peers_.size());
  if (upwards) {
    auto at = peers_.upper_bound(self_);
    for (; found.size() < most; ++at) {
      if (at == peers_.end()) at = peers_.begin();
      found.push_back(*at);
    }
  } else {
    auto at = peers_.lower_bound(self_);
    while (found.size() < most) {
      if (at == peers_.begin()) at = peers_.end();
      --at;
      found.push_back(*at);
    }
  }
  return found;
}

bool Chord::would_be_neighbour(Number node) const {
  if (successors_.size() < kNeighbourCount || predecessors_.size() < kNeighbourCount) return true;
  return clockwise(self_, node) < clockwise(self_, successors_.back()) ||
         clockwise(node, self_) < clockwise(predecessors_.back(), self_);
}

void Chord::add_peer(Number node) {
  if (node == self_ || !peers_.insert(node).second) return;
  unreachable_.erase(node);
  settle(false);
}

void Chord::remove_peer(Number node, bool lost) {
  admitting_.erase(node);
  if (peers_.erase(node) != 0) settle(lost);
}

void Chord::choose_fingers() {
  for (std::size_t i = 0; i < kFingerCount; ++i) {
    std::optional<Number>& finger = fingers_[i];
    if (finger && !peers_.contains(*finger)) finger.reset();
    if (finger) continue;
    const Number start = finger_start(self_, i);
    auto at = peers_.lower_bound(start);
    if (at == peers_.end()) at = peers_.begin();
    if (at != peers_.end() && in_finger_range(self_, i, *at)) finger = *at;
  }
}

void Chord::settle(bool lost) {
  std::vector<Number> successors = nearest(true, kNeighbourCount);
  std::vector<Number> predecessors = nearest(false, kNeighbourCount);
  const bool changed = successors != successors_ || predecessors != predecessors_;
  const bool range_changed =
      (predecessors.empty() ? self_ : predecessors.front()) != (predecessors_.empty() ? self_ : predecessors_.front());
  successors_ = std::move(successors);
  predecessors_ = std::move(predecessors);
  choose_fingers();
  if (!changed || !joined_) return;
  if (host_.overlay()->configuration.chord_reactive) announce(range_changed);
  host_.neighbourhood_changed(lost);
}

// ---- Updates

Contents Chord::update_contents(std::uint8_t type) const {
  UpdateReq update;
  update.uptime = host_.uptime();
  update.type = type;
  if (type != kPeerReady) {
    for (const Number node : predecessors_) update.predecessors.push_back(id_of(node));
    for (const Number node : successors_) update.successors.push_back(id_of(node));
    if (host_.has_defect(NodeDefect::kListsItself)) update.successors.push_back(host_.node_id());
  }
  if (type == kFull) {
    std::set<Number> fingers;  // ascending (R-CHD-21)
    for (const auto& finger : fingers_) {
      if (finger) fingers.insert(*finger);
    }
    for (const Number node : fingers) update.fingers.push_back(id_of(node));
  }
  return Contents(std::move(update));
}

void Chord::update_to(const NodeId& to, std::uint8_t type) {
  host_.request({Destination::node(to.view())}, update_contents(type), [this, to](Reply<Answer> reply) {
    // Silence is the sign of a dead neighbour; an error is a sign of life.
    if (!reply.ok() && reply.error().code == 0 && host_.is_linked(to)) host_.drop_link(to);
  });
}

void Chord::send_update(const NodeId& to) {
  if (joined_) update_to(to, kFull);
}

void Chord::announce(bool to_all) {
  announce_to_all_ = announce_to_all_ || to_all;
  if (announce_pending_) return;
  announce_pending_ = true;
  announce_timer_ = after(kAnnounceDelay, &Chord::flush_announcement);
}

void Chord::flush_announcement() {
  announce_pending_ = false;
  if (!joined_ || host_.has_defect(NodeDefect::kNoUpdateAfterJoin)) return;
  std::set<Number> to(successors_.begin(), successors_.end());
  to.insert(predecessors_.begin(), predecessors_.end());
  if (host_.has_defect(NodeDefect::kJoinedKeptSecret) && peers_.size() > 1) to = {*predecessors_.begin()};
  for (const Number node : to) update_to(id_of(node), kNeighbors);
  if (std::exchange(announce_to_all_, false) && !host_.has_defect(NodeDefect::kJoinedKeptSecret)) {
    for (const Number node : std::set<Number>(peers_)) {
      if (!to.contains(node)) update_to(id_of(node), kNeighbors);
    }
  }
}

Contents Chord::on_update(const NodeId& from, const UpdateReq& request) {
  if (request.type == 0 || request.type > kFull) return error_contents(kInvalidMessage, "unknown type of Update");
  const bool linked = host_.is_linked(from);
  if (linked && !leaving_) add_peer(to_number(from));
  const auto names_me = [&](const NodeId& node) { return node == host_.node_id(); };
  if (joining_ && from == joining_->admitting) {
    if (!joining_->have_table) {
      joining_->have_table = true;
      std::set<Number> candidates{to_number(from)};
      for (const auto* list : {&request.predecessors, &request.successors}) {
        for (const NodeId& node : *list) candidates.insert(to_number(node));
      }
      candidates.erase(self_);
      // Those that will be neighbours: the nearest on both sides.
      std::set<Number> wanted;
      const std::set<Number> before = std::exchange(peers_, candidates);
      for (const bool upwards : {true, false}) {
        for (const Number node : nearest(upwards, kNeighbourCount)) wanted.insert(node);
      }
      peers_ = before;
      joining_->pending = 1;  // this loop
      for (const Number node : wanted) {
        if (peers_.contains(node)) continue;
        ++joining_->pending;
        attach_neighbour(node, from, [this](bool) { joining_progress(); });
      }
      joining_progress();
      if (joining_ && !wanted.empty()) seek_all_fingers();
    } else if (joining_->sent && std::any_of(request.predecessors.begin(), request.predecessors.end(), names_me)) {
      finish_join();
    }
  }
  if (joined_ && !host_.has_defect(NodeDefect::kUpdatesIgnored)) {
    for (const auto* list : {&request.predecessors, &request.successors}) {
      for (const NodeId& node : *list) learn(to_number(node), from);
    }
    if (linked && request.type != kPeerReady) doubt_those_between(to_number(from), request);
  }
  return Contents(UpdateAns{});
}

// A neighbour that sees this node right behind itself has lost whoever this node still sees in between. Asking them
// shows who is right, long before the next periodic Update would.
void Chord::doubt_those_between(Number from, const UpdateReq& request) {
  const auto doubt = [&](const std::vector<Number>& mine, const std::vector<NodeId>& theirs) {
    if (theirs.empty() || theirs.front() != host_.node_id() || std::count(mine.begin(), mine.end(), from) == 0) return;
    for (const Number node : mine) {
      if (node == from) return;
      if (doubted_.contains(node)) continue;
      doubted_.insert(node);
      const NodeId id = id_of(node);
      host_.request({Destination::node(id.view())}, Contents(PingReq{}), [this, node, id](Reply<Answer> reply) {
        doubted_.erase(node);
        if (!reply.ok() && reply.error().code == 0 && host_.is_linked(id)) host_.drop_link(id);
      });
    }
  };
  doubt(std::vector<Number>(predecessors_), request.successors);
  doubt(std::vector<Number>(successors_), request.predecessors);
}

void Chord::learn(Number node, const NodeId& teacher) {
  if (node == self_ || peers_.contains(node) || leaving_ || !would_be_neighbour(node)) return;
  const auto tried = unreachable_.find(node);
  if (tried != unreachable_.end() && host_.clock().now() - tried->second < kUnreachableFor) return;
  attach_neighbour(node, teacher, [](bool) {});
}

void Chord::attach_neighbour(Number node, const NodeId& teacher, std::function<void(bool)> done) {
  if (!attaching_.insert(node).second) return done(false);
  const NodeId id = id_of(node);
  const auto finish = [this, node, done = std::move(done)](bool ok) {
    attaching_.erase(node);
    if (!ok) {
      if (unreachable_.size() >= kMostUnreachable) unreachable_.clear();
      unreachable_[node] = host_.clock().now();
    }
    done(ok);
  };
  if (host_.is_linked(id)) {
    // Linked, but it never said that it is a peer.
    RouteQueryReq query;
    query.send_update = true;
    query.destination = Destination::node(host_.node_id().view());
    return host_.request({Destination::node(id.view())}, Contents(std::move(query)),
                         [finish](Reply<Answer> reply) { finish(reply.ok()); });
  }
  // Through the node that named it (R-CHD-18): it has a way to it.
  Destinations path{Destination::node(id.view())};
  if (host_.is_linked(teacher) && !host_.has_defect(NodeDefect::kAttachNotRouted))
    path.insert(path.begin(), Destination::node(teacher.view()));
  host_.attach(std::move(path), true, [finish](Reply<NodeId> reply) { finish(reply.ok()); });
}

// ---- joining (section 10.5)

void Chord::start_alone() {
  joined_ = true;
  leaving_ = false;
  schedule_update();
  schedule_finger_search();
}

void Chord::join(const NodeId& bootstrap, OnJoined done) {
  joined_ = false;
  leaving_ = false;
  last_bootstrap_ = bootstrap;
  joining_.emplace(bootstrap, std::move(done));
  attach_admitting();
}

void Chord::attach_admitting() {
  joining_->admitting = {};
  joining_->have_table = joining_->sent = false;
  host_.clock().cancel(join_timer_);
  if (++joining_->attempts > kJoinAttempts) return fail_join("no peer admits this node");
  join_timer_ = after(kJoinPatience, &Chord::rejoin);
  host_.attach({Destination::resource(to_id(self_ + 1))}, true, [this](Reply<NodeId> reply) {
    if (!joining_ || !joining_->admitting.empty()) return;
    if (!reply.ok()) return fail_join("Attach to the admitting peer: " + reply.error().text);
    joining_->admitting = *reply;
    // It sends its tables by itself. When it was linked before, they may have come too early to be noticed.
    RouteQueryReq query;
    query.send_update = true;
    query.destination = Destination::resource(to_id(self_));
    host_.request({Destination::node(reply->view())}, Contents(std::move(query)), [](Reply<Answer>) {});
  });
}

void Chord::rejoin() {
  if (joining_) attach_admitting();
}

void Chord::joining_progress() {
  if (!joining_ || joining_->pending == 0) return;
  if (--joining_->pending == 0) send_join();
}

void Chord::send_join() {
  joining_->sent = true;
  host_.clock().cancel(join_timer_);
  join_timer_ = after(kJoinPatience, &Chord::rejoin);
  JoinReq request;
  request.joining_peer_id = host_.node_id();
  host_.request({Destination::node(joining_->admitting.view())}, Contents(std::move(request)),
                [this](Reply<Answer> reply) {
                  if (!joining_ || !joining_->sent || reply.ok()) return;
                  // Somebody else joins there, or joined in between: the admitting peer is looked for again.
                  const auto pause = std::chrono::milliseconds(100 + host_.random() % 900);
                  host_.clock().cancel(join_timer_);
                  join_timer_ = after(pause, &Chord::rejoin);
                });
}

void Chord::fail_join(std::string why) {
  host_.clock().cancel(join_timer_);
  const OnJoined done = std::move(joining_->done);
  joining_.reset();
  if (done) done({net::ErrorKind::kRefused, std::move(why)});
}

void Chord::finish_join() {
  host_.clock().cancel(join_timer_);
  const OnJoined done = std::move(joining_->done);
  joining_.reset();
  joined_ = true;
  settle(false);
  announce(true);
  host_.neighbourhood_changed(false);
  schedule_update();
  schedule_finger_search();
  if (done) done({});
}

Contents Chord::on_join(const NodeId& from, const JoinReq&) {
  if (!responsible(from.view()) || from == host_.node_id())
    return error_contents(kNotFound, "not responsible for the joining peer's Node-ID");
  // One after the other: the next one may belong to the range of the one before.
  if (!admitting_.empty() && !admitting_.contains(to_number(from.view())))
    return error_contents(kInProgress, "another peer is joining here");
  admitting_.insert(to_number(from.view()));
  // Answered first; then the data, then the Update that makes it a peer (section 10.5, steps 6 to 8).
  host_.clock().schedule(net::Duration(0), [this, from, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) admit(from);
  });
  return Contents(JoinAns{});
}

void Chord::admit(const NodeId& node) {
  const Number number = to_number(node);
  if (!admitting_.contains(number)) return;  // lost meanwhile
  const auto wanted = [this, number](std::string_view resource) {
    const Number target = to_number(resource);
    return responsible(resource) && clockwise(target, number) < clockwise(target, self_);
  };
  host_.hand_over(node, wanted, [this, node, number] {
    if (admitting_.erase(number) == 0 || !host_.is_linked(node)) return;
    if (peers_.contains(number)) return update_to(node, kNeighbors);
    add_peer(number);
  });
}

// ---- leaving and losing

void Chord::leave(std::function<void()> done) {
  leaving_ = true;
  joined_ = false;
  if (host_.has_defect(NodeDefect::kNoLeave)) return done();
  auto pending = std::make_shared<std::size_t>(1);
  const auto one_less = [pending, done = std::move(done)] {
    if (--*pending == 0) done();
  };
  const auto send = [&](Number node, std::uint8_t type, const std::vector<Number>& nodes) {
    LeaveData data;
    data.chord.type = type;
    for (const Number one : nodes) data.chord.nodes.push_back(id_of(one));
    LeaveReq request;
    request.leaving_peer_id = host_.node_id();
    request.overlay_specific_data = encode_part(data);
    ++*pending;
    host_.request({Destination::node(id_of(node).view())}, Contents(std::move(request)),
                  [one_less](Reply<Answer>) { one_less(); });
  };
  for (const Number node : predecessors_) send(node, kFromSuccessor, successors_);
  for (const Number node : successors_) {
    if (std::count(predecessors_.begin(), predecessors_.end(), node) == 0) send(node, kFromPredecessor, predecessors_);
  }
  one_less();
}

Contents Chord::on_leave(const NodeId& from, const LeaveReq& request) {
  LeaveData data;
  if (!decode_part(request.overlay_specific_data, data, &host_.overlay()->context))
    return error_contents(kInvalidMessage, "no ChordLeaveData");
  if (host_.has_defect(NodeDefect::kLeaveIgnored)) return Contents(LeaveAns{});
  remove_peer(to_number(from), false);
  for (const NodeId& node : data.chord.nodes) {
    if (node != from) learn(to_number(node), host_.node_id());
  }
  return Contents(LeaveAns{});
}

void Chord::on_linked(const NodeId&) {}

void Chord::on_lost(const NodeId& node) {
  if (!host_.has_defect(NodeDefect::kLostNeighbourKept)) remove_peer(to_number(node), true);
}

Contents Chord::on_route_query(const NodeId& from, const RouteQueryReq& request) {
  RouteQueryAns answer;
  const std::string_view id = request.destination.id;
  const auto hop = responsible(id) ? std::optional(host_.node_id()) : next_hop(id);
  if (!hop) return error_contents(kNotFound, "no way there");
  answer.next_peer = *hop;
  if (request.send_update && host_.is_linked(from) && !host_.has_defect(NodeDefect::kNoUpdateAfterQuery)) {
    host_.clock().schedule(net::Duration(0), [this, from, alive = std::weak_ptr<bool>(alive_)] {
      if (!alive.expired()) send_update(from);
    });
  }
  return Contents(std::move(answer));
}

// ---- stabilisation (section 10.7.4)

void Chord::schedule_update() {
  host_.clock().cancel(update_timer_);
  const net::Duration interval = std::chrono::seconds(host_.overlay()->configuration.chord_update_interval);
  // Spread, so that an overlay that started at once does not pulse.
  const auto part = static_cast<std::int64_t>(host_.random() % 1000);
  update_timer_ =
      host_.clock().schedule(interval / 2 + interval / 1000 * part, [this, alive = std::weak_ptr<bool>(alive_)] {
        if (alive.expired() || !joined_) return;
        if (!host_.has_defect(NodeDefect::kNoPeriodicUpdate)) announce(false);
        schedule_update();
      });
}

void Chord::schedule_finger_search() {
  host_.clock().cancel(finger_timer_);
  const net::Duration interval = std::chrono::seconds(host_.overlay()->configuration.chord_ping_interval);
  const auto part = static_cast<std::int64_t>(host_.random() % 100);
  finger_timer_ =
      host_.clock().schedule(interval + interval / 1000 * part, [this, alive = std::weak_ptr<bool>(alive_)] {
        if (alive.expired() || !joined_) return;
        search_fingers();
        schedule_finger_search();
      });
}

void Chord::seek_all_fingers() {
  for (std::size_t i = 0; i < kFingerCount; ++i) {
    const Number start = finger_start(self_, i);
    const std::vector<Number> next = nearest(true, 1);
    // From here on the first successor is the answer.
    if (!next.empty() && within(self_, start, next.front())) break;
    const Number place = host_.has_defect(NodeDefect::kFingersElsewhere) ? start + (Number{1} << (126 - i)) : start;
    if (!fingers_[i]) host_.attach({Destination::resource(to_id(place))}, true, [](Reply<NodeId>) {});
  }
}

void Chord::seek_finger(std::size_t index, Number target) {
  host_.request({Destination::resource(to_id(target))}, Contents(PingReq{}), [this, index](Reply<Answer> reply) {
    if (!reply.ok() || !joined_ || fingers_[index]) return;
    const Number node = to_number(reply->from);
    if (!in_finger_range(self_, index, node) || peers_.contains(node) || node == self_) return;
    host_.attach({Destination::node(reply->from.view())}, true, [](Reply<NodeId>) {});
  });
}

void Chord::search_fingers() {
  if (host_.has_defect(NodeDefect::kFingersNotSought)) return;
  for (std::size_t i = 0; i < kFingerCount; ++i) {
    const Number start = finger_start(self_, i);
    if (!successors_.empty() && within(self_, start, successors_.front())) break;
    if (fingers_[i] || host_.random() % 2 == 0) continue;
    const Number width = Number{1} << (127 - i);
    const Number offset = (Number{host_.random()} << 64 | host_.random()) & (width - 1);
    seek_finger(i, start + offset);
  }
}

// ---- for people

std::vector<NodeId> Chord::predecessors() const {
  std::vector<NodeId> nodes;
  for (const Number node : predecessors_) nodes.push_back(id_of(node));
  return nodes;
}
std::vector<NodeId> Chord::successors() const {
  std::vector<NodeId> nodes;
  for (const Number node : successors_) nodes.push_back(id_of(node));
  return nodes;
}
std::vector<NodeId> Chord::routing_table() const {
  std::vector<NodeId> nodes;
  for (const Number node : peers_) nodes.push_back(id_of(node));
  return nodes;
}

}  // namespace peerscope::reload
