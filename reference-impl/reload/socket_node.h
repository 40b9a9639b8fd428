// SPDX-License-Identifier: GPL-2.0-or-later
// A node on real sockets: transport and node put together. Not movable; destroyed on the executor's thread.
#pragma once

#include <memory>

#include "reference-impl/reload/node.h"
#include "reference-impl/reload/socket_transport.h"

namespace peerscope::reload {

class SocketNode {
 public:
  SocketNode(net::asio::any_io_executor executor, net::Clock& clock, RandomSource& random, OverlayPtr overlay,
             Identity identity, NodeOptions options, SocketTransportOptions transport);

  net::Result<void> start() { return transport_.start(); }
  net::Endpoint local() const { return transport_.local(); }
  Node& node() { return node_; }

 private:
  std::unique_ptr<CertificateSecurity> security_;  // until the node has it
  CertificateSecurity* checker_;
  net::Clock& clock_;
  SocketTransport transport_;
  Node node_;
};

}  // namespace peerscope::reload
