// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/epan/field_tree.h"

#include <algorithm>

namespace peerscope::epan {
namespace {

// A copy that epan may show: valid UTF-8 with a terminator, long values cut (labels are cut at 240 bytes anyway).
const char* shown(packet_info* pinfo, std::string_view text, std::size_t limit = 65535) {
  const auto length = static_cast<gint>(std::min(text.size(), limit));
  return reinterpret_cast<const char*>(
      get_utf_8_string(pinfo->pool, reinterpret_cast<const guint8*>(text.data()), length));
}

// Wireshark refuses a tree of a million items, as a bug of the dissector.
constexpr std::size_t kMaxShown = 200'000;
constexpr guint8 kPreviewed = 3;  // texts of a list element that its own line repeats

bool fits(Type type, std::int64_t number) {
  switch (type) {
    case Type::kBoolean:
      return number == 0 || number == 1;
    case Type::kUint8:
      return number >= 0 && number <= 0xff;
    case Type::kUint16:
      return number >= 0 && number <= 0xffff;
    case Type::kUint24:
      return number >= 0 && number <= 0xffffff;
    case Type::kUint32:
      return number >= 0 && number <= 0xffffffff;
    // Binary unsigned 64-bit values travel in the signed number bit by bit.
    case Type::kUint64:
    case Type::kInt64:
      return true;
    default:
      return false;
  }
}

proto_item* add_group(const Canvas& canvas, const Catalogue::Slot& slot, const Event& event, proto_tree* parent) {
  proto_item* item = proto_tree_add_item(parent, slot.hf, canvas.tvb, static_cast<gint>(event.offset),
                                         static_cast<gint>(event.length), ENC_NA);
  if (event.index >= 0) proto_item_append_text(item, " [%d]", event.index);
  return item;
}

proto_item* add_value(const Canvas& canvas, const Catalogue& catalogue, const Catalogue::Slot& slot, const Event& event,
                      proto_tree* parent) {
  const auto offset = static_cast<gint>(event.offset);
  const auto length = static_cast<gint>(event.length);
  // Wireshark takes the bits out of the whole number.
  if (slot.mask != 0) return proto_tree_add_item(parent, slot.hf, canvas.tvb, offset, length, ENC_BIG_ENDIAN);
  if (event.has_number && fits(slot.type, event.number)) {
    switch (slot.type) {
      case Type::kBoolean:
        return proto_tree_add_boolean(parent, slot.hf, canvas.tvb, offset, length, static_cast<guint32>(event.number));
      case Type::kUint64:
        return proto_tree_add_uint64(parent, slot.hf, canvas.tvb, offset, length, static_cast<guint64>(event.number));
      case Type::kInt64:
        return proto_tree_add_int64(parent, slot.hf, canvas.tvb, offset, length, event.number);
      default:
        return proto_tree_add_uint(parent, slot.hf, canvas.tvb, offset, length, static_cast<guint32>(event.number));
    }
  }
  if (event.has_real && slot.type == Type::kDouble)
    return proto_tree_add_double(parent, slot.hf, canvas.tvb, offset, length, event.real);
  if (event.empty) {
    const char* name = event.field->name[0] != '\0' ? event.field->name : event.field->label;
    return proto_tree_add_string_format(parent, catalogue.common().empty_list, canvas.tvb, offset, length, name,
                                        "%s: none", event.field->label);
  }
  if (slot.type == Type::kString && event.has_text) {
    return proto_tree_add_string(parent, slot.hf, canvas.tvb, offset, length, shown(canvas.pinfo, event.text));
  }
  if (slot.type == Type::kBytes || (slot.type == Type::kIpv4 && length == 4) ||
      (slot.type == Type::kIpv6 && length == 16)) {
    return proto_tree_add_item(parent, slot.hf, canvas.tvb, offset, length,
                               slot.type == Type::kIpv4 ? ENC_BIG_ENDIAN : ENC_NA);
  }
  // The wire has something else than the field's type says: its text is shown, under a field of its own.
  const char* text = event.has_text ? shown(canvas.pinfo, event.text)
                                    : wmem_strdup_printf(canvas.pinfo->pool, "%" G_GINT64_FORMAT, event.number);
  return proto_tree_add_string_format(parent, catalogue.common().invalid_value, canvas.tvb, offset, length, text,
                                      "%s: %s (does not fit its type)", event.field->label, text);
}

// The same value under another dissector's name. Epan reads it from the bytes once more; only times need help.
void add_aliases(const Canvas& canvas, const Catalogue::Slot& slot, const Event& event, proto_tree* parent,
                 Filling filling) {
  const auto offset = static_cast<gint>(event.offset);
  const auto length = static_cast<gint>(event.length);
  constexpr std::int64_t kMsPerSecond = 1'000;
  constexpr int kNsPerMs = 1'000'000;
  for (const int hf : slot.aliases) {
    const header_field_info* other = proto_registrar_get_nth(static_cast<guint>(hf));
    if (filling == Filling::kFiltered && other->ref_type == HF_REF_TYPE_NONE) continue;  // hidden, and nobody looks
    const ftenum type = other->type;
    if (type == FT_UINT16 && slot.type == Type::kBytes && event.length != 2) continue;  // what a cut left
    proto_item* item;
    if (type == FT_ABSOLUTE_TIME) {
      const nstime_t time = {static_cast<time_t>(event.number / kMsPerSecond),
                             static_cast<int>(event.number % kMsPerSecond) * kNsPerMs};
      item = proto_tree_add_time(parent, hf, canvas.tvb, offset, length, &time);
    } else if (slot.mask != 0 && other->bitmask == 0) {
      // Its value stands apart from its bytes there.
      const auto number = static_cast<guint32>(event.number);
      item = type == FT_BOOLEAN ? proto_tree_add_boolean(parent, hf, canvas.tvb, offset, length, number)
                                : proto_tree_add_uint(parent, hf, canvas.tvb, offset, length, number);
    } else {
      const bool plain = type == FT_NONE || type == FT_BYTES;
      item = proto_tree_add_item(parent, hf, canvas.tvb, offset, length, plain ? ENC_NA : ENC_BIG_ENDIAN);
    }
    proto_item_set_hidden(item);
  }
}

// Remembers a table's key, and gives its value to whom the table names. `keys`: the last key of each table.
void offer(const Canvas& canvas, const Catalogue& catalogue, const Message& message, std::uint32_t index,
           const Catalogue::Slot& slot, guint32* keys, proto_tree* parent) {
  const Event& event = message.events[index];
  int table = slot.value_of;
  const Event* value = &event;
  if (slot.key_of >= 0) {
    keys[slot.key_of] = static_cast<guint32>(event.number);
    if (!catalogue.tables()[static_cast<std::size_t>(slot.key_of)].by_group || event.parent == Event::kNoParent) return;
    table = slot.key_of;
    value = &message.events[event.parent];
  }
  if (value->length == 0) return;
  auto* context = wmem_new0(canvas.pinfo->pool, ValueContext);
  context->message = &message;
  context->number = keys[table];
  context->event = static_cast<std::uint32_t>(value - message.events.data());
  tvbuff_t* tvb = tvb_new_subset_length(canvas.tvb, static_cast<gint>(value->offset), static_cast<gint>(value->length));
  dissector_try_uint_new(catalogue.tables()[static_cast<std::size_t>(table)].handle, keys[table], tvb, canvas.pinfo,
                         parent, FALSE, context);
}

// The first bytes of a value, as the line of its list element repeats it.
const char* preview(packet_info* pinfo, const Event& event) {
  constexpr std::size_t kShownText = 60;
  constexpr std::size_t kShownBytes = 20;
  if (event.field->type != Type::kBytes || event.text.empty()) return shown(pinfo, event.text, kShownText);
  return bytes_to_str(pinfo->pool, reinterpret_cast<const guint8*>(event.text.data()),
                      std::min(event.text.size(), kShownBytes));
}

proto_item* add_unknown(const Canvas& canvas, const Catalogue& catalogue, const Event& event, proto_tree* parent) {
  const char* name = shown(canvas.pinfo, event.label);
  return proto_tree_add_string_format(parent, catalogue.common().unknown_member, canvas.tvb,
                                      static_cast<gint>(event.offset), static_cast<gint>(event.length), name,
                                      "Unknown member %s: %s", name, shown(canvas.pinfo, event.text, 200));
}

// The key of an entry of an object with free keys is filterable by its own field, and told in front of the value. It
// has no line of its own: a cost map would get twice as long.
void add_key(const Canvas& canvas, const Catalogue& catalogue, const Event& event, proto_tree* parent,
             proto_item* item) {
  const char* key = shown(canvas.pinfo, event.label);
  proto_item_prepend_text(item, event.index >= 0 ? "%s [%d] " : "%s ", key, event.index);
  const Catalogue::Slot* slot = catalogue.slot(event.key);
  if (slot == nullptr) return;
  proto_item_set_hidden(proto_tree_add_string(parent, slot->hf, canvas.tvb, static_cast<gint>(event.key_offset),
                                              static_cast<gint>(event.key_length), key));
}

}  // namespace

proto_item** add_events(const Canvas& canvas, Catalogue& catalogue, const Message& message,
                        const TreeOptions& options) {
  const std::span<const Event> events = message.events;
  if (canvas.tree == nullptr || events.empty()) return nullptr;
  proto_item** items = wmem_alloc_array(canvas.pinfo->pool, proto_item*, events.size());
  proto_tree** trees = wmem_alloc_array(canvas.pinfo->pool, proto_tree*, events.size());
  auto* keys = wmem_alloc0_array(canvas.pinfo->pool, guint32, catalogue.tables().size() + 1);
  // The number whose bit fields follow.
  proto_tree* bits_tree = nullptr;
  auto* previewed = wmem_alloc0_array(canvas.pinfo->pool, guint8, events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (i == kMaxShown) {
      expert_add_info_format(canvas.pinfo, canvas.root, &catalogue.common().more,
                             "%" G_GSIZE_FORMAT " more values are not shown", events.size() - kMaxShown);
      std::fill(items + i, items + events.size(), canvas.root);
      break;
    }
    const Event& event = events[i];
    // Parents come before their children.
    proto_tree* parent = event.parent < i ? trees[event.parent] : canvas.tree;
    const Catalogue::Slot* slot = event.unknown ? nullptr : catalogue.slot(event.field);
    trees[i] = parent;
    if (catalogue.is_root(event.field)) {
      items[i] = canvas.root;
    } else if (slot == nullptr) {
      items[i] = add_unknown(canvas, catalogue, event, parent);
    } else if (slot->type == Type::kGroup) {
      items[i] = add_group(canvas, *slot, event, parent);
      trees[i] = proto_item_add_subtree(items[i], slot->ett);
    } else {
      items[i] =
          add_value(canvas, catalogue, *slot, event, slot->mask != 0 && bits_tree != nullptr ? bits_tree : parent);
      if (slot->has_bits) bits_tree = proto_item_add_subtree(items[i], slot->ett);
      if (event.key == nullptr && event.index >= 0 && event.parent < i && event.field->name[0] == '\0')
        proto_item_prepend_text(items[i], "[%d] ", event.index);
      // A closed list element still tells what it is about: "Swarm action [0]: sw-a JOIN LEECH".
      if (event.parent < i && events[event.parent].index >= 0 && event.has_text &&
          previewed[event.parent] < kPreviewed) {
        proto_item_append_text(items[event.parent], previewed[event.parent]++ == 0 ? ": %s" : " %s",
                               preview(canvas.pinfo, event));
      }
    }
    if (event.key != nullptr) add_key(canvas, catalogue, event, parent, items[i]);
    if (slot == nullptr) continue;
    if (options.aliases != Filling::kNever && !slot->aliases.empty())
      add_aliases(canvas, *slot, event, parent, options.aliases);
    if (options.name != nullptr) {
      const std::string_view name = options.name(event);
      if (!name.empty()) proto_item_append_text(items[i], " [%s]", shown(canvas.pinfo, name));
    }
    if (slot->key_of >= 0 || slot->value_of >= 0)
      offer(canvas, catalogue, message, static_cast<std::uint32_t>(i), *slot, keys, parent);
  }
  return items;
}

void add_finding(const Canvas& canvas, Catalogue& catalogue, std::span<const Event> events, proto_item** items,
                 const Finding& finding, const char* document) {
  proto_item* place = canvas.root;
  if (items != nullptr && finding.length > 0) {
    std::uint32_t best = 0xffffffff;
    for (std::size_t i = 0; i < events.size(); ++i) {
      const bool covers =
          events[i].offset <= finding.offset && events[i].offset + events[i].length >= finding.offset + finding.length;
      // Of two with the same bytes the outer one comes first and keeps the finding.
      if (covers && events[i].length < best) {
        best = events[i].length;
        place = items[i];
      }
    }
  }
  const Requirement& rule = *finding.rule;
  expert_field* expert = finding.severity == rule.severity ? catalogue.rule(&rule) : nullptr;
  if (expert == nullptr) expert = &catalogue.common().softened[static_cast<int>(finding.severity)];
  const char* detail = shown(canvas.pinfo, finding.detail, 1000);
  const char* text =
      rule.section != nullptr && rule.section[0] != '\0'
          ? wmem_strdup_printf(canvas.pinfo->pool, "%s: %s (%s section %s)", rule.id, detail, document, rule.section)
          : wmem_strdup_printf(canvas.pinfo->pool, "%s: %s", rule.id, detail);
  expert_add_info_format(canvas.pinfo, place, expert, "%s", text);
  if (canvas.tree == nullptr) return;
  const auto offset = static_cast<gint>(finding.offset);
  const auto length = static_cast<gint>(finding.length);
  proto_item* item = proto_tree_add_string_format(canvas.tree, catalogue.common().finding, canvas.tvb, offset, length,
                                                  rule.id, "Finding: %s", text);
  proto_item_set_generated(item);
  proto_tree* tree = proto_item_add_subtree(item, catalogue.common().ett_finding);
  proto_item_set_generated(
      proto_tree_add_string(tree, catalogue.common().finding_text, canvas.tvb, offset, length, text));
}

}  // namespace peerscope::epan
