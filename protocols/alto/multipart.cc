// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/alto/multipart.h"

#include <algorithm>
#include <memory>

#include "protocols/base/json_index.h"

namespace peerscope::alto {
namespace {

constexpr std::size_t kMostParts = 100;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}
std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

void add_text(Message& message, std::uint32_t parent, const Field& field, std::string_view text) {
  Event event;
  event.field = &field;
  event.offset = static_cast<std::uint32_t>(text.data() - message.bytes.data());
  event.length = static_cast<std::uint32_t>(text.size());
  event.parent = parent;
  event.depth = 2;
  event.has_text = true;
  event.text = is_utf8(text) ? text : std::string_view("(not UTF-8)");
  message.events.push_back(event);
  message.events.back().end = static_cast<std::uint32_t>(message.events.size());
}

// The headers up to the empty line; the rest is the part's content.
void read_part(Message& message, Multipart& multipart, std::string_view whole,
               void (*decode)(std::string_view bytes, Message& message)) {
  Part out;
  Event group;
  group.field = &kMultipartPart;
  group.offset = static_cast<std::uint32_t>(whole.data() - message.bytes.data());
  group.length = static_cast<std::uint32_t>(whole.size());
  group.index = static_cast<std::int32_t>(multipart.parts.size());
  group.parent = 0;
  group.depth = 1;
  out.index = static_cast<std::uint32_t>(message.events.size());
  message.events.push_back(group);
  std::string_view rest = whole;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trimmed(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) break;
    const std::size_t colon = std::min(line.find(':'), line.size());
    const std::string name = lower(trimmed(line.substr(0, colon)));
    const std::string_view value = trimmed(line.substr(std::min(colon + 1, line.size())));
    if (!is_utf8(value)) continue;  // no header of ours
    if (name == "content-id" && !out.content_id) {
      out.content_id = value;
      add_text(message, out.index, kPartContentId, value);
    } else if (name == "content-type" && !out.content_type) {
      out.content_type = lower(trimmed(value.substr(0, value.find(';'))));
      add_text(message, out.index, kPartContentType, value);
    }
  }
  message.events[out.index].end = static_cast<std::uint32_t>(message.events.size());
  MessagePart part;
  part.message = std::make_unique<Message>();
  part.message->transport.content_type = out.content_type.value_or("");
  part.pieces = {{0, static_cast<std::uint32_t>(rest.data() - message.bytes.data())}};
  // Nothing nests further.
  const std::string type = out.content_type.value_or("");
  if (type.starts_with("application/") && !rest.empty()) {
    decode(rest, *part.message);
    out.message = part.message->type != nullptr ? part.message.get() : nullptr;
    append_part(message, out.index, std::move(part));
  }
  multipart.parts.push_back(std::move(out));
}

}  // namespace

void decode_multipart(Message& message, void (*decode)(std::string_view bytes, Message& message)) {
  auto multipart = std::make_shared<Multipart>();
  const std::string_view bytes = message.view();
  Event root;
  root.field = &kRoot;
  root.length = static_cast<std::uint32_t>(bytes.size());
  message.events.push_back(root);
  const std::size_t start = bytes.starts_with("--") ? 0 : bytes.find("\n--");
  if (start != std::string_view::npos) {
    const std::size_t line = start == 0 ? 0 : start + 1;
    const std::string delimiter(trimmed(bytes.substr(line, bytes.find('\n', line) - line)));
    std::size_t at = line + delimiter.size();
    while (delimiter.size() > 2 && multipart->parts.size() < kMostParts && !multipart->closed) {
      const std::size_t content = bytes.find('\n', at);
      if (content == std::string_view::npos) break;
      const std::size_t next = bytes.find("\n" + delimiter, content);
      std::string_view part = bytes.substr(content + 1, next == std::string_view::npos ? next : next - content - 1);
      if (next != std::string_view::npos && part.ends_with('\r')) part.remove_suffix(1);
      if (next == std::string_view::npos && trimmed(part).empty()) break;
      // next is the line end before the delimiter, which may be the one that ends this delimiter's own line.
      if (next == content) part = {};
      if (!part.empty()) read_part(message, *multipart, part, decode);
      if (next == std::string_view::npos) break;
      at = next + 1 + delimiter.size();
      multipart->closed = bytes.substr(at).starts_with("--");
    }
  }
  message.events.front().end = static_cast<std::uint32_t>(message.events.size());
  message.body = std::move(multipart);
}

bool is_path_vector(std::string_view start) {
  constexpr std::string_view kName = "content-type:";
  constexpr std::string_view kOwn = "application/alto-";
  const auto begins = [](std::string_view text, std::string_view with) {  // whatever the case
    return text.size() >= with.size() && std::equal(with.begin(), with.end(), text.begin(), [](char a, char b) {
             return a == (b >= 'A' && b <= 'Z' ? static_cast<char>(b + 32) : b);
           });
  };
  if (!start.starts_with("--")) return false;
  while (!start.empty()) {
    const std::size_t end = std::min(start.find('\n'), start.size());
    const std::string_view line = trimmed(start.substr(0, end));
    start.remove_prefix(std::min(end + 1, start.size()));
    if (line.empty()) return false;  // the part's content
    if (begins(line, kName)) return begins(trimmed(line.substr(kName.size())), kOwn);
  }
  return false;
}

}  // namespace peerscope::alto
