// SPDX-License-Identifier: GPL-2.0-or-later
// JsonValue: any JSON text as a value, for members whose type a specification leaves open and for documents that
// patches change. JsonMap: an object whose member names are data.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "protocols/base/json_index.h"

namespace peerscope {

// An object with free keys, in the order of the wire. Repeated keys are kept as they came; find() gives the last one.
template <class V>
struct JsonMap {
  std::vector<std::pair<std::string, V>> entries;
  std::vector<std::uint32_t> order;  // entries by their keys, as of index()

  const V* find(std::string_view key) const {
    if (order.size() == entries.size() && !order.empty()) {
      // Of equal keys the last one.
      const auto at = std::upper_bound(order.begin(), order.end(), key,
                                       [this](std::string_view k, std::uint32_t i) { return k < entries[i].first; });
      return at != order.begin() && entries[at[-1]].first == key ? &entries[at[-1]].second : nullptr;
    }
    for (auto at = entries.rbegin(); at != entries.rend(); ++at) {
      if (at->first == key) return &at->second;
    }
    return nullptr;
  }
  V* find(std::string_view key) { return const_cast<V*>(static_cast<const JsonMap*>(this)->find(key)); }
  // Makes find() quick until something is added.
  void index() {
    order.resize(entries.size());
    std::iota(order.begin(), order.end(), 0U);
    std::stable_sort(order.begin(), order.end(),
                     [this](std::uint32_t a, std::uint32_t b) { return entries[a].first < entries[b].first; });
  }
  V& add(std::string key) { return entries.emplace_back(std::move(key), V{}).second; }
  bool empty() const { return entries.empty(); }
  std::size_t size() const { return entries.size(); }
};

// A plain value: copies are deep, equality is RFC 8259's (1 and 1.0 are the same number, members have no order).
class JsonValue {
 public:
  using Array = std::vector<JsonValue>;
  using Object = std::vector<std::pair<std::string, JsonValue>>;

  JsonValue() = default;  // null
  JsonValue(std::nullptr_t) {}
  JsonValue(bool value) : value_(value) {}
  JsonValue(double value) : value_(value) {}
  JsonValue(std::string value) : value_(std::move(value)) {}
  JsonValue(const char* value) : value_(std::string(value)) {}
  JsonValue(Array value) : value_(std::move(value)) {}
  JsonValue(Object value) : value_(std::move(value)) {}

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  const bool* boolean() const { return std::get_if<bool>(&value_); }
  const double* number() const { return std::get_if<double>(&value_); }
  const std::string* text() const { return std::get_if<std::string>(&value_); }
  const Array* array() const { return std::get_if<Array>(&value_); }
  Array* array() { return std::get_if<Array>(&value_); }
  const Object* object() const { return std::get_if<Object>(&value_); }
  Object* object() { return std::get_if<Object>(&value_); }
  // A member of an object; null when this is no object or has none of that name.
  const JsonValue* find(std::string_view name) const;
  JsonValue* find(std::string_view name) {
    return const_cast<JsonValue*>(static_cast<const JsonValue*>(this)->find(name));
  }

  bool operator==(const JsonValue& other) const;

 private:
  std::variant<std::monostate, bool, double, std::string, Array, Object> value_;
};

// The node of an index and all below it. Of repeated members the last one stays.
JsonValue json_value(const JsonIndex& index, std::uint32_t node);

// Any JSON text, also a bare scalar. Null when it is not one complete JSON text, or is nested too deep.
std::unique_ptr<JsonValue> parse_json(std::string_view text);

// The value of a JSON number's text. False when it is beyond a double's range; the value saturates then.
bool read_number(std::string_view text, double& out);
// The shortest text that reads back as the same number.
void append_json_number(std::string& out, double number);
void append_json(std::string& out, const JsonValue& value);
std::string json_text(const JsonValue& value);

}  // namespace peerscope
