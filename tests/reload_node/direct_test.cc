// SPDX-License-Identifier: GPL-2.0-or-later
// Direct responses (RFC 7263) in overlays whose configuration has the mode DRR.
#include "protocols/reload/protocol.h"
#include "tests/reload_node/overlay_fixture.h"

namespace peerscope::reload::test {
namespace {

class DirectResponses : public OverlayFixture {
 protected:
  void SetUp() override {
    OverlayConfiguration wanted = configuration();
    wanted.route_mode = "DRR";
    wanted.mandatory_extensions = {std::string(kRouteModeNs)};
    use(wanted);
  }
  // A request as `from` would send it itself, with an option, over a link to `entry`.
  struct Asker final : LinkListener {
    void on_message(const LinkPtr&, std::string_view message) override { received.emplace_back(message); }
    void on_stalled(const LinkPtr&, bool) override {}
    void on_closed(const LinkPtr&, const net::Error&) override {}
    std::vector<std::string> received;
  };
  std::vector<std::string> ask_raw(const NodeId& id, const Member& entry, const NodeId& to, ExtensiveRoutingMode mode) {
    MemoryTransport transport(network_, {id});
    Asker asker;
    LinkPtr link;
    transport.connect(entry.transport->local(), [&](net::Result<LinkPtr> opened) {
      ASSERT_TRUE(opened.ok());
      link = *opened;
      link->set_listener(&asker);
    });
    run(std::chrono::seconds(1));
    EXPECT_NE(link, nullptr);
    if (link == nullptr) return {};
    Packet packet;
    packet.forwarding.overlay = overlay()->hash;
    packet.forwarding.configuration_sequence = overlay()->sequence;
    packet.forwarding.transaction_id = ++tid_;
    packet.forwarding.destination_list = {Destination::node(to.view())};
    packet.forwarding.options.push_back({ExtensiveRoutingMode::kCode, kIgnoreStateKeeping, encode_part(mode)});
    packet.contents = Contents(PingReq{});
    NamedSecurity(id, "raw@example.org").sign_message(0, 0, {}, packet.security);
    link->send(encode(packet, &overlay()->context));
    run(std::chrono::seconds(2));
    link->set_listener(nullptr);
    return asker.received;
  }
  int error_of(const std::string& bytes) {
    Message message;
    message.context = &overlay()->context;
    decode(bytes, message);
    if (packet_of(message) == nullptr) return -1;
    const auto* error = body_of<ErrorResponse>(message);
    return error == nullptr ? 0 : error->code;
  }
  std::uint64_t tid_ = 5;
};

TEST_F(DirectResponses, AnswerComesOverALinkOfItsOwn) {
  make_ring(40);
  std::size_t direct = 0;
  for (int i = 0; i < 40; ++i) {
    const std::string resource = members_[0]->node->resource_id("name" + std::to_string(i));
    const NodeId owner = responsible_for(resource).id;
    if (owner == members_[0]->id) continue;
    const auto answer = ask(*members_[0]->node, {Destination::resource(resource)}, Contents(PingReq{}));
    ASSERT_TRUE(answer.ok()) << answer.error().text;
    EXPECT_EQ(answer->from, owner);
    direct += answer->hops == 1 ? 1 : 0;
  }
  EXPECT_GE(direct, 35U);
  EXPECT_EQ(members_[0]->node->stats().retransmissions, 0U);
}

TEST_F(DirectResponses, LinksForAnswersAreClosedAgain) {
  make_ring(20);
  std::size_t before = 0;
  for (const auto& member : members_) before += member->node->link_count();
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(ask(*members_[0]->node, {Destination::resource(members_[0]->node->resource_id(std::to_string(i)))},
                    Contents(PingReq{}))
                    .ok());
  run(std::chrono::seconds(40));
  std::size_t after = 0;
  for (const auto& member : members_) after += member->node->link_count();
  EXPECT_LE(after, before + 4);
}

TEST_F(DirectResponses, AddressWhereNobodyIsFallsBackToTheWay) {
  make_ring(3);
  const NodeId id = node_id({0x99});
  ExtensiveRoutingMode mode;
  mode.transport = kTlsTcpFhNoIce;
  mode.address.ipv4 = 0x0a636363;
  mode.address.port = 1;
  mode.destinations = {Destination::node(id.view())};
  const auto received = ask_raw(id, *members_[0], members_[1]->id, mode);
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(error_of(received[0]), 0);
}

TEST_F(DirectResponses, OthersAreNotConnectedToAndOtherModesNotUnderstood) {
  make_ring(3);
  const NodeId id = node_id({0x99});
  // Somebody else's Node-ID and address: the response takes the way back, nobody else gets a link.
  ExtensiveRoutingMode mode;
  mode.transport = kTlsTcpFhNoIce;
  mode.address.ipv4 = 0x0a000003;  // the third member
  mode.address.port = 6084;
  mode.destinations = {Destination::node(members_[2]->id.view())};
  const std::size_t links = members_[2]->node->link_count();
  auto received = ask_raw(id, *members_[0], members_[1]->id, mode);
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(error_of(received[0]), 0);
  EXPECT_EQ(members_[2]->node->link_count(), links);
  mode.destinations.push_back(Destination::node(id.view()));
  received = ask_raw(id, *members_[0], members_[1]->id, mode);
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(error_of(received[0]), kUnknownExtension);
  mode.destinations = {Destination::node(id.view())};
  mode.routemode = kRelayPeerRouting;
  received = ask_raw(id, *members_[0], members_[1]->id, mode);
  ASSERT_EQ(received.size(), 1U);
  EXPECT_EQ(error_of(received[0]), kUnknownExtension);
}

TEST_F(DirectResponses, StoresAndFetchesWork) {
  make_ring(20);
  NewValue value;
  value.kind = kPrivateKind;
  value.value = "direct";
  Node& writer = *members_[3]->node;
  const std::string place = writer.resource_id(members_[3]->user);
  ASSERT_TRUE(store(writer, place, {value}).ok());
  EXPECT_EQ(fetched(*members_[11]->node, place, kPrivateKind), "direct");
}

}  // namespace
}  // namespace peerscope::reload::test
