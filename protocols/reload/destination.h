// SPDX-License-Identifier: GPL-2.0-or-later
// Destination: RFC 6940 section 6.3.2.2, an entry of Via Lists, Destination Lists and lists inside messages.
//
//   top bit set:  compact_id (2)
//   top bit 0:    type (1) | length (1) | 1 node: node_id | 2 resource: length (1) id | 3 opaque_id: length (1) id
#pragma once

#include <cstdint>
#include <string>

#include "protocols/base/field.h"
#include "protocols/reload/context.h"

namespace peerscope::reload {

inline constexpr std::uint8_t kNodeDestination = 1;
inline constexpr std::uint8_t kResourceDestination = 2;
inline constexpr std::uint8_t kOpaqueIdDestination = 3;
inline constexpr ValueName kDestinationTypeNames[] = {
    {kNodeDestination, "node"}, {kResourceDestination, "resource"}, {kOpaqueIdDestination, "opaque_id_type"}};
inline constexpr Field kCompactId{
    .filter = "relo.destination.compact_id",
    .name = "compact_id",
    .label = "Compact opaque ID",
    .type = Type::kBytes,
    .section = "6.3.2.2",
    .about = "Two bytes with the top bit set; only the node that made it knows what it means",
    .replay = Replay::kPartyId};
inline constexpr Field kDestinationType{.filter = "relo.destination.type",
                                        .name = "type",
                                        .label = "Destination type",
                                        .type = Type::kUint8,
                                        .section = "6.3.2.2",
                                        .about = "What the entry names",
                                        .names = kDestinationTypeNames};
inline constexpr Field kDestinationLength{.filter = "relo.destination.length",
                                          .name = "length",
                                          .label = "Destination length",
                                          .type = Type::kUint8,
                                          .section = "6.3.2.2",
                                          .about = "Bytes of the entry's data",
                                          .replay = Replay::kDerived};
inline constexpr Field kNodeId{.filter = "relo.destination.node_id",
                               .name = "node_id",
                               .label = "Node-ID",
                               .type = Type::kBytes,
                               .section = "6.3.2.2",
                               .about = "A node of the overlay",
                               .replay = Replay::kPartyId};
inline constexpr Field kResourceIdLength{.filter = "relo.destination.resource_id_length",
                                         .name = "resource_id_length",
                                         .label = "Resource-ID length",
                                         .type = Type::kUint8,
                                         .section = "6.3.1.1",
                                         .about = "Bytes of the Resource-ID",
                                         .replay = Replay::kDerived};
inline constexpr Field kResourceId{.filter = "relo.destination.resource_id",
                                   .name = "resource_id",
                                   .label = "Resource-ID",
                                   .type = Type::kBytes,
                                   .section = "6.3.2.2",
                                   .about = "A place in the overlay"};
inline constexpr Field kOpaqueIdLength{.filter = "relo.destination.opaque_id_length",
                                       .name = "opaque_id_length",
                                       .label = "Opaque ID length",
                                       .type = Type::kUint8,
                                       .section = "6.3.2.2",
                                       .about = "Bytes of the opaque ID",
                                       .replay = Replay::kDerived};
inline constexpr Field kOpaqueId{.filter = "relo.destination.opaque_id",
                                 .name = "opaque_id",
                                 .label = "Opaque ID",
                                 .type = Type::kBytes,
                                 .section = "6.3.2.2",
                                 .about = "Only the node that made it knows what it means",
                                 .replay = Replay::kPartyId};
inline constexpr Field kDestinationData{.filter = "relo.destination.data",
                                        .name = "data",
                                        .label = "Data",
                                        .type = Type::kBytes,
                                        .section = "6.3.2.2",
                                        .about = "Data of a type that is not known"};

struct Destination {
  std::uint8_t type = kNodeDestination;
  bool compact = false;  // the two-byte form of an opaque ID
  std::string id;        // Node-ID, Resource-ID, opaque ID, or data of another type

  static Destination node(std::string_view id) { return {kNodeDestination, false, std::string(id)}; }
  static Destination resource(std::string_view id) { return {kResourceDestination, false, std::string(id)}; }
  static Destination opaque(std::string_view id) { return {kOpaqueIdDestination, false, std::string(id)}; }
  friend bool operator==(const Destination&, const Destination&) = default;
};
template <class A>
void describe(A& a, Destination& m) {
  a.peek([&](std::string_view rest) { m.compact = !rest.empty() && (rest[0] & 0x80) != 0; });
  a.given(kCompactId, [&] { m.compact = true; });
  a.given(kResourceId, [&] { m.type = kResourceDestination; });
  a.given(kOpaqueId, [&] { m.type = kOpaqueIdDestination; });
  a.when(m.compact, [&] {
    m.type = kOpaqueIdDestination;
    a.bytes(kCompactId, m.id, 2);
  });
  a.when(!m.compact, [&] {
    a.number(kDestinationType, m.type);
    a.prefixed(kDestinationLength, [&] {
      a.when(m.type == kNodeDestination, [&] {
        a.rest(kNodeId, m.id);
        if (Walk* walk = a.template state<Walk>(); walk != nullptr) walk->learn(m.id.size());
      });
      a.when(m.type == kResourceDestination,
             [&] { a.prefixed(kResourceIdLength, [&] { a.rest(kResourceId, m.id); }); });
      a.when(m.type == kOpaqueIdDestination, [&] { a.prefixed(kOpaqueIdLength, [&] { a.rest(kOpaqueId, m.id); }); });
      a.when(m.type == 0 || m.type > kOpaqueIdDestination, [&] { a.rest(kDestinationData, m.id); });
    });
  });
}

}  // namespace peerscope::reload
