// SPDX-License-Identifier: GPL-2.0-or-later
// Tests on costs: RFC 7285 section 11.3.2.3, with the index of RFC 8189 section 4.1.2.
//
//   "gt 5"        "[1] le 10.5"
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace peerscope::alto {

struct Constraint {
  enum class Operator { kGt, kLt, kGe, kLe, kEq } op = Operator::kEq;
  double number = 0;
  bool has_index = false;
  std::size_t index = 0;  // into the testable cost types

  bool passes(double cost) const;
};

// Nothing when the text is no constraint.
std::optional<Constraint> parse_constraint(std::string_view text);

}  // namespace peerscope::alto
