// SPDX-License-Identifier: GPL-2.0-or-later
// The request object: RFC 7846 sections 3.2.1 and 3.3.3.
//
//   { "PPSPTrackerProtocol": { "version": 1, "request_type": "FIND", "transaction_id": "12345", "peer_id":
//   "656164657221",
//                              "find": {...} } }
//
// The RFC's own FIND example puts swarm_id and peer_num directly into this object (section 4.1.2.1); that form is read
// as misplaced, never written.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocols/ppstp/connect.h"
#include "protocols/ppstp/find.h"
#include "protocols/ppstp/stat_report.h"

namespace peerscope::ppstp {

inline constexpr std::string_view kRequestConnect = "CONNECT";
inline constexpr std::string_view kRequestFind = "FIND";
inline constexpr std::string_view kRequestStatReport = "STAT_REPORT";
inline constexpr std::array<std::string_view, 3> kRequestTypes = {kRequestConnect, kRequestFind, kRequestStatReport};
inline constexpr std::int64_t kVersion1 = 1;

inline constexpr Field kRoot{.filter = "ppstp.message_object",
                             .name = "PPSPTrackerProtocol",
                             .label = "PPSPTrackerProtocol",
                             .type = Type::kGroup,
                             .section = "3.4",
                             .about = "The message: a request or a response object"};
inline constexpr Field kVersion{.filter = "ppstp.version",
                                .name = "version",
                                .label = "Version",
                                .type = Type::kInt64,
                                .section = "3.2.1",
                                .about = "Protocol version, 1",
                                .min = 0,
                                .max = 255};
inline constexpr Field kRequestType{.filter = "ppstp.request_type",
                                    .name = "request_type",
                                    .label = "Request type",
                                    .section = "3.3.1",
                                    .about = "Method; case-sensitive",
                                    .vocabulary = kRequestTypes};
inline constexpr Field kTransactionId{.filter = "ppstp.transaction_id",
                                      .name = "transaction_id",
                                      .label = "Transaction ID",
                                      .section = "3.2.1",
                                      .about = "Chosen by the peer, echoed by the tracker; opaque",
                                      .replay = Replay::kExchangeId};
inline constexpr Field kPeerId{.filter = "ppstp.peer_id",
                               .name = "peer_id",
                               .label = "Peer ID",
                               .section = "3.2.1",
                               .about = "Names the peer; opaque",
                               .replay = Replay::kPartyId};

struct Request {
  std::optional<std::int64_t> version;
  std::optional<std::string> request_type;
  std::optional<std::string> transaction_id;
  std::optional<std::string> peer_id;
  std::optional<Connect> connect;
  std::optional<Find> find;
  std::optional<StatReport> stat_report;
  std::optional<std::string> misplaced_swarm_id;
  std::optional<PeerNum> misplaced_peer_num;
};
template <class A>
void describe(A& a, Request& m) {
  a.required(kVersion, m.version);
  a.required(kRequestType, m.request_type);
  a.required(kTransactionId, m.transaction_id);
  a.required(kPeerId, m.peer_id);
  a.optional(kConnect, m.connect);
  a.optional(kFind, m.find);
  a.optional(kStatReport, m.stat_report);
  a.misplaced(kSwarmId, m.misplaced_swarm_id);
  a.misplaced(kPeerNum, m.misplaced_peer_num);
}

}  // namespace peerscope::ppstp
