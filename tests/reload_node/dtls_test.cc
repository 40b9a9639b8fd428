// SPDX-License-Identifier: GPL-2.0-or-later
// DTLS links: in memory with hostile datagrams, and nodes on loopback with datagrams lost, doubled and reordered.
#include <random>

#include "protocols/reload/protocol.h"
#include "tests/reload_node/loopback_fixture.h"

namespace peerscope::reload::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Listener final : public LinkListener {
 public:
  void on_message(const LinkPtr&, std::string_view message) override { messages.emplace_back(message); }
  void on_stalled(const LinkPtr&, bool is) override { stalled = is; }
  void on_closed(const LinkPtr&, const net::Error& why) override { closed = why; }
  std::vector<std::string> messages;
  bool stalled = false;
  std::optional<net::Error> closed;
};

// One acceptor and clients that reach it by hand-carried datagrams, on a clock that stands still.
class DtlsWire : public ::testing::Test {
 protected:
  struct Client {
    DtlsAcceptor::Address address;
    std::shared_ptr<DtlsLink> link;
    std::optional<net::Result<void>> opened;
    Listener listener;
    bool cut = false;  // what it sends vanishes
  };

  DtlsWire() : server_context_(context(node_id({1}), "server@example.org")) { accept({}); }
  ~DtlsWire() override {
    for (const LinkPtr& link : accepted_) link->set_listener(nullptr);
    for (auto& client : clients_) client->link->set_listener(nullptr);
  }

  static std::shared_ptr<DtlsContext> context(const NodeId& id, const std::string& user) {
    auto made = DtlsContext::create(make_identity(id, user), {});
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
    return *made;
  }
  static net::Result<std::vector<NodeId>> believe(const CertificatePtr& certificate, std::span<const CertificatePtr>) {
    return std::vector<NodeId>{NodeId(certificate->node_ids().front())};
  }
  void accept(DtlsAcceptorOptions options) {
    acceptor_ = std::make_shared<DtlsAcceptor>(clock_, server_context_, options,
                                               [this](const DtlsAcceptor::Address& to, std::string_view datagram) {
                                                 flying_.push_back({false, to, std::string(datagram)});
                                               });
    acceptor_->set_peer_check(believe);
    acceptor_->set_on_accept([this](LinkPtr link) {
      link->set_listener(&listener_);
      accepted_.push_back(std::move(link));
    });
  }
  static DtlsAcceptor::Address address(std::uint16_t port) { return {net::asio::ip::make_address("127.0.0.1"), port}; }
  Client& add(std::uint16_t port, DtlsLinkOptions options = {}) {
    clients_.push_back(std::make_unique<Client>());
    Client& client = *clients_.back();
    client.address = address(port);
    auto session =
        std::make_unique<DtlsSession>(context(node_id({2}), "client@example.org"), DtlsSession::Side::kClient,
                                      [this, &client](std::string_view datagram) {
                                        if (!client.cut)
                                          flying_.push_back({true, client.address, std::string(datagram)});
                                      });
    client.link =
        std::make_shared<DtlsLink>(clock_, std::move(session), net::Endpoint{"127.0.0.1", 1}, believe, options);
    client.link->set_events([&client](const auto&, const net::Result<void>& result) { client.opened = result; }, [] {});
    client.link->set_listener(&client.listener);
    client.link->start();
    return client;
  }
  // Carries datagrams until none is left. To a client goes what is for its address, to the newest one there.
  void carry(std::size_t most = 1000) {
    for (std::size_t i = 0; i < most && !flying_.empty(); ++i) {
      const Datagram one = std::move(flying_.front());
      flying_.erase(flying_.begin());
      carried_.push_back(one);
      if (one.to_server) {
        acceptor_->receive(one.address, one.bytes);
        continue;
      }
      const auto to = std::find_if(clients_.rbegin(), clients_.rend(),
                                   [&](const auto& client) { return client->address == one.address; });
      if (to != clients_.rend()) (*to)->link->receive(one.bytes);
    }
  }
  void run(net::Duration time) {
    const net::SteadyTime end = clock_.now() + time;
    while (clock_.now() < end) {
      clock_.advance(milliseconds(1));
      carry();
    }
  }
  Client& connected(std::uint16_t port) {
    Client& client = add(port);
    carry();
    EXPECT_TRUE(client.opened && client.opened->ok()) << (client.opened ? client.opened->error().message : "no end");
    return client;
  }

  struct Datagram {
    bool to_server;
    DtlsAcceptor::Address address;
    std::string bytes;
  };
  net::ManualClock clock_;
  std::shared_ptr<DtlsContext> server_context_;
  std::shared_ptr<DtlsAcceptor> acceptor_;
  Listener listener_;
  std::vector<LinkPtr> accepted_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<Datagram> flying_;
  std::vector<Datagram> carried_;
};

TEST_F(DtlsWire, LinkOpensAndCarriesMessagesBothWays) {
  Client& client = connected(4000);
  ASSERT_EQ(accepted_.size(), 1U);
  EXPECT_EQ(accepted_[0]->peers(), std::vector<NodeId>{node_id({2})});
  EXPECT_EQ(client.link->peers(), std::vector<NodeId>{node_id({1})});
  client.link->send("to the server");
  client.link->send("");
  accepted_[0]->send("to the client");
  run(milliseconds(100));
  EXPECT_EQ(listener_.messages, (std::vector<std::string>{"to the server", ""}));
  EXPECT_EQ(client.listener.messages, std::vector<std::string>{"to the client"});
  for (const Datagram& one : carried_) EXPECT_LE(one.bytes.size(), 1200U);
}

TEST_F(DtlsWire, WithoutCookieNobodyGetsState) {
  Client& client = add(4000);
  ASSERT_EQ(flying_.size(), 1U);
  EXPECT_TRUE(begins_with_client_hello(flying_[0].bytes));
  const std::string hello = flying_[0].bytes;
  // The same hello from many addresses that are not there.
  for (std::uint16_t port = 5000; port < 5200; ++port) acceptor_->receive(address(port), hello);
  EXPECT_EQ(acceptor_->links(), 0U);
  EXPECT_EQ(acceptor_->handshakes(), 0U);
  std::size_t answered = 0;
  for (const Datagram& one : flying_) answered += one.to_server ? 0 : one.bytes.size();
  EXPECT_LE(answered, 200 * hello.size());  // no amplification
  EXPECT_GT(answered, 0U);
  carry();
  EXPECT_TRUE(client.opened && client.opened->ok());
  // A cookie is for its address.
  std::string with_cookie;
  for (const Datagram& one : carried_) {
    if (one.to_server && begins_with_client_hello(one.bytes)) with_cookie = one.bytes;
  }
  ASSERT_NE(with_cookie, hello);
  acceptor_->receive(address(5000), with_cookie);
  EXPECT_EQ(acceptor_->links(), 1U);
}

TEST_F(DtlsWire, GarbageBeforeAndDuringAHandshakeChangesNothing) {
  std::mt19937 random(3);
  const auto garbage = [&](std::size_t size, int kind) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random());
    // Headers of records and of a ClientHello, so that more than the first byte is looked at.
    const std::string_view head = kind == 0   ? std::string_view()
                                  : kind == 1 ? std::string_view("\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\x40\x01", 14)
                                  : kind == 2 ? std::string_view("\x17\xfe\xfd\0\x01\0\0\0\0\0\x07\0\x20", 13)
                                              : std::string_view("\x14\xfe\xfd\0\0\0\0\0\0\0\0\0\x01\x01", 14);
    std::copy_n(head.begin(), std::min(head.size(), bytes.size()), bytes.begin());
    return bytes;
  };
  for (std::size_t size = 0; size < 300; ++size)
    acceptor_->receive(address(6000), garbage(size, static_cast<int>(size % 4)));
  EXPECT_EQ(acceptor_->links(), 0U);
  Client& client = add(4000);
  for (int i = 0; i < 200 && !(client.opened && accepted_.size() == 1); ++i) {
    client.link->receive(garbage(50 + static_cast<std::size_t>(i), i % 2 * 2));
    acceptor_->receive(client.address, garbage(50 + static_cast<std::size_t>(i), i % 2 * 2));
    carry(1);
  }
  ASSERT_TRUE(client.opened && client.opened->ok()) << (client.opened ? client.opened->error().message : "no end");
  for (std::size_t size = 0; size < 300; ++size)
    acceptor_->receive(client.address, garbage(size, static_cast<int>(size % 4)));
  client.link->send("still there");
  run(milliseconds(100));
  EXPECT_EQ(listener_.messages, std::vector<std::string>{"still there"});
  EXPECT_FALSE(listener_.closed);
}

TEST_F(DtlsWire, ReplayedDatagramsAreTakenOnce) {
  Client& client = connected(4000);
  client.link->send("once");
  run(milliseconds(100));
  const std::vector<Datagram> seen = carried_;
  for (int i = 0; i < 3; ++i) {
    for (const Datagram& one : seen) {
      if (one.to_server) acceptor_->receive(one.address, one.bytes);
    }
  }
  run(milliseconds(100));
  EXPECT_EQ(listener_.messages, std::vector<std::string>{"once"});
  client.link->send("more");
  run(milliseconds(100));
  EXPECT_EQ(listener_.messages, (std::vector<std::string>{"once", "more"}));
}

TEST_F(DtlsWire, WhoBeginsAnewReplacesItsLink) {
  Client& first = connected(4000);
  first.link->send("old");
  run(milliseconds(50));
  Client& second = connected(4000);
  EXPECT_EQ(accepted_.size(), 2U);
  ASSERT_TRUE(listener_.closed);
  EXPECT_EQ(listener_.closed->kind, net::ErrorKind::kReset);
  EXPECT_EQ(acceptor_->links(), 1U);
  second.link->send("new");
  run(milliseconds(50));
  EXPECT_EQ(listener_.messages, (std::vector<std::string>{"old", "new"}));
}

TEST_F(DtlsWire, HandshakesAndLinksAreLimited) {
  DtlsAcceptorOptions few;
  few.max_handshakes = 1;
  few.max_links = 2;
  accept(few);
  // Its second hello, with the cookie, arrives, and nothing after that.
  Client& slow = add(4000);
  carry(2);
  carry(1);
  slow.cut = true;
  carry();
  ASSERT_EQ(acceptor_->handshakes(), 1U);
  Client& refused = add(4001);
  carry();
  EXPECT_FALSE(refused.opened);
  run(seconds(16));
  EXPECT_EQ(acceptor_->handshakes(), 0U);
  EXPECT_EQ(acceptor_->links(), 0U);
  ASSERT_TRUE(refused.opened && !refused.opened->ok());
  EXPECT_EQ(refused.opened->error().kind, net::ErrorKind::kTimeout);
  connected(4002);
  connected(4003);
  add(4004);
  carry();
  EXPECT_EQ(acceptor_->links(), 2U);
}

TEST_F(DtlsWire, IdleLinkIsClosed) {
  DtlsAcceptorOptions impatient;
  impatient.link.idle_timeout = seconds(60);
  accept(impatient);
  Client& client = connected(4000);
  run(seconds(50));
  client.link->send("a sign");
  run(seconds(50));
  EXPECT_EQ(acceptor_->links(), 1U);
  run(seconds(15));
  EXPECT_EQ(acceptor_->links(), 0U);
  ASSERT_TRUE(client.listener.closed);
  EXPECT_EQ(client.listener.closed->kind, net::ErrorKind::kClosed);
}

TEST_F(DtlsWire, CloseSendsWhatWaitsAndSaysGoodbye) {
  Client& client = connected(4000);
  client.link->send("last words");
  client.link->send("really");
  client.link->close();
  run(milliseconds(200));
  EXPECT_EQ(listener_.messages, (std::vector<std::string>{"last words", "really"}));
  ASSERT_TRUE(listener_.closed);
  EXPECT_EQ(listener_.closed->kind, net::ErrorKind::kClosed);
  EXPECT_FALSE(client.listener.closed) << "it closed by itself";
}

TEST_F(DtlsWire, SilentNeighbourStallsAndIsGivenUp) {
  Client& client = connected(4000);
  accepted_[0]->send("one");
  run(milliseconds(100));
  client.cut = true;
  accepted_[0]->send("two");
  run(seconds(3) + milliseconds(500));  // RTO 200 ms: sent at 0, 200, 600, 1400, 3000
  EXPECT_TRUE(listener_.stalled);
  EXPECT_FALSE(listener_.closed);
  run(seconds(4));
  ASSERT_TRUE(listener_.closed);
  EXPECT_EQ(listener_.closed->kind, net::ErrorKind::kTimeout);
}

TEST_F(DtlsWire, MessageAboveTheMtuLeavesInFragments) {
  Client& client = connected(4000);
  Packet packet;
  packet.forwarding.overlay = overlay_hash(kOverlayName);
  packet.forwarding.destination_list.push_back(Destination::node(node_id({1}).view()));
  packet.contents = Contents(PingReq{std::string(5000, 'p')});
  const std::string whole = encode(packet);
  client.link->send(whole);
  run(seconds(1));
  EXPECT_GE(listener_.messages.size(), 5U);
  Reassembler reassembler;
  Reassembler::Result result;
  for (const std::string& part : listener_.messages) {
    EXPECT_LE(part.size(), 1200U - 32U);
    Message message;
    decode(part, message);
    result = reassembler.add(message, 0);
  }
  ASSERT_EQ(result.outcome, Reassembler::Outcome::kComplete);
  EXPECT_EQ(result.message, whole);
  for (const Datagram& one : carried_) EXPECT_LE(one.bytes.size(), 1200U);
}

// ---- whole nodes

class DtlsNodes : public LoopbackNodes {
 protected:
  static SocketTransportOptions links(std::string_view types) {
    SocketTransportOptions options;
    options.types = *LinkTypes::parse(types);
    options.dtls.session.retransmission = milliseconds(100);
    return options;
  }
  SocketTransportOptions bad_network() {
    SocketTransportOptions options = links("dtls");
    options.dtls.shim = [this](std::string datagram, const std::function<void(std::string)>& pass) {
      const unsigned dice = dice_() % 100;
      if (dice < 10) return void(++lost_);
      if (dice < 15) pass(datagram);
      if (dice >= 25) return pass(std::move(datagram));
      clock_.schedule(milliseconds(dice_() % 30), [pass, datagram = std::move(datagram)] { pass(datagram); });
    };
    return options;
  }
  std::mt19937 dice_{5};
  int lost_ = 0;
};

TEST_F(DtlsNodes, FourNodesJoinStoreAndFetch) {
  std::string keys;
  SocketTransportOptions logged = links("dtls");
  logged.key_log = [&](std::string_view line) { keys += line; };
  add(node_id({0x10}), "a@example.org", logged).node().start_alone();
  for (const int first : {0x60, 0xa0, 0xe0})
    ASSERT_TRUE(join(add(node_id({first}), "user" + std::to_string(first) + "@example.org", links("dtls"))));
  EXPECT_NE(keys.find("CLIENT_RANDOM"), std::string::npos);
  ASSERT_TRUE(store(nodes_[1]->node(), "user96@example.org", "over DTLS"));
  EXPECT_EQ(fetch(nodes_[3]->node(), "user96@example.org"), "over DTLS");
}

TEST_F(DtlsNodes, LossDuplicatesAndDisorderAreOvercome) {
  add(node_id({0x10}), "a@example.org", bad_network()).node().start_alone();
  for (const int first : {0x60, 0xa0, 0xe0})
    ASSERT_TRUE(join(add(node_id({first}), "user" + std::to_string(first) + "@example.org", bad_network())));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(store(nodes_[1]->node(), "user96@example.org", std::to_string(i)));
  for (std::size_t i = 0; i < nodes_.size(); ++i) EXPECT_EQ(fetch(nodes_[i]->node(), "user96@example.org"), "4");
  EXPECT_GT(lost_, 20);
}

TEST_F(DtlsNodes, LargeMessagesTravelInFragments) {
  add(node_id({0x10}), "a@example.org", links("dtls")).node().start_alone();
  ASSERT_TRUE(join(add(node_id({0x60}), "b@example.org", links("dtls"))));
  const auto answer = ask(nodes_[1]->node(), node_id({0x10}), Contents(PingReq{std::string(20'000, 'p')}));
  EXPECT_TRUE(answer.ok()) << answer.error().text;
}

TEST_F(DtlsNodes, NodesWithBothTypesLinkThoseWithOne) {
  add(node_id({0x10}), "a@example.org", links("both")).node().start_alone();
  const auto offered = nodes_[0]->local();
  ASSERT_TRUE(join(add(node_id({0x60}), "b@example.org", links("dtls"))));
  EXPECT_EQ(nodes_[0]->local(), offered);
  ASSERT_TRUE(join(add(node_id({0xa0}), "c@example.org", links("both"))));
  EXPECT_GE(nodes_[0]->node().link_count(), 2U);
  ASSERT_TRUE(store(nodes_[1]->node(), "b@example.org", "mixed"));
  EXPECT_EQ(fetch(nodes_[2]->node(), "b@example.org"), "mixed");
}

TEST_F(DtlsNodes, NodeWithoutTheTypeSaysWhatItHas) {
  add(node_id({0x10}), "a@example.org", links("both")).node().start_alone();
  ASSERT_TRUE(join(add(node_id({0x60}), "b@example.org", links("tls"))));
  SocketNode& only_dtls = add(node_id({0xa0}), "c@example.org", links("dtls"));
  std::optional<net::Result<void>> connected;
  only_dtls.node().connect({nodes_[0]->local()}, [&](net::Result<void> result) { connected = result; });
  run_until([&] { return connected.has_value(); });
  ASSERT_TRUE(connected && connected->ok());
  std::optional<Reply<NodeId>> attached;
  only_dtls.node().attach({Destination::node(node_id({0x10}).view()), Destination::node(node_id({0x60}).view())}, false,
                          [&](Reply<NodeId> reply) { attached = reply; });
  run_until([&] { return attached.has_value(); });
  ASSERT_TRUE(attached && !attached->ok());
  EXPECT_EQ(attached->error().code, kIncompatibleWithOverlay);
  EXPECT_NE(attached->error().info.find("TLS-TCP-FH-NO-ICE"), std::string::npos) << attached->error().info;
}

TEST_F(DtlsNodes, CertificateOfAnotherAuthorityGetsNoLink) {
  add(node_id({0x10}), "a@example.org", links("dtls")).node().start_alone();
  SeededRandom random(4);
  const auto other = Authority::create(*generate_key(KeyType::kP256), "Other", now_valid(), random);
  SocketNode mallory(context_.get_executor(), clock_, random_, overlay(),
                     make_identity(node_id({0x42}), "m@example.org", KeyType::kP256, *other, now_valid()), {},
                     links("dtls"));
  ASSERT_TRUE(mallory.start().ok());
  std::optional<bool> connected;
  mallory.node().connect({nodes_[0]->local()}, [&](net::Result<void> result) { connected = result.ok(); });
  run_until([&] { return connected.has_value() && mallory.node().link_count() == 0; });
  EXPECT_EQ(nodes_[0]->node().link_count(), 0U);
  EXPECT_EQ(mallory.node().link_count(), 0U);
}

TEST_F(DtlsNodes, NobodyThereIsSaidAtOnce) {
  SocketNode& node = add(node_id({0x10}), "a@example.org", links("dtls"));
  std::optional<net::Result<void>> connected;
  const auto start = std::chrono::steady_clock::now();
  node.node().connect({{"127.0.0.1", 9}}, [&](net::Result<void> result) { connected = result; });
  run_until([&] { return connected.has_value(); });
  ASSERT_TRUE(connected && !connected->ok());
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(5));
}

TEST_F(DtlsNodes, PortThatIsGoneEndsTheLinkThatCameFromThere) {
  SocketNode& node = add(node_id({0x10}), "a@example.org", links("dtls"));
  node.node().start_alone();
  // A client whose socket goes without a goodbye: its datagrams vanish before.
  auto silent = std::make_shared<bool>(false);
  SocketTransportOptions options = links("dtls");
  options.listening = false;
  options.dtls.shim = [silent](std::string datagram, const std::function<void(std::string)>& pass) {
    if (!*silent) pass(std::move(datagram));
  };
  auto client = std::make_unique<SocketNode>(
      context_.get_executor(), clock_, random_, overlay(),
      make_identity(node_id({0x42}), "c@example.org", KeyType::kP256, authority(), now_valid()), NodeOptions{},
      options);
  ASSERT_TRUE(client->start().ok());
  std::optional<bool> connected;
  client->node().connect({node.local()}, [&](net::Result<void> result) { connected = result.ok(); });
  run_until([&] { return connected.has_value() && node.node().link_count() == 1; });
  ASSERT_EQ(node.node().link_count(), 1U);
  *silent = true;
  client.reset();
  run_until([] { return false; }, seconds(1));
  ASSERT_EQ(node.node().link_count(), 1U) << "nothing has told it";
  const auto start = std::chrono::steady_clock::now();
  node.node().request({Destination::node(node_id({0x42}).view())}, Contents(PingReq{}), [](Reply<Answer>) {});
  run_until([&] { return node.node().link_count() == 0; });
  EXPECT_EQ(node.node().link_count(), 0U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, seconds(2)) << "not only when five transmissions failed";
}

TEST_F(DtlsNodes, NeighbourThatEndsIsNoticed) {
  add(node_id({0x10}), "a@example.org", links("dtls")).node().start_alone();
  ASSERT_TRUE(join(add(node_id({0x60}), "b@example.org", links("dtls"))));
  ASSERT_TRUE(join(add(node_id({0xa0}), "c@example.org", links("dtls"))));
  const auto knows_only_b = [&] {
    return nodes_[0]->node().topology().successors() == std::vector<NodeId>{node_id({0x60})};
  };
  ASSERT_FALSE(knows_only_b());
  nodes_.pop_back();  // says goodbye on its links
  run_until(knows_only_b);
  EXPECT_TRUE(knows_only_b());
}

}  // namespace
}  // namespace peerscope::reload::test
