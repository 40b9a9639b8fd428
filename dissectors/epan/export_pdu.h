// SPDX-License-Identifier: GPL-2.0-or-later
// The Export PDU tap "Peerscope": each complete message, decrypted and reassembled. What came over HTTP becomes one
// HTTP/1.1 message that any Wireshark dissects again: `tshark -r in.pcapng -U Peerscope -w out.pcapng`.
//
// The harness, which decodes and judges by itself, reads captures through a second tap, "Peerscope messages". While
// somebody listens to it the dissectors export and do nothing else. It is there only when $PEERSCOPE_EXPORT_FOR names
// the plugin's own version, so that one run of tshark both proves that the right plugin is loaded and exports. A
// message that is larger than a record of a capture file comes as parts there: "HTTPS part 2/7" in the Protocol column.
// With $PEERSCOPE_EXPORT_LIVE each message leaves tshark at once, for a harness that watches an interface.
#pragma once

#include "dissectors/epan/journal.h"
#include "dissectors/epan/ws_compat.h"

namespace peerscope::epan {

void register_export_tap();
bool export_wanted();
// Whether the harness listens: it wants messages, and nothing else that a dissector makes.
bool only_export_wanted();

// Queues a message for the tap: a body of HTTP as HTTP, anything else as it is, for the dissector `dissector_name`.
// Where the layers below did not tell the start line (HTTP/2), the exported one is a stand-in; the header
// `Peerscope-Transport: h2; tls` says so.
void export_message(tvbuff_t* body, packet_info* pinfo, const Record& record, const char* dissector_name);

}  // namespace peerscope::epan
