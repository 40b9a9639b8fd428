// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/net/http_server.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>

#include "reference-impl/net/detail/http_server_impl.h"

namespace peerscope::net {
namespace {

constexpr std::size_t kRejecting = 64;  // connections over the limit that are told so at the same time

}  // namespace

Reply Reply::raw_bytes(std::string bytes, End end) {
  Reply reply;
  reply.raw = std::move(bytes);
  reply.end = end;
  return reply;
}

bool Responder::close() const {
  return send(Reply::raw_bytes({}, Reply::End::kClose));
}
bool Responder::reset() const {
  return send(Reply::raw_bytes({}, Reply::End::kReset));
}

std::size_t raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  if (limit.rlim_cur < limit.rlim_max) {
    const rlimit wanted{limit.rlim_max, limit.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &wanted) == 0) limit = wanted;
  }
  return static_cast<std::size_t>(limit.rlim_cur);
}

Result<void> HttpServer::Impl::start() {
  const std::string failure = "cannot listen on " + options_.listen.to_string();
  if (options_.tls && !tls_) {
    if (options_.http2 && options_.tls->alpn.empty()) options_.tls->alpn = {"h2", "http/1.1"};
    auto context = detail::TlsContext::server(*options_.tls);
    if (!context) return context.error();
    tls_ = std::move(*context);
  }
  error_code ec;
  auto address = asio::ip::make_address(options_.listen.address, ec);
  if (ec) {
    tcp::resolver resolver(executor_);
    const auto found = resolver.resolve(options_.listen.address, "", ec);
    if (ec || found.empty()) return {ErrorKind::kResolve, failure + ": the host name has no address"};
    address = found.begin()->endpoint().address();
  }
  const tcp::endpoint endpoint(address, options_.listen.port);
  const auto failed = [&] {
    error_code ignored;
    acceptor_.close(ignored);
    return Result<void>(detail::system_error(ec.value(), failure));
  };
  acceptor_.open(endpoint.protocol(), ec);
  if (ec) return failed();
  acceptor_.set_option(asio::socket_base::reuse_address(true), ec);
  if (ec) return failed();
  if (options_.reuse_port) {
    const int on = 1;
    ::setsockopt(acceptor_.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  }
  acceptor_.bind(endpoint, ec);
  if (ec) return failed();
  acceptor_.listen(options_.backlog, ec);
  if (ec) return failed();
  accept();
  return {};
}

void HttpServer::Impl::accept() {
  acceptor_.async_accept(executor_, [self = shared_from_this()](error_code ec, tcp::socket socket) {
    if (self->stopped_) return;
    if (!ec) {
      self->accepted(std::move(socket));
      if (!self->stopped_) self->accept();
      return;
    }
    ++self->stats_.accept_errors;
    if (ec == asio::error::operation_aborted || ec == asio::error::bad_descriptor) return;
    // Out of descriptors or memory: the connection stays in the queue. Trying again at once would spin.
    const bool exhausted = ec == boost::system::errc::too_many_files_open ||
                           ec == boost::system::errc::too_many_files_open_in_system ||
                           ec == boost::system::errc::no_buffer_space || ec == boost::system::errc::not_enough_memory;
    if (!exhausted) return self->accept();
    self->retry_.expires_after(std::chrono::milliseconds(100));
    self->retry_.async_wait([self](error_code timer_ec) {
      if (!timer_ec && !self->stopped_) self->accept();
    });
  });
}

void HttpServer::Impl::accepted(tcp::socket socket) {
  const bool over = connections_.size() >= options_.max_connections;
  if (over) {
    ++stats_.refused;
    // Over TLS, saying no would cost a handshake.
    if (options_.over_limit == ServerOptions::OverLimit::kClose || tls_ ||
        connections_.size() >= options_.max_connections + kRejecting) {
      error_code ignored;
      socket.close(ignored);
      return;
    }
  } else {
    ++stats_.accepted;
  }
  auto connection = std::make_shared<Connection>(shared_from_this(), std::move(socket), ++last_id_);
  connection->index_ = connections_.size();
  connections_.push_back(connection);
  arm_tick();
  if (over) {
    connection->reject();
  } else {
    connection->start();
  }
}

void HttpServer::Impl::arm_tick() {
  if (ticking_ || connections_.empty()) return;
  ticking_ = true;
  Duration shortest = std::chrono::seconds(2);
  for (const Duration limit : {options_.header_timeout, options_.body_timeout, options_.idle_timeout,
                               options_.write_timeout, options_.reply_timeout}) {
    if (limit > Duration{0}) shortest = std::min(shortest, limit);
  }
  tick_.expires_after(std::max<Duration>(shortest / 4, std::chrono::milliseconds(5)));
  tick_.async_wait([self = shared_from_this()](error_code ec) {
    self->ticking_ = false;
    if (ec) return;
    const SteadyTime now = steady_now();
    // Backwards: a connection that closes is replaced by the last one, which has been looked at already.
    for (std::size_t i = self->connections_.size(); i-- > 0;) {
      const auto connection = self->connections_[i];
      connection->check_deadline(now);
    }
    self->arm_tick();
  });
}

void HttpServer::Impl::remove(Connection& connection) {
  const std::size_t index = connection.index_;
  if (index >= connections_.size() || connections_[index].get() != &connection) return;
  // The caller runs inside this connection, so it must not go before that returns.
  auto keep = std::move(connections_[index]);
  if (index + 1 != connections_.size()) {
    connections_[index] = std::move(connections_.back());
    connections_[index]->index_ = index;
  }
  connections_.pop_back();
  if (keep.use_count() == 1) asio::post(executor_, [keep] {});
}

// The header line with its end.
const std::string& HttpServer::Impl::date() {
  const std::time_t now = std::time(nullptr);
  if (now != date_of_) {
    date_of_ = now;
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    char text[64];
    static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    // strftime would follow the locale.
    const int n = std::snprintf(text, sizeof text, "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
                                kDays[parts.tm_wday], parts.tm_mday, kMonths[parts.tm_mon], parts.tm_year + 1900,
                                parts.tm_hour, parts.tm_min, parts.tm_sec);
    date_.assign(text, static_cast<std::size_t>(n));
  }
  return date_;
}

std::unique_ptr<detail::RequestParser> HttpServer::Impl::take_parser() {
  if (parsers_.empty()) return std::make_unique<detail::RequestParser>();
  auto parser = std::move(parsers_.back());
  parsers_.pop_back();
  return parser;
}

void HttpServer::Impl::give_back(std::unique_ptr<detail::RequestParser> parser) {
  constexpr std::size_t kKept = 64;
  constexpr std::size_t kLargestKeptBody = 64 * 1024;
  if (parser && parsers_.size() < kKept && parser->message().body.capacity() <= kLargestKeptBody) {
    parsers_.push_back(std::move(parser));
  }
}

Endpoint HttpServer::Impl::endpoint() const {
  error_code ec;
  const auto local = acceptor_.local_endpoint(ec);
  if (ec) return options_.listen;
  return {local.address().to_string(), local.port()};
}

void HttpServer::Impl::stop() {
  if (stopped_) return;
  stopped_ = true;
  options_.listen = endpoint();
  error_code ignored;
  acceptor_.close(ignored);
  retry_.cancel();
  const auto open = connections_;
  for (const auto& connection : open) connection->stop();
  if (!calling_) handler_ = nullptr;  // else it is running right now, and goes with the server
  if (connections_.empty()) {
    tick_.cancel();
  } else {
    arm_tick();
  }
}

HttpServer::HttpServer(asio::any_io_executor executor, ServerOptions options, Handler handler)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() {
  if (impl_) impl_->stop();
}

HttpServer::HttpServer(HttpServer&&) noexcept = default;

HttpServer& HttpServer::operator=(HttpServer&& other) noexcept {
  if (this != &other) {
    if (impl_) impl_->stop();
    impl_ = std::move(other.impl_);
  }
  return *this;
}

Result<void> HttpServer::start() {
  return impl_->start();
}
std::uint16_t HttpServer::port() const {
  return impl_->endpoint().port;
}
Endpoint HttpServer::endpoint() const {
  return impl_->endpoint();
}
void HttpServer::stop() {
  impl_->stop();
}
ServerStats HttpServer::stats() const {
  return impl_->stats();
}

}  // namespace peerscope::net
