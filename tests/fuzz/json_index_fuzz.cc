// SPDX-License-Identifier: GPL-2.0-or-later
// Any bytes through the JSON index: every node within the text, every key and string where the bytes say.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "protocols/base/json_index.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerscope;
  const auto demand = [](bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
  };
  std::string bytes(reinterpret_cast<const char*>(data), size);
  bytes.resize(size + JsonIndex::padding());
  std::vector<std::unique_ptr<std::string>> arena;
  std::vector<Issue> issues;
  static JsonIndex index;
  const bool whole = index.parse(bytes, size, arena, issues);
  demand(whole == issues.empty(), "an issue if and only if the text is not whole");
  const auto& nodes = index.nodes();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const JsonNode& node = nodes[i];
    demand(node.offset <= size && node.length <= size - node.offset, "value within the text");
    demand(node.key_offset <= size && node.key_length <= size - node.key_offset, "key within the text");
    demand(node.end > i && node.end <= nodes.size(), "descendants within the list");
    if (!whole) continue;
    demand(node.length > 0, "a value takes bytes");
    const char first = bytes[node.offset];
    const char last = bytes[node.offset + node.length - 1];
    switch (node.kind) {
      case JsonNode::Kind::kObject:
        demand(first == '{' && last == '}', "object between braces");
        break;
      case JsonNode::Kind::kArray:
        demand(first == '[' && last == ']', "array between brackets");
        break;
      case JsonNode::Kind::kString:
        demand(first == '"' && last == '"' && node.length >= 2, "string between quotes");
        break;
      default:
        demand(std::string_view(bytes).substr(node.offset, node.length) == node.text, "scalar as written");
    }
    if (node.key_length > 0)
      demand(bytes[node.key_offset] == '"' && bytes[node.key_offset + node.key_length - 1] == '"',
             "key between quotes");
  }
  for (const Issue& issue : issues)
    demand(issue.offset <= size && issue.length <= size - issue.offset, "issue within the text");
  // A literal made from any bytes is one string again.
  if (whole || issues.front().shape == Shape::kNotUtf8) return 0;
  std::string quoted = "[" + json_quote(std::string_view(bytes).substr(0, size)) + "]";
  const std::size_t length = quoted.size();
  quoted.resize(length + JsonIndex::padding());
  issues.clear();
  if (index.parse(quoted, length, arena, issues))
    demand(index.nodes().size() == 2 && index.nodes()[1].text == std::string_view(bytes).substr(0, size),
           "quoting loses nothing");
  else
    demand(issues.front().shape == Shape::kNotUtf8, "a quoted text is JSON");
  return 0;
}
