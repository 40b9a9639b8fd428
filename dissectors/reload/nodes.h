// SPDX-License-Identifier: GPL-2.0-or-later
// Conversations and endpoints of an overlay (`-z conv,relo`, `-z endpoints,relo`): who signs, and for whom. A message
// is counted on each link that it crosses.
#pragma once

namespace peerscope::reload {

// Once, after the protocol is registered.
void register_nodes();

}  // namespace peerscope::reload
