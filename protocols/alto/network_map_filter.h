// SPDX-License-Identifier: GPL-2.0-or-later
// Input of a filtered network map: RFC 7285 section 11.3.1.3.
//
//   { "pids": [ "west", "east" ], "address-types": [ "ipv4" ] }
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocols/alto/message_fields.h"

namespace peerscope::alto {

inline constexpr Field kFilterPids{
    .filter = kPidFilter, .name = "pids", .label = "PID", .section = "11.3.1.3", .about = "PIDs wanted; none: all"};
inline constexpr Field kAddressTypes{.filter = "alto.address_type",
                                     .name = "address-types",
                                     .label = "Address type",
                                     .section = "11.3.1.3",
                                     .about = "Address types wanted; none or absent: all"};

struct NetworkMapFilter {
  std::optional<std::vector<std::string>> pids;
  std::optional<std::vector<std::string>> address_types;
};
template <class A>
void describe(A& a, NetworkMapFilter& m) {
  a.required(kFilterPids, m.pids);
  a.optional(kAddressTypes, m.address_types);
}

}  // namespace peerscope::alto
