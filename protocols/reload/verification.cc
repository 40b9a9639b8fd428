// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/verification.h"

#include <fmt/format.h>

#include "protocols/reload/messages.h"
#include "protocols/reload/protocol.h"
#include "protocols/reload/signature_input.h"

namespace peerscope::reload {
namespace {

std::string identity_key(std::uint8_t type, std::uint8_t hash_code, std::string_view hash) {
  std::string key;
  key.push_back(static_cast<char>(type));
  key.push_back(static_cast<char>(hash_code));
  return key.append(hash);
}

// Every stored value of a message, in the order of the wire, with its Kind set.
template <class F>
void each_value(const Message& message, F&& look) {
  if (const auto* store = body_of<StoreReq>(message); store != nullptr) {
    for (const StoreKindData& data : store->kind_data) {
      for (const StoredData& value : data.values) look(value, std::string_view(store->resource));
    }
  }
  if (const auto* fetch = body_of<FetchAns>(message); fetch != nullptr) {
    for (const FetchKindResponse& response : fetch->kind_responses) {
      for (const StoredData& value : response.values) look(value, std::string_view());
    }
  }
}

bool is_certificate_kind(std::uint32_t kind) {
  return kind == kCertificateByNodeKind || kind == kCertificateByUserKind;
}

}  // namespace

std::string_view to_string(Verdict::Result result) {
  switch (result) {
    case Verdict::Result::kUnchecked:
      return "not checked";
    case Verdict::Result::kNoCertificate:
      return "certificate not seen";
    case Verdict::Result::kNotSigned:
      return "not signed";
    case Verdict::Result::kUnsupported:
      return "unsupported";
    case Verdict::Result::kBad:
      return "bad";
    case Verdict::Result::kGood:
      return "good";
  }
  return "";
}

std::vector<BrokenRule> broken_rules(const Verdict& verdict) {
  std::vector<BrokenRule> broken;
  if (verdict.result == Verdict::Result::kBad) {
    broken.push_back(
        {verdict.of_value ? "R-STO-29" : "R-SEC-05",
         fmt::format("{} signature: {}", verdict.of_value ? "the value's" : "the message's", verdict.problem)});
  }
  if (verdict.of_value || verdict.node_ids == 0) return broken;
  if (verdict.node_ids == 1 && verdict.identity_type != kCertHash)
    broken.push_back({"R-SEC-03", "the certificate has one Node-ID, and the identity is not cert_hash"});
  if (verdict.node_ids > 1 && verdict.identity_type != kCertHashNodeId) {
    broken.push_back({"R-SEC-04", fmt::format("the certificate has {} Node-IDs, and the identity is not "
                                              "cert_hash_node_id",
                                              verdict.node_ids)});
  }
  return broken;
}

CertificatePtr Verifier::learn(std::string_view der, std::uint64_t frame) {
  if (const KnownCertificate* known = find(der); known != nullptr) return known->certificate;
  if (certificates_.size() >= kMostCertificates || bytes_ + der.size() > kMostCertificateBytes || der.empty())
    return nullptr;
  std::string fingerprint = sha256(der);
  if (refused_.contains(fingerprint)) return nullptr;
  const auto certificate = Certificate::parse(der);
  if (!certificate) {
    if (refused_.size() < kMostRemembered) refused_.insert(std::move(fingerprint));
    return nullptr;
  }
  const KnownCertificate& known =
      certificates_.emplace(std::string(der), KnownCertificate{*certificate, frame}).first->second;
  bytes_ += der.size();
  const std::vector<std::string> node_ids = (*certificate)->node_ids();
  for (const std::uint8_t code :
       {tls_hash::kSha1, tls_hash::kSha224, tls_hash::kSha256, tls_hash::kSha384, tls_hash::kSha512}) {
    if (const auto hash = cert_hash(code, der))
      signers_.try_emplace(identity_key(kCertHash, code, *hash),
                           Signer{&known, node_ids.size() == 1 ? node_ids[0] : ""});
    for (const std::string& node_id : node_ids) {
      if (const auto hash = cert_hash_node_id(code, node_id, der))
        signers_.try_emplace(identity_key(kCertHashNodeId, code, *hash), Signer{&known, node_id});
    }
  }
  return *certificate;
}

const KnownCertificate* Verifier::find(std::string_view der) const {
  const auto at = certificates_.find(der);
  return at == certificates_.end() ? nullptr : &at->second;
}

std::vector<KnownCertificate> Verifier::learn(const Message& message) {
  std::vector<KnownCertificate> fresh;
  const Packet* packet = packet_of(message);
  if (packet == nullptr) return fresh;
  const auto take = [&](std::string_view der) {
    if (find(der) != nullptr) return;
    if (CertificatePtr certificate = learn(der, message.frame))
      fresh.push_back({std::move(certificate), message.frame});
  };
  for (const GenericCertificate& certificate : packet->security.certificates) {
    if (certificate.type == kX509) take(certificate.certificate);
  }
  each_value(message, [&](const StoredData& value, std::string_view) {
    if (is_certificate_kind(value.kind) && value.exists) take(value.value);
  });
  return fresh;
}

const Verifier::Signer* Verifier::signer_of(const SignerIdentity& identity) const {
  const auto at = signers_.find(identity_key(identity.type, identity.hash_alg, identity.hash));
  return at == signers_.end() ? nullptr : &at->second;
}

// All but the signature itself.
Verdict Verifier::judge(const Signature& signature) {
  Verdict verdict;
  verdict.identity_type = signature.identity.type;
  if (signature.identity.type == kNoIdentity) {
    verdict.result = Verdict::Result::kNotSigned;
    return verdict;
  }
  verdict.result = Verdict::Result::kNoCertificate;
  const Signer* signer = signer_of(signature.identity);
  if (signer == nullptr) return verdict;
  const Certificate& certificate = *signer->known->certificate;
  verdict.result = Verdict::Result::kUnchecked;
  verdict.node_id = signer->node_id;
  verdict.user = certificate.user_name();
  verdict.certificate_frame = signer->known->frame;
  verdict.node_ids = certificate.node_uris().size();
  verdict.self_signed = certificate.self_signed();
  return verdict;
}

void Verifier::verify(Verdict& verdict, const Signature& signature, std::string_view input) {
  const Signer* signer = signer_of(signature.identity);
  if (signer == nullptr) return;
  const char algorithm[] = {static_cast<char>(signature.hash), static_cast<char>(signature.signature)};
  // A message is seen on every link that it crosses, and verified once.
  auto key = digest(
      tls_hash::kSha256,
      {signer->known->certificate->fingerprint(), {algorithm, sizeof algorithm}, sha256(input), signature.value});
  Verification found;
  const auto at = key ? remembered_.find(*key) : remembered_.end();
  if (at != remembered_.end()) {
    found = at->second;
  } else {
    found = signer->known->certificate->verify({signature.hash, signature.signature}, input, signature.value);
    if (key && remembered_.size() < kMostRemembered) remembered_.emplace(std::move(*key), found);
  }
  verdict.sha1 = found.sha1;
  verdict.problem = to_string(found.result).data();  // of a literal
  switch (found.result) {
    case VerifyResult::kOk:
      verdict.result = Verdict::Result::kGood;
      verdict.problem = "";
      break;
    case VerifyResult::kBadSignature:
      verdict.result = Verdict::Result::kBad;
      break;
    case VerifyResult::kNotSigned:
      verdict.result = Verdict::Result::kNotSigned;
      break;
    default:
      verdict.result = Verdict::Result::kUnsupported;
  }
}

// Whether the length byte of the resource is signed, the RFC does not say: both forms are tried.
Verdict Verifier::judge_value(const StoredData& value, std::string_view resource) {
  Verdict verdict = judge(value.signature);
  verdict.of_value = true;
  if (verdict.result != Verdict::Result::kUnchecked || resource.empty() || value.model == DataModel::kUnknown)
    return verdict;
  StoredData copy = value;
  verify(verdict, value.signature, value_signature_input(resource, copy, copy.signature.identity));
  if (verdict.result != Verdict::Result::kBad) return verdict;
  Verdict second = verdict;
  const std::string prefixed = std::string(1, static_cast<char>(resource.size())).append(resource);
  verify(second, value.signature, value_signature_input(prefixed, copy, copy.signature.identity));
  if (second.result != Verdict::Result::kGood) return verdict;
  second.with_length = true;
  return second;
}

std::vector<Verdict> Verifier::look(const Message& message, std::string_view resource) {
  std::vector<Verdict> verdicts;
  const Packet* packet = packet_of(message);
  // Of a message that is not all there nothing can be said.
  if (packet == nullptr || packet->is_ack() || packet->forwarding.is_fragment() || !message.whole()) return verdicts;
  Verdict unlooked;
  unlooked.of_value = true;
  each_value(message, [&](const StoredData& value, std::string_view own) {
    // The rest has no verdict but that nobody looked.
    verdicts.push_back(verdicts.size() < kMostSignatures ? judge_value(value, own.empty() ? resource : own) : unlooked);
  });
  std::size_t next = 0;
  for (const Event& event : message.events) {
    const bool of_message = event.field == &kMessageSignature;
    if (event.field == &kValueSignature && next < verdicts.size()) {
      verdicts[next].offset = event.offset;
      verdicts[next++].length = event.length;
    } else if (of_message) {
      const Signature& signature = packet->security.signature;
      Verdict verdict = judge(signature);
      verdict.offset = event.offset;
      verdict.length = event.length;
      const auto input = message_signature_input(message);
      if (verdict.result == Verdict::Result::kUnchecked && input) verify(verdict, signature, *input);
      verdicts.push_back(std::move(verdict));
      break;
    }
  }
  return verdicts;
}

void Verifier::clear() {
  bytes_ = 0;
  signers_.clear();
  certificates_.clear();
  remembered_.clear();
  refused_.clear();
}

}  // namespace peerscope::reload
