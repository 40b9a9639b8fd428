// SPDX-License-Identifier: GPL-2.0-or-later
// RELOAD bytes through epan, the plugin and the field tree. The first input byte chooses how they travel: a datagram, a
// framed datagram, segments of a stream, fragments. Run with -detect_leaks=0: epan's allocations are not paired input
// by input, and each suspicion costs a full leak check.
#include <cstdint>
#include <cstdlib>

#include "protocols/reload/fragments.h"
#include "tests/dissect/host/epan_host.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

// Below it other dissectors have ports, and faults of their own.
constexpr std::uint16_t kFirstPort = 49152;

std::string framed(std::string_view message) {
  std::string out("\x80\0\0\0\0", 5);
  for (int shift = 16; shift >= 0; shift -= 8) out.push_back(static_cast<char>(message.size() >> shift));
  return out.append(message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerscope;
  using namespace peerscope::test;
  static const bool strict = setenv("WIRESHARK_ABORT_ON_DISSECTOR_BUG", "1", 1) == 0;  // a dissector bug is a crash
  static Stream& stream = *new Stream;                                                 // the process ends with it
  // It asserts on "JXTAHELLO " at the start of a segment (Wireshark 4.0.17).
  static const bool without_jxta = (disable_dissector("jxta"), true);
  (void)without_jxta;
  static std::uint16_t port = kFirstPort;
  (void)strict;
  constexpr std::size_t kLargest = 60'000;
  if (size < 2 || size > kLargest) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Endpoint node{0xc0000202, port};
  const Endpoint peer{0xc0000201, 6084};
  port = port == 65535 ? kFirstPort : static_cast<std::uint16_t>(port + 1);
  std::vector<Frame> frames;
  switch (data[0] % 4) {
    case 0:
      frames.push_back(udp_frame(node, peer, bytes, 1));
      break;
    case 1:
      frames.push_back(udp_frame(node, peer, framed(bytes), 1));
      break;
    case 2: {
      TcpConversation tcp(frames, node, peer);
      tcp.client_in(1 + data[0] / 4 * 10U, bytes.substr(0, 5'000));
      break;
    }
    default:
      for (const std::string& part : reload::split(bytes, 400))
        frames.push_back(udp_frame(node, peer, framed(part), 1));
  }
  for (const Frame& frame : frames) stream.feed(frame);
  return 0;
}
