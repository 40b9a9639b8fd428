// SPDX-License-Identifier: GPL-2.0-or-later
// What a neighbour may send to a RELOAD node once its link stands: any bytes as frames of a stream or of datagrams, and
// as messages. The node stays alive and its other neighbour is answered.
//
//   first byte: how the rest is taken; then pieces of input, each with a length byte where frames are meant
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "protocols/reload/protocol.h"
#include "reference-impl/net/log.h"
#include "reference-impl/reload/framing.h"
#include "reference-impl/reload/memory_overlay.h"
#include "reference-impl/reload/node.h"
#include "reference-impl/reload/simple_reliability.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using namespace peerscope;
using namespace peerscope::reload;

constexpr std::uint8_t kAsFrames = 1;     // through the framing of TLS links
constexpr std::uint8_t kAsDatagrams = 2;  // through that of DTLS links
constexpr std::uint8_t kOwnOverlay = 4;   // put into this overlay
constexpr std::uint8_t kToNode = 8;       // sent to the node itself
constexpr std::uint8_t kSigned = 16;      // signed by the neighbour

void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

NodeId id_of(char first) {
  std::string id(16, '\0');
  id[0] = first;
  return NodeId(id);
}

OverlayPtr make_test_overlay() {
  OverlayConfiguration wanted;
  wanted.instance_name = "overlay.example.org";
  wanted.sequence = 22;
  wanted.no_ice = true;
  for (const auto& [id, model] :
       {std::pair(0xf0000001U, "SINGLE"), std::pair(0xf0000002U, "ARRAY"), std::pair(0xf0000003U, "DICTIONARY")}) {
    KindBlock block;
    block.kind.id = id;
    block.kind.data_model = model;
    block.kind.access_control = "USER-MATCH";
    block.kind.max_count = 5;
    block.kind.max_size = 200;
    wanted.required_kinds.push_back(block);
  }
  auto made = make_overlay(wanted);
  demand(made.ok(), "the overlay can be made");
  return *made;
}

struct Neighbour final : LinkListener {
  Neighbour(MemoryNetwork& network, const NodeId& node_id) : id(node_id), transport(network, {node_id}) {}
  ~Neighbour() override {
    if (link) link->set_listener(nullptr);
  }
  void on_message(const LinkPtr&, std::string_view message) override { last = message; }
  void on_stalled(const LinkPtr&, bool) override {}
  void on_closed(const LinkPtr&, const net::Error&) override {}
  void connect(const net::Endpoint& to) {
    transport.connect(to, [this](net::Result<LinkPtr> opened) {
      demand(opened.ok(), "a link opens");
      link = *opened;
      link->set_listener(this);
    });
  }
  NodeId id;
  MemoryTransport transport;
  LinkPtr link;
  std::string last;
};

struct World {
  explicit World(const OverlayPtr& overlay)
      : transport(network, {id_of('\x40')}),
        node(clock, random, overlay, std::make_unique<NamedSecurity>(id_of('\x40'), "node@example.org"), transport),
        bad(network, id_of('\x80')),
        good(network, id_of('\xc0')) {
    node.start_alone();
    bad.connect(transport.local());
    good.connect(transport.local());
    clock.advance(std::chrono::milliseconds(100));
  }
  net::ManualClock clock;
  MemoryNetwork network{clock};
  SeededRandom random{1};
  MemoryTransport transport;
  Node node;
  Neighbour bad;
  Neighbour good;
};

Packet ping(const World& world, const NodeId& by, std::uint64_t transaction) {
  Packet packet;
  packet.forwarding.overlay = world.node.overlay()->hash;
  packet.forwarding.configuration_sequence = world.node.overlay()->sequence;
  packet.forwarding.transaction_id = transaction;
  packet.forwarding.destination_list = {Destination::node(world.node.node_id().view())};
  packet.contents = Contents(PingReq{});
  NamedSecurity(by, "good@example.org").sign_message(0, 0, {}, packet.security);
  return packet;
}

// As the first byte wants it; the bytes themselves where they are no message.
std::string changed(const World& world, std::string_view bytes, std::uint8_t how) {
  if ((how & (kOwnOverlay | kToNode | kSigned)) == 0) return std::string(bytes);
  Message message;
  message.context = &world.node.overlay()->context;
  decode(bytes, message);
  const Packet* read = packet_of(message);
  if (read == nullptr || read->framed) return std::string(bytes);
  Packet packet = *read;
  ForwardingHeader& header = packet.forwarding;
  if ((how & kOwnOverlay) != 0) {
    header.overlay = world.node.overlay()->hash;
    header.configuration_sequence = world.node.overlay()->sequence;
  }
  if ((how & kToNode) != 0) header.destination_list = {Destination::node(world.node.node_id().view())};
  if ((how & kSigned) != 0) {
    packet.security = {};
    NamedSecurity(world.bad.id, "bad@example.org").sign_message(0, 0, {}, packet.security);
  }
  std::string out = encode(packet, &world.node.overlay()->context);
  return out.empty() ? std::string(bytes) : out;
}

void play(World& world, std::string_view input, std::uint8_t how) {
  const auto deliver = [&](std::string_view message) {
    world.bad.link->send(changed(world, message, how));
    return true;
  };
  if ((how & (kAsFrames | kAsDatagrams)) == 0) return void(deliver(input));
  Framing framing;
  SimpleReliability reliability;
  while (!input.empty()) {
    const std::size_t size = std::min<std::size_t>(static_cast<unsigned char>(input[0]) * 8 + 8, input.size() - 1);
    const std::string_view piece = input.substr(1, size);
    input.remove_prefix(1 + size);
    if ((how & kAsFrames) != 0) {
      const Framing::Sink sink{[](const std::string&) {}, deliver};
      if (!framing.receive(piece, world.clock.now(), sink).ok()) return;
    } else {
      (void)reliability.receive(
          piece, world.clock.now(), [](const std::string&) {}, deliver);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const OverlayPtr kOverlay = [] {
    net::set_up_log(net::LogLevel::kOff, net::LogFormat::kText);
    return make_test_overlay();
  }();
  if (size == 0) return 0;
  World world(kOverlay);
  play(world, {reinterpret_cast<const char*>(data) + 1, size - 1}, data[0]);
  world.clock.advance(std::chrono::seconds(1));
  world.good.last.clear();
  Packet question = ping(world, world.good.id, 4711);
  world.good.link->send(encode(question, &kOverlay->context));
  world.clock.advance(std::chrono::seconds(1));
  Message answer;
  decode(world.good.last, answer);
  demand(packet_of(answer) != nullptr && packet_of(answer)->forwarding.transaction_id == 4711,
         "the other neighbour is answered");
  return 0;
}
