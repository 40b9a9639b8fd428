// SPDX-License-Identifier: GPL-2.0-or-later
// Kinds by registry and configuration.
#include "protocols/reload/context.h"

#include <fmt/format.h>

#include <span>

namespace peerscope::reload {

namespace {

const RegisteredKind* row_of(std::span<const RegisteredKind> table, std::uint32_t kind) {
  for (const RegisteredKind& row : table) {
    if (row.id == kind) return &row;
  }
  return nullptr;
}

DataModel model_in(std::span<const RegisteredKind> table, std::uint32_t kind) {
  const RegisteredKind* row = row_of(table, kind);
  return row == nullptr ? DataModel::kUnknown : row->model;
}

}  // namespace

DataModel registered_model(std::uint32_t kind) {
  return model_in(kRegisteredKinds, kind);
}

DataModel default_model(std::uint32_t kind) {
  const DataModel model = registered_model(kind);
  return model != DataModel::kUnknown ? model : model_in(kProfileKinds, kind);
}

DataModel Context::model_of(std::uint32_t kind) const {
  if (const DataModel model = registered_model(kind); model != DataModel::kUnknown) return model;
  const auto found = kinds.find(kind);
  return found != kinds.end() && found->second.model != DataModel::kUnknown ? found->second.model : default_model(kind);
}

std::string Context::name_of(std::uint32_t kind) const {
  if (const RegisteredKind* row = row_of(kRegisteredKinds, kind); row != nullptr) return row->name;
  const auto found = kinds.find(kind);
  if (found != kinds.end() && !found->second.name.empty()) return found->second.name;
  const RegisteredKind* row = row_of(kProfileKinds, kind);
  return row != nullptr ? row->name : fmt::format("{:#x}", kind);
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
