// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/ppstp/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace peerscope::ppstp {
namespace {

// The RFC names no closed list of address types; its examples use these two.
constexpr std::string_view kIpv4Type = "ipv4";
constexpr std::string_view kIpv6Type = "ipv6";

template <std::size_t N>
std::optional<std::int8_t> index_in(const std::array<std::string_view, N>& words, std::string_view word) {
  const auto found = std::find(words.begin(), words.end(), word);
  if (found == words.end()) return std::nullopt;
  return static_cast<std::int8_t>(found - words.begin());
}

bool read_ip(bool v6, const std::string& text, std::array<std::uint8_t, 16>& ip) {
  if (text.find('\0') != std::string::npos) return false;
  return inet_pton(v6 ? AF_INET6 : AF_INET, text.c_str(), ip.data()) == 1;
}

std::uint32_t read_asn(const std::optional<std::string>& text) {
  std::uint32_t number = 0;
  if (!text) return 0;
  const char* const end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, number);
  return error == std::errc{} && stop == end ? number : 0;
}

}  // namespace

std::string Address::ip_text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  // glibc writes IPv6 in the canonical form of RFC 5952.
  const char* text = inet_ntop(v6 ? AF_INET6 : AF_INET, ip.data(), buffer.data(), buffer.size());
  return text != nullptr ? text : "";
}

std::optional<Address> to_address(const PeerAddr& addr) {
  if (!addr.ip_address || !addr.ip_address->address_type || !addr.ip_address->address) return std::nullopt;
  if (!addr.port || !addr.priority || !addr.type) return std::nullopt;
  if (*addr.port < kPort.min || *addr.port > kPort.max) return std::nullopt;
  Address address;
  const std::string& family = *addr.ip_address->address_type;
  if (!net::iequals(family, kIpv4Type) && !net::iequals(family, kIpv6Type)) return std::nullopt;
  address.v6 = net::iequals(family, kIpv6Type);
  if (!read_ip(address.v6, *addr.ip_address->address, address.ip)) return std::nullopt;
  const auto type = index_in(kAddrTypes, *addr.type);
  if (!type) return std::nullopt;
  address.type = *type;
  if (addr.connection) {
    const auto connection = index_in(kConnections, *addr.connection);
    if (!connection) return std::nullopt;
    address.connection = *connection;
  }
  address.port = static_cast<std::uint16_t>(*addr.port);
  address.priority = *addr.priority;
  address.asn = read_asn(addr.asn);
  if (addr.peer_protocol && addr.peer_protocol->size() <= kLongestPeerProtocol)
    address.peer_protocol = *addr.peer_protocol;
  return address;
}

PeerAddr to_peer_addr(const Address& address) {
  PeerAddr addr;
  addr.ip_address =
      IpAddress{.address_type = std::string(address.v6 ? kIpv6Type : kIpv4Type), .address = address.ip_text()};
  addr.port = address.port;
  addr.priority = address.priority;
  addr.type = std::string(address.type_name());
  if (address.connection >= 0)
    addr.connection = std::string(kConnections[static_cast<std::size_t>(address.connection)]);
  if (address.asn != 0) addr.asn = std::to_string(address.asn);
  if (!address.peer_protocol.empty()) addr.peer_protocol = address.peer_protocol;
  return addr;
}

std::optional<Address> reflexive(const net::Endpoint& seen) {
  Address address;
  address.v6 = seen.is_v6();
  if (!read_ip(address.v6, seen.address, address.ip)) return std::nullopt;
  // A dual-stack socket shows IPv4 peers as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2); other peers want plain IPv4.
  constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (address.v6 && std::equal(kMapped.begin(), kMapped.end(), address.ip.begin())) {
    std::copy_n(address.ip.begin() + kMapped.size(), 4, address.ip.begin());
    std::fill(address.ip.begin() + 4, address.ip.end(), std::uint8_t{0});
    address.v6 = false;
  }
  address.port = seen.port;
  address.priority = 1;
  address.type = kReflexive;
  return address;
}

}  // namespace peerscope::ppstp
