// SPDX-License-Identifier: GPL-2.0-or-later
// What lies below a message in its frame.
#pragma once

#include "dissectors/epan/ws_compat.h"
#include "protocols/base/message.h"

namespace peerscope::epan {

// Looks up protocol numbers; once, at hand-off.
void init_layers();

// Whether a protocol has a part in the frame, up to where it is dissected.
bool frame_has(packet_info* pinfo, int proto);
// Before a dissector hands all that it was given to another one: each call takes one from what lets a dissector ask for
// more of a stream, and only the first may ask unless those in between do not count.
void stand_aside(packet_info* pinfo);
// kUnknown where the frame shows no transport, as exported messages do.
Transport::Security security_of(packet_info* pinfo);
// "TLS", "DTLS", "TCP", "UDP"; empty where the frame shows none of them.
const char* carrier_name(packet_info* pinfo);

}  // namespace peerscope::epan
