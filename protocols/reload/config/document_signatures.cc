// SPDX-License-Identifier: GPL-2.0-or-later
// The signatures of configurations and Kinds (document.h).
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "protocols/reload/config/document.h"
#include "protocols/reload/config/xml.h"
#include "protocols/reload/security/text.h"

namespace peerscope::reload {

Outcome<std::string> sign_blob(std::string_view blob, const ConfigSigner& signer,
                               const IdentityEncoder& encode_identity, const SecurityBlockEncoder& encode) {
  if (!signer.certificate) return Failure("no certificate to sign with");
  const std::string& der = signer.certificate->der();
  const bool several = signer.certificate->node_uris().size() > 1;
  if (several && !signer.certificate->has_node_id(signer.node_id))
    return Failure("the certificate has several Node-IDs and the signing one is not among them");
  SecurityBlockParts parts;
  parts.certificates.push_back(der);
  parts.certificates.insert(parts.certificates.end(), signer.more_certificates.begin(), signer.more_certificates.end());
  parts.code = signer.key.default_code();
  parts.identity_type = several ? kIdentityCertHashNodeId : kIdentityCertHash;
  parts.identity_hash_code = tls_hash::kSha256;
  auto hash = several ? cert_hash_node_id(tls_hash::kSha256, signer.node_id, der) : cert_hash(tls_hash::kSha256, der);
  if (!hash) return Failure("no SHA-256");
  parts.identity_hash = *std::move(hash);
  parts.identity = encode_identity(parts.identity_type, parts.identity_hash_code, parts.identity_hash);
  auto signature = signer.key.sign(parts.code, std::string(blob) + parts.identity);
  if (!signature) return signature.failure();
  parts.signature = *std::move(signature);
  return encode(parts);
}

std::string_view to_string(BlobResult result) {
  switch (result) {
    case BlobResult::kOk:
      return "the signature verifies";
    case BlobResult::kNotSigned:
      return "there is no signature";
    case BlobResult::kUnparsable:
      return "the signature is not a SecurityBlock";
    case BlobResult::kNoCertificate:
      return "no certificate in the SecurityBlock is the one that signed";
    case BlobResult::kSignerNotAllowed:
      return "the signer's Node-ID may not sign this";
    case BlobResult::kBadSignature:
      return "the signature does not verify";
  }
  return {};
}

BlobVerdict verify_blob(std::string_view blob, std::string_view security_block, std::span<const std::string> allowed,
                        const SecurityBlockDecoder& decode, CertificateCache& cache) {
  BlobVerdict verdict;
  auto parts = decode(security_block);
  if (!parts) {
    verdict.result = BlobResult::kUnparsable;
    return verdict;
  }
  verdict.certificates = std::move(parts->certificates);
  std::vector<CertificatePtr> certificates;
  for (const std::string& der : verdict.certificates) certificates.push_back(cache.get(der));
  IdentityResult identity;
  verdict.signer =
      find_signer(certificates, parts->identity_type, parts->identity_hash_code, parts->identity_hash, &identity);
  if (!verdict.signer) {
    verdict.result = BlobResult::kNoCertificate;
    return verdict;
  }
  verdict.node_id = identity.node_id;
  verdict.verification = verdict.signer->verify(parts->code, std::string(blob) + parts->identity, parts->signature);
  verdict.form = BlobForm::kWithIdentity;
  if (verdict.verification.result == VerifyResult::kBadSignature) {
    verdict.verification = verdict.signer->verify(parts->code, blob, parts->signature);
    verdict.form = BlobForm::kBlobAlone;
  }
  if (!verdict.verification) {
    verdict.form = BlobForm::kNone;
    verdict.result = BlobResult::kBadSignature;
  } else if (verdict.node_id.empty() || std::find(allowed.begin(), allowed.end(), verdict.node_id) == allowed.end()) {
    verdict.result = BlobResult::kSignerNotAllowed;
  } else {
    verdict.result = BlobResult::kOk;
  }
  return verdict;
}

BlobVerdict verify_signatures(std::string_view blob, std::span<const ConfigSignature> signatures,
                              std::span<const std::string> allowed, const SecurityBlockDecoder& decode,
                              CertificateCache& cache) {
  std::optional<BlobVerdict> first;
  for (const ConfigSignature& signature : signatures) {
    BlobVerdict verdict = verify_blob(blob, signature.security_block, allowed, decode, cache);
    if (verdict) return verdict;
    if (!first) first = std::move(verdict);
  }
  return first ? *std::move(first) : BlobVerdict{};
}

}  // namespace peerscope::reload
