// SPDX-License-Identifier: GPL-2.0-or-later
// The distributed PPSP tracker: PPSTP between peers and their connection trackers, RELOAD between the trackers
// (draft-xiao-ppsp-reload-distributed-tracker, as profiled in docs/distributed-tracker.md). It has no messages of its
// own; its rules are judged by TrackerStories, which reads those of both protocols.
#pragma once

#include "protocols/base/protocol.h"

namespace peerscope::systems {

const Protocol& distributed_tracker();

}  // namespace peerscope::systems
