// SPDX-License-Identifier: GPL-2.0-or-later
// TLS-TCP-FH-NO-ICE (RFC 6940 section 6.6.5): overlay links over TLS with certificates on both sides. The TLS layer
// takes any certificate; whether the overlay does is asked of the node before the link exists.
//
// Ownership: executor and clock must outlive the transport; links live as long as somebody holds or reads them.
// Failure: start() reports; a link that fails closes. Threading: one executor on one thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "reference-impl/net/tls.h"
#include "reference-impl/reload/link.h"
#include "reference-impl/reload/link_credentials.h"

namespace peerscope::reload {

struct TlsTransportOptions {
  net::Endpoint listen{"127.0.0.1", 0};                        // numeric
  bool listening = true;                                       // clients need not
  net::Duration handshake_timeout = std::chrono::seconds(10);  // TCP and TLS
  // Of others, at a time. At a limit the oldest one gives way, so that idle connections do not lock newcomers out.
  std::size_t max_handshakes = 256;
  std::size_t max_handshakes_per_address = 64;
  std::size_t max_frame = 1 << 20;   // bytes
  std::size_t max_queue = 8U << 20;  // bytes that one slow neighbour may leave unread
  net::KeyLogSink key_log;
  NodeDefects defects;
};

class TlsTransport final : public LinkTransport {
 public:
  TlsTransport(net::asio::any_io_executor executor, net::Clock& clock, const Identity& identity,
               TlsTransportOptions options);
  ~TlsTransport() override;

  // Before start() and connect().
  void set_peer_check(PeerCheck check);
  net::Result<void> start();
  void stop();

  net::Endpoint local() const override;
  std::uint8_t link_type() const override;
  void connect(const net::Endpoint& remote, Connected done) override;

  class Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace peerscope::reload
