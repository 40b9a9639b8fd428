// SPDX-License-Identifier: GPL-2.0-or-later
// Update: RFC 6940 section 6.4.2.3, with the body of CHORD-RELOAD (section 10.7). The answer's body is not defined
// there.
//
//   ChordUpdate: uptime (4) | type (1) | 2 neighbors, 3 full: length (2) predecessors | length (2) successors
//                | 3 full: length (2) fingers
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocols/base/field.h"
#include "protocols/reload/context.h"
#include "protocols/reload/method.h"

namespace peerscope::reload {

inline constexpr std::uint8_t kPeerReady = 1;
inline constexpr std::uint8_t kNeighbors = 2;
inline constexpr std::uint8_t kFull = 3;
inline constexpr ValueName kUpdateTypeNames[] = {
    {kPeerReady, "peer_ready"}, {kNeighbors, "neighbors"}, {kFull, "full"}};
inline constexpr Field kUpdateReq{.filter = "relo.update_req",
                                  .name = "update_req",
                                  .label = "UpdateReq",
                                  .type = Type::kGroup,
                                  .section = "6.4.2.3",
                                  .about = "Tells about the sender's routing table"};
inline constexpr Field kUpdateUptime{.filter = "relo.update_req.uptime",
                                     .name = "uptime",
                                     .label = "Uptime",
                                     .type = Type::kUint32,
                                     .section = "10.7",
                                     .about = "Seconds that the sender has been up",
                                     .replay = Replay::kTime};
inline constexpr Field kUpdateType{.filter = "relo.update_req.type",
                                   .name = "type",
                                   .label = "Type",
                                   .type = Type::kUint8,
                                   .section = "10.7",
                                   .about = "What is told",
                                   .names = kUpdateTypeNames};
inline constexpr Field kPredecessorsLength{.filter = "relo.update_req.predecessors_length",
                                           .name = "predecessors_length",
                                           .label = "Predecessors length",
                                           .type = Type::kUint16,
                                           .section = "10.7",
                                           .about = "Bytes of the list",
                                           .replay = Replay::kDerived};
inline constexpr Field kPredecessor{.filter = "relo.update_req.predecessor",
                                    .name = "predecessors",
                                    .label = "Predecessor",
                                    .type = Type::kBytes,
                                    .section = "10.7",
                                    .about = "Node-ID of a predecessor of the sender",
                                    .replay = Replay::kPartyId};
inline constexpr Field kSuccessorsLength{.filter = "relo.update_req.successors_length",
                                         .name = "successors_length",
                                         .label = "Successors length",
                                         .type = Type::kUint16,
                                         .section = "10.7",
                                         .about = "Bytes of the list",
                                         .replay = Replay::kDerived};
inline constexpr Field kSuccessor{.filter = "relo.update_req.successor",
                                  .name = "successors",
                                  .label = "Successor",
                                  .type = Type::kBytes,
                                  .section = "10.7",
                                  .about = "Node-ID of a successor of the sender",
                                  .replay = Replay::kPartyId};
inline constexpr Field kFingersLength{.filter = "relo.update_req.fingers_length",
                                      .name = "fingers_length",
                                      .label = "Fingers length",
                                      .type = Type::kUint16,
                                      .section = "10.7",
                                      .about = "Bytes of the list",
                                      .replay = Replay::kDerived};
inline constexpr Field kFinger{.filter = "relo.update_req.finger",
                               .name = "fingers",
                               .label = "Finger",
                               .type = Type::kBytes,
                               .section = "10.7",
                               .about = "Node-ID of a finger of the sender, in ascending order",
                               .replay = Replay::kPartyId};
inline constexpr Field kUpdateReqData{.filter = "relo.update_req.data",
                                      .name = "overlay_specific_data",
                                      .label = "Overlay data",
                                      .type = Type::kBytes,
                                      .section = "6.4.2.3",
                                      .about = "Body of another topology plug-in or type"};
inline constexpr Field kUpdateAns{.filter = "relo.update_ans",
                                  .name = "update_ans",
                                  .label = "UpdateAns",
                                  .type = Type::kGroup,
                                  .section = "6.4.2.3",
                                  .about = "The Update was taken"};
inline constexpr Field kUpdateAnsData{.filter = "relo.update_ans.data",
                                      .name = "overlay_specific_data",
                                      .label = "Overlay data",
                                      .type = Type::kBytes,
                                      .section = "6.4.2.3",
                                      .about = "Data of the topology plug-in; nothing is defined for CHORD-RELOAD"};

struct UpdateReq {
  static constexpr std::uint16_t kCode = kUpdateReqMethod.code;
  static constexpr const Field* kGroup = &kUpdateReq;
  std::uint32_t uptime = 0;
  std::uint8_t type = kPeerReady;
  std::vector<NodeId> predecessors;
  std::vector<NodeId> successors;
  std::vector<NodeId> fingers;
  std::string data;  // of another topology plug-in or type
};
template <class A>
void describe(A& a, UpdateReq& m) {
  const bool chord = is_chord(a);
  a.when(chord, [&] {
    a.number(kUpdateUptime, m.uptime);
    a.number(kUpdateType, m.type);
  });
  a.when(chord && (m.type == kNeighbors || m.type == kFull), [&] {
    a.prefixed(kPredecessorsLength, [&] { a.strings(kPredecessor, m.predecessors, node_id_length(a)); });
    a.prefixed(kSuccessorsLength, [&] { a.strings(kSuccessor, m.successors, node_id_length(a)); });
  });
  a.when(chord && m.type == kFull,
         [&] { a.prefixed(kFingersLength, [&] { a.strings(kFinger, m.fingers, node_id_length(a)); }); });
  a.when(!chord || m.type == 0 || m.type > kFull, [&] { a.rest(kUpdateReqData, m.data); });
}

struct UpdateAns {
  static constexpr std::uint16_t kCode = kUpdateAnsMethod.code;
  static constexpr const Field* kGroup = &kUpdateAns;
  std::string data;
};
template <class A>
void describe(A& a, UpdateAns& m) {
  bool some = !m.data.empty();
  a.peek([&](std::string_view rest) { some = !rest.empty(); });
  a.given(kUpdateAnsData, [&] { some = true; });
  a.when(some, [&] { a.rest(kUpdateAnsData, m.data); });
}

}  // namespace peerscope::reload
