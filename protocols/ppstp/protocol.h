// SPDX-License-Identifier: GPL-2.0-or-later
// PPSTP, the PPSP tracker protocol (RFC 7846), as the generic readers see it, and the codec for roles that want
// structs.
#pragma once

#include <string>
#include <string_view>

#include "protocols/base/protocol.h"
#include "protocols/ppstp/messages.h"

namespace peerscope::ppstp {

const Protocol& protocol();

// Fills `message` from JSON bytes; see Protocol::decode.
void decode(std::string_view bytes, Message& message);
std::string encode(Request request);
std::string encode(Response response);

// The table of RFC 7846's requirements (requirements.cc), and the state that its session checks read.
std::span<const Requirement> requirements();
std::unique_ptr<Session> make_session();
void track(Session& session, const Message& message, const Message* request);

}  // namespace peerscope::ppstp
