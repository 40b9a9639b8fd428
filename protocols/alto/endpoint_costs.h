// SPDX-License-Identifier: GPL-2.0-or-later
// Endpoint costs: RFC 7285 section 11.5.1.6; the path vector part of RFC 9275.
//
//   { "meta": { "cost-type": {...} }, "endpoint-cost-map": { "ipv4:192.0.2.2": { "ipv4:192.0.2.89": 1 } } }
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocols/alto/costs.h"

namespace peerscope::alto {

inline constexpr Field kEndpointCostMap{.filter = "alto.endpoint_cost_map",
                                        .name = "endpoint-cost-map",
                                        .label = "Endpoint cost map",
                                        .type = Type::kGroup,
                                        .section = "11.5.1.6",
                                        .about = "Costs by source and destination endpoint"};
inline constexpr Field kSourceEndpoint{.filter = "alto.src",
                                       .name = "",
                                       .label = "Source",
                                       .section = "11.5.1.6",
                                       .about = "Source PID or endpoint",
                                       .replay = Replay::kAddress};
inline constexpr Field kDestinationEndpoint{.filter = "alto.dst",
                                            .name = "",
                                            .label = "Destination",
                                            .section = "11.5.1.6",
                                            .about = "Destination PID or endpoint",
                                            .replay = Replay::kAddress};

struct EndpointCostRow {
  JsonMap<JsonValue> costs;
};
template <class A>
void describe(A& a, EndpointCostRow& m) {
  a.entries(kDestinationEndpoint, kCostValue, m.costs);
}

struct EndpointCostRows {
  JsonMap<EndpointCostRow> rows;
};
template <class A>
void describe(A& a, EndpointCostRows& m) {
  a.entries(kSourceEndpoint, kCostRow, m.rows);
}

struct EndpointCostsMeta {
  std::optional<VersionTag> vtag;             // in a path vector only
  std::vector<DependentTag> dependent_vtags;  // not needed: the resource uses no map
  std::optional<CostType> cost_type;
  std::vector<CostType> multi_cost_types;
  std::vector<CalendarResponseAttributes> calendar;
};
template <class A>
void describe(A& a, EndpointCostsMeta& m) {
  a.optional(kVtag, m.vtag);
  a.optional(kDependentVtags, m.dependent_vtags);
  a.required(kCostType, m.cost_type);
  a.optional(kMultiCostTypes, m.multi_cost_types);
  a.optional(kCalendarResponseAttributes, m.calendar);
}

struct EndpointCosts {
  std::optional<EndpointCostsMeta> meta;
  std::optional<EndpointCostRows> costs;
};
template <class A>
void describe(A& a, EndpointCosts& m) {
  a.required(kMeta, m.meta);
  a.required(kEndpointCostMap, m.costs);
}

}  // namespace peerscope::alto
