// SPDX-License-Identifier: GPL-2.0-or-later
// IceCandidate: RFC 6940 section 6.5.1.1, in Attach and AppAttach.
//
//   addr_port | overlay_link (1) | length (1) foundation | priority (4) | type (1)
//   | srflx, relay: rel_addr_port | length (2) | extensions { length (2) name | length (2) value }
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocols/base/field.h"
#include "protocols/reload/ip_address_port.h"
#include "protocols/reload/overlay_link.h"

namespace peerscope::reload {

inline constexpr std::uint8_t kHostCandidate = 1;
inline constexpr std::uint8_t kServerReflexiveCandidate = 2;
inline constexpr std::uint8_t kRelayCandidate = 4;
inline constexpr ValueName kCandidateTypeNames[] = {
    {kHostCandidate, "host"}, {kServerReflexiveCandidate, "srflx"}, {kRelayCandidate, "relay"}};
inline constexpr Field kCandidateAddress{.filter = "relo.candidate.addr_port",
                                         .name = "addr_port",
                                         .label = "Address",
                                         .type = Type::kGroup,
                                         .section = "6.5.1.1",
                                         .about = "Where the node can be reached"};
inline constexpr Field kCandidateLink{.filter = "relo.candidate.overlay_link",
                                      .name = "overlay_link",
                                      .label = "Overlay link",
                                      .type = Type::kUint8,
                                      .section = "6.5.1.1",
                                      .about = "Protocols of the link",
                                      .names = kOverlayLinkNames};
inline constexpr Field kFoundationLength{.filter = "relo.candidate.foundation_length",
                                         .name = "foundation_length",
                                         .label = "Foundation length",
                                         .type = Type::kUint8,
                                         .section = "6.5.1.1",
                                         .about = "Bytes of the foundation",
                                         .replay = Replay::kDerived};
inline constexpr Field kFoundation{.filter = "relo.candidate.foundation",
                                   .name = "foundation",
                                   .label = "Foundation",
                                   .section = "6.5.1.1",
                                   .about = "As in ICE"};
inline constexpr Field kCandidatePriority{.filter = "relo.candidate.priority",
                                          .name = "priority",
                                          .label = "Priority",
                                          .type = Type::kUint32,
                                          .section = "6.5.1.1",
                                          .about = "As in ICE; larger is preferred"};
inline constexpr Field kCandidateType{.filter = "relo.candidate.type",
                                      .name = "type",
                                      .label = "Candidate type",
                                      .type = Type::kUint8,
                                      .section = "6.5.1.1",
                                      .about = "As in ICE",
                                      .names = kCandidateTypeNames};
inline constexpr Field kRelatedAddress{.filter = "relo.candidate.rel_addr_port",
                                       .name = "rel_addr_port",
                                       .label = "Related address",
                                       .type = Type::kGroup,
                                       .section = "6.5.1.1",
                                       .about = "As in ICE"};
inline constexpr Field kIceExtensionsLength{.filter = "relo.candidate.extensions_length",
                                            .name = "extensions_length",
                                            .label = "Extensions length",
                                            .type = Type::kUint16,
                                            .section = "6.5.1.1",
                                            .about = "Bytes of the extensions",
                                            .replay = Replay::kDerived};
inline constexpr Field kIceExtension{.filter = "relo.candidate.extension",
                                     .name = "extensions",
                                     .label = "ICE extension",
                                     .type = Type::kGroup,
                                     .section = "6.5.1.1",
                                     .about = "A name and its value"};
inline constexpr Field kIceNameLength{.filter = "relo.candidate.extension.name_length",
                                      .name = "name_length",
                                      .label = "Name length",
                                      .type = Type::kUint16,
                                      .section = "6.5.1.1",
                                      .about = "Bytes of the name",
                                      .replay = Replay::kDerived};
inline constexpr Field kIceName{.filter = "relo.candidate.extension.name",
                                .name = "name",
                                .label = "Name",
                                .section = "6.5.1.1",
                                .about = "Name of the extension"};
inline constexpr Field kIceValueLength{.filter = "relo.candidate.extension.value_length",
                                       .name = "value_length",
                                       .label = "Value length",
                                       .type = Type::kUint16,
                                       .section = "6.5.1.1",
                                       .about = "Bytes of the value",
                                       .replay = Replay::kDerived};
inline constexpr Field kIceValue{.filter = "relo.candidate.extension.value",
                                 .name = "value",
                                 .label = "Value",
                                 .type = Type::kBytes,
                                 .section = "6.5.1.1",
                                 .about = "Value of the extension"};

struct IceExtension {
  std::string name;
  std::string value;
};
template <class A>
void describe(A& a, IceExtension& m) {
  a.prefixed(kIceNameLength, [&] { a.rest(kIceName, m.name); });
  a.prefixed(kIceValueLength, [&] { a.rest(kIceValue, m.value); });
}

struct IceCandidate {
  IpAddressPort address;
  std::uint8_t overlay_link = kTlsTcpFhNoIce;
  std::string foundation;
  std::uint32_t priority = 0;
  std::uint8_t type = kHostCandidate;
  IpAddressPort related_address;  // srflx and relay
  std::vector<IceExtension> extensions;
};
template <class A>
void describe(A& a, IceCandidate& m) {
  a.structure(kCandidateAddress, m.address);
  a.number(kCandidateLink, m.overlay_link);
  a.prefixed(kFoundationLength, [&] { a.rest(kFoundation, m.foundation); });
  a.number(kCandidatePriority, m.priority);
  a.number(kCandidateType, m.type);
  a.when(m.type == kServerReflexiveCandidate || m.type == kRelayCandidate,
         [&] { a.structure(kRelatedAddress, m.related_address); });
  a.prefixed(kIceExtensionsLength, [&] { a.sequence(kIceExtension, m.extensions); });
}

}  // namespace peerscope::reload
