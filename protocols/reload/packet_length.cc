// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/packet_length.h"

#include <algorithm>
#include <initializer_list>

#include "protocols/reload/protocol.h"

namespace peerscope::reload {
namespace {

std::size_t width(std::initializer_list<const Field*> fields) {
  std::size_t sum = 0;
  for (const Field* field : fields) sum += width_of(field->type);
  return sum;
}

// The number behind `before` bytes; false when it is not all there.
bool number_at(std::string_view bytes, std::size_t before, const Field& field, std::size_t& value) {
  const std::size_t size = width_of(field.type);
  if (bytes.size() < before + size) return false;
  value = 0;
  for (const char c : bytes.substr(before, size)) value = value << 8 | static_cast<unsigned char>(c);
  return true;
}

}  // namespace

PacketLength packet_length(std::string_view start) {
  using Kind = PacketLength::Kind;
  if (start.empty()) return {};
  static const std::size_t kFrameLengthAt = width({&kFrameType, &kFrameSequence});
  static const std::size_t kFrameHeader = kFrameLengthAt + width({&kFrameLength});
  static const std::size_t kAckSize = width({&kFrameType, &kAckSequence, &kReceived});
  static const std::size_t kLengthAt =
      width({&kToken, &kOverlay, &kConfigurationSequence, &kVersion, &kTtl, &kFragment});
  const auto first = static_cast<std::uint8_t>(start[0]);
  std::size_t length = 0;
  if (first == kAckFrame) return {Kind::kAcknowledgement, kAckSize};
  if (first == kDataFrame)
    return {Kind::kData, number_at(start, kFrameLengthAt, kFrameLength, length) ? kFrameHeader + length : 0};
  if (first != kReloToken >> 24) return {};
  if (!number_at(start, kLengthAt, kLength, length)) return {Kind::kMessage, 0};
  if (length < kFixedHeaderSize || length > kLongestPacket) return {};
  return {Kind::kMessage, length};
}

bool is_surely_reload(std::string_view bytes, bool whole) {
  const PacketLength packet = packet_length(bytes.substr(0, kPacketLengthNeeds));
  if (packet.size < kFixedHeaderSize || (whole && packet.size != bytes.size())) return false;
  if (packet.kind != PacketLength::Kind::kData && packet.kind != PacketLength::Kind::kMessage) return false;
  // Before the message is decoded: this is asked of all sorts of traffic.
  static const std::size_t kFrameHeader = width({&kFrameType, &kFrameSequence, &kFrameLength});
  std::size_t token = 0;
  const std::size_t token_at = packet.kind == PacketLength::Kind::kData ? kFrameHeader : 0;
  if (!number_at(bytes, token_at, kToken, token) || token != kReloToken) return false;
  Message message;
  decode(bytes.substr(0, packet.size), message);
  const Event* header = message.first(kForwarding);
  const Packet* decoded = packet_of(message);
  if (decoded == nullptr || header == nullptr || decoded->forwarding.version != kVersion10) return false;
  if (decoded->forwarding.destination_list.empty() || (decoded->forwarding.fragment & kFragmentBit) == 0) return false;
  const std::uint32_t header_end = header->offset + header->length;
  const bool all_there = bytes.size() >= packet.size;
  return std::ranges::none_of(message.issues, [&](const Issue& issue) {
    // The frame's or the header's length do not fit because the stream goes on in the next segment.
    if (!all_there && (issue.field == &kFrameLength || issue.field == &kLength)) return false;
    return issue.offset < header_end;
  });
}

}  // namespace peerscope::reload
