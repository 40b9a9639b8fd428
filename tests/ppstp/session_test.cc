// SPDX-License-Identifier: GPL-2.0-or-later
// What a session may conclude from the order in which messages cross the wire: a race is nobody's fault.
#include "protocols/ppstp/session.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "protocols/ppstp/protocol.h"

namespace peerscope::ppstp {
namespace {

class PpstpSessionOrder : public testing::Test {
 protected:
  // The request crosses the wire. `source` is the connection's end.
  const Message* ask(const std::string& body, const std::string& source = "192.0.2.1:40000") {
    return cross(fmt::format(R"({{"PPSPTrackerProtocol":{{"version":1,{}}}}})", body), Direction::kRequest, source,
                 nullptr);
  }
  const Message* connect(const std::string& peer, const std::string& tid, const std::string& actions,
                         const std::string& source = "192.0.2.1:40000") {
    return ask(fmt::format(
                   R"("request_type":"CONNECT","transaction_id":"{}","peer_id":"{}","connect":{{"swarm_action":[{}]}})",
                   tid, peer, actions),
               source);
  }
  const Message* find(const std::string& peer, const std::string& tid, const std::string& swarm = "s") {
    return ask(fmt::format(R"("request_type":"FIND","transaction_id":"{}","peer_id":"{}","find":{{"swarm_id":"{}"}})",
                           tid, peer, swarm),
               "192.0.2.2:40000");
  }
  static std::string action(const char* verb, const char* swarm = "s") {
    return fmt::format(R"({{"swarm_id":"{}","action":"{}","peer_mode":"SEEDER"}})", swarm, verb);
  }
  void done(const Message* request) { answer(request, R"("swarm_result":[{"swarm_id":"s","result":0}])"); }
  // The tracker's list of swarm s holds `peer`.
  void lists(const Message* request, const std::string& peer) {
    answer(request,
           fmt::format(R"("swarm_result":[{{"swarm_id":"s","result":0,"peer_group":{{"peer_info":[{{"peer_id":"{}",)"
                       R"("peer_addr":{{"ip_address":{{"address_type":"ipv4","address":"192.0.2.9"}},"port":1,)"
                       R"("priority":1,"type":"HOST"}}}}]}}}}])",
                       peer));
  }
  void answer(const Message* request, const std::string& rest) {
    cross(fmt::format(R"({{"PPSPTrackerProtocol":{{"version":1,"response_type":0,"error_code":0,)"
                      R"("transaction_id":"{}",{}}}}})",
                      *request_of(*request)->transaction_id, rest),
          Direction::kResponse, "192.0.2.80:80", request);
  }
  void garbage(const Message* request) { cross("garbage", Direction::kResponse, "192.0.2.80:80", request); }

  // Findings of the last message under the rule's id.
  std::vector<Finding> found(std::string_view rule) const {
    std::vector<Finding> out;
    for (const Finding& finding : findings_) {
      if (finding.rule->id == rule) out.push_back(finding);
    }
    return out;
  }

  // Those that no later step of the test refers to.
  void forget_messages() { messages_.clear(); }

  SessionState state_;

 private:
  const Message* cross(const std::string& bytes, Direction direction, const std::string& source,
                       const Message* request) {
    auto message = std::make_unique<Message>();
    message->direction = direction;
    message->source = source;
    message->time_ns = ++now_;
    decode(bytes, *message);
    findings_.clear();
    run_checks(protocol(), {*message, request, &state_}, {}, findings_);
    track(state_, *message, request);
    messages_.push_back(std::move(message));
    return messages_.back().get();
  }

  std::int64_t now_ = 0;
  std::vector<std::unique_ptr<Message>> messages_;
  std::vector<Finding> findings_;
};

TEST_F(PpstpSessionOrder, APeerThatLeftAndIsListedIsAFinding) {
  done(connect("A", "a1", action("JOIN")));
  done(connect("A", "a2", action("LEAVE")));
  lists(find("B", "b1"), "A");
  EXPECT_EQ(found("P-CONN-22").size(), 1U);
}

TEST_F(PpstpSessionOrder, ARejoinUnderWayMayBeListed) {
  done(connect("A", "a1", action("JOIN")));
  done(connect("A", "a2", action("LEAVE")));
  connect("A", "a3", action("JOIN"));  // its answer comes late, or never
  lists(find("B", "b1"), "A");
  EXPECT_TRUE(found("P-CONN-22").empty());
}

TEST_F(PpstpSessionOrder, ALeaveThatOverlapsAFindMayComeSecond) {
  done(connect("A", "a1", action("JOIN")));
  const Message* asked = find("B", "b1");
  done(connect("A", "a2", action("LEAVE")));
  lists(asked, "A");
  EXPECT_TRUE(found("P-CONN-22").empty());
}

TEST_F(PpstpSessionOrder, PeersOfLongAgoAreForgotten) {
  constexpr std::uint64_t kRequests = 3 * SessionState::kWindow;
  for (std::uint64_t i = 0; i < kRequests; ++i) {
    const std::string peer = fmt::format("peer-{}", i);
    if (i % 1000 == 0) done(connect("A", fmt::format("a{}", i), action("JOIN")));
    done(connect(peer, "t", action("JOIN")));
    forget_messages();
  }
  EXPECT_LE(state_.peers.size(), 2 * SessionState::kWindow);
  ASSERT_NE(state_.find("A"), nullptr);
  EXPECT_LE(state_.find("A")->transactions.size(), 2 * SessionState::kWindow / 1000);
  EXPECT_EQ(state_.find("peer-0"), nullptr);
  EXPECT_NE(state_.find(fmt::format("peer-{}", kRequests - 1)), nullptr);
}

TEST_F(PpstpSessionOrder, LeaveAndJoinInOneConnectEndsJoined) {
  done(connect("A", "a1", action("JOIN")));
  done(connect("A", "a2", action("LEAVE") + "," + action("JOIN")));
  lists(find("B", "b1"), "A");
  EXPECT_TRUE(found("P-CONN-22").empty());
}

TEST_F(PpstpSessionOrder, LeaveAndJoinInOnePipelineEndsJoined) {
  done(connect("A", "a1", action("JOIN")));
  const Message* leave = connect("A", "a2", action("LEAVE"));
  const Message* join = connect("A", "a3", action("JOIN"));
  done(leave);
  lists(find("B", "b1"), "A");
  EXPECT_TRUE(found("P-CONN-22").empty());
  done(join);
  lists(find("B", "b2"), "A");
  EXPECT_TRUE(found("P-CONN-22").empty());
}

TEST_F(PpstpSessionOrder, ARepeatedRequestMayHaveItsMembersInAnotherOrder) {
  const char* const kFirst =
      R"("request_type":"FIND","transaction_id":"t","peer_id":"A","find":{"swarm_id":"s","peer_num":{"peer_count":3}})";
  const char* const kAgain =
      R"("find": {"peer_num":{"peer_count":3}, "swarm_id":"\u0073"}, "peer_id":"A","transaction_id":"t","request_type":"FIND")";
  ask(kFirst);
  ask(kAgain);
  EXPECT_TRUE(found("P-REQ-12").empty());
  EXPECT_TRUE(found("P-ERR-08").empty());
}

TEST_F(PpstpSessionOrder, TheOrderOfActionsIsContent) {
  connect("A", "t", action("LEAVE") + "," + action("JOIN"));
  connect("A", "t", action("JOIN") + "," + action("LEAVE"));
  EXPECT_EQ(found("P-REQ-12").size(), 1U);
}

TEST_F(PpstpSessionOrder, AnAnswerThatCannotBeReadIsAnAnswer) {
  garbage(find("A", "t"));
  find("A", "t", "other");
  EXPECT_TRUE(found("P-REQ-12").empty()) << "no request waits";
  EXPECT_EQ(found("P-ERR-08").size(), 1U);
}

TEST_F(PpstpSessionOrder, ARestartedPeerMayCountFromOneAgain) {
  done(connect("A", "1", action("JOIN")));
  done(connect("A", "2", action("LEAVE")));
  done(connect("A", "1", action("JOIN", "other"), "192.0.2.1:40001"));
  for (const Finding& finding : found("P-ERR-08")) EXPECT_EQ(finding.severity, Severity::kNote);
  done(connect("A", "2", action("LEAVE", "other"), "192.0.2.1:40001"));
  EXPECT_TRUE(found("P-ERR-08").empty()) << "its transactions began anew";
  connect("A", "2", action("JOIN", "third"), "192.0.2.1:40001");
  ASSERT_EQ(found("P-ERR-08").size(), 1U);
  EXPECT_EQ(found("P-ERR-08").front().severity, Severity::kError);
}

}  // namespace
}  // namespace peerscope::ppstp
