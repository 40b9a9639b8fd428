// SPDX-License-Identifier: GPL-2.0-or-later
// Diagnostics (RFC 7851): Pings that ask, PathTrack, and who is told.
#include "protocols/reload/protocol.h"
#include "reference-impl/reload/path_track.h"
#include "tests/reload_node/identity_fixture.h"

namespace peerscope::reload::test {
namespace {

constexpr std::uint64_t flag(std::uint16_t kind) {
  return std::uint64_t{1} << kind;
}

class Diagnostics : public OverlayFixture {
 protected:
  std::uint64_t now() const {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall_now().time_since_epoch()).count());
  }
  DiagnosticsRequest wish(std::uint64_t flags, std::uint64_t life = 10'000) const {
    DiagnosticsRequest request;
    request.timestamp_initiated = now();
    request.expiration = now() + life;
    request.flags = flags;
    return request;
  }
  static Contents ping_with(const DiagnosticsRequest& request) {
    Contents contents{PingReq{}};
    DiagnosticsRequest copy = request;
    contents.extensions.push_back({kDiagnosticPing, false, encode_part(copy), false});
    return contents;
  }
  // The last message that reached this member.
  std::string& watch(Member& member) {
    member.node->set_observer([this](bool outgoing, const Link&, std::string_view bytes) {
      if (!outgoing) last_ = bytes;
    });
    return last_;
  }
  struct Path {
    std::vector<PathStep> steps;
    std::optional<RequestError> error;
    bool done = false;
  };
  Path track(Node& node, const NodeId& first, const Destination& target, std::uint64_t flags) {
    Path path;
    track_path(
        node, clock_, first, target, flags, [&](const PathStep& step) { path.steps.push_back(step); },
        [&](std::optional<RequestError> error) {
          path.error = std::move(error);
          path.done = true;
        });
    run_until([&] { return path.done; });
    EXPECT_TRUE(path.done);
    return path;
  }
  std::string last_;
};

TEST_F(Diagnostics, PingTellsWhomTheConfigurationNamesWhatItNames) {
  const NodeId asker = node_id({0x60});
  OverlayConfiguration wanted = configuration();
  wanted.diagnostics = {{kRoutingTableSizeKind, {asker.str()}}, {kSoftwareVersionKind, {asker.str()}}};
  use(wanted);
  NodeOptions options;
  options.software = "test 1.0";
  add_joined(node_id({0x10}), options);
  Member& member = add_joined(asker);
  Member& other = add_joined(node_id({0xa0}));
  run(std::chrono::seconds(5));
  const Destinations to{Destination::node(node_id({0x10}).view())};
  const std::string& seen = watch(member);
  ASSERT_TRUE(ask(*member.node, to, ping_with(wish(flag(kRoutingTableSizeKind) | flag(kSoftwareVersionKind)))).ok());
  Message message;
  decode(seen, message);
  const auto* packet = packet_of(message);
  ASSERT_NE(packet, nullptr);
  ASSERT_EQ(packet->contents.extensions.size(), 1U);
  DiagnosticsResponse told;
  ASSERT_TRUE(decode_part(packet->contents.extensions[0].contents, told));
  EXPECT_EQ(told.hop_counter, 100);
  EXPECT_GT(told.expiration, told.timestamp_received);
  EXPECT_LE(told.expiration, told.timestamp_received + 600'000);
  ASSERT_EQ(told.infos.size(), 2U);
  DiagnosticValue size;
  size.kind = told.infos[0].kind;
  ASSERT_TRUE(decode_part(told.infos[0].contents, size));
  EXPECT_EQ(size.number, 2U);
  EXPECT_EQ(told.infos[1].contents, std::string("test 1.0\0", 9));
  // A kind that is not permitted to it, and somebody who is permitted none.
  const auto more = ask(*member.node, to, ping_with(wish(flag(kAppUptimeKind))));
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().code, kForbidden);
  const auto denied = ask(*other.node, to, ping_with(wish(flag(kRoutingTableSizeKind))));
  ASSERT_FALSE(denied.ok());
  EXPECT_EQ(denied.error().code, kForbidden);
  EXPECT_TRUE(ask(*other.node, to, ping_with(wish(0))).ok());
  EXPECT_TRUE(ask(*other.node, to, Contents(PingReq{})).ok());
}

TEST_F(Diagnostics, ExpiredAndUnreadableRequestsAreRefused) {
  make_ring(2);
  const Destinations to{Destination::node(members_[0]->id.view())};
  DiagnosticsRequest old = wish(0);
  old.expiration = now() - 1;
  const auto expired = ask(*members_[1]->node, to, ping_with(old));
  ASSERT_FALSE(expired.ok());
  EXPECT_EQ(expired.error().code, kMessageExpired);
  PathTrackReq late;
  late.destination = Destination::node(members_[0]->id.view());
  late.request = old;
  const auto tracked = ask(*members_[1]->node, to, Contents(late));
  ASSERT_FALSE(tracked.ok());
  EXPECT_EQ(tracked.error().code, kMessageExpired);
}

TEST_F(Diagnostics, ExtensionOnAnotherMethodIsIgnored) {
  make_ring(2);
  Contents probe{ProbeReq{}};
  probe.extensions = ping_with(wish(kAllDiagnostics)).extensions;
  const auto answer = ask(*members_[1]->node, {Destination::node(members_[0]->id.view())}, std::move(probe));
  EXPECT_TRUE(answer.ok()) << answer.error().text;
}

TEST_F(Diagnostics, PathTrackWalksToTheResponsiblePeer) {
  NodeOptions open;
  open.open_diagnostics = true;
  for (int i = 0; i < 40; ++i) add_joined(node_id({i * 67 % 256, i}), open);
  run(std::chrono::seconds(5));
  std::size_t longest = 0;
  for (int i = 0; i < 40; ++i) {
    const std::string resource = members_[0]->node->resource_id("name" + std::to_string(i));
    Member& from = *members_[static_cast<std::size_t>(i)];
    const auto first = from.node->topology().next_hop(resource);
    if (!first) continue;  // its own
    const Path path = track(*from.node, *first, Destination::resource(resource), kAllDiagnostics);
    ASSERT_FALSE(path.error) << path.error->text;
    ASSERT_FALSE(path.steps.empty());
    EXPECT_EQ(path.steps.back().node, responsible_for(resource).id);
    EXPECT_EQ(path.steps.back().next, path.steps.back().node);
    for (std::size_t step = 0; step + 1 < path.steps.size(); ++step)
      EXPECT_EQ(path.steps[step].next, path.steps[step + 1].node);
    for (const PathStep& step : path.steps) EXPECT_GE(step.diagnostics.infos.size(), 5U);
    longest = std::max(longest, path.steps.size());
  }
  EXPECT_GE(longest, 2U);
}

TEST_F(Diagnostics, PathTrackWithoutDiagnosticsIsForEverybodyAndOthersAreRefused) {
  make_ring(3);
  const std::string resource = members_[0]->node->resource_id("somebody");
  const Path bare = track(*members_[0]->node, members_[1]->id, Destination::resource(resource), 0);
  EXPECT_FALSE(bare.error);
  EXPECT_TRUE(bare.steps.back().diagnostics.infos.empty());
  const Path refused = track(*members_[0]->node, members_[1]->id, Destination::resource(resource), kAllDiagnostics);
  ASSERT_TRUE(refused.error);
  EXPECT_EQ(refused.error->code, kForbidden);
}

TEST_F(Diagnostics, PathTrackToANodeEndsThereAndToNobodyAtItsNeighbour) {
  make_ring(5);
  const Path there = track(*members_[0]->node, members_[1]->id, Destination::node(members_[3]->id.view()), 0);
  ASSERT_FALSE(there.error);
  EXPECT_EQ(there.steps.back().node, members_[3]->id);
  const std::string nobody = node_id({0x77, 0x77}).str();
  const Path none = track(*members_[0]->node, members_[1]->id, Destination::node(nobody), 0);
  ASSERT_FALSE(none.error);
  EXPECT_EQ(none.steps.back().node, responsible_for(nobody).id);
  const auto opaque = [&] {
    PathTrackReq body;
    body.destination = Destination::opaque("xyz");
    body.request = wish(0);
    return ask(*members_[0]->node, {Destination::node(members_[1]->id.view())}, Contents(body));
  }();
  ASSERT_FALSE(opaque.ok());
  EXPECT_EQ(opaque.error().code, kInvalidMessage);
}

}  // namespace
}  // namespace peerscope::reload::test
