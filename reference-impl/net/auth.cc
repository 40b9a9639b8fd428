// SPDX-License-Identifier: GPL-2.0-or-later
// Digest and Bearer: parameter parsing, response values, and nonces that carry their own proof of origin.
#include "reference-impl/net/auth.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <charconv>
#include <utility>

namespace peerscope::net {

namespace {

std::string hex(std::span<const std::uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool token_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// "name=token, name="quoted \" string"" -> map with lower-case names. Nothing when it does not parse or a name repeats.
std::optional<std::map<std::string, std::string>> parse_parameters(std::string_view text) {
  std::map<std::string, std::string> out;
  std::size_t i = 0;
  const auto skip = [&](std::string_view chars) {
    while (i < text.size() && chars.find(text[i]) != std::string_view::npos) ++i;
  };
  for (;;) {
    skip(" \t,");
    if (i == text.size()) return out;
    std::string name;
    while (i < text.size() && token_char(text[i])) {
      name += text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] + 32) : text[i];
      ++i;
    }
    skip(" \t");
    if (name.empty() || i == text.size() || text[i] != '=') return std::nullopt;
    ++i;
    skip(" \t");
    std::string value;
    if (i < text.size() && text[i] == '"') {
      ++i;
      while (i < text.size() && text[i] != '"') {
        if (text[i] == '\\' && i + 1 < text.size()) ++i;
        value += text[i++];
      }
      if (i == text.size()) return std::nullopt;
      ++i;
    } else {
      while (i < text.size() && token_char(text[i])) value += text[i++];
      if (value.empty()) return std::nullopt;
    }
    if (!out.emplace(std::move(name), std::move(value)).second) return std::nullopt;
    skip(" \t");
    if (i < text.size() && text[i] != ',') return std::nullopt;
  }
}

// The rest after "Scheme ", or nothing when it is another scheme.
std::optional<std::string_view> after_scheme(std::string_view value, std::string_view scheme) {
  if (value.size() <= scheme.size() || !iequals(value.substr(0, scheme.size()), scheme) ||
      value[scheme.size()] != ' ') {
    return std::nullopt;
  }
  return value.substr(scheme.size() + 1);
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// RFC 7616 section 3.4.1; without qop the form of RFC 2069 that section 3.4.1 of RFC 2617 kept.
std::string response_value(DigestAlgorithm algorithm, std::string_view user, std::string_view realm,
                           std::string_view password, std::string_view method, std::string_view uri,
                           std::string_view nonce, std::string_view nonce_count, std::string_view cnonce,
                           bool qop_auth) {
  const std::string a1 =
      hex_digest(algorithm, std::string(user) + ":" + std::string(realm) + ":" + std::string(password));
  const std::string a2 = hex_digest(algorithm, std::string(method) + ":" + std::string(uri));
  std::string text = a1 + ":" + std::string(nonce) + ":";
  if (qop_auth) text += std::string(nonce_count) + ":" + std::string(cnonce) + ":auth:";
  return hex_digest(algorithm, text + a2);
}

std::string nonce_count_text(std::uint32_t count) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out(8, '0');
  for (int i = 7; i >= 0; --i, count >>= 4) out[static_cast<std::size_t>(i)] = kDigits[count & 15];
  return out;
}

}  // namespace

std::string_view to_string(DigestAlgorithm algorithm) {
  return algorithm == DigestAlgorithm::kMd5 ? "MD5" : "SHA-256";
}

RandomSource system_random() {
  return [](std::span<std::uint8_t> out) { RAND_bytes(out.data(), static_cast<int>(out.size())); };
}

std::string hex_digest(DigestAlgorithm algorithm, std::string_view data) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> out{};
  unsigned size = 0;
  EVP_Digest(data.data(), data.size(), out.data(), &size, algorithm == DigestAlgorithm::kMd5 ? EVP_md5() : EVP_sha256(),
             nullptr);
  return hex(std::span(out).first(size));
}

std::string base64(std::string_view data) {
  std::string out((data.size() + 2) / 3 * 4 + 1, '\0');
  const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(data.data()), static_cast<int>(data.size()));
  out.resize(static_cast<std::size_t>(n));
  return out;
}

struct DigestAuthenticator::State {
  // Counts used with a nonce; they may arrive out of order within a window of 64.
  struct Nonce {
    std::uint64_t highest = 0;
    std::uint64_t seen = 0;  // bit i: count highest - i was used
  };

  Clock& clock;
  std::string realm;
  std::map<std::string, std::string> users;
  DigestServerOptions options;
  RandomSource random;
  std::string opaque;
  std::string key;  // signs nonces
  // Only nonces that a user has proved a password with: a flood of challenges costs no memory.
  std::map<std::pair<SteadyTime, std::string>, Nonce> used;
  SteadyTime forgotten = SteadyTime::min();  // nonces made until then and not in the table may have been used

  std::string random_bytes(std::size_t size) {
    std::string bytes(size, '\0');
    random({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
    return bytes;
  }

  std::string signature(std::string_view text) const {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> mac{};
    unsigned size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
         text.size(), mac.data(), &size);
    return hex(std::span(mac).first(16));
  }

  // Time of making, a random part, and our signature over both (RFC 7616 section 5.4).
  std::string new_nonce() {
    const std::string text = std::to_string(clock.now().time_since_epoch().count()) + "-" + base64(random_bytes(12));
    return text + "-" + signature(text);
  }

  // When it was made, if it is ours.
  std::optional<SteadyTime> made_at(std::string_view nonce) const {
    const auto dash = nonce.rfind('-');
    if (dash == std::string_view::npos || !same_secret(signature(nonce.substr(0, dash)), nonce.substr(dash + 1))) {
      return std::nullopt;
    }
    std::int64_t ticks = 0;
    std::from_chars(nonce.data(), nonce.data() + dash, ticks);
    return SteadyTime(Duration(ticks));
  }

  // The counts of a nonce; none when it may have been used and forgotten.
  Nonce* counts_of(SteadyTime made, std::string_view nonce) {
    const std::pair<SteadyTime, std::string> id(made, nonce);
    if (const auto found = used.find(id); found != used.end()) return &found->second;
    if (made <= forgotten) return nullptr;
    const SteadyTime now = clock.now();
    while (!used.empty() &&
           (used.size() >= options.max_nonces || now - used.begin()->first.first > options.nonce_lifetime)) {
      forgotten = std::max(forgotten, used.begin()->first.first);
      used.erase(used.begin());
    }
    if (made <= forgotten) return nullptr;
    return &used[id];
  }

  static bool use_count(Nonce& nonce, std::uint64_t count) {
    if (count == 0) return false;
    if (count > nonce.highest) {
      const std::uint64_t shift = count - nonce.highest;
      nonce.seen = shift >= 64 ? 1 : (nonce.seen << shift) | 1;
      nonce.highest = count;
      return true;
    }
    const std::uint64_t behind = nonce.highest - count;
    if (behind >= 64 || (nonce.seen >> behind & 1) != 0) return false;
    nonce.seen |= std::uint64_t{1} << behind;
    return true;
  }
};

DigestAuthenticator::DigestAuthenticator(Clock& clock, std::string realm, std::map<std::string, std::string> users,
                                         DigestServerOptions options, RandomSource random)
    : state_(new State{clock, std::move(realm), std::move(users), std::move(options), std::move(random), {}, {}, {}}) {
  state_->opaque = base64(state_->random_bytes(24));
  state_->key = state_->random_bytes(32);
}
DigestAuthenticator::~DigestAuthenticator() = default;
DigestAuthenticator::DigestAuthenticator(DigestAuthenticator&&) noexcept = default;

std::vector<std::string> DigestAuthenticator::challenges(bool stale) {
  std::vector<std::string> out;
  const std::string nonce = state_->new_nonce();
  for (const DigestAlgorithm algorithm : state_->options.algorithms) {
    std::string text = "Digest realm=" + quoted(state_->realm) +
                       ", qop=\"auth\", algorithm=" + std::string(to_string(algorithm)) + ", nonce=" + quoted(nonce) +
                       ", opaque=" + quoted(state_->opaque);
    if (stale) text += ", stale=true";
    out.push_back(std::move(text));
  }
  return out;
}

AuthResult DigestAuthenticator::check(const HttpRequest& request) {
  const auto denied = [&](AuthResult::Status status, std::string why) {
    return AuthResult{status, {}, challenges(status == AuthResult::Status::kStale), std::move(why)};
  };
  const auto header = request.headers.find("Authorization");
  if (!header) return denied(AuthResult::Status::kMissing, "no Authorization");
  const auto text = after_scheme(*header, "Digest");
  if (!text) return denied(AuthResult::Status::kMissing, "another authentication scheme");
  const auto parsed = parse_parameters(*text);
  if (!parsed) return denied(AuthResult::Status::kDenied, "Authorization does not parse");
  const auto get = [&](const char* name) {
    const auto found = parsed->find(name);
    return found == parsed->end() ? std::string_view{} : std::string_view(found->second);
  };
  for (const char* name : {"username", "realm", "nonce", "uri", "response", "nc", "cnonce", "qop"}) {
    if (parsed->count(name) == 0) return denied(AuthResult::Status::kDenied, std::string(name) + " is missing");
  }
  if (get("qop") != "auth") return denied(AuthResult::Status::kDenied, "qop is not auth");
  if (get("realm") != state_->realm) return denied(AuthResult::Status::kDenied, "another realm");
  if (get("opaque") != state_->opaque) return denied(AuthResult::Status::kDenied, "opaque was changed");
  // Credentials for one resource must not open another (RFC 7616 section 3.4.6).
  if (get("uri") != request.target) return denied(AuthResult::Status::kDenied, "uri is not the request's target");
  std::optional<DigestAlgorithm> algorithm;
  const std::string_view named = parsed->count("algorithm") != 0 ? get("algorithm") : "MD5";
  for (const DigestAlgorithm offered : state_->options.algorithms) {
    if (iequals(named, to_string(offered))) algorithm = offered;
  }
  if (!algorithm) return denied(AuthResult::Status::kDenied, "an algorithm that was not offered");
  const std::string_view count_text = get("nc");
  std::uint32_t count = 0;
  const auto [end, error] = std::from_chars(count_text.data(), count_text.data() + count_text.size(), count, 16);
  if (count_text.size() != 8 || error != std::errc{} || end != count_text.data() + 8) {
    return denied(AuthResult::Status::kDenied, "nc is not eight hexadecimal digits");
  }
  const auto user = state_->users.find(std::string(get("username")));
  // The same work for unknown users: how long it takes says nothing.
  const std::string_view password = user == state_->users.end() ? std::string_view{} : std::string_view(user->second);
  const std::string expected = response_value(*algorithm, get("username"), state_->realm, password, request.method,
                                              get("uri"), get("nonce"), count_text, get("cnonce"), true);
  if (!same_secret(expected, get("response")) || user == state_->users.end()) {
    return denied(AuthResult::Status::kDenied, "wrong user or password");
  }
  const auto made = state_->made_at(get("nonce"));
  if (!made) return denied(AuthResult::Status::kStale, "not a nonce of this server");
  if (state_->clock.now() - *made > state_->options.nonce_lifetime) {
    return denied(AuthResult::Status::kStale, "the nonce is too old");
  }
  State::Nonce* counts = state_->counts_of(*made, get("nonce"));
  if (counts == nullptr) return denied(AuthResult::Status::kStale, "the nonce was forgotten");
  if (!State::use_count(*counts, count)) return denied(AuthResult::Status::kDenied, "the nonce count was used before");
  return AuthResult{AuthResult::Status::kOk, user->first, {}, {}};
}

Result<DigestChallenge> DigestChallenge::parse(std::string_view www_authenticate) {
  const auto text = after_scheme(www_authenticate, "Digest");
  if (!text) return {ErrorKind::kMalformed, "not a Digest challenge"};
  const auto parsed = parse_parameters(*text);
  if (!parsed) return {ErrorKind::kMalformed, "the Digest challenge does not parse"};
  DigestChallenge challenge;
  if (parsed->count("realm") == 0 || parsed->count("nonce") == 0) {
    return {ErrorKind::kMalformed, "the Digest challenge has no realm or no nonce"};
  }
  challenge.realm = parsed->at("realm");
  challenge.nonce = parsed->at("nonce");
  if (const auto found = parsed->find("opaque"); found != parsed->end()) challenge.opaque = found->second;
  if (const auto found = parsed->find("stale"); found != parsed->end())
    challenge.stale = iequals(found->second, "true");
  if (const auto found = parsed->find("algorithm"); found != parsed->end()) {
    if (iequals(found->second, "SHA-256")) {
      challenge.algorithm = DigestAlgorithm::kSha256;
    } else if (!iequals(found->second, "MD5")) {
      return {ErrorKind::kMalformed, "the Digest algorithm '" + found->second + "' is not supported"};
    }
  }
  if (const auto found = parsed->find("qop"); found != parsed->end()) {
    Headers list{{"qop", found->second}};
    challenge.qop_auth = list.has_token("qop", "auth");
    if (!challenge.qop_auth) return {ErrorKind::kMalformed, "the Digest qop '" + found->second + "' is not supported"};
  }
  return challenge;
}

std::string make_authorization(const DigestChallenge& challenge, std::string_view method, std::string_view uri,
                               const DigestCredentials& credentials, std::string_view cnonce,
                               std::uint32_t nonce_count) {
  const std::string count = nonce_count_text(nonce_count);
  const std::string response =
      response_value(challenge.algorithm, credentials.user, challenge.realm, credentials.password, method, uri,
                     challenge.nonce, count, cnonce, challenge.qop_auth);
  std::string out = "Digest username=" + quoted(credentials.user) + ", realm=" + quoted(challenge.realm) +
                    ", uri=" + quoted(uri) + ", algorithm=" + std::string(to_string(challenge.algorithm)) +
                    ", nonce=" + quoted(challenge.nonce);
  if (challenge.qop_auth) out += ", nc=" + count + ", cnonce=" + quoted(cnonce) + ", qop=auth";
  out += ", response=" + quoted(response);
  if (challenge.opaque) out += ", opaque=" + quoted(*challenge.opaque);
  return out;
}

Result<DigestChallenge> choose_challenge(const HttpResponse& response) {
  Result<DigestChallenge> best(ErrorKind::kMalformed, "the response has no Digest challenge");
  for (const HeaderField field : response.headers) {
    if (!iequals(field.name, "WWW-Authenticate")) continue;
    auto parsed = DigestChallenge::parse(field.value);
    if (!parsed) continue;
    if (!best || (parsed->algorithm == DigestAlgorithm::kSha256 && best->algorithm == DigestAlgorithm::kMd5)) {
      best = std::move(parsed);
    }
  }
  return best;
}

AuthResult check_bearer(const HttpRequest& request, std::string_view realm,
                        const std::function<bool(std::string_view token)>& accept) {
  const std::string challenge = "Bearer realm=" + quoted(realm);
  const auto denied = [&](AuthResult::Status status, const char* code, std::string why) {
    return AuthResult{
        status, {}, {code == nullptr ? challenge : challenge + ", error=\"" + code + "\""}, std::move(why)};
  };
  const std::size_t headers = request.headers.count("Authorization");
  if (headers == 0) return denied(AuthResult::Status::kMissing, nullptr, "no Authorization");
  if (headers > 1) return denied(AuthResult::Status::kDenied, "invalid_request", "several Authorization headers");
  const auto token = after_scheme(*request.headers.find("Authorization"), "Bearer");
  if (!token) return denied(AuthResult::Status::kMissing, nullptr, "another authentication scheme");
  // b64token, RFC 6750 section 2.1
  std::string_view rest = *token;
  while (!rest.empty() && rest.back() == '=') rest.remove_suffix(1);
  bool well_formed = !rest.empty();
  for (const char c : rest) {
    well_formed = well_formed && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                                  std::string_view("-._~+/").find(c) != std::string_view::npos);
  }
  if (!well_formed)
    return denied(AuthResult::Status::kDenied, "invalid_request", "the token has characters it may not have");
  if (!accept(*token)) return denied(AuthResult::Status::kDenied, "invalid_token", "the token was not accepted");
  return AuthResult{AuthResult::Status::kOk, {}, {}, {}};
}

}  // namespace peerscope::net
