// SPDX-License-Identifier: GPL-2.0-or-later
// `peerscope join`: the reference peer, for one session at a tracker.
#pragma once

namespace peerscope::cli {

// argv[0] is the command's own name. Returns the exit code: 0 all went well, 1 the tracker refused or answered wrongly,
// 2 usage, 3 the tracker could not be reached.
int join(int argc, const char* const* argv);

}  // namespace peerscope::cli
