// SPDX-License-Identifier: GPL-2.0-or-later
// ALTO (RFC 7285 and its extensions) as the generic readers see it, and the codec for roles that want structs.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "protocols/alto/messages.h"
#include "protocols/base/json_archive.h"
#include "protocols/base/protocol.h"

namespace peerscope::alto {

const Protocol& protocol();

// Fills `message` from JSON bytes; see Protocol::decode. The media type decides what they are.
void decode(std::string_view bytes, Message& message);

// Most messages are an object with members; patches walk their root themselves (patch.h).
template <class A, class T>
void describe_root(A& a, T& m) {
  a.object_root(kRoot, m);
}
template <class T>
std::string encode(T body) {
  std::string out;
  JsonWriter writer(out);
  describe_root(writer, body);
  return out;
}

// The table of requirements (requirements.cc), and the state that its session checks read.
std::span<const Requirement> requirements();
std::unique_ptr<Session> make_session();
void track(Session& session, const Message& message, const Message* request);

}  // namespace peerscope::alto
