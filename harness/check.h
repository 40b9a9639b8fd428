// SPDX-License-Identifier: GPL-2.0-or-later
// `check`: every rule that a capture can show, over every message in it.
#pragma once

#include <string>
#include <vector>

#include "harness/capture/pdus.h"
#include "harness/engine/verdict.h"

namespace peerscope::harness {

struct MessageFindings {
  std::size_t message;  // index in the capture
  std::vector<RuleHit> hits;
};

struct CheckResult {
  std::vector<MessageFindings> messages;  // those with findings, in the order of the capture
  std::size_t requests = 0;
  std::size_t responses = 0;
  std::size_t unanswered = 0;
};

CheckResult check_messages(const std::vector<CapturedMessage>& messages);

}  // namespace peerscope::harness
