// SPDX-License-Identifier: GPL-2.0-or-later
// Links over TLS, over DTLS, or over either: both listen on one port number, of TCP and of UDP, so that one bootstrap
// address serves.
//
// Ownership, failure, threading: as the two that it consists of.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reference-impl/reload/dtls_transport.h"
#include "reference-impl/reload/tls_transport.h"

namespace peerscope::reload {

// The first is preferred where both ends have both.
struct LinkTypes {
  bool tls = true;
  bool dtls = false;
  // "tls", "dtls" or "both"
  static net::Result<LinkTypes> parse(std::string_view text);
};

struct SocketTransportOptions {
  LinkTypes types;
  net::Endpoint listen{"127.0.0.1", 0};  // numeric
  bool listening = true;                 // clients need not
  TlsTransportOptions tls;               // `listen` and `listening` above stand for those in both
  DtlsTransportOptions dtls;
  net::KeyLogSink key_log;
};

class SocketTransport final : public LinkTransport {
 public:
  SocketTransport(net::asio::any_io_executor executor, net::Clock& clock, const Identity& identity,
                  SocketTransportOptions options);

  void set_peer_check(const PeerCheck& check) { check_ = check; }
  net::Result<void> start();

  net::Endpoint local() const override;
  std::uint8_t link_type() const override { return addresses().front().type; }
  std::vector<LinkAddress> addresses() const override;
  // One type after the other.
  void connect(const net::Endpoint& remote, Connected done) override;
  void connect_by(std::uint8_t type, const net::Endpoint& remote, Connected done) override;

 private:
  net::Result<void> start_on(const net::Endpoint& listen);

  net::asio::any_io_executor executor_;
  net::Clock& clock_;
  const Identity& identity_;
  SocketTransportOptions options_;
  PeerCheck check_;
  std::optional<TlsTransport> tls_;
  std::optional<DtlsTransport> dtls_;
};

}  // namespace peerscope::reload
