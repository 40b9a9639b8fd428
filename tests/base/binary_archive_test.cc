// SPDX-License-Identifier: GPL-2.0-or-later
// The binary archives, proven with a small protocol made for this test: every width, length prefixes, a part in a part,
// a list of parts, and bytes to the end.
#include "protocols/base/binary_archive.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "protocols/base/registrar.h"
#include "protocols/base/tree_writer.h"
#include "tests/support/invariants.h"
#include "tests/support/toy_protocol.h"

namespace peerscope::test {
namespace {

using namespace std::string_literals;

Hello decode(std::string_view bytes, Message& message) {
  message.clear();
  message.bytes = bytes;
  message.size = bytes.size();
  Hello hello;
  BinaryReader(message).root(kHello, hello);
  EXPECT_EQ(broken_invariant(message, false), "");
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
            "hello\n  flag: 1\n  kind: 2 (BYE)\n  port: 6778\n  size: 66051\n  address: 192.0.2.1\n  cookie: "
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
    for (const Issue& issue : again.issues)
      EXPECT_TRUE(issue.shape == Shape::kOutOfRange || issue.shape == Shape::kNotUtf8) << i << " " << explain(issue);
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

std::string letter_wire() {
  return "\x02\x88\x00\x14\x04\x02"s + "abcd" + "\x01\x00"s + "\x81" + "\x00\x05"s + "\x05\x02\x00\x64\xff"s;
}
Letter decode_letter(std::string_view bytes, Message& message) {
  message.clear();
  message.bytes = bytes;
  message.size = bytes.size();
  Letter letter;
  BinaryReader(message).root(kLetter, letter);
  EXPECT_EQ(broken_invariant(message, false), "");
  return letter;
}
std::string encode_letter(Letter letter) {
  std::string out;
  BinaryWriter writer(out);
  writer.root(kLetter, letter);
  EXPECT_EQ(writer.error(), "");
  return out;
}
EncodeResult from_text(std::initializer_list<std::pair<const char*, const char*>> values,
                       const Overrides& overrides = {}) {
  Tree tree = Tree::map();
  for (const auto& [path, value] : values) tree.at_path(path) = Tree::text(value);
  Letter letter;
  return encode_tree(kLetter, tree, letter, overrides);
}

TEST(BinaryReader, ReadsBitsFarLengthsListsAndNestedBytes) {
  Message message;
  const std::string wire = letter_wire();
  const Letter letter = decode_letter(wire, message);
  EXPECT_EQ(print_tree(message.events),
            "letter\n  type: 2 (PARCEL)\n  flags: 136\n  urgent: 1\n  colour: 4\n  total: 20\n  to_length: 4\n"
            "  note_length: 2\n  to[0]: 6162\n  to[1]: 6364\n  note[0]: 256\n  stamp: 129\n  parcel\n"
            "    goods_length: 5\n    goods: 05020064ff\n    code: 5\n    length: 2\n    value: 100\n");
  ASSERT_EQ(message.issues.size(), 1U) << "one byte of the goods is not of the option";
  EXPECT_EQ(message.issues[0].shape, Shape::kTrailing);
  EXPECT_EQ(message.issues[0].field, &kGoods);
  EXPECT_EQ(message.issues[0].offset, 19U);
  EXPECT_EQ(std::get<Parcel>(letter.content).goods, "\x05\x02\x00\x64\xff"s) << "bytes stay as they are";
  EXPECT_EQ(encode_letter(letter), wire);
  EXPECT_EQ(find_path(message.events, "to[1]"), 9U);
}

TEST(BinaryReader, UnknownVariantsAreBytes) {
  Message message;
  const std::string wire = "\x09\x00\x00\x0b\x00\x00"s + "\x02xy" + "zz";
  const Letter letter = decode_letter(wire, message);
  EXPECT_TRUE(message.issues.empty());
  EXPECT_EQ(std::get<Opaque>(letter.content).bytes, "zz");
  EXPECT_NE(message.first(kUnknown), nullptr);
  EXPECT_EQ(encode_letter(letter), wire);
}

TEST(BinaryReader, ATotalThatIsTooSmallOrTooLargeIsToldAndReadingGoesOn) {
  for (const char total : {'\x00', '\x05', '\x15', '\xff'}) {
    Message message;
    std::string wire = letter_wire();
    wire[3] = total;
    const Letter letter = decode_letter(wire, message);
    EXPECT_TRUE(message.has(Shape::kBadLength)) << static_cast<int>(total);
    EXPECT_EQ(letter.notes, std::vector<std::uint16_t>{256}) << static_cast<int>(total);
  }
}

TEST(BinaryReader, ATextThatIsNotUtf8IsTold) {
  Message message;
  decode_letter("\x01\x00\x00\x09\x00\x00\x80"s + "\xff\xfe", message);
  ASSERT_EQ(message.issues.size(), 1U);
  EXPECT_EQ(message.issues[0].shape, Shape::kNotUtf8);
  EXPECT_EQ(message.issues[0].field, &kPicture);
}

TEST(BinaryReader, MemoryIsBounded) {
  Message message;
  message.bytes.assign(3'000'000, '\x01');
  message.size = message.bytes.size();
  std::vector<Option> options;
  BinaryReader reader(message);
  reader.sequence(kOption, options);
  EXPECT_TRUE(message.has(Shape::kTooMany));
  EXPECT_LE(message.events.size(), BinaryReader::kMostEvents + 4);
  EXPECT_LE(message.issues.size(), BinaryReader::kMostIssues + 1);
}

struct Doll {
  std::vector<Doll> inner;
};
template <class A>
void describe(A& a, Doll& m) {
  a.sequence(kOption, m.inner);
}
TEST(BinaryReader, DepthIsBounded) {
  Message message;
  message.bytes = "abc";
  message.size = 3;
  Doll doll;
  BinaryReader reader(message);
  reader.structure(kOption, doll);
  EXPECT_TRUE(message.has(Shape::kTooDeep));
}

TEST(BinaryReader, LetterMutantsDoNotHurt) {
  std::mt19937 random(8);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes = letter_wire();
    for (int k = 0; k < 3; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (random() % 2 == 0) bytes.resize(random() % bytes.size());
    Message message;
    const Letter letter = decode_letter(bytes, message);
    if (message.issues.empty()) {
      EXPECT_EQ(encode_letter(letter), bytes) << i;
    }
  }
}

TEST(BinaryWriter, SaysWhatItCannotWrite) {
  std::string out;
  Hello hello;
  hello.name.assign(256, 'n');
  BinaryWriter writer(out);
  writer.root(kHello, hello);
  EXPECT_EQ(writer.error(), "toy.name_length: 256 does not fit into 1 bytes");
  hello.name.clear();
  hello.key = "four";
  BinaryWriter second(out);
  second.root(kHello, hello);
  EXPECT_EQ(second.error(), "toy.key: has 4 bytes, there is room for 3");
  Letter letter;
  letter.type = 2;
  letter.content = Postcard{};
  BinaryWriter third(out);
  third.root(kLetter, letter);
  EXPECT_EQ(third.error(), "toy.postcard: does not belong to the code 2");
}

TEST(BinaryWriter, OverridesBytesDropsDoublesAndAdds) {
  Message message;
  const Hello hello = decode(wire(), message);
  const auto with = [&](const char* path, Override::Kind kind, const char* raw) {
    const Overrides overrides{{path, {kind, raw}}};
    return encode(hello, &overrides);
  };
  EXPECT_EQ(with("key", Override::Kind::kSet, "00 ff"), replaced(7, "\x00\xff"s));
  EXPECT_EQ(with("tail", Override::Kind::kDrop, ""), wire().substr(0, offset_of(18)));
  EXPECT_EQ(with("port", Override::Kind::kDuplicate, ""), replaced(2, "\x1a\x7a\x1a\x7a"));
  EXPECT_EQ(with("port", Override::Kind::kSet, "0xff"), replaced(2, "\x00\xff"s));
  EXPECT_EQ(with("kind", Override::Kind::kSet, "HELLO"), replaced(1, "\x01"));
  EXPECT_EQ(with("", Override::Kind::kAdd, "2e"), wire() + ".");
  std::string dropped =
      wire().substr(0, offset_of(8)) + "\x00\x0d\x04name\x00\x00\x00\x04"s + "\x06\x02\xff\xff" + "to the end";
  EXPECT_EQ(with("option[0]", Override::Kind::kDrop, ""), dropped) << "lengths around it stay right";
  std::string added = wire().substr(0, offset_of(8)) + "\x00\x12\x04name\x00\x00\x00\x09"s + "\x05\x02\x00\x64\x07"s +
                      "\x06\x02\xff\xff" + "to the end";
  EXPECT_EQ(with("option[0]", Override::Kind::kAdd, "07"), added);
}

TEST(BinaryWriter, AnOverrideThatNamesNothingIsTold) {
  const Overrides overrides{{"option[7].code", {Override::Kind::kSet, "1"}}, {"port", {Override::Kind::kSet, "x"}}};
  std::string out;
  Hello hello;
  BinaryWriter writer(out, &overrides);
  writer.root(kHello, hello);
  EXPECT_EQ(writer.unused(), std::vector<std::string>{"option[7].code"});
  EXPECT_EQ(writer.error(), "toy.port: 'x' is not a number");
}

TEST(TreeWriter, WritesWhatTheTextSays) {
  const EncodeResult result = from_text({{"type", "PARCEL"},
                                         {"urgent", "true"},
                                         {"colour", "4"},
                                         {"to[0]", "61:62"},
                                         {"to[1]", "6364"},
                                         {"note[0]", "0x100"},
                                         {"stamp", "129"},
                                         {"parcel.goods", "05020064ff"}});
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(result.bytes, letter_wire());
  const EncodeResult typed =
      from_text({{"type", "2"}, {"v6", "2001:db8::1"}, {"parcel.code", "5"}, {"parcel.value", "100"}});
  EXPECT_EQ(typed.error, "");
  EXPECT_EQ(
      typed.bytes,
      "\x02\x00\x00\x1d\x00\x00\x10\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x04\x05\x02\x00\x64"s);
}

TEST(TreeWriter, OverridesReachIntoNestedParts) {
  const EncodeResult result = from_text({{"type", "2"}, {"stamp", "0x80"}, {"parcel.value", "1"}},
                                        {{"parcel.length", {Override::Kind::kSet, "9"}}});
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(result.bytes, "\x02\x00\x00\x0d\x00\x00\x80\x00\x04\x00\x09\x00\x01"s);
}

TEST(TreeWriter, ComplaintsNameTheMember) {
  EXPECT_EQ(from_text({{"type", "LETTER"}}).error, "type: expected a whole number, found 'LETTER'");
  EXPECT_EQ(from_text({{"type", "256"}}).error, "type: 256 does not fit into 1 bytes");
  EXPECT_EQ(from_text({{"to", "61"}}).error, "to: expected a list");
  EXPECT_EQ(from_text({{"to[0]", "6"}}).error, "to: expected bytes in hexadecimal, found '6'");
  EXPECT_EQ(from_text({{"to[0]", "616263"}}).error, "toy.to: has 3 bytes, there is room for 2");
  EXPECT_EQ(from_text({{"postcard.size", "1"}}).error,
            "postcard: no member 'size' is described here; known are picture");
  EXPECT_EQ(from_text({{"postcard", "1"}}).error, "postcard: expected a map of members");
  EXPECT_EQ(from_text({{"type", "1"}, {"parcel.goods", "00"}}).error.substr(0, 25), "no member 'parcel' is des");
  EXPECT_EQ(from_text({}, {{"nothing", {Override::Kind::kDrop, ""}}}).error, "mutate: this message has no 'nothing'");
}

TEST(Registrar, ListsEveryVariantAndLayout) {
  Registrar registrar;
  Letter letter;
  registrar.root(kLetter, letter);
  std::string paths;
  for (const FieldPlace& place : registrar.take()) paths += place.path + "\n";
  for (const char* path : {"letter.urgent", "letter.to[]", "letter.note[]", "letter.stamp", "letter.v6", "letter.bytes",
                           "letter.postcard.picture", "letter.parcel.goods", "letter.parcel.value", "letter.unknown"})
    EXPECT_NE(paths.find(path + std::string("\n")), std::string::npos) << path << "\n" << paths;
}

TEST(WidthOf, IsZeroForWhatHasNone) {
  EXPECT_EQ(width_of(Type::kIpv6), 16U);
  for (const Type type : {Type::kGroup, Type::kString, Type::kBytes}) EXPECT_EQ(width_of(type), 0U);
}

}  // namespace
}  // namespace peerscope::test
