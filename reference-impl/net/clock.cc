// SPDX-License-Identifier: GPL-2.0-or-later
// Timers of the real clock on Asio, and of the manual clock in an ordered map.
#include "reference-impl/net/clock.h"

#include <boost/asio.hpp>
#include <unordered_map>

namespace peerscope::net {

asio::awaitable<void> Clock::sleep(Duration delay) {
  // The callback must be copyable for std::function, so the move-only completion handler is shared.
  co_await asio::async_initiate<decltype(asio::use_awaitable), void()>(
      [this, delay](auto handler) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        schedule(delay, [shared] {
          auto executor = asio::get_associated_executor(*shared);
          asio::post(executor, [shared] { std::move (*shared)(); });
        });
      },
      asio::use_awaitable);
}

struct SystemClock::State {
  explicit State(asio::any_io_executor e) : executor(std::move(e)) {}
  asio::any_io_executor executor;
  TimerId last_id = 0;
  std::unordered_map<TimerId, std::unique_ptr<asio::steady_timer>> timers;
};

SystemClock::SystemClock(asio::any_io_executor executor) : state_(std::make_shared<State>(std::move(executor))) {}
SystemClock::~SystemClock() = default;

SteadyTime SystemClock::now() const {
  return std::chrono::steady_clock::now();
}
SystemTime SystemClock::wall_now() const {
  return std::chrono::system_clock::now();
}

TimerId SystemClock::schedule(Duration delay, std::function<void()> callback) {
  const TimerId id = ++state_->last_id;
  auto timer = std::make_unique<asio::steady_timer>(state_->executor, delay);
  // The state is held weakly: it owns the timer that owns this handler.
  timer->async_wait([weak = std::weak_ptr<State>(state_), id, run = std::move(callback)](boost::system::error_code ec) {
    const auto state = weak.lock();
    if (ec || !state || state->timers.erase(id) == 0) return;
    run();
  });
  state_->timers.emplace(id, std::move(timer));
  return id;
}

bool SystemClock::cancel(TimerId id) {
  return state_->timers.erase(id) != 0;
}

ManualClock::ManualClock(SystemTime wall_start) : wall_start_(wall_start) {}

TimerId ManualClock::schedule(Duration delay, std::function<void()> callback) {
  const TimerId id = ++last_id_;
  const SteadyTime due = now_ + std::max(delay, Duration{0});
  timers_.emplace(std::pair{due, id}, std::move(callback));
  due_.emplace(id, due);
  return id;
}

bool ManualClock::cancel(TimerId id) {
  const auto found = due_.find(id);
  if (found == due_.end()) return false;
  timers_.erase({found->second, id});
  due_.erase(found);
  return true;
}

std::optional<SteadyTime> ManualClock::next_due() const {
  if (timers_.empty()) return std::nullopt;
  return timers_.begin()->first.first;
}

std::size_t ManualClock::run_until(SteadyTime end, bool stop_when_empty) {
  std::size_t ran = 0;
  if (pump_) pump_();
  while (!timers_.empty() && timers_.begin()->first.first <= end) {
    auto node = timers_.extract(timers_.begin());
    due_.erase(node.key().second);
    now_ = node.key().first;
    node.mapped()();
    ++ran;
    if (pump_) pump_();
  }
  if (!stop_when_empty || !timers_.empty()) now_ = end;
  return ran;
}

std::size_t ManualClock::advance(Duration step) {
  return run_until(now_ + step, false);
}
std::size_t ManualClock::run_until_idle(Duration limit) {
  return run_until(now_ + limit, true);
}

}  // namespace peerscope::net
