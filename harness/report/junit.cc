// SPDX-License-Identifier: GPL-2.0-or-later
// JUnit from a results file: the same as a run writes beside it.
#include "harness/report/results.h"
#include "harness/report/run_record.h"
#include "protocols/base/protocol.h"

namespace peerscope::harness {
namespace {

Attempt attempt_of(const RecordedCase& one) {
  Attempt attempt;
  attempt.scenario = one.scenario;
  attempt.permutation = one.params;
  attempt.attempt = one.attempts;
  attempt.verdict = one.verdict;
  attempt.reason = one.reason;
  attempt.expected = one.expected;
  attempt.seen = one.seen;
  attempt.seconds = one.seconds;
  for (const RecordedHit& from : one.hits) {
    RuleHit hit;
    hit.rule = find_requirement(from.rule);
    if (hit.rule == nullptr) continue;  // of a later version
    hit.verdict = from.verdict;
    hit.detail = from.detail;
    hit.where = from.where;
    attempt.hits.push_back(std::move(hit));
  }
  return attempt;
}

}  // namespace

std::string to_junit(const RunRecord& run) {
  std::vector<JunitCase> cases;
  for (const RecordedCase& one : run.cases) cases.push_back({attempt_of(one), one.verdict});
  std::vector<RequirementResult> requirements;
  for (const RecordedRequirement& row : run.requirements) {
    if (const Requirement* rule = find_requirement(row.id); rule != nullptr)
      requirements.push_back({rule, row.verdict, row.hits, row.example});
  }
  return junit_text(run.iut, cases, requirements);
}

}  // namespace peerscope::harness
