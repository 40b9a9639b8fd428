// SPDX-License-Identifier: GPL-2.0-or-later
// Which data model do bytes of an unknown Kind fit? Layouts are tried until one ends exactly.
#include "protocols/reload/specifier.h"
#include "protocols/reload/stat.h"
#include "protocols/reload/stored_data.h"

namespace peerscope::reload {

namespace {

// Reads big-endian numbers and steps over bytes; `ok` turns false where the bytes run out.
struct Cursor {
  std::string_view left;
  bool ok = true;

  std::uint64_t number(std::size_t width) {
    std::uint64_t value = 0;
    if (left.size() < width) return fail();
    for (std::size_t i = 0; i < width; ++i) value = value << 8 | static_cast<unsigned char>(left[i]);
    left.remove_prefix(width);
    return value;
  }
  void skip(std::uint64_t size) {
    if (size > left.size()) fail();
    if (ok) left.remove_prefix(static_cast<std::size_t>(size));
  }
  void skip_prefixed(std::size_t width) { skip(number(width)); }
  std::uint64_t fail() {
    ok = false;
    left = {};
    return 0;
  }
  bool ends() const { return ok && left.empty(); }
};

Cursor behind_place(std::string_view rest, DataModel model) {
  Cursor at{rest};
  if (model == DataModel::kArray) at.skip(4);
  if (model == DataModel::kDictionary) at.skip_prefixed(2);
  if (at.number(1) > 1) at.fail();  // exists
  return at;
}

bool is_value(std::string_view rest, DataModel model) {
  Cursor at = behind_place(rest, model);
  at.skip_prefixed(4);
  at.skip(2 + 1);  // signature algorithm, identity type
  at.skip_prefixed(2);
  at.skip_prefixed(2);
  return at.ends();
}

bool is_metadata(std::string_view rest, DataModel model) {
  Cursor at = behind_place(rest, model);
  at.skip(4 + 1);
  at.skip_prefixed(1);
  return at.ends();
}

template <class F>
DataModel first_fit(F&& fits) {
  for (const DataModel model : {DataModel::kSingle, DataModel::kDictionary, DataModel::kArray}) {
    if (fits(model)) return model;
  }
  return DataModel::kUnknown;
}

}  // namespace

DataModel guess_model(std::string_view rest) {
  return first_fit([&](DataModel model) { return is_value(rest, model); });
}

DataModel guess_metadata(std::string_view rest) {
  return first_fit([&](DataModel model) { return is_metadata(rest, model); });
}

DataModel guess_specifier(std::string_view specifier) {
  if (specifier.empty()) return DataModel::kSingle;
  Cursor at{specifier};
  if (at.number(2) != at.left.size() || !at.ok) return DataModel::kUnknown;
  const bool ranges = at.left.size() % 8 == 0;
  bool empty_key = false;
  while (at.ok && !at.left.empty()) {
    const std::uint64_t size = at.number(2);
    empty_key = empty_key || size == 0;
    at.skip(size);
  }
  // Ranges that begin at zero read as empty keys too; nobody has such keys.
  if (at.ends() && !(ranges && empty_key)) return DataModel::kDictionary;
  return ranges ? DataModel::kArray : DataModel::kUnknown;
}

}  // namespace peerscope::reload
