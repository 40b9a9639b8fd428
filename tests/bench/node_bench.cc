// SPDX-License-Identifier: GPL-2.0-or-later
// node_bench route|store [COUNT]: what one RELOAD node does in a second of one core.
//   route  framed messages that come on one link and leave on another: unframed, read, forwarded, framed. Signatures of
//          messages in transit are not a forwarder's business (RFC 6940 section 6.3.4).
//   store  Stores of one signed value, signed and verified with P-256 as both ends do; the figure to compare with is
//          that of `openssl speed ecdsap256`.
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "protocols/reload/packet.h"
#include "protocols/reload/protocol.h"
#include "protocols/reload/security/authority.h"
#include "reference-impl/reload/framing.h"
#include "reference-impl/reload/memory_overlay.h"
#include "reference-impl/reload/new_overlay.h"
#include "reference-impl/reload/node.h"

namespace {

using namespace peerscope;
using namespace peerscope::reload;

constexpr std::uint32_t kKind = 0xf0000001;

double cpu_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

[[noreturn]] void die(const std::string& why) {
  fmt::print(stderr, "node_bench: {}\n", why);
  std::exit(1);
}

// The far end of a link: what is sent to it is framed and thrown away.
class Sink final : public Link {
 public:
  explicit Sink(const NodeId& peer) { peers_ = {peer}; }
  void send(std::string message) override {
    bytes += framing_.frame(message, {}).size();
    ++sent;
  }
  void close() override {}
  net::Endpoint remote() const override { return {"127.0.0.1", 1}; }

  std::uint64_t sent = 0;
  std::uint64_t bytes = 0;

 private:
  Framing framing_{{.frame = 1 << 20, .unanswered = 1U << 30, .defects = {}}};
};

class Acceptor final : public LinkTransport {
 public:
  net::Endpoint local() const override { return {"127.0.0.1", 2}; }
  std::uint8_t link_type() const override { return kTlsTcpFhNoIce; }
  void connect(const net::Endpoint&, Connected) override {}
  void accept(const LinkPtr& link) { on_accept_(link); }
};

NodeId id_of(int first) {
  std::string id(16, '\0');
  id[0] = static_cast<char>(first);
  return NodeId(id);
}

OverlayPtr overlay_with(const std::vector<std::string>& roots) {
  OverlayConfiguration wanted = basic_configuration("overlay.example.org");
  wanted.no_ice = true;
  wanted.root_certs = roots;
  KindBlock block;
  block.kind.id = kKind;
  block.kind.data_model = "SINGLE";
  block.kind.access_control = "USER-MATCH";
  block.kind.max_count = 1;
  block.kind.max_size = 1000;
  wanted.required_kinds = {block};
  auto made = make_overlay(wanted);
  if (!made.ok()) die(made.error().message);
  return *made;
}

void route(std::uint64_t count) {
  net::ManualClock clock;
  SeededRandom random(1);
  const OverlayPtr overlay = overlay_with({});
  const NodeId from = id_of(1);
  const NodeId to = id_of(3);
  Acceptor transport;
  NodeOptions options;
  options.max_messages_per_second = count + 1;
  Node node(clock, random, overlay, std::make_unique<NamedSecurity>(id_of(2), "b@example.org"), transport, options);
  node.start_alone();
  const auto in = std::make_shared<Sink>(from);
  const auto out = std::make_shared<Sink>(to);
  transport.accept(in);
  transport.accept(out);

  // A Ping of a kilobyte for the node on the other link.
  Packet packet;
  packet.forwarding.overlay = overlay->hash;
  packet.forwarding.configuration_sequence = overlay->sequence;
  packet.forwarding.ttl = 100;
  packet.forwarding.transaction_id = 0x0123456789abcdef;
  packet.forwarding.fragment = kUnfragmented;
  packet.forwarding.destination_list = {Destination::node(to.str())};
  packet.contents = Contents(PingReq{.padding = std::string(1000, 'p')});
  const std::string message = encode(packet);
  Framing sender;
  std::string wire;
  for (int i = 0; i < 100; ++i) wire += sender.frame(message, {});
  const std::size_t hundred = wire.size();
  Framing receiver({.frame = 1 << 20, .unanswered = 1U << 30, .defects = {}});
  std::uint64_t acknowledgements = 0;
  const Framing::Sink sink{[&](const std::string&) { ++acknowledgements; },
                           [&](std::string_view one) { return node.on_message(in, one), true; }};
  const double begin = cpu_seconds();
  for (std::uint64_t i = 0; i < count; i += 100) {
    if (auto read = receiver.receive(wire, clock.now(), sink); !read.ok()) die(read.error().message);
  }
  const double seconds = cpu_seconds() - begin;
  if (out->sent < count) die(fmt::format("{} of {} messages were forwarded", out->sent, count));
  fmt::print("route: {} framed messages of {} bytes in {:.2f} s of CPU time: {:.0f}/s, {:.1f} us each\n", out->sent,
             hundred / 100, seconds, static_cast<double>(out->sent) / seconds,
             seconds / static_cast<double>(out->sent) * 1e6);
}

void store(std::uint64_t count) {
  net::ManualClock clock;
  MemoryNetwork network(clock);
  SeededRandom random(1);
  const std::int64_t now =
      std::chrono::duration_cast<std::chrono::seconds>(clock.wall_now().time_since_epoch()).count();
  const Validity validity{now - 86400, now + 86400 * 365};
  auto key = generate_key(KeyType::kP256);
  auto authority = Authority::create(*key, "Bench Root", validity, random);
  if (!authority.ok()) die(authority.message());
  const OverlayPtr overlay = overlay_with({authority->certificate()->der()});
  const auto security = [&](const NodeId& id, const std::string& user) {
    auto own = generate_key(KeyType::kP256);
    IssueOptions options;
    options.validity = validity;
    options.names.overlay = "overlay.example.org";
    options.names.node_ids = {id.str()};
    options.names.user_name = user;
    auto der = authority->issue_for_key(own->spki(), options, random);
    if (!der.ok()) die(der.message());
    return std::make_unique<CertificateSecurity>(Identity{*own, *Certificate::parse(*der), {}, id});
  };
  MemoryTransport first(network, {id_of(1)});
  MemoryTransport second(network, {id_of(2)});
  NodeOptions client_options;
  client_options.client = true;
  Node peer(clock, random, overlay, security(id_of(1), "peer@example.org"), first);
  Node client(clock, random, overlay, security(id_of(2), "user@example.org"), second, client_options);
  peer.start_alone();
  bool connected = false;
  client.connect({first.local()}, [&](net::Result<void> result) { connected = result.ok(); });
  clock.advance(std::chrono::seconds(5));
  if (!connected) die("the client has no link");
  const std::string resource = client.resource_id("user@example.org");
  std::uint64_t stored = 0;
  const double begin = cpu_seconds();
  for (std::uint64_t i = 0; i < count; ++i) {
    NewValue value;
    value.kind = kKind;
    value.value = std::string(100, 'v');
    client.store(resource, {value}, [&](Reply<StoreAns> reply) { stored += reply.ok() ? 1 : 0; });
    clock.advance(std::chrono::milliseconds(50));
  }
  const double seconds = cpu_seconds() - begin;
  if (stored != count) die(fmt::format("{} of {} Stores succeeded", stored, count));
  fmt::print("store: {} Stores in {:.2f} s of CPU time of both ends: {:.0f}/s, {:.0f} us each\n", stored, seconds,
             static_cast<double>(stored) / seconds, seconds / static_cast<double>(stored) * 1e6);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const std::uint64_t count = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  if (what == "route")
    route(count != 0 ? count : 200'000);
  else if (what == "store")
    store(count != 0 ? count : 5'000);
  else {
    fmt::print(stderr, "usage: node_bench route|store [COUNT]\n");
    return 2;
  }
  return 0;
}
