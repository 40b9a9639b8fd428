// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/framing.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocols/reload/protocol.h"

namespace peerscope::reload {

std::uint32_t ReceiveHistory::note(std::uint32_t sequence) {
  constexpr std::uint32_t kWindow = 32;
  const auto ahead = static_cast<std::int32_t>(sequence - newest_);
  if (!any_ || ahead > 0) {
    seen_ = !any_ || ahead >= 64 ? 0 : seen_ << ahead;
    newest_ = sequence;
    any_ = true;
    seen_ |= 1;
    return static_cast<std::uint32_t>(seen_ & 0xfffffffe);
  }
  const auto behind = static_cast<std::uint32_t>(-ahead);
  if (behind >= 64) return 0;
  seen_ |= std::uint64_t{1} << behind;
  return behind > kWindow ? 0 : static_cast<std::uint32_t>(seen_ >> behind & 0xfffffffe);
}

void RoundTripTimer::sample(net::Duration round_trip) {
  if (!any_) {
    smoothed_ = round_trip;
    variation_ = round_trip / 2;
    any_ = true;
  } else {
    const net::Duration error = round_trip < smoothed_ ? smoothed_ - round_trip : round_trip - smoothed_;
    variation_ = (variation_ * 3 + error) / 4;
    smoothed_ = (smoothed_ * 7 + round_trip) / 8;
  }
  constexpr net::Duration kLongest = std::chrono::seconds(60);
  const auto whole = std::chrono::ceil<std::chrono::milliseconds>(smoothed_ + 4 * variation_);
  timeout_ = std::clamp<net::Duration>(whole, kShortest, kLongest);
}

std::string Framing::frame(std::string_view message, net::SteadyTime now) {
  FramedBytes out;
  out.frame.sequence = limits_.defects.has(NodeDefect::kSequenceConstant) ? 0 : next_++;
  out.message = message;
  if (sent_.size() >= limits_.unanswered) sent_.pop_front();
  sent_.push_back({out.frame.sequence, now});
  return encode_part(out);
}

void Framing::acknowledged(const Frame& frame, net::SteadyTime now) {
  // TCP keeps the order: an acknowledgement stands for all frames before it too.
  while (!sent_.empty() && static_cast<std::int32_t>(frame.sequence - sent_.front().sequence) >= 0) {
    if (sent_.front().sequence == frame.sequence) timer_.sample(now - sent_.front().time);
    sent_.pop_front();
  }
}

net::Result<void> Framing::receive(std::string_view bytes, net::SteadyTime now, const Sink& sink) {
  buffer_.append(bytes);
  std::string_view left = buffer_;
  while (!left.empty()) {
    const auto size = frame_size(left);
    if (!size)
      return {net::ErrorKind::kMalformed,
              fmt::format("byte {:#04x} begins no frame", static_cast<unsigned char>(left[0]))};
    if (*size > limits_.frame) return {net::ErrorKind::kTooLarge, fmt::format("a frame of {} bytes", *size)};
    if (*size == 0 || left.size() < *size) break;
    FramedBytes in;
    if (!decode_part(left.substr(0, *size), in)) return {net::ErrorKind::kMalformed, "a frame that cannot be read"};
    left.remove_prefix(*size);
    if (in.is_ack()) {
      acknowledged(in.frame, now);
      continue;
    }
    Packet ack;
    ack.framed = true;
    ack.frame = {kAckFrame, in.frame.sequence, history_.note(in.frame.sequence)};
    if (limits_.defects.has(NodeDefect::kAcknowledgesAhead)) ++ack.frame.sequence;
    if (!limits_.defects.has(NodeDefect::kNoAcknowledgements)) sink.acknowledge(encode(ack));
    if (!sink.message(in.message)) return {};
  }
  buffer_.erase(0, buffer_.size() - left.size());
  return {};
}

std::optional<net::SteadyTime> Framing::waiting_since() const {
  if (sent_.empty()) return std::nullopt;
  return sent_.front().time;
}

}  // namespace peerscope::reload
