// SPDX-License-Identifier: GPL-2.0-or-later
// Find: RFC 6940 section 7.4.4. Which Resource-ID at or behind a place has values of a Kind?
//
//   FindReq: length (1) resource | length (1) kinds (4 each)
//   FindAns: length (2) { kind (4) | length (1) closest }
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocols/base/field.h"
#include "protocols/reload/kind.h"
#include "protocols/reload/method.h"

namespace peerscope::reload {

inline constexpr Field kFindReq{.filter = "relo.find_req",
                                .name = "find_req",
                                .label = "FindReq",
                                .type = Type::kGroup,
                                .section = "7.4.4.1",
                                .about = "Asks where values of some Kinds are"};
inline constexpr Field kFindResourceLength{.filter = "relo.find_req.resource_length",
                                           .name = "resource_length",
                                           .label = "Resource length",
                                           .type = Type::kUint8,
                                           .section = "7.4.4.1",
                                           .about = "Bytes of the Resource-ID",
                                           .replay = Replay::kDerived};
inline constexpr Field kFindResource{.filter = "relo.find_req.resource",
                                     .name = "resource",
                                     .label = "Resource",
                                     .type = Type::kBytes,
                                     .section = "7.4.4.1",
                                     .about = "Resource-ID where the search begins"};
inline constexpr Field kFindKindsLength{.filter = "relo.find_req.kinds_length",
                                        .name = "kinds_length",
                                        .label = "Kinds length",
                                        .type = Type::kUint8,
                                        .section = "7.4.4.1",
                                        .about = "Bytes of the list",
                                        .replay = Replay::kDerived};
inline constexpr Field kFindKind{.filter = "relo.find_req.kind",
                                 .name = "kinds",
                                 .label = "Kind",
                                 .type = Type::kUint32,
                                 .section = "7.4.4.1",
                                 .about = "A Kind that is looked for",
                                 .display = Display::kHex,
                                 .names = kKindNames};
inline constexpr Field kFindAns{.filter = "relo.find_ans",
                                .name = "find_ans",
                                .label = "FindAns",
                                .type = Type::kGroup,
                                .section = "7.4.4.2",
                                .about = "Where values are"};
inline constexpr Field kFindResultsLength{.filter = "relo.find_ans.results_length",
                                          .name = "results_length",
                                          .label = "Results length",
                                          .type = Type::kUint16,
                                          .section = "7.4.4.2",
                                          .about = "Bytes of the list",
                                          .replay = Replay::kDerived};
inline constexpr Field kFindResult{.filter = "relo.find_ans.result",
                                   .name = "results",
                                   .label = "Result",
                                   .type = Type::kGroup,
                                   .section = "7.4.4.2",
                                   .about = "The closest place of one Kind"};
inline constexpr Field kFindAnsKind{.filter = "relo.find_ans.kind",
                                    .name = "kind",
                                    .label = "Kind",
                                    .type = Type::kUint32,
                                    .section = "7.4.4.2",
                                    .about = "Kind",
                                    .display = Display::kHex,
                                    .names = kKindNames};
inline constexpr Field kClosestLength{.filter = "relo.find_ans.closest_length",
                                      .name = "closest_length",
                                      .label = "Closest length",
                                      .type = Type::kUint8,
                                      .section = "7.4.4.2",
                                      .about = "Bytes of the Resource-ID",
                                      .replay = Replay::kDerived};
inline constexpr Field kClosest{.filter = "relo.find_ans.closest",
                                .name = "closest",
                                .label = "Closest",
                                .type = Type::kBytes,
                                .section = "7.4.4.2",
                                .about = "Closest Resource-ID; empty or zero when there is none"};

struct FindReq {
  static constexpr std::uint16_t kCode = kFindReqMethod.code;
  static constexpr const Field* kGroup = &kFindReq;
  std::string resource;
  std::vector<std::uint32_t> kinds;
};
template <class A>
void describe(A& a, FindReq& m) {
  a.prefixed(kFindResourceLength, [&] { a.rest(kFindResource, m.resource); });
  a.prefixed(kFindKindsLength, [&] { a.numbers(kFindKind, m.kinds); });
}

struct FindKindData {
  std::uint32_t kind = 0;
  std::string closest;
};
template <class A>
void describe(A& a, FindKindData& m) {
  a.number(kFindAnsKind, m.kind);
  a.prefixed(kClosestLength, [&] { a.rest(kClosest, m.closest); });
}

struct FindAns {
  static constexpr std::uint16_t kCode = kFindAnsMethod.code;
  static constexpr const Field* kGroup = &kFindAns;
  std::vector<FindKindData> results;
};
template <class A>
void describe(A& a, FindAns& m) {
  a.prefixed(kFindResultsLength, [&] { a.sequence(kFindResult, m.results); });
}

}  // namespace peerscope::reload
