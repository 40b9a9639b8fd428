// SPDX-License-Identifier: GPL-2.0-or-later
// The archives for binary messages: big-endian numbers, length-prefixed parts, lists that fill their part, and variants
// chosen by a code read before. A walk reads
//
//   template <class A> void describe(A& a, Hello& m) {
//     a.number(kVersion, m.version);                           // width from the Field's type
//     a.bits(kFlags, m.flags, kFlagBits);                      // a number and its bit fields
//     a.prefixed(kNameLength, [&] { a.rest(kName, m.name); }); // length prefix, then its content
//     a.sequence(kOption, m.options);                          // structs until the part ends
//     a.when(m.version > 1, [&] { a.number(kMore, m.more); }); // present or not, by what was read
//     a.one_of(m.code, kUnknown, m.body);                      // std::variant<Opaque, Structs...> by Struct::kCode
//     a.nested(kValue, m.value, typed);                        // bytes kept as they are, and shown as `typed`
//   }
//
// A length may stand away from its part: `auto size = a.length(kSize); ... a.sized(size, [&] {...});`, and may count
// from an earlier place: `a.length(kSize, a.mark())`. `a.peek(f)` lets the reader look at the rest of the part before
// it is read; `a.given(field, f)` runs for scenario text that names the field. Both set what decides between layouts.
//
// Numbers are unsigned integers wide enough for the Field; the reader never reads outside the current part, and a
// length that does not fit is an issue at its offset, not an end of decoding.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "protocols/base/message.h"
#include "protocols/base/protocol.h"

namespace peerscope {

// Bytes that a Field's number takes on the wire.
std::size_t width_of(Type type);

// A bit field of a number: `mask` has consecutive bits.
struct Bits {
  const Field* field;
  std::uint64_t mask;
};
std::uint64_t bits_of(std::uint64_t number, std::uint64_t mask);
std::uint64_t with_bits(std::uint64_t number, std::uint64_t mask, std::uint64_t bits);

// The alternative of a variant whose code nobody described.
struct Opaque {
  std::string bytes;
};

// A length on the wire whose part comes later. A plain value; only the archive that made it understands it.
struct Length {
  const Field* field = nullptr;
  std::size_t at = 0;    // of the length itself
  std::size_t from = 0;  // where its counting begins; 0: at its part
  bool counts_from = false;
  bool skip = false;        // reader: it could not be read; writer: nothing was reserved or it is wrong on purpose
  std::uint64_t value = 0;  // reader
};

// Default for `prepare` parameters: what the enclosing struct tells its elements before they are walked.
struct Unprepared {
  template <class T>
  void operator()(T&) const {}
};

class BinaryReader {
 public:
  // Bounds on what one message may make us hold, far above any real one.
  static constexpr std::size_t kMostEvents = 200'000;
  static constexpr std::size_t kMostIssues = 2'000;
  static constexpr std::uint16_t kDeepest = 40;

  // Reads message.bytes[0, size); events and issues go into `message`. `state` is the protocol's own (state<T>()).
  explicit BinaryReader(Message& message, void* state = nullptr)
      : message_(message), state_(state), end_(message.size) {}

  template <class S>
  S* state() const {
    return static_cast<S*>(state_);
  }
  template <class T>
  void root(const Field& field, T& value) {
    structure(field, value);
    if (at_ < end_) issue(Shape::kTrailing, nullptr, at_, end_ - at_);
  }
  template <class T>
  void number(const Field& field, T& value) {
    value = static_cast<T>(read_number(field));
  }
  template <class T>
  void bits(const Field& field, T& value, std::span<const Bits> parts) {
    const std::size_t start = at_;
    value = static_cast<T>(read_number(field));
    if (at_ > start && !failed_) record_bits(start, static_cast<std::uint64_t>(value), parts);
  }
  template <class S>
  void bytes(const Field& field, S& value, std::size_t size) {
    value.assign(read_bytes(field, size));
  }
  template <class S>
  void rest(const Field& field, S& value) {
    value.assign(read_bytes(field, end_ - at_));
  }
  std::size_t mark() const { return at_; }
  Length length(const Field& field) { return read_length(field, 0, false); }
  Length length(const Field& field, std::size_t from) { return read_length(field, from, true); }
  template <class F>
  void sized(const Length& length, F&& body) {
    const std::size_t outer = end_;
    const bool failed = failed_;
    narrow(length);
    body();
    if (at_ < end_) leftover(length);
    at_ = end_;
    if (end_ < outer) failed_ = failed;  // only this part was too short: what follows it is read
    end_ = outer;
  }
  template <class F>
  void prefixed(const Field& field, F&& body) {
    sized(length(field), body);
  }
  template <class F>
  void when(bool present, F&& body) {
    if (present) body();
  }
  template <class F>
  void peek(F&& look) {
    look(message_.view().substr(at_, end_ - at_));
  }
  template <class F>
  void given(const Field&, F&&) {}
  template <class F>
  void group(const Field& field, F&& body, int index = -1) {
    const std::uint32_t event = open(field, index);
    if (message_.events[event].depth < kDeepest)
      body();
    else
      too_deep();
    close(event);
  }
  template <class T>
  void structure(const Field& field, T& value, int index = -1) {
    group(
        field, [&] { describe(*this, value); }, index);
  }
  template <class T, class P = Unprepared>
  void sequence(const Field& field, std::vector<T>& values, P&& prepare = {}) {
    elements([&](int i) {
      prepare(values.emplace_back());
      structure(field, values.back(), i);
    });
  }
  template <class T>
  void numbers(const Field& field, std::vector<T>& values) {
    elements([&](int i) {
      values.push_back(static_cast<T>(read_number(field)));
      element(i);
    });
  }
  template <class S>
  void strings(const Field& field, std::vector<S>& values, std::size_t size) {
    elements([&](int i) {
      values.emplace_back().assign(read_bytes(field, size));
      element(i);
    });
  }
  template <class... T>
  void one_of(std::uint64_t code, std::variant<Opaque, T...>& body) {
    (void)((code == T::kCode && (structure(*T::kGroup, body.template emplace<T>()), true)) || ...);
  }
  template <class... T>
  void one_of(std::uint64_t code, const Field& unknown, std::variant<Opaque, T...>& body) {
    if (((code == T::kCode) || ...))
      one_of(code, body);
    else
      rest(unknown, body.template emplace<Opaque>().bytes);
  }
  template <class T>
  void nested(const Field& field, std::string& raw, T& typed) {
    const std::size_t start = at_;
    rest(field, raw);
    if (raw.empty()) return;
    at_ = start;
    const bool failed = failed_;
    failed_ = false;
    describe(*this, typed);
    if (at_ > start && at_ < end_) issue(Shape::kTrailing, &field, at_, end_ - at_);
    failed_ = failed;
    at_ = end_;
  }
  std::size_t remaining() const { return end_ - at_; }

 private:
  template <class F>
  void elements(F&& one) {
    for (int i = 0; at_ < end_ && !failed_; ++i) {
      if (message_.events.size() >= kMostEvents) return too_many();
      const std::size_t before = at_;
      one(i);
      if (at_ == before) break;  // an element takes at least one byte, or the list is over
    }
  }
  std::uint64_t read_number(const Field& field);
  std::string_view read_bytes(const Field& field, std::size_t size);
  Length read_length(const Field& field, std::size_t from, bool counts_from);
  void narrow(const Length& length);
  void leftover(const Length& length);
  void record_bits(std::size_t start, std::uint64_t value, std::span<const Bits> parts);
  void element(int index);
  void too_many();
  void too_deep();
  std::uint32_t open(const Field& field, int index);
  void close(std::uint32_t event);
  Event& record(const Field& field, std::size_t offset, std::size_t length);
  void issue(Shape shape, const Field* field, std::size_t offset, std::size_t length, std::string seen = {});

  Message& message_;
  void* state_;
  std::size_t at_ = 0;
  std::size_t end_;
  bool failed_ = false;  // the current part's bytes ran out: tell it once
  std::uint32_t group_ = Event::kNoParent;
};

// struct -> bytes. Length prefixes are reserved and filled in afterwards. Overrides by path ("forwarding.ttl",
// "contents.extension[1]") put wrong bytes there on purpose: kSet takes a number (decimal, 0x.. or the name of a code
// point) for number and length fields, hexadecimal bytes for everything else; kAdd puts bytes behind a group's content,
// "" being the message. What cannot be written is an error, not wrong bytes.
class BinaryWriter {
 public:
  explicit BinaryWriter(std::string& out, const Overrides* overrides = nullptr, void* state = nullptr)
      : out_(out), overrides_(overrides != nullptr && !overrides->empty() ? overrides : nullptr), state_(state) {}

  template <class S>
  S* state() const {
    return static_cast<S*>(state_);
  }
  template <class T>
  void root(const Field&, T& value) {
    describe(*this, value);
    if (overrides_ != nullptr) add_here();
  }
  template <class T>
  void number(const Field& field, T& value) {
    put(field, static_cast<std::uint64_t>(value));
  }
  template <class T>
  void bits(const Field& field, T& value, std::span<const Bits> parts) {
    std::uint64_t number = static_cast<std::uint64_t>(value);
    if (overrides_ != nullptr) {
      for (const Bits& part : parts)
        number = with_bits(number, part.mask, overridden(*part.field, bits_of(number, part.mask)));
    }
    put(field, number);
  }
  template <class S>
  void bytes(const Field& field, S& value, std::size_t size) {
    item(field, -1, [&] { append(field, std::string_view(value), size); });
  }
  template <class S>
  void rest(const Field& field, S& value) {
    item(field, -1, [&] { out_.append(std::string_view(value)); });
  }
  std::size_t mark() const { return out_.size(); }
  Length length(const Field& field) { return reserve(field, 0, false); }
  Length length(const Field& field, std::size_t from) { return reserve(field, from, true); }
  template <class F>
  void sized(const Length& length, F&& body) {
    const std::size_t start = length.counts_from ? length.from : out_.size();
    body();
    fill(length, out_.size() - start);
  }
  template <class F>
  void prefixed(const Field& field, F&& body) {
    sized(length(field), body);
  }
  template <class F>
  void when(bool present, F&& body) {
    if (present) body();
  }
  template <class F>
  void peek(F&&) {}
  template <class F>
  void given(const Field&, F&&) {}
  template <class F>
  void group(const Field& field, F&& body, int index = -1) {
    item(field, index, [&] {
      body();
      if (overrides_ != nullptr) add_here();
    });
  }
  template <class T>
  void structure(const Field& field, T& value) {
    group(field, [&] { describe(*this, value); });
  }
  template <class T, class P = Unprepared>
  void sequence(const Field& field, std::vector<T>& values, P&& prepare = {}) {
    int i = 0;
    for (T& value : values) {
      prepare(value);
      group(
          field, [&] { describe(*this, value); }, i++);
    }
  }
  template <class T>
  void numbers(const Field& field, std::vector<T>& values) {
    int i = 0;
    for (const T& value : values) put(field, static_cast<std::uint64_t>(value), i++);
  }
  template <class S>
  void strings(const Field& field, std::vector<S>& values, std::size_t size) {
    int i = 0;
    for (S& value : values) item(field, i++, [&] { append(field, std::string_view(value), size); });
  }
  template <class... T>
  void one_of(std::uint64_t code, std::variant<Opaque, T...>& body) {
    std::visit(
        [&](auto& value) {
          using V = std::decay_t<decltype(value)>;
          if constexpr (!std::is_same_v<V, Opaque>) {
            if (code != V::kCode) fail(*V::kGroup, "does not belong to the code " + std::to_string(code));
            structure(*V::kGroup, value);
          }
        },
        body);
  }
  template <class... T>
  void one_of(std::uint64_t code, const Field& unknown, std::variant<Opaque, T...>& body) {
    if (auto* opaque = std::get_if<Opaque>(&body); opaque != nullptr)
      rest(unknown, opaque->bytes);
    else
      one_of(code, body);
  }
  template <class T>
  void nested(const Field& field, std::string& raw, T&) {
    rest(field, raw);
  }

  // The first thing that could not be written as it stands; empty when well.
  const std::string& error() const { return error_; }
  // Paths of overrides that named nothing in this message.
  std::vector<std::string> unused() const;

 private:
  friend class TreeWriter;

  template <class F>
  void item(const Field& field, int index, F&& body) {
    if (overrides_ == nullptr) return body();
    const std::size_t outer = enter(field, index);
    const Override* override = find(field);
    if (override == nullptr) {
      body();
    } else if (override->kind == Override::Kind::kDuplicate) {
      body();
      body();
    } else if (override->kind == Override::Kind::kSet) {
      set_bytes(field, *override);
    }
    path_.resize(outer);
  }
  std::size_t enter(const Field& field, int index);
  const Override* find(const Field& field);
  void add_here();
  void set_bytes(const Field& field, const Override& override);
  void put(const Field& field, std::uint64_t value, int index = -1);
  void append(const Field& field, std::string_view value, std::size_t size);
  Length reserve(const Field& field, std::size_t from, bool counts_from);
  void fill(const Length& length, std::uint64_t value);
  void write(const Field& field, std::size_t at, std::uint64_t value);
  std::uint64_t overridden(const Field& field, std::uint64_t value);
  void fail(const Field& field, std::string_view what);

  std::string& out_;
  const Overrides* overrides_;
  void* state_;
  std::string path_;
  std::string error_;
  std::vector<std::string> used_;
};

// "258", "0x102" or the name of a code point.
bool parse_number(const Field& field, std::string_view text, std::uint64_t& value);
// "c0 00 02 01", spaces and colons between the digits allowed, "0x" in front too.
bool parse_hex(std::string_view text, std::string& bytes);

}  // namespace peerscope
