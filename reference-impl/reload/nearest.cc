// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/nearest.h"

#include <algorithm>

namespace peerscope::reload {

std::vector<Number> Nearest::by_distance(Number target) const {
  std::vector<Number> nodes(peers_.begin(), peers_.end());
  std::sort(nodes.begin(), nodes.end(),
            [&](Number a, Number b) { return difference(a, target) < difference(b, target); });
  return nodes;
}

bool Nearest::responsible(std::string_view id) const {
  if (!joined_) return false;
  const Number target = to_number(id);
  return std::none_of(peers_.begin(), peers_.end(),
                      [&](Number node) { return difference(node, target) < difference(self_, target); });
}

std::optional<NodeId> Nearest::next_hop(std::string_view id) const {
  const auto nodes = by_distance(to_number(id));
  if (!nodes.empty()) return NodeId(to_id(nodes.front()));
  if (!bootstrap_.empty() && host_.is_linked(bootstrap_)) return bootstrap_;
  return std::nullopt;
}

bool Nearest::closer(std::string_view id, std::string_view a, std::string_view b) const {
  return difference(to_number(a), to_number(id)) < difference(to_number(b), to_number(id));
}

std::vector<NodeId> Nearest::replicas(std::string_view resource) const {
  std::vector<NodeId> nodes;
  for (const Number node : by_distance(to_number(resource))) {
    if (nodes.size() < kReplicaCount) nodes.emplace_back(to_id(node));
  }
  return nodes;
}

bool Nearest::plausible_replica_source(const NodeId& node) const {
  return peers_.contains(to_number(node)) || node == admitting_;
}

std::optional<NodeId> Nearest::neighbour_responsible(std::string_view resource) const {
  if (!joined_ || responsible(resource)) return std::nullopt;
  return NodeId(to_id(by_distance(to_number(resource)).front()));
}

std::uint32_t Nearest::responsible_ppb() const {
  // Half the way to the neighbour on each side; all of it where there is none.
  Number low = 0;
  Number high = ~Number{0};
  const auto above = peers_.upper_bound(self_);
  if (above != peers_.end()) high = self_ + (*above - self_) / 2;
  if (above != peers_.begin()) low = self_ - (self_ - *std::prev(above)) / 2;
  constexpr std::uint64_t kBillion = 1'000'000'000;
  return joined_ ? static_cast<std::uint32_t>(((high - low) >> 64) * kBillion >> 64) : 0;
}

void Nearest::add_peer(Number node) {
  if (node == self_ || peers_.size() >= kMostPeers || !peers_.insert(node).second) return;
  if (joined_) host_.neighbourhood_changed(false);
}

void Nearest::join(const NodeId& bootstrap, OnJoined done) {
  joined_ = false;
  bootstrap_ = bootstrap;
  done_ = std::move(done);
  host_.attach({Destination::resource(host_.node_id().view())}, false, [this](Reply<NodeId> reply) {
    if (!reply.ok()) {
      if (const auto failed = std::exchange(done_, nullptr))
        failed({net::ErrorKind::kRefused, "Attach to the admitting peer: " + reply.error().text});
      return;
    }
    admitting_ = *reply;
    join_at(*reply, true);
  });
}

void Nearest::join_at(const NodeId& node, bool first) {
  JoinReq request;
  request.joining_peer_id = host_.node_id();
  host_.request(
      {Destination::node(node.view())}, Contents(std::move(request)), [this, node, first](Reply<Answer> reply) {
        const JoinAns* answer = reply.ok() ? std::get_if<JoinAns>(&reply->body) : nullptr;
        if (answer == nullptr) {
          const auto failed = first ? std::exchange(done_, nullptr) : nullptr;
          if (failed)
            failed({net::ErrorKind::kRefused, "Join: " + (reply.ok() ? "not a JoinAns" : reply.error().text)});
          return;
        }
        add_peer(to_number(node));
        if (!first) return;
        joined_ = true;
        // Only lists of whole Node-IDs are ours; others put there what they like.
        std::string_view list = answer->overlay_specific_data;
        if (list.size() % kNumberSize == 0 && list.size() / kNumberSize <= kMostPeers) {
          for (; !list.empty(); list.remove_prefix(kNumberSize)) {
            const NodeId other(list.substr(0, kNumberSize));
            if (other == host_.node_id() || peers_.contains(to_number(other))) continue;
            host_.attach({Destination::node(node.view()), Destination::node(other.view())}, false,
                         [this](Reply<NodeId> attached) {
                           if (attached.ok()) join_at(*attached, false);
                         });
          }
        }
        host_.neighbourhood_changed(false);
        if (const auto done = std::exchange(done_, nullptr)) done({});
      });
}

Contents Nearest::on_join(const NodeId& from, const JoinReq&) {
  if (!joined_) return error_contents(kNotFound, "not a peer itself");
  // It begins anew, although nobody may have noticed that it was gone.
  on_lost(from);
  JoinAns answer;
  for (const Number node : peers_) answer.overlay_specific_data += to_id(node);
  add_peer(to_number(from));
  return Contents(std::move(answer));
}

void Nearest::leave(std::function<void()> done) {
  joined_ = false;
  auto pending = std::make_shared<std::size_t>(1);
  const auto one_less = [pending, done = std::move(done)] {
    if (--*pending == 0) done();
  };
  for (const Number node : peers_) {
    LeaveReq request;
    request.leaving_peer_id = host_.node_id();
    ++*pending;
    host_.request({Destination::node(to_id(node))}, Contents(std::move(request)),
                  [one_less](Reply<Answer>) { one_less(); });
  }
  one_less();
}

Contents Nearest::on_leave(const NodeId& from, const LeaveReq&) {
  on_lost(from);
  return Contents(LeaveAns{});
}

Contents Nearest::on_route_query(const NodeId&, const RouteQueryReq& request) {
  const std::string_view id = request.destination.id;
  const auto hop = responsible(id) ? std::optional(host_.node_id()) : next_hop(id);
  if (!hop) return error_contents(kNotFound, "no way there");
  RouteQueryAns answer;
  answer.data = hop->str();
  return Contents(std::move(answer));
}

void Nearest::on_linked(const NodeId&) {}

void Nearest::on_lost(const NodeId& node) {
  if (peers_.erase(to_number(node)) != 0 && joined_) host_.neighbourhood_changed(true);
}

std::vector<NodeId> Nearest::routing_table() const {
  std::vector<NodeId> nodes;
  for (const Number node : peers_) nodes.emplace_back(to_id(node));
  return nodes;
}

}  // namespace peerscope::reload
