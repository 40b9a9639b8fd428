// SPDX-License-Identifier: GPL-2.0-or-later
// From what a scenario says to the bytes of one RELOAD message: identifiers filled in, values and message signed, all
// of that wrong where the scenario wants it wrong.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "harness/overlay/identity.h"
#include "protocols/base/protocol.h"
#include "protocols/reload/packet.h"

namespace peerscope::harness {

struct MessageOrder {
  const OverlayView* overlay = nullptr;
  std::string_view msg;
  const Tree* with = nullptr;
  const Tree* link = nullptr;
  const Overrides* overrides = nullptr;
  const NodeIdentity* self = nullptr;
  std::uint64_t now_ms = 0;
  std::uint64_t transaction_id = 0;
  std::uint16_t own_port = 0;        // where the party takes links
  std::string_view destination;      // Node-ID of a request that names none
  const Message* answers = nullptr;  // the request, for answers
  std::function<const NodeIdentity*(const std::string&)> identity_of;
};

// Without frame. `why` is not empty when the order makes no sense.
std::string build_message(const MessageOrder& order, std::string& why);

// A message as it is, signed anew, with its values: by `self`, for this overlay and now.
std::string sign_anew(reload::Packet packet, const OverlayView& overlay, const NodeIdentity& self,
                      std::uint64_t now_ms);

}  // namespace peerscope::harness
