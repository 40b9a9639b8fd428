// SPDX-License-Identifier: GPL-2.0-or-later
// self_tuning_data: RFC 7363 section 6.5, a message extension of Probe.
//
//   network_size (4) | join_rate (4) | leave_rate (4)
#pragma once

#include <cstdint>

#include "protocols/base/field.h"

namespace peerscope::reload {

inline constexpr Field kSelfTuning{.filter = "relo.self_tuning",
                                   .name = "self_tuning_data",
                                   .label = "Self-tuning data",
                                   .type = Type::kGroup,
                                   .section = "RFC 7363, 6.5",
                                   .about = "What the node thinks of the overlay"};
inline constexpr Field kNetworkSize{.filter = "relo.self_tuning.network_size",
                                    .name = "network_size",
                                    .label = "Network size",
                                    .type = Type::kUint32,
                                    .section = "RFC 7363, 6.5",
                                    .about = "Peers in the overlay"};
inline constexpr Field kJoinRate{.filter = "relo.self_tuning.join_rate",
                                 .name = "join_rate",
                                 .label = "Join rate",
                                 .type = Type::kUint32,
                                 .section = "RFC 7363, 6.5",
                                 .about = "Peers that join in 24 hours"};
inline constexpr Field kLeaveRate{.filter = "relo.self_tuning.leave_rate",
                                  .name = "leave_rate",
                                  .label = "Leave rate",
                                  .type = Type::kUint32,
                                  .section = "RFC 7363, 6.5",
                                  .about = "Peers that leave in 24 hours"};

struct SelfTuningData {
  std::uint32_t network_size = 0;
  std::uint32_t join_rate = 0;
  std::uint32_t leave_rate = 0;
};
template <class A>
void describe(A& a, SelfTuningData& m) {
  a.number(kNetworkSize, m.network_size);
  a.number(kJoinRate, m.join_rate);
  a.number(kLeaveRate, m.leave_rate);
}

}  // namespace peerscope::reload
