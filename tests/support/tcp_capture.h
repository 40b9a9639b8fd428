// SPDX-License-Identifier: GPL-2.0-or-later
// Makes captures of TCP conversations from application bytes: Ethernet, IPv4, TCP with right sequence numbers and
// checksums, one frame a call. For dissector tests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace peerscope::test {

struct Frame {
  std::string bytes;
  std::uint32_t reported = 0;  // length on the wire; more than bytes.size() in a cut capture
  std::int64_t time_ns = 0;
};

struct Endpoint {
  std::uint32_t address = 0;  // host order
  std::uint16_t port = 0;
};

// One connection. Frames go to the given list, 1 ms apart.
class TcpConversation {
 public:
  TcpConversation(std::vector<Frame>& frames, Endpoint client, Endpoint server);
  // Three-way handshake; done by the constructor's caller, so that a test may leave it out.
  void open();
  // One segment each.
  void client(std::string_view payload) { segment(true, payload, kPush | kAck); }
  void server(std::string_view payload) { segment(false, payload, kPush | kAck); }
  // The payload in segments of `size` bytes.
  void client_in(std::size_t size, std::string_view payload) { split(true, size, payload); }
  void server_in(std::size_t size, std::string_view payload) { split(false, size, payload); }

 private:
  static constexpr std::uint8_t kSyn = 2, kPush = 8, kAck = 16;
  void segment(bool from_client, std::string_view payload, std::uint8_t flags);
  void split(bool from_client, std::size_t size, std::string_view payload);

  std::vector<Frame>& frames_;
  Endpoint client_, server_;
  std::uint32_t client_next_ = 1000, server_next_ = 5000;
};

// A UDP datagram, for protocols without TCP.
Frame udp_frame(Endpoint from, Endpoint to, std::string_view payload, std::int64_t time_ns);

std::string http_request(std::string_view body, std::string_view content_type = "application/ppsp-tracker+json",
                         std::string_view extra_headers = "");
std::string http_response(std::string_view body, int status = 200,
                          std::string_view content_type = "application/ppsp-tracker+json",
                          std::string_view extra_headers = "");
// The body in chunked coding, `size` bytes a chunk.
std::string chunked(std::string_view body, std::size_t size);
// The body as a gzip member (stored, not deflated).
std::string gzipped(std::string_view body);

// A classic capture file (nanoseconds, Ethernet).
std::string pcap_file(const std::vector<Frame>& frames);

}  // namespace peerscope::test
