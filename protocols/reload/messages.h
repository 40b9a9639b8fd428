// SPDX-License-Identifier: GPL-2.0-or-later
// RELOAD's message table: one row a method, and what is no whole message. Dispatch, value strings and completeness
// tests come from the methods (method.h).
#pragma once

#include <array>

#include "protocols/base/message.h"
#include "protocols/reload/method.h"
#include "protocols/reload/packet.h"

namespace peerscope::reload {

inline constexpr const char* kAckName = "frame ack";
inline constexpr const char* kFragmentName = "fragment";

inline constexpr auto kMessages = [] {
  std::array<MessageType, kMethods.size() + 2> rows{};
  for (std::size_t i = 0; i < kMethods.size(); ++i)
    rows[i] = {kMethods[i].name, "", kMethods[i].section, kMethods[i].direction};
  rows[kMethods.size()] = {kAckName, "", "6.6.2", Direction::kUnknown};
  rows[kMethods.size() + 1] = {kFragmentName, "", "6.7", Direction::kUnknown};
  return rows;
}();

// The decoded struct, or null.
inline const Packet* packet_of(const Message& message) {
  return message.body ? &message.as<Packet>() : nullptr;
}
// Its body when that is a T.
template <class T>
const T* body_of(const Message& message) {
  const Packet* packet = packet_of(message);
  return packet != nullptr ? std::get_if<T>(&packet->contents.body) : nullptr;
}

}  // namespace peerscope::reload
