// SPDX-License-Identifier: GPL-2.0-or-later
// Certificates as RELOAD uses them (RFC 6940 sections 6.3.4, 11.3, 11.3.1 and 14.15): who a certificate names, which
// signer identity points to it, whether it may be trusted. Parsing is safe on any bytes.
//
// A Certificate is immutable and shared by pointer; everything here is safe from any thread, the cache too.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/reload/security/crypto.h"
#include "protocols/reload/security/outcome.h"

namespace peerscope::reload {

// GenericCertificate's length field has 16 bits.
inline constexpr std::size_t kMaxCertificateSize = 65535;

// How a reload URI names its node. Only the first is RFC 6940 section 14.15; the others are in use.
enum class ReloadUriForm : std::uint8_t {
  kStandard,            // reload://0110<hex of the Node-ID>@overlay/
  kNoFinalSlash,        // the same without the last slash (java-reload)
  kBareNodeId,          // reload://<hex of the Node-ID>@overlay (danpascu/reload)
  kBareNodeIdAndSlash,  // the same with a slash
};
std::string_view to_string(ReloadUriForm form);

struct ReloadUri {
  ReloadUriForm form = ReloadUriForm::kStandard;
  std::string text;
  std::string node_id;      // raw; set exactly when the URI names one node and nothing else
  std::string destination;  // what the hex stood for, raw
  std::string overlay;      // as written
  std::string specifier;    // StoredDataSpecifier, raw; empty in certificates
};

// `node_id_length` decides between the forms where both fit; 0 when the overlay's length is not known.
Outcome<ReloadUri> parse_reload_uri(std::string_view text, std::size_t node_id_length = 0);
std::string make_reload_uri(std::string_view node_id, std::string_view overlay,
                            ReloadUriForm form = ReloadUriForm::kStandard);

// What a certificate's contents have wrong, with the id of the requirement.
struct CertificateProblem {
  const char* requirement;
  std::string text;
};

class Certificate;
using CertificatePtr = std::shared_ptr<const Certificate>;

class Certificate {
 public:
  struct Impl;
  explicit Certificate(std::unique_ptr<Impl> impl);
  ~Certificate();
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  // One X.509 certificate in DER with nothing behind it. A certificate without Node-IDs is one (a root, say).
  static Outcome<CertificatePtr> parse(std::string_view der, std::size_t node_id_length = 0);

  const std::string& der() const;
  const std::string& fingerprint() const;  // SHA-256 of the DER, raw

  const std::vector<ReloadUri>& node_uris() const;  // every reload URI that names one node, in the order of the SAN
  std::vector<std::string> node_ids() const;
  bool has_node_id(std::string_view node_id) const;
  // The user name: empty unless there is exactly one rfc822Name.
  const std::string& user_name() const;
  const std::vector<std::string>& user_names() const;
  const std::vector<std::string>& other_names() const;  // all else in the SAN, as "DNS:example.org"

  const std::string& subject() const;  // RFC 4514 text, empty for an empty name
  const std::string& issuer() const;
  const std::string& serial() const;  // hex
  std::int64_t not_before() const;    // seconds since 1970
  std::int64_t not_after() const;
  bool valid_at(std::int64_t now) const { return not_before() <= now && now <= not_after(); }
  bool is_ca() const;               // BasicConstraints says CA
  bool self_issued() const;         // subject and issuer are the same name
  bool self_signed() const;         // and its own key verifies its signature
  bool sha1_signed() const;         // the issuer's signature uses SHA-1
  const std::string& spki() const;  // SubjectPublicKeyInfo, DER
  const PublicKey& public_key() const;

  // Deviations of a node's certificate from section 11.3 (R-ENR-05 to R-ENR-07). Not meant for roots.
  std::vector<CertificateProblem> problems() const;

  Verification verify(SignatureCode code, std::string_view input, std::string_view signature) const {
    return public_key().verify(code, input, signature);
  }

  const Impl& impl() const { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// Parsed certificates by the hash of their DER, the least recently used leave first. Bytes that are no certificate are
// remembered as such.
class CertificateCache {
 public:
  explicit CertificateCache(std::size_t capacity = 1024, std::size_t node_id_length = 0);
  ~CertificateCache();
  CertificateCache(const CertificateCache&) = delete;
  CertificateCache& operator=(const CertificateCache&) = delete;

  // Null when the bytes are not a certificate; `why` gets the reason.
  CertificatePtr get(std::string_view der, std::string* why = nullptr);
  struct Counts {
    std::size_t entries = 0;
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
  };
  Counts counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The signature of whoever `der` is the certificate of.
Verification verify(CertificateCache& cache, SignatureCode code, std::string_view der, std::string_view input,
                    std::string_view signature);

// Certificates out of PEM text, as DER. A failure when there is none or one is damaged; other PEM parts are skipped.
Outcome<std::vector<std::string>> certificates_from_pem(std::string_view pem);
std::string certificate_to_pem(std::string_view der);

// ---- signer identities (section 6.3.4)

inline constexpr std::uint8_t kIdentityCertHash = 1;
inline constexpr std::uint8_t kIdentityCertHashNodeId = 2;
inline constexpr std::uint8_t kIdentityNone = 3;

// Hash of the DER, and of Node-ID || DER. Nothing for hashes that digest() does not know.
std::optional<std::string> cert_hash(std::uint8_t hash, std::string_view der);
std::optional<std::string> cert_hash_node_id(std::uint8_t hash, std::string_view node_id, std::string_view der);

enum class IdentityMatch : std::uint8_t {
  kYes,
  kNo,
  kUnsupportedHash,
  kUnsupportedType,  // "none", or not assigned
};
struct IdentityResult {
  IdentityMatch match = IdentityMatch::kNo;
  // The signer's Node-ID. Empty for a cert_hash of a certificate with several Node-IDs (which R-SEC-04 forbids) or
  // none.
  std::string node_id;
};
// Whether an identity's hash points to this certificate. For cert_hash_node_id every Node-ID is tried, as the wire does
// not say which one is meant.
IdentityResult match_identity(const Certificate& certificate, std::uint8_t identity_type, std::uint8_t hash,
                              std::string_view identity_hash);
// The first certificate that the identity points to; null when there is none. `result` is that certificate's.
CertificatePtr find_signer(std::span<const CertificatePtr> certificates, std::uint8_t identity_type, std::uint8_t hash,
                           std::string_view identity_hash, IdentityResult* result = nullptr);

// ---- self-signed certificates (section 11.3.1)

// `index` 0: the certificate has one Node-ID. Otherwise the index, from 1, goes in front of the key. `hash` is the one
// that self-signed-permitted names (SHA-1 or SHA-256). Nothing when the digest is unknown or too short.
std::optional<std::string> self_signed_node_id(std::uint8_t hash, std::string_view spki, std::size_t node_id_length,
                                               std::uint32_t index = 0);

enum class SelfSignedResult : std::uint8_t {
  kOk,
  kNotSelfSigned,
  kNoNodeId,
  kWrongLength,  // of a Node-ID
  kNodeIdMismatch,
  kUnsupportedDigest,
};
std::string_view to_string(SelfSignedResult result);
// Every Node-ID must be that of its own index; their order in the certificate does not matter.
SelfSignedResult check_self_signed(const Certificate& certificate, std::uint8_t hash, std::size_t node_id_length);

// ---- chains (sections 6.3.4 and 11.3)

enum class ChainResult : std::uint8_t {
  kOk,
  kExpired,
  kNotYetValid,
  kUntrusted,     // no way to a root-cert
  kBadSignature,  // of a certificate on the way
  kNotCa,         // a certificate on the way may not issue others
  kTooLong,
  kOther,
};
std::string_view to_string(ChainResult result);
struct ChainVerdict {
  ChainResult result = ChainResult::kOther;
  std::string detail;  // which certificate and what, for people
  int depth = 0;       // 0 the certificate itself, then its issuer, ...
  bool sha1 = false;   // a certificate below the root is signed with SHA-1
  explicit operator bool() const { return result == ChainResult::kOk; }
};

// The root-cert elements of a configuration. Each is trusted as it is, whether or not it is self-signed.
class TrustAnchors {
 public:
  TrustAnchors() = default;
  explicit TrustAnchors(std::vector<CertificatePtr> roots) : roots_(std::move(roots)) {}
  bool empty() const { return roots_.empty(); }
  const std::vector<CertificatePtr>& roots() const { return roots_; }

 private:
  std::vector<CertificatePtr> roots_;
};

// Signatures, validity at `now` of every certificate, BasicConstraints, key usage; at most 8 certificates between leaf
// and root. Whether a Node-ID is on the bad-node list is the caller's to check (R-SEC-14), as are the contents
// (problems()).
ChainVerdict verify_chain(const Certificate& leaf, std::span<const CertificatePtr> intermediates,
                          const TrustAnchors& anchors, std::int64_t now);

}  // namespace peerscope::reload
