// SPDX-License-Identifier: GPL-2.0-or-later
// A small simulation: what it says of placement and cost is what the rules of both say.
#include "reference-impl/systems/distributed_tracker/simulation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "reference-impl/net/log.h"

namespace peerscope::distributed_tracker {
namespace {

SimulationOptions small() {
  net::set_up_log(net::LogLevel::kOff, net::LogFormat::kText);
  SimulationOptions options;
  options.trackers = 50;
  options.peers = 20'000;
  options.swarms = 2'000;
  options.sample = 100;
  return options;
}

TEST(DistributedTrackerSimulation, EveryRequestIsAnsweredRight) {
  const SimulationFigures figures = simulate(small());
  EXPECT_TRUE(figures.joined);
  EXPECT_EQ(figures.connect.right, figures.connect.asked);
  EXPECT_EQ(figures.find.right, 100U);
  EXPECT_NEAR(figures.lookup_hops, std::log2(50.0) / 2, 0.6);
  // A FIND is one Fetch there and back; a CONNECT has a Store, a Fetch, a status and the copies of both.
  EXPECT_GT(figures.find.messages, 1);
  EXPECT_LT(figures.find.messages, figures.connect.messages);
  EXPECT_LT(figures.find.milliseconds, 200);
}

TEST(DistributedTrackerSimulation, ShardsSpreadRegistrations) {
  SimulationOptions options = small();
  options.exponent = 1.2;
  options.sample = 1;
  const SimulationFigures one = simulate(options);
  options.shards = 16;
  const SimulationFigures sixteen = simulate(options);
  EXPECT_DOUBLE_EQ(one.entries.mean, 400);
  EXPECT_LT(sixteen.entries.ratio(), one.entries.ratio());
  EXPECT_LT(sixteen.over_limit, one.over_limit);
  EXPECT_LT(one.connections.ratio(), 1.5);
}

TEST(DistributedTrackerSimulation, OneSwarmIsAtOneTracker) {
  SimulationOptions options = small();
  options.swarms = 1;
  options.sample = 1;
  EXPECT_DOUBLE_EQ(simulate(options).entries.most, 20'000);
}

TEST(DistributedTrackerSimulation, SameSeedSameFigures) {
  EXPECT_EQ(simulate(small()).connect.bytes, simulate(small()).connect.bytes);
}

}  // namespace
}  // namespace peerscope::distributed_tracker
