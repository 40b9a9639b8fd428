// SPDX-License-Identifier: GPL-2.0-or-later
// HTTP/1.1 server with limits on everything, and with the freedom to answer wrongly on purpose (Reply). On request it
// speaks HTTP/2 too, with the same handler.
//
// Ownership: the server holds the handler and its connections; the executor must outlive it. A Responder may outlive
// them all and then does nothing.
// Failure: start() reports; later failures concern one connection and close it. Threading: one executor that runs on
// one thread (or is a strand) for the server, its handler and its Responders; several cores take several servers with
// reuse_port.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "reference-impl/net/body_stream.h"
#include "reference-impl/net/clock.h"
#include "reference-impl/net/http.h"
#include "reference-impl/net/result.h"
#include "reference-impl/net/tls.h"

namespace peerscope::net {

// What happens to a request: a response, or something a peer should survive.
struct Reply {
  enum class End {
    kKeep,   // the connection goes on as HTTP says
    kClose,  // closed in an orderly way after the last byte
    kReset,  // aborted (TCP RST) after the last byte
    kStall,  // left open and silent after the last byte
  };

  Reply() = default;
  Reply(HttpResponse r) : response(std::move(r)) {}  // NOLINT(google-explicit-constructor)
  static Reply raw_bytes(std::string bytes, End end = End::kClose);

  HttpResponse response;
  std::shared_ptr<const std::string> shared_body;  // instead of response.body: large or cached bodies without a copy
  std::shared_ptr<BodyStream> stream;              // a body that grows; sent as it comes
  std::optional<std::string> raw;                  // these bytes instead of a response, unchanged
  Duration delay{0};                               // before the first byte
  std::size_t chunk_size = 0;                      // not 0: chunked transfer coding with chunks of this size
  std::size_t write_size = 0;                      // not 0: written in pieces of this size, ...
  Duration pace{0};                                // ... with this pause between them
  std::optional<std::size_t> send_only;            // stop after so many bytes (then `end`, kKeep acting as kStall)
  End end = End::kKeep;
};

// Takes replies to the requests it handed out; implemented by the server's connections and by MemoryChannel.
class ReplySink {
 public:
  virtual ~ReplySink() = default;
  virtual bool deliver(std::uint64_t exchange, Reply&& reply) = 0;
  virtual bool waiting(std::uint64_t exchange) const = 0;
};

// The right to answer one request, now or later, at most once; copies share it. Letting all copies go leaves the
// request unanswered.
class Responder {
 public:
  Responder() = default;
  Responder(std::shared_ptr<ReplySink> sink, std::uint64_t exchange) : sink_(std::move(sink)), exchange_(exchange) {}

  // False when the request was answered before or its connection is gone.
  bool operator()(Reply reply) const { return send(std::move(reply)); }
  bool send(Reply reply) const { return sink_ && sink_->deliver(exchange_, std::move(reply)); }
  bool close() const;  // no answer, orderly close
  bool reset() const;  // no answer, abort
  // Whether an answer would still be sent.
  bool waiting() const { return sink_ && sink_->waiting(exchange_); }

 private:
  std::shared_ptr<ReplySink> sink_;
  std::uint64_t exchange_ = 0;
};

// Called on the server's executor for every complete request. The request's storage is reused when it is not moved
// from. The ConnectionInfo is valid during the call.
using Handler = std::function<void(HttpRequest&& request, const ConnectionInfo& connection, Responder respond)>;

struct ServerOptions {
  enum class OverLimit { kRespond503, kClose };

  Endpoint listen{"127.0.0.1", 0};  // a numeric address or a host name; port 0: an ephemeral one
  bool reuse_port = false;          // several servers (threads) share the port
  int backlog = 1024;
  std::optional<TlsServerOptions> tls;
  bool http2 = false;  // over TLS by ALPN, in clear text by prior knowledge (RFC 9113 section 3)

  std::size_t max_connections = 16384;
  OverLimit over_limit = OverLimit::kRespond503;
  int retry_after_seconds = 5;                    // in 503 responses
  std::size_t max_header_bytes = 8 * 1024;        // over it: 431
  std::uint64_t max_body_bytes = 1024 * 1024;     // over it: 413, nothing is buffered
  std::uint64_t max_requests_per_connection = 0;  // 0: no limit
  // Absolute limits: sending a byte now and then does not extend them. The header's includes the TLS handshake.
  Duration header_timeout = std::chrono::seconds(10);
  Duration body_timeout = std::chrono::seconds(30);
  Duration idle_timeout = std::chrono::seconds(60);   // between requests
  Duration write_timeout = std::chrono::seconds(30);  // without any progress
  Duration reply_timeout{0};                          // for the handler's answer; 0: no limit. Over it: 503 and close

  bool date_header = true;  // RFC 9110 section 6.6.1
  HttpObserver observer;
};

struct ServerStats {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;  // over max_connections
  std::uint64_t accept_errors = 0;
  std::uint64_t tls_errors = 0;
  std::uint64_t requests = 0;
  std::uint64_t malformed = 0;  // 400, 413, 431 and 505 of the server's own
  std::uint64_t timeouts = 0;
  std::size_t open = 0;
};

class HttpServer {
 public:
  HttpServer(asio::any_io_executor executor, ServerOptions options, Handler handler);
  ~HttpServer();  // stops
  HttpServer(HttpServer&&) noexcept;
  HttpServer& operator=(HttpServer&&) noexcept;

  // Binds and listens. "cannot listen on 127.0.0.1:8443: address already in use"
  Result<void> start();
  std::uint16_t port() const;  // as bound
  Endpoint endpoint() const;   // as bound
  // Stops accepting, drops idle and waiting connections, gives responses being written a second. The handler and the
  // observer are not called any more when this returns.
  void stop();
  ServerStats stats() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

// Raises the soft limit of open files to the hard one; returns the limit in force.
std::size_t raise_file_limit();

}  // namespace peerscope::net
