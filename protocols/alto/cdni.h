// SPDX-License-Identifier: GPL-2.0-or-later
// CDNI footprint and capabilities: RFC 9241 sections 3.6 and 5.6, capability types of RFC 8008 section 5.
//
//   { "meta": { "vtag": {...} },
//     "cdni-advertisement": { "capabilities-with-footprints": [
//       { "capability-type": "FCI.DeliveryProtocol", "capability-value": { "delivery-protocols": [ "http/1.1" ] },
//         "footprints": [ { "footprint-type": "ipv4cidr", "footprint-value": [ "192.0.2.0/24" ] } ] } ] } }
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocols/alto/message_fields.h"
#include "protocols/alto/vtag.h"
#include "protocols/base/json_value.h"
#include "protocols/base/value_fields.h"

namespace peerscope::alto {

inline constexpr Field kCdniAdvertisement{.filter = "alto.cdni",
                                          .name = "cdni-advertisement",
                                          .label = "CDNI advertisement",
                                          .type = Type::kGroup,
                                          .section = "RFC 9241, 3.6",
                                          .about = "What a downstream CDN can do, and where"};
inline constexpr Field kCapabilitiesWithFootprints{.filter = "alto.cdni.entry",
                                                   .name = "capabilities-with-footprints",
                                                   .label = "Capability with footprints",
                                                   .type = Type::kGroup,
                                                   .section = "RFC 9241, 3.6",
                                                   .about = "A capability and where it is offered"};
inline constexpr Field kCapabilityType{.filter = "alto.cdni.capability",
                                       .name = "capability-type",
                                       .label = "Capability type",
                                       .section = "RFC 9241, 3.6",
                                       .about = "Kind of the capability"};
inline constexpr Field kCapabilityValue{.filter = "alto.cdni.value",
                                        .name = "capability-value",
                                        .label = "Capability value",
                                        .section = "RFC 9241, 3.6",
                                        .about = "What the kind says, as JSON"};
inline constexpr ValueFields kCapabilityAny{&kCapabilityValue, &kCapabilityValue, &kCapabilityValue, &kCapabilityValue};
inline constexpr Field kFootprints{.filter = "alto.cdni.footprints",
                                   .name = "footprints",
                                   .label = "Footprint",
                                   .type = Type::kGroup,
                                   .section = "RFC 9241, 3.6",
                                   .about = "Where the capability is offered; none: everywhere"};
inline constexpr Field kFootprintType{.filter = "alto.cdni.footprint_type",
                                      .name = "footprint-type",
                                      .label = "Footprint type",
                                      .section = "RFC 9241, 3.6",
                                      .about = "Kind of the places"};
inline constexpr Field kFootprintValue{.filter = "alto.cdni.footprint",
                                       .name = "footprint-value",
                                       .label = "Footprint",
                                       .section = "RFC 9241, 3.6",
                                       .about = "Prefix, AS number, country or PID"};

struct Footprint {
  std::optional<std::string> footprint_type;
  std::vector<std::string> footprint_value;
};
template <class A>
void describe(A& a, Footprint& m) {
  a.required(kFootprintType, m.footprint_type);
  a.required(kFootprintValue, m.footprint_value);
}

struct CapabilityWithFootprints {
  std::optional<std::string> capability_type;
  std::optional<JsonValue> capability_value;
  std::optional<std::vector<Footprint>> footprints;
};
template <class A>
void describe(A& a, CapabilityWithFootprints& m) {
  a.required(kCapabilityType, m.capability_type);
  a.required(kCapabilityAny, m.capability_value);
  a.optional(kFootprints, m.footprints);
}

struct CdniAdvertisement {
  std::optional<std::vector<CapabilityWithFootprints>> capabilities;
};
template <class A>
void describe(A& a, CdniAdvertisement& m) {
  a.required(kCapabilitiesWithFootprints, m.capabilities);
}

struct CdniMeta {
  std::optional<VersionTag> vtag;
  std::vector<DependentTag> dependent_vtags;
};
template <class A>
void describe(A& a, CdniMeta& m) {
  a.required(kVtag, m.vtag);
  a.optional(kDependentVtags, m.dependent_vtags);
}

struct Cdni {
  std::optional<CdniMeta> meta;
  std::optional<CdniAdvertisement> advertisement;
};
template <class A>
void describe(A& a, Cdni& m) {
  a.required(kMeta, m.meta);
  a.required(kCdniAdvertisement, m.advertisement);
}

}  // namespace peerscope::alto
