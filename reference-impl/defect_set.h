// SPDX-License-Identifier: GPL-2.0-or-later
// Named defects of the reference roles: each is a mistake that real implementers make. They exist so that the
// conformance suites can be measured by what they catch (`--defect NAME`); without one the roles behave as their
// specification says.
#pragma once

#include <bitset>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reference-impl/net/result.h"

namespace peerscope {

struct DefectRow {
  const char* name;
  const char* about;
  const char* requirements;     // ids that it breaks, separated by blanks; the first is the one it is made for
  const char* needs = nullptr;  // feature of the harness without which the role never does what the defect spoils
};

// `Defect` is an enumeration in the order of its table, ending with kCount.
template <class Defect>
class DefectSet {
 public:
  DefectSet() = default;
  DefectSet(std::initializer_list<Defect> defects) {
    for (const Defect defect : defects) add(defect);
  }
  void add(Defect defect) { set_.set(static_cast<std::size_t>(defect)); }
  bool has(Defect defect) const { return set_.test(static_cast<std::size_t>(defect)); }
  bool any() const { return set_.any(); }

 private:
  std::bitset<static_cast<std::size_t>(Defect::kCount)> set_;
};

// The row's number. An unknown name is an error that tells the nearest ones.
net::Result<std::size_t> find_defect(std::span<const DefectRow> rows, std::string_view name);

// The set for names from a command line.
template <class Defect>
net::Result<DefectSet<Defect>> parse_defects(std::span<const DefectRow> rows, const std::vector<std::string>& names) {
  DefectSet<Defect> set;
  for (const std::string& name : names) {
    const auto row = find_defect(rows, name);
    if (!row.ok()) return row.error();
    set.add(static_cast<Defect>(*row));
  }
  return set;
}

// The table for people, one row a line: name, requirement ids, description.
std::string print_defects(std::span<const DefectRow> rows);

}  // namespace peerscope
