// SPDX-License-Identifier: GPL-2.0-or-later
// Status: what the distributed PPSP tracker keeps of a peer's properties, in PPSP-SWARM and in PPSP-PEER-STATUS.
//
//   ability_nat (1) | upload_bandwidth (4) | concurrent_links (4) | online_time (4)
#pragma once

#include <cstdint>

#include "protocols/base/field.h"

namespace peerscope::reload {

inline constexpr std::uint8_t kStatusVersion = 1;  // entry_version of both Kinds
inline constexpr std::uint32_t kUnknownStatus = 0xffffffff;
inline constexpr std::uint8_t kLeechEntry = 1;
inline constexpr std::uint8_t kSeederEntry = 2;
inline constexpr ValueName kEntryModeNames[] = {{kLeechEntry, "LEECH"}, {kSeederEntry, "SEEDER"}};
inline constexpr std::uint8_t kNatUnknown = 0;
inline constexpr std::uint8_t kNoNat = 1;
inline constexpr std::uint8_t kNatStun = 2;
inline constexpr std::uint8_t kNatTurn = 3;
inline constexpr ValueName kNatNames[] = {
    {kNatUnknown, "unknown"}, {kNoNat, "NO_NAT"}, {kNatStun, "STUN"}, {kNatTurn, "TURN"}};
inline constexpr ValueName kUnknownStatusNames[] = {{kUnknownStatus, "unknown"}};

inline constexpr Field kPpspStatus{.filter = "relo.ppsp_status",
                                   .name = "status",
                                   .label = "Status",
                                   .type = Type::kGroup,
                                   .section = "PPSP profile",
                                   .about = "Properties of the peer"};
inline constexpr Field kPpspAbilityNat{.filter = "relo.ppsp_status.ability_nat",
                                       .name = "ability_nat",
                                       .label = "NAT ability",
                                       .type = Type::kUint8,
                                       .section = "PPSP profile",
                                       .about = "How the peer can be reached",
                                       .names = kNatNames};
inline constexpr Field kPpspUploadBandwidth{.filter = "relo.ppsp_status.upload_bandwidth",
                                            .name = "upload_bandwidth",
                                            .label = "Upload bandwidth",
                                            .type = Type::kUint32,
                                            .section = "PPSP profile",
                                            .about = "In kbit/s; 0: unknown"};
inline constexpr Field kPpspConcurrentLinks{.filter = "relo.ppsp_status.concurrent_links",
                                            .name = "concurrent_links",
                                            .label = "Concurrent links",
                                            .type = Type::kUint32,
                                            .section = "PPSP profile",
                                            .about = "Peers that it serves at the same time; 0xffffffff: unknown",
                                            .names = kUnknownStatusNames};
inline constexpr Field kPpspOnlineTime{.filter = "relo.ppsp_status.online_time",
                                       .name = "online_time",
                                       .label = "Online time",
                                       .type = Type::kUint32,
                                       .section = "PPSP profile",
                                       .about = "Seconds since it came; 0xffffffff: unknown",
                                       .names = kUnknownStatusNames};

struct PpspStatus {
  std::uint8_t ability_nat = kNatUnknown;
  std::uint32_t upload_bandwidth = 0;  // kbit/s, 0 unknown
  std::uint32_t concurrent_links = kUnknownStatus;
  std::uint32_t online_time = kUnknownStatus;  // s
};
template <class A>
void describe(A& a, PpspStatus& m) {
  a.number(kPpspAbilityNat, m.ability_nat);
  a.number(kPpspUploadBandwidth, m.upload_bandwidth);
  a.number(kPpspConcurrentLinks, m.concurrent_links);
  a.number(kPpspOnlineTime, m.online_time);
}

}  // namespace peerscope::reload
