// SPDX-License-Identifier: GPL-2.0-or-later
// Texts for people.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace peerscope {

// At most `most` bytes of `text`, never half a UTF-8 character; "... (N more bytes)" when something was cut. Values of
// messages may be megabytes long.
std::string shortened(std::string_view text, std::size_t most);

}  // namespace peerscope
