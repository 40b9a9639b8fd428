// SPDX-License-Identifier: GPL-2.0-or-later
// ConfigUpdate: RFC 6940 section 6.5.4. Carries a configuration document or Kind definitions.
//
//   type (1) | length (4) | 1 config: length (3) config_data | 2 kind: length (3) { length (2) kind-block }
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocols/base/field.h"
#include "protocols/reload/method.h"

namespace peerscope::reload {

inline constexpr std::uint8_t kConfigDocument = 1;
inline constexpr std::uint8_t kKindDefinitions = 2;
inline constexpr ValueName kConfigUpdateTypeNames[] = {{kConfigDocument, "config"}, {kKindDefinitions, "kind"}};
inline constexpr Field kConfigUpdateReq{.filter = "relo.config_update_req",
                                        .name = "config_update_req",
                                        .label = "ConfigUpdateReq",
                                        .type = Type::kGroup,
                                        .section = "6.5.4.1",
                                        .about = "A newer configuration, or Kinds"};
inline constexpr Field kConfigUpdateType{.filter = "relo.config_update_req.type",
                                         .name = "type",
                                         .label = "Type",
                                         .type = Type::kUint8,
                                         .section = "6.5.4.1",
                                         .about = "What the message carries",
                                         .names = kConfigUpdateTypeNames};
inline constexpr Field kConfigUpdateLength{.filter = "relo.config_update_req.length",
                                           .name = "length",
                                           .label = "Length",
                                           .type = Type::kUint32,
                                           .section = "6.5.4.1",
                                           .about = "Bytes that follow",
                                           .replay = Replay::kDerived};
inline constexpr Field kConfigDataLength{.filter = "relo.config_update_req.config_data_length",
                                         .name = "config_data_length",
                                         .label = "Configuration length",
                                         .type = Type::kUint24,
                                         .section = "6.5.4.1",
                                         .about = "Bytes of the document",
                                         .replay = Replay::kDerived};
inline constexpr Field kConfigData{.filter = "relo.config_update_req.config_data",
                                   .name = "config_data",
                                   .label = "Configuration",
                                   .section = "6.5.4.1",
                                   .about = "The configuration document, XML"};
inline constexpr Field kKindsLength{.filter = "relo.config_update_req.kinds_length",
                                    .name = "kinds_length",
                                    .label = "Kinds length",
                                    .type = Type::kUint24,
                                    .section = "6.5.4.1",
                                    .about = "Bytes of the list",
                                    .replay = Replay::kDerived};
inline constexpr Field kKindDescription{.filter = "relo.config_update_req.kind",
                                        .name = "kinds",
                                        .label = "Kind",
                                        .type = Type::kGroup,
                                        .section = "6.5.4.1",
                                        .about = "Definition of one Kind"};
inline constexpr Field kKindBlockLength{.filter = "relo.config_update_req.kind_block_length",
                                        .name = "kind_block_length",
                                        .label = "Kind block length",
                                        .type = Type::kUint16,
                                        .section = "6.5.4.1",
                                        .about = "Bytes of the definition",
                                        .replay = Replay::kDerived};
inline constexpr Field kKindBlock{.filter = "relo.config_update_req.kind_block",
                                  .name = "kind_block",
                                  .label = "Kind block",
                                  .section = "6.5.4.1",
                                  .about = "A kind-block element, XML"};
inline constexpr Field kConfigUpdateData{.filter = "relo.config_update_req.data",
                                         .name = "data",
                                         .label = "Data",
                                         .type = Type::kBytes,
                                         .section = "6.5.4.1",
                                         .about = "Content of a type that is not known"};
inline constexpr Field kConfigUpdateAns{.filter = "relo.config_update_ans",
                                        .name = "config_update_ans",
                                        .label = "ConfigUpdateAns",
                                        .type = Type::kGroup,
                                        .section = "6.5.4.2",
                                        .about = "The update was taken"};

struct KindDescription {
  std::string kind_block;
};
template <class A>
void describe(A& a, KindDescription& m) {
  a.prefixed(kKindBlockLength, [&] { a.rest(kKindBlock, m.kind_block); });
}

struct ConfigUpdateReq {
  static constexpr std::uint16_t kCode = kConfigUpdateReqMethod.code;
  static constexpr const Field* kGroup = &kConfigUpdateReq;
  std::uint8_t type = kConfigDocument;
  std::string config_data;  // or data of a type that is not known
  std::vector<KindDescription> kinds;
};
template <class A>
void describe(A& a, ConfigUpdateReq& m) {
  a.given(kKindDescription, [&] { m.type = kKindDefinitions; });
  a.number(kConfigUpdateType, m.type);
  a.prefixed(kConfigUpdateLength, [&] {
    a.when(m.type == kConfigDocument,
           [&] { a.prefixed(kConfigDataLength, [&] { a.rest(kConfigData, m.config_data); }); });
    a.when(m.type == kKindDefinitions,
           [&] { a.prefixed(kKindsLength, [&] { a.sequence(kKindDescription, m.kinds); }); });
    a.when(m.type == 0 || m.type > kKindDefinitions, [&] { a.rest(kConfigUpdateData, m.config_data); });
  });
}

struct ConfigUpdateAns {
  static constexpr std::uint16_t kCode = kConfigUpdateAnsMethod.code;
  static constexpr const Field* kGroup = &kConfigUpdateAns;
};
template <class A>
void describe(A&, ConfigUpdateAns&) {}

}  // namespace peerscope::reload
