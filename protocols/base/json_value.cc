// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/json_value.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <unordered_map>

namespace peerscope {
namespace {

constexpr double kMostExact = 9007199254740992.0;  // 2^53: up to here every whole number is a double

bool same_members(const JsonValue::Object& a, const JsonValue::Object& b) {
  if (a.size() != b.size()) return false;
  std::unordered_map<std::string_view, const JsonValue*> members;
  for (const auto& [name, value] : b) members.insert_or_assign(name, &value);
  if (members.size() != b.size()) return false;
  for (const auto& [name, value] : a) {
    const auto found = members.find(name);
    if (found == members.end() || !(*found->second == value)) return false;
  }
  return true;
}

}  // namespace

bool read_number(std::string_view text, double& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc::result_out_of_range) return error == std::errc{};
  // Too small for a double is nothing; too large saturates, which RFC 8259 section 6 leaves to the implementation.
  out = std::strtod(std::string(text).c_str(), nullptr);
  if (std::isfinite(out)) return true;
  out = std::copysign(std::numeric_limits<double>::max(), out);
  return false;
}

const JsonValue* JsonValue::find(std::string_view name) const {
  const Object* members = object();
  if (members == nullptr) return nullptr;
  for (const auto& [key, value] : *members) {
    if (key == name) return &value;
  }
  return nullptr;
}

bool JsonValue::operator==(const JsonValue& other) const {
  if (value_.index() != other.value_.index()) return false;
  if (const Object* members = object(); members != nullptr) return same_members(*members, *other.object());
  return value_ == other.value_;
}

JsonValue json_value(const JsonIndex& index, std::uint32_t at) {
  const auto& nodes = index.nodes();
  const JsonNode& node = nodes[at];
  switch (node.kind) {
    case JsonNode::Kind::kNull:
      return {};
    case JsonNode::Kind::kBoolean:
      return node.number != 0;
    case JsonNode::Kind::kInteger:
    case JsonNode::Kind::kDecimal: {
      double number = 0;
      (void)read_number(node.text, number);  // the index took it for a number
      return number;
    }
    case JsonNode::Kind::kString:
      return std::string(node.text);
    case JsonNode::Kind::kArray: {
      JsonValue::Array items;
      for (std::uint32_t i = at + 1; i < node.end; i = nodes[i].end) items.push_back(json_value(index, i));
      return items;
    }
    case JsonNode::Kind::kObject: {
      JsonValue::Object members;
      std::unordered_map<std::string_view, std::size_t> places;
      for (std::uint32_t i = at + 1; i < node.end; i = nodes[i].end) {
        const auto [place, fresh] = places.try_emplace(nodes[i].key, members.size());
        if (fresh)
          members.emplace_back(std::string(nodes[i].key), json_value(index, i));
        else
          members[place->second].second = json_value(index, i);
      }
      return members;
    }
  }
  return {};
}

std::unique_ptr<JsonValue> parse_json(std::string_view text) {
  // In an array of one, because the index takes bare scalars for no message.
  std::string bytes = "[" + std::string(text) + "]";
  const std::size_t size = bytes.size();
  bytes.resize(size + JsonIndex::padding());
  JsonIndex index;
  std::vector<std::unique_ptr<std::string>> arena;
  std::vector<Issue> issues;
  if (!index.parse(bytes, size, arena, issues) || !issues.empty()) return nullptr;
  JsonValue wrapped = json_value(index, 0);
  if (wrapped.array() == nullptr || wrapped.array()->size() != 1) return nullptr;
  return std::make_unique<JsonValue>(std::move(wrapped.array()->front()));
}

void append_json_number(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";  // RFC 8259 section 6 has no spelling for it
  } else if (std::abs(number) <= kMostExact && number == std::floor(number)) {
    fmt::format_to(std::back_inserter(out), "{}", static_cast<std::int64_t>(number));
  } else {
    fmt::format_to(std::back_inserter(out), "{}", number);
  }
}

void append_json(std::string& out, const JsonValue& value) {
  if (value.is_null()) {
    out += "null";
  } else if (const bool* truth = value.boolean(); truth != nullptr) {
    out += *truth ? "true" : "false";
  } else if (const double* number = value.number(); number != nullptr) {
    append_json_number(out, *number);
  } else if (const std::string* text = value.text(); text != nullptr) {
    append_json_quoted(out, *text);
  } else if (const JsonValue::Array* items = value.array(); items != nullptr) {
    out.push_back('[');
    for (std::size_t i = 0; i < items->size(); ++i) {
      if (i > 0) out.push_back(',');
      append_json(out, (*items)[i]);
    }
    out.push_back(']');
  } else {
    out.push_back('{');
    bool first = true;
    for (const auto& [name, member] : *value.object()) {
      if (!first) out.push_back(',');
      first = false;
      append_json_quoted(out, name);
      out.push_back(':');
      append_json(out, member);
    }
    out.push_back('}');
  }
}

std::string json_text(const JsonValue& value) {
  std::string out;
  append_json(out, value);
  return out;
}

}  // namespace peerscope
