// SPDX-License-Identifier: GPL-2.0-or-later
// Nodes on loopback over real TLS.
#include <boost/asio.hpp>

#include "reference-impl/reload/tls_node.h"
#include "tests/reload_node/identity_fixture.h"

namespace peerscope::reload::test {
namespace {

class LoopbackNodes : public ::testing::Test {
 protected:
  void TearDown() override { nodes_.clear(); }

  static Validity now_valid() {
    const std::int64_t now = std::time(nullptr);
    return {now - 3600, now + 86400};
  }
  const Authority& authority() {
    if (!authority_)
      authority_ = *Authority::create(*generate_key(KeyType::kP256), "Loopback Root", now_valid(), random_);
    return *authority_;
  }
  const OverlayPtr& overlay(std::string_view topology = kChordReload) {
    if (!overlay_) {
      OverlayConfiguration wanted = configuration();
      wanted.topology_plugin = topology;
      wanted.root_certs = {authority().certificate()->der()};
      overlay_ = overlay_of(wanted);
    }
    return overlay_;
  }
  TlsNode& add(const NodeId& id, const std::string& user, TlsTransportOptions transport = {}) {
    nodes_.push_back(std::make_unique<TlsNode>(context_.get_executor(), clock_, random_, overlay(),
                                               make_identity(id, user, KeyType::kP256, authority(), now_valid()),
                                               NodeOptions{}, std::move(transport)));
    const auto started = nodes_.back()->start();
    EXPECT_TRUE(started.ok()) << started.error().message;
    return *nodes_.back();
  }
  bool join(TlsNode& node) {
    std::optional<net::Result<void>> joined;
    node.node().join({nodes_.front()->local()}, [&](net::Result<void> result) { joined = result; });
    run_until([&] { return joined.has_value(); });
    EXPECT_TRUE(joined && joined->ok()) << (joined ? joined->error().message : "no result");
    return joined && joined->ok();
  }
  template <class F>
  void run_until(F&& done, std::chrono::seconds most = std::chrono::seconds(30)) {
    const auto end = std::chrono::steady_clock::now() + most;
    while (!done() && std::chrono::steady_clock::now() < end) {
      context_.restart();
      context_.run_for(std::chrono::milliseconds(2));
    }
  }

  net::asio::io_context context_{1};
  net::SystemClock clock_{context_.get_executor()};
  SystemRandom random_;
  std::optional<Authority> authority_;
  OverlayPtr overlay_;
  std::vector<std::unique_ptr<TlsNode>> nodes_;
};

TEST_F(LoopbackNodes, FourNodesJoinStoreAndFetch) {
  std::string keys;
  TlsTransportOptions logged;
  logged.key_log = [&](std::string_view line) { keys += line; };
  add(node_id({0x10}), "a@example.org", logged).node().start_alone();
  for (const int first : {0x60, 0xa0, 0xe0})
    ASSERT_TRUE(join(add(node_id({first}), "user" + std::to_string(first) + "@example.org")));
  EXPECT_NE(keys.find("TRAFFIC_SECRET"), std::string::npos);
  Node& writer = nodes_[1]->node();
  NewValue value;
  value.kind = kPrivateKind;
  value.value = "over TLS";
  const std::string place = writer.resource_id("user96@example.org");
  std::optional<bool> stored;
  writer.store(place, {value}, [&](Reply<StoreAns> reply) { stored = reply.ok(); });
  run_until([&] { return stored.has_value(); });
  ASSERT_TRUE(stored && *stored);
  StoredDataSpecifier specifier;
  specifier.kind = kPrivateKind;
  std::string fetched;
  nodes_[3]->node().fetch(place, {specifier}, [&](auto reply) {
    if (reply.ok() && !reply->empty() && !reply->at(0).values.empty()) fetched = reply->at(0).values[0].value;
  });
  run_until([&] { return !fetched.empty(); });
  EXPECT_EQ(fetched, "over TLS");
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
  NewValue value;
  value.kind = kPrivateKind;
  value.value = "near";
  std::optional<bool> stored;
  writer.store(place, {value}, [&](Reply<StoreAns> reply) { stored = reply.ok(); });
  run_until([&] { return stored.has_value(); });
  ASSERT_TRUE(stored && *stored);
  EXPECT_TRUE(nodes_[1]->node().topology().responsible(place));
  EXPECT_TRUE(nodes_[1]->node().storage().resources().contains(place));
}

TEST_F(LoopbackNodes, CertificateOfAnotherAuthorityGetsNoLink) {
  add(node_id({0x10}), "a@example.org").node().start_alone();
  SeededRandom random(4);
  const auto other = Authority::create(*generate_key(KeyType::kP256), "Other", now_valid(), random);
  TlsNode mallory(context_.get_executor(), clock_, random_, overlay(),
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
  TlsNode& node = add(node_id({0x10}), "a@example.org");
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

TEST_F(LoopbackNodes, PortInUseIsSaid) {
  TlsNode& first = add(node_id({0x10}), "a@example.org");
  TlsTransportOptions same;
  same.listen = first.local();
  TlsNode second(context_.get_executor(), clock_, random_, overlay(),
                 make_identity(node_id({0x20}), "b@example.org", KeyType::kP256, authority(), now_valid()), {}, same);
  const auto started = second.start();
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().kind, net::ErrorKind::kAddressInUse);
}

}  // namespace
}  // namespace peerscope::reload::test
