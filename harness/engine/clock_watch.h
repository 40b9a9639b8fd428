// SPDX-License-Identifier: GPL-2.0-or-later
// Did the machine's clock jump while something was judged? Messages carry wall-clock times, and rules about time are
// judged by them: a clock that is set, or a machine that slept, would make a wrong verdict of a right one.
#pragma once

#include <chrono>

#include "harness/report/results.h"

namespace peerscope::harness {

class ClockWatch {
 public:
  // Above what NTP's slewing (500 ppm) does within the longest scenarios, below what any rule's limit is.
  static constexpr std::chrono::milliseconds kTolerance{200};

  using Wall = std::chrono::system_clock::time_point;
  using Steady = std::chrono::steady_clock::time_point;
  ClockWatch() : ClockWatch(std::chrono::system_clock::now(), std::chrono::steady_clock::now()) {}
  ClockWatch(Wall wall, Steady steady) : wall_(wall), steady_(steady) {}

  // How far the wall clock went beyond the time that passed, negative when it was set back; 0 within the tolerance.
  std::chrono::duration<double> jump() const {
    return jump(std::chrono::system_clock::now(), std::chrono::steady_clock::now());
  }
  std::chrono::duration<double> jump(Wall wall, Steady steady) const;

  // By the monotonic clock.
  std::chrono::duration<double> elapsed() const { return std::chrono::steady_clock::now() - steady_; }

  // After a jump the attempt has no verdict but `inconclusive`; findings are dropped with it.
  void distrust(Attempt& attempt) const;

 private:
  Wall wall_;
  Steady steady_;
};

}  // namespace peerscope::harness
