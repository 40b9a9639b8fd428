// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/event.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <charconv>

#include "protocols/base/tree.h"

namespace peerscope {

std::string_view to_string(Replay replay) {
  static constexpr std::array<std::string_view, 9> kNames = {"payload",  "exchange_id", "party_id",  "address", "time",
                                                             "ordering", "derived",     "signature", "nonce"};
  return kNames[static_cast<std::size_t>(replay)];
}

std::string_view to_string(Type type) {
  static constexpr std::array<std::string_view, 13> kNames = {"group",  "boolean", "uint8", "uint16", "uint24",
                                                              "uint32", "uint64",  "int64", "double", "string",
                                                              "bytes",  "ipv4",    "ipv6"};
  return kNames[static_cast<std::size_t>(type)];
}

std::string_view to_string(Shape shape) {
  static constexpr std::array<std::string_view, 20> kNames = {"malformed",       "not UTF-8",
                                                              "nested too deep", "trailing bytes",
                                                              "cut short",       "missing",
                                                              "duplicate",       "wrong type",
                                                              "not an integer",  "out of range",
                                                              "unknown value",   "unknown member",
                                                              "empty list",      "single object for a list",
                                                              "quoted number",   "misplaced",
                                                              "misnamed",        "draft member",
                                                              "bad length",      "too many elements"};
  return kNames[static_cast<std::size_t>(shape)];
}

std::string_view value_name(const Field& field, std::int64_t value) {
  for (const ValueName& row : field.names) {
    if (row.value == value) return row.name;
  }
  return {};
}

std::string explain(const Issue& issue) {
  const std::string_view name = issue.field == nullptr         ? std::string_view("the message")
                                : issue.field->name[0] == '\0' ? std::string_view(issue.field->label)
                                                               : std::string_view(issue.field->name);
  const std::string where = issue.parent != nullptr ? fmt::format(" of {}", issue.parent->name) : "";
  const std::string_view seen = issue.seen;
  switch (issue.shape) {
    case Shape::kMalformed:
      return fmt::format("not parsable at byte {}: {}", issue.offset, seen.empty() ? "end of the body" : seen);
    case Shape::kNotUtf8:
      return fmt::format("byte {} is not UTF-8", issue.offset);
    case Shape::kTooDeep:
      return fmt::format("nested deeper than any message needs, at byte {}", issue.offset);
    case Shape::kTrailing:
      return fmt::format("more bytes after the end of the message, at byte {}: {}", issue.offset, seen);
    case Shape::kCutShort:
      return fmt::format("the body ends in the middle, at byte {}", issue.offset);
    case Shape::kMissing:
      return fmt::format("mandatory member {}{} is missing", name, where);
    case Shape::kDuplicate:
      return fmt::format("member {}{} appears more than once", name, where);
    case Shape::kWrongType:
      return fmt::format("{}{} has the wrong type: expected {}, seen {}", name, where,
                         issue.field != nullptr ? to_string(issue.field->type) : "an object", seen);
    case Shape::kNotInteger:
      return fmt::format("{}{} is not a whole number of 64 bits: {}", name, where, seen);
    case Shape::kOutOfRange:
      if (issue.field->type == Type::kBoolean) return fmt::format("{}{} is {}, allowed is 0 or 1", name, where, seen);
      if (issue.field->type == Type::kDouble)
        return fmt::format("{}{} is {}, allowed is {} or more, within the range of a double", name, where, seen,
                           issue.field->min);
      return fmt::format("{}{} is {}, allowed is {} to {}", name, where, seen, issue.field->min, issue.field->max);
    case Shape::kUnknownValue: {
      std::string known;
      for (const std::string_view word : issue.field->vocabulary)
        known += (known.empty() ? "" : ", ") + std::string(word);
      return fmt::format("{}{} is \"{}\", expected one of {}", name, where, seen, known);
    }
    case Shape::kUnknownMember:
      return fmt::format("member {}{} is not in the specification (ignored)", seen, where);
    case Shape::kEmptyList:
      return fmt::format("{}{} is an empty list, at least one element is needed", name, where);
    case Shape::kSingleForList:
      return fmt::format("{}{} is one object where a list belongs", name, where);
    case Shape::kQuotedNumber:
      return fmt::format("{}{} is a number in quotes: \"{}\"", name, where, seen);
    case Shape::kMisplaced:
      return fmt::format("{} stands{} instead of in its own object", name,
                         issue.parent != nullptr ? fmt::format(" in {}", issue.parent->name) : "");
    case Shape::kMisnamed:
      return fmt::format("{}{} is spelled {}", name, where, seen);
    case Shape::kDraft:
      return fmt::format("{}{} belongs to a draft from before the RFC", name, where);
    case Shape::kBadLength:
      return fmt::format("the length {} of {}{} does not fit its content", seen, name, where);
    case Shape::kTooMany:
      return fmt::format("more elements than any message needs, at byte {}", issue.offset);
  }
  return {};
}

namespace {

std::string_view event_name(const Event& event) {
  return event.unknown ? event.label : std::string_view(event.field->name);
}

std::uint32_t first_child(std::uint32_t index) {
  return index + 1;
}

// Whether an event is `wanted` of its list.
bool has_index(const Event& event, std::string_view wanted) {
  int number = -1;
  const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), number);
  return error == std::errc{} && end == wanted.data() + wanted.size() && event.index == number;
}

// Entries and elements without a name: "[west]", "[0]", and "[ipv4][0]" for an element of an entry's list. What is left
// of the path behind them comes back in `rest`.
bool nameless_matches(const Event& event, const PathStep& step, bool first_only, std::string_view& rest) {
  if (!event_name(event).empty() || !step.name.empty()) return false;
  rest = step.rest;
  const bool every = step.selector == "*";
  if (event.key == nullptr) return every || has_index(event, step.selector);
  if (!every && event.label != step.selector) return false;
  if (event.index < 0) return true;
  if (!rest.starts_with('[')) return rest.empty() && (!first_only || event.index == 0);
  const PathStep element = first_step(rest);
  rest = element.rest;
  return has_index(event, element.selector);
}

bool step_matches(std::span<const Event> events, std::uint32_t index, const PathStep& step, bool first_only) {
  const Event& event = events[index];
  if (event_name(event) != step.name) return false;
  if (!step.has_selector) return !first_only || event.index <= 0;
  if (step.selector == "*") return event.index >= 0;
  const std::size_t equals = step.selector.find('=');
  if (equals == std::string_view::npos) {
    // A key of an object without entries is no number either.
    return has_index(event, step.selector) || (event.index < 0 && step.selector == "0");
  }
  const std::string_view key = step.selector.substr(0, equals);
  const std::string_view value = step.selector.substr(equals + 1);
  for (std::uint32_t i = first_child(index); i < event.end; i = events[i].end) {
    if (event_name(events[i]) != key) continue;
    if (events[i].has_text ? events[i].text == value : std::to_string(events[i].number) == value) return true;
  }
  return false;
}

void search(std::span<const Event> events, std::uint32_t from, std::uint32_t to, std::string_view path, bool first_only,
            std::vector<std::uint32_t>& out) {
  const PathStep step = first_step(path);
  for (std::uint32_t i = from; i < to; i = std::max(events[i].end, i + 1)) {
    if (first_only && !out.empty()) return;
    const bool group = first_child(i) < events[i].end;
    if (step.has_selector && step.name.empty()) {
      std::string_view rest;
      if (!nameless_matches(events[i], step, first_only, rest)) continue;
      if (rest.empty())
        out.push_back(i);
      else
        search(events, first_child(i), events[i].end, rest, first_only, out);
      continue;
    }
    if (step.has_selector && events[i].index < 0 && group && event_name(events[i]) == step.name &&
        event_name(events[first_child(i)]).empty()) {
      search(events, first_child(i), events[i].end, path.substr(step.name.size()), first_only, out);
      continue;
    }
    if (!step_matches(events, i, step, first_only)) continue;
    if (step.rest.empty())
      out.push_back(i);
    else
      search(events, first_child(i), events[i].end, step.rest, first_only, out);
  }
}

// The path may start below the wrapper groups at the top, and may be a filter name: `ppstp.peer_id`, at any depth.
std::vector<std::uint32_t> search_from_top(std::span<const Event> events, std::string_view path, bool first_only) {
  std::vector<std::uint32_t> out;
  std::uint32_t from = 0;
  auto to = static_cast<std::uint32_t>(events.size());
  for (int level = 0; level < 2 && out.empty() && from < to; ++level) {
    search(events, from, to, path, first_only, out);
    if (!out.empty() || events[from].field->type != Type::kGroup) break;
    to = events[from].end;
    from = first_child(from);
  }
  for (std::uint32_t i = 0; out.empty() && !path.empty() && i < events.size(); ++i) {
    if (path != events[i].field->filter) continue;
    out.push_back(i);
    while (!first_only && ++i < events.size()) {
      if (path == events[i].field->filter) out.push_back(i);
    }
  }
  return out;
}

// "action", "swarm_action[0]", "[west]", "[ipv4][0]".
std::string step_of(const Event& event) {
  std::string step(event_name(event));
  if (event.key != nullptr) step += fmt::format("[{}]", event.label);
  if (event.index >= 0) step += fmt::format("[{}]", event.index);
  return step;
}

}  // namespace

std::string path_of(std::span<const Event> events, std::uint32_t index) {
  std::string path;
  while (index != Event::kNoParent) {
    const Event& event = events[index];
    const std::string step = step_of(event);
    path = path.empty() || path.starts_with('[') ? step + path : step + "." + path;
    index = event.parent;
  }
  return path;
}

std::uint32_t find_path(std::span<const Event> events, std::string_view path) {
  const auto found = search_from_top(events, path, true);
  return found.empty() ? Event::kNoParent : found.front();
}

std::vector<std::uint32_t> find_all(std::span<const Event> events, std::string_view path) {
  return search_from_top(events, path, false);
}

std::string value_text(const Event& event) {
  if (event.unknown || event.has_real) return std::string(event.text);
  if (event.empty) return "[]";
  if (event.has_text && event.field->type == Type::kBytes) {
    std::string hex;
    for (const char c : event.text) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return hex;
  }
  if (event.has_text && event.field->type == Type::kIpv6 && event.text.size() == 16) {
    char text[INET6_ADDRSTRLEN] = {};
    return inet_ntop(AF_INET6, event.text.data(), text, sizeof text) != nullptr ? text : "";
  }
  if (event.has_text) return fmt::format("\"{}\"", event.text);
  if (!event.has_number) return {};
  if (event.field->type == Type::kIpv4) {
    return fmt::format("{}.{}.{}.{}", event.number >> 24 & 0xff, event.number >> 16 & 0xff, event.number >> 8 & 0xff,
                       event.number & 0xff);
  }
  const std::string_view name = value_name(*event.field, event.number);
  const auto unsigned_number = static_cast<std::uint64_t>(event.number);
  const std::string number = event.field->display == Display::kHex ? fmt::format("{:#x}", unsigned_number)
                             : event.field->type == Type::kUint64  ? std::to_string(unsigned_number)
                                                                   : std::to_string(event.number);
  return name.empty() ? number : fmt::format("{} ({})", number, name);
}

std::string print_tree(std::span<const Event> events) {
  std::string out;
  for (const Event& event : events) {
    out.append(static_cast<std::size_t>(event.depth) * 2, ' ');
    out += step_of(event);
    const std::string value = value_text(event);
    if (!value.empty()) out += ": " + value;
    out.push_back('\n');
  }
  return out;
}

}  // namespace peerscope
