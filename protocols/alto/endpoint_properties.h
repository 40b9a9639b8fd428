// SPDX-License-Identifier: GPL-2.0-or-later
// Endpoint properties: RFC 7285 section 11.4.1.6.
//
//   { "meta": { "dependent-vtags": [ {...} ] },
//     "endpoint-properties": { "ipv4:192.0.2.34": { "nm.pid": "PID1" } } }
#pragma once

#include <optional>
#include <vector>

#include "protocols/alto/message_fields.h"
#include "protocols/alto/vtag.h"
#include "protocols/base/json_value.h"
#include "protocols/base/value_fields.h"

namespace peerscope::alto {

inline constexpr Field kEndpointPropertiesData{.filter = "alto.endpoint_properties",
                                               .name = "endpoint-properties",
                                               .label = "Endpoint properties",
                                               .type = Type::kGroup,
                                               .section = "11.4.1.6",
                                               .about = "Properties by endpoint"};
inline constexpr Field kEndpoint{.filter = "alto.endpoint",
                                 .name = "",
                                 .label = "Endpoint",
                                 .section = "10.4.1",
                                 .about = "Address with its type",
                                 .replay = Replay::kAddress};
inline constexpr Field kPropertyGroup{
    .filter = "alto.properties", .name = "", .label = "Properties", .type = Type::kGroup, .section = "11.4.1.6"};
inline constexpr Field kPropertyName{.filter = "alto.property.name",
                                     .name = "",
                                     .label = "Property name",
                                     .section = "10.8",
                                     .about = "Name of a property"};
inline constexpr Field kPropertyValue{.filter = "alto.property.value",
                                      .name = "",
                                      .label = "Property value",
                                      .section = "11.4.1.6",
                                      .about = "Its value; JSON where it is no text"};
inline constexpr ValueFields kPropertyAny{&kPropertyValue, &kPropertyValue, &kPropertyValue, &kPropertyValue};

struct PropertyGroup {
  JsonMap<JsonValue> values;
};
template <class A>
void describe(A& a, PropertyGroup& m) {
  a.entries(kPropertyName, kPropertyAny, m.values);
}

struct PropertiesByEndpoint {
  JsonMap<PropertyGroup> endpoints;
};
template <class A>
void describe(A& a, PropertiesByEndpoint& m) {
  a.entries(kEndpoint, kPropertyGroup, m.endpoints);
}

struct PropertiesMeta {
  std::vector<DependentTag> dependent_vtags;
};
template <class A>
void describe(A& a, PropertiesMeta& m) {
  a.optional(kDependentVtags, m.dependent_vtags);
}

struct EndpointProperties {
  std::optional<PropertiesMeta> meta;
  std::optional<PropertiesByEndpoint> properties;
};
template <class A>
void describe(A& a, EndpointProperties& m) {
  a.required(kMeta, m.meta);
  a.required(kEndpointPropertiesData, m.properties);
}

}  // namespace peerscope::alto
