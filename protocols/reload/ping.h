// SPDX-License-Identifier: GPL-2.0-or-later
// Ping: RFC 6940 section 6.5.3. Is a node there, and who answers?
//
//   PingReq: length (2) | padding        PingAns: response_id (8) | time (8)
#pragma once

#include <cstdint>
#include <string>

#include "protocols/base/field.h"
#include "protocols/reload/method.h"

namespace peerscope::reload {

inline constexpr Field kPingReq{.filter = "relo.ping_req",
                                .name = "ping_req",
                                .label = "PingReq",
                                .type = Type::kGroup,
                                .section = "6.5.3.1",
                                .about = "Asks for a sign of life"};
inline constexpr Field kPaddingLength{.filter = "relo.ping_req.padding_length",
                                      .name = "padding_length",
                                      .label = "Padding length",
                                      .type = Type::kUint16,
                                      .section = "6.5.3.1",
                                      .about = "Bytes of the padding",
                                      .replay = Replay::kDerived};
inline constexpr Field kPadding{.filter = "relo.ping_req.padding",
                                .name = "padding",
                                .label = "Padding",
                                .type = Type::kBytes,
                                .section = "6.5.3.1",
                                .about = "Means nothing; makes the message as large as wanted",
                                .replay = Replay::kNonce};
inline constexpr Field kPingAns{.filter = "relo.ping_ans",
                                .name = "ping_ans",
                                .label = "PingAns",
                                .type = Type::kGroup,
                                .section = "6.5.3.2",
                                .about = "A sign of life"};
inline constexpr Field kResponseId{.filter = "relo.ping_ans.response_id",
                                   .name = "response_id",
                                   .label = "Response ID",
                                   .type = Type::kUint64,
                                   .section = "6.5.3.2",
                                   .about = "Random: tells answers of different nodes apart",
                                   .replay = Replay::kNonce,
                                   .display = Display::kHex};
inline constexpr Field kPingTime{.filter = "relo.ping_ans.time",
                                 .name = "time",
                                 .label = "Time",
                                 .type = Type::kUint64,
                                 .section = "6.5.3.2",
                                 .about = "The answering node's time, in ms since 1970",
                                 .replay = Replay::kTime};

struct PingReq {
  static constexpr std::uint16_t kCode = kPingReqMethod.code;
  static constexpr const Field* kGroup = &kPingReq;
  std::string padding;
};
template <class A>
void describe(A& a, PingReq& m) {
  a.prefixed(kPaddingLength, [&] { a.rest(kPadding, m.padding); });
}

struct PingAns {
  static constexpr std::uint16_t kCode = kPingAnsMethod.code;
  static constexpr const Field* kGroup = &kPingAns;
  std::uint64_t response_id = 0;
  std::uint64_t time = 0;  // ms since 1970
};
template <class A>
void describe(A& a, PingAns& m) {
  a.number(kResponseId, m.response_id);
  a.number(kPingTime, m.time);
}

}  // namespace peerscope::reload
