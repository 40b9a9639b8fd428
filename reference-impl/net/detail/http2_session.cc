// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/net/detail/http2_session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <utility>

namespace peerscope::net::detail {
namespace {

constexpr std::uint32_t kMostStreams = 100;
constexpr std::uint32_t kWindow = 65'535;                // of request bodies
constexpr std::uint64_t kResetsForNothing = 100;         // above one per answered request: CVE-2023-44487
constexpr std::size_t kMostAcks = 200;                   // of pings and settings that wait to be sent
constexpr std::size_t kMostSettings = 32;                // in one frame
constexpr std::size_t kFieldOverhead = 32;               // RFC 9113 section 6.5.2
constexpr std::size_t kMostObserved = 16 * 1024 * 1024;  // of a streamed body

std::string_view view(const std::uint8_t* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

// Fields that mean nothing in HTTP/2 (RFC 9113 section 8.2.2).
bool is_connection_field(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames = {"Connection", "Keep-Alive", "Proxy-Connection",
                                                      "Transfer-Encoding", "Upgrade"};
  return std::any_of(kNames.begin(), kNames.end(), [&](std::string_view one) { return iequals(one, name); });
}

}  // namespace

struct Http2Session::Stream {
  std::int32_t id = 0;
  HttpRequest request;
  std::size_t header_bytes = 0;
  bool too_large_header = false;
  bool too_large_body = false;
  bool complete = false;  // the request
  bool waiting = false;   // for the handler's answer
  std::shared_ptr<const std::string> body;
  std::size_t offset = 0;
  std::shared_ptr<BodyStream> growing;
  HttpResponse observed;
};

struct Http2Session::Sink final : ReplySink {
  Http2Session* owner = nullptr;
  bool deliver(std::uint64_t exchange, Reply&& reply) override {
    return owner != nullptr && owner->deliver(static_cast<std::int32_t>(exchange), std::move(reply));
  }
  bool waiting(std::uint64_t exchange) const override {
    return owner != nullptr && owner->awaits(static_cast<std::int32_t>(exchange));
  }
};

// What nghttp2 calls.
struct Http2Session::Callbacks {
  static Http2Session& self(void* user) { return *static_cast<Http2Session*>(user); }

  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    auto stream = std::make_unique<Stream>();
    stream->id = frame->hd.stream_id;
    stream->request.version = 20;
    stream->request.method.clear();
    stream->request.target.clear();
    self(user).streams_.insert_or_assign(frame->hd.stream_id, std::move(stream));
    return 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                    const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    Stream* stream = self(user).find(frame->hd.stream_id);
    if (stream == nullptr || frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    stream->header_bytes += name_size + value_size + kFieldOverhead;
    if (stream->header_bytes > self(user).options_.max_header_bytes) {
      stream->too_large_header = true;
      return 0;
    }
    const std::string_view field = view(name, name_size);
    const std::string_view text = view(value, value_size);
    if (field == ":method")
      stream->request.method = text;
    else if (field == ":path")
      stream->request.target = text;
    else if (field == ":authority")
      stream->request.headers.set("Host", text);
    else if (!field.starts_with(':'))
      stream->request.headers.add(field, text);
    return 0;
  }

  static int data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size,
                  void* user) {
    Stream* stream = self(user).find(id);
    if (stream == nullptr) return 0;
    if (stream->request.body.size() + size > self(user).options_.max_body_bytes) {
      stream->too_large_body = true;
      stream->request.body = {};
      // Answered at once; what still comes is thrown away.
      if (!stream->complete) self(user).ready_.push_back(id);
      stream->complete = true;
    }
    if (!stream->too_large_body) stream->request.body.append(view(bytes, size));
    return 0;
  }

  static int frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    Http2Session& s = self(user);
    if (frame->hd.type == NGHTTP2_RST_STREAM && ++s.resets_ > s.answered_ + kResetsForNothing)
      nghttp2_session_terminate_session(session, NGHTTP2_ENHANCE_YOUR_CALM);
    const bool request = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
    Stream* stream = s.find(frame->hd.stream_id);
    if (!request || stream == nullptr || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0 || stream->complete) return 0;
    stream->complete = true;
    s.ready_.push_back(stream->id);
    return 0;
  }

  // The answer is complete, and the peer still sends what nobody wants (RFC 9113 section 8.1).
  static int frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    const Stream* stream = self(user).find(frame->hd.stream_id);
    if (stream != nullptr && stream->too_large_body && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream->id, NGHTTP2_NO_ERROR);
    return 0;
  }

  static int closed(nghttp2_session*, std::int32_t id, std::uint32_t, void* user) {
    self(user).end_stream(id);
    return 0;
  }

  static ssize_t read(nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t size, std::uint32_t* flags,
                      nghttp2_data_source*, void* user) {
    Stream* stream = self(user).find(id);
    if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    std::size_t done = 0;
    if (stream->growing != nullptr) {
      done = stream->growing->read(reinterpret_cast<char*>(to), size);
      if (self(user).hooks_.saw_response && stream->observed.body.size() + done <= kMostObserved)
        stream->observed.body.append(view(to, done));
      if (stream->growing->finished())
        *flags |= NGHTTP2_DATA_FLAG_EOF;
      else if (done == 0)
        return NGHTTP2_ERR_DEFERRED;
      return static_cast<ssize_t>(done);
    }
    done = std::min(size, stream->body->size() - stream->offset);
    std::copy_n(stream->body->data() + stream->offset, done, to);
    stream->offset += done;
    if (stream->offset == stream->body->size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(done);
  }
};

Http2Session::Http2Session(const ServerOptions& options, Hooks hooks)
    : options_(options), hooks_(std::move(hooks)), sink_(std::make_shared<Sink>()) {
  sink_->owner = this;
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* settings = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_option_new(&settings);
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Callbacks::begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Callbacks::frame_sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::closed);
  nghttp2_option_set_max_outbound_ack(settings, kMostAcks);
  nghttp2_option_set_max_settings(settings, kMostSettings);
  nghttp2_session_server_new2(&session_, callbacks, this, settings);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_option_del(settings);
  const std::array<nghttp2_settings_entry, 3> entries = {
      {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMostStreams},
       {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow},
       {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(options_.max_header_bytes)}}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries.data(), entries.size());
}

Http2Session::~Http2Session() {
  close();
  nghttp2_session_del(session_);
}

Http2Session::Stream* Http2Session::find(std::int32_t id) const {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

bool Http2Session::receive(std::string_view bytes) {
  const auto used =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (used < 0) return false;
  dispatch();
  return !closed_;
}

// Outside of nghttp2's callbacks: a handler may answer at once.
void Http2Session::dispatch() {
  std::vector<std::int32_t> ready = std::move(ready_);
  ready_.clear();
  for (const std::int32_t id : ready) {
    Stream* stream = find(id);
    if (stream == nullptr) continue;  // reset meanwhile
    stream->waiting = true;
    const auto refuse = [&](int status, const char* text) {
      answer(*stream, Reply(HttpResponse(status, "", {{"Content-Type", "text/plain"}}, text)));
    };
    if (stream->too_large_header) {
      refuse(431, "the header is over the limit\n");
    } else if (stream->too_large_body) {
      refuse(413, "the body is over the limit\n");
    } else {
      if (hooks_.saw_request) hooks_.saw_request(stream->request);
      HttpRequest request = stream->request.method == "HEAD" ? stream->request : std::move(stream->request);
      hooks_.request(std::move(request), Responder(sink_, static_cast<std::uint64_t>(id)));
      if (closed_) return;
    }
  }
}

bool Http2Session::awaits(std::int32_t id) const {
  const Stream* stream = find(id);
  return stream != nullptr && stream->waiting;
}

bool Http2Session::deliver(std::int32_t id, Reply&& reply) {
  Stream* stream = find(id);
  if (stream == nullptr || !stream->waiting) return false;
  if (reply.delay > Duration{0}) {
    stream->waiting = false;
    const Duration delay = std::exchange(reply.delay, Duration{0});
    auto kept = std::make_shared<Reply>(std::move(reply));
    hooks_.later(delay, [sink = sink_, id, kept] {
      Stream* waiting = sink->owner != nullptr ? sink->owner->find(id) : nullptr;
      if (waiting == nullptr) {
        if (kept->stream) kept->stream->close();
        return;
      }
      waiting->waiting = true;
      sink->owner->deliver(id, std::move(*kept));
    });
    return true;
  }
  answer(*stream, std::move(reply));
  hooks_.wake();
  return true;
}

void Http2Session::answer(Stream& stream, Reply&& reply) {
  stream.waiting = false;
  if (reply.end == Reply::End::kStall) {
    if (reply.stream) reply.stream->close();
    return;
  }
  if (reply.raw || reply.end == Reply::End::kReset) {
    if (reply.stream) reply.stream->close();
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_INTERNAL_ERROR);
    return;
  }
  ++answered_;
  const bool has_body = stream.request.method != "HEAD" && response_has_body({}, reply.response.status);
  stream.body = reply.shared_body ? std::move(reply.shared_body)
                                  : std::make_shared<const std::string>(std::move(reply.response.body));
  // nghttp2 copies names and values.
  std::vector<std::string> texts;
  texts.reserve(2 * reply.response.headers.size() + 6);
  std::vector<nghttp2_nv> fields;
  const auto add = [&](std::string_view name, std::string_view value) {
    std::string& lower = texts.emplace_back(name);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    std::string& text = texts.emplace_back(value);
    fields.push_back({reinterpret_cast<std::uint8_t*>(lower.data()), reinterpret_cast<std::uint8_t*>(text.data()),
                      lower.size(), text.size(), NGHTTP2_NV_FLAG_NONE});
  };
  add(":status", std::to_string(reply.response.status));
  for (const HeaderField field : reply.response.headers) {
    if (!is_connection_field(field.name)) add(field.name, field.value);
  }
  if (!reply.stream && !reply.response.headers.contains("Content-Length") &&
      response_has_body({}, reply.response.status))
    add("content-length", std::to_string(stream.body->size()));
  if (const std::string date = hooks_.date(); !date.empty() && !reply.response.headers.contains("Date"))
    add("date", date);
  if (hooks_.saw_response) {
    stream.observed = reply.response;
    if (!reply.stream) stream.observed.body = *stream.body;
    if (!reply.stream) hooks_.saw_response(stream.observed);
  }
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::read;
  const bool sends = has_body && (reply.stream || !stream.body->empty());
  if (reply.stream && !has_body) reply.stream->close();
  if (reply.stream && has_body) stream.growing = std::move(reply.stream);
  nghttp2_submit_response(session_, stream.id, fields.data(), fields.size(), sends ? &provider : nullptr);
  if (reply.end == Reply::End::kClose)
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, stream.id, NGHTTP2_NO_ERROR, nullptr, 0);
  if (stream.growing == nullptr) return;
  stream.growing->attach([sink = std::weak_ptr(sink_), id = stream.id] {
    const auto kept = sink.lock();
    if (!kept || kept->owner == nullptr) return;
    // Not an error when it is not deferred: then it is asked anyway.
    nghttp2_session_resume_data(kept->owner->session_, id);
    kept->owner->hooks_.wake();
  });
}

bool Http2Session::collect(std::string& out, std::size_t most) {
  while (out.size() < most) {
    const std::uint8_t* bytes = nullptr;
    const auto size = nghttp2_session_mem_send(session_, &bytes);
    if (size < 0) return false;
    if (size == 0) break;
    out.append(view(bytes, static_cast<std::size_t>(size)));
  }
  return true;
}

void Http2Session::sent() {
  // on_drained may open and end streams.
  std::vector<std::shared_ptr<BodyStream>> drained;
  for (const auto& [id, stream] : streams_) {
    if (stream->growing != nullptr && stream->growing->next() == nullptr) drained.push_back(stream->growing);
  }
  for (const auto& body : drained) body->drained();
}

bool Http2Session::finished() const {
  return nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

bool Http2Session::incomplete() const {
  return std::any_of(streams_.begin(), streams_.end(), [](const auto& one) { return !one.second->complete; });
}

bool Http2Session::unsent() const {
  return std::any_of(streams_.begin(), streams_.end(), [](const auto& one) {
    const Stream& stream = *one.second;
    if (stream.growing != nullptr) return stream.growing->next() != nullptr;
    return stream.body != nullptr && stream.offset < stream.body->size() && stream.request.method != "HEAD";
  });
}

void Http2Session::end_stream(std::int32_t id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  const std::unique_ptr<Stream> stream = std::move(found->second);
  streams_.erase(found);
  if (stream->growing == nullptr) return;
  if (hooks_.saw_response) hooks_.saw_response(stream->observed);
  if (stream->growing->finished()) stream->growing->on_closed = nullptr;
  stream->growing->close();
}

void Http2Session::close() {
  if (std::exchange(closed_, true)) return;
  sink_->owner = nullptr;
  while (!streams_.empty()) end_stream(streams_.begin()->first);
}

}  // namespace peerscope::net::detail
