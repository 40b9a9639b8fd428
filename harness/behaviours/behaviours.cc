// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/behaviours/behaviours.h"

namespace peerscope::harness {
namespace {

// A new protocol adds one line here.
constexpr struct {
  std::string_view protocol;
  std::span<const Behaviour> (*rows)();
  const SurveyKind& (*survey)();  // null: its servers have no directory
} kProtocols[] = {
    {"ppstp", ppstp_behaviours, nullptr}, {"alto", alto_behaviours, alto_survey}, {"relo", reload_behaviours, nullptr}};

const Behaviour* find(const Protocol& protocol, std::string_view name) {
  for (const auto& one : kProtocols) {
    if (one.protocol != protocol.name) continue;
    for (const Behaviour& row : one.rows()) {
      if (row.name == name) return &row;
    }
  }
  return nullptr;
}

}  // namespace

std::optional<Answer> named_answer(const Protocol& protocol, std::string_view name, const Message& request) {
  const Behaviour* row = find(protocol, name);
  return row != nullptr ? std::optional(row->make(request)) : std::nullopt;
}

const SurveyKind* survey_kind(const Protocol& protocol) {
  for (const auto& one : kProtocols) {
    if (one.protocol == protocol.name) return one.survey != nullptr ? &one.survey() : nullptr;
  }
  return nullptr;
}

bool has_behaviour(const Protocol& protocol, std::string_view name) {
  return find(protocol, name) != nullptr;
}

}  // namespace peerscope::harness
