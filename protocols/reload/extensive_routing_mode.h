// SPDX-License-Identifier: GPL-2.0-or-later
// Forwarding option extensive_routing_mode: direct response routing (RFC 7263 section 5.1.1) and relay peer routing
// (RFC 7264 section 5.1.1).
//
//   routemode (1) | transport (1) | IpAddressPort | length (1) | destinations
#pragma once

#include <cstdint>
#include <vector>

#include "protocols/base/field.h"
#include "protocols/reload/destination.h"
#include "protocols/reload/ip_address_port.h"
#include "protocols/reload/overlay_link.h"

namespace peerscope::reload {

inline constexpr std::uint8_t kDirectResponseRouting = 1;
inline constexpr std::uint8_t kRelayPeerRouting = 2;
inline constexpr ValueName kRouteModeNames[] = {{kDirectResponseRouting, "DRR"}, {kRelayPeerRouting, "RPR"}};
inline constexpr Field kExtensiveRoutingMode{.filter = "relo.routing_mode",
                                             .name = "extensive_routing_mode",
                                             .label = "Extensive routing mode",
                                             .type = Type::kGroup,
                                             .section = "RFC 7263, 5.1.1",
                                             .about = "How the response shall travel"};
inline constexpr Field kRouteMode{.filter = "relo.routing_mode.routemode",
                                  .name = "routemode",
                                  .label = "Route mode",
                                  .type = Type::kUint8,
                                  .section = "RFC 7263, 5.1.1",
                                  .about = "Direct or by a relay peer",
                                  .names = kRouteModeNames};
inline constexpr Field kRouteTransport{.filter = "relo.routing_mode.transport",
                                       .name = "transport",
                                       .label = "Transport",
                                       .type = Type::kUint8,
                                       .section = "RFC 7263, 5.1.1",
                                       .about = "Overlay link type for the response",
                                       .names = kOverlayLinkNames};
inline constexpr Field kRouteAddress{.filter = "relo.routing_mode.ipaddressport",
                                     .name = "ipaddressport",
                                     .label = "Address",
                                     .type = Type::kGroup,
                                     .section = "RFC 7263, 5.1.1",
                                     .about = "Where the response goes: the requester, or its relay"};
inline constexpr Field kRouteDestinationsLength{.filter = "relo.routing_mode.destinations_length",
                                                .name = "destinations_length",
                                                .label = "Destinations length",
                                                .type = Type::kUint8,
                                                .section = "RFC 7263, 5.1.1",
                                                .about = "Bytes of the list",
                                                .replay = Replay::kDerived};
inline constexpr Field kRouteDestination{.filter = "relo.routing_mode.destinations",
                                         .name = "destinations",
                                         .label = "Destination",
                                         .type = Type::kGroup,
                                         .section = "RFC 7263, 5.1.1",
                                         .about = "The response's Destination List"};

struct ExtensiveRoutingMode {
  static constexpr std::uint8_t kCode = 2;
  static constexpr const Field* kGroup = &kExtensiveRoutingMode;
  std::uint8_t routemode = kDirectResponseRouting;
  std::uint8_t transport = kTlsTcpFhNoIce;
  IpAddressPort address;
  std::vector<Destination> destinations;
};
template <class A>
void describe(A& a, ExtensiveRoutingMode& m) {
  a.number(kRouteMode, m.routemode);
  a.number(kRouteTransport, m.transport);
  a.structure(kRouteAddress, m.address);
  a.prefixed(kRouteDestinationsLength, [&] { a.sequence(kRouteDestination, m.destinations); });
}

}  // namespace peerscope::reload
