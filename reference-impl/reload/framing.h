// SPDX-License-Identifier: GPL-2.0-or-later
// The framing header on one link (RFC 6940 sections 6.6.2 and 6.6.5): sequence numbers, acknowledgements with the 32
// frames before, the retransmission time-out that tells a dead link. Bytes in, bytes out; no I/O.
//
// Failure: bytes that are no frames, and frames that are too large, end the link. Threading: plain object.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "protocols/reload/envelope.h"
#include "reference-impl/net/clock.h"
#include "reference-impl/net/result.h"
#include "reference-impl/reload/defects.h"

namespace peerscope::reload {

// Frames numbers that were received, as acknowledgements tell them.
class ReceiveHistory {
 public:
  // The `received` field for an acknowledgement of `sequence`: bit N-M for each M of the 31 before that came
  // (the literal numbering: bit 0 is never set).
  std::uint32_t note(std::uint32_t sequence);

 private:
  bool any_ = false;
  std::uint32_t newest_ = 0;
  std::uint64_t seen_ = 0;  // bit i: newest_ - i
};

// RFC 6298, in whole milliseconds.
class RoundTripTimer {
 public:
  static constexpr net::Duration kInitial = std::chrono::seconds(1);
  static constexpr net::Duration kShortest = std::chrono::milliseconds(200);
  void sample(net::Duration round_trip);
  net::Duration timeout() const { return timeout_; }

 private:
  bool any_ = false;
  net::Duration smoothed_{0};
  net::Duration variation_{0};
  net::Duration timeout_ = kInitial;
};

class Framing {
 public:
  struct Limits {
    std::size_t frame = 1 << 20;     // bytes of one frame
    std::size_t unanswered = 65536;  // frames that wait for their acknowledgement
    NodeDefects defects;
  };
  Framing() : Framing(Limits()) {}
  explicit Framing(Limits limits) : limits_(limits) {}

  // The message's frame, with the next sequence number.
  std::string frame(std::string_view message, net::SteadyTime now);

  struct Sink {
    std::function<void(std::string ack)> acknowledge;       // bytes for the other side, at once (R-FRM-03)
    std::function<bool(std::string_view message)> message;  // false: stop, the link is gone
  };
  // A piece of the stream. An error when it cannot be read as frames.
  net::Result<void> receive(std::string_view bytes, net::SteadyTime now, const Sink& sink);

  // When the oldest frame without acknowledgement was sent; nothing when all are acknowledged.
  std::optional<net::SteadyTime> waiting_since() const;
  net::Duration timeout() const { return timer_.timeout(); }
  std::uint32_t next_sequence() const { return next_; }

 private:
  struct Sent {
    std::uint32_t sequence;
    net::SteadyTime time;
  };
  void acknowledged(const Frame& frame, net::SteadyTime now);

  Limits limits_;
  std::uint32_t next_ = 0;
  std::deque<Sent> sent_;
  ReceiveHistory history_;
  RoundTripTimer timer_;
  std::string buffer_;  // the beginning of a frame
};

}  // namespace peerscope::reload
