// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/json_value.h"

#include <gtest/gtest.h>

namespace peerscope {
namespace {

JsonValue parsed(std::string_view text) {
  const auto value = parse_json(text);
  EXPECT_NE(value, nullptr) << text;
  return value != nullptr ? *value : JsonValue{};
}

TEST(JsonValue, ReadsAndWritesEveryKind) {
  for (const std::string_view text : {"null", "true", "false", "0", "-7", "1.5", "9007199254740991", "\"\"",
                                      "\"a\\\"b\\n\"", "[]", "[1,[2],{}]", "{}", "{\"a\":null,\"b\":[{\"c\":\"d\"}]}"})
    EXPECT_EQ(json_text(parsed(text)), text);
  EXPECT_EQ(json_text(parsed(" [ 1.0 , 1e2 ] ")), "[1,100]");
  EXPECT_EQ(json_text(parsed("0.1")), "0.1") << "the shortest text that reads back";
}

TEST(JsonValue, RefusesWhatIsNotOneJsonText) {
  for (const std::string_view text : {"", " ", "nul", "1 2", "[1", "{\"a\":}", "{\"a\":1,}", "1,2", "]", "\"a"})
    EXPECT_EQ(parse_json(text), nullptr) << text;
  EXPECT_EQ(parse_json(std::string(100000, '[')), nullptr);
  EXPECT_EQ(parse_json(std::string(70, '[') + std::string(70, ']')), nullptr) << "nested too deep";
}

TEST(JsonValue, EqualityIsThatOfTheSpecification) {
  EXPECT_EQ(parsed("1"), parsed("1.0"));
  EXPECT_EQ(parsed(R"({"a":1,"b":2})"), parsed(R"({"b":2,"a":1})"));
  EXPECT_FALSE(parsed("[1,2]") == parsed("[2,1]"));
  EXPECT_FALSE(parsed("\"1\"") == parsed("1"));
  EXPECT_FALSE(parsed("null") == parsed("false"));
  EXPECT_FALSE(parsed(R"({"a":1})") == parsed(R"({"a":1,"b":2})"));
}

TEST(JsonValue, OfRepeatedMembersTheLastStays) {
  EXPECT_EQ(json_text(parsed(R"({"a":1,"b":2,"a":3})")), R"({"a":3,"b":2})");
}

TEST(JsonValue, NumbersBeyondADoubleSaturate) {
  EXPECT_EQ(json_text(parsed("1e999")), "1.7976931348623157e+308");
  EXPECT_EQ(json_text(parsed("-1e999")), "-1.7976931348623157e+308");
  EXPECT_EQ(json_text(parsed("1e-999")), "0") << "too small is nothing";
  EXPECT_EQ(*parsed(std::string(400, '9')).number(), std::numeric_limits<double>::max());
  EXPECT_EQ(*parsed("0." + std::string(1000000, '1')).number(), 0.1111111111111111);
}

TEST(JsonValue, FindsMembers) {
  JsonValue value = parsed(R"({"a":{"b":5}})");
  ASSERT_NE(value.find("a"), nullptr);
  EXPECT_EQ(*value.find("a")->find("b")->number(), 5);
  EXPECT_EQ(value.find("x"), nullptr);
  EXPECT_EQ(parsed("[]").find("a"), nullptr);
  *value.find("a") = JsonValue("text");
  EXPECT_EQ(json_text(value), R"({"a":"text"})");
}

}  // namespace
}  // namespace peerscope
