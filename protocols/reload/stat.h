// SPDX-License-Identifier: GPL-2.0-or-later
// Stat: RFC 6940 section 7.4.3. Reads what is known about values, not the values. value_length counts the rest of the
// structure, as the length of StoredData does.
//
//   StatReq: as FetchReq
//   StatAns: length (4) { kind (4) | generation (8) | length (4) metadata }
//   StoredMetaData: length (4) | storage_time (8) | lifetime (4) | array: index (4) | dictionary: length (2) key
//                   | exists (1) | value_length (4) | hash_algorithm (1) | length (1) hash_value
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/field.h"
#include "protocols/reload/method.h"
#include "protocols/reload/signature.h"
#include "protocols/reload/specifier.h"

namespace peerscope::reload {

inline constexpr Field kStatReq{.filter = "relo.stat_req",
                                .name = "stat_req",
                                .label = "StatReq",
                                .type = Type::kGroup,
                                .section = "7.4.3.1",
                                .about = "Asks about values"};
inline constexpr Field kStatResourceLength{.filter = "relo.stat_req.resource_length",
                                           .name = "resource_length",
                                           .label = "Resource length",
                                           .type = Type::kUint8,
                                           .section = "7.4.3.1",
                                           .about = "Bytes of the Resource-ID",
                                           .replay = Replay::kDerived};
inline constexpr Field kStatResource{.filter = "relo.stat_req.resource",
                                     .name = "resource",
                                     .label = "Resource",
                                     .type = Type::kBytes,
                                     .section = "7.4.3.1",
                                     .about = "Resource-ID where the values are"};
inline constexpr Field kStatSpecifiersLength{.filter = "relo.stat_req.specifiers_length",
                                             .name = "specifiers_length",
                                             .label = "Specifiers length",
                                             .type = Type::kUint16,
                                             .section = "7.4.3.1",
                                             .about = "Bytes of the list",
                                             .replay = Replay::kDerived};
inline constexpr Field kStatSpecifier{.filter = "relo.stat_req.specifier",
                                      .name = "specifiers",
                                      .label = "Specifier",
                                      .type = Type::kGroup,
                                      .section = "7.4.3.1",
                                      .about = "What is wanted of one Kind"};
inline constexpr Field kStatAns{.filter = "relo.stat_ans",
                                .name = "stat_ans",
                                .label = "StatAns",
                                .type = Type::kGroup,
                                .section = "7.4.3.2",
                                .about = "What is known about values"};
inline constexpr Field kStatResponsesLength{.filter = "relo.stat_ans.kind_responses_length",
                                            .name = "kind_responses_length",
                                            .label = "Kind responses length",
                                            .type = Type::kUint32,
                                            .section = "7.4.3.2",
                                            .about = "Bytes of the list",
                                            .replay = Replay::kDerived};
inline constexpr Field kStatResponse{.filter = "relo.stat_ans.kind_response",
                                     .name = "kind_responses",
                                     .label = "Kind response",
                                     .type = Type::kGroup,
                                     .section = "7.4.3.2",
                                     .about = "Metadata of one Kind"};
inline constexpr Field kStatKind{.filter = "relo.stat_ans.kind",
                                 .name = "kind",
                                 .label = "Kind",
                                 .type = Type::kUint32,
                                 .section = "7.4.3.2",
                                 .about = "Kind of the values",
                                 .display = Display::kHex,
                                 .names = kKindNames};
inline constexpr Field kStatGeneration{.filter = "relo.stat_ans.generation",
                                       .name = "generation",
                                       .label = "Generation",
                                       .type = Type::kUint64,
                                       .section = "7.4.3.2",
                                       .about = "The counter now",
                                       .replay = Replay::kOrdering};
inline constexpr Field kStatValuesLength{.filter = "relo.stat_ans.values_length",
                                         .name = "values_length",
                                         .label = "Values length",
                                         .type = Type::kUint32,
                                         .section = "7.4.3.2",
                                         .about = "Bytes of the metadata",
                                         .replay = Replay::kDerived};
inline constexpr Field kStoredMetaData{.filter = "relo.stat_ans.metadata",
                                       .name = "values",
                                       .label = "Metadata",
                                       .type = Type::kGroup,
                                       .section = "7.4.3.2",
                                       .about = "What is known about one value"};
inline constexpr Field kMetaLength{.filter = "relo.stat_ans.length",
                                   .name = "length",
                                   .label = "Length",
                                   .type = Type::kUint32,
                                   .section = "7.4.3.2",
                                   .about = "Bytes of the metadata that follow",
                                   .replay = Replay::kDerived};
inline constexpr Field kMetaStorageTime{.filter = "relo.stat_ans.storage_time",
                                        .name = "storage_time",
                                        .label = "Storage time",
                                        .type = Type::kUint64,
                                        .section = "7.4.3.2",
                                        .about = "When the value was stored, in ms since 1970",
                                        .replay = Replay::kTime};
inline constexpr Field kMetaLifetime{.filter = "relo.stat_ans.lifetime",
                                     .name = "lifetime",
                                     .label = "Lifetime",
                                     .type = Type::kUint32,
                                     .section = "7.4.3.2",
                                     .about = "Seconds that the value is valid",
                                     .replay = Replay::kTime};
inline constexpr Field kMetaIndex{.filter = "relo.stat_ans.index",
                                  .name = "index",
                                  .label = "Index",
                                  .type = Type::kUint32,
                                  .section = "7.4.3.2",
                                  .about = "Place in the array"};
inline constexpr Field kMetaKeyLength{.filter = "relo.stat_ans.key_length",
                                      .name = "key_length",
                                      .label = "Key length",
                                      .type = Type::kUint16,
                                      .section = "7.4.3.2",
                                      .about = "Bytes of the key",
                                      .replay = Replay::kDerived};
inline constexpr Field kMetaKey{.filter = "relo.stat_ans.key",
                                .name = "key",
                                .label = "Key",
                                .type = Type::kBytes,
                                .section = "7.4.3.2",
                                .about = "Key of the dictionary"};
inline constexpr Field kMetaExists{.filter = "relo.stat_ans.exists",
                                   .name = "exists",
                                   .label = "Exists",
                                   .type = Type::kBoolean,
                                   .section = "7.4.3.2",
                                   .about = "Whether there is a value"};
inline constexpr Field kMetaValueLength{.filter = "relo.stat_ans.value_length",
                                        .name = "value_length",
                                        .label = "Value length",
                                        .type = Type::kUint32,
                                        .section = "7.4.3.2",
                                        .about = "Bytes of the value"};
inline constexpr Field kMetaHashAlgorithm{.filter = "relo.stat_ans.hash_algorithm",
                                          .name = "hash_algorithm",
                                          .label = "Hash algorithm",
                                          .type = Type::kUint8,
                                          .section = "7.4.3.2",
                                          .about = "As in TLS 1.2",
                                          .names = kHashNames};
inline constexpr Field kMetaHashLength{.filter = "relo.stat_ans.hash_length",
                                       .name = "hash_length",
                                       .label = "Hash length",
                                       .type = Type::kUint8,
                                       .section = "7.4.3.2",
                                       .about = "Bytes of the hash",
                                       .replay = Replay::kDerived};
inline constexpr Field kMetaHash{.filter = "relo.stat_ans.hash_value",
                                 .name = "hash_value",
                                 .label = "Hash",
                                 .type = Type::kBytes,
                                 .section = "7.4.3.2",
                                 .about = "Hash over the value with its four length bytes",
                                 .replay = Replay::kDerived};

struct StatReq {
  static constexpr std::uint16_t kCode = kStatReqMethod.code;
  static constexpr const Field* kGroup = &kStatReq;
  std::string resource;
  std::vector<StoredDataSpecifier> specifiers;
};
template <class A>
void describe(A& a, StatReq& m) {
  a.prefixed(kStatResourceLength, [&] { a.rest(kStatResource, m.resource); });
  a.prefixed(kStatSpecifiersLength, [&] { a.sequence(kStatSpecifier, m.specifiers); });
}

// What `rest`, the part of a StoredMetaData behind its lifetime, looks like; kUnknown when nothing fits.
DataModel guess_metadata(std::string_view rest);

struct StoredMetaData {
  std::uint32_t kind = 0;                 // not on the wire
  DataModel model = DataModel::kUnknown;  // not on the wire
  std::uint64_t storage_time = 0;         // ms since 1970
  std::uint32_t lifetime = 0;             // s
  std::uint32_t index = 0;                // arrays
  std::string key;                        // dictionaries
  bool exists = true;
  std::uint32_t value_length = 0;
  std::uint8_t hash_algorithm = kSha256;
  std::string hash_value;
};
template <class A>
void describe(A& a, StoredMetaData& m) {
  if (const DataModel known = model_of(a, m.kind); known != DataModel::kUnknown) m.model = known;
  a.prefixed(kMetaLength, [&] {
    a.number(kMetaStorageTime, m.storage_time);
    a.number(kMetaLifetime, m.lifetime);
    a.peek([&](std::string_view rest) {
      if (m.model == DataModel::kUnknown) m.model = guess_metadata(rest);
    });
    a.given(kMetaIndex, [&] { m.model = DataModel::kArray; });
    a.given(kMetaKey, [&] { m.model = DataModel::kDictionary; });
    a.when(m.model == DataModel::kArray, [&] { a.number(kMetaIndex, m.index); });
    a.when(m.model == DataModel::kDictionary, [&] { a.prefixed(kMetaKeyLength, [&] { a.rest(kMetaKey, m.key); }); });
    a.number(kMetaExists, m.exists);
    a.number(kMetaValueLength, m.value_length);
    a.number(kMetaHashAlgorithm, m.hash_algorithm);
    a.prefixed(kMetaHashLength, [&] { a.rest(kMetaHash, m.hash_value); });
  });
}

struct StatKindResponse {
  std::uint32_t kind = 0;
  std::uint64_t generation = 0;
  std::vector<StoredMetaData> values;
};
template <class A>
void describe(A& a, StatKindResponse& m) {
  a.number(kStatKind, m.kind);
  a.number(kStatGeneration, m.generation);
  a.prefixed(kStatValuesLength,
             [&] { a.sequence(kStoredMetaData, m.values, [&](StoredMetaData& value) { value.kind = m.kind; }); });
}

struct StatAns {
  static constexpr std::uint16_t kCode = kStatAnsMethod.code;
  static constexpr const Field* kGroup = &kStatAns;
  std::vector<StatKindResponse> kind_responses;
};
template <class A>
void describe(A& a, StatAns& m) {
  a.prefixed(kStatResponsesLength, [&] { a.sequence(kStatResponse, m.kind_responses); });
}

}  // namespace peerscope::reload
