// SPDX-License-Identifier: GPL-2.0-or-later
// `peerscope serve distributed-tracker`: one tracker of a distributed PPSP tracker, and with --enrollment the first one
// of a new overlay.
#pragma once

namespace peerscope::cli {

int serve_distributed_tracker(int argc, const char* const* argv);

}  // namespace peerscope::cli
