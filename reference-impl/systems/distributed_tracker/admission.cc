// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/systems/distributed_tracker/admission.h"

namespace peerscope::distributed_tracker {
namespace {

constexpr double kDecrease = 0.7;
constexpr double kIncrease = 8;  // for each window of good answers

}  // namespace

Admission::Admission(net::Clock& clock, AdmissionOptions options)
    : clock_(clock), options_(options), window_(static_cast<double>(std::min(options.start, options.most))) {}

Admission::~Admission() {
  clock_.cancel(timer_);
}

bool Admission::late() const {
  return was_late_ || (timer_ != 0 && clock_.now() - due_ > options_.late);
}

bool Admission::overloaded() const {
  return late() || clock_.now() < overloaded_until_;
}

bool Admission::admit() {
  // What made it small is over: a crowd that comes later is judged by its own delays.
  if (waiting_ == 0 && !overloaded())
    window_ = std::max(window_, static_cast<double>(std::min(options_.start, options_.most)));
  if (waiting_ < window() && !late()) return true;
  ++refused_;
  overloaded_until_ = clock_.now() + options_.memory;
  return false;
}

void Admission::begin() {
  most_waiting_ = std::max(most_waiting_, ++waiting_);
  arm();
}

void Admission::end(net::Duration took) {
  const bool in_use = 2 * waiting_ >= window();  // else nothing is learned about a larger window
  --waiting_;
  if (took <= options_.target) {
    if (in_use) window_ = std::min(static_cast<double>(options_.most), window_ + std::min(1.0, kIncrease / window_));
    return;
  }
  // Those that were admitted together are slow together: one sign, not many.
  if (clock_.now() < next_decrease_) return;
  next_decrease_ = clock_.now() + options_.target;
  window_ = std::max(static_cast<double>(std::min(options_.least, options_.most)), window_ * kDecrease);
}

void Admission::arm() {
  if (timer_ != 0) return;
  due_ = clock_.now() + options_.beat;
  timer_ = clock_.schedule(options_.beat, [this] {
    timer_ = 0;
    was_late_ = clock_.now() - due_ > options_.late;
    if (waiting_ > 0 || was_late_) arm();
  });
}

}  // namespace peerscope::distributed_tracker
