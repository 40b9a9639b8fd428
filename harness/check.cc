// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/check.h"

namespace peerscope::harness {

std::vector<RuleHit>& Checker::judge(const CapturedMessage& captured, const Message* request) {
  const Message& message = *captured.message;
  const Protocol& protocol = *captured.protocol;
  const bool response = message.direction == Direction::kResponse;
  const bool continues = message.transport.part > 0;  // counted with the first part of its body
  if (response && !continues) ++responses_;
  if (message.direction == Direction::kRequest) ++requests_;  // parts and acknowledgements are neither
  if (request != nullptr && !continues) ++answered_;
  Session& session = session_of(protocol, response ? message.source : message.destination);
  findings_.clear();
  hits_.clear();
  run_checks(protocol, {message, request, &session}, {}, findings_);
  if (Examiner* examiner = examiner_of(protocol); examiner != nullptr) examiner->examine(message, request, findings_);
  protocol.track(session, message, request);
  stories_.look(protocol, message, request, findings_);
  for (Finding& finding : findings_) {
    RuleHit& hit = hits_.emplace_back();
    hit.rule = finding.rule;
    hit.verdict = verdict_of(finding);
    hit.detail = std::move(finding.detail);
    hit.where = protocol.summary(message, request);
    hit.listed = true;
    hit.frame = message.frame;
    hit.offset = finding.offset;
    hit.length = finding.length;
  }
  return hits_;
}

Examiner* Checker::examiner_of(const Protocol& protocol) {
  const auto [at, fresh] = examiners_.try_emplace(&protocol);
  const NeighbourRules* rules = fresh ? neighbour_rules(protocol) : nullptr;
  if (rules != nullptr) at->second = rules->make_examiner();
  return at->second.get();
}

// One session per server: peers and transactions of different trackers have nothing to do with each other.
Session& Checker::session_of(const Protocol& protocol, const std::string& server) {
  Key key{&protocol, protocol.shared_session ? std::string() : server};
  if (const auto found = by_server_.find(key); found != by_server_.end()) {
    sessions_.splice(sessions_.begin(), sessions_, found->second);
    return *found->second->second;
  }
  if (sessions_.size() >= kMostSessions) {
    by_server_.erase(sessions_.back().first);
    sessions_.pop_back();
  }
  sessions_.emplace_front(key, protocol.make_session());
  by_server_.emplace(std::move(key), sessions_.begin());
  return *sessions_.front().second;
}

CheckResult check_messages(const std::vector<CapturedMessage>& messages) {
  CheckResult result;
  Checker checker;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const std::size_t asked = messages[i].request;
    std::vector<RuleHit>& hits =
        checker.judge(messages[i], asked == CapturedMessage::kNone ? nullptr : messages[asked].message.get());
    if (!hits.empty()) result.messages.push_back({i, std::move(hits)});
  }
  result.requests = checker.requests();
  result.responses = checker.responses();
  result.unanswered = checker.unanswered();
  return result;
}

}  // namespace peerscope::harness
