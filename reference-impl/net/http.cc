// SPDX-License-Identifier: GPL-2.0-or-later
// Header lists, endpoints, and the wire form of complete HTTP/1.x messages.
#include "reference-impl/net/http.h"

#include <algorithm>
#include <charconv>

#include "reference-impl/net/detail/http_parser.h"

namespace peerscope::net {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

void append_headers(std::string& out, const Headers& headers) {
  for (const HeaderField field : headers) detail::append_field(out, field.name, field.value);
}

}  // namespace

bool iequals(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return x == y || lower(x) == lower(y); });
}

Result<Endpoint> Endpoint::parse(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return Result<Endpoint>(ErrorKind::kLocal, "'" + std::string(text) + "' is not host:port: " + std::string(why));
  };
  std::string_view host;
  std::string_view port;
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return bad("']' is missing");
    host = text.substr(1, close - 1);
    if (text.substr(close + 1, 1) != ":") return bad("a port is missing");
    port = text.substr(close + 2);
  } else {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return bad("a port is missing");
    host = text.substr(0, colon);
    if (host.find(':') != std::string_view::npos) return bad("an IPv6 address needs brackets, as in [::1]:8080");
    port = text.substr(colon + 1);
  }
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (port.empty() || error != std::errc{} || end != port.data() + port.size())
    return bad("the port is not 0 to 65535");
  return Endpoint(host.empty() ? "0.0.0.0" : std::string(host), number);
}

std::string Endpoint::to_string() const {
  std::string out;
  if (is_v6()) out += '[';
  out += address;
  if (is_v6()) out += ']';
  out += ':';
  detail::append_number(out, port);
  return out;
}

Headers::Headers(std::initializer_list<HeaderField> fields) {
  for (const HeaderField& field : fields) add(field.name, field.value);
}

void Headers::add(std::string_view name, std::string_view value) {
  const std::size_t begin = text_.size();
  const std::size_t added = name.size() + value.size();
  if (text_.capacity() - begin < added) {
    // Grow first, and by copying: the arguments may be views of this very buffer.
    std::string bigger;
    bigger.reserve(std::max<std::size_t>(2 * text_.capacity(), begin + added));
    bigger.append(text_).append(name).append(value);
    text_ = std::move(bigger);
  } else {
    text_.append(name).append(value);
  }
  spans_.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(name.size()),
                    static_cast<std::uint32_t>(value.size())});
}

void Headers::set(std::string_view name, std::string_view value) {
  const std::string kept_name(name);
  const std::string kept_value(value);
  std::size_t position = spans_.size();
  for (std::size_t i = 0; i < spans_.size(); ++i) {
    if (iequals((*this)[i].name, kept_name)) {
      position = i;
      break;
    }
  }
  remove(kept_name);
  add(kept_name, kept_value);
  if (position < spans_.size())
    std::rotate(spans_.begin() + static_cast<std::ptrdiff_t>(position), spans_.end() - 1, spans_.end());
}

std::size_t Headers::remove(std::string_view name) {
  // The text of removed fields stays in the buffer until clear(); messages are too short-lived for that to matter.
  return std::erase_if(spans_,
                       [&](const Span& s) { return iequals(std::string_view(text_).substr(s.begin, s.name), name); });
}

void Headers::clear() {
  text_.clear();
  spans_.clear();
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const HeaderField field : *this) {
    if (iequals(field.name, name)) return field.value;
  }
  return std::nullopt;
}

std::string_view Headers::get(std::string_view name, std::string_view otherwise) const {
  return find(name).value_or(otherwise);
}

std::size_t Headers::count(std::string_view name) const {
  std::size_t n = 0;
  for (const HeaderField field : *this) n += iequals(field.name, name) ? 1 : 0;
  return n;
}

bool Headers::has_token(std::string_view name, std::string_view token) const {
  for (const HeaderField field : *this) {
    if (!iequals(field.name, name)) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const auto comma = rest.find(',');
      if (iequals(trim(rest.substr(0, comma)), token)) return true;
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return false;
}

bool operator==(const Headers& a, const Headers& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i].name != b[i].name || a[i].value != b[i].value) return false;
  }
  return true;
}

std::string_view default_reason(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Unknown";
  }
}

bool response_has_body(std::string_view method, int status) {
  return method != "HEAD" && status >= 200 && status != 204 && status != 304;
}

std::string to_chunks(std::string_view body, std::size_t chunk_size) {
  std::string out;
  out.reserve(body.size() + 32);
  if (chunk_size == 0) chunk_size = 65536;
  while (!body.empty()) {
    const std::string_view piece = body.substr(0, chunk_size);
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, piece.size(), 16).ptr;
    out.append(digits, end).append("\r\n").append(piece).append("\r\n");
    body.remove_prefix(piece.size());
  }
  return out += "0\r\n\r\n";
}

namespace {

std::string version_text(int version) {
  return "HTTP/" + std::to_string(version / 10) + "." + std::to_string(version % 10);
}

void append_body(std::string& out, const Headers& headers, const std::string& body, bool length_needed) {
  const bool chunked = headers.has_token("Transfer-Encoding", "chunked");
  if (length_needed && !chunked && !headers.contains("Content-Length")) {
    out += "Content-Length: ";
    detail::append_number(out, body.size());
    out += "\r\n";
  }
  out += "\r\n";
  if (chunked) {
    out += to_chunks(body, body.size());
  } else {
    out += body;
  }
}

}  // namespace

std::string to_wire(const HttpRequest& request) {
  std::string out;
  out.reserve(request.body.size() + 256);
  out.append(request.method).append(" ").append(request.target).append(" ").append(version_text(request.version));
  out += "\r\n";
  append_headers(out, request.headers);
  // RFC 9110 section 8.6: methods that anticipate a body say its length even when it is empty.
  const bool anticipates = request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  append_body(out, request.headers, request.body, anticipates || !request.body.empty());
  return out;
}

std::string to_wire(const HttpResponse& response, std::string_view request_method) {
  std::string out;
  out.reserve(response.body.size() + 256);
  out.append(version_text(response.version)).append(" ");
  detail::append_number(out, static_cast<std::uint64_t>(response.status));
  out.append(" ").append(response.reason.empty() ? default_reason(response.status) : response.reason).append("\r\n");
  append_headers(out, response.headers);
  if (response_has_body(request_method, response.status)) {
    append_body(out, response.headers, response.body, true);
  } else {
    out += "\r\n";
  }
  return out;
}

namespace {

template <bool kRequest, class Message>
Result<Message> parse_whole(std::string_view bytes, bool skip_body, std::size_t* used, const ParseLimits& limits) {
  detail::MessageParser<kRequest> parser;
  parser.start(limits.max_header, limits.max_body, skip_body);
  std::size_t position = 0;
  detail::ParseStep step = detail::ParseStep::kHeader;
  while (step == detail::ParseStep::kHeader) step = parser.feed(bytes, position);
  if (step == detail::ParseStep::kNeedMore && parser.header_done() && parser.need_eof()) step = parser.feed_end();
  if (step == detail::ParseStep::kNeedMore) {
    return {ErrorKind::kMalformed,
            parser.header_done() ? "the message ends before its body does" : "the message ends before its header does"};
  }
  if (step == detail::ParseStep::kError) {
    return {parser.error().kind, parser.error().message + " (at byte " + std::to_string(position) + ")"};
  }
  if (used != nullptr) *used = position;
  return std::move(parser.message());
}

}  // namespace

Result<HttpRequest> parse_request(std::string_view bytes, std::size_t* used, const ParseLimits& limits) {
  return parse_whole<true, HttpRequest>(bytes, false, used, limits);
}

Result<HttpResponse> parse_response(std::string_view bytes, std::string_view request_method, std::size_t* used,
                                    const ParseLimits& limits) {
  return parse_whole<false, HttpResponse>(bytes, request_method == "HEAD", used, limits);
}

namespace detail {

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ", 2).append(value).append("\r\n", 2);
}

void append_number(std::string& out, std::uint64_t value) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

void append_status_line(std::string& out, int status, std::string_view reason) {
  if (status == 200 && reason.empty()) {
    out.append("HTTP/1.1 200 OK\r\n", 17);
    return;
  }
  out.append("HTTP/1.1 ", 9);
  append_number(out, static_cast<std::uint64_t>(status));
  out.append(" ", 1).append(reason.empty() ? default_reason(status) : reason).append("\r\n", 2);
}

}  // namespace detail

}  // namespace peerscope::net
