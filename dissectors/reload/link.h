// SPDX-License-Identifier: GPL-2.0-or-later
// From segments and datagrams to packets: ports, heuristics, demultiplexing with TLS, DTLS and STUN, and framing.
#pragma once

#include "dissectors/epan/dissector.h"
#include "dissectors/epan/ws_compat.h"

namespace peerscope::reload {

// One packet, or the packets of one datagram or exported PDU.
int dissect_datagram(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data);
// A part of a byte stream: packets one after the other, over segment boundaries.
int dissect_stream(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data);

void add_link_preferences(module_t* module);
// The names of the dissectors that others may call: for packets and for streams.
void register_links(epan::Dissector& dissector);
// Ports and heuristics.
void hand_off_links(epan::Dissector& dissector);

}  // namespace peerscope::reload
