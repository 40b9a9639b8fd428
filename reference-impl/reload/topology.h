// SPDX-License-Identifier: GPL-2.0-or-later
// The topology plug-in (RFC 6940 section 3.4.1): who is responsible for what, whom to route over, who keeps copies, and
// how a node joins, leaves and stays connected. CHORD-RELOAD is chord.h, a plug-in without Updates nearest.h.
//
// Ownership: a topology belongs to its host, the node, and calls it back. Threading: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/reload/messages.h"
#include "reference-impl/reload/defects.h"
#include "reference-impl/reload/overlay.h"

namespace peerscope::reload {

// What came back for a request of ours.
struct Answer {
  Body body;
  NodeId from;   // who signed it
  int hops = 0;  // of the answer: links it was forwarded over
  std::vector<GenericCertificate> bucket;
};

struct RequestError {
  std::uint16_t code = 0;  // of an ErrorResponse; 0: no answer came, or it could not be sent
  std::string text;
  std::string info;  // encoded error_info
};
template <class T>
class [[nodiscard]] Reply {
 public:
  Reply(T value) : value_(std::move(value)) {}             // NOLINT(google-explicit-constructor)
  Reply(RequestError error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)
  bool ok() const { return value_.has_value(); }
  explicit operator bool() const { return ok(); }
  T& operator*() { return *value_; }
  const T& operator*() const { return *value_; }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }
  const RequestError& error() const { return error_; }

 private:
  std::optional<T> value_;
  RequestError error_;
};

using Destinations = std::vector<Destination>;
using OnAnswer = std::function<void(Reply<Answer>)>;
using OnAttached = std::function<void(Reply<NodeId>)>;

// What a topology may ask of its node.
class TopologyHost {
 public:
  virtual ~TopologyHost() = default;
  virtual const NodeId& node_id() const = 0;
  virtual const OverlayPtr& overlay() const = 0;
  virtual net::Clock& clock() = 0;
  virtual std::uint64_t random() = 0;
  virtual std::uint32_t uptime() const = 0;  // s

  // A mistake to make on purpose.
  virtual bool has_defect(NodeDefect) const { return false; }
  virtual bool is_linked(const NodeId& node) const = 0;
  virtual std::vector<NodeId> linked() const = 0;
  virtual void request(Destinations path, Contents contents, OnAnswer done) = 0;
  virtual void attach(Destinations path, bool send_update, OnAttached done) = 0;
  virtual void drop_link(const NodeId& node) = 0;
  // Gives `to` what it is responsible for from now on; then calls back.
  virtual void hand_over(const NodeId& to, std::function<bool(std::string_view resource)> wanted,
                         std::function<void()> done) = 0;
  // Responsibility or replica sets changed. `lost`: by a failure, so that new copies wait for the hold-down.
  virtual void neighbourhood_changed(bool lost) = 0;
};

class Topology {
 public:
  using OnJoined = std::function<void(net::Result<void>)>;

  Topology() = default;
  virtual ~Topology() = default;
  Topology(const Topology&) = delete;
  Topology& operator=(const Topology&) = delete;

  virtual std::string resource_id(std::string_view resource_name) const = 0;

  // ---- routing; ids are Node-IDs or Resource-IDs
  virtual bool responsible(std::string_view id) const = 0;
  virtual std::optional<NodeId> next_hop(std::string_view id) const = 0;
  // Whether an answer for `resource` may come from this node (R-SEC-10).
  virtual bool plausible_owner(std::string_view resource, const NodeId& node) const = 0;
  virtual bool closer(std::string_view id, std::string_view a, std::string_view b) const = 0;

  // ---- storage
  virtual std::vector<NodeId> replicas(std::string_view resource) const = 0;
  virtual bool keeps(std::string_view resource) const = 0;
  // Whether this node may store copies here: it looks responsible, or gives over what it had (R-STO-09).
  virtual bool plausible_replica_source(const NodeId& node) const = 0;
  // Who is responsible, when that is a neighbour.
  virtual std::optional<NodeId> neighbour_responsible(std::string_view resource) const = 0;
  virtual std::uint32_t responsible_ppb() const = 0;

  // ---- life
  virtual void start_alone() = 0;
  // `bootstrap` is linked. Calls back when the node is a peer, or cannot become one.
  virtual void join(const NodeId& bootstrap, OnJoined done) = 0;
  virtual bool joined() const = 0;
  virtual void leave(std::function<void()> done) = 0;

  // ---- what others send. Requests are answered by what is returned.
  virtual Contents on_join(const NodeId& from, const JoinReq& request) = 0;
  virtual Contents on_leave(const NodeId& from, const LeaveReq& request) = 0;
  virtual Contents on_update(const NodeId& from, const UpdateReq& request) = 0;
  virtual Contents on_route_query(const NodeId& from, const RouteQueryReq& request) = 0;
  // The other side of an Attach, or of a RouteQuery, wants one.
  virtual void send_update(const NodeId& to) = 0;

  // ---- links
  virtual void on_linked(const NodeId& node) = 0;
  virtual void on_lost(const NodeId& node) = 0;

  // ---- for people
  virtual std::vector<NodeId> predecessors() const = 0;
  virtual std::vector<NodeId> successors() const = 0;
  virtual std::vector<NodeId> routing_table() const = 0;
};

std::unique_ptr<Topology> make_topology(TopologyHost& host);
inline constexpr std::string_view kChordReload = "CHORD-RELOAD";
inline constexpr std::string_view kNearest = "TEST";  // the name that java-reload gives it
bool topology_supported(std::string_view name);

// An error as a method's answer.
Contents error_contents(std::uint16_t code, std::string_view text);

}  // namespace peerscope::reload
