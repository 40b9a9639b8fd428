// SPDX-License-Identifier: GPL-2.0-or-later
// Service mode on sockets: HTTP over TLS between trackers. Both sides show their certificates of the overlay: the desk
// believes the overlay's authority, the client only the very certificate that signed the AppAttachAns.
//
// Ownership: the executor must outlive what is made here. Failure: in the answers; TLS settings that do not fit show
// there too. Threading: one thread.
#pragma once

#include "reference-impl/net/http_client.h"
#include "reference-impl/net/tls.h"
#include "reference-impl/reload/signing.h"
#include "reference-impl/systems/distributed_tracker/service_client.h"

namespace peerscope::distributed_tracker {

// Fails for overlays without authority: strangers could register peers there.
net::Result<net::TlsServerOptions> desk_tls(const reload::Overlay& overlay, const reload::Identity& identity);

ServiceDial dial_desks(net::asio::any_io_executor executor, const reload::Identity& identity, net::KeyLogSink key_log);

}  // namespace peerscope::distributed_tracker
