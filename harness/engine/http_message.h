// SPDX-License-Identifier: GPL-2.0-or-later
// HTTP messages as decoded application messages, for live traffic and captures alike.
#pragma once

#include <memory>
#include <string>

#include "protocols/base/protocol.h"
#include "reference-impl/net/http.h"

namespace peerscope::harness {

using MessagePtr = std::shared_ptr<Message>;

MessagePtr decode_request(const Protocol& protocol, const net::HttpRequest& request, Transport::Security security);
MessagePtr decode_response(const Protocol& protocol, const net::HttpResponse& response, Transport::Security security);
// Lower case, without parameters.
std::string media_type_of(const net::Headers& headers);
// Whether the message is the protocol's at all: by media type, or by what the decoder made of it.
bool belongs_to(const Protocol& protocol, const Message& message);

}  // namespace peerscope::harness
