// SPDX-License-Identifier: GPL-2.0-or-later
// Scope selector: RFC 7846 section 3.2.2. How many peers a list may hold and what the requester can do.
//
//   "peer_num": { "peer_count": 5, "ability_nat": "STUN", "concurrent_links": 5, "online_time": 200,
//   "upload_bandwidth": 600 }
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocols/base/field.h"

namespace peerscope::ppstp {

inline constexpr std::array<std::string_view, 3> kNatAbilities = {"NO_NAT", "STUN", "TURN"};
// Section 3.2.2: a request should ask for fewer than 30 peers.
inline constexpr std::int64_t kMostPeers = 29;

inline constexpr Field kPeerNum{.filter = "ppstp.peer_num",
                                .name = "peer_num",
                                .label = "Peer selection",
                                .type = Type::kGroup,
                                .section = "3.2.2",
                                .about = "How many peers are wanted and with which abilities"};
inline constexpr Field kPeerCount{.filter = "ppstp.peer_count",
                                  .name = "peer_count",
                                  .label = "Peer count",
                                  .type = Type::kInt64,
                                  .section = "3.2.2",
                                  .about = "Most peers wanted; below 30",
                                  .min = 0};
inline constexpr Field kAbilityNat{.filter = "ppstp.ability_nat",
                                   .name = "ability_nat",
                                   .label = "NAT ability",
                                   .section = "3.2.2",
                                   .about = "NAT traversal preferred in the peers of the list",
                                   .vocabulary = kNatAbilities};
inline constexpr Field kConcurrentLinks{.filter = "ppstp.concurrent_links",
                                        .name = "concurrent_links",
                                        .label = "Concurrent links",
                                        .type = Type::kInt64,
                                        .section = "3.2.2",
                                        .about = "Links that the peer has now",
                                        .min = 0};
inline constexpr Field kOnlineTime{.filter = "ppstp.online_time",
                                   .name = "online_time",
                                   .label = "Online time",
                                   .type = Type::kInt64,
                                   .section = "3.2.2",
                                   .about = "Seconds online",
                                   .min = 0};
inline constexpr Field kUploadBandwidth{.filter = "ppstp.upload_bandwidth",
                                        .name = "upload_bandwidth",
                                        .label = "Upload bandwidth",
                                        .type = Type::kInt64,
                                        .section = "3.2.2",
                                        .about = "Most that the peer can upload, kbit/s",
                                        .min = 0};
inline constexpr Field kUploadBandwidthLevel{.filter = "ppstp.upload_bandwidth_level",
                                             .name = "upload_bandwidth_level",
                                             .label = "Upload bandwidth level",
                                             .section = "",
                                             .about = "Word such as HIGH or NORMAL in drafts from before the RFC",
                                             .draft = true};

struct PeerNum {
  std::optional<std::int64_t> peer_count;
  std::optional<std::string> ability_nat;
  std::optional<std::int64_t> concurrent_links;
  std::optional<std::int64_t> online_time;
  std::optional<std::int64_t> upload_bandwidth;
  std::optional<std::string> upload_bandwidth_level;
};
template <class A>
void describe(A& a, PeerNum& m) {
  a.required(kPeerCount, m.peer_count);
  a.optional(kAbilityNat, m.ability_nat);
  a.optional(kConcurrentLinks, m.concurrent_links);
  a.optional(kOnlineTime, m.online_time);
  a.optional(kUploadBandwidth, m.upload_bandwidth);
  a.optional(kUploadBandwidthLevel, m.upload_bandwidth_level);
}

}  // namespace peerscope::ppstp
