// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/party.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "reference-impl/net/auth.h"

namespace peerscope::harness {
namespace {

net::Duration to_duration(double seconds) {
  return std::chrono::duration_cast<net::Duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

ClientParty::ClientParty(std::string name, std::string id, Options options)
    : name_(std::move(name)), id_(std::move(id)), options_(std::move(options)) {
  net::ClientOptions client = net::ClientOptions::for_url(options_.url);
  client.local_address = options_.local_address;
  client.connect_timeout = to_duration(options_.seconds);
  client.response_timeout = to_duration(options_.seconds);
  client.total_timeout = to_duration(options_.seconds * 4);
  constexpr std::uint64_t kMostBody = 8 << 20;
  client.max_body_bytes = kMostBody;
  if (client.tls) {
    client.tls->verify =
        options_.ca_file.empty() ? net::TlsClientOptions::Verify::kNone : net::TlsClientOptions::Verify::kCa;
    client.tls->ca_file = options_.ca_file;
    client.tls->version = options_.tls_version;
    client.tls->key_log = options_.key_log;
  }
  client_ = std::make_unique<net::BlockingClient>(std::move(client));
}

std::string ClientParty::serialise(const Exchange& exchange, const Wire& wire) const {
  if (wire.raw) return *wire.raw;
  if (wire.chunked == 0) return net::to_wire(exchange.http);
  net::HttpRequest head = exchange.http;
  head.headers.set("Transfer-Encoding", "chunked");
  head.body.clear();
  std::string out = net::to_wire(head);
  const std::size_t end_of_header = out.find("\r\n\r\n");
  out.resize(end_of_header + 4);
  return out + net::to_chunks(exchange.http.body, wire.chunked);
}

net::Result<void> ClientParty::send(Exchange exchange, const Wire& wire, bool use_credentials) {
  auto& client = client_->client();
  const auto opened = client.connections_opened();
  if (auto connected = client_->connect(); !connected) return connected.error();
  Pending pending;
  pending.fresh = client.connections_opened() != opened;
  pending.how = wire;
  exchange.connection = client.info();
  pending.may_authenticate = use_credentials && !options_.credentials.user.empty();
  if (use_credentials && !options_.credentials.token.empty())
    exchange.http.headers.set("Authorization", "Bearer " + options_.credentials.token);
  // A challenge holds for later requests too; without that a pipeline could not be authenticated.
  if (pending.may_authenticate && challenge_) authorize(exchange.http);
  pending.wire = serialise(exchange, wire);
  pending.exchange = std::move(exchange);
  client.clear_record();
  auto sent = client_->send_raw(pending.wire, wire.split, to_duration(wire.pace));
  // A server may close, or answer and close, while a long request is still on its way: the answer is worth reading.
  if (!sent && pending.fresh && sent.error().kind != net::ErrorKind::kReset &&
      sent.error().kind != net::ErrorKind::kClosed)
    return sent.error();
  pending_.push_back(std::move(pending));
  return {};
}

void ClientParty::authorize(net::HttpRequest& request) {
  const std::string cnonce =
      net::hex_digest(net::DigestAlgorithm::kSha256, name_ + std::to_string(++nonce_count_) + request.body)
          .substr(0, 16);
  request.headers.set(
      "Authorization",
      net::make_authorization(*challenge_, request.method, request.target,
                              {options_.credentials.user, options_.credentials.password}, cnonce, nonce_count_));
}

net::Result<ClientParty::Answer> ClientParty::receive() {
  if (pending_.empty()) return {net::ErrorKind::kLocal, "no request waits for an answer"};
  auto& client = client_->client();
  auto response = client_->read_response(pending_.front().exchange.http.method);
  constexpr int kMostInterim = 100;  // a server could send 1xx responses for ever
  for (int interim = 0; response && response->status / 100 == 1; ++interim) {
    if (interim == kMostInterim) {
      client.close();
      return {net::ErrorKind::kTooLarge, "more than 100 interim (1xx) responses to one request"};
    }
    response = client_->read_response(pending_.front().exchange.http.method);
  }
  const auto again = [&] {
    client.close();
    if (auto connected = client_->connect(); !connected) return false;
    client.clear_record();
    pending_.front().exchange.connection = client.info();
    if (!client_->send_raw(pending_.front().wire, pending_.front().how.split, to_duration(pending_.front().how.pace)))
      return false;
    response = client_->read_response(pending_.front().exchange.http.method);
    return true;
  };
  // A kept connection may have been closed by the server while it was idle, which is its right.
  const bool lost = !response && (response.error().kind == net::ErrorKind::kClosed ||
                                  response.error().kind == net::ErrorKind::kReset);
  if (lost && !pending_.front().fresh && pending_.size() == 1 && client.received_bytes().empty()) {
    pending_.front().fresh = true;
    again();
  }
  Pending& front = pending_.front();
  if (response && response->status == 401 && front.may_authenticate && !front.how.raw) {
    front.may_authenticate = false;
    if (const auto challenge = net::choose_challenge(*response); challenge) {
      challenge_ = *challenge;
      nonce_count_ = 0;
      authorize(front.exchange.http);
      front.wire = serialise(front.exchange, front.how);
      again();
    }
  }
  Exchange asked = std::move(pending_.front().exchange);
  pending_.pop_front();
  if (!response) {
    pending_.clear();
    client.close();
    return response.error();
  }
  return Answer{std::move(asked), std::move(*response), client.info()};
}

net::Result<ClientParty::Answer> ClientParty::open(Exchange exchange) {
  pending_.clear();
  if (!options_.credentials.token.empty())
    exchange.http.headers.set("Authorization", "Bearer " + options_.credentials.token);
  const bool may_authenticate = !options_.credentials.user.empty();
  if (may_authenticate && challenge_) authorize(exchange.http);
  auto response = client_->open(exchange.http);
  if (response && response->status == 401 && may_authenticate) {
    if (const auto challenge = net::choose_challenge(*response); challenge) {
      challenge_ = *challenge;
      nonce_count_ = 0;
      authorize(exchange.http);
      client_->client().close();
      response = client_->open(exchange.http);
    }
  }
  if (!response) return response.error();
  exchange.connection = client_->client().info();
  return Answer{std::move(exchange), std::move(*response), client_->client().info()};
}

net::Result<std::string> ClientParty::more(double seconds) {
  return client_->read_body(to_duration(seconds));
}

std::string ClientParty::surplus(double seconds) {
  auto more = client_->read_some(to_duration(seconds));
  return more ? *more : "";
}

void ClientParty::close() {
  pending_.clear();
  client_->client().close();
}

struct ServerParty::State {
  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  std::unique_ptr<net::HttpServer> server;
  std::thread thread;
  std::mutex mutex;
  std::condition_variable arrived;
  std::deque<Incoming> queue;
};

ServerParty::~ServerParty() {
  stop();
}

net::Result<void> ServerParty::start(Options options) {
  stop();
  auto state = std::make_shared<State>();
  net::ServerOptions server;
  server.listen = options.listen;
  if (options.tls) {
    // The same after a restart: a client under test trusts the one that it was given.
    if (!pem_) {
      const std::vector<std::string> here = {"localhost", "127.0.0.1", "::1", options.listen.address};
      auto pem = net::make_self_signed(options.names.empty() ? here : options.names);
      if (!pem) return pem.error();
      pem_ = *pem;
    }
    server.tls.emplace();
    server.tls->pem = *pem_;
    server.tls->key_log = options.key_log;
  }
  constexpr std::size_t kMostWaiting = 10000;
  state->server = std::make_unique<net::HttpServer>(
      state->io.get_executor(), server,
      [raw = state.get()](net::HttpRequest&& request, const net::ConnectionInfo& connection, net::Responder respond) {
        const std::lock_guard lock(raw->mutex);
        if (raw->queue.size() >= kMostWaiting) return;  // an IUT that floods gets no answer
        raw->queue.push_back({std::move(request), connection, std::move(respond)});
        raw->arrived.notify_one();
      });
  if (auto started = state->server->start(); !started) return started.error();
  state->thread = std::thread([raw = state.get()] { raw->io.run(); });
  state_ = std::move(state);
  return {};
}

std::uint16_t ServerParty::port() const {
  return state_ ? state_->server->port() : 0;
}

std::optional<ServerParty::Incoming> ServerParty::next(double seconds) {
  if (!state_) return std::nullopt;
  std::unique_lock lock(state_->mutex);
  if (!state_->arrived.wait_for(lock, std::chrono::duration<double>(seconds), [&] { return !state_->queue.empty(); }))
    return std::nullopt;
  Incoming incoming = std::move(state_->queue.front());
  state_->queue.pop_front();
  return incoming;
}

void ServerParty::answer(const Incoming& incoming, net::Reply reply) {
  if (!state_) return;
  boost::asio::post(state_->io, [respond = incoming.respond, reply = std::make_shared<net::Reply>(std::move(reply))] {
    respond.send(std::move(*reply));
  });
}

void ServerParty::stop() {
  if (!state_) return;
  std::promise<void> stopped;
  boost::asio::post(state_->io, [&] {
    state_->server->stop();
    stopped.set_value();
  });
  stopped.get_future().wait();
  state_->work.reset();
  state_->io.stop();
  state_->thread.join();
  {
    const std::lock_guard lock(state_->mutex);
    state_->queue.clear();
  }
  state_->server.reset();
  state_.reset();
}

}  // namespace peerscope::harness
