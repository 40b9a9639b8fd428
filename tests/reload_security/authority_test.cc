// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/security/authority.h"

#include <openssl/err.h>

#include "tests/reload_security/fixture.h"

namespace peerscope::reload {
namespace {

using namespace test;

TEST(Authorities, IssueForARequest) {
  SeededRandom random;
  const auto csr = make_csr(ec_key(), "alice@example.org");
  ASSERT_TRUE(csr) << csr.message();
  const auto parsed = parse_csr(*csr);
  ASSERT_TRUE(parsed) << parsed.message();
  EXPECT_EQ(parsed->user_names, std::vector<std::string>{"alice@example.org"});
  EXPECT_EQ(parsed->subject, "");
  EXPECT_EQ(parsed->spki, ec_key().spki());

  const auto ids = random_node_ids(random, 2, 16);
  ASSERT_TRUE(ids) << ids.message();
  IssueOptions options;
  options.validity = kValid;
  options.names = names(*ids);
  options.names.user_name = parsed->user_names.front();
  const auto der = root().issue(*csr, options, random);
  ASSERT_TRUE(der) << der.message();
  const CertificatePtr certificate = *Certificate::parse(*der);
  EXPECT_EQ(certificate->node_ids(), *ids);
  EXPECT_EQ(certificate->spki(), ec_key().spki());
  EXPECT_TRUE(certificate->problems().empty());
  EXPECT_TRUE(verify_chain(*certificate, {}, TrustAnchors({root().certificate()}), kNow));
}

TEST(Authorities, SameRandomnessSameCertificate) {
  const auto make = [](unsigned seed) {
    SeededRandom random(seed);
    IssueOptions options;
    options.validity = kValid;
    options.names = names();
    return *root().issue_for_key(ec_key().spki(), options, random);  // RSA PKCS#1 v1.5 is deterministic
  };
  EXPECT_EQ(make(1), make(1));
  EXPECT_NE(make(1), make(2)) << "another serial number";
}

TEST(Authorities, SurviveBeingSaved) {
  const auto again = Authority::load(root().certificate()->der(), *PrivateKey::from_pem(root().key().to_pem()));
  ASSERT_TRUE(again) << again.message();
  EXPECT_EQ(issue(names(), ec_key(), *again)->der(), issue(names(), ec_key(), root())->der());
  EXPECT_NE(Authority::load(root().certificate()->der(), ec_key()).message().find("not that of"), std::string::npos);
  EXPECT_NE(Authority::load(issue(names())->der(), rsa_key()).message().find("no CA"), std::string::npos);
  EXPECT_FALSE(Authority::load("x", rsa_key()));
}

TEST(Authorities, RefuseWithAReason) {
  SeededRandom random;
  NoRandom none;
  EXPECT_FALSE(Authority::create(ec_key(), "", kValid, random));
  EXPECT_FALSE(Authority::create(ec_key(), "Root", {kNow, kNow - 1}, random));
  EXPECT_FALSE(Authority::create(ec_key(), "Root", kValid, none));
  EXPECT_FALSE(Authority::create(ec_key(), "Root", kValid, random, tls_hash::kMd5));
  IssueOptions options;
  options.validity = kValid;
  options.names = names();
  EXPECT_FALSE(root().issue_for_key("x", options, random));
  EXPECT_FALSE(root().issue_for_key(ec_key().spki(), options, none));
  for (const char* bad : {"alice@ex\xc3\xa4mple.org", "alice @example.org", "alice\n"}) {
    options.names.user_name = bad;
    EXPECT_FALSE(root().issue_for_key(ec_key().spki(), options, random)) << bad;
    EXPECT_FALSE(make_csr(ec_key(), bad)) << bad;
  }
  EXPECT_FALSE(make_csr(ec_key(), ""));
  EXPECT_EQ(ERR_peek_error(), 0UL);
}

TEST(Authorities, DamagedRequestsAreRefused) {
  SeededRandom random;
  const std::string csr = *make_csr(ec_key(), "alice@example.org");
  IssueOptions options;
  options.validity = kValid;
  options.names = names();
  for (std::size_t i = 0; i < csr.size(); ++i) {
    EXPECT_FALSE(parse_csr(csr.substr(0, i))) << i;
    std::string bad = csr;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(parse_csr(bad)) << i;
    EXPECT_FALSE(root().issue(bad, options, random)) << i;
  }
  EXPECT_FALSE(parse_csr(csr + "x"));
  EXPECT_FALSE(parse_csr(""));
  EXPECT_FALSE(parse_csr(std::string(70000, '\x30')));
}

TEST(Authorities, RequestsOfTheOpensslProgram) {
  const Folder folder;
  folder.put("key", rsa_key().to_pem());
  shell("cd " + folder.path("") +
        " && openssl req -new -key key -subj /CN=bob -outform DER -out plain.csr && openssl req -new -key key -subj / "
        "-outform DER "
        "-out san.csr -addext 'subjectAltName=email:bob@example.org,DNS:example.org'");
  const auto plain = parse_csr(read_file(folder.path("plain.csr")));
  ASSERT_TRUE(plain) << plain.message();
  EXPECT_EQ(plain->subject, "CN=bob");
  EXPECT_TRUE(plain->user_names.empty());
  EXPECT_EQ(parse_csr(read_file(folder.path("san.csr")))->user_names, std::vector<std::string>{"bob@example.org"});
  // And ours over there.
  folder.put("ours.csr", *make_csr(rsa_key(), "alice@example.org"));
  int code = -1;
  const std::string said = shell("openssl req -verify -noout -text -inform DER -in " + folder.path("ours.csr"), &code);
  EXPECT_EQ(code, 0) << said;
  EXPECT_NE(said.find("email:alice@example.org"), std::string::npos) << said;
}

TEST(NodeIds, AreRandomAndBounded) {
  SystemRandom random;
  const auto ids = random_node_ids(random, 10, 20);
  ASSERT_TRUE(ids);
  EXPECT_EQ(ids->size(), 10U);
  for (const std::string& id : *ids) EXPECT_EQ(id.size(), 20U);
  EXPECT_FALSE(random_node_ids(random, 1, 15));
  EXPECT_FALSE(random_node_ids(random, 1, 21));
  NoRandom none;
  EXPECT_FALSE(random_node_ids(none, 1, 16));
}

// All zeros and all ones are not Node-IDs; a source that gives them, or repeats itself, must not be used.
TEST(NodeIds, PoorSourceIsRefused) {
  struct Same final : RandomSource {
    explicit Same(char value) : byte(value) {}
    [[nodiscard]] bool fill(std::span<char> bytes) override {
      std::fill(bytes.begin(), bytes.end(), byte);
      return true;
    }
    char byte;
  };
  Same zeros('\0');
  Same ones('\xff');
  Same fives('\5');
  EXPECT_FALSE(random_node_ids(zeros, 1, 16));
  EXPECT_FALSE(random_node_ids(ones, 1, 16));
  EXPECT_TRUE(random_node_ids(fives, 1, 16));
  EXPECT_FALSE(random_node_ids(fives, 2, 16));
}

}  // namespace
}  // namespace peerscope::reload
