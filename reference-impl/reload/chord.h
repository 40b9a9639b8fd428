// SPDX-License-Identifier: GPL-2.0-or-later
// CHORD-RELOAD (RFC 6940 section 10).
//
// Peers are the linked nodes that sent an Update or were admitted by a Join; a node that only attached is not routed
// over (R-ATT-10); all those peers are (section 2: the Routing Table), which is what makes the mean path short of
// Chord's log2(N)/2 + 1. The neighbour table is the three nearest peers on each side, the finger table has at most one
// peer in each of the ranges [n + 2^(128-i), n + 2^(128-i+1)).
#pragma once

#include <array>
#include <map>
#include <set>

#include "reference-impl/reload/ring.h"
#include "reference-impl/reload/topology.h"

namespace peerscope::reload {

class Chord final : public Topology {
 public:
  static constexpr std::size_t kNeighbourCount = 3;  // on each side
  static constexpr std::size_t kFingerCount = 16;    // section 10.7.4.3; more are supported, none needed
  static constexpr std::size_t kReplicaCount = 2;

  explicit Chord(TopologyHost& host);
  ~Chord() override;

  std::string resource_id(std::string_view resource_name) const override;
  bool responsible(std::string_view id) const override;
  std::optional<NodeId> next_hop(std::string_view id) const override;
  bool plausible_owner(std::string_view resource, const NodeId& node) const override;
  bool closer(std::string_view id, std::string_view a, std::string_view b) const override;
  std::vector<NodeId> replicas(std::string_view resource) const override;
  bool keeps(std::string_view resource) const override;
  bool plausible_replica_source(const NodeId& node) const override;
  std::optional<NodeId> neighbour_responsible(std::string_view resource) const override;
  std::uint32_t responsible_ppb() const override;
  void start_alone() override;
  void join(const NodeId& bootstrap, OnJoined done) override;
  bool joined() const override { return joined_; }
  void leave(std::function<void()> done) override;
  Contents on_join(const NodeId& from, const JoinReq& request) override;
  Contents on_leave(const NodeId& from, const LeaveReq& request) override;
  Contents on_update(const NodeId& from, const UpdateReq& request) override;
  Contents on_route_query(const NodeId& from, const RouteQueryReq& request) override;
  void send_update(const NodeId& to) override;
  void on_linked(const NodeId& node) override;
  void on_lost(const NodeId& node) override;
  std::vector<NodeId> predecessors() const override;
  std::vector<NodeId> successors() const override;
  std::vector<NodeId> routing_table() const override;

 private:
  struct Joining {
    // Written out: Clang 14 cannot make an optional of a nested class whose only constructor is implied.
    Joining(const NodeId& through, OnJoined told) : bootstrap(through), done(std::move(told)) {}
    NodeId bootstrap;
    NodeId admitting;
    OnJoined done;
    int attempts = 0;
    std::size_t pending = 0;  // Attaches to future neighbours
    bool have_table = false;
    bool sent = false;
  };

  NodeId id_of(Number number) const { return NodeId(to_id(number)); }
  bool is_peer(Number node) const { return peers_.contains(node); }
  // Sorted by distance from here, upwards and downwards.
  std::vector<Number> nearest(bool upwards, std::size_t count) const;
  bool would_be_neighbour(Number node) const;
  void learn(Number node, const NodeId& teacher);
  void attach_neighbour(Number node, const NodeId& teacher, std::function<void(bool)> done);
  void add_peer(Number node);
  void remove_peer(Number node, bool lost);
  // Tables anew from the peers; tells others and the host when they changed.
  void settle(bool lost);
  void doubt_those_between(Number from, const UpdateReq& request);
  void choose_fingers();
  void announce(bool to_all);
  void flush_announcement();
  void update_to(const NodeId& to, std::uint8_t type);
  Contents update_contents(std::uint8_t type) const;

  void attach_admitting();
  void joining_progress();
  void send_join();
  void fail_join(std::string why);
  void finish_join();
  void admit(const NodeId& node);
  void rejoin();

  void seek_finger(std::size_t index, Number target);
  void seek_all_fingers();
  void schedule_update();
  void schedule_finger_search();
  void search_fingers();

  net::TimerId after(net::Duration delay, void (Chord::*what)());

  TopologyHost& host_;
  Number self_;
  bool joined_ = false;
  bool leaving_ = false;
  std::set<Number> peers_;
  std::vector<Number> successors_;
  std::vector<Number> predecessors_;
  std::array<std::optional<Number>, kFingerCount> fingers_{};
  std::set<Number> attaching_;
  std::set<Number> doubted_;                       // asked whether they are still there
  std::map<Number, net::SteadyTime> unreachable_;  // not tried again for a while
  std::set<Number> admitting_;                     // Join answered, data on its way
  std::optional<Joining> joining_;
  bool announce_pending_ = false;
  bool announce_to_all_ = false;
  NodeId last_bootstrap_;
  net::TimerId update_timer_ = 0;
  net::TimerId finger_timer_ = 0;
  net::TimerId announce_timer_ = 0;
  net::TimerId join_timer_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace peerscope::reload
