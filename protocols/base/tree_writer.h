// SPDX-License-Identifier: GPL-2.0-or-later
// TreeWriter: the archive that makes a binary message from scenario text. It walks the description, takes every value
// that the text names (by the field's name: numbers as 258, 0x102 or the name of a code point, bytes in hexadecimal,
// addresses in their usual form, texts as they are), keeps the struct's own value for the rest, and writes. Lengths are
// never given: an override puts a wrong one there. The first fault stops it: `error` names line, column and path.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocols/base/binary_archive.h"
#include "protocols/base/tree.h"

namespace peerscope {

class TreeWriter {
 public:
  TreeWriter(const Tree& tree, std::string& out, const Overrides* overrides = nullptr, void* state = nullptr)
      : at_(&tree), out_(out, overrides, state) {}

  template <class S>
  S* state() const {
    return out_.state<S>();
  }
  template <class T>
  void root(const Field&, T& value) {
    members(*at_, "", [&] { describe(*this, value); });
    if (out_.overrides_ != nullptr) out_.add_here();
  }
  template <class T>
  void number(const Field& field, T& value) {
    load(field, value);
    out_.number(field, value);
  }
  template <class T>
  void bits(const Field& field, T& value, std::span<const Bits> parts) {
    load(field, value);
    for (const Bits& part : parts) {
      std::uint64_t bits = bits_of(static_cast<std::uint64_t>(value), part.mask);
      load(*part.field, bits);
      value = static_cast<T>(with_bits(static_cast<std::uint64_t>(value), part.mask, bits));
    }
    out_.bits(field, value, parts);
  }
  template <class S>
  void bytes(const Field& field, S& value, std::size_t size) {
    if (const Tree* tree = take(field); tree != nullptr) value.assign(text_of(*tree, field));
    out_.bytes(field, value, size);
  }
  template <class S>
  void rest(const Field& field, S& value) {
    if (const Tree* tree = take(field); tree != nullptr) value.assign(text_of(*tree, field));
    out_.rest(field, value);
  }
  std::size_t mark() const { return out_.mark(); }
  Length length(const Field& field) { return out_.length(field); }
  Length length(const Field& field, std::size_t from) { return out_.length(field, from); }
  template <class F>
  void sized(const Length& length, F&& body) {
    out_.sized(length, body);
  }
  template <class F>
  void prefixed(const Field& field, F&& body) {
    out_.prefixed(field, body);
  }
  template <class F>
  void when(bool present, F&& body) {
    if (present) body();
  }
  template <class F>
  void peek(F&&) {}
  // Runs when the text has the member: it chooses between layouts.
  template <class F>
  void given(const Field& field, F&& choose) {
    if (at_->is_map() && at_->find(field.name) != nullptr) choose();
  }
  template <class F>
  void group(const Field& field, F&& body) {
    static const Tree kNothing = Tree::map();
    const Tree* tree = take(field);
    out_.group(field, [&] { members(tree != nullptr ? *tree : kNothing, field.name, body); });
  }
  template <class T>
  void structure(const Field& field, T& value) {
    group(field, [&] { describe(*this, value); });
  }
  template <class T, class P = Unprepared>
  void sequence(const Field& field, std::vector<T>& values, P&& prepare = {}) {
    const Tree* list = take_list(field);
    if (list == nullptr) return out_.sequence(field, values, prepare);
    values.clear();
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      T& value = values.emplace_back();
      prepare(value);
      out_.group(
          field, [&] { members(list->items[i], field.name, [&] { describe(*this, value); }); }, static_cast<int>(i));
    }
  }
  template <class T>
  void numbers(const Field& field, std::vector<T>& values) {
    if (const Tree* list = take_list(field); list != nullptr) {
      values.clear();
      for (const Tree& item : list->items) read(item, field, values.emplace_back());
    }
    out_.numbers(field, values);
  }
  template <class S>
  void strings(const Field& field, std::vector<S>& values, std::size_t size) {
    if (const Tree* list = take_list(field); list != nullptr) {
      values.clear();
      for (const Tree& item : list->items) values.emplace_back().assign(text_of(item, field));
    }
    out_.strings(field, values, size);
  }
  template <class... T>
  void one_of(std::uint64_t code, std::variant<Opaque, T...>& body) {
    // A body that is there already is what the text changes.
    (void)((code == T::kCode &&
            (structure(*T::kGroup, std::holds_alternative<T>(body) ? std::get<T>(body) : body.template emplace<T>()),
             true)) ||
           ...);
  }
  template <class... T>
  void one_of(std::uint64_t code, const Field& unknown, std::variant<Opaque, T...>& body) {
    if (((code == T::kCode) || ...))
      one_of(code, body);
    else
      rest(unknown, body.template emplace<Opaque>().bytes);
  }
  // Either the bytes themselves or the members of `typed`.
  template <class T>
  void nested(const Field& field, std::string& raw, T& typed) {
    const Tree* tree = take(field);
    if (tree != nullptr) {
      raw = text_of(*tree, field);
      out_.rest(field, raw);
    } else if (!raw.empty()) {
      out_.rest(field, raw);
    } else {
      // The struct has the bytes too, so that what was read from the text can be written again.
      const std::size_t from = out_.mark();
      describe(*this, typed);
      raw = out_.out_.substr(from);
    }
  }

  // The first fault of the text, else the first thing that could not be written.
  const std::string& error() const { return error_.empty() ? out_.error() : error_; }
  std::vector<std::string> unused() const { return out_.unused(); }

 private:
  template <class F>
  void members(const Tree& tree, std::string_view name, F&& body) {
    if (!tree.is_map() && tree.kind != Tree::Kind::kNull) return fail(tree, name, "expected a map of members");
    const Tree* outer = at_;
    const std::size_t known_from = known_.size();
    at_ = &tree;
    body();
    refuse_unknown(known_from, name);
    known_.resize(known_from);
    at_ = outer;
  }
  template <class T>
  void load(const Field& field, T& value) {
    if (const Tree* tree = take(field); tree != nullptr) read(*tree, field, value);
  }
  template <class T>
  void read(const Tree& tree, const Field& field, T& value) {
    std::uint64_t number = 0;
    if (read_number(tree, field, number)) value = static_cast<T>(number);
  }
  bool read_number(const Tree& tree, const Field& field, std::uint64_t& value);
  std::string text_of(const Tree& tree, const Field& field);
  const Tree* take(const Field& field);
  const Tree* take_list(const Field& field);
  void refuse_unknown(std::size_t known_from, std::string_view name);
  void fail(const Tree& tree, std::string_view name, std::string_view what);

  const Tree* at_;
  BinaryWriter out_;
  std::vector<std::string_view> known_;
  std::string error_;
};

// Scenario text -> bytes, for Protocol::encode of binary protocols.
template <class T>
EncodeResult encode_tree(const Field& root, const Tree& tree, T& value, const Overrides& overrides,
                         void* state = nullptr) {
  EncodeResult result;
  TreeWriter writer(tree, result.bytes, &overrides, state);
  writer.root(root, value);
  if (!writer.error().empty()) return {{}, writer.error()};
  if (const auto unused = writer.unused(); !unused.empty())
    return {{}, "mutate: this message has no '" + unused.front() + "'"};
  return result;
}

}  // namespace peerscope
