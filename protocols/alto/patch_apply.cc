// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/alto/patch_apply.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

namespace peerscope::alto {
namespace {

using Object = JsonValue::Object;
using Array = JsonValue::Array;

std::unordered_map<std::string_view, std::size_t> places_of(const Object& members) {
  std::unordered_map<std::string_view, std::size_t> out;
  out.reserve(members.size());
  for (std::size_t i = 0; i < members.size(); ++i) out.insert_or_assign(members[i].first, i);
  return out;
}

void erase_member(Object& members, std::string_view name) {
  std::erase_if(members, [&](const auto& member) { return member.first == name; });
}

// An array's index (RFC 6901 section 4): digits without leading zero; "-" is the place behind the last element.
bool array_index(const std::string& token, std::size_t size, bool adding, std::size_t& out) {
  if (token == "-") {
    out = size;
    return adding;
  }
  if (token.empty() || (token.size() > 1 && token.front() == '0')) return false;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), out);
  if (error != std::errc{} || end != token.data() + token.size()) return false;
  return adding ? out <= size : out < size;
}

JsonValue* descend(JsonValue* at, const std::vector<std::string>& tokens, std::size_t depth) {
  for (std::size_t i = 0; i < depth && at != nullptr; ++i) {
    std::size_t index = 0;
    if (at->object() != nullptr)
      at = at->find(tokens[i]);
    else if (at->array() != nullptr && array_index(tokens[i], at->array()->size(), false, index))
      at = &(*at->array())[index];
    else
      at = nullptr;
  }
  return at;
}

// A patch of a few lines may copy a document into itself again and again: what it makes is bounded in size and depth.
constexpr std::size_t kMostCopied = 1'000'000;  // values

struct Budget {
  std::size_t copied = 0;
};

// How deep a value is nested; adds its parts to `count`.
std::size_t measure(const JsonValue& value, std::size_t& count) {
  ++count;
  std::size_t deepest = 0;
  if (const Array* items = value.array(); items != nullptr) {
    for (const JsonValue& item : *items) deepest = std::max(deepest, measure(item, count));
  } else if (const Object* members = value.object(); members != nullptr) {
    for (const auto& [name, member] : *members) deepest = std::max(deepest, measure(member, count));
  }
  return deepest + 1;
}

std::string no_place(const std::string& pointer) {
  return fmt::format("there is no {}", pointer.empty() ? "document" : pointer);
}

std::string add_at(JsonValue& document, const std::string& pointer, const std::vector<std::string>& tokens,
                   JsonValue value) {
  if (tokens.empty()) {
    document = std::move(value);
    return {};
  }
  JsonValue* parent = descend(&document, tokens, tokens.size() - 1);
  if (parent == nullptr) return no_place(pointer);
  if (Object* members = parent->object(); members != nullptr) {
    if (JsonValue* member = parent->find(tokens.back()); member != nullptr)
      *member = std::move(value);
    else
      members->emplace_back(tokens.back(), std::move(value));
    return {};
  }
  Array* items = parent->array();
  std::size_t index = 0;
  if (items == nullptr || !array_index(tokens.back(), items->size(), true, index)) return no_place(pointer);
  items->insert(items->begin() + static_cast<std::ptrdiff_t>(index), std::move(value));
  return {};
}

std::string remove_at(JsonValue& document, const std::string& pointer, const std::vector<std::string>& tokens) {
  if (descend(&document, tokens, tokens.size()) == nullptr) return no_place(pointer);
  if (tokens.empty()) {
    document = {};
    return {};
  }
  JsonValue* parent = descend(&document, tokens, tokens.size() - 1);
  std::size_t index = 0;
  if (parent->object() != nullptr) {
    erase_member(*parent->object(), tokens.back());
  } else if (array_index(tokens.back(), parent->array()->size(), false, index)) {
    parent->array()->erase(parent->array()->begin() + static_cast<std::ptrdiff_t>(index));
  }
  return {};
}

std::string too_much(const JsonValue& value, const std::vector<std::string>& path, Budget& budget) {
  const std::size_t depth = measure(value, budget.copied) + path.size();
  if (depth > static_cast<std::size_t>(JsonIndex::kMaxDepth)) return "the document would be nested too deep";
  return budget.copied > kMostCopied ? "the patch makes more than any document needs" : "";
}

std::string apply_one(JsonValue& document, const PatchOperation& operation, Budget& budget) {
  if (!operation.op || !operation.path) return "op or path is missing";
  const std::string& op = *operation.op;
  std::vector<std::string> path;
  if (!split_pointer(*operation.path, path)) return fmt::format("{} is no JSON pointer", *operation.path);
  if (op == "add" || op == "replace" || op == "test") {
    if (!operation.value) return op + " has no value";
    if (std::string fault = too_much(*operation.value, path, budget); !fault.empty()) return fault;
    if (op == "add") return add_at(document, *operation.path, path, *operation.value);
    JsonValue* place = descend(&document, path, path.size());
    if (place == nullptr) return no_place(*operation.path);
    if (op == "test") return *place == *operation.value ? "" : fmt::format("{} has another value", *operation.path);
    *place = *operation.value;
    return {};
  }
  if (op == "remove") return remove_at(document, *operation.path, path);
  if (op != "move" && op != "copy") return fmt::format("unknown op {}", op);
  std::vector<std::string> from;
  if (!operation.from || !split_pointer(*operation.from, from)) return op + " has no from";
  const JsonValue* source = descend(&document, from, from.size());
  if (source == nullptr) return no_place(*operation.from);
  if (std::string fault = too_much(*source, path, budget); !fault.empty()) return fault;
  JsonValue moved = *source;
  if (op == "move") {
    const bool inside = path.size() > from.size() && std::equal(from.begin(), from.end(), path.begin());
    if (inside) return "a value cannot be moved into itself";
    if (std::string fault = remove_at(document, *operation.from, from); !fault.empty()) return fault;
  }
  return add_at(document, *operation.path, path, std::move(moved));
}

PatchOperation operation(const char* op, const std::string& path, std::optional<JsonValue> value = {}) {
  PatchOperation out;
  out.op = op;
  out.path = path;
  out.value = std::move(value);
  return out;
}

void tell_changes(const JsonValue& before, const JsonValue& after, std::string& path, std::vector<PatchOperation>& out);

void tell_member_changes(const Object& before, const Object& after, std::string& path,
                         std::vector<PatchOperation>& out) {
  const std::size_t length = path.size();
  const auto old_places = places_of(before);
  const auto new_places = places_of(after);
  for (const auto& [name, value] : before) {
    if (new_places.contains(name)) continue;
    append_pointer(path, name);
    out.push_back(operation("remove", path));
    path.resize(length);
  }
  for (const auto& [name, value] : after) {
    append_pointer(path, name);
    const auto found = old_places.find(name);
    if (found == old_places.end())
      out.push_back(operation("add", path, value));
    else
      tell_changes(before[found->second].second, value, path, out);
    path.resize(length);
  }
}

void tell_element_changes(const Array& before, const Array& after, std::string& path,
                          std::vector<PatchOperation>& out) {
  const std::size_t shorter = std::min(before.size(), after.size());
  std::size_t first = 0;
  while (first < shorter && before[first] == after[first]) ++first;
  std::size_t tail = 0;
  while (tail < shorter - first && before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) ++tail;
  const std::size_t length = path.size();
  const auto at = [&](std::size_t index) -> const std::string& {
    path.resize(length);
    return path += '/' + std::to_string(index);
  };
  // What goes is taken out from the back, so that the indices before it stay.
  for (std::size_t i = before.size() - tail; i-- > first;) out.push_back(operation("remove", at(i)));
  for (std::size_t i = first; i < after.size() - tail; ++i) out.push_back(operation("add", at(i), after[i]));
  path.resize(length);
}

void tell_changes(const JsonValue& before, const JsonValue& after, std::string& path,
                  std::vector<PatchOperation>& out) {
  if (before == after) return;
  if (before.object() != nullptr && after.object() != nullptr)
    tell_member_changes(*before.object(), *after.object(), path, out);
  else if (before.array() != nullptr && after.array() != nullptr)
    tell_element_changes(*before.array(), *after.array(), path, out);
  else
    out.push_back(operation("replace", path, after));
}

bool has_null_member(const JsonValue& value) {
  if (const Object* members = value.object(); members != nullptr) {
    return std::any_of(members->begin(), members->end(),
                       [](const auto& member) { return member.second.is_null() || has_null_member(member.second); });
  }
  return false;  // arrays are replaced whole, with the nulls in them
}

}  // namespace

void apply_merge_patch(JsonValue& target, const JsonValue& patch) {
  const Object* changes = patch.object();
  if (changes == nullptr) {
    target = patch;
    return;
  }
  if (target.object() == nullptr) target = Object{};
  Object& members = *target.object();
  // Owned names: the vector below may move.
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < members.size(); ++i) places.insert_or_assign(members[i].first, i);
  std::vector<bool> gone(members.size());
  for (const auto& [name, change] : *changes) {
    const auto found = places.find(name);
    if (change.is_null()) {
      if (found != places.end()) gone[found->second] = true;
      continue;
    }
    std::size_t at = 0;
    if (found == places.end() || gone[found->second]) {
      at = members.size();
      members.emplace_back(name, JsonValue{});
      gone.push_back(false);
      places.insert_or_assign(name, at);
    } else {
      at = found->second;
    }
    apply_merge_patch(members[at].second, change);
  }
  if (std::find(gone.begin(), gone.end(), true) == gone.end()) return;
  Object kept;
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (!gone[i]) kept.push_back(std::move(members[i]));
  }
  members = std::move(kept);
}

bool make_merge_patch(const JsonValue& before, const JsonValue& after, JsonValue& patch) {
  const Object* old_members = before.object();
  const Object* new_members = after.object();
  if (new_members == nullptr) {
    patch = after;
    return true;
  }
  if (has_null_member(after)) return false;
  if (old_members == nullptr) {
    patch = after;
    return true;
  }
  Object changes;
  const auto old_places = places_of(*old_members);
  const auto new_places = places_of(*new_members);
  for (const auto& [name, value] : *old_members) {
    if (!new_places.contains(name)) changes.emplace_back(name, JsonValue{});
  }
  for (const auto& [name, value] : *new_members) {
    const auto found = old_places.find(name);
    if (found == old_places.end()) {
      changes.emplace_back(name, value);
      continue;
    }
    const JsonValue& old = (*old_members)[found->second].second;
    if (old == value) continue;
    JsonValue change;
    if (!make_merge_patch(old, value, change)) return false;
    changes.emplace_back(name, std::move(change));
  }
  patch = std::move(changes);
  return true;
}

std::vector<PatchOperation> make_json_patch(const JsonValue& before, const JsonValue& after) {
  std::vector<PatchOperation> out;
  std::string path;
  tell_changes(before, after, path, out);
  return out;
}

std::string apply_json_patch(JsonValue& target, const std::vector<PatchOperation>& operations) {
  JsonValue document = target;
  Budget budget;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (std::string fault = apply_one(document, operations[i], budget); !fault.empty())
      return fmt::format("operation {} does not apply: {}", i, fault);
  }
  target = std::move(document);
  return {};
}

bool split_pointer(std::string_view pointer, std::vector<std::string>& tokens) {
  tokens.clear();
  if (pointer.empty()) return true;
  if (pointer.front() != '/') return false;
  tokens.emplace_back();
  for (std::size_t i = 1; i < pointer.size(); ++i) {
    if (pointer[i] == '/') {
      tokens.emplace_back();
    } else if (pointer[i] == '~') {
      const char next = i + 1 < pointer.size() ? pointer[i + 1] : '?';
      if (next != '0' && next != '1') return false;
      tokens.back().push_back(next == '0' ? '~' : '/');
      ++i;
    } else {
      tokens.back().push_back(pointer[i]);
    }
  }
  return true;
}

void append_pointer(std::string& pointer, std::string_view token) {
  pointer.push_back('/');
  for (const char c : token) {
    if (c == '~')
      pointer += "~0";
    else if (c == '/')
      pointer += "~1";
    else
      pointer.push_back(c);
  }
}

}  // namespace peerscope::alto
