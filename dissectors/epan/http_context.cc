// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/epan/http_context.h"

#include <cstdlib>
#include <cstring>

#include "protocols/base/exported.h"

namespace peerscope::epan {
namespace {

int proto_http = -1;
int proto_http2 = -1;
int proto_json = -1;

heur_dissector_list_t json_heuristics = nullptr;
dissector_handle_t stock_json = nullptr;

// The nearest layer below that is not ours.
int carrier(packet_info* pinfo, int own_proto) {
  for (wmem_list_frame_t* at = wmem_list_tail(pinfo->layers); at != nullptr; at = wmem_list_frame_prev(at)) {
    const int proto = GPOINTER_TO_INT(wmem_list_frame_data(at));
    if (proto != own_proto && proto != proto_json) return proto;
  }
  return -1;
}

// Header names keep the sender's spelling.
const char* header(const http_message_info_t& info, std::string_view wanted) {
  struct Search {
    std::string_view name;
    const char* value;
  } search{wanted, nullptr};
  if (info.data == nullptr) return nullptr;
  wmem_map_foreach(
      static_cast<wmem_map_t*>(info.data),
      [](gpointer key, gpointer value, gpointer user) {
        auto* s = static_cast<Search*>(user);
        const auto* name = static_cast<const char*>(key);
        if (std::strlen(name) == s->name.size() && g_ascii_strncasecmp(name, s->name.data(), s->name.size()) == 0)
          s->value = static_cast<const char*>(value);
      },
      &search);
  return search.value;
}

// An exported message says what carried it before.
void read_transport_header(const char* value, Sighting& sighting) {
  Transport told;
  read_carriage(value, told);
  sighting.stream = told.stream;
  sighting.part = told.part;
  if (told.security != Transport::Security::kUnknown) sighting.security = told.security;
  if (told.http_version == 20) {
    sighting.http_version = 20;
    // Its start line was made up by the export.
    sighting.method = {};
    sighting.target = {};
    sighting.status = 0;
  }
}

// Without TCP reassembly a body may end with its segment. A body in a coding has another length than its message.
bool length_is_met(const http_message_info_t& info, std::size_t size) {
  const char* length = header(info, "Content-Length");
  if (length == nullptr || header(info, "Content-Encoding") != nullptr || header(info, "Transfer-Encoding") != nullptr)
    return true;
  return g_ascii_strtoull(length, nullptr, 10) <= size;
}

// The conversation remembers the latest request and response only; on the first pass that is the one at hand.
void read_start_line(packet_info* pinfo, Sighting& sighting) {
  conversation_t* conversation = find_or_create_conversation(pinfo);
  const auto* http = static_cast<const http_conv_t*>(conversation_get_proto_data(conversation, proto_http));
  if (http == nullptr) return;
  if (sighting.direction == Direction::kRequest) {
    if (http->request_method != nullptr) sighting.method = http->request_method;
    if (http->request_uri != nullptr) sighting.target = http->request_uri;
  } else if (sighting.direction == Direction::kResponse) {
    sighting.status = static_cast<int>(http->response_code);
  }
}

int dissect_json_body(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  heur_dtbl_entry_t* entry = nullptr;
  if (dissector_try_heuristic(json_heuristics, tvb, pinfo, tree, &entry, data))
    return static_cast<int>(tvb_captured_length(tvb));
  return call_dissector_with_data(stock_json, tvb, pinfo, tree, data);
}

}  // namespace

void init_http_context() {
  proto_http = proto_get_id_by_filter_name("http");
  proto_http2 = proto_get_id_by_filter_name("http2");
  proto_json = proto_get_id_by_filter_name("json");
}

int http_version_below(packet_info* pinfo, int own_proto) {
  const int below = carrier(pinfo, own_proto);
  if (below == proto_http) return 11;
  return below == proto_http2 ? 20 : 0;
}

bool is_exported_part(void* data) {
  const auto* info = static_cast<const http_message_info_t*>(data);
  const char* value = info != nullptr && info->type != HTTP_OTHERS ? header(*info, kTransportHeader) : nullptr;
  if (value == nullptr) return false;
  Transport told;
  read_carriage(value, told);
  return told.stream != 0;
}

void read_http_context(packet_info* pinfo, int own_proto, void* data, Sighting& sighting) {
  const int below = carrier(pinfo, own_proto);
  const auto* info = static_cast<const http_message_info_t*>(data);
  if ((below != proto_http && below != proto_http2) || info == nullptr) return;
  sighting.has_http = true;
  if (pinfo->match_string != nullptr) sighting.content_type = pinfo->match_string;
  if (info->type == HTTP_REQUEST) sighting.direction = Direction::kRequest;
  if (info->type == HTTP_RESPONSE) sighting.direction = Direction::kResponse;
  if (below == proto_http2) {
    sighting.http_version = 20;  // its header fields are out of reach for a plugin in 4.0
    return;
  }
  sighting.http_version = 11;
  if (!PINFO_FD_VISITED(pinfo)) read_start_line(pinfo, sighting);
  if (!length_is_met(*info, sighting.bytes.size())) sighting.complete = false;
  if (const char* value = header(*info, kTransportHeader); value != nullptr) read_transport_header(value, sighting);
  sighting.ordered = sighting.http_version == 11;
}

void provide_json_heuristics() {
  if (has_heur_dissector_list("json")) return;
  const int json = proto_get_id_by_filter_name("json");
  if (json >= 0) json_heuristics = register_heur_dissector_list("json", json);
}

void install_json_heuristics() {
  if (json_heuristics == nullptr || stock_json != nullptr) return;
  dissector_table_t table = find_dissector_table("media_type");
  stock_json = table != nullptr ? dissector_get_string_handle(table, "application/json") : nullptr;
  if (stock_json == nullptr) return;
  // No protocol of its own: the stack of layers stays as it is without the plugin.
  dissector_handle_t handle = create_dissector_handle_with_name_and_description(dissect_json_body, -1, "peerscope_json",
                                                                                "JSON with heuristics");
  dissector_add_string("media_type", "application/json", handle);
}

}  // namespace peerscope::epan
