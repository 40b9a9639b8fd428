// SPDX-License-Identifier: GPL-2.0-or-later
// CONNECT: RFC 7846 sections 3.2.3, 3.3.3 and 4.1.1. Registers a peer and performs swarm actions.
//
//   "connect": { "peer_num": {...}, "peer_addr": [{...}],
//                "swarm_action": [{ "swarm_id": "1111", "action": "JOIN", "peer_mode": "LEECH" }] }
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/field.h"
#include "protocols/ppstp/peer_addr.h"
#include "protocols/ppstp/peer_num.h"

namespace peerscope::ppstp {

inline constexpr std::string_view kJoin = "JOIN";
inline constexpr std::string_view kLeave = "LEAVE";
inline constexpr std::string_view kSeeder = "SEEDER";
inline constexpr std::string_view kLeech = "LEECH";
inline constexpr std::array<std::string_view, 2> kActions = {kJoin, kLeave};
inline constexpr std::array<std::string_view, 2> kPeerModes = {kSeeder, kLeech};

inline constexpr Field kConnect{.filter = "ppstp.connect",
                                .name = "connect",
                                .label = "Connect",
                                .type = Type::kGroup,
                                .section = "3.3.3",
                                .about = "Request data of a CONNECT"};
inline constexpr Field kSwarmAction{.filter = "ppstp.swarm_action",
                                    .name = "swarm_action",
                                    .label = "Swarm action",
                                    .type = Type::kGroup,
                                    .section = "3.2.3",
                                    .about = "One swarm to join or leave"};
inline constexpr Field kSwarmId{.filter = "ppstp.swarm_id",
                                .name = "swarm_id",
                                .label = "Swarm ID",
                                .section = "3.2.3",
                                .about = "Names the content; opaque"};
inline constexpr Field kAction{.filter = "ppstp.action",
                               .name = "action",
                               .label = "Action",
                               .section = "3.2.3",
                               .about = "What to do with the swarm",
                               .vocabulary = kActions};
inline constexpr Field kPeerMode{.filter = "ppstp.peer_mode",
                                 .name = "peer_mode",
                                 .label = "Peer mode",
                                 .section = "3.2.3",
                                 .about = "SEEDER has the whole content, LEECH does not; ignored for LEAVE",
                                 .vocabulary = kPeerModes};

struct SwarmAction {
  std::optional<std::string> swarm_id;
  std::optional<std::string> action;
  std::optional<std::string> peer_mode;
};
template <class A>
void describe(A& a, SwarmAction& m) {
  a.required(kSwarmId, m.swarm_id);
  a.required(kAction, m.action);
  a.required(kPeerMode, m.peer_mode);
}

struct Connect {
  std::optional<PeerNum> peer_num;
  std::vector<PeerAddr> peer_addr;
  std::vector<SwarmAction> swarm_action;
};
template <class A>
void describe(A& a, Connect& m) {
  a.optional(kPeerNum, m.peer_num);
  a.optional(kPeerAddr, m.peer_addr);
  a.required(kSwarmAction, m.swarm_action);
}

}  // namespace peerscope::ppstp
