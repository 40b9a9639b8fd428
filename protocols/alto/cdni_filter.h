// SPDX-License-Identifier: GPL-2.0-or-later
// Input of a filtered CDNI advertisement: RFC 9241 section 5.3.
//
//   { "cdni-capabilities": [ { "capability-type": "FCI.DeliveryProtocol",
//                              "capability-value": { "delivery-protocols": [ "http/1.1" ] } } ] }
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocols/alto/cdni.h"

namespace peerscope::alto {

inline constexpr Field kCdniCapabilities{.filter = "alto.cdni.entry",
                                         .name = "cdni-capabilities",
                                         .label = "Capability",
                                         .type = Type::kGroup,
                                         .section = "RFC 9241, 5.3",
                                         .about = "Capabilities wanted; none: all"};

struct CdniCapability {
  std::optional<std::string> capability_type;
  std::optional<JsonValue> capability_value;
};
template <class A>
void describe(A& a, CdniCapability& m) {
  a.required(kCapabilityType, m.capability_type);
  a.required(kCapabilityAny, m.capability_value);
}

struct CdniFilter {
  std::optional<std::vector<CdniCapability>> capabilities;
};
template <class A>
void describe(A& a, CdniFilter& m) {
  a.required(kCdniCapabilities, m.capabilities);
}

}  // namespace peerscope::alto
