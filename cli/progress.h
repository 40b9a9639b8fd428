// SPDX-License-Identifier: GPL-2.0-or-later
// One line on stderr about work that takes long, when stderr is a terminal: at most twice a second, from a thread of
// its own, so that it also shows while the work waits. Text for the user is written under hush(), which takes the line
// away.
#pragma once

#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace peerscope::cli {

class Progress {
 public:
  // `line` is called from the thread; what it reads must be atomic or constant.
  explicit Progress(std::function<std::string()> line) : line_(std::move(line)) {
    if (isatty(STDERR_FILENO) == 1) thread_ = std::thread([this] { run(); });
  }
  ~Progress() {
    if (!thread_.joinable()) return;
    {
      const auto hushed = hush();
      done_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // While the lock is held nothing of the progress is on the terminal.
  [[nodiscard]] std::unique_lock<std::mutex> hush() {
    std::unique_lock lock(mutex_);
    if (shown_) {
      std::fputs("\r\033[K", stderr);
      shown_ = false;
    }
    return lock;
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    constexpr auto kPause = std::chrono::milliseconds(500);
    while (!wake_.wait_for(lock, kPause, [this] { return done_; })) {
      std::fprintf(stderr, "\r\033[K%s", line_().c_str());
      shown_ = true;
    }
  }

  std::function<std::string()> line_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool shown_ = false;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace peerscope::cli
