// SPDX-License-Identifier: GPL-2.0-or-later
// The methods: message codes of RFC 6940 section 14.8 and RFC 7851. Requests are odd, the answer is one more.
#pragma once

#include <array>
#include <cstdint>

#include "protocols/base/message.h"

namespace peerscope::reload {

struct Method {
  std::uint16_t code;
  const char* name;
  const char* section;
  Direction direction;
};

inline constexpr Method kProbeReqMethod{0x0001, "probe_req", "6.4.2.5", Direction::kRequest};
inline constexpr Method kProbeAnsMethod{0x0002, "probe_ans", "6.4.2.5", Direction::kResponse};
inline constexpr Method kAttachReqMethod{0x0003, "attach_req", "6.5.1", Direction::kRequest};
inline constexpr Method kAttachAnsMethod{0x0004, "attach_ans", "6.5.1", Direction::kResponse};
inline constexpr Method kStoreReqMethod{0x0007, "store_req", "7.4.1", Direction::kRequest};
inline constexpr Method kStoreAnsMethod{0x0008, "store_ans", "7.4.1", Direction::kResponse};
inline constexpr Method kFetchReqMethod{0x0009, "fetch_req", "7.4.2", Direction::kRequest};
inline constexpr Method kFetchAnsMethod{0x000a, "fetch_ans", "7.4.2", Direction::kResponse};
inline constexpr Method kFindReqMethod{0x000d, "find_req", "7.4.4", Direction::kRequest};
inline constexpr Method kFindAnsMethod{0x000e, "find_ans", "7.4.4", Direction::kResponse};
inline constexpr Method kJoinReqMethod{0x000f, "join_req", "6.4.2.1", Direction::kRequest};
inline constexpr Method kJoinAnsMethod{0x0010, "join_ans", "6.4.2.1", Direction::kResponse};
inline constexpr Method kLeaveReqMethod{0x0011, "leave_req", "6.4.2.2", Direction::kRequest};
inline constexpr Method kLeaveAnsMethod{0x0012, "leave_ans", "6.4.2.2", Direction::kResponse};
inline constexpr Method kUpdateReqMethod{0x0013, "update_req", "6.4.2.3", Direction::kRequest};
inline constexpr Method kUpdateAnsMethod{0x0014, "update_ans", "6.4.2.3", Direction::kResponse};
inline constexpr Method kRouteQueryReqMethod{0x0015, "route_query_req", "6.4.2.4", Direction::kRequest};
inline constexpr Method kRouteQueryAnsMethod{0x0016, "route_query_ans", "6.4.2.4", Direction::kResponse};
inline constexpr Method kPingReqMethod{0x0017, "ping_req", "6.5.3", Direction::kRequest};
inline constexpr Method kPingAnsMethod{0x0018, "ping_ans", "6.5.3", Direction::kResponse};
inline constexpr Method kStatReqMethod{0x0019, "stat_req", "7.4.3", Direction::kRequest};
inline constexpr Method kStatAnsMethod{0x001a, "stat_ans", "7.4.3", Direction::kResponse};
inline constexpr Method kAppAttachReqMethod{0x001d, "app_attach_req", "6.5.2", Direction::kRequest};
inline constexpr Method kAppAttachAnsMethod{0x001e, "app_attach_ans", "6.5.2", Direction::kResponse};
inline constexpr Method kConfigUpdateReqMethod{0x0021, "config_update_req", "6.5.4", Direction::kRequest};
inline constexpr Method kConfigUpdateAnsMethod{0x0022, "config_update_ans", "6.5.4", Direction::kResponse};
inline constexpr Method kExpAReqMethod{0x0023, "exp_a_req", "14.8", Direction::kRequest};
inline constexpr Method kExpAAnsMethod{0x0024, "exp_a_ans", "14.8", Direction::kResponse};
inline constexpr Method kExpBReqMethod{0x0025, "exp_b_req", "14.8", Direction::kRequest};
inline constexpr Method kExpBAnsMethod{0x0026, "exp_b_ans", "14.8", Direction::kResponse};
inline constexpr Method kPathTrackReqMethod{0x0027, "path_track_req", "RFC 7851, 4.3.1.1", Direction::kRequest};
inline constexpr Method kPathTrackAnsMethod{0x0028, "path_track_ans", "RFC 7851, 4.3.1.2", Direction::kResponse};
inline constexpr Method kErrorMethod{0xffff, "error", "6.3.3.1", Direction::kResponse};

inline constexpr std::array<Method, 33> kMethods = {
    kProbeReqMethod,        kProbeAnsMethod,      kAttachReqMethod,     kAttachAnsMethod,    kStoreReqMethod,
    kStoreAnsMethod,        kFetchReqMethod,      kFetchAnsMethod,      kFindReqMethod,      kFindAnsMethod,
    kJoinReqMethod,         kJoinAnsMethod,       kLeaveReqMethod,      kLeaveAnsMethod,     kUpdateReqMethod,
    kUpdateAnsMethod,       kRouteQueryReqMethod, kRouteQueryAnsMethod, kPingReqMethod,      kPingAnsMethod,
    kStatReqMethod,         kStatAnsMethod,       kAppAttachReqMethod,  kAppAttachAnsMethod, kConfigUpdateReqMethod,
    kConfigUpdateAnsMethod, kExpAReqMethod,       kExpAAnsMethod,       kExpBReqMethod,      kExpBAnsMethod,
    kPathTrackReqMethod,    kPathTrackAnsMethod,  kErrorMethod};

inline constexpr auto kMethodNames = [] {
  std::array<ValueName, kMethods.size()> names{};
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = {kMethods[i].code, kMethods[i].name};
  return names;
}();

}  // namespace peerscope::reload
