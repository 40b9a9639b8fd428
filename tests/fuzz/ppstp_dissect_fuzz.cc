// SPDX-License-Identifier: GPL-2.0-or-later
// A PPSTP body through HTTP, the plugin and the field tree. The first input byte chooses direction and media type.
// Run with -detect_leaks=0: epan's allocations are not paired input by input, and each suspicion costs a full leak
// check.
#include <cstdint>
#include <cstdlib>

#include "tests/dissect/host/epan_host.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {
// Below it other dissectors have ports, and faults of their own.
constexpr std::uint16_t kFirstPort = 49152;
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerscope::test;
  static const bool strict = setenv("WIRESHARK_ABORT_ON_DISSECTOR_BUG", "1", 1) == 0;  // a dissector bug is a crash
  static Stream& stream = *new Stream;                                                 // the process ends with it
  // It asserts on "JXTAHELLO " at the start of a segment (Wireshark 4.0.17).
  static const bool without_jxta = (disable_dissector("jxta"), true);
  (void)without_jxta;
  static std::uint16_t port = kFirstPort;
  (void)strict;
  if (size < 2 || size > 60'000) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const char* type = (data[0] & 2) != 0 ? "application/json" : "application/ppsp-tracker+json";
  std::vector<Frame> frames;
  TcpConversation tcp(frames, {0xc0000202, port}, {0xc0000201, 80});
  port = port == 65535 ? kFirstPort : static_cast<std::uint16_t>(port + 1);
  if ((data[0] & 1) != 0)
    tcp.server(http_response(body, 200, type));
  else
    tcp.client(http_request(body, type));
  for (const Frame& frame : frames) stream.feed(frame);
  return 0;
}
