// SPDX-License-Identifier: GPL-2.0-or-later
// RELOAD (RFC 6940 and its extensions) in Wireshark. It takes RELOAD over from the built-in dissector under names of
// its own, because a plugin that reuses the built-in names keeps Wireshark from starting.
//
// Not covered: MessageContents in HIP (RFC 7086); SIP contact preferences stay text.
#include "dissectors/reload/reload.h"

#include <array>

#include "dissectors/epan/registry.h"
#include "dissectors/reload/builtin.h"
#include "dissectors/reload/fragments.h"
#include "dissectors/reload/insight.h"
#include "dissectors/reload/link.h"
#include "dissectors/reload/nodes.h"
#include "dissectors/systems/stories.h"
#include "protocols/reload/protocol.h"

namespace peerscope::reload {
namespace {

using epan::Callbacks;

constexpr std::array<epan::RuleGroup, 4> kRuleGroups = {
    {{"R-FWD-01", PI_MALFORMED}, {"R-FWD-09", PI_MALFORMED}, {"R-MSG-11", PI_MALFORMED}, {"R-SEC-15", PI_SECURITY}}};
constexpr std::array<epan::StatisticField, 7> kStatistics = {{{"relo.store_req.kind", "Kinds stored"},
                                                              {"relo.fetch.kind", "Kinds fetched"},
                                                              {"relo.error.code", "Errors"},
                                                              {"relo.forwarding.overlay", "Overlays"},
                                                              {"relo.forwarding.ttl", "TTL"},
                                                              {"relo.app_attach.application", "Applications"},
                                                              {"relo.update_req.type", "Updates"}}};

// Others may add to what the description shows.
constexpr std::array<epan::ValueTable, 5> kTables = {
    {{"kind", "RELOAD Kind", FT_UINT32, {"relo.store_req.kind", "relo.fetch_ans.kind"}, "relo.stored_data.value"},
     {"application", "RELOAD application", FT_UINT16, {"relo.app_attach.application", nullptr}, nullptr},
     {"extension", "RELOAD message extension", FT_UINT16, {"relo.extension.type", nullptr}, "relo.extension.contents"},
     {"fwd_option", "RELOAD forwarding option", FT_UINT8, {"relo.option.type", nullptr}, "relo.option.value"},
     {"diag_kind",
      "RELOAD diagnostic kind",
      FT_UINT16,
      {"relo.diagnostic.kind", nullptr},
      "relo.diagnostic.contents"}}};

void study_all(const Message& message, const Message* request, epan::Record& record) {
  study(message, request, record);
  systems::follow_story(protocol(), message, request, record);
}

std::string_view name_of(const Event& event) {
  const std::string_view name = name_behind(event);
  const bool place =
      name.empty() && event.has_text && event.field->type == Type::kBytes && event.text.size() == kDefaultNodeIdLength;
  return place ? systems::resource_name(event.text) : name;
}

void show(const epan::Canvas& canvas, const Message& message, const epan::Record* record) {
  systems::show_story(canvas, record);
  show_insight(canvas, message, record);
  show_builtin(canvas);
  show_fragment(canvas, message, record);  // last: the whole message takes the place of `message`
}

void add_fields(epan::Catalogue& catalogue) {
  add_fragment_fields(catalogue);
  add_insight_fields(catalogue);
}

void add_preferences(module_t* module) {
  add_link_preferences(module);
  add_insight_preferences(module);
  add_builtin_preferences(module);
  add_fragment_preferences(module);
}

void register_protocol() {
  dissector().enrol();
  register_links(dissector());
  register_reassembly();
  register_insight();
  register_nodes();
  register_conversation_filter(dissector().filter(), "RELOAD", Callbacks<dissector>::has_conversation,
                               Callbacks<dissector>::conversation_filter);
}

void register_handoff() {
  dissector().finish();
  hand_off_links(dissector());
  hand_off_insight();
  hand_off_builtin();
}

const epan::Registration registration("relo", register_protocol, register_handoff);

}  // namespace

epan::Dissector& dissector() {
  // Never destroyed: epan points into it until it ends.
  static epan::Dissector& instance = *new epan::Dissector(protocol(), {.column = "RELO",
                                                                       .rule_groups = kRuleGroups,
                                                                       .clear_text_rule = "R-SEC-15",
                                                                       .statistics = kStatistics,
                                                                       .aliases = builtin_fields(),
                                                                       .tables = kTables,
                                                                       .name = name_of,
                                                                       .context = &knowledge().context(),
                                                                       .study = study_all,
                                                                       .show = show,
                                                                       .addressee = addressee_of,
                                                                       .add_fields = add_fields,
                                                                       .add_preferences = add_preferences,
                                                                       .forget = [] {
                                                                         knowledge().clear();
                                                                         systems::forget_stories();
                                                                       }});
  return instance;
}

}  // namespace peerscope::reload
