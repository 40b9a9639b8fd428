// SPDX-License-Identifier: GPL-2.0-or-later
// What a hostile or broken neighbour may send: garbage, loops, TTL games, floods, replays, bombs. The node answers as
// the requirements say or stays silent, and its other neighbours notice nothing.
#include "protocols/reload/protocol.h"
#include "protocols/reload/security/crypto.h"
#include "protocols/reload/signature_input.h"
#include "reference-impl/reload/candidates.h"
#include "tests/reload_node/overlay_fixture.h"

namespace peerscope::reload::test {
namespace {

// The other end of a link, played by the test.
class RawNeighbour final : public LinkListener {
 public:
  void on_message(const LinkPtr&, std::string_view message) override { received.emplace_back(message); }
  void on_stalled(const LinkPtr&, bool) override {}
  void on_closed(const LinkPtr&, const net::Error&) override { closed = true; }
  std::vector<std::string> received;
  LinkPtr link;
  bool closed = false;
};

class RawStimulus : public OverlayFixture {
 protected:
  void SetUp() override {
    make_ring(3);
    target_ = members_[0].get();
    transport_ = std::make_unique<MemoryTransport>(network_, std::vector<NodeId>{id_});
    transport_->connect(target_->transport->local(), [this](net::Result<LinkPtr> link) {
      ASSERT_TRUE(link.ok());
      raw_.link = *link;
      raw_.link->set_listener(&raw_);
    });
    run(std::chrono::seconds(1));
    ASSERT_NE(raw_.link, nullptr);
  }
  Packet message(Contents contents, Destinations to) {
    Packet packet;
    packet.forwarding.overlay = overlay()->hash;
    packet.forwarding.configuration_sequence = overlay()->sequence;
    packet.forwarding.transaction_id = ++tid_;
    packet.forwarding.destination_list = std::move(to);
    packet.contents = std::move(contents);
    NamedSecurity(id_, "raw@example.org").sign_message(0, 0, {}, packet.security);
    return packet;
  }
  Packet ping() { return message(Contents(PingReq{}), {Destination::node(target_->id.view())}); }
  void send(Packet packet) { send_bytes(encode(packet, &overlay()->context)); }
  void send_bytes(std::string bytes) {
    raw_.link->send(std::move(bytes));
    run(std::chrono::milliseconds(200));
  }
  // The last answer's error code; 0 for a success, -1 when there is none.
  int last_error() {
    if (raw_.received.empty()) return -1;
    Message message;
    message.context = &overlay()->context;
    decode(raw_.received.back(), message);
    const auto* error = body_of<ErrorResponse>(message);
    raw_.received.clear();
    return error == nullptr ? 0 : error->code;
  }
  void expect_alive() {
    raw_.received.clear();
    send(ping());
    EXPECT_EQ(last_error(), 0);
    EXPECT_TRUE(ask(*members_[1]->node, {Destination::node(target_->id.view())}, Contents(PingReq{})).ok());
  }

  NodeId id_ = node_id({0x99, 0x99});
  Member* target_ = nullptr;
  std::unique_ptr<MemoryTransport> transport_;
  RawNeighbour raw_;
  std::uint64_t tid_ = 77;
};

TEST_F(RawStimulus, EveryTruncationOfAMessageIsSurvived) {
  StoreReq store;
  store.resource = target_->node->resource_id("raw@example.org");
  StoredData data;
  data.kind = kPrivateKind;
  data.model = DataModel::kSingle;
  data.value = "x";
  store.kind_data.push_back({kPrivateKind, 0, {data}});
  Packet packet = message(Contents(store), {Destination::node(target_->id.view())});
  const std::string whole = encode(packet, &overlay()->context);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) raw_.link->send(whole.substr(0, cut));
  run(std::chrono::seconds(1));
  EXPECT_GE(target_->node->stats().malformed, whole.size() / 2);
  expect_alive();
}

TEST_F(RawStimulus, MutationsOfEveryByteAreSurvived) {
  Packet packet = ping();
  const std::string whole = encode(packet, &overlay()->context);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int bits : {0x01, 0x80, 0xff}) {
      std::string wrong = whole;
      wrong[at] = static_cast<char>(wrong[at] ^ bits);
      raw_.link->send(wrong);
    }
  }
  run(std::chrono::seconds(20));
  expect_alive();
}

TEST_F(RawStimulus, SeededGarbageIsSurvived) {
  SeededRandom random(8);
  for (std::size_t size = 1; size < 400; ++size) {
    std::string bytes(size, '\0');
    ASSERT_TRUE(random.fill(bytes));
    if (size % 2 == 0 && size > 4) bytes.replace(0, 4, "\xd2\x45\x4c\x4f");
    raw_.link->send(bytes);
  }
  run(std::chrono::seconds(1));
  expect_alive();
}

TEST_F(RawStimulus, OtherOverlayAndVersionAreRefused) {
  Packet other = ping();
  other.forwarding.overlay ^= 1;
  send(other);
  EXPECT_EQ(last_error(), kIncompatibleWithOverlay);
  Packet version = ping();
  version.forwarding.version = 0x0b;
  send(version);
  EXPECT_EQ(last_error(), kIncompatibleWithOverlay);
}

TEST_F(RawStimulus, TtlIsHeld) {
  Packet above = ping();
  above.forwarding.ttl = 101;
  send(above);
  EXPECT_EQ(last_error(), kTtlExceeded);
  Packet zero = message(Contents(PingReq{}), {Destination::node(members_[1]->id.view())});
  zero.forwarding.ttl = 0;
  send(zero);
  EXPECT_EQ(last_error(), kTtlExceeded);
  Packet arrived = ping();
  arrived.forwarding.ttl = 0;
  send(arrived);
  EXPECT_EQ(last_error(), 0);
}

TEST_F(RawStimulus, DestinationListsOfTheWrongShape) {
  const Destination self = Destination::node(target_->id.view());
  const Destination other = Destination::node(members_[1]->id.view());
  send(message(Contents(PingReq{}), {other, self, other}));
  EXPECT_EQ(last_error(), kInvalidMessage);
  send(message(Contents(PingReq{}), {Destination::resource(node_id({1}).view()), other}));
  EXPECT_EQ(last_error(), -1);
  send(message(Contents(PingReq{}), {Destination::opaque("xyz")}));
  EXPECT_EQ(last_error(), -1);
  send(message(Contents(PingReq{}), {self, other}));
  EXPECT_EQ(last_error(), 0);
  Destinations many;
  for (int i = 0; i < 200; ++i) many.push_back(Destination::node(node_id({7, i}).view()));
  send(message(Contents(PingReq{}), many));
  EXPECT_EQ(last_error(), kInvalidMessage);
}

TEST_F(RawStimulus, CriticalOptionsAndExtensionsAreRefused) {
  for (const std::uint8_t flag : {kForwardCritical, kDestinationCritical}) {
    Packet packet = message(Contents(PingReq{}), {Destination::node(members_[1]->id.view())});
    packet.forwarding.options.push_back({200, flag, "x"});
    send(packet);
    EXPECT_EQ(last_error(), kUnsupportedForwardingOption);
  }
  Contents contents{PingReq{}};
  contents.extensions.push_back({0x7000, true, "", false});
  send(message(contents, {Destination::node(target_->id.view())}));
  EXPECT_EQ(last_error(), kUnknownExtension);
  contents.extensions[0].critical = false;
  send(message(contents, {Destination::node(target_->id.view())}));
  EXPECT_EQ(last_error(), 0);
}

TEST_F(RawStimulus, BooleansAreZeroOrOne) {
  const Destinations to{Destination::node(target_->id.view())};
  RouteQueryReq query;
  query.destination = Destination::node(target_->id.view());
  for (const char value : {'\0', '\1', '\2', '\xff'}) {
    Packet packet = message(Contents(query), to);
    std::string bytes = encode(packet, &overlay()->context);
    // The body begins with send_update; code and length are before it.
    const std::size_t body = bytes.find(std::string("\0\x15\0\0", 4), kFixedHeaderSize) + 6;
    ASSERT_EQ(bytes.at(body), '\0');
    bytes[body] = value;
    send_bytes(bytes);
    EXPECT_EQ(last_error(), value == '\0' || value == '\1' ? 0 : kInvalidMessage) << static_cast<int>(value);
  }
  Contents contents{PingReq{}};
  contents.extensions.push_back({0x7000, false, "odd", false});
  Packet packet = message(contents, to);
  std::string bytes = encode(packet, &overlay()->context);
  bytes.at(bytes.find("odd") - 5) = '\2';  // `critical` is before the length
  send_bytes(bytes);
  EXPECT_EQ(last_error(), kInvalidMessage);
}

TEST_F(RawStimulus, CopiedOptionComesBackWithoutItsFlags) {
  Packet packet = ping();
  packet.forwarding.options.push_back({200, kResponseCopy, "copy me"});
  send(packet);
  ASSERT_FALSE(raw_.received.empty());
  Message answer;
  decode(raw_.received.back(), answer);
  const auto& options = packet_of(answer)->forwarding.options;
  ASSERT_EQ(options.size(), 1U);
  EXPECT_EQ(options[0].value, "copy me");
  EXPECT_EQ(options[0].flags, 0);
}

TEST_F(RawStimulus, ForwardedRequestNamesThePreviousHop) {
  Packet packet = message(Contents(PingReq{}), {Destination::node(members_[1]->id.view())});
  packet.forwarding.ttl = 50;
  std::string seen;
  members_[1]->node->set_observer([&](bool outgoing, const Link&, std::string_view bytes) {
    if (!outgoing) seen = bytes;
  });
  send(packet);
  Message forwarded;
  decode(seen, forwarded);
  ASSERT_NE(packet_of(forwarded), nullptr);
  EXPECT_EQ(packet_of(forwarded)->forwarding.ttl, 49);
  EXPECT_EQ(packet_of(forwarded)->forwarding.via_list, Destinations{Destination::node(id_.view())});
  EXPECT_EQ(last_error(), 0);
}

TEST_F(RawStimulus, RetransmittedRequestGetsTheSameAnswer) {
  const Packet packet = ping();
  send(packet);
  ASSERT_EQ(raw_.received.size(), 1U);
  send(packet);
  ASSERT_EQ(raw_.received.size(), 2U);
  EXPECT_EQ(raw_.received[0], raw_.received[1]);
}

TEST_F(RawStimulus, ResponseLengthLimitIsKept) {
  Packet packet = ping();
  packet.forwarding.max_response_length = 40;
  send(packet);
  EXPECT_EQ(last_error(), kResponseTooLarge);
}

TEST_F(RawStimulus, ResponseLengthLimitCountsLists) {
  send(ping());
  ASSERT_FALSE(raw_.received.empty());
  const auto exact = static_cast<std::uint32_t>(raw_.received.back().size());
  raw_.received.clear();
  Packet packet = ping();
  packet.forwarding.max_response_length = exact;
  send(packet);
  EXPECT_EQ(last_error(), 0);
  packet = ping();
  packet.forwarding.max_response_length = exact - 1;
  send(packet);
  EXPECT_EQ(last_error(), kResponseTooLarge);
}

TEST_F(RawStimulus, OptionsToCopyDoNotBreakTheResponseLengthLimit) {
  Packet packet = ping();
  packet.forwarding.max_response_length = 1300;
  packet.forwarding.options.push_back({200, kResponseCopy, std::string(20'000, 'x')});
  send(packet);
  ASSERT_FALSE(raw_.received.empty());
  EXPECT_LE(raw_.received.back().size(), 1300U);
  EXPECT_EQ(last_error(), kResponseTooLarge);
}

TEST_F(RawStimulus, TooLargeMessageIsAnsweredAndClosesTheLink) {
  PingReq large;
  large.padding.assign(overlay()->configuration.max_message_size, 'x');
  send(message(Contents(large), {Destination::node(target_->id.view())}));
  EXPECT_EQ(last_error(), kMessageTooLarge);
  EXPECT_TRUE(raw_.closed);
}

TEST_F(RawStimulus, TooLargeGarbageClosesTheLink) {
  const std::size_t size = overlay()->configuration.max_message_size + 4000;
  send_bytes(std::string(100, '\0'));
  EXPECT_FALSE(raw_.closed);
  send_bytes(std::string(size, '\0'));
  EXPECT_TRUE(raw_.closed);
  EXPECT_TRUE(raw_.received.empty());
}

TEST_F(RawStimulus, TooLargeMessageWithABrokenHeaderClosesTheLink) {
  Packet packet = ping();
  const std::string whole = encode(packet, &overlay()->context);
  send_bytes(whole.substr(0, kFixedHeaderSize) + std::string(overlay()->configuration.max_message_size, '\0'));
  EXPECT_TRUE(raw_.closed);
}

TEST_F(RawStimulus, UnsolicitedAnswersAreIgnored) {
  for (int i = 0; i < 100; ++i)
    raw_.link->send([&] {
      Packet packet = message(Contents(PingAns{1, 2}), {Destination::node(target_->id.view())});
      return encode(packet, &overlay()->context);
    }());
  run(std::chrono::seconds(1));
  EXPECT_TRUE(raw_.received.empty());
  expect_alive();
}

TEST_F(RawStimulus, OpenFragmentsDoNotPileUp) {
  const std::string body(300, 'x');
  for (int i = 0; i < 3000; ++i) {
    Packet fragment;
    fragment.forwarding = ping().forwarding;
    fragment.forwarding.fragment = kFragmentBit;
    fragment.fragment = body;
    raw_.link->send(encode(fragment, &overlay()->context));
  }
  run(std::chrono::seconds(1));
  expect_alive();
}

TEST_F(RawStimulus, FragmentsAreReassembled) {
  Packet large = message(Contents(PingReq{std::string(2000, 'p')}), {Destination::node(target_->id.view())});
  for (const std::string& part : split(encode(large, &overlay()->context), 700)) raw_.link->send(part);
  run(std::chrono::seconds(1));
  EXPECT_EQ(last_error(), 0);
}

TEST_F(RawStimulus, FloodIsCutOffAndOthersAreServed) {
  NodeOptions options;
  options.max_messages_per_second = 50;
  Member& limited = add_joined(node_id({0x44}), options);
  RawNeighbour flooder;
  transport_->connect(limited.transport->local(), [&](net::Result<LinkPtr> link) {
    ASSERT_TRUE(link.ok());
    flooder.link = *link;
    flooder.link->set_listener(&flooder);
  });
  run(std::chrono::seconds(2));
  for (int i = 0; i < 1000; ++i) {
    Packet packet = message(Contents(PingReq{}), {Destination::node(limited.id.view())});
    flooder.link->send(encode(packet, &overlay()->context));
  }
  run(std::chrono::milliseconds(500));
  EXPECT_LE(flooder.received.size(), 50U);
  EXPECT_GE(limited.node->stats().flooded, 900U);
  EXPECT_TRUE(ask(*members_[1]->node, {Destination::node(limited.id.view())}, Contents(PingReq{})).ok());
  flooder.link->set_listener(nullptr);
}

TEST_F(RawStimulus, AttachToManyAddressesOpensFewLinks) {
  NodeOptions options;
  options.max_connecting = 4;
  Member& limited = add_joined(node_id({0x44}), options);
  int refused = 0;
  for (int i = 0; i < 20; ++i) {
    AttachReq attach;
    attach.role = kPassive;
    IceCandidate candidate;
    candidate.address.ipv4 = 0x0a636363;  // nobody there
    candidate.address.port = 1000;
    candidate.foundation = "1";
    attach.candidates.push_back(candidate);
    // Each by another name: the signer is only named here.
    Packet packet = message(Contents(attach), {Destination::node(limited.id.view())});
    NamedSecurity(node_id({0xee, i}), "x").sign_message(0, 0, {}, packet.security);
    raw_.link->send(encode(packet, &overlay()->context));
  }
  run(std::chrono::milliseconds(45));
  for (const std::string& bytes : raw_.received) {
    Message answer;
    decode(bytes, answer);
    refused += body_of<ErrorResponse>(answer) != nullptr;
  }
  EXPECT_EQ(raw_.received.size(), 20U);
  EXPECT_EQ(refused, 16);
}

TEST_F(RawStimulus, NodeWithSeveralIdentitiesIntroducesItself) {
  const NodeId first = node_id({0x88});
  MemoryTransport transport(network_, {first, node_id({0x89})});
  RawNeighbour several;
  LinkPtr attached;
  transport.set_on_accept([&](LinkPtr link) {
    attached = link;
    attached->set_listener(&several);
  });
  transport.connect(target_->transport->local(), [&](net::Result<LinkPtr> link) {
    ASSERT_TRUE(link.ok());
    several.link = *link;
    several.link->set_listener(&several);
  });
  run(std::chrono::seconds(1));
  ASSERT_NE(several.link, nullptr);
  const auto ask_by_both = [&](Contents contents) {
    Packet packet = message(std::move(contents), {Destination::node(target_->id.view())});
    NamedSecurity(first, "several@example.org").sign_message(0, 0, {}, packet.security);
    several.link->send(encode(packet, &overlay()->context));
    run(std::chrono::seconds(1));
    raw_.received = std::exchange(several.received, {});
    return last_error();
  };
  StoreReq store;
  store.resource = target_->id.str();
  EXPECT_EQ(ask_by_both(Contents(ProbeReq{{kUptime}})), kForbidden);
  EXPECT_EQ(ask_by_both(Contents(store)), kForbidden);
  EXPECT_EQ(ask_by_both(Contents(PingReq{})), 0);
  AttachReq attach;
  attach.role = kPassive;
  IceCandidate candidate;
  candidate.address = address_of(transport.local());
  candidate.overlay_link = transport.link_type();
  candidate.foundation = "1";
  attach.candidates.push_back(candidate);
  EXPECT_EQ(ask_by_both(Contents(attach)), 0);
  ASSERT_NE(attached, nullptr);
  EXPECT_EQ(ask_by_both(Contents(ProbeReq{{kUptime}})), 0);
  attached->set_listener(nullptr);
  several.link->set_listener(nullptr);
}

TEST_F(RawStimulus, MixedCandidatesAreRefused) {
  AttachReq attach;
  attach.role = kPassive;
  attach.candidates.resize(2);
  attach.candidates[0].address.port = attach.candidates[1].address.port = 1;
  attach.candidates[1].overlay_link = kDtlsUdpSr;
  send(message(Contents(attach), {Destination::node(target_->id.view())}));
  EXPECT_EQ(last_error(), kInvalidMessage);
}

}  // namespace
}  // namespace peerscope::reload::test
