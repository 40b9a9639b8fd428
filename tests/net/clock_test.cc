// SPDX-License-Identifier: GPL-2.0-or-later
// Order of timers, virtual time in coroutines.
#include "reference-impl/net/clock.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <string>
#include <vector>

namespace peerscope::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ManualClock, RunsDueCallbacksInOrder) {
  ManualClock clock;
  std::string order;
  clock.schedule(milliseconds(20), [&] { order += 'c'; });
  clock.schedule(milliseconds(10), [&] { order += 'a'; });
  clock.schedule(milliseconds(10), [&] { order += 'b'; });
  clock.schedule(milliseconds(40), [&] { order += 'z'; });
  EXPECT_EQ(clock.advance(milliseconds(5)), 0U);
  EXPECT_EQ(clock.advance(milliseconds(25)), 3U);
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(clock.pending(), 1U);
  EXPECT_EQ(clock.now() - SteadyTime{}, milliseconds(30));
}

TEST(ManualClock, CallbacksSeeTheirDueTimeAndMaySchedule) {
  ManualClock clock;
  std::vector<Duration> seen;
  const SteadyTime begin = clock.now();
  clock.schedule(seconds(1), [&] {
    seen.push_back(clock.now() - begin);
    clock.schedule(seconds(1), [&] { seen.push_back(clock.now() - begin); });
    clock.schedule(Duration{-5}, [&] { seen.push_back(clock.now() - begin); });
  });
  EXPECT_EQ(clock.advance(seconds(10)), 3U);
  EXPECT_EQ(seen, (std::vector<Duration>{seconds(1), seconds(1), seconds(2)}));
  EXPECT_EQ(clock.now() - begin, seconds(10));
}

TEST(ManualClock, CancelledTimersDoNotRun) {
  ManualClock clock;
  bool ran = false;
  const TimerId id = clock.schedule(seconds(1), [&] { ran = true; });
  EXPECT_TRUE(clock.cancel(id));
  EXPECT_FALSE(clock.cancel(id));
  clock.advance(seconds(2));
  EXPECT_FALSE(ran);
  EXPECT_FALSE(clock.next_due());
}

TEST(ManualClock, WallClockFollows) {
  ManualClock clock(SystemTime(seconds(100)));
  clock.advance(milliseconds(1500));
  EXPECT_EQ(clock.wall_now(), SystemTime(milliseconds(101500)));
}

TEST(ManualClock, RunUntilIdleStopsWhereTheLastTimerRan) {
  ManualClock clock;
  int left = 5;
  std::function<void()> again = [&] {
    if (--left > 0) clock.schedule(seconds(1), again);
  };
  clock.schedule(seconds(1), again);
  EXPECT_EQ(clock.run_until_idle(), 5U);
  EXPECT_EQ(clock.now() - SteadyTime{}, seconds(5));
}

TEST(ManualClock, CoroutinesSleepInVirtualTime) {
  boost::asio::io_context context;
  ManualClock clock;
  clock.set_pump([&] {
    context.restart();
    context.poll();
  });
  std::vector<std::pair<std::string, Duration>> seen;
  const auto sleeper = [&](std::string name, Duration step) -> boost::asio::awaitable<void> {
    for (int i = 0; i < 2; ++i) {
      co_await clock.sleep(step);
      seen.emplace_back(name, clock.now() - SteadyTime{});
    }
  };
  boost::asio::co_spawn(context, sleeper("slow", seconds(3)), boost::asio::detached);
  boost::asio::co_spawn(context, sleeper("fast", seconds(1)), boost::asio::detached);
  clock.advance(seconds(10));
  const std::vector<std::pair<std::string, Duration>> expected = {
      {"fast", seconds(1)}, {"fast", seconds(2)}, {"slow", seconds(3)}, {"slow", seconds(6)}};
  EXPECT_EQ(seen, expected);
}

TEST(SystemClock, SchedulesCancelsAndSleeps) {
  boost::asio::io_context context;
  SystemClock clock(context.get_executor());
  std::string order;
  clock.schedule(milliseconds(20), [&] { order += 'b'; });
  clock.schedule(Duration{0}, [&] { order += 'a'; });
  const TimerId id = clock.schedule(milliseconds(5), [&] { order += 'x'; });
  EXPECT_TRUE(clock.cancel(id));
  boost::asio::co_spawn(
      context,
      [&]() -> boost::asio::awaitable<void> {
        co_await clock.sleep(milliseconds(40));
        order += 'c';
      },
      boost::asio::detached);
  const SteadyTime begin = clock.now();
  context.run();
  EXPECT_EQ(order, "abc");
  EXPECT_GE(clock.now() - begin, milliseconds(40));
}

}  // namespace
}  // namespace peerscope::net
