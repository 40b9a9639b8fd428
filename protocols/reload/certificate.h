// SPDX-License-Identifier: GPL-2.0-or-later
// GenericCertificate: RFC 6940 section 6.3.4, an entry of the certificate bucket.
//
//   type (1) | length (2) | certificate
#pragma once

#include <cstdint>
#include <string>

#include "protocols/base/field.h"

namespace peerscope::reload {

inline constexpr std::uint8_t kX509 = 0;
inline constexpr ValueName kCertificateTypeNames[] = {{kX509, "X.509"}, {1, "OpenPGP"}};
inline constexpr Field kCertificateType{.filter = "relo.certificate.type",
                                        .name = "type",
                                        .label = "Certificate type",
                                        .type = Type::kUint8,
                                        .section = "6.3.4",
                                        .about = "As in RFC 6091",
                                        .names = kCertificateTypeNames};
inline constexpr Field kCertificateLength{.filter = "relo.certificate.length",
                                          .name = "certificate_length",
                                          .label = "Certificate length",
                                          .type = Type::kUint16,
                                          .section = "6.3.4",
                                          .about = "Bytes of the certificate",
                                          .replay = Replay::kDerived};
inline constexpr Field kCertificateData{.filter = "relo.certificate.data",
                                        .name = "certificate",
                                        .label = "Certificate",
                                        .type = Type::kBytes,
                                        .section = "6.3.4",
                                        .about = "The certificate in DER",
                                        .replay = Replay::kSignature};

struct GenericCertificate {
  std::uint8_t type = kX509;
  std::string certificate;
};
template <class A>
void describe(A& a, GenericCertificate& m) {
  a.number(kCertificateType, m.type);
  a.prefixed(kCertificateLength, [&] { a.rest(kCertificateData, m.certificate); });
}

}  // namespace peerscope::reload
