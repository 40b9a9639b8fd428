// SPDX-License-Identifier: GPL-2.0-or-later
// Cost types: RFC 7285 section 10.7, with the context of RFC 9439 section 3.1.
//
//   { "cost-mode": "numerical", "cost-metric": "delay-ow:p95", "description": "...",
//     "cost-context": { "cost-source": "sla", "parameters": {...} } }
#pragma once

#include <optional>
#include <string>

#include "protocols/base/field.h"
#include "protocols/base/json_value.h"
#include "protocols/base/value_fields.h"

namespace peerscope::alto {

inline constexpr Field kCostType{.filter = "alto.cost_type",
                                 .name = "cost-type",
                                 .label = "Cost type",
                                 .type = Type::kGroup,
                                 .section = "10.7",
                                 .about = "What the costs measure and how they are to be read"};
inline constexpr Field kMultiCostTypes{.filter = "alto.cost_type",
                                       .name = "multi-cost-types",
                                       .label = "Cost type",
                                       .type = Type::kGroup,
                                       .section = "RFC 8189, 4.1",
                                       .about = "Cost types of one array of costs, in its order"};
inline constexpr Field kTestableCostTypes{.filter = "alto.cost_type",
                                          .name = "testable-cost-types",
                                          .label = "Testable cost type",
                                          .type = Type::kGroup,
                                          .section = "RFC 8189, 4.1.2",
                                          .about = "Cost types that constraints count in"};
inline constexpr Field kCostMetric{.filter = "alto.cost_type.metric",
                                   .name = "cost-metric",
                                   .label = "Cost metric",
                                   .section = "10.6",
                                   .about = "What is measured"};
inline constexpr Field kCostMode{.filter = "alto.cost_type.mode",
                                 .name = "cost-mode",
                                 .label = "Cost mode",
                                 .section = "10.5",
                                 .about = "How the numbers are to be read"};
inline constexpr Field kCostDescription{.filter = "alto.cost_type.description",
                                        .name = "description",
                                        .label = "Description",
                                        .section = "10.7",
                                        .about = "For people only"};
inline constexpr Field kCostContext{.filter = "alto.cost_type.context",
                                    .name = "cost-context",
                                    .label = "Cost context",
                                    .type = Type::kGroup,
                                    .section = "RFC 9439, 3.1",
                                    .about = "Where the numbers come from"};
inline constexpr Field kCostSource{.filter = "alto.cost_type.source",
                                   .name = "cost-source",
                                   .label = "Cost source",
                                   .section = "RFC 9439, 3.1",
                                   .about = "nominal, sla or estimation"};
inline constexpr Field kCostParameters{.filter = "alto.cost_type.parameters",
                                       .name = "parameters",
                                       .label = "Parameters",
                                       .section = "RFC 9439, 3.1",
                                       .about = "What the source adds, as JSON"};
inline constexpr ValueFields kCostParametersValue{&kCostParameters, &kCostParameters, &kCostParameters,
                                                  &kCostParameters};

struct CostContext {
  std::optional<std::string> cost_source;
  std::optional<JsonValue> parameters;
};
template <class A>
void describe(A& a, CostContext& m) {
  a.required(kCostSource, m.cost_source);
  a.optional(kCostParametersValue, m.parameters);
}

struct CostType {
  std::optional<std::string> cost_mode;
  std::optional<std::string> cost_metric;
  std::optional<CostContext> cost_context;
  std::optional<std::string> description;
};
template <class A>
void describe(A& a, CostType& m) {
  // An empty object stands beside multi-cost-types (RFC 8189), so the table of requirements says where they must be.
  a.optional(kCostMode, m.cost_mode);
  a.optional(kCostMetric, m.cost_metric);
  a.optional(kCostContext, m.cost_context);
  a.optional(kCostDescription, m.description);
}

}  // namespace peerscope::alto
