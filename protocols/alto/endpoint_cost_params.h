// SPDX-License-Identifier: GPL-2.0-or-later
// Input of the endpoint cost service: RFC 7285 section 11.5.1.3.
//
//   { "cost-type": {...}, "endpoints": { "srcs": [ "ipv4:192.0.2.2" ], "dsts": [ "ipv4:192.0.2.89" ] } }
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocols/alto/cost_request.h"
#include "protocols/alto/message_fields.h"

namespace peerscope::alto {

inline constexpr Field kCostEndpoints{.filter = "alto.endpoints",
                                      .name = "endpoints",
                                      .label = "Endpoints",
                                      .type = Type::kGroup,
                                      .section = "11.5.1.3",
                                      .about = "Pairs wanted; an absent or empty list stands for the client"};
inline constexpr Field kSourceEndpoints{.filter = "alto.src",
                                        .name = "srcs",
                                        .label = "Source",
                                        .section = "11.5.1.3",
                                        .about = "Source endpoints",
                                        .replay = Replay::kAddress};
inline constexpr Field kDestinationEndpoints{.filter = "alto.dst",
                                             .name = "dsts",
                                             .label = "Destination",
                                             .section = "11.5.1.3",
                                             .about = "Destination endpoints",
                                             .replay = Replay::kAddress};

struct CostEndpoints {
  std::optional<std::vector<std::string>> srcs;
  std::optional<std::vector<std::string>> dsts;
};
template <class A>
void describe(A& a, CostEndpoints& m) {
  a.optional(kSourceEndpoints, m.srcs);
  a.optional(kDestinationEndpoints, m.dsts);
}

struct EndpointCostParams : CostRequest {
  std::optional<CostEndpoints> endpoints;
};
template <class A>
void describe(A& a, EndpointCostParams& m) {
  describe_cost_request(a, m);
  a.required(kCostEndpoints, m.endpoints);
}

}  // namespace peerscope::alto
