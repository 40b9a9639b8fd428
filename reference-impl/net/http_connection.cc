// SPDX-License-Identifier: GPL-2.0-or-later
// One connection of the server: handshake, reading, requests, responses, writing and the ways it ends.
#include <cerrno>
#include <cstdio>

#include "reference-impl/net/detail/http_server_impl.h"

namespace peerscope::net {

using detail::IoResult;
using detail::ParseFailure;
using detail::ParseStep;

namespace {

constexpr std::size_t kFirstBuffer = 1024;               // of an idle connection
constexpr std::size_t kBodyBuffer = 16 * 1024;           // while a body comes in
constexpr std::size_t kKeptBuffer = 4 * 1024;            // larger ones are given back between requests
constexpr std::size_t kCopyBody = 32 * 1024;             // larger bodies are written from where they are
constexpr std::size_t kFlushAt = 64 * 1024;              // collected output
constexpr std::size_t kMostObserved = 16 * 1024 * 1024;  // of a streamed body, for the observer
constexpr Duration kLinger = std::chrono::seconds(2);
constexpr Duration kStopGrace = std::chrono::seconds(1);

SystemTime wall_now() {
  return std::chrono::system_clock::now();
}

}  // namespace

void HttpServer::Impl::Connection::start() {
  error_code ignored;
  stream_.socket().set_option(tcp::no_delay(true), ignored);
  stream_.describe(info_);
  deadline_ = after(options().header_timeout);
  if (server_->tls_) {
    stream_.start_tls(server_->tls_, true);
    handshake();
  } else {
    read_more();
  }
}

void HttpServer::Impl::Connection::reject() {
  stream_.describe(info_);
  keep_alive_ = false;
  HttpResponse response{
      503, {}, {{"Retry-After", std::to_string(options().retry_after_seconds)}}, "too many connections\n"};
  refuse(std::move(response));
}

void HttpServer::Impl::Connection::check_deadline(SteadyTime now) {
  if (deadline_ > now) return;
  deadline_ = kNever;
  switch (state_) {
    case State::kReading:
      if (parser_) {
        ++server_->stats_.timeouts;
        keep_alive_ = false;
        refuse({408, {}, {}, "the request did not arrive in time\n"});
      } else {
        close();
      }
      break;
    case State::kHandling:
      if (pending_out()) {
        ++server_->stats_.timeouts;
        reset();
      } else if (peer_eof_) {
        close();
      } else {
        ++server_->stats_.timeouts;
        ++exchange_;  // a late answer finds nobody waiting
        keep_alive_ = false;
        refuse({503, {}, {}, "no answer in time\n"});
      }
      break;
    case State::kWriting:
    case State::kStreaming:
      ++server_->stats_.timeouts;
      reset();
      break;
    case State::kHttp2:
      if (http2_->incomplete() || http2_->unsent() || pending_out()) ++server_->stats_.timeouts;
      close();
      break;
    case State::kHandshake:
      ++server_->stats_.timeouts;
      close();
      break;
    case State::kPausing:
    case State::kLingering:
    case State::kStalled:
    case State::kClosed:
      close();
      break;
  }
}

void HttpServer::Impl::Connection::stop() {
  if (state_ == State::kWriting && (then_ == Then::kNext || then_ == Then::kClose)) {
    then_ = Then::kClose;
    deadline_ = steady_now() + kStopGrace;
    detach();
    return;
  }
  close();
}

void HttpServer::Impl::Connection::close() {
  if (state_ == State::kClosed) return;
  stream_.close();
  closed();
}

// --- TLS handshake ---

void HttpServer::Impl::Connection::handshake() {
  state_ = State::kHandshake;
  const IoResult r = stream_.handshake();
  switch (r.status) {
    case IoStatus::kOk:
      stream_.describe(info_);
      state_ = State::kReading;
      if (stream_.protocol() == "h2") return start_http2();
      read_more();
      return;
    case IoStatus::kWantRead:
      wait(tcp::socket::wait_read, [](Connection& c) { c.handshake(); });
      return;
    case IoStatus::kWantWrite:
      wait(tcp::socket::wait_write, [](Connection& c) { c.handshake(); });
      return;
    default:
      ++server_->stats_.tls_errors;
      close();
  }
}

// --- reading ---

bool HttpServer::Impl::Connection::make_room() {
  if (begin_ == end_) begin_ = end_ = 0;
  const bool in_body = parser_ && parser_->header_done();
  // Header lines and chunk headers must fit whole; body bytes never pile up here.
  const std::size_t most = std::max(options().max_header_bytes + 1024, kBodyBuffer);
  std::size_t wanted = std::max<std::size_t>(capacity_, kFirstBuffer);
  if (in_body) wanted = std::max(wanted, kBodyBuffer);
  if (!parser_ && begin_ == end_ && capacity_ > kKeptBuffer) wanted = kFirstBuffer;
  if (end_ - begin_ >= wanted) {
    if (wanted >= most) return false;
    wanted = std::min(wanted * 4, most);
  }
  if (wanted != capacity_) {
    std::unique_ptr<char[]> bigger(new char[wanted]);
    std::copy(buffer_.get() + begin_, buffer_.get() + end_, bigger.get());
    buffer_ = std::move(bigger);
    capacity_ = static_cast<std::uint32_t>(wanted);
    end_ -= begin_;
    begin_ = 0;
  } else if (end_ == capacity_) {
    std::copy(buffer_.get() + begin_, buffer_.get() + end_, buffer_.get());
    end_ -= begin_;
    begin_ = 0;
  }
  return true;
}

void HttpServer::Impl::Connection::read_more() {
  for (;;) {
    if (!make_room()) return refuse_malformed(400, "a header line or chunk header is too long\n");
    if (!stream_.tls()) {
      stream_.socket().async_read_some(
          asio::buffer(buffer_.get() + end_, capacity_ - end_),
          [self = shared_from_this()](error_code ec, std::size_t n) { self->received(ec, n); });
      return;
    }
    const IoResult r = stream_.read(buffer_.get() + end_, capacity_ - end_);
    switch (r.status) {
      case IoStatus::kOk:
        end_ += static_cast<std::uint32_t>(r.bytes);
        if (!process()) return;
        continue;
      case IoStatus::kWantRead:
        wait(tcp::socket::wait_read, [](Connection& c) { c.resume_read(); });
        return;
      case IoStatus::kWantWrite:
        wait(tcp::socket::wait_write, [](Connection& c) { c.resume_read(); });
        return;
      default:
        close();
        return;
    }
  }
}

void HttpServer::Impl::Connection::resume_read() {
  if (state_ == State::kReading) read_more();
}

void HttpServer::Impl::Connection::received(const error_code& ec, std::size_t n) {
  if (state_ != State::kReading) return;  // closed, or timed out and lingering
  if (ec) return close();
  end_ += static_cast<std::uint32_t>(n);
  if (process()) read_more();
}

bool HttpServer::Impl::Connection::process() {
  while (state_ == State::kReading) {
    if (!parser_) {
      // RFC 9112 section 2.2: empty lines before a request line are ignored.
      while (begin_ < end_ && (buffer_[begin_] == '\r' || buffer_[begin_] == '\n')) ++begin_;
    }
    if (begin_ == end_) break;
    if (!parser_ && requests_ == 0 && options().http2) {
      bool more = false;
      if (begins_http2(more)) {
        start_http2();
        return false;
      }
      if (more) break;
    }
    if (!parser_) {
      parser_ = server_->take_parser();
      parser_->start(options().max_header_bytes, options().max_body_bytes);
      if (requests_ > 0) deadline_ = after(options().header_timeout);
      if (options().observer) started_ = wall_now();
    }
    std::size_t used = 0;
    const ParseStep step = parser_->feed(unread(), used);
    begin_ += static_cast<std::uint32_t>(used);
    if (step == ParseStep::kNeedMore) break;
    if (step == ParseStep::kHeader) {
      deadline_ = after(options().body_timeout);
      const HttpRequest& request = parser_->message();
      if (request.version >= 11 && begin_ == end_ && request.headers.has_token("Expect", "100-continue")) {
        out() += "HTTP/1.1 100 Continue\r\n\r\n";
      }
    } else if (step == ParseStep::kDone) {
      dispatch();
    } else {
      refuse_unparsable();
      return false;
    }
  }
  if (state_ != State::kReading) return false;  // whoever changed it has written the output
  return flush(Then::kNext);
}

void HttpServer::Impl::Connection::refuse_unparsable() {
  switch (parser_->failure()) {
    case ParseFailure::kHeaderTooLarge:
      return refuse_malformed(431, "the header is over the limit\n");
    case ParseFailure::kBodyTooLarge:
      return refuse_malformed(413, "the body is over the limit\n");
    case ParseFailure::kVersion:
      return refuse_malformed(505, "HTTP/1.0 or HTTP/1.1 expected\n");
    case ParseFailure::kMalformed:
      break;
  }
  refuse_malformed(400, "malformed HTTP: " + parser_->error().message + "\n");
}

void HttpServer::Impl::Connection::refuse_malformed(int status, std::string text) {
  ++server_->stats_.malformed;
  keep_alive_ = false;
  refuse({status, {}, {}, std::move(text)});
}

void HttpServer::Impl::Connection::refuse(HttpResponse response) {
  release_parser();
  head_request_ = false;
  response.headers.add("Content-Type", "text/plain");
  respond(Reply(std::move(response)));
  if (state_ == State::kReading || state_ == State::kHandling) finish_replies();
}

// --- requests ---

void HttpServer::Impl::Connection::dispatch() {
  HttpRequest& request = parser_->message();
  ++requests_;
  ++server_->stats_.requests;
  keep_alive_ = parser_->keep_alive() && !server_->stopped_ &&
                (options().max_requests_per_connection == 0 || requests_ < options().max_requests_per_connection);
  http10_ = request.version < 11;
  head_request_ = request.method == "HEAD";
  if (options().observer) {
    options().observer({false, &request, nullptr, {}, &info_, started_, wall_now()});
  }
  state_ = State::kHandling;
  ++exchange_;
  in_handler_ = true;
  waiting_ = true;
  // The parser moves to this frame: closing the connection inside the handler must not free the request.
  std::unique_ptr<detail::RequestParser> parser = std::move(parser_);
  const auto server = server_;
  server->calling_ = true;
  try {
    server->handler_(std::move(request), info_, Responder(slot_, exchange_));
  } catch (...) {
    // A handler's bug costs its connection, not the server.
    waiting_ = false;
    keep_alive_ = false;
    server->sync_reply_ = Reply(HttpResponse{500, {}, {{"Content-Type", "text/plain"}}, "internal error\n", 11});
  }
  server->calling_ = false;
  in_handler_ = false;
  server->give_back(std::move(parser));
  if (state_ == State::kClosed) {
    server->sync_reply_.reset();
    return;
  }
  if (server->sync_reply_) {
    Reply reply = std::move(*server->sync_reply_);
    server->sync_reply_.reset();
    respond(std::move(reply));
    return;
  }
  // The answer comes later. Responses to earlier requests go out now.
  deadline_ = after(options().reply_timeout);
  write_out();
  if (state_ == State::kHandling && !pending_out()) watch_peer();
}

bool HttpServer::Impl::Connection::awaits(std::uint64_t exchange) const {
  return exchange == exchange_ && waiting_ && state_ == State::kHandling && !server_->stopped_;
}

bool HttpServer::Impl::Connection::deliver(std::uint64_t exchange, Reply&& reply) {
  if (!awaits(exchange)) return false;
  waiting_ = false;
  if (in_handler_) {
    server_->sync_reply_ = std::move(reply);
    return true;
  }
  // Not here and now: the caller may be in the middle of another connection's handler.
  extra().reply = std::move(reply);
  asio::post(server_->executor_, [self = shared_from_this()] { self->respond_later(); });
  return true;
}

void HttpServer::Impl::Connection::respond_later() {
  if (state_ != State::kHandling || !extra_ || !extra_->reply || pending_out()) return;
  Reply reply = std::move(*extra_->reply);
  extra_->reply.reset();
  respond(std::move(reply));
  finish_replies();
}

void HttpServer::Impl::Connection::finish_replies() {
  if (state_ == State::kReading && process()) read_more();
}

void HttpServer::Impl::Connection::watch_peer() {
  wait(tcp::socket::wait_read, [exchange = exchange_](Connection& c) {
    if (c.state_ != State::kHandling || c.exchange_ != exchange) return;
    char byte = 0;
    const auto n = ::recv(c.stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) return c.close();
    if (n == 0 && !c.peer_eof_) {
      // It may only have shut down its sending side, and still want the answer; but not for ever.
      c.peer_eof_ = true;
      c.deadline_ = std::min(c.deadline_, after(c.options().idle_timeout));
    }
  });
}

// --- responses ---

void HttpServer::Impl::Connection::append_head(const HttpResponse& response, std::size_t body_size, bool has_body,
                                               bool chunked) {
  std::string& o = out();
  detail::append_status_line(o, response.status, response.reason);
  bool has_length = false;
  bool has_connection = false;
  bool has_date = false;
  for (const HeaderField field : response.headers) {
    switch (field.name.size()) {
      case 4:
        has_date |= iequals(field.name, "Date");
        break;
      case 10:
        has_connection |= iequals(field.name, "Connection");
        break;
      case 14:
        has_length |= iequals(field.name, "Content-Length");
        break;
      case 17:
        has_length |= iequals(field.name, "Transfer-Encoding");
        break;
      default:
        break;
    }
    detail::append_field(o, field.name, field.value);
  }
  if (chunked) {
    if (!has_length) o += "Transfer-Encoding: chunked\r\n";
  } else if (!has_length && (has_body || head_request_)) {
    o += "Content-Length: ";
    detail::append_number(o, body_size);
    o += "\r\n";
  }
  if (!has_date && options().date_header) o += server_->date();
  if (has_connection) {
    if (response.headers.has_token("Connection", "close")) keep_alive_ = false;
  } else if (!keep_alive_) {
    o += "Connection: close\r\n";
  } else if (http10_) {
    o += "Connection: keep-alive\r\n";
  }
  o += "\r\n";
}

void HttpServer::Impl::Connection::respond(Reply&& reply) {
  waiting_ = false;
  if (reply.delay > Duration{0}) {
    const Duration delay = reply.delay;
    reply.delay = Duration{0};
    extra().reply = std::move(reply);
    state_ = State::kPausing;
    write_out();
    if (state_ == State::kClosed) return;
    pause(delay, [](Connection& c) {
      Reply delayed = std::move(*c.extra_->reply);
      c.extra_->reply.reset();
      c.state_ = State::kHandling;
      c.respond(std::move(delayed));
      c.finish_replies();
    });
    return;
  }
  if (reply.stream) return respond_streaming(std::move(reply));
  if (reply.raw || reply.chunk_size != 0 || reply.write_size != 0 || reply.send_only ||
      reply.end != Reply::End::kKeep) {
    return respond_specially(std::move(reply));
  }
  const bool has_body =
      !head_request_ && reply.response.status >= 200 && reply.response.status != 204 && reply.response.status != 304;
  const std::string& body = reply.shared_body ? *reply.shared_body : reply.response.body;
  const bool chunked_by_header = has_body && reply.response.headers.has_token("Transfer-Encoding", "chunked");
  append_head(reply.response, body.size(), has_body, false);
  observe(reply);
  const Then then = keep_alive_ ? Then::kNext : Then::kClose;
  if (!has_body) return after_response(then);
  if (chunked_by_header) {
    out() += to_chunks(body);
    return after_response(then);
  }
  if (body.size() <= kCopyBody) {
    out() += body;
    return after_response(then);
  }
  std::shared_ptr<const std::string> large = reply.shared_body
                                                 ? std::move(reply.shared_body)
                                                 : std::make_shared<const std::string>(std::move(reply.response.body));
  state_ = State::kReading;
  flush(then, std::move(large));
}

void HttpServer::Impl::Connection::after_response(Then then) {
  state_ = State::kReading;
  if (then == Then::kNext) {
    if (out().size() < kFlushAt && !pending_out()) return;  // perhaps more comes of the same read
  }
  flush(then);
}

void HttpServer::Impl::Connection::respond_specially(Reply&& reply) {
  const std::size_t before = out().size();
  Then then = keep_alive_ ? Then::kNext : Then::kClose;
  if (reply.end == Reply::End::kClose) then = Then::kClose;
  if (reply.end == Reply::End::kReset) then = Then::kReset;
  if (reply.end == Reply::End::kStall) then = Then::kStall;
  if (reply.raw) {
    if (reply.end == Reply::End::kKeep) then = Then::kNext;
    out() += *reply.raw;
  } else {
    if (then == Then::kClose) keep_alive_ = false;
    const std::string& body = reply.shared_body ? *reply.shared_body : reply.response.body;
    const bool has_body = !head_request_ && response_has_body({}, reply.response.status);
    append_head(reply.response, body.size(), has_body, reply.chunk_size != 0 && has_body);
    if (!keep_alive_ && then == Then::kNext) then = Then::kClose;
    if (has_body) {
      const bool chunked = reply.chunk_size != 0 || reply.response.headers.has_token("Transfer-Encoding", "chunked");
      out() += chunked ? to_chunks(body, reply.chunk_size) : body;
    }
  }
  if (reply.send_only) {
    out().resize(std::min(out().size(), before + *reply.send_only));
    if (reply.end == Reply::End::kKeep) then = Then::kStall;
  }
  if (options().observer) {
    if (reply.raw || reply.send_only) {
      observe_raw(std::string_view(out()).substr(before));
    } else {
      observe(reply);
    }
  }
  if (reply.write_size == 0) {
    state_ = State::kReading;
    flush(then);
    return;
  }
  Extra& e = extra();
  e.paced.assign(out(), before);
  out().resize(before);
  e.paced_offset = 0;
  e.piece = reply.write_size;
  e.pace = reply.pace;
  e.paced_then = then;
  state_ = State::kPausing;
  write_out();
  if (state_ != State::kClosed) write_piece();
}

void HttpServer::Impl::Connection::write_piece() {
  Extra& e = *extra_;
  const std::size_t size = std::min(e.piece, e.paced.size() - e.paced_offset);
  if (pending_out()) {  // a slow reader: wait for it first
    pause(std::max(e.pace, Duration(std::chrono::milliseconds(1))), [](Connection& c) { c.write_piece(); });
    return;
  }
  out().append(e.paced, e.paced_offset, size);
  e.paced_offset += size;
  if (e.paced_offset >= e.paced.size()) {
    e.paced.clear();
    state_ = State::kReading;
    if (flush(e.paced_then)) finish_replies_and_read();
    return;
  }
  write_out();
  if (state_ != State::kClosed) pause(e.pace, [](Connection& c) { c.write_piece(); });
}

void HttpServer::Impl::Connection::finish_replies_and_read() {
  if (process()) read_more();
}

// --- bodies that grow ---

void HttpServer::Impl::Connection::respond_streaming(Reply&& reply) {
  // HTTP/1.0 has no chunks: there the end of the connection is the end of the body.
  if (http10_) keep_alive_ = false;
  append_head(reply.response, 0, false, !http10_);
  if (head_request_ || !response_has_body({}, reply.response.status)) {
    reply.stream->close();
    observe(reply);
    return after_response(keep_alive_ ? Then::kNext : Then::kClose);
  }
  Extra& e = extra();
  e.stream = std::move(reply.stream);
  e.streamed = std::move(reply.response);
  e.chunk_open = false;
  state_ = State::kStreaming;
  deadline_ = kNever;
  write_out();
  if (state_ == State::kClosed) return;
  if (pending_out()) deadline_ = after(options().write_timeout);
  watch_stream();
  e.stream->attach([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->extra_->pump_posted) return;
    self->extra_->pump_posted = true;
    asio::post(self->server_->executor_, [self] {
      self->extra_->pump_posted = false;
      self->pump();
    });
  });
}

std::shared_ptr<const std::string> HttpServer::Impl::Connection::collect_chunks() {
  Extra& e = *extra_;
  std::string& o = out();
  if (std::exchange(e.chunk_open, false)) o += "\r\n";
  while (e.stream->next() != nullptr && o.size() < kFlushAt) {
    std::shared_ptr<const std::string> piece = e.stream->take();
    if (options().observer && e.streamed.body.size() + piece->size() <= kMostObserved) e.streamed.body += *piece;
    if (!http10_) {
      char size[20];
      o.append(size, static_cast<std::size_t>(std::snprintf(size, sizeof size, "%zx\r\n", piece->size())));
    }
    if (piece->size() > kCopyBody) {
      e.chunk_open = !http10_;
      return piece;
    }
    o += *piece;
    if (!http10_) o += "\r\n";
  }
  return nullptr;
}

void HttpServer::Impl::Connection::pump() {
  if (state_ != State::kStreaming || pending_out()) return;
  const auto stream = extra_->stream;  // on_drained may be the end of the connection
  for (;;) {
    auto large = collect_chunks();
    if (out().empty() && !large) break;
    write_out(std::move(large));
    if (state_ != State::kStreaming) return;
    if (pending_out()) {
      deadline_ = after(options().write_timeout);
      return;
    }
  }
  deadline_ = kNever;
  if (stream->finished()) return end_stream();
  stream->drained();
}

void HttpServer::Impl::Connection::end_stream() {
  if (!http10_) out() += "0\r\n\r\n";
  if (options().observer) {
    options().observer({true, nullptr, &extra_->streamed, {}, &info_, wall_now(), wall_now()});
  }
  extra_->streamed = {};
  extra_->stream->on_closed = nullptr;
  extra_->stream->close();
  extra_->stream.reset();
  state_ = State::kReading;
  if (flush(keep_alive_ ? Then::kNext : Then::kClose)) finish_replies_and_read();
}

void HttpServer::Impl::Connection::watch_stream() {
  wait(tcp::socket::wait_read, [exchange = exchange_](Connection& c) {
    if (c.state_ != State::kStreaming || c.exchange_ != exchange) return;
    for (;;) {
      if (!c.make_room() || c.end_ == c.capacity_) return c.close();  // it sends without waiting for the end
      const IoResult r = c.stream_.read(c.buffer_.get() + c.end_, c.capacity_ - c.end_);
      if (r.status == IoStatus::kWantRead || r.status == IoStatus::kWantWrite) return c.watch_stream();
      if (r.status != IoStatus::kOk) return c.close();
      c.end_ += static_cast<std::uint32_t>(r.bytes);
    }
  });
}

void HttpServer::Impl::Connection::observe(const Reply& reply) {
  if (!options().observer) return;
  if (reply.shared_body) {
    HttpResponse copy = reply.response;
    copy.body = *reply.shared_body;
    options().observer({true, nullptr, &copy, {}, &info_, wall_now(), wall_now()});
  } else {
    options().observer({true, nullptr, &reply.response, {}, &info_, wall_now(), wall_now()});
  }
}

void HttpServer::Impl::Connection::observe_raw(std::string_view bytes) {
  if (bytes.empty()) return;
  std::size_t used = 0;
  const auto parsed = parse_response(bytes, head_request_ ? "HEAD" : "", &used);
  if (parsed && used == bytes.size()) {
    options().observer({true, nullptr, &*parsed, bytes, &info_, wall_now(), wall_now()});
  } else {
    options().observer({true, nullptr, nullptr, bytes, &info_, wall_now(), wall_now()});
  }
}

// --- writing ---

void HttpServer::Impl::Connection::write_out(std::shared_ptr<const std::string> large) {
  std::string& o = out();
  if (pending_out()) {
    extra_->rest += o;
    o.clear();
    if (large) extra_->rest += *large;
    return;
  }
  if (o.empty() && !large) return;
  std::size_t done = 0;
  const std::size_t large_size = large ? large->size() : 0;
  const std::size_t total = o.size() + large_size;
  while (done < total) {
    iovec pieces[2];
    int count = 0;
    if (done < o.size()) pieces[count++] = {o.data() + done, o.size() - done};
    if (large_size > 0) {
      const std::size_t at = done > o.size() ? done - o.size() : 0;
      pieces[count++] = {const_cast<char*>(large->data()) + at, large_size - at};
    }
    const IoResult r = stream_.write(pieces, count);
    if (r.status == IoStatus::kOk) {
      done += r.bytes;
      continue;
    }
    if (r.status == IoStatus::kWantWrite || r.status == IoStatus::kWantRead) {
      Extra& e = extra();
      if (done < o.size()) {
        e.rest.assign(o, done);
        e.offset = 0;
      } else {
        e.rest.clear();
        e.offset = done - o.size();
      }
      e.shared = std::move(large);
      o.clear();
      wait_writable(r.status);
      return;
    }
    o.clear();
    close();
    return;
  }
  o.clear();
  if (o.capacity() > 1024 * 1024) o = {};
}

void HttpServer::Impl::Connection::wait_writable(IoStatus status) {
  wait(status == IoStatus::kWantRead ? tcp::socket::wait_read : tcp::socket::wait_write,
       [](Connection& c) { c.writable(); });
}

bool HttpServer::Impl::Connection::flush(Then then, std::shared_ptr<const std::string> large) {
  write_out(std::move(large));
  if (state_ == State::kClosed) return false;
  if (pending_out()) {
    state_ = State::kWriting;
    then_ = then;
    deadline_ = after(options().write_timeout);
    return false;
  }
  return proceed(then);
}

bool HttpServer::Impl::Connection::proceed(Then then) {
  switch (then) {
    case Then::kNext:
      if (parser_) return true;  // within a request, whose own limit goes on
      state_ = State::kReading;
      if (requests_ > 0) deadline_ = after(options().idle_timeout);
      if (peer_eof_ && begin_ == end_) {
        close();
        return false;
      }
      return true;
    case Then::kClose:
      linger();
      return false;
    case Then::kReset:
      reset();
      return false;
    case Then::kStall:
      state_ = State::kStalled;
      deadline_ = kNever;
      discard();
      return false;
  }
  return false;
}

void HttpServer::Impl::Connection::writable() {
  Extra& e = *extra_;
  bool progress = false;
  for (;;) {
    iovec pieces[2];
    int count = 0;
    if (e.offset < e.rest.size()) pieces[count++] = {e.rest.data() + e.offset, e.rest.size() - e.offset};
    if (e.shared) {
      const std::size_t at = e.offset > e.rest.size() ? e.offset - e.rest.size() : 0;
      if (at < e.shared->size()) pieces[count++] = {const_cast<char*>(e.shared->data()) + at, e.shared->size() - at};
    }
    if (count == 0) break;
    const IoResult r = stream_.write(pieces, count);
    if (r.status == IoStatus::kOk) {
      e.offset += r.bytes;
      progress = true;
      continue;
    }
    if (r.status == IoStatus::kWantWrite || r.status == IoStatus::kWantRead) {
      if (progress && (state_ == State::kWriting || state_ == State::kStreaming) && !server_->stopped_)
        deadline_ = after(options().write_timeout);
      wait_writable(r.status);
      return;
    }
    return close();
  }
  e.rest = {};
  e.shared.reset();
  e.offset = 0;
  if (state_ == State::kHandling) {
    if (e.reply) {
      respond_later();
    } else {
      watch_peer();
    }
    return;
  }
  if (state_ == State::kStreaming) return pump();
  if (state_ == State::kHttp2) return pump_http2();
  if (state_ != State::kWriting) return;  // kPausing: the timer goes on
  if (then_ == Then::kNext) {
    state_ = State::kReading;
    if (parser_) deadline_ = after(options().body_timeout);
  }
  if (proceed(then_) && process()) read_more();
}

// --- ends ---

void HttpServer::Impl::Connection::linger() {
  stream_.shutdown_write();
  begin_ = end_ = 0;
  state_ = State::kLingering;
  deadline_ = steady_now() + kLinger;
  release_parser();
  discard();
}

void HttpServer::Impl::Connection::discard() {
  static thread_local char sink[16 * 1024];
  for (int i = 0; i < 64; ++i) {
    const auto n = ::recv(stream_.socket().native_handle(), sink, sizeof sink, MSG_DONTWAIT);
    if (n == 0) return close();
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return close();
    if (n < 0) break;
  }
  wait(tcp::socket::wait_read, [](Connection& c) {
    if (c.state_ == State::kLingering || c.state_ == State::kStalled) c.discard();
  });
}

void HttpServer::Impl::Connection::reset() {
  if (state_ == State::kClosed) return;
  stream_.reset();
  closed();
}

void HttpServer::Impl::Connection::release_parser() {
  if (parser_) server_->give_back(std::move(parser_));
}

void HttpServer::Impl::Connection::closed() {
  state_ = State::kClosed;
  deadline_ = kNever;
  out().clear();  // collected for this connection only
  detach();
  release_parser();
  if (extra_ && extra_->timer) extra_->timer->cancel();
  if (http2_) http2_->close();
  if (extra_ && extra_->reply && extra_->reply->stream) {
    const auto unsent = extra_->reply->stream;
    unsent->close();
  }
  if (extra_ && extra_->stream) {
    if (options().observer && !server_->stopped_) {
      options().observer({true, nullptr, &extra_->streamed, {}, &info_, wall_now(), wall_now()});
    }
    const auto stream = std::move(extra_->stream);
    stream->close();
  }
  server_->remove(*this);
}

}  // namespace peerscope::net
