// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/tcp_capture.h"

#include <algorithm>

namespace peerscope::test {
namespace {

void put16(std::string& out, std::uint32_t value) {
  out.push_back(static_cast<char>(value >> 8));
  out.push_back(static_cast<char>(value));
}
void put32(std::string& out, std::uint32_t value) {
  put16(out, value >> 16);
  put16(out, value);
}
void put32_host(std::string& out, std::uint32_t value) {
  out.append(reinterpret_cast<const char*>(&value), 4);
}

std::uint16_t checksum(std::string_view bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    sum += static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])) << (i % 2 == 0 ? 8 : 0);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

Frame ip_frame(std::uint8_t protocol, const Endpoint& from, const Endpoint& to, std::string segment,
               std::size_t checksum_at, std::int64_t time_ns) {
  std::string pseudo;
  put32(pseudo, from.address);
  put32(pseudo, to.address);
  put16(pseudo, protocol);
  put16(pseudo, static_cast<std::uint32_t>(segment.size()));
  const std::uint16_t sum = checksum(pseudo + segment);
  segment[checksum_at] = static_cast<char>(sum >> 8);
  segment[checksum_at + 1] = static_cast<char>(sum);

  std::string ip("\x45\x00", 2);
  put16(ip, static_cast<std::uint32_t>(20 + segment.size()));
  put32(ip, 0x00004000);  // id 0, don't fragment
  ip.push_back(64);
  ip.push_back(static_cast<char>(protocol));
  put16(ip, 0);
  put32(ip, from.address);
  put32(ip, to.address);
  const std::uint16_t head = checksum(ip);
  ip[10] = static_cast<char>(head >> 8);
  ip[11] = static_cast<char>(head);

  Frame frame;
  frame.bytes = std::string("\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x08\x00", 14) + ip + segment;
  frame.reported = static_cast<std::uint32_t>(frame.bytes.size());
  frame.time_ns = time_ns;
  return frame;
}

std::int64_t next_time(const std::vector<Frame>& frames) {
  return frames.empty() ? 1'700'000'000'000'000'000 : frames.back().time_ns + 1'000'000;
}

std::string head(std::string_view body, std::string_view content_type, std::string_view extra_headers) {
  std::string text = "Content-Type: " + std::string(content_type) + "\r\n" + std::string(extra_headers);
  if (extra_headers.find("chunked") == std::string_view::npos)
    text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + std::string(body);
}

}  // namespace

TcpConversation::TcpConversation(std::vector<Frame>& frames, Endpoint client, Endpoint server)
    : frames_(frames), client_(client), server_(server) {}

void TcpConversation::open() {
  segment(true, "", kSyn);
  ++client_next_;
  segment(false, "", kSyn | kAck);
  ++server_next_;
  segment(true, "", kAck);
}

void TcpConversation::segment(bool from_client, std::string_view payload, std::uint8_t flags) {
  const Endpoint& from = from_client ? client_ : server_;
  const Endpoint& to = from_client ? server_ : client_;
  std::uint32_t& sequence = from_client ? client_next_ : server_next_;
  std::string tcp;
  put16(tcp, from.port);
  put16(tcp, to.port);
  put32(tcp, sequence);
  put32(tcp, (flags & kAck) != 0 ? (from_client ? server_next_ : client_next_) : 0);
  tcp.push_back(0x50);
  tcp.push_back(static_cast<char>(flags));
  put16(tcp, 65535);
  put32(tcp, 0);
  tcp += payload;
  sequence += static_cast<std::uint32_t>(payload.size());
  frames_.push_back(ip_frame(6, from, to, std::move(tcp), 16, next_time(frames_)));
}

void TcpConversation::split(bool from_client, std::size_t size, std::string_view payload) {
  for (std::size_t at = 0; at < payload.size(); at += size)
    segment(from_client, payload.substr(at, size), kPush | kAck);
}

Frame udp_frame(Endpoint from, Endpoint to, std::string_view payload, std::int64_t time_ns) {
  std::string udp;
  put16(udp, from.port);
  put16(udp, to.port);
  put16(udp, static_cast<std::uint32_t>(8 + payload.size()));
  put16(udp, 0);
  udp += payload;
  return ip_frame(17, from, to, std::move(udp), 6, time_ns);
}

std::string http_request(std::string_view body, std::string_view content_type, std::string_view extra_headers) {
  return "POST /video_1 HTTP/1.1\r\nHost: tracker.example\r\n" + head(body, content_type, extra_headers);
}

std::string http_response(std::string_view body, int status, std::string_view content_type,
                          std::string_view extra_headers) {
  return "HTTP/1.1 " + std::to_string(status) + " Status\r\n" + head(body, content_type, extra_headers);
}

std::string chunked(std::string_view body, std::size_t size) {
  std::string out;
  static constexpr char kHex[] = "0123456789abcdef";
  for (std::size_t at = 0; at < body.size(); at += size) {
    const std::string_view part = body.substr(at, size);
    std::string length;
    for (std::size_t n = part.size(); n > 0; n /= 16) length.insert(length.begin(), kHex[n % 16]);
    out += length + "\r\n" + std::string(part) + "\r\n";
  }
  return out + "0\r\n\r\n";
}

std::string gzipped(std::string_view body) {
  const auto put_little = [](std::string& out, std::uint32_t value, int count) {
    for (int i = 0; i < count; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
  };
  std::string out("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\x01", 11);  // one final stored block (RFC 1952, RFC 1951)
  const auto size = static_cast<std::uint32_t>(body.size());
  put_little(out, size, 2);
  put_little(out, ~size, 2);
  out += body;
  std::uint32_t crc = 0xffffffff;
  for (const char c : body) {
    crc ^= static_cast<unsigned char>(c);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
  }
  put_little(out, ~crc, 4);
  put_little(out, size, 4);
  return out;
}

std::string pcap_file(const std::vector<Frame>& frames) {
  std::string out;
  put32_host(out, 0xa1b23c4d);
  put32_host(out, 0x00040002);
  put32_host(out, 0);
  put32_host(out, 0);
  put32_host(out, 262144);
  put32_host(out, 1);
  for (const Frame& frame : frames) {
    put32_host(out, static_cast<std::uint32_t>(frame.time_ns / 1'000'000'000));
    put32_host(out, static_cast<std::uint32_t>(frame.time_ns % 1'000'000'000));
    put32_host(out, static_cast<std::uint32_t>(frame.bytes.size()));
    put32_host(out, frame.reported);
    out += frame.bytes;
  }
  return out;
}

}  // namespace peerscope::test
