// SPDX-License-Identifier: GPL-2.0-or-later
// Trace files, parsed back block by block.
#include "reference-impl/net/trace.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

#include "tests/net/test_server.h"

namespace peerscope::net {
namespace {

struct Block {
  std::uint32_t type = 0;
  std::string body;
};

std::uint32_t u32(std::string_view text, std::size_t at) {
  std::uint32_t v = 0;
  std::memcpy(&v, text.data() + at, sizeof v);
  return v;
}

// Blocks of a pcapng file in this machine's byte order; checks lengths and padding.
std::vector<Block> read_blocks(const std::string& text) {
  std::vector<Block> out;
  std::size_t at = 0;
  while (at + 12 <= text.size()) {
    const std::uint32_t length = u32(text, at + 4);
    EXPECT_EQ(length % 4, 0U);
    if (length < 12 || at + length > text.size()) break;
    EXPECT_EQ(u32(text, at + length - 4), length);
    out.push_back({u32(text, at), text.substr(at + 8, length - 12)});
    at += length;
  }
  EXPECT_EQ(at, text.size());
  return out;
}

struct Packet {
  std::uint64_t stamp = 0;
  std::string bytes;
};

Packet read_packet(const Block& block) {
  EXPECT_EQ(block.type, 6U);
  return {std::uint64_t{u32(block.body, 4)} << 32 | u32(block.body, 8), block.body.substr(20, u32(block.body, 12))};
}

struct Pdu {
  std::vector<std::pair<int, std::string>> tags;
  std::string bytes;
  std::string tag(int number) const {
    for (const auto& [n, value] : tags) {
      if (n == number) return value;
    }
    return "none";
  }
};

Pdu read_pdu(const std::string& text) {
  Pdu pdu;
  std::size_t at = 0;
  const auto u16 = [&](std::size_t i) {
    return static_cast<unsigned char>(text.at(i)) << 8 | static_cast<unsigned char>(text.at(i + 1));
  };
  for (;;) {
    const int tag = u16(at);
    const auto length = static_cast<std::size_t>(u16(at + 2));
    if (tag == 0) {
      pdu.bytes = text.substr(at + 4);
      return pdu;
    }
    pdu.tags.emplace_back(tag, text.substr(at + 4, length));
    at += 4 + length;
  }
}

class TraceFile : public ::testing::Test {
 protected:
  void TearDown() override { std::remove(path_.c_str()); }
  std::string text() const {
    std::ifstream file(path_, std::ios::binary);
    std::stringstream out;
    out << file.rdbuf();
    return out.str();
  }
  std::string path_ = ::testing::TempDir() + "net_trace_" + std::to_string(::getpid()) + "_" +
                      ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".pcapng";
};

TEST_F(TraceFile, HoldsAnExchangeAsServerAndClientSawIt) {
  auto trace = TraceWriter::open(path_);
  ASSERT_TRUE(trace) << trace.error().message;
  ServerOptions options;
  options.observer = trace->observer();
  std::uint16_t client_port = 0;
  std::uint16_t server_port = 0;
  {
    TestServer server(echo, options);
    server_port = server.port();
    auto settings = server.client_options();
    settings.local_address = "127.0.0.9";
    settings.observer = trace->observer();
    BlockingClient client(settings);
    ASSERT_TRUE(client.send({"POST", "/t", 11, {{"Host", "h"}}, "{}"}));
    client_port = client.client().info().local.port;
  }
  EXPECT_EQ(trace->packets(), 4U);
  const auto blocks = read_blocks(text());
  ASSERT_EQ(blocks.size(), 6U);
  EXPECT_EQ(blocks[0].type, 0x0A0D0D0AU);
  EXPECT_EQ(blocks[1].type, 1U);
  EXPECT_EQ(u32(blocks[1].body, 0) & 0xffff, kLinkTypeUpperPdu);
  int requests = 0;
  for (std::size_t i = 2; i < blocks.size(); ++i) {
    const Pdu pdu = read_pdu(read_packet(blocks[i]).bytes);
    EXPECT_EQ(pdu.tag(12), "http");
    EXPECT_EQ(pdu.tag(33), "HTTP");
    EXPECT_EQ(pdu.tag(24), std::string("\0\0\0\2", 4));
    const bool request = pdu.bytes.rfind("POST /t HTTP/1.1\r\n", 0) == 0;
    requests += request ? 1 : 0;
    const std::string client_side = pdu.tag(request ? 20 : 21);
    EXPECT_EQ(client_side, std::string("\x7f\0\0\x09", 4));
    const std::string port = pdu.tag(request ? 25 : 26);
    EXPECT_EQ((static_cast<unsigned char>(port[2]) << 8) + static_cast<unsigned char>(port[3]), client_port);
    const std::string other = pdu.tag(request ? 26 : 25);
    EXPECT_EQ((static_cast<unsigned char>(other[2]) << 8) + static_cast<unsigned char>(other[3]), server_port);
    if (request) {
      EXPECT_TRUE(parse_request(pdu.bytes));
    } else {
      EXPECT_EQ(parse_response(pdu.bytes)->body, "POST /t {}");
    }
  }
  EXPECT_EQ(requests, 2);
}

TEST_F(TraceFile, OtherDissectorsAddressesCommentsAndSecrets) {
  auto trace = TraceWriter::open(path_);
  ASSERT_TRUE(trace);
  ASSERT_TRUE(trace->add_tls_secrets("CLIENT_RANDOM 00 11\n"));
  TracePdu pdu;
  pdu.dissector = "ppspp";
  pdu.protocol_text = "HTTPS";
  pdu.source = {"2001:db8::1", 7};
  pdu.destination = {"::1", 65535};
  pdu.udp = true;
  pdu.time = SystemTime(std::chrono::nanoseconds(1700000000123456789));
  pdu.bytes = "abc";
  pdu.comment = "a remark";
  ASSERT_TRUE(trace->write(pdu));
  const auto blocks = read_blocks(text());
  ASSERT_EQ(blocks.size(), 4U);
  EXPECT_EQ(blocks[2].type, 10U);
  EXPECT_EQ(blocks[2].body.substr(8, 19), "CLIENT_RANDOM 00 11");
  const Packet packet = read_packet(blocks[3]);
  EXPECT_EQ(packet.stamp, 1700000000123456789U);
  EXPECT_NE(blocks[3].body.find("a remark"), std::string::npos);
  const Pdu read = read_pdu(packet.bytes);
  EXPECT_EQ(read.tag(12), std::string("ppspp\0\0\0", 8));
  EXPECT_EQ(read.tag(22).size(), 16U);
  EXPECT_EQ(read.tag(23).back(), 1);
  EXPECT_EQ(read.tag(24), std::string("\0\0\0\3", 4));
  EXPECT_EQ(read.bytes, "abc");
}

TEST_F(TraceFile, MicrosecondInterfaces) {
  auto writer = PcapngWriter::open(path_, "test", "a file comment");
  ASSERT_TRUE(writer);
  PcapngInterface interface;
  interface.nanoseconds = false;
  interface.name = "lo";
  const auto first = writer->add_interface(interface);
  ASSERT_TRUE(first);
  EXPECT_EQ(*first, 0U);
  EXPECT_EQ(*writer->add_interface({}), 1U);
  ASSERT_TRUE(writer->write({0, SystemTime(std::chrono::microseconds(5000000001)), "12345", 99, {}}));
  EXPECT_FALSE(writer->write({2, {}, "x", 0, {}}));
  ASSERT_TRUE(writer->close());
  const auto blocks = read_blocks(text());
  ASSERT_EQ(blocks.size(), 4U);
  EXPECT_NE(blocks[0].body.find("a file comment"), std::string::npos);
  EXPECT_EQ(read_packet(blocks[3]).stamp, 5000000001U);
  EXPECT_EQ(u32(blocks[3].body, 16), 99U);
}

TEST(Trace, FullDiskIsReportedOnce) {
  auto writer = PcapngWriter::open("/dev/full");
  ASSERT_FALSE(writer);
  EXPECT_NE(writer.error().message.find("No space left on device"), std::string::npos) << writer.error().message;

  int blocks_left = 3;
  auto trace = TraceWriter::attach(PcapngWriter([&](std::string_view) { return blocks_left-- > 0; }, "test"));
  ASSERT_TRUE(trace);
  int errors = 0;
  const auto observe = trace->observer([&](const Error&) { ++errors; });
  const HttpRequest request;
  const ConnectionInfo connection;
  for (int i = 0; i < 5; ++i) observe({true, &request, nullptr, {}, &connection, {}, {}});
  EXPECT_EQ(errors, 1);
  EXPECT_TRUE(trace->failed());
  EXPECT_EQ(trace->packets(), 1U);
}

TEST(Trace, UnusablePathIsSaidPlainly) {
  const auto trace = TraceWriter::open("/nonexistent/folder/x.pcapng");
  ASSERT_FALSE(trace);
  EXPECT_EQ(trace.error().message, "cannot create '/nonexistent/folder/x.pcapng': No such file or directory");
}

}  // namespace
}  // namespace peerscope::net
