// SPDX-License-Identifier: GPL-2.0-or-later
// A small binary protocol made for tests of the archives. Hello has every width, length prefixes, a part in a part, a
// list of parts and bytes to the end; Letter has bit fields, lengths away from their part, variants, layouts chosen by
// what follows, lists of numbers and of bytes, and bytes that are shown as a struct.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "protocols/base/binary_archive.h"

namespace peerscope::test {

inline constexpr ValueName kKinds[] = {{1, "HELLO"}, {2, "BYE"}};
inline constexpr Field kHello{.filter = "toy", .name = "hello", .label = "Hello", .type = Type::kGroup};
inline constexpr Field kFlag{.filter = "toy.flag", .name = "flag", .label = "Flag", .type = Type::kBoolean};
inline constexpr Field kKind{
    .filter = "toy.kind", .name = "kind", .label = "Kind", .type = Type::kUint8, .min = 1, .max = 9, .names = kKinds};
inline constexpr Field kPort{.filter = "toy.port", .name = "port", .label = "Port", .type = Type::kUint16};
inline constexpr Field kSize{.filter = "toy.size", .name = "size", .label = "Size", .type = Type::kUint24};
inline constexpr Field kAddress{.filter = "toy.address", .name = "address", .label = "Address", .type = Type::kIpv4};
inline constexpr Field kCookie{.filter = "toy.cookie", .name = "cookie", .label = "Cookie", .type = Type::kUint64};
inline constexpr Field kOffset{.filter = "toy.offset", .name = "offset", .label = "Offset", .type = Type::kInt64};
inline constexpr Field kKey{.filter = "toy.key", .name = "key", .label = "Key", .type = Type::kBytes};
inline constexpr Field kBodyLength{
    .filter = "toy.body_length", .name = "body_length", .label = "Body length", .type = Type::kUint16};
inline constexpr Field kNameLength{
    .filter = "toy.name_length", .name = "name_length", .label = "Name length", .type = Type::kUint8};
inline constexpr Field kName{.filter = "toy.name", .name = "name", .label = "Name"};
inline constexpr Field kListLength{
    .filter = "toy.list_length", .name = "list_length", .label = "List length", .type = Type::kUint32};
inline constexpr Field kOption{.filter = "toy.option", .name = "option", .label = "Option", .type = Type::kGroup};
inline constexpr Field kCode{.filter = "toy.option.code", .name = "code", .label = "Code", .type = Type::kUint8};
inline constexpr Field kValueLength{
    .filter = "toy.option.length", .name = "length", .label = "Length", .type = Type::kUint8};
inline constexpr Field kValue{.filter = "toy.option.value", .name = "value", .label = "Value", .type = Type::kUint16};
inline constexpr Field kTail{.filter = "toy.tail", .name = "tail", .label = "Tail", .type = Type::kBytes};

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
inline const std::vector<Run>& runs() {
  using namespace std::string_literals;
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
inline std::string wire() {
  std::string out;
  for (const Run& run : runs()) out += run.bytes;
  return out;
}
inline std::size_t offset_of(std::size_t wanted) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < wanted; ++i) at += runs()[i].bytes.size();
  return at;
}

// Letter: uint8 type | uint8 flags | uint16 total (from the type on) | uint8 to_length | uint8 note_length
//         | to (names of 2 bytes) | note (numbers of 2 bytes) | stamp | content by type
// stamp:  a byte with its top bit set is the stamp; else an address of 4 or 16 bytes by its length byte
inline constexpr ValueName kTypes[] = {{1, "POSTCARD"}, {2, "PARCEL"}};
inline constexpr Field kLetter{.filter = "toy", .name = "letter", .label = "Letter", .type = Type::kGroup};
inline constexpr Field kType{
    .filter = "toy.type", .name = "type", .label = "Type", .type = Type::kUint8, .names = kTypes};
inline constexpr Field kFlags{.filter = "toy.flags", .name = "flags", .label = "Flags", .type = Type::kUint8};
inline constexpr Field kUrgent{.filter = "toy.urgent", .name = "urgent", .label = "Urgent", .type = Type::kBoolean};
inline constexpr Field kColour{.filter = "toy.colour", .name = "colour", .label = "Colour", .type = Type::kUint8};
inline constexpr Bits kFlagBits[] = {{&kUrgent, 0x80}, {&kColour, 0x0e}};
inline constexpr Field kTotal{.filter = "toy.total", .name = "total", .label = "Total", .type = Type::kUint16};
inline constexpr Field kToLength{
    .filter = "toy.to_length", .name = "to_length", .label = "Length", .type = Type::kUint8};
inline constexpr Field kNoteLength{
    .filter = "toy.note_length", .name = "note_length", .label = "Length", .type = Type::kUint8};
inline constexpr Field kTo{.filter = "toy.to", .name = "to", .label = "To", .type = Type::kBytes};
inline constexpr Field kNote{.filter = "toy.note", .name = "note", .label = "Note", .type = Type::kUint16};
inline constexpr Field kStamp{.filter = "toy.stamp", .name = "stamp", .label = "Stamp", .type = Type::kUint8};
inline constexpr Field kStampLength{
    .filter = "toy.stamp_length", .name = "stamp_length", .label = "Length", .type = Type::kUint8};
inline constexpr Field kStampAddress{.filter = "toy.stamp_v6", .name = "v6", .label = "Address", .type = Type::kIpv6};
inline constexpr Field kStampBytes{
    .filter = "toy.stamp_bytes", .name = "bytes", .label = "Bytes", .type = Type::kBytes};
inline constexpr Field kPostcard{
    .filter = "toy.postcard", .name = "postcard", .label = "Postcard", .type = Type::kGroup};
inline constexpr Field kPicture{.filter = "toy.picture", .name = "picture", .label = "Picture"};
inline constexpr Field kParcel{.filter = "toy.parcel", .name = "parcel", .label = "Parcel", .type = Type::kGroup};
inline constexpr Field kGoodsLength{
    .filter = "toy.goods_length", .name = "goods_length", .label = "Length", .type = Type::kUint16};
inline constexpr Field kGoods{.filter = "toy.goods", .name = "goods", .label = "Goods", .type = Type::kBytes};
inline constexpr Field kUnknown{.filter = "toy.unknown", .name = "unknown", .label = "Unknown", .type = Type::kBytes};

struct Postcard {
  static constexpr std::uint8_t kCode = 1;
  static constexpr const Field* kGroup = &kPostcard;
  std::string picture;
};
template <class A>
void describe(A& a, Postcard& m) {
  a.rest(kPicture, m.picture);
}

struct Parcel {
  static constexpr std::uint8_t kCode = 2;
  static constexpr const Field* kGroup = &kParcel;
  std::string goods;  // an Option, encoded
};
template <class A>
void describe(A& a, Parcel& m) {
  a.prefixed(kGoodsLength, [&] {
    Option option;
    a.nested(kGoods, m.goods, option);
  });
}

struct Letter {
  std::uint8_t type = 1;
  std::uint8_t flags = 0;
  std::vector<std::string> to;
  std::vector<std::uint16_t> notes;
  bool stamped = false;
  std::uint8_t stamp = 0x80;
  std::string address;
  std::variant<Opaque, Postcard, Parcel> content;
};
template <class A>
void describe(A& a, Letter& m) {
  const std::size_t start = a.mark();
  a.number(kType, m.type);
  a.bits(kFlags, m.flags, kFlagBits);
  const Length total = a.length(kTotal, start);
  const Length to = a.length(kToLength);
  const Length note = a.length(kNoteLength);
  a.sized(total, [&] {
    a.sized(to, [&] { a.strings(kTo, m.to, 2); });
    a.sized(note, [&] { a.numbers(kNote, m.notes); });
    a.peek([&](std::string_view rest) { m.stamped = !rest.empty() && (rest[0] & 0x80) != 0; });
    a.given(kStamp, [&] { m.stamped = true; });
    a.when(m.stamped, [&] { a.number(kStamp, m.stamp); });
    a.when(!m.stamped, [&] {
      a.prefixed(kStampLength, [&] {
        std::size_t size = m.address.size();
        a.peek([&](std::string_view rest) { size = rest.size(); });
        a.given(kStampAddress, [&] { size = 16; });
        a.when(size == 16, [&] { a.rest(kStampAddress, m.address); });
        a.when(size != 16, [&] { a.rest(kStampBytes, m.address); });
      });
    });
    a.one_of(m.type, kUnknown, m.content);
  });
}

}  // namespace peerscope::test
