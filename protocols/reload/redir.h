// SPDX-License-Identifier: GPL-2.0-or-later
// REDIR: RFC 7374 section 4.2. A provider of a service, in a node of the tree that ReDiR keeps.
//
//   type (1) | length (2) destination_list | length (2) namespace | level (2) | node (2) | length (2) extension
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocols/base/field.h"
#include "protocols/reload/destination.h"

namespace peerscope::reload {

inline constexpr Field kRedir{.filter = "relo.redir",
                              .name = "redir_service_provider",
                              .label = "ReDiR service provider",
                              .type = Type::kGroup,
                              .section = "RFC 7374, 4.2",
                              .about = "A provider of a service"};
inline constexpr Field kRedirType{.filter = "relo.redir.type",
                                  .name = "type",
                                  .label = "Extension type",
                                  .type = Type::kUint8,
                                  .section = "RFC 7374, 4.2",
                                  .about = "Type of the extension; 0: none"};
inline constexpr Field kRedirDestinationsLength{.filter = "relo.redir.destination_list_length",
                                                .name = "destination_list_length",
                                                .label = "Destination List length",
                                                .type = Type::kUint16,
                                                .section = "RFC 7374, 4.2",
                                                .about = "Bytes of the list",
                                                .replay = Replay::kDerived};
inline constexpr Field kRedirDestination{.filter = "relo.redir.destination",
                                         .name = "destination_list",
                                         .label = "Destination",
                                         .type = Type::kGroup,
                                         .section = "RFC 7374, 4.2",
                                         .about = "The way to the provider"};
inline constexpr Field kRedirNamespaceLength{.filter = "relo.redir.namespace_length",
                                             .name = "namespace_length",
                                             .label = "Namespace length",
                                             .type = Type::kUint16,
                                             .section = "RFC 7374, 4.2",
                                             .about = "Bytes of the namespace",
                                             .replay = Replay::kDerived};
inline constexpr Field kRedirNamespace{.filter = "relo.redir.namespace",
                                       .name = "namespace",
                                       .label = "Namespace",
                                       .section = "RFC 7374, 4.2",
                                       .about = "Name of the service"};
inline constexpr Field kRedirLevel{.filter = "relo.redir.level",
                                   .name = "level",
                                   .label = "Level",
                                   .type = Type::kUint16,
                                   .section = "RFC 7374, 4.2",
                                   .about = "Level in the tree"};
inline constexpr Field kRedirNode{.filter = "relo.redir.node",
                                  .name = "node",
                                  .label = "Node",
                                  .type = Type::kUint16,
                                  .section = "RFC 7374, 4.2",
                                  .about = "Node of the level"};
inline constexpr Field kRedirLength{.filter = "relo.redir.length",
                                    .name = "length",
                                    .label = "Extension length",
                                    .type = Type::kUint16,
                                    .section = "RFC 7374, 4.2",
                                    .about = "Bytes of the extension",
                                    .replay = Replay::kDerived};
inline constexpr Field kRedirExtension{.filter = "relo.redir.extension",
                                       .name = "extension",
                                       .label = "Extension",
                                       .type = Type::kBytes,
                                       .section = "RFC 7374, 4.2",
                                       .about = "Content of the extension"};

struct RedirServiceProvider {
  static constexpr std::uint32_t kCode = kRedirKind;
  static constexpr const Field* kGroup = &kRedir;
  std::uint8_t type = 0;
  std::vector<Destination> destination_list;
  std::string name_space;
  std::uint16_t level = 0;
  std::uint16_t node = 0;
  std::string extension;
};
template <class A>
void describe(A& a, RedirServiceProvider& m) {
  a.number(kRedirType, m.type);
  a.prefixed(kRedirDestinationsLength, [&] { a.sequence(kRedirDestination, m.destination_list); });
  a.prefixed(kRedirNamespaceLength, [&] { a.rest(kRedirNamespace, m.name_space); });
  a.number(kRedirLevel, m.level);
  a.number(kRedirNode, m.node);
  a.prefixed(kRedirLength, [&] { a.rest(kRedirExtension, m.extension); });
}

}  // namespace peerscope::reload
