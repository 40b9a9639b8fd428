// SPDX-License-Identifier: GPL-2.0-or-later
// The JSON archives, with a small description made for this test.
#include "protocols/base/json_archive.h"

#include <gtest/gtest.h>

#include "protocols/base/registrar.h"
#include "tests/support/invariants.h"

namespace peerscope {
namespace {

constexpr ValueName kLevels[] = {{1, "LOW"}, {2, "HIGH"}};
constexpr std::string_view kColours[] = {"red", "blue"};
constexpr Field kRoot{.filter = "toy", .name = "Toy", .label = "Toy", .type = Type::kGroup};
constexpr Field kId{.filter = "toy.id", .name = "id", .label = "ID"};
constexpr Field kLevel{.filter = "toy.level",
                       .name = "level",
                       .label = "Level",
                       .type = Type::kInt64,
                       .min = 0,
                       .max = 9,
                       .names = kLevels};
constexpr Field kOn{.filter = "toy.on", .name = "on", .label = "On", .type = Type::kBoolean};
constexpr Field kColour{
    .filter = "toy.colour", .name = "colour", .label = "Colour", .vocabulary = kColours, .misnamed = "color"};
constexpr Field kOld{.filter = "toy.old", .name = "old", .label = "Old", .draft = true};
constexpr Field kPart{.filter = "toy.part", .name = "part", .label = "Part", .type = Type::kGroup};
constexpr Field kParts{.filter = "toy.parts", .name = "parts", .label = "Parts", .type = Type::kGroup};

struct Part {
  std::optional<std::string> id;
  std::optional<std::int64_t> level;
};
template <class A>
void describe(A& a, Part& m) {
  a.required(kId, m.id);
  a.optional(kLevel, m.level);
}

struct Toy {
  std::optional<std::string> id;
  std::optional<std::int64_t> level;
  std::optional<bool> on;
  std::optional<std::string> colour;
  std::optional<std::string> old;
  std::optional<Part> part;
  std::vector<Part> parts;
};
template <class A>
void describe(A& a, Toy& m) {
  a.required(kId, m.id);
  a.optional(kLevel, m.level);
  a.optional(kOn, m.on);
  a.optional(kColour, m.colour);
  a.optional(kOld, m.old);
  a.optional(kPart, m.part);
  a.required(kParts, m.parts);
}

Toy decode(std::string_view inner, Message& message) {
  message.clear();
  message.bytes = "{\"Toy\":" + std::string(inner) + "}";
  message.size = message.bytes.size();
  JsonIndex index;
  JsonReader reader(message, index);
  Toy toy;
  reader.root(kRoot, toy);
  EXPECT_EQ(test::broken_invariant(message), "") << inner;
  return toy;
}

// The shapes found, in order, as text: "missing id, wrong type level".
std::string issues_of(std::string_view inner) {
  Message message;
  decode(inner, message);
  std::string out;
  for (const Issue& issue : message.issues) {
    out += (out.empty() ? "" : ", ") + std::string(to_string(issue.shape)) + " " +
           std::string(issue.field != nullptr ? std::string_view(issue.field->name) : issue.seen);
  }
  return out;
}

constexpr std::string_view kFull =
    R"({"id":"a","level":2,"on":true,"colour":"red","part":{"id":"p"},"parts":[{"id":"x","level":0},{"id":"y"}]})";

TEST(JsonReader, ReadsEveryKindOfMember) {
  Message message;
  const Toy toy = decode(kFull, message);
  EXPECT_TRUE(message.issues.empty());
  EXPECT_EQ(toy.id, "a");
  EXPECT_EQ(toy.level, 2);
  EXPECT_EQ(toy.on, true);
  EXPECT_EQ(toy.colour, "red");
  EXPECT_EQ(toy.part->id, "p");
  ASSERT_EQ(toy.parts.size(), 2U);
  EXPECT_EQ(toy.parts[1].id, "y");
  EXPECT_EQ(print_tree(message.events),
            "Toy\n  id: \"a\"\n  level: 2 (HIGH)\n  on: 1\n  colour: \"red\"\n  part\n    id: \"p\"\n  parts[0]\n    "
            "id: \"x\"\n    level: 0\n  parts[1]\n    id: \"y\"\n");
}

TEST(JsonReader, TellsEveryDeviation) {
  const auto with = [](std::string_view member) {
    return issues_of("{\"id\":\"a\",\"parts\":[{\"id\":\"x\"}]," + std::string(member) + "}");
  };
  EXPECT_EQ(issues_of("{}"), "missing id, missing parts");
  EXPECT_EQ(issues_of("[]"), "wrong type Toy");
  EXPECT_EQ(issues_of("null"), "wrong type Toy");
  EXPECT_EQ(with("\"id\":\"b\""), "duplicate id");
  EXPECT_EQ(with("\"x\":1"), "unknown member x");
  EXPECT_EQ(with("\"level\":\"2\""), "quoted number level");
  EXPECT_EQ(with("\"level\":\"two\""), "wrong type level");
  EXPECT_EQ(with("\"level\":\" 2\""), "wrong type level") << "a quoted number is digits only";
  EXPECT_EQ(with("\"level\":\"\""), "wrong type level");
  EXPECT_EQ(with("\"level\":2.0"), "not an integer level");
  EXPECT_EQ(with("\"level\":1e1"), "not an integer level");
  EXPECT_EQ(with("\"level\":99999999999999999999"), "not an integer level");
  EXPECT_EQ(with("\"level\":10"), "out of range level");
  EXPECT_EQ(with("\"level\":-1"), "out of range level");
  EXPECT_EQ(with("\"level\":null"), "wrong type level");
  EXPECT_EQ(with("\"level\":{}"), "wrong type level");
  EXPECT_EQ(with("\"on\":1"), "wrong type on");
  EXPECT_EQ(with("\"on\":\"true\""), "wrong type on");
  EXPECT_EQ(with("\"colour\":\"green\""), "unknown value colour");
  EXPECT_EQ(with("\"colour\":\"RED\""), "unknown value colour") << "case counts";
  EXPECT_EQ(with("\"colour\":7"), "wrong type colour");
  EXPECT_EQ(with("\"color\":\"red\""), "misnamed colour");
  EXPECT_EQ(with("\"color\":\"red\",\"colour\":\"blue\""), "misnamed colour, duplicate colour");
  EXPECT_EQ(with("\"old\":\"o\""), "draft member old");
  EXPECT_EQ(with("\"part\":[]"), "wrong type part");
  EXPECT_EQ(with("\"part\":{\"id\":1}"), "wrong type id");
  EXPECT_EQ(issues_of(R"({"id":"a","parts":[]})"), "empty list parts");
  EXPECT_EQ(issues_of(R"({"id":"a","parts":{"id":"x"}})"), "single object for a list parts");
  EXPECT_EQ(issues_of(R"({"id":"a","parts":"x"})"), "wrong type parts");
  EXPECT_EQ(issues_of(R"({"id":"a","parts":[1,{"id":"x"}]})"), "wrong type parts");
}

TEST(JsonReader, WhatIsWrongKeepsWhatIsRight) {
  Message message;
  const Toy toy = decode(R"({"id":"a","id":"b","level":"7","parts":[1,{"id":"x"}],"colour":"green"})", message);
  EXPECT_EQ(toy.id, "b") << "the last one counts";
  EXPECT_EQ(toy.level, 7);
  EXPECT_EQ(toy.colour, "green");
  ASSERT_EQ(toy.parts.size(), 1U);
  EXPECT_EQ(toy.parts[0].id, "x");
}

TEST(JsonReader, UnknownMembersKeepTheirNameAndRawText) {
  Message message;
  decode(R"({"id":"a","x_\"more":{"b":[1, 2]},"parts":[{"id":"x","y":null}]})", message);
  const std::uint32_t more = find_path(message.events, "x_\"more");
  ASSERT_NE(more, Event::kNoParent);
  EXPECT_EQ(message.events[more].text, "{\"b\":[1, 2]}");
  EXPECT_TRUE(message.events[more].unknown);
  EXPECT_EQ(message.events[find_path(message.events, "parts[0].y")].text, "null");
}

TEST(JsonReader, MembersThatCannotBeSeenAreNotMissing) {
  Message message;
  message.bytes = R"({"Toy":{"level":2,"parts":[)";
  message.size = message.bytes.size();
  JsonIndex index;
  JsonReader reader(message, index);
  Toy toy;
  reader.root(kRoot, toy);
  EXPECT_TRUE(message.has(Shape::kCutShort));
  EXPECT_FALSE(message.has(Shape::kMissing));
  EXPECT_FALSE(message.has(Shape::kEmptyList));
  EXPECT_EQ(toy.level, 2);
}

// Bodies come from strangers: work must not grow with the square of their size.
TEST(JsonReader, ManyRepeatedAndUnknownMembersAreRead) {
  std::string members = "\"id\":\"a\"";
  for (int i = 0; i < 100000; ++i) members += i % 2 == 0 ? ",\"id\":\"b\"" : ",\"x\":1";
  Message message;
  const Toy toy = decode("{" + members + "}", message);
  EXPECT_EQ(toy.id, "b");
  EXPECT_EQ(message.issues.size(), 100001U);
}

std::string encode(Toy toy, const Overrides& overrides, std::vector<std::string>* unused = nullptr) {
  std::string out;
  JsonWriter writer(out, &overrides);
  writer.root(kRoot, toy);
  if (unused != nullptr) *unused = writer.unused();
  return out.substr(7, out.size() - 8);
}
Toy full() {
  Message message;
  return decode(kFull, message);
}

TEST(JsonWriter, WritesTheStrictForm) {
  EXPECT_EQ(encode(full(), {}), kFull);
  Toy toy;
  toy.old = "never written";
  EXPECT_EQ(encode(toy, {}), "{}");
  toy.id = "\"\n\\";
  toy.level = INT64_MIN;
  toy.on = false;
  EXPECT_EQ(encode(toy, {}), R"({"id":"\"\n\\","level":-9223372036854775808,"on":false})");
}

using K = Override::Kind;

TEST(JsonWriter, SetPutsAnyTextInPlace) {
  EXPECT_EQ(encode(full(), {{"level", {K::kSet, "\"two\""}}}).find(R"("level":"two",)"), 10U);
  EXPECT_NE(encode(full(), {{"parts[1].id", {K::kSet, "[broken"}}}).find(R"({"id":[broken})"), std::string::npos);
  EXPECT_NE(encode(full(), {{"parts[0]", {K::kSet, "null"}}}).find(R"("parts":[null,{"id":"y"}])"), std::string::npos);
  EXPECT_NE(encode(full(), {{"parts", {K::kSet, "{}"}}}).find(R"("parts":{})"), std::string::npos);
  Toy toy;
  EXPECT_EQ(encode(toy, {{"level", {K::kSet, "1"}}}), R"({"level":1})") << "set makes an absent member";
}

TEST(JsonWriter, DropLeavesOut) {
  EXPECT_EQ(
      encode(
          full(),
          {{"id", {K::kDrop, ""}}, {"on", {K::kDrop, ""}}, {"part.id", {K::kDrop, ""}}, {"parts[0]", {K::kDrop, ""}}}),
      R"({"level":2,"colour":"red","part":{},"parts":[{"id":"y"}]})");
}

TEST(JsonWriter, DuplicateWritesTwice) {
  const std::string out = encode(full(), {{"id", {K::kDuplicate, ""}}, {"parts[1]", {K::kDuplicate, ""}}});
  EXPECT_EQ(out.find(R"({"id":"a","id":"a","level")"), 0U) << out;
  EXPECT_NE(out.find(R"({"id":"y"},{"id":"y"}])"), std::string::npos) << out;
}

TEST(JsonWriter, AddAppendsToAnObject) {
  const std::string out =
      encode(full(), {{"", {K::kAdd, "\"x\":1"}}, {"part", {K::kAdd, "\"y\":2"}}, {"parts[1]", {K::kAdd, "\"z\":3"}}});
  EXPECT_NE(out.find(R"("part":{"id":"p","y":2})"), std::string::npos) << out;
  EXPECT_NE(out.find(R"({"id":"y","z":3}])"), std::string::npos) << out;
  EXPECT_TRUE(out.ends_with(R"(,"x":1})")) << out;
  EXPECT_EQ(encode({}, {{"", {K::kAdd, "\"x\":1"}}}), R"({"x":1})") << "no comma in an empty object";
}

TEST(JsonWriter, TellsOverridesThatNamedNothing) {
  const auto unused = [](const Overrides& overrides, Toy toy = full()) {
    std::vector<std::string> left;
    encode(std::move(toy), overrides, &left);
    return left;
  };
  using Paths = std::vector<std::string>;
  EXPECT_EQ(unused({{"id", {K::kSet, "1"}}, {"parts[0].level", {K::kDrop, ""}}, {"part", {K::kAdd, "\"a\":1"}}}),
            Paths{});
  EXPECT_EQ(unused({{"nothing", {K::kSet, "1"}}, {"parts[2].id", {K::kDrop, ""}}, {"part.level.x", {K::kSet, "1"}}}),
            (Paths{"nothing", "part.level.x", "parts[2].id"}));
  EXPECT_EQ(unused({{"id", {K::kAdd, "\"a\":1"}}}), Paths{"id"}) << "nothing can be added to a text";
  EXPECT_EQ(unused({{"parts", {K::kAdd, "{}"}}}), Paths{"parts"}) << "nor, by name, to a list";
  EXPECT_EQ(unused({{"id", {K::kDuplicate, ""}}}, {}), Paths{"id"}) << "what is absent cannot be there twice";
  EXPECT_EQ(unused({{"id", {K::kDrop, ""}}}, {}), Paths{}) << "what is absent is dropped already";
}

std::string tree_error(const Tree& tree) {
  Toy toy;
  TreeReader reader(tree);
  reader.root(kRoot, toy);
  return reader.error();
}
Tree at(Tree tree, int line, int column) {
  tree.line = line;
  tree.column = column;
  return tree;
}
Tree map(std::initializer_list<std::pair<const char*, Tree>> members) {
  Tree tree = Tree::map();
  for (const auto& [key, value] : members) tree.members.emplace_back(key, value);
  return tree;
}

TEST(TreeReader, GivesScalarsTheirTypes) {
  Tree parts = Tree::list();
  parts.items.push_back(map({{"id", Tree::text("007")}}));
  const Tree tree = map({{"id", Tree::text("12")},
                         {"level", Tree::text("HIGH")},
                         {"on", Tree::text("false")},
                         {"part", map({{"level", Tree::text("-3")}})},
                         {"parts", parts}});
  Toy toy;
  TreeReader reader(tree);
  reader.root(kRoot, toy);
  EXPECT_EQ(reader.error(), "");
  EXPECT_EQ(toy.id, "12");
  EXPECT_EQ(toy.level, 2) << "a code point by its name";
  EXPECT_EQ(toy.on, false);
  EXPECT_EQ(toy.part->level, -3);
  EXPECT_EQ(toy.parts.at(0).id, "007");
  EXPECT_EQ(tree_error(Tree{}), "") << "nothing given, nothing set";
}

TEST(TreeReader, NamesLineAndColumnOfTheFirstFault) {
  EXPECT_EQ(tree_error(map({{"level", at(Tree::text("two"), 3, 10)}, {"on", at(Tree::text("maybe"), 4, 7)}})),
            "line 3, column 10: level: expected a whole number, found 'two'");
  EXPECT_EQ(tree_error(map({{"on", at(Tree::text("yes"), 4, 7)}})),
            "line 4, column 7: on: expected true or false, found 'yes'");
  EXPECT_EQ(tree_error(map({{"id", at(Tree::list(), 5, 1)}})), "line 5, column 1: id: expected a text");
  EXPECT_EQ(tree_error(map({{"parts", at(map({}), 6, 2)}})), "line 6, column 2: parts: expected a list");
  EXPECT_EQ(tree_error(map({{"part", at(Tree::text("x"), 7, 3)}})),
            "line 7, column 3: part: expected a map of members");
  EXPECT_EQ(tree_error(at(Tree::list(), 1, 1)), "line 1, column 1: expected a map of members");
  EXPECT_EQ(tree_error(map({{"level", Tree::text("1.5")}})), "level: expected a whole number, found '1.5'")
      << "made by code: no place";
  for (const char* text : {"", " 1", "1 ", "0x1", "99999999999999999999", "+1"})
    EXPECT_NE(tree_error(map({{"level", Tree::text(text)}})), "") << text;
}

TEST(TreeReader, RefusesUnknownMembersAndNamesTheKnownOnes) {
  EXPECT_EQ(tree_error(map({{"part", map({{"lvl", at(Tree::text("1"), 9, 4)}})}})),
            "line 9, column 4: part: no member 'lvl' is described here; known are id, level (use mutate: add for "
            "unknown ones)");
  EXPECT_NE(
      tree_error(map({{"Id", at(Tree::text("1"), 9, 4)}})).find("known are id, level, on, colour, old, part, parts"),
      std::string::npos);
}

TEST(Registrar, ListsEveryPlaceWithMandatoryAndList) {
  Registrar registrar;
  Toy toy;
  registrar.root(kRoot, toy);
  std::string out;
  for (const FieldPlace& place : registrar.take())
    out += place.path + (place.mandatory ? " M" : " O") + (place.list ? " list" : "") + "\n";
  EXPECT_EQ(
      out,
      "Toy M\nToy.id M\nToy.level O\nToy.on O\nToy.colour O\nToy.old O\nToy.part O\nToy.part.id M\nToy.part.level O\n"
      "Toy.parts[] M list\nToy.parts[].id M\nToy.parts[].level O\n");
}

}  // namespace
}  // namespace peerscope
