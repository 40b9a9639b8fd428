// SPDX-License-Identifier: GPL-2.0-or-later
// The archives for JSON messages. A message's walk is written once:
//
//   template <class A> void describe(A& a, PeerNum& m) {
//     a.required(kPeerCount, m.peer_count);   // std::optional<std::int64_t>
//     a.optional(kAbilityNat, m.ability_nat); // std::optional<std::string>
//   }
//
// and applied to a reader, a writer or a TreeReader here, or to the Registrar (registrar.h). Members are
// std::optional<int64_t | bool | string | struct> or std::vector<struct>; mandatory ones are optional too, because a
// tolerant reader goes on without them and leaves the judgement to the requirement table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/json_index.h"
#include "protocols/base/message.h"
#include "protocols/base/protocol.h"
#include "protocols/base/tree.h"

namespace peerscope {

// JSON text -> struct, with every value's byte range recorded as an event and every deviation as an issue.
class JsonReader {
 public:
  // Parses message.bytes[0, size). The reader keeps a reference to `message` and `index`.
  JsonReader(Message& message, JsonIndex& index);
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

  template <class T>
  void member(const Field& field, std::optional<T>& value, bool mandatory) {
    if (const JsonNode* node = find(field, mandatory); node != nullptr) read(*node, field, value, -1);
  }
  template <class T>
  void members(const Field& field, std::vector<T>& values, bool mandatory) {
    const JsonNode* node = find(field, mandatory);
    if (node == nullptr) return;
    if (node->kind == JsonNode::Kind::kObject) {
      note(Shape::kSingleForList, field, *node);
      std::optional<T> one;
      read(*node, field, one, 0);
      if (one) values.push_back(std::move(*one));
      return;
    }
    if (node->kind != JsonNode::Kind::kArray) return note(Shape::kWrongType, field, *node);
    const std::uint32_t end = node->end;
    std::uint32_t at = index_of(*node) + 1;
    if (at == end && whole_) note(Shape::kEmptyList, field, *node);
    for (int i = 0; at < end; ++i) {
      const JsonNode& element = index_.nodes()[at];
      std::optional<T> one;
      read(element, field, one, i);
      if (one) values.push_back(std::move(*one));
      at = index_.nodes()[at].end;
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
  void read(const JsonNode& node, const Field& field, std::optional<bool>& value, int index);
  void read(const JsonNode& node, const Field& field, std::optional<std::string>& value, int index);

  bool begin_root();
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
  bool whole_ = false;
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
  void required(const Field& field, std::optional<T>& value) {
    optional(field, value);
  }
  template <class T>
  void optional(const Field& field, std::optional<T>& value) {
    if (field.draft) return;
    write_member(field, -1, value.has_value(), [&] { write(*value); });
  }
  template <class T>
  void required(const Field& field, std::vector<T>& values) {
    optional(field, values);
  }
  template <class T>
  void optional(const Field& field, std::vector<T>& values) {
    write_member(field, -1, !values.empty(), [&] {
      out_.push_back('[');
      const bool outer = first_;
      first_ = true;
      int i = 0;
      for (T& value : values) write_element(field, i++, [&] { write(value); });
      first_ = outer;
      out_.push_back(']');
    });
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
  void write(std::int64_t value) { out_ += std::to_string(value); }
  void write(bool value) { out_ += value ? "true" : "false"; }
  void write(std::string& value) { append_json_quoted(out_, value); }

  template <class F>
  void write_member(const Field& field, int index, bool present, F&& body) {
    if (overrides_ == nullptr || overrides_->empty()) {
      if (!present) return;
      key(field);
      body();
      return;
    }
    overridden(field, index, present, body);
  }
  template <class F>
  void write_element(const Field& field, int index, F&& body) {
    if (overrides_ != nullptr && !overrides_->empty()) return overridden(field, index, true, body);
    separate();
    body();
  }
  template <class F>
  void overridden(const Field& field, int index, bool present, F&& body) {
    const std::size_t length = path_.size();
    if (index < 0 && !path_.empty()) path_ += '.';
    path_ += index < 0 ? std::string(field.name) : "[" + std::to_string(index) + "]";
    const Override* override = take(present);
    const auto once = [&](bool raw) {
      if (index < 0)
        key(field);
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
  void key(const Field& field) {
    separate();
    append_json_quoted(out_, field.name);
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
  void required(const Field& field, std::optional<T>& value) {
    optional(field, value);
  }
  template <class T>
  void optional(const Field& field, std::optional<T>& value) {
    if (const Tree* tree = take(field); tree != nullptr) read(*tree, field, value);
  }
  template <class T>
  void required(const Field& field, std::vector<T>& values) {
    optional(field, values);
  }
  template <class T>
  void optional(const Field& field, std::vector<T>& values) {
    const Tree* tree = take(field);
    if (tree == nullptr) return;
    if (!tree->is_list()) return fail(*tree, field, "expected a list");
    for (const Tree& item : tree->items) object(item, values.emplace_back(), field.name);
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
  void read(const Tree& tree, const Field& field, std::optional<std::int64_t>& value);
  void read(const Tree& tree, const Field& field, std::optional<bool>& value);
  void read(const Tree& tree, const Field& field, std::optional<std::string>& value);
  const Tree* take(const Field& field);
  void refuse_unknown(std::size_t known_from, std::string_view name);
  void fail(const Tree& tree, const Field& field, std::string_view what) {
    fail(tree, std::string_view(field.name), what);
  }
  void fail(const Tree& tree, std::string_view name, std::string_view what);

  const Tree* at_;
  std::vector<std::string_view> known_;
  std::string error_;
};

}  // namespace peerscope
