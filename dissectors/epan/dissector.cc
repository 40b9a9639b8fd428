// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/epan/dissector.h"

#include <algorithm>

#include "dissectors/epan/export_pdu.h"
#include "dissectors/epan/http_context.h"
#include "dissectors/epan/layers.h"

namespace peerscope::epan {
namespace {

// Per-packet data under a protocol: slot 0 counts the messages of the frame, 1 and up are their records.
constexpr guint32 kCounter = 0;

// Never destroyed: epan calls back as long as it lives, which may be longer than our static objects.
std::vector<Dissector*>& all() {
  static auto& dissectors = *new std::vector<Dissector*>;
  return dissectors;
}

const char* copy(packet_info* pinfo, std::string_view text) {
  return wmem_strndup(pinfo->pool, text.data(), text.size());
}

// A system of several protocols has rules of its own.
const char* document_of(const Requirement& rule, const Protocol& own) {
  const std::span<const Requirement> rows = own.requirements;
  if (!rows.empty() && &rule >= rows.data() && &rule < rows.data() + rows.size()) return own.document;
  const Protocol* owner = nullptr;
  return find_requirement(rule.id, &owner) != nullptr ? owner->document : own.document;
}

nstime_t time_between(const Record& earlier, const Record& later) {
  const std::int64_t delay = later.time_ns - earlier.time_ns;
  return {static_cast<time_t>(delay / 1'000'000'000), static_cast<int>(delay % 1'000'000'000)};
}

}  // namespace

Dissector::Dissector(const Protocol& protocol, const Particulars& particulars)
    : protocol_(protocol), particulars_(particulars), journal_(protocol, particulars.context, particulars.study) {}

void Dissector::enrol() {
  // A later Wireshark may own one of these names; registering it again would keep Wireshark from starting.
  const bool taken = proto_name_already_registered(protocol_.title) ||
                     proto_get_id_by_filter_name(protocol_.name) >= 0 ||
                     proto_get_id_by_short_name(particulars_.column) >= 0 || find_dissector(protocol_.name) != nullptr;
  static auto& names = *new std::deque<std::string>;
  const auto keep = [](std::string name) { return names.emplace_back(std::move(name)).c_str(); };
  filter_ = taken ? keep(std::string("peerscope_") + protocol_.name) : protocol_.name;
  const char* title = taken ? keep(std::string(protocol_.title) + " (Peerscope)") : protocol_.title;
  const char* column = taken ? keep(std::string(particulars_.column) + " (Peerscope)") : particulars_.column;

  proto_ = proto_register_protocol(title, column, filter_);
  catalogue_.enrol(protocol_, proto_, filter_, particulars_.rule_groups, particulars_.add_fields,
                   particulars_.live_element != nullptr);
  catalogue_.add_tables(particulars_.tables, proto_);
  add_preferences();
  tap_ = register_tap(filter_);
  register_export_tap();
  register_statistics(protocol_, proto_, filter_);
  if (all().empty()) register_cleanup_routine(forget_all);
  all().push_back(this);
}

void Dissector::finish() {
  init_layers();
  init_http_context();
  if (particulars_.generic_dissector != nullptr) generic_ = find_dissector(particulars_.generic_dissector);
  if (particulars_.dialect_dissector != nullptr) dialect_ = find_dissector(particulars_.dialect_dissector);
  catalogue_.alias(particulars_.aliases);
}

void Dissector::add_preferences() {
  static const enum_val_t kSeverities[] = {{"chat", "Chat", 0},
                                           {"note", "Note", 1},
                                           {"warning", "Warning", 2},
                                           {"error", "Error", 3},
                                           {nullptr, nullptr, 0}};
  static const enum_val_t kFillings[] = {
      {"never", "Never", static_cast<gint>(Filling::kNever)},
      {"filtered", "When a filter asks for them", static_cast<gint>(Filling::kFiltered)},
      {"always", "Always", static_cast<gint>(Filling::kAlways)},
      {nullptr, nullptr, 0}};
  module_t* module = prefs_register_protocol(proto_, nullptr);
  prefs_register_bool_preference(module, "findings", "Check messages against the specification",
                                 "Shows each broken requirement as an expert item", &show_findings_);
  prefs_register_enum_preference(module, "least_severity", "Least severity of shown findings",
                                 "Findings below this severity are not shown", &least_severity_, kSeverities, FALSE);
  prefs_register_uint_preference(module, "most_entries", "Entries of one list or map in the tree (0: all)",
                                 "Further entries are counted, not shown, and display filters do not see them; "
                                 "findings are about all entries",
                                 10, &most_entries_);
  prefs_register_bool_preference(module, "clear_text_note", "Note messages in clear text",
                                 "Shows a finding for each message that was not protected by TLS", &show_clear_text_);
  if (particulars_.json_heuristic)
    prefs_register_bool_preference(module, "json_heuristic", "Recognise messages in application/json bodies",
                                   "Takes application/json bodies whose root member is the protocol's. The heuristic "
                                   "can also be switched off in Enabled Protocols",
                                   &heuristic_);
  if (particulars_.generic_dissector != nullptr)
    prefs_register_bool_preference(
        module, "generic_tree", "Also show the generic tree of the encoding",
        "Hands the body to the built-in dissector of its encoding too. Costs more than this protocol's own tree",
        &show_generic_);
  if (!particulars_.aliases.empty())
    prefs_register_enum_preference(module, "fill_builtin_fields", "Also fill the built-in dissector's filter fields",
                                   "Filters that were written for the built-in dissector go on to match. Filling them "
                                   "always, asked for or not, costs time and shows them in PDML",
                                   &fill_aliases_, kFillings, FALSE);
  if (particulars_.add_preferences != nullptr) particulars_.add_preferences(module);
}

int Dissector::dissect(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
  const guint captured = tvb_captured_length(tvb);
  if (captured == 0) {
    if (tvb_reported_length(tvb) > 0) tvb_ensure_bytes_exist(tvb, 0, 1);
    return 0;
  }
  Sighting sighting = look(tvb, pinfo);
  read_http_context(pinfo, proto_, data, sighting);
  show_message(tvb, pinfo, tree, data, sighting);
  return static_cast<int>(captured);
}

// Returns the protocol's subtree; null where there is none.
proto_tree* Dissector::show_message(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data,
                                    const Sighting& sighting) {
  const guint captured = tvb_captured_length(tvb);
  // A later pass knows less of the layers below than the record of the first one, so it takes the long way.
  if (only_export_wanted() && !PINFO_FD_VISITED(pinfo)) {
    const Record* glanced = journal_.glance(sighting);
    if (glanced != nullptr && glanced->complete) export_message(tvb, pinfo, *glanced, filter_);
    if (particulars_.show != nullptr) particulars_.show({tvb, pinfo, nullptr, nullptr}, journal_.message(), nullptr);
    return nullptr;
  }
  const Record* record = study(pinfo, sighting);
  // From here on epan may long-jump: the message and the record belong to the journal, locals are plain.

  col_set_str(pinfo->cinfo, COL_PROTOCOL, particulars_.column);
  proto_item* root = proto_tree_add_item(tree, proto_, tvb, 0, static_cast<gint>(captured), ENC_NA);
  const Canvas canvas{tvb, pinfo, proto_item_add_subtree(root, catalogue_.common().ett_protocol), root};
  if (record == nullptr) {
    expert_add_info(pinfo, root, &catalogue_.common().failure);
    return canvas.tree;
  }
  show_info(pinfo, *record);
  if (tree != nullptr) proto_item_append_text(root, ", %s", record->summary);

  const Message& message = journal_.message();
  const ShownEvents shown = add_events(
      canvas, catalogue_, message,
      {static_cast<Filling>(fill_aliases_), particulars_.name, most_entries_ > 0 ? most_entries_ : G_MAXUINT});
  show_links(canvas, *record);
  show_findings(canvas, *record, shown);
  tap(tvb, pinfo, *record);
  // A dialect that is only named has no tree of ours.
  if (message.events.empty() && message.dialect != nullptr && dialect_ != nullptr)
    call_dissector(dialect_, tvb, pinfo, tree);
  else if (show_generic_ && generic_ != nullptr)
    call_dissector_with_data(generic_, tvb, pinfo, tree, data);
  if (particulars_.show != nullptr) particulars_.show(canvas, message, record);
  // Last: epan tells "cut by the capture" from "broken", and says so where the bytes run out.
  if (!sighting.complete) tvb_ensure_bytes_exist(tvb, 0, static_cast<gint>(tvb_reported_length(tvb)));
  return canvas.tree;
}

void Dissector::dissect_part(tvbuff_t* wire, tvbuff_t* text, packet_info* pinfo, proto_tree* tree,
                             const BodyPart& part) {
  proto_tree* own = nullptr;
  if (text != nullptr) {
    Sighting sighting = look(text, pinfo);
    sighting.has_http = true;
    sighting.direction = Direction::kResponse;
    sighting.http_version = part.http_version;
    sighting.ordered = part.http_version == 11;
    if (sighting.ordered) sighting.status = 200;  // no other answer begins such a body
    sighting.content_type = part.media_type;
    sighting.stream = part.stream;
    sighting.part = part.part;
    own = show_message(text, pinfo, tree, nullptr, sighting);
  }
  if (part.unfinished == 0) return;
  if (text == nullptr) {
    col_set_str(pinfo->cinfo, COL_PROTOCOL, particulars_.column);
    proto_item* root = proto_tree_add_item(tree, proto_, wire, 0, static_cast<gint>(tvb_captured_length(wire)), ENC_NA);
    own = proto_item_add_subtree(root, catalogue_.common().ett_protocol);
    col_append_sep_str(pinfo->cinfo, COL_INFO, "; ",
                       wmem_strdup_printf(pinfo->pool, "part of an %s", particulars_.live_element));
    col_set_fence(pinfo->cinfo, COL_INFO);
  }
  const auto size = static_cast<guint32>(part.unfinished);
  proto_item* item = proto_tree_add_uint(own, catalogue_.common().unfinished, wire, 0, 0, size);
  if (part.ended) proto_item_append_text(item, "; the body ends before it does");
  proto_item_set_generated(item);
}

// Several messages may share a frame: each one's text is fenced off, or the next HTTP message would wipe it.
void Dissector::show_info(packet_info* pinfo, const Record& record) const {
  const bool further = GPOINTER_TO_UINT(p_get_proto_data(pinfo->pool, pinfo, proto_, kCounter)) > 1;
  col_clear(pinfo->cinfo, COL_INFO);
  if (further) col_append_str(pinfo->cinfo, COL_INFO, "; ");
  col_append_str(pinfo->cinfo, COL_INFO, record.summary);
  col_set_fence(pinfo->cinfo, COL_INFO);
}

// Everything that epan knows and the journal needs, before any C++ object comes to life.
Sighting Dissector::look(tvbuff_t* tvb, packet_info* pinfo) {
  const guint captured = tvb_captured_length(tvb);
  Sighting sighting;
  sighting.bytes = {reinterpret_cast<const char*>(tvb_get_ptr(tvb, 0, static_cast<gint>(captured))), captured};
  sighting.complete = captured == tvb_reported_length(tvb);
  sighting.frame = pinfo->num;
  sighting.conversation = find_or_create_conversation(pinfo)->conv_index;
  sighting.time_ns = static_cast<std::int64_t>(pinfo->abs_ts.secs) * 1'000'000'000 + pinfo->abs_ts.nsecs;
  const EndpointText source = endpoints_.of(pinfo, &pinfo->src, pinfo->srcport);
  sighting.source = source.whole;
  sighting.source_host = source.host;
  sighting.destination = endpoints_.of(pinfo, &pinfo->dst, pinfo->destport).whole;
  sighting.security = security_of(pinfo);
  return sighting;
}

// The record of this message, made on the first pass, and journal_.message() decoded. Null when memory ran out.
const Record* Dissector::study(packet_info* pinfo, const Sighting& sighting) {
  // Several messages may share a frame; their order in it is the same in each pass.
  const guint32 nth = GPOINTER_TO_UINT(p_get_proto_data(pinfo->pool, pinfo, proto_, kCounter)) + 1;
  p_set_proto_data(pinfo->pool, pinfo, proto_, kCounter, GUINT_TO_POINTER(nth));
  const auto* record = static_cast<const Record*>(p_get_proto_data(wmem_file_scope(), pinfo, proto_, nth));
  if (record != nullptr && record->is_of(sighting.bytes)) return journal_.again(sighting, *record) ? record : nullptr;
  // State is made on the first pass only: later ones come in any order.
  if (PINFO_FD_VISITED(pinfo) || record != nullptr) return journal_.pass_by(sighting);
  const Record* fresh = journal_.enter(sighting);
  if (fresh != nullptr) p_add_proto_data(wmem_file_scope(), pinfo, proto_, nth, const_cast<Record*>(fresh));
  return fresh;
}

void Dissector::show_links(const Canvas& canvas, const Record& record) {
  Catalogue::Common& c = catalogue_.common();
  const Message& message = journal_.message();
  packet_info* pinfo = canvas.pinfo;
  if (message.type != nullptr)
    proto_item_set_generated(proto_tree_add_string(canvas.tree, c.message, canvas.tvb, 0, 0, message.type->name));
  if (message.dialect != nullptr) {
    proto_item* item = proto_tree_add_string(canvas.tree, c.dialect, canvas.tvb, 0, 0, message.dialect);
    proto_item_set_generated(item);
    expert_add_info_format(pinfo, item, &c.old_dialect, "Dialect from before %s: shown, not judged",
                           protocol_.document);
  }
  if (record.retransmission_of != 0) {
    proto_item* item =
        proto_tree_add_uint(canvas.tree, c.retransmission_of, canvas.tvb, 0, 0, record.retransmission_of);
    proto_item_set_generated(item);
    expert_add_info_format(pinfo, item, &c.retransmission, "Repeats the %s in frame %u",
                           record.direction == Direction::kResponse ? "response" : "request", record.retransmission_of);
  }
  if (record.journey != nullptr) show_journey(canvas, record);
  if (record.counterpart == nullptr) return;
  const bool is_response = record.direction == Direction::kResponse;
  proto_item_set_generated(proto_tree_add_uint(canvas.tree, is_response ? c.request_in : c.response_in, canvas.tvb, 0,
                                               0, record.counterpart->frame));
  if (!is_response || record.continues()) return;
  const nstime_t time = time_between(*record.counterpart, record);
  proto_item_set_generated(proto_tree_add_time(canvas.tree, c.response_time, canvas.tvb, 0, 0, &time));
}

// All sendings of the exchange, as far as they are known: on the first pass those before this one.
void Dissector::show_journey(const Canvas& canvas, const Record& record) {
  if (canvas.tree == nullptr) return;
  const Catalogue::Common& c = catalogue_.common();
  const Journey& journey = *record.journey;
  proto_item* item = proto_tree_add_item(canvas.tree, c.transaction, canvas.tvb, 0, 0, ENC_NA);
  proto_item_set_generated(item);
  proto_tree* tree = proto_item_add_subtree(item, c.ett_transaction);
  guint32 hop = 0;
  for (const Record* at = journey.begin; at != nullptr; at = at->next_hop) {
    if (at->direction == record.direction) ++hop;
    if (at == &record) break;
  }
  const auto count = static_cast<guint32>(journey.hops + journey.more);
  proto_item_append_text(item, ": %s, hop %u, %u messages",
                         record.direction == Direction::kResponse ? "response" : "request", hop, count);
  const auto generated = [](proto_item* added) { proto_item_set_generated(added); };
  generated(proto_tree_add_uint(tree, c.hop, canvas.tvb, 0, 0, hop));
  generated(proto_tree_add_uint(tree, c.hop_count, canvas.tvb, 0, 0, count));
  const Record* first = journey.first(Direction::kRequest);
  const Record* last = journey.last(Direction::kResponse);
  if (first != nullptr) {
    generated(proto_tree_add_uint(tree, c.first_request, canvas.tvb, 0, 0, first->frame));
    const nstime_t time = time_between(*first, record);
    generated(proto_tree_add_time(tree, c.transaction_time, canvas.tvb, 0, 0, &time));
  }
  if (last != nullptr) generated(proto_tree_add_uint(tree, c.last_response, canvas.tvb, 0, 0, last->frame));
  for (const Record* at = journey.begin; at != nullptr; at = at->next_hop) {
    proto_item* line = proto_tree_add_uint(tree, c.hop_frame, canvas.tvb, 0, 0, at->frame);
    const nstime_t since = first != nullptr ? time_between(*first, *at) : nstime_t{};
    proto_item_append_text(line, " +%.6f s, %s -> %s: %s", nstime_to_sec(&since), copy(canvas.pinfo, at->source),
                           copy(canvas.pinfo, at->destination), at->summary);
    generated(line);
  }
}

void Dissector::show_findings(const Canvas& canvas, const Record& record, const ShownEvents& shown) {
  if (!show_findings_) return;
  const Message& message = journal_.message();
  for (const Finding& finding : record.findings) {
    if (static_cast<gint>(finding.severity) < least_severity_) continue;
    if (!show_clear_text_ && particulars_.clear_text_rule == finding.rule->id) continue;
    add_finding(canvas, catalogue_, message.events, shown, finding, document_of(*finding.rule, protocol_));
  }
  if (record.more_findings > 0) {
    expert_add_info_format(canvas.pinfo, canvas.root, &catalogue_.common().more,
                           "%" G_GSIZE_FORMAT " more findings are not shown", record.more_findings);
  }
}

void Dissector::tap(tvbuff_t* tvb, packet_info* pinfo, const Record& record) {
  if (have_tap_listener(tap_)) {
    const Message& message = journal_.message();
    TapMessage* tapped = make_tap_message(pinfo, protocol_, particulars_.statistics, message, record);
    if (particulars_.addressee != nullptr) {
      const std::string_view addressee = particulars_.addressee(message);
      tapped->addressee = {static_cast<const char*>(wmem_memdup(pinfo->pool, addressee.data(), addressee.size())),
                           addressee.size()};
    }
    tap_queue_packet(tap_, pinfo, tapped);
  }
  if (record.complete && export_wanted()) export_message(tvb, pinfo, record, filter_);
}

char* Dissector::conversation_filter(packet_info* pinfo) const {
  char* from = address_to_str(pinfo->pool, &pinfo->net_src);
  char* to = address_to_str(pinfo->pool, &pinfo->net_dst);
  const char* family = pinfo->net_src.type == AT_IPv6 ? "ipv6" : "ip";
  const char* transport = pinfo->ptype == PT_UDP ? "udp" : "tcp";
  return g_strdup_printf("%s and %s.addr == %s and %s.addr == %s and %s.port == %u and %s.port == %u", filter_, family,
                         from, family, to, transport, pinfo->srcport, transport, pinfo->destport);
}

void Dissector::forget() noexcept {
  journal_.clear();
  endpoints_.clear();
  if (particulars_.forget != nullptr) particulars_.forget();
}

void Dissector::forget_all() {
  for (Dissector* dissector : all()) dissector->forget();
}

}  // namespace peerscope::epan
