// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/ppstp/keyed_hash.h"

#include <bit>
#include <cstring>

namespace peerscope::ppstp {
namespace {

struct Sip {
  std::uint64_t v0;
  std::uint64_t v1;
  std::uint64_t v2;
  std::uint64_t v3;

  explicit Sip(const HashKey& key)
      : v0(key.k0 ^ 0x736f6d6570736575ULL),
        v1(key.k1 ^ 0x646f72616e646f6dULL),
        v2(key.k0 ^ 0x6c7967656e657261ULL),
        v3(key.k1 ^ 0x7465646279746573ULL) {}

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
  void rounds(int n) {
    for (int i = 0; i < n; ++i) round();
  }
  void word(std::uint64_t m) {
    v3 ^= m;
    rounds(2);
    v0 ^= m;
  }
  void absorb(std::string_view data) {
    std::size_t at = 0;
    for (; at + 8 <= data.size(); at += 8) {
      std::uint64_t m = 0;
      std::memcpy(&m, data.data() + at, 8);
      word(m);
    }
    std::uint64_t last = static_cast<std::uint64_t>(data.size()) << 56;
    for (std::size_t i = 0; at + i < data.size(); ++i) {
      last |= static_cast<std::uint64_t>(static_cast<unsigned char>(data[at + i])) << (8 * i);
    }
    word(last);
  }
  std::uint64_t squeeze() {
    rounds(4);
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace

std::uint64_t siphash(const HashKey& key, std::string_view data) {
  Sip sip(key);
  sip.absorb(data);
  sip.v2 ^= 0xff;
  return sip.squeeze();
}

Hash128 siphash128(const HashKey& key, std::string_view data) {
  Sip sip(key);
  sip.v1 ^= 0xee;
  sip.absorb(data);
  sip.v2 ^= 0xee;
  Hash128 hash;
  hash.low = sip.squeeze();
  sip.v1 ^= 0xdd;
  hash.high = sip.squeeze();
  return hash;
}

}  // namespace peerscope::ppstp
