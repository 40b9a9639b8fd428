// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/policy.h"

#include <algorithm>

namespace peerscope::reload {

std::string multiple_name(const NodeId& node, std::uint32_t index) {
  return node.str() + static_cast<char>(index);
}

bool may_write(const KindRules& kind, std::string_view resource, const std::string* key, const SignedBy& signer,
               const ResourceIdOf& resource_id_of) {
  constexpr std::uint32_t kMostMultiples = 255;  // what one byte can say
  switch (kind.policy) {
    case Policy::kUserMatch:
      return !signer.user_name.empty() && resource_id_of(signer.user_name) == resource;
    case Policy::kNodeMatch:
      return resource_id_of(signer.node_id.view()) == resource;
    case Policy::kUserNodeMatch:
      return kind.model == DataModel::kDictionary && !signer.user_name.empty() &&
             resource_id_of(signer.user_name) == resource && (key == nullptr || *key == signer.node_id.view());
    case Policy::kNodeMultiple:
      for (std::uint32_t i = 1; i <= std::min(kind.max_node_multiple, kMostMultiples); ++i) {
        if (resource_id_of(multiple_name(signer.node_id, i)) == resource) return true;
      }
      return false;
    case Policy::kPrefixMatch:
      return kind.model == DataModel::kDictionary && (key == nullptr || key->starts_with(signer.node_id.view()));
  }
  return false;
}

}  // namespace peerscope::reload
