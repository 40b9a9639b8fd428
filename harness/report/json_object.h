// SPDX-License-Identifier: GPL-2.0-or-later
// JSON objects for reports, member by member. Names and texts are quoted here; what is given as raw is JSON already.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/json_index.h"

namespace peerscope::harness {

class JsonObject {
 public:
  JsonObject& text(std::string_view key, std::string_view value) { return raw(key, json_quote(value)); }
  JsonObject& number(std::string_view key, std::uint64_t value) { return raw(key, std::to_string(value)); }
  JsonObject& raw(std::string_view key, std::string_view value) {
    out_ += fmt::format("{}{}:{}", out_.size() > 1 ? "," : "", json_quote(key), value);
    return *this;
  }
  std::string finish() const { return out_ + "}"; }

 private:
  std::string out_ = "{";
};

inline std::string json_list(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) out += (out.size() > 1 ? ",\n" : "") + item;
  return out + "]";
}

}  // namespace peerscope::harness
