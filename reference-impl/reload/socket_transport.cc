// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/socket_transport.h"

#include <boost/asio/post.hpp>

#include "protocols/reload/overlay_link.h"

namespace peerscope::reload {

net::Result<LinkTypes> LinkTypes::parse(std::string_view text) {
  if (text == "tls") return LinkTypes{true, false};
  if (text == "dtls") return LinkTypes{false, true};
  if (text == "both") return LinkTypes{true, true};
  return {net::ErrorKind::kLocal, "links are tls, dtls or both, not " + std::string(text)};
}

SocketTransport::SocketTransport(net::asio::any_io_executor executor, net::Clock& clock, const Identity& identity,
                                 SocketTransportOptions options)
    : executor_(std::move(executor)), clock_(clock), identity_(identity), options_(std::move(options)) {
  options_.tls.key_log = options_.key_log;
  options_.dtls.session.key_log = options_.key_log;
  options_.tls.listening = options_.dtls.listening = options_.listening;
}

net::Result<void> SocketTransport::start_on(const net::Endpoint& listen) {
  net::Endpoint at = listen;
  const auto take = [this](LinkPtr link) {
    if (on_accept_)
      on_accept_(std::move(link));
    else
      link->close();
  };
  tls_.reset();
  dtls_.reset();
  if (options_.types.tls) {
    options_.tls.listen = at;
    tls_.emplace(executor_, clock_, identity_, options_.tls);
    tls_->set_peer_check(check_);
    tls_->set_on_accept(take);
    if (auto started = tls_->start(); !started.ok()) return started;
    if (options_.listening) at = tls_->local();
  }
  if (options_.types.dtls) {
    options_.dtls.listen = at;
    dtls_.emplace(executor_, clock_, identity_, options_.dtls);
    dtls_->set_peer_check(check_);
    dtls_->set_on_accept(take);
    if (auto started = dtls_->start(); !started.ok()) return started;
  }
  return {};
}

net::Result<void> SocketTransport::start() {
  if (!options_.types.tls && !options_.types.dtls) return {net::ErrorKind::kLocal, "no type of links is chosen"};
  // A port that TCP has free may be taken for UDP: another one then, where any will do.
  constexpr int kTries = 8;
  net::Result<void> started = start_on(options_.listen);
  for (int i = 1; i < kTries && !started.ok() && options_.listen.port == 0; ++i) {
    if (started.error().kind != net::ErrorKind::kAddressInUse) break;
    started = start_on(options_.listen);
  }
  return started;
}

net::Endpoint SocketTransport::local() const {
  return addresses().front().endpoint;
}

std::vector<LinkAddress> SocketTransport::addresses() const {
  std::vector<LinkAddress> all;
  if (options_.types.tls) all.push_back({kTlsTcpFhNoIce, tls_ ? tls_->local() : net::Endpoint()});
  if (options_.types.dtls) all.push_back({kDtlsUdpSrNoIce, dtls_ ? dtls_->local() : net::Endpoint()});
  if (all.empty()) all.push_back({kTlsTcpFhNoIce, {}});
  return all;
}

void SocketTransport::connect(const net::Endpoint& remote, Connected done) {
  if (!tls_ || !dtls_) return connect_by(link_type(), remote, std::move(done));
  tls_->connect(remote, [this, remote, done = std::move(done)](net::Result<LinkPtr> link) mutable {
    if (link.ok()) return done(std::move(link));
    dtls_->connect(remote, std::move(done));
  });
}

void SocketTransport::connect_by(std::uint8_t type, const net::Endpoint& remote, Connected done) {
  if (type == kTlsTcpFhNoIce && tls_) return tls_->connect(remote, std::move(done));
  if (type == kDtlsUdpSrNoIce && dtls_) return dtls_->connect(remote, std::move(done));
  net::asio::post(executor_, [done = std::move(done), remote] {
    done(net::Result<LinkPtr>(net::ErrorKind::kLocal, "no links of this type to " + remote.to_string()));
  });
}

}  // namespace peerscope::reload
