// SPDX-License-Identifier: GPL-2.0-or-later
// The inside of HttpServer: its connections are hand-written state machines: one read, parse, handle, one gathered
// write. Responses to pipelined requests are collected and written together. An idle connection holds a socket and a
// small read buffer; parsers and write buffers belong to the server and are lent out.
#pragma once

#include <algorithm>
#include <boost/asio.hpp>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reference-impl/net/detail/http2_session.h"
#include "reference-impl/net/detail/http_parser.h"
#include "reference-impl/net/detail/stream.h"
#include "reference-impl/net/http_server.h"

namespace peerscope::net {

using boost::asio::ip::tcp;
using boost::system::error_code;
using detail::IoStatus;

inline constexpr SteadyTime kNever = SteadyTime::max();

inline SteadyTime steady_now() {
  return std::chrono::steady_clock::now();
}

inline SteadyTime after(Duration delay) {
  return delay <= Duration{0} ? kNever : steady_now() + delay;
}

class HttpServer::Impl : public std::enable_shared_from_this<HttpServer::Impl> {
 public:
  class Connection;

  Impl(asio::any_io_executor executor, ServerOptions options, Handler handler)
      : executor_(std::move(executor)),
        options_(std::move(options)),
        handler_(std::move(handler)),
        acceptor_(executor_),
        tick_(executor_),
        retry_(executor_) {}

  Result<void> start();
  void stop();
  Endpoint endpoint() const;
  ServerStats stats() const {
    ServerStats copy = stats_;
    copy.open = connections_.size();
    return copy;
  }

 private:
  void accept();
  void accepted(tcp::socket socket);
  void arm_tick();
  void remove(Connection& connection);
  const std::string& date();
  std::unique_ptr<detail::RequestParser> take_parser();
  void give_back(std::unique_ptr<detail::RequestParser> parser);

  asio::any_io_executor executor_;
  ServerOptions options_;
  Handler handler_;
  tcp::acceptor acceptor_;
  asio::steady_timer tick_;
  asio::steady_timer retry_;
  std::shared_ptr<detail::TlsContext> tls_;
  std::vector<std::shared_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<detail::RequestParser>> parsers_;
  std::string out_;                  // output of the connection being processed; empty in between
  std::optional<Reply> sync_reply_;  // the answer given inside the handler call in progress
  std::string date_;
  std::time_t date_of_ = 0;
  ServerStats stats_;
  std::uint64_t last_id_ = 0;
  bool ticking_ = false;
  bool calling_ = false;  // the handler is on the stack
  bool stopped_ = false;
};

class HttpServer::Impl::Connection : public std::enable_shared_from_this<HttpServer::Impl::Connection> {
 public:
  Connection(std::shared_ptr<Impl> server, tcp::socket socket, std::uint64_t id)
      : server_(std::move(server)), stream_(std::move(socket)), slot_(std::make_shared<Slot>()) {
    info_.id = id;
    slot_->owner = this;
  }

  void start();
  void reject();
  // Called by the server's tick.
  void check_deadline(SteadyTime now);
  // The server stops: only a response already under way is finished, for a moment.
  void stop();
  void close();

 private:
  friend class Impl;

  enum class State {
    kHandshake,
    kReading,    // idle, or in the middle of a request (parser_)
    kHandling,   // the handler has the request
    kPausing,    // delay of a reply, or pause between its pieces
    kWriting,    // output is waiting for the peer
    kStreaming,  // a body that grows (Extra::stream)
    kHttp2,      // all of an HTTP/2 connection (http2_)
    kLingering,  // all is said; reading to the end so that our last words are not lost to a reset
    kStalled,    // silent on purpose
    kClosed,
  };
  enum class Then { kNext, kClose, kReset, kStall };

  // What Responders hold: small, and safe to outlive the connection and its executor.
  struct Slot final : ReplySink {
    Connection* owner = nullptr;
    bool deliver(std::uint64_t exchange, Reply&& reply) override {
      return owner != nullptr && owner->deliver(exchange, std::move(reply));
    }
    bool waiting(std::uint64_t exchange) const override { return owner != nullptr && owner->awaits(exchange); }
  };

  // Used by few connections and for a short time, so kept apart.
  struct Extra {
    std::string rest;                           // bytes the socket did not take
    std::shared_ptr<const std::string> shared;  // large body behind them
    std::size_t offset = 0;                     // into rest, then shared
    std::optional<Reply> reply;                 // delayed or delivered from outside the handler
    std::string paced;                          // all bytes of a reply written in pieces
    std::size_t paced_offset = 0;
    std::size_t piece = 0;
    Duration pace{0};
    Then paced_then = Then::kNext;
    std::optional<asio::steady_timer> timer;
    std::shared_ptr<BodyStream> stream;
    HttpResponse streamed;     // for the observer, with what has been sent of the body
    bool chunk_open = false;   // the line end behind a chunk's data is still to come
    bool pump_posted = false;  // pump() is on its way
  };

  const ServerOptions& options() const { return server_->options_; }
  std::string& out() { return server_->out_; }
  Extra& extra() {
    if (!extra_) extra_ = std::make_unique<Extra>();
    return *extra_;
  }
  bool pending_out() const { return extra_ && (!extra_->rest.empty() || extra_->shared); }

  template <class Function>
  void wait(tcp::socket::wait_type type, Function then) {
    stream_.socket().async_wait(type, [self = shared_from_this(), then](error_code ec) {
      if (self->state_ == State::kClosed) return;
      if (ec) return self->close();
      then(*self);
    });
  }

  // --- TLS handshake ---
  void handshake();

  // --- reading ---
  std::string_view unread() const { return {buffer_.get() + begin_, end_ - begin_}; }

  // Room for more input; false when a message part that must be in one piece does not fit.
  bool make_room();
  void read_more();
  void resume_read();
  void received(const error_code& ec, std::size_t n);
  // Handles what has been read. True when more is to be read now; all output is then on its way.
  bool process();
  void refuse_unparsable();
  void refuse_malformed(int status, std::string text);
  // Our own last word on this connection.
  void refuse(HttpResponse response);

  // --- HTTP/2 (http2_connection.cc) ---
  // Whether the bytes read so far begin as a client of HTTP/2 begins; `more` when they do not yet tell.
  bool begins_http2(bool& more) const;
  void start_http2();
  void read_http2();
  void pump_http2();
  void limit_http2(bool progress);

  // --- requests ---
  void dispatch();
  bool awaits(std::uint64_t exchange) const;
  bool deliver(std::uint64_t exchange, Reply&& reply);
  void respond_later();
  // After an answer given outside process(): write it, and go on reading.
  void finish_replies();
  // While the handler thinks: notice a peer that resets or leaves. Data is not read, so a peer cannot fill our memory.
  void watch_peer();

  // --- responses ---
  void append_head(const HttpResponse& response, std::size_t body_size, bool has_body, bool chunked);
  void respond(Reply&& reply);
  void after_response(Then then);
  // Everything a well-behaved server would not do.
  void respond_specially(Reply&& reply);
  void write_piece();
  void finish_replies_and_read();
  void respond_streaming(Reply&& reply);
  // Moves what the stream holds to the socket, as far as that takes it.
  void pump();
  // Pieces as chunks into out(); a large one is returned and follows it. Null and nothing in out() when there is none.
  std::shared_ptr<const std::string> collect_chunks();
  void end_stream();
  // While a body grows: notice a peer that leaves. Its next requests wait in the read buffer.
  void watch_stream();
  template <class Function>
  void pause(Duration delay, Function then) {
    deadline_ = kNever;
    Extra& e = extra();
    if (!e.timer) e.timer.emplace(server_->executor_);
    e.timer->expires_after(std::max(delay, Duration{0}));
    e.timer->async_wait([self = shared_from_this(), then](error_code ec) {
      if (ec || self->state_ != State::kPausing) return;
      then(*self);
    });
  }

  void observe(const Reply& reply);
  void observe_raw(std::string_view bytes);

  // --- writing ---
  // Writes as much collected output as the socket takes; the rest is kept in extra().
  void write_out(std::shared_ptr<const std::string> large = nullptr);
  void wait_writable(IoStatus status);
  // Writes the collected output and then does what follows. True when that is reading on, now.
  bool flush(Then then, std::shared_ptr<const std::string> large = nullptr);
  bool proceed(Then then);
  void writable();

  // --- ends ---
  void linger();
  // Reads and forgets until the peer closes or the deadline comes.
  void discard();
  void reset();
  void detach() { slot_->owner = nullptr; }

  void release_parser();
  void closed();

  std::shared_ptr<Impl> server_;
  detail::Stream stream_;
  std::shared_ptr<Slot> slot_;
  ConnectionInfo info_;
  std::unique_ptr<char[]> buffer_;
  std::uint32_t capacity_ = 0;
  std::uint32_t begin_ = 0;
  std::uint32_t end_ = 0;
  std::unique_ptr<detail::RequestParser> parser_;
  std::unique_ptr<Extra> extra_;
  std::unique_ptr<detail::Http2Session> http2_;
  SteadyTime request_deadline_ = kNever;  // HTTP/2: of requests that are arriving
  SteadyTime deadline_ = kNever;
  SystemTime started_{};
  std::uint64_t requests_ = 0;
  std::uint64_t exchange_ = 0;
  std::size_t index_ = 0;  // in the server's list
  State state_ = State::kReading;
  Then then_ = Then::kNext;
  bool keep_alive_ = true;
  bool http10_ = false;
  bool head_request_ = false;
  bool in_handler_ = false;
  bool waiting_ = false;
  bool peer_eof_ = false;
};

}  // namespace peerscope::net
