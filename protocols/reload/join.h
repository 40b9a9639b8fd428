// SPDX-License-Identifier: GPL-2.0-or-later
// Join: RFC 6940 section 6.4.2.1. A node becomes a peer. CHORD-RELOAD has no data of its own here (section 10.5).
//
//   JoinReq: joining_peer_id | length (2) | overlay_specific_data     JoinAns: length (2) | overlay_specific_data
#pragma once

#include <cstdint>
#include <string>

#include "protocols/base/field.h"
#include "protocols/reload/context.h"
#include "protocols/reload/method.h"

namespace peerscope::reload {

inline constexpr Field kJoinReq{.filter = "relo.join_req",
                                .name = "join_req",
                                .label = "JoinReq",
                                .type = Type::kGroup,
                                .section = "6.4.2.1",
                                .about = "A node wants to become a peer"};
inline constexpr Field kJoiningPeerId{.filter = "relo.join_req.joining_peer_id",
                                      .name = "joining_peer_id",
                                      .label = "Joining peer",
                                      .type = Type::kBytes,
                                      .section = "6.4.2.1",
                                      .about = "Node-ID of the joining node",
                                      .replay = Replay::kPartyId};
inline constexpr Field kJoinReqDataLength{.filter = "relo.join_req.overlay_specific_data_length",
                                          .name = "overlay_specific_data_length",
                                          .label = "Overlay data length",
                                          .type = Type::kUint16,
                                          .section = "6.4.2.1",
                                          .about = "Bytes of the topology plug-in's data",
                                          .replay = Replay::kDerived};
inline constexpr Field kJoinReqData{.filter = "relo.join_req.overlay_specific_data",
                                    .name = "overlay_specific_data",
                                    .label = "Overlay data",
                                    .type = Type::kBytes,
                                    .section = "6.4.2.1",
                                    .about = "Data of the topology plug-in"};
inline constexpr Field kJoinAns{.filter = "relo.join_ans",
                                .name = "join_ans",
                                .label = "JoinAns",
                                .type = Type::kGroup,
                                .section = "6.4.2.1",
                                .about = "The node may become a peer"};
inline constexpr Field kJoinAnsDataLength{.filter = "relo.join_ans.overlay_specific_data_length",
                                          .name = "overlay_specific_data_length",
                                          .label = "Overlay data length",
                                          .type = Type::kUint16,
                                          .section = "6.4.2.1",
                                          .about = "Bytes of the topology plug-in's data",
                                          .replay = Replay::kDerived};
inline constexpr Field kJoinAnsData{.filter = "relo.join_ans.overlay_specific_data",
                                    .name = "overlay_specific_data",
                                    .label = "Overlay data",
                                    .type = Type::kBytes,
                                    .section = "6.4.2.1",
                                    .about = "Data of the topology plug-in"};

struct JoinReq {
  static constexpr std::uint16_t kCode = kJoinReqMethod.code;
  static constexpr const Field* kGroup = &kJoinReq;
  NodeId joining_peer_id;
  std::string overlay_specific_data;
};
template <class A>
void describe(A& a, JoinReq& m) {
  a.bytes(kJoiningPeerId, m.joining_peer_id, node_id_length(a));
  a.prefixed(kJoinReqDataLength, [&] { a.rest(kJoinReqData, m.overlay_specific_data); });
}

struct JoinAns {
  static constexpr std::uint16_t kCode = kJoinAnsMethod.code;
  static constexpr const Field* kGroup = &kJoinAns;
  std::string overlay_specific_data;
};
template <class A>
void describe(A& a, JoinAns& m) {
  a.prefixed(kJoinAnsDataLength, [&] { a.rest(kJoinAnsData, m.overlay_specific_data); });
}

}  // namespace peerscope::reload
