// SPDX-License-Identifier: GPL-2.0-or-later
// Nodes on loopback, over sockets and real time.
#pragma once

#include <boost/asio.hpp>

#include "reference-impl/reload/socket_node.h"
#include "tests/reload_node/identity_fixture.h"

namespace peerscope::reload::test {

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
  SocketNode& add(const NodeId& id, const std::string& user, SocketTransportOptions transport = {}) {
    nodes_.push_back(std::make_unique<SocketNode>(context_.get_executor(), clock_, random_, overlay(),
                                                  make_identity(id, user, KeyType::kP256, authority(), now_valid()),
                                                  NodeOptions{}, std::move(transport)));
    const auto started = nodes_.back()->start();
    EXPECT_TRUE(started.ok()) << started.error().message;
    return *nodes_.back();
  }
  bool join(SocketNode& node) {
    std::optional<net::Result<void>> joined;
    node.node().join({nodes_.front()->local()}, [&](net::Result<void> result) { joined = result; });
    run_until([&] { return joined.has_value(); });
    EXPECT_TRUE(joined && joined->ok()) << (joined ? joined->error().message : "no result");
    return joined && joined->ok();
  }
  // Stored under `user` by the node of that user.
  bool store(Node& writer, const std::string& user, const std::string& text) {
    NewValue value;
    value.kind = kPrivateKind;
    value.value = text;
    std::optional<bool> stored;
    writer.store(writer.resource_id(user), {value}, [&](Reply<StoreAns> reply) { stored = reply.ok(); });
    run_until([&] { return stored.has_value(); });
    return stored && *stored;
  }
  std::string fetch(Node& reader, const std::string& user) {
    StoredDataSpecifier specifier;
    specifier.kind = kPrivateKind;
    std::optional<std::string> fetched;
    reader.fetch(reader.resource_id(user), {specifier}, [&](auto reply) {
      const bool found = reply.ok() && !reply->empty() && !reply->at(0).values.empty();
      fetched = found ? reply->at(0).values[0].value : std::string();
    });
    run_until([&] { return fetched.has_value(); });
    return fetched ? *fetched : "no answer";
  }
  Reply<Answer> ask(Node& node, const NodeId& to, Contents contents) {
    std::optional<Reply<Answer>> answer;
    node.request({Destination::node(to.view())}, std::move(contents),
                 [&](Reply<Answer> reply) { answer = std::move(reply); });
    run_until([&] { return answer.has_value(); });
    return answer ? *std::move(answer) : Reply<Answer>(RequestError{0, "nothing came back", {}});
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
  std::vector<std::unique_ptr<SocketNode>> nodes_;
};

}  // namespace peerscope::reload::test
