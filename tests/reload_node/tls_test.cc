// SPDX-License-Identifier: GPL-2.0-or-later
// Nodes on loopback over real TLS.
#include "tests/reload_node/loopback_fixture.h"

namespace peerscope::reload::test {
namespace {

TEST_F(LoopbackNodes, FourNodesJoinStoreAndFetch) {
  std::string keys;
  SocketTransportOptions logged;
  logged.key_log = [&](std::string_view line) { keys += line; };
  add(node_id({0x10}), "a@example.org", logged).node().start_alone();
  for (const int first : {0x60, 0xa0, 0xe0})
    ASSERT_TRUE(join(add(node_id({first}), "user" + std::to_string(first) + "@example.org")));
  EXPECT_NE(keys.find("TRAFFIC_SECRET"), std::string::npos);
  Node& writer = nodes_[1]->node();
  ASSERT_TRUE(store(writer, "user96@example.org", "over TLS"));
  EXPECT_EQ(fetch(nodes_[3]->node(), "user96@example.org"), "over TLS");
}

TEST_F(LoopbackNodes, TrivialTopologyJoinsStoresAndFetches) {
  overlay(kNearest);
  add(node_id({0x10}), "a@example.org").node().start_alone();
  for (const int first : {0x60, 0xa0})
    ASSERT_TRUE(join(add(node_id({first}), "u" + std::to_string(first) + "@example.org")));
  run_until([&] { return nodes_[2]->node().topology().routing_table().size() == 2; });
  // The Resource-ID is the first bytes of the name, and the nearest node has it.
  Node& writer = nodes_[1]->node();
  const std::string place = writer.resource_id("u96@example.org");
  EXPECT_EQ(place, "u96@example.org" + std::string(1, '\0'));
  ASSERT_TRUE(store(writer, "u96@example.org", "near"));
  EXPECT_TRUE(nodes_[1]->node().topology().responsible(place));
  EXPECT_TRUE(nodes_[1]->node().storage().resources().contains(place));
}

TEST_F(LoopbackNodes, CertificateOfAnotherAuthorityGetsNoLink) {
  add(node_id({0x10}), "a@example.org").node().start_alone();
  SeededRandom random(4);
  const auto other = Authority::create(*generate_key(KeyType::kP256), "Other", now_valid(), random);
  SocketNode mallory(context_.get_executor(), clock_, random_, overlay(),
                     make_identity(node_id({0x42}), "m@example.org", KeyType::kP256, *other, now_valid()), {}, {});
  std::optional<bool> connected;
  mallory.node().connect({nodes_[0]->local()}, [&](net::Result<void> result) { connected = result.ok(); });
  run_until([&] { return connected.has_value() && nodes_[0]->node().link_count() == 0; });
  // Its own end may think that there is a link until the other end closes it.
  run_until([&] { return mallory.node().link_count() == 0; });
  EXPECT_EQ(mallory.node().link_count(), 0U);
  EXPECT_EQ(nodes_[0]->node().link_count(), 0U);
}

TEST_F(LoopbackNodes, GarbageInsteadOfTlsClosesQuietly) {
  SocketNode& node = add(node_id({0x10}), "a@example.org");
  node.node().start_alone();
  net::asio::ip::tcp::socket socket(context_);
  socket.connect({net::asio::ip::make_address("127.0.0.1"), node.local().port});
  net::asio::write(socket, net::asio::buffer(std::string(500, 'x')));
  std::optional<boost::system::error_code> ended;
  std::array<char, 100> buffer{};
  std::function<void()> read = [&] {
    socket.async_read_some(net::asio::buffer(buffer), [&](const boost::system::error_code& code, std::size_t) {
      if (code)
        ended = code;
      else
        read();
    });
  };
  read();
  run_until([&] { return ended.has_value(); });
  EXPECT_TRUE(ended.has_value());
  EXPECT_EQ(node.node().link_count(), 0U);
}

// Connections without a word; which of them the node has closed is seen by reading.
class SilentConnections {
 public:
  explicit SilentConnections(net::asio::io_context& context) : context_(context) {}
  void open(const net::Endpoint& to, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      auto one = std::make_unique<One>(context_);
      one->socket.connect({net::asio::ip::make_address(to.address), to.port});
      one->socket.async_read_some(net::asio::buffer(one->buffer), [at = one.get()](const boost::system::error_code&,
                                                                                   std::size_t) { at->ended = true; });
      all_.push_back(std::move(one));
    }
  }
  bool ended(std::size_t index) const { return all_.at(index)->ended; }

 private:
  struct One {
    explicit One(net::asio::io_context& context) : socket(context) {}
    net::asio::ip::tcp::socket socket;
    std::array<char, 16> buffer{};
    bool ended = false;
  };
  net::asio::io_context& context_;
  std::vector<std::unique_ptr<One>> all_;
};

class IdleConnections : public LoopbackNodes, public ::testing::WithParamInterface<std::pair<int, int>> {};

TEST_P(IdleConnections, TheOldestGivesWay) {
  SocketTransportOptions few;
  few.tls.max_handshakes = static_cast<std::size_t>(GetParam().first);
  few.tls.max_handshakes_per_address = static_cast<std::size_t>(GetParam().second);
  few.tls.handshake_timeout = std::chrono::seconds(3600);
  SocketNode& node = add(node_id({0x10}), "a@example.org", few);
  node.node().start_alone();
  SilentConnections silent(context_);
  silent.open(node.local(), 6);
  run_until([&] { return silent.ended(1); });
  EXPECT_TRUE(silent.ended(0));
  EXPECT_TRUE(silent.ended(1));
  EXPECT_FALSE(silent.ended(2));
  EXPECT_FALSE(silent.ended(5));
  EXPECT_TRUE(join(add(node_id({0x60}), "b@example.org")));
  EXPECT_TRUE(silent.ended(2));
}

INSTANTIATE_TEST_SUITE_P(Limits, IdleConnections, ::testing::Values(std::pair{4, 100}, std::pair{100, 4}));

TEST_F(LoopbackNodes, PortInUseIsSaid) {
  SocketNode& first = add(node_id({0x10}), "a@example.org");
  SocketTransportOptions same;
  same.listen = first.local();
  SocketNode second(context_.get_executor(), clock_, random_, overlay(),
                    make_identity(node_id({0x20}), "b@example.org", KeyType::kP256, authority(), now_valid()), {},
                    same);
  const auto started = second.start();
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().kind, net::ErrorKind::kAddressInUse);
}

}  // namespace
}  // namespace peerscope::reload::test
