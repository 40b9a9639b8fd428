// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/epan/statistics.h"

#include <map>

namespace peerscope::epan {
namespace {

// Keyed by protocol number, because the SRT callbacks know nothing else.
std::map<int, const Protocol*>& by_proto() {
  static auto& protocols = *new std::map<int, const Protocol*>;  // epan calls back until it ends
  return protocols;
}

void srt_init(register_srt_t* srt, GArray* tables) {
  const Protocol& protocol = *by_proto().at(get_srt_proto_id(srt));
  srt_stat_table* table = init_srt_table(protocol.title, nullptr, tables, static_cast<int>(protocol.messages.size()),
                                         "Request", nullptr, nullptr);
  int row = 0;
  for (const MessageType& type : protocol.messages) init_srt_table_row(table, row++, type.name);
}

tap_packet_status srt_packet(void* data, packet_info* pinfo, epan_dissect_t*, const void* queued, tap_flags_t) {
  const auto* message = static_cast<const TapMessage*>(queued);
  if (message->request == nullptr || message->request->type == nullptr) return TAP_PACKET_DONT_REDRAW;
  const auto row = message->request->type - message->protocol->messages.data();
  const std::int64_t sent = message->request->time_ns;
  const nstime_t time = {static_cast<time_t>(sent / 1'000'000'000), static_cast<int>(sent % 1'000'000'000)};
  srt_stat_table* table = g_array_index(static_cast<srt_data_t*>(data)->srt_array, srt_stat_table*, 0);
  add_srt_table_data(table, static_cast<int>(row), &time, pinfo);
  return TAP_PACKET_REDRAW;
}

void tree_init(stats_tree*) {}  // nodes appear as they are needed

void tick(stats_tree* tree, const char* group, const char* name) {
  const int parent = tick_stat_node(tree, group, 0, TRUE);
  tick_stat_node(tree, name, parent, FALSE);
}

tap_packet_status tree_packet(stats_tree* tree, packet_info*, epan_dissect_t*, const void* queued, tap_flags_t) {
  const auto* message = static_cast<const TapMessage*>(queued);
  tick(tree, "Messages", message->type);
  for (int i = 0; i < message->value_count; ++i) tick(tree, message->values[i].title, message->values[i].text);
  for (const Finding& finding : message->record->findings) tick(tree, "Findings", finding.rule->id);
  return TAP_PACKET_REDRAW;
}

}  // namespace

void register_statistics(const Protocol& protocol, int proto, const char* tap) {
  by_proto()[proto] = &protocol;
  register_srt_table(proto, tap, 1, srt_packet, srt_init, nullptr);
  stats_tree_register_plugin(tap, tap, protocol.title, 0, tree_packet, tree_init, nullptr);
}

TapMessage* make_tap_message(packet_info* pinfo, const Protocol& protocol, std::span<const StatisticField> fields,
                             const Message& message, const Record& record) {
  constexpr int kMaxValues = 64;
  TapMessage* tapped = wmem_new0(pinfo->pool, TapMessage);
  tapped->protocol = &protocol;
  tapped->type = message.type != nullptr ? message.type->name : "unknown";
  tapped->record = &record;
  tapped->request = record.direction == Direction::kResponse && !record.continues() ? record.counterpart : nullptr;
  if (fields.empty()) return tapped;
  auto* values = wmem_alloc_array(pinfo->pool, TapMessage::Value, kMaxValues);
  for (const Event& event : message.events) {
    if (event.unknown) continue;
    for (const StatisticField& field : fields) {
      if (strcmp(event.field->filter, field.filter) != 0 || tapped->value_count == kMaxValues) continue;
      const std::string_view name = event.has_number ? value_name(*event.field, event.number) : std::string_view{};
      const char* text;
      if (!name.empty())
        text = wmem_strdup_printf(pinfo->pool, "%" G_GINT64_FORMAT " %.*s", event.number, static_cast<int>(name.size()),
                                  name.data());
      else if (event.has_number)
        text = wmem_strdup_printf(pinfo->pool, "%" G_GINT64_FORMAT, event.number);
      else
        text = reinterpret_cast<const char*>(
            get_utf_8_string(pinfo->pool, reinterpret_cast<const guint8*>(event.text.data()),
                             static_cast<gint>(std::min<std::size_t>(event.text.size(), 200))));
      values[tapped->value_count++] = {field.title, text};
    }
  }
  tapped->values = values;
  return tapped;
}

}  // namespace peerscope::epan
