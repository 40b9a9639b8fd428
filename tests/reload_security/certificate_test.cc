// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/security/certificate.h"

#include <openssl/err.h>

#include <random>
#include <thread>

#include "tests/reload_security/fixture.h"

namespace peerscope::reload {
namespace {

using namespace test;
using namespace std::string_literals;

const std::string kHexA = "11111111111111111111111111111111";

bool has_problem(const Certificate& certificate, std::string_view requirement, std::string_view words = {}) {
  for (const CertificateProblem& problem : certificate.problems()) {
    if (problem.requirement == requirement && problem.text.find(words) != std::string::npos) return true;
  }
  return false;
}

// ---- reload URIs

TEST(ReloadUris, FormOfTheRfc) {
  const auto uri = parse_reload_uri("reload://0110" + kHexA + "@overlay.example.org/");
  ASSERT_TRUE(uri) << uri.message();
  EXPECT_EQ(uri->form, ReloadUriForm::kStandard);
  EXPECT_EQ(uri->node_id, kNodeA);
  EXPECT_EQ(uri->overlay, "overlay.example.org");
  EXPECT_EQ(make_reload_uri(kNodeA, kOverlay), uri->text);
}

TEST(ReloadUris, FormsOfOthersAreReadAndTold) {
  const std::pair<std::string, ReloadUriForm> forms[] = {
      {"reload://0110" + kHexA + "@o", ReloadUriForm::kNoFinalSlash},
      {"reload://" + kHexA + "@o", ReloadUriForm::kBareNodeId},
      {"reload://" + kHexA + "@o/", ReloadUriForm::kBareNodeIdAndSlash}};
  for (const auto& [text, form] : forms) {
    const auto uri = parse_reload_uri(text);
    ASSERT_TRUE(uri) << text;
    EXPECT_EQ(uri->form, form) << text;
    EXPECT_EQ(uri->node_id, kNodeA) << text;
    EXPECT_EQ(make_reload_uri(kNodeA, "o", form), text);
    EXPECT_FALSE(to_string(form).empty());
  }
}

TEST(ReloadUris, CaseOfSchemeAndHexDoesNotMatter) {
  EXPECT_EQ(parse_reload_uri("RELOAD://0110" + std::string(32, 'A') + "@o/")->node_id, std::string(16, '\xaa'));
}

// 18 bytes can be a bare Node-ID of 18 bytes or a destination with one of 16; only the overlay's length decides.
TEST(ReloadUris, NodeIdLengthDecidesBetweenForms) {
  const std::string text = "reload://0110" + kHexA + "@o/";
  EXPECT_EQ(parse_reload_uri(text)->node_id.size(), 16U);
  EXPECT_EQ(parse_reload_uri(text, 16)->node_id.size(), 16U);
  EXPECT_EQ(parse_reload_uri(text, 18)->node_id.size(), 18U);
  EXPECT_EQ(parse_reload_uri(text, 18)->form, ReloadUriForm::kBareNodeIdAndSlash);
  EXPECT_EQ(parse_reload_uri(text, 20)->node_id, "") << "neither fits";
}

TEST(ReloadUris, OtherDestinationsNameNoNode) {
  // Two nodes, a Resource-ID, a Node-ID of 8 bytes, a length that does not fit, an opaque one, nothing known.
  for (const std::string& hex : {"0110" + kHexA + "0110" + kHexA, "0211" + kHexA + "11", "01081111111111111111"s,
                                 "0110" + kHexA + "111111", "802a"s, "00"s}) {
    const auto uri = parse_reload_uri("reload://" + hex + "@o/");
    ASSERT_TRUE(uri) << hex;
    EXPECT_EQ(uri->node_id, "") << hex;
  }
}

TEST(ReloadUris, BrokenOnesAreRefused) {
  for (const std::string text :
       {"", "reload:", "reload://", "http://0110@o/", "reload://@o/", "reload://0110@/", "reload://01@",
        "reload://0@o/", "reload://zz@o/", "reload://0110o/", "reload://00@o/xy", "reload://00@o o/"})
    EXPECT_FALSE(parse_reload_uri(text)) << text;
}

// ---- contents

TEST(Certificates, ContentsOfAnEnrolledNode) {
  const CertificatePtr certificate = issue(names());
  EXPECT_EQ(certificate->node_ids(), std::vector{kNodeA});
  EXPECT_TRUE(certificate->has_node_id(kNodeA));
  EXPECT_FALSE(certificate->has_node_id(kNodeB));
  EXPECT_EQ(certificate->user_name(), "alice@example.org");
  EXPECT_EQ(certificate->subject(), "");
  EXPECT_EQ(certificate->issuer(), "CN=Test Root");
  EXPECT_EQ(certificate->not_before(), kValid.not_before);
  EXPECT_EQ(certificate->not_after(), kValid.not_after);
  EXPECT_TRUE(certificate->valid_at(kNow));
  EXPECT_FALSE(certificate->valid_at(kValid.not_after + 1));
  EXPECT_FALSE(certificate->is_ca());
  EXPECT_FALSE(certificate->self_issued());
  EXPECT_FALSE(certificate->sha1_signed());
  EXPECT_EQ(certificate->spki(), rsa_key().spki());
  EXPECT_TRUE(certificate->problems().empty()) << certificate->problems().front().text;
}

TEST(Certificates, RootIsSelfSignedAndNamesNobody) {
  const CertificatePtr certificate = root().certificate();
  EXPECT_TRUE(certificate->is_ca());
  EXPECT_TRUE(certificate->self_signed());
  EXPECT_TRUE(certificate->node_uris().empty());
}

TEST(Certificates, EveryDeviationIsToldWithItsRequirement) {
  CertificateNames wanted = names();
  wanted.uri_form = ReloadUriForm::kNoFinalSlash;
  EXPECT_TRUE(has_problem(*issue(wanted), "R-ENR-05", "without the final slash"));
  EXPECT_EQ(issue(wanted)->problems().size(), 1U);
  wanted = names();
  wanted.uri_form = ReloadUriForm::kBareNodeId;
  EXPECT_TRUE(has_problem(*issue(wanted), "R-ENR-05", "bare Node-ID"));
  EXPECT_EQ(issue(wanted)->node_ids(), std::vector{kNodeA});
  EXPECT_TRUE(has_problem(*issue(names({})), "R-ENR-05", "no reload URI"));
  wanted = names();
  wanted.more_uris = {"reload://zz@o/", "reload://00@o/"};
  EXPECT_TRUE(has_problem(*issue(wanted), "R-ENR-05", "not hex"));
  EXPECT_TRUE(has_problem(*issue(wanted), "R-ENR-05", "one node"));
  wanted = names();
  wanted.user_name.clear();
  EXPECT_TRUE(has_problem(*issue(wanted), "R-ENR-06", "0 rfc822Names"));
  wanted = names();
  wanted.more_user_names = {"bob@example.org"};
  EXPECT_TRUE(has_problem(*issue(wanted), "R-ENR-06", "2 rfc822Names"));
  EXPECT_EQ(issue(wanted)->user_name(), "") << "two user names are none";
  wanted = names();
  wanted.dns_names = {"example.org"};
  wanted.more_uris = {"https://example.org/"};
  EXPECT_TRUE(has_problem(*issue(wanted), "R-ENR-06", "DNS:example.org"));
  EXPECT_TRUE(has_problem(*issue(wanted), "R-ENR-06", "URI:https://example.org/"));
  wanted = names();
  wanted.common_name = "alice";
  EXPECT_TRUE(has_problem(*issue(wanted), "R-ENR-07", "CN=alice"));
}

TEST(Certificates, UserNameWithNulIsTold) {
  CertificateNames wanted = names();
  wanted.user_name.clear();
  wanted.more_user_names = {"alice@example.org\0.evil.example"s};
  const CertificatePtr certificate = issue(wanted);
  EXPECT_EQ(certificate->user_name(), "alice@example.org\0.evil.example"s) << "nothing is cut off at the NUL";
  EXPECT_TRUE(has_problem(*certificate, "R-ENR-06", "no text"));
}

TEST(Certificates, NodeIdsAreBounded) {
  std::vector<std::string> ids;
  for (char i = 1; i <= 70; ++i) ids.push_back(std::string(16, i));
  const CertificatePtr certificate = issue(names(ids));
  EXPECT_EQ(certificate->node_uris().size(), 64U);
  EXPECT_TRUE(has_problem(*certificate, "", "more than 64"));
}

TEST(Certificates, EveryTruncationIsRefused) {
  const std::string der = issue(names())->der();
  for (std::size_t i = 0; i < der.size(); ++i) {
    const auto parsed = Certificate::parse(der.substr(0, i));
    ASSERT_FALSE(parsed) << i;
    ASSERT_FALSE(parsed.message().empty()) << i;
  }
  EXPECT_FALSE(Certificate::parse(der + "\0"s));
  EXPECT_FALSE(Certificate::parse(std::string(65536, '\x30')));
  EXPECT_EQ(ERR_peek_error(), 0UL) << "nothing left in OpenSSL's queue";
}

// Whatever one changed byte makes of it: no crash, and never a certificate that still chains to the root.
TEST(Certificates, NoChangedByteSurvivesTheChain) {
  const std::string der = issue(names())->der();
  const TrustAnchors anchors({root().certificate()});
  std::size_t parsed_count = 0;
  for (std::size_t i = 0; i < der.size(); ++i) {
    for (const int change : {1, 0x80}) {
      std::string bad = der;
      bad[i] = static_cast<char>(bad[i] ^ change);
      const auto parsed = Certificate::parse(bad);
      if (!parsed) continue;
      ++parsed_count;
      (*parsed)->problems();
      ASSERT_NE(verify_chain(**parsed, {}, anchors, kNow).result, ChainResult::kOk) << "byte " << i;
    }
  }
  EXPECT_GT(parsed_count, 100U) << "most changes leave a certificate to look at";
}

TEST(Certificates, RandomBytesAndMutationsAreSafe) {
  const std::string der = issue(names({kNodeA, kNodeB}))->der();
  std::mt19937 random(42);
  for (int round = 0; round < 5000; ++round) {
    std::string bad = der;
    for (unsigned n = random() % 8 + 1; n > 0; --n) bad[random() % bad.size()] = static_cast<char>(random());
    if (const auto parsed = Certificate::parse(bad)) (*parsed)->problems();
  }
}

TEST(Certificates, PemBothWays) {
  const std::string a = issue(names())->der();
  const std::string b = root().certificate()->der();
  const auto both =
      certificates_from_pem("text before\n" + certificate_to_pem(a) + rsa_key().to_pem() + certificate_to_pem(b));
  ASSERT_TRUE(both) << both.message();
  EXPECT_EQ(*both, (std::vector{a, b}));
  EXPECT_FALSE(certificates_from_pem(""));
  EXPECT_FALSE(certificates_from_pem(rsa_key().to_pem()));
  std::string damaged = certificate_to_pem(a);
  damaged[100] = '!';
  EXPECT_FALSE(certificates_from_pem(damaged));
}

// ---- cache

TEST(CertificateCaches, ParseOnceAndForgetTheOldest) {
  CertificateCache cache(2);
  const std::string a = issue(names())->der();
  const std::string b = issue(names({kNodeB}))->der();
  const CertificatePtr first = cache.get(a);
  EXPECT_EQ(cache.get(a), first);
  cache.get(b);
  EXPECT_EQ(cache.get(a), first) << "used last, so it stays";
  cache.get(root().certificate()->der());
  EXPECT_EQ(cache.counts().entries, 2U);
  EXPECT_EQ(cache.get(a), first);
  EXPECT_EQ(cache.counts().hits, 3U);
  EXPECT_EQ(cache.counts().misses, 3U);
  cache.get(b);
  EXPECT_EQ(cache.counts().misses, 4U) << "b had to leave";
}

TEST(CertificateCaches, NoCertificateIsRememberedToo) {
  CertificateCache cache;
  std::string why;
  EXPECT_EQ(cache.get("nonsense", &why), nullptr);
  const std::string first = why;
  EXPECT_FALSE(first.empty());
  why.clear();
  EXPECT_EQ(cache.get("nonsense", &why), nullptr);
  EXPECT_EQ(why, first);
  EXPECT_EQ(cache.counts().hits, 1U);
  EXPECT_EQ(verify(cache, {4, 1}, "nonsense", "input", "").result, VerifyResult::kUnparsableCertificate);
}

TEST(CertificateCaches, SeveralThreadsShareOne) {
  CertificateCache cache(3);
  const std::string signature = *rsa_key().sign({4, 1}, "input");
  std::vector<std::string> ders;
  for (char i = 1; i <= 5; ++i) ders.push_back(issue(names({std::string(16, i)}))->der());
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (unsigned i = 0; i < 100; ++i) good += verify(cache, {4, 1}, ders[(i + t) % 5], "input", signature) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 400);
  EXPECT_EQ(cache.counts().entries, 3U);
}

// ---- identities

TEST(Identities, CertHashOfOneNodeId) {
  const CertificatePtr certificate = issue(names());
  for (const std::uint8_t hash : {2, 4, 6}) {
    const std::string value = *cert_hash(hash, certificate->der());
    const IdentityResult result = match_identity(*certificate, kIdentityCertHash, hash, value);
    EXPECT_EQ(result.match, IdentityMatch::kYes);
    EXPECT_EQ(result.node_id, kNodeA);
  }
  EXPECT_EQ(match_identity(*certificate, kIdentityCertHash, 4, std::string(32, 'x')).match, IdentityMatch::kNo);
  EXPECT_EQ(match_identity(*certificate, kIdentityCertHash, 4, "").match, IdentityMatch::kNo);
  EXPECT_EQ(match_identity(*certificate, kIdentityCertHash, 1, "").match, IdentityMatch::kUnsupportedHash);
  EXPECT_EQ(match_identity(*certificate, kIdentityNone, 4, "").match, IdentityMatch::kUnsupportedType);
  EXPECT_EQ(match_identity(*certificate, 77, 4, "").match, IdentityMatch::kUnsupportedType);
}

TEST(Identities, CertHashNodeIdTellsWhichNode) {
  const CertificatePtr certificate = issue(names({kNodeA, kNodeB}));
  const std::string value = sha256(kNodeB + certificate->der());
  EXPECT_EQ(value, *cert_hash_node_id(tls_hash::kSha256, kNodeB, certificate->der()));
  EXPECT_EQ(match_identity(*certificate, kIdentityCertHashNodeId, 4, value).node_id, kNodeB);
  EXPECT_EQ(match_identity(*certificate, kIdentityCertHashNodeId, 4, sha256(certificate->der())).match,
            IdentityMatch::kNo);
  // R-SEC-04 forbids cert_hash here: it still points to the certificate, and to no node.
  const IdentityResult by_certificate = match_identity(*certificate, kIdentityCertHash, 4, sha256(certificate->der()));
  EXPECT_EQ(by_certificate.match, IdentityMatch::kYes);
  EXPECT_EQ(by_certificate.node_id, "");
}

TEST(Identities, SignerIsFoundInABucket) {
  const std::vector<CertificatePtr> bucket = {root().certificate(), nullptr, issue(names({kNodeB})), issue(names())};
  IdentityResult result;
  EXPECT_EQ(find_signer(bucket, kIdentityCertHash, 4, sha256(bucket[3]->der()), &result), bucket[3]);
  EXPECT_EQ(result.node_id, kNodeA);
  EXPECT_EQ(find_signer(bucket, kIdentityCertHash, 4, sha256("another"), &result), nullptr);
  EXPECT_EQ(find_signer(bucket, kIdentityCertHash, 9, sha256("another"), &result), nullptr);
  EXPECT_EQ(result.match, IdentityMatch::kUnsupportedHash);
}

// ---- self-signed

// The sheet's vectors: the public key of RFC 8032 section 7.1, test 1.
TEST(SelfSigned, NodeIdsOfAKnownKey) {
  const std::string spki =
      *text::from_hex("302a300506032b6570032100d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const auto id = [&](std::uint8_t hash, std::uint32_t index) {
    return text::to_hex(*self_signed_node_id(hash, spki, 16, index));
  };
  EXPECT_EQ(id(tls_hash::kSha1, 0), "a566be19840173413a61048350eff23e");
  EXPECT_EQ(id(tls_hash::kSha256, 0), "06e3fd8fda29bb60ab59557de61edb0a");
  EXPECT_EQ(id(tls_hash::kSha256, 1), "52550df7521e33b40e4f0548c61e3a59");
  EXPECT_FALSE(self_signed_node_id(tls_hash::kMd5, spki, 16));
  EXPECT_FALSE(self_signed_node_id(tls_hash::kSha1, spki, 21)) << "SHA-1 has 20 bytes";
}

CertificatePtr self_signed(const SelfSignedOptions& options, const PrivateKey& key = rsa_key()) {
  SeededRandom random;
  auto der = make_self_signed_certificate(key, options, random);
  EXPECT_TRUE(der.ok()) << der.message();
  return *Certificate::parse(*der);
}

SelfSignedOptions self_signed_options() {
  SelfSignedOptions options;
  options.validity = kValid;
  options.overlay = kOverlay;
  options.user_name = "alice@example.org";
  return options;
}

TEST(SelfSigned, NodeIdsBelongToTheKey) {
  for (const PrivateKey& key : {rsa_key(), ec_key()}) {
    for (const std::size_t count : {1U, 3U}) {
      for (const std::uint8_t hash : {tls_hash::kSha1, tls_hash::kSha256}) {
        SelfSignedOptions options = self_signed_options();
        options.node_ids = count;
        options.node_id_hash = hash;
        options.node_id_length = 20;
        const CertificatePtr certificate = self_signed(options, key);
        EXPECT_TRUE(certificate->self_signed());
        EXPECT_EQ(certificate->node_uris().size(), count);
        EXPECT_TRUE(certificate->problems().empty());
        EXPECT_EQ(check_self_signed(*certificate, hash, 20), SelfSignedResult::kOk);
        EXPECT_EQ(check_self_signed(*certificate, hash, 16), SelfSignedResult::kWrongLength);
        EXPECT_EQ(check_self_signed(*certificate, hash == 2 ? 4 : 2, 20), SelfSignedResult::kNodeIdMismatch);
        EXPECT_EQ(check_self_signed(*certificate, tls_hash::kSha512, 20), SelfSignedResult::kUnsupportedDigest);
      }
    }
  }
}

TEST(SelfSigned, StolenNodeIdIsFound) {
  SelfSignedOptions options = self_signed_options();
  options.wrong_node_ids = {kNodeA};
  EXPECT_EQ(check_self_signed(*self_signed(options), tls_hash::kSha1, 16), SelfSignedResult::kNodeIdMismatch);
  // One right, one stolen.
  options.wrong_node_ids = {*self_signed_node_id(2, rsa_key().spki(), 16, 1), kNodeA};
  EXPECT_EQ(check_self_signed(*self_signed(options), tls_hash::kSha1, 16), SelfSignedResult::kNodeIdMismatch);
  // The same one twice.
  options.wrong_node_ids = {*self_signed_node_id(2, rsa_key().spki(), 16, 1),
                            *self_signed_node_id(2, rsa_key().spki(), 16, 1)};
  EXPECT_EQ(check_self_signed(*self_signed(options), tls_hash::kSha1, 16), SelfSignedResult::kNodeIdMismatch);
  // Two in the other order are fine.
  options.wrong_node_ids = {*self_signed_node_id(2, rsa_key().spki(), 16, 2),
                            *self_signed_node_id(2, rsa_key().spki(), 16, 1)};
  EXPECT_EQ(check_self_signed(*self_signed(options), tls_hash::kSha1, 16), SelfSignedResult::kOk);
}

TEST(SelfSigned, OthersAreToldApart) {
  EXPECT_EQ(check_self_signed(*issue(names()), tls_hash::kSha1, 16), SelfSignedResult::kNotSelfSigned);
  EXPECT_EQ(check_self_signed(*root().certificate(), tls_hash::kSha1, 16), SelfSignedResult::kNoNodeId);
  // Self-issued with another key's signature: the last byte of the signature is another one.
  std::string der = self_signed(self_signed_options())->der();
  der.back() = static_cast<char>(der.back() ^ 1);
  const auto forged = Certificate::parse(der);
  ASSERT_TRUE(forged);
  EXPECT_TRUE((*forged)->self_issued());
  EXPECT_EQ(check_self_signed(**forged, tls_hash::kSha1, 16), SelfSignedResult::kNotSelfSigned);
}

// ---- chains

TEST(Chains, NodeOfTheRootIsTrusted) {
  const ChainVerdict verdict = verify_chain(*issue(names()), {}, TrustAnchors({root().certificate()}), kNow);
  EXPECT_TRUE(verdict) << verdict.detail;
  EXPECT_FALSE(verdict.sha1);
}

TEST(Chains, TimeDecides) {
  const CertificatePtr leaf = issue(names());
  const TrustAnchors anchors({root().certificate()});
  EXPECT_EQ(verify_chain(*leaf, {}, anchors, kValid.not_after + 1).result, ChainResult::kExpired);
  EXPECT_EQ(verify_chain(*leaf, {}, anchors, kValid.not_before - 1).result, ChainResult::kNotYetValid);
  const CertificatePtr old = issue(names(), rsa_key(), root(), {kNow - 2 * kDay, kNow - kDay});
  const ChainVerdict verdict = verify_chain(*old, {}, anchors, kNow);
  EXPECT_EQ(verdict.result, ChainResult::kExpired);
  EXPECT_EQ(verdict.depth, 0);
  // A root that is over is no root.
  const Authority old_root = make_root("Old Root", {kNow - 2 * kDay, kNow - kDay});
  const ChainVerdict below =
      verify_chain(*issue(names(), rsa_key(), old_root), {}, TrustAnchors({old_root.certificate()}), kNow);
  EXPECT_EQ(below.result, ChainResult::kExpired);
  EXPECT_EQ(below.depth, 1);
}

TEST(Chains, OtherRootsAreNotTrusted) {
  SeededRandom random;
  const CertificatePtr leaf = issue(names());
  const Authority other = *Authority::create(ec_key(), "Other Root", kValid, random);
  EXPECT_EQ(verify_chain(*leaf, {}, TrustAnchors({other.certificate()}), kNow).result, ChainResult::kUntrusted);
  EXPECT_EQ(verify_chain(*leaf, {}, TrustAnchors(), kNow).result, ChainResult::kUntrusted);
  // The right root in the bucket is only a certificate.
  const CertificatePtr bucket[] = {root().certificate()};
  EXPECT_EQ(verify_chain(*leaf, bucket, TrustAnchors({other.certificate()}), kNow).result, ChainResult::kUntrusted);
  // The same name with another key.
  const Authority imposter = *Authority::create(ec_key(), "Test Root", kValid, random);
  EXPECT_NE(verify_chain(*leaf, {}, TrustAnchors({imposter.certificate()}), kNow).result, ChainResult::kOk);
  EXPECT_NE(verify_chain(*issue(names(), rsa_key(), imposter), {}, TrustAnchors({root().certificate()}), kNow).result,
            ChainResult::kOk);
  EXPECT_EQ(ERR_peek_error(), 0UL);
}

TEST(Chains, IntermediateAuthorityNeedsToBeThere) {
  SeededRandom random;
  const Authority middle = *root().create_below(ec_key(), "Middle", kValid, random);
  const CertificatePtr leaf = issue(names(), rsa_key(), middle);
  const TrustAnchors anchors({root().certificate()});
  const CertificatePtr bucket[] = {middle.certificate()};
  EXPECT_EQ(verify_chain(*leaf, bucket, anchors, kNow).result, ChainResult::kOk);
  EXPECT_EQ(verify_chain(*leaf, {}, anchors, kNow).result, ChainResult::kUntrusted);
  // Named in the configuration it is an anchor by itself.
  EXPECT_EQ(verify_chain(*leaf, {}, TrustAnchors({middle.certificate()}), kNow).result, ChainResult::kOk);
}

// R-ENR-11: BasicConstraints. A node may not issue certificates for others.
TEST(Chains, NodeAsAuthorityIsRefused) {
  CertificateNames wanted = names();
  wanted.common_name = "Node";
  const CertificatePtr node = issue(wanted, ec_key());
  EXPECT_FALSE(Authority::load(node->der(), ec_key()));
  // Made with the openssl program, as our own authority does not do it.
  const Folder folder;
  folder.put("node.pem", certificate_to_pem(node->der()));
  folder.put("node.key", ec_key().to_pem());
  folder.put("leaf.key", rsa_key().to_pem());
  shell("cd " + folder.path("") +
        " && openssl req -new -key leaf.key -subj /CN=leaf -out leaf.csr && openssl x509 -req -in leaf.csr "
        "-CA node.pem -CAkey node.key -set_serial 5 -days 36500 -out leaf.pem");
  const auto pem = certificates_from_pem(read_file(folder.path("leaf.pem")));
  ASSERT_TRUE(pem) << pem.message();
  const CertificatePtr leaf = *Certificate::parse(pem->front());
  const CertificatePtr bucket[] = {node};
  const ChainVerdict verdict =
      verify_chain(*leaf, bucket, TrustAnchors({root().certificate()}), std::max(leaf->not_before(), kNow));
  EXPECT_NE(verdict.result, ChainResult::kOk);
}

TEST(Chains, Sha1IsAcceptedAndTold) {
  const CertificatePtr leaf = issue(names(), rsa_key(), root(), kValid, tls_hash::kSha1);
  EXPECT_TRUE(leaf->sha1_signed());
  const ChainVerdict verdict = verify_chain(*leaf, {}, TrustAnchors({root().certificate()}), kNow);
  EXPECT_TRUE(verdict) << verdict.detail;
  EXPECT_TRUE(verdict.sha1);
}

TEST(Chains, Md5IsRefused) {
  const Folder folder;
  folder.put("root.pem", certificate_to_pem(root().certificate()->der()));
  folder.put("root.key", root().key().to_pem());
  folder.put("leaf.key", rsa_key().to_pem());
  shell("cd " + folder.path("") +
        " && openssl req -new -key leaf.key -subj /CN=leaf -out leaf.csr && openssl x509 -req -md5 -in leaf.csr "
        "-CA root.pem -CAkey root.key -set_serial 5 -days 36500 -out leaf.pem");
  const auto pem = certificates_from_pem(read_file(folder.path("leaf.pem")));
  ASSERT_TRUE(pem) << pem.message();
  const CertificatePtr leaf = *Certificate::parse(pem->front());
  const Authority lasting = make_root("Test Root", {kNow, leaf->not_after()});
  const ChainVerdict verdict = verify_chain(*leaf, {}, TrustAnchors({lasting.certificate()}), leaf->not_before());
  EXPECT_EQ(verdict.result, ChainResult::kBadSignature) << verdict.detail;
}

TEST(OpensslProgram, SeesWhatWeIssue) {
  const Folder folder;
  const std::string leaf = folder.put("leaf.pem", certificate_to_pem(issue(names())->der()));
  const std::string ca = folder.put("root.pem", certificate_to_pem(root().certificate()->der()));
  const std::string text = shell("openssl x509 -noout -text -in " + leaf);
  EXPECT_NE(text.find("URI:reload://0110" + kHexA + "@overlay.example.org/"), std::string::npos) << text;
  EXPECT_NE(text.find("email:alice@example.org"), std::string::npos);
  EXPECT_NE(text.find("X509v3 Subject Alternative Name: critical"), std::string::npos);
  EXPECT_NE(text.find("CA:FALSE"), std::string::npos);
  EXPECT_NE(text.find("Subject: \n"), std::string::npos) << "an empty subject";
  int code = -1;
  const std::string said =
      shell("openssl verify -x509_strict -attime " + std::to_string(kNow) + " -CAfile " + ca + " " + leaf, &code);
  // x509_strict also asks for key identifiers, which RELOAD does not use; the chain itself holds.
  EXPECT_EQ(code == 0 || said.find("Key Identifier") != std::string::npos, true) << said;
  shell("openssl verify -attime " + std::to_string(kNow) + " -CAfile " + ca + " " + leaf, &code);
  EXPECT_EQ(code, 0);
}

// Certificates that the openssl program makes, with the names in another order.
TEST(OpensslProgram, ItsCertificatesAreRead) {
  const Folder folder;
  folder.put("key", ec_key().to_pem());
  int code = -1;
  const std::string said =
      shell("cd " + folder.path("") +
                " && openssl req -x509 -new -key key -subj / -days 10 -outform DER -out c.der -addext "
                "'subjectAltName=critical,email:bob@example.org,URI:reload://0110" +
                kHexA + "@o/'",
            &code);
  ASSERT_EQ(code, 0) << said;
  const auto certificate = Certificate::parse(read_file(folder.path("c.der")));
  ASSERT_TRUE(certificate) << certificate.message();
  EXPECT_EQ((*certificate)->user_name(), "bob@example.org");
  EXPECT_EQ((*certificate)->node_ids(), std::vector{kNodeA});
  EXPECT_TRUE((*certificate)->self_signed());
}

}  // namespace
}  // namespace peerscope::reload
