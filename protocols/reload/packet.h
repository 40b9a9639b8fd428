// SPDX-License-Identifier: GPL-2.0-or-later
// Packet: what one frame of an overlay link, one datagram or one exported PDU holds. Its first byte tells: 128 a framed
// message, 129 an acknowledgement, 0xd2 a message without framing (RFC 6940 sections 6.3.2 and 6.6.2).
//
//   [ frame ] | forwarding header | contents | security block
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocols/base/binary_archive.h"
#include "protocols/reload/contents.h"
#include "protocols/reload/forwarding_header.h"
#include "protocols/reload/frame.h"
#include "protocols/reload/security_block.h"

namespace peerscope::reload {

inline constexpr Field kReload{.filter = "relo",
                               .name = "reload",
                               .label = "RELOAD",
                               .type = Type::kGroup,
                               .section = "6.3",
                               .about = "A RELOAD message"};
inline constexpr Field kFragmentBody{.filter = "relo.fragment.body",
                                     .name = "fragment_body",
                                     .label = "Fragment body",
                                     .type = Type::kBytes,
                                     .section = "6.7",
                                     .about = "Part of a message's contents and security block",
                                     .replay = Replay::kSignature};

struct Packet {
  bool framed = false;
  Frame frame;
  ForwardingHeader forwarding;
  Contents contents;
  SecurityBlock security;
  std::string fragment;  // instead of contents and security block, when the header says fragment

  bool is_ack() const { return framed && frame.type == kAckFrame; }
};
template <class A>
void describe_message(A& a, Packet& m) {
  Length length;
  a.group(kForwarding, [&] { length = describe_header(a, m.forwarding); });
  a.sized(length, [&] {
    const bool fragment = m.forwarding.is_fragment();
    a.when(fragment, [&] { a.rest(kFragmentBody, m.fragment); });
    a.when(!fragment, [&] {
      a.structure(kContents, m.contents);
      a.structure(kSecurity, m.security);
    });
  });
}
// The frame around `message`, for everything with `framed` and `frame`.
template <class A, class M, class F>
void describe_framed(A& a, M& m, F&& message) {
  a.peek([&](std::string_view rest) {
    const auto first = static_cast<std::uint8_t>(rest.empty() ? 0 : rest[0]);
    m.framed = first == kDataFrame || first == kAckFrame;
  });
  a.given(kFrame, [&] { m.framed = true; });
  Length length;
  a.when(m.framed, [&] {
    a.group(kFrame, [&] {
      a.given(kAckSequence, [&] { m.frame.type = kAckFrame; });
      a.number(kFrameType, m.frame.type);
      a.when(m.frame.type == kAckFrame, [&] {
        a.number(kAckSequence, m.frame.sequence);
        a.number(kReceived, m.frame.received);
      });
      a.when(m.frame.type != kAckFrame, [&] {
        a.number(kFrameSequence, m.frame.sequence);
        length = a.length(kFrameLength);
      });
    });
  });
  a.when(m.framed && m.frame.type != kAckFrame, [&] { a.sized(length, message); });
  a.when(!m.framed, message);
}
template <class A>
void describe(A& a, Packet& m) {
  describe_framed(a, m, [&] { describe_message(a, m); });
}

}  // namespace peerscope::reload
