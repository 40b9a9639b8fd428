// SPDX-License-Identifier: GPL-2.0-or-later
// Who may use the tracker (RFC 7846 sections 4 and 6.1): HTTP Digest or bearer tokens, and optionally which peer IDs a
// user may have. Enrollment itself is out of the RFC's scope; a file stands for it.
//
//   digest:FILE   one "user:password" or "user:password:peer_id,peer_id" a line
//   bearer:FILE   one "token" or "token peer_id,peer_id" a line
//
// Empty lines and lines that begin with '#' are skipped. Ownership: the clock must outlive it. One thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "reference-impl/net/auth.h"
#include "reference-impl/net/clock.h"
#include "reference-impl/net/http.h"
#include "reference-impl/net/result.h"

namespace peerscope::ppstp {

class Access {
 public:
  enum class Scheme { kDigest, kBearer };

  // From a command line: "digest:FILE" or "bearer:FILE".
  static net::Result<std::unique_ptr<Access>> open(std::string_view spec, net::Clock& clock);
  // From the text of such a file.
  static net::Result<std::unique_ptr<Access>> parse(Scheme scheme, std::string_view text, net::Clock& clock);

  net::AuthResult check(const net::HttpRequest& request);
  // What to send with a 401 to somebody whose credentials were right, but who must not do this.
  std::vector<std::string> challenges();
  // Users without a list may have any peer ID that nobody else has.
  bool may_use(const std::string& user, const std::string& peer_id) const;

 private:
  Access(Scheme scheme, net::Clock& clock, std::map<std::string, std::string> users,
         std::map<std::string, std::set<std::string>> peer_ids);

  Scheme scheme_;
  std::map<std::string, std::string> users_;  // bearer: token, empty
  std::map<std::string, std::set<std::string>> peer_ids_;
  std::unique_ptr<net::DigestAuthenticator> digest_;
};

inline constexpr std::string_view kRealm = "peerscope tracker";

}  // namespace peerscope::ppstp
