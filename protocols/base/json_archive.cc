// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/json_archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace peerscope {
namespace {

constexpr std::size_t kMostShown = 60;           // of an offending value
constexpr double kMostExact = 9007199254740992;  // 2^53: up to here every whole number is a double

}  // namespace

JsonReader::JsonReader(Message& message, JsonIndex& index, JsonRules rules)
    : message_(message), index_(index), rules_(rules) {
  message_.bytes.resize(message_.size);
  message_.bytes.resize(message_.size + JsonIndex::padding());
  (void)index_.parse(message_.bytes, message_.size, message_.arena,
                     message_.issues);  // its result is told by the issues
  whole_ = message_.whole();
}

bool JsonReader::is_member(std::string_view root, std::string_view inner) const {
  const auto& nodes = index_.nodes();
  if (nodes.empty() || nodes[0].kind != JsonNode::Kind::kObject) return false;
  for (std::uint32_t i = 1; i < nodes[0].end; i = nodes[i].end) {
    if (nodes[i].key != root) continue;
    if (inner.empty()) return true;
    if (nodes[i].kind != JsonNode::Kind::kObject) return false;
    for (std::uint32_t k = i + 1; k < nodes[i].end; k = nodes[k].end) {
      if (nodes[k].key == inner) return true;
    }
  }
  return false;
}

bool JsonReader::root_has(const Field& field) const {
  return is_member(field.name, {});
}
bool JsonReader::root_has(const Field& field, const Field& inner) const {
  return is_member(field.name, inner.name);
}

std::string_view JsonReader::raw(const JsonNode& node) const {
  return clip_text(index_.text().substr(node.offset, node.length), kMostShown);
}

bool JsonReader::begin_root() {
  if (index_.nodes().empty()) return false;
  const JsonNode& node = index_.nodes().front();
  if (node.kind != JsonNode::Kind::kObject) {
    message_.issues.push_back(
        {.shape = Shape::kWrongType, .offset = node.offset, .length = node.length, .seen = "an array"});
    return false;
  }
  // The anonymous outer object has no field and no event: its one member is the message.
  used_.assign(index_.nodes().size(), false);
  frames_.push_back({0, Event::kNoParent, nullptr});
  return true;
}

bool JsonReader::begin_root(const Field& field, JsonNode::Kind kind) {
  if (index_.nodes().empty()) return false;
  const JsonNode& node = index_.nodes().front();
  if (node.kind != kind) {
    message_.issues.push_back({.shape = Shape::kWrongType,
                               .offset = node.offset,
                               .length = node.length,
                               .seen = kind == JsonNode::Kind::kObject ? "an array" : "an object"});
    return false;
  }
  used_.assign(index_.nodes().size(), false);
  begin_object(node, field, -1);
  return true;
}

void JsonReader::end_list() {
  message_.events[frames_.back().event].end = static_cast<std::uint32_t>(message_.events.size());
  frames_.pop_back();
}

void JsonReader::value_root(const Field& field, const ValueFields& fields, JsonValue& value) {
  if (index_.nodes().empty()) return;
  const JsonNode& node = index_.nodes().front();
  used_.assign(index_.nodes().size(), true);
  begin_object(node, field, -1);
  for (std::uint32_t i = 1, k = 0; i < node.end; i = index_.nodes()[i].end, ++k) {
    // Members of the root object have their own names, elements of a root array their place.
    static constexpr Field kMemberName{.filter = "", .name = "", .label = "Member"};
    if (node.kind == JsonNode::Kind::kObject) entry_ = {&kMemberName, &index_.nodes()[i]};
    record_value(index_.nodes()[i], fields, node.kind == JsonNode::Kind::kArray ? static_cast<int>(k) : -1);
    entry_ = {};
  }
  value = json_value(index_, 0);
  end_list();
}

Event& JsonReader::record(const JsonNode& node, const Field& field, int index) {
  Event event;
  event.field = &field;
  event.offset = node.offset;
  event.length = node.length;
  event.key_offset = node.key_offset;
  event.key_length = node.key_length;
  event.index = index;
  if (entry_.key != nullptr) {
    event.key = entry_.key;
    event.label = entry_.node->key;
    event.key_offset = entry_.node->key_offset;
    event.key_length = entry_.node->key_length;
    entry_ = {};
  }
  event.parent = frames_.empty() ? Event::kNoParent : frames_.back().event;
  event.depth =
      event.parent == Event::kNoParent ? 0 : static_cast<std::uint16_t>(message_.events[event.parent].depth + 1);
  message_.events.push_back(event);
  message_.events.back().end = static_cast<std::uint32_t>(message_.events.size());
  return message_.events.back();
}

void JsonReader::begin_object(const JsonNode& node, const Field& field, int index) {
  record(node, field, index);
  frames_.push_back({index_of(node), static_cast<std::uint32_t>(message_.events.size() - 1), &field});
}

void JsonReader::end_object() {
  const Frame frame = frames_.back();
  const auto& nodes = index_.nodes();
  for (std::uint32_t i = frame.node + 1; i < nodes[frame.node].end; i = nodes[i].end) {
    if (used_[i]) continue;
    const JsonNode& node = nodes[i];
    message_.issues.push_back({.shape = Shape::kUnknownMember,
                               .parent = frame.field,
                               .offset = node.offset,
                               .length = node.length,
                               .seen = node.key});
    static constexpr Field kAny{"", "", "Unknown member"};
    Event& event = record(node, kAny, -1);
    event.unknown = true;
    event.label = node.key;
    event.text = index_.text().substr(node.offset, node.length);
    event.has_text = true;
  }
  frames_.pop_back();
  if (frame.event != Event::kNoParent)
    message_.events[frame.event].end = static_cast<std::uint32_t>(message_.events.size());
}

const JsonNode* JsonReader::find(const Field& field, bool mandatory) {
  const Frame& frame = frames_.back();
  const auto& nodes = index_.nodes();
  const JsonNode* found = nullptr;
  for (std::uint32_t i = frame.node + 1; i < nodes[frame.node].end; i = nodes[i].end) {
    const JsonNode& node = nodes[i];
    const bool misnamed = field.misnamed != nullptr && node.key == field.misnamed;
    if (node.key != field.name && !misnamed) continue;
    used_[i] = true;
    if (misnamed) {
      note(Shape::kMisnamed, field, node);
      message_.issues.back().seen = node.key;
    }
    if (found != nullptr) note(Shape::kDuplicate, field, node);
    found = &node;  // the last one wins, as most JSON readers have it
  }
  if (found == nullptr && mandatory && whole_) {
    const JsonNode& object = nodes[frame.node];
    message_.issues.push_back({.shape = Shape::kMissing,
                               .field = &field,
                               .parent = frame.field,
                               .offset = object.offset,
                               .length = object.length});
  }
  if (found != nullptr && field.draft) note(Shape::kDraft, field, *found);
  return found;
}

void JsonReader::note(Shape shape, const Field& field, const JsonNode& node) {
  std::string_view seen =
      node.kind == JsonNode::Kind::kString && shape != Shape::kWrongType ? clip_text(node.text, kMostShown) : raw(node);
  message_.issues.push_back({.shape = shape,
                             .field = &field,
                             .parent = frames_.back().field,
                             .offset = node.offset,
                             .length = node.length,
                             .seen = seen});
}

namespace {

// A number without fraction, whatever its spelling, as long as a double holds it exactly.
bool whole_number(const JsonNode& node, std::int64_t& out) {
  double number = 0;
  const auto [end, error] = std::from_chars(node.text.data(), node.text.data() + node.text.size(), number);
  if (error != std::errc{} || number != std::floor(number) || std::abs(number) > kMostExact) return false;
  out = static_cast<std::int64_t>(number);
  return true;
}

}  // namespace

void JsonReader::read(const JsonNode& node, const Field& field, std::optional<std::int64_t>& value, int index) {
  Event& event = record(node, field, index);
  std::int64_t whole = 0;
  if (node.kind == JsonNode::Kind::kInteger) {
    value = node.number;
  } else if (node.kind == JsonNode::Kind::kDecimal && rules_.whole_decimals && whole_number(node, whole)) {
    value = whole;
  } else if (node.kind == JsonNode::Kind::kString) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(node.text.data(), node.text.data() + node.text.size(), number);
    if (error == std::errc{} && end == node.text.data() + node.text.size()) {
      value = number;
      note(Shape::kQuotedNumber, field, node);
    } else {
      event.text = node.text;
      event.has_text = true;
      note(Shape::kWrongType, field, node);
      return;
    }
  } else {
    event.text = raw(node);
    event.has_text = true;
    return note(node.kind == JsonNode::Kind::kDecimal ? Shape::kNotInteger : Shape::kWrongType, field, node);
  }
  event.number = *value;
  event.has_number = true;
  if (*value < field.min || *value > field.max) note(Shape::kOutOfRange, field, node);
}

void JsonReader::read(const JsonNode& node, const Field& field, std::optional<double>& value, int index) {
  Event& event = record(node, field, index);
  event.text = raw(node);
  event.has_text = true;
  if (node.kind != JsonNode::Kind::kInteger && node.kind != JsonNode::Kind::kDecimal)
    return note(Shape::kWrongType, field, node);
  double number = 0;
  if (!read_number(node.text, number)) return note(Shape::kOutOfRange, field, node);
  value = number;
  event.real = number;
  event.has_real = true;
  if (number < static_cast<double>(field.min)) note(Shape::kOutOfRange, field, node);
}

void JsonReader::read_value(const JsonNode& node, const ValueFields& fields, JsonValue& value, int index) {
  record_value(node, fields, index);
  value = json_value(index_, index_of(node));
}

void JsonReader::record_value(const JsonNode& node, const ValueFields& fields, int index) {
  const bool number = node.kind == JsonNode::Kind::kInteger || node.kind == JsonNode::Kind::kDecimal;
  if (node.kind == JsonNode::Kind::kArray && fields.list != fields.other) {
    Event& list = record(node, *fields.list, index);
    list.empty = index_of(node) + 1 == node.end;
    frames_.push_back({index_of(node), static_cast<std::uint32_t>(message_.events.size() - 1), fields.list});
    const ValueFields& inner = fields.elements != nullptr ? *fields.elements : fields;
    const std::uint32_t end = node.end;
    std::uint32_t at = index_of(node) + 1;
    for (int i = 0; at < end; ++i, at = index_.nodes()[at].end) record_value(index_.nodes()[at], inner, i);
    end_list();
    return;
  }
  const bool text = node.kind == JsonNode::Kind::kString;
  Event& event = record(node, number ? *fields.number : text ? *fields.text : *fields.other, index);
  event.has_text = true;
  event.text = text ? node.text : index_.text().substr(node.offset, node.length);
  if (!number || fields.number->type != Type::kDouble) return;
  double real = 0;
  if (!read_number(node.text, real)) return note(Shape::kOutOfRange, *fields.number, node);
  event.real = real;
  event.has_real = true;
}

void JsonReader::read(const JsonNode& node, const Field& field, std::optional<bool>& value, int index) {
  Event& event = record(node, field, index);
  if (node.kind != JsonNode::Kind::kBoolean) return note(Shape::kWrongType, field, node);
  value = node.number != 0;
  event.number = node.number;
  event.has_number = true;
}

void JsonReader::read(const JsonNode& node, const Field& field, std::optional<std::string>& value, int index) {
  Event& event = record(node, field, index);
  event.has_text = true;
  event.text = node.kind == JsonNode::Kind::kString ? node.text : index_.text().substr(node.offset, node.length);
  value = std::string(event.text);
  if (node.kind != JsonNode::Kind::kString) return note(Shape::kWrongType, field, node);
  if (!field.vocabulary.empty() &&
      std::find(field.vocabulary.begin(), field.vocabulary.end(), node.text) == field.vocabulary.end()) {
    note(Shape::kUnknownValue, field, node);
  }
}

const Override* JsonWriter::take(bool present) {
  const auto found = overrides_->find(path_);
  if (found == overrides_->end() || found->second.kind == Override::Kind::kAdd) return nullptr;
  if (!present && found->second.kind == Override::Kind::kDuplicate) return nullptr;
  if (std::find(used_.begin(), used_.end(), path_) == used_.end()) used_.push_back(path_);
  return &found->second;
}

const Override* JsonWriter::take_addition() {
  const auto found = overrides_->find(path_);
  if (found == overrides_->end() || found->second.kind != Override::Kind::kAdd) return nullptr;
  if (std::find(used_.begin(), used_.end(), path_) == used_.end()) used_.push_back(path_);
  return &found->second;
}

void JsonWriter::begin_object() {
  out_.push_back('{');
  outer_first_.push_back(first_);
  first_ = true;
}

void JsonWriter::end_object() {
  if (overrides_ != nullptr) {
    if (const Override* override = take_addition(); override != nullptr) {
      separate();
      out_ += override->raw;
    }
  }
  out_.push_back('}');
  first_ = outer_first_.back();
  outer_first_.pop_back();
}

std::vector<std::string> JsonWriter::unused() const {
  std::vector<std::string> left;
  if (overrides_ == nullptr) return left;
  for (const auto& [path, override] : *overrides_) {
    if (std::find(used_.begin(), used_.end(), path) == used_.end()) left.push_back(path);
  }
  return left;
}

void TreeReader::fail(const Tree& tree, std::string_view name, std::string_view what) {
  if (!error_.empty()) return;
  const std::string place = tree.line > 0 ? fmt::format("line {}, column {}: ", tree.line, tree.column) : "";
  error_ = fmt::format("{}{}{}{}", place, name, name.empty() ? "" : ": ", what);
}

const Tree* TreeReader::take(std::string_view name) {
  known_.push_back(name);
  if (!error_.empty() || !at_->is_map()) return nullptr;
  return at_->find(name);
}

void TreeReader::each_entry(const std::function<void(const std::string&, const Tree&)>& body) {
  if (!error_.empty() || !at_->is_map()) return;
  for (const auto& [key, tree] : at_->members) {
    known_.push_back(key);
    body(key, tree);
  }
}

JsonValue TreeReader::to_value(const Tree& tree, const ValueFields& fields) {
  if (tree.is_list()) {
    JsonValue::Array items;
    for (const Tree& item : tree.items) items.push_back(to_value(item, fields));
    return items;
  }
  if (tree.is_map()) {
    JsonValue::Object members;
    for (const auto& [key, value] : tree.members) members.emplace_back(key, to_value(value, fields));
    return members;
  }
  if (!tree.is_scalar()) return {};
  const bool quoted = tree.scalar.starts_with('"');
  const bool texts_only = fields.number->type != Type::kDouble;
  if (const auto value = parse_json(tree.scalar); value != nullptr && (quoted || !texts_only)) return *value;
  return tree.scalar;
}

void TreeReader::refuse_unknown(std::size_t known_from, std::string_view name) {
  for (const auto& [key, value] : at_->members) {
    if (std::find(known_.begin() + static_cast<std::ptrdiff_t>(known_from), known_.end(), key) != known_.end())
      continue;
    std::string list;
    for (std::size_t i = known_from; i < known_.size(); ++i)
      list += (i == known_from ? "" : ", ") + std::string(known_[i]);
    return fail(
        value, name,
        fmt::format("no member '{}' is described here; known are {} (use mutate: add for unknown ones)", key, list));
  }
}

void TreeReader::read(const Tree& tree, const Field& field, std::optional<std::int64_t>& value) {
  std::int64_t number = 0;
  const char* const end = tree.scalar.data() + tree.scalar.size();
  const auto [stop, error] = std::from_chars(tree.scalar.data(), end, number);
  if (!tree.is_scalar() || error != std::errc{} || stop != end) {
    // A code point may be given by its name.
    for (const ValueName& row : field.names) {
      if (tree.is_scalar() && tree.scalar == row.name) {
        value = row.value;
        return;
      }
    }
    return fail(tree, field, fmt::format("expected a whole number, found '{}'", tree.scalar));
  }
  value = number;
}

void TreeReader::read(const Tree& tree, const Field& field, std::optional<double>& value) {
  double number = 0;
  const char* const end = tree.scalar.data() + tree.scalar.size();
  const auto [stop, error] = std::from_chars(tree.scalar.data(), end, number);
  if (!tree.is_scalar() || error != std::errc{} || stop != end)
    return fail(tree, field, fmt::format("expected a number, found '{}'", tree.scalar));
  value = number;
}

void TreeReader::read(const Tree& tree, const Field& field, std::optional<bool>& value) {
  if (!tree.is_scalar() || (tree.scalar != "true" && tree.scalar != "false"))
    return fail(tree, field, fmt::format("expected true or false, found '{}'", tree.scalar));
  value = tree.scalar == "true";
}

void TreeReader::read(const Tree& tree, const Field& field, std::optional<std::string>& value) {
  if (!tree.is_scalar()) return fail(tree, field, "expected a text");
  value = tree.scalar;
}

}  // namespace peerscope
