// SPDX-License-Identifier: GPL-2.0-or-later
// Input of a filtered property map: RFC 9240 section 8.3.
//
//   { "entities": [ "ipv4:192.0.2.0/26" ], "properties": [ ".region" ] }
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocols/alto/endpoint_property_params.h"
#include "protocols/alto/message_fields.h"

namespace peerscope::alto {

inline constexpr Field kEntities{.filter = "alto.entity",
                                 .name = "entities",
                                 .label = "Entity",
                                 .section = "RFC 9240, 8.3",
                                 .about = "Entities wanted; none: all"};

struct PropertyMapParams {
  std::optional<std::vector<std::string>> entities;
  std::optional<std::vector<std::string>> properties;
};
template <class A>
void describe(A& a, PropertyMapParams& m) {
  a.required(kEntities, m.entities);
  a.optional(kProperties, m.properties);
}

}  // namespace peerscope::alto
