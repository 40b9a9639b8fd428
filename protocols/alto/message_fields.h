// SPDX-License-Identifier: GPL-2.0-or-later
// What most messages of ALTO share: the outermost object and its meta member (RFC 7285 section 8.4).
#pragma once

#include "protocols/base/field.h"

namespace peerscope::alto {

inline constexpr Field kRoot{
    .filter = "alto", .name = "alto", .label = "ALTO", .type = Type::kGroup, .section = "8.4", .about = "The message"};
inline constexpr Field kMeta{.filter = "alto.meta",
                             .name = "meta",
                             .label = "Meta",
                             .type = Type::kGroup,
                             .section = "8.4.1",
                             .about = "About the data"};
// PID names stand in many places; they share one filter name.
inline constexpr const char* kPidFilter = "alto.pid";

}  // namespace peerscope::alto
