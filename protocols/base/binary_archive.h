// SPDX-License-Identifier: GPL-2.0-or-later
// The archives for binary messages: big-endian numbers, length-prefixed parts, lists that fill their part. A walk reads
//
//   template <class A> void describe(A& a, Hello& m) {
//     a.number(kVersion, m.version);                          // width from the Field's type
//     a.prefixed(kNameLength, [&] { a.rest(kName, m.name); }); // length prefix, then its content
//     a.sequence(kOption, m.options);                          // structs until the part ends
//   }
//
// Numbers are unsigned integers wide enough for the Field; the reader never reads outside the current part, and a
// length that does not fit is an issue at its offset, not an end of decoding.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/message.h"
#include "protocols/base/protocol.h"

namespace peerscope {

// Bytes that a Field's number takes on the wire.
std::size_t width_of(Type type);

class BinaryReader {
 public:
  // Reads message.bytes[0, size); events and issues go into `message`.
  explicit BinaryReader(Message& message) : message_(message), end_(message.size) {}

  template <class T>
  void root(const Field& field, T& value) {
    structure(field, value);
    if (at_ < end_) issue(Shape::kTrailing, nullptr, at_, end_ - at_);
  }
  template <class T>
  void number(const Field& field, T& value) {
    value = static_cast<T>(read_number(field));
  }
  void bytes(const Field& field, std::string& value, std::size_t size) { read_bytes(field, value, size); }
  void rest(const Field& field, std::string& value) { read_bytes(field, value, end_ - at_); }
  template <class F>
  void prefixed(const Field& field, F&& body) {
    const std::size_t start = at_;
    const std::size_t outer = end_;
    const bool failed = failed_;
    const std::uint64_t length = read_number(field);
    if (length > outer - at_)
      issue(failed_ ? Shape::kCutShort : Shape::kBadLength, &field, start, at_ - start, std::to_string(length));
    else
      end_ = at_ + length;
    body();
    if (at_ < end_) issue(Shape::kBadLength, &field, start, at_ - start, std::to_string(length));
    at_ = end_;
    if (end_ < outer) failed_ = failed;  // only this part was too short: what follows it is read
    end_ = outer;
  }
  template <class T>
  void structure(const Field& field, T& value, int index = -1) {
    const std::uint32_t event = open(field, index);
    describe(*this, value);
    close(event);
  }
  template <class T>
  void sequence(const Field& field, std::vector<T>& values) {
    for (int i = 0; at_ < end_ && !failed_; ++i) {
      const std::size_t before = at_;
      structure(field, values.emplace_back(), i);
      if (at_ == before) break;  // an element takes at least one byte, or the list is over
    }
  }
  std::size_t remaining() const { return end_ - at_; }

 private:
  std::uint64_t read_number(const Field& field);
  void read_bytes(const Field& field, std::string& value, std::size_t size);
  std::uint32_t open(const Field& field, int index);
  void close(std::uint32_t event);
  Event& record(const Field& field, std::size_t offset, std::size_t length);
  void issue(Shape shape, const Field* field, std::size_t offset, std::size_t length, std::string seen = {});

  Message& message_;
  std::size_t at_ = 0;
  std::size_t end_;
  bool failed_ = false;  // the current part's bytes ran out: tell it once
  std::uint32_t group_ = Event::kNoParent;
};

// struct -> bytes. Length prefixes are reserved and filled in afterwards; an override by path puts a wrong number there
// on purpose.
class BinaryWriter {
 public:
  explicit BinaryWriter(std::string& out, const Overrides* overrides = nullptr) : out_(out), overrides_(overrides) {}

  template <class T>
  void root(const Field&, T& value) {
    describe(*this, value);
  }
  template <class T>
  void number(const Field& field, T& value) {
    put(field, static_cast<std::uint64_t>(value));
  }
  void bytes(const Field&, std::string& value, std::size_t size) {
    out_.append(value).append(size > value.size() ? size - value.size() : 0, '\0');
  }
  void rest(const Field&, std::string& value) { out_ += value; }
  template <class F>
  void prefixed(const Field& field, F&& body) {
    const std::size_t start = out_.size();
    const std::size_t width = width_of(field.type);
    out_.append(width, '\0');
    body();
    patch(field, start, width, out_.size() - start - width);
  }
  template <class T>
  void structure(const Field& field, T& value) {
    enter(field, -1, [&] { describe(*this, value); });
  }
  template <class T>
  void sequence(const Field& field, std::vector<T>& values) {
    int i = 0;
    for (T& value : values) enter(field, i++, [&] { describe(*this, value); });
  }

 private:
  template <class F>
  void enter(const Field& field, int index, F&& body) {
    const std::size_t length = path_.size();
    path_ +=
        (path_.empty() ? "" : ".") + std::string(field.name) + (index < 0 ? "" : "[" + std::to_string(index) + "]");
    body();
    path_.resize(length);
  }
  void put(const Field& field, std::uint64_t value);
  void patch(const Field& field, std::size_t at, std::size_t width, std::uint64_t value);
  std::uint64_t overridden(const Field& field, std::uint64_t value) const;

  std::string& out_;
  const Overrides* overrides_;
  std::string path_;
};

}  // namespace peerscope
