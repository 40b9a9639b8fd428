// SPDX-License-Identifier: GPL-2.0-or-later
// Objects with free keys, lists of scalars, values of any type and numbers with a fraction, in every archive.
#include <gtest/gtest.h>

#include "protocols/base/json_archive.h"
#include "protocols/base/registrar.h"
#include "tests/support/invariants.h"

namespace peerscope {
namespace {

constexpr Field kRoot{.filter = "shop", .name = "shop", .label = "Shop", .type = Type::kGroup};
constexpr Field kTags{.filter = "shop.tag", .name = "tags", .label = "Tag"};
constexpr Field kScale{.filter = "shop.scale", .name = "scale", .label = "Scale", .type = Type::kDouble, .min = 0};
constexpr Field kPrices{.filter = "shop.prices", .name = "prices", .label = "Prices", .type = Type::kGroup};
constexpr Field kFruit{.filter = "shop.fruit", .name = "", .label = "Fruit"};
constexpr Field kShelf{.filter = "shop.shelf", .name = "", .label = "Shelf", .type = Type::kGroup};
constexpr Field kPlace{.filter = "shop.place", .name = "", .label = "Place"};
constexpr Field kPrice{.filter = "shop.price", .name = "", .label = "Price", .type = Type::kDouble};
constexpr Field kPriceText{.filter = "shop.price.text", .name = "", .label = "Price as text"};
constexpr Field kPriceList{.filter = "shop.price.list", .name = "", .label = "Prices", .type = Type::kGroup};
constexpr Field kPriceOther{.filter = "shop.price.other", .name = "", .label = "Not a price"};
constexpr ValueFields kAnyPrice{&kPrice, &kPriceText, &kPriceList, &kPriceOther};
constexpr Field kNames{.filter = "shop.names", .name = "names", .label = "Names", .type = Type::kGroup};
constexpr Field kLanguage{.filter = "shop.language", .name = "", .label = "Language"};
constexpr Field kWord{.filter = "shop.word", .name = "", .label = "Word"};
constexpr Field kNote{.filter = "shop.note", .name = "note", .label = "Note"};
constexpr ValueFields kAnyNote{&kNote, &kNote, &kNote, &kNote};

struct Shelf {
  JsonMap<JsonValue> prices;
};
template <class A>
void describe(A& a, Shelf& m) {
  a.entries(kPlace, kAnyPrice, m.prices);
}
struct Prices {
  JsonMap<Shelf> fruits;
};
template <class A>
void describe(A& a, Prices& m) {
  a.entries(kFruit, kShelf, m.fruits);
}
struct Names {
  JsonMap<std::vector<std::string>> words;
};
template <class A>
void describe(A& a, Names& m) {
  a.entries(kLanguage, kWord, m.words);
}
struct Shop {
  std::optional<std::vector<std::string>> tags;
  std::optional<double> scale;
  std::optional<Prices> prices;
  std::optional<Names> names;
  std::optional<JsonValue> note;
};
template <class A>
void describe(A& a, Shop& m) {
  a.required(kTags, m.tags);
  a.optional(kScale, m.scale);
  a.optional(kPrices, m.prices);
  a.optional(kNames, m.names);
  a.optional(kAnyNote, m.note);
}

constexpr std::string_view kFull =
    R"({"tags":["a","b"],"scale":2.5,"prices":{"apple":{"top":1.5,"low":"none","mid":[1,null,["x",2]],"off":null},)"
    R"("pear":{}},"names":{"en":["apple","pear"],"xx":[]},"note":{"k":[1,true]}})";

Shop decode(std::string_view text, Message& message) {
  message.clear();
  message.bytes = text;
  message.size = message.bytes.size();
  JsonIndex index;
  JsonReader reader(message, index, {.whole_decimals = true});
  Shop shop;
  reader.object_root(kRoot, shop);
  EXPECT_EQ(test::broken_invariant(message), "") << text;
  return shop;
}

std::string encode(Shop shop, const Overrides& overrides = {}) {
  std::string out;
  JsonWriter writer(out, &overrides);
  writer.object_root(kRoot, shop);
  EXPECT_TRUE(writer.unused().empty());
  return out;
}

TEST(JsonMap, ReadsEveryEntryWithItsKey) {
  Message message;
  const Shop shop = decode(kFull, message);
  EXPECT_TRUE(message.issues.empty()) << explain(message.issues.front());
  EXPECT_EQ(print_tree(message.events),
            "shop\n"
            "  tags[0]: \"a\"\n  tags[1]: \"b\"\n"
            "  scale: 2.5\n"
            "  prices\n"
            "    [apple]\n"
            "      [top]: 1.5\n      [low]: \"none\"\n"
            "      [mid]\n        [0]: 1\n        [1]: \"null\"\n        [2]\n          [0]: \"x\"\n          [1]: 2\n"
            "      [off]: \"null\"\n"
            "    [pear]\n"
            "  names\n    [en][0]: \"apple\"\n    [en][1]: \"pear\"\n    [xx]: []\n"
            "  note: \"{\"k\":[1,true]}\"\n");
  ASSERT_TRUE(shop.prices);
  EXPECT_EQ(*shop.prices->fruits.find("apple")->prices.find("top")->number(), 1.5);
  EXPECT_EQ(shop.prices->fruits.find("plum"), nullptr);
  EXPECT_EQ(shop.names->words.find("en")->at(1), "pear");
  EXPECT_TRUE(shop.names->words.find("xx")->empty());
}

TEST(JsonMap, PathsLeadToEntriesAndBack) {
  Message message;
  decode(kFull, message);
  for (std::uint32_t i = 0; i < message.events.size(); ++i) {
    const std::string path = path_of(message.events, i);
    EXPECT_EQ(find_path(message.events, path), i) << path;
  }
  const auto text_at = [&](std::string_view path) {
    const std::uint32_t at = find_path(message.events, path);
    return at == Event::kNoParent ? "nothing" : std::string(message.events[at].text);
  };
  EXPECT_EQ(text_at("prices[apple][top]"), "1.5");
  EXPECT_EQ(text_at("prices[apple][mid][2][1]"), "2");
  EXPECT_EQ(text_at("names[en][1]"), "pear");
  EXPECT_EQ(text_at("names[en]"), "apple") << "a list without selector means its first element";
  EXPECT_EQ(text_at("names[en][2]"), "nothing");
  EXPECT_EQ(text_at("prices[apple][nowhere]"), "nothing");
  EXPECT_EQ(text_at("prices[apple]x"), "nothing");
  EXPECT_EQ(find_all(message.events, "names[en]").size(), 2U);
}

TEST(JsonMap, TheKeysBytesBelongToTheEntry) {
  Message message;
  decode(kFull, message);
  const Event& top = message.events[find_path(message.events, "prices[apple][top]")];
  EXPECT_EQ(top.key, &kPlace);
  EXPECT_EQ(message.view().substr(top.key_offset, top.key_length), "\"top\"");
  EXPECT_EQ(message.view().substr(top.offset, top.length), "1.5");
  EXPECT_TRUE(top.has_real && !top.has_number);
  EXPECT_EQ(top.real, 1.5);
  // What an entry holds has no key of its own.
  EXPECT_EQ(message.events[find_path(message.events, "prices[apple][mid][0]")].key, nullptr);
}

TEST(JsonMap, TellsEveryDeviation) {
  const auto issues_of = [](std::string_view text) {
    Message message;
    decode(text, message);
    std::string out;
    for (const Issue& issue : message.issues)
      out += std::string(to_string(issue.shape)) + " " +
             (issue.field == nullptr         ? ""
              : issue.field->name[0] != '\0' ? issue.field->name
                                             : issue.field->label) +
             ";";
    return out;
  };
  EXPECT_EQ(issues_of("{}"), "missing tags;");
  EXPECT_EQ(issues_of("[]"), "wrong type ;");
  EXPECT_EQ(issues_of(R"({"tags":[]})"), "") << "this list may be empty";
  EXPECT_EQ(issues_of(R"({"tags":"a"})"), "wrong type tags;");
  EXPECT_EQ(issues_of(R"({"tags":{}})"), "wrong type tags;");
  EXPECT_EQ(issues_of(R"({"tags":["a",1]})"), "wrong type tags;");
  EXPECT_EQ(issues_of(R"({"tags":[],"scale":"1"})"), "wrong type scale;");
  EXPECT_EQ(issues_of(R"({"tags":[],"scale":-0.5})"), "out of range scale;");
  EXPECT_EQ(issues_of(R"({"tags":[],"scale":1e999})"), "out of range scale;");
  EXPECT_EQ(issues_of(R"({"tags":[],"prices":[]})"), "wrong type prices;");
  EXPECT_EQ(issues_of(R"({"tags":[],"prices":{"a":1}})"), "wrong type Shelf;");
  EXPECT_EQ(issues_of(R"({"tags":[],"prices":{"a":{},"a":{}}})"), "duplicate Fruit;");
  EXPECT_EQ(issues_of(R"({"tags":[],"names":{"en":1}})"), "wrong type Word;");
  EXPECT_EQ(issues_of(R"({"tags":[],"names":{"en":[1,"x"]}})"), "wrong type Word;");
  EXPECT_EQ(issues_of(R"({"tags":[],"names":{"en":1,"de":["x"]}})"), "wrong type Word;");
}

TEST(JsonMap, AFaultyEntryLendsItsKeyToNobody) {
  Message message;
  decode(R"({"tags":["t"],"prices":{"a":1,"b":{"x":2}},"names":{"en":7,"de":["x"]},"note":"n"})", message);
  EXPECT_EQ(print_tree(message.events),
            "shop\n  tags[0]: \"t\"\n  prices\n    [b]\n      [x]: 2\n  names\n    [de][0]: \"x\"\n  note: \"n\"\n");
}

TEST(JsonMap, WritesWhatItRead) {
  Message message;
  EXPECT_EQ(encode(decode(kFull, message)), kFull);
  EXPECT_EQ(encode(decode(R"({"tags":[]})", message)), R"({"tags":[]})") << "present and empty";
  EXPECT_EQ(encode(decode("{}", message)), "{}") << "absent";
}

TEST(JsonMap, OverridesReachEntries) {
  Message message;
  const Shop shop = decode(R"({"tags":["a"],"prices":{"apple":{"top":1}},"names":{"en":["x"]}})", message);
  EXPECT_EQ(encode(shop, {{"prices[apple][top]", {Override::Kind::kSet, "\"free\""}}}),
            R"({"tags":["a"],"prices":{"apple":{"top":"free"}},"names":{"en":["x"]}})");
  EXPECT_EQ(encode(shop, {{"prices[apple]", {Override::Kind::kDrop, ""}}}),
            R"({"tags":["a"],"prices":{},"names":{"en":["x"]}})");
  EXPECT_EQ(encode(shop, {{"prices[apple]", {Override::Kind::kDuplicate, ""}}}),
            R"({"tags":["a"],"prices":{"apple":{"top":1},"apple":{"top":1}},"names":{"en":["x"]}})");
  EXPECT_EQ(encode(shop, {{"names[en][0]", {Override::Kind::kSet, "7"}}, {"tags[0]", {Override::Kind::kSet, "null"}}}),
            R"({"tags":[null],"prices":{"apple":{"top":1}},"names":{"en":[7]}})");
}

TEST(JsonMap, ScenarioTextBecomesTypedValues) {
  Tree tree = Tree::map();
  tree.at_path("tags[0]") = Tree::text("12");
  tree.at_path("scale") = Tree::text("0.5");
  tree.at_path("prices.apple.top") = Tree::text("3");
  tree.at_path("prices.apple.low") = Tree::text("\"3\"");
  tree.at_path("prices.apple.mid[0]") = Tree::text("null");
  tree.at_path("prices.apple.off") = Tree::text("none");
  tree.at_path("names.en[0]") = Tree::text("x");
  tree.at_path("note") = Tree::text("7");
  TreeReader reader(tree);
  Shop shop;
  reader.object_root(kRoot, shop);
  EXPECT_EQ(reader.error(), "");
  EXPECT_EQ(encode(shop),
            R"({"tags":["12"],"scale":0.5,"prices":{"apple":{"top":3,"low":"3","mid":[null],"off":"none"}},)"
            R"("names":{"en":["x"]},"note":"7"})");

  tree.at_path("scale") = Tree::text("half");
  TreeReader again(tree);
  Shop wrong;
  again.object_root(kRoot, wrong);
  EXPECT_EQ(again.error(), "scale: expected a number, found 'half'");
}

TEST(JsonMap, TheRegistrarListsKeysAndValues) {
  Registrar registrar;
  Shop shop;
  registrar.object_root(kRoot, shop);
  std::string out;
  for (const FieldPlace& place : registrar.take()) out += place.path + " " + place.field->filter + "\n";
  EXPECT_EQ(out,
            "shop shop\nshop.tags[] shop.tag\nshop.scale shop.scale\nshop.prices shop.prices\n"
            "shop.prices[] shop.fruit\nshop.prices[] shop.shelf\nshop.prices[][] shop.place\n"
            "shop.prices[][] shop.price\nshop.prices[][] shop.price.text\nshop.prices[][] shop.price.list\n"
            "shop.prices[][] shop.price.other\nshop.names shop.names\nshop.names[] shop.language\n"
            "shop.names[] shop.word\nshop.note shop.note\n");
}

TEST(JsonReader, WholeDecimalsAreIntegersWhereTheSpecificationSaysSo) {
  constexpr Field kCount{.filter = "shop.count", .name = "count", .label = "Count", .type = Type::kInt64};
  const auto read = [&](std::string_view number, bool whole_decimals) {
    Message message;
    message.bytes = number;
    message.size = number.size();
    JsonIndex index;
    JsonReader reader(message, index, {.whole_decimals = whole_decimals});
    std::vector<std::int64_t> counts;
    reader.list_root(kRoot, kCount, counts);
    return counts.empty() ? -1 : counts.front();
  };
  EXPECT_EQ(read("[7.0]", true), 7);
  EXPECT_EQ(read("[7e0]", true), 7);
  EXPECT_EQ(read("[70e-1]", true), 7);
  EXPECT_EQ(read("[7.5]", true), -1);
  EXPECT_EQ(read("[1e300]", true), -1);
  EXPECT_EQ(read("[7.0]", false), -1);
}

}  // namespace
}  // namespace peerscope
