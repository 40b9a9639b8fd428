// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/reload/nodes.h"

#include <cstring>

#include "dissectors/epan/statistics.h"
#include "dissectors/reload/insight.h"
#include "dissectors/reload/reload.h"

namespace peerscope::reload {
namespace {

// As in a filter: 10:10:..., or a word for who is not known.
void set_node(packet_info* pinfo, address* where, std::string_view node_id, const char* otherwise) {
  const char* text = node_id.empty() ? otherwise
                                     : bytes_to_str_punct(pinfo->pool, reinterpret_cast<const guint8*>(node_id.data()),
                                                          node_id.size(), ':');
  set_address(where, AT_STRINGZ, static_cast<int>(strlen(text) + 1), text);
}

struct Ends {
  address from;
  address to;
};
// False for what has no signer: acknowledgements, fragments.
bool ends_of(packet_info* pinfo, const void* queued, Ends& ends, int& size) {
  const auto* message = static_cast<const epan::TapMessage*>(queued);
  if (message->addressee.empty()) return false;
  const Insight* insight = insight_of(message->record);
  set_node(pinfo, &ends.from, insight != nullptr ? insight->signer : std::string_view(), "signer not known");
  set_node(pinfo, &ends.to, message->addressee, "");
  size = static_cast<int>(message->record->size);
  return true;
}

const char* conversation_field(conv_item_t*, conv_filter_type_e type) {
  if (type == CONV_FT_SRC_ADDRESS) return "relo.signature.signer";
  return type == CONV_FT_DST_ADDRESS ? "relo.destination.node_id" : CONV_FILTER_INVALID;
}
const char* endpoint_field(endpoint_item_t*, conv_filter_type_e type) {
  return type == CONV_FT_SRC_ADDRESS || type == CONV_FT_ANY_ADDRESS ? "relo.signature.signer" : CONV_FILTER_INVALID;
}
ct_dissector_info_t conversation_info = {conversation_field};
et_dissector_info_t endpoint_info = {endpoint_field};

tap_packet_status count_conversation(void* table, packet_info* pinfo, epan_dissect_t*, const void* queued,
                                     tap_flags_t flags) {
  auto* hash = static_cast<conv_hash_t*>(table);
  Ends ends;
  int size = 0;
  hash->flags = flags;
  if (!ends_of(pinfo, queued, ends, size)) return TAP_PACKET_DONT_REDRAW;
  add_conversation_table_data(hash, &ends.from, &ends.to, 0, 0, 1, size, &pinfo->rel_ts, &pinfo->abs_ts,
                              &conversation_info, CONVERSATION_NONE);
  return TAP_PACKET_REDRAW;
}

tap_packet_status count_endpoint(void* table, packet_info* pinfo, epan_dissect_t*, const void* queued,
                                 tap_flags_t flags) {
  auto* hash = static_cast<conv_hash_t*>(table);
  Ends ends;
  int size = 0;
  hash->flags = flags;
  if (!ends_of(pinfo, queued, ends, size)) return TAP_PACKET_DONT_REDRAW;
  add_endpoint_table_data(hash, &ends.from, 0, TRUE, 1, size, &endpoint_info, ENDPOINT_NONE);
  add_endpoint_table_data(hash, &ends.to, 0, FALSE, 1, size, &endpoint_info, ENDPOINT_NONE);
  return TAP_PACKET_REDRAW;
}

}  // namespace

void register_nodes() {
  register_conversation_table(dissector().proto(), TRUE, count_conversation, count_endpoint);
}

}  // namespace peerscope::reload
