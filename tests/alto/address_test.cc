// SPDX-License-Identifier: GPL-2.0-or-later
// Addresses, prefixes and the longest-prefix match, with the topology of the interoperability event at IETF 81.
#include "protocols/alto/address.h"

#include <gtest/gtest.h>

#include <random>

namespace peerscope::alto {
namespace {

constexpr const char* kPids[] = {"mypid1",      "mypid2",      "mypid3",      "peeringpid1",
                                 "peeringpid2", "transitpid1", "transitpid2", "defaultpid"};
constexpr std::pair<const char*, int> kPrefixes[] = {{"10.0.0.0/8", 0},      {"15.0.0.0/8", 0},   {"192.168.0.0/16", 1},
                                                     {"192.168.10.0/24", 2}, {"128.0.0.0/16", 3}, {"130.0.0.0/16", 4},
                                                     {"2001:db8::/32", 4},   {"132.0.0.0/16", 5}, {"135.0.0.0/16", 6},
                                                     {"0.0.0.0/0", 7},       {"::/0", 7}};

std::string_view family(std::string_view text) {
  return text.find(':') == std::string_view::npos ? kIpv4 : kIpv6;
}
IpPrefix prefix(std::string_view text) {
  const auto parsed = parse_prefix(family(text), text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? parsed->prefix : IpPrefix{};
}
IpAddress address(std::string_view text) {
  const auto parsed = family(text) == kIpv4 ? parse_ipv4(text) : parse_ipv6(text);
  EXPECT_TRUE(parsed) << text;
  return parsed.value_or(IpAddress{});
}
std::vector<PrefixTable::Entry> topology() {
  std::vector<PrefixTable::Entry> out;
  for (const auto& [text, pid] : kPrefixes) out.push_back({prefix(text), static_cast<std::uint32_t>(pid)});
  return out;
}

TEST(AltoAddress, LongestPrefixMatchOfTheInteropTopology) {
  const PrefixTable table(topology());
  for (const auto& [text, pid] : std::initializer_list<std::pair<const char*, const char*>>{
           {"10.0.0.1", "mypid1"},
           {"15.255.255.255", "mypid1"},
           {"16.0.0.0", "defaultpid"},
           {"192.168.9.255", "mypid2"},
           {"192.168.10.0", "mypid3"},
           {"192.168.10.255", "mypid3"},
           {"192.168.11.0", "mypid2"},
           {"128.0.255.255", "peeringpid1"},
           {"128.1.0.0", "defaultpid"},
           {"130.0.1.1", "peeringpid2"},
           {"0.0.0.0", "defaultpid"},
           {"255.255.255.255", "defaultpid"},
           {"2001:db8::1", "peeringpid2"},
           {"2001:db8:ffff::1", "peeringpid2"},
           {"2001:db9::1", "defaultpid"},
           {"::1", "defaultpid"},
           {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "defaultpid"}}) {
    const std::uint32_t found = table.find(address(text));
    ASSERT_NE(found, PrefixTable::kNone) << text;
    EXPECT_STREQ(kPids[found], pid) << text;
  }
  EXPECT_TRUE(table.complete(false) && table.complete(true));
}

TEST(AltoAddress, WithoutADefaultRouteATableHasGaps) {
  const PrefixTable table({{prefix("10.0.0.0/8"), 0}, {prefix("128.0.0.0/1"), 1}});
  EXPECT_FALSE(table.complete(false));
  EXPECT_FALSE(table.has(true));
  EXPECT_EQ(table.find(address("11.0.0.0")), PrefixTable::kNone);
  EXPECT_EQ(table.find(address("::1")), PrefixTable::kNone);
  EXPECT_TRUE(PrefixTable({{prefix("0.0.0.0/1"), 0}, {prefix("128.0.0.0/1"), 1}}).complete(false));
  EXPECT_EQ(PrefixTable().find(address("1.2.3.4")), PrefixTable::kNone);
}

// Against the plain definition: of all prefixes that contain the address, the longest.
TEST(AltoAddress, RandomTablesAgreeWithTheDefinition) {
  std::mt19937 random(7285);
  for (int round = 0; round < 30; ++round) {
    const bool v6 = round % 2 == 1;
    std::vector<PrefixTable::Entry> entries;
    for (std::uint32_t i = 0; i < 200; ++i) {
      IpAddress any{.v6 = v6};
      // Few different bytes, so that prefixes nest.
      for (int k = 0; k < (v6 ? 16 : 4); ++k)
        any.bytes[static_cast<std::size_t>(k)] = random() % 3 == 0 ? 255 : random() % 4;
      const int length = static_cast<int>(random() % static_cast<unsigned>(any.bits() + 1));
      const auto text = any.text() + "/" + std::to_string(length);
      entries.push_back({parse_prefix(v6 ? kIpv6 : kIpv4, text)->prefix, i});
    }
    const PrefixTable table(entries);
    for (int probe = 0; probe < 500; ++probe) {
      IpAddress any{.v6 = v6};
      for (int k = 0; k < (v6 ? 16 : 4); ++k)
        any.bytes[static_cast<std::size_t>(k)] = random() % 3 == 0 ? 255 : random() % 4;
      std::uint32_t best = PrefixTable::kNone;
      int longest = -1;
      for (const auto& entry : entries) {
        if (entry.prefix.contains(any) && entry.prefix.length >= longest) {
          longest = entry.prefix.length;
          best = entry.value;
        }
      }
      ASSERT_EQ(table.find(any), best) << any.text() << " in round " << round;
    }
  }
}

TEST(AltoAddress, ReadsWhatTheGrammarAllowsAndNothingElse) {
  for (const char* text : {"0.0.0.0", "255.255.255.255", "1.2.3.4"}) EXPECT_TRUE(parse_ipv4(text)) << text;
  for (const char* text :
       {"", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.4 ", "1..2.3", "-1.2.3.4", "1.2.3.x"})
    EXPECT_FALSE(parse_ipv4(text)) << text;
  for (const char* text : {"::", "2001:db8::1", "::ffff:192.0.2.1", "1:2:3:4:5:6:7:8"})
    EXPECT_TRUE(parse_ipv6(text)) << text;
  for (const char* text : {"", ":", "2001:db8::1%eth0", "[::1]", "1::2::3", "12345::", "::g"})
    EXPECT_FALSE(parse_ipv6(text)) << text;
  bool canonical = true;
  EXPECT_TRUE(parse_ipv6("2001:0DB8::1", &canonical));
  EXPECT_FALSE(canonical);
  for (const char* text : {"1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/08", "/8", "1.2.3/8"})
    EXPECT_FALSE(parse_prefix(kIpv4, text)) << text;
  EXPECT_FALSE(parse_prefix(kIpv4, "::/0"));
  EXPECT_FALSE(parse_prefix("mac-48", "1.2.3.4/8"));
  const auto loose = parse_prefix(kIpv4, "192.168.0.1/16");
  ASSERT_TRUE(loose);
  EXPECT_TRUE(loose->host_bits);
  EXPECT_EQ(loose->prefix.text(), "192.168.0.0/16");
  const auto bare = parse_prefix(kIpv6, "2001:db8::1");
  ASSERT_TRUE(bare);
  EXPECT_TRUE(bare->no_length);
  EXPECT_EQ(bare->prefix.text(), "2001:db8::1/128");
}

TEST(AltoAddress, EndpointsCarryTheirType) {
  EXPECT_EQ(endpoint_text(*parse_endpoint("ipv6:2001:0db8::1").address), "ipv6:2001:db8::1");
  EXPECT_EQ(parse_endpoint("ipv4:192.0.2.0/24").prefix->text(), "192.0.2.0/24");
  EXPECT_EQ(parse_endpoint("ipv4:192.0.2.7/24").value()->text(), "192.0.2.0");
  for (const char* text : {"192.0.2.1", "ipv4:", "ipv6:192.0.2.1", "ipv5:192.0.2.1", "ipv4:192.0.2.1/33"})
    EXPECT_FALSE(parse_endpoint(text).value()) << text;
}

}  // namespace
}  // namespace peerscope::alto
