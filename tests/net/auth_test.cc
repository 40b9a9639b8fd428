// SPDX-License-Identifier: GPL-2.0-or-later
// Digest with the values of RFC 7616, replays, stale nonces; Bearer.
#include "reference-impl/net/auth.h"

#include <gtest/gtest.h>

namespace peerscope::net {
namespace {

using std::chrono::minutes;

// RFC 7616 section 3.9.1
constexpr std::string_view kNonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v";
constexpr std::string_view kCnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
const DigestCredentials kMufasa{"Mufasa", "Circle of Life"};

std::string rfc_challenge(const char* algorithm) {
  return "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=" + std::string(algorithm) +
         ", nonce=\"" + std::string(kNonce) + "\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";
}

TEST(Digest, PublishedExample) {
  for (const auto& [algorithm, expected] :
       {std::pair{"MD5", "8ca523f5e9506fed4657c9700eebdbec"},
        std::pair{"SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"}}) {
    const auto challenge = DigestChallenge::parse(rfc_challenge(algorithm));
    ASSERT_TRUE(challenge) << challenge.error().message;
    EXPECT_EQ(challenge->realm, "http-auth@example.org");
    const std::string value = make_authorization(*challenge, "GET", "/dir/index.html", kMufasa, kCnonce);
    EXPECT_NE(value.find("response=\"" + std::string(expected) + "\""), std::string::npos) << value;
    EXPECT_NE(value.find("nc=00000001"), std::string::npos);
    EXPECT_NE(value.find("opaque=\"FQhe/"), std::string::npos);
  }
}

TEST(Digest, ChoosesTheStrongestChallenge) {
  HttpResponse response{401, {}, {}, {}, 11};
  EXPECT_FALSE(choose_challenge(response));
  response.headers.add("WWW-Authenticate", "Basic realm=\"x\"");
  response.headers.add("WWW-Authenticate", rfc_challenge("MD5"));
  EXPECT_EQ(choose_challenge(response)->algorithm, DigestAlgorithm::kMd5);
  response.headers.add("WWW-Authenticate", rfc_challenge("SHA-256"));
  EXPECT_EQ(choose_challenge(response)->algorithm, DigestAlgorithm::kSha256);
}

TEST(Digest, BrokenChallengesAreMalformed) {
  for (const char* text :
       {"", "Basic realm=\"x\"", "Digest", "Digest realm=\"x\"", "Digest realm=\"x, nonce=\"y\"",
        "Digest realm=\"x\", nonce=\"y\", algorithm=SHA-1", "Digest realm=\"x\", realm=\"y\", nonce=\"z\"",
        "Digest realm=\"x\", nonce=\"y\", qop=\"auth-int\""}) {
    EXPECT_FALSE(DigestChallenge::parse(text)) << text;
  }
}

class DigestServer : public ::testing::Test {
 protected:
  DigestChallenge challenge(DigestAuthenticator& server) {
    const auto parsed = DigestChallenge::parse(server.challenges().at(0));
    EXPECT_TRUE(parsed);
    return *parsed;
  }
  HttpRequest request(const DigestChallenge& from, std::uint32_t count = 1, const DigestCredentials& who = kMufasa) {
    HttpRequest out{"GET", "/map", 11, {}, {}};
    out.headers.add("Authorization", make_authorization(from, "GET", "/map", who, "0a4f113b", count));
    return out;
  }

  ManualClock clock_;
  DigestAuthenticator server_{clock_,
                              "alto \"maps\"",
                              {{"Mufasa", "Circle of Life"}},
                              {{DigestAlgorithm::kSha256, DigestAlgorithm::kMd5}, minutes(5), 4}};
};

TEST_F(DigestServer, AcceptsBothAlgorithms) {
  for (const std::string& text : server_.challenges()) {
    const auto parsed = DigestChallenge::parse(text);
    ASSERT_TRUE(parsed) << text;
    const auto result = server_.check(request(*parsed, parsed->algorithm == DigestAlgorithm::kMd5 ? 2 : 1));
    EXPECT_TRUE(result.ok()) << result.detail;
    EXPECT_EQ(result.user, "Mufasa");
  }
}

TEST_F(DigestServer, MissingCredentialsAreChallenged) {
  const auto result = server_.check({});
  EXPECT_EQ(result.status, AuthResult::Status::kMissing);
  ASSERT_EQ(result.challenges.size(), 2U);
  EXPECT_EQ(
      result.challenges[0].rfind("Digest realm=\"alto \\\"maps\\\"\", qop=\"auth\", algorithm=SHA-256, nonce=\"", 0),
      0U);
}

TEST_F(DigestServer, ReplaysAreDenied) {
  const auto c = challenge(server_);
  EXPECT_TRUE(server_.check(request(c, 1)).ok());
  EXPECT_EQ(server_.check(request(c, 1)).status, AuthResult::Status::kDenied);
  EXPECT_TRUE(server_.check(request(c, 3)).ok());
  EXPECT_TRUE(server_.check(request(c, 2)).ok()) << "requests may overtake each other";
  EXPECT_FALSE(server_.check(request(c, 2)).ok());
  EXPECT_TRUE(server_.check(request(c, 1000)).ok());
  EXPECT_FALSE(server_.check(request(c, 4)).ok()) << "too far behind to know";
  EXPECT_FALSE(server_.check(request(c, 0)).ok());
}

TEST_F(DigestServer, WrongSecretsAreDenied) {
  const auto c = challenge(server_);
  EXPECT_EQ(server_.check(request(c, 1, {"Mufasa", "wrong"})).status, AuthResult::Status::kDenied);
  EXPECT_EQ(server_.check(request(c, 1, {"Scar", "Circle of Life"})).status, AuthResult::Status::kDenied);
  EXPECT_EQ(server_.check(request(c, 1, {"Scar", ""})).status, AuthResult::Status::kDenied);
  auto moved = request(c);
  moved.target = "/other";
  EXPECT_EQ(server_.check(moved).status, AuthResult::Status::kDenied);
  auto changed = request(c);
  changed.method = "POST";
  EXPECT_EQ(server_.check(changed).status, AuthResult::Status::kDenied);
  EXPECT_TRUE(server_.check(request(c)).ok()) << "failures use up no count";
}

TEST_F(DigestServer, OldAndForgottenNoncesAreStale) {
  const auto c = challenge(server_);
  clock_.advance(minutes(6));
  auto result = server_.check(request(c));
  EXPECT_EQ(result.status, AuthResult::Status::kStale);
  EXPECT_NE(result.challenges.at(0).find("stale=true"), std::string::npos);
  const auto next = DigestChallenge::parse(result.challenges.at(0));
  ASSERT_TRUE(next);
  EXPECT_TRUE(next->stale);
  EXPECT_TRUE(server_.check(request(*next)).ok());
  for (int i = 0; i < 100; ++i) challenge(server_);
  EXPECT_TRUE(server_.check(request(*next, 2)).ok()) << "challenges alone push nothing out";
  for (int i = 0; i < 4; ++i) {
    clock_.advance(std::chrono::seconds(1));
    EXPECT_TRUE(server_.check(request(challenge(server_))).ok());
  }
  EXPECT_EQ(server_.check(request(*next, 3)).status, AuthResult::Status::kStale);
  EXPECT_EQ(server_.check(request(*next, 1)).status, AuthResult::Status::kStale)
      << "a forgotten nonce must not start again";
}

TEST_F(DigestServer, GarbageIsDenied) {
  for (const char* text :
       {"Digest", "Digest ", "Digest =", "Digest username=\"", "Digest username=\"x\" realm=\"y\"", "Digest a=b"}) {
    HttpRequest r{"GET", "/map", 11, {{"Authorization", text}}, {}};
    EXPECT_FALSE(server_.check(r).ok()) << text;
  }
  auto r = request(challenge(server_));
  std::string value(*r.headers.find("Authorization"));
  value.replace(value.find("nc=00000001"), 11, "nc=1");
  r.headers.set("Authorization", value);
  EXPECT_FALSE(server_.check(r).ok());
}

TEST(Bearer, Rfc6750) {
  const auto accept = [](std::string_view token) { return token == "mF_9.B5f-4.1JqM="; };
  HttpRequest request;
  auto result = check_bearer(request, "alto", accept);
  EXPECT_EQ(result.status, AuthResult::Status::kMissing);
  EXPECT_EQ(result.challenges, std::vector<std::string>{"Bearer realm=\"alto\""});
  request.headers.set("Authorization", "bearer mF_9.B5f-4.1JqM=");
  EXPECT_TRUE(check_bearer(request, "alto", accept).ok());
  request.headers.set("Authorization", "Bearer other");
  result = check_bearer(request, "alto", accept);
  EXPECT_EQ(result.challenges.at(0), "Bearer realm=\"alto\", error=\"invalid_token\"");
  request.headers.set("Authorization", "Bearer a b");
  EXPECT_EQ(check_bearer(request, "alto", accept).challenges.at(0), "Bearer realm=\"alto\", error=\"invalid_request\"");
  request.headers.add("Authorization", "Bearer x");
  EXPECT_EQ(check_bearer(request, "alto", accept).status, AuthResult::Status::kDenied);
}

TEST(Hash, KnownValues) {
  EXPECT_EQ(hex_digest(DigestAlgorithm::kMd5, ""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(hex_digest(DigestAlgorithm::kSha256, "abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
}

}  // namespace
}  // namespace peerscope::net
