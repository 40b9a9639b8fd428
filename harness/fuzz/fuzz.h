// SPDX-License-Identifier: GPL-2.0-or-later
// `fuzz`: scenarios with mutated messages against a live server or node, to find what makes it crash or hang. The
// mutations are those of scenario files (docs/scenarios.md), drawn from the fields of the description; everything
// around them stays right, so they get past the first checks. What is found is kept as a scenario that does it again.
//
// The same seed gives the same mutants. Limits: verdicts on requirements are not of interest here; `run` gives them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "harness/engine/iut.h"
#include "harness/scenario/expression.h"
#include "harness/scenario/scenario.h"

namespace peerscope::harness {

struct FuzzOptions {
  std::uint64_t seed = 1;
  std::size_t most_runs = 500;
  double most_seconds = 300;
  double answer_within = 2;
  std::size_t most_found = 10;
  std::string folder;
  std::function<void(std::size_t runs, std::size_t found)> progress;
};

struct FuzzFind {
  std::string kind;      // "crash", "hang"
  std::string detail;    // how it ended
  std::string mutation;  // for people
  std::string scenario;  // file
};

struct FuzzResult {
  std::size_t runs = 0;
  std::vector<FuzzFind> found;
  std::string error;  // for people: nothing to mutate, the implementation under test does not start
};

FuzzResult fuzz(const std::vector<Scenario>& scenarios, Iut& iut, const FuzzOptions& options);

// A scenario's text with one more or two of its messages mutated; `what` says how. Empty when no message of it can be.
std::string mutate_scenario(const Tree& scenario, const Protocol& protocol, Random& random, std::string& what);

}  // namespace peerscope::harness
