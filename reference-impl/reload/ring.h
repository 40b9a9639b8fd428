// SPDX-License-Identifier: GPL-2.0-or-later
// Identifiers as numbers: the ring of CHORD-RELOAD, modulo 2^128 (RFC 6940 section 10.1), and plain differences. Plain
// functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocols/reload/context.h"

namespace peerscope::reload {

__extension__ typedef unsigned __int128 Number;  // the one integer of 128 bits that GCC has
inline constexpr std::size_t kNumberSize = 16;

// Big endian; only the first 16 bytes count, missing ones are zero.
inline Number to_number(std::string_view id) {
  Number value = 0;
  for (std::size_t i = 0; i < kNumberSize; ++i)
    value = value << 8 | (i < id.size() ? static_cast<unsigned char>(id[i]) : 0U);
  return value;
}
inline std::string to_id(Number value) {
  std::string id(kNumberSize, '\0');
  for (std::size_t i = kNumberSize; i-- > 0; value >>= 8) id[i] = static_cast<char>(value & 0xff);
  return id;
}
// How far one walks from `from` upwards to `to`.
inline Number clockwise(Number from, Number to) {
  return to - from;
}
// from < at <= to on the ring; with from == to it is all of the ring.
inline bool within(Number from, Number at, Number to) {
  if (from == to) return true;
  const Number offset = clockwise(from, at);
  return offset != 0 && offset <= clockwise(from, to);
}
inline Number difference(Number a, Number b) {
  return a < b ? b - a : a - b;
}
inline bool is_wildcard(std::string_view node) {
  return !node.empty() && node.find_first_not_of('\xff') == std::string_view::npos;
}

}  // namespace peerscope::reload
