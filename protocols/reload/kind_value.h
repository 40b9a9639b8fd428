// SPDX-License-Identifier: GPL-2.0-or-later
// The values of the Kinds that have a structure of their own. Certificates are DER and stay bytes.
#pragma once

#include <cstdint>
#include <variant>

#include "protocols/base/binary_archive.h"
#include "protocols/reload/access_control_list.h"
#include "protocols/reload/coap.h"
#include "protocols/reload/ppsp_peer_status.h"
#include "protocols/reload/ppsp_swarm.h"
#include "protocols/reload/redir.h"
#include "protocols/reload/sip_registration.h"
#include "protocols/reload/turn_server.h"

namespace peerscope::reload {

struct KindValue {
  std::uint32_t kind = 0;
  bool exists = true;
  std::variant<Opaque, SipRegistration, TurnServer, AccessControlListItem, RedirServiceProvider, CoapRegistration,
               CoapCaching, SwarmEntry, PeerStatus>
      value;
};
template <class A>
void describe(A& a, KindValue& m) {
  a.when(m.exists, [&] { a.one_of(m.kind, m.value); });
}

}  // namespace peerscope::reload
