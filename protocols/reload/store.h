// SPDX-License-Identifier: GPL-2.0-or-later
// Store: RFC 6940 section 7.4.1. Writes values of one resource.
//
//   StoreReq: length (1) resource | replica_number (1) | length (4) { kind (4) | generation_counter (8) | length (4)
//   values } StoreAns: length (2) { kind (4) | generation_counter (8) | length (2) replicas }
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocols/base/field.h"
#include "protocols/reload/method.h"
#include "protocols/reload/stored_data.h"

namespace peerscope::reload {

inline constexpr Field kStoreReq{.filter = "relo.store_req",
                                 .name = "store_req",
                                 .label = "StoreReq",
                                 .type = Type::kGroup,
                                 .section = "7.4.1.1",
                                 .about = "Writes values"};
inline constexpr Field kStoreResourceLength{.filter = "relo.store_req.resource_length",
                                            .name = "resource_length",
                                            .label = "Resource length",
                                            .type = Type::kUint8,
                                            .section = "7.4.1.1",
                                            .about = "Bytes of the Resource-ID",
                                            .replay = Replay::kDerived};
inline constexpr Field kStoreResource{.filter = "relo.store_req.resource",
                                      .name = "resource",
                                      .label = "Resource",
                                      .type = Type::kBytes,
                                      .section = "7.4.1.1",
                                      .about = "Resource-ID where the values are stored"};
inline constexpr Field kReplicaNumber{.filter = "relo.store_req.replica_number",
                                      .name = "replica_number",
                                      .label = "Replica number",
                                      .type = Type::kUint8,
                                      .section = "7.4.1.1",
                                      .about = "0 for the original, 1 and up for copies"};
inline constexpr Field kStoreKindDataLength{.filter = "relo.store_req.kind_data_length",
                                            .name = "kind_data_length",
                                            .label = "Kind data length",
                                            .type = Type::kUint32,
                                            .section = "7.4.1.1",
                                            .about = "Bytes of the list",
                                            .replay = Replay::kDerived};
inline constexpr Field kStoreKindData{.filter = "relo.store_req.kind_data",
                                      .name = "kind_data",
                                      .label = "Kind data",
                                      .type = Type::kGroup,
                                      .section = "7.4.1.1",
                                      .about = "Values of one Kind"};
inline constexpr Field kStoreKind{.filter = "relo.store_req.kind",
                                  .name = "kind",
                                  .label = "Kind",
                                  .type = Type::kUint32,
                                  .section = "7.4.1.1",
                                  .about = "Kind of the values",
                                  .display = Display::kHex,
                                  .names = kKindNames};
inline constexpr Field kStoreGeneration{.filter = "relo.store_req.generation_counter",
                                        .name = "generation_counter",
                                        .label = "Generation counter",
                                        .type = Type::kUint64,
                                        .section = "7.4.1.1",
                                        .about = "The counter that the writer knows; 0 when it does not care",
                                        .replay = Replay::kOrdering};
inline constexpr Field kStoreValuesLength{.filter = "relo.store_req.values_length",
                                          .name = "values_length",
                                          .label = "Values length",
                                          .type = Type::kUint32,
                                          .section = "7.4.1.1",
                                          .about = "Bytes of the values",
                                          .replay = Replay::kDerived};
inline constexpr Field kStoreValue{.filter = "relo.store_req.value",
                                   .name = "values",
                                   .label = "Stored data",
                                   .type = Type::kGroup,
                                   .section = "7.2",
                                   .about = "A value with its signature"};
inline constexpr Field kStoreAns{.filter = "relo.store_ans",
                                 .name = "store_ans",
                                 .label = "StoreAns",
                                 .type = Type::kGroup,
                                 .section = "7.4.1.2",
                                 .about = "The values are written"};
inline constexpr Field kStoreResponsesLength{.filter = "relo.store_ans.kind_responses_length",
                                             .name = "kind_responses_length",
                                             .label = "Kind responses length",
                                             .type = Type::kUint16,
                                             .section = "7.4.1.2",
                                             .about = "Bytes of the list",
                                             .replay = Replay::kDerived};
inline constexpr Field kStoreResponse{.filter = "relo.store_ans.kind_response",
                                      .name = "kind_responses",
                                      .label = "Kind response",
                                      .type = Type::kGroup,
                                      .section = "7.4.1.2",
                                      .about = "What was written of one Kind"};
inline constexpr Field kStoreAnsKind{.filter = "relo.store_ans.kind",
                                     .name = "kind",
                                     .label = "Kind",
                                     .type = Type::kUint32,
                                     .section = "7.4.1.2",
                                     .about = "Kind of the values",
                                     .display = Display::kHex,
                                     .names = kKindNames};
inline constexpr Field kStoreAnsGeneration{.filter = "relo.store_ans.generation_counter",
                                           .name = "generation_counter",
                                           .label = "Generation counter",
                                           .type = Type::kUint64,
                                           .section = "7.4.1.2",
                                           .about = "The counter now",
                                           .replay = Replay::kOrdering};
inline constexpr Field kReplicasLength{.filter = "relo.store_ans.replicas_length",
                                       .name = "replicas_length",
                                       .label = "Replicas length",
                                       .type = Type::kUint16,
                                       .section = "7.4.1.2",
                                       .about = "Bytes of the list",
                                       .replay = Replay::kDerived};
inline constexpr Field kReplica{.filter = "relo.store_ans.replica",
                                .name = "replicas",
                                .label = "Replica",
                                .type = Type::kBytes,
                                .section = "7.4.1.2",
                                .about = "Node-ID of a peer that will hold a copy",
                                .replay = Replay::kPartyId};

struct StoreKindData {
  std::uint32_t kind = 0;
  std::uint64_t generation_counter = 0;
  std::vector<StoredData> values;
};
template <class A>
void describe(A& a, StoreKindData& m) {
  a.number(kStoreKind, m.kind);
  a.number(kStoreGeneration, m.generation_counter);
  a.prefixed(kStoreValuesLength,
             [&] { a.sequence(kStoreValue, m.values, [&](StoredData& value) { value.kind = m.kind; }); });
}

struct StoreReq {
  static constexpr std::uint16_t kCode = kStoreReqMethod.code;
  static constexpr const Field* kGroup = &kStoreReq;
  std::string resource;
  std::uint8_t replica_number = 0;
  std::vector<StoreKindData> kind_data;
};
template <class A>
void describe(A& a, StoreReq& m) {
  a.prefixed(kStoreResourceLength, [&] { a.rest(kStoreResource, m.resource); });
  a.number(kReplicaNumber, m.replica_number);
  a.prefixed(kStoreKindDataLength, [&] { a.sequence(kStoreKindData, m.kind_data); });
}

struct StoreKindResponse {
  std::uint32_t kind = 0;
  std::uint64_t generation_counter = 0;
  std::vector<NodeId> replicas;
};
template <class A>
void describe(A& a, StoreKindResponse& m) {
  a.number(kStoreAnsKind, m.kind);
  a.number(kStoreAnsGeneration, m.generation_counter);
  a.prefixed(kReplicasLength, [&] { a.strings(kReplica, m.replicas, node_id_length(a)); });
}

struct StoreAns {
  static constexpr std::uint16_t kCode = kStoreAnsMethod.code;
  static constexpr const Field* kGroup = &kStoreAns;
  std::vector<StoreKindResponse> kind_responses;
};
template <class A>
void describe(A& a, StoreAns& m) {
  a.prefixed(kStoreResponsesLength, [&] { a.sequence(kStoreResponse, m.kind_responses); });
}

}  // namespace peerscope::reload
