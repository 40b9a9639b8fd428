// SPDX-License-Identifier: GPL-2.0-or-later
// JsonIndex: a JSON text as a flat list of nodes with the byte range of every key and value. simdjson does the
// scanning; the index adds positions, tolerance (what can be read of a broken text is kept) and a depth limit.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/event.h"

namespace peerscope {

struct JsonNode {
  enum class Kind : std::uint8_t { kObject, kArray, kString, kInteger, kDecimal, kBoolean, kNull };
  Kind kind = Kind::kNull;
  std::uint32_t offset = 0;  // of the value, quotes and brackets included
  std::uint32_t length = 0;
  std::uint32_t key_offset = 0;  // of the member's name with its quotes; length 0 in arrays and at the root
  std::uint32_t key_length = 0;
  std::uint32_t end = 0;    // index one past the last descendant
  std::string_view key{};   // unescaped
  std::string_view text{};  // strings unescaped; other scalars as written
  std::int64_t number = 0;  // kInteger; kBoolean 0 or 1
};

class JsonIndex {
 public:
  static constexpr int kMaxDepth = 64;
  // RFC 8259 padding that `bytes` must have behind `size`.
  static std::size_t padding();

  JsonIndex();
  ~JsonIndex();

  // `bytes` holds the text in its first `size` bytes and padding() more. Nodes, issues and text() point into `bytes`
  // and `arena`, and are UTF-8. Returns false when the text is not one complete JSON text; the nodes up to the fault
  // are kept and `issues` tells the fault.
  bool parse(std::string& bytes, std::size_t size, std::vector<std::unique_ptr<std::string>>& arena,
             std::vector<Issue>& issues);
  const std::vector<JsonNode>& nodes() const { return nodes_; }
  // The text with every byte that is not UTF-8 replaced by a question mark; positions are those of the bytes.
  std::string_view text() const { return text_; }

 private:
  struct Walker;
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::vector<JsonNode> nodes_;
  std::string_view text_;
};

// RFC 3629.
bool is_utf8(std::string_view text);

// At most `most` bytes of a UTF-8 text, never half a character.
std::string_view clip_text(std::string_view text, std::size_t most);

// A JSON string literal with quotes.
std::string json_quote(std::string_view text);
void append_json_quoted(std::string& out, std::string_view text);

}  // namespace peerscope
