// SPDX-License-Identifier: GPL-2.0-or-later
// Peer address: RFC 7846 section 3.2.4, used by CONNECT requests, by responses and in peer lists.
//
//   "peer_addr": { "ip_address": { "address_type": "ipv4", "address": "192.0.2.2" },
//                  "port": 80, "priority": 1, "type": "HOST",
//                  "connection": "wired", "asn": "45645", "peer_protocol": "PPSP-PP" }
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocols/base/field.h"

namespace peerscope::ppstp {

inline constexpr std::array<std::string_view, 3> kAddrTypes = {"HOST", "REFLEXIVE", "PROXY"};
inline constexpr std::array<std::string_view, 2> kConnections = {"wired", "wireless"};

inline constexpr Field kPeerAddr{.filter = "ppstp.addr",
                                 .name = "peer_addr",
                                 .label = "Peer address",
                                 .type = Type::kGroup,
                                 .section = "3.2.4",
                                 .about = "One network interface of a peer"};
inline constexpr Field kIpAddress{.filter = "ppstp.addr.ip_address",
                                  .name = "ip_address",
                                  .label = "IP address",
                                  .type = Type::kGroup,
                                  .section = "3.2.4",
                                  .about = "Address family and address text"};
inline constexpr Field kAddressType{.filter = "ppstp.addr.address_type",
                                    .name = "address_type",
                                    .label = "Address type",
                                    .section = "3.2.4",
                                    .about = "Address family; the RFC's examples use ipv4 and ipv6",
                                    .replay = Replay::kAddress};
inline constexpr Field kAddress{.filter = "ppstp.addr.ip",
                                .name = "address",
                                .label = "Address",
                                .section = "3.2.4",
                                .about = "IPv4 in dotted form (RFC 3986) or IPv6 in canonical form (RFC 5952)",
                                .replay = Replay::kAddress};
inline constexpr Field kPort{.filter = "ppstp.addr.port",
                             .name = "port",
                             .label = "Port",
                             .type = Type::kInt64,
                             .section = "3.2.4",
                             .about = "Service port",
                             .replay = Replay::kAddress,
                             .min = 0,
                             .max = 65535};
inline constexpr Field kPriority{.filter = "ppstp.addr.priority",
                                 .name = "priority",
                                 .label = "Priority",
                                 .type = Type::kInt64,
                                 .section = "3.2.4",
                                 .about = "Larger is preferred"};
inline constexpr Field kAddrType{.filter = "ppstp.addr.type",
                                 .name = "type",
                                 .label = "Candidate type",
                                 .section = "3.2.4",
                                 .about = "Kind of candidate, as in ICE",
                                 .vocabulary = kAddrTypes};
inline constexpr Field kConnection{.filter = "ppstp.addr.connection",
                                   .name = "connection",
                                   .label = "Access",
                                   .section = "3.2.4",
                                   .about = "Access network type",
                                   .vocabulary = kConnections};
inline constexpr Field kAsn{.filter = "ppstp.addr.asn",
                            .name = "asn",
                            .label = "AS number",
                            .section = "3.2.4",
                            .about = "Autonomous System Number of the access provider, decimal text"};
inline constexpr Field kPeerProtocol{
    .filter = "ppstp.addr.peer_protocol",
    .name = "peer_protocol",
    .label = "Peer protocol",
    .section = "3.2.4",
    .about = "Protocol the peer speaks with other peers; the RFC's examples use PPSP-PP"};

struct IpAddress {
  std::optional<std::string> address_type;
  std::optional<std::string> address;
};
template <class A>
void describe(A& a, IpAddress& m) {
  a.required(kAddressType, m.address_type);
  a.required(kAddress, m.address);
}

struct PeerAddr {
  std::optional<IpAddress> ip_address;
  std::optional<std::int64_t> port;
  std::optional<std::int64_t> priority;
  std::optional<std::string> type;
  std::optional<std::string> connection;
  std::optional<std::string> asn;
  std::optional<std::string> peer_protocol;
};
template <class A>
void describe(A& a, PeerAddr& m) {
  a.required(kIpAddress, m.ip_address);
  a.required(kPort, m.port);
  a.required(kPriority, m.priority);
  a.required(kAddrType, m.type);
  a.optional(kConnection, m.connection);
  a.optional(kAsn, m.asn);
  a.optional(kPeerProtocol, m.peer_protocol);
}

}  // namespace peerscope::ppstp
