// SPDX-License-Identifier: GPL-2.0-or-later
// Values of CDNI capabilities: RFC 8008 section 5.
#pragma once

#include <string>
#include <string_view>

#include "protocols/base/json_value.h"

namespace peerscope::alto {

// Empty when the value fits the capability's type; of other types anything does.
std::string capability_fault(std::string_view type, const JsonValue& value);

}  // namespace peerscope::alto
