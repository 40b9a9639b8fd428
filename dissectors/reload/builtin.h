// SPDX-License-Identifier: GPL-2.0-or-later
// Wireshark's built-in RELOAD dissector: its filter fields, which ours fills too, and its tree for comparison.
#pragma once

#include <span>

#include "dissectors/epan/dissector.h"

namespace peerscope::reload {

// The reviewed list of fields that both have (docs/reload.md says how they differ).
std::span<const epan::Alias> builtin_fields();

void add_builtin_preferences(module_t* module);
void hand_off_builtin();
// The built-in dissector's tree of the same bytes, when the user asks for it.
void show_builtin(const epan::Canvas& canvas);

}  // namespace peerscope::reload
