// SPDX-License-Identifier: GPL-2.0-or-later
// A distributed tracker of any size on virtual time. Two parts: how a whole population of peers spreads over the
// trackers is computed from the rules of placement alone; what one CONNECT and one FIND cost is measured on a sample of
// them that real trackers serve over a real overlay in memory.
//
// Threading: one thread. Ownership: its own.
#pragma once

#include "reference-impl/reload/simulation.h"
#include "reference-impl/systems/distributed_tracker/tracker.h"

namespace peerscope::distributed_tracker {

struct SimulationOptions {
  std::size_t trackers = 100;
  std::size_t peers = 1'000'000;  // each in one swarm
  std::size_t swarms = 50'000;    // popularity by Zipf's law
  double exponent = 0.9;          // of that law
  std::uint32_t shards = 1;       // of a swarm
  std::size_t sample = 2000;      // CONNECTs, and as many FINDs, that are played
  std::uint64_t seed = 1;
  bool signatures = false;  // P-256, as it is in earnest; otherwise signers are only named
};

// How even something is spread: 1 is even.
struct Spread {
  double mean = 0;
  double most = 0;
  double ratio() const { return mean == 0 ? 0 : most / mean; }
};

// What one kind of request costs in the overlay, until its answer and a little after.
struct Cost {
  std::size_t asked = 0;
  std::size_t right = 0;
  double messages = 0;  // over one link each, a request
  double bytes = 0;
  double milliseconds = 0;  // until the answer, with 10 ms a link
};

struct SimulationFigures {
  bool joined = false;     // all trackers are peers of one ring
  Spread connections;      // peers that talk to a tracker
  Spread entries;          // registrations that a tracker is responsible for
  Spread copies;           // the same with the replicas that it keeps for others
  double over_limit = 0;   // share of registrations beyond what a shard takes (64)
  double lookup_hops = 0;  // mean, to the responsible tracker
  Cost connect;
  Cost find;
};

SimulationFigures simulate(const SimulationOptions& options, const reload::Simulation::Progress& progress = {});

}  // namespace peerscope::distributed_tracker
