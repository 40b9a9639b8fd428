// SPDX-License-Identifier: GPL-2.0-or-later
// ForwardingOption: RFC 6940 section 6.3.2.3; the flag IGNORE-STATE-KEEPING is of RFC 7263 section 5.1.2.
//
//   type (1) | flags (1) | length (2) | value
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "protocols/base/binary_archive.h"
#include "protocols/reload/extensive_routing_mode.h"

namespace peerscope::reload {

inline constexpr std::uint8_t kForwardCritical = 0x01;
inline constexpr std::uint8_t kDestinationCritical = 0x02;
inline constexpr std::uint8_t kResponseCopy = 0x04;
inline constexpr std::uint8_t kIgnoreStateKeeping = 0x08;
inline constexpr std::uint8_t kExpForwardOption = 1;
inline constexpr ValueName kOptionTypeNames[] = {{kExpForwardOption, "exp-forward"},
                                                 {ExtensiveRoutingMode::kCode, "extensive_routing_mode"}};
inline constexpr Field kOptionType{.filter = "relo.option.type",
                                   .name = "type",
                                   .label = "Option type",
                                   .type = Type::kUint8,
                                   .section = "6.3.2.3",
                                   .about = "Which option",
                                   .names = kOptionTypeNames};
inline constexpr Field kOptionFlags{.filter = "relo.option.flags",
                                    .name = "flags",
                                    .label = "Flags",
                                    .type = Type::kUint8,
                                    .section = "6.3.2.3",
                                    .about = "What to do with the option",
                                    .display = Display::kHex};
inline constexpr Field kOptionForwardCritical{.filter = "relo.option.forward_critical",
                                              .name = "forward_critical",
                                              .label = "FORWARD_CRITICAL",
                                              .type = Type::kBoolean,
                                              .section = "6.3.2.3",
                                              .about = "A forwarder must know the option"};
inline constexpr Field kOptionDestinationCritical{.filter = "relo.option.destination_critical",
                                                  .name = "destination_critical",
                                                  .label = "DESTINATION_CRITICAL",
                                                  .type = Type::kBoolean,
                                                  .section = "6.3.2.3",
                                                  .about = "The responder must know the option"};
inline constexpr Field kOptionResponseCopy{.filter = "relo.option.response_copy",
                                           .name = "response_copy",
                                           .label = "RESPONSE_COPY",
                                           .type = Type::kBoolean,
                                           .section = "6.3.2.3",
                                           .about = "The responder copies the option into the response"};
inline constexpr Field kOptionIgnoreStateKeeping{.filter = "relo.option.ignore_state_keeping",
                                                 .name = "ignore_state_keeping",
                                                 .label = "IGNORE-STATE-KEEPING",
                                                 .type = Type::kBoolean,
                                                 .section = "RFC 7263, 5.1.2",
                                                 .about = "Forwarders use the full Via List and keep no state"};
inline constexpr Field kOptionLength{.filter = "relo.option.length",
                                     .name = "length",
                                     .label = "Option length",
                                     .type = Type::kUint16,
                                     .section = "6.3.2.3",
                                     .about = "Bytes of the value",
                                     .replay = Replay::kDerived};
inline constexpr Field kOptionValue{.filter = "relo.option.value",
                                    .name = "value",
                                    .label = "Value",
                                    .type = Type::kBytes,
                                    .section = "6.3.2.3",
                                    .about = "The option's own content"};
inline constexpr Bits kOptionFlagBits[] = {{&kOptionForwardCritical, kForwardCritical},
                                           {&kOptionDestinationCritical, kDestinationCritical},
                                           {&kOptionResponseCopy, kResponseCopy},
                                           {&kOptionIgnoreStateKeeping, kIgnoreStateKeeping}};

// The value, when its type is known.
struct OptionValue {
  std::uint8_t type = 0;
  std::variant<Opaque, ExtensiveRoutingMode> value;
};
template <class A>
void describe(A& a, OptionValue& m) {
  a.one_of(m.type, m.value);
}

struct ForwardingOption {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::string value;  // encoded
};
template <class A>
void describe(A& a, ForwardingOption& m) {
  a.number(kOptionType, m.type);
  a.bits(kOptionFlags, m.flags, kOptionFlagBits);
  a.prefixed(kOptionLength, [&] {
    OptionValue typed{m.type, {}};
    a.nested(kOptionValue, m.value, typed);
  });
}

}  // namespace peerscope::reload
