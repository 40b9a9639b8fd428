// SPDX-License-Identifier: GPL-2.0-or-later
// PPSP-PEER-STATUS: what the distributed PPSP tracker stores about a peer at the tracker that is responsible for the
// peer ID (status placement E). A profile of this project: see ppsp_swarm.h.
//
//   entry_version (1) | updated (8) | ct_node_id | status | uploaded (8) | downloaded (8) | length (2) swarms
//   swarm: length (2) swarm_id | mode (1)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocols/base/field.h"
#include "protocols/reload/context.h"
#include "protocols/reload/ppsp_status.h"

namespace peerscope::reload {

inline constexpr Field kPeerStatus{.filter = "relo.ppsp_peer_status",
                                   .name = "peer_status",
                                   .label = "Peer status",
                                   .type = Type::kGroup,
                                   .section = "PPSP profile",
                                   .about = "What a peer has and does"};
inline constexpr Field kPeerStatusVersion{.filter = "relo.ppsp_peer_status.entry_version",
                                          .name = "entry_version",
                                          .label = "Version",
                                          .type = Type::kUint8,
                                          .section = "PPSP profile",
                                          .about = "1; another version's content is not known"};
inline constexpr Field kPeerStatusUpdated{.filter = "relo.ppsp_peer_status.updated",
                                          .name = "updated",
                                          .label = "Updated",
                                          .type = Type::kUint64,
                                          .section = "PPSP profile",
                                          .about = "When the status was true, in ms since 1970",
                                          .replay = Replay::kTime};
inline constexpr Field kPeerStatusNode{.filter = "relo.ppsp_peer_status.ct_node_id",
                                       .name = "ct_node_id",
                                       .label = "Connection tracker",
                                       .type = Type::kBytes,
                                       .section = "PPSP profile",
                                       .about = "Node-ID of the tracker that the peer talks to",
                                       .replay = Replay::kPartyId};
inline constexpr Field kPeerUploaded{.filter = "relo.ppsp_peer_status.uploaded",
                                     .name = "uploaded",
                                     .label = "Uploaded",
                                     .type = Type::kUint64,
                                     .section = "PPSP profile",
                                     .about = "Bytes of the session"};
inline constexpr Field kPeerDownloaded{.filter = "relo.ppsp_peer_status.downloaded",
                                       .name = "downloaded",
                                       .label = "Downloaded",
                                       .type = Type::kUint64,
                                       .section = "PPSP profile",
                                       .about = "Bytes of the session"};
inline constexpr Field kPeerSwarmsLength{.filter = "relo.ppsp_peer_status.swarms_length",
                                         .name = "swarms_length",
                                         .label = "Swarms length",
                                         .type = Type::kUint16,
                                         .section = "PPSP profile",
                                         .about = "Bytes of the swarms",
                                         .replay = Replay::kDerived};
inline constexpr Field kSwarmRef{.filter = "relo.ppsp_swarm_ref",
                                 .name = "swarms",
                                 .label = "Swarm",
                                 .type = Type::kGroup,
                                 .section = "PPSP profile",
                                 .about = "A swarm that the peer is in"};
inline constexpr Field kSwarmRefIdLength{.filter = "relo.ppsp_swarm_ref.swarm_id_length",
                                         .name = "swarm_id_length",
                                         .label = "Swarm ID length",
                                         .type = Type::kUint16,
                                         .section = "PPSP profile",
                                         .about = "Bytes of the swarm ID",
                                         .replay = Replay::kDerived};
inline constexpr Field kSwarmRefId{.filter = "relo.ppsp_swarm_ref.swarm_id",
                                   .name = "swarm_id",
                                   .label = "Swarm ID",
                                   .section = "PPSP profile",
                                   .about = "The swarm"};
inline constexpr Field kSwarmRefMode{.filter = "relo.ppsp_swarm_ref.mode",
                                     .name = "mode",
                                     .label = "Mode",
                                     .type = Type::kUint8,
                                     .section = "PPSP profile",
                                     .about = "What the peer does there",
                                     .names = kEntryModeNames};
inline constexpr Field kPeerStatusData{.filter = "relo.ppsp_peer_status.data",
                                       .name = "data",
                                       .label = "Data",
                                       .type = Type::kBytes,
                                       .section = "PPSP profile",
                                       .about = "Content of a version that is not known"};

struct SwarmRef {
  std::string swarm_id;
  std::uint8_t mode = kLeechEntry;
};
template <class A>
void describe(A& a, SwarmRef& m) {
  a.prefixed(kSwarmRefIdLength, [&] { a.rest(kSwarmRefId, m.swarm_id); });
  a.number(kSwarmRefMode, m.mode);
}

struct PeerStatus {
  static constexpr std::uint32_t kCode = kPpspPeerStatusKind;
  static constexpr const Field* kGroup = &kPeerStatus;
  std::uint8_t entry_version = kStatusVersion;
  std::uint64_t updated = 0;  // ms since 1970
  NodeId ct_node_id;
  PpspStatus status;
  std::uint64_t uploaded = 0;    // bytes
  std::uint64_t downloaded = 0;  // bytes
  std::vector<SwarmRef> swarms;
  std::string data;  // of versions that are not known
};
template <class A>
void describe(A& a, PeerStatus& m) {
  a.number(kPeerStatusVersion, m.entry_version);
  a.when(m.entry_version == kStatusVersion, [&] {
    a.number(kPeerStatusUpdated, m.updated);
    a.bytes(kPeerStatusNode, m.ct_node_id, node_id_length(a));
    a.structure(kPpspStatus, m.status);
    a.number(kPeerUploaded, m.uploaded);
    a.number(kPeerDownloaded, m.downloaded);
    a.prefixed(kPeerSwarmsLength, [&] { a.sequence(kSwarmRef, m.swarms); });
  });
  a.when(m.entry_version != kStatusVersion, [&] { a.rest(kPeerStatusData, m.data); });
}

}  // namespace peerscope::reload
