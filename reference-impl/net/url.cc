// SPDX-License-Identifier: GPL-2.0-or-later
// A small parser for the http and https URLs that users type.
#include "reference-impl/net/url.h"

#include <charconv>

namespace peerscope::net {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

// RFC 3986 section 3.1: what stands before a colon is a scheme only when it looks like one.
bool has_scheme(std::string_view reference) {
  const auto colon = reference.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  for (std::size_t i = 0; i < colon; ++i) {
    const char c = reference[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    if (!letter && (i == 0 || !other)) return false;
  }
  return true;
}

// RFC 3986 section 5.2.4, on a path that begins with a slash.
std::string without_dot_segments(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const auto end = path.find('/', 1);
    const std::string_view segment = path.substr(0, end);
    path = end == std::string_view::npos ? std::string_view{} : path.substr(end);
    if (segment == "/.." || segment == "/.") {
      if (segment == "/..") out.resize(out.rfind('/') == std::string::npos ? 0 : out.rfind('/'));
      if (path.empty()) out += '/';
    } else {
      out += segment;
    }
  }
  return out.empty() ? "/" : out;
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return Result<Url>(ErrorKind::kLocal, "'" + std::string(text) + "' is not a usable URL: " + std::string(why));
  };
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') return bad("it contains a space or control character");
  }
  const auto colon = text.find("://");
  if (colon == std::string_view::npos) return bad("http:// or https:// is missing");
  Url url;
  for (const char c : text.substr(0, colon)) url.scheme += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (url.scheme != "http" && url.scheme != "https") return bad("only http and https are supported");
  std::string_view rest = text.substr(colon + 3);
  const auto authority_end = rest.find_first_of("/?#");
  std::string_view authority = rest.substr(0, authority_end);
  rest = authority_end == std::string_view::npos ? std::string_view{} : rest.substr(authority_end);
  if (authority.find('@') != std::string_view::npos) return bad("a user name does not belong here");

  std::string_view port;
  bool has_port = false;
  if (!authority.empty() && authority.front() == '[') {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) return bad("']' is missing");
    url.host = authority.substr(1, close - 1);
    const std::string_view after = authority.substr(close + 1);
    has_port = !after.empty();
    if (has_port && after.front() != ':') return bad("':' expected after ']'");
    if (has_port) port = after.substr(1);
  } else {
    const auto at = authority.find(':');
    url.host = authority.substr(0, at);
    has_port = at != std::string_view::npos;
    if (has_port) port = authority.substr(at + 1);
  }
  if (url.host.empty()) return bad("the host is missing");
  url.port = url.tls() ? 443 : 80;
  if (has_port && !port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc{} || end != port.data() + port.size() || url.port == 0)
      return bad("the port is not 1 to 65535");
  }
  const auto hash = rest.find('#');
  if (hash != std::string_view::npos) url.fragment = rest.substr(hash + 1);
  url.target = rest.substr(0, hash);
  if (url.target.empty() || url.target.front() != '/') url.target.insert(0, "/");
  return url;
}

std::string Url::authority() const {
  const std::string bracketed = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (tls() ? 443 : 80) ? bracketed : bracketed + ":" + std::to_string(port);
}

std::string Url::to_string() const {
  return scheme + "://" + authority() + target + (fragment.empty() ? "" : "#" + fragment);
}

Result<Url> Url::resolve(std::string_view reference) const {
  if (has_scheme(reference)) return parse(reference);
  if (reference.starts_with("//")) return parse(scheme + ":" + std::string(reference));
  const std::string_view whole = reference;
  const auto hash = reference.find('#');
  const std::string_view new_fragment =
      hash == std::string_view::npos ? std::string_view{} : reference.substr(hash + 1);
  reference = reference.substr(0, hash);
  const std::string_view base_path = std::string_view(target).substr(0, target.find('?'));
  const auto question = reference.find('?');
  const std::string_view path = reference.substr(0, question);
  const std::string_view query = question == std::string_view::npos ? std::string_view{} : reference.substr(question);
  std::string made;
  if (reference.empty())
    made = target;
  else if (path.empty())
    made = std::string(base_path) + std::string(query);
  else if (path.front() == '/')
    made = without_dot_segments(path) + std::string(query);
  else
    made = without_dot_segments(std::string(base_path.substr(0, base_path.rfind('/') + 1)) + std::string(path)) +
           std::string(query);
  auto out = parse(scheme + "://" + authority() + made);
  if (!out) return Error{ErrorKind::kLocal, "'" + std::string(whole) + "' is not a usable URI reference"};
  out->fragment = new_fragment;
  return out;
}

std::string percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (unreserved(c)) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    }
  }
  return out;
}

}  // namespace peerscope::net
