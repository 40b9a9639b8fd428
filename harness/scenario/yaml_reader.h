// SPDX-License-Identifier: GPL-2.0-or-later
// Reads a strict YAML file's maps: what is unknown, missing or of the wrong form becomes one error with file, line and
// column.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/scenario/expression.h"
#include "protocols/base/tree.h"

namespace peerscope::harness {

// Keeps the first error.
struct YamlReader {
  std::string path;
  std::string& error;

  void fail(const Tree& at, std::string_view what) {
    if (error.empty()) error = fmt::format("{}:{}:{}: {}", path, at.line, at.column, what);
  }
  // Of a helper: "line 3, column 5: ..." becomes "file.yaml:3:5: ...".
  void located(const std::string& said, std::string_view where) {
    int line = 0;
    int column = 0;
    int used = 0;
    if (!error.empty()) return;
    if (std::sscanf(said.c_str(), "line %d, column %d: %n", &line, &column, &used) == 2 && used > 0)
      error = fmt::format("{}:{}:{}: {}: {}", path, line, column, where, said.substr(static_cast<std::size_t>(used)));
    else
      error = fmt::format("{}: {}: {}", path, where, said);
  }
  void keys(const Tree& map, std::initializer_list<std::string_view> known) {
    keys(map, std::span(known.begin(), known.size()));
  }
  void keys(const Tree& map, std::span<const std::string_view> known) {
    if (!map.is_map() && map.kind != Tree::Kind::kNull) return fail(map, "expected a map");
    for (const auto& [key, value] : map.members) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      std::string all;
      for (const std::string_view k : known) all += (all.empty() ? "" : ", ") + std::string(k);
      fail(value, fmt::format("unknown key '{}'; there are {}", key, all));
    }
  }
  std::string text(const Tree& map, std::string_view key, std::string otherwise = {}) {
    const Tree* value = map.find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_scalar()) fail(*value, fmt::format("{}: expected a text", key));
    return value->scalar;
  }
  double seconds(const Tree& map, std::string_view key, double otherwise) {
    const Tree* value = map.find(key);
    if (value == nullptr) return otherwise;
    const auto parsed = parse_seconds(value->scalar);
    if (!parsed || *parsed < 0) fail(*value, fmt::format("{}: expected a duration such as 5s or 500ms", key));
    return parsed.value_or(otherwise);
  }
  std::vector<std::string> words(const Tree& map, std::string_view key) {
    std::vector<std::string> out;
    const Tree* value = map.find(key);
    if (value == nullptr) return out;
    if (!value->is_list()) fail(*value, fmt::format("{}: expected a list", key));
    for (const Tree& item : value->items) {
      if (!item.is_scalar()) fail(item, fmt::format("{}: expected texts", key));
      out.push_back(item.scalar);
    }
    return out;
  }
};

}  // namespace peerscope::harness
