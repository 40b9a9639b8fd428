// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/clock_watch.h"

#include <fmt/format.h>

namespace peerscope::harness {

std::chrono::duration<double> ClockWatch::jump(Wall wall, Steady steady) const {
  const std::chrono::duration<double> beyond = (wall - wall_) - (steady - steady_);
  return std::chrono::abs(beyond) < kTolerance ? std::chrono::duration<double>(0) : beyond;
}

void ClockWatch::distrust(Attempt& attempt) const {
  const double seconds = jump().count();
  if (seconds == 0 || attempt.verdict == Verdict::kError) return;
  attempt.verdict = Verdict::kInconclusive;
  attempt.hits.clear();
  attempt.reason =
      fmt::format("this machine's clock jumped by {:+.1f} s in the meantime: nothing is judged by its times", seconds);
}

}  // namespace peerscope::harness
