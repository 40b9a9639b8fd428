// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/clock_watch.h"

#include <gtest/gtest.h>

namespace peerscope::harness {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ClockWatch, TimeThatPassesIsNoJump) {
  const ClockWatch::Wall wall(hours(100));
  const ClockWatch::Steady steady(hours(1));
  const ClockWatch watch(wall, steady);
  EXPECT_EQ(watch.jump(wall + seconds(60), steady + seconds(60)).count(), 0);
  EXPECT_EQ(watch.jump(wall + milliseconds(60030), steady + seconds(60)).count(), 0) << "NTP slews that much";
  EXPECT_DOUBLE_EQ(watch.jump(wall + seconds(3660), steady + seconds(60)).count(), 3600);
  EXPECT_DOUBLE_EQ(watch.jump(wall - seconds(5), steady + seconds(1)).count(), -6);
}

TEST(ClockWatch, AfterAJumpNothingIsJudged) {
  Attempt attempt;
  attempt.verdict = Verdict::kFail;
  attempt.reason = "P-FSM-10: too late";
  attempt.hits.emplace_back();
  ClockWatch().distrust(attempt);
  EXPECT_EQ(attempt.verdict, Verdict::kFail);
  EXPECT_EQ(attempt.hits.size(), 1U);
  const ClockWatch before(std::chrono::system_clock::now() - hours(1), std::chrono::steady_clock::now());
  before.distrust(attempt);
  EXPECT_EQ(attempt.verdict, Verdict::kInconclusive);
  EXPECT_TRUE(attempt.hits.empty());
  EXPECT_NE(attempt.reason.find("clock jumped by +3600.0 s"), std::string::npos) << attempt.reason;
}

TEST(ClockWatch, AnErrorOfTheHarnessStays) {
  Attempt attempt;
  attempt.verdict = Verdict::kError;
  const ClockWatch before(std::chrono::system_clock::now() - hours(1), std::chrono::steady_clock::now());
  before.distrust(attempt);
  EXPECT_EQ(attempt.verdict, Verdict::kError);
}

}  // namespace
}  // namespace peerscope::harness
