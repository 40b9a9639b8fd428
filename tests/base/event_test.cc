// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/event.h"

#include <gtest/gtest.h>

#include "protocols/base/message.h"
#include "protocols/base/tree.h"

namespace peerscope {
namespace {

constexpr ValueName kNames[] = {{0, "NONE"}, {1, "SOME"}};
constexpr Field kTop{.filter = "t", .name = "Top", .label = "Top", .type = Type::kGroup};
constexpr Field kItem{.filter = "t.item", .name = "item", .label = "Item", .type = Type::kGroup};
constexpr Field kId{.filter = "t.id", .name = "id", .label = "ID"};
constexpr Field kCount{.filter = "t.count", .name = "count", .label = "Count", .type = Type::kInt64, .names = kNames};
constexpr Field kMask{
    .filter = "t.mask", .name = "mask", .label = "Mask", .type = Type::kUint32, .display = Display::kHex};
constexpr Field kBig{.filter = "t.big", .name = "big", .label = "Big", .type = Type::kUint64};
constexpr Field kData{.filter = "t.data", .name = "data", .label = "Data", .type = Type::kBytes};

// Top { id "x", item[0] { id "a", count 1 }, item[1] { id "b", count 7 }, x_more }
std::vector<Event> sample() {
  std::vector<Event> events(9);
  const auto set = [&](std::uint32_t i, const Field& field, std::uint32_t parent, std::uint32_t end, int index = -1) {
    events[i].field = &field;
    events[i].parent = parent;
    events[i].end = end;
    events[i].index = index;
    events[i].depth = parent == Event::kNoParent ? 0 : static_cast<std::uint16_t>(events[parent].depth + 1);
  };
  const auto text = [&](std::uint32_t i, std::string_view value) { events[i].has_text = true, events[i].text = value; };
  const auto number = [&](std::uint32_t i, std::int64_t value) {
    events[i].has_number = true, events[i].number = value;
  };
  set(0, kTop, Event::kNoParent, 9);
  set(1, kId, 0, 2), text(1, "x");
  set(2, kItem, 0, 5, 0);
  set(3, kId, 2, 4), text(3, "a");
  set(4, kCount, 2, 5), number(4, 1);
  set(5, kItem, 0, 8, 1);
  set(6, kId, 5, 7), text(6, "b");
  set(7, kCount, 5, 8), number(7, 7);
  set(8, kTop, 0, 9), text(8, "[1]");
  events[8].unknown = true;
  events[8].label = "x_more";
  return events;
}

TEST(PathOf, NamesEveryStepWithItsIndex) {
  const auto events = sample();
  EXPECT_EQ(path_of(events, 0), "Top");
  EXPECT_EQ(path_of(events, 1), "Top.id");
  EXPECT_EQ(path_of(events, 7), "Top.item[1].count");
  EXPECT_EQ(path_of(events, 8), "Top.x_more");
}

TEST(FindPath, FindsEveryEventByItsOwnPath) {
  const auto events = sample();
  for (std::uint32_t i = 0; i < events.size(); ++i)
    EXPECT_EQ(find_path(events, path_of(events, i)), i) << path_of(events, i);
}

TEST(FindPath, TheOutermostGroupMayBeLeftOut) {
  const auto events = sample();
  EXPECT_EQ(find_path(events, "id"), 1U);
  EXPECT_EQ(find_path(events, "item[1].id"), 6U);
  EXPECT_EQ(find_path(events, "x_more"), 8U);
}

TEST(FindPath, AListWithoutSelectorMeansItsFirstElement) {
  const auto events = sample();
  EXPECT_EQ(find_path(events, "item.id"), 3U);
  EXPECT_EQ(find_path(events, "item"), 2U);
}

TEST(FindPath, SelectsElementsByAChildsValue) {
  const auto events = sample();
  EXPECT_EQ(find_path(events, "item[id=b].count"), 7U);
  EXPECT_EQ(find_path(events, "item[count=7].id"), 6U) << "numbers are compared as text";
  EXPECT_EQ(find_path(events, "item[id=c].count"), Event::kNoParent);
  EXPECT_EQ(find_path(events, "item[nothing=b].count"), Event::kNoParent);
}

TEST(FindPath, AcceptsFilterNames) {
  const auto events = sample();
  EXPECT_EQ(find_path(events, "t.id"), 1U);
  EXPECT_EQ(find_path(events, "t.item"), 2U);
  EXPECT_EQ(find_path(events, "t.count"), 4U) << "at any depth";
  EXPECT_EQ(find_all(events, "t.count"), (std::vector<std::uint32_t>{4, 7}));
  EXPECT_EQ(find_path(events, "t.nothing"), Event::kNoParent);
}

TEST(FindPath, OddPathsFindNothing) {
  const auto events = sample();
  for (const char* path : {"", ".", "..", "item[2]", "item[-1]", "item[9999999999]", "item[", "item]", "item[]x",
                           "id.id", "nothing", "item..id", "Top.Top", "item[0", "[0]", "item[=]", "item[id=]"}) {
    EXPECT_EQ(find_path(events, path), find_path(events, path)) << path;  // no crash, and always the same answer
  }
  for (const char* path : {"", ".", "item[2]", "id.id", "nothing", "item..id", "Top.Top", "[0]"})
    EXPECT_EQ(find_path(events, path), Event::kNoParent) << path;
  EXPECT_EQ(find_path({}, "id"), Event::kNoParent);
}

TEST(FindAll, AListWithoutSelectorMeansEveryElement) {
  const auto events = sample();
  EXPECT_EQ(find_all(events, "item.id"), (std::vector<std::uint32_t>{3, 6}));
  EXPECT_EQ(find_all(events, "item"), (std::vector<std::uint32_t>{2, 5}));
  EXPECT_EQ(find_all(events, "item[1].count"), (std::vector<std::uint32_t>{7}));
  EXPECT_EQ(find_all(events, "Top.item.count"), (std::vector<std::uint32_t>{4, 7}));
  EXPECT_TRUE(find_all(events, "nothing").empty());
}

TEST(ValueText, IsForPeople) {
  const auto events = sample();
  EXPECT_EQ(value_text(events[0]), "");
  EXPECT_EQ(value_text(events[1]), "\"x\"");
  EXPECT_EQ(value_text(events[4]), "1 (SOME)");
  EXPECT_EQ(value_text(events[7]), "7");
  EXPECT_EQ(value_text(events[8]), "[1]");
  Event event;
  event.has_number = true;
  event.field = &kMask;
  event.number = 0xff00;
  EXPECT_EQ(value_text(event), "0xff00");
  event.field = &kBig;
  event.number = -1;
  EXPECT_EQ(value_text(event), "18446744073709551615") << "64 bits without a sign";
  Event bytes;
  bytes.field = &kData;
  bytes.has_text = true;
  bytes.text = std::string_view("\x00\xff z", 4);
  EXPECT_EQ(value_text(bytes), "00ff207a");
}

TEST(PrintTree, IndentsByDepth) {
  EXPECT_EQ(print_tree(sample()),
            "Top\n"
            "  id: \"x\"\n"
            "  item[0]\n"
            "    id: \"a\"\n"
            "    count: 1 (SOME)\n"
            "  item[1]\n"
            "    id: \"b\"\n"
            "    count: 7\n"
            "  x_more: [1]\n");
}

TEST(Explain, HasWordsForEveryShape) {
  for (int i = 0; i <= static_cast<int>(Shape::kBadLength); ++i) {
    const Issue issue{.shape = static_cast<Shape>(i), .field = &kCount, .parent = &kItem, .offset = 5, .seen = "zz"};
    EXPECT_FALSE(explain(issue).empty()) << i;
    EXPECT_FALSE(to_string(issue.shape).empty()) << i;
    const Issue bare{
        .shape = static_cast<Shape>(i),
        .field = issue.shape == Shape::kOutOfRange || issue.shape == Shape::kUnknownValue ? &kCount : nullptr};
    EXPECT_FALSE(explain(bare).empty()) << i << ": without field and parent";
  }
  EXPECT_EQ(explain({.shape = Shape::kMissing, .field = &kCount, .parent = &kItem}),
            "mandatory member count of item is missing");
}

TEST(ValueName, IsEmptyForUnknownCodePoints) {
  EXPECT_EQ(value_name(kCount, 1), "SOME");
  EXPECT_EQ(value_name(kCount, 2), "");
  EXPECT_EQ(value_name(kId, 0), "");
}

TEST(FirstStep, SplitsNameSelectorAndRest) {
  const auto is = [](std::string_view path, std::string_view name, bool has_selector, std::string_view selector,
                     std::string_view rest) {
    const PathStep step = first_step(path);
    EXPECT_EQ(step.name, name) << path;
    EXPECT_EQ(step.has_selector, has_selector) << path;
    EXPECT_EQ(step.selector, selector) << path;
    EXPECT_EQ(step.rest, rest) << path;
  };
  is("a", "a", false, "", "");
  is("a.b[1].c", "a", false, "", "b[1].c");
  is("b[1].c", "b", true, "1", "c");
  is("b[ip=192.0.2.1].c", "b", true, "ip=192.0.2.1", "c");
  is("", "", false, "", "");
  is("a[", "a", true, "", "");
  is("a[1", "a", true, "1", "");
  is("a]", "a]", false, "", "");
  is("].b", "]", false, "", "b");
}

TEST(Tree, AtPathMakesWhatIsMissing) {
  Tree tree;
  tree.at_path("a.b[1].c") = Tree::text("x");
  ASSERT_TRUE(tree.is_map());
  const Tree* b = tree.find("a")->find("b");
  ASSERT_TRUE(b->is_list());
  ASSERT_EQ(b->items.size(), 2U);
  EXPECT_EQ(b->items[0].kind, Tree::Kind::kNull);
  EXPECT_EQ(b->items[1].find("c")->scalar, "x");
  tree.at_path("a.b[1].c") = Tree::text("y");
  EXPECT_EQ(tree.find("a")->find("b")->items[1].find("c")->scalar, "y");
  EXPECT_EQ(tree.find("nothing"), nullptr);
  EXPECT_LE(tree.at_path("big[4000000000]").items.size(), 1U) << "a typing error does not eat the memory";
}

}  // namespace
}  // namespace peerscope
