// SPDX-License-Identifier: GPL-2.0-or-later
// Any datagrams at the DTLS end of a node: before a cookie was shown, between those of a handshake, and on a link that
// stands. Without the cookie there is no state and no more comes back than was sent three times over; a link that
// stands goes on to work.
//
//   first byte: where the datagrams go; then each with its length divided by 4 in a byte before it
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>

#include "protocols/reload/security/authority.h"
#include "reference-impl/net/log.h"
#include "reference-impl/reload/dtls_acceptor.h"
#include "reference-impl/reload/memory_overlay.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using namespace peerscope;
using namespace peerscope::reload;

void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

std::shared_ptr<DtlsContext> make_context() {
  net::set_up_log(net::LogLevel::kOff, net::LogFormat::kText);
  SeededRandom random(1);
  auto key = generate_key(KeyType::kP256);
  demand(key.ok(), "a key can be made");
  SelfSignedOptions options;
  options.validity = {1'600'000'000, 2'500'000'000};
  options.overlay = "overlay.example.org";
  options.user_name = "link@example.org";
  const auto der = make_self_signed_certificate(*key, options, random);
  demand(der.ok(), "a certificate can be made");
  const auto certificate = Certificate::parse(*der);
  auto made = DtlsContext::create({*key, *certificate, {}, NodeId((*certificate)->node_ids().front())}, {});
  demand(made.ok(), "a context can be made");
  return *made;
}

class Listener final : public LinkListener {
 public:
  void on_message(const LinkPtr&, std::string_view message) override { last = message; }
  void on_stalled(const LinkPtr&, bool) override {}
  void on_closed(const LinkPtr&, const net::Error&) override { closed = true; }
  std::string last;
  bool closed = false;
};

struct World {
  explicit World(const std::shared_ptr<DtlsContext>& context) {
    acceptor = std::make_shared<DtlsAcceptor>(clock, context, DtlsAcceptorOptions{},
                                              [this](const DtlsAcceptor::Address& to, std::string_view datagram) {
                                                answered += datagram.size();
                                                if (to == address) to_client.emplace_back(datagram);
                                              });
    const auto believe = [](const CertificatePtr& certificate, std::span<const CertificatePtr>) {
      return net::Result<std::vector<NodeId>>(std::vector<NodeId>{NodeId(certificate->node_ids().front())});
    };
    acceptor->set_peer_check(believe);
    acceptor->set_on_accept([this](LinkPtr link) {
      accepted = std::move(link);
      accepted->set_listener(&server);
    });
    client = std::make_shared<DtlsLink>(
        clock,
        std::make_unique<DtlsSession>(context, DtlsSession::Side::kClient,
                                      [this](std::string_view datagram) { to_server.emplace_back(datagram); }),
        net::Endpoint{"192.0.2.1", 1}, believe, DtlsLinkOptions{});
    client->set_events([this](const auto&, const net::Result<void>& result) { open = result.ok(); }, [] {});
  }
  ~World() {
    if (accepted) accepted->set_listener(nullptr);
  }
  bool carry() {
    if (!to_server.empty()) {
      const std::string datagram = std::move(to_server.front());
      to_server.pop_front();
      acceptor->receive(address, datagram);
    } else if (!to_client.empty()) {
      const std::string datagram = std::move(to_client.front());
      to_client.pop_front();
      client->receive(datagram);
    } else {
      return false;
    }
    return true;
  }
  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      while (carry()) {
      }
      clock.advance(std::chrono::milliseconds(5));
    }
  }

  const DtlsAcceptor::Address address{boost::asio::ip::make_address("192.0.2.2"), 2};
  net::ManualClock clock;
  std::shared_ptr<DtlsAcceptor> acceptor;
  std::shared_ptr<DtlsLink> client;
  LinkPtr accepted;
  Listener server;
  std::deque<std::string> to_server;
  std::deque<std::string> to_client;
  std::size_t answered = 0;
  bool open = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::shared_ptr<DtlsContext> kContext = make_context();
  if (size == 0) return 0;
  const std::uint8_t how = data[0];
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  World world(kContext);
  const DtlsAcceptor::Address stranger(boost::asio::ip::make_address("192.0.2.9"), 9);
  const bool handshake = (how & 1) != 0;
  const bool stands = (how & 2) != 0;
  if (handshake || stands) world.client->start();
  if (stands) {
    world.run(2);
    demand(world.open && world.accepted != nullptr, "a handshake succeeds");
  }
  std::size_t sent = 0;
  while (!input.empty()) {
    const std::size_t length = std::min<std::size_t>(static_cast<unsigned char>(input[0]) * 4 + 1, input.size() - 1);
    const std::string_view datagram = input.substr(1, length);
    input.remove_prefix(1 + length);
    if (handshake || stands) {
      world.acceptor->receive(world.address, datagram);
      world.client->receive(datagram);
      world.carry();
    } else {
      sent += datagram.size();
      world.acceptor->receive(stranger, datagram);
    }
  }
  if (!handshake && !stands) {
    demand(world.acceptor->links() == 0 && world.acceptor->handshakes() == 0, "no state without a cookie");
    demand(world.answered <= 3 * sent, "no amplification");
  }
  world.run(4);
  if (stands) {
    world.client->send("still there");
    world.run(10);
    demand(world.server.last == "still there" && !world.server.closed, "the link goes on");
  }
  return 0;
}
