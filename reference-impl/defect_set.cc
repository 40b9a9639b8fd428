// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/defect_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace peerscope {
namespace {

// Levenshtein distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t k = 1; k <= b.size(); ++k) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[k - 1] ? 0 : 1);
      diagonal = row[k];
      row[k] = std::min({row[k] + 1, row[k - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::string nearest(std::span<const DefectRow> rows, std::string_view name) {
  std::vector<std::pair<std::size_t, const char*>> found;
  for (const DefectRow& row : rows) {
    const std::string_view candidate(row.name);
    const bool part = name.size() > 2 && candidate.find(name) != std::string_view::npos;
    found.emplace_back(part ? 0 : distance(name, candidate), row.name);
  }
  std::sort(found.begin(), found.end());
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, found.size()); ++i) {
    if (i > 0 && found[i].first > name.size() / 3) break;  // the nearest always, others when they are near
    text += fmt::format("{}{}", i == 0 ? "" : ", ", found[i].second);
  }
  return text;
}

}  // namespace

net::Result<std::size_t> find_defect(std::span<const DefectRow> rows, std::string_view name) {
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const DefectRow& r) { return name == r.name; });
  if (row != rows.end()) return static_cast<std::size_t>(row - rows.begin());
  return {net::ErrorKind::kLocal,
          fmt::format("no defect '{}'; near: {} (--defect list shows all)", name, nearest(rows, name))};
}

std::string print_defects(std::span<const DefectRow> rows) {
  std::string text;
  for (const DefectRow& row : rows) text += fmt::format("{:34} {:38} {}\n", row.name, row.requirements, row.about);
  return text;
}

}  // namespace peerscope
