// SPDX-License-Identifier: GPL-2.0-or-later
// Hard ICMP errors on a UDP socket that is not connected, with the address that they are about: RFC 6940 section
// 6.6.3.1 ends a link on them. Linux keeps them in the socket's error queue (ip(7), IP_RECVERR).
#pragma once

#include <boost/asio/ip/udp.hpp>
#include <functional>

namespace peerscope::reload {

// Asks the system to keep them; without that take_icmp_errors finds none.
void keep_icmp_errors(boost::asio::ip::udp::socket& socket);

// Takes what waits. `refused` gets each address where nobody listens (port unreachable); other errors may pass by
// themselves (RFC 1122 section 4.2.3.9) and are dropped.
void take_icmp_errors(boost::asio::ip::udp::socket& socket,
                      const std::function<void(const boost::asio::ip::udp::endpoint&)>& refused);

}  // namespace peerscope::reload
