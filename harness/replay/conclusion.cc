// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/replay/conclusion.h"

#include <fmt/format.h>

#include <algorithm>

namespace peerscope::harness {

bool stop(Attempt& attempt, Verdict verdict, const std::string& reason) {
  attempt.verdict = worst(attempt.verdict, verdict);
  if (attempt.reason.empty()) attempt.reason = reason;
  return false;
}

void conclude(ReplayResult& result, Evidence& evidence, const std::vector<std::string>& secrets,
              const ClockWatch& clock) {
  Attempt& attempt = result.attempt;
  for (const std::string& line : secrets) evidence.secret(line);
  evidence.close();
  if (!evidence.error().empty()) stop(attempt, Verdict::kError, "evidence: " + evidence.error());
  attempt.flow = flow_of(evidence, attempt.hits);
  for (const RuleHit& hit : attempt.hits) {
    attempt.verdict = worst(attempt.verdict, hit.verdict);
    if (hit.verdict == Verdict::kFail && attempt.reason.empty())
      attempt.reason = fmt::format("{}: {}", hit.rule->id, hit.detail);
    if (std::find(attempt.tests.begin(), attempt.tests.end(), hit.rule->id) == attempt.tests.end())
      attempt.tests.emplace_back(hit.rule->id);
  }
  for (const Divergence& divergence : result.divergences) {
    stop(attempt, divergence.verdict, fmt::format("frame {}: {}", divergence.frame, divergence.what));
    if (!attempt.expected.empty()) continue;
    attempt.expected = divergence.expected;
    attempt.seen = divergence.seen;
    attempt.step = divergence.summary;
  }
  clock.distrust(attempt);
  attempt.seconds = clock.elapsed().count();
}

}  // namespace peerscope::harness
