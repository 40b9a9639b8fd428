// SPDX-License-Identifier: GPL-2.0-or-later
// The codec for roles, the inputs of signatures, contexts, and overrides.
#include <gtest/gtest.h>

#include "protocols/reload/protocol.h"
#include "protocols/reload/signature_input.h"
#include "tests/support/sample.h"

namespace peerscope::reload {
namespace {

using namespace std::string_literals;
using test::load_sample;
using test::sample_path;

const std::string kNode(16, '\x11');

Message& decoded(const std::string& name) {
  static Message message;
  test::decode(load_sample(sample_path("reload", name)), message);
  return message;
}

Packet ping() {
  Packet packet;
  packet.forwarding.overlay = 0x9aa32b8d;
  packet.forwarding.transaction_id = 7;
  packet.forwarding.destination_list = {Destination::node(kNode)};
  packet.contents = Contents(PingReq{});
  return packet;
}

TEST(ReloadCodec, ABodyBringsItsCode) {
  Packet packet = ping();
  Message message;
  decode(encode(packet), message);
  EXPECT_TRUE(message.issues.empty());
  EXPECT_STREQ(message.type->name, "ping_req");
  EXPECT_EQ(message.direction, Direction::kRequest);
  ASSERT_NE(body_of<PingReq>(message), nullptr);
  EXPECT_EQ(body_of<PingAns>(message), nullptr);
  EXPECT_EQ(protocol().exchange_id(message), "\0\0\0\0\0\0\0\x07"s);
  EXPECT_EQ(protocol().summary(message, nullptr), "ping_req to node 11111111.., tid 0000000000000007, ttl 100");
}

TEST(ReloadCodec, ContentsAreWrittenOnceAndSignedAsTheyAre) {
  Packet packet = ping();
  const std::string contents = encode(packet.contents);
  packet.security.signature.value = "signature";
  EXPECT_EQ(encode(packet.forwarding, contents, packet.security), encode(packet));
  Message message;
  decode(encode(packet), message);
  EXPECT_EQ(contents_bytes(message), contents);
  EXPECT_EQ(identity_bytes(message), encode(packet.security.signature.identity));
  const auto input = message_signature_input(message);
  ASSERT_TRUE(input.has_value());
  EXPECT_EQ(*input, "\x9a\xa3\x2b\x8d"s + "\0\0\0\0\0\0\0\x07"s + contents + "\x03\0\0"s);
  EXPECT_EQ(*input, message_signature_input(0x9aa32b8d, 7, contents, encode(packet.security.signature.identity)));
}

TEST(ReloadCodec, NoInputOfASignatureWithoutAMessage) {
  EXPECT_FALSE(message_signature_input(decoded("frame_ack")).has_value());
  EXPECT_FALSE(message_signature_input(decoded("fragment_first")).has_value());
  EXPECT_FALSE(message_signature_input(decoded("ping_req_cut")).has_value());
}

TEST(ReloadCodec, TheInputOfAValueSignature) {
  // The vector of the sheet: resource, Kind, storage time, exists, value, identity.
  const auto* store = body_of<StoreReq>(decoded("store_req_single"));
  ASSERT_NE(store, nullptr);
  StoredData value = store->kind_data[0].values[0];
  EXPECT_EQ(value.model, DataModel::kSingle);
  SignerIdentity nobody;
  std::string expected = store->resource + "\xf0\0\0\x01"s + "\0\0\x01\x8b\xcf\xe5\x68\0"s + "\x01\0\0\0\x03"s + "abc";
  EXPECT_EQ(value_signature_input(store->resource, value, nobody), expected + "\x03\0\0"s);
}

TEST(ReloadCodec, AnAppendedValueIsSignedWithIndexZero) {
  StoredData value;
  value.kind = kCertificateByUserKind;
  value.index = kAppendIndex;
  value.value = "CERT";
  SignerIdentity nobody;
  const std::string appended = value_signature_input("r", value, nobody);
  value.index = 0;
  EXPECT_EQ(value_signature_input("r", value, nobody), appended);
  value.index = 5;
  EXPECT_EQ(value_signature_input("r", value, nobody), appended);
  EXPECT_EQ(value.model, DataModel::kArray) << "the registry knows";
}

TEST(ReloadCodec, WhatCannotBeWrittenIsNotWritten) {
  Packet packet = ping();
  packet.forwarding.via_list.assign(4000, Destination::node(kNode));
  EXPECT_EQ(encode(packet), "") << "72,000 bytes of Via List";
  packet = ping();
  packet.contents.code = kPingAnsMethod.code;
  EXPECT_EQ(encode(packet), "") << "a body of another code";
}

TEST(ReloadCodec, PartsAreReadAndWrittenAlone) {
  KindValue value{kTurnServiceKind, true, TurnServer{2, {}}};
  const std::string bytes = encode_part(value);
  EXPECT_EQ(bytes, "\x02\x01\x06\0\0\0\0\0\0"s);
  KindValue back{kTurnServiceKind, true, {}};
  ASSERT_TRUE(decode_part(bytes, back));
  EXPECT_EQ(std::get<TurnServer>(back.value).iteration, 2);
  EXPECT_FALSE(decode_part(bytes + "x", back));
  EXPECT_FALSE(decode_part(bytes.substr(0, 4), back));
}

TEST(ReloadContext, ADefinedKindDecidesTheLayout) {
  const test::Sample sample = load_sample(sample_path("reload", "fetch_req_private_dictionary"));
  Context context;
  context.kinds[0xf0000001] = {"PPSP-SWARM", DataModel::kSingle};
  Message message;
  message.context = &context;
  decode(sample.bytes, message);
  ASSERT_EQ(message.issues.size(), 1U) << "a single value has no specifier";
  EXPECT_EQ(message.issues[0].field, &kSpecifierLength);
  EXPECT_EQ(context.name_of(0xf0000001), "PPSP-SWARM");
  EXPECT_EQ(context.name_of(2), "TURN-SERVICE");
  EXPECT_EQ(context.name_of(0xf0000009), "0xf0000009");
  context.kinds[2].model = DataModel::kArray;
  EXPECT_EQ(context.model_of(2), DataModel::kSingle) << "the registry wins";
}

TEST(ReloadContext, NodeIdsAreAsLongAsDestinationsShow) {
  Packet packet = ping();
  packet.forwarding.destination_list = {Destination::node(std::string(20, 'n'))};
  packet.contents = Contents(JoinReq{NodeId(std::string(20, 'n')), {}});
  Context context;
  context.node_id_length = 20;
  const std::string bytes = encode(packet, &context);
  Message message;
  decode(bytes, message);
  EXPECT_TRUE(message.issues.empty());
  ASSERT_NE(body_of<JoinReq>(message), nullptr);
  EXPECT_EQ(body_of<JoinReq>(message)->joining_peer_id.size(), 20U);
}

TEST(ReloadCodec, BareContentsAreReadAlone) {
  Contents contents(PingAns{5, 6});
  Message message;
  decode_contents(encode(contents), message);
  EXPECT_TRUE(message.issues.empty());
  ASSERT_NE(body_of<PingAns>(message), nullptr);
  EXPECT_EQ(body_of<PingAns>(message)->time, 6U);
  EXPECT_EQ(message.direction, Direction::kResponse);
}

TEST(ReloadEncode, OverridesPutWrongBytesThere) {
  Tree tree = Tree::map();
  tree.at_path("forwarding.destination_list[0].node_id") = Tree::text(std::string(32, '1'));
  tree.at_path("contents.ping_req.padding") = Tree::text("00");
  const auto encoded = [&](const Overrides& overrides) {
    const EncodeResult result = protocol().encode("ping_req", tree, overrides);
    EXPECT_EQ(result.error, "");
    static Message message;
    message.clear();
    decode(result.bytes, message);
    return packet_of(message);
  };
  EXPECT_EQ(encoded({{"forwarding.ttl", {Override::Kind::kSet, "0"}}})->forwarding.ttl, 0);
  EXPECT_EQ(encoded({{"forwarding.fragment_last", {Override::Kind::kSet, "0"}}})->forwarding.fragment, kFragmentBit);
  EXPECT_EQ(encoded({{"forwarding.destination_list[0]", {Override::Kind::kDuplicate, ""}}})
                ->forwarding.destination_list.size(),
            2U);
  EXPECT_TRUE(
      encoded({{"forwarding.destination_list[0]", {Override::Kind::kDrop, ""}}})->forwarding.destination_list.empty());
  EXPECT_EQ(protocol().encode("pong_req", tree, {}).error, "no message 'pong_req' in RELOAD");
  EXPECT_EQ(protocol().encode("ping_req", tree, {{"contents.x", {Override::Kind::kDrop, ""}}}).error,
            "mutate: this message has no 'contents.x'");
}

}  // namespace
}  // namespace peerscope::reload
