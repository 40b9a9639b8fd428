// SPDX-License-Identifier: GPL-2.0-or-later
// Verdicts and exit codes (docs/architecture.md). Worst wins; nothing is ever rewritten.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/requirement.h"

namespace peerscope::harness {

// In the order of "worst wins". The last four stand beside the order: the scenario did not judge.
enum class Verdict {
  kNone,
  kPass,
  kInfo,
  kWarn,
  kXfail,  // it fails as an expectation file says
  kInconclusive,
  kFail,
  kXpass,  // it should have failed by such a file: red, so that the file does not rot
  kError,
  kNotApplicable,
  kSkipped,
  kBlocked,
  kUnstable
};
std::string_view to_string(Verdict verdict);
Verdict worst(Verdict a, Verdict b);

// What a finding means for the one who sent the message: lenient forms and observations are info, a broken SHOULD
// warns, our own defaults never fail anyone.
Verdict verdict_of(const Finding& finding);
// The same for an unmet expectation of a scenario about this row.
Verdict verdict_of(const Requirement& row);

enum ExitCode {
  kExitOk = 0,            // everything as expected
  kExitFail = 1,          // at least one fail
  kExitUsage = 2,         // usage or input
  kExitHarness = 3,       // the harness itself failed
  kExitInconclusive = 4,  // only inconclusive or blocked kept it from 0
  kExitNothing = 5,       // nothing applied
};

// A rule broken (or observed) in a run.
struct RuleHit {
  const Requirement* rule = nullptr;
  Verdict verdict = Verdict::kFail;
  std::string detail;       // what was expected and what was seen
  std::string where;        // scenario step, or message summary
  bool listed = false;      // the scenario is about this rule
  std::uint64_t frame = 0;  // in the capture that was checked, or in the evidence file
  // The bytes that break it, in the message of that frame; length 0: the message as a whole.
  std::uint32_t offset = 0;
  std::uint32_t length = 0;
  bool missing = false;  // what broke it is that nothing came after that frame
};

// For a terminal: control characters of a message, which could drive it, become \\x1b and the like. Line ends stay.
std::string printable(std::string_view text);

ExitCode exit_code(const std::vector<Verdict>& verdicts);

}  // namespace peerscope::harness
