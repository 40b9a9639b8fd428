// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/signing.h"

#include <algorithm>

#include "protocols/reload/protocol.h"
#include "protocols/reload/signature_input.h"

namespace peerscope::reload {
namespace {

constexpr std::size_t kMostTrusted = 4096;     // remembered verdicts
constexpr std::int64_t kTrustSeconds = 300;    // until a chain is looked at again
constexpr std::size_t kMostCertificates = 64;  // of one message
constexpr std::size_t kMostVerifiedValues = 16'384;
constexpr std::size_t kMostOwnMessages = 1024;  // between being signed and being delivered

SignerIdentity identity_of(const Identity& identity) {
  SignerIdentity signer;
  signer.hash_alg = tls_hash::kSha256;
  const Certificate& certificate = *identity.certificate;
  // R-SEC-03, R-SEC-04
  if (certificate.node_ids().size() == 1) {
    signer.type = kCertHash;
    signer.hash = cert_hash(signer.hash_alg, certificate.der()).value_or("");
  } else {
    signer.type = kCertHashNodeId;
    signer.hash = cert_hash_node_id(signer.hash_alg, identity.node_id.view(), certificate.der()).value_or("");
  }
  return signer;
}

}  // namespace

Outcome<NodeId> only_node_id(const Certificate& certificate) {
  const std::vector<std::string> ids = certificate.node_ids();
  if (ids.size() == 1) return NodeId(ids.front());
  return Failure(ids.empty() ? "the certificate names no node" : "the certificate names several nodes");
}

CertificateSecurity::CertificateSecurity(Identity identity, const NodeDefects& defects)
    : identity_(std::move(identity)),
      defects_(defects),
      certificate_(std::make_shared<const std::string>(identity_.certificate->der())),
      signer_(identity_of(identity_)),
      encoded_signer_(encode(signer_)),
      values_(kMostVerifiedValues),
      own_messages_(kMostOwnMessages) {}

void CertificateSecurity::sign_message(std::uint32_t overlay, std::uint64_t transaction_id, std::string_view contents,
                                       SecurityBlock& security) {
  const SignatureCode code = identity_.key.default_code();
  security.certificates.insert(security.certificates.begin(), GenericCertificate{kX509, *certificate_});
  for (const std::string& der : identity_.intermediates) security.certificates.push_back({kX509, der});
  const std::string input = message_signature_input(overlay, transaction_id, contents, encoded_signer_);
  const auto value = identity_.key.sign(code, input);
  security.signature = {code.hash, code.signature, signer_, value.ok() ? *value : std::string()};
  if (value.ok()) own_messages_.add(Verified::name(code, identity_.certificate->fingerprint(), input, *value));
}

void CertificateSecurity::sign_value(std::string_view resource, StoredData& value) {
  const SignatureCode code = identity_.key.default_code();
  const std::string input = value_signature_input(resource, value, signer_);
  const auto signature = identity_.key.sign(code, input);
  value.signature = {code.hash, code.signature, signer_, signature.ok() ? *signature : std::string()};
  if (signature.ok()) values_.add(Verified::name(code, identity_.certificate->fingerprint(), input, *signature));
}

bool CertificateSecurity::trusts(const Overlay& overlay, const CertificatePtr& certificate,
                                 std::span<const CertificatePtr> others, std::int64_t now, std::string& why) {
  const auto known = trusted_.find(certificate->fingerprint());
  if (known != trusted_.end() && known->second.overlay == &overlay && now < known->second.until) return true;
  for (const ReloadUri& uri : certificate->node_uris()) {
    if (overlay.configuration.is_bad_node(uri.node_id) && !defects_.has(NodeDefect::kBadNodeServed))
      return why = "its node is a bad-node", false;
    if (uri.overlay != overlay.name()) return why = "its certificate is for overlay " + uri.overlay, false;
    if (uri.node_id.size() != overlay.node_id_length()) return why = "its Node-ID has another length", false;
  }
  if (!certificate->valid_at(now) && !defects_.has(NodeDefect::kExpiredAccepted))
    return why = "its certificate is not valid now", false;
  const auto& permitted = overlay.configuration.self_signed_permitted;
  if (certificate->self_signed() && !certificate->is_ca()) {
    if (!permitted || ((!permitted->permitted || !permitted->hash()) && !defects_.has(NodeDefect::kSelfSignedAnyway)))
      return why = "its certificate is self-signed, which the overlay does not permit", false;
    const SelfSignedResult result =
        check_self_signed(*certificate, permitted->hash().value_or(tls_hash::kSha256), overlay.node_id_length());
    if (result != SelfSignedResult::kOk && !defects_.has(NodeDefect::kForgedNodeIdAccepted))
      return why = std::string(to_string(result)), false;
  } else {
    const ChainVerdict verdict = verify_chain(*certificate, others, overlay.anchors, now);
    if (!verdict) return why = std::string(to_string(verdict.result)) + ": " + verdict.detail, false;
  }
  if (trusted_.size() >= kMostTrusted) trusted_.clear();
  trusted_[certificate->fingerprint()] = {&overlay, std::min(now + kTrustSeconds, certificate->not_after() + 1)};
  return true;
}

std::optional<CertificateSecurity::Found> CertificateSecurity::check(const Overlay& overlay, const Signature& signature,
                                                                     std::string_view input,
                                                                     const std::vector<GenericCertificate>& bucket,
                                                                     std::int64_t now, std::string& why) {
  std::vector<CertificatePtr> certificates;
  for (const GenericCertificate& one : bucket) {
    if (one.type != kX509 || certificates.size() >= kMostCertificates) continue;
    if (CertificatePtr parsed = cache_.get(one.certificate)) certificates.push_back(std::move(parsed));
  }
  IdentityResult match;
  const SignerIdentity& identity = signature.identity;
  const CertificatePtr signer = find_signer(certificates, identity.type, identity.hash_alg, identity.hash, &match);
  if (signer == nullptr) return why = "no certificate for the signer's identity", std::nullopt;
  if (match.node_id.empty()) return why = "the identity does not tell which node signs", std::nullopt;
  if (!trusts(overlay, signer, certificates, now, why)) return std::nullopt;
  const SignatureCode code{signature.hash, signature.signature};
  Found found{{NodeId(match.node_id), signer->user_name(), std::make_shared<const std::string>(signer->der())},
              Verified::name(code, signer->fingerprint(), input, signature.value)};
  // Whether the signer is trusted may have changed, whether he signed this has not.
  if (values_.contains(found.name) || own_messages_.contains(found.name)) return found;
  const Verification verified = signer->verify(code, input, signature.value);
  if (!verified) return why = std::string(to_string(verified.result)), std::nullopt;
  return found;
}

std::optional<SignedBy> CertificateSecurity::check_message(const Overlay& overlay, const Message& message,
                                                           std::int64_t now, std::string& why) {
  const Packet* packet = packet_of(message);
  const auto input = message_signature_input(message);
  if (packet == nullptr || !input) return why = "not readable to its end", std::nullopt;
  auto found = check(overlay, packet->security.signature, *input, packet->security.certificates, now, why);
  if (!found) return std::nullopt;
  return std::move(found->by);
}

std::optional<SignedBy> CertificateSecurity::check_value(const Overlay& overlay, std::string_view resource,
                                                         StoredData& value,
                                                         const std::vector<GenericCertificate>& bucket,
                                                         std::int64_t now, std::string& why) {
  const std::string input = value_signature_input(resource, value, value.signature.identity);
  auto found = check(overlay, value.signature, input, bucket, now, why);
  if (!found) return std::nullopt;
  values_.add(std::move(found->name));
  return std::move(found->by);
}

// ---- NamedSecurity: the identity's hash is "<Node-ID><user name>".

Signature NamedSecurity::name() const {
  return {tls_hash::kNone, tls_signature::kAnonymous, {kCertHash, tls_hash::kNone, node_id_.str() + user_name_}, {}};
}

void NamedSecurity::sign_message(std::uint32_t, std::uint64_t, std::string_view, SecurityBlock& security) {
  security.signature = name();
}

void NamedSecurity::sign_value(std::string_view, StoredData& value) {
  value.signature = name();
}

std::optional<SignedBy> NamedSecurity::read(const Signature& signature, std::string& why) const {
  const std::string& hash = signature.identity.hash;
  if (signature.identity.type != kCertHash || hash.size() < node_id_.size())
    return why = "no signer's name", std::nullopt;
  return SignedBy{NodeId(std::string_view(hash).substr(0, node_id_.size())), hash.substr(node_id_.size()), nullptr};
}

std::optional<SignedBy> NamedSecurity::check_message(const Overlay&, const Message& message, std::int64_t,
                                                     std::string& why) {
  const Packet* packet = packet_of(message);
  if (packet == nullptr || !message.whole()) return why = "not readable to its end", std::nullopt;
  return read(packet->security.signature, why);
}

std::optional<SignedBy> NamedSecurity::check_value(const Overlay&, std::string_view, StoredData& value,
                                                   const std::vector<GenericCertificate>&, std::int64_t,
                                                   std::string& why) {
  return read(value.signature, why);
}

}  // namespace peerscope::reload
