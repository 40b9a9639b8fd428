// SPDX-License-Identifier: GPL-2.0-or-later
// Beast's errors as steps and failures of ours.
#include "reference-impl/net/detail/http_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

namespace peerscope::net::detail {

template <bool kRequest>
void MessageParser<kRequest>::start(std::size_t max_header, std::uint64_t max_body, bool skip_body) {
  parser_.emplace(message_);
  parser_->header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(max_header, 0x7fffffff)));
  parser_->body_limit(max_body);
  parser_->skip(skip_body);
}

template <bool kRequest>
ParseStep MessageParser<kRequest>::feed(std::string_view data, std::size_t& used) {
  while (!parser_->is_done()) {
    if (used >= data.size()) return ParseStep::kNeedMore;
    const bool had_header = parser_->is_header_done();
    boost::beast::error_code ec;
    const std::size_t taken = parser_->put(boost::asio::const_buffer(data.data() + used, data.size() - used), ec);
    used += taken;
    const bool need_more = ec == beast_http::error::need_more;
    if (ec && !need_more) return fail(ec);
    if (!had_header && parser_->is_header_done() && !parser_->is_done()) return ParseStep::kHeader;
    if (need_more || taken == 0) return parser_->is_done() ? ParseStep::kDone : ParseStep::kNeedMore;
  }
  return ParseStep::kDone;
}

template <bool kRequest>
ParseStep MessageParser<kRequest>::feed_end() {
  boost::beast::error_code ec;
  parser_->put_eof(ec);
  if (!ec && parser_->is_done()) return ParseStep::kDone;
  if (!ec) ec = beast_http::error::partial_message;
  return fail(ec);
}

template <bool kRequest>
ParseStep MessageParser<kRequest>::fail(const boost::beast::error_code& ec) {
  using beast_http::error;
  if (ec == error::header_limit) {
    failure_ = ParseFailure::kHeaderTooLarge;
    error_ = {ErrorKind::kTooLarge, "header over the limit"};
  } else if (ec == error::body_limit) {
    failure_ = ParseFailure::kBodyTooLarge;
    error_ = {ErrorKind::kTooLarge, "body over the limit"};
  } else {
    failure_ = ec == error::bad_version ? ParseFailure::kVersion : ParseFailure::kMalformed;
    error_ = {ErrorKind::kMalformed, ec.message()};
  }
  return ParseStep::kError;
}

template <bool kRequest>
std::optional<std::uint64_t> MessageParser<kRequest>::content_length() const {
  const auto length = parser_->content_length();
  if (!length) return std::nullopt;
  return *length;
}

template class MessageParser<true>;
template class MessageParser<false>;

}  // namespace peerscope::net::detail
