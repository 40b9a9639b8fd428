// SPDX-License-Identifier: GPL-2.0-or-later
// Variables and expressions in scenario and IUT files: "$name", or "${...}" with names, numbers with units (2s, 500ms),
// + - * / and parentheses, and functions:
//   hex(n)      n random hexadecimal digits, from the run's seed      rand(a, b)  a random whole number
//   concat(...) texts joined                                         upper(x)    upper case
//   repeat(x, n) a text n times                                      unhex(x)    bytes from hexadecimal digits
//   sha1(x), sha256(x)  of bytes, both in hexadecimal digits         left(x, n)  the first n characters
//   byte(n)     two hexadecimal digits
// Durations are in seconds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "protocols/base/tree.h"

namespace peerscope::harness {

using Random = std::mt19937_64;

struct Variables {
  std::map<std::string, std::string, std::less<>> values;
  Random* random = nullptr;
};

struct Expanded {
  std::string text;
  std::string error;
};

// Replaces variables and expressions in `text`.
Expanded expand(std::string_view text, const Variables& variables);
// The same in every scalar and key of a tree. The error names line and column.
std::string expand_tree(Tree& tree, const Variables& variables);
// A condition: values compared by == != < <= > >=, joined by and, or, not and parentheses; numbers are compared as
// such, where both sides are. A value alone holds unless it is empty, 0 or false.
struct Decision {
  bool holds = false;
  std::string error;
};
Decision decide_condition(std::string_view text, const Variables& variables);
// Checks syntax, functions and names without evaluating; `known` holds the names that will exist.
std::string check_expressions(const Tree& tree, const Variables& known);

// "2s", "500ms", "1.5" (seconds), "3m"; nullopt when it is none.
std::optional<double> parse_seconds(std::string_view text);

}  // namespace peerscope::harness
