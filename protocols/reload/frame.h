// SPDX-License-Identifier: GPL-2.0-or-later
// Framing header: RFC 6940 section 6.6.2, in front of every message on an overlay link, and the acknowledgement.
//
//   data: 128 (1) | sequence (4) | length (3) | message
//   ack:  129 (1) | ack_sequence (4) | received (4)
#pragma once

#include <cstdint>

#include "protocols/base/field.h"

namespace peerscope::reload {

inline constexpr std::uint8_t kDataFrame = 128;
inline constexpr std::uint8_t kAckFrame = 129;
inline constexpr ValueName kFrameTypeNames[] = {{kDataFrame, "data"}, {kAckFrame, "ack"}};
inline constexpr Field kFrame{.filter = "relo.frame",
                              .name = "frame",
                              .label = "Frame",
                              .type = Type::kGroup,
                              .section = "6.6.2",
                              .about = "Framing header of the overlay link"};
inline constexpr Field kFrameType{.filter = "relo.frame.type",
                                  .name = "type",
                                  .label = "Frame type",
                                  .type = Type::kUint8,
                                  .section = "6.6.2",
                                  .about = "Data or acknowledgement",
                                  .names = kFrameTypeNames};
inline constexpr Field kFrameSequence{.filter = "relo.frame.sequence",
                                      .name = "sequence",
                                      .label = "Sequence",
                                      .type = Type::kUint32,
                                      .section = "6.6.2",
                                      .about = "Number of this frame on its link and direction",
                                      .replay = Replay::kOrdering};
inline constexpr Field kFrameLength{.filter = "relo.frame.length",
                                    .name = "length",
                                    .label = "Message length",
                                    .type = Type::kUint24,
                                    .section = "6.6.2",
                                    .about = "Bytes of the message in the frame",
                                    .replay = Replay::kDerived};
inline constexpr Field kAckSequence{.filter = "relo.frame.ack_sequence",
                                    .name = "ack_sequence",
                                    .label = "Acknowledged sequence",
                                    .type = Type::kUint32,
                                    .section = "6.6.2",
                                    .about = "Number of the frame that was received",
                                    .replay = Replay::kOrdering};
inline constexpr Field kReceived{.filter = "relo.frame.received",
                                 .name = "received",
                                 .label = "Received",
                                 .type = Type::kUint32,
                                 .section = "6.6.2",
                                 .about = "Bit N-M is set when frame M before N=ack_sequence was received",
                                 .replay = Replay::kOrdering,
                                 .display = Display::kHex};

struct Frame {
  std::uint8_t type = kDataFrame;
  std::uint32_t sequence = 0;  // of the frame, or of the frame that is acknowledged
  std::uint32_t received = 0;  // acknowledgements
};

}  // namespace peerscope::reload
