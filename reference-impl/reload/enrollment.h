// SPDX-License-Identifier: GPL-2.0-or-later
// Enrollment and the configuration document over HTTPS (RFC 6940 sections 11.2 and 11.3). The server's handler and the
// client's messages are plain functions of HTTP messages; connections are reference-impl/net's.
//
// Ownership: the server holds its authority; the random source must outlive it. Failure: as section 11.3 says, 403 with
// one word. Threading: one thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/reload/security/authority.h"
#include "reference-impl/net/http.h"
#include "reference-impl/net/result.h"
#include "reference-impl/reload/overlay.h"
#include "reference-impl/reload/signing.h"

namespace peerscope::reload {

inline constexpr std::string_view kConfigPath = "/.well-known/reload-config";
inline constexpr std::string_view kEnrollmentPath = "/enroll";

struct FormPart {
  std::string name;
  std::string type;  // Content-Type, may be empty
  std::string body;
};
// multipart/form-data (RFC 7578), bounded. Nothing when it is not.
net::Result<std::vector<FormPart>> read_form(std::string_view content_type, std::string_view body);
// Gives the Content-Type too. `boundary` must not occur in the parts.
std::string write_form(const std::vector<FormPart>& parts, const std::string& boundary, std::string& content_type);

struct EnrollmentOptions {
  std::map<std::string, std::string> users;  // with passwords; empty: everybody gets the name that is still free
  std::size_t max_users = 100'000;           // names given away
  std::size_t max_node_ids = 8;              // in one certificate
  std::int64_t lifetime = 30 * 86400;        // of certificates, s
  NodeDefects defects{};                     // mistakes made on purpose
};

class EnrollmentServer {
 public:
  EnrollmentServer(Authority authority, OverlayPtr overlay, RandomSource& random, EnrollmentOptions options = {});

  // `now` in seconds since 1970.
  net::HttpResponse handle(const net::HttpRequest& request, std::int64_t now);
  std::uint64_t issued() const { return issued_; }

 private:
  net::HttpResponse enroll(const net::HttpRequest& request, std::int64_t now);
  net::HttpResponse refusal(std::string_view word) const;

  Authority authority_;
  OverlayPtr overlay_;
  RandomSource& random_;
  EnrollmentOptions options_;
  std::map<std::string, std::string> names_;  // user name -> SubjectPublicKeyInfo that has it
  std::uint64_t issued_ = 0;
};

struct EnrollmentWish {
  std::string user_name;
  std::string password;
  std::size_t node_ids = 1;
  NodeDefects defects{};  // mistakes made on purpose
};
net::Result<net::HttpRequest> enrollment_request(const std::string& target, const EnrollmentWish& wish,
                                                 const PrivateKey& key, RandomSource& random);
// Checks what section 11.3 asks of the certificate: it chains to a root-cert of the overlay and is for this key.
net::Result<Identity> read_enrollment(const net::HttpResponse& response, const PrivateKey& key, const Overlay& overlay,
                                      std::int64_t now, const NodeDefects& defects = {});

// A self-signed identity, where the overlay permits it.
net::Result<Identity> self_signed_identity(const Overlay& overlay, const std::string& user_name, PrivateKey key,
                                           std::int64_t now, RandomSource& random, const NodeDefects& defects = {});

}  // namespace peerscope::reload
