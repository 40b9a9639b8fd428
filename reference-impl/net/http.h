// SPDX-License-Identifier: GPL-2.0-or-later
// HTTP/1.x messages as plain values, their wire form, and the description of the connection they travel on.
// Values own their bytes. Parsing failures are Results (kMalformed, kTooLarge). No threading rules: plain data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reference-impl/net/clock.h"
#include "reference-impl/net/result.h"

namespace peerscope::net {

struct Endpoint {
  Endpoint() = default;
  Endpoint(std::string a, std::uint16_t p) : address(std::move(a)), port(p) {}

  std::string address;  // numeric address or host name, IPv6 without brackets
  std::uint16_t port = 0;

  // "host:port", "[v6]:port", ":port" (any IPv4 address). The port is required.
  static Result<Endpoint> parse(std::string_view text);
  bool is_v6() const { return address.find(':') != std::string::npos; }
  std::string to_string() const;
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct ConnectionInfo {
  Endpoint remote;
  Endpoint local;
  bool tls = false;
  std::uint64_t id = 0;                  // unique within the server or client
  std::string peer_certificate_subject;  // RFC 2253 form, empty without a client certificate
  std::string server_name;               // SNI asked for, if any
  std::string tls_version;               // "TLSv1.3", empty without TLS
};

struct HeaderField {
  std::string_view name;
  std::string_view value;
};

bool iequals(std::string_view a, std::string_view b);  // ASCII case-insensitive

// Ordered list of header fields; names compare case-insensitively and keep their spelling. One flat buffer: views
// returned are valid until the next change.
class Headers {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = HeaderField;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = HeaderField;
    Iterator(const Headers* headers, std::size_t index) : headers_(headers), index_(index) {}
    HeaderField operator*() const { return (*headers_)[index_]; }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++index_;
      return before;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const Headers* headers_;
    std::size_t index_;
  };

  Headers() = default;
  Headers(std::initializer_list<HeaderField> fields);

  void add(std::string_view name, std::string_view value);
  void set(std::string_view name, std::string_view value);  // replaces all of that name, or adds
  std::size_t remove(std::string_view name);                // returns how many
  void clear();                                             // keeps capacity

  std::optional<std::string_view> find(std::string_view name) const;  // the first of that name
  std::string_view get(std::string_view name, std::string_view otherwise = {}) const;
  bool contains(std::string_view name) const { return find(name).has_value(); }
  std::size_t count(std::string_view name) const;
  // Whether a comma-separated list field (Connection, Transfer-Encoding, ...) holds the token.
  bool has_token(std::string_view name, std::string_view token) const;

  std::size_t size() const { return spans_.size(); }
  bool empty() const { return spans_.empty(); }
  HeaderField operator[](std::size_t index) const {
    const Span& s = spans_[index];
    const std::string_view text(text_);
    return {text.substr(s.begin, s.name), text.substr(s.begin + s.name, s.value)};
  }
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }
  friend bool operator==(const Headers& a, const Headers& b);

 private:
  struct Span {
    std::uint32_t begin;
    std::uint32_t name;
    std::uint32_t value;
  };
  std::string text_;
  std::vector<Span> spans_;
};

// These have constructors because GCC 12 destroys aggregate temporaries inside a co_await expression twice.
struct HttpRequest {
  HttpRequest() = default;
  HttpRequest(std::string m, std::string t, int v = 11, Headers h = {}, std::string b = {})
      : method(std::move(m)), target(std::move(t)), version(v), headers(std::move(h)), body(std::move(b)) {}

  std::string method = "GET";
  std::string target = "/";
  int version = 11;  // 10 * major + minor
  Headers headers;
  std::string body;  // without transfer coding
};

struct HttpResponse {
  HttpResponse() = default;
  explicit HttpResponse(int s) : status(s) {}
  HttpResponse(int s, std::string r, Headers h = {}, std::string b = {}, int v = 11)
      : status(s), reason(std::move(r)), headers(std::move(h)), body(std::move(b)), version(v) {}

  int status = 200;
  std::string reason;  // empty: the standard phrase
  Headers headers;
  std::string body;  // without transfer coding
  int version = 11;
};

// The registered phrase of a status code, "Unknown" for others.
std::string_view default_reason(int status);
// Whether a response to `method` with this status has a body at all (RFC 9110 section 6.4.1).
bool response_has_body(std::string_view method, int status);

// Wire form of a whole message. Adds Content-Length unless the headers say it already or the message cannot have one;
// with "Transfer-Encoding: chunked" in the headers the body goes out as one chunk. Other headers are sent as they
// are, right or wrong.
std::string to_wire(const HttpRequest& request);
std::string to_wire(const HttpResponse& response, std::string_view request_method = {});
// The body as chunks of `chunk_size` bytes with the final empty chunk.
std::string to_chunks(std::string_view body, std::size_t chunk_size = 65536);

struct ParseLimits {
  std::size_t max_header = 64 * 1024;
  std::uint64_t max_body = 64 * 1024 * 1024;
};

// A complete message from bytes, as captures hold them. A response without length ends where the bytes end. `used`
// receives the length of the message; bytes after it are not an error.
Result<HttpRequest> parse_request(std::string_view bytes, std::size_t* used = nullptr, const ParseLimits& limits = {});
Result<HttpResponse> parse_response(std::string_view bytes, std::string_view request_method = {},
                                    std::size_t* used = nullptr, const ParseLimits& limits = {});

// A message seen by a server or client, for traces. Everything is valid during the call only. Exactly one of request
// and response is set, or neither: then `raw` holds bytes that were sent or received and are not one HTTP message.
struct HttpEvent {
  bool outgoing = false;
  const HttpRequest* request = nullptr;
  const HttpResponse* response = nullptr;
  std::string_view raw;
  const ConnectionInfo* connection = nullptr;
  SystemTime started{};  // first byte seen or handed to the socket
  SystemTime time{};     // complete
};
using HttpObserver = std::function<void(const HttpEvent&)>;

}  // namespace peerscope::net
