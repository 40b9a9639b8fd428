// SPDX-License-Identifier: GPL-2.0-or-later
// The response object: RFC 7846 sections 3.2.4, 3.3.2, 3.3.4 and 4.3.
//
//   { "PPSPTrackerProtocol": { "version": 1, "response_type": 0, "error_code": 0, "transaction_id": "12345",
//       "peer_addr": {...},
//       "swarm_result": [{ "swarm_id": "1111", "result": 0,
//                          "peer_group": { "peer_info": [{ "peer_id": "956264622298", "peer_addr": {...} }] } }] } }
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocols/ppstp/request.h"

namespace peerscope::ppstp {

enum ErrorCode : std::int64_t {
  kNoError = 0,
  kBadRequest = 1,
  kUnsupportedVersion = 2,
  kForbiddenAction = 3,
  kInternalServerError = 4,
  kServiceUnavailable = 5,
  kAuthenticationRequired = 6,
};
inline constexpr std::array<ValueName, 7> kErrorNames = {{{kNoError, "No Error"},
                                                          {kBadRequest, "Bad Request"},
                                                          {kUnsupportedVersion, "Unsupported Version Number"},
                                                          {kForbiddenAction, "Forbidden Action"},
                                                          {kInternalServerError, "Internal Server Error"},
                                                          {kServiceUnavailable, "Service Unavailable"},
                                                          {kAuthenticationRequired, "Authentication Required"}}};
inline constexpr std::int64_t kSuccessful = 0;
inline constexpr std::int64_t kFailed = 1;
inline constexpr std::array<ValueName, 2> kResponseNames = {{{kSuccessful, "SUCCESSFUL"}, {kFailed, "FAILED"}}};

inline constexpr Field kResponseType{.filter = "ppstp.response_type",
                                     .name = "response_type",
                                     .label = "Response type",
                                     .type = Type::kInt64,
                                     .section = "3.3.2",
                                     .about = "0 successful, 1 failed",
                                     .min = 0,
                                     .max = 1,
                                     .names = kResponseNames};
inline constexpr Field kErrorCode{.filter = "ppstp.error_code",
                                  .name = "error_code",
                                  .label = "Error code",
                                  .type = Type::kInt64,
                                  .section = "3.3.4",
                                  .about = "Why the request failed; 0 when it did not",
                                  .min = 0,
                                  .max = 6,
                                  .names = kErrorNames};
inline constexpr Field kSwarmResult{.filter = "ppstp.swarm_result",
                                    .name = "swarm_result",
                                    .label = "Swarm result",
                                    .type = Type::kGroup,
                                    .section = "3.3.4",
                                    .about = "Outcome for one swarm"};
inline constexpr Field kResult{.filter = "ppstp.result",
                               .name = "result",
                               .label = "Result",
                               .type = Type::kInt64,
                               .section = "3.3.4",
                               .about = "0 successful, 1 failed, for this swarm",
                               .min = 0,
                               .max = 1,
                               .names = kResponseNames};
inline constexpr Field kPeerGroup{.filter = "ppstp.peer_group",
                                  .name = "peer_group",
                                  .label = "Peer list",
                                  .type = Type::kGroup,
                                  .section = "3.2.4",
                                  .about = "Peers of the swarm"};
inline constexpr Field kPeerInfo{.filter = "ppstp.peer_info",
                                 .name = "peer_info",
                                 .label = "Peer",
                                 .type = Type::kGroup,
                                 .section = "3.2.4",
                                 .about = "One peer of the list"};

struct PeerInfo {
  std::optional<std::string> peer_id;
  std::optional<PeerAddr> peer_addr;
};
template <class A>
void describe(A& a, PeerInfo& m) {
  a.required(kPeerId, m.peer_id);
  a.required(kPeerAddr, m.peer_addr);
}

struct PeerGroup {
  std::vector<PeerInfo> peer_info;
};
template <class A>
void describe(A& a, PeerGroup& m) {
  a.required(kPeerInfo, m.peer_info);
}

struct SwarmResult {
  std::optional<std::string> swarm_id;
  std::optional<std::int64_t> result;
  std::optional<PeerGroup> peer_group;
};
template <class A>
void describe(A& a, SwarmResult& m) {
  a.required(kSwarmId, m.swarm_id);
  a.required(kResult, m.result);
  a.optional(kPeerGroup, m.peer_group);
}

struct Response {
  std::optional<std::int64_t> version;
  std::optional<std::int64_t> response_type;
  std::optional<std::int64_t> error_code;
  std::optional<std::string> transaction_id;
  std::optional<PeerAddr> peer_addr;
  std::vector<SwarmResult> swarm_result;
};
template <class A>
void describe(A& a, Response& m) {
  a.required(kVersion, m.version);
  a.required(kResponseType, m.response_type);
  a.required(kErrorCode, m.error_code);
  a.required(kTransactionId, m.transaction_id);
  a.optional(kPeerAddr, m.peer_addr);
  a.optional(kSwarmResult, m.swarm_result);
}

}  // namespace peerscope::ppstp
