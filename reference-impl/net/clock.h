// SPDX-License-Identifier: GPL-2.0-or-later
// Time as a parameter: a steady and a wall clock with timers. SystemClock is real time on an executor; ManualClock
// stands still until advanced, for tests and simulations.
//
// Ownership: a clock must outlive what it is passed to; it owns pending callbacks and drops them unrun when destroyed.
// Failure: none. Threading: use a clock from its one executor (SystemClock) or one thread (ManualClock) only.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace peerscope::net {

namespace asio = boost::asio;

using Duration = std::chrono::nanoseconds;
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using SystemTime = std::chrono::time_point<std::chrono::system_clock, Duration>;
using TimerId = std::uint64_t;  // 0 is never a timer

class Clock {
 public:
  Clock() = default;
  virtual ~Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;

  virtual SteadyTime now() const = 0;
  virtual SystemTime wall_now() const = 0;
  // Runs the callback once, `delay` from now (at once, but never inside this call, when not positive).
  virtual TimerId schedule(Duration delay, std::function<void()> callback) = 0;
  // False when the timer has run, or never existed.
  virtual bool cancel(TimerId id) = 0;

  // Suspends the calling coroutine. Not cancelable; it ends with the clock.
  asio::awaitable<void> sleep(Duration delay);
};

class SystemClock final : public Clock {
 public:
  explicit SystemClock(asio::any_io_executor executor);
  ~SystemClock() override;

  SteadyTime now() const override;
  SystemTime wall_now() const override;
  TimerId schedule(Duration delay, std::function<void()> callback) override;
  bool cancel(TimerId id) override;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

class ManualClock final : public Clock {
 public:
  // The wall clock starts at 2024-01-01T00:00:00Z unless told, so that runs repeat exactly.
  explicit ManualClock(SystemTime wall_start = SystemTime(std::chrono::seconds(1704067200)));

  SteadyTime now() const override { return now_; }
  SystemTime wall_now() const override { return wall_start_ + (now_ - SteadyTime{}); }
  TimerId schedule(Duration delay, std::function<void()> callback) override;
  bool cancel(TimerId id) override;

  // Moves time on by `step`, running due callbacks in order of time, then of scheduling; each sees its own due time,
  // and may schedule more. Returns how many ran.
  std::size_t advance(Duration step);
  // Runs timers, moving time along, until none is left or `limit` has passed. Returns how many ran.
  std::size_t run_until_idle(Duration limit = std::chrono::hours(24));
  std::optional<SteadyTime> next_due() const;
  std::size_t pending() const { return timers_.size(); }

  // Called before the first timer of advance() is looked at and after each callback: give it
  // `[&] { context.restart(); context.poll(); }` so that resumed coroutines run at their own virtual time.
  void set_pump(std::function<void()> pump) { pump_ = std::move(pump); }

 private:
  std::size_t run_until(SteadyTime end, bool stop_when_empty);

  SystemTime wall_start_;
  SteadyTime now_{};
  TimerId last_id_ = 0;
  std::map<std::pair<SteadyTime, TimerId>, std::function<void()>> timers_;
  std::map<TimerId, SteadyTime> due_;
  std::function<void()> pump_;
};

}  // namespace peerscope::net
