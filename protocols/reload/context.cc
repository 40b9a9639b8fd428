// SPDX-License-Identifier: GPL-2.0-or-later
// Kinds by registry and configuration.
#include "protocols/reload/context.h"

#include <fmt/format.h>

namespace peerscope::reload {

DataModel registered_model(std::uint32_t kind) {
  for (const RegisteredKind& row : kRegisteredKinds) {
    if (row.id == kind) return row.model;
  }
  return DataModel::kUnknown;
}

DataModel Context::model_of(std::uint32_t kind) const {
  if (const DataModel model = registered_model(kind); model != DataModel::kUnknown) return model;
  const auto found = kinds.find(kind);
  return found == kinds.end() ? DataModel::kUnknown : found->second.model;
}

std::string Context::name_of(std::uint32_t kind) const {
  for (const RegisteredKind& row : kRegisteredKinds) {
    if (row.id == kind) return row.name;
  }
  const auto found = kinds.find(kind);
  return found != kinds.end() && !found->second.name.empty() ? found->second.name : fmt::format("{:#x}", kind);
}

bool Context::is_shared(std::uint32_t kind) const {
  const auto found = kinds.find(kind);
  return found != kinds.end() && found->second.shared;
}

std::optional<bool> Context::has_variable_names(std::uint32_t kind) const {
  const auto found = kinds.find(kind);
  return found == kinds.end() ? std::nullopt : found->second.variable_names;
}

}  // namespace peerscope::reload
