// SPDX-License-Identifier: GPL-2.0-or-later
// `record`: a scenario from captured messages, for authors to edit. It asks the implementation under test what the
// capture's clients asked, and expects the kinds of answers that they got.
//
// Identifiers of parties become variables; what the engine fills in (transaction IDs, lengths, signatures) is left out.
// A message that the description cannot say again goes out byte by byte. Limits: the implementation under test is the
// server, or the node that was asked first; values of a server's own data (PIDs, addresses) stay as captured.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "harness/capture/pdus.h"

namespace peerscope::harness {

struct RecordedScenario {
  std::string text;   // YAML
  std::string error;  // for people; no text then
  std::size_t steps = 0;
  std::size_t raw = 0;  // of them byte by byte
};

struct RecordOptions {
  std::string id;                     // without its protocol: "my-capture"
  std::string origin;                 // what the scenario says of where it comes from
  const Requirement* rule = nullptr;  // what it is about; null: what each answer shows
};
RecordedScenario record_scenario(const std::vector<CapturedMessage>& messages, const RecordOptions& options);

}  // namespace peerscope::harness
