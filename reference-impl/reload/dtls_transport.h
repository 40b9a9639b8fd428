// SPDX-License-Identifier: GPL-2.0-or-later
// DTLS-UDP-SR-NO-ICE (RFC 6940 section 6.6.6): overlay links over UDP. Those that others open share one socket; each
// that this node opens has a socket of its own, connected, so that the system tells when nobody is there.
//
// Ownership: executor and clock must outlive the transport; links live as long as somebody holds or reads them.
// Failure: start() reports; a link that fails closes. Threading: one executor on one thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>

#include "reference-impl/reload/dtls_acceptor.h"

namespace peerscope::reload {

// What becomes of a datagram on its way out: `pass` sends one, now or later, as often as it is called. For tests.
using DatagramShim = std::function<void(std::string datagram, const std::function<void(std::string)>& pass)>;

struct DtlsTransportOptions {
  net::Endpoint listen{"127.0.0.1", 0};  // numeric
  bool listening = true;                 // clients need not
  DtlsContext::Options session;
  DtlsAcceptorOptions acceptor;
  DatagramShim shim;
};

class DtlsTransport final : public LinkTransport {
 public:
  DtlsTransport(net::asio::any_io_executor executor, net::Clock& clock, const Identity& identity,
                DtlsTransportOptions options);
  ~DtlsTransport() override;

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
