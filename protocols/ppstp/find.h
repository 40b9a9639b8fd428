// SPDX-License-Identifier: GPL-2.0-or-later
// FIND: RFC 7846 sections 3.3.3 and 4.1.2. Asks for a fresh peer list of one swarm.
//
//   "find": { "swarm_id": "1111", "peer_num": {...} }
#pragma once

#include <optional>
#include <string>

#include "protocols/ppstp/connect.h"

namespace peerscope::ppstp {

inline constexpr Field kFind{.filter = "ppstp.find",
                             .name = "find",
                             .label = "Find",
                             .type = Type::kGroup,
                             .section = "3.3.3",
                             .about = "Request data of a FIND"};

struct Find {
  std::optional<std::string> swarm_id;
  std::optional<PeerNum> peer_num;
};
template <class A>
void describe(A& a, Find& m) {
  a.required(kSwarmId, m.swarm_id);
  a.optional(kPeerNum, m.peer_num);
}

}  // namespace peerscope::ppstp
