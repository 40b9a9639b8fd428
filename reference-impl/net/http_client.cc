// SPDX-License-Identifier: GPL-2.0-or-later
// One connection, driven by coroutines; each wait on the socket has its own deadline.
#include "reference-impl/net/http_client.h"

#include <algorithm>
#include <array>
#include <boost/asio.hpp>
#include <limits>
#include <utility>

#include "reference-impl/net/detail/http_parser.h"
#include "reference-impl/net/detail/stream.h"

namespace peerscope::net {

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;
using detail::IoResult;
using detail::IoStatus;
using detail::ParseStep;

SteadyTime steady_now() {
  return std::chrono::steady_clock::now();
}
SystemTime wall_now() {
  return std::chrono::system_clock::now();
}

SteadyTime after(Duration limit) {
  return limit <= Duration{0} ? SteadyTime::max() : steady_now() + limit;
}

std::string seconds_text(Duration limit) {
  const double seconds = std::chrono::duration<double>(limit).count();
  std::string text = std::to_string(seconds);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + " s";
}

// RFC 9110 section 9.2.2
bool idempotent(std::string_view method) {
  constexpr std::array<std::string_view, 6> kMethods = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

}  // namespace

ClientOptions ClientOptions::for_url(const Url& url) {
  ClientOptions options;
  options.server = url.endpoint();
  if (url.tls()) options.tls.emplace();
  return options;
}

class HttpClient::Impl {
 public:
  Impl(asio::any_io_executor executor, ClientOptions options)
      : executor_(std::move(executor)), options_(std::move(options)), timer_(executor_) {}
  ~Impl() { close(); }

  asio::awaitable<Result<HttpResponse>> send(HttpRequest request);
  asio::awaitable<Result<void>> connect(SteadyTime limit = SteadyTime::max());
  asio::awaitable<Result<void>> send_raw(std::string bytes, std::size_t chunk_size, Duration pace);
  asio::awaitable<Result<HttpResponse>> read_response(std::string request_method, SteadyTime header_limit,
                                                      SteadyTime limit);
  asio::awaitable<Result<std::string>> read_some(Duration timeout);
  asio::awaitable<Result<HttpResponse>> open(HttpRequest request);
  asio::awaitable<Result<std::string>> read_body(Duration timeout);

  void close() {
    end_open();
    if (stream_) stream_->close();
    drop();
  }
  void reset() {
    end_open();
    if (stream_) stream_->reset();
    drop();
  }
  void shutdown_write() {
    if (stream_) stream_->shutdown_write();
  }

  asio::any_io_executor executor_;
  ClientOptions options_;
  ConnectionInfo info_;
  std::uint64_t opened_ = 0;
  std::string sent_;
  std::string received_;
  std::optional<HttpResponse> partial_;
  std::unique_ptr<detail::Stream> stream_;

 private:
  void drop() {
    stream_.reset();
    unread_.clear();
    unread_at_ = 0;
  }

  // Runs an asynchronous operation on the socket until it ends or the limit passes. `timed_out` tells which.
  template <class Start>
  asio::awaitable<error_code> limited(tcp::socket& socket, SteadyTime limit, bool& timed_out, Start start) {
    const std::uint64_t mine = ++operation_;
    const auto expired = std::make_shared<bool>(false);
    if (limit != SteadyTime::max()) {
      timer_.expires_at(std::chrono::time_point_cast<std::chrono::steady_clock::duration>(limit));
      timer_.async_wait([this, mine, expired, &socket](error_code timer_ec) {
        // An expiry already queued when its operation ended must not cancel the next one.
        if (timer_ec || operation_ != mine) return;
        *expired = true;
        error_code ignored;
        socket.cancel(ignored);
      });
    }
    error_code ec;
    co_await start(asio::redirect_error(asio::use_awaitable, ec));
    ++operation_;
    timer_.cancel();
    timed_out = *expired;
    co_return ec;
  }

  asio::awaitable<Result<void>> wait(tcp::socket::wait_type type, SteadyTime limit) {
    bool timed_out = false;
    tcp::socket& socket = stream_->socket();
    const error_code ec = co_await limited(socket, limit, timed_out,
                                           [&](auto token) { return socket.async_wait(type, std::move(token)); });
    if (timed_out) co_return Error{ErrorKind::kTimeout, "time-out"};
    if (ec) co_return detail::system_error(ec.value());
    co_return Result<void>();
  }

  asio::awaitable<Result<void>> connect_to(const tcp::endpoint& endpoint, SteadyTime limit);
  asio::awaitable<Result<void>> write(std::string_view bytes, SteadyTime limit);
  // Reads at least one byte into unread_.
  asio::awaitable<Result<void>> read(SteadyTime limit);
  asio::awaitable<Result<HttpResponse>> exchange(const HttpRequest& request, const std::string& wire, SteadyTime limit,
                                                 bool& answered);
  bool usable();
  void observe_sent(std::string_view bytes, SystemTime started);
  void observe_received(const HttpResponse& response, SystemTime started);
  void observe_raw_received();
  // The answer whose body is read in pieces: its header, and for the observer what was read of it.
  struct Open {
    detail::ResponseParser parser;
    HttpResponse seen;
    SystemTime started;
    bool done = false;
  };
  asio::awaitable<Result<void>> read_open_header(std::string method);
  void keep_seen(std::string_view piece);
  void end_open();

  asio::steady_timer timer_;
  std::uint64_t operation_ = 0;
  std::shared_ptr<detail::TlsContext> tls_;
  std::string unread_;  // received and not yet parsed, from unread_at_ on
  std::size_t unread_at_ = 0;
  std::unique_ptr<Open> open_;
};

asio::awaitable<Result<void>> HttpClient::Impl::connect_to(const tcp::endpoint& endpoint, SteadyTime limit) {
  tcp::socket socket(executor_);
  error_code ec;
  socket.open(endpoint.protocol(), ec);
  if (ec) co_return detail::system_error(ec.value());
  if (!options_.local_address.empty()) {
    const auto address = asio::ip::make_address(options_.local_address, ec);
    if (ec) co_return Error{ErrorKind::kLocal, "'" + options_.local_address + "' is not an address"};
    socket.bind({address, 0}, ec);
    if (ec) co_return detail::system_error(ec.value(), "cannot use local address " + options_.local_address);
  }
  bool timed_out = false;
  ec = co_await limited(socket, limit, timed_out,
                        [&](auto token) { return socket.async_connect(endpoint, std::move(token)); });
  if (timed_out) co_return Error{ErrorKind::kTimeout, "no answer within " + seconds_text(options_.connect_timeout)};
  if (ec) co_return detail::system_error(ec.value());
  socket.set_option(tcp::no_delay(true), ec);
  stream_ = std::make_unique<detail::Stream>(std::move(socket));
  co_return Result<void>();
}

asio::awaitable<Result<void>> HttpClient::Impl::connect(SteadyTime limit) {
  if (stream_) co_return Result<void>();
  const std::string prefix = "cannot connect to " + options_.server.to_string();
  if (options_.tls && !tls_) {
    auto context = detail::TlsContext::client(*options_.tls);
    if (!context) co_return context.error();
    tls_ = std::move(*context);
  }
  limit = std::min(limit, after(options_.connect_timeout));
  std::vector<tcp::endpoint> endpoints;
  error_code ec;
  const auto numeric = asio::ip::make_address(options_.server.address, ec);
  if (!ec) {
    endpoints.emplace_back(numeric, options_.server.port);
  } else {
    tcp::resolver resolver(executor_);
    const auto found = co_await resolver.async_resolve(options_.server.address, std::to_string(options_.server.port),
                                                       asio::redirect_error(asio::use_awaitable, ec));
    if (ec) co_return Error{ErrorKind::kResolve, prefix + ": the host name has no address (" + ec.message() + ")"};
    for (const auto& entry : found) endpoints.push_back(entry.endpoint());
  }
  Result<void> result(ErrorKind::kResolve, "no address");
  for (const tcp::endpoint& endpoint : endpoints) {
    result = co_await connect_to(endpoint, limit);
    if (result) break;
  }
  if (!result) co_return Error{result.error().kind, prefix + ": " + result.error().message};
  ++opened_;
  if (tls_) {
    stream_->start_tls(tls_, false);
    const std::string& name = options_.tls->server_name.empty() ? options_.server.address : options_.tls->server_name;
    stream_->set_server_name(name, options_.tls->verify == TlsClientOptions::Verify::kCa);
    for (;;) {
      const IoResult r = stream_->handshake();
      if (r.status == IoStatus::kOk) break;
      Result<void> waited;
      if (r.status == IoStatus::kWantRead) {
        waited = co_await wait(tcp::socket::wait_read, limit);
      } else if (r.status == IoStatus::kWantWrite) {
        waited = co_await wait(tcp::socket::wait_write, limit);
      } else if (r.status == IoStatus::kEof) {
        waited = Error{ErrorKind::kClosed, "the server closed the connection during the TLS handshake"};
      } else {
        waited = stream_->error();
      }
      if (!waited) {
        Error error = waited.error();
        if (error.kind == ErrorKind::kTimeout) {
          error.message = "no TLS handshake within " + seconds_text(options_.connect_timeout);
        }
        reset();
        co_return Error{error.kind, prefix + ": " + error.message};
      }
    }
  }
  info_ = {};
  info_.id = opened_;
  stream_->describe(info_);
  co_return Result<void>();
}

asio::awaitable<Result<void>> HttpClient::Impl::write(std::string_view bytes, SteadyTime limit) {
  while (!bytes.empty()) {
    const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    const IoResult r = stream_->write(&piece, 1);
    if (r.status == IoStatus::kOk) {
      if (options_.keep_record) sent_.append(bytes.substr(0, r.bytes));
      bytes.remove_prefix(r.bytes);
      continue;
    }
    if (r.status == IoStatus::kEof) co_return Error{ErrorKind::kClosed, "the server closed the connection"};
    if (r.status == IoStatus::kReset || r.status == IoStatus::kError) co_return stream_->error();
    const Result<void> waited =
        co_await wait(r.status == IoStatus::kWantRead ? tcp::socket::wait_read : tcp::socket::wait_write, limit);
    if (!waited) {
      if (waited.error().kind == ErrorKind::kTimeout) {
        co_return Error{ErrorKind::kTimeout, "the server did not take the request in time"};
      }
      co_return waited.error();
    }
  }
  co_return Result<void>();
}

asio::awaitable<Result<void>> HttpClient::Impl::read(SteadyTime limit) {
  if (unread_at_ == unread_.size()) {
    unread_.clear();
    unread_at_ = 0;
  }
  constexpr std::size_t kPiece = 16 * 1024;
  for (;;) {
    const std::size_t before = unread_.size();
    unread_.resize(before + kPiece);
    const IoResult r = stream_->read(unread_.data() + before, kPiece);
    unread_.resize(before + r.bytes);
    if (r.status == IoStatus::kOk) {
      if (options_.keep_record) received_.append(unread_, before);
      // Endless input that never blocks must still run into the limit.
      if (steady_now() >= limit) co_return Error{ErrorKind::kTimeout, "time-out"};
      co_return Result<void>();
    }
    if (r.status == IoStatus::kEof) co_return Error{ErrorKind::kClosed, "the server closed the connection"};
    if (r.status == IoStatus::kReset || r.status == IoStatus::kError) co_return stream_->error();
    const Result<void> waited =
        co_await wait(r.status == IoStatus::kWantRead ? tcp::socket::wait_read : tcp::socket::wait_write, limit);
    if (!waited) co_return waited.error();
  }
}

asio::awaitable<Result<HttpResponse>> HttpClient::Impl::read_response(std::string request_method,
                                                                      SteadyTime header_limit, SteadyTime limit) {
  partial_.reset();
  if (!stream_) co_return Error{ErrorKind::kClosed, "not connected"};
  detail::ResponseParser parser;
  parser.start(options_.max_header_bytes, options_.max_body_bytes, request_method == "HEAD");
  SystemTime started = wall_now();
  bool any = unread_at_ < unread_.size();
  ParseStep step = ParseStep::kNeedMore;
  Error error;
  for (;;) {
    step = parser.feed(unread_, unread_at_);
    if (step == ParseStep::kHeader) continue;
    if (step == ParseStep::kDone) break;
    if (step == ParseStep::kError) {
      error = parser.error();
      if (error.kind == ErrorKind::kMalformed) {
        error.message = "not an HTTP response: " + error.message;
      } else if (parser.failure() == detail::ParseFailure::kBodyTooLarge) {
        error.message = "the response body is over the limit of " + std::to_string(options_.max_body_bytes) + " bytes";
      } else {
        error.message =
            "the response header is over the limit of " + std::to_string(options_.max_header_bytes) + " bytes";
      }
      break;
    }
    const bool in_body = parser.header_done();
    const Result<void> more = co_await read(in_body ? limit : std::min(header_limit, limit));
    if (more) {
      if (!any) started = wall_now();
      any = true;
      continue;
    }
    error = more.error();
    constexpr std::string_view kStart = "HTTP/";
    const std::string_view begin = std::string_view(unread_).substr(unread_at_, kStart.size());
    if (any && !in_body && begin != kStart.substr(0, begin.size())) {
      error = {ErrorKind::kMalformed, "not an HTTP response: it does not begin with HTTP/"};
    } else if (error.kind == ErrorKind::kTimeout) {
      error.message = !any      ? "no response within the time limit"
                      : in_body ? "the response body did not arrive within the time limit"
                                : "the response header did not arrive within the time limit";
    } else if (error.kind == ErrorKind::kClosed && in_body && parser.need_eof()) {
      step = parser.feed_end();
      if (step == ParseStep::kDone) break;
      error = {ErrorKind::kClosed, "the connection was closed in the middle of a response"};
    } else if (error.kind == ErrorKind::kClosed) {
      error.message =
          any ? "the connection was closed in the middle of a response" : "the connection was closed before a response";
      if (const auto length = in_body ? parser.content_length() : std::nullopt) {
        error.message += " (" + std::to_string(parser.message().body.size()) + " of " + std::to_string(*length) +
                         " body bytes received)";
      }
    } else if (error.kind == ErrorKind::kReset) {
      error.message =
          any ? "the connection was reset in the middle of a response" : "the connection was reset before a response";
    }
    step = ParseStep::kError;
    break;
  }
  if (step != ParseStep::kDone) {
    if (parser.header_done()) partial_ = std::move(parser.message());
    observe_raw_received();
    // Where the next response would begin is unknown. A peer that only is slow loses the connection, too.
    reset();
    co_return error;
  }
  HttpResponse response = std::move(parser.message());
  if (options_.observer) observe_received(response, started);
  const bool informational = response.status >= 100 && response.status < 200;
  if (!informational && (!parser.keep_alive() || parser.need_eof())) close();
  co_return response;
}

bool HttpClient::Impl::usable() {
  // Bytes nobody asked for, or an end: either way the next response could not be told apart.
  if (unread_at_ < unread_.size()) return false;
  char byte = 0;
  return stream_->read(&byte, 1).status == IoStatus::kWantRead;
}

asio::awaitable<Result<HttpResponse>> HttpClient::Impl::exchange(const HttpRequest& request, const std::string& wire,
                                                                 SteadyTime limit, bool& answered) {
  const Result<void> connected = co_await connect(limit);
  if (!connected) co_return connected.error();
  const SystemTime started = wall_now();
  const Result<void> written = co_await write(wire, limit);
  if (options_.observer && written) {
    options_.observer({true, &request, nullptr, {}, &info_, started, wall_now()});
  }
  // A server may refuse a large request before all of it was sent; what it says is worth a short wait.
  const SteadyTime header_limit =
      written ? after(options_.response_timeout) : steady_now() + std::chrono::milliseconds(500);
  if (!written) limit = std::min(limit, header_limit);
  const std::size_t received_before = received_.size();
  constexpr int kMostInterim = 100;  // 1xx responses: a server could send them for ever
  for (int interim = 0;; ++interim) {
    auto response = co_await read_response(request.method, header_limit, limit);
    answered = received_.size() > received_before || partial_.has_value();
    if (response) {
      answered = true;
      if (response->status >= 100 && response->status < 200 && response->status != 101 && stream_) {
        if (interim < kMostInterim) continue;
        reset();
        co_return Error{ErrorKind::kTooLarge, "more than 100 interim (1xx) responses to one request"};
      }
      if (!written) close();
      co_return response;
    }
    if (!written) co_return written.error();
    co_return response.error();
  }
}

asio::awaitable<Result<HttpResponse>> HttpClient::Impl::send(HttpRequest request) {
  if (options_.add_host && !request.headers.contains("Host")) {
    const Url url{options_.tls ? "https" : "http", options_.server.address, options_.server.port, "/", {}};
    Headers headers{{"Host", url.authority()}};
    for (const HeaderField field : request.headers) headers.add(field.name, field.value);
    request.headers = std::move(headers);
  }
  sent_.clear();
  received_.clear();
  const SteadyTime limit = after(options_.total_timeout);
  const std::string wire = to_wire(request);
  if (stream_ && !usable()) close();
  const bool reused = stream_ != nullptr;
  bool answered = false;
  auto response = co_await exchange(request, wire, limit, answered);
  // RFC 9112 section 9.3.1: a kept connection may be closed by the server at any moment, also while we write.
  const bool lost =
      !response && (response.error().kind == ErrorKind::kClosed || response.error().kind == ErrorKind::kReset);
  if (lost && reused && !answered && idempotent(request.method)) {
    sent_.clear();
    response = co_await exchange(request, wire, limit, answered);
  }
  if (!response) reset();
  co_return response;
}

asio::awaitable<Result<void>> HttpClient::Impl::read_open_header(std::string method) {
  open_ = std::make_unique<Open>();
  open_->started = wall_now();
  open_->parser.start(options_.max_header_bytes, std::numeric_limits<std::uint64_t>::max(), method == "HEAD");
  const SteadyTime limit = after(options_.response_timeout);
  constexpr int kMostSteps = 1'000'000;  // a header is bounded, so is what it takes to read it
  for (int i = 0; i < kMostSteps; ++i) {
    const ParseStep step = open_->parser.feed(unread_, unread_at_);
    if (step == ParseStep::kError) co_return open_->parser.error();
    open_->done = step == ParseStep::kDone;
    if (open_->done || step == ParseStep::kHeader || open_->parser.header_done()) co_return Result<void>();
    const Result<void> more = co_await read(limit);
    if (!more) co_return more.error();
  }
  co_return Error{ErrorKind::kTooLarge, "the response header has no end"};
}

asio::awaitable<Result<HttpResponse>> HttpClient::Impl::open(HttpRequest request) {
  close();  // an old connection may be gone, and a POST must not be sent twice
  const Result<void> connected = co_await connect();
  if (!connected) co_return connected.error();
  if (options_.add_host && !request.headers.contains("Host"))
    request.headers.add(
        "Host",
        Url{options_.tls ? "https" : "http", options_.server.address, options_.server.port, "/", {}}.authority());
  const SystemTime started = wall_now();
  const std::string wire = to_wire(request);
  const Result<void> written = co_await write(wire, after(options_.total_timeout));
  if (!written) {
    reset();
    co_return written.error();
  }
  if (options_.observer) options_.observer({true, &request, nullptr, {}, &info_, started, wall_now()});
  constexpr int kMostInterim = 100;
  for (int interim = 0; interim < kMostInterim; ++interim) {
    const Result<void> header = co_await read_open_header(request.method);
    if (!header) {
      open_.reset();
      observe_raw_received();
      reset();
      co_return header.error();
    }
    const HttpResponse& message = open_->parser.message();
    if (message.status / 100 == 1) continue;
    open_->seen = {message.status, message.reason, message.headers, {}, message.version};
    HttpResponse out = open_->seen;
    co_return out;
  }
  open_.reset();
  reset();
  co_return Error{ErrorKind::kTooLarge, "more than 100 interim (1xx) responses to one request"};
}

asio::awaitable<Result<std::string>> HttpClient::Impl::read_body(Duration timeout) {
  if (!open_ || !stream_) co_return Error{ErrorKind::kClosed, "not connected"};
  const SteadyTime limit = after(timeout);
  for (;;) {  // each round takes at least one byte, or ends
    std::string piece = std::exchange(open_->parser.message().body, {});
    if (!piece.empty()) {
      keep_seen(piece);
      co_return piece;
    }
    if (open_->done) {
      close();
      co_return Error{ErrorKind::kClosed, "the server ended the answer"};
    }
    if (unread_at_ < unread_.size()) {
      const ParseStep step = open_->parser.feed(unread_, unread_at_);
      open_->done = step == ParseStep::kDone;
      if (step == ParseStep::kError) {
        const Error error = open_->parser.error();
        reset();
        co_return error;
      }
      if (step != ParseStep::kNeedMore) continue;
      if (!open_->parser.message().body.empty()) continue;
    }
    if (unread_.size() - unread_at_ > options_.max_header_bytes) {  // a chunk's header without end
      reset();
      co_return Error{ErrorKind::kTooLarge, "a chunk header is over the limit"};
    }
    const Result<void> more = co_await read(limit);
    if (more) continue;
    const Error error = more.error();
    if (error.kind != ErrorKind::kTimeout) reset();
    co_return error.kind == ErrorKind::kTimeout
        ? Error{ErrorKind::kTimeout, "nothing came within " + seconds_text(timeout)}
        : error;
  }
}

void HttpClient::Impl::keep_seen(std::string_view piece) {
  constexpr std::size_t kMostSeen = 16 * 1024 * 1024;  // a trace may miss the end of a long stream
  if (options_.observer && open_->seen.body.size() < kMostSeen) open_->seen.body += piece;
}

void HttpClient::Impl::end_open() {
  if (!open_) return;
  const std::unique_ptr<Open> ended = std::move(open_);
  if (options_.observer && ended->seen.status != 0 && ended->parser.header_done())
    observe_received(ended->seen, ended->started);
}

asio::awaitable<Result<void>> HttpClient::Impl::send_raw(std::string bytes, std::size_t chunk_size, Duration pace) {
  if (auto connected = co_await connect(); !connected) co_return connected;
  const SystemTime started = wall_now();
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const std::string_view piece = chunk_size == 0 ? rest : rest.substr(0, chunk_size);
    if (auto written = co_await write(piece, after(options_.total_timeout)); !written) co_return written;
    rest.remove_prefix(piece.size());
    if (!rest.empty() && pace > Duration{0}) {
      asio::steady_timer timer(executor_, pace);
      error_code ec;
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
    }
  }
  observe_sent(bytes, started);
  co_return Result<void>();
}

asio::awaitable<Result<std::string>> HttpClient::Impl::read_some(Duration timeout) {
  if (!stream_) co_return Error{ErrorKind::kClosed, "not connected"};
  if (unread_at_ == unread_.size()) {
    const Result<void> more = co_await read(steady_now() + timeout);
    if (!more && unread_at_ == unread_.size()) {
      if (more.error().kind != ErrorKind::kTimeout) close();
      co_return more.error();
    }
  }
  std::string out = unread_.substr(unread_at_);
  unread_at_ = unread_.size();
  co_return out;
}

void HttpClient::Impl::observe_sent(std::string_view bytes, SystemTime started) {
  if (!options_.observer || bytes.empty()) return;
  // Pipelined requests are shown one by one; what is no request is shown as bytes.
  while (!bytes.empty()) {
    std::size_t used = 0;
    const auto parsed = parse_request(bytes, &used);
    if (!parsed || used == 0) {
      options_.observer({true, nullptr, nullptr, bytes, &info_, started, wall_now()});
      return;
    }
    options_.observer({true, &*parsed, nullptr, bytes.substr(0, used), &info_, started, wall_now()});
    bytes.remove_prefix(used);
  }
}

void HttpClient::Impl::observe_received(const HttpResponse& response, SystemTime started) {
  options_.observer({false, nullptr, &response, {}, &info_, started, wall_now()});
}

void HttpClient::Impl::observe_raw_received() {
  if (!options_.observer || received_.empty()) return;
  options_.observer({false, nullptr, nullptr, received_, &info_, wall_now(), wall_now()});
}

HttpClient::HttpClient(asio::any_io_executor executor, ClientOptions options)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(options))) {}
HttpClient::~HttpClient() = default;

asio::awaitable<Result<HttpResponse>> HttpClient::send(HttpRequest request) {
  return impl_->send(std::move(request));
}
asio::awaitable<Result<HttpResponse>> HttpClient::open(HttpRequest request) {
  return impl_->open(std::move(request));
}
asio::awaitable<Result<std::string>> HttpClient::read_body(Duration timeout) {
  return impl_->read_body(timeout);
}
asio::awaitable<Result<void>> HttpClient::connect() {
  return impl_->connect();
}
asio::awaitable<Result<void>> HttpClient::send_raw(std::string bytes, std::size_t chunk_size, Duration pace) {
  return impl_->send_raw(std::move(bytes), chunk_size, pace);
}
asio::awaitable<Result<HttpResponse>> HttpClient::read_response(std::string request_method) {
  return impl_->read_response(std::move(request_method), after(impl_->options_.response_timeout),
                              after(impl_->options_.total_timeout));
}
asio::awaitable<Result<std::string>> HttpClient::read_some(Duration timeout) {
  return impl_->read_some(timeout);
}
void HttpClient::shutdown_write() {
  impl_->shutdown_write();
}
void HttpClient::close() {
  impl_->close();
}
void HttpClient::reset() {
  impl_->reset();
}
bool HttpClient::connected() const {
  return impl_->stream_ != nullptr;
}
const ConnectionInfo& HttpClient::info() const {
  return impl_->info_;
}
std::uint64_t HttpClient::connections_opened() const {
  return impl_->opened_;
}
const std::string& HttpClient::sent_bytes() const {
  return impl_->sent_;
}
const std::string& HttpClient::received_bytes() const {
  return impl_->received_;
}
void HttpClient::clear_record() {
  impl_->sent_.clear();
  impl_->received_.clear();
}
const std::optional<HttpResponse>& HttpClient::partial_response() const {
  return impl_->partial_;
}

struct BlockingClient::State {
  explicit State(ClientOptions options) : context(1), client(context.get_executor(), std::move(options)) {}

  template <class T>
  Result<T> run(asio::awaitable<Result<T>> operation) {
    std::optional<Result<T>> result;
    std::exception_ptr failure;
    asio::co_spawn(context, std::move(operation), [&](std::exception_ptr e, Result<T> r) {
      failure = e;
      result.emplace(std::move(r));
    });
    context.restart();
    while (!result && context.run_one() > 0) {
    }
    if (failure || !result) return Error{ErrorKind::kLocal, "internal error in the client"};
    return std::move(*result);
  }

  asio::io_context context;
  HttpClient client;
};

BlockingClient::BlockingClient(ClientOptions options) : state_(std::make_unique<State>(std::move(options))) {}
BlockingClient::~BlockingClient() = default;
BlockingClient::BlockingClient(BlockingClient&&) noexcept = default;
BlockingClient& BlockingClient::operator=(BlockingClient&&) noexcept = default;

Result<HttpResponse> BlockingClient::send(HttpRequest request) {
  return state_->run(state_->client.send(std::move(request)));
}
Result<HttpResponse> BlockingClient::open(HttpRequest request) {
  return state_->run(state_->client.open(std::move(request)));
}
Result<std::string> BlockingClient::read_body(Duration timeout) {
  return state_->run(state_->client.read_body(timeout));
}
Result<void> BlockingClient::connect() {
  return state_->run(state_->client.connect());
}
Result<void> BlockingClient::send_raw(std::string bytes, std::size_t chunk_size, Duration pace) {
  return state_->run(state_->client.send_raw(std::move(bytes), chunk_size, pace));
}
Result<HttpResponse> BlockingClient::read_response(std::string request_method) {
  return state_->run(state_->client.read_response(std::move(request_method)));
}
Result<std::string> BlockingClient::read_some(Duration timeout) {
  return state_->run(state_->client.read_some(timeout));
}
HttpClient& BlockingClient::client() {
  return state_->client;
}

}  // namespace peerscope::net
