// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/scenario/match.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <regex>

#include "protocols/base/binary_archive.h"

namespace peerscope::harness {

std::string plain_value(const Event& event) {
  if (event.has_number && event.field->type == Type::kUint64)
    return std::to_string(static_cast<std::uint64_t>(event.number));
  if (event.has_number) return std::to_string(event.number);
  if (event.has_real) return fmt::format("{}", event.real);  // 1, 1.0 and 1e0 are one number
  if (event.field->type != Type::kBytes) return std::string(event.text);
  std::string hex;
  for (const char c : event.text) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

namespace {

constexpr std::array<std::string_view, 7> kComparisons = {"eq", "ne", "lt", "le", "gt", "ge", "re"};
constexpr std::array<std::string_view, 7> kOthers = {"in", "present", "absent", "any", "len", "contains", "lacks"};

bool is_one_of(std::string_view word, std::span<const std::string_view> words) {
  for (const std::string_view candidate : words) {
    if (candidate == word) return true;
  }
  return false;
}

// Scenarios may write 0x17, or the name of a code point, where a message has a number.
Tree as_number(const Event& event, Tree wanted) {
  std::uint64_t number = 0;
  if (!event.has_number) return wanted;
  const bool named =
      !event.field->names.empty() || event.field->type == Type::kBoolean || wanted.scalar.starts_with("0x");
  if (named && wanted.is_scalar() && parse_number(*event.field, wanted.scalar, number)) {
    const bool wide = event.field->type == Type::kUint64;
    wanted.scalar = wide ? std::to_string(number) : std::to_string(static_cast<std::int64_t>(number));
  }
  for (Tree& item : wanted.items) item = as_number(event, std::move(item));
  for (auto& [op, value] : wanted.members) {
    if (op != "re") value = as_number(event, std::move(value));
  }
  return wanted;
}

std::string show(const Tree& tree) {
  if (tree.is_scalar() || tree.kind == Tree::Kind::kNull) return tree.scalar;
  std::string out;
  for (const Tree& item : tree.items) out += (out.empty() ? "" : ", ") + show(item);
  for (const auto& [key, value] : tree.members) out += (out.empty() ? "" : ", ") + key + ": " + show(value);
  return tree.is_list() ? "[" + out + "]" : "{" + out + "}";
}

bool compare(std::string_view value, std::string_view op, const std::string& wanted) {
  // The library's matcher recurses once a character; a text of this length is none that a pattern was written for.
  constexpr std::size_t kLongestSearched = 4096;
  if (op == "re") return value.size() <= kLongestSearched && std::regex_search(std::string(value), std::regex(wanted));
  double a = 0;
  double b = 0;
  const auto number = [](std::string_view text, double& out) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    return error == std::errc{} && end == text.data() + text.size();
  };
  if (op == "eq") return value == wanted;  // "01" is not "1" where both are texts
  if (op == "ne") return value != wanted;
  const bool numeric = number(value, a) && number(wanted, b);
  const int order = numeric ? (a < b ? -1 : a > b ? 1 : 0) : value.compare(wanted);
  if (op == "lt") return order < 0;
  if (op == "le") return order <= 0;
  if (op == "gt") return order > 0;
  return order >= 0;
}

// Whether the group at `index` has all the members that `wanted` names.
bool element_matches(const Message& message, std::uint32_t index, const Tree& wanted) {
  const std::span<const Event> inside(message.events.data() + index + 1, message.events[index].end - index - 1);
  for (const auto& [path, value] : wanted.members) {
    bool found = false;
    for (const Event& event : inside) {
      if (event.unknown || event.parent == Event::kNoParent) continue;
      const auto at = static_cast<std::uint32_t>(&event - message.events.data());
      // The member's path from the element on.
      std::string name(event.field->name);
      for (std::uint32_t up = event.parent; up != index && up != Event::kNoParent; up = message.events[up].parent)
        name = std::string(message.events[up].field->name) + "." + name;
      std::string expected;
      if (at > index && name == path && match_value(plain_value(event), as_number(event, value), expected))
        found = true;
    }
    if (!found) return false;
  }
  return true;
}

std::string describe_elements(const Message& message, const std::vector<std::uint32_t>& found) {
  if (found.empty()) return "nothing";
  std::string out = fmt::format("{} element{}", found.size(), found.size() == 1 ? "" : "s");
  for (std::size_t i = 0; i < found.size() && i < 3; ++i) {
    const Event& event = message.events[found[i]];
    for (std::uint32_t k = found[i] + 1; k < event.end; k = message.events[k].end) {
      if (message.events[k].field->type != Type::kGroup)
        out += fmt::format("{}{}: {}", k == found[i] + 1 ? "; " : ", ", message.events[k].field->name,
                           value_text(message.events[k]));
    }
  }
  return out;
}

void match_one(const Message& message, const std::string& path, const Tree& wanted, std::vector<Mismatch>& out) {
  const auto found = find_all(message.events, path);
  const auto miss = [&](std::string expected, std::string seen) {
    out.push_back({path, std::move(expected), std::move(seen)});
  };
  const auto seen_value = [&] {
    return found.empty()                                          ? std::string("nothing")
           : message.events[found[0]].field->type == Type::kGroup ? describe_elements(message, found)
                                                                  : value_text(message.events[found[0]]);
  };
  if (!wanted.is_map()) {
    std::string expected;
    if (found.empty() ||
        !match_value(plain_value(message.events[found[0]]), as_number(message.events[found[0]], wanted), expected))
      miss(show(wanted), seen_value());
    return;
  }
  for (const auto& [op, value] : wanted.members) {
    if (op == "present" || op == "absent") {
      if (found.empty() == ((op == "present") == (value.scalar != "false"))) miss(op, seen_value());
    } else if (op == "len") {
      std::string expected;
      if (!match_value(std::to_string(found.size()), value, expected))
        miss(fmt::format("{} elements", expected), describe_elements(message, found));
    } else if (op == "contains" || op == "lacks") {
      bool any = false;
      for (const std::uint32_t index : found) any = any || element_matches(message, index, value);
      if (any != (op == "contains"))
        miss(fmt::format("{} element with {}", op == "contains" ? "an" : "no", show(value)),
             describe_elements(message, found));
    } else if (op != "any") {
      Tree single = Tree::map();
      single.members.emplace_back(op, value);
      std::string expected;
      if (!found.empty()) single = as_number(message.events[found[0]], std::move(single));
      if (found.empty() || !match_value(plain_value(message.events[found[0]]), single, expected))
        miss(expected.empty() ? fmt::format("{} {}", op, show(value)) : expected, seen_value());
    }
  }
}

}  // namespace

bool match_value(std::string_view value, const Tree& wanted, std::string& expected) {
  expected = show(wanted);
  if (wanted.is_list()) return false;
  if (!wanted.is_map()) return value == wanted.scalar;
  for (const auto& [op, operand] : wanted.members) {
    if (op == "in") {
      bool any = false;
      for (const Tree& item : operand.items) any = any || value == item.scalar;
      if (!any) return false;
    } else if (is_one_of(op, kComparisons)) {
      if (!compare(value, op, operand.scalar)) return false;
    }
  }
  return true;
}

std::vector<Mismatch> match_message(const Message& message, const Tree& where) {
  std::vector<Mismatch> out;
  for (const auto& [path, wanted] : where.members) match_one(message, path, wanted, out);
  return out;
}

std::string check_where(const Tree& where) {
  const auto fail = [](const Tree& at, std::string_view what) {
    return fmt::format("line {}, column {}: {}", at.line, at.column, what);
  };
  if (where.kind == Tree::Kind::kNull) return {};
  if (!where.is_map()) return fail(where, "`where` is a map of field paths");
  for (const auto& [path, wanted] : where.members) {
    if (wanted.is_list())
      return fail(wanted, fmt::format("{}: a list is no value; use {{in: [...]}} or {{contains: ...}}", path));
    for (const auto& [op, value] : wanted.members) {
      if (!is_one_of(op, kComparisons) && !is_one_of(op, kOthers)) {
        return fail(
            value,
            fmt::format(
                "{}: unknown operator '{}'; there are eq ne lt le gt ge re in present absent any len contains lacks",
                path, op));
      }
      if (op == "in" && !value.is_list()) return fail(value, fmt::format("{}: in: takes a list", path));
      if ((op == "contains" || op == "lacks") && !value.is_map())
        return fail(value, fmt::format("{}: {}: takes a map of members", path, op));
      if (op == "re") {
        try {
          const std::regex compiled(value.scalar);
        } catch (const std::regex_error&) {
          return fail(value, fmt::format("{}: '{}' is not a regular expression", path, value.scalar));
        }
      }
    }
  }
  return {};
}

}  // namespace peerscope::harness
