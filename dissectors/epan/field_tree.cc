// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/epan/field_tree.h"

#include <algorithm>
#include <type_traits>

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

// An event whose children may follow. All of a path from the root are open at a time.
struct Level {
  std::uint32_t event = Event::kNoParent;
  proto_tree* tree = nullptr;
  proto_item* item = nullptr;
  guint8 previewed = 0;
  guint32 entries = 0;  // seen so far
  guint32 left_out = 0;
};

// The open levels, the innermost last. Packet memory, because epan may long-jump away.
class Levels {
 public:
  explicit Levels(wmem_allocator_t* pool) : pool_(pool), levels_(wmem_alloc_array(pool, Level, kFirst)) {}
  Level* top() { return depth_ == 0 ? nullptr : &levels_[depth_ - 1]; }
  void pop() { --depth_; }
  void push(const Level& level) {
    if (depth_ == room_) {
      room_ *= 2;
      levels_ = static_cast<Level*>(wmem_realloc(pool_, levels_, room_ * sizeof(Level)));
    }
    levels_[depth_++] = level;
  }

 private:
  static constexpr std::size_t kFirst = 32;
  wmem_allocator_t* pool_;
  Level* levels_;
  std::size_t depth_ = 0;
  std::size_t room_ = kFirst;
};

class TreeMaker {
 public:
  TreeMaker(const Canvas& canvas, Catalogue& catalogue, const Message& message, const TreeOptions& options)
      : canvas_(canvas),
        catalogue_(catalogue),
        message_(message),
        options_(options),
        levels_(canvas.pinfo->pool),
        keys_(wmem_alloc0_array(canvas.pinfo->pool, guint32, catalogue.tables().size() + 1)) {
    shown_.items = wmem_array_new(canvas.pinfo->pool, sizeof(ShownEvents::One));
  }

  ShownEvents make() {
    const std::span<const Event> events = message_.events;
    for (std::uint32_t i = 0; i < events.size();) {
      const Event& event = events[i];
      Level* const parent = open_level(event.parent);
      const bool entry = event.key != nullptr || event.index >= 0;
      if (parent != nullptr && entry && parent->entries++ >= options_.most_entries) {
        ++parent->left_out;
        i = std::max(event.end, i + 1);
        continue;
      }
      if (wmem_array_get_count(shown_.items) == kMaxShown) {
        expert_add_info_format(canvas_.pinfo, canvas_.root, &catalogue_.common().more,
                               "%" G_GSIZE_FORMAT " more values are not shown", events.size() - i);
        break;
      }
      add(i, parent);
      ++i;
    }
    open_level(Event::kNoParent);
    return shown_;
  }

 private:
  // The level of this event, whose children follow; null for the outermost. What is above it is complete.
  Level* open_level(std::uint32_t event) {
    for (Level* level = levels_.top(); level != nullptr && level->event != event; level = levels_.top()) {
      if (level->left_out > 0)
        proto_item_set_generated(
            proto_tree_add_uint(level->tree, catalogue_.common().left_out, canvas_.tvb, 0, 0, level->left_out));
      levels_.pop();
    }
    return levels_.top();
  }

  void add(std::uint32_t i, Level* parent) {
    const Event& event = message_.events[i];
    proto_tree* const around = parent != nullptr ? parent->tree : canvas_.tree;
    const Catalogue::Slot* slot = event.unknown ? nullptr : catalogue_.slot(event.field);
    Level own{i, around, canvas_.root};
    if (catalogue_.is_root(event.field)) {
      // The protocol's own item.
    } else if (slot == nullptr) {
      own.item = add_unknown(canvas_, catalogue_, event, around);
    } else if (slot->type == Type::kGroup) {
      own.item = add_group(canvas_, *slot, event, around);
      own.tree = proto_item_add_subtree(own.item, slot->ett);
    } else {
      own.item = add_leaf(*slot, event, parent, around);
    }
    if (event.key != nullptr) add_key(canvas_, catalogue_, event, around, own.item);
    const ShownEvents::One one{i, own.item};
    wmem_array_append_one(shown_.items, one);
    if (slot != nullptr) add_more(*slot, i, own.item, around);
    if (event.end > i + 1) levels_.push(own);
  }

  proto_item* add_leaf(const Catalogue::Slot& slot, const Event& event, Level* parent, proto_tree* around) {
    proto_item* item =
        add_value(canvas_, catalogue_, slot, event, slot.mask != 0 && bits_tree_ != nullptr ? bits_tree_ : around);
    if (slot.has_bits) bits_tree_ = proto_item_add_subtree(item, slot.ett);
    if (parent == nullptr) return item;
    if (event.key == nullptr && event.index >= 0 && event.field->name[0] == '\0')
      proto_item_prepend_text(item, "[%d] ", event.index);
    // A closed list element still tells what it is about: "Swarm action [0]: sw-a JOIN LEECH".
    if (message_.events[parent->event].index >= 0 && event.has_text && parent->previewed < kPreviewed)
      proto_item_append_text(parent->item, parent->previewed++ == 0 ? ": %s" : " %s", preview(canvas_.pinfo, event));
    return item;
  }

  void add_more(const Catalogue::Slot& slot, std::uint32_t i, proto_item* item, proto_tree* around) {
    const Event& event = message_.events[i];
    if (options_.aliases != Filling::kNever && !slot.aliases.empty())
      add_aliases(canvas_, slot, event, around, options_.aliases);
    if (options_.name != nullptr) {
      const std::string_view name = options_.name(event);
      if (!name.empty()) proto_item_append_text(item, " [%s]", shown(canvas_.pinfo, name));
    }
    if (slot.key_of >= 0 || slot.value_of >= 0) offer(canvas_, catalogue_, message_, i, slot, keys_, around);
  }

  const Canvas& canvas_;
  Catalogue& catalogue_;
  const Message& message_;
  const TreeOptions& options_;
  Levels levels_;
  ShownEvents shown_;
  guint32* keys_;
  proto_tree* bits_tree_ = nullptr;  // of the number whose bit fields follow
};
static_assert(std::is_trivially_destructible_v<TreeMaker>);

}  // namespace

ShownEvents add_events(const Canvas& canvas, Catalogue& catalogue, const Message& message, const TreeOptions& options) {
  if (canvas.tree == nullptr || message.events.empty()) return {};
  TreeMaker maker(canvas, catalogue, message, options);
  return maker.make();
}

void add_finding(const Canvas& canvas, Catalogue& catalogue, std::span<const Event> events,
                 const ShownEvents& shown_events, const Finding& finding, const char* document) {
  proto_item* place = canvas.root;
  const guint count =
      shown_events.items != nullptr && finding.length > 0 ? wmem_array_get_count(shown_events.items) : 0;
  std::uint32_t best = 0xffffffff;
  for (guint i = 0; i < count; ++i) {
    const auto& one = *static_cast<const ShownEvents::One*>(wmem_array_index(shown_events.items, i));
    const Event& event = events[one.event];
    const bool covers =
        event.offset <= finding.offset && event.offset + event.length >= finding.offset + finding.length;
    // Of two with the same bytes the outer one comes first and keeps the finding.
    if (covers && event.length < best) {
      best = event.length;
      place = one.item;
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
