// SPDX-License-Identifier: GPL-2.0-or-later
// Cost map: RFC 7285 section 11.2.3. The answer of a full and of a filtered map alike; the path vector part of RFC
// 9275.
//
//   { "meta": { "dependent-vtags": [ {...} ], "cost-type": {...} },
//     "cost-map": { "west": { "west": 1, "east": 4 }, "east": { "west": 5, "east": 1 } } }
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocols/alto/costs.h"

namespace peerscope::alto {

inline constexpr Field kCostMapData{.filter = "alto.cost_map",
                                    .name = "cost-map",
                                    .label = "Cost map",
                                    .type = Type::kGroup,
                                    .section = "11.2.3.6",
                                    .about = "Costs by source and destination PID"};
inline constexpr Field kSourcePid{
    .filter = "alto.src", .name = "", .label = "Source", .section = "11.2.3.6", .about = "Source PID or endpoint"};
inline constexpr Field kDestinationPid{.filter = "alto.dst",
                                       .name = "",
                                       .label = "Destination",
                                       .section = "11.2.3.6",
                                       .about = "Destination PID or endpoint"};

struct PidCostRow {
  JsonMap<JsonValue> costs;
};
template <class A>
void describe(A& a, PidCostRow& m) {
  a.entries(kDestinationPid, kCostValue, m.costs);
}

struct PidCosts {
  JsonMap<PidCostRow> rows;
};
template <class A>
void describe(A& a, PidCosts& m) {
  a.entries(kSourcePid, kCostRow, m.rows);
}

struct CostMapMeta {
  std::optional<VersionTag> vtag;  // in a path vector only
  std::vector<DependentTag> dependent_vtags;
  std::optional<CostType> cost_type;
  std::vector<CostType> multi_cost_types;
  std::vector<CalendarResponseAttributes> calendar;
};
template <class A>
void describe(A& a, CostMapMeta& m) {
  a.optional(kVtag, m.vtag);
  a.required(kDependentVtags, m.dependent_vtags);
  a.required(kCostType, m.cost_type);
  a.optional(kMultiCostTypes, m.multi_cost_types);
  a.optional(kCalendarResponseAttributes, m.calendar);
}

struct CostMap {
  std::optional<CostMapMeta> meta;
  std::optional<PidCosts> costs;
};
template <class A>
void describe(A& a, CostMap& m) {
  a.required(kMeta, m.meta);
  a.required(kCostMapData, m.costs);
}

}  // namespace peerscope::alto
