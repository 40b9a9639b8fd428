// SPDX-License-Identifier: GPL-2.0-or-later
// Named answers that a scenario may use when the harness plays a server: what a plain, correct server would say. They
// know nothing of the reference roles, so that the two cannot share a mistake.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "harness/engine/survey.h"
#include "protocols/base/message.h"
#include "protocols/base/protocol.h"
#include "protocols/base/tree.h"

namespace peerscope::harness {

struct Answer {
  std::string msg;  // empty: no body
  Tree with;
  int status = 200;
};
struct Behaviour {
  std::string_view name;
  Answer (*make)(const Message& request);
};
// One per protocol, in its own file.
std::span<const Behaviour> ppstp_behaviours();
std::span<const Behaviour> alto_behaviours();
const SurveyKind& alto_survey();
std::span<const Behaviour> reload_behaviours();

// nullopt: the protocol has no behaviour of that name.
std::optional<Answer> named_answer(const Protocol& protocol, std::string_view name, const Message& request);
// Names, for lint.
bool has_behaviour(const Protocol& protocol, std::string_view name);

}  // namespace peerscope::harness
