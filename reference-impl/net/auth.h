// SPDX-License-Identifier: GPL-2.0-or-later
// HTTP authentication: Digest (RFC 7616; SHA-256 and MD5, qop "auth") for both sides, and Bearer tokens (RFC 6750) for
// servers. Not covered: qop "auth-int", session algorithms, userhash, SHA-512-256.
//
// Ownership: an authenticator keeps copies of its users and a bounded table of nonces; the clock must outlive it.
// Failure: nothing throws; a header that does not parse is a denial with a challenge. Threading: one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reference-impl/net/clock.h"
#include "reference-impl/net/http.h"
#include "reference-impl/net/result.h"

namespace peerscope::net {

enum class DigestAlgorithm { kMd5, kSha256 };
std::string_view to_string(DigestAlgorithm algorithm);  // "MD5", "SHA-256"

// Fills the span with random bytes; the default is OpenSSL's generator.
using RandomSource = std::function<void(std::span<std::uint8_t>)>;
RandomSource system_random();

struct AuthResult {
  enum class Status { kOk, kMissing, kDenied, kStale };
  Status status = Status::kMissing;
  std::string user;                     // when ok
  std::vector<std::string> challenges;  // WWW-Authenticate values to send with 401 otherwise
  std::string detail;                   // why, for logs
  bool ok() const { return status == Status::kOk; }
};

struct DigestServerOptions {
  std::vector<DigestAlgorithm> algorithms{DigestAlgorithm::kSha256};  // offered in this order
  Duration nonce_lifetime = std::chrono::minutes(5);
  std::size_t max_nonces = 65536;  // in use at the same time; the oldest are forgotten first and become stale
};

class DigestAuthenticator {
 public:
  DigestAuthenticator(Clock& clock, std::string realm, std::map<std::string, std::string> users,
                      DigestServerOptions options = {}, RandomSource random = system_random());
  ~DigestAuthenticator();
  DigestAuthenticator(DigestAuthenticator&&) noexcept;

  // Each nonce count is accepted once. A right answer to an old nonce is kStale: the challenge then says so.
  AuthResult check(const HttpRequest& request);
  std::vector<std::string> challenges(bool stale = false);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct DigestChallenge {
  std::string realm;
  std::string nonce;
  std::optional<std::string> opaque;
  DigestAlgorithm algorithm = DigestAlgorithm::kMd5;
  bool qop_auth = false;
  bool stale = false;

  // kMalformed when it is not a Digest challenge or one that is not supported.
  static Result<DigestChallenge> parse(std::string_view www_authenticate);
};

struct DigestCredentials {
  std::string user;
  std::string password;
};

// The Authorization value for a challenge. `nonce_count` counts the requests with this nonce from 1.
std::string make_authorization(const DigestChallenge& challenge, std::string_view method, std::string_view uri,
                               const DigestCredentials& credentials, std::string_view cnonce,
                               std::uint32_t nonce_count = 1);
// The best challenge of a 401 response (SHA-256 before MD5).
Result<DigestChallenge> choose_challenge(const HttpResponse& response);

// Accepts a token when the function says so. A missing token challenges without an error code, a wrong one with
// invalid_token, two ways at once with invalid_request (RFC 6750 section 3.1).
AuthResult check_bearer(const HttpRequest& request, std::string_view realm,
                        const std::function<bool(std::string_view token)>& accept);

// Lower-case hexadecimal hash.
std::string hex_digest(DigestAlgorithm algorithm, std::string_view data);
// Standard base64 with padding.
std::string base64(std::string_view data);

}  // namespace peerscope::net
