// SPDX-License-Identifier: GPL-2.0-or-later
// Simple Reliability with the stop-and-wait sender (RFC 6940 sections 6.6.3 and 6.6.3.1): one message at a time on a
// link that loses datagrams, acknowledged or sent again. Frames in, frames out; time is passed in; no I/O.
//
// Limits: the receiver only acknowledges, as the RFC wants it: a message whose acknowledgement is lost arrives twice.
// Failure: a link whose message fails five times is dead. Threading: plain object.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "reference-impl/net/clock.h"
#include "reference-impl/net/result.h"
#include "reference-impl/reload/framing.h"

namespace peerscope::reload {

class SimpleReliability {
 public:
  static constexpr int kTransmissions = 5;
  static constexpr net::Duration kFirstTimeout = std::chrono::milliseconds(500);  // without any measurement
  static constexpr net::Duration kPause = std::chrono::milliseconds(10);          // from an ACK to the next message

  struct Limits {
    std::size_t queue = 1 << 20;                        // bytes that wait
    net::Duration patience = std::chrono::seconds(15);  // what waited longer nobody needs: maximum request lifetime
  };
  enum class State : std::uint8_t {
    kGood,
    kStalled,  // one time-out and three more transmissions without any acknowledgement
    kDead      // all transmissions of a message failed
  };
  using Transmit = std::function<void(std::string frame)>;
  using Deliver = std::function<bool(std::string_view message)>;  // false: stop, the link is gone

  SimpleReliability() : SimpleReliability(Limits()) {}
  explicit SimpleReliability(Limits limits) : limits_(limits) {}

  // Puts a message at the end of the queue; false when there is no room. run() sends it.
  [[nodiscard]] bool send(std::string message, net::SteadyTime now);
  // Sends what is due.
  void run(net::SteadyTime now, const Transmit& transmit);
  // When run() is wanted next; nothing while there is nothing to do.
  std::optional<net::SteadyTime> due() const;
  // One datagram's content: frames. An error when a part of it is none; what came before it has been taken.
  net::Result<void> receive(std::string_view bytes, net::SteadyTime now, const Transmit& transmit,
                            const Deliver& deliver);

  State state() const;
  net::Duration timeout() const { return measured_ ? timer_.timeout() : kFirstTimeout; }
  std::size_t waiting() const { return queue_.size(); }
  std::uint64_t dropped() const { return dropped_; }
  std::uint64_t retransmissions() const { return retransmissions_; }

 private:
  struct Waiting {
    std::string message;
    net::SteadyTime since;
  };
  struct Sent {
    std::uint32_t sequence;
    net::SteadyTime time;
    bool current;  // of the message that is not acknowledged yet
  };
  void transmit_current(net::SteadyTime now, const Transmit& transmit);
  void acknowledged(std::uint32_t sequence, net::SteadyTime now);

  Limits limits_;
  std::deque<Waiting> queue_;
  std::size_t queued_ = 0;
  std::optional<std::string> current_;
  int transmissions_ = 0;   // of the current message
  net::SteadyTime next_{};  // its next transmission, or the next message's first
  net::Duration wait_{0};
  bool dead_ = false;
  bool measured_ = false;
  std::uint32_t sequence_ = 0;
  std::deque<Sent> sent_;
  RoundTripTimer timer_;
  ReceiveHistory history_;
  std::uint64_t dropped_ = 0;
  std::uint64_t retransmissions_ = 0;
};

}  // namespace peerscope::reload
