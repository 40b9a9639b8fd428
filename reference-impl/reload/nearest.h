// SPDX-License-Identifier: GPL-2.0-or-later
// A topology plug-in as small as one can be, which proves the interface: a Resource-ID is the first 16 bytes of the
// Resource Name, the peer whose Node-ID has the smallest absolute difference is responsible, everybody knows everybody,
// and there are no Updates. java-reload has the like under the name TEST: Join goes to the Resource-ID that equals the
// joining node's Node-ID, and whoever joined over a link is a peer.
//
// Our own addition, in data that the RFC leaves to the plug-in: JoinAns lists the peers that the answering one knows,
// so that the joining node can attach to them and send each a Join as well.
#pragma once

#include <set>

#include "reference-impl/reload/ring.h"
#include "reference-impl/reload/topology.h"

namespace peerscope::reload {

class Nearest final : public Topology {
 public:
  static constexpr std::size_t kReplicaCount = 2;
  static constexpr std::size_t kMostPeers = 256;

  explicit Nearest(TopologyHost& host) : host_(host), self_(to_number(host.node_id())) {}

  std::string resource_id(std::string_view resource_name) const override { return to_id(to_number(resource_name)); }
  bool responsible(std::string_view id) const override;
  std::optional<NodeId> next_hop(std::string_view id) const override;
  bool plausible_owner(std::string_view, const NodeId&) const override { return true; }
  bool closer(std::string_view id, std::string_view a, std::string_view b) const override;
  std::vector<NodeId> replicas(std::string_view resource) const override;
  bool keeps(std::string_view) const override { return true; }
  bool plausible_replica_source(const NodeId& node) const override;
  std::optional<NodeId> neighbour_responsible(std::string_view resource) const override;
  std::uint32_t responsible_ppb() const override;
  void start_alone() override { joined_ = true; }
  void join(const NodeId& bootstrap, OnJoined done) override;
  bool joined() const override { return joined_; }
  void leave(std::function<void()> done) override;
  Contents on_join(const NodeId& from, const JoinReq& request) override;
  Contents on_leave(const NodeId& from, const LeaveReq& request) override;
  Contents on_update(const NodeId&, const UpdateReq&) override { return Contents(UpdateAns{}); }
  Contents on_route_query(const NodeId& from, const RouteQueryReq& request) override;
  void send_update(const NodeId&) override {}
  void on_linked(const NodeId& node) override;
  void on_lost(const NodeId& node) override;
  std::vector<NodeId> predecessors() const override { return {}; }
  std::vector<NodeId> successors() const override { return {}; }
  std::vector<NodeId> routing_table() const override;

 private:
  std::vector<Number> by_distance(Number target) const;
  void add_peer(Number node);
  void join_at(const NodeId& node, bool first);

  TopologyHost& host_;
  Number self_;
  bool joined_ = false;
  std::set<Number> peers_;
  NodeId bootstrap_;
  NodeId admitting_;
  OnJoined done_;
};

}  // namespace peerscope::reload
