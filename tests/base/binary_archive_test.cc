// SPDX-License-Identifier: GPL-2.0-or-later
// The binary archives, proven with a small protocol made for this test: every width, length prefixes, a part in a part,
// a list of parts, and bytes to the end.
#include "protocols/base/binary_archive.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "protocols/base/registrar.h"
#include "tests/support/invariants.h"

namespace peerscope {
namespace {

using namespace std::string_literals;

constexpr ValueName kKinds[] = {{1, "HELLO"}, {2, "BYE"}};
constexpr Field kHello{.filter = "toy", .name = "hello", .label = "Hello", .type = Type::kGroup};
constexpr Field kFlag{.filter = "toy.flag", .name = "flag", .label = "Flag", .type = Type::kBoolean};
constexpr Field kKind{
    .filter = "toy.kind", .name = "kind", .label = "Kind", .type = Type::kUint8, .min = 1, .max = 9, .names = kKinds};
constexpr Field kPort{.filter = "toy.port", .name = "port", .label = "Port", .type = Type::kUint16};
constexpr Field kSize{.filter = "toy.size", .name = "size", .label = "Size", .type = Type::kUint24};
constexpr Field kAddress{.filter = "toy.address", .name = "address", .label = "Address", .type = Type::kIpv4};
constexpr Field kCookie{.filter = "toy.cookie", .name = "cookie", .label = "Cookie", .type = Type::kUint64};
constexpr Field kOffset{.filter = "toy.offset", .name = "offset", .label = "Offset", .type = Type::kInt64};
constexpr Field kKey{.filter = "toy.key", .name = "key", .label = "Key", .type = Type::kBytes};
constexpr Field kBodyLength{
    .filter = "toy.body_length", .name = "body_length", .label = "Body length", .type = Type::kUint16};
constexpr Field kNameLength{
    .filter = "toy.name_length", .name = "name_length", .label = "Name length", .type = Type::kUint8};
constexpr Field kName{.filter = "toy.name", .name = "name", .label = "Name"};
constexpr Field kListLength{
    .filter = "toy.list_length", .name = "list_length", .label = "List length", .type = Type::kUint32};
constexpr Field kOption{.filter = "toy.option", .name = "option", .label = "Option", .type = Type::kGroup};
constexpr Field kCode{.filter = "toy.option.code", .name = "code", .label = "Code", .type = Type::kUint8};
constexpr Field kValueLength{.filter = "toy.option.length", .name = "length", .label = "Length", .type = Type::kUint8};
constexpr Field kValue{.filter = "toy.option.value", .name = "value", .label = "Value", .type = Type::kUint16};
constexpr Field kTail{.filter = "toy.tail", .name = "tail", .label = "Tail", .type = Type::kBytes};

struct Option {
  std::uint8_t code = 0;
  std::uint16_t value = 0;
};
template <class A>
void describe(A& a, Option& m) {
  a.number(kCode, m.code);
  a.prefixed(kValueLength, [&] { a.number(kValue, m.value); });
}

struct Hello {
  bool flag = false;
  std::uint8_t kind = 0;
  std::uint16_t port = 0;
  std::uint32_t size = 0;
  std::uint32_t address = 0;
  std::uint64_t cookie = 0;
  std::int64_t offset = 0;
  std::string key;
  std::string name;
  std::vector<Option> options;
  std::string tail;
};
template <class A>
void describe(A& a, Hello& m) {
  a.number(kFlag, m.flag);
  a.number(kKind, m.kind);
  a.number(kPort, m.port);
  a.number(kSize, m.size);
  a.number(kAddress, m.address);
  a.number(kCookie, m.cookie);
  a.number(kOffset, m.offset);
  a.bytes(kKey, m.key, 3);
  a.prefixed(kBodyLength, [&] {
    a.prefixed(kNameLength, [&] { a.rest(kName, m.name); });
    a.prefixed(kListLength, [&] { a.sequence(kOption, m.options); });
  });
  a.rest(kTail, m.tail);
}

// The bytes of one message, worked out by hand, and the field that each run belongs to.
struct Run {
  std::string bytes;
  const Field* field;
};
const std::vector<Run>& runs() {
  static const std::vector<Run> kRuns = {
      {"\x01"s, &kFlag},
      {"\x02"s, &kKind},
      {"\x1a\x7a"s, &kPort},
      {"\x01\x02\x03"s, &kSize},
      {"\xc0\x00\x02\x01"s, &kAddress},
      {"\xff\xff\xff\xff\xff\xff\xff\xfe"s, &kCookie},
      {"\xff\xff\xff\xff\xff\xff\xff\xfe"s, &kOffset},
      {"key"s, &kKey},
      {"\x00\x11"s, &kBodyLength},
      {"\x04"s, &kNameLength},
      {"name"s, &kName},
      {"\x00\x00\x00\x08"s, &kListLength},
      {"\x05"s, &kCode},
      {"\x02"s, &kValueLength},
      {"\x00\x64"s, &kValue},
      {"\x06"s, &kCode},
      {"\x02"s, &kValueLength},
      {"\xff\xff"s, &kValue},
      {"to the end"s, &kTail},
  };
  return kRuns;
}
std::string wire() {
  std::string out;
  for (const Run& run : runs()) out += run.bytes;
  return out;
}
std::size_t offset_of(std::size_t wanted) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < wanted; ++i) at += runs()[i].bytes.size();
  return at;
}

Hello decode(std::string_view bytes, Message& message) {
  message.clear();
  message.bytes = bytes;
  message.size = bytes.size();
  Hello hello;
  BinaryReader(message).root(kHello, hello);
  EXPECT_EQ(test::broken_invariant(message, false), "");
  return hello;
}
std::string encode(Hello hello, const Overrides* overrides = nullptr) {
  std::string out;
  BinaryWriter(out, overrides).root(kHello, hello);
  return out;
}
std::string replaced(std::size_t run, const std::string& bytes) {
  std::string out = wire();
  return out.replace(offset_of(run), runs()[run].bytes.size(), bytes);
}

TEST(BinaryReader, ReadsEveryWidth) {
  Message message;
  const Hello hello = decode(wire(), message);
  EXPECT_TRUE(message.issues.empty());
  EXPECT_TRUE(hello.flag);
  EXPECT_EQ(hello.kind, 2);
  EXPECT_EQ(hello.port, 6778);
  EXPECT_EQ(hello.size, 0x010203U);
  EXPECT_EQ(hello.address, 0xc0000201U);
  EXPECT_EQ(hello.cookie, 0xfffffffffffffffeULL);
  EXPECT_EQ(hello.offset, -2);
  EXPECT_EQ(hello.key, "key");
  EXPECT_EQ(hello.name, "name");
  ASSERT_EQ(hello.options.size(), 2U);
  EXPECT_EQ(hello.options[0].code, 5);
  EXPECT_EQ(hello.options[1].value, 0xffff);
  EXPECT_EQ(hello.tail, "to the end");
}

TEST(BinaryReader, RecordsEveryFieldWithItsBytes) {
  Message message;
  decode(wire(), message);
  std::vector<const Event*> leaves;
  for (const Event& event : message.events) {
    if (event.field->type != Type::kGroup) leaves.push_back(&event);
  }
  ASSERT_EQ(leaves.size(), runs().size());
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    EXPECT_EQ(leaves[i]->field, runs()[i].field) << i;
    EXPECT_EQ(leaves[i]->offset, offset_of(i)) << runs()[i].field->name;
    EXPECT_EQ(leaves[i]->length, runs()[i].bytes.size()) << runs()[i].field->name;
  }
  EXPECT_EQ(print_tree(message.events),
            "hello\n  flag: 1\n  kind: 2 (BYE)\n  port: 6778\n  size: 66051\n  address: 3221225985\n  cookie: "
            "18446744073709551614\n  offset: -2\n  key: 6b6579\n"
            "  body_length: 17\n  name_length: 4\n  name: \"name\"\n  list_length: 8\n"
            "  option[0]\n    code: 5\n    length: 2\n    value: 100\n  option[1]\n    code: 6\n    length: 2\n    "
            "value: 65535\n  tail: 746f2074686520656e64\n");
  EXPECT_EQ(find_path(message.events, "option[1].value"), find_path(message.events, "hello.option[code=6].value"));
  const Event& second = message.events[find_path(message.events, "option[1]")];
  EXPECT_EQ(second.offset, offset_of(15));
  EXPECT_EQ(second.length, 4U);
}

TEST(BinaryArchives, WriteWhatTheyRead) {
  Message message;
  EXPECT_EQ(encode(decode(wire(), message)), wire());
  const Hello empty;
  Message again;
  const Hello back = decode(encode(empty), again);
  EXPECT_EQ(encode(back), encode(empty));
  EXPECT_TRUE(back.options.empty());
  ASSERT_EQ(again.issues.size(), 1U) << "a kind of 0 is out of range, and that is all";
  EXPECT_EQ(again.issues[0].shape, Shape::kOutOfRange);
  EXPECT_EQ(again.issues[0].field, &kKind);
}

TEST(BinaryReader, EveryCutIsToldAtItsField) {
  const std::string whole = wire();
  std::size_t run = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    while (size >= offset_of(run) + runs()[run].bytes.size()) ++run;
    Message message;
    decode(whole.substr(0, size), message);
    if (runs()[run].field == &kTail) {  // takes what there is
      EXPECT_TRUE(message.issues.empty()) << size;
      continue;
    }
    ASSERT_FALSE(message.issues.empty()) << size;
    bool named = false;
    for (const Issue& issue : message.issues) {
      EXPECT_TRUE(issue.shape == Shape::kCutShort || issue.shape == Shape::kBadLength)
          << size << " " << to_string(issue.shape);
      // A length whose part is cut is named too: its content is not all there.
      const bool at_length = (runs()[run].field == &kName && issue.field == &kNameLength) ||
                             (runs()[run].field == &kCode && issue.field == &kListLength);
      named = named || issue.field == runs()[run].field || at_length;
      EXPECT_LE(issue.offset + issue.length, size);
    }
    EXPECT_TRUE(named) << "cut at " << size << ", inside " << runs()[run].field->name;
    const auto shortages = std::count_if(message.issues.begin(), message.issues.end(),
                                         [](const Issue& issue) { return issue.shape == Shape::kCutShort; });
    EXPECT_LE(shortages, 1) << size << ": told once";
  }
}

TEST(BinaryReader, MoreBehindTheEndIsTrailing) {
  Message message;
  message.bytes = "\x05\x02\x00\x64"s + "xyz";
  message.size = message.bytes.size();
  Option option;
  BinaryReader(message).root(kOption, option);
  ASSERT_EQ(message.issues.size(), 1U);
  EXPECT_EQ(message.issues[0].shape, Shape::kTrailing);
  EXPECT_EQ(message.issues[0].offset, 4U);
  EXPECT_EQ(message.issues[0].length, 3U);
}

// One too long or too short is told at the length, and what follows the part is read.
TEST(BinaryReader, ALengthThatIsWrongIsToldAndReadingGoesOn) {
  struct Case {
    const char* name;
    std::size_t run;
    std::string bytes;
    const Field* field;
    Shape shape;
  };
  const Case cases[] = {
      {"an option's part is one too long", 13, "\x03"s, &kValueLength, Shape::kBadLength},
      {"an option's part is one too short", 13, "\x01"s, &kValue, Shape::kCutShort},
      {"the last option's part reaches over its list", 16, "\x03"s, &kValueLength, Shape::kBadLength},
      {"the list is one too long", 11, "\x00\x00\x00\x09"s, &kListLength, Shape::kBadLength},
      {"the list is far too long", 11, "\xff\xff\xff\xff"s, &kListLength, Shape::kBadLength},
      {"the list is one too short", 11, "\x00\x00\x00\x07"s, &kValueLength, Shape::kBadLength},
      {"the name is one too long", 9, "\x05"s, &kListLength, Shape::kBadLength},
      {"the body is one too long", 8, "\x00\x12"s, &kBodyLength, Shape::kBadLength},
      {"the body is longer than the message", 8, "\xff\xff"s, &kBodyLength, Shape::kBadLength},
      {"the body is one too short", 8, "\x00\x10"s, &kListLength, Shape::kBadLength},
  };
  for (const Case& c : cases) {
    Message message;
    const Hello hello = decode(replaced(c.run, c.bytes), message);
    bool told = false;
    for (const Issue& issue : message.issues) told = told || (issue.field == c.field && issue.shape == c.shape);
    EXPECT_TRUE(told) << c.name << "\n" << print_tree(message.events);
    EXPECT_EQ(hello.port, 6778) << c.name;
    EXPECT_NE(message.first(kTail), nullptr) << c.name << ": reading goes on";
  }
}

TEST(BinaryReader, OneBadOptionDoesNotHideTheNext) {
  Message message;
  // The first option's part has one byte for a value of two; the list's length says so.
  const Hello hello = decode(wire().substr(0, offset_of(8)) + "\x00\x10\x04name\x00\x00\x00\x07"s + "\x05\x01\x64"s +
                                 "\x06\x02\xff\xff"s + "tail",
                             message);
  ASSERT_EQ(hello.options.size(), 2U);
  EXPECT_EQ(hello.options[1].value, 0xffff);
  EXPECT_EQ(hello.tail, "tail");
  ASSERT_EQ(message.issues.size(), 1U);
  EXPECT_EQ(message.issues[0].field, &kValue);
  EXPECT_EQ(message.issues[0].shape, Shape::kCutShort);
}

TEST(BinaryReader, ABooleanIsZeroOrOne) {
  Message message;
  EXPECT_TRUE(decode(replaced(0, "\x02"), message).flag);
  ASSERT_EQ(message.issues.size(), 1U);
  EXPECT_EQ(explain(message.issues[0]), "flag of hello is 2, allowed is 0 or 1");
}

TEST(BinaryReader, UnknownCodePointsAreValues) {
  Message message;
  const Hello hello = decode(replaced(1, "\x09"), message);
  EXPECT_TRUE(message.issues.empty());
  EXPECT_EQ(hello.kind, 9);
  EXPECT_EQ(value_text(*message.first(kKind)), "9");
}

struct Nothing {};
template <class A>
void describe(A&, Nothing&) {}

TEST(BinaryReader, AListOfNothingEnds) {
  Message message;
  message.bytes = "abc";
  message.size = 3;
  std::vector<Nothing> list;
  BinaryReader reader(message);
  reader.sequence(kOption, list);
  EXPECT_EQ(list.size(), 1U);
}

TEST(BinaryReader, MutantsDoNotHurt) {
  std::mt19937 random(7);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = wire();
    for (int k = 0; k < 3; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (random() % 2 == 0) bytes.resize(random() % bytes.size());
    Message message;
    const Hello hello = decode(bytes, message);
    Message again;
    EXPECT_TRUE(!message.issues.empty() || encode(hello) == bytes) << i;
    decode(encode(hello), again);
    for (const Issue& issue : again.issues) EXPECT_EQ(issue.shape, Shape::kOutOfRange) << i << " " << explain(issue);
  }
}

TEST(BinaryWriter, OverridesALengthOnPurpose) {
  Message message;
  const Hello hello = decode(wire(), message);
  const Overrides body{{"body_length", {Override::Kind::kSet, "18"}}};
  EXPECT_EQ(encode(hello, &body), replaced(8, "\x00\x12"s)) << "only the length changes";
  const Overrides option{{"option[1].length", {Override::Kind::kSet, "255"}}};
  EXPECT_EQ(encode(hello, &option), replaced(16, "\xff"s));
  const Overrides number{{"port", {Override::Kind::kSet, "1"}}, {"option[0].code", {Override::Kind::kSet, "9"}}};
  std::string expected = replaced(2, "\x00\x01"s);
  expected[offset_of(12)] = 9;
  EXPECT_EQ(encode(hello, &number), expected);
}

TEST(Registrar, ListsTheFieldsInTheOrderOfTheWire) {
  Registrar registrar;
  Hello hello;
  registrar.root(kHello, hello);
  std::string paths;
  for (const FieldPlace& place : registrar.take())
    paths += std::string(static_cast<std::size_t>(place.depth), ' ') + place.path + (place.list ? " *" : "") + "\n";
  EXPECT_EQ(paths,
            "hello\n hello.flag\n hello.kind\n hello.port\n hello.size\n hello.address\n hello.cookie\n hello.offset\n "
            "hello.key\n hello.body_length\n hello.name_length\n"
            " hello.name\n hello.list_length\n hello.option[] *\n  hello.option[].code\n  hello.option[].length\n  "
            "hello.option[].value\n hello.tail\n");
}

TEST(WidthOf, IsZeroForWhatHasNone) {
  EXPECT_EQ(width_of(Type::kIpv6), 16U);
  for (const Type type : {Type::kGroup, Type::kString, Type::kBytes}) EXPECT_EQ(width_of(type), 0U);
}

}  // namespace
}  // namespace peerscope
