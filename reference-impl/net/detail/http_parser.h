// SPDX-License-Identifier: GPL-2.0-or-later
// Internal: incremental parser of one HTTP/1.x message into our plain structs, over Beast's parser.
// Owns the message under construction; used by one connection at a time; failures are steps with an Error.
#pragma once

#include <boost/beast/http/basic_parser.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "reference-impl/net/http.h"

namespace peerscope::net::detail {

namespace beast_http = boost::beast::http;

template <bool kRequest>
class BeastParser final : public beast_http::basic_parser<kRequest> {
 public:
  using Message = std::conditional_t<kRequest, HttpRequest, HttpResponse>;
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;

  explicit BeastParser(Message& message) : message_(message) {
    message_.headers.clear();
    message_.body.clear();
  }

 private:
  void on_request_impl(beast_http::verb, string_view method, string_view target, int version, error_code&) override {
    if constexpr (kRequest) {
      message_.method.assign(method.data(), method.size());
      message_.target.assign(target.data(), target.size());
      message_.version = version;
    }
  }
  void on_response_impl(int code, string_view reason, int version, error_code&) override {
    if constexpr (!kRequest) {
      message_.status = code;
      message_.reason.assign(reason.data(), reason.size());
      message_.version = version;
    }
  }
  void on_field_impl(beast_http::field, string_view name, string_view value, error_code&) override {
    // Trailer fields are dropped: nothing in the protocols served here may travel in them.
    if (!this->is_header_done()) message_.headers.add({name.data(), name.size()}, {value.data(), value.size()});
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) override {
    // Do not trust a length with more memory than the bytes that come.
    if (length) message_.body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, 64 * 1024)));
  }
  std::size_t on_body_impl(string_view body, error_code&) override {
    message_.body.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view body, error_code&) override {
    message_.body.append(body.data(), body.size());
    return body.size();
  }
  void on_finish_impl(error_code&) override {}

  Message& message_;
};

enum class ParseStep {
  kNeedMore,
  kHeader,  // header complete, body to come
  kDone,
  kError,
};
enum class ParseFailure { kMalformed, kVersion, kHeaderTooLarge, kBodyTooLarge };

template <bool kRequest>
class MessageParser {
 public:
  using Message = typename BeastParser<kRequest>::Message;

  // Starts a new message; the old one's storage is reused. `skip_body` is for answers to HEAD.
  void start(std::size_t max_header, std::uint64_t max_body, bool skip_body = false);
  // Takes bytes from `data` at `used`, moving it on. kHeader is reported once, when the body does not end with it.
  ParseStep feed(std::string_view data, std::size_t& used);
  // The connection ended. kDone when that ends the message, else kError.
  ParseStep feed_end();

  bool header_done() const { return parser_ && parser_->is_header_done(); }
  bool keep_alive() const { return parser_->keep_alive(); }
  bool need_eof() const { return parser_->need_eof(); }
  std::optional<std::uint64_t> content_length() const;
  Message& message() { return message_; }
  ParseFailure failure() const { return failure_; }
  const Error& error() const { return error_; }

 private:
  ParseStep fail(const boost::beast::error_code& ec);

  Message message_;
  std::optional<BeastParser<kRequest>> parser_;
  ParseFailure failure_ = ParseFailure::kMalformed;
  Error error_;
};

extern template class MessageParser<true>;
extern template class MessageParser<false>;
using RequestParser = MessageParser<true>;
using ResponseParser = MessageParser<false>;

// Appends "Name: value\r\n".
void append_field(std::string& out, std::string_view name, std::string_view value);
void append_number(std::string& out, std::uint64_t value);
// "HTTP/1.1 200 OK\r\n"
void append_status_line(std::string& out, int status, std::string_view reason);

}  // namespace peerscope::net::detail
