// SPDX-License-Identifier: GPL-2.0-or-later
// Names in URIs that nobody can guess: of update streams and of TIPS views.
#pragma once

#include <string>

namespace peerscope::alto {

std::string random_name();  // 128 bits from the system's generator, in hexadecimal

}  // namespace peerscope::alto
