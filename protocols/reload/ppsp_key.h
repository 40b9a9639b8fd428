// SPDX-License-Identifier: GPL-2.0-or-later
// Dictionary keys of the distributed PPSP tracker. Whoever registers a peer is named by the key, so that only its
// connection tracker may change the entry (PPSP-PREFIX-MATCH).
//
//   PPSP-SWARM: Node-ID of the connection tracker | peer_id      PPSP-PEER-STATUS: the Node-ID alone
#pragma once

#include <cstdint>
#include <string>

#include "protocols/base/field.h"
#include "protocols/reload/context.h"

namespace peerscope::reload {

inline constexpr Field kPpspKeyNode{.filter = "relo.ppsp_key.ct_node_id",
                                    .name = "ct_node_id",
                                    .label = "Connection tracker",
                                    .type = Type::kBytes,
                                    .section = "PPSP profile",
                                    .about = "Node-ID of the tracker that the peer talks to",
                                    .replay = Replay::kPartyId};
inline constexpr Field kPpspKeyPeer{.filter = "relo.ppsp_key.peer_id",
                                    .name = "key_peer_id",
                                    .label = "Peer ID",
                                    .section = "PPSP profile",
                                    .about = "The peer that is registered",
                                    .replay = Replay::kPartyId};

struct PpspKey {
  std::uint32_t kind = 0;  // not on the wire
  NodeId ct_node_id;
  std::string peer_id;
};
template <class A>
void describe(A& a, PpspKey& m) {
  a.when(m.kind == kPpspSwarmKind || m.kind == kPpspPeerStatusKind,
         [&] { a.bytes(kPpspKeyNode, m.ct_node_id, node_id_length(a)); });
  a.when(m.kind == kPpspSwarmKind, [&] { a.rest(kPpspKeyPeer, m.peer_id); });
}

}  // namespace peerscope::reload
