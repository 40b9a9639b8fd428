// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/scenario/expression.h"

#include <gtest/gtest.h>

namespace peerscope::harness {
namespace {

class Expression : public testing::Test {
 protected:
  Random random_{7};
  Variables variables_{{{"track_timer", "2"}, {"swarm", "abc"}}, &random_};
};

TEST_F(Expression, NamesAndArithmetic) {
  EXPECT_EQ(expand("$swarm", variables_).text, "abc");
  EXPECT_EQ(expand("x-${swarm}-y", variables_).text, "x-abc-y");
  EXPECT_EQ(expand("${track_timer * 1.5 + 500ms}", variables_).text, "3.5");
  EXPECT_EQ(expand("${(1 + 2) * 3}", variables_).text, "9");
  EXPECT_EQ(expand("cost: $$5", variables_).text, "cost: $5");
}

TEST_F(Expression, RandomTextComesFromTheSeed) {
  const std::string first = expand("${hex(16)}", variables_).text;
  EXPECT_EQ(first.size(), 16U);
  Random again(7);
  EXPECT_EQ(expand("${hex(16)}", {variables_.values, &again}).text, first);
  EXPECT_NE(expand("${hex(16)}", variables_).text, first);
}

TEST_F(Expression, FaultsAreNamed) {
  EXPECT_NE(expand("$nobody", variables_).error.find("nobody"), std::string::npos);
  EXPECT_NE(expand("${nofunction(1)}", variables_).error.find("nofunction"), std::string::npos);
  EXPECT_NE(expand("${1 +", variables_).error, "");
  EXPECT_NE(expand("${swarm * 2}", variables_).error.find("abc"), std::string::npos);
  EXPECT_NE(expand("${1 / 0}", variables_).error, "");
  EXPECT_NE(expand("${" + std::string(5000, '(') + "}", variables_).error, "");
}

TEST_F(Expression, HashesAreOfBytesInHexadecimalDigits) {
  EXPECT_EQ(expand("${sha1('616263')}", variables_).text, "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(expand("${left(sha256(''), 8)}", variables_).text, "e3b0c442");
  EXPECT_EQ(expand("${concat(byte(1), byte(255))}", variables_).text, "01ff");
  EXPECT_NE(expand("${sha1('xyz')}", variables_).error.find("hexadecimal"), std::string::npos);
}

TEST_F(Expression, ConditionsCompareAndJoin) {
  const auto holds = [&](const char* text) {
    const Decision decision = decide_condition(text, variables_);
    EXPECT_EQ(decision.error, "") << text;
    return decision.holds;
  };
  for (const char* yes : {"track_timer == 2", "track_timer > 1", "track_timer * 2 >= 4", "track_timer == 2000ms",
                          "swarm == 'abc'", "swarm != 'ab'", "swarm", "not track_timer < 2",
                          "swarm == 'x' or track_timer <= 2", "(track_timer > 1) and (swarm == 'abc')",
                          "((track_timer + 1) * 2 == 6)", "not (swarm == 'x' or track_timer == 3)",
                          "swarm == 'x' and swarm == 'y' or swarm == 'abc'", "'notable' == 'notable'"})
    EXPECT_TRUE(holds(yes)) << yes;
  for (const char* no : {"track_timer == 3", "swarm == ''", "not swarm", "0", "'false'", "''", "1 > 2",
                         "swarm == 'abc' and track_timer > 2", "not (swarm == 'abc')"})
    EXPECT_FALSE(holds(no)) << no;
}

TEST_F(Expression, FaultsOfConditionsAreNamed) {
  const auto told = [&](const std::string& text) { return decide_condition(text, variables_).error; };
  EXPECT_NE(told("nobody == 1").find("nobody"), std::string::npos);
  EXPECT_NE(told("swarm == 'abc' or nobody").find("nobody"), std::string::npos);  // also when it decides nothing
  EXPECT_NE(told("swarm < 2").find("not both numbers"), std::string::npos);
  EXPECT_NE(told("1 = 1").find("unexpected"), std::string::npos);
  for (const char* text : {"", "==", "1 ==", "and", "not", "(1 == 1", "1 == 1)", "1 == 1 2"})
    EXPECT_NE(told(text), "") << text;
  EXPECT_NE(told(std::string(5000, '(')), "");
  std::string deep = "1";
  for (int i = 0; i < 5000; ++i) deep = "not " + deep;
  EXPECT_EQ(told(deep), "");
}

TEST_F(Expression, Durations) {
  EXPECT_DOUBLE_EQ(*parse_seconds("250ms"), 0.25);
  EXPECT_DOUBLE_EQ(*parse_seconds("2s"), 2);
  EXPECT_DOUBLE_EQ(*parse_seconds("1.5"), 1.5);
  EXPECT_FALSE(parse_seconds("soon"));
  EXPECT_FALSE(parse_seconds("nan"));
}

TEST(JsonFunction, QuotesAText) {
  Variables variables;
  variables.values["id"] = "a\"b\\c\n";
  EXPECT_EQ(expand("${json(id)}", variables).text, R"("a\"b\\c\u000a")");
}

}  // namespace
}  // namespace peerscope::harness
