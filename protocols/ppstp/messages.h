// SPDX-License-Identifier: GPL-2.0-or-later
// PPSTP's message table. Dispatch, value strings, docs and completeness tests come from it.
#pragma once

#include <array>

#include "protocols/base/message.h"
#include "protocols/ppstp/request.h"
#include "protocols/ppstp/response.h"

namespace peerscope::ppstp {

inline constexpr const char* kMediaType = "application/ppsp-tracker+json";
// Media type of the XML drafts from before the RFC (dialect D3).
inline constexpr const char* kDraftXmlMediaType = "application/ppsp-tracker+xml";

inline constexpr MessageType kConnectMessage{"CONNECT", kMediaType, "4.1.1", Direction::kRequest};
inline constexpr MessageType kFindMessage{"FIND", kMediaType, "4.1.2", Direction::kRequest};
inline constexpr MessageType kStatReportMessage{"STAT_REPORT", kMediaType, "4.1.3", Direction::kRequest};
inline constexpr MessageType kResponseMessage{"response", kMediaType, "3.3.4", Direction::kResponse};

inline constexpr std::array<MessageType, 4> kMessages = {kConnectMessage, kFindMessage, kStatReportMessage,
                                                         kResponseMessage};

// The decoded structs live in Message::body: a Request or a Response by Message::direction.
inline const Request* request_of(const Message& message) {
  return message.direction == Direction::kRequest && message.body ? &message.as<Request>() : nullptr;
}
inline const Response* response_of(const Message& message) {
  return message.direction == Direction::kResponse && message.body ? &message.as<Response>() : nullptr;
}

}  // namespace peerscope::ppstp
