// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/epan/export_pdu.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "dissectors/epan/http_context.h"
#include "dissectors/epan/layers.h"
#include "protocols/base/exported.h"

// Defined in plugin.cc.
extern "C" {
WS_DLL_PUBLIC const gchar plugin_version[];
}

namespace peerscope::epan {
namespace {

int tap = -1;
int harness_tap = -1;

// The Protocol column of an exported frame: what carried the message.
int column_size(packet_info*, void* data) {
  return 4 + static_cast<int>(strlen(static_cast<const char*>(data)));
}

int column_fill(packet_info*, void* data, guint8* buffer, guint32 size) {
  const auto length = static_cast<guint32>(strlen(static_cast<const char*>(data)));
  if (size < 4 + length) return 0;
  buffer[0] = EXP_PDU_TAG_COL_PROT_TEXT >> 8;
  buffer[1] = EXP_PDU_TAG_COL_PROT_TEXT & 0xff;
  buffer[2] = static_cast<guint8>(length >> 8);
  buffer[3] = static_cast<guint8>(length & 0xff);
  memcpy(buffer + 4, data, length);
  return static_cast<int>(4 + length);
}

const char* column_text(const Transport& transport) {
  if (transport.http_version == 20) return "HTTP2";
  return transport.security == Transport::Security::kTls ? "HTTPS" : "HTTP";
}

const char* head_of(packet_info* pinfo, const Record& record, guint length) {
  const Transport& transport = *record.http;
  const char* start_line;
  if (record.direction == Direction::kResponse) {
    const int status = transport.status != 0 ? transport.status : 200;
    start_line = wmem_strdup_printf(pinfo->pool, "HTTP/1.1 %03d %s", status,
                                    val_to_str_const(static_cast<guint32>(status), vals_http_status_code, "Unknown"));
  } else {
    start_line =
        wmem_strdup_printf(pinfo->pool, "%s %s HTTP/1.1", transport.method.empty() ? "POST" : transport.method.c_str(),
                           transport.target.empty() ? "/" : transport.target.c_str());
  }
  const ExportedText carriage = carriage_text(transport);
  return wmem_strdup_printf(
      pinfo->pool, "%s\r\nContent-Type: %s\r\nContent-Length: %u\r\n%s: %s\r\n\r\n", start_line,
      transport.content_type.empty() ? "application/octet-stream" : transport.content_type.c_str(), length,
      kTransportHeader.data(), carriage.data());
}

void queue(packet_info* pinfo, exp_pdu_data_t* pdu) {
  tap_queue_packet(only_export_wanted() ? harness_tap : tap, pinfo, pdu);
}

// An exported record with the first `captured` bytes of `bytes`.
exp_pdu_data_t* make_pdu(packet_info* pinfo, const char* dissector, tvbuff_t* bytes, guint captured,
                         const char* column_text) {
  static exp_pdu_data_item_t column = {column_size, column_fill, nullptr};
  column.data = const_cast<char*>(column_text);
  // In numerical order of the tags.
  static const exp_pdu_data_item_t* items[] = {&exp_pdu_data_src_ip,
                                               &exp_pdu_data_dst_ip,
                                               &exp_pdu_data_port_type,
                                               &exp_pdu_data_src_port,
                                               &exp_pdu_data_dst_port,
                                               &exp_pdu_data_orig_frame_num,
                                               &column,
                                               nullptr};
  exp_pdu_data_t* pdu = export_pdu_create_tags(pinfo, dissector, EXP_PDU_TAG_DISSECTOR_NAME, items);
  pdu->tvb_captured_length = captured;
  pdu->tvb_reported_length = tvb_reported_length(bytes);
  pdu->pdu_tvb = bytes;
  return pdu;
}

// `column`: what carried the message.
void export_bytes(packet_info* pinfo, const char* dissector, tvbuff_t* message, const char* column) {
  const guint length = tvb_captured_length(message);
  if (length <= kLargestRecord || !only_export_wanted()) {
    // People get one record, cut at what a capture file can hold.
    queue(pinfo, make_pdu(pinfo, dissector, message, std::min(length, static_cast<guint>(kLargestRecord)), column));
    return;
  }
  // The harness wants all of it: as parts, one after the other.
  const auto parts = static_cast<guint>((length + kLargestRecord - 1) / kLargestRecord);
  for (guint part = 0; part < parts; ++part) {
    const auto from = static_cast<guint>(part * kLargestRecord);
    const guint size = std::min(length - from, static_cast<guint>(kLargestRecord));
    const char* numbered = wmem_strdup(pinfo->pool, record_part_text({column, part + 1, parts}).data());
    tvbuff_t* bytes = tvb_new_subset_length(message, static_cast<gint>(from), static_cast<gint>(size));
    queue(pinfo, make_pdu(pinfo, dissector, bytes, size, numbered));
  }
}

// tshark writes what it exports by the buffer; a harness that watches an interface wants it now. tshark has no timer to
// hang this on, and closes its streams by itself at the end.
void keep_flushing() {
  std::thread([] {
    for (;;) {
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
      std::fflush(nullptr);
    }
  }).detach();
}

}  // namespace

void register_export_tap() {
  if (tap >= 0) return;
  tap = register_export_pdu_tap("Peerscope");
  const char* version = std::getenv("PEERSCOPE_EXPORT_FOR");
  if (version == nullptr || std::strcmp(version, plugin_version) != 0) return;
  harness_tap = register_export_pdu_tap("Peerscope messages");
  if (std::getenv("PEERSCOPE_EXPORT_LIVE") != nullptr) keep_flushing();
}

bool export_wanted() {
  return have_tap_listener(tap) || only_export_wanted();
}

bool only_export_wanted() {
  return harness_tap >= 0 && have_tap_listener(harness_tap);
}

void export_message(tvbuff_t* body, packet_info* pinfo, const Record& record, const char* dissector_name) {
  if (record.http == nullptr || !record.http->has_http)
    return export_bytes(pinfo, dissector_name, body, carrier_name(pinfo));
  const guint body_length = tvb_captured_length(body);
  const char* head = head_of(pinfo, record, body_length);
  const auto head_length = static_cast<guint>(strlen(head));
  auto* bytes = static_cast<guint8*>(wmem_alloc(pinfo->pool, head_length + body_length));
  memcpy(bytes, head, head_length);
  tvb_memcpy(body, bytes + head_length, 0, body_length);
  const guint length = head_length + body_length;
  tvbuff_t* message = tvb_new_child_real_data(body, bytes, length, static_cast<gint>(length));
  export_bytes(pinfo, "http", message, column_text(*record.http));
}

}  // namespace peerscope::epan
