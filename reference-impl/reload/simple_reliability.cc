// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/simple_reliability.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocols/reload/protocol.h"

namespace peerscope::reload {
namespace {

constexpr std::size_t kRemembered = 64;  // transmissions that an acknowledgement may still be about

}  // namespace

bool SimpleReliability::send(std::string message, net::SteadyTime now) {
  if (dead_ || queued_ + message.size() > limits_.queue) {
    ++dropped_;
    return false;
  }
  queued_ += message.size();
  queue_.push_back({std::move(message), now});
  return true;
}

void SimpleReliability::transmit_current(net::SteadyTime now, const Transmit& transmit) {
  FramedBytes out;
  out.frame.sequence = sequence_++;  // retransmissions have new ones (R-SRL-02)
  out.message = *current_;
  if (sent_.size() == kRemembered) sent_.pop_front();
  sent_.push_back({out.frame.sequence, now, true});
  if (++transmissions_ > 1) ++retransmissions_;
  next_ = now + wait_;
  wait_ *= 2;
  transmit(encode_part(out));
}

void SimpleReliability::run(net::SteadyTime now, const Transmit& transmit) {
  if (dead_ || now < next_) return;
  if (current_) {
    if (transmissions_ == kTransmissions)
      dead_ = true;
    else
      transmit_current(now, transmit);
    return;
  }
  while (!queue_.empty() && now - queue_.front().since > limits_.patience) {
    queued_ -= queue_.front().message.size();
    queue_.pop_front();
    ++dropped_;
  }
  if (queue_.empty()) return;
  current_ = std::move(queue_.front().message);
  queued_ -= current_->size();
  queue_.pop_front();
  transmissions_ = 0;
  wait_ = timeout();
  transmit_current(now, transmit);
}

std::optional<net::SteadyTime> SimpleReliability::due() const {
  if (dead_ || (!current_ && queue_.empty())) return std::nullopt;
  return next_;
}

void SimpleReliability::acknowledged(std::uint32_t sequence, net::SteadyTime now) {
  const auto at = std::find_if(sent_.begin(), sent_.end(), [&](const Sent& one) { return one.sequence == sequence; });
  if (at == sent_.end()) return;  // never sent, or acknowledged before
  // New sequence numbers tell the transmissions apart, so each acknowledgement is a measurement (section 6.6.3.1).
  timer_.sample(now - at->time);
  measured_ = true;
  if (at->current) {
    current_.reset();
    transmissions_ = 0;
    for (Sent& one : sent_) one.current = false;
  }
  sent_.erase(at);
  if (!current_) next_ = now + kPause;
}

net::Result<void> SimpleReliability::receive(std::string_view bytes, net::SteadyTime now, const Transmit& transmit,
                                             const Deliver& deliver) {
  while (!bytes.empty()) {
    const auto size = frame_size(bytes);
    FramedBytes in;
    if (!size || *size == 0 || *size > bytes.size() || !decode_part(bytes.substr(0, *size), in))
      return {net::ErrorKind::kMalformed, fmt::format("{} bytes in a datagram that are no frame, byte {:#04x} first",
                                                      bytes.size(), static_cast<unsigned char>(bytes[0]))};
    bytes.remove_prefix(*size);
    if (in.is_ack()) {
      acknowledged(in.frame.sequence, now);
      continue;
    }
    Packet ack;
    ack.framed = true;
    ack.frame = {kAckFrame, in.frame.sequence, history_.note(in.frame.sequence)};
    transmit(encode(ack));
    if (!deliver(in.message)) return {};
  }
  return {};
}

SimpleReliability::State SimpleReliability::state() const {
  if (dead_) return State::kDead;
  // The first retransmission comes after a time-out, three more follow.
  return current_ && transmissions_ == kTransmissions ? State::kStalled : State::kGood;
}

}  // namespace peerscope::reload
