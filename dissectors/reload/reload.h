// SPDX-License-Identifier: GPL-2.0-or-later
// RELOAD's one Dissector, for the files of this folder.
#pragma once

#include "dissectors/epan/dissector.h"

namespace peerscope::reload {

epan::Dissector& dissector();

}  // namespace peerscope::reload
