// SPDX-License-Identifier: GPL-2.0-or-later
// Internal: one HTTP/2 connection of the server (RFC 9113) without its socket; nghttp2 does the framing. Requests
// become the same values as those of HTTP/1.1 and get the same Replies; what only HTTP/1.1 can express (raw bytes,
// chunk sizes) ends the stream instead. Bounded: streams, header bytes, body bytes, windows, resets by the peer.
//
// Ownership: held by its connection. Responders may outlive it. One executor.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reference-impl/net/http_server.h"

struct nghttp2_session;
struct nghttp2_session_callbacks;

namespace peerscope::net::detail {

inline constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

class Http2Session {
 public:
  struct Hooks {
    std::function<void(HttpRequest&& request, const Responder& respond)> request;
    // There is something to send; collect() must not be called at once.
    std::function<void()> wake;
    // Calls `then` after a while (replies with a delay).
    std::function<void(Duration delay, std::function<void()> then)> later;
    std::function<void(const HttpRequest& request)> saw_request;
    std::function<void(const HttpResponse& response)> saw_response;
    std::function<std::string()> date;  // header value; empty: none
  };

  Http2Session(const ServerOptions& options, Hooks hooks);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  // Bytes from the peer. False when the connection must end.
  bool receive(std::string_view bytes);
  // Appends about so many bytes to send; nothing when there are none now. False when the connection must end.
  bool collect(std::string& out, std::size_t most);
  // The socket took all that was collected.
  void sent();
  bool finished() const;  // nothing more to read or to write

  std::size_t streams() const { return streams_.size(); }
  bool incomplete() const;  // a request is still arriving
  bool unsent() const;      // a body waits for the peer's window
  // The connection is gone.
  void close();

 private:
  struct Stream;
  struct Sink;
  struct Callbacks;
  friend struct Callbacks;

  void dispatch();
  bool deliver(std::int32_t id, Reply&& reply);
  bool awaits(std::int32_t id) const;
  void answer(Stream& stream, Reply&& reply);
  void end_stream(std::int32_t id);
  Stream* find(std::int32_t id) const;

  const ServerOptions& options_;
  Hooks hooks_;
  std::shared_ptr<Sink> sink_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, std::unique_ptr<Stream>> streams_;
  std::vector<std::int32_t> ready_;  // complete requests
  std::uint64_t answered_ = 0;
  std::uint64_t resets_ = 0;  // by the peer
  bool closed_ = false;
};

}  // namespace peerscope::net::detail
