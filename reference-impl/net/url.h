// SPDX-License-Identifier: GPL-2.0-or-later
// http and https URLs taken apart, with errors a person can act on. Plain values, no threading rules.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "reference-impl/net/http.h"
#include "reference-impl/net/result.h"

namespace peerscope::net {

struct Url {
  std::string scheme;      // "http" or "https", lower case
  std::string host;        // IPv6 without brackets
  std::uint16_t port = 0;  // the scheme's own when the URL has none
  std::string target;      // path and query, at least "/"
  std::string fragment;    // without '#'

  // Only http and https; user names in URLs are refused.
  static Result<Url> parse(std::string_view text);
  bool tls() const { return scheme == "https"; }
  Endpoint endpoint() const { return {host, port}; }
  // What the Host header says: the port is left out when it is the scheme's own.
  std::string authority() const;
  std::string to_string() const;
  // A URI reference taken relative to this one (RFC 3986 section 5): "../nm", "/nm", "?x", "//host/nm", or a whole URL.
  Result<Url> resolve(std::string_view reference) const;
  // Whether both lead to the same server.
  bool same_origin(const Url& other) const {
    return scheme == other.scheme && iequals(host, other.host) && port == other.port;
  }
};

// "%41" -> "A"; a '%' that starts no escape is kept. With `plus_is_space`, as in a form query.
std::string percent_decode(std::string_view text, bool plus_is_space = false);
// Escapes all but RFC 3986 unreserved characters.
std::string percent_encode(std::string_view text);

}  // namespace peerscope::net
