// SPDX-License-Identifier: GPL-2.0-or-later
// Where the packets of a byte stream end: frames of an overlay link one after the other, or messages without framing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace peerscope::reload {

// Bytes that packet_length may need to see; fewer are enough for frames.
inline constexpr std::size_t kPacketLengthNeeds = 20;
// A longer one cannot be: the frame's length and the offset of fragments have 24 bits.
inline constexpr std::size_t kLongestPacket = 0x1000000 + 64;

struct PacketLength {
  enum class Kind : std::uint8_t { kNone, kData, kAcknowledgement, kMessage } kind = Kind::kNone;
  std::size_t size = 0;  // 0: more bytes must be seen, or kNone
};
// Of the packet that begins with `start`. kNone: these bytes begin no packet.
PacketLength packet_length(std::string_view start);

// Whether `bytes` hold one RELOAD message, so surely that nothing else comes into question: token, version, a header
// whose lists add up and that fits its message. `whole`: nothing may follow the packet, and nothing may be missing.
bool is_surely_reload(std::string_view bytes, bool whole);

}  // namespace peerscope::reload
