// SPDX-License-Identifier: GPL-2.0-or-later
// The harness as a RELOAD node: identities, messages built from scenario text, signatures, matching, rows told by
// check.
#include <gtest/gtest.h>

#include <cstdio>
#include <ctime>
#include <fstream>

#include "harness/check.h"
#include "harness/overlay/order.h"
#include "harness/scenario/match.h"
#include "harness/scenario/scenario.h"
#include "harness/scenario/yaml.h"
#include "protocols/reload/protocol.h"
#include "protocols/reload/security/text.h"
#include "protocols/reload/verification.h"

namespace peerscope::harness {
namespace {

using reload::Verdict;

// An overlay with self-signed nodes, and what one of them says.
class OverlayOrders : public testing::Test {
 protected:
  OverlayOrders() {
    overlay_.found("overlay.example.org");
    EXPECT_EQ(make("alice", "{}", alice_), "");
    EXPECT_EQ(make("bob", "{}", bob_), "");
  }

  std::string make(const std::string& name, const std::string& wish, NodeIdentity& identity,
                   std::string_view iut = {}) {
    const Tree tree = parse_yaml(wish, "wish").tree;
    return make_identity(overlay_, name, &tree, file_, iut, random_, identity);
  }

  // The message that `with` and `link` ask for, decoded.
  Message& build(const std::string& msg, const std::string& with, const std::string& link = "{}",
                 const std::string& mutate = "[]") {
    const Tree with_tree = parse_yaml(with, "with").tree;
    const Tree link_tree = parse_yaml(link, "link").tree;
    Overrides overrides;
    std::optional<std::size_t> truncate;
    EXPECT_EQ(to_overrides(parse_yaml(mutate, "mutate").tree, overrides, truncate), "");
    MessageOrder order;
    order.overlay = &overlay_;
    order.msg = msg;
    order.with = &with_tree;
    order.link = &link_tree;
    order.overrides = &overrides;
    order.self = &alice_;
    order.now_ms = 1'700'000'000'000;
    order.transaction_id = 77;
    order.own_port = 6084;
    order.destination = bob_.node_id;
    order.identity_of = [this](const std::string& name) { return name == "bob" ? &bob_ : nullptr; };
    why_.clear();
    const std::string bytes = build_message(order, why_);
    message_.clear();
    message_.context = &overlay_.context;
    reload::decode(bytes, message_);
    return message_;
  }

  // Of the message itself, or of its first value.
  Verdict verdict(const Message& message, bool of_value = false) {
    reload::Verifier verifier;
    (void)verifier.learn(message);
    for (const Verdict& one : verifier.look(message, {})) {
      if (one.of_value == of_value) return one;
    }
    return {};
  }

  static constexpr const char* kStore =
      "{contents: {store_req: {resource: 000102030405060708090a0b0c0d0e0f, kind_data: [{kind: 0xf0000001, values: "
      "[{lifetime: 60, exists: true, value: c0ffee}]}]}}}";

  Random random_{1};
  OverlayView overlay_;
  IutFile file_;
  NodeIdentity alice_;
  NodeIdentity bob_;
  Message message_;
  std::string why_;
};

TEST_F(OverlayOrders, WhatNoScenarioSaysIsFilledInAndSigned) {
  const Message& ping = build("ping_req", "{}");
  ASSERT_EQ(why_, "");
  EXPECT_TRUE(ping.issues.empty());
  const reload::ForwardingHeader& header = reload::packet_of(ping)->forwarding;
  EXPECT_EQ(header.overlay, reload::overlay_hash("overlay.example.org"));
  EXPECT_EQ(header.configuration_sequence, 1);
  EXPECT_EQ(header.ttl, 100);
  EXPECT_EQ(header.transaction_id, 77U);
  ASSERT_EQ(header.destination_list.size(), 1U);
  EXPECT_EQ(header.destination_list[0].id, bob_.node_id);
  const Verdict signature = verdict(ping);
  EXPECT_EQ(signature.result, Verdict::Result::kGood);
  EXPECT_EQ(signature.node_id, alice_.node_id);
  EXPECT_EQ(signature.user, alice_.user);
}

TEST_F(OverlayOrders, WhatTheScenarioSaysStays) {
  const Message& ping = build("ping_req",
                              "{forwarding: {ttl: 9, transaction_id: 5, destination_list: [{opaque_id: 0102}, "
                              "{resource_id: 0304}]}, contents: {ping_req: {padding: 000000}}}");
  ASSERT_EQ(why_, "");
  const reload::Packet& packet = *reload::packet_of(ping);
  EXPECT_EQ(packet.forwarding.ttl, 9);
  EXPECT_EQ(packet.forwarding.transaction_id, 5U);
  EXPECT_EQ(packet.forwarding.destination_list.size(), 2U);
  EXPECT_EQ(std::get<reload::PingReq>(packet.contents.body).padding.size(), 3U);
  EXPECT_EQ(verdict(ping).result, Verdict::Result::kGood);
}

TEST_F(OverlayOrders, AttachNamesTheOwnListenerUnlessToldOtherwise) {
  const auto* own =
      reload::body_of<reload::AttachReq>(build("attach_req", "{contents: {attach_req: {send_update: true}}}"));
  ASSERT_NE(own, nullptr);
  ASSERT_EQ(own->candidates.size(), 1U);
  EXPECT_EQ(own->candidates[0].address.port, 6084);
  EXPECT_EQ(own->role, reload::kPassive);
  EXPECT_TRUE(own->send_update);
  const auto* none =
      reload::body_of<reload::AttachReq>(build("attach_req", "{contents: {attach_req: {candidates: []}}}"));
  ASSERT_NE(none, nullptr);
  EXPECT_TRUE(none->candidates.empty());
}

TEST_F(OverlayOrders, SignaturesAreWrongWhereTheyShallBe) {
  EXPECT_EQ(verdict(build("ping_req", "{}", "{signature: bad}")).result, Verdict::Result::kBad);
  EXPECT_EQ(verdict(build("ping_req", "{}", "{signature: none}")).result, Verdict::Result::kNotSigned);
  EXPECT_EQ(verdict(build("ping_req", "{}", "{bucket: none}")).result, Verdict::Result::kNoCertificate);
  const Verdict bob = verdict(build("ping_req", "{}", "{sign_as: bob}"));
  EXPECT_EQ(bob.result, Verdict::Result::kGood);
  EXPECT_EQ(bob.node_id, bob_.node_id);
  build("ping_req", "{}", "{sign_as: nobody}");
  EXPECT_NE(why_.find("nobody"), std::string::npos);
}

TEST_F(OverlayOrders, ValuesAreSignedOfTheirOwn) {
  const Message& good = build("store_req", kStore);
  ASSERT_EQ(why_, "");
  const auto* store = reload::body_of<reload::StoreReq>(good);
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->kind_data[0].values[0].storage_time, 1'700'000'000'000U);
  EXPECT_EQ(verdict(good, true).result, Verdict::Result::kGood);
  const Message& bad = build("store_req", kStore, "{values: bad}");
  EXPECT_EQ(verdict(bad, true).result, Verdict::Result::kBad);
  EXPECT_EQ(verdict(bad).result, Verdict::Result::kGood);
  EXPECT_EQ(verdict(build("store_req", kStore, "{values: none}"), true).result, Verdict::Result::kNotSigned);
  EXPECT_EQ(verdict(build("store_req", kStore, "{values_as: bob}"), true).node_id, bob_.node_id);
}

TEST_F(OverlayOrders, MutatedContentsAreSignedAsTheyAre) {
  const Message& mutated = build("ping_req", "{contents: {ping_req: {padding: '00'}}}", "{}",
                                 "[{set: {contents.ping_req.padding: ffff}}, {set: {forwarding.version: '11'}}]");
  ASSERT_EQ(why_, "");
  EXPECT_EQ(reload::packet_of(mutated)->forwarding.version, 11);
  EXPECT_EQ(std::get<reload::PingReq>(reload::packet_of(mutated)->contents.body).padding, "\xff\xff");
  EXPECT_EQ(verdict(mutated).result, Verdict::Result::kGood);
  build("ping_req", "{}", "{}", "[{set: {contents.no_such_thing: '1'}}]");
  EXPECT_NE(why_.find("no_such_thing"), std::string::npos);
}

TEST_F(OverlayOrders, MistakesInTheTextAreTold) {
  build("ping_req", "{contents: {ping_req: {pading: '00'}}}");
  EXPECT_NE(why_.find("pading"), std::string::npos);
}

TEST_F(OverlayOrders, IdentitiesAreWhatIsWanted) {
  NodeIdentity identity;
  ASSERT_EQ(make("carol", "{node_ids: 3, user: carol@example.org}", identity), "");
  EXPECT_EQ(identity.certificate->node_ids().size(), 3U);
  EXPECT_EQ(identity.user, "carol@example.org");
  ASSERT_EQ(make("eve", "{certificate: expired}", identity), "");
  EXPECT_FALSE(identity.certificate->valid_at(std::time(nullptr)));
  ASSERT_EQ(make("mallory", "{certificate: forged-id}", identity), "");
  EXPECT_NE(reload::check_self_signed(*identity.certificate, reload::tls_hash::kSha256, 16),
            reload::SelfSignedResult::kOk);
  ASSERT_EQ(make("near", "{near: after}", identity, alice_.node_id), "");
  const int distance = static_cast<unsigned char>(identity.node_id[0]) - static_cast<unsigned char>(alice_.node_id[0]);
  EXPECT_LE((distance + 256) % 256, 5);
}

TEST_F(OverlayOrders, AnOverlayWithoutSelfSignedNodesNeedsAnAuthority) {
  overlay_.configuration.self_signed_permitted.reset();
  NodeIdentity identity;
  EXPECT_NE(make("carol", "{}", identity).find("authority"), std::string::npos);
}

TEST_F(OverlayOrders, BytesAndNamesAreMatchedAsScenariosWriteThem) {
  const Message& ping = build("ping_req", "{forwarding: {transaction_id: 0xffffffffffffffff}}");
  const auto misses = [&](const std::string& where) { return match_message(ping, parse_yaml(where, "w").tree).size(); };
  const std::string id = reload::text::to_hex(bob_.node_id);
  EXPECT_EQ(misses("{'forwarding.destination_list[0].node_id': " + id + "}"), 0U);
  EXPECT_EQ(misses("{forwarding.destination_list: {contains: {node_id: " + id + "}}}"), 0U);
  EXPECT_EQ(misses("{relo.forwarding.transaction_id: 18446744073709551615}"), 0U);
  EXPECT_EQ(misses("{relo.forwarding.relo_token: 0xd2454c4f}"), 0U);
  EXPECT_EQ(misses("{relo.message.code: ping_req}"), 0U);
  EXPECT_EQ(misses("{relo.message.code: ping_ans}"), 1U);
  EXPECT_EQ(misses("{relo.message.code: {in: [ping_ans, ping_req]}}"), 0U);
}

TEST_F(OverlayOrders, RenewedMessagesAreSignedByTheOneWhoPlays) {
  reload::Packet packet = *reload::packet_of(build("store_req", kStore));
  Message again;
  again.context = &overlay_.context;
  reload::decode(sign_anew(packet, overlay_, bob_, 1'800'000'000'000), again);
  EXPECT_EQ(verdict(again).node_id, bob_.node_id);
  EXPECT_EQ(verdict(again).result, Verdict::Result::kGood);
  EXPECT_EQ(verdict(again, true).result, Verdict::Result::kGood);
  EXPECT_EQ(reload::body_of<reload::StoreReq>(again)->kind_data[0].values[0].storage_time, 1'800'000'000'000U);
}

std::size_t told(const Message& message, std::string_view rule) {
  CapturedMessage captured;
  captured.protocol = &reload::protocol();
  captured.message = std::make_shared<Message>();
  reload::decode(message.view(), *captured.message);
  Checker checker;
  std::size_t n = 0;
  for (const RuleHit& hit : checker.judge(captured, nullptr)) n += hit.rule->id == rule;
  return n;
}

TEST_F(OverlayOrders, CheckTellsBadSignaturesInCaptures) {
  EXPECT_EQ(told(build("store_req", kStore), "R-SEC-05"), 0U);
  EXPECT_EQ(told(build("store_req", kStore, "{signature: bad}"), "R-SEC-05"), 1U);
  EXPECT_EQ(told(build("store_req", kStore, "{values: bad}"), "R-STO-29"), 1U);
  EXPECT_EQ(told(build("store_req", kStore), "R-STO-29"), 0U);
}

TEST(NodeIutFiles, NameTheOverlay) {
  const std::string path = testing::TempDir() + "node-iut.yaml";
  const auto error_of = [&](const std::string& more) {
    std::ofstream(path) << "iut: node\nrole: node\nattach: {url: \"reload://127.0.0.1:6084\"}\n" << more;
    std::string error;
    (void)load_iut(path, error);
    return error;
  };
  EXPECT_EQ(error_of("overlay: {config: overlay.xml}\n"), "");
  EXPECT_NE(error_of("").find("overlay"), std::string::npos);
  EXPECT_NE(error_of("overlay: {authority: ca.pem}\n").find("config"), std::string::npos);
  EXPECT_NE(error_of("overlay: {config: overlay.xml, colour: red}\n").find("colour"), std::string::npos);
  std::remove(path.c_str());
}

TEST(LinkedScenarios, MistakesAreFoundBeforeAnythingIsSent) {
  const auto errors = [](const std::string& step, const std::string& more = "") {
    std::string all;
    for (const std::string& error :
         parse_scenario(
             "format: 1\nprotocol: relo\nscenario: reload/node/x\ntitle: t\nrole: node\ntests: [R-PNG-02]\n" + more +
                 "steps:\n  - " + step + "\n",
             "x.yaml")
             .errors)
      all += error + "\n";
    return all;
  };
  EXPECT_EQ(errors("{by: alice, send: {msg: ping_req}, expect: {where: {relo.ping_ans.time: {gt: $now}}}}"), "");
  EXPECT_NE(errors("{send: {msg: pong_req}}").find("pong_req"), std::string::npos);
  EXPECT_NE(errors("{send: {msg: ping_req, link: {colour: red}}}").find("colour"), std::string::npos);
  EXPECT_NE(errors("{send: {msg: ping_req}}", "parties: {alice: {size: 3}}\n").find("size"), std::string::npos);
  EXPECT_NE(errors("{expect: {answers: nothing, msg: ping_ans}}").find("nothing"), std::string::npos);
  EXPECT_NE(errors("{send: {msg: ping_req, with: {contents: {ping_req: {padding: $carol.id}}}}}").find("carol"),
            std::string::npos);
}

}  // namespace
}  // namespace peerscope::harness
