// SPDX-License-Identifier: GPL-2.0-or-later
// Input of the endpoint property service: RFC 7285 section 11.4.1.3.
//
//   { "properties": [ "nm.pid" ], "endpoints": [ "ipv4:192.0.2.34" ] }
#pragma once

#include <string>
#include <vector>

#include "protocols/alto/message_fields.h"

namespace peerscope::alto {

inline constexpr Field kProperties{.filter = "alto.property.name",
                                   .name = "properties",
                                   .label = "Property name",
                                   .section = "11.4.1.3",
                                   .about = "Properties wanted"};
inline constexpr Field kEndpoints{.filter = "alto.endpoint",
                                  .name = "endpoints",
                                  .label = "Endpoint",
                                  .section = "11.4.1.3",
                                  .about = "Endpoints whose properties are wanted",
                                  .replay = Replay::kAddress};

struct EndpointPropertyParams {
  std::vector<std::string> properties;
  std::vector<std::string> endpoints;
};
template <class A>
void describe(A& a, EndpointPropertyParams& m) {
  a.required(kProperties, m.properties);
  a.required(kEndpoints, m.endpoints);
}

}  // namespace peerscope::alto
