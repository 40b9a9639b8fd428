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

inline constexpr auto kKindNames = [] {
  std::array<ValueName, kRegisteredKinds.size()> names{};
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = {kRegisteredKinds[i].id, kRegisteredKinds[i].name};
  return names;
}();

}  // namespace peerscope::reload
