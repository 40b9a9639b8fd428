// SPDX-License-Identifier: GPL-2.0-or-later
// The harness as nodes of a RELOAD overlay: identities that the overlay accepts, links, framing, signatures. Messages
// come from scenarios; nothing here routes, stores or decides (docs/scenarios.md).
#pragma once

#include "harness/engine/neighbours.h"

namespace peerscope::harness {

const NeighbourRules& overlay_neighbours();

}  // namespace peerscope::harness
