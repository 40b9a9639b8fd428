// SPDX-License-Identifier: GPL-2.0-or-later
// A peer's address in the compact form that the registry keeps, and its conversion from and to the message's PeerAddr
// (RFC 7846 section 3.2.4). Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocols/ppstp/peer_addr.h"
#include "reference-impl/net/http.h"

namespace peerscope::ppstp {

struct Address {
  std::array<std::uint8_t, 16> ip{};  // IPv4 in the first four
  std::int64_t priority = 0;          // larger is preferred
  std::uint32_t asn = 0;              // 0: not told (AS 0 is reserved, RFC 7607)
  std::uint16_t port = 0;
  bool v6 = false;
  std::int8_t type = 0;         // index into kAddrTypes
  std::int8_t connection = -1;  // index into kConnections, -1: not told
  std::string peer_protocol;    // empty: not told

  std::string_view type_name() const { return kAddrTypes[static_cast<std::size_t>(type)]; }
  std::string ip_text() const;  // IPv6 as RFC 5952 section 4 writes it
  friend bool operator==(const Address&, const Address&) = default;
};

inline constexpr std::int8_t kHost = 0;
inline constexpr std::int8_t kReflexive = 1;
inline constexpr std::int8_t kProxy = 2;
inline constexpr std::size_t kLongestPeerProtocol = 64;

// Empty when a member is missing or out of its range, when the text is no address of the named family (P-ADDR-12), or
// when type or connection are none of the grammar's values. An asn that is no decimal number is dropped: it is a hint
// only.
std::optional<Address> to_address(const PeerAddr& addr);
PeerAddr to_peer_addr(const Address& address);

// The source of a request as the tracker saw it: type REFLEXIVE (section 4.1.1). Empty when it is not numeric.
std::optional<Address> reflexive(const net::Endpoint& seen);

}  // namespace peerscope::ppstp
