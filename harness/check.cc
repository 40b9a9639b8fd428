// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/check.h"

#include <map>
#include <memory>
#include <set>

namespace peerscope::harness {

CheckResult check_messages(const std::vector<CapturedMessage>& messages) {
  CheckResult result;
  // One session per server: peers and transactions of different trackers have nothing to do with each other.
  std::map<std::pair<const Protocol*, std::string>, std::unique_ptr<Session>> sessions;
  std::set<std::size_t> answered;
  std::vector<Finding> findings;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const CapturedMessage& captured = messages[i];
    const Message& message = *captured.message;
    const bool response = message.direction == Direction::kResponse;
    ++(response ? result.responses : result.requests);
    const Message* request =
        captured.request == CapturedMessage::kNone ? nullptr : messages[captured.request].message.get();
    if (request != nullptr) answered.insert(captured.request);
    auto& session = sessions[{captured.protocol, response ? message.source : message.destination}];
    if (!session) session = captured.protocol->make_session();
    findings.clear();
    run_checks(*captured.protocol, {message, request, session.get()}, {}, findings);
    captured.protocol->track(*session, message, request);
    if (findings.empty()) continue;
    MessageFindings row{i, {}};
    for (const Finding& finding : findings) {
      RuleHit hit;
      hit.rule = finding.rule;
      hit.verdict = verdict_of(finding);
      hit.detail = finding.detail;
      hit.where = captured.protocol->summary(message, request);
      hit.listed = true;
      hit.frame = message.frame;
      row.hits.push_back(std::move(hit));
    }
    result.messages.push_back(std::move(row));
  }
  result.unanswered = result.requests - answered.size();
  return result;
}

}  // namespace peerscope::harness
