// SPDX-License-Identifier: GPL-2.0-or-later
// Our own requirement table judges every message of our own nodes: joins, stores, fetches, a leave and a crash.
#include <fmt/format.h>

#include "protocols/reload/protocol.h"
#include "tests/reload_node/identity_fixture.h"

namespace peerscope::reload::test {
namespace {

class JudgedOverlay : public OverlayFixture {
 protected:
  void SetUp() override { use(certified_configuration()); }
  std::unique_ptr<Security> make_security(const NodeId& id, const std::string& user) override {
    return std::make_unique<CertificateSecurity>(make_identity(id, user));
  }
  void watch(Member& member) {
    member.node->set_observer(
        [this, from = member.transport->local().to_string()](bool outgoing, const Link& link, std::string_view bytes) {
          if (outgoing) judge(bytes, from, link.remote().to_string());
        });
  }
  void judge(std::string_view bytes, const std::string& from, const std::string& to) {
    auto message = std::make_unique<Message>();
    message->context = &overlay()->context;
    decode(bytes, *message);
    message->source = from;
    message->destination = to;
    message->frame = ++seen_;
    message->time_ns = clock_.wall_now().time_since_epoch().count();
    message->transport.security = Transport::Security::kTls;
    ASSERT_NE(packet_of(*message), nullptr);
    const std::uint64_t tid = packet_of(*message)->forwarding.transaction_id;
    // The request on the same link, the other way.
    const auto key = message->direction == Direction::kRequest ? std::tuple(tid, from, to) : std::tuple(tid, to, from);
    const Message* request = nullptr;
    if (message->direction == Direction::kResponse && requests_.contains(key)) request = requests_[key].get();
    CheckInput input{*message};
    input.request = request;
    input.session = session_.get();
    std::vector<Finding> findings;
    run_checks(protocol(), input, {}, findings);
    for (const Finding& finding : findings) {
      if (finding.severity < Severity::kWarn) continue;
      ++complaints_[fmt::format("{} on {}: {}", finding.rule->id, message->type ? message->type->name : "?",
                                finding.detail)];
    }
    track(*session_, *message, request);
    ++methods_[message->type == nullptr ? "?" : message->type->name];
    if (message->direction == Direction::kRequest) requests_[key] = std::move(message);
  }

  std::unique_ptr<Session> session_ = make_session();
  std::map<std::tuple<std::uint64_t, std::string, std::string>, std::unique_ptr<Message>> requests_;
  std::map<std::string, int> complaints_;
  std::map<std::string, int> methods_;
  std::uint64_t seen_ = 0;
};

TEST_F(JudgedOverlay, NoMessageBreaksARule) {
  for (int i = 0; i < 6; ++i) {
    NodeOptions options;
    options.hold_down = std::chrono::seconds(2);
    Member& member = add(node_id({(i * 67 + 5) % 256, i}), std::move(options));
    watch(member);
    if (i == 0) {
      member.node->start_alone();
      continue;
    }
    bool joined = false;
    member.node->join({members_[0]->transport->local()}, [&](net::Result<void> result) { joined = result.ok(); });
    run_until([&] { return joined; });
    ASSERT_TRUE(joined);
    member.node->store_certificate([](bool) {});
  }
  run(std::chrono::seconds(5));
  Member& owner = *members_[2];
  const std::string place = owner.node->resource_id(owner.user);
  NewValue value;
  value.value = "x";
  value.kind = kPrivateArray;
  ASSERT_TRUE(store(*owner.node, place, {value}).ok());
  value.kind = kPrivateDictionary;
  value.key = owner.id.str();
  ASSERT_TRUE(store(*owner.node, place, {value}).ok());
  for (auto& member : members_) {
    EXPECT_EQ(fetched(*member->node, place, kPrivateArray), "x");
    EXPECT_EQ(fetched(*member->node, place, kPrivateDictionary), "x");
  }
  EXPECT_FALSE(store(*members_[1]->node, place, {value}).ok());
  ProbeReq probe;
  probe.requested_info = {kResponsibleSet, kNumResources, kUptime};
  EXPECT_TRUE(ask(*owner.node, {Destination::node(members_[5]->id.view())}, Contents(probe)).ok());
  FindReq find;
  find.resource = place;
  find.kinds = {kPrivateArray, kPrivateKind};
  EXPECT_TRUE(ask(*members_[5]->node, {Destination::resource(place)}, Contents(find)).ok());
  StatReq stat;
  stat.resource = place;
  stat.specifiers.emplace_back();
  stat.specifiers[0].kind = kPrivateArray;
  stat.specifiers[0].model = DataModel::kArray;
  stat.specifiers[0].indices = {{0, kLastIndex}};
  EXPECT_TRUE(ask(*members_[5]->node, {Destination::resource(place)}, Contents(stat)).ok());
  bool left = false;
  members_[3]->node->leave([&] { left = true; });
  run_until([&] { return left; });
  members_[3]->node->stop();
  crash(*members_[1]);
  run(std::chrono::seconds(200));
  for (const auto& [what, count] : complaints_) ADD_FAILURE() << count << " x " << what;
  for (const char* method : {"attach_req", "join_req", "leave_req", "update_req", "route_query_req", "store_req",
                             "fetch_ans", "stat_ans", "find_ans", "probe_ans", "error"})
    EXPECT_GT(methods_[method], 0) << method;
}

TEST_F(JudgedOverlay, AJudgeWhoSeesNothingWouldBeNoJudge) {
  Packet unsigned_ping;
  unsigned_ping.forwarding.overlay = overlay()->hash;
  unsigned_ping.forwarding.destination_list = {Destination::node(node_id({1}).view())};
  unsigned_ping.contents = Contents(PingReq{});
  judge(encode(unsigned_ping, &overlay()->context), "10.0.0.1:6084", "10.0.0.2:6084");
  EXPECT_FALSE(complaints_.empty());
}

}  // namespace
}  // namespace peerscope::reload::test
