// SPDX-License-Identifier: GPL-2.0-or-later
// PPSTP (RFC 7846) in Wireshark: media types, the draft-era forms and the hand-off.
//
// Not covered: the binary strawman of the first drafts (no capture is known). Over HTTP/2 the method and the status are
// out of a plugin's reach in Wireshark 4.0, so checks on them are not made there.
#include "protocols/ppstp/protocol.h"

#include <array>
#include <string>

#include "dissectors/epan/dissector.h"
#include "dissectors/epan/http_context.h"
#include "dissectors/epan/registry.h"
#include "dissectors/systems/stories.h"

namespace peerscope::ppstp {
namespace {

using epan::Callbacks;
using epan::Dissector;

constexpr std::array<epan::RuleGroup, 3> kRuleGroups = {
    {{"P-HTTP-04", PI_MALFORMED}, {"P-HTTP-05", PI_MALFORMED}, {"P-HTTP-08", PI_SECURITY}}};
constexpr std::array<epan::StatisticField, 3> kStatistics = {
    {{"ppstp.error_code", "Error codes"}, {"ppstp.swarm_id", "Swarms"}, {"ppstp.action", "Swarm actions"}}};

void study(const Message& message, const Message* request, epan::Record& record) {
  systems::follow_story(protocol(), message, request, record);
}
void show(const epan::Canvas& canvas, const Message&, const epan::Record* record) {
  systems::show_story(canvas, record);
}

Dissector& dissector() {
  // Never destroyed: epan points into it until it ends.
  static Dissector& instance = *new Dissector(protocol(), {.column = "PPSTP",
                                                           .rule_groups = kRuleGroups,
                                                           .clear_text_rule = "P-HTTP-08",
                                                           .statistics = kStatistics,
                                                           .json_heuristic = true,
                                                           .generic_dissector = "json",
                                                           .dialect_dissector = "xml",
                                                           .study = study,
                                                           .show = show,
                                                           .forget = systems::forget_stories});
  return instance;
}

// Whether the body starts with an object whose first member is the protocol's root (RFC 7846 section 3.4). The
// specification defines no other root member, so a body where it is not the first one is no message of ours in
// practice. Reads a few bytes only: application/json is most of the web.
bool starts_with_root(tvbuff_t* tvb) {
  static constexpr std::string_view kRootName = "\"PPSPTrackerProtocol\"";
  static constexpr guint kMaxSpace = 64;
  const guint length = tvb_captured_length(tvb);
  guint at = 0;
  const auto skip_space = [&] {
    while (at < length && at < kMaxSpace) {
      const guint8 c = tvb_get_guint8(tvb, static_cast<gint>(at));
      if (c != ' ' && c != '\t' && c != '\r' && c != '\n') break;
      ++at;
    }
  };
  skip_space();
  if (at >= length || tvb_get_guint8(tvb, static_cast<gint>(at)) != '{') return false;
  ++at;
  skip_space();
  return at + kRootName.size() <= length &&
         tvb_memeql(tvb, static_cast<gint>(at), reinterpret_cast<const guint8*>(kRootName.data()), kRootName.size()) ==
             0;
}

epan::HeuristicResult dissect_json_heuristic(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  if (!dissector().heuristic_enabled() || !starts_with_root(tvb)) return FALSE;
  dissector().dissect(tvb, pinfo, tree, data);
  return TRUE;
}

void register_protocol() {
  dissector().enrol();
  epan::provide_json_heuristics();
  register_dissector(dissector().filter(), Callbacks<dissector>::dissect, dissector().proto());
  register_conversation_filter(dissector().filter(), "PPSTP", Callbacks<dissector>::has_conversation,
                               Callbacks<dissector>::conversation_filter);
}

void register_handoff() {
  dissector().finish();
  dissector_handle_t handle = find_dissector(dissector().filter());
  // HTTP/1.1, HTTP/2 and multipart bodies all look here, after TLS, chunked coding and compression are undone.
  for (const char* type : protocol().media_types) dissector_add_string("media_type", type, handle);
  dissector_add_string("media_type", kDraftXmlMediaType, handle);
  epan::install_json_heuristics();
  if (has_heur_dissector_list("json")) {
    static const std::string& name = *new std::string(std::string(dissector().filter()) + "_json");
    heur_dissector_add("json", dissect_json_heuristic, "PPSTP in application/json", name.c_str(), dissector().proto(),
                       HEURISTIC_ENABLE);
  }
}

const epan::Registration registration("ppstp", register_protocol, register_handoff);

}  // namespace
}  // namespace peerscope::ppstp
