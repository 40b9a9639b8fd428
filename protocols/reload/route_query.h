// SPDX-License-Identifier: GPL-2.0-or-later
// RouteQuery: RFC 6940 section 6.4.2.4, with the answer of CHORD-RELOAD (section 10.8): where would you route this?
//
//   RouteQueryReq: send_update (1) | destination | length (2) | overlay_specific_data
//   RouteQueryAns: next_peer
#pragma once

#include <cstdint>
#include <string>

#include "protocols/base/field.h"
#include "protocols/reload/context.h"
#include "protocols/reload/destination.h"
#include "protocols/reload/method.h"

namespace peerscope::reload {

inline constexpr Field kRouteQueryReq{.filter = "relo.route_query_req",
                                      .name = "route_query_req",
                                      .label = "RouteQueryReq",
                                      .type = Type::kGroup,
                                      .section = "6.4.2.4.1",
                                      .about = "Where would you route this?"};
inline constexpr Field kQuerySendUpdate{.filter = "relo.route_query_req.send_update",
                                        .name = "send_update",
                                        .label = "Send update",
                                        .type = Type::kBoolean,
                                        .section = "6.4.2.4.1",
                                        .about = "An Update is wanted"};
inline constexpr Field kQueryDestination{.filter = "relo.route_query_req.destination",
                                         .name = "destination",
                                         .label = "Destination",
                                         .type = Type::kGroup,
                                         .section = "6.4.2.4.1",
                                         .about = "The place asked for"};
inline constexpr Field kQueryDataLength{.filter = "relo.route_query_req.overlay_specific_data_length",
                                        .name = "overlay_specific_data_length",
                                        .label = "Overlay data length",
                                        .type = Type::kUint16,
                                        .section = "6.4.2.4.1",
                                        .about = "Bytes of the topology plug-in's data",
                                        .replay = Replay::kDerived};
inline constexpr Field kQueryData{.filter = "relo.route_query_req.overlay_specific_data",
                                  .name = "overlay_specific_data",
                                  .label = "Overlay data",
                                  .type = Type::kBytes,
                                  .section = "6.4.2.4.1",
                                  .about = "Data of the topology plug-in"};
inline constexpr Field kRouteQueryAns{.filter = "relo.route_query_ans",
                                      .name = "route_query_ans",
                                      .label = "RouteQueryAns",
                                      .type = Type::kGroup,
                                      .section = "6.4.2.4.2",
                                      .about = "The next hop"};
inline constexpr Field kNextPeer{.filter = "relo.route_query_ans.next_peer",
                                 .name = "next_peer",
                                 .label = "Next peer",
                                 .type = Type::kBytes,
                                 .section = "10.8",
                                 .about = "Node-ID of the next hop",
                                 .replay = Replay::kPartyId};
inline constexpr Field kQueryAnsData{.filter = "relo.route_query_ans.data",
                                     .name = "overlay_specific_data",
                                     .label = "Overlay data",
                                     .type = Type::kBytes,
                                     .section = "6.4.2.4.2",
                                     .about = "Body of another topology plug-in"};

struct RouteQueryReq {
  static constexpr std::uint16_t kCode = kRouteQueryReqMethod.code;
  static constexpr const Field* kGroup = &kRouteQueryReq;
  bool send_update = false;
  Destination destination;
  std::string overlay_specific_data;
};
template <class A>
void describe(A& a, RouteQueryReq& m) {
  a.number(kQuerySendUpdate, m.send_update);
  a.structure(kQueryDestination, m.destination);
  a.prefixed(kQueryDataLength, [&] { a.rest(kQueryData, m.overlay_specific_data); });
}

struct RouteQueryAns {
  static constexpr std::uint16_t kCode = kRouteQueryAnsMethod.code;
  static constexpr const Field* kGroup = &kRouteQueryAns;
  NodeId next_peer;
  std::string data;  // of another topology plug-in
};
template <class A>
void describe(A& a, RouteQueryAns& m) {
  a.when(is_chord(a), [&] { a.bytes(kNextPeer, m.next_peer, node_id_length(a)); });
  a.when(!is_chord(a), [&] { a.rest(kQueryAnsData, m.data); });
}

}  // namespace peerscope::reload
