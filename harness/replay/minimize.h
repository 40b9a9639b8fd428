// SPDX-License-Identifier: GPL-2.0-or-later
// `minimize`: the fewest messages of a failing flow that still make the implementation under test break the same rule,
// by delta debugging: exchanges first, then the members of what is left. Each try is a replay against a fresh start.
//
// Limits: what is looked for is a broken requirement, an answer that does not come, or a crash. A mere difference from
// the capture's answers is not minimized: without the messages before it, a right server answers otherwise too.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "harness/replay/replay.h"

namespace peerscope::harness {

struct MinimizeOptions {
  ReplayOptions replay;
  std::string requirement;  // empty: the first that the whole flow breaks
  std::size_t most_runs = 500;
  double most_seconds = 600;
  bool members = true;  // drop members too
  std::function<void(std::size_t runs, std::size_t requests, std::size_t of)> progress;
};

struct MinimizeResult {
  std::vector<CapturedMessage> messages;
  std::string what;  // that fails: a requirement's id, "no answer", "crash"
  std::string detail;
  std::size_t before = 0;   // messages of the flow
  std::size_t members = 0;  // that were dropped
  std::size_t runs = 0;
  bool complete = false;  // nothing more can be left out; false: a limit ended it
  ReplayResult last;      // the last replay that failed
  std::string error;      // for people: nothing to minimize, or the implementation under test cannot be started
};

MinimizeResult minimize(const std::vector<CapturedMessage>& messages, Iut& iut, const MinimizeOptions& options);

}  // namespace peerscope::harness
