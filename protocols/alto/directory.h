// SPDX-License-Identifier: GPL-2.0-or-later
// Information resource directory: RFC 7285 section 9; capabilities of RFC 8189, 8895, 8896, 9240, 9275 and 9569.
//
//   { "meta": { "cost-types": { "num-routing": {...} }, "default-alto-network-map": "nm" },
//     "resources": { "nm": { "uri": "/nm", "media-type": "application/alto-networkmap+json" },
//                    "fcm": { "uri": "/fcm", "media-type": "...", "accepts": "...",
//                             "capabilities": {...}, "uses": [ "nm" ] } } }
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocols/alto/cost_type.h"
#include "protocols/alto/message_fields.h"

namespace peerscope::alto {

inline constexpr Field kCostTypes{.filter = "alto.ird.cost_types",
                                  .name = "cost-types",
                                  .label = "Cost types",
                                  .type = Type::kGroup,
                                  .section = "9.2.2",
                                  .about = "Cost types by a name that is local to this directory"};
inline constexpr Field kCostTypeName{.filter = "alto.cost_type.name",
                                     .name = "",
                                     .label = "Cost type name",
                                     .section = "9.2.2",
                                     .about = "Name of a cost type in this directory"};
inline constexpr Field kNamedCostType{
    .filter = "alto.cost_type", .name = "", .label = "Cost type", .type = Type::kGroup, .section = "10.7"};
inline constexpr Field kDefaultNetworkMap{
    .filter = "alto.ird.default_network_map",
    .name = "default-alto-network-map",
    .label = "Default network map",
    .section = "9.2.2",
    .about = "Resource ID of the network map to use when there is no reason for another"};
inline constexpr Field kResources{.filter = "alto.ird.resources",
                                  .name = "resources",
                                  .label = "Resources",
                                  .type = Type::kGroup,
                                  .section = "9.2.2",
                                  .about = "What the server offers, by resource ID"};
inline constexpr Field kResourceId{.filter = "alto.ird.resource_id",
                                   .name = "",
                                   .label = "Resource ID",
                                   .section = "10.2",
                                   .about = "Names a resource in the directory"};
inline constexpr Field kResource{
    .filter = "alto.ird.resource", .name = "", .label = "Resource", .type = Type::kGroup, .section = "9.2.2"};
inline constexpr Field kUri{.filter = "alto.ird.uri",
                            .name = "uri",
                            .label = "URI",
                            .section = "9.2.2",
                            .about = "Where the resource is; relative to the directory's own URI",
                            .replay = Replay::kAddress};
inline constexpr Field kMediaType{.filter = "alto.ird.media_type",
                                  .name = "media-type",
                                  .label = "Media type",
                                  .section = "9.2.2",
                                  .about = "Media type of its responses"};
inline constexpr Field kAccepts{.filter = "alto.ird.accepts",
                                .name = "accepts",
                                .label = "Accepts",
                                .section = "9.2.2",
                                .about = "Media type of its input; absent: GET without input"};
inline constexpr Field kCapabilities{.filter = "alto.ird.capabilities",
                                     .name = "capabilities",
                                     .label = "Capabilities",
                                     .type = Type::kGroup,
                                     .section = "9.1.3",
                                     .about = "What the resource can do"};
inline constexpr Field kUses{.filter = "alto.ird.uses",
                             .name = "uses",
                             .label = "Uses",
                             .section = "9.1.5",
                             .about = "Resource ID that one must fetch to understand this one"};

inline constexpr Field kCostTypeNames{.filter = "alto.cost_type.name",
                                      .name = "cost-type-names",
                                      .label = "Cost type name",
                                      .section = "11.2.3.4",
                                      .about = "Cost types that the resource offers"};
inline constexpr Field kCostConstraints{.filter = "alto.ird.cost_constraints",
                                        .name = "cost-constraints",
                                        .label = "Cost constraints",
                                        .type = Type::kBoolean,
                                        .section = "11.3.2.4",
                                        .about = "Whether requests may have constraints; absent: no"};
inline constexpr Field kMaxCostTypes{.filter = "alto.ird.max_cost_types",
                                     .name = "max-cost-types",
                                     .label = "Most cost types",
                                     .type = Type::kInt64,
                                     .section = "RFC 8189, 4.1.1",
                                     .about = "Cost types that one request may name; 0 or absent: no multi-cost",
                                     .min = 0};
inline constexpr Field kTestableCostTypeNames{.filter = "alto.cost_type.name",
                                              .name = "testable-cost-type-names",
                                              .label = "Testable cost type name",
                                              .section = "RFC 8189, 4.1.1",
                                              .about = "Cost types that constraints may test"};
inline constexpr Field kCalendarAttributes{.filter = "alto.calendar",
                                           .name = "calendar-attributes",
                                           .label = "Calendar attributes",
                                           .type = Type::kGroup,
                                           .section = "RFC 8896, 4.1",
                                           .about = "Cost types that come as calendars, and their intervals"};
inline constexpr Field kCalendarCostTypeNames{.filter = "alto.cost_type.name",
                                              .name = "cost-type-names",
                                              .label = "Cost type name",
                                              .section = "RFC 8896, 4.1",
                                              .about = "Cost types with this calendar"};
inline constexpr Field kTimeIntervalSize{.filter = "alto.calendar.interval",
                                         .name = "time-interval-size",
                                         .label = "Interval",
                                         .type = Type::kDouble,
                                         .section = "RFC 8896, 4.1",
                                         .about = "Length of one interval, seconds",
                                         .min = 0};
inline constexpr Field kNumberOfIntervals{.filter = "alto.calendar.count",
                                          .name = "number-of-intervals",
                                          .label = "Intervals",
                                          .type = Type::kInt64,
                                          .section = "RFC 8896, 4.1",
                                          .about = "Values in one calendar",
                                          .min = 1};
inline constexpr Field kAnePropertyNames{.filter = "alto.property.name",
                                         .name = "ane-property-names",
                                         .label = "ANE property name",
                                         .section = "RFC 9275, 7.2.3",
                                         .about = "Properties of abstract network elements"};
inline constexpr Field kPropTypes{.filter = "alto.property.name",
                                  .name = "prop-types",
                                  .label = "Property name",
                                  .section = "11.4.1.4",
                                  .about = "Endpoint properties that can be asked for"};
inline constexpr Field kMappings{.filter = "alto.ird.mappings",
                                 .name = "mappings",
                                 .label = "Mappings",
                                 .type = Type::kGroup,
                                 .section = "RFC 9240, 7.4",
                                 .about = "Property names by entity domain"};
inline constexpr Field kEntityDomain{
    .filter = "alto.entity.domain", .name = "", .label = "Entity domain", .section = "RFC 9240, 5.1.2"};
inline constexpr Field kMappedProperty{
    .filter = "alto.property.name", .name = "", .label = "Property name", .section = "RFC 9240, 5.2.2"};
inline constexpr Field kIncrementalMediaTypes{.filter = "alto.ird.incremental",
                                              .name = "incremental-change-media-types",
                                              .label = "Incremental updates",
                                              .type = Type::kGroup,
                                              .section = "RFC 8895, 6.3",
                                              .about = "Media types of patches, by resource ID"};
inline constexpr Field kIncrementalMediaType{.filter = "alto.ird.incremental.media_types",
                                             .name = "",
                                             .label = "Patch media types",
                                             .section = "RFC 8895, 6.3",
                                             .about = "Separated by commas"};
inline constexpr Field kSupportStreamControl{.filter = "alto.ird.stream_control",
                                             .name = "support-stream-control",
                                             .label = "Stream control",
                                             .type = Type::kBoolean,
                                             .section = "RFC 8895, 6.3",
                                             .about = "Whether streams can be changed while they are open"};

struct DirectoryCostTypes {
  JsonMap<CostType> types;
};
template <class A>
void describe(A& a, DirectoryCostTypes& m) {
  a.entries(kCostTypeName, kNamedCostType, m.types);
}

struct DirectoryMeta {
  std::optional<DirectoryCostTypes> cost_types;
  std::optional<std::string> default_network_map;
};
template <class A>
void describe(A& a, DirectoryMeta& m) {
  a.optional(kCostTypes, m.cost_types);
  a.optional(kDefaultNetworkMap, m.default_network_map);
}

struct CalendarAttributes {
  std::vector<std::string> cost_type_names;
  std::optional<double> time_interval_size;
  std::optional<std::int64_t> number_of_intervals;
};
template <class A>
void describe(A& a, CalendarAttributes& m) {
  a.required(kCalendarCostTypeNames, m.cost_type_names);
  a.required(kTimeIntervalSize, m.time_interval_size);
  a.required(kNumberOfIntervals, m.number_of_intervals);
}

struct Mappings {
  JsonMap<std::vector<std::string>> domains;
};
template <class A>
void describe(A& a, Mappings& m) {
  a.entries(kEntityDomain, kMappedProperty, m.domains);
}

struct IncrementalMediaTypes {
  JsonMap<std::string> resources;
};
template <class A>
void describe(A& a, IncrementalMediaTypes& m) {
  a.entries(kResourceId, kIncrementalMediaType, m.resources);
}

// Which of these a resource has depends on its kind: the requirement table says so.
struct Capabilities {
  std::optional<std::vector<std::string>> cost_type_names;
  std::optional<bool> cost_constraints;
  std::optional<std::int64_t> max_cost_types;
  std::vector<std::string> testable_cost_type_names;
  std::vector<CalendarAttributes> calendar_attributes;
  std::optional<std::vector<std::string>> ane_property_names;
  std::optional<std::vector<std::string>> prop_types;
  std::optional<Mappings> mappings;
  std::optional<IncrementalMediaTypes> incremental;
  std::optional<bool> support_stream_control;
};
template <class A>
void describe(A& a, Capabilities& m) {
  a.optional(kCostTypeNames, m.cost_type_names);
  a.optional(kCostConstraints, m.cost_constraints);
  a.optional(kMaxCostTypes, m.max_cost_types);
  a.optional(kTestableCostTypeNames, m.testable_cost_type_names);
  a.optional(kCalendarAttributes, m.calendar_attributes);
  a.optional(kAnePropertyNames, m.ane_property_names);
  a.optional(kPropTypes, m.prop_types);
  a.optional(kMappings, m.mappings);
  a.optional(kIncrementalMediaTypes, m.incremental);
  a.optional(kSupportStreamControl, m.support_stream_control);
}

struct Resource {
  std::optional<std::string> uri;
  std::optional<std::string> media_type;
  std::optional<std::string> accepts;
  std::optional<Capabilities> capabilities;
  std::optional<std::vector<std::string>> uses;
};
template <class A>
void describe(A& a, Resource& m) {
  a.required(kUri, m.uri);
  a.required(kMediaType, m.media_type);
  a.optional(kAccepts, m.accepts);
  a.optional(kCapabilities, m.capabilities);
  a.optional(kUses, m.uses);
}

struct Resources {
  JsonMap<Resource> entries;
};
template <class A>
void describe(A& a, Resources& m) {
  a.entries(kResourceId, kResource, m.entries);
}

struct Directory {
  std::optional<DirectoryMeta> meta;
  std::optional<Resources> resources;
};
template <class A>
void describe(A& a, Directory& m) {
  a.required(kMeta, m.meta);
  a.required(kResources, m.resources);
}

}  // namespace peerscope::alto
