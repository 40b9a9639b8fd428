// SPDX-License-Identifier: GPL-2.0-or-later
// What HTTP below a body tells of it, and the way to bodies that travel as application/json.
#pragma once

#include "dissectors/epan/journal.h"
#include "dissectors/epan/ws_compat.h"

namespace peerscope::epan {

// Looks up protocol numbers; once, at hand-off.
void init_http_context();

// 11 or 20 when HTTP carries what is dissected now, else 0.
int http_version_below(packet_info* pinfo, int own_proto);
// Whether an exported message was a part of a body (Transport::part). `data` as below.
bool is_exported_part(void* data);

// Fills the HTTP part of `sighting`. `data` is what the calling dissector passed; it is read only when
// HTTP is known to be the caller. The texts live in packet memory.
void read_http_context(packet_info* pinfo, int own_proto, void* data, Sighting& sighting);

// application/json bodies are offered to the heuristic list "json" before the stock JSON dissector gets them. Wireshark
// 4.0 has no such list; then this plugin makes it. Call provide_ while registering protocols and install_ at hand-off.
void provide_json_heuristics();
void install_json_heuristics();

}  // namespace peerscope::epan
