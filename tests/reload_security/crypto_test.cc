// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/security/crypto.h"

#include <openssl/err.h>

#include "tests/reload_security/fixture.h"

namespace peerscope::reload {
namespace {

using namespace test;
using text::from_hex;
using text::to_hex;

TEST(Digest, KnownValuesOfAbc) {
  const std::pair<std::uint8_t, std::string> vectors[] = {
      {tls_hash::kSha1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
      {tls_hash::kSha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"},
      {tls_hash::kSha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}};
  for (const auto& [hash, hex] : vectors) {
    EXPECT_EQ(to_hex(*digest(hash, {"abc"})), hex);
    EXPECT_EQ(to_hex(*digest(hash, {"a", "", "bc"})), hex) << "parts one after the other";
  }
  EXPECT_EQ(digest(tls_hash::kSha384, {"abc"})->size(), 48U);
  EXPECT_EQ(digest(tls_hash::kSha512, {"abc"})->size(), 64U);
}

TEST(Digest, OtherCodePointsAreNotComputed) {
  for (const std::uint8_t hash : {0, 1, 7, 8, 255}) EXPECT_FALSE(digest(hash, {"abc"})) << int{hash};
  EXPECT_EQ(hash_name(4), "sha256");
  EXPECT_EQ(hash_name(7), "");
}

// The sheet's vectors; the overlay hash is on the wire of every message of that overlay.
TEST(Digest, ResourceIdAndOverlayHash) {
  EXPECT_EQ(to_hex(resource_id_of("alice@dht.example.com")), "0c51a942f50c828aef82a5af83e8ed59");
  EXPECT_EQ(overlay_hash("overlay.example.org"), 0x9aa32b8dU);
}

class Signatures : public ::testing::TestWithParam<KeyType> {
 protected:
  const PrivateKey& key() const { return GetParam() == KeyType::kRsa2048 ? rsa_key() : ec_key(); }
  const PrivateKey& other() const { return GetParam() == KeyType::kRsa2048 ? rsa_key(1) : ec_key(1); }
  SignatureCode code(std::uint8_t hash) const { return {hash, key().default_code().signature}; }
};
INSTANTIATE_TEST_SUITE_P(Keys, Signatures, ::testing::Values(KeyType::kRsa2048, KeyType::kP256));

TEST_P(Signatures, VerifyWithEveryHash) {
  for (const std::uint8_t hash : {2, 3, 4, 5, 6}) {
    const auto signature = key().sign(code(hash), "input");
    ASSERT_TRUE(signature) << signature.message();
    const Verification verification = key().public_key().verify(code(hash), "input", *signature);
    EXPECT_TRUE(verification) << int{hash};
    EXPECT_EQ(verification.sha1, hash == tls_hash::kSha1);
  }
}

TEST_P(Signatures, OtherInputKeyOrHashDoesNotVerify) {
  const std::string good = *key().sign(key().default_code(), "input");
  const PublicKey pub = key().public_key();
  EXPECT_EQ(pub.verify(key().default_code(), "Input", good).result, VerifyResult::kBadSignature);
  EXPECT_EQ(pub.verify(key().default_code(), "", good).result, VerifyResult::kBadSignature);
  EXPECT_EQ(pub.verify(code(tls_hash::kSha384), "input", good).result, VerifyResult::kBadSignature);
  EXPECT_EQ(other().public_key().verify(key().default_code(), "input", good).result, VerifyResult::kBadSignature);
  EXPECT_EQ(ERR_peek_error(), 0UL) << "nothing left in OpenSSL's queue";
}

TEST_P(Signatures, DamagedSignatureDoesNotVerify) {
  const std::string good = *key().sign(key().default_code(), "input");
  const PublicKey pub = key().public_key();
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_FALSE(pub.verify(key().default_code(), "input", bad)) << i;
    EXPECT_FALSE(pub.verify(key().default_code(), "input", good.substr(0, i))) << i;
  }
  EXPECT_FALSE(pub.verify(key().default_code(), "input", good + "x"));
}

TEST(Signature, ReasonsAreToldApart) {
  const PublicKey pub = rsa_key().public_key();
  const std::string good = *rsa_key().sign({4, 1}, "input");
  EXPECT_EQ(pub.verify({0, 0}, "input", "").result, VerifyResult::kNotSigned);
  EXPECT_EQ(pub.verify({0, 1}, "input", good).result, VerifyResult::kUnsupportedHash);
  EXPECT_EQ(pub.verify({1, 1}, "input", good).result, VerifyResult::kUnsupportedHash) << "MD5";
  EXPECT_EQ(pub.verify({4, 2}, "input", good).result, VerifyResult::kUnsupportedSignature) << "DSA";
  EXPECT_EQ(pub.verify({4, 99}, "input", good).result, VerifyResult::kUnsupportedSignature);
  EXPECT_EQ(pub.verify({4, 3}, "input", good).result, VerifyResult::kKeyMismatch);
  EXPECT_EQ(ec_key().public_key().verify({4, 1}, "input", good).result, VerifyResult::kKeyMismatch);
  EXPECT_EQ(PublicKey().verify({4, 1}, "input", good).result, VerifyResult::kUnsupportedKey);
  for (int i = 0; i <= static_cast<int>(VerifyResult::kUnparsableCertificate); ++i)
    EXPECT_FALSE(to_string(static_cast<VerifyResult>(i)).empty());
}

TEST(Signature, KeyRefusesWhatItCannotMake) {
  EXPECT_FALSE(rsa_key().sign({4, 3}, "x"));
  EXPECT_FALSE(ec_key().sign({4, 1}, "x"));
  EXPECT_FALSE(rsa_key().sign({1, 1}, "x"));
  EXPECT_FALSE(rsa_key().sign({99, 1}, "x"));
}

TEST(PrivateKeys, SurvivePemAndDer) {
  for (const PrivateKey& key : {rsa_key(), ec_key()}) {
    const auto pem = PrivateKey::from_pem(key.to_pem());
    const auto der = PrivateKey::from_der(key.to_der());
    ASSERT_TRUE(pem) << pem.message();
    ASSERT_TRUE(der) << der.message();
    EXPECT_EQ(pem->spki(), key.spki());
    EXPECT_EQ(der->spki(), key.spki());
    EXPECT_EQ(der->bits(), key.bits());
  }
}

TEST(PrivateKeys, FailuresSayWhatIsWrong) {
  const auto message = [](std::string_view pem) { return PrivateKey::from_pem(pem).message(); };
  EXPECT_NE(message("").find("no PEM"), std::string::npos);
  EXPECT_NE(message(certificate_to_pem(root().certificate()->der())).find("a certificate, not"), std::string::npos);
  EXPECT_NE(
      message("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n").find("encrypted"),
      std::string::npos);
  EXPECT_NE(message("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").find("cannot be read"),
            std::string::npos);
  EXPECT_NE(message("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n").find("no private key"),
            std::string::npos);
  EXPECT_FALSE(PrivateKey::from_der(""));
  EXPECT_FALSE(PrivateKey::from_der(rsa_key().to_der() + "x"));
  const std::string der = ec_key().to_der();
  for (std::size_t i = 0; i < der.size(); ++i) EXPECT_FALSE(PrivateKey::from_der(der.substr(0, i))) << i;
  EXPECT_EQ(ERR_peek_error(), 0UL);
}

TEST(PrivateKeys, KeysOfOtherKindsAreRefused) {
  const Folder folder;
  shell("openssl genpkey -algorithm ed25519 -out " + folder.path("key"));
  EXPECT_NE(PrivateKey::from_pem(read_file(folder.path("key"))).message().find("neither RSA"), std::string::npos);
  shell("openssl ecparam -name prime256v1 -param_enc explicit -genkey -noout -out " + folder.path("key"));
  EXPECT_NE(PrivateKey::from_pem(read_file(folder.path("key"))).message().find("named curve"), std::string::npos);
}

TEST(Random, SystemSourceFills) {
  SystemRandom random;
  std::string a(32, '\0');
  std::string b(32, '\0');
  EXPECT_TRUE(random.fill(a));
  EXPECT_TRUE(random.fill(b));
  EXPECT_NE(a, b);
  EXPECT_TRUE(random.fill({}));
}

// The other side of the interface is the openssl program.
TEST(OpensslProgram, VerifiesOurSignatures) {
  const Folder folder;
  const std::string input = folder.put("input", "the signed bytes");
  for (const PrivateKey& key : {rsa_key(), ec_key()}) {
    const std::string private_pem = folder.put("key", key.to_pem());
    const std::string public_pem = folder.path("pub");
    shell("openssl pkey -in " + private_pem + " -pubout -out " + public_pem);
    for (const auto& [hash, name] : {std::pair<std::uint8_t, std::string>{2, "sha1"}, {4, "sha256"}, {6, "sha512"}}) {
      const auto signature = key.sign({hash, key.default_code().signature}, "the signed bytes");
      ASSERT_TRUE(signature);
      int code = -1;
      const std::string said = shell("openssl dgst -" + name + " -verify " + public_pem + " -signature " +
                                         folder.put("signature", *signature) + " " + input,
                                     &code);
      EXPECT_EQ(code, 0) << name << ": " << said;
    }
  }
}

TEST(OpensslProgram, ItsSignaturesVerifyHere) {
  const Folder folder;
  const std::string input = folder.put("input", "the signed bytes");
  for (const PrivateKey& key : {rsa_key(), ec_key()}) {
    const std::string private_pem = folder.put("key", key.to_pem());
    shell("openssl dgst -sha256 -sign " + private_pem + " -out " + folder.path("signature") + " " + input);
    EXPECT_TRUE(key.public_key().verify(key.default_code(), "the signed bytes", read_file(folder.path("signature"))));
  }
  // PSS is another algorithm with the same key: it must not pass as PKCS#1 v1.5.
  shell("openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sign " + folder.put("key", rsa_key().to_pem()) + " -out " +
        folder.path("signature") + " " + input);
  EXPECT_FALSE(rsa_key().public_key().verify({4, 1}, "the signed bytes", read_file(folder.path("signature"))));
}

}  // namespace
}  // namespace peerscope::reload
