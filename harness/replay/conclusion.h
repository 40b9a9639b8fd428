// SPDX-License-Identifier: GPL-2.0-or-later
// How a replay ends, whichever kind of flow it played.
#pragma once

#include <string>
#include <vector>

#include "harness/engine/clock_watch.h"
#include "harness/engine/evidence.h"
#include "harness/replay/replay.h"

namespace peerscope::harness {

// Worst wins, the first reason stays. Always false, for `return stop(...)`.
bool stop(Attempt& attempt, Verdict verdict, const std::string& reason);

// Closes the evidence and makes one verdict of findings and divergences.
void conclude(ReplayResult& result, Evidence& evidence, const std::vector<std::string>& secrets,
              const ClockWatch& clock);

}  // namespace peerscope::harness
