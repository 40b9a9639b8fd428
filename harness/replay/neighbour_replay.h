// SPDX-License-Identifier: GPL-2.0-or-later
// `replay` of a node's links: one captured node is played against a live one. Its requests are sent in the order of the
// capture, each after the answer to the one before, under an identity that the live overlay accepts: Node-IDs,
// transaction IDs, times and the configuration's sequence are renewed, everything is signed anew. What the live node
// asks is answered as a friendly neighbour answers.
//
// Limits: one node is played; what the capture's other nodes did is not.
#pragma once

#include "harness/replay/replay.h"

namespace peerscope::harness {

ReplayResult replay_neighbour(const std::vector<CapturedMessage>& messages, Iut& iut, const ReplayOptions& options);

}  // namespace peerscope::harness
