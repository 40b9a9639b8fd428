// SPDX-License-Identifier: GPL-2.0-or-later
// Fragmented messages (RFC 6940 section 6.7): put together by epan, per link and direction, and dissected as one in the
// frame that completes them.
#pragma once

#include "dissectors/epan/field_tree.h"
#include "dissectors/epan/journal.h"

namespace peerscope::reload {

void add_fragment_fields(epan::Catalogue& catalogue);
void add_fragment_preferences(module_t* module);
void register_reassembly();

// When `message` is a fragment: shows where its message is put together, or the whole message. Afterwards the
// dissector's message() may be another one.
void show_fragment(const epan::Canvas& canvas, const Message& message, const epan::Record* record);

}  // namespace peerscope::reload
