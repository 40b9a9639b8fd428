// SPDX-License-Identifier: GPL-2.0-or-later
// ALTO through epan and the plugin. The first input byte chooses how the rest travels: as an answer in segments, as an
// update stream that stays open, chunked or not, over HTTP/1.1 or HTTP/2, or as everything that a server sends behind a
// request for a stream. Run with -detect_leaks=0: epan's allocations are not paired input by input.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "tests/dissect/host/epan_host.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using namespace peerscope::test;

// Below it other dissectors have ports, and faults of their own.
constexpr std::uint16_t kFirstPort = 49152;
const std::string kAsk =
    "POST /updates HTTP/1.1\r\nHost: a\r\nContent-Type: application/alto-updatestreamparams+json\r\n"
    "Content-Length: 34\r\n\r\n{\"add\":{\"n\":{\"resource-id\":\"nm\"}}}";
const std::string kHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";

std::string http2_frame(char type, char flags, std::string_view payload) {
  std::string out;
  for (int shift = 16; shift >= 0; shift -= 8) out.push_back(static_cast<char>(payload.size() >> shift));
  return out.append({type, flags, 0, 0, 0, 1}).append(payload);
}
// A literal without indexing (RFC 7541 section 6.2.2).
std::string header(const std::string& name, const std::string& value) {
  std::string out(1, '\0');
  out.push_back(static_cast<char>(name.size()));
  out += name;
  out.push_back(static_cast<char>(value.size()));
  return out + value;
}

void http2_stream(TcpConversation& tcp, std::size_t piece, std::string_view bytes) {
  tcp.client("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + http2_frame(4, 0, ""));
  tcp.client(http2_frame(1, 4,
                         header(":method", "POST") + header(":path", "/u") +
                             header("content-type", "application/alto-updatestreamparams+json")) +
             http2_frame(0, 1, "{}"));
  tcp.server(http2_frame(4, 0, "") +
             http2_frame(1, 4, header(":status", "200") + header("content-type", "text/event-stream")));
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    tcp.server(http2_frame(0, 0, bytes.substr(0, piece)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool strict = setenv("WIRESHARK_ABORT_ON_DISSECTOR_BUG", "1", 1) == 0;  // a dissector bug is a crash
  static Stream& stream = *new Stream;                                                 // the process ends with it
  // It asserts on "JXTAHELLO " at the start of a segment (Wireshark 4.0.17).
  static const bool without_jxta = (disable_dissector("jxta"), true);
  (void)without_jxta;
  (void)strict;
  static std::uint16_t port = kFirstPort;
  constexpr std::size_t kLargest = 20'000;
  if (size < 2 || size > kLargest) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  // Few pieces for large inputs: time is for what is read, not for frames.
  const std::size_t piece = std::max<std::size_t>(1 + data[0] / 8 * 5U, size / 200);
  std::vector<Frame> frames;
  TcpConversation tcp(frames, {0xc0000202, port}, {0xc0000201, 80});
  port = port == 65535 ? kFirstPort : static_cast<std::uint16_t>(port + 1);
  tcp.open();
  switch (data[0] % 8) {
    case 0:
      tcp.server_in(piece, http_response(bytes, 200, "application/alto-networkmap+json"));
      break;
    case 1:
      tcp.server_in(piece, http_response(bytes, 200, "application/alto-costmap+json"));
      break;
    case 2:  // chunks as pieces
      tcp.client(kAsk);
      tcp.server(kHead + "Transfer-Encoding: chunked\r\n\r\n");
      tcp.server_in(100 + piece, chunked(bytes, piece));
      break;
    case 3:  // the chunks are the input's
      tcp.client(kAsk);
      tcp.server_in(piece, kHead + "Transfer-Encoding: chunked\r\n\r\n" + std::string(bytes));
      break;
    case 4:
      tcp.client(kAsk);
      tcp.server_in(piece, kHead + "\r\n" + std::string(bytes));
      break;
    case 5:
      tcp.client(kAsk);
      tcp.server_in(piece, kHead + "Content-Encoding: gzip\r\n\r\n" + std::string(bytes));
      break;
    case 6:
      http2_stream(tcp, piece, bytes);
      break;
    default:  // the answer is the input's
      tcp.client(kAsk);
      tcp.server_in(piece, bytes);
      // A lost segment.
      if (frames.size() > 8) frames.erase(frames.begin() + 7);
  }
  for (const Frame& frame : frames) stream.feed(frame);
  return 0;
}
