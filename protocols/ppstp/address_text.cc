// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/ppstp/address_text.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <cstdint>
#include <string>

namespace peerscope::ppstp {
namespace {

bool same_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if ((a[i] | 0x20) != (b[i] | 0x20)) return false;
  }
  return true;
}

// RFC 5952 section 4, over the first `groups` groups; the longest run of zero groups, and of equals the first, is "::".
std::string hex_groups(const in6_addr& address, std::size_t groups) {
  const auto group = [&](std::size_t i) {
    return static_cast<unsigned>(address.s6_addr[2 * i] << 8 | address.s6_addr[2 * i + 1]);
  };
  std::size_t best = groups;
  std::size_t length = 1;  // a single zero group is not shortened
  for (std::size_t i = 0; i < groups; ++i) {
    std::size_t run = 0;
    while (i + run < groups && group(i + run) == 0) ++run;
    if (run > length) best = i, length = run;
    if (run > 0) i += run - 1;
  }
  std::string out;
  for (std::size_t i = 0; i < groups;) {
    if (i == best) {
      out += "::";
      i += length;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    out += fmt::format("{:x}", group(i++));
  }
  return out;
}

// Section 5: the last 32 bits in dotted form, which suits addresses that are known to hold an IPv4 address. Which those
// are is not always in the prefix, so both forms are right.
std::string mixed_form(const in6_addr& address) {
  constexpr std::size_t kHexGroups = 6;
  std::string out = hex_groups(address, kHexGroups);
  if (out.empty() || out.back() != ':') out += ':';
  const std::uint8_t* v4 = address.s6_addr + 2 * kHexGroups;
  return out + fmt::format("{}.{}.{}.{}", v4[0], v4[1], v4[2], v4[3]);
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
    constexpr std::size_t kGroups = 8;
    canonical = hex_groups(v6, kGroups);
    return canonical == text || mixed_form(v6) == text ? AddressFault::kNone : AddressFault::kNotCanonical;
  }
  return AddressFault::kNone;
}

namespace {
bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}
}  // namespace

AsnForm asn_form(std::string_view text) {
  if (all_digits(text)) return AsnForm::kPlain;
  const bool prefixed = text.starts_with("AS") || text.starts_with("as");
  const std::string_view number = prefixed ? text.substr(2) : text;
  const std::size_t dot = number.find('.');
  const bool dotted =
      dot != std::string_view::npos && all_digits(number.substr(0, dot)) && all_digits(number.substr(dot + 1));
  if (!dotted && !all_digits(number)) return AsnForm::kOther;
  return prefixed ? AsnForm::kPrefixed : AsnForm::kDotted;
}

}  // namespace peerscope::ppstp
