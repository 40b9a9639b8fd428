// SPDX-License-Identifier: GPL-2.0-or-later
// Overlays of many nodes in one process: the real node code on the network in memory and on virtual time.
//
// Ownership: a Simulation owns everything. Failure: what does not work out is in the figures. Threading: one thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "reference-impl/reload/memory_overlay.h"
#include "reference-impl/reload/new_overlay.h"
#include "reference-impl/reload/node.h"
#include "reference-impl/reload/ring.h"

namespace peerscope::reload {

struct SimulationOptions {
  std::size_t nodes = 1000;
  std::uint64_t seed = 1;
  bool signatures = false;  // P-256; otherwise signers are only named
  std::size_t lookups = 2000;
  std::size_t values = 1000;
  double crash = 0.1;  // share of the nodes that crashes at once
  net::Duration latency = std::chrono::milliseconds(10);
  std::int32_t update_interval = 600;  // s, chord-update-interval
  net::Duration most_repair = std::chrono::seconds(3600);
  std::function<void(OverlayConfiguration&)> shape = {};  // what the overlay is to have besides
};

struct LookupFigures {
  std::size_t asked = 0;
  std::size_t right = 0;  // answered by the node that is responsible
  double mean_hops = 0;
  std::vector<std::size_t> hops;  // histogram
};

struct SimulationFigures {
  std::size_t nodes = 0;
  std::size_t not_joined = 0;
  bool ring = false;
  double build_seconds = 0;  // virtual
  double messages_per_join = 0;
  double messages_per_node_hour = 0;  // in a quiet overlay
  double links_per_node = 0;
  double fingers_per_node = 0;
  LookupFigures quiet;
  std::size_t crashed = 0;
  LookupFigures at_once;       // beginning right after the crash
  double repair_seconds = -1;  // until the ring is whole again; negative: not within the limit
  LookupFigures repaired;
  std::size_t values = 0;
  std::size_t with_survivors = 0;  // values of which a copy survived the crash
  std::size_t lost = 0;            // of those, not to be fetched after repair
};

class Simulation {
 public:
  explicit Simulation(SimulationOptions options);
  virtual ~Simulation();

  using Progress = std::function<void(std::string_view what, std::size_t done, std::size_t of)>;
  SimulationFigures run(const Progress& progress = {});

 protected:
  struct Member {
    NodeId id;
    std::unique_ptr<MemoryTransport> transport;
    std::unique_ptr<Node> node;
    bool dead = false;
  };

  std::unique_ptr<Security> make_security(std::size_t index, NodeId& id);
  void add_member();
  void build(const Progress& progress);
  void store_values();
  LookupFigures look_up(std::size_t count);
  void crash();
  bool ring_is_whole() const;
  std::size_t fetch_values(const std::vector<std::size_t>& which);
  bool has_copy(std::size_t value) const;
  Member& random_member();
  Node* responsible(const std::string& resource) const;
  std::uint64_t pick(std::uint64_t below);

  SimulationOptions options_;
  net::ManualClock clock_;
  MemoryNetwork network_;
  SeededRandom random_;
  std::mt19937_64 engine_;
  std::optional<NewOverlay> made_;
  OverlayPtr overlay_;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<std::size_t> peers_;      // indices of those that joined and live
  std::map<Number, std::size_t> ring_;  // the same, by Node-ID
  std::vector<std::string> places_;
};

// Hops against the number of nodes, beside log2(N)/2.
std::string plot_hops(const std::vector<SimulationFigures>& runs);

}  // namespace peerscope::reload
