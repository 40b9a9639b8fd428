// SPDX-License-Identifier: GPL-2.0-or-later
// Kinds: the types of stored data (RFC 6940 sections 7.1 and 7.4.2, and the IANA registry). The data model is not on
// the wire: it comes from the Kind.
#pragma once

#include <array>
#include <cstdint>

#include "protocols/base/field.h"

namespace peerscope::reload {

enum class DataModel : std::uint8_t { kUnknown, kSingle, kArray, kDictionary };

inline constexpr std::uint32_t kSipRegistrationKind = 0x1;
inline constexpr std::uint32_t kTurnServiceKind = 0x2;
inline constexpr std::uint32_t kCertificateByNodeKind = 0x3;
inline constexpr std::uint32_t kAccessControlListKind = 0x4;
inline constexpr std::uint32_t kCertificateByUserKind = 0x10;
inline constexpr std::uint32_t kRedirKind = 0x104;
inline constexpr std::uint32_t kCoapRegistrationKind = 0x105;
inline constexpr std::uint32_t kCoapCachingKind = 0x106;
inline constexpr std::uint32_t kPpspSwarmKind = 0xf0005001;
inline constexpr std::uint32_t kPpspPeerStatusKind = 0xf0005002;

// A row of the IANA registry. `policy` is the access control policy's name.
struct RegisteredKind {
  std::uint32_t id;
  const char* name;
  DataModel model;
  const char* policy;
};
inline constexpr std::array<RegisteredKind, 8> kRegisteredKinds = {{
    {kSipRegistrationKind, "SIP-REGISTRATION", DataModel::kDictionary, "USER-NODE-MATCH"},
    {kTurnServiceKind, "TURN-SERVICE", DataModel::kSingle, "NODE-MULTIPLE"},
    {kCertificateByNodeKind, "CERTIFICATE_BY_NODE", DataModel::kArray, "NODE-MATCH"},
    {kAccessControlListKind, "ACCESS-CONTROL-LIST", DataModel::kArray, "USER-CHAIN-ACL"},
    {kCertificateByUserKind, "CERTIFICATE_BY_USER", DataModel::kArray, "USER-MATCH"},
    {kRedirKind, "REDIR", DataModel::kDictionary, "NODE-ID-MATCH"},
    {kCoapRegistrationKind, "CoAP-REGISTRATION", DataModel::kDictionary, "URI-NODE-MATCH"},
    {kCoapCachingKind, "CoAP-CACHING", DataModel::kSingle, "URI-MATCH"},
}};

// Access control of the Kinds below: the dictionary key begins with the Node-ID of whoever signs the value.
inline constexpr const char* kPpspPrefixMatch = "PPSP-PREFIX-MATCH";
// Kinds of our own profiles, in the private range: a configuration document that gives such a number to another Kind
// wins. The distributed PPSP tracker (docs/distributed-tracker.md).
inline constexpr std::array<RegisteredKind, 2> kProfileKinds = {{
    {kPpspSwarmKind, "PPSP-SWARM", DataModel::kDictionary, kPpspPrefixMatch},
    {kPpspPeerStatusKind, "PPSP-PEER-STATUS", DataModel::kDictionary, kPpspPrefixMatch},
}};

inline constexpr auto kKindNames = [] {
  std::array<ValueName, kRegisteredKinds.size() + kProfileKinds.size()> names{};
  std::size_t size = 0;
  for (const RegisteredKind& row : kRegisteredKinds) names[size++] = {row.id, row.name};
  for (const RegisteredKind& row : kProfileKinds) names[size++] = {row.id, row.name};
  return names;
}();

}  // namespace peerscope::reload
