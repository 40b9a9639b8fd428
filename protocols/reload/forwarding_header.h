// SPDX-License-Identifier: GPL-2.0-or-later
// ForwardingHeader: RFC 6940 section 6.3.2. `length` counts from the token to the end of the message.
//
//   relo_token (4) | overlay (4) | configuration_sequence (2) | version (1) | ttl (1) | fragment (4) | length (4)
//   transaction_id (8) | max_response_length (4) | via_list_length (2) | destination_list_length (2)
//   options_length (2) | via_list | destination_list | options
#pragma once

#include <cstdint>
#include <vector>

#include "protocols/base/binary_archive.h"
#include "protocols/reload/destination.h"
#include "protocols/reload/forwarding_option.h"

namespace peerscope::reload {

inline constexpr std::uint32_t kReloToken = 0xd2454c4f;
inline constexpr std::uint8_t kVersion10 = 0x0a;
inline constexpr std::uint8_t kDraftVersion = 0x01;  // 0.1, of the drafts
inline constexpr std::uint8_t kDefaultTtl = 100;     // section 11.1, initial-ttl
inline constexpr std::uint32_t kFragmentBit = 0x80000000;
inline constexpr std::uint32_t kLastFragmentBit = 0x40000000;
inline constexpr std::uint32_t kReservedFragmentBits = 0x3f000000;
inline constexpr std::uint32_t kFragmentOffset = 0x00ffffff;
inline constexpr std::uint32_t kUnfragmented = kFragmentBit | kLastFragmentBit;
inline constexpr std::size_t kFixedHeaderSize = 38;
inline constexpr ValueName kVersionNames[] = {{kDraftVersion, "0.1"}, {kVersion10, "1.0"}};

inline constexpr Field kForwarding{.filter = "relo.forwarding",
                                   .name = "forwarding",
                                   .label = "Forwarding header",
                                   .type = Type::kGroup,
                                   .section = "6.3.2",
                                   .about = "Read and changed by every node on the way"};
inline constexpr Field kToken{.filter = "relo.forwarding.relo_token",
                              .name = "relo_token",
                              .label = "Token",
                              .type = Type::kUint32,
                              .section = "6.3.2",
                              .about = "RELO with the top bit set: tells RELOAD from STUN",
                              .display = Display::kHex};
inline constexpr Field kOverlay{.filter = "relo.forwarding.overlay",
                                .name = "overlay",
                                .label = "Overlay",
                                .type = Type::kUint32,
                                .section = "6.3.2",
                                .about = "Last four bytes of SHA-1 over the overlay's name",
                                .replay = Replay::kPartyId,
                                .display = Display::kHex};
inline constexpr Field kConfigurationSequence{.filter = "relo.forwarding.configuration_sequence",
                                              .name = "configuration_sequence",
                                              .label = "Configuration sequence",
                                              .type = Type::kUint16,
                                              .section = "6.3.2.1",
                                              .about = "The sender's configuration",
                                              .replay = Replay::kOrdering};
inline constexpr Field kVersion{.filter = "relo.forwarding.version",
                                .name = "version",
                                .label = "Version",
                                .type = Type::kUint8,
                                .section = "6.3.2",
                                .about = "Ten times the version: 10 is 1.0",
                                .names = kVersionNames};
inline constexpr Field kTtl{.filter = "relo.forwarding.ttl",
                            .name = "ttl",
                            .label = "TTL",
                            .type = Type::kUint8,
                            .section = "6.3.2",
                            .about = "Hops left"};
inline constexpr Field kFragment{.filter = "relo.forwarding.fragment",
                                 .name = "fragment",
                                 .label = "Fragment",
                                 .type = Type::kUint32,
                                 .section = "6.7",
                                 .about = "Place in a fragmented message",
                                 .replay = Replay::kDerived,
                                 .display = Display::kHex};
inline constexpr Field kFragmentSet{.filter = "relo.forwarding.fragment_set",
                                    .name = "fragment_set",
                                    .label = "Always 1",
                                    .type = Type::kBoolean,
                                    .section = "6.7",
                                    .about = "Set in every message"};
inline constexpr Field kFragmentLast{.filter = "relo.forwarding.fragment_last",
                                     .name = "fragment_last",
                                     .label = "Last fragment",
                                     .type = Type::kBoolean,
                                     .section = "6.7",
                                     .about = "Set on the last fragment and on whole messages"};
inline constexpr Field kFragmentReserved{.filter = "relo.forwarding.fragment_reserved",
                                         .name = "fragment_reserved",
                                         .label = "Reserved",
                                         .type = Type::kUint8,
                                         .section = "6.7",
                                         .about = "Zero"};
inline constexpr Field kFragmentStart{.filter = "relo.forwarding.fragment_offset",
                                      .name = "fragment_offset",
                                      .label = "Fragment offset",
                                      .type = Type::kUint32,
                                      .section = "6.7",
                                      .about = "Bytes of the message's content before this fragment"};
inline constexpr Field kLength{.filter = "relo.forwarding.length",
                               .name = "length",
                               .label = "Length",
                               .type = Type::kUint32,
                               .section = "6.3.2",
                               .about = "Bytes of this message or fragment with its header",
                               .replay = Replay::kDerived};
inline constexpr Field kTransactionId{.filter = "relo.forwarding.transaction_id",
                                      .name = "transaction_id",
                                      .label = "Transaction ID",
                                      .type = Type::kUint64,
                                      .section = "6.3.2",
                                      .about = "Pairs request, response and fragments",
                                      .replay = Replay::kExchangeId,
                                      .display = Display::kHex};
inline constexpr Field kMaxResponseLength{.filter = "relo.forwarding.max_response_length",
                                          .name = "max_response_length",
                                          .label = "Max response length",
                                          .type = Type::kUint32,
                                          .section = "6.3.2",
                                          .about = "Bytes that the response may have; 0: no limit"};
inline constexpr Field kViaListLength{.filter = "relo.forwarding.via_list_length",
                                      .name = "via_list_length",
                                      .label = "Via List length",
                                      .type = Type::kUint16,
                                      .section = "6.3.2",
                                      .about = "Bytes of the Via List",
                                      .replay = Replay::kDerived};
inline constexpr Field kDestinationListLength{.filter = "relo.forwarding.destination_list_length",
                                              .name = "destination_list_length",
                                              .label = "Destination List length",
                                              .type = Type::kUint16,
                                              .section = "6.3.2",
                                              .about = "Bytes of the Destination List",
                                              .replay = Replay::kDerived};
inline constexpr Field kOptionsLength{.filter = "relo.forwarding.options_length",
                                      .name = "options_length",
                                      .label = "Options length",
                                      .type = Type::kUint16,
                                      .section = "6.3.2",
                                      .about = "Bytes of the options",
                                      .replay = Replay::kDerived};
inline constexpr Field kVia{.filter = "relo.forwarding.via",
                            .name = "via_list",
                            .label = "Via",
                            .type = Type::kGroup,
                            .section = "6.3.2",
                            .about = "A node that the message came through"};
inline constexpr Field kDestination{.filter = "relo.forwarding.destination",
                                    .name = "destination_list",
                                    .label = "Destination",
                                    .type = Type::kGroup,
                                    .section = "6.3.2",
                                    .about = "A place that the message shall pass; the last one is where it goes"};
inline constexpr Field kOption{.filter = "relo.forwarding.option",
                               .name = "options",
                               .label = "Option",
                               .type = Type::kGroup,
                               .section = "6.3.2.3",
                               .about = "A forwarding option"};
inline constexpr Bits kFragmentBits[] = {{&kFragmentSet, kFragmentBit},
                                         {&kFragmentLast, kLastFragmentBit},
                                         {&kFragmentReserved, kReservedFragmentBits},
                                         {&kFragmentStart, kFragmentOffset}};

struct ForwardingHeader {
  std::uint32_t relo_token = kReloToken;
  std::uint32_t overlay = 0;
  std::uint16_t configuration_sequence = 0;
  std::uint8_t version = kVersion10;
  std::uint8_t ttl = kDefaultTtl;
  std::uint32_t fragment = kUnfragmented;
  std::uint64_t transaction_id = 0;
  std::uint32_t max_response_length = 0;
  std::vector<Destination> via_list;
  std::vector<Destination> destination_list;
  std::vector<ForwardingOption> options;

  // One of several parts of a message. A clear top bit makes it no fragment (section 6.7).
  bool is_fragment() const {
    return (fragment & kFragmentBit) != 0 && (fragment & (kLastFragmentBit | kFragmentOffset)) != kLastFragmentBit;
  }
  std::uint32_t fragment_offset() const { return fragment & kFragmentOffset; }
  bool is_last_fragment() const { return (fragment & kLastFragmentBit) != 0; }
};
// Gives the length back, whose part begins at the token and ends behind this header.
template <class A>
Length describe_header(A& a, ForwardingHeader& m) {
  const std::size_t start = a.mark();
  a.number(kToken, m.relo_token);
  a.number(kOverlay, m.overlay);
  a.number(kConfigurationSequence, m.configuration_sequence);
  a.number(kVersion, m.version);
  a.number(kTtl, m.ttl);
  a.bits(kFragment, m.fragment, kFragmentBits);
  const Length length = a.length(kLength, start);
  a.number(kTransactionId, m.transaction_id);
  a.number(kMaxResponseLength, m.max_response_length);
  const Length via = a.length(kViaListLength);
  const Length destination = a.length(kDestinationListLength);
  const Length options = a.length(kOptionsLength);
  a.sized(via, [&] { a.sequence(kVia, m.via_list); });
  a.sized(destination, [&] { a.sequence(kDestination, m.destination_list); });
  a.sized(options, [&] { a.sequence(kOption, m.options); });
  return length;
}

}  // namespace peerscope::reload
