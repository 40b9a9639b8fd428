// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/ppstp/address_text.h"

#include <arpa/inet.h>

#include <array>

namespace peerscope::ppstp {
namespace {

bool same_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if ((a[i] | 0x20) != (b[i] | 0x20)) return false;
  }
  return true;
}

}  // namespace

AddressFault judge_address(std::string_view address_type, std::string_view text, std::string& canonical) {
  const std::string copy(text);
  if (same_ignoring_case(address_type, "ipv4")) {
    in_addr v4{};
    // inet_pton refuses leading zeros and short forms, as RFC 3986 does.
    return inet_pton(AF_INET, copy.c_str(), &v4) == 1 && copy.size() == text.size() ? AddressFault::kNone
                                                                                    : AddressFault::kNotIpv4;
  }
  if (same_ignoring_case(address_type, "ipv6")) {
    in6_addr v6{};
    if (inet_pton(AF_INET6, copy.c_str(), &v6) != 1) return AddressFault::kNotIpv6;
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    canonical = inet_ntop(AF_INET6, &v6, buffer.data(), buffer.size());
    return canonical == text ? AddressFault::kNone : AddressFault::kNotCanonical;
  }
  return AddressFault::kNone;
}

}  // namespace peerscope::ppstp
