// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/reload_signer.h"

#include <stdexcept>

#include "protocols/reload/signature_input.h"

namespace peerscope::test {
namespace {

using namespace reload;

constexpr Validity kValidity{1'600'000'000, 2'500'000'000};

template <class T>
T sure(Outcome<T> outcome) {
  if (!outcome) throw std::runtime_error(outcome.message());
  return *std::move(outcome);
}

std::string certificate_for(const PrivateKey& key, const ReloadSigner::Options& options) {
  SystemRandom random;
  const Authority authority = sure(Authority::create(sure(generate_key(KeyType::kP256)), "Root", kValidity, random));
  IssueOptions issue;
  issue.validity = kValidity;
  issue.names.overlay = kOverlayName;
  issue.names.node_ids = options.node_ids;
  issue.names.user_name = options.user;
  return sure(authority.issue_for_key(key.spki(), issue, random));
}

}  // namespace

ReloadSigner::ReloadSigner(const Options& options)
    : node_ids_(options.node_ids),
      hash_(options.hash),
      key_(sure(generate_key(options.key))),
      der_(certificate_for(key_, options)) {}

SignerIdentity ReloadSigner::identity() const {
  SignerIdentity identity;
  identity.hash_alg = hash_;
  identity.type = node_ids_.size() == 1 ? kCertHash : kCertHashNodeId;
  identity.hash =
      node_ids_.size() == 1 ? cert_hash(hash_, der_).value() : cert_hash_node_id(hash_, node_id(), der_).value();
  return identity;
}

Signature ReloadSigner::signature_over(std::string_view input) const {
  const SignatureCode code{hash_, key_.default_code().signature};
  Signature signature;
  signature.hash = code.hash;
  signature.signature = code.signature;
  signature.identity = identity();
  signature.value = sure(key_.sign(code, input));
  return signature;
}

void ReloadSigner::sign(Packet& packet, bool carry) const {
  if (carry) packet.security.certificates.push_back({kX509, der_});
  SignerIdentity identity_copy = identity();
  packet.security.signature = signature_over(message_signature_input(
      packet.forwarding.overlay, packet.forwarding.transaction_id, encode(packet.contents), encode(identity_copy)));
}

void ReloadSigner::sign_value(std::string_view resource, StoredData& value) const {
  SignerIdentity identity_copy = identity();
  value.signature = signature_over(value_signature_input(resource, value, identity_copy));
}

Packet packet_with(Contents contents, Destination destination, std::uint64_t transaction_id) {
  Packet packet;
  packet.forwarding.overlay = overlay_hash(kOverlayName);
  packet.forwarding.configuration_sequence = 22;
  packet.forwarding.transaction_id = transaction_id;
  packet.forwarding.destination_list.push_back(std::move(destination));
  packet.contents = std::move(contents);
  return packet;
}

}  // namespace peerscope::test
