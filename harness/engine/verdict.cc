// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace peerscope::harness {

std::string_view to_string(Verdict verdict) {
  static constexpr std::array<std::string_view, 13> kNames = {
      "none",  "pass",  "info",           "warn",    "xfail",   "inconclusive", "fail",
      "xpass", "error", "not-applicable", "skipped", "blocked", "unstable"};
  return kNames[static_cast<std::size_t>(verdict)];
}

Verdict worst(Verdict a, Verdict b) {
  return std::max(a, b);
}

Verdict verdict_of(const Requirement& row) {
  if (row.informational) return Verdict::kInfo;
  switch (row.level) {
    case Level::kMust:
    case Level::kMustNot:
    case Level::kGrammar:
      return Verdict::kFail;
    case Level::kShould:
    case Level::kShouldNot:
    case Level::kRule:
      return Verdict::kWarn;
    default:
      return Verdict::kInfo;
  }
}

Verdict verdict_of(const Finding& finding) {
  return finding.severity <= Severity::kNote ? Verdict::kInfo : verdict_of(*finding.rule);
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    if ((c < 0x20 && c != '\n') || c == 0x7f)
      out += fmt::format("\\x{:02x}", c);
    else if (c == 0xc2 && next >= 0x80 && next < 0xa0)  // U+0080 to U+009F
      out += fmt::format("\\x{:02x}", next), ++i;
    else
      out += text[i];
  }
  return out;
}

ExitCode exit_code(const std::vector<Verdict>& verdicts) {
  bool judged = false;
  bool fail = false;
  bool error = false;
  bool open = false;
  for (const Verdict verdict : verdicts) {
    judged = judged || (verdict != Verdict::kNotApplicable && verdict != Verdict::kSkipped);
    fail = fail || verdict == Verdict::kFail || verdict == Verdict::kXpass;
    error = error || verdict == Verdict::kError;
    open = open || verdict == Verdict::kInconclusive || verdict == Verdict::kBlocked;
  }
  if (error) return kExitHarness;
  if (fail) return kExitFail;
  if (open) return kExitInconclusive;
  return judged ? kExitOk : kExitNothing;
}

}  // namespace peerscope::harness
