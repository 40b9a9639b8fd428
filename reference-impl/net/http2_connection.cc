// SPDX-License-Identifier: GPL-2.0-or-later
// A connection of the server that speaks HTTP/2: bytes between the socket and the Http2Session, and its time limits.
#include "reference-impl/net/detail/http_server_impl.h"

namespace peerscope::net {

using detail::IoResult;

namespace {

constexpr std::size_t kReadSize = 16 * 1024;
constexpr std::size_t kCollected = 64 * 1024;
constexpr int kReadsInARow = 16;  // then others have their turn

SystemTime wall_now() {
  return std::chrono::system_clock::now();
}

}  // namespace

bool HttpServer::Impl::Connection::begins_http2(bool& more) const {
  // No method of HTTP/1.1 begins so; four bytes are enough.
  constexpr std::string_view kBegin = detail::kHttp2Preface.substr(0, 4);
  const std::string_view bytes = unread().substr(0, kBegin.size());
  if (kBegin.substr(0, bytes.size()) != bytes) return false;
  more = bytes.size() < kBegin.size();
  return !more;
}

void HttpServer::Impl::Connection::start_http2() {
  state_ = State::kHttp2;
  const std::weak_ptr<Connection> weak = weak_from_this();
  detail::Http2Session::Hooks hooks;
  hooks.request = [this](HttpRequest&& request, const Responder& respond) {
    ++requests_;
    ++server_->stats_.requests;
    const auto server = server_;
    if (server->stopped_) return;
    server->calling_ = true;
    try {
      server->handler_(std::move(request), info_, respond);
    } catch (...) {
      // A handler's bug costs its request, not the server.
      respond(Reply(HttpResponse(500, "", {{"Content-Type", "text/plain"}}, "internal error\n")));
    }
    server->calling_ = false;
  };
  hooks.wake = [weak] {
    const auto self = weak.lock();
    if (!self || self->extra().pump_posted) return;
    self->extra().pump_posted = true;
    asio::post(self->server_->executor_, [self] {
      self->extra().pump_posted = false;
      self->pump_http2();
    });
  };
  hooks.later = [weak](Duration delay, std::function<void()> then) {
    const auto self = weak.lock();
    if (!self) return;
    auto timer = std::make_shared<asio::steady_timer>(self->server_->executor_, delay);
    timer->async_wait([weak, timer, then = std::move(then)](error_code ec) {
      const auto alive = weak.lock();
      if (!ec && alive && alive->state_ == State::kHttp2) then();
    });
  };
  hooks.date = [this] {
    constexpr std::string_view kName = "Date: ";
    if (!options().date_header) return std::string();
    const std::string& line = server_->date();
    return line.substr(kName.size(), line.size() - kName.size() - 2);
  };
  if (options().observer) {
    // Traces show the messages as HTTP/1.1 would carry them.
    hooks.saw_request = [this](const HttpRequest& request) {
      HttpRequest copy = request;
      copy.version = 11;
      options().observer({false, &copy, nullptr, {}, &info_, wall_now(), wall_now()});
    };
    hooks.saw_response = [this](const HttpResponse& response) {
      if (!server_->stopped_) options().observer({true, nullptr, &response, {}, &info_, wall_now(), wall_now()});
    };
  }
  http2_ = std::make_unique<detail::Http2Session>(options(), std::move(hooks));
  const std::string begun(unread());
  begin_ = end_ = 0;
  buffer_.reset(new char[kReadSize]);
  capacity_ = kReadSize;
  const auto self = shared_from_this();
  if (!begun.empty() && !http2_->receive(begun)) return close();
  if (state_ == State::kHttp2) read_http2();
}

void HttpServer::Impl::Connection::read_http2() {
  for (int i = 0; i < kReadsInARow; ++i) {
    const IoResult r = stream_.read(buffer_.get(), capacity_);
    if (r.status == IoStatus::kWantRead || r.status == IoStatus::kWantWrite) break;
    if (r.status != IoStatus::kOk || !http2_->receive({buffer_.get(), r.bytes})) {
      if (state_ != State::kHttp2) return;
      pump_http2();  // the reason, if it can still be said
      return close();
    }
    if (state_ != State::kHttp2) return;
    // What a peer asks for without reading the answers must not pile up: it is read on when they are gone.
    if (pending_out()) break;
  }
  pump_http2();
  if (state_ != State::kHttp2) return;
  if (stream_.buffered()) {
    asio::post(server_->executor_, [self = shared_from_this()] {
      if (self->state_ == State::kHttp2) self->read_http2();
    });
    return;
  }
  wait(tcp::socket::wait_read, [](Connection& c) {
    if (c.state_ == State::kHttp2) c.read_http2();
  });
}

void HttpServer::Impl::Connection::pump_http2() {
  if (state_ != State::kHttp2 || pending_out()) return;
  bool progress = false;
  for (;;) {
    const bool good = http2_->collect(out(), kCollected);
    if (out().empty()) {
      if (!good) return close();
      break;
    }
    progress = true;
    write_out();
    if (state_ != State::kHttp2) return;
    if (!good) return close();
    if (pending_out()) break;
  }
  if (!pending_out()) http2_->sent();
  if (http2_->finished() && !pending_out()) return linger();
  limit_http2(progress);
}

// A deadline for whatever the peer owes: the rest of a request, reading on, or a request at all.
void HttpServer::Impl::Connection::limit_http2(bool progress) {
  if (!http2_->incomplete())
    request_deadline_ = kNever;
  else if (request_deadline_ == kNever)
    request_deadline_ = after(options().body_timeout);
  SteadyTime limit = kNever;
  if (pending_out() || http2_->unsent())
    limit = progress || deadline_ == kNever ? after(options().write_timeout) : deadline_;
  else if (http2_->streams() == 0)
    limit = after(options().idle_timeout);
  deadline_ = std::min(limit, request_deadline_);
}

}  // namespace peerscope::net
