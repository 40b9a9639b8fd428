// SPDX-License-Identifier: GPL-2.0-or-later
// A new overlay: its authority, the node that signs its configuration, and the document. For servers, demonstrations
// and simulations. Plain functions.
#pragma once

#include <string>

#include "protocols/reload/security/authority.h"
#include "reference-impl/reload/overlay.h"
#include "reference-impl/reload/signing.h"

namespace peerscope::reload {

// Kinds of the private range, one for each data model and each of the policies of section 7.3.
inline constexpr std::uint32_t kSingleKind = 0xf0000001;      // USER-MATCH
inline constexpr std::uint32_t kArrayKind = 0xf0000002;       // USER-MATCH
inline constexpr std::uint32_t kDictionaryKind = 0xf0000003;  // USER-NODE-MATCH
inline constexpr std::uint32_t kNodeMatchKind = 0xf0000004;   // SINGLE, NODE-MATCH
inline constexpr std::uint32_t kMultipleKind = 0xf0000005;    // SINGLE, NODE-MULTIPLE
inline constexpr std::int32_t kMultiplePlaces = 125;

// No ICE, the Kinds above, TURN-SERVICE and SIP-REGISTRATION; messages may be large enough for a ConfigUpdate with it
// all. Without roots, servers and bootstrap nodes.
OverlayConfiguration basic_configuration(const std::string& name);

struct NewOverlay {
  Authority authority;
  Identity signer;  // of the configuration; may play a node
  OverlayPtr overlay;
};
net::Result<NewOverlay> make_new_overlay(OverlayConfiguration configuration, KeyType keys, std::int64_t now,
                                         RandomSource& random);
// A node of that overlay, without an enrollment server.
net::Result<Identity> issue_identity(const Authority& authority, const OverlayConfiguration& configuration,
                                     const std::string& user_name, KeyType keys, std::int64_t now,
                                     RandomSource& random);

}  // namespace peerscope::reload
