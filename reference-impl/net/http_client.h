// SPDX-License-Identifier: GPL-2.0-or-later
// HTTP/1.1 client on one persistent connection, http or https, with limits on time and size, and with the low-level
// operations a test driver needs.
//
// Ownership: the client owns its connection and must outlive calls in progress. Failure: in the Results; after one, the
// next call opens a new connection. Threading: one executor, one call at a time. Host names are resolved by the system,
// whose own time limits apply; numeric addresses need no resolver.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "reference-impl/net/clock.h"
#include "reference-impl/net/http.h"
#include "reference-impl/net/http_channel.h"
#include "reference-impl/net/result.h"
#include "reference-impl/net/tls.h"
#include "reference-impl/net/url.h"

namespace peerscope::net {

struct ClientOptions {
  Endpoint server;
  std::optional<TlsClientOptions> tls;
  std::string local_address;  // numeric; several peers on one host come from 127.0.0.2, 127.0.0.3, ...

  Duration connect_timeout = std::chrono::seconds(10);   // TCP and TLS handshake
  Duration response_timeout = std::chrono::seconds(30);  // from the last byte sent to the end of the response's header
  Duration total_timeout = std::chrono::seconds(60);     // one send(), all of it
  std::size_t max_header_bytes = 64 * 1024;
  std::uint64_t max_body_bytes = 64 * 1024 * 1024;
  bool add_host = true;     // add a Host header when the request has none
  bool keep_record = true;  // keep the bytes of the last exchange (sent_bytes, received_bytes)
  HttpObserver observer;

  // Server and TLS from a URL; https verifies with the system's store unless changed.
  static ClientOptions for_url(const Url& url);
};

class HttpClient final : public HttpChannel {
 public:
  HttpClient(asio::any_io_executor executor, ClientOptions options);
  ~HttpClient() override;

  // One exchange. Connects if needed. A kept connection that the server has closed is replaced; the request is sent a
  // second time only if its method is idempotent and no byte of an answer was seen. 1xx responses are skipped.
  asio::awaitable<Result<HttpResponse>> send(HttpRequest request) override;

  // An exchange whose answer may have no end (update streams): its header, with an empty body. The body comes by
  // read_body(), a piece at a time, however long the whole gets; the connection is not reused.
  asio::awaitable<Result<HttpResponse>> open(HttpRequest request);
  // The next bytes of that body. kClosed at its end, in whatever way it came; kTimeout when nothing came so long.
  asio::awaitable<Result<std::string>> read_body(Duration timeout);

  // The steps of send(), for drivers that mix them. Each is limited by the time-outs above.
  asio::awaitable<Result<void>> connect();  // no-op when connected
  // Connects if needed, then writes exactly these bytes: in pieces of chunk_size (0: all at once) with pauses.
  asio::awaitable<Result<void>> send_raw(std::string bytes, std::size_t chunk_size = 0, Duration pace = Duration{0});
  // The next response on the connection, 1xx included. `request_method`: "HEAD" and "CONNECT" have no body to wait for.
  asio::awaitable<Result<HttpResponse>> read_response(std::string request_method = {});
  // Whatever comes next, at least one byte. kClosed when the peer closed, kTimeout when it stayed silent.
  asio::awaitable<Result<std::string>> read_some(Duration timeout);
  void shutdown_write();  // half-close (TLS: close_notify first)
  void close();
  void reset();  // abort with RST

  bool connected() const;
  const ConnectionInfo& info() const;  // of the current or last connection
  std::uint64_t connections_opened() const;
  // What went over the wire (inside TLS) since the last send() began, or the last clear_record().
  const std::string& sent_bytes() const;
  const std::string& received_bytes() const;
  void clear_record();
  // Headers of the last response when its body was not received completely (endless, cut short, ...).
  const std::optional<HttpResponse>& partial_response() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

// The same calls for synchronous code: owns an io_context and runs it until the call is done. Not thread-safe, but
// independent of any other executor; use one per thread.
class BlockingClient {
 public:
  explicit BlockingClient(ClientOptions options);
  ~BlockingClient();
  BlockingClient(BlockingClient&&) noexcept;
  BlockingClient& operator=(BlockingClient&&) noexcept;

  Result<HttpResponse> send(HttpRequest request);
  Result<HttpResponse> open(HttpRequest request);
  Result<std::string> read_body(Duration timeout);
  Result<void> connect();
  Result<void> send_raw(std::string bytes, std::size_t chunk_size = 0, Duration pace = Duration{0});
  Result<HttpResponse> read_response(std::string request_method = {});
  Result<std::string> read_some(Duration timeout);
  HttpClient& client();  // everything that does not wait

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace peerscope::net
