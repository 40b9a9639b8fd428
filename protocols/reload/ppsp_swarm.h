// SPDX-License-Identifier: GPL-2.0-or-later
// PPSP-SWARM: one peer of one swarm, as the distributed PPSP tracker registers it at the tracker that is responsible
// for the swarm. A profile of this project in the private range of Kind-IDs (docs/distributed-tracker.md): the seed,
// draft-xiao-ppsp-reload-distributed-tracker, says what is stored, not how.
//
//   entry_version (1) | mode (1) | joined (8) | length (2) swarm_id | length (2) peer_id | length (2) addrs | status
//   addr: candidate (1) | connection (1) | priority (4) | asn (4) | IpAddressPort | length (1) peer_protocol
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocols/base/field.h"
#include "protocols/reload/ip_address_port.h"
#include "protocols/reload/kind.h"
#include "protocols/reload/ppsp_status.h"

namespace peerscope::reload {

inline constexpr std::uint8_t kPpspHost = 1;
inline constexpr std::uint8_t kPpspReflexive = 2;
inline constexpr std::uint8_t kPpspProxy = 3;
inline constexpr ValueName kPpspCandidateNames[] = {
    {kPpspHost, "HOST"}, {kPpspReflexive, "REFLEXIVE"}, {kPpspProxy, "PROXY"}};
inline constexpr std::uint8_t kPpspConnectionUnknown = 0;
inline constexpr std::uint8_t kPpspWired = 1;
inline constexpr std::uint8_t kPpspWireless = 2;
inline constexpr ValueName kPpspConnectionNames[] = {
    {kPpspConnectionUnknown, "unknown"}, {kPpspWired, "wired"}, {kPpspWireless, "wireless"}};

inline constexpr Field kSwarmEntry{.filter = "relo.ppsp_swarm",
                                   .name = "swarm_entry",
                                   .label = "Swarm entry",
                                   .type = Type::kGroup,
                                   .section = "PPSP profile",
                                   .about = "A peer of a swarm"};
inline constexpr Field kSwarmEntryVersion{.filter = "relo.ppsp_swarm.entry_version",
                                          .name = "entry_version",
                                          .label = "Version",
                                          .type = Type::kUint8,
                                          .section = "PPSP profile",
                                          .about = "1; another version's content is not known"};
inline constexpr Field kSwarmMode{.filter = "relo.ppsp_swarm.mode",
                                  .name = "mode",
                                  .label = "Mode",
                                  .type = Type::kUint8,
                                  .section = "PPSP profile",
                                  .about = "peer_mode of the CONNECT",
                                  .names = kEntryModeNames};
inline constexpr Field kSwarmJoined{.filter = "relo.ppsp_swarm.joined",
                                    .name = "joined",
                                    .label = "Joined",
                                    .type = Type::kUint64,
                                    .section = "PPSP profile",
                                    .about = "When the peer joined, in ms since 1970",
                                    .replay = Replay::kTime};
inline constexpr Field kSwarmIdLength{.filter = "relo.ppsp_swarm.swarm_id_length",
                                      .name = "swarm_id_length",
                                      .label = "Swarm ID length",
                                      .type = Type::kUint16,
                                      .section = "PPSP profile",
                                      .about = "Bytes of the swarm ID",
                                      .replay = Replay::kDerived};
inline constexpr Field kEntrySwarmId{.filter = "relo.ppsp_swarm.swarm_id",
                                     .name = "swarm_id",
                                     .label = "Swarm ID",
                                     .section = "PPSP profile",
                                     .about = "swarm_id of the CONNECT"};
inline constexpr Field kSwarmPeerIdLength{.filter = "relo.ppsp_swarm.peer_id_length",
                                          .name = "peer_id_length",
                                          .label = "Peer ID length",
                                          .type = Type::kUint16,
                                          .section = "PPSP profile",
                                          .about = "Bytes of the peer ID",
                                          .replay = Replay::kDerived};
inline constexpr Field kEntryPeerId{.filter = "relo.ppsp_swarm.peer_id",
                                    .name = "peer_id",
                                    .label = "Peer ID",
                                    .section = "PPSP profile",
                                    .about = "peer_id of the CONNECT",
                                    .replay = Replay::kPartyId};
inline constexpr Field kSwarmAddrsLength{.filter = "relo.ppsp_swarm.addrs_length",
                                         .name = "addrs_length",
                                         .label = "Addresses length",
                                         .type = Type::kUint16,
                                         .section = "PPSP profile",
                                         .about = "Bytes of the addresses",
                                         .replay = Replay::kDerived};
inline constexpr Field kSwarmAddr{.filter = "relo.ppsp_addr",
                                  .name = "addrs",
                                  .label = "Address",
                                  .type = Type::kGroup,
                                  .section = "PPSP profile",
                                  .about = "Where the peer can be reached"};
inline constexpr Field kSwarmData{.filter = "relo.ppsp_swarm.data",
                                  .name = "data",
                                  .label = "Data",
                                  .type = Type::kBytes,
                                  .section = "PPSP profile",
                                  .about = "Content of a version that is not known"};

inline constexpr Field kPpspCandidate{.filter = "relo.ppsp_addr.candidate",
                                      .name = "candidate",
                                      .label = "Candidate",
                                      .type = Type::kUint8,
                                      .section = "PPSP profile",
                                      .about = "Where the address comes from: the type of the peer_addr",
                                      .names = kPpspCandidateNames};
inline constexpr Field kPpspConnection{.filter = "relo.ppsp_addr.connection",
                                       .name = "connection",
                                       .label = "Connection",
                                       .type = Type::kUint8,
                                       .section = "PPSP profile",
                                       .about = "The peer_addr's connection",
                                       .names = kPpspConnectionNames};
inline constexpr Field kPpspPriority{.filter = "relo.ppsp_addr.priority",
                                     .name = "priority",
                                     .label = "Priority",
                                     .type = Type::kUint32,
                                     .section = "PPSP profile",
                                     .about = "The peer_addr's priority"};
inline constexpr Field kPpspAsn{.filter = "relo.ppsp_addr.asn",
                                .name = "asn",
                                .label = "AS number",
                                .type = Type::kUint32,
                                .section = "PPSP profile",
                                .about = "The peer_addr's asn; 0: unknown"};
inline constexpr Field kPpspAddress{.filter = "relo.ppsp_addr.address",
                                    .name = "address",
                                    .label = "Address",
                                    .type = Type::kGroup,
                                    .section = "PPSP profile",
                                    .about = "Address and port"};
inline constexpr Field kPeerProtocolLength{.filter = "relo.ppsp_addr.peer_protocol_length",
                                           .name = "peer_protocol_length",
                                           .label = "Peer protocol length",
                                           .type = Type::kUint8,
                                           .section = "PPSP profile",
                                           .about = "Bytes of the name",
                                           .replay = Replay::kDerived};
inline constexpr Field kPpspPeerProtocol{.filter = "relo.ppsp_addr.peer_protocol",
                                         .name = "peer_protocol",
                                         .label = "Peer protocol",
                                         .section = "PPSP profile",
                                         .about = "The peer_addr's peer_protocol; empty: not given"};

struct PpspAddr {
  std::uint8_t candidate = kPpspHost;
  std::uint8_t connection = kPpspConnectionUnknown;
  std::uint32_t priority = 0;
  std::uint32_t asn = 0;
  IpAddressPort address;
  std::string peer_protocol;
};
template <class A>
void describe(A& a, PpspAddr& m) {
  a.number(kPpspCandidate, m.candidate);
  a.number(kPpspConnection, m.connection);
  a.number(kPpspPriority, m.priority);
  a.number(kPpspAsn, m.asn);
  a.structure(kPpspAddress, m.address);
  a.prefixed(kPeerProtocolLength, [&] { a.rest(kPpspPeerProtocol, m.peer_protocol); });
}

struct SwarmEntry {
  static constexpr std::uint32_t kCode = kPpspSwarmKind;
  static constexpr const Field* kGroup = &kSwarmEntry;
  std::uint8_t entry_version = kStatusVersion;
  std::uint8_t mode = kLeechEntry;
  std::uint64_t joined = 0;  // ms since 1970
  std::string swarm_id;
  std::string peer_id;
  std::vector<PpspAddr> addrs;
  PpspStatus status;
  std::string data;  // of versions that are not known
};
template <class A>
void describe(A& a, SwarmEntry& m) {
  a.number(kSwarmEntryVersion, m.entry_version);
  a.when(m.entry_version == kStatusVersion, [&] {
    a.number(kSwarmMode, m.mode);
    a.number(kSwarmJoined, m.joined);
    a.prefixed(kSwarmIdLength, [&] { a.rest(kEntrySwarmId, m.swarm_id); });
    a.prefixed(kSwarmPeerIdLength, [&] { a.rest(kEntryPeerId, m.peer_id); });
    a.prefixed(kSwarmAddrsLength, [&] { a.sequence(kSwarmAddr, m.addrs); });
    a.structure(kPpspStatus, m.status);
  });
  a.when(m.entry_version != kStatusVersion, [&] { a.rest(kSwarmData, m.data); });
}

}  // namespace peerscope::reload
