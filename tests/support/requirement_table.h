// SPDX-License-Identifier: GPL-2.0-or-later
// What holds for the requirement table of every protocol.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "protocols/base/protocol.h"
#include "protocols/base/requirement.h"

namespace peerscope::test {

// The ids are `prefix`, a group and a number without gaps from 1; `groups` says how many each has.
inline void expect_numbered(std::span<const Requirement> rows, const std::string& prefix,
                            const std::map<std::string, int>& groups) {
  std::map<std::string, std::set<int>> seen;
  for (const Requirement& row : rows) {
    const std::string id = row.id;
    ASSERT_TRUE(id.starts_with(prefix)) << id;
    const std::size_t dash = id.rfind('-');
    ASSERT_EQ(id.size(), dash + 3) << id;
    EXPECT_TRUE(seen[id.substr(prefix.size(), dash - prefix.size())].insert(std::stoi(id.substr(dash + 1))).second)
        << id << " appears twice";
  }
  EXPECT_EQ(seen.size(), groups.size());
  for (const auto& [group, count] : groups) {
    EXPECT_EQ(seen[group].size(), static_cast<std::size_t>(count)) << group;
    EXPECT_EQ(*seen[group].begin(), 1) << group;
    EXPECT_EQ(*seen[group].rbegin(), count) << group << ": numbered without gaps";
  }
}

// A row has a check, a reason in words, or waits; one with none of them has a scenario, which
// tests/e2e/coverage_test.cc sees to.
inline void expect_explained(std::span<const Requirement> rows) {
  for (const Requirement& row : rows) {
    ASSERT_FALSE(std::string(row.text).empty()) << row.id;
    EXPECT_EQ(std::string(row.text).back(), '.') << row.id << ": a sentence";
    EXPECT_FALSE(std::string(row.section).empty()) << row.id;
    EXPECT_EQ(row.check == nullptr, row.scope == Scope::kBehaviour) << row.id;
    EXPECT_LE((row.check != nullptr) + (row.reason != nullptr) + (row.pending ? 1 : 0) + (row.examined ? 1 : 0), 1)
        << row.id;
    if (row.reason != nullptr) {
      EXPECT_GT(std::string(row.reason).size(), 20U) << row.id << ": a reason in words";
    }
    // Rows that never fail anybody do not shout either.
    EXPECT_TRUE(row.severity <= Severity::kNote || !(row.informational || row.level == Level::kOurs)) << row.id;
  }
}

// Each row with a check has an example that breaks it, and each example a row.
inline void expect_examples(std::span<const Requirement> rows, const std::set<std::string>& shown) {
  for (const Requirement& row : rows) {
    EXPECT_EQ(shown.contains(row.id), row.check != nullptr)
        << row.id << ": a check and an example in this file go together";
  }
  for (const std::string& id : shown) EXPECT_NE(find_requirement(id), nullptr) << id;
}

}  // namespace peerscope::test
