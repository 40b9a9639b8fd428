// SPDX-License-Identifier: GPL-2.0-or-later
// SIP-REGISTRATION: RFC 7904 section 3.2. Where a SIP address-of-record can be reached.
//
//   type (1) | length (2) | 1 uri: length (2) uri | 2 route: length (2) contact_prefs | length (2) destination_list
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocols/base/field.h"
#include "protocols/reload/destination.h"

namespace peerscope::reload {

inline constexpr std::uint8_t kSipUri = 1;
inline constexpr std::uint8_t kSipRoute = 2;
inline constexpr ValueName kSipTypeNames[] = {{kSipUri, "sip_registration_uri"}, {kSipRoute, "sip_registration_route"}};
inline constexpr Field kSipRegistration{.filter = "relo.sip_registration",
                                        .name = "sip_registration",
                                        .label = "SIP registration",
                                        .type = Type::kGroup,
                                        .section = "RFC 7904, 3.2",
                                        .about = "Where an address-of-record can be reached"};
inline constexpr Field kSipType{.filter = "relo.sip_registration.type",
                                .name = "type",
                                .label = "Type",
                                .type = Type::kUint8,
                                .section = "RFC 7904, 3.2",
                                .about = "What the registration points to",
                                .names = kSipTypeNames};
inline constexpr Field kSipLength{.filter = "relo.sip_registration.length",
                                  .name = "length",
                                  .label = "Length",
                                  .type = Type::kUint16,
                                  .section = "RFC 7904, 3.2",
                                  .about = "Bytes that follow",
                                  .replay = Replay::kDerived};
inline constexpr Field kSipUriLength{.filter = "relo.sip_registration.uri_length",
                                     .name = "uri_length",
                                     .label = "URI length",
                                     .type = Type::kUint16,
                                     .section = "RFC 7904, 3.2",
                                     .about = "Bytes of the URI",
                                     .replay = Replay::kDerived};
inline constexpr Field kSipUriText{.filter = "relo.sip_registration.uri",
                                   .name = "uri",
                                   .label = "URI",
                                   .section = "RFC 7904, 3.2",
                                   .about = "Another address-of-record"};
inline constexpr Field kContactPrefsLength{.filter = "relo.sip_registration.contact_prefs_length",
                                           .name = "contact_prefs_length",
                                           .label = "Contact preferences length",
                                           .type = Type::kUint16,
                                           .section = "RFC 7904, 3.2",
                                           .about = "Bytes of the preferences",
                                           .replay = Replay::kDerived};
inline constexpr Field kContactPrefs{.filter = "relo.sip_registration.contact_prefs",
                                     .name = "contact_prefs",
                                     .label = "Contact preferences",
                                     .section = "RFC 7904, 3.2",
                                     .about = "Feature predicate of RFC 3840"};
inline constexpr Field kSipDestinationsLength{.filter = "relo.sip_registration.destination_list_length",
                                              .name = "destination_list_length",
                                              .label = "Destination List length",
                                              .type = Type::kUint16,
                                              .section = "RFC 7904, 3.2",
                                              .about = "Bytes of the list",
                                              .replay = Replay::kDerived};
inline constexpr Field kSipDestination{.filter = "relo.sip_registration.destination",
                                       .name = "destination_list",
                                       .label = "Destination",
                                       .type = Type::kGroup,
                                       .section = "RFC 7904, 3.2",
                                       .about = "The way to the node"};
inline constexpr Field kSipData{.filter = "relo.sip_registration.data",
                                .name = "data",
                                .label = "Data",
                                .type = Type::kBytes,
                                .section = "RFC 7904, 3.2",
                                .about = "Content of a type that is not known"};

struct SipRegistration {
  static constexpr std::uint32_t kCode = kSipRegistrationKind;
  static constexpr const Field* kGroup = &kSipRegistration;
  std::uint8_t type = kSipRoute;
  std::string uri;  // or data of a type that is not known
  std::string contact_prefs;
  std::vector<Destination> destination_list;
};
template <class A>
void describe(A& a, SipRegistration& m) {
  a.given(kSipUriText, [&] { m.type = kSipUri; });
  a.number(kSipType, m.type);
  a.prefixed(kSipLength, [&] {
    a.when(m.type == kSipUri, [&] { a.prefixed(kSipUriLength, [&] { a.rest(kSipUriText, m.uri); }); });
    a.when(m.type == kSipRoute, [&] {
      a.prefixed(kContactPrefsLength, [&] { a.rest(kContactPrefs, m.contact_prefs); });
      a.prefixed(kSipDestinationsLength, [&] { a.sequence(kSipDestination, m.destination_list); });
    });
    a.when(m.type == 0 || m.type > kSipRoute, [&] { a.rest(kSipData, m.uri); });
  });
}

}  // namespace peerscope::reload
