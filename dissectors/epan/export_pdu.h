// SPDX-License-Identifier: GPL-2.0-or-later
// The Export PDU tap "Peerscope": each complete message, decrypted and reassembled. What came over HTTP becomes one
// HTTP/1.1 message that any Wireshark dissects again. `tshark -r in.pcapng -U Peerscope -w out.pcapng` is how captures
// reach the harness.
#pragma once

#include "dissectors/epan/journal.h"
#include "dissectors/epan/ws_compat.h"

namespace peerscope::epan {

void register_export_tap();
bool export_wanted();

// Queues a message for the tap: a body of HTTP as HTTP, anything else as it is, for the dissector `dissector_name`.
// Where the layers below did not tell the start line (HTTP/2), the exported one is a stand-in; the header
// `Peerscope-Transport: h2; tls` says so.
void export_message(tvbuff_t* body, packet_info* pinfo, const Record& record, const char* dissector_name);

}  // namespace peerscope::epan
