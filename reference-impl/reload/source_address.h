// SPDX-License-Identifier: GPL-2.0-or-later
// From which address a node opens links: the one that it listens on, so that both of its links' ends look the same to
// others and in captures.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <optional>

#include "reference-impl/net/http.h"

namespace peerscope::reload {

// Nothing where the system should choose: no certain address of its own, or one from which `remote` is out of reach.
inline std::optional<boost::asio::ip::address> source_address(const net::Endpoint& own,
                                                              const boost::asio::ip::address& remote) {
  boost::system::error_code failed;
  const auto address = boost::asio::ip::make_address(own.address, failed);
  if (failed || address.is_unspecified() || address.is_v4() != remote.is_v4()) return std::nullopt;
  if (address.is_loopback() != remote.is_loopback()) return std::nullopt;
  return address;
}

}  // namespace peerscope::reload
