// SPDX-License-Identifier: GPL-2.0-or-later
// The table of the node's defects. That each is told by its requirement, `peerscope selftest` shows (tests/e2e).
#include "reference-impl/reload/defects.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>

#include "protocols/base/protocol.h"

namespace peerscope::reload {
namespace {

TEST(NodeDefectTable, NamesAreUniqueSlugsWithRequirementIdsThatExist) {
  const std::regex slug("[a-z0-9]+(-[a-z0-9]+)*");
  std::set<std::string> names;
  for (const DefectRow& row : all_node_defects()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(std::regex_match(row.name, slug)) << row.name;
    EXPECT_NE(std::string(row.about), "");
    std::istringstream ids(row.requirements);
    std::size_t count = 0;
    for (std::string id; ids >> id; ++count) EXPECT_NE(find_requirement(id), nullptr) << row.name << " names " << id;
    EXPECT_GE(count, 1U) << row.name;
  }
  EXPECT_GE(node_defects().size(), 45U);
  EXPECT_GE(joining_defects().size(), 20U);
  EXPECT_EQ(node_defects().size() + joining_defects().size(), all_node_defects().size());
}

TEST(NodeDefectTable, NamesAreParsedAndMisspellingsGetAHint) {
  const auto near = parse_node_defects({"ttl-not-decrementd"});
  ASSERT_FALSE(near.ok());
  EXPECT_NE(near.error().message.find("ttl-not-decremented"), std::string::npos);
  const auto good = parse_node_defects({"ttl-not-decremented", "no-leave"});
  ASSERT_TRUE(good.ok());
  EXPECT_TRUE(good->has(NodeDefect::kTtlNotDecremented));
  EXPECT_TRUE(good->has(NodeDefect::kNoLeave));
  EXPECT_FALSE(good->has(NodeDefect::kPingIdZero));
}

}  // namespace
}  // namespace peerscope::reload
