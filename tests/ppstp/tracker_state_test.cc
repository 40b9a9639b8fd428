// SPDX-License-Identifier: GPL-2.0-or-later
// Table 6 and the state machines of RFC 7846 section 2.3.
#include "tests/ppstp/tracker_fixture.h"

namespace peerscope::ppstp::testing {
namespace {

TEST(TrackerTable6, V1FirstLeechJoinSucceeds) {
  Rig rig;
  const Answer answer = rig.connect("a", {join("sw")});
  EXPECT_TRUE(answer.ok());
  EXPECT_EQ(answer.code(), kNoError);
  EXPECT_EQ(answer.result(), kSuccessful);
  EXPECT_TRUE(rig.find("a", "sw").ok());
}

TEST(TrackerTable6, V2FirstConnectWithLeaveOnlyFailsAndLeavesNoRegistration) {
  Rig rig;
  const Answer answer = rig.connect("a", {leave("sw")});
  EXPECT_EQ(answer.code(), kForbiddenAction);
  EXPECT_TRUE(answer.response.swarm_result.empty());
  EXPECT_EQ(rig.keep_alive("a").code(), kForbiddenAction);
  EXPECT_EQ(rig.tracker.registry().peers(), 0U);
}

TEST(TrackerTable6, V3LeaveOfTheOnlySwarmEndsTheRegistration) {
  Rig rig;
  rig.connect("a", {join("sw")});
  const Answer answer = rig.connect("a", {leave("sw")});
  EXPECT_TRUE(answer.ok());
  EXPECT_EQ(answer.result(), kSuccessful);
  EXPECT_EQ(rig.find("a", "sw").code(), kForbiddenAction);
  EXPECT_EQ(rig.tracker.registry().swarms(), 0U);
}

TEST(TrackerTable6, V4JoinAndLeaveInFirstConnectFail) {
  Rig rig;
  EXPECT_EQ(rig.connect("a", {join("x"), leave("y")}).code(), kForbiddenAction);
  EXPECT_EQ(rig.tracker.registry().peers(), 0U);
}

TEST(TrackerTable6, V5ChannelSwitchSucceedsWithAListForTheJoinedSwarm) {
  Rig rig;
  rig.connect("b", {join("y")}, {address("192.0.2.9")});
  rig.connect("a", {join("x")});
  const Answer answer = rig.connect("a", {leave("x"), join("y")});
  ASSERT_TRUE(answer.ok());
  ASSERT_EQ(answer.response.swarm_result.size(), 2U);
  EXPECT_EQ(answer.result(0), kSuccessful);
  EXPECT_FALSE(answer.response.swarm_result[0].peer_group.has_value());
  EXPECT_EQ(answer.peers(1), (std::multiset<std::string>{"b"}));
  EXPECT_EQ(rig.find("a", "x").code(), kForbiddenAction);
  EXPECT_TRUE(rig.find("a", "y").ok());
}

TEST(TrackerTable6, V6SeederJoinsSeveralSwarmsWithoutLists) {
  Rig rig;
  rig.connect("l", {join("x"), join("y"), join("z")});
  const Answer answer =
      rig.connect("s", {join("x", kSeeder), join("y", kSeeder), join("z", kSeeder)}, {address("192.0.2.9")});
  ASSERT_TRUE(answer.ok());
  ASSERT_EQ(answer.response.swarm_result.size(), 3U);
  for (const char* swarm : {"x", "y", "z"})
    EXPECT_EQ(rig.find("l", swarm).peers(), (std::multiset<std::string>{"s"})) << swarm;
  for (const SwarmResult& result : answer.response.swarm_result) EXPECT_FALSE(result.peer_group.has_value());
}

TEST(TrackerTable6, SeederWithPeerNumGetsAList) {
  Rig rig;
  rig.connect("l", {join("x")});
  EXPECT_EQ(rig.connect("s", {join("x", kSeeder)}, {}, count(5)).peers(), (std::multiset<std::string>{"l"}));
}

TEST(TrackerTable6, V7SeederJoinInTrackingIsForbiddenAndTheRegistrationStays) {
  Rig rig;
  rig.connect("s", {join("x", kSeeder)});
  EXPECT_EQ(rig.connect("s", {join("y", kSeeder)}).code(), kForbiddenAction);
  EXPECT_TRUE(rig.keep_alive("s").ok());
}

TEST(TrackerTable6, V7EndsTheRegistrationWhenTheTableIsTakenByTheLetter) {
  TrackerOptions options;
  options.table6_strict = true;
  Rig rig(options);
  rig.connect("s", {join("x", kSeeder)});
  EXPECT_EQ(rig.connect("s", {join("y", kSeeder)}).code(), kForbiddenAction);
  EXPECT_EQ(rig.keep_alive("s").code(), kForbiddenAction);
}

TEST(TrackerTable6, V8SeederLeavesAll) {
  Rig rig;
  rig.connect("s", {join("x", kSeeder), join("y", kSeeder)});
  EXPECT_TRUE(rig.connect("s", {leave("x", kSeeder), leave("y", kSeeder)}).ok());
  EXPECT_EQ(rig.keep_alive("s").code(), kForbiddenAction);
}

TEST(TrackerTable6, LeaveOfOneOfSeveralKeepsTheRegistrationAndModeDoesNotMatter) {
  Rig rig;
  rig.connect("a", {join("x"), join("y")});
  EXPECT_TRUE(rig.connect("a", {leave("x", kSeeder)}).ok());
  EXPECT_TRUE(rig.find("a", "y").ok());
}

TEST(TrackerTable6, LeechMayJoinAFurtherSwarm) {
  Rig rig;
  rig.connect("a", {join("x")});
  EXPECT_TRUE(rig.connect("a", {join("y")}).ok());
  EXPECT_TRUE(rig.find("a", "x").ok());
  EXPECT_TRUE(rig.find("a", "y").ok());
}

TEST(TrackerTable6, MixOfValidAndInvalidActionsHasResultsOfTheirOwn) {
  Rig rig;
  rig.connect("a", {join("x")});
  const Answer answer = rig.connect("a", {leave("never-joined"), join("y")});
  EXPECT_TRUE(answer.ok());
  EXPECT_EQ(answer.result(0), kFailed);
  EXPECT_FALSE(answer.response.swarm_result[0].peer_group.has_value());
  EXPECT_EQ(answer.result(1), kSuccessful);
}

TEST(TrackerState, EmptyTrackerIsInitAndReturnsToIt) {
  Rig rig;
  EXPECT_EQ(rig.tracker.state(), TrackerState::kInit);
  rig.connect("a", {join("x")});
  EXPECT_EQ(rig.tracker.state(), TrackerState::kStarted);
  rig.connect("a", {leave("x")});
  EXPECT_EQ(rig.tracker.state(), TrackerState::kInit);
  EXPECT_TRUE(rig.connect("a", {join("x")}).ok());
}

TEST(TrackerState, T3OnlyInvalidActionsLeaveNoRegistration) {
  TrackerOptions options;
  options.registry.max_swarms = 1;
  Rig rig(options);
  rig.connect("a", {join("x")});
  EXPECT_EQ(rig.connect("b", {join("y")}).code(), kForbiddenAction);
  EXPECT_EQ(rig.tracker.registry().peers(), 1U);
}

TEST(TrackerState, T4UnregisteredFindAndReportAreForbidden) {
  Rig rig;
  rig.connect("a", {join("x")});
  EXPECT_EQ(rig.find("b", "x").code(), kForbiddenAction);
  EXPECT_EQ(rig.keep_alive("b").code(), kForbiddenAction);
  EXPECT_EQ(rig.report("b", {stat("x")}).code(), kForbiddenAction);
}

// Each request kind restarts the track timer; T5 to T8.
class TrackTimer : public ::testing::TestWithParam<int> {
 protected:
  static void touch(Rig& rig, int kind) {
    switch (kind) {
      case 0:
        rig.find("a", "x");
        break;
      case 1:
        rig.keep_alive("a");
        break;
      case 2:
        rig.report("a", {stat("x")});
        break;
      case 3:
        rig.connect("a", {join("x")});
        break;
      case 4:
        rig.find("a", "unknown");
        break;
      case 5:
        rig.connect("a", {leave("unknown")});
        break;
      default:
        rig.report("a", {stat("unknown")});
        break;
    }
  }
};
TEST_P(TrackTimer, IsRestarted) {
  Rig rig;
  rig.connect("a", {join("x")});
  rig.connect("watcher", {join("x")});
  for (int i = 0; i < 6; ++i) {
    rig.pass(90);
    touch(rig, GetParam());
    rig.keep_alive("watcher");
  }
  EXPECT_EQ(rig.find("watcher", "x").peers(), (std::multiset<std::string>{"a"}));
  EXPECT_TRUE(rig.keep_alive("a").ok());
}
INSTANTIATE_TEST_SUITE_P(EachKind, TrackTimer, ::testing::Range(0, 7));

TEST(TrackerState, T9TrackTimerRemovesThePeerFromAllSwarms) {
  Rig rig;
  rig.connect("a", {join("x"), join("y")});
  rig.pass(170);
  rig.connect("b", {join("x"), join("y")});
  EXPECT_EQ(rig.find("b", "x").peers().count("a"), 1U);
  rig.pass(10);
  EXPECT_TRUE(rig.find("b", "x").peers().empty());
  EXPECT_TRUE(rig.find("b", "y").peers().empty());
  EXPECT_EQ(rig.find("a", "x").code(), kForbiddenAction);
  EXPECT_EQ(rig.keep_alive("a").code(), kForbiddenAction);
  EXPECT_TRUE(rig.connect("a", {join("x")}).ok()) << "after expiry a CONNECT registers anew";
}

TEST(TrackerState, ExpiryConcernsOnePeerIdOnly) {
  Rig rig;
  rig.connect("a", {join("x")});
  rig.pass(100);
  rig.connect("b", {join("x")});
  rig.pass(100);
  EXPECT_FALSE(rig.keep_alive("a").ok());
  EXPECT_TRUE(rig.keep_alive("b").ok());
}

TEST(TrackerState, T8InvalidSwarmKeepsTheRegistration) {
  Rig rig;
  rig.connect("a", {join("x")});
  EXPECT_EQ(rig.find("a", "nope").code(), kForbiddenAction);
  EXPECT_TRUE(rig.find("a", "x").ok());
  EXPECT_EQ(rig.report("a", {stat("nope")}).code(), kForbiddenAction);
  EXPECT_TRUE(rig.report("a", {stat("x")}).ok());
  EXPECT_EQ(rig.connect("a", {leave("nope")}).code(), kForbiddenAction);
  EXPECT_TRUE(rig.find("a", "x").ok());
}

TEST(TrackerState, SwarmThatThePeerHasNotJoinedIsForbidden) {
  Rig rig;
  rig.connect("a", {join("x")});
  rig.connect("b", {join("y")});
  EXPECT_EQ(rig.find("a", "y").code(), kForbiddenAction);
}

TEST(TrackerState, RepeatedConnectsMakeOneRegistration) {
  Rig rig;
  rig.connect("a", {join("x")}, {address("192.0.2.1")});
  rig.connect("a", {join("x")}, {address("192.0.2.1")});
  rig.connect("b", {join("x")});
  EXPECT_EQ(rig.find("b", "x").peers(), (std::multiset<std::string>{"a"}));
}

TEST(TrackerState, NoTimerIsLeftWhenNobodyIsRegistered) {
  Rig rig;
  rig.connect("a", {join("x")});
  rig.pass(400);
  EXPECT_EQ(rig.tracker.registry().peers(), 0U);
  EXPECT_EQ(rig.clock.pending(), 0U);
}

TEST(TrackerExpiry, TenThousandAtOnceAreFreedInSlices) {
  Rig rig;
  for (int i = 0; i < 10000; ++i) rig.connect("p" + std::to_string(i), {join("x")});
  EXPECT_EQ(rig.tracker.registry().peers(), 10000U);
  rig.pass(150);
  rig.connect("late", {join("x")});
  const std::size_t before = rig.clock.pending();
  EXPECT_EQ(before, 1U);
  rig.pass(60);
  EXPECT_EQ(rig.tracker.registry().peers(), 1U);
  EXPECT_EQ(rig.tracker.registry().expired(), 10000U);
  EXPECT_TRUE(rig.find("late", "x").peers().empty());
}

}  // namespace
}  // namespace peerscope::ppstp::testing
