// SPDX-License-Identifier: GPL-2.0-or-later
// MessageContents: RFC 6940 section 6.3.3, what the originator signs.
//
//   message_code (2) | length (4) | message_body | length (4) | extensions
#pragma once

#include <cstdint>
#include <utility>
#include <variant>
#include <vector>

#include "protocols/base/binary_archive.h"
#include "protocols/reload/app_attach.h"
#include "protocols/reload/attach.h"
#include "protocols/reload/config_update.h"
#include "protocols/reload/error.h"
#include "protocols/reload/fetch.h"
#include "protocols/reload/find.h"
#include "protocols/reload/join.h"
#include "protocols/reload/leave.h"
#include "protocols/reload/message_extension.h"
#include "protocols/reload/path_track.h"
#include "protocols/reload/ping.h"
#include "protocols/reload/probe.h"
#include "protocols/reload/route_query.h"
#include "protocols/reload/stat.h"
#include "protocols/reload/store.h"
#include "protocols/reload/update.h"

namespace peerscope::reload {

inline constexpr Field kContents{.filter = "relo.contents",
                                 .name = "contents",
                                 .label = "Message contents",
                                 .type = Type::kGroup,
                                 .section = "6.3.3",
                                 .about = "What the originator says and signs"};
inline constexpr Field kMessageCode{.filter = "relo.message.code",
                                    .name = "message_code",
                                    .label = "Message code",
                                    .type = Type::kUint16,
                                    .section = "6.3.3",
                                    .about = "Method: requests are odd, answers one more, errors 0xffff",
                                    .display = Display::kHex,
                                    .names = kMethodNames};
inline constexpr Field kBodyLength{.filter = "relo.message.body_length",
                                   .name = "message_body_length",
                                   .label = "Body length",
                                   .type = Type::kUint32,
                                   .section = "6.3.3",
                                   .about = "Bytes of the body",
                                   .replay = Replay::kDerived};
inline constexpr Field kUnknownBody{.filter = "relo.message.body",
                                    .name = "message_body",
                                    .label = "Body",
                                    .type = Type::kBytes,
                                    .section = "6.3.3",
                                    .about = "Body of a method that is not known"};
inline constexpr Field kExtensionsLength{.filter = "relo.message.extensions_length",
                                         .name = "extensions_length",
                                         .label = "Extensions length",
                                         .type = Type::kUint32,
                                         .section = "6.3.3",
                                         .about = "Bytes of the extensions",
                                         .replay = Replay::kDerived};

// Opaque for experiments and methods that nobody described.
using Body = std::variant<Opaque, ProbeReq, ProbeAns, AttachReq, AttachAns, StoreReq, StoreAns, FetchReq, FetchAns,
                          FindReq, FindAns, JoinReq, JoinAns, LeaveReq, LeaveAns, UpdateReq, UpdateAns, RouteQueryReq,
                          RouteQueryAns, PingReq, PingAns, StatReq, StatAns, AppAttachReq, AppAttachAns,
                          ConfigUpdateReq, ConfigUpdateAns, PathTrackReq, PathTrackAns, ErrorResponse>;

// Direction::kUnknown for 0.
constexpr Direction direction_of(std::uint16_t code) {
  if (code == 0) return Direction::kUnknown;
  return code == kErrorMethod.code || code % 2 == 0 ? Direction::kResponse : Direction::kRequest;
}

struct Contents {
  std::uint16_t code = 0;
  Body body;
  std::vector<MessageExtension> extensions;

  Contents() = default;
  // With the body's own code.
  template <class T>
  explicit Contents(T what) : code(T::kCode), body(std::move(what)) {}
};
template <class A>
void describe(A& a, Contents& m) {
  a.number(kMessageCode, m.code);
  a.prefixed(kBodyLength, [&] { a.one_of(m.code, kUnknownBody, m.body); });
  a.prefixed(kExtensionsLength, [&] {
    a.sequence(kExtension, m.extensions,
               [&](MessageExtension& extension) { extension.response = direction_of(m.code) == Direction::kResponse; });
  });
}

}  // namespace peerscope::reload
