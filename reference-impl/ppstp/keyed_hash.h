// SPDX-License-Identifier: GPL-2.0-or-later
// SipHash-2-4 (Aumasson and Bernstein). Peer and swarm IDs come from strangers: without a secret key one of them could
// fill a single bucket of a hash table on purpose. The 128-bit form is wide enough to stand for a whole request.
#pragma once

#include <cstdint>
#include <string_view>

namespace peerscope::ppstp {

struct HashKey {
  std::uint64_t k0 = 0;
  std::uint64_t k1 = 0;
};

struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
};

std::uint64_t siphash(const HashKey& key, std::string_view data);
Hash128 siphash128(const HashKey& key, std::string_view data);

}  // namespace peerscope::ppstp
