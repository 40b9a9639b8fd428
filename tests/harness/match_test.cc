// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/scenario/match.h"

#include <gtest/gtest.h>

#include "harness/scenario/yaml.h"
#include "protocols/ppstp/protocol.h"

namespace peerscope::harness {
namespace {

constexpr const char* kAnswer =
    R"({"PPSPTrackerProtocol":{"version":1,"response_type":0,"error_code":0,"transaction_id":"t","swarm_result":[)"
    R"({"swarm_id":"a","result":0},{"swarm_id":"b","result":0,"peer_group":{"peer_info":[)"
    R"({"peer_id":"p1","peer_addr":{"ip_address":{"address_type":"ipv4","address":"192.0.2.1"},"port":80,"priority":1,"type":"HOST"}},)"
    R"({"peer_id":"p2","peer_addr":{"ip_address":{"address_type":"ipv4","address":"192.0.2.2"},"port":81,"priority":1,"type":"HOST"}}]}}]}})";

std::vector<Mismatch> match(const std::string& where) {
  static Message message;
  message.clear();
  ppstp::decode(kAnswer, message);
  const YamlResult yaml = parse_yaml(where, "where");
  EXPECT_EQ(yaml.error, "");
  EXPECT_EQ(check_where(yaml.tree), "");
  return match_message(message, yaml.tree);
}

TEST(Match, ValuesAndSelectors) {
  EXPECT_TRUE(match("{error_code: 0, 'swarm_result[swarm_id=b].result': 0, 'swarm_result[1].swarm_id': b}").empty());
  EXPECT_EQ(match("{error_code: 3}").size(), 1U);
  EXPECT_EQ(match("{'swarm_result[swarm_id=c].result': 0}").size(), 1U);
}

TEST(Match, ListsAreCountedAndSearched) {
  EXPECT_TRUE(match("{swarm_result.peer_group.peer_info: {len: {ge: 1, le: 5}, contains: {peer_id: p2, peer_addr.port: "
                    "81}, lacks: {peer_id: p3}}}")
                  .empty());
  // The members must be those of one element.
  EXPECT_EQ(match("{swarm_result.peer_group.peer_info: {contains: {peer_id: p1, peer_addr.port: 81}}}").size(), 1U);
  EXPECT_EQ(match("{swarm_result.peer_group.peer_info: {lacks: {peer_id: p1}}}").size(), 1U);
  EXPECT_EQ(match("{swarm_result.peer_group.peer_info: {len: 3}}").front().seen.substr(0, 10), "2 elements");
}

TEST(Match, PresenceAndComparison) {
  EXPECT_TRUE(match("{peer_addr: {absent: true}, swarm_result: {present: true}, transaction_id: {re: '^t$'}, version: "
                    "{in: ['1', '2']}}")
                  .empty());
  EXPECT_EQ(match("{swarm_result: {absent: true}}").size(), 1U);
  EXPECT_EQ(match("{version: {gt: 1}}").size(), 1U);
}

TEST(Match, UnknownOperatorsAndBadExpressionsAreRefused) {
  EXPECT_NE(check_where(parse_yaml("{version: {about: 1}}", "w").tree).find("about"), std::string::npos);
  EXPECT_NE(check_where(parse_yaml("{version: {re: '('}}", "w").tree), "");
  EXPECT_NE(check_where(parse_yaml("{version: [1]}", "w").tree), "");
}

TEST(Match, TextsThatLookLikeNumbersAreTexts) {
  Tree wanted = parse_yaml("{eq: '1'}", "where").tree;
  std::string expected;
  EXPECT_FALSE(match_value("01", wanted, expected));
  EXPECT_TRUE(match_value("1", wanted, expected));
  wanted = parse_yaml("{ne: '1'}", "where").tree;
  EXPECT_TRUE(match_value("01", wanted, expected));
  wanted = parse_yaml("{ge: '9'}", "where").tree;
  EXPECT_TRUE(match_value("10", wanted, expected));
}

}  // namespace
}  // namespace peerscope::harness
