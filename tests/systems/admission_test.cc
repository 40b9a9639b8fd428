// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/systems/distributed_tracker/admission.h"

#include <gtest/gtest.h>

namespace peerscope::distributed_tracker {
namespace {

using std::chrono::milliseconds;

class AdmissionTest : public ::testing::Test {
 protected:
  void begin(Admission& admission, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) admission.begin();
  }
  void end(Admission& admission, std::size_t count, net::Duration took) {
    for (std::size_t i = 0; i < count; ++i) admission.end(took);
  }

  net::ManualClock clock_;
  AdmissionOptions options_;
};

TEST_F(AdmissionTest, AdmitsUntilTheWindowIsFull) {
  options_.most = 3;
  Admission admission(clock_, options_);
  begin(admission, 2);
  EXPECT_TRUE(admission.admit());
  begin(admission, 1);
  EXPECT_FALSE(admission.admit());
  EXPECT_EQ(admission.refused(), 1U);
  EXPECT_EQ(admission.most_waiting(), 3U);
  admission.end(milliseconds(1));
  EXPECT_TRUE(admission.admit());
}

TEST_F(AdmissionTest, SlowAnswersMakeTheWindowSmallerOncePerTarget) {
  options_.start = 256;
  Admission admission(clock_, options_);
  begin(admission, 200);
  end(admission, 100, options_.target + milliseconds(1));
  EXPECT_EQ(admission.window(), 179U);  // 256 * 0.7
  clock_.advance(options_.target);
  end(admission, 100, options_.target + milliseconds(1));
  EXPECT_EQ(admission.window(), 125U);
}

TEST_F(AdmissionTest, WindowNeverFallsBelowTheLeast) {
  Admission admission(clock_, options_);
  for (int i = 0; i < 100; ++i) {
    admission.begin();
    admission.end(std::chrono::seconds(3));
    clock_.advance(options_.target);
  }
  EXPECT_EQ(admission.window(), options_.least);
}

TEST_F(AdmissionTest, WindowOpensAgainWhenNobodyWaits) {
  Admission admission(clock_, options_);
  begin(admission, 2);
  admission.end(std::chrono::seconds(3));
  EXPECT_LT(admission.window(), options_.start);
  EXPECT_TRUE(admission.admit());
  EXPECT_LT(admission.window(), options_.start) << "one still waits";
  admission.end(milliseconds(1));
  EXPECT_TRUE(admission.admit());
  EXPECT_EQ(admission.window(), options_.start);
}

TEST_F(AdmissionTest, GoodAnswersMakeAUsedWindowLarger) {
  options_.start = 100;
  options_.most = 105;
  Admission admission(clock_, options_);
  begin(admission, 10);
  end(admission, 10, milliseconds(1));
  EXPECT_EQ(admission.window(), 100U) << "a tenth of it was in use";
  begin(admission, 100);
  end(admission, 25, milliseconds(1));
  EXPECT_GT(admission.window(), 100U);
  for (int i = 0; i < 1000; ++i) {
    begin(admission, 1);
    end(admission, 1, milliseconds(1));
  }
  EXPECT_EQ(admission.window(), options_.most);
}

TEST_F(AdmissionTest, OverloadIsRememberedForAMoment) {
  options_.most = 1;
  Admission admission(clock_, options_);
  EXPECT_FALSE(admission.overloaded());
  admission.begin();
  EXPECT_FALSE(admission.admit());
  admission.end(milliseconds(1));
  EXPECT_TRUE(admission.overloaded());
  clock_.advance(options_.memory);
  EXPECT_FALSE(admission.overloaded());
}

// A clock whose callbacks run later than they are due, as in a loop that has too much to do.
class LateClock final : public net::Clock {
 public:
  net::SteadyTime now() const override { return time_; }
  net::SystemTime wall_now() const override { return {}; }
  net::TimerId schedule(net::Duration, std::function<void()> callback) override {
    callback_ = std::move(callback);
    return 1;
  }
  bool cancel(net::TimerId) override { return std::exchange(callback_, nullptr) != nullptr; }

  void pass(net::Duration step) { time_ += step; }
  void run() { std::exchange(callback_, nullptr)(); }
  bool armed() const { return callback_ != nullptr; }

 private:
  net::SteadyTime time_{};
  std::function<void()> callback_;
};

TEST(AdmissionOfALateLoop, AdmitsNothingUntilTheTimerIsOnTimeAgain) {
  LateClock clock;
  const AdmissionOptions options;
  Admission admission(clock, options);
  admission.begin();
  clock.pass(options.beat + options.late);
  EXPECT_TRUE(admission.admit());
  clock.pass(milliseconds(1));
  EXPECT_FALSE(admission.admit()) << "overdue, although it has not run yet";
  clock.run();
  EXPECT_FALSE(admission.admit()) << "it ran late";
  admission.end(milliseconds(1));
  clock.pass(options.beat);
  clock.run();
  EXPECT_TRUE(admission.admit());
  EXPECT_FALSE(clock.armed()) << "nobody waits: nothing is watched";
}

}  // namespace
}  // namespace peerscope::distributed_tracker
