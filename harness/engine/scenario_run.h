// SPDX-License-Identifier: GPL-2.0-or-later
// One attempt at one scenario permutation against one IUT.
#pragma once

#include <cstdint>
#include <string>

#include "harness/engine/iut.h"
#include "harness/engine/selection.h"
#include "harness/report/results.h"
#include "harness/scenario/scenario.h"

namespace peerscope::harness {

struct AttemptOptions {
  std::uint64_t seed = 1;
  double time_scale = 1;
  double answer_within = 5;  // seconds, before scaling
  Judging judging;
  std::string evidence_path;   // empty: none is written
  std::string work_directory;  // for certificates
};

// Runs the steps and judges every message of the IUT with all rows of the protocol's table. Never throws; whatever the
// IUT does, it returns within the sum of the scenario's waits.
Attempt run_attempt(const Scenario& scenario, const Permutation& permutation, Iut& iut, const AttemptOptions& options);

std::string permutation_text(const Permutation& permutation);

}  // namespace peerscope::harness
