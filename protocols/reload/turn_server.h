// SPDX-License-Identifier: GPL-2.0-or-later
// TURN-SERVICE: RFC 6940 section 9. A node that offers to be a TURN server.
//
//   iteration (1) | server_address
#pragma once

#include <cstdint>

#include "protocols/base/field.h"
#include "protocols/reload/ip_address_port.h"
#include "protocols/reload/kind.h"

namespace peerscope::reload {

inline constexpr Field kTurnServer{.filter = "relo.turn_server",
                                   .name = "turn_server",
                                   .label = "TURN server",
                                   .type = Type::kGroup,
                                   .section = "9",
                                   .about = "A node that offers to be a TURN server"};
inline constexpr Field kTurnIteration{.filter = "relo.turn_server.iteration",
                                      .name = "iteration",
                                      .label = "Iteration",
                                      .type = Type::kUint8,
                                      .section = "9",
                                      .about = "The number that was hashed with the Node-ID"};
inline constexpr Field kTurnAddress{.filter = "relo.turn_server.server_address",
                                    .name = "server_address",
                                    .label = "Server address",
                                    .type = Type::kGroup,
                                    .section = "9",
                                    .about = "Where the TURN server is"};

struct TurnServer {
  static constexpr std::uint32_t kCode = kTurnServiceKind;
  static constexpr const Field* kGroup = &kTurnServer;
  std::uint8_t iteration = 1;
  IpAddressPort server_address;
};
template <class A>
void describe(A& a, TurnServer& m) {
  a.number(kTurnIteration, m.iteration);
  a.structure(kTurnAddress, m.server_address);
}

}  // namespace peerscope::reload
