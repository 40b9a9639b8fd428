// SPDX-License-Identifier: GPL-2.0-or-later
// Version tags: RFC 7285 section 10.3. Binds data to one version of a resource.
//
//   { "resource-id": "nm", "tag": "v7" }
#pragma once

#include <optional>
#include <string>

#include "protocols/base/field.h"

namespace peerscope::alto {

inline constexpr Field kVtag{.filter = "alto.vtag",
                             .name = "vtag",
                             .label = "Version tag",
                             .type = Type::kGroup,
                             .section = "10.3",
                             .about = "Version of the data in this message"};
inline constexpr Field kVtagResourceId{.filter = "alto.vtag.resource_id",
                                       .name = "resource-id",
                                       .label = "Resource ID",
                                       .section = "10.3",
                                       .about = "Resource whose version this is",
                                       .replay = Replay::kAddress};
inline constexpr Field kVtagTag{.filter = "alto.vtag.tag",
                                .name = "tag",
                                .label = "Tag",
                                .section = "10.3",
                                .about = "Opaque text that changes with the content",
                                .replay = Replay::kOrdering};
inline constexpr Field kDependentVtags{.filter = "alto.dep",
                                       .name = "dependent-vtags",
                                       .label = "Depends on version",
                                       .type = Type::kGroup,
                                       .section = "11.2.3.6",
                                       .about = "Version of a resource that the data in this message is based on"};
inline constexpr Field kDepResourceId{.filter = "alto.dep.resource_id",
                                      .name = "resource-id",
                                      .label = "Resource ID",
                                      .section = "10.3",
                                      .about = "Resource that the data is based on",
                                      .replay = Replay::kAddress};
inline constexpr Field kDepTag{.filter = "alto.dep.tag",
                               .name = "tag",
                               .label = "Tag",
                               .section = "10.3",
                               .about = "Its version",
                               .replay = Replay::kOrdering};

struct VersionTag {
  std::optional<std::string> resource_id;
  std::optional<std::string> tag;
};
template <class A>
void describe(A& a, VersionTag& m) {
  a.required(kVtagResourceId, m.resource_id);
  a.required(kVtagTag, m.tag);
}

// The same object where it names what other data depends on: it has filter names of its own.
struct DependentTag {
  std::optional<std::string> resource_id;
  std::optional<std::string> tag;
};
template <class A>
void describe(A& a, DependentTag& m) {
  a.required(kDepResourceId, m.resource_id);
  a.required(kDepTag, m.tag);
}

}  // namespace peerscope::alto
