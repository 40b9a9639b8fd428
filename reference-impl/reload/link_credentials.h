// SPDX-License-Identifier: GPL-2.0-or-later
// What links over TLS and over DTLS have in common: each side shows its certificate, and the overlay decides who is
// believed, not OpenSSL's trust store (RFC 6940 section 6.5.1.13).
//
// Ownership: the key log sink must outlive the context. Threading: plain functions.
#pragma once

#include <openssl/ssl.h>

#include <functional>
#include <span>
#include <vector>

#include "reference-impl/net/result.h"
#include "reference-impl/net/tls.h"
#include "reference-impl/reload/signing.h"

namespace peerscope::reload {

// Whose certificate this is, if the overlay trusts it. `others` came along with it.
using PeerCheck = std::function<net::Result<std::vector<NodeId>>(const CertificatePtr& certificate,
                                                                 std::span<const CertificatePtr> others)>;

net::Result<void> configure_links(SSL_CTX* context, const Identity& identity, const net::KeyLogSink* key_log);

// The nodes at the other end of a finished handshake.
net::Result<std::vector<NodeId>> linked_peers(SSL* connection, const PeerCheck& check);

}  // namespace peerscope::reload
