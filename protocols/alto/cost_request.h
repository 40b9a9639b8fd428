// SPDX-License-Identifier: GPL-2.0-or-later
// What the inputs of filtered cost maps and of endpoint costs share: RFC 7285 section 11.3.2.3, with the members of
// RFC 8189 (several cost types), RFC 8896 (calendars) and RFC 9275 (path vectors).
//
//   "cost-type": {...}, "constraints": [ "ge 1", "le 10" ]
//   "multi-cost-types": [ {...}, {...} ], "or-constraints": [ [ "[0] le 5" ], [ "[1] le 9" ] ]
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocols/alto/cost_type.h"
#include "protocols/alto/directory.h"

namespace peerscope::alto {

inline constexpr Field kConstraints{.filter = "alto.constraint",
                                    .name = "constraints",
                                    .label = "Constraint",
                                    .section = "11.3.2.3",
                                    .about = "Test that a cost must pass; all must be passed"};
inline constexpr Field kOrConstraints{.filter = "alto.or_constraints",
                                      .name = "or-constraints",
                                      .label = "Alternative constraints",
                                      .type = Type::kGroup,
                                      .section = "RFC 8189, 4.1.2",
                                      .about = "Lists of tests; one list must be passed as a whole"};
inline constexpr Field kOrConstraint{.filter = "alto.constraint",
                                     .name = "",
                                     .label = "Constraint",
                                     .section = "RFC 8189, 4.1.2",
                                     .about = "Test that a cost must pass"};
inline constexpr Field kOrConstraintList{.filter = "alto.or_constraints.list",
                                         .name = "",
                                         .label = "All of",
                                         .type = Type::kGroup,
                                         .section = "RFC 8189, 4.1.2"};
inline constexpr Field kNoConstraints{.filter = "alto.or_constraints.other",
                                      .name = "or-constraints",
                                      .label = "Alternative constraints",
                                      .section = "RFC 8189, 4.1.2",
                                      .about = "What stands in place of the lists, as JSON"};
inline constexpr ValueFields kOrConstraintValue{&kOrConstraint, &kOrConstraint, &kOrConstraintList, &kOrConstraint};
inline constexpr ValueFields kOrConstraintsValue{&kNoConstraints, &kNoConstraints, &kOrConstraints, &kNoConstraints,
                                                 &kOrConstraintValue};
inline constexpr Field kCalendared{.filter = "alto.calendar.wanted",
                                   .name = "calendared",
                                   .label = "Calendar wanted",
                                   .type = Type::kBoolean,
                                   .section = "RFC 8896, 5.1.1",
                                   .about = "By requested cost type: whether as a calendar"};

// Mixed into the requests that have them.
struct CostRequest {
  std::optional<CostType> cost_type;
  std::vector<CostType> multi_cost_types;
  std::vector<CostType> testable_cost_types;
  std::optional<std::vector<std::string>> constraints;
  std::optional<JsonValue> or_constraints;  // an array of arrays of texts
  std::optional<std::vector<bool>> calendared;
  std::optional<std::vector<std::string>> ane_property_names;
};
template <class A>
void describe_cost_request(A& a, CostRequest& m) {
  a.optional(kCostType, m.cost_type);
  a.optional(kMultiCostTypes, m.multi_cost_types);
  a.optional(kTestableCostTypes, m.testable_cost_types);
  a.optional(kConstraints, m.constraints);
  a.optional(kOrConstraintsValue, m.or_constraints);
  a.optional(kCalendared, m.calendared);
  a.optional(kAnePropertyNames, m.ane_property_names);
}

}  // namespace peerscope::alto
