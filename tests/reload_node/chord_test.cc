// SPDX-License-Identifier: GPL-2.0-or-later
// CHORD-RELOAD: joining, routing, leaving and crashing, on virtual time.
#include "tests/reload_node/overlay_fixture.h"

namespace peerscope::reload::test {
namespace {

using ChordNode = OverlayFixture;

TEST_F(ChordNode, FirstNodeIsResponsibleForAll) {
  Member& only = add_joined(node_id({0x10}));
  EXPECT_TRUE(only.node->joined());
  EXPECT_TRUE(only.node->topology().responsible(node_id({0xe0}).view()));
  const auto answer = ask(*only.node, {Destination::resource(only.node->resource_id("anything"))}, Contents(PingReq{}));
  ASSERT_TRUE(answer.ok()) << answer.error().text;
  EXPECT_EQ(answer->hops, 0);
}

TEST_F(ChordNode, SecondNodeSplitsTheRing) {
  Member& first = add_joined(node_id({0x10}));
  Member& second = add_joined(node_id({0x80}));
  run(std::chrono::seconds(2));
  EXPECT_TRUE(first.node->topology().responsible(node_id({0xe0}).view()));
  EXPECT_FALSE(first.node->topology().responsible(node_id({0x20}).view()));
  EXPECT_TRUE(second.node->topology().responsible(node_id({0x20}).view()));
  expect_ring();
}

TEST_F(ChordNode, ThreeNodesFormTheRingOfTheSheet) {
  add_joined(node_id({0x10}));
  add_joined(node_id({0x80}));
  add_joined(node_id({0xe0}));
  run(std::chrono::seconds(2));
  expect_ring();
}

TEST_F(ChordNode, TwentyNodesFormARingAndReachEachOther) {
  make_ring(20);
  expect_ring();
  for (auto& from : members_) {
    for (auto& to : members_) {
      const auto answer = ask(*from->node, {Destination::node(to->id.view())}, Contents(PingReq{}));
      ASSERT_TRUE(answer.ok()) << answer.error().text;
      EXPECT_EQ(answer->from, to->id);
    }
  }
}

TEST_F(ChordNode, ConcurrentJoinsEndInOneRing) {
  add_joined(node_id({0x10}));
  std::size_t joined = 0;
  for (int i = 0; i < 12; ++i) {
    Member& member = add(node_id({(i * 41 + 3) % 256, i}));
    member.node->join({members_.front()->transport->local()}, [&](net::Result<void> result) { joined += result.ok(); });
  }
  run_until([&] { return joined == 12; });
  EXPECT_EQ(joined, 12U);
  run(std::chrono::seconds(120));
  expect_ring();
}

TEST_F(ChordNode, RingHealsAfterTwoNeighboursCrash) {
  make_ring(12);
  const NodeId next = members_[3]->node->topology().successors().front();
  crash(*members_[3]);
  for (auto& member : members_) {
    if (member->id == next) crash(*member);
  }
  run(std::chrono::seconds(300));
  expect_ring();
}

TEST_F(ChordNode, TwoPartsOfAnOverlayFindEachOther) {
  make_ring(4);
  const net::Endpoint beyond = members_[0]->transport->local();
  NodeOptions options;
  options.bootstrap = {beyond};
  Member& other = add(node_id({0x90, 0xff}), options);
  other.node->start_alone();
  for (int i = 0; i < 3; ++i) {
    Member& member = add(node_id({i * 80 + 20, 0xff}));
    bool joined = false;
    member.node->join({other.transport->local(), beyond}, [&](net::Result<void> result) { joined = result.ok(); });
    run_until([&] { return joined; });
    ASSERT_TRUE(joined);
  }
  EXPECT_EQ(members_[0]->node->topology().routing_table().size(), 3U);
  run(std::chrono::minutes(20));
  expect_ring();
}

TEST_F(ChordNode, LeavingNodeIsReplacedAtOnce) {
  make_ring(6);
  Member& leaver = *members_[2];
  bool left = false;
  leaver.node->leave([&] { left = true; });
  run_until([&] { return left; });
  EXPECT_TRUE(left);
  leaver.node->stop();
  leaver.crashed = true;
  run(std::chrono::seconds(5));
  expect_ring();
}

TEST_F(ChordNode, MessageForANodeThatIsNotThereIsDroppedByItsRange) {
  make_ring(4);
  const auto answer = ask(*members_[0]->node, {Destination::node(node_id({0x77, 0x77}).view())}, Contents(PingReq{}));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, 0);
  EXPECT_EQ(members_[0]->node->stats().timeouts, 1U);
}

TEST_F(ChordNode, RetransmissionBridgesALossyNetwork) {
  make_ring(6);
  network_.set_loss(0.03);
  int good = 0;
  for (int i = 0; i < 20; ++i) {
    const std::string resource = members_[0]->node->resource_id("name" + std::to_string(i));
    good +=
        ask(*members_[static_cast<std::size_t>(i) % 6]->node, {Destination::resource(resource)}, Contents(PingReq{}))
            .ok();
  }
  EXPECT_EQ(good, 20);
  std::uint64_t again = 0;
  for (auto& member : members_) again += member->node->stats().retransmissions;
  EXPECT_GT(again, 0U);
}

TEST_F(ChordNode, JoinForAnotherNodeIsForbidden) {
  make_ring(3);
  JoinReq request;
  request.joining_peer_id = node_id({0x42});
  const auto answer = ask(*members_[0]->node, {Destination::node(members_[1]->id.view())}, Contents(request));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, kForbidden);
}

TEST_F(ChordNode, ProbeTellsWhatWasAskedInOrder) {
  make_ring(3);
  ProbeReq request;
  request.requested_info = {kUptime, kResponsibleSet, kUptime};
  const auto answer = ask(*members_[0]->node, {Destination::node(members_[1]->id.view())}, Contents(request));
  ASSERT_TRUE(answer.ok());
  const auto& info = std::get<ProbeAns>(answer->body).probe_info;
  ASSERT_EQ(info.size(), 2U);
  EXPECT_EQ(info[0].type, kUptime);
  EXPECT_EQ(info[1].type, kResponsibleSet);
  EXPECT_GT(info[1].value, 0U);
  EXPECT_LT(info[1].value, 1'000'000'000U);
}

TEST_F(ChordNode, RouteQueryNamesTheNextPeer) {
  make_ring(5);
  RouteQueryReq request;
  request.destination = Destination::node(members_[1]->id.view());
  const auto answer = ask(*members_[0]->node, {Destination::node(members_[1]->id.view())}, Contents(request));
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(std::get<RouteQueryAns>(answer->body).next_peer, members_[1]->id);
}

TEST_F(ChordNode, UnknownApplicationIsNotFound) {
  make_ring(2);
  AppAttachReq request;
  request.application = 5060;
  request.role = kPassive;
  const auto answer = ask(*members_[0]->node, {Destination::node(members_[1]->id.view())}, Contents(request));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, kNotFound);
}

TEST_F(ChordNode, ClientAsksButIsNotRoutedOver) {
  make_ring(3);
  NodeOptions options;
  options.client = true;
  Member& client = add(node_id({0x33}), options);
  std::optional<bool> connected;
  client.node->connect({members_[0]->transport->local()}, [&](net::Result<void> result) { connected = result.ok(); });
  run_until([&] { return connected.has_value(); });
  ASSERT_TRUE(connected && *connected);
  const auto answer = ask(*client.node, {Destination::resource(client.node->resource_id("x"))}, Contents(PingReq{}));
  EXPECT_TRUE(answer.ok());
  for (auto& member : members_) {
    for (const NodeId& node : member->node->topology().routing_table()) EXPECT_NE(node, client.id);
  }
  client.crashed = true;
  expect_ring();
}

}  // namespace
}  // namespace peerscope::reload::test
