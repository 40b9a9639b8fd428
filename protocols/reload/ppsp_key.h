// SPDX-License-Identifier: GPL-2.0-or-later
// Dictionary keys of the distributed PPSP tracker. Whoever registers a peer is named by the key, so that only its
// connection tracker may change the entry (PPSP-PREFIX-MATCH).
//
//   PPSP-SWARM: Node-ID of the connection tracker | peer_id      PPSP-PEER-STATUS: the Node-ID alone
//
// A key of another form is bytes: a wrong right to write, not a message that cannot be read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

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
constexpr bool is_ppsp_key(std::uint32_t kind, std::size_t size, std::size_t node_id_length) {
  return kind == kPpspSwarmKind ? size > node_id_length : kind == kPpspPeerStatusKind && size == node_id_length;
}
template <class A>
void describe(A& a, PpspKey& m) {
  a.peek([&](std::string_view rest) {
    if (!is_ppsp_key(m.kind, rest.size(), node_id_length(a))) m.kind = 0;
  });
  a.when(m.kind == kPpspSwarmKind || m.kind == kPpspPeerStatusKind,
         [&] { a.bytes(kPpspKeyNode, m.ct_node_id, node_id_length(a)); });
  a.when(m.kind == kPpspSwarmKind, [&] { a.rest(kPpspKeyPeer, m.peer_id); });
}

}  // namespace peerscope::reload
