// SPDX-License-Identifier: GPL-2.0-or-later
// `peerscope serve alto`: the reference ALTO server on a socket.
#pragma once

namespace peerscope::cli {

// argv[0] is the command's own name. Returns the exit code: 0 stopped as asked, 2 usage, 3 cannot start.
int serve_alto(int argc, const char* const* argv);

}  // namespace peerscope::cli
