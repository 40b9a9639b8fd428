// SPDX-License-Identifier: GPL-2.0-or-later
// A server on its own thread and an ephemeral loopback port, for tests that use a blocking client.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <optional>
#include <thread>
#include <utility>

#include "reference-impl/net/http_client.h"
#include "reference-impl/net/http_server.h"

namespace peerscope::net {

inline HttpResponse text_response(std::string body, int status = 200) {
  return {status, {}, {{"Content-Type", "text/plain"}}, std::move(body), 11};
}

// "GET /x body"
inline void echo(HttpRequest&& request, const ConnectionInfo&, const Responder& respond) {
  respond(text_response(request.method + " " + request.target + " " + request.body));
}

class TestServer {
 public:
  explicit TestServer(Handler handler, ServerOptions options = {}) : work_(context_.get_executor()) {
    server_.emplace(context_.get_executor(), std::move(options), std::move(handler));
    const auto started = server_->start();
    EXPECT_TRUE(started) << started.error().message;
    port_ = server_->port();
    thread_ = std::thread([this] { context_.run(); });
  }
  ~TestServer() { stop(); }

  void stop() {
    if (!thread_.joinable()) return;
    on_server([this] { server_->stop(); });
    work_.reset();
    thread_.join();
  }

  template <class Function>
  void on_server(Function function) {
    std::promise<void> done;
    boost::asio::post(context_, [&] {
      function();
      done.set_value();
    });
    done.get_future().wait();
  }

  ServerStats stats() {
    ServerStats out;
    on_server([&] { out = server_->stats(); });
    return out;
  }
  // Waits until the server's statistics satisfy the predicate, at most ten seconds: it may linger for two before it
  // closes.
  template <class Predicate>
  bool eventually(Predicate predicate) {
    for (int i = 0; i < 2000; ++i) {
      if (predicate(stats())) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }

  std::uint16_t port() const { return port_; }
  boost::asio::io_context& context() { return context_; }
  ClientOptions client_options() const {
    ClientOptions options;
    options.server = {"127.0.0.1", port_};
    options.connect_timeout = std::chrono::seconds(5);
    options.response_timeout = std::chrono::seconds(5);
    options.total_timeout = std::chrono::seconds(10);
    return options;
  }
  BlockingClient client() const { return BlockingClient(client_options()); }

 private:
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::optional<HttpServer> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace peerscope::net
