// SPDX-License-Identifier: GPL-2.0-or-later
// Who may use a server: HTTP Digest or bearer tokens, and optionally which names a user may go by there (peer IDs of
// RFC 7846 sections 4 and 6.1). Enrollment itself is out of the protocols' scope; a file stands for it.
//
//   digest:FILE   one "user:password" or "user:password:name,name" a line
//   bearer:FILE   one "token" or "token name,name" a line
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

namespace peerscope::net {

class Access {
 public:
  enum class Scheme { kDigest, kBearer };

  // From a command line: "digest:FILE" or "bearer:FILE". Clients are shown `realm`.
  static Result<std::unique_ptr<Access>> open(std::string_view spec, Clock& clock, std::string realm);
  // From the text of such a file.
  static Result<std::unique_ptr<Access>> parse(Scheme scheme, std::string_view text, Clock& clock, std::string realm);

  AuthResult check(const HttpRequest& request);
  // What to send with a 401 to somebody whose credentials were right, but who must not do this.
  std::vector<std::string> challenges();
  // Users without a list may have any name that nobody else has.
  bool may_use(const std::string& user, const std::string& name) const;

 private:
  Access(Scheme scheme, Clock& clock, std::string realm, std::map<std::string, std::string> users,
         std::map<std::string, std::set<std::string>> names);

  Scheme scheme_;
  std::string realm_;
  std::map<std::string, std::string> users_;  // bearer: token, empty
  std::map<std::string, std::set<std::string>> names_;
  std::unique_ptr<DigestAuthenticator> digest_;
};

}  // namespace peerscope::net
