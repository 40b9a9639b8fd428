// SPDX-License-Identifier: GPL-2.0-or-later
// Registrar: the archive that lists a description's fields. Wireshark registrations, docs/fields.md and the JSON Schema
// come from its list.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocols/base/binary_archive.h"
#include "protocols/base/json_archive.h"
#include "protocols/base/protocol.h"

namespace peerscope {

class Registrar {
 public:
  template <class T>
  void root(const Field& field, T& value) {
    group(field, true, false, [&] { describe(*this, value); });
  }
  template <class T>
  void object_root(const Field& field, T& value) {
    root(field, value);
  }
  template <class T>
  void list_root(const Field& field, const Field& element, std::vector<T>&) {
    group(field, true, false, [&] { many<T>(element, true); });
  }
  void value_root(const Field& field, const ValueFields& fields, JsonValue&) {
    group(field, true, false, [&] { add_values(fields, true, true); });
  }
  template <class T>
  void required(const Field& field, std::optional<T>& value) {
    one(field, value, true);
  }
  template <class T>
  void optional(const Field& field, std::optional<T>& value) {
    one(field, value, false);
  }
  template <class T>
  void required(const Field& field, std::vector<T>&) {
    many<T>(field, true);
  }
  template <class T>
  void optional(const Field& field, std::vector<T>&) {
    many<T>(field, false);
  }
  template <class T>
  void required(const Field& field, std::optional<std::vector<T>>&) {
    many<T>(field, true);
  }
  template <class T>
  void optional(const Field& field, std::optional<std::vector<T>>&) {
    many<T>(field, false);
  }
  void required(const ValueFields& fields, std::optional<JsonValue>&) { add_values(fields, true, false); }
  void optional(const ValueFields& fields, std::optional<JsonValue>&) { add_values(fields, false, false); }
  template <class V>
  void entries(const Field& key, const Field& value, JsonMap<V>&) {
    add(key, true, true);
    entry<V>(value);
  }
  void entries(const Field& key, const ValueFields& fields, JsonMap<JsonValue>&) {
    add(key, true, true);
    add_values(fields, true, true);
  }
  template <class T>
  void misplaced(const Field&, std::optional<T>&) {}  // registered where it belongs

  // Binary walks (binary_archive.h): every variant and every optional part.
  template <class S>
  S* state() const {
    return nullptr;
  }
  template <class T>
  void number(const Field& field, T&) {
    add(field, true, false);
  }
  template <class T>
  void bits(const Field& field, T&, std::span<const Bits> parts) {
    add(field, true, false);
    for (const Bits& part : parts) {
      add(*part.field, true, false);
      places_.back().mask = part.mask;
      places_.back().container = &field;
    }
  }
  template <class T>
  void bytes(const Field& field, T&, std::size_t) {
    add(field, true, false);
  }
  template <class T>
  void rest(const Field& field, T&) {
    add(field, true, false);
  }
  std::size_t mark() const { return 0; }
  Length length(const Field& field, std::size_t = 0) {
    add(field, true, false);
    return {};
  }
  template <class F>
  void sized(const Length&, F&& body) {
    body();
  }
  template <class F>
  void prefixed(const Field& field, F&& body) {
    add(field, true, false);
    body();
  }
  template <class F>
  void when(bool, F&& body) {
    body();
  }
  template <class F>
  void peek(F&&) {}
  template <class F>
  void given(const Field&, F&&) {}
  template <class F>
  void group(const Field& field, F&& body) {
    group(field, true, false, body);
  }
  template <class T>
  void structure(const Field& field, T& value) {
    group(field, true, false, [&] { describe(*this, value); });
  }
  template <class T, class P = Unprepared>
  void sequence(const Field& field, std::vector<T>&, P&& = {}) {
    many<T>(field, true);
  }
  template <class T>
  void numbers(const Field& field, std::vector<T>&) {
    add(field, true, true);
  }
  template <class T>
  void strings(const Field& field, std::vector<T>&, std::size_t) {
    add(field, true, true);
  }
  template <class... T>
  void one_of(std::uint64_t, std::variant<Opaque, T...>&) {
    (one_alternative<T>(), ...);
  }
  template <class... T>
  void one_of(std::uint64_t code, const Field& unknown, std::variant<Opaque, T...>& body) {
    one_of(code, body);
    add(unknown, true, false);
  }
  template <class T>
  void nested(const Field& field, std::string&, T& typed) {
    add(field, true, false);
    describe(*this, typed);
  }

  std::vector<FieldPlace> take() { return std::move(places_); }

 private:
  template <class T>
  void one(const Field& field, std::optional<T>&, bool mandatory) {
    group(field, mandatory, false, [&] {
      T value{};
      describe(*this, value);
    });
  }
  void one(const Field& field, std::optional<std::int64_t>&, bool mandatory) { add(field, mandatory, false); }
  void one(const Field& field, std::optional<double>&, bool mandatory) { add(field, mandatory, false); }
  void one(const Field& field, std::optional<bool>&, bool mandatory) { add(field, mandatory, false); }
  void one(const Field& field, std::optional<std::string>&, bool mandatory) { add(field, mandatory, false); }
  template <class T>
  void one_alternative() {
    T value{};
    structure(*T::kGroup, value);
  }
  template <class V>
  void entry(const Field& field) {
    one_entry(field, static_cast<V*>(nullptr));
  }
  template <class T>
  void one_entry(const Field& field, std::vector<T>*) {
    many<T>(field, true);
  }
  template <class T>
  void one_entry(const Field& field, std::optional<std::vector<T>>*) {
    many<T>(field, true);
  }
  template <class T>
  void one_entry(const Field& field, T*) {
    many<T>(field, true);
  }
  void add_values(const ValueFields& fields, bool mandatory, bool list) {
    const Field* before = nullptr;
    for (const Field* field : {fields.number, fields.text, fields.list, fields.other}) {
      if (field != before) add(*field, mandatory, list);
      before = field;
    }
    if (fields.elements == nullptr) return;
    const std::string outer = std::exchange(path_, places_.back().path);
    add_values(*fields.elements, false, true);
    path_ = outer;
  }
  template <class T>
  void many(const Field& field, bool mandatory) {
    if constexpr (kIsScalar<T>)
      return add(field, mandatory, true);
    else
      group(field, mandatory, true, [&] {
        T value{};
        describe(*this, value);
      });
  }
  template <class F>
  void group(const Field& field, bool mandatory, bool list, F&& body) {
    add(field, mandatory, list);
    const std::string outer = path_;
    path_ = places_.back().path;
    ++depth_;
    body();
    --depth_;
    path_ = outer;
  }
  void add(const Field& field, bool mandatory, bool list) {
    const bool dot = !path_.empty() && field.name[0] != '\0';
    places_.push_back({&field, path_ + (dot ? "." : "") + field.name + (list ? "[]" : ""), mandatory, list, depth_});
  }

  std::vector<FieldPlace> places_;
  std::string path_;
  int depth_ = 0;
};

}  // namespace peerscope
