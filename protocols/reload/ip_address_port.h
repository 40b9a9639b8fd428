// SPDX-License-Identifier: GPL-2.0-or-later
// IpAddressPort: RFC 6940 section 6.3.1.1. Other address types are stepped over by their length.
//
//   type (1) | length (1) | 1 IPv4: address (4) port (2) | 2 IPv6: address (16) port (2)
#pragma once

#include <cstdint>
#include <string>

#include "protocols/base/field.h"
#include "protocols/base/inline_bytes.h"

namespace peerscope::reload {

inline constexpr std::uint8_t kIpv4Address = 1;
inline constexpr std::uint8_t kIpv6Address = 2;
inline constexpr ValueName kAddressTypeNames[] = {{kIpv4Address, "ipv4_address"}, {kIpv6Address, "ipv6_address"}};
inline constexpr Field kAddressType{.filter = "relo.address.type",
                                    .name = "type",
                                    .label = "Address type",
                                    .type = Type::kUint8,
                                    .section = "6.3.1.1",
                                    .about = "Family of the address",
                                    .replay = Replay::kAddress,
                                    .names = kAddressTypeNames};
inline constexpr Field kAddressLength{.filter = "relo.address.length",
                                      .name = "length",
                                      .label = "Address length",
                                      .type = Type::kUint8,
                                      .section = "6.3.1.1",
                                      .about = "Bytes of address and port",
                                      .replay = Replay::kDerived};
inline constexpr Field kAddressIpv4{.filter = "relo.address.ipv4",
                                    .name = "ipv4",
                                    .label = "IPv4 address",
                                    .type = Type::kIpv4,
                                    .section = "6.3.1.1",
                                    .about = "IPv4 address",
                                    .replay = Replay::kAddress};
inline constexpr Field kAddressIpv6{.filter = "relo.address.ipv6",
                                    .name = "ipv6",
                                    .label = "IPv6 address",
                                    .type = Type::kIpv6,
                                    .section = "6.3.1.1",
                                    .about = "IPv6 address",
                                    .replay = Replay::kAddress};
inline constexpr Field kAddressPort{.filter = "relo.address.port",
                                    .name = "port",
                                    .label = "Port",
                                    .type = Type::kUint16,
                                    .section = "6.3.1.1",
                                    .about = "Port",
                                    .replay = Replay::kAddress};
inline constexpr Field kAddressData{.filter = "relo.address.data",
                                    .name = "data",
                                    .label = "Address",
                                    .type = Type::kBytes,
                                    .section = "6.3.1.1",
                                    .about = "An address of a type that is not known",
                                    .replay = Replay::kAddress};

struct IpAddressPort {
  std::uint8_t type = kIpv4Address;
  std::uint32_t ipv4 = 0;
  InlineBytes<16> ipv6;
  std::uint16_t port = 0;
  std::string data;  // of other types
};
template <class A>
void describe(A& a, IpAddressPort& m) {
  a.given(kAddressIpv6, [&] { m.type = kIpv6Address; });
  a.number(kAddressType, m.type);
  a.prefixed(kAddressLength, [&] {
    a.when(m.type == kIpv4Address, [&] {
      a.number(kAddressIpv4, m.ipv4);
      a.number(kAddressPort, m.port);
    });
    a.when(m.type == kIpv6Address, [&] {
      a.bytes(kAddressIpv6, m.ipv6, 16);
      a.number(kAddressPort, m.port);
    });
    a.when(m.type != kIpv4Address && m.type != kIpv6Address, [&] { a.rest(kAddressData, m.data); });
  });
}

}  // namespace peerscope::reload
