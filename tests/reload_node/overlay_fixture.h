// SPDX-License-Identifier: GPL-2.0-or-later
// Overlays of nodes in memory, on virtual time, with or without certificates.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocols/reload/ppsp_usage.h"
#include "protocols/reload/security/authority.h"
#include "reference-impl/reload/memory_overlay.h"
#include "reference-impl/reload/node.h"
#include "reference-impl/reload/ring.h"

namespace peerscope::reload::test {

inline constexpr std::uint32_t kPrivateKind = 0xf0000001;        // SINGLE, USER-MATCH
inline constexpr std::uint32_t kPrivateArray = 0xf0000002;       // ARRAY, USER-MATCH
inline constexpr std::uint32_t kPrivateDictionary = 0xf0000003;  // DICTIONARY, USER-NODE-MATCH
inline constexpr std::uint32_t kNodeKind = 0xf0000004;           // SINGLE, NODE-MATCH
inline constexpr std::uint32_t kMultipleKind = 0xf0000005;       // SINGLE, NODE-MULTIPLE, 3
inline constexpr std::string_view kOverlayName = "overlay.example.org";

inline KindBlock kind_block(std::uint32_t id, std::string model, std::string policy) {
  KindBlock block;
  block.kind.id = id;
  block.kind.data_model = std::move(model);
  block.kind.access_control = std::move(policy);
  block.kind.max_count = 5;
  block.kind.max_size = 200;
  if (block.kind.access_control == "NODE-MULTIPLE") block.kind.max_node_multiple = 3;
  return block;
}

inline OverlayConfiguration configuration() {
  OverlayConfiguration configuration;
  configuration.instance_name = kOverlayName;
  configuration.sequence = 22;
  configuration.no_ice = true;
  configuration.max_message_size = 32768;  // room for a ConfigUpdate with a document signed five times over
  configuration.chord_update_interval = 60;
  configuration.chord_ping_interval = 300;
  configuration.required_kinds = {
      kind_block(kPrivateKind, "SINGLE", "USER-MATCH"), kind_block(kPrivateArray, "ARRAY", "USER-MATCH"),
      kind_block(kPrivateDictionary, "DICTIONARY", "USER-NODE-MATCH"), kind_block(kNodeKind, "SINGLE", "NODE-MATCH"),
      kind_block(kMultipleKind, "SINGLE", "NODE-MULTIPLE")};
  for (KindBlock& block : ppsp_kinds()) configuration.required_kinds.push_back(std::move(block));
  return configuration;
}

inline OverlayPtr overlay_of(const OverlayConfiguration& configuration) {
  auto made = make_overlay(configuration);
  EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
  return made.ok() ? *made : nullptr;
}

// A Node-ID that begins with these bytes.
inline NodeId node_id(std::initializer_list<int> begin) {
  std::string id(16, '\0');
  std::size_t i = 0;
  for (const int byte : begin) id[i++] = static_cast<char>(byte);
  return NodeId(id);
}

// One node with what it stands on.
struct Member {
  NodeId id;
  std::string user;
  std::unique_ptr<MemoryTransport> transport;
  std::unique_ptr<Node> node;
  bool crashed = false;
};

class OverlayFixture : public ::testing::Test {
 protected:
  void use(const OverlayConfiguration& wanted) { overlay_ = overlay_of(wanted); }
  const OverlayPtr& overlay() {
    if (!overlay_) use(configuration());
    return overlay_;
  }

  Member& add(const NodeId& id, NodeOptions options = {}) {
    auto member = std::make_unique<Member>();
    member->id = id;
    member->user = "user" + std::to_string(members_.size()) + "@example.org";
    member->transport = std::make_unique<MemoryTransport>(network_, std::vector<NodeId>{id});
    member->node = std::make_unique<Node>(clock_, random_, overlay(), make_security(id, member->user),
                                          *member->transport, std::move(options));
    members_.push_back(std::move(member));
    return *members_.back();
  }
  virtual std::unique_ptr<Security> make_security(const NodeId& id, const std::string& user) {
    return std::make_unique<NamedSecurity>(id, user);
  }

  // Joins through the first member; starts the overlay when there is none.
  Member& add_joined(const NodeId& id, NodeOptions options = {}) {
    options.hold_down = std::chrono::seconds(2);
    Member& member = add(id, std::move(options));
    if (members_.size() == 1) {
      member.node->start_alone();
      return member;
    }
    std::optional<net::Result<void>> joined;
    member.node->join({members_.front()->transport->local()}, [&](net::Result<void> result) { joined = result; });
    run_until([&] { return joined.has_value(); });
    EXPECT_TRUE(joined && joined->ok()) << (joined ? joined->error().message : "no result");
    return member;
  }
  void make_ring(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      add_joined(node_id({static_cast<int>((i * 67 + 5) % 256), static_cast<int>(i)}));
    run(std::chrono::seconds(5));
  }

  void run(net::Duration time) { clock_.advance(time); }
  template <class F>
  void run_until(F&& done, net::Duration most = std::chrono::seconds(120)) {
    const net::SteadyTime end = clock_.now() + most;
    while (!done() && clock_.now() < end) clock_.advance(std::chrono::milliseconds(10));
  }

  Reply<Answer> ask(Node& node, Destinations path, Contents contents) {
    std::optional<Reply<Answer>> answer;
    node.request(std::move(path), std::move(contents), [&](Reply<Answer> reply) { answer = std::move(reply); });
    run_until([&] { return answer.has_value(); });
    return answer ? *std::move(answer) : Reply<Answer>(RequestError{0, "nothing came back", {}});
  }
  Reply<StoreAns> store(Node& node, const std::string& resource, std::vector<NewValue> values,
                        std::uint64_t generation = 0) {
    std::optional<Reply<StoreAns>> answer;
    node.store(
        resource, std::move(values), [&](Reply<StoreAns> reply) { answer = std::move(reply); }, generation);
    run_until([&] { return answer.has_value(); });
    return answer ? *std::move(answer) : Reply<StoreAns>(RequestError{0, "nothing came back", {}});
  }
  Reply<std::vector<FetchKindResponse>> fetch(Node& node, const std::string& resource, std::uint32_t kind) {
    StoredDataSpecifier specifier;
    specifier.kind = kind;
    if (overlay()->context.model_of(kind) == DataModel::kArray) specifier.indices.push_back({0, kLastIndex});
    std::optional<Reply<std::vector<FetchKindResponse>>> answer;
    node.fetch(resource, {specifier}, [&](auto reply) { answer = std::move(reply); });
    run_until([&] { return answer.has_value(); });
    return answer ? *std::move(answer) : RequestError{0, "nothing came back", {}};
  }
  // The values that exist, one after the other with spaces.
  std::string fetched(Node& node, const std::string& resource, std::uint32_t kind) {
    const auto reply = fetch(node, resource, kind);
    if (!reply.ok()) return "error: " + reply.error().text;
    std::string out;
    for (const FetchKindResponse& response : *reply) {
      for (const StoredData& value : response.values) {
        if (value.exists) out += (out.empty() ? "" : " ") + value.value;
      }
    }
    return out;
  }
  Member& responsible_for(std::string_view resource) {
    for (auto& member : members_) {
      if (!member->crashed && member->node->topology().responsible(resource)) return *member;
    }
    ADD_FAILURE() << "nobody is responsible";
    return *members_.front();
  }
  void crash(Member& member) {
    member.transport->crash();
    member.crashed = true;
  }
  // Each node's predecessor and successor are its neighbours on the ring.
  void expect_ring() {
    std::map<NodeId, Node*> nodes;
    for (auto& member : members_) {
      if (!member->crashed) nodes[member->id] = member->node.get();
    }
    ASSERT_GT(nodes.size(), 1U);
    for (auto at = nodes.begin(); at != nodes.end(); ++at) {
      const auto next = std::next(at) == nodes.end() ? nodes.begin() : std::next(at);
      ASSERT_FALSE(at->second->topology().successors().empty());
      ASSERT_FALSE(next->second->topology().predecessors().empty());
      EXPECT_EQ(at->second->topology().successors().front(), next->first);
      EXPECT_EQ(next->second->topology().predecessors().front(), at->first);
    }
  }

  net::ManualClock clock_;
  MemoryNetwork network_{clock_};
  SeededRandom random_{42};
  OverlayPtr overlay_;
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace peerscope::reload::test
