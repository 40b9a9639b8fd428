// SPDX-License-Identifier: GPL-2.0-or-later
// Dissector: a protocol of `protocols` in Wireshark. It registers everything the tables hold, keeps the state of the
// open capture, and shows messages. What a table cannot say (media types, heuristics, hand-off) stays in
// dissectors/<p>.
#pragma once

#include <span>

#include "dissectors/epan/catalogue.h"
#include "dissectors/epan/endpoints.h"
#include "dissectors/epan/field_tree.h"
#include "dissectors/epan/journal.h"
#include "dissectors/epan/statistics.h"
#include "dissectors/epan/ws_compat.h"

namespace peerscope::epan {

// What a protocol adds to its tables.
struct Particulars {
  const char* column = "";  // Protocol column, "PPSTP"
  std::span<const RuleGroup> rule_groups{};
  std::string_view clear_text_rule{};  // the rule that asks for TLS: a preference hides it
  std::span<const StatisticField> statistics{};
  bool json_heuristic = false;              // it has a heuristic for application/json
  const char* generic_dissector = nullptr;  // stock dissector of the encoding ("json"), for the generic tree
  const char* dialect_dissector = nullptr;  // stock dissector for a dialect that is only named ("xml")
  std::span<const Alias> aliases{};         // what a built-in dissector of the same protocol calls its fields
  std::span<const ValueTable> tables{};
  NameOf name = nullptr;
  const char* live_element = nullptr;  // what a body that is shown while it goes on consists of ("event")
  const void* context = nullptr;       // for decoding: Message::context
  Journal::Study study = nullptr;
  // Shows what the tables cannot say, last. Epan may long-jump out of it. Called too, without a tree, for messages that
  // are only exported.
  void (*show)(const Canvas& canvas, const Message& message, const Record* record) = nullptr;
  // Whom a message is for in the protocol's own terms, for listeners of the tap; null: it has none.
  std::string_view (*addressee)(const Message& message) = nullptr;
  void (*add_fields)(Catalogue& catalogue) = nullptr;  // that no table has
  void (*add_preferences)(module_t* module) = nullptr;
  void (*forget)() = nullptr;  // the capture is closed; must not throw
};

// A part of a body that is shown while it goes on (live_streams.h).
struct BodyPart {
  std::uint32_t stream = 0;  // number of the body, from 1
  std::uint32_t part = 0;    // in it, from 0
  const char* media_type = "";
  int http_version = 0;
  std::size_t unfinished = 0;  // bytes behind it, of an element that is not complete
  bool ended = false;          // the body ends here
};

class Dissector {
 public:
  Dissector(const Protocol& protocol, const Particulars& particulars);

  // Names, fields, expert items, preferences, taps, statistics. Call once, from the registration routine.
  void enrol();
  // After all protocols are registered.
  void finish();

  // Shows the body in `tvb`; `data` is what the caller passed. Returns the number of bytes, 0 when there are none.
  int dissect(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data);

  // Shows the part of a body in `text`; null when nothing became complete. `wire`: the bytes that it came with.
  void dissect_part(tvbuff_t* wire, tvbuff_t* text, packet_info* pinfo, proto_tree* tree, const BodyPart& part);

  // The message that was decoded last.
  const Message& message() const { return journal_.message(); }
  Catalogue& catalogue() { return catalogue_; }
  int proto() const { return proto_; }
  const char* filter() const { return filter_; }
  bool heuristic_enabled() const { return heuristic_ != 0; }
  // "ppstp and these two endpoints", for the conversation filter menu. The caller frees it with g_free.
  char* conversation_filter(packet_info* pinfo) const;

 private:
  Sighting look(tvbuff_t* tvb, packet_info* pinfo);
  proto_tree* show_message(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data, const Sighting& sighting);
  const Record* study(packet_info* pinfo, const Sighting& sighting);
  void show_info(packet_info* pinfo, const Record& record) const;
  void show_links(const Canvas& canvas, const Record& record);
  void show_journey(const Canvas& canvas, const Record& record);
  void show_findings(const Canvas& canvas, const Record& record, const ShownEvents& shown);
  void tap(tvbuff_t* tvb, packet_info* pinfo, const Record& record);
  void add_preferences();
  void forget() noexcept;
  static void forget_all();

  const Protocol& protocol_;
  const Particulars particulars_;
  Catalogue catalogue_;
  Journal journal_;
  Endpoints endpoints_;
  int proto_ = -1;
  int tap_ = -1;
  const char* filter_ = "";
  dissector_handle_t generic_ = nullptr;
  dissector_handle_t dialect_ = nullptr;

  PreferenceBool show_findings_ = TRUE;
  PreferenceBool show_clear_text_ = TRUE;
  PreferenceBool show_generic_ = FALSE;
  gint fill_aliases_ = static_cast<gint>(Filling::kFiltered);
  PreferenceBool heuristic_ = TRUE;
  gint least_severity_ = 0;  // a Severity
  guint most_entries_ = 1000;
};

// Callbacks of epan carry no argument that tells whose they are, so each protocol instantiates them:
// `Callbacks<dissector>::dissect` with `Dissector& dissector()`.
template <Dissector& (*dissector)()>
struct Callbacks {
  static int dissect(tvbuff_t* tvb, packet_info* pinfo, proto_tree* tree, void* data) {
    return dissector().dissect(tvb, pinfo, tree, data);
  }
  static gboolean has_conversation(packet_info* pinfo) {
    return proto_is_frame_protocol(pinfo->layers, dissector().filter());
  }
  static gchar* conversation_filter(packet_info* pinfo) { return dissector().conversation_filter(pinfo); }
};

}  // namespace peerscope::epan
