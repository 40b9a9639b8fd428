// SPDX-License-Identifier: GPL-2.0-or-later
// Signatures that were found good once are not verified again, and nothing else is believed for it.
#include "reference-impl/reload/verified.h"

#include "protocols/reload/protocol.h"
#include "tests/reload_node/identity_fixture.h"

namespace peerscope::reload::test {
namespace {

constexpr SignatureCode kCode{tls_hash::kSha256, tls_signature::kEcdsa};

TEST(Verified, EveryPartCounts) {
  Verified verified(8);
  verified.add(Verified::name(kCode, "signer", "input", "signature"));
  EXPECT_TRUE(verified.contains(Verified::name(kCode, "signer", "input", "signature")));
  EXPECT_FALSE(verified.contains(Verified::name(kCode, "Signer", "input", "signature")));
  EXPECT_FALSE(verified.contains(Verified::name(kCode, "signer", "Input", "signature")));
  EXPECT_FALSE(verified.contains(Verified::name(kCode, "signer", "input", "Signature")));
  EXPECT_FALSE(verified.contains(Verified::name(kCode, "signeri", "nput", "signature"))) << "borders count too";
  EXPECT_FALSE(
      verified.contains(Verified::name({tls_hash::kSha1, tls_signature::kEcdsa}, "signer", "input", "signature")));
}

TEST(Verified, TheOldestIsForgotten) {
  Verified verified(2);
  for (const char* name : {"a", "b", "b", "c"}) verified.add(name);
  EXPECT_EQ(verified.size(), 2U);
  EXPECT_FALSE(verified.contains("a"));
  EXPECT_TRUE(verified.contains("b"));
  EXPECT_TRUE(verified.contains("c"));
}

TEST(Verified, NothingIsRememberedWithoutAName) {
  Verified verified(2);
  verified.add("");
  EXPECT_EQ(verified.size(), 0U);
}

class VerifiedValues : public ::testing::Test {
 protected:
  VerifiedValues() {
    value_.kind = kPrivateKind;
    value_.model = DataModel::kSingle;
    value_.storage_time = 1'704'067'300'000;
    value_.lifetime = 100;
    value_.value = "x";
    writer_.sign_value(kPlace, value_);
  }
  bool good(const OverlayPtr& overlay, StoredData value) {
    std::string why;
    return reader_.check_value(*overlay, kPlace, value, {{kX509, *writer_.certificate()}}, kNow, why).has_value();
  }
  static constexpr std::string_view kPlace = "0123456789abcdef";
  CertificateSecurity writer_{make_identity(node_id({0x10}), "writer@example.org")};
  CertificateSecurity reader_{make_identity(node_id({0x20}), "reader@example.org")};
  OverlayPtr overlay_ = signed_overlay(certified_configuration());
  StoredData value_;
};

TEST_F(VerifiedValues, AnotherValueUnderAVerifiedSignatureIsRefused) {
  ASSERT_TRUE(good(overlay_, value_));
  EXPECT_TRUE(good(overlay_, value_));
  StoredData other = value_;
  other.value = "y";
  EXPECT_FALSE(good(overlay_, other));
  other = value_;
  other.signature.value.back() ^= 1;
  EXPECT_FALSE(good(overlay_, other));
  other = value_;
  ++other.storage_time;
  EXPECT_FALSE(good(overlay_, other));
}

TEST_F(VerifiedValues, WhoIsNoLongerTrustedIsNotBelievedForWhatWasVerified) {
  ASSERT_TRUE(good(overlay_, value_));
  OverlayConfiguration without = certified_configuration();
  without.bad_nodes = {node_id({0x10}).str()};
  EXPECT_FALSE(good(signed_overlay(without), value_));
}

TEST_F(VerifiedValues, AnOwnSignatureOverSomethingElseIsRefused) {
  std::string why;
  const std::vector<GenericCertificate> own = {{kX509, *writer_.certificate()}};
  ASSERT_TRUE(writer_.check_value(*overlay_, kPlace, value_, own, kNow, why)) << why;
  value_.value = "y";
  EXPECT_FALSE(writer_.check_value(*overlay_, kPlace, value_, own, kNow, why));
}

}  // namespace
}  // namespace peerscope::reload::test
