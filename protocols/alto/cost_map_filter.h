// SPDX-License-Identifier: GPL-2.0-or-later
// Input of a filtered cost map: RFC 7285 section 11.3.2.3.
//
//   { "cost-type": {...}, "constraints": [...], "pids": { "srcs": [ "west" ], "dsts": [] } }
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocols/alto/cost_request.h"
#include "protocols/alto/message_fields.h"

namespace peerscope::alto {

inline constexpr Field kCostPids{.filter = "alto.pids",
                                 .name = "pids",
                                 .label = "PIDs",
                                 .type = Type::kGroup,
                                 .section = "11.3.2.3",
                                 .about = "Pairs wanted; absent: all"};
inline constexpr Field kSourcePids{.filter = "alto.src",
                                   .name = "srcs",
                                   .label = "Source",
                                   .section = "11.3.2.3",
                                   .about = "Source PIDs wanted; none: all"};
inline constexpr Field kDestinationPids{.filter = "alto.dst",
                                        .name = "dsts",
                                        .label = "Destination",
                                        .section = "11.3.2.3",
                                        .about = "Destination PIDs wanted; none: all"};

struct CostPids {
  std::optional<std::vector<std::string>> srcs;
  std::optional<std::vector<std::string>> dsts;
};
template <class A>
void describe(A& a, CostPids& m) {
  a.required(kSourcePids, m.srcs);
  a.required(kDestinationPids, m.dsts);
}

struct CostMapFilter : CostRequest {
  std::optional<CostPids> pids;
};
template <class A>
void describe(A& a, CostMapFilter& m) {
  describe_cost_request(a, m);
  a.optional(kCostPids, m.pids);
}

}  // namespace peerscope::alto
