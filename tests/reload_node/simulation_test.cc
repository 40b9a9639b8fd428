// SPDX-License-Identifier: GPL-2.0-or-later
// A small overlay in simulation: theory and repair hold, with and without signatures.
#include "reference-impl/reload/simulation.h"

#include <gtest/gtest.h>

#include <cmath>

namespace peerscope::reload {
namespace {

TEST(Simulation, HopsFollowTheoryAndNothingIsLost) {
  SimulationOptions options;
  options.nodes = 200;
  options.lookups = 500;
  options.values = 200;
  const SimulationFigures figures = Simulation(options).run();
  EXPECT_EQ(figures.not_joined, 0U);
  EXPECT_TRUE(figures.ring);
  const double theory = std::log2(200.0) / 2;
  EXPECT_NEAR(figures.quiet.mean_hops, theory, 0.15 * theory);
  EXPECT_EQ(figures.quiet.right, 500U);
  EXPECT_EQ(figures.crashed, 20U);
  EXPECT_GE(figures.at_once.right, 495U);
  EXPECT_GE(figures.repair_seconds, 0);
  EXPECT_GE(figures.repaired.right, 495U);
  EXPECT_GT(figures.with_survivors, 100U);
  EXPECT_EQ(figures.lost, 0U);
}

TEST(Simulation, SameSeedSameFigures) {
  SimulationOptions options;
  options.nodes = 40;
  options.lookups = 100;
  options.values = 10;
  const SimulationFigures one = Simulation(options).run();
  const SimulationFigures two = Simulation(options).run();
  EXPECT_EQ(one.quiet.hops, two.quiet.hops);
  EXPECT_EQ(one.messages_per_join, two.messages_per_join);
  options.seed = 2;
  EXPECT_NE(Simulation(options).run().quiet.hops, one.quiet.hops);
}

TEST(Simulation, RunsWithSignaturesToo) {
  SimulationOptions options;
  options.nodes = 12;
  options.lookups = 30;
  options.values = 10;
  options.signatures = true;
  const SimulationFigures figures = Simulation(options).run();
  EXPECT_EQ(figures.not_joined, 0U);
  EXPECT_EQ(figures.quiet.right, 30U);
  EXPECT_EQ(figures.lost, 0U);
}

TEST(Simulation, PlotIsAnSvgWithEveryRun) {
  std::vector<SimulationFigures> runs(2);
  runs[0].nodes = 100;
  runs[0].quiet.mean_hops = 3.25;
  runs[1].nodes = 1000;
  runs[1].quiet.mean_hops = 5.5;
  const std::string svg = plot_hops(runs);
  EXPECT_TRUE(svg.starts_with("<svg"));
  EXPECT_NE(svg.find(">3.25<"), std::string::npos);
  EXPECT_NE(svg.find(">5.50<"), std::string::npos);
}

}  // namespace
}  // namespace peerscope::reload
