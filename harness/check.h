// SPDX-License-Identifier: GPL-2.0-or-later
// `check`: every rule that a capture can show, over every message in it.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "harness/capture/pdus.h"
#include "harness/engine/neighbours.h"
#include "harness/engine/verdict.h"
#include "protocols/systems/tracker_stories.h"

namespace peerscope::harness {

// Judges the messages of one capture one after the other, in its order. What it remembers of them is bounded: sessions
// of the servers seen last, each of them bounded by its protocol. Forgetting may miss a finding and never makes one.
class Checker {
 public:
  static constexpr std::size_t kMostSessions = 1000;

  // `request` is what a response answers, or null. The findings are valid until the next call.
  std::vector<RuleHit>& judge(const CapturedMessage& captured, const Message* request);

  std::size_t requests() const { return requests_; }
  std::size_t responses() const { return responses_; }
  std::size_t unanswered() const { return requests_ - answered_; }

 private:
  using Key = std::pair<const Protocol*, std::string>;  // a server, as the protocol's own
  using Sessions = std::list<std::pair<Key, std::unique_ptr<Session>>>;
  Session& session_of(const Protocol& protocol, const std::string& server);
  Examiner* examiner_of(const Protocol& protocol);

  std::size_t requests_ = 0;
  std::size_t responses_ = 0;
  std::size_t answered_ = 0;
  Sessions sessions_;  // the one used last is the first
  std::map<Key, Sessions::iterator> by_server_;
  std::map<const Protocol*, std::unique_ptr<Examiner>> examiners_;  // null: the protocol has none
  systems::TrackerStories stories_;
  std::vector<Finding> findings_;
  std::vector<RuleHit> hits_;
};

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

// The same for messages in memory.
CheckResult check_messages(const std::vector<CapturedMessage>& messages);

}  // namespace peerscope::harness
