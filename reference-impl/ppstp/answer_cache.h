// SPDX-License-Identifier: GPL-2.0-or-later
// Answers given before, so that a repeated request (RFC 7846 section 4.3: same transaction_id, same content) gets the
// same answer and changes nothing. Keyed by a keyed 128-bit hash of the request's bytes. Bounded twice: at most
// kPerPeer answers count for one registration, and all of them together stay within a number and a size, oldest out
// first. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>

#include "reference-impl/net/clock.h"
#include "reference-impl/ppstp/registry.h"

namespace peerscope::ppstp {

class AnswerCache {
 public:
  static constexpr std::uint32_t kPerPeer = 16;

  struct Limits {
    std::size_t answers = 65536;
    // Small enough to stay in the processor's cache: a busy tracker writes through it all the time. An answer that is
    // gone costs nothing but the work to make it again, because every request is processed so that repeating it is
    // safe.
    std::size_t bytes = 4 * 1024 * 1024;
    net::Duration age = std::chrono::seconds(60);  // longer than any sensible retry
  };

  AnswerCache(const net::Clock& clock, Registry& registry, Limits limits)
      : clock_(clock), registry_(registry), limits_(limits) {}

  // Null when there is none. A kept answer counts as long as the registration does that it was given to.
  std::shared_ptr<const std::string> find(const Hash128& request, PeerIndex& peer);
  void keep(const Hash128& request, PeerIndex peer, std::shared_ptr<const std::string> answer);
  // The answer that ended a registration counts until that peer ID registers anew.
  void keep_last(const Hash128& request, std::string peer_id, std::shared_ptr<const std::string> answer);

 private:
  struct Answer {
    std::shared_ptr<const std::string> body;
    net::SteadyTime given{};
    PeerIndex peer = kNone;
    std::uint32_t epoch = 0;
    std::uint32_t number = 0;  // among the answers to this registration
    std::string left;          // keep_last: the peer ID
    std::uint64_t serial = 0;
  };
  struct Hasher {
    std::size_t operator()(const Hash128& hash) const { return hash.low; }
  };
  void store(const Hash128& request, Answer answer);

  const net::Clock& clock_;
  Registry& registry_;
  Limits limits_;
  std::unordered_map<Hash128, Answer, Hasher> answers_;
  std::deque<std::pair<Hash128, std::uint64_t>> order_;
  std::uint64_t last_serial_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace peerscope::ppstp
