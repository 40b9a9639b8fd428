// SPDX-License-Identifier: GPL-2.0-or-later
// PathTrack: RFC 7851 section 4.3.1. Asks a node for the next hop to a place, and for diagnostics.
//
//   PathTrackReq: destination | request     PathTrackAns: next_hop | response
#pragma once

#include <cstdint>

#include "protocols/base/field.h"
#include "protocols/reload/destination.h"
#include "protocols/reload/diagnostics.h"
#include "protocols/reload/method.h"

namespace peerscope::reload {

inline constexpr Field kPathTrackReq{.filter = "relo.path_track_req",
                                     .name = "path_track_req",
                                     .label = "PathTrackReq",
                                     .type = Type::kGroup,
                                     .section = "RFC 7851, 4.3.1.1",
                                     .about = "Where would you route this, and how are you?"};
inline constexpr Field kPathTrackDestination{.filter = "relo.path_track_req.destination",
                                             .name = "destination",
                                             .label = "Destination",
                                             .type = Type::kGroup,
                                             .section = "RFC 7851, 4.3.1.1",
                                             .about = "The place asked for"};
inline constexpr Field kPathTrackRequest{.filter = "relo.path_track_req.request",
                                         .name = "request",
                                         .label = "Diagnostics request",
                                         .type = Type::kGroup,
                                         .section = "RFC 7851, 4.3.1.1",
                                         .about = "Which diagnostics are wanted"};
inline constexpr Field kPathTrackAns{.filter = "relo.path_track_ans",
                                     .name = "path_track_ans",
                                     .label = "PathTrackAns",
                                     .type = Type::kGroup,
                                     .section = "RFC 7851, 4.3.1.2",
                                     .about = "The next hop, and diagnostics"};
inline constexpr Field kPathTrackNextHop{.filter = "relo.path_track_ans.next_hop",
                                         .name = "next_hop",
                                         .label = "Next hop",
                                         .type = Type::kGroup,
                                         .section = "RFC 7851, 4.3.1.2",
                                         .about = "Where the node would route to"};
inline constexpr Field kPathTrackResponse{.filter = "relo.path_track_ans.response",
                                          .name = "response",
                                          .label = "Diagnostics response",
                                          .type = Type::kGroup,
                                          .section = "RFC 7851, 4.3.1.2",
                                          .about = "Diagnostics of the node"};

struct PathTrackReq {
  static constexpr std::uint16_t kCode = kPathTrackReqMethod.code;
  static constexpr const Field* kGroup = &kPathTrackReq;
  Destination destination;
  DiagnosticsRequest request;
};
template <class A>
void describe(A& a, PathTrackReq& m) {
  a.structure(kPathTrackDestination, m.destination);
  a.structure(kPathTrackRequest, m.request);
}

struct PathTrackAns {
  static constexpr std::uint16_t kCode = kPathTrackAnsMethod.code;
  static constexpr const Field* kGroup = &kPathTrackAns;
  Destination next_hop;
  DiagnosticsResponse response;
};
template <class A>
void describe(A& a, PathTrackAns& m) {
  a.structure(kPathTrackNextHop, m.next_hop);
  a.structure(kPathTrackResponse, m.response);
}

}  // namespace peerscope::reload
