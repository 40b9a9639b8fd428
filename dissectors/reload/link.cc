// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/reload/link.h"

#include <string>

#include "dissectors/epan/layers.h"
#include "dissectors/reload/reload.h"
#include "protocols/reload/packet.h"
#include "protocols/reload/packet_length.h"

namespace peerscope::reload {
namespace {

using epan::HeuristicResult;

// The registered port of reload-config (RFC 6940 section 14.5), the habit for overlay links too.
constexpr guint kPort = 6084;

dissector_handle_t packet_handle = nullptr;
dissector_handle_t stream_handle = nullptr;
dissector_handle_t tcp_handle = nullptr;
dissector_handle_t udp_handle = nullptr;
dissector_handle_t tls = nullptr;
dissector_handle_t dtls = nullptr;
dissector_handle_t stun = nullptr;
dissector_handle_t builtin_tcp = nullptr;
dissector_handle_t builtin_udp = nullptr;
epan::PreferenceBool take_over = TRUE;
epan::PreferenceBool desegment = TRUE;

// What a conversation is known to carry. In capture memory, by proto data of the conversation.
enum class Content : guint8 { kUnknown, kPackets, kSecured };

Content content_of(const conversation_t* conversation) {
  return static_cast<Content>(GPOINTER_TO_UINT(conversation_get_proto_data(conversation, dissector().proto())));
}
void know(conversation_t* conversation, Content content) {
  if (content_of(conversation) == Content::kUnknown)
    conversation_add_proto_data(conversation, dissector().proto(), GUINT_TO_POINTER(static_cast<guint>(content)));
}

std::string_view captured(tvbuff_t* tvb, gint offset, gint limit = G_MAXINT) {
  const gint size = std::min(limit, tvb_captured_length_remaining(tvb, offset));
  if (size <= 0) return {};
  return {reinterpret_cast<const char*>(tvb_get_ptr(tvb, offset, size)), static_cast<std::size_t>(size)};
}

PacketLength length_at(tvbuff_t* tvb, gint offset) {
  return packet_length(captured(tvb, offset, static_cast<gint>(kPacketLengthNeeds)));
}

// What no packet begins with is handed on as one: it is told as not decodable.
guint packet_size(packet_info* pinfo, tvbuff_t* tvb, int offset, void*) {
  const PacketLength length = length_at(tvb, offset);
  const auto rest = static_cast<guint>(tvb_reported_length_remaining(tvb, offset));
  if (length.kind == PacketLength::Kind::kNone) return rest;
  if (length.size == 0) return desegment && pinfo->can_desegment > 0 ? 0 : rest;
  return static_cast<guint>(length.size);
}

int dissect_packet(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  return dissector().dissect(tvb, pinfo, tree, data);
}

bool is_tls(guint8 first) {  // content types of TLS records
  return first >= 20 && first <= 24;
}
bool is_dtls(guint8 first) {  // RFC 7983 section 7
  return first >= 20 && first <= 63;
}
bool is_stun(tvbuff_t* tvb) {
  constexpr guint kCookieAt = 4;
  constexpr guint32 kCookie = 0x2112a442;
  return tvb_captured_length(tvb) >= kCookieAt + 4 && tvb_get_guint8(tvb, 0) < 4 &&
         tvb_get_ntohl(tvb, kCookieAt) == kCookie;
}
bool begins_packet(tvbuff_t* tvb) {
  return length_at(tvb, 0).kind != PacketLength::Kind::kNone;
}

// On a TCP port of RELOAD: links are TLS (RFC 6940 section 6.6.5), and some are seen without it.
int dissect_tcp(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  if (tvb_captured_length(tvb) == 0) return 0;
  if (!take_over) {
    epan::stand_aside(pinfo);
    return builtin_tcp != nullptr ? call_dissector_only(builtin_tcp, tvb, pinfo, tree, data) : 0;
  }
  conversation_t* conversation = find_or_create_conversation(pinfo);
  Content content = content_of(conversation);
  if (content == Content::kUnknown) {
    if (is_tls(tvb_get_guint8(tvb, 0)))
      content = Content::kSecured;
    else if (begins_packet(tvb))
      content = Content::kPackets;
    else
      return 0;
    know(conversation, content);
  }
  if (content == Content::kSecured) {
    epan::stand_aside(pinfo);
    return tls != nullptr ? call_dissector(tls, tvb, pinfo, tree) : 0;
  }
  return dissect_stream(tvb, pinfo, tree, data);
}

// On a UDP port of RELOAD, where ICE lets STUN, DTLS and data share it (RFC 7983).
int dissect_udp(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  if (tvb_captured_length(tvb) == 0) return 0;
  const guint8 first = tvb_get_guint8(tvb, 0);
  if (is_dtls(first)) return dtls != nullptr ? call_dissector_only(dtls, tvb, pinfo, tree, data) : 0;
  if (is_stun(tvb)) return stun != nullptr ? call_dissector_only(stun, tvb, pinfo, tree, data) : 0;
  if (!take_over) return builtin_udp != nullptr ? call_dissector_only(builtin_udp, tvb, pinfo, tree, data) : 0;
  if (!begins_packet(tvb)) return 0;
  return dissect_datagram(tvb, pinfo, tree, data);
}

// One byte, before anything else: heuristics see all sorts of traffic.
bool may_be_ours(tvbuff_t* tvb) {
  return take_over && tvb_captured_length(tvb) > 0 && begins_packet(tvb);
}

// Heuristics ask for a whole header that adds up (is_surely_reload). An acknowledgement has nothing that tells it from
// noise: it is taken in a conversation that is known already.
bool is_ours(tvbuff_t* tvb, const conversation_t* conversation, Content known, bool datagram) {
  if (content_of(conversation) == known) return true;
  return is_surely_reload(captured(tvb, 0), datagram && tvb_captured_length(tvb) == tvb_reported_length(tvb));
}

HeuristicResult find_in_tcp(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  if (!may_be_ours(tvb)) return FALSE;
  conversation_t* conversation = find_or_create_conversation(pinfo);
  if (!is_ours(tvb, conversation, Content::kPackets, false)) return FALSE;
  know(conversation, Content::kPackets);
  conversation_set_dissector(conversation, tcp_handle);
  dissect_stream(tvb, pinfo, tree, data);
  return TRUE;
}

HeuristicResult find_in_udp(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  if (!may_be_ours(tvb)) return FALSE;
  conversation_t* conversation = find_or_create_conversation(pinfo);
  if (!is_ours(tvb, conversation, Content::kPackets, true)) return FALSE;
  know(conversation, Content::kPackets);
  // The handler of the port: it hands STUN and DTLS on, so they are not lost.
  conversation_set_dissector(conversation, udp_handle);
  dissect_datagram(tvb, pinfo, tree, data);
  return TRUE;
}

HeuristicResult find_in_tls(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  if (!may_be_ours(tvb)) return FALSE;
  conversation_t* conversation = find_or_create_conversation(pinfo);
  if (!is_surely_reload(captured(tvb, 0), false)) return FALSE;
  know(conversation, Content::kSecured);
  epan::take_tls_session(data, stream_handle);
  dissect_stream(tvb, pinfo, tree, nullptr);
  return TRUE;
}

// DTLS sessions are not bound: each record comes here again, and acknowledgements are known by the conversation.
HeuristicResult find_in_dtls(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void*) {
  if (!may_be_ours(tvb)) return FALSE;
  conversation_t* conversation = find_or_create_conversation(pinfo);
  if (!is_ours(tvb, conversation, Content::kSecured, true)) return FALSE;
  know(conversation, Content::kSecured);
  dissect_datagram(tvb, pinfo, tree, nullptr);
  return TRUE;
}

}  // namespace

int dissect_stream(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  // The shortest start that tells a frame's length.
  constexpr guint kLeast = 8;
  tcp_dissect_pdus(tvb, pinfo, tree, desegment, kLeast, packet_size, dissect_packet, data);
  return static_cast<int>(tvb_captured_length(tvb));
}

int dissect_datagram(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  const auto end = static_cast<gint>(tvb_reported_length(tvb));
  gint at = 0;
  while (at < end) {
    const PacketLength length = length_at(tvb, at);
    gint size = end - at;
    // What follows a packet is part of it unless it begins another one.
    if (length.size != 0 && length.size < static_cast<std::size_t>(size)) {
      const auto next = at + static_cast<gint>(length.size);
      if (length_at(tvb, next).kind != PacketLength::Kind::kNone) size = static_cast<gint>(length.size);
    }
    if (dissect_packet(tvb_new_subset_length(tvb, at, size), pinfo, tree, data) == 0) break;
    at += size;
  }
  return static_cast<int>(tvb_captured_length(tvb));
}

void add_link_preferences(module_t* module) {
  prefs_register_bool_preference(module, "take_over", "Take RELOAD traffic over from the built-in dissector",
                                 "Off: ports and heuristics leave RELOAD to Wireshark's own dissector", &take_over);
  prefs_register_bool_preference(module, "desegment", "Reassemble messages that span TCP segments",
                                 "Needs reassembly in the preferences of TCP (and TLS) too", &desegment);
}

void register_links(epan::Dissector& owner) {
  static const std::string& stream = *new std::string(std::string(owner.filter()) + "-framing");
  packet_handle = register_dissector(owner.filter(), dissect_datagram, owner.proto());
  stream_handle = register_dissector(stream.c_str(), dissect_stream, owner.proto());
}

void hand_off_links(epan::Dissector& owner) {
  tls = find_dissector("tls");
  dtls = find_dissector("dtls");
  stun = find_dissector("stun-udp");
  // Before ours take their place.
  builtin_tcp = dissector_get_uint_handle(find_dissector_table("tcp.port"), kPort);
  builtin_udp = dissector_get_uint_handle(find_dissector_table("udp.port"), kPort);
  tcp_handle = create_dissector_handle(dissect_tcp, owner.proto());
  udp_handle = create_dissector_handle(dissect_udp, owner.proto());
  dissector_add_uint_with_preference("tcp.port", kPort, tcp_handle);
  dissector_add_uint_with_preference("udp.port", kPort, udp_handle);
  // Not ssl_dissector_add: it would give the TCP port to TLS, and with it frames without TLS.
  dissector_add_uint_with_preference("tls.port", kPort, stream_handle);
  dissector_add_uint_with_preference("dtls.port", kPort, packet_handle);
  static const auto& name = *new std::string(owner.filter());
  static const std::string& tcp_name = *new std::string(name + "_tcp");
  static const std::string& udp_name = *new std::string(name + "_udp");
  static const std::string& tls_name = *new std::string(name + "_tls");
  static const std::string& dtls_name = *new std::string(name + "_dtls");
  heur_dissector_add("tcp", find_in_tcp, "RELOAD over TCP", tcp_name.c_str(), owner.proto(), HEURISTIC_ENABLE);
  heur_dissector_add("udp", find_in_udp, "RELOAD over UDP", udp_name.c_str(), owner.proto(), HEURISTIC_ENABLE);
  heur_dissector_add("tls", find_in_tls, "RELOAD over TLS", tls_name.c_str(), owner.proto(), HEURISTIC_ENABLE);
  heur_dissector_add("dtls", find_in_dtls, "RELOAD over DTLS", dtls_name.c_str(), owner.proto(), HEURISTIC_ENABLE);
}

}  // namespace peerscope::reload
