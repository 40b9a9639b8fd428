// SPDX-License-Identifier: GPL-2.0-or-later
// Fetch: RFC 6940 section 7.4.2. Reads values of one resource.
//
//   FetchReq: length (1) resource | length (2) specifiers
//   FetchAns: length (4) { kind (4) | generation (8) | length (4) values }
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocols/base/field.h"
#include "protocols/reload/method.h"
#include "protocols/reload/specifier.h"
#include "protocols/reload/stored_data.h"

namespace peerscope::reload {

inline constexpr Field kFetchReq{.filter = "relo.fetch_req",
                                 .name = "fetch_req",
                                 .label = "FetchReq",
                                 .type = Type::kGroup,
                                 .section = "7.4.2.1",
                                 .about = "Asks for values"};
inline constexpr Field kFetchResourceLength{.filter = "relo.fetch_req.resource_length",
                                            .name = "resource_length",
                                            .label = "Resource length",
                                            .type = Type::kUint8,
                                            .section = "7.4.2.1",
                                            .about = "Bytes of the Resource-ID",
                                            .replay = Replay::kDerived};
inline constexpr Field kFetchResource{.filter = "relo.fetch_req.resource",
                                      .name = "resource",
                                      .label = "Resource",
                                      .type = Type::kBytes,
                                      .section = "7.4.2.1",
                                      .about = "Resource-ID where the values are"};
inline constexpr Field kFetchSpecifiersLength{.filter = "relo.fetch_req.specifiers_length",
                                              .name = "specifiers_length",
                                              .label = "Specifiers length",
                                              .type = Type::kUint16,
                                              .section = "7.4.2.1",
                                              .about = "Bytes of the list",
                                              .replay = Replay::kDerived};
inline constexpr Field kFetchSpecifier{.filter = "relo.fetch_req.specifier",
                                       .name = "specifiers",
                                       .label = "Specifier",
                                       .type = Type::kGroup,
                                       .section = "7.4.2.1",
                                       .about = "What is wanted of one Kind"};
inline constexpr Field kFetchAns{.filter = "relo.fetch_ans",
                                 .name = "fetch_ans",
                                 .label = "FetchAns",
                                 .type = Type::kGroup,
                                 .section = "7.4.2.2",
                                 .about = "Values"};
inline constexpr Field kFetchResponsesLength{.filter = "relo.fetch_ans.kind_responses_length",
                                             .name = "kind_responses_length",
                                             .label = "Kind responses length",
                                             .type = Type::kUint32,
                                             .section = "7.4.2.2",
                                             .about = "Bytes of the list",
                                             .replay = Replay::kDerived};
inline constexpr Field kFetchResponse{.filter = "relo.fetch_ans.kind_response",
                                      .name = "kind_responses",
                                      .label = "Kind response",
                                      .type = Type::kGroup,
                                      .section = "7.4.2.2",
                                      .about = "Values of one Kind"};
inline constexpr Field kFetchKind{.filter = "relo.fetch_ans.kind",
                                  .name = "kind",
                                  .label = "Kind",
                                  .type = Type::kUint32,
                                  .section = "7.4.2.2",
                                  .about = "Kind of the values",
                                  .display = Display::kHex,
                                  .names = kKindNames};
inline constexpr Field kFetchGeneration{.filter = "relo.fetch_ans.generation",
                                        .name = "generation",
                                        .label = "Generation",
                                        .type = Type::kUint64,
                                        .section = "7.4.2.2",
                                        .about = "The counter now",
                                        .replay = Replay::kOrdering};
inline constexpr Field kFetchValuesLength{.filter = "relo.fetch_ans.values_length",
                                          .name = "values_length",
                                          .label = "Values length",
                                          .type = Type::kUint32,
                                          .section = "7.4.2.2",
                                          .about = "Bytes of the values",
                                          .replay = Replay::kDerived};
inline constexpr Field kFetchValue{.filter = "relo.fetch_ans.value",
                                   .name = "values",
                                   .label = "Stored data",
                                   .type = Type::kGroup,
                                   .section = "7.2",
                                   .about = "A value with its signature"};

struct FetchReq {
  static constexpr std::uint16_t kCode = kFetchReqMethod.code;
  static constexpr const Field* kGroup = &kFetchReq;
  std::string resource;
  std::vector<StoredDataSpecifier> specifiers;
};
template <class A>
void describe(A& a, FetchReq& m) {
  a.prefixed(kFetchResourceLength, [&] { a.rest(kFetchResource, m.resource); });
  a.prefixed(kFetchSpecifiersLength, [&] { a.sequence(kFetchSpecifier, m.specifiers); });
}

struct FetchKindResponse {
  std::uint32_t kind = 0;
  std::uint64_t generation = 0;
  std::vector<StoredData> values;
};
template <class A>
void describe(A& a, FetchKindResponse& m) {
  a.number(kFetchKind, m.kind);
  a.number(kFetchGeneration, m.generation);
  a.prefixed(kFetchValuesLength,
             [&] { a.sequence(kFetchValue, m.values, [&](StoredData& value) { value.kind = m.kind; }); });
}

struct FetchAns {
  static constexpr std::uint16_t kCode = kFetchAnsMethod.code;
  static constexpr const Field* kGroup = &kFetchAns;
  std::vector<FetchKindResponse> kind_responses;
};
template <class A>
void describe(A& a, FetchAns& m) {
  a.prefixed(kFetchResponsesLength, [&] { a.sequence(kFetchResponse, m.kind_responses); });
}

}  // namespace peerscope::reload
