// SPDX-License-Identifier: GPL-2.0-or-later
// How many requests may wait for the overlay at a time. What a tracker cannot serve soon it refuses at once (05, RFC
// 7846 section 4.3), before any Store is made for it: an answer that comes after the peer gave up is work for nothing,
// for every tracker that the Store passes.
//
// Two signs say when: requests that took longer than `target` make the window smaller, those that did not let it grow
// again (additive increase, multiplicative decrease, once per target); and a timer that runs late shows that requests
// are old before they are seen, so that none is admitted until it is on time again.
//
// Ownership: the clock must outlive it. Failure: none. Threading: one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

#include "reference-impl/net/clock.h"

namespace peerscope::distributed_tracker {

struct AdmissionOptions {
  std::size_t most = 4096;  // requests that wait for the overlay, however fast it is
  std::size_t start = 64;
  std::size_t least = 8;                                   // however slow it is: else nobody would see it recover
  net::Duration target = std::chrono::milliseconds(500);   // from a request to its answer
  net::Duration late = std::chrono::milliseconds(250);     // of a timer
  net::Duration beat = std::chrono::milliseconds(50);      // between two looks at lateness
  net::Duration memory = std::chrono::milliseconds(1000);  // overloaded() for so long after a refusal
};

class Admission {
 public:
  Admission(net::Clock& clock, AdmissionOptions options);
  ~Admission();
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  // False: refuse now. Looks only; who waits is counted by begin() and end().
  bool admit();
  void begin();
  void end(net::Duration took);

  // Something was refused a short time ago, or the loop is late: nothing is done that can be left out.
  bool overloaded() const;
  bool late() const;
  std::size_t waiting() const { return waiting_; }
  std::size_t window() const { return std::min(options_.most, static_cast<std::size_t>(window_)); }
  std::size_t most_waiting() const { return most_waiting_; }
  std::uint64_t refused() const { return refused_; }

 private:
  void arm();

  net::Clock& clock_;
  AdmissionOptions options_;
  double window_;
  std::size_t waiting_ = 0;
  std::size_t most_waiting_ = 0;
  std::uint64_t refused_ = 0;
  net::SteadyTime overloaded_until_{};
  net::SteadyTime next_decrease_{};
  net::SteadyTime due_{};  // of the timer
  net::TimerId timer_ = 0;
  bool was_late_ = false;  // the last time it ran
};

}  // namespace peerscope::distributed_tracker
