// SPDX-License-Identifier: GPL-2.0-or-later
// Verification as an observer can do it: certificates are learnt from the messages seen, and the signatures of messages
// and stored values are checked with them (RFC 6940 sections 6.3.4 and 7.1). What an observer does not have, the root
// certificates and the clock of the overlay, is not asked for: a good signature says who signed, not who may.
//
// Memory is bounded. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "protocols/base/message.h"
#include "protocols/reload/security/certificate.h"
#include "protocols/reload/stored_data.h"

namespace peerscope::reload {

// A certificate that was seen.
struct KnownCertificate {
  CertificatePtr certificate;
  std::uint64_t frame = 0;  // where it was seen first; 0: not in a message
};

struct Verdict {
  enum class Result : std::uint8_t {
    kUnchecked,      // nobody asked, or the bytes that are signed are not all there
    kNoCertificate,  // none was seen so far that the identity points to
    kNotSigned,      // says so itself: no algorithm and no identity
    kUnsupported,    // the algorithm or the key
    kBad,
    kGood,
  };
  Result result = Result::kUnchecked;
  std::uint32_t offset = 0;  // of the signature in the message
  std::uint32_t length = 0;
  bool of_value = false;  // of a stored value, not of the message
  bool sha1 = false;
  bool with_length = false;  // of a value: good only when the resource's length byte is signed too
  bool self_signed = false;
  std::string node_id;  // the signer's, raw; empty when not known
  std::string user;
  std::uint64_t certificate_frame = 0;
  std::size_t node_ids = 0;  // that the certificate names
  std::uint8_t identity_type = 0;
  const char* problem = "";  // why it is unsupported or bad
};
std::string_view to_string(Verdict::Result result);

// What a verdict says against its signer: the rows that need the certificate (R-SEC-03, R-SEC-04, R-SEC-05, R-STO-29).
struct BrokenRule {
  const char* requirement;
  std::string detail;
};
std::vector<BrokenRule> broken_rules(const Verdict& verdict);

class Verifier {
 public:
  static constexpr std::size_t kMostCertificates = 10'000;
  static constexpr std::size_t kMostCertificateBytes = 64'000'000;
  static constexpr std::size_t kMostRemembered = 100'000;
  // Of one message: a hostile one holds as many as its bytes have room for.
  static constexpr std::size_t kMostSignatures = 1'000;

  // Takes the certificates of the message's bucket, and stored ones. Those that were not known yet are returned.
  std::vector<KnownCertificate> learn(const Message& message);
  // Null when it is no certificate or there is no room.
  CertificatePtr learn(std::string_view der, std::uint64_t frame);
  const KnownCertificate* find(std::string_view der) const;
  struct Signer {
    const KnownCertificate* known;
    std::string node_id;  // empty: the certificate has several, and the identity does not say which
  };
  // Whom an identity points to; null when no such certificate was seen.
  const Signer* signer_of(const SignerIdentity& identity) const;
  std::size_t size() const { return certificates_.size(); }

  // A verdict on each signature of the message, in its order. `resource`: of the values in an answer, which the answer
  // does not repeat.
  std::vector<Verdict> look(const Message& message, std::string_view resource);
  void clear();

 private:
  Verdict judge(const Signature& signature);
  void verify(Verdict& verdict, const Signature& signature, std::string_view input);
  Verdict judge_value(const StoredData& value, std::string_view resource);

  std::size_t bytes_ = 0;                                              // of the certificates
  std::map<std::string, KnownCertificate, std::less<>> certificates_;  // by DER; its elements keep their addresses
  std::unordered_map<std::string, Signer> signers_;                    // by identity type, hash code and hash
  std::unordered_map<std::string, Verification> remembered_;           // by SHA-256 of what was verified
  std::unordered_set<std::string> refused_;                            // SHA-256 of what is no certificate
};

}  // namespace peerscope::reload
