// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/candidates.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>

namespace peerscope::reload {

net::Endpoint endpoint_of(const IpAddressPort& address) {
  namespace ip = boost::asio::ip;
  if (address.type == kIpv4Address) return {ip::address_v4(address.ipv4).to_string(), address.port};
  if (address.type != kIpv6Address || address.ipv6.size() != ip::address_v6::bytes_type().size()) return {};
  ip::address_v6::bytes_type bytes{};
  const std::string_view from = address.ipv6;
  std::copy(from.begin(), from.end(), bytes.begin());
  return {ip::address_v6(bytes).to_string(), address.port};
}

IpAddressPort address_of(const net::Endpoint& endpoint) {
  namespace ip = boost::asio::ip;
  IpAddressPort address;
  address.port = endpoint.port;
  boost::system::error_code failed;
  const ip::address parsed = ip::make_address(endpoint.address, failed);
  if (failed) return address;
  if (parsed.is_v4()) {
    address.ipv4 = parsed.to_v4().to_uint();
  } else {
    const auto bytes = parsed.to_v6().to_bytes();
    address.type = kIpv6Address;
    address.ipv6.assign({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  return address;
}

}  // namespace peerscope::reload
