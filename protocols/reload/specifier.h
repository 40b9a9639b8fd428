// SPDX-License-Identifier: GPL-2.0-or-later
// StoredDataSpecifier: RFC 6940 section 7.4.2.1, what Fetch and Stat ask for.
//
//   kind (4) | generation (8) | length (2) | array: length (2) { first (4) | last (4) }
//                                          | dictionary: length (2) { length (2) key }
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/field.h"
#include "protocols/reload/context.h"

namespace peerscope::reload {

inline constexpr std::uint32_t kLastIndex = 0xffffffff;  // to the end of the array
inline constexpr Field kSpecifierKind{.filter = "relo.specifier.kind",
                                      .name = "kind",
                                      .label = "Kind",
                                      .type = Type::kUint32,
                                      .section = "7.4.2.1",
                                      .about = "Kind that is asked for",
                                      .display = Display::kHex,
                                      .names = kKindNames};
inline constexpr Field kSpecifierGeneration{.filter = "relo.specifier.generation",
                                            .name = "generation",
                                            .label = "Generation",
                                            .type = Type::kUint64,
                                            .section = "7.4.2.1",
                                            .about = "The counter that the reader knows",
                                            .replay = Replay::kOrdering};
inline constexpr Field kSpecifierLength{.filter = "relo.specifier.length",
                                        .name = "length",
                                        .label = "Length",
                                        .type = Type::kUint16,
                                        .section = "7.4.2.1",
                                        .about = "Bytes of the specifier that follow",
                                        .replay = Replay::kDerived};
inline constexpr Field kIndicesLength{.filter = "relo.specifier.indices_length",
                                      .name = "indices_length",
                                      .label = "Indices length",
                                      .type = Type::kUint16,
                                      .section = "7.4.2.1",
                                      .about = "Bytes of the ranges",
                                      .replay = Replay::kDerived};
inline constexpr Field kArrayRange{.filter = "relo.specifier.range",
                                   .name = "indices",
                                   .label = "Range",
                                   .type = Type::kGroup,
                                   .section = "7.4.2.1",
                                   .about = "Elements of the array"};
inline constexpr Field kRangeFirst{.filter = "relo.specifier.first",
                                   .name = "first",
                                   .label = "First",
                                   .type = Type::kUint32,
                                   .section = "7.4.2.1",
                                   .about = "First index"};
inline constexpr Field kRangeLast{.filter = "relo.specifier.last",
                                  .name = "last",
                                  .label = "Last",
                                  .type = Type::kUint32,
                                  .section = "7.4.2.1",
                                  .about = "Last index; 0xffffffff means the end of the array"};
inline constexpr Field kKeysLength{.filter = "relo.specifier.keys_length",
                                   .name = "keys_length",
                                   .label = "Keys length",
                                   .type = Type::kUint16,
                                   .section = "7.4.2.1",
                                   .about = "Bytes of the keys",
                                   .replay = Replay::kDerived};
inline constexpr Field kDictionaryKey{.filter = "relo.specifier.keys",
                                      .name = "keys",
                                      .label = "Key",
                                      .type = Type::kGroup,
                                      .section = "7.4.2.1",
                                      .about = "A key of the dictionary; none means all"};
inline constexpr Field kSpecifierKeyLength{.filter = "relo.specifier.key_length",
                                           .name = "key_length",
                                           .label = "Key length",
                                           .type = Type::kUint16,
                                           .section = "7.4.2.1",
                                           .about = "Bytes of the key",
                                           .replay = Replay::kDerived};
inline constexpr Field kSpecifierKey{.filter = "relo.specifier.key",
                                     .name = "key",
                                     .label = "Key",
                                     .type = Type::kBytes,
                                     .section = "7.4.2.1",
                                     .about = "A key of the dictionary"};
inline constexpr Field kModelSpecifier{.filter = "relo.specifier.model_specifier",
                                       .name = "model_specifier",
                                       .label = "Specifier",
                                       .type = Type::kBytes,
                                       .section = "7.4.2.1",
                                       .about = "A specifier that fits no data model"};

struct ArrayRange {
  std::uint32_t first = 0;
  std::uint32_t last = kLastIndex;
};
template <class A>
void describe(A& a, ArrayRange& m) {
  a.number(kRangeFirst, m.first);
  a.number(kRangeLast, m.last);
}

struct DictionaryKey {
  std::string key;
};
template <class A>
void describe(A& a, DictionaryKey& m) {
  a.prefixed(kSpecifierKeyLength, [&] { a.rest(kSpecifierKey, m.key); });
}

// The data model that the bytes of a specifier fit; kUnknown when none.
DataModel guess_specifier(std::string_view specifier);

struct StoredDataSpecifier {
  std::uint32_t kind = 0;
  std::uint64_t generation = 0;
  DataModel model = DataModel::kUnknown;  // not on the wire
  std::vector<ArrayRange> indices;
  std::vector<DictionaryKey> keys;
  std::string data;  // when the model is not known
};
template <class A>
void describe(A& a, StoredDataSpecifier& m) {
  a.number(kSpecifierKind, m.kind);
  a.number(kSpecifierGeneration, m.generation);
  if (const DataModel known = model_of(a, m.kind); known != DataModel::kUnknown) m.model = known;
  a.prefixed(kSpecifierLength, [&] {
    a.peek([&](std::string_view rest) {
      if (m.model == DataModel::kUnknown) m.model = guess_specifier(rest);
    });
    a.given(kArrayRange, [&] { m.model = DataModel::kArray; });
    a.given(kDictionaryKey, [&] { m.model = DataModel::kDictionary; });
    a.when(m.model == DataModel::kArray,
           [&] { a.prefixed(kIndicesLength, [&] { a.sequence(kArrayRange, m.indices); }); });
    a.when(m.model == DataModel::kDictionary,
           [&] { a.prefixed(kKeysLength, [&] { a.sequence(kDictionaryKey, m.keys); }); });
    bool some = !m.data.empty();
    a.peek([&](std::string_view rest) { some = !rest.empty(); });
    a.given(kModelSpecifier, [&] { some = true; });
    a.when(m.model == DataModel::kUnknown && some, [&] { a.rest(kModelSpecifier, m.data); });
  });
}

}  // namespace peerscope::reload
