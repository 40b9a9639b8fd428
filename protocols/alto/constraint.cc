// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/alto/constraint.h"

#include <charconv>

#include "protocols/base/json_value.h"

namespace peerscope::alto {
namespace {

void skip_space(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t' || text.front() == '\n' || text.front() == '\r'))
    text.remove_prefix(1);
}

// The next word up to white space.
std::string_view take_word(std::string_view& text) {
  skip_space(text);
  const std::size_t end = text.find_first_of(" \t\r\n");
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(word.size());
  return word;
}

}  // namespace

bool Constraint::passes(double cost) const {
  switch (op) {
    case Operator::kGt:
      return cost > number;
    case Operator::kLt:
      return cost < number;
    case Operator::kGe:
      return cost >= number;
    case Operator::kLe:
      return cost <= number;
    case Operator::kEq:
      return cost == number;
  }
  return false;
}

std::optional<Constraint> parse_constraint(std::string_view text) {
  using Operator = Constraint::Operator;
  static constexpr std::pair<std::string_view, Operator> kOperators[] = {{"gt", Operator::kGt},
                                                                         {"lt", Operator::kLt},
                                                                         {"ge", Operator::kGe},
                                                                         {"le", Operator::kLe},
                                                                         {"eq", Operator::kEq}};
  Constraint out;
  std::string_view word = take_word(text);
  if (word.size() > 2 && word.front() == '[' && word.back() == ']') {
    const std::string_view digits = word.substr(1, word.size() - 2);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.index);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    out.has_index = true;
    word = take_word(text);
  }
  bool known = false;
  for (const auto& [name, op] : kOperators) {
    if (word == name) out.op = op, known = true;
  }
  if (!known) return std::nullopt;
  // The number is JSON's.
  const auto number = parse_json(take_word(text));
  skip_space(text);
  if (number == nullptr || number->number() == nullptr || !text.empty()) return std::nullopt;
  out.number = *number->number();
  return out;
}

}  // namespace peerscope::alto
