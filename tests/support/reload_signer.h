// SPDX-License-Identifier: GPL-2.0-or-later
// A node that signs RELOAD messages and values, for tests of those who verify them.
#pragma once

#include <string>
#include <vector>

#include "protocols/reload/protocol.h"
#include "protocols/reload/security/authority.h"

namespace peerscope::test {

inline constexpr std::string_view kOverlayName = "overlay.example.org";

// Made with an authority of its own; everything is fresh in each run but the names. Throws when OpenSSL fails.
class ReloadSigner {
 public:
  struct Options {
    std::vector<std::string> node_ids;  // raw
    std::string user = "alice@example.org";
    reload::KeyType key = reload::KeyType::kP256;
    std::uint8_t hash = reload::tls_hash::kSha256;
  };
  explicit ReloadSigner(const Options& options);

  const std::string& der() const { return der_; }
  const std::string& node_id() const { return node_ids_.front(); }
  reload::SignerIdentity identity() const;
  // Fills the signature over overlay, transaction and contents; the certificate goes into the bucket when `carry`.
  void sign(reload::Packet& packet, bool carry = true) const;
  void sign_value(std::string_view resource, reload::StoredData& value) const;

 private:
  reload::Signature signature_over(std::string_view input) const;

  std::vector<std::string> node_ids_;
  std::uint8_t hash_;
  reload::PrivateKey key_;
  std::string der_;
};

// A message from the contents, addressed to one destination, not signed.
reload::Packet packet_with(reload::Contents contents, reload::Destination destination, std::uint64_t transaction_id);

}  // namespace peerscope::test
