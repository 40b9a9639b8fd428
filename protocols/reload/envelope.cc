// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/envelope.h"

namespace peerscope::reload {

std::optional<std::size_t> frame_size(std::string_view start) {
  if (start.empty()) return 0;
  const auto type = static_cast<std::uint8_t>(start[0]);
  if (type == kAckFrame) return width_of(kFrameType.type) + width_of(kAckSequence.type) + width_of(kReceived.type);
  if (type != kDataFrame) return std::nullopt;
  const std::size_t length_at = width_of(kFrameType.type) + width_of(kFrameSequence.type);
  const std::size_t header = length_at + width_of(kFrameLength.type);
  if (start.size() < header) return 0;
  std::size_t length = 0;
  for (std::size_t i = length_at; i < header; ++i) length = length << 8 | static_cast<unsigned char>(start[i]);
  return header + length;
}

}  // namespace peerscope::reload
