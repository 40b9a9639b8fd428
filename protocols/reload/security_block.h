// SPDX-License-Identifier: GPL-2.0-or-later
// SecurityBlock: RFC 6940 section 6.3.4, the end of every message.
//
//   length (2) | certificates | signature
#pragma once

#include <vector>

#include "protocols/base/field.h"
#include "protocols/reload/certificate.h"
#include "protocols/reload/signature.h"

namespace peerscope::reload {

inline constexpr Field kSecurity{.filter = "relo.security",
                                 .name = "security",
                                 .label = "Security block",
                                 .type = Type::kGroup,
                                 .section = "6.3.4",
                                 .about = "Certificates and the originator's signature"};
inline constexpr Field kCertificatesLength{.filter = "relo.security.certificates_length",
                                           .name = "certificates_length",
                                           .label = "Certificates length",
                                           .type = Type::kUint16,
                                           .section = "6.3.4",
                                           .about = "Bytes of the certificate bucket",
                                           .replay = Replay::kDerived};
inline constexpr Field kCertificate{.filter = "relo.security.certificate",
                                    .name = "certificates",
                                    .label = "Certificate",
                                    .type = Type::kGroup,
                                    .section = "6.3.4",
                                    .about = "A certificate of the bucket"};
inline constexpr Field kMessageSignature{.filter = "relo.security.signature",
                                         .name = "signature",
                                         .label = "Message signature",
                                         .type = Type::kGroup,
                                         .section = "6.3.4",
                                         .about = "The originator's signature over the contents"};

struct SecurityBlock {
  std::vector<GenericCertificate> certificates;
  Signature signature;
};
template <class A>
void describe(A& a, SecurityBlock& m) {
  a.prefixed(kCertificatesLength, [&] { a.sequence(kCertificate, m.certificates); });
  a.structure(kMessageSignature, m.signature);
}

}  // namespace peerscope::reload
