// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/json_index.h"

#include <gtest/gtest.h>

#include "tests/support/invariants.h"

namespace peerscope {
namespace {

using Kind = JsonNode::Kind;
using namespace std::string_literals;

// A parsed text with everything that its nodes point into.
struct Parsed {
  explicit Parsed(std::string text) : bytes(std::move(text)), size(bytes.size()) {
    bytes.resize(size + JsonIndex::padding());
    whole = index.parse(bytes, size, arena, issues);
  }
  const JsonNode& node(std::size_t i) const { return index.nodes().at(i); }
  std::string_view value(const JsonNode& n) const { return std::string_view(bytes).substr(n.offset, n.length); }
  std::string_view key(const JsonNode& n) const { return std::string_view(bytes).substr(n.key_offset, n.key_length); }

  std::string bytes;
  std::size_t size;
  std::vector<std::unique_ptr<std::string>> arena;
  std::vector<Issue> issues;
  JsonIndex index;
  bool whole = false;
};

// The only value of an array or object.
struct One : Parsed {
  explicit One(const std::string& value) : Parsed("[" + value + "]") {}
  const JsonNode& only() const { return node(1); }
};

TEST(JsonIndex, KeepsOffsetsOfKeysAndValues) {
  const Parsed p(R"( { "a" : 1, "b":[ true , {"c":"x"} ],"d":null } )");
  ASSERT_TRUE(p.whole);
  ASSERT_EQ(p.index.nodes().size(), 7U);
  EXPECT_EQ(p.node(0).kind, Kind::kObject);
  EXPECT_EQ(p.value(p.node(0)), p.bytes.substr(1, p.size - 2));
  EXPECT_EQ(p.key(p.node(1)), "\"a\"");
  EXPECT_EQ(p.value(p.node(1)), "1");
  EXPECT_EQ(p.key(p.node(2)), "\"b\"");
  EXPECT_EQ(p.value(p.node(2)), R"([ true , {"c":"x"} ])");
  EXPECT_EQ(p.node(2).end, 6U);
  EXPECT_EQ(p.value(p.node(3)), "true");
  EXPECT_EQ(p.node(3).key_length, 0U);
  EXPECT_EQ(p.value(p.node(4)), R"({"c":"x"})");
  EXPECT_EQ(p.node(5).text, "x");
  EXPECT_EQ(p.value(p.node(5)), "\"x\"");
  EXPECT_EQ(p.node(6).kind, Kind::kNull);
  EXPECT_EQ(p.node(0).end, 7U);
}

TEST(JsonIndex, EscapesBecomeTheirCharacters) {
  EXPECT_EQ(One(R"("\"\\\/\b\f\n\r\t")").only().text, "\"\\/\b\f\n\r\t");
  EXPECT_EQ(One(R"("\u0041\u00e9\u20AC")").only().text, "A\u00e9\u20ac");
  EXPECT_EQ(One(R"("\ud83d\ude00")").only().text, "\U0001F600");
  EXPECT_EQ(One(R"("\u0000")").only().text, "\0"s);
  EXPECT_EQ(One("\"\x7f\"").only().text, "\x7f");
  const One quoted(R"("\\")");
  EXPECT_EQ(quoted.only().text, "\\");
  EXPECT_EQ(quoted.only().length, 4U) << "bytes on the wire, not characters";
}

TEST(JsonIndex, BadEscapesAreMalformed) {
  for (const char* text : {R"("\x41")", R"("\u12")", R"("\u12g4")", R"("\")", R"("\'")", R"("\U0041")"}) {
    const One p(text);
    EXPECT_FALSE(p.whole) << text;
    EXPECT_FALSE(p.issues.empty()) << text;
  }
}

// RFC 8259 section 8.2: what half a pair means is open. It is no text, so it is refused.
TEST(JsonIndex, HalfASurrogatePairIsMalformed) {
  for (const char* text : {R"("\ud800")", R"("\udc00")", R"("\ud800x")", R"("\ude00\ud83d")"})
    EXPECT_FALSE(One(text).whole) << text;
}

TEST(JsonIndex, EscapesInKeys) {
  const Parsed p(R"({"\u0061\n":1,"q\"":2,"":3,"\\":4})");
  ASSERT_TRUE(p.whole);
  EXPECT_EQ(p.node(1).key, "a\n");
  EXPECT_EQ(p.key(p.node(1)), R"("\u0061\n")");
  EXPECT_EQ(p.node(2).key, "q\"");
  EXPECT_EQ(p.key(p.node(2)), R"("q\"")");
  EXPECT_EQ(p.node(3).key, "");
  EXPECT_EQ(p.key(p.node(3)), "\"\"");
  EXPECT_EQ(p.node(4).key, "\\");
  EXPECT_FALSE(Parsed(R"({"\q":1})").whole);
}

TEST(JsonIndex, WholeNumbersOf64BitsAreIntegers) {
  const std::pair<const char*, std::int64_t> cases[] = {{"0", 0},
                                                        {"-0", 0},
                                                        {"7", 7},
                                                        {"-1", -1},
                                                        {"9223372036854775807", INT64_MAX},
                                                        {"-9223372036854775808", INT64_MIN}};
  for (const auto& [text, number] : cases) {
    const One p(text);
    ASSERT_TRUE(p.whole) << text;
    EXPECT_EQ(p.only().kind, Kind::kInteger) << text;
    EXPECT_EQ(p.only().number, number) << text;
    EXPECT_EQ(p.only().text, text);
  }
}

TEST(JsonIndex, OtherNumbersKeepTheirText) {
  for (const char* text :
       {"1e5", "1E+5", "1e-5", "0.5", "-0.0", "1.0", "9223372036854775808", "-9223372036854775809",
        "18446744073709551616", "1e400", "123456789012345678901234567890123456789012345678901234567890"}) {
    const One p(text);
    ASSERT_TRUE(p.whole) << text;
    EXPECT_EQ(p.only().kind, Kind::kDecimal) << text;
    EXPECT_EQ(p.only().text, text);
  }
}

TEST(JsonIndex, WhatIsNoNumberIsMalformed) {
  for (const char* text : {"01", "-01", "00", "-", "+1", ".5", "1.", "1e", "1e+", "1.e5", "0x10", "1_000", "NaN",
                           "Infinity", "-Infinity", "1f", "--1", "1.2.3"}) {
    const One p(text);
    EXPECT_FALSE(p.whole) << text;
    ASSERT_EQ(p.issues.size(), 1U) << text;
    EXPECT_EQ(p.issues[0].shape, Shape::kMalformed) << text;
  }
}

TEST(JsonIndex, AcceptsWhatRfc8259Accepts) {
  for (const std::string& text :
       {"{}"s, "[]"s, "[[]]"s, "{\"a\":{}}"s, " \t\r\n[ \t\r\n] \t\r\n"s, "[true,false,null]"s, "[\"\"]"s,
        "{\"a\":1,\"a\":2}"s, "[\"\xc3\xa9\"]"s, "[{\"a\":[{\"b\":[]}]}]"s, "[\"\\u2028\"]"s, "[\"\xf4\x8f\xbf\xbf\"]"s,
        "[\"]\",\"}\",\"{\",\",\",\":\"]"s}) {
    const Parsed p(text);
    EXPECT_TRUE(p.whole) << text;
    EXPECT_TRUE(p.issues.empty()) << text;
  }
}

TEST(JsonIndex, RefusesWhatRfc8259Refuses) {
  for (const std::string& text : {"{"s,
                                  "["s,
                                  "}"s,
                                  "]"s,
                                  "{]"s,
                                  "[}"s,
                                  "[1,]"s,
                                  "[,1]"s,
                                  "[1 2]"s,
                                  "[1,,2]"s,
                                  "{\"a\"}"s,
                                  "{\"a\":}"s,
                                  "{\"a\":1,}"s,
                                  "{,}"s,
                                  "{1:2}"s,
                                  "{a:1}"s,
                                  "{'a':1}"s,
                                  "{\"a\" 1}"s,
                                  "{\"a\":1 \"b\":2}"s,
                                  "[tru]"s,
                                  "[True]"s,
                                  "[nul]"s,
                                  "[nulll]"s,
                                  "[\"a]"s,
                                  "[\"a\nb\"]"s,
                                  "[\"a\tb\"]"s,
                                  "[\"a\0b\"]"s,
                                  "[1]]"s,
                                  "{}{}"s,
                                  "[] []"s,
                                  "[1]x"s,
                                  "{}//"s,
                                  "[/*1*/]"s,
                                  "[\f]"s,
                                  "[\xc2\xa0]"s,
                                  "\"a"s,
                                  "[\"a\"\"b\"]"s,
                                  "[1,2"s,
                                  "{\"a\":[1,2}"s,
                                  "<a/>"s,
                                  "[\\n]"s,
                                  "{\"a\":1"s,
                                  "[1"s,
                                  "[\"a\",\n4\n,1,"s,
                                  "{\"a\":\"b\"]"s,
                                  "[\xe5]"s,
                                  "\xff"s,
                                  "\0"s,
                                  ","s,
                                  "[:]"s,
                                  "{\"a\"::1}"s,
                                  "{\"a\":1:2}"s}) {
    const Parsed p(text);
    EXPECT_FALSE(p.whole) << text;
    ASSERT_FALSE(p.issues.empty()) << text;
    EXPECT_LE(p.issues.front().offset, p.size) << text;
  }
}

TEST(JsonIndex, NoBytesAndOnlySpaceAreCutShort) {
  for (const std::string& text : {""s, " "s, "\n\t \r\n"s}) {
    const Parsed p(text);
    EXPECT_FALSE(p.whole);
    ASSERT_EQ(p.issues.size(), 1U);
    EXPECT_EQ(p.issues[0].shape, Shape::kCutShort);
    EXPECT_EQ(p.issues[0].offset, text.size());
  }
}

TEST(JsonIndex, ABareScalarIsNoMessage) {
  for (const std::string& text : {"1"s, "\"a\""s, "true"s, "null"s}) {
    const Parsed p(text);
    EXPECT_FALSE(p.whole) << text;
    ASSERT_EQ(p.issues.size(), 1U) << text;
    EXPECT_EQ(p.issues[0].shape, Shape::kWrongType) << text;
    EXPECT_TRUE(p.index.nodes().empty()) << text;
  }
}

TEST(JsonIndex, FaultsKeepWhatStandsBeforeThem) {
  const Parsed p(R"({"a":1,"b":{"c":2,"d" 3},"e":4})");
  EXPECT_FALSE(p.whole);
  ASSERT_EQ(p.issues.size(), 1U);
  EXPECT_EQ(p.issues[0].shape, Shape::kMalformed);
  EXPECT_GE(p.issues[0].offset, 18U);
  EXPECT_LE(p.issues[0].offset, 22U) << "the missing colon is behind \"d\"";
  ASSERT_EQ(p.index.nodes().size(), 4U);
  EXPECT_EQ(p.node(3).key, "c");
}

TEST(JsonIndex, EveryCutIsToldAndKeepsTheCompleteValues) {
  const std::string text = R"({"a":"xy\u00e9","b":[1,{"c":false},"é😀"],"d":{"e":null}})";
  std::size_t before = 0;
  for (std::size_t size = 0; size < text.size(); ++size) {
    const Parsed p(text.substr(0, size));
    EXPECT_FALSE(p.whole) << size;
    ASSERT_FALSE(p.issues.empty()) << size;
    for (const Issue& issue : p.issues)
      EXPECT_TRUE(issue.shape == Shape::kCutShort || issue.shape == Shape::kMalformed)
          << size << " " << to_string(issue.shape);
    EXPECT_GE(p.index.nodes().size() + 1, before) << "a longer text tells no less; cut at " << size;
    before = p.index.nodes().size();
  }
}

// Found by fuzzing: the bracket of an inner object was taken for that of the outer one.
TEST(JsonIndex, AnOpenObjectReachesOverItsChildren) {
  const Parsed p(R"({"p":{"":[{}])");
  EXPECT_EQ(p.issues.at(0).shape, Shape::kCutShort);
  ASSERT_EQ(p.index.nodes().size(), 4U);
  for (std::size_t i : {0U, 1U}) EXPECT_EQ(p.node(i).offset + p.node(i).length, p.size) << i;
  EXPECT_EQ(p.value(p.node(2)), "[{}]");
}

TEST(JsonIndex, MoreBehindTheEndIsTrailing) {
  for (const std::string& more : {"x"s, "{}"s, "]"s, "}"s, " 1"s, ","s}) {
    const Parsed p("{\"a\":1}" + more);
    EXPECT_FALSE(p.whole) << more;
    ASSERT_EQ(p.issues.size(), 1U) << more;
    EXPECT_EQ(p.issues[0].shape, Shape::kTrailing) << more;
    EXPECT_EQ(p.issues[0].offset, 7U + (more.front() == ' ' ? 1 : 0)) << more;
    EXPECT_EQ(p.index.nodes().size(), 2U) << more;
  }
}

TEST(JsonIndex, DeepNestingStopsAtTheLimitWithoutEatingTheStack) {
  const int limit = JsonIndex::kMaxDepth;
  const auto nested = [](std::size_t n, bool closed) {
    return std::string(n, '[') + (closed ? std::string(n, ']') : "");
  };
  EXPECT_TRUE(Parsed(nested(static_cast<std::size_t>(limit), true)).whole);
  for (const std::string& text :
       {nested(static_cast<std::size_t>(limit) + 1, true), nested(100000, true), nested(100000, false)}) {
    const Parsed p(text);
    EXPECT_FALSE(p.whole);
    ASSERT_EQ(p.issues.size(), 1U);
    EXPECT_EQ(p.issues[0].shape, Shape::kTooDeep);
    EXPECT_EQ(p.issues[0].offset, static_cast<std::uint32_t>(limit));
    EXPECT_EQ(p.index.nodes().size(), static_cast<std::size_t>(limit));
  }
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  EXPECT_EQ(Parsed(objects).issues.at(0).shape, Shape::kTooDeep);
}

TEST(JsonIndex, BadUtf8AnywhereIsToldWhereItStands) {
  const std::string text = R"({"key":"value","n":[1,"é"]})";
  for (const std::string& bad : {"\x80"s, "\xff"s, "\xc0\xaf"s, "\xe0\x80\x80"s, "\xed\xa0\x80"s, "\xf4\x90\x80\x80"s,
                                 "\xf8\x88\x80\x80\x80"s, "\xc3("s}) {
    for (std::size_t at = 0; at <= text.size(); ++at) {
      if (at > 0 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80)
        continue;  // inside the é
      const Parsed p(text.substr(0, at) + bad + text.substr(at));
      EXPECT_FALSE(p.whole) << at;
      bool told = false;
      for (const Issue& issue : p.issues) {
        EXPECT_LE(issue.offset + issue.length, p.size);
        EXPECT_TRUE(test::is_utf8(issue.seen)) << at;
        told = told || (issue.shape == Shape::kNotUtf8 && issue.offset == at);
      }
      EXPECT_TRUE(told) << at;
      EXPECT_TRUE(test::is_utf8(p.index.text())) << at;
      EXPECT_EQ(p.index.text().size(), p.size);
      for (const JsonNode& node : p.index.nodes())
        EXPECT_TRUE(test::is_utf8(node.text) && test::is_utf8(node.key)) << at;
    }
  }
}

TEST(JsonIndex, BadUtf8InAStringLeavesTheRestReadable) {
  const Parsed p("{\"a\":\"x\xff\xc3\xa9y\",\"b\":2}");
  EXPECT_FALSE(p.whole);
  ASSERT_EQ(p.issues.size(), 1U);
  EXPECT_EQ(p.issues[0].offset, 7U);
  ASSERT_EQ(p.index.nodes().size(), 3U);
  EXPECT_EQ(p.node(1).text, "x?\u00e9y") << "only the bad byte is replaced";
  EXPECT_EQ(p.node(2).number, 2);
}

// The end cuts a character: that is a text cut short, not one with wrong bytes.
TEST(JsonIndex, ACutInsideACharacterIsCutShort) {
  for (const std::string& half :
       {"\xc3"s, "\xe2"s, "\xe2\x82"s, "\xf0"s, "\xf0\x9f"s, "\xf0\x9f\x98"s, "\xed"s, "\xf4"s, "\xe0"s}) {
    const Parsed p("{\"a\":\"x" + half);
    ASSERT_EQ(p.issues.size(), 1U);
    EXPECT_EQ(p.issues[0].shape, Shape::kCutShort);
    EXPECT_EQ(p.issues[0].offset, 5U) << "the text that does not end";
  }
  EXPECT_EQ(Parsed("{\"a\":\"x\xc1").issues.at(0).shape, Shape::kNotUtf8) << "no character begins like that";
}

TEST(JsonIndex, ControlCharactersInTextsAreMalformedAndTheRestIsRead) {
  for (char c = 1; c < 0x20; ++c) {
    const Parsed p("{\"a\":\"x" + std::string(1, c) + "y\",\"b\":2}");
    EXPECT_FALSE(p.whole);
    ASSERT_EQ(p.issues.size(), 1U) << int(c);
    EXPECT_EQ(p.issues[0].shape, Shape::kMalformed);
    EXPECT_EQ(p.issues[0].offset, 7U);
    ASSERT_EQ(p.index.nodes().size(), 3U) << int(c);
    EXPECT_EQ(p.node(1).text, "x?y");
  }
  const Parsed nul("{\"a\":\"x\0y\"}"s);
  EXPECT_EQ(nul.issues.at(0).offset, 7U);
}

// RFC 8259 section 8.1: nobody may send it; what stands behind it is read all the same.
TEST(JsonIndex, AByteOrderMarkIsMalformedAndTheRestIsRead) {
  const Parsed p("\xef\xbb\xbf{\"a\":1}");
  EXPECT_FALSE(p.whole);
  ASSERT_EQ(p.issues.size(), 1U);
  EXPECT_EQ(p.issues[0].shape, Shape::kMalformed);
  EXPECT_EQ(p.issues[0].offset, 0U);
  ASSERT_EQ(p.index.nodes().size(), 2U);
  EXPECT_EQ(p.node(1).offset, 8U) << "positions are those of the bytes";
  EXPECT_EQ(Parsed("\xef\xbb\xbf").issues.size(), 1U);
}

TEST(JsonIndex, AHugeStringIsOneNode) {
  const std::string huge(10'000'000, 'x');
  const One p("\"" + huge + "\"");
  ASSERT_TRUE(p.whole);
  EXPECT_EQ(p.only().text.size(), huge.size());
}

// Work grows with the text, not with its square: each of these took minutes or more with one rescan per fault.
TEST(JsonIndex, ManyFaultsCostNoMoreThanFew) {
  std::string bad;
  for (int i = 0; i < 1'000'000; ++i) bad += "\xff ";
  EXPECT_EQ(One("\"" + bad + "\"").issues.at(0).shape, Shape::kNotUtf8);
  std::string controls;
  for (int i = 0; i < 1'000'000; ++i) controls += "\x01 ";
  EXPECT_EQ(One("\"" + controls + "\"").issues.at(0).shape, Shape::kMalformed);
  std::string members = "\"a\":0";
  for (int i = 0; i < 300'000; ++i) members += ",\"a\":0";
  EXPECT_TRUE(One("{" + members + "}").whole);
  std::string numbers = "0";
  for (int i = 0; i < 500'000; ++i) numbers += ",0";
  EXPECT_TRUE(One(numbers).whole);
}

TEST(JsonIndex, IsReusable) {
  JsonIndex index;
  std::vector<std::unique_ptr<std::string>> arena;
  std::vector<Issue> issues;
  for (const char* text : {"[1,2,3]", "{", "[]", "\xff", "{\"a\":[1]}"}) {
    std::string bytes = text;
    const std::size_t size = bytes.size();
    bytes.resize(size + JsonIndex::padding());
    issues.clear();
    const bool whole = index.parse(bytes, size, arena, issues);
    EXPECT_EQ(whole, issues.empty()) << text;
  }
  EXPECT_EQ(index.nodes().size(), 3U);
}

TEST(JsonQuote, IsReadBackAsItWas) {
  for (int c = 0; c < 0x80; ++c) {
    const std::string text = "a" + std::string(1, static_cast<char>(c)) + "b";
    const One p(json_quote(text));
    ASSERT_TRUE(p.whole) << c;
    EXPECT_EQ(p.only().text, text) << c;
  }
  EXPECT_EQ(json_quote("\"\\\n\r\t\x01\u00e9"), "\"\\\"\\\\\\n\\r\\t\\u0001\u00e9\"");
}

TEST(ClipText, NeverCutsACharacter) {
  EXPECT_EQ(clip_text("abc", 3), "abc");
  EXPECT_EQ(clip_text("abc", 2), "ab");
  EXPECT_EQ(clip_text("a\u00e9", 2), "a");
  EXPECT_EQ(clip_text("\U0001F600", 3), "");
  EXPECT_EQ(clip_text("", 0), "");
}

}  // namespace
}  // namespace peerscope
