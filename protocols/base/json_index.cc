// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/json_index.h"

#include <simdjson.h>

#include <charconv>

namespace peerscope {
namespace {

namespace ondemand = simdjson::ondemand;

// The number grammar of RFC 8259 section 6. simdjson parses numbers lazily and refuses integers beyond 64 bits, which
// are JSON all the same.
enum class Number { kNone, kInteger, kDecimal };
Number classify_number(std::string_view text) {
  std::size_t i = 0;
  const auto digits = [&] {
    const std::size_t from = i;
    while (i < text.size() && text[i] >= '0' && text[i] <= '9') ++i;
    return i - from;
  };
  if (i < text.size() && text[i] == '-') ++i;
  const std::size_t first = i;
  const std::size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[first] == '0')) return Number::kNone;
  Number kind = Number::kInteger;
  if (i < text.size() && text[i] == '.') {
    ++i;
    kind = Number::kDecimal;
    if (digits() == 0) return Number::kNone;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    ++i;
    kind = Number::kDecimal;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (digits() == 0) return Number::kNone;
  }
  return i == text.size() ? kind : Number::kNone;
}

// Offset of the first byte that is not UTF-8 (RFC 3629), or size.
std::size_t first_bad_utf8(std::string_view s) {
  std::size_t i = 0;
  while (i < s.size()) {
    const auto c = static_cast<unsigned char>(s[i]);
    std::size_t n = c < 0x80                  ? 1
                    : (c >= 0xc2 && c < 0xe0) ? 2
                    : (c >= 0xe0 && c < 0xf0) ? 3
                    : (c >= 0xf0 && c < 0xf5) ? 4
                                              : 0;
    if (n == 0 || i + n > s.size()) return i;
    for (std::size_t k = 1; k < n; ++k) {
      if ((static_cast<unsigned char>(s[i + k]) & 0xc0) != 0x80) return i;
    }
    if (n > 2) {  // overlong forms, surrogates, beyond U+10FFFF
      const auto d = static_cast<unsigned char>(s[i + 1]);
      if ((c == 0xe0 && d < 0xa0) || (c == 0xed && d > 0x9f) || (c == 0xf0 && d < 0x90) || (c == 0xf4 && d > 0x8f))
        return i;
    }
    i += n;
  }
  return s.size();
}

// Whether `s` is a character that its end cuts.
bool is_half_character(std::string_view s) {
  for (const char filler : {'\x80', '\xbf'}) {
    std::string longer(s.substr(0, 4));
    while (longer.size() < 4 && s.size() < 4) {
      longer.push_back(filler);
      if (first_bad_utf8(longer) == longer.size()) return true;
    }
  }
  return false;
}

// Each byte that is not UTF-8 becomes a question mark. Returns the first one's offset, or size.
std::size_t mend_utf8(std::string& s) {
  const std::size_t first = first_bad_utf8(s);
  for (std::size_t bad = first; bad < s.size(); bad += 1 + first_bad_utf8(std::string_view(s).substr(bad + 1)))
    s[bad] = '?';
  return first;
}

// The same for control characters inside string literals, which RFC 8259 section 7 wants escaped.
std::size_t mend_controls(std::string& s) {
  std::size_t first = s.size();
  bool in_string = false;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (in_string && static_cast<unsigned char>(s[i]) < 0x20) {
      first = std::min(first, i);
      s[i] = '?';
    } else if (in_string && s[i] == '\\') {
      ++i;
    } else if (s[i] == '"') {
      in_string = !in_string;
    }
  }
  return first;
}

// RFC 8259 section 8.1 forbids it in a JSON text that travels.
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

constexpr std::size_t kMostShown = 24;  // of the text behind a fault

// Where the last string literal that never ends begins, or npos.
std::size_t unclosed_string(std::string_view s) {
  std::size_t open = std::string_view::npos;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (open != std::string_view::npos && s[i] == '\\') {
      ++i;
    } else if (s[i] == '"') {
      open = open == std::string_view::npos ? i : std::string_view::npos;
    }
  }
  return open;
}

}  // namespace

struct JsonIndex::Impl {
  ondemand::parser parser;
};

// Walks simdjson's cursor in document order. Every function returns false once the text is broken; what was read stays.
struct JsonIndex::Walker {
  std::vector<JsonNode>& nodes;
  const char* base;
  std::size_t size;
  std::vector<std::unique_ptr<std::string>>& arena;
  std::vector<Issue>& issues;
  std::size_t reached = 0;  // end of the last complete value

  std::uint32_t offset_of(const char* p) const { return static_cast<std::uint32_t>(p - base); }

  bool broken(std::size_t at, Shape shape = Shape::kMalformed) {
    at = std::min(at, size);
    std::size_t shown = std::min(size - at, kMostShown);
    while (shown > 0 && (base[at + shown - 1] == '\n' || base[at + shown - 1] == '\r')) --shown;
    // Bytes that are no text are not shown as text.
    const std::string_view seen =
        shape == Shape::kNotUtf8 ? std::string_view{} : clip_text(std::string_view(base + at, size - at), shown);
    issues.push_back({.shape = at >= size && shape == Shape::kMalformed ? Shape::kCutShort : shape,
                      .offset = static_cast<std::uint32_t>(at),
                      .length = static_cast<std::uint32_t>(shown),
                      .seen = seen});
    return false;
  }

  std::string_view keep(std::string text) {
    arena.push_back(std::make_unique<std::string>(std::move(text)));
    return *arena.back();
  }

  template <class V>
  std::uint32_t here(V& value) {
    const char* p = nullptr;
    if (value.current_location().get(p) != simdjson::SUCCESS || p < base || p > base + size)
      return static_cast<std::uint32_t>(size);
    return offset_of(p);
  }

  bool add_scalar(ondemand::value value, JsonNode node) {
    std::string_view token = value.raw_json_token();
    node.offset = offset_of(token.data());
    if (node.offset >= size) return broken(size);
    token = token.substr(0, std::min(token.size(), size - node.offset));
    const bool is_string = !token.empty() && token.front() == '"';
    if (is_string) {
      const std::size_t close = token.rfind('"');
      if (close == 0) return broken(node.offset);
      if (token.find_first_not_of(" \t\r\n", close + 1) != std::string_view::npos)
        return broken(node.offset + close + 1);
      token = token.substr(0, close + 1);
      node.kind = JsonNode::Kind::kString;
      node.text = token.substr(1, token.size() - 2);
      if (node.text.find('\\') != std::string_view::npos) {
        std::string_view plain;
        if (value.get_string().get(plain) != simdjson::SUCCESS) return broken(node.offset);
        node.text = keep(std::string(plain));
      }
    } else {
      token = token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
      node.text = token;
      const Number number = classify_number(token);
      if (number == Number::kInteger) {
        const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), node.number);
        node.kind = error == std::errc{} ? JsonNode::Kind::kInteger : JsonNode::Kind::kDecimal;
      } else if (number == Number::kDecimal) {
        node.kind = JsonNode::Kind::kDecimal;
      } else if (token == "true" || token == "false") {
        node.kind = JsonNode::Kind::kBoolean;
        node.number = token == "true";
      } else if (token == "null") {
        node.kind = JsonNode::Kind::kNull;
      } else {
        return broken(node.offset);
      }
    }
    node.length = static_cast<std::uint32_t>(token.size());
    reached = node.offset + token.size();
    nodes.push_back(node);
    nodes.back().end = static_cast<std::uint32_t>(nodes.size());
    return true;
  }

  // A container's closing bracket lies just before the cursor; scanning back from the next token finds it.
  void close(std::size_t index, std::size_t next, char bracket) {
    std::size_t at = std::min(next, size);
    while (at > nodes[index].offset && base[at - 1] != bracket) --at;
    std::size_t content = nodes[index].offset + 1U;
    for (std::size_t i = index + 1; i < nodes.size(); i = nodes[i].end) content = nodes[i].offset + nodes[i].length;
    if (at <= content)
      at = size;  // the bracket found is a child's: this container's own is the lent one behind the end
    nodes[index].length = static_cast<std::uint32_t>(at - nodes[index].offset);
    reached = at;
    nodes[index].end = static_cast<std::uint32_t>(nodes.size());
  }

  void abandon(std::size_t index) {
    nodes[index].length = static_cast<std::uint32_t>(size - nodes[index].offset);
    nodes[index].end = static_cast<std::uint32_t>(nodes.size());
  }

  bool value(ondemand::value v, JsonNode node, int depth) {
    ondemand::json_type type{};
    if (v.type().get(type) != simdjson::SUCCESS) return broken(here(v));
    if (type == ondemand::json_type::object || type == ondemand::json_type::array) {
      if (depth >= kMaxDepth) return broken(here(v), Shape::kTooDeep);
      return type == ondemand::json_type::object ? object(v, node, depth) : array(v, node, depth);
    }
    return add_scalar(v, node);
  }

  template <class V>
  bool object(V& v, JsonNode node, int depth) {
    node.kind = JsonNode::Kind::kObject;
    node.offset = here(v);
    ondemand::object object;
    const std::size_t index = nodes.size();
    nodes.push_back(node);
    if (v.get_object().get(object) != simdjson::SUCCESS) return abandon(index), broken(here(v));
    for (auto item : object) {
      ondemand::field field;
      if (std::move(item).get(field) != simdjson::SUCCESS) return abandon(index), broken(fault(v));
      JsonNode child;
      const char* const key = field.key().raw();  // behind the quote, to the end of the text: no string of its own
      child.key_offset = offset_of(key) - 1;
      const std::string_view raw(key, size - offset_of(key));
      std::size_t close_quote = 0;
      while (close_quote < raw.size() && raw[close_quote] != '"') close_quote += raw[close_quote] == '\\' ? 2 : 1;
      child.key_length = static_cast<std::uint32_t>(close_quote + 2);
      child.key = raw.substr(0, close_quote);
      if (child.key.find('\\') != std::string_view::npos) {
        std::string_view plain;
        if (field.unescaped_key().get(plain) != simdjson::SUCCESS) return abandon(index), broken(child.key_offset);
        child.key = keep(std::string(plain));
      }
      if (!value(field.value(), child, depth + 1)) return abandon(index), false;
    }
    close(index, here(v), '}');
    return true;
  }

  template <class V>
  bool array(V& v, JsonNode node, int depth) {
    node.kind = JsonNode::Kind::kArray;
    node.offset = here(v);
    ondemand::array array;
    const std::size_t index = nodes.size();
    nodes.push_back(node);
    if (v.get_array().get(array) != simdjson::SUCCESS) return abandon(index), broken(here(v));
    for (auto item : array) {
      ondemand::value child;
      if (std::move(item).get(child) != simdjson::SUCCESS) return abandon(index), broken(fault(v));
      if (!value(child, JsonNode{}, depth + 1)) return abandon(index), false;
    }
    close(index, here(v), ']');
    return true;
  }

  // simdjson gives no position after some errors; the end of what was read is then the best there is.
  template <class V>
  std::size_t fault(V& v) {
    const char* p = nullptr;
    if (v.current_location().get(p) == simdjson::SUCCESS && p >= base && p <= base + size) return offset_of(p);
    const std::size_t from = std::max<std::size_t>(reached, nodes.empty() ? 0 : nodes.back().offset + 1U);
    return std::min(std::string_view(base, size).find_first_not_of(" \t\r\n", from), size);
  }
};

JsonIndex::JsonIndex() : impl_(std::make_unique<Impl>()) {}
JsonIndex::~JsonIndex() = default;

std::size_t JsonIndex::padding() {
  return simdjson::SIMDJSON_PADDING;
}

bool JsonIndex::parse(std::string& bytes, std::size_t size, std::vector<std::unique_ptr<std::string>>& arena,
                      std::vector<Issue>& issues) {
  nodes_.clear();
  Walker walker{nodes_, bytes.data(), size, arena, issues};
  const std::string_view all(bytes.data(), size);
  text_ = all;
  std::size_t start = all.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return walker.broken(size);

  bool good = true;  // no fault of the structure told so far
  bool utf8 = true;
  std::size_t used = size;
  const auto iterate_copy = [&](std::string text) {
    std::string& copy = *arena.emplace_back(std::make_unique<std::string>(std::move(text)));
    const std::size_t length = copy.size();
    copy.resize(length + padding());
    walker.base = copy.data();
    walker.size = used;
    return impl_->parser.iterate(copy.data(), length, copy.size());
  };

  ondemand::document document;
  auto error = impl_->parser.iterate(bytes.data(), size, bytes.size()).get(document);
  if (error != simdjson::SUCCESS || all.starts_with(kByteOrderMark)) {
    // simdjson refuses such a text as a whole. Its bad bytes are told and replaced, so that positions stay and the rest
    // can be shown.
    std::string mended(all);
    const std::size_t bad_utf8 = mend_utf8(mended);
    const std::size_t bad_control = mend_controls(mended);
    const bool mark = mended.starts_with(kByteOrderMark);
    if (mark) mended.replace(0, kByteOrderMark.size(), kByteOrderMark.size(), ' ');
    utf8 =
        bad_utf8 == size || is_half_character(all.substr(bad_utf8));  // half: the text is cut, which the rest will tell
    good = bad_control == size && !mark;
    if (bad_utf8 < size || !good) {
      error = iterate_copy(std::move(mended)).get(document);
      text_ = std::string_view(walker.base, size);
      if (mark) walker.broken(0);
      if (!utf8) walker.broken(bad_utf8, Shape::kNotUtf8);
      if (bad_control < size) walker.broken(bad_control);
    }
  }
  if (error != simdjson::SUCCESS) {
    // A string without end hides the structure from simdjson: cut it off and read what stands before it.
    const std::size_t open = unclosed_string(text_);
    if (open == std::string_view::npos || open == 0) return good ? walker.broken(start) : false;
    if (good) {
      issues.push_back({.shape = Shape::kCutShort,
                        .offset = static_cast<std::uint32_t>(open),
                        .length = static_cast<std::uint32_t>(size - open),
                        .seen = clip_text(text_.substr(open), kMostShown)});
    }
    good = false;
    used = open;
    error = iterate_copy(std::string(walker.base, open)).get(document);
    if (error != simdjson::SUCCESS) return false;
  }
  // simdjson wants the root's closing bracket to be the last byte before it reads anything. Where something else stands
  // there (the text is cut, or more follows), a bracket behind the end lets it read up to the fault.
  const std::string_view head = std::string_view(walker.base, used);
  start = head.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return good ? walker.broken(used) : false;
  const char closer = head[start] == '[' ? ']' : '}';
  const std::size_t last = head.find_last_not_of(" \t\r\n");
  const bool lent = last != std::string_view::npos && head[last] != closer;
  if (lent) {
    if (iterate_copy(std::string(head) + closer).get(document) != simdjson::SUCCESS)
      return good ? walker.broken(start) : false;
  }

  ondemand::json_type type{};
  if (document.type().get(type) != simdjson::SUCCESS) return walker.broken(start);
  bool whole = false;
  const std::size_t issues_before = issues.size();
  if (type == ondemand::json_type::object) {
    whole = walker.object(document, JsonNode{}, 0);
  } else if (type == ondemand::json_type::array) {
    whole = walker.array(document, JsonNode{}, 0);
  } else {
    // A bare scalar is JSON, yet no message of ours; its value is of no use to anyone.
    return walker.broken(start, Shape::kWrongType);
  }
  if (!whole && !good && issues.size() > issues_before) issues.pop_back();  // the fault was told already
  const char* rest = nullptr;
  if (whole && document.current_location().get(rest) == simdjson::SUCCESS && walker.offset_of(rest) < walker.size) {
    return walker.broken(walker.offset_of(rest), Shape::kTrailing);
  }
  if (whole && good && lent) return walker.broken(used);  // only the lent bracket closed the root
  return whole && good && utf8;
}

bool is_utf8(std::string_view text) {
  return first_bad_utf8(text) == text.size();
}

std::string_view clip_text(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

void append_json_quoted(std::string& out, std::string_view text) {
  out.push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          static constexpr char kHex[] = "0123456789abcdef";
          out += "\\u00";
          out.push_back(kHex[(c >> 4) & 15]);
          out.push_back(kHex[c & 15]);
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
}

std::string json_quote(std::string_view text) {
  std::string out;
  append_json_quoted(out, text);
  return out;
}

}  // namespace peerscope
