// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/systems/distributed_tracker/service_link.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <deque>
#include <utility>

#include "protocols/reload/security/certificate.h"

namespace peerscope::distributed_tracker {
namespace {

constexpr std::size_t kConnections = 4;  // to one desk
constexpr std::size_t kMostWaiting = 4096;

net::KeyPairPem pem_of(const reload::Identity& identity) {
  net::KeyPairPem pair{reload::certificate_to_pem(identity.certificate->der()), identity.key.to_pem()};
  for (const std::string& der : identity.intermediates) pair.certificate += reload::certificate_to_pem(der);
  return pair;
}

// A few connections to one desk, and the requests that wait for one.
class Connections : public std::enable_shared_from_this<Connections> {
 public:
  Connections(net::asio::any_io_executor executor, net::ClientOptions options)
      : executor_(std::move(executor)), options_(std::move(options)) {}

  void send(net::HttpRequest request, ServiceLink::OnAnswer done) {
    if (closed_ || waiting_.size() >= kMostWaiting)
      return done({net::ErrorKind::kTooLarge, "too many requests wait for the desk"});
    waiting_.push_back({std::move(request), std::move(done)});
    if (running_ >= kConnections) return;
    ++running_;
    net::asio::co_spawn(executor_, serve(shared_from_this()), net::asio::detached);
  }
  void close() {
    closed_ = true;
    waiting_.clear();
  }

 private:
  struct Waiting {
    net::HttpRequest request;
    ServiceLink::OnAnswer done;
  };

  // One connection, as long as there is something to send.
  static net::asio::awaitable<void> serve(std::shared_ptr<Connections> self) {
    std::unique_ptr<net::HttpClient> client;
    if (!self->idle_.empty()) {
      client = std::move(self->idle_.back());
      self->idle_.pop_back();
    } else {
      client = std::make_unique<net::HttpClient>(self->executor_, self->options_);
    }
    while (!self->waiting_.empty()) {
      Waiting next = std::move(self->waiting_.front());
      self->waiting_.pop_front();
      auto answer = co_await client->send(std::move(next.request));
      if (!self->closed_) next.done(std::move(answer));
    }
    if (!self->closed_) self->idle_.push_back(std::move(client));
    --self->running_;
  }

  net::asio::any_io_executor executor_;
  net::ClientOptions options_;
  std::deque<Waiting> waiting_;
  std::vector<std::unique_ptr<net::HttpClient>> idle_;
  std::size_t running_ = 0;
  bool closed_ = false;
};

class HttpServiceLink final : public ServiceLink {
 public:
  HttpServiceLink(net::asio::any_io_executor executor, net::ClientOptions options)
      : connections_(std::make_shared<Connections>(std::move(executor), std::move(options))) {}
  ~HttpServiceLink() override { connections_->close(); }
  void send(net::HttpRequest request, OnAnswer done) override {
    connections_->send(std::move(request), std::move(done));
  }

 private:
  std::shared_ptr<Connections> connections_;
};

}  // namespace

net::Result<net::TlsServerOptions> desk_tls(const reload::Overlay& overlay, const reload::Identity& identity) {
  if (overlay.anchors.empty())
    return {net::ErrorKind::kLocal, "service mode needs an overlay whose certificates have an authority"};
  net::TlsServerOptions tls;
  tls.pem = pem_of(identity);
  for (const reload::CertificatePtr& root : overlay.anchors.roots())
    tls.client_ca_pem += reload::certificate_to_pem(root->der());
  tls.require_client_certificate = true;
  return tls;
}

ServiceDial dial_desks(net::asio::any_io_executor executor, const reload::Identity& identity, net::KeyLogSink key_log) {
  return [executor, pair = pem_of(identity), key_log = std::move(key_log)](
             const net::Endpoint& desk, const std::string& certificate) -> std::shared_ptr<ServiceLink> {
    if (certificate.empty()) return nullptr;
    net::ClientOptions options;
    options.server = desk;
    options.response_timeout = options.connect_timeout = std::chrono::seconds(5);
    options.keep_record = false;
    net::TlsClientOptions& tls = options.tls.emplace();
    tls.verify = net::TlsClientOptions::Verify::kPinned;
    tls.pinned_pem = reload::certificate_to_pem(certificate);
    tls.pem = pair;
    tls.key_log = key_log;
    return std::make_shared<HttpServiceLink>(executor, std::move(options));
  };
}

}  // namespace peerscope::distributed_tracker
