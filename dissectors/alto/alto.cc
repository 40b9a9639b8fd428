// SPDX-License-Identifier: GPL-2.0-or-later
// ALTO (RFC 7285 and its extensions) in Wireshark: media types and the hand-off.
//
// An update stream is shown event by event while it goes on (live_streams.h), or, where its request is not in the
// capture, when HTTP hands its body on at its end. A multipart answer is one message here, since its parts are about
// each other. Not covered: patches outside of streams; requests without a body, which HTTP does not hand on, so that a
// GET is not linked to its answer. Over HTTP/2 the method and the status are out of a plugin's reach in Wireshark 4.0,
// so checks on them are not made there.
#include "protocols/alto/protocol.h"

#include <array>

#include "dissectors/epan/dissector.h"
#include "dissectors/epan/http_context.h"
#include "dissectors/epan/live_streams.h"
#include "dissectors/epan/registry.h"

namespace peerscope::alto {
namespace {

using epan::Callbacks;
using epan::Dissector;
using epan::LiveStreams;

constexpr std::array<epan::RuleGroup, 1> kRuleGroups = {{{"A-JSN-01", PI_MALFORMED}}};
constexpr std::array<epan::StatisticField, 3> kStatistics = {
    {{"alto.error.code", "Error codes"}, {"alto.cost_type.metric", "Cost metrics"}, {"alto.vtag.tag", "Map versions"}}};

void forget();

Dissector& dissector() {
  // Never destroyed: epan points into it until it ends.
  static Dissector& instance = *new Dissector(protocol(), {.column = "ALTO",
                                                           .rule_groups = kRuleGroups,
                                                           .statistics = kStatistics,
                                                           .generic_dissector = "json",
                                                           .live_element = "event",
                                                           .forget = forget});
  return instance;
}

LiveStreams& streams() {
  static LiveStreams& instance = *new LiveStreams(dissector(), message_type<UpdateStreamParams>().media_type,
                                                  message_type<EventStream>().media_type, is_update_stream);
  return instance;
}

void forget() {
  streams().forget();
}

// text/event-stream belongs to many: only bodies that begin with an event of ALTO are taken.
constexpr guint kLooked = 512;

std::string_view start_of(tvbuff_t* tvb) {
  const guint length = MIN(tvb_captured_length(tvb), kLooked);
  if (length == 0) return {};
  return {reinterpret_cast<const char*>(tvb_get_ptr(tvb, 0, static_cast<gint>(length))), length};
}

bool enabled() {
  return proto_is_protocol_enabled(find_protocol_by_id(dissector().proto()));
}

// What shows a body that nobody knows.
dissector_handle_t stock_media = nullptr;

int dissect_event_stream(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  if (enabled() && (epan::is_exported_part(data) || is_update_stream(start_of(tvb))))
    return dissector().dissect(tvb, pinfo, tree, data);
  return stock_media != nullptr ? call_dissector_with_data(stock_media, tvb, pinfo, tree, data) : 0;
}

// multipart/related is Wireshark's own, and stays so for what is none of ALTO's.
dissector_handle_t stock_multipart = nullptr;

int dissect_multipart(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  if (enabled() && is_path_vector(start_of(tvb))) return dissector().dissect(tvb, pinfo, tree, data);
  return stock_multipart != nullptr ? call_dissector_with_data(stock_multipart, tvb, pinfo, tree, data) : 0;
}

void register_protocol() {
  dissector().enrol();
  register_dissector(dissector().filter(), Callbacks<dissector>::dissect, dissector().proto());
  register_conversation_filter(dissector().filter(), "ALTO", Callbacks<dissector>::has_conversation,
                               Callbacks<dissector>::conversation_filter);
}

void register_handoff() {
  dissector().finish();
  dissector_handle_t handle = find_dissector(dissector().filter());
  // HTTP/1.1, HTTP/2 and multipart bodies all look here, after TLS, chunked coding and compression are undone.
  for (const char* type : protocol().media_types) dissector_add_string("media_type", type, handle);
  streams().enrol(epan::LiveCallbacks<streams>::kEntries);
  stock_media = find_dissector("media");
  constexpr const char* kMultipart = message_type<Multipart>().media_type;
  stock_multipart = dissector_get_string_handle(find_dissector_table("media_type"), kMultipart);
  // No protocols of their own: with ALTO switched off the others' bodies still find their way.
  dissector_add_string("media_type", message_type<EventStream>().media_type,
                       create_dissector_handle_with_name_and_description(dissect_event_stream, -1,
                                                                         "peerscope_event_stream", "Events with ALTO"));
  dissector_add_string("media_type", kMultipart,
                       create_dissector_handle_with_name_and_description(dissect_multipart, -1, "peerscope_multipart",
                                                                         "Multipart with ALTO"));
}

const epan::Registration registration("alto", register_protocol, register_handoff);

}  // namespace
}  // namespace peerscope::alto
