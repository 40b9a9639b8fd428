// SPDX-License-Identifier: GPL-2.0-or-later
// Registrations as the overlay has them, and back: SwarmEntry and PeerStatus. Plain functions.
#pragma once

#include "protocols/reload/kind_value.h"
#include "reference-impl/ppstp/registry.h"

namespace peerscope::distributed_tracker {

// A value that the Kind's max-size allows: addresses that the peer prefers least are left out.
std::string encode_entry(const ppstp::Registration& peer, const ppstp::Membership& membership,
                         std::string_view swarm_id, bool with_status, std::size_t most_bytes);
// Empty for a value of another version, of another swarm, or without address.
std::optional<ppstp::ForeignPeer> read_entry(std::string_view value, std::string_view swarm_id);

reload::PpspStatus status_of(const ppstp::Registration& peer);

}  // namespace peerscope::distributed_tracker
