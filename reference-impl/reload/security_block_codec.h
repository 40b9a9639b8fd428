// SPDX-License-Identifier: GPL-2.0-or-later
// SecurityBlocks of configuration documents: what protocols/reload/config wants to know of their layout.
#pragma once

#include "protocols/reload/config/document.h"

namespace peerscope::reload {

std::optional<SecurityBlockParts> read_security_block(std::string_view bytes);
std::string write_security_block(const SecurityBlockParts& parts);
std::string write_identity(std::uint8_t type, std::uint8_t hash_code, std::string_view hash);

}  // namespace peerscope::reload
