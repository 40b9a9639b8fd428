// SPDX-License-Identifier: GPL-2.0-or-later
// Envelope: a message as a node that only passes it on sees it: frame and forwarding header are read, the contents and
// the security block stay bytes. Links need even less: the frame (FramedBytes).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocols/reload/packet.h"

namespace peerscope::reload {

struct Envelope {
  ForwardingHeader forwarding;
  std::uint16_t code = 0;  // of the contents; 0 in a fragment that does not begin them
  std::string payload;     // contents and security block, or a fragment's body
};
template <class A>
void describe(A& a, Envelope& m) {
  Length length;
  a.group(kForwarding, [&] { length = describe_header(a, m.forwarding); });
  a.sized(length, [&] {
    a.peek([&](std::string_view rest) {
      const bool begins = !m.forwarding.is_fragment() || m.forwarding.fragment_offset() == 0;
      if (begins && rest.size() >= 2)
        m.code =
            static_cast<std::uint16_t>(static_cast<unsigned char>(rest[0]) << 8 | static_cast<unsigned char>(rest[1]));
    });
    a.rest(kFragmentBody, m.payload);
  });
}

// A frame with whatever it carries.
struct FramedBytes {
  bool framed = true;
  Frame frame;
  std::string message;

  bool is_ack() const { return frame.type == kAckFrame; }
};
template <class A>
void describe(A& a, FramedBytes& m) {
  describe_framed(a, m, [&] { a.rest(kFragmentBody, m.message); });
}

// Bytes of the frame that `start` begins; 0 when more are needed to tell, nothing when it is no frame.
std::optional<std::size_t> frame_size(std::string_view start);

}  // namespace peerscope::reload
