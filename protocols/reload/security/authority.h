// SPDX-License-Identifier: GPL-2.0-or-later
// Making keys, certificate requests and certificates: the authority behind an enrollment server (RFC 6940
// section 11.3), self-signed certificates (section 11.3.1), and, for tests of others, certificates that are wrong in a
// chosen way.
//
// Node-IDs and serial numbers come from the RandomSource passed in, times from the caller; keys come from OpenSSL's own
// generator. Nothing here touches files. An Authority is immutable: issuing from several threads is safe where the
// RandomSource is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/reload/security/certificate.h"
#include "protocols/reload/security/crypto.h"
#include "protocols/reload/security/outcome.h"

namespace peerscope::reload {

enum class KeyType : std::uint8_t { kRsa2048, kP256 };
Outcome<PrivateKey> generate_key(KeyType type);

struct Validity {
  std::int64_t not_before = 0;  // seconds since 1970
  std::int64_t not_after = 0;
};

// Names of an end certificate. With `overlay`, `node_ids` and one user name it is what section 11.3 asks for;
// everything below is for making wrong ones on purpose.
struct CertificateNames {
  std::string overlay;
  std::vector<std::string> node_ids;  // raw
  std::string user_name;              // ASCII; left out when empty

  ReloadUriForm uri_form = ReloadUriForm::kStandard;
  std::vector<std::string> more_uris{};
  std::vector<std::string> more_user_names{};
  std::vector<std::string> dns_names{};
  std::string common_name{};  // a subject that is not empty
};

// PKCS#10 request, DER, with the user name as rfc822Name in a requested subjectAltName.
Outcome<std::string> make_csr(const PrivateKey& key, std::string_view user_name);

struct Csr {
  std::vector<std::string> user_names;  // rfc822Names of the requested subjectAltName
  std::string subject;                  // RFC 4514 text
  std::string spki;
};
// Fails too when the request is not signed by its own key, as section 11.3's bad_CSR.
Outcome<Csr> parse_csr(std::string_view der);

// `count` Node-IDs of `length` bytes; none of them all zeros or all ones, which RFC 6940 section 6.1.1 sets apart.
Outcome<std::vector<std::string>> random_node_ids(RandomSource& random, std::size_t count, std::size_t length);

struct IssueOptions {
  Validity validity{};
  CertificateNames names{};
  std::uint8_t hash = tls_hash::kSha256;  // of the authority's signature
};

class Authority {
 public:
  // A root: self-signed, CA, common name `name`.
  static Outcome<Authority> create(PrivateKey key, const std::string& name, Validity validity, RandomSource& random,
                                   std::uint8_t hash = tls_hash::kSha256);
  // From what was kept. Fails when key and certificate do not belong together, or it is no CA certificate.
  static Outcome<Authority> load(std::string_view certificate_der, PrivateKey key);

  const CertificatePtr& certificate() const { return certificate_; }
  const PrivateKey& key() const { return key_; }

  // DER of a certificate for the key of the request.
  Outcome<std::string> issue(std::string_view csr_der, const IssueOptions& options, RandomSource& random) const;
  // The same for a public key (SubjectPublicKeyInfo, DER).
  Outcome<std::string> issue_for_key(std::string_view spki, const IssueOptions& options, RandomSource& random) const;
  // An authority below this one.
  Outcome<Authority> create_below(PrivateKey key, const std::string& name, Validity validity, RandomSource& random,
                                  std::uint8_t hash = tls_hash::kSha256) const;

 private:
  Authority(PrivateKey key, CertificatePtr certificate) : key_(std::move(key)), certificate_(std::move(certificate)) {}

  PrivateKey key_;
  CertificatePtr certificate_;
};

struct SelfSignedOptions {
  Validity validity{};
  std::string overlay;
  std::string user_name;
  std::size_t node_id_length = 16;
  std::size_t node_ids = 1;                     // how many
  std::uint8_t node_id_hash = tls_hash::kSha1;  // what self-signed-permitted names
  std::uint8_t hash = tls_hash::kSha256;        // of the signature
  std::vector<std::string> wrong_node_ids{};    // instead of the computed ones
  ReloadUriForm uri_form = ReloadUriForm::kStandard;
};
// DER of a certificate signed by its own key, subject and issuer empty.
Outcome<std::string> make_self_signed_certificate(const PrivateKey& key, const SelfSignedOptions& options,
                                                  RandomSource& random);

}  // namespace peerscope::reload
