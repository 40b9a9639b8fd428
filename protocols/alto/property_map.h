// SPDX-License-Identifier: GPL-2.0-or-later
// Property map: RFC 9240 section 7.6. The answer of a full and of a filtered map alike; the property map part of
// RFC 9275.
//
//   { "meta": { "dependent-vtags": [ {...} ] }, "property-map": { "nm.pid:west": { ".region": "us-west" } } }
#pragma once

#include <optional>
#include <vector>

#include "protocols/alto/endpoint_properties.h"

namespace peerscope::alto {

inline constexpr Field kPropertyMapData{.filter = "alto.property_map",
                                        .name = "property-map",
                                        .label = "Property map",
                                        .type = Type::kGroup,
                                        .section = "RFC 9240, 7.6",
                                        .about = "Properties by entity"};
inline constexpr Field kEntity{.filter = "alto.entity",
                               .name = "",
                               .label = "Entity",
                               .section = "RFC 9240, 5.1.3",
                               .about = "Domain and identifier of an entity"};

struct PropertiesByEntity {
  JsonMap<PropertyGroup> entities;
};
template <class A>
void describe(A& a, PropertiesByEntity& m) {
  a.entries(kEntity, kPropertyGroup, m.entities);
}

struct PropertyMapMeta {
  std::optional<VersionTag> vtag;
  std::vector<DependentTag> dependent_vtags;
};
template <class A>
void describe(A& a, PropertyMapMeta& m) {
  a.optional(kVtag, m.vtag);
  a.optional(kDependentVtags, m.dependent_vtags);
}

struct PropertyMap {
  std::optional<PropertyMapMeta> meta;
  std::optional<PropertiesByEntity> properties;
};
template <class A>
void describe(A& a, PropertyMap& m) {
  a.required(kMeta, m.meta);
  a.required(kPropertyMapData, m.properties);
}

}  // namespace peerscope::alto
