// SPDX-License-Identifier: GPL-2.0-or-later
// `peerscope serve reload`: a RELOAD peer, and with --enrollment a new overlay with its authority.
#pragma once

namespace peerscope::cli {

int serve_reload(int argc, const char* const* argv);

}  // namespace peerscope::cli
