// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/epan/live_streams.h"

#include <functional>

#include "dissectors/epan/http_context.h"
#include "dissectors/epan/layers.h"

namespace peerscope::epan {
namespace {

constexpr const char* kOverTcp = "http-over-tcp";
constexpr const char* kOverTls = "http-over-tls";
constexpr const char* kStreaming = "streaming_content_type";
// Per-packet data under the protocol: how many steps of the frame were taken. The dissector has its own at 0.
constexpr guint32 kStepCounter = 0x80000000;

std::string_view bytes_of(tvbuff_t* tvb) {
  const guint length = tvb_captured_length(tvb);
  if (length == 0) return {};
  return {reinterpret_cast<const char*>(tvb_get_ptr(tvb, 0, static_cast<gint>(length))), length};
}

// A data source of its own for what does not stand in the packet as it is.
tvbuff_t* source_of(const std::string& text, const char* name, tvbuff_t* parent, packet_info* pinfo) {
  const auto size = static_cast<guint>(text.size());
  tvbuff_t* source =
      tvb_new_child_real_data(parent, reinterpret_cast<const guint8*>(text.data()), size, static_cast<gint>(size));
  add_new_data_source(pinfo, source, name);
  return source;
}

std::size_t hash_of(std::string_view bytes) {
  return std::hash<std::string_view>{}(bytes);
}

// DATA stands behind the head of its frame (RFC 9113 sections 4.1 and 6.1), which holds what Wireshark 4.0 does not
// export: the stream's number, and whether this is its end.
struct DataFrame {
  guint32 stream = 0;  // 0: unknown
  bool ends = false;
};
DataFrame data_frame(tvbuff_t* tvb) {
  constexpr guint kHead = 9;
  constexpr guint8 kEndStream = 0x1;
  constexpr guint8 kPadded = 0x8;
  tvbuff_t* source = tvb_get_ds_tvb(tvb);
  const gint at = tvb_raw_offset(tvb);
  for (const guint padded : {0U, 1U}) {
    const auto before = static_cast<gint>(kHead + padded);
    if (at < before || !tvb_bytes_exist(source, at - before, before)) continue;
    const gint head = at - before;
    const guint8 flags = tvb_get_guint8(source, head + 4);
    if (tvb_get_guint8(source, head + 3) != 0 || ((flags & kPadded) != 0) != (padded != 0)) continue;
    const guint32 padding = padded != 0 ? 1U + tvb_get_guint8(source, at - 1) : 0U;
    if (tvb_get_ntoh24(source, head) != tvb_reported_length(tvb) + padding) continue;
    return {tvb_get_ntohl(source, head + 5) & 0x7fffffffU, (flags & kEndStream) != 0};
  }
  return {};
}

// A segment that begins with an event, chunked or bare: a place to go on after a loss.
bool begins_event(std::string_view bytes, Framing framing) {
  if (framing == Framing::kChunked) {
    const std::size_t line = bytes.find_first_not_of("0123456789abcdefABCDEF");
    if (line == 0 || line == std::string_view::npos || !bytes.substr(line).starts_with("\r\n")) return false;
    bytes.remove_prefix(line + 2);
  }
  return bytes.starts_with("event:") || bytes.starts_with(": ");
}

}  // namespace

void LiveStreams::enrol(const Entries& entries) {
  request_entry_ = create_dissector_handle(entries.request, dissector_.proto());
  dissector_add_string("media_type", request_type_, request_entry_);
  part_entry_ = create_dissector_handle(entries.part, dissector_.proto());
  // It stands for HTTP: what is above and below sees that protocol, once.
  http_entry_ = create_dissector_handle_with_name_and_description(entries.http, proto_get_id_by_filter_name("http"),
                                                                  "peerscope_live_http", "HTTP with event streams");
  // A table, because a call through one can leave the stack of layers as it is.
  http_name_ = std::string(dissector_.filter()) + ".http";
  http_ = register_dissector_table(http_name_.c_str(), "HTTP by what carries it", dissector_.proto(), FT_STRING, FALSE);
  for (const char* carrier : {kOverTcp, kOverTls}) {
    if (dissector_handle_t http = find_dissector(carrier); http != nullptr)
      dissector_add_string(http_name_.c_str(), carrier, http);
  }
  // On each pass a hello that names its protocol sets the session's dissector anew.
  dissector_table_t alpn = find_dissector_table("tls.alpn");
  if (alpn != nullptr && dissector_get_string_handle(alpn, "http/1.1") == find_dissector(kOverTls))
    dissector_add_string("tls.alpn", "http/1.1", http_entry_);
  // No protocols of their own.
  http2_entry_ = create_dissector_handle_with_name_and_description(entries.http2, -1, "peerscope_live_http2",
                                                                   "Event stream over HTTP/2");
  http2_request_entry_ = create_dissector_handle_with_name_and_description(
      entries.http2_request, -1, "peerscope_live_http2_request", "Request for an event stream over HTTP/2");
  tls_ = find_dissector("tls");
  proto_tls_ = proto_get_id_by_filter_name("tls");
  if (const header_field_info* data = proto_registrar_get_byname("http2.data.data"); data != nullptr)
    hf_data_ = data->id;
  dissector_table_t table = find_dissector_table(kStreaming);
  stock_stream_ = table == nullptr || dissector_get_string_handle(table, media_type_) != nullptr;
}

void LiveStreams::forget() {
  if (streaming_) {
    dissector_delete_string(kStreaming, media_type_, http2_entry_);
    dissector_delete_string(kStreaming, request_type_, http2_request_entry_);
  }
  streaming_ = false;
  bodies_ = 0;
  connections_.clear();
  http2_bodies_.clear();
  http2_requests_.clear();
  steps_.clear();
}

int LiveStreams::dissect_request(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  if (!PINFO_FD_VISITED(pinfo)) watch(pinfo);
  return dissector_.dissect(tvb, pinfo, tree, data);
}

int LiveStreams::dissect_part(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  if (data == nullptr) return 0;
  const auto& call = *static_cast<const PartCall*>(data);
  dissector_.dissect_part(tvb, call.text, pinfo, tree, *call.part);
  return static_cast<int>(tvb_captured_length(tvb));
}

// HTTP/2 chooses by media type alone, so all event streams of a capture come here once it has a request of ours; in
// other captures they stay what they are.
void LiveStreams::watch(packet_info* pinfo) {
  const int version = http_version_below(pinfo, dissector_.proto());
  if (version == 20 && !streaming_ && !stock_stream_) {
    dissector_add_string(kStreaming, media_type_, http2_entry_);
    dissector_add_string(kStreaming, request_type_, http2_request_entry_);
    streaming_ = true;
  }
  if (version != 11 || pinfo->ptype != PT_TCP) return;
  conversation_t* conversation = find_or_create_conversation(pinfo);
  const auto [at, fresh] = connections_.try_emplace(conversation->conv_index);
  if (!fresh) return;
  copy_address_wmem(wmem_file_scope(), &at->second.server, &pinfo->dst);
  at->second.port = pinfo->destport;
  if (frame_has(pinfo, proto_tls_))
    tls_set_appdata_dissector(tls_, pinfo, http_entry_);
  else
    conversation_set_dissector_from_frame_number(conversation, pinfo->num, http_entry_);
}

LiveStreams::Connection* LiveStreams::connection_from_server(packet_info* pinfo) {
  if (connections_.empty()) return nullptr;
  const auto found = connections_.find(find_or_create_conversation(pinfo)->conv_index);
  if (found == connections_.end()) return nullptr;
  Connection& connection = found->second;
  return pinfo->srcport == connection.port && addresses_equal(&pinfo->src, &connection.server) ? &connection : nullptr;
}

// HTTP as it would have been called.
int LiveStreams::hand_over(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  stand_aside(pinfo);
  return dissector_try_string_new(http_, data != nullptr ? kOverTcp : kOverTls, tvb, pinfo, tree, FALSE, data);
}

int LiveStreams::dissect_http(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  Connection* connection = connection_from_server(pinfo);
  if (connection == nullptr || tvb_captured_length(tvb) == 0) return hand_over(tvb, pinfo, tree, data);
  const std::string_view bytes = bytes_of(tvb);
  const Step* step = PINFO_FD_VISITED(pinfo) ? recall(pinfo, bytes)
                                             : follow(pinfo, *connection, bytes, static_cast<const tcpinfo*>(data));
  if (step == nullptr) return hand_over(tvb, pinfo, tree, data);
  const auto begin = static_cast<gint>(step->begin);
  const auto end = static_cast<gint>(step->end);
  if (step->head && begin > 0) {
    // The head is all that HTTP gets of its message, and it must not wait for more.
    const guint16 can_desegment = pinfo->can_desegment;
    pinfo->can_desegment = 0;
    hand_over(tvb_new_subset_length(tvb, 0, begin), pinfo, tree, data);
    pinfo->can_desegment = can_desegment;
  }
  if (end > begin) show(*step, tvb_new_subset_length(tvb, begin, end - begin), pinfo, tree);
  const auto captured = static_cast<gint>(bytes.size());
  if (end < captured) {
    hand_over(tvb_new_subset_remaining(tvb, end), pinfo, tree, data);
    if (pinfo->desegment_len > 0) pinfo->desegment_offset += end;
  }
  return captured;
}

int LiveStreams::dissect_http2(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree) {
  const guint32 stream = data_frame(tvb).stream;
  const std::string_view bytes = bytes_of(tvb);
  const Step* step = nullptr;
  if (stream != 0 && !bytes.empty()) {
    const StreamKey key{find_or_create_conversation(pinfo)->conv_index, stream};
    step = PINFO_FD_VISITED(pinfo) ? recall(pinfo, bytes) : follow_http2(pinfo, key, bytes);
  }
  if (step != nullptr && !step->foreign)
    show(*step, tvb, pinfo, tree);
  else if (hf_data_ >= 0)
    proto_tree_add_item(tree, hf_data_, tvb, 0, static_cast<gint>(tvb_captured_length(tvb)), ENC_NA);
  return static_cast<int>(tvb_captured_length(tvb));
}

// Requests come here on later passes, because a stream has one mode for both directions, and those after the first one
// at once. They are small: what came in several frames is put together.
int LiveStreams::dissect_http2_request(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  const DataFrame frame = data_frame(tvb);
  const std::string_view bytes = bytes_of(tvb);
  if (hf_data_ >= 0) proto_tree_add_item(tree, hf_data_, tvb, 0, static_cast<gint>(tvb_captured_length(tvb)), ENC_NA);
  const int all = static_cast<int>(bytes.size());
  const StreamKey key{find_or_create_conversation(pinfo)->conv_index, frame.stream};
  const Step* step = nullptr;
  if (PINFO_FD_VISITED(pinfo)) {
    step = recall(pinfo, bytes);
  } else if (const auto waiting = http2_requests_.find(key); !frame.ends || waiting != http2_requests_.end()) {
    step = collect_request(pinfo, key, bytes, frame.ends);
    if (step == nullptr) return all;
  }
  if (step != nullptr)
    show_request(*step, tvb, pinfo, tree, data);
  else if (frame.ends)
    call_dissector_with_data(request_entry_, tvb, pinfo, tree, data);
  return all;
}

// Null until its end has come.
const LiveStreams::Step* LiveStreams::collect_request(packet_info* pinfo, const StreamKey& key, std::string_view bytes,
                                                      bool ends) noexcept {
  constexpr std::size_t kLargest = 1 << 20;
  try {
    std::string& text = http2_requests_[key];
    if (text.size() + bytes.size() <= kLargest) text += bytes;
    if (!ends) return nullptr;
    Step* step = new_step(pinfo, bytes);
    if (step != nullptr) step->text.swap(text);
    http2_requests_.erase(key);
    return step;
  } catch (...) {
    return nullptr;
  }
}

void LiveStreams::show_request(const Step& step, tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  call_dissector_with_data(request_entry_, source_of(step.text, "Update stream request", tvb, pinfo), pinfo, tree,
                           data);
}

LiveStreams::Step* LiveStreams::new_step(packet_info* pinfo, std::string_view bytes) noexcept {
  try {
    Step& step = steps_[pinfo->num].emplace_back();
    step.size = bytes.size();
    step.hash = hash_of(bytes);
    return &step;
  } catch (...) {
    return nullptr;
  }
}

// Steps of a frame come in the same order on each pass; calls between them that were HTTP's alone have none.
const LiveStreams::Step* LiveStreams::recall(packet_info* pinfo, std::string_view bytes) {
  const auto found = steps_.find(pinfo->num);
  if (found == steps_.end()) return nullptr;
  const guint taken = GPOINTER_TO_UINT(p_get_proto_data(pinfo->pool, pinfo, dissector_.proto(), kStepCounter));
  const std::size_t hash = hash_of(bytes);
  for (std::size_t i = taken; i < found->second.size(); ++i) {
    const Step& step = found->second[i];
    if (step.size != bytes.size() || step.hash != hash) continue;
    p_set_proto_data(pinfo->pool, pinfo, dissector_.proto(), kStepCounter, GUINT_TO_POINTER(i + 1));
    return &step;
  }
  return nullptr;
}

// Whether a body begins in these bytes or goes on with them after a loss; `begin`: where.
bool LiveStreams::begin_body(Connection& connection, std::string_view bytes, std::size_t& begin) {
  if (const auto head = find_live_head(bytes, media_type_); head) {
    connection.body = std::make_unique<Body>(*head, ++bodies_, 0);
    connection.framing = head->coding == Coding::kNone ? head->framing : Framing::kBare;
    connection.lost = false;
    begin = head->end;
    return true;
  }
  const bool resumes = connection.lost && begins_event(bytes, connection.framing) &&
                       (connection.framing == Framing::kChunked || connection.framing == Framing::kUntilClose);
  if (!resumes) return false;
  LiveHead head;
  head.framing = connection.framing;
  connection.body = std::make_unique<Body>(head, ++bodies_, 1);  // its beginning is unknown
  connection.lost = false;
  begin = 0;
  return true;
}

// What of these bytes from the server is a body's; null: nothing. In the order of the capture.
const LiveStreams::Step* LiveStreams::follow(packet_info* pinfo, Connection& connection, std::string_view bytes,
                                             const tcpinfo* tcp) noexcept {
  try {
    std::size_t begin = 0;
    if (connection.body != nullptr && tcp != nullptr && tcp->seq != connection.next) {
      const auto known = static_cast<std::int32_t>(connection.next - tcp->seq);
      if (known > 0 && static_cast<std::size_t>(known) >= bytes.size()) return nullptr;  // sent again
      if (known > 0) {
        begin = static_cast<std::size_t>(known);
      } else {
        connection.body = nullptr;
        connection.lost = true;
      }
    }
    const bool head = connection.body == nullptr;
    if (head && !begin_body(connection, bytes, begin)) return nullptr;
    Step* step = new_step(pinfo, bytes);
    if (step == nullptr) return nullptr;
    step->begin = begin;
    step->head = head;
    Body& body = *connection.body;
    take_portion(*step, body, bytes.substr(begin));
    if (tcp != nullptr) connection.next = tcp->seq + static_cast<std::uint32_t>(bytes.size());
    if (body.reader.ended() || body.reader.broken()) connection.body = nullptr;
    return step;
  } catch (...) {
    connection.body = nullptr;
    return nullptr;
  }
}

const LiveStreams::Step* LiveStreams::follow_http2(packet_info* pinfo, const StreamKey& key,
                                                   std::string_view bytes) noexcept {
  try {
    std::unique_ptr<Body>& body = http2_bodies_[key];
    if (body == nullptr) {
      LiveHead head;
      head.framing = Framing::kBare;
      head.coding = Coding::kByFirstByte;
      body = std::make_unique<Body>(head, ++bodies_, 0);
    }
    if (body->foreign || body->reader.broken()) return nullptr;
    Step* step = new_step(pinfo, bytes);
    if (step == nullptr) return nullptr;
    take_portion(*step, *body, bytes);
    step->part.http_version = 20;
    return step;
  } catch (...) {
    return nullptr;
  }
}

void LiveStreams::take_portion(Step& step, Body& body, std::string_view bytes) {
  const Portion portion = body.reader.read(bytes);
  step.end = step.begin + portion.used;
  step.part.stream = body.number;
  step.part.media_type = media_type_;
  step.part.http_version = 11;
  step.part.unfinished = portion.unfinished;
  step.part.ended = body.reader.ended();
  step.length = portion.text.size();
  step.own_text = !portion.place;
  if (portion.place)
    step.place = *portion.place;
  else
    step.text = portion.text;
  // Over HTTP/2 only its first event says whose it is.
  if (!body.known && portion.text.find_first_not_of("\r\n") != std::string_view::npos) {
    body.foreign = !ours_(portion.text);
    body.known = true;
  }
  step.foreign = body.foreign;
  step.part.part = body.parts;
  if (step.length > 0) ++body.parts;
}

void LiveStreams::show(const Step& step, tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree) {
  tvbuff_t* text = nullptr;
  if (step.length > 0 && step.own_text) {
    const auto size = static_cast<guint>(step.text.size());
    text =
        tvb_new_child_real_data(tvb, reinterpret_cast<const guint8*>(step.text.data()), size, static_cast<gint>(size));
    add_new_data_source(pinfo, text, "Update events");
  } else if (step.length > 0) {
    text = tvb_new_subset_length(tvb, static_cast<gint>(step.place), static_cast<gint>(step.length));
  }
  // Through a handle, so that the protocol is among the frame's.
  PartCall call{text, &step.part};
  call_dissector_with_data(part_entry_, tvb, pinfo, tree, &call);
}

}  // namespace peerscope::epan
