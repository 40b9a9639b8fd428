// SPDX-License-Identifier: GPL-2.0-or-later
// Overlay link types: RFC 6940 sections 6.5.1.1 and 14.10.
#pragma once

#include <cstdint>

#include "protocols/base/field.h"

namespace peerscope::reload {

inline constexpr std::uint8_t kDtlsUdpSr = 1;
inline constexpr std::uint8_t kDtlsUdpSrNoIce = 3;
inline constexpr std::uint8_t kTlsTcpFhNoIce = 4;
inline constexpr std::uint8_t kExpLink = 5;
inline constexpr ValueName kOverlayLinkNames[] = {{kDtlsUdpSr, "DTLS-UDP-SR"},
                                                  {kDtlsUdpSrNoIce, "DTLS-UDP-SR-NO-ICE"},
                                                  {kTlsTcpFhNoIce, "TLS-TCP-FH-NO-ICE"},
                                                  {kExpLink, "EXP-LINK"}};

}  // namespace peerscope::reload
