// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/icmp_errors.h"

#include <netinet/in.h>
#include <sys/socket.h>
// After the others: it needs their types.
#include <linux/errqueue.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace peerscope::reload {

void keep_icmp_errors(boost::asio::ip::udp::socket& socket) {
  boost::system::error_code failed;
  const bool v6 = socket.local_endpoint(failed).protocol() == boost::asio::ip::udp::v6();
  const int on = 1;
  // Where this fails, links end by their time-outs.
  (void)setsockopt(socket.native_handle(), v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, &on,
                   sizeof on);
}

void take_icmp_errors(boost::asio::ip::udp::socket& socket,
                      const std::function<void(const boost::asio::ip::udp::endpoint&)>& refused) {
  constexpr int kAtOnce = 64;
  for (int i = 0; i < kAtOnce && socket.is_open(); ++i) {
    boost::asio::ip::udp::endpoint to;
    std::array<char, 512> control{};
    msghdr header{};
    header.msg_name = to.data();
    header.msg_namelen = static_cast<socklen_t>(to.capacity());
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    if (recvmsg(socket.native_handle(), &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return;
    if (header.msg_namelen == 0 || header.msg_namelen > to.capacity()) continue;
    to.resize(header.msg_namelen);
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
      const bool about = (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_RECVERR) ||
                         (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_RECVERR);
      if (!about || part->cmsg_len < CMSG_LEN(sizeof(sock_extended_err))) continue;
      sock_extended_err error{};
      std::memcpy(&error, CMSG_DATA(part), sizeof error);
      const bool icmp = error.ee_origin == SO_EE_ORIGIN_ICMP || error.ee_origin == SO_EE_ORIGIN_ICMP6;
      if (icmp && error.ee_errno == ECONNREFUSED) refused(to);
    }
  }
}

}  // namespace peerscope::reload
