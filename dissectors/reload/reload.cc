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

void study(const Message&, epan::Record& record) {
  if (record.own == nullptr) record.own = std::make_shared<Insight>();
}

void show(const epan::Canvas& canvas, const Message& message, const epan::Record* record) {
  show_builtin(canvas);
  show_fragment(canvas, message, record);  // last: the whole message takes the place of `message`
}

void add_fields(epan::Catalogue& catalogue) {
  add_fragment_fields(catalogue);
}

void add_preferences(module_t* module) {
  add_link_preferences(module);
  add_builtin_preferences(module);
  add_fragment_preferences(module);
}

void register_protocol() {
  dissector().enrol();
  register_links(dissector());
  register_reassembly();
  register_conversation_filter(dissector().filter(), "RELOAD", Callbacks<dissector>::has_conversation,
                               Callbacks<dissector>::conversation_filter);
}

void register_handoff() {
  dissector().finish();
  hand_off_links(dissector());
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
                                                                       .study = study,
                                                                       .show = show,
                                                                       .add_fields = add_fields,
                                                                       .add_preferences = add_preferences});
  return instance;
}

}  // namespace peerscope::reload
