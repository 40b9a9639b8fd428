// SPDX-License-Identifier: GPL-2.0-or-later
// Network map: RFC 7285 sections 5 and 11.2.1. The answer of a full and of a filtered map alike.
//
//   { "meta": { "vtag": {...} },
//     "network-map": { "west": { "ipv4": [ "198.51.100.0/24" ] }, "rest": { "ipv4": [ "0.0.0.0/0" ] } } }
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocols/alto/message_fields.h"
#include "protocols/alto/vtag.h"
#include "protocols/base/json_value.h"

namespace peerscope::alto {

inline constexpr Field kNetworkMapData{.filter = "alto.network_map",
                                       .name = "network-map",
                                       .label = "Network map",
                                       .type = Type::kGroup,
                                       .section = "11.2.1.6",
                                       .about = "Address prefixes by PID"};
inline constexpr Field kPid{
    .filter = kPidFilter, .name = "", .label = "PID", .section = "10.1", .about = "Name of a group of endpoints"};
inline constexpr Field kAddressGroup{
    .filter = "alto.address_group", .name = "", .label = "Address group", .type = Type::kGroup, .section = "10.4.5"};
inline constexpr Field kAddressType{
    .filter = "alto.address_type", .name = "", .label = "Address type", .section = "10.4.2", .about = "ipv4 or ipv6"};
inline constexpr Field kPrefix{
    .filter = "alto.prefix", .name = "", .label = "Prefix", .section = "10.4.4", .about = "Address prefix"};

struct AddressGroup {
  JsonMap<std::vector<std::string>> prefixes;  // by address type
};
template <class A>
void describe(A& a, AddressGroup& m) {
  a.entries(kAddressType, kPrefix, m.prefixes);
}

struct Pids {
  JsonMap<AddressGroup> groups;
};
template <class A>
void describe(A& a, Pids& m) {
  a.entries(kPid, kAddressGroup, m.groups);
}

struct NetworkMapMeta {
  std::optional<VersionTag> vtag;
};
template <class A>
void describe(A& a, NetworkMapMeta& m) {
  a.required(kVtag, m.vtag);
}

struct NetworkMap {
  std::optional<NetworkMapMeta> meta;
  std::optional<Pids> pids;
};
template <class A>
void describe(A& a, NetworkMap& m) {
  a.required(kMeta, m.meta);
  a.required(kNetworkMapData, m.pids);
}

}  // namespace peerscope::alto
