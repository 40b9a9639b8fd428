// SPDX-License-Identifier: GPL-2.0-or-later
// Leave: RFC 6940 section 6.4.2.2, with the data of CHORD-RELOAD (section 10.9). The type says what the leaving node is
// to the receiver.
//
//   LeaveReq: leaving_peer_id | length (2) | overlay_specific_data           LeaveAns: empty
//   ChordLeaveData: type (1) | 1 from_succ: length (2) successors | 2 from_pred: length (2) predecessors
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocols/base/binary_archive.h"
#include "protocols/reload/context.h"
#include "protocols/reload/method.h"

namespace peerscope::reload {

inline constexpr std::uint8_t kFromSuccessor = 1;
inline constexpr std::uint8_t kFromPredecessor = 2;
inline constexpr ValueName kLeaveTypeNames[] = {{kFromSuccessor, "from_succ"}, {kFromPredecessor, "from_pred"}};
inline constexpr Field kLeaveReq{.filter = "relo.leave_req",
                                 .name = "leave_req",
                                 .label = "LeaveReq",
                                 .type = Type::kGroup,
                                 .section = "6.4.2.2",
                                 .about = "A peer leaves the overlay"};
inline constexpr Field kLeavingPeerId{.filter = "relo.leave_req.leaving_peer_id",
                                      .name = "leaving_peer_id",
                                      .label = "Leaving peer",
                                      .type = Type::kBytes,
                                      .section = "6.4.2.2",
                                      .about = "Node-ID of the leaving peer",
                                      .replay = Replay::kPartyId};
inline constexpr Field kLeaveDataLength{.filter = "relo.leave_req.overlay_specific_data_length",
                                        .name = "overlay_specific_data_length",
                                        .label = "Overlay data length",
                                        .type = Type::kUint16,
                                        .section = "6.4.2.2",
                                        .about = "Bytes of the topology plug-in's data",
                                        .replay = Replay::kDerived};
inline constexpr Field kLeaveData{.filter = "relo.leave_req.overlay_specific_data",
                                  .name = "overlay_specific_data",
                                  .label = "Overlay data",
                                  .type = Type::kBytes,
                                  .section = "6.4.2.2",
                                  .about = "Data of the topology plug-in"};
inline constexpr Field kChordLeave{.filter = "relo.leave_req.chord",
                                   .name = "chord_leave_data",
                                   .label = "Chord leave data",
                                   .type = Type::kGroup,
                                   .section = "10.9",
                                   .about = "The leaving peer's neighbours"};
inline constexpr Field kChordLeaveType{.filter = "relo.leave_req.type",
                                       .name = "type",
                                       .label = "Type",
                                       .type = Type::kUint8,
                                       .section = "10.9",
                                       .about = "What the leaving peer is to the receiver",
                                       .names = kLeaveTypeNames};
inline constexpr Field kLeaveSuccessorsLength{.filter = "relo.leave_req.successors_length",
                                              .name = "successors_length",
                                              .label = "Successors length",
                                              .type = Type::kUint16,
                                              .section = "10.9",
                                              .about = "Bytes of the list",
                                              .replay = Replay::kDerived};
inline constexpr Field kLeaveSuccessor{.filter = "relo.leave_req.successor",
                                       .name = "successors",
                                       .label = "Successor",
                                       .type = Type::kBytes,
                                       .section = "10.9",
                                       .about = "Node-ID of a successor of the leaving peer",
                                       .replay = Replay::kPartyId};
inline constexpr Field kLeavePredecessorsLength{.filter = "relo.leave_req.predecessors_length",
                                                .name = "predecessors_length",
                                                .label = "Predecessors length",
                                                .type = Type::kUint16,
                                                .section = "10.9",
                                                .about = "Bytes of the list",
                                                .replay = Replay::kDerived};
inline constexpr Field kLeavePredecessor{.filter = "relo.leave_req.predecessor",
                                         .name = "predecessors",
                                         .label = "Predecessor",
                                         .type = Type::kBytes,
                                         .section = "10.9",
                                         .about = "Node-ID of a predecessor of the leaving peer",
                                         .replay = Replay::kPartyId};
inline constexpr Field kLeaveAns{.filter = "relo.leave_ans",
                                 .name = "leave_ans",
                                 .label = "LeaveAns",
                                 .type = Type::kGroup,
                                 .section = "6.4.2.2",
                                 .about = "The departure was noticed"};

struct ChordLeaveData {
  std::uint8_t type = kFromSuccessor;
  std::vector<NodeId> nodes;  // successors or predecessors, by type
};
template <class A>
void describe(A& a, ChordLeaveData& m) {
  a.given(kLeavePredecessor, [&] { m.type = kFromPredecessor; });
  a.number(kChordLeaveType, m.type);
  a.when(m.type == kFromSuccessor,
         [&] { a.prefixed(kLeaveSuccessorsLength, [&] { a.strings(kLeaveSuccessor, m.nodes, node_id_length(a)); }); });
  a.when(m.type == kFromPredecessor, [&] {
    a.prefixed(kLeavePredecessorsLength, [&] { a.strings(kLeavePredecessor, m.nodes, node_id_length(a)); });
  });
}
struct LeaveData {
  ChordLeaveData chord;
};
template <class A>
void describe(A& a, LeaveData& m) {
  a.when(is_chord(a), [&] { a.structure(kChordLeave, m.chord); });
}

struct LeaveReq {
  static constexpr std::uint16_t kCode = kLeaveReqMethod.code;
  static constexpr const Field* kGroup = &kLeaveReq;
  NodeId leaving_peer_id;
  std::string overlay_specific_data;  // ChordLeaveData, encoded
};
template <class A>
void describe(A& a, LeaveReq& m) {
  a.bytes(kLeavingPeerId, m.leaving_peer_id, node_id_length(a));
  a.prefixed(kLeaveDataLength, [&] {
    LeaveData typed;
    a.nested(kLeaveData, m.overlay_specific_data, typed);
  });
}

struct LeaveAns {
  static constexpr std::uint16_t kCode = kLeaveAnsMethod.code;
  static constexpr const Field* kGroup = &kLeaveAns;
};
template <class A>
void describe(A&, LeaveAns&) {}

}  // namespace peerscope::reload
