// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/epan/layers.h"

#include <iterator>

namespace peerscope::epan {
namespace {

// The secured ones first: they lie above the others.
struct Carrier {
  const char* filter;
  const char* name;
  Transport::Security security;
  int proto = -1;
};
Carrier carriers[] = {{"tls", "TLS", Transport::Security::kTls},
                      {"dtls", "DTLS", Transport::Security::kDtls},
                      {"quic", "QUIC", Transport::Security::kTls},
                      {"tcp", "TCP", Transport::Security::kClear},
                      {"udp", "UDP", Transport::Security::kClear}};

const Carrier* carrier_of(packet_info* pinfo) {
  const Carrier* found = std::end(carriers);
  for (wmem_list_frame_t* at = wmem_list_head(pinfo->layers); at != nullptr; at = wmem_list_frame_next(at)) {
    const int proto = GPOINTER_TO_INT(wmem_list_frame_data(at));
    for (const Carrier* carrier = carriers; carrier != found; ++carrier) {
      if (carrier->proto != proto) continue;
      found = carrier;  // only one that stands before it may take its place
      break;
    }
  }
  return found == std::end(carriers) ? nullptr : found;
}

}  // namespace

void init_layers() {
  for (Carrier& carrier : carriers) carrier.proto = proto_get_id_by_filter_name(carrier.filter);
}

bool frame_has(packet_info* pinfo, int proto) {
  for (wmem_list_frame_t* at = wmem_list_head(pinfo->layers); at != nullptr; at = wmem_list_frame_next(at)) {
    if (GPOINTER_TO_INT(wmem_list_frame_data(at)) == proto) return true;
  }
  return false;
}

void stand_aside(packet_info* pinfo) {
  if (pinfo->can_desegment > 0) ++pinfo->can_desegment;
}

Transport::Security security_of(packet_info* pinfo) {
  const Carrier* carrier = carrier_of(pinfo);
  return carrier != nullptr ? carrier->security : Transport::Security::kUnknown;
}

const char* carrier_name(packet_info* pinfo) {
  const Carrier* carrier = carrier_of(pinfo);
  return carrier != nullptr ? carrier->name : "";
}

}  // namespace peerscope::epan
