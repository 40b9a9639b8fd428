// SPDX-License-Identifier: GPL-2.0-or-later
// Signature and SignerIdentity: RFC 6940 section 6.3.4, of messages and of stored values.
//
//   hash (1) | signature (1) | identity_type (1) | length (2) | identity | length (2) | signature_value
#pragma once

#include <cstdint>
#include <string>

#include "protocols/base/field.h"

namespace peerscope::reload {

inline constexpr std::uint8_t kCertHash = 1;
inline constexpr std::uint8_t kCertHashNodeId = 2;
inline constexpr std::uint8_t kNoIdentity = 3;
inline constexpr std::uint8_t kSha256 = 4;
inline constexpr std::uint8_t kRsaSignature = 1;
inline constexpr ValueName kIdentityTypeNames[] = {
    {kCertHash, "cert_hash"}, {kCertHashNodeId, "cert_hash_node_id"}, {kNoIdentity, "none"}};
inline constexpr ValueName kHashNames[] = {{0, "none"},         {1, "md5"},    {2, "sha1"},  {3, "sha224"},
                                           {kSha256, "sha256"}, {5, "sha384"}, {6, "sha512"}};
inline constexpr ValueName kSignatureNames[] = {{0, "anonymous"}, {kRsaSignature, "rsa"}, {2, "dsa"}, {3, "ecdsa"}};
inline constexpr Field kSignatureHash{.filter = "relo.signature.hash",
                                      .name = "hash",
                                      .label = "Hash algorithm",
                                      .type = Type::kUint8,
                                      .section = "6.3.4",
                                      .about = "As in TLS 1.2",
                                      .replay = Replay::kSignature,
                                      .names = kHashNames};
inline constexpr Field kSignatureAlgorithm{.filter = "relo.signature.algorithm",
                                           .name = "signature",
                                           .label = "Signature algorithm",
                                           .type = Type::kUint8,
                                           .section = "6.3.4",
                                           .about = "As in TLS 1.2",
                                           .replay = Replay::kSignature,
                                           .names = kSignatureNames};
inline constexpr Field kIdentity{.filter = "relo.signature.identity",
                                 .name = "identity",
                                 .label = "Signer identity",
                                 .type = Type::kGroup,
                                 .section = "6.3.4",
                                 .about = "Which certificate the signature is checked with"};
inline constexpr Field kIdentityType{.filter = "relo.signature.identity_type",
                                     .name = "identity_type",
                                     .label = "Identity type",
                                     .type = Type::kUint8,
                                     .section = "6.3.4",
                                     .about = "How the signer is named",
                                     .replay = Replay::kSignature,
                                     .names = kIdentityTypeNames};
inline constexpr Field kIdentityLength{.filter = "relo.signature.identity_length",
                                       .name = "length",
                                       .label = "Identity length",
                                       .type = Type::kUint16,
                                       .section = "6.3.4",
                                       .about = "Bytes of the identity",
                                       .replay = Replay::kDerived};
inline constexpr Field kIdentityHash{.filter = "relo.signature.identity_hash",
                                     .name = "hash_alg",
                                     .label = "Identity hash algorithm",
                                     .type = Type::kUint8,
                                     .section = "6.3.4",
                                     .about = "As in TLS 1.2",
                                     .replay = Replay::kSignature,
                                     .names = kHashNames};
inline constexpr Field kCertificateHashLength{.filter = "relo.signature.certificate_hash_length",
                                              .name = "certificate_hash_length",
                                              .label = "Certificate hash length",
                                              .type = Type::kUint8,
                                              .section = "6.3.4",
                                              .about = "Bytes of the hash",
                                              .replay = Replay::kDerived};
inline constexpr Field kCertificateHash{.filter = "relo.signature.certificate_hash",
                                        .name = "certificate_hash",
                                        .label = "Certificate hash",
                                        .type = Type::kBytes,
                                        .section = "6.3.4",
                                        .about = "Hash over the signer's certificate",
                                        .replay = Replay::kSignature};
inline constexpr Field kCertificateNodeIdHash{.filter = "relo.signature.certificate_node_id_hash",
                                              .name = "certificate_node_id_hash",
                                              .label = "Certificate and Node-ID hash",
                                              .type = Type::kBytes,
                                              .section = "6.3.4",
                                              .about = "Hash over Node-ID and certificate",
                                              .replay = Replay::kSignature};
inline constexpr Field kIdentityData{.filter = "relo.signature.identity_data",
                                     .name = "data",
                                     .label = "Identity data",
                                     .type = Type::kBytes,
                                     .section = "6.3.4",
                                     .about = "An identity of a type that is not known",
                                     .replay = Replay::kSignature};
inline constexpr Field kSignatureLength{.filter = "relo.signature.length",
                                        .name = "signature_value_length",
                                        .label = "Signature length",
                                        .type = Type::kUint16,
                                        .section = "6.3.4",
                                        .about = "Bytes of the signature",
                                        .replay = Replay::kDerived};
inline constexpr Field kSignatureValue{.filter = "relo.signature.value",
                                       .name = "signature_value",
                                       .label = "Signature value",
                                       .type = Type::kBytes,
                                       .section = "6.3.4",
                                       .about = "The signature",
                                       .replay = Replay::kSignature};

struct SignerIdentity {
  std::uint8_t type = kNoIdentity;
  std::uint8_t hash_alg = kSha256;
  std::string hash;  // of the certificate, or of Node-ID and certificate; data of other types
};
template <class A>
void describe(A& a, SignerIdentity& m) {
  a.given(kCertificateHash, [&] { m.type = kCertHash; });
  a.given(kCertificateNodeIdHash, [&] { m.type = kCertHashNodeId; });
  a.number(kIdentityType, m.type);
  a.prefixed(kIdentityLength, [&] {
    a.when(m.type == kCertHash || m.type == kCertHashNodeId, [&] {
      a.number(kIdentityHash, m.hash_alg);
      a.prefixed(kCertificateHashLength, [&] {
        a.when(m.type == kCertHash, [&] { a.rest(kCertificateHash, m.hash); });
        a.when(m.type == kCertHashNodeId, [&] { a.rest(kCertificateNodeIdHash, m.hash); });
      });
    });
    a.when(m.type == 0 || m.type > kNoIdentity, [&] { a.rest(kIdentityData, m.hash); });
  });
}

struct Signature {
  std::uint8_t hash = 0;
  std::uint8_t signature = 0;
  SignerIdentity identity;
  std::string value;
};
template <class A>
void describe(A& a, Signature& m) {
  a.number(kSignatureHash, m.hash);
  a.number(kSignatureAlgorithm, m.signature);
  a.structure(kIdentity, m.identity);
  a.prefixed(kSignatureLength, [&] { a.rest(kSignatureValue, m.value); });
}

}  // namespace peerscope::reload
