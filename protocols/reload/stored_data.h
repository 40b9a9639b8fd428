// SPDX-License-Identifier: GPL-2.0-or-later
// StoredData: RFC 6940 section 7.2, a stored value with its signature. The data model comes from the Kind; for a Kind
// that nobody named, the layout that ends exactly with a signature is taken.
//
//   length (4) | storage_time (8) | lifetime (4) | array: index (4) | dictionary: length (2) key
//   | exists (1) | length (4) value | signature
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocols/base/binary_archive.h"
#include "protocols/reload/context.h"
#include "protocols/reload/kind_value.h"
#include "protocols/reload/ppsp_key.h"
#include "protocols/reload/signature.h"

namespace peerscope::reload {

inline constexpr std::uint32_t kAppendIndex = 0xffffffff;  // in a store: behind the last one
inline constexpr Field kStoredDataLength{.filter = "relo.stored_data.length",
                                         .name = "length",
                                         .label = "Length",
                                         .type = Type::kUint32,
                                         .section = "7.2",
                                         .about = "Bytes of the value that follow",
                                         .replay = Replay::kDerived};
inline constexpr Field kStorageTime{.filter = "relo.stored_data.storage_time",
                                    .name = "storage_time",
                                    .label = "Storage time",
                                    .type = Type::kUint64,
                                    .section = "7.2",
                                    .about = "When the value was stored, in ms since 1970",
                                    .replay = Replay::kTime};
inline constexpr Field kLifetime{.filter = "relo.stored_data.lifetime",
                                 .name = "lifetime",
                                 .label = "Lifetime",
                                 .type = Type::kUint32,
                                 .section = "7.2",
                                 .about = "Seconds that the value is valid",
                                 .replay = Replay::kTime};
inline constexpr Field kIndex{.filter = "relo.stored_data.index",
                              .name = "index",
                              .label = "Index",
                              .type = Type::kUint32,
                              .section = "7.2.2",
                              .about = "Place in the array; 0xffffffff appends"};
inline constexpr Field kKeyLength{.filter = "relo.stored_data.key_length",
                                  .name = "key_length",
                                  .label = "Key length",
                                  .type = Type::kUint16,
                                  .section = "7.2.3",
                                  .about = "Bytes of the key",
                                  .replay = Replay::kDerived};
inline constexpr Field kKey{.filter = "relo.stored_data.key",
                            .name = "key",
                            .label = "Key",
                            .type = Type::kBytes,
                            .section = "7.2.3",
                            .about = "Key of the dictionary"};
inline constexpr Field kExists{.filter = "relo.stored_data.exists",
                               .name = "exists",
                               .label = "Exists",
                               .type = Type::kBoolean,
                               .section = "7.2.1",
                               .about = "Whether there is a value"};
inline constexpr Field kValueLength{.filter = "relo.stored_data.value_length",
                                    .name = "value_length",
                                    .label = "Value length",
                                    .type = Type::kUint32,
                                    .section = "7.2.1",
                                    .about = "Bytes of the value",
                                    .replay = Replay::kDerived};
inline constexpr Field kValue{.filter = "relo.stored_data.value",
                              .name = "value",
                              .label = "Value",
                              .type = Type::kBytes,
                              .section = "7.2.1",
                              .about = "The value, as its Kind defines it"};
inline constexpr Field kValueSignature{.filter = "relo.stored_data.signature",
                                       .name = "signature",
                                       .label = "Value signature",
                                       .type = Type::kGroup,
                                       .section = "7.1",
                                       .about = "The storing node's signature"};

// What `rest`, the part of a StoredData behind its lifetime, looks like; kUnknown when nothing fits.
DataModel guess_model(std::string_view rest);

struct StoredData {
  std::uint32_t kind = 0;                 // not on the wire
  DataModel model = DataModel::kUnknown;  // not on the wire
  std::uint64_t storage_time = 0;         // ms since 1970
  std::uint32_t lifetime = 0;             // s
  std::uint32_t index = 0;                // arrays
  std::string key;                        // dictionaries
  bool exists = true;
  std::string value;  // encoded
  Signature signature;
};
// DataValue, ArrayEntry or DictionaryEntry: what the signature covers (section 7.1).
template <class A>
void describe_value(A& a, StoredData& m) {
  a.when(m.model == DataModel::kArray, [&] { a.number(kIndex, m.index); });
  const bool described = !is_redefined(a, m.kind);
  a.when(m.model == DataModel::kDictionary, [&] {
    a.prefixed(kKeyLength, [&] {
      PpspKey parts{described ? m.kind : 0, {}, {}};
      a.nested(kKey, m.key, parts);
    });
  });
  a.number(kExists, m.exists);
  a.prefixed(kValueLength, [&] {
    KindValue typed{described ? m.kind : 0, m.exists, {}};
    a.nested(kValue, m.value, typed);
  });
}
template <class A>
void describe(A& a, StoredData& m) {
  if (const DataModel known = model_of(a, m.kind); known != DataModel::kUnknown) m.model = known;
  a.prefixed(kStoredDataLength, [&] {
    a.number(kStorageTime, m.storage_time);
    a.number(kLifetime, m.lifetime);
    a.peek([&](std::string_view rest) {
      if (m.model == DataModel::kUnknown) m.model = guess_model(rest);
    });
    a.given(kIndex, [&] { m.model = DataModel::kArray; });
    a.given(kKey, [&] { m.model = DataModel::kDictionary; });
    describe_value(a, m);
    a.structure(kValueSignature, m.signature);
  });
}

}  // namespace peerscope::reload
