// SPDX-License-Identifier: GPL-2.0-or-later
// An authority, and nodes with certificates of it.
#pragma once

#include "reference-impl/reload/enrollment.h"
#include "tests/reload_node/overlay_fixture.h"

namespace peerscope::reload::test {

inline constexpr std::int64_t kNow = 1704067200;  // where the manual clock begins
inline constexpr Validity kTestValidity{kNow - 86400, kNow + std::int64_t{3650} * 86400};

inline const Authority& test_authority() {
  static const Authority kAuthority = [] {
    SeededRandom random(1);
    auto made = Authority::create(*generate_key(KeyType::kP256), "Test Root", kTestValidity, random);
    EXPECT_TRUE(made.ok()) << made.message();
    return *std::move(made);
  }();
  return kAuthority;
}

inline OverlayConfiguration certified_configuration() {
  OverlayConfiguration wanted = configuration();
  wanted.root_certs = {test_authority().certificate()->der()};
  return wanted;
}

inline Identity make_identity(const NodeId& id, const std::string& user, KeyType type = KeyType::kP256,
                              const Authority& authority = test_authority(), Validity validity = kTestValidity) {
  SeededRandom random(3);
  auto key = *generate_key(type);
  IssueOptions options;
  options.validity = validity;
  options.names.overlay = kOverlayName;
  options.names.node_ids = {id.str()};
  options.names.user_name = user;
  auto der = authority.issue_for_key(key.spki(), options, random);
  EXPECT_TRUE(der.ok()) << der.message();
  return {key, *Certificate::parse(*der), {}, id};
}

inline ConfigSigner test_signer() {
  static const Identity kAdmin = make_identity(node_id({0xad}), "admin@example.org");
  return {kAdmin.key, kAdmin.certificate, kAdmin.node_id.str()};
}
inline std::string signed_document(const OverlayConfiguration& wanted) {
  auto document = write_signed_document(wanted, test_signer());
  EXPECT_TRUE(document.ok());
  return document.ok() ? *document : std::string();
}
inline OverlayPtr signed_overlay(const OverlayConfiguration& wanted) {
  auto read = read_overlay(signed_document(wanted), kOverlayName, kNow);
  EXPECT_TRUE(read.ok()) << (read.ok() ? "" : read.error().message);
  return read.ok() ? *read : nullptr;
}

}  // namespace peerscope::reload::test
