// SPDX-License-Identifier: GPL-2.0-or-later
// Whether a request is formed well enough to be processed (RFC 7846 sections 3 and 4.3), from what its decoding noted.
// The forms of the RFC's own examples (one object for a list, quoted numbers in peer_num, FIND without its object,
// `Stat`) are accepted; so are unknown members, members of older drafts, and a member given twice, of which the last
// one counts.
#pragma once

#include "protocols/base/message.h"
#include "protocols/ppstp/messages.h"
#include "reference-impl/ppstp/defects.h"

namespace peerscope::ppstp {

inline constexpr std::size_t kLongestId = 1024;  // of transaction, peer and swarm IDs; our own limit

// kNoError, kBadRequest or kUnsupportedVersion.
ErrorCode judge(const Message& message, const TrackerDefects& defects);

// The request's transaction_id as far as it could be read; empty otherwise, which is what an answer then echoes.
std::string_view transaction_id_of(const Message& message);

// The type that the request is processed as. Without defects, what it says.
std::string_view request_type_of(const Request& request, const TrackerDefects& defects);

// The requested swarm and conditions of a FIND in its strict or its example form.
const std::optional<std::string>& find_swarm_id(const Request& request);
const std::optional<PeerNum>& find_peer_num(const Request& request);

}  // namespace peerscope::ppstp
