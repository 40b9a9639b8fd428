// SPDX-License-Identifier: GPL-2.0-or-later
// ACCESS-CONTROL-LIST: RFC 8076 sections 3.2 and 4.2. Who may write a shared resource. Whether the name extension is
// there depends on the overlay's configuration and is not on the wire: it is taken when the value reads exactly that
// way.
//
//   [ type (1) | length (2) | length (2) resource_name ] | length (2) to_user | kind (4) | allow_delegation (1)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocols/base/field.h"
#include "protocols/reload/kind.h"

namespace peerscope::reload {

inline constexpr std::uint8_t kNamePattern = 1;
inline constexpr ValueName kNameTypeNames[] = {{kNamePattern, "pattern"}};
inline constexpr Field kAclItem{.filter = "relo.acl",
                                .name = "access_control_list_item",
                                .label = "Access control list item",
                                .type = Type::kGroup,
                                .section = "RFC 8076, 4.2",
                                .about = "Right to write a Kind of a shared resource"};
inline constexpr Field kNameExtension{.filter = "relo.acl.res_name_ext",
                                      .name = "res_name_ext",
                                      .label = "Resource name extension",
                                      .type = Type::kGroup,
                                      .section = "RFC 8076, 3.2",
                                      .about = "The name of a resource whose name may vary"};
inline constexpr Field kNameType{.filter = "relo.acl.name_type",
                                 .name = "type",
                                 .label = "Type",
                                 .type = Type::kUint8,
                                 .section = "RFC 8076, 3.2",
                                 .about = "How the name is bound to the user",
                                 .names = kNameTypeNames};
inline constexpr Field kNameLength{.filter = "relo.acl.name_extension_length",
                                   .name = "length",
                                   .label = "Length",
                                   .type = Type::kUint16,
                                   .section = "RFC 8076, 3.2",
                                   .about = "Bytes that follow",
                                   .replay = Replay::kDerived};
inline constexpr Field kResourceNameLength{.filter = "relo.acl.resource_name_length",
                                           .name = "resource_name_length",
                                           .label = "Resource name length",
                                           .type = Type::kUint16,
                                           .section = "RFC 8076, 3.2",
                                           .about = "Bytes of the name",
                                           .replay = Replay::kDerived};
inline constexpr Field kResourceName{.filter = "relo.acl.resource_name",
                                     .name = "resource_name",
                                     .label = "Resource name",
                                     .section = "RFC 8076, 3.2",
                                     .about = "Hashes to the Resource-ID"};
inline constexpr Field kNameData{.filter = "relo.acl.name_data",
                                 .name = "data",
                                 .label = "Data",
                                 .type = Type::kBytes,
                                 .section = "RFC 8076, 3.2",
                                 .about = "Content of a type that is not known"};
inline constexpr Field kToUserLength{.filter = "relo.acl.to_user_length",
                                     .name = "to_user_length",
                                     .label = "User length",
                                     .type = Type::kUint16,
                                     .section = "RFC 8076, 4.2",
                                     .about = "Bytes of the user name",
                                     .replay = Replay::kDerived};
inline constexpr Field kToUser{.filter = "relo.acl.to_user",
                               .name = "to_user",
                               .label = "To user",
                               .section = "RFC 8076, 4.2",
                               .about = "User who gets the right"};
inline constexpr Field kAclKind{.filter = "relo.acl.kind",
                                .name = "kind",
                                .label = "Kind",
                                .type = Type::kUint32,
                                .section = "RFC 8076, 4.2",
                                .about = "Kind that may be written",
                                .display = Display::kHex,
                                .names = kKindNames};
inline constexpr Field kAllowDelegation{.filter = "relo.acl.allow_delegation",
                                        .name = "allow_delegation",
                                        .label = "Allow delegation",
                                        .type = Type::kBoolean,
                                        .section = "RFC 8076, 4.2",
                                        .about = "The user may pass the right on"};

struct ResourceNameExtension {
  std::uint8_t type = kNamePattern;
  std::string resource_name;  // or data of a type that is not known
};
template <class A>
void describe(A& a, ResourceNameExtension& m) {
  a.number(kNameType, m.type);
  a.prefixed(kNameLength, [&] {
    a.when(m.type == kNamePattern,
           [&] { a.prefixed(kResourceNameLength, [&] { a.rest(kResourceName, m.resource_name); }); });
    a.when(m.type != kNamePattern, [&] { a.rest(kNameData, m.resource_name); });
  });
}

// Whether a value begins with the name extension.
bool has_name_extension(std::string_view value);

struct AccessControlListItem {
  static constexpr std::uint32_t kCode = kAccessControlListKind;
  static constexpr const Field* kGroup = &kAclItem;
  bool has_name = false;
  ResourceNameExtension name;
  std::string to_user;
  std::uint32_t kind = 0;
  bool allow_delegation = false;
};
template <class A>
void describe(A& a, AccessControlListItem& m) {
  a.peek([&](std::string_view rest) { m.has_name = has_name_extension(rest); });
  a.given(kNameExtension, [&] { m.has_name = true; });
  a.when(m.has_name, [&] { a.structure(kNameExtension, m.name); });
  a.prefixed(kToUserLength, [&] { a.rest(kToUser, m.to_user); });
  a.number(kAclKind, m.kind);
  a.number(kAllowDelegation, m.allow_delegation);
}

}  // namespace peerscope::reload
