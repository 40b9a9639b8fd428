// SPDX-License-Identifier: GPL-2.0-or-later
// Addresses as messages have them (RFC 6940 section 6.5.1.1) and as transports do.
#pragma once

#include "protocols/reload/ip_address_port.h"
#include "reference-impl/net/http.h"

namespace peerscope::reload {

// Port 0 where the address is none.
net::Endpoint endpoint_of(const IpAddressPort& address);
IpAddressPort address_of(const net::Endpoint& endpoint);

}  // namespace peerscope::reload
