// SPDX-License-Identifier: GPL-2.0-or-later
// What session checks of PPSTP remember: transactions, counters and who is in which swarm, as far as the wire showed
// it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "protocols/base/requirement.h"

namespace peerscope::ppstp {

// Bounded: a peer or transaction beyond the limits is not remembered, so a check may miss but never invents.
struct SessionState : Session {
  static constexpr std::size_t kMostPeers = 200000;
  static constexpr std::size_t kMostTransactions = 2000;  // per peer
  // Answered transactions, and peers without a request, older than so many requests are forgotten: memory does not grow
  // with the capture's length.
  static constexpr std::uint64_t kWindow = 50000;
  // All entries together. Beyond it the session starts over, as if the capture began there.
  static constexpr std::size_t kMostRemembered = 2000000;

  struct Transaction {
    std::uint64_t content = 0;  // hash of the request's content
    std::string source;         // endpoint that sent it
    bool pending = false;       // no response seen yet
    std::uint64_t number = 0;   // in the order of the wire
  };
  struct Counters {
    std::int64_t uploaded = 0;
    std::int64_t downloaded = 0;
  };
  struct Peer {
    std::string address;  // of its latest request, without port
    std::unordered_map<std::string, Transaction> transactions;
    std::map<std::string, Counters, std::less<>> counters;
    std::set<std::string, std::less<>> joined;
    // Left on the wire, with the time of the answer (0 unknown), and no JOIN sent since: one whose answer is not seen
    // may have been done.
    std::map<std::string, std::int64_t, std::less<>> left;
    std::map<std::string, std::uint64_t, std::less<>> join_sent;  // number of the latest request that joins it
    std::uint64_t latest = 0;                                     // number of its latest request

    std::size_t entries() const {
      return 1 + transactions.size() + counters.size() + joined.size() + left.size() + join_sent.size();
    }
  };
  std::unordered_map<std::string, Peer> peers;
  std::uint64_t requests = 0;
  std::uint64_t aged = 0;      // the request at which old ones were forgotten last
  std::size_t remembered = 0;  // peers, transactions, counters and swarms

  const Peer* find(const std::string& peer_id) const {
    const auto found = peers.find(peer_id);
    return found == peers.end() ? nullptr : &found->second;
  }
};

// "192.0.2.1" of "192.0.2.1:80", "2001:db8::1" of "[2001:db8::1]:80".
std::string_view host_of(std::string_view endpoint);

}  // namespace peerscope::ppstp
