// SPDX-License-Identifier: GPL-2.0-or-later
// The archives for JSON messages. A message's walk is written once:
//
//   template <class A> void describe(A& a, PeerNum& m) {
//     a.required(kPeerCount, m.peer_count);   // std::optional<std::int64_t>
//     a.optional(kAbilityNat, m.ability_nat); // std::optional<std::string>
//   }
//
// and applied to a reader, a writer or a TreeReader here, or to the Registrar (registrar.h). Members are
// std::optional<int64_t | double | bool | string | struct> or std::vector<string | struct>; mandatory ones are optional
// too, because a tolerant reader goes on without them and leaves the judgement to the requirement table. A std::vector
// is a list with at least one element; one that may be empty is a std::optional<std::vector>.
//
// An object whose member names are data (PIDs, addresses) is a struct that describes its entries:
//
//   struct CostRow { JsonMap<JsonValue> costs; };
//   template <class A> void describe(A& a, CostRow& m) { a.entries(kDestination, kCosts, m.costs); }
//
// with values of any type that a member may have, lists of them, or JsonValue for what a specification leaves open.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "protocols/base/json_index.h"
#include "protocols/base/json_value.h"
#include "protocols/base/message.h"
#include "protocols/base/protocol.h"
#include "protocols/base/tree.h"
#include "protocols/base/value_fields.h"

namespace peerscope {

// What specifications differ in.
struct JsonRules {
  bool whole_decimals = false;  // 1.0 and 1e0 are whole numbers, as RFC 8259 section 6 has it
};

template <class T>
inline constexpr bool kIsScalar = std::is_same_v<T, std::string> || std::is_arithmetic_v<T>;

// JSON text -> struct, with every value's byte range recorded as an event and every deviation as an issue.
class JsonReader {
 public:
  // Parses message.bytes[0, size). The reader keeps a reference to `message` and `index`.
  JsonReader(Message& message, JsonIndex& index, JsonRules rules = {});
  bool has_root() const { return !index_.nodes().empty(); }
  // Whether the root object has this member, and whether that member is an object with `inner`.
  bool root_has(const Field& field) const;
  bool root_has(const Field& field, const Field& inner) const;
  bool is_member(std::string_view root, std::string_view inner) const;

  // The root object with its single member `field`.
  template <class T>
  void root(const Field& field, T& value) {
    if (!begin_root()) return;
    std::optional<T> read;
    required(field, read);
    end_object();
    if (read) value = std::move(*read);
  }
  // The root object is the message itself.
  template <class T>
  void object_root(const Field& field, T& value) {
    if (!begin_root(field, JsonNode::Kind::kObject)) return;
    describe(*this, value);
    end_object();
  }
  // The root array holds the message's elements.
  template <class T>
  void list_root(const Field& field, const Field& element, std::vector<T>& values) {
    if (!begin_root(field, JsonNode::Kind::kArray)) return;
    read_elements(index_.nodes().front(), element, values);
    end_list();
  }
  // The root may be anything: a patch, say.
  void value_root(const Field& field, const ValueFields& fields, JsonValue& value);

  template <class T>
  void required(const Field& field, std::optional<T>& value) {
    member(field, value, true);
  }
  template <class T>
  void optional(const Field& field, std::optional<T>& value) {
    member(field, value, false);
  }
  template <class T>
  void required(const Field& field, std::vector<T>& values) {
    members(field, values, true);
  }
  template <class T>
  void optional(const Field& field, std::vector<T>& values) {
    members(field, values, false);
  }
  template <class T>
  void required(const Field& field, std::optional<std::vector<T>>& values) {
    member(field, values, true);
  }
  template <class T>
  void optional(const Field& field, std::optional<std::vector<T>>& values) {
    member(field, values, false);
  }
  void required(const ValueFields& fields, std::optional<JsonValue>& value) { member(fields, value, true); }
  void optional(const ValueFields& fields, std::optional<JsonValue>& value) { member(fields, value, false); }
  // Every member of the current object, by its name.
  template <class V>
  void entries(const Field& key, const Field& value, JsonMap<V>& map) {
    each_entry(key, [&](const JsonNode& node) { read_entry(node, value, map.add(std::string(node.key))); });
  }
  void entries(const Field& key, const ValueFields& fields, JsonMap<JsonValue>& map) {
    each_entry(key, [&](const JsonNode& node) { read_value(node, fields, map.add(std::string(node.key)), -1); });
  }
  // A member that belongs elsewhere but is seen here (kMisplaced when present).
  template <class T>
  void misplaced(const Field& field, std::optional<T>& value) {
    if (const JsonNode* node = find(field, false); node != nullptr) {
      note(Shape::kMisplaced, field, *node);
      read(*node, field, value, -1);
    }
  }

 private:
  struct Frame {
    std::uint32_t node;
    std::uint32_t event;
    const Field* field;
  };
  // The entry of an object with free keys whose value is read next.
  struct Entry {
    const Field* key = nullptr;
    const JsonNode* node = nullptr;
  };

  template <class T>
  void member(const Field& field, std::optional<T>& value, bool mandatory) {
    if (const JsonNode* node = find(field, mandatory); node != nullptr) read(*node, field, value, -1);
  }
  void member(const ValueFields& fields, std::optional<JsonValue>& value, bool mandatory) {
    if (const JsonNode* node = find(*fields.other, mandatory); node != nullptr)
      read_value(*node, fields, value.emplace(), -1);
  }
  template <class T>
  void members(const Field& field, std::vector<T>& values, bool mandatory) {
    const JsonNode* node = find(field, mandatory);
    if (node == nullptr) return;
    if (!kIsScalar<T> && node->kind == JsonNode::Kind::kObject) {
      note(Shape::kSingleForList, field, *node);
      std::optional<T> one;
      read(*node, field, one, 0);
      if (one) values.push_back(std::move(*one));
      return;
    }
    if (node->kind != JsonNode::Kind::kArray) return note(Shape::kWrongType, field, *node);
    if (index_of(*node) + 1 == node->end && whole_) note(Shape::kEmptyList, field, *node);
    read_elements(*node, field, values);
  }
  template <class T>
  void read_elements(const JsonNode& node, const Field& field, std::vector<T>& values) {
    const Entry entry = std::exchange(entry_, {});
    std::uint32_t at = index_of(node) + 1;
    const std::uint32_t end = node.end;
    for (int i = 0; at < end; ++i) {
      const JsonNode& element = index_.nodes()[at];
      std::optional<T> one;
      entry_ = entry;
      read(element, field, one, i);
      if (one) values.push_back(std::move(*one));
      at = index_.nodes()[at].end;
    }
    entry_ = {};
  }
  template <class T>
  void read(const JsonNode& node, const Field& field, std::optional<std::vector<T>>& values, int index) {
    if (node.kind != JsonNode::Kind::kArray) return note(Shape::kWrongType, field, node);
    values.emplace();
    if (index_of(node) + 1 == node.end) {
      record(node, field, index).empty = true;
      return;
    }
    read_elements(node, field, *values);
  }
  template <class V>
  void read_entry(const JsonNode& node, const Field& field, V& value) {
    std::optional<V> one;
    read(node, field, one, -1);
    if (one) value = std::move(*one);
  }
  template <class F>
  void each_entry(const Field& key, F&& body) {
    const std::uint32_t object = frames_.back().node;
    const std::uint32_t end = index_.nodes()[object].end;
    std::unordered_set<std::string_view> keys;
    for (std::uint32_t i = object + 1; i < end; i = index_.nodes()[i].end) {
      const JsonNode& node = index_.nodes()[i];
      used_[i] = true;
      if (!keys.insert(node.key).second) {
        note(Shape::kDuplicate, key, node);
        message_.issues.back().seen = node.key;
      }
      entry_ = {&key, &node};
      body(node);
      entry_ = {};
    }
  }
  template <class T>
  void read(const JsonNode& node, const Field& field, std::optional<T>& value, int index) {
    if (node.kind != JsonNode::Kind::kObject) return note(Shape::kWrongType, field, node);
    begin_object(node, field, index);
    value.emplace();
    describe(*this, *value);
    end_object();
  }
  void read(const JsonNode& node, const Field& field, std::optional<std::int64_t>& value, int index);
  void read(const JsonNode& node, const Field& field, std::optional<double>& value, int index);
  void read(const JsonNode& node, const Field& field, std::optional<bool>& value, int index);
  void read(const JsonNode& node, const Field& field, std::optional<std::string>& value, int index);
  void read_value(const JsonNode& node, const ValueFields& fields, JsonValue& value, int index);
  void record_value(const JsonNode& node, const ValueFields& fields, int index);

  bool begin_root();
  bool begin_root(const Field& field, JsonNode::Kind kind);
  void end_list();
  void begin_object(const JsonNode& node, const Field& field, int index);
  void end_object();
  // The current object's member for `field`, marked as used; notes missing, repeated and misspelled ones.
  const JsonNode* find(const Field& field, bool mandatory);
  void note(Shape shape, const Field& field, const JsonNode& node);
  Event& record(const JsonNode& node, const Field& field, int index);
  std::uint32_t index_of(const JsonNode& node) const {
    return static_cast<std::uint32_t>(&node - index_.nodes().data());
  }
  std::string_view raw(const JsonNode& node) const;

  Message& message_;
  JsonIndex& index_;
  JsonRules rules_;
  bool whole_ = false;
  Entry entry_;
  std::vector<Frame> frames_;
  std::vector<bool> used_;  // by node: a description named it
};

// struct -> JSON text in the strict form. Overrides are applied by path ("connect.swarm_action[0].action"; "" is the
// message object itself for kAdd).
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out, const Overrides* overrides = nullptr) : out_(out), overrides_(overrides) {}

  template <class T>
  void root(const Field& field, T& value) {
    out_.push_back('{');
    append_json_quoted(out_, field.name);
    out_.push_back(':');
    begin_object();
    describe(*this, value);
    end_object();
    out_.push_back('}');
  }
  template <class T>
  void object_root(const Field&, T& value) {
    begin_object();
    describe(*this, value);
    end_object();
  }
  template <class T>
  void list_root(const Field&, const Field& element, std::vector<T>& values) {
    write_list(element, values);
  }
  void value_root(const Field&, const ValueFields&, JsonValue& value) { append_json(out_, value); }
  template <class T>
  void required(const Field& field, std::optional<T>& value) {
    optional(field, value);
  }
  template <class T>
  void optional(const Field& field, std::optional<T>& value) {
    if (field.draft) return;
    write_member(field.name, value.has_value(), [&] { write(*value); });
  }
  template <class T>
  void required(const Field& field, std::optional<std::vector<T>>& values) {
    optional(field, values);
  }
  template <class T>
  void optional(const Field& field, std::optional<std::vector<T>>& values) {
    write_member(field.name, values.has_value(), [&] { write_list(field, *values); });
  }
  void required(const ValueFields& fields, std::optional<JsonValue>& value) { optional(fields, value); }
  void optional(const ValueFields& fields, std::optional<JsonValue>& value) {
    write_member(fields.other->name, value.has_value(), [&] { append_json(out_, *value); });
  }
  template <class V>
  void entries(const Field&, const Field& field, JsonMap<V>& map) {
    for (auto& [key, value] : map.entries) write_entry(key, [&, &item = value] { write_any(field, item); });
  }
  void entries(const Field&, const ValueFields&, JsonMap<JsonValue>& map) {
    for (auto& [key, value] : map.entries) write_entry(key, [&, &item = value] { append_json(out_, item); });
  }
  template <class T>
  void required(const Field& field, std::vector<T>& values) {
    optional(field, values);
  }
  template <class T>
  void optional(const Field& field, std::vector<T>& values) {
    write_member(field.name, !values.empty(), [&] { write_list(field, values); });
  }
  template <class T>
  void misplaced(const Field&, std::optional<T>&) {}

  // Paths of overrides that named nothing in this message.
  std::vector<std::string> unused() const;

 private:
  template <class T>
  void write(T& value) {
    begin_object();
    describe(*this, value);
    end_object();
  }
  template <class T>
  void write_list(const Field&, std::vector<T>& values) {
    out_.push_back('[');
    const bool outer = first_;
    first_ = true;
    int i = 0;
    for (auto&& value : values) {
      if constexpr (std::is_same_v<T, bool>)
        write_element(i++, [&] { write(static_cast<bool>(value)); });
      else
        write_element(i++, [&] { write(value); });
    }
    first_ = outer;
    out_.push_back(']');
  }
  template <class T>
  void write_any(const Field& field, std::vector<T>& values) {
    write_list(field, values);
  }
  template <class T>
  void write_any(const Field&, T& value) {
    write(value);
  }
  void write(std::int64_t value) { out_ += std::to_string(value); }
  void write(double value) { append_json_number(out_, value); }
  void write(bool value) { out_ += value ? "true" : "false"; }
  void write(std::string& value) { append_json_quoted(out_, value); }

  template <class F>
  void write_member(std::string_view name, bool present, F&& body) {
    if (overrides_ != nullptr && !overrides_->empty())
      return overridden((path_.empty() ? "" : ".") + std::string(name), &name, present, body);
    if (!present) return;
    key(name);
    body();
  }
  template <class F>
  void write_entry(std::string_view name, F&& body) {
    if (overrides_ != nullptr && !overrides_->empty())
      return overridden("[" + std::string(name) + "]", &name, true, body);
    key(name);
    body();
  }
  template <class F>
  void write_element(int index, F&& body) {
    if (overrides_ != nullptr && !overrides_->empty())
      return overridden("[" + std::to_string(index) + "]", nullptr, true, body);
    separate();
    body();
  }
  // `name` is null for elements of arrays.
  template <class F>
  void overridden(const std::string& step, const std::string_view* name, bool present, F&& body) {
    const std::size_t length = path_.size();
    path_ += step;
    const Override* override = take(present);
    const auto once = [&](bool raw) {
      if (name != nullptr)
        key(*name);
      else
        separate();
      if (raw)
        out_ += override->raw;
      else
        body();
    };
    if (override == nullptr) {
      if (present) once(false);
    } else if (override->kind == Override::Kind::kSet) {
      once(true);
    } else if (override->kind == Override::Kind::kDuplicate && present) {
      once(false);
      once(false);
    }
    path_.resize(length);
  }
  // The override at the current path, marked as used; kAdd belongs to the objects that end_object closes, and there
  // must be something to duplicate.
  const Override* take(bool present);
  const Override* take_addition();
  void separate() {
    if (!first_) out_.push_back(',');
    first_ = false;
  }
  void key(std::string_view name) {
    separate();
    append_json_quoted(out_, name);
    out_.push_back(':');
  }
  void begin_object();
  void end_object();

  std::string& out_;
  const Overrides* overrides_;
  std::string path_;
  std::vector<std::string> used_;
  std::vector<bool> outer_first_;
  bool first_ = true;
};

// Tree (scenario text) -> struct, every scalar typed by its Field. The first fault stops it: `error` names line, column
// and path.
class TreeReader {
 public:
  explicit TreeReader(const Tree& tree) : at_(&tree) {}

  template <class T>
  void root(const Field&, T& value) {
    object(*at_, value, "");
  }
  template <class T>
  void object_root(const Field&, T& value) {
    object(*at_, value, "");
  }
  template <class T>
  void list_root(const Field&, const Field& element, std::vector<T>& values) {
    read_list(*at_, element, values);
  }
  void value_root(const Field&, const ValueFields& fields, JsonValue& value) { value = to_value(*at_, fields); }
  template <class T>
  void required(const Field& field, std::optional<T>& value) {
    optional(field, value);
  }
  template <class T>
  void optional(const Field& field, std::optional<T>& value) {
    if (const Tree* tree = take(field.name); tree != nullptr) read(*tree, field, value);
  }
  template <class T>
  void required(const Field& field, std::optional<std::vector<T>>& values) {
    optional(field, values);
  }
  template <class T>
  void optional(const Field& field, std::optional<std::vector<T>>& values) {
    if (const Tree* tree = take(field.name); tree != nullptr) read_list(*tree, field, values.emplace());
  }
  void required(const ValueFields& fields, std::optional<JsonValue>& value) { optional(fields, value); }
  void optional(const ValueFields& fields, std::optional<JsonValue>& value) {
    if (const Tree* tree = take(fields.other->name); tree != nullptr) value = to_value(*tree, fields);
  }
  template <class V>
  void entries(const Field&, const Field& field, JsonMap<V>& map) {
    each_entry([&](const std::string& key, const Tree& tree) { read_entry(tree, field, map.add(key)); });
  }
  void entries(const Field&, const ValueFields& fields, JsonMap<JsonValue>& map) {
    each_entry([&](const std::string& key, const Tree& tree) { map.add(key) = to_value(tree, fields); });
  }
  template <class T>
  void required(const Field& field, std::vector<T>& values) {
    optional(field, values);
  }
  template <class T>
  void optional(const Field& field, std::vector<T>& values) {
    if (const Tree* tree = take(field.name); tree != nullptr) read_list(*tree, field, values);
  }
  template <class T>
  void misplaced(const Field&, std::optional<T>&) {}

  const std::string& error() const { return error_; }

 private:
  template <class T>
  void object(const Tree& tree, T& value, std::string_view name) {
    if (!error_.empty()) return;
    if (tree.kind == Tree::Kind::kNull) return;
    if (!tree.is_map()) return fail(tree, name, "expected a map of members");
    const Tree* outer = at_;
    const std::size_t known_from = known_.size();
    at_ = &tree;
    describe(*this, value);
    refuse_unknown(known_from, name);
    known_.resize(known_from);
    at_ = outer;
  }
  template <class T>
  void read(const Tree& tree, const Field& field, std::optional<T>& value) {
    object(tree, value.emplace(), field.name);
  }
  template <class T>
  void read_list(const Tree& tree, const Field& field, std::vector<T>& values) {
    if (!error_.empty()) return;
    if (!tree.is_list()) return fail(tree, field, "expected a list");
    for (const Tree& item : tree.items) {
      std::optional<T> one;
      read(item, field, one);
      values.push_back(one ? std::move(*one) : T{});
    }
  }
  template <class T>
  void read_entry(const Tree& tree, const Field& field, std::vector<T>& values) {
    read_list(tree, field, values);
  }
  template <class T>
  void read_entry(const Tree& tree, const Field& field, std::optional<std::vector<T>>& values) {
    read_list(tree, field, values.emplace());
  }
  template <class T>
  void read_entry(const Tree& tree, const Field& field, T& value) {
    std::optional<T> one;
    read(tree, field, one);
    if (one) value = std::move(*one);
  }
  void each_entry(const std::function<void(const std::string&, const Tree&)>& body);
  // Scenario text knows no types: what reads as JSON (a number, true, null, "text in quotes") is that, anything else
  // is a text. Where the description expects texts only, everything without quotes is one.
  static JsonValue to_value(const Tree& tree, const ValueFields& fields);
  void read(const Tree& tree, const Field& field, std::optional<std::int64_t>& value);
  void read(const Tree& tree, const Field& field, std::optional<double>& value);
  void read(const Tree& tree, const Field& field, std::optional<bool>& value);
  void read(const Tree& tree, const Field& field, std::optional<std::string>& value);
  const Tree* take(std::string_view name);
  void refuse_unknown(std::size_t known_from, std::string_view name);
  void fail(const Tree& tree, const Field& field, std::string_view what) {
    fail(tree, std::string_view(field.name[0] != '\0' ? field.name : field.label), what);
  }
  void fail(const Tree& tree, std::string_view name, std::string_view what);

  const Tree* at_;
  std::vector<std::string_view> known_;
  std::string error_;
};

}  // namespace peerscope
