// SPDX-License-Identifier: GPL-2.0-or-later
// The rows of the requirement table that need to know who signed: the contents of certificates (RFC 6940 sections 11.3
// and 11.3.1), and access rules of usages (RFC 7374, 7650, 7904, 8076). A storing peer is judged by its StoreAns: that
// somebody asks for what he may not is no mistake of the peer that refuses it.
//
// Memory is bounded; what does not fit is forgotten, never blamed. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "protocols/base/requirement.h"
#include "protocols/reload/verification.h"

namespace peerscope::reload {

class Examination {
 public:
  static constexpr std::size_t kMostItems = 50'000;
  static constexpr std::size_t kMostCertificates = 10'000;

  // What `message` breaks, and what of its certificates is not as it should be. Each certificate is judged once.
  void look(const Verifier& verifier, const Message& message, const Message* request, std::vector<Finding>& findings);
  // A certificate that is not to be judged.
  void pass_over(const Certificate& certificate) { judged_.insert(certificate.fingerprint()); }
  // What the overlay's self-signed Node-IDs are digests by; else SHA-1 and SHA-256 are both right.
  void expect_digest(std::uint8_t hash) { digest_ = hash; }
  void clear();

 private:
  void look_at_certificates(const Verifier& verifier, const Message& message, std::vector<Finding>& findings);

  std::optional<std::uint8_t> digest_;
  std::size_t known_ = 0;                            // certificates of the verifier when it was looked at last
  std::unordered_set<std::string> judged_;           // fingerprints
  std::map<std::string, std::string> item_authors_;  // of access control lists: the user who wrote an item first
};

}  // namespace peerscope::reload
