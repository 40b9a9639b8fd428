// SPDX-License-Identifier: GPL-2.0-or-later
// Endpoint addresses and prefixes of RFC 7285 section 10.4, and the longest-prefix match of section 11.2.2.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace peerscope::alto {

inline constexpr std::string_view kIpv4 = "ipv4";
inline constexpr std::string_view kIpv6 = "ipv6";

// Compared by value, never by text (section 10.4).
struct IpAddress {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};  // ipv4: the first four

  auto operator<=>(const IpAddress&) const = default;
  int bits() const { return v6 ? 128 : 32; }
  // RFC 3986 or RFC 5952.
  std::string text() const;
};

struct IpPrefix {
  IpAddress address;  // host bits cleared
  int length = 0;

  auto operator<=>(const IpPrefix&) const = default;
  bool contains(const IpAddress& other) const;
  bool contains(const IpPrefix& other) const { return other.length >= length && contains(other.address); }
  std::string text() const;
};

// The two prefixes that are one bit longer; `prefix` is not a full address.
std::pair<IpPrefix, IpPrefix> halves(const IpPrefix& prefix);

// RFC 3986 IPv4address: four decimal octets without leading zeros. RFC 4291 text of any form: `canonical` tells whether
// it is that of RFC 5952.
std::optional<IpAddress> parse_ipv4(std::string_view text);
std::optional<IpAddress> parse_ipv6(std::string_view text, bool* canonical = nullptr);

// What a prefix's text says besides its value.
struct PrefixText {
  IpPrefix prefix;
  bool host_bits = false;  // bits behind the length are set
  bool no_length = false;  // an address without "/len": taken for a full-length prefix
  bool canonical = true;   // the address part is
};
// `type` is "ipv4" or "ipv6"; anything else has no prefixes that could be read.
std::optional<PrefixText> parse_prefix(std::string_view type, std::string_view text);

// TypedEndpointAddr: "ipv4:192.0.2.1", split at the first colon.
struct TypedAddress {
  std::string_view type;
  std::string_view address;
};
std::optional<TypedAddress> split_endpoint(std::string_view text);
// The address; `prefix` is set instead when a prefix stands where an address belongs.
struct Endpoint {
  std::optional<IpAddress> address;
  std::optional<IpPrefix> prefix;
  bool canonical = true;
  // What is asked about: the address, or the prefix's network address.
  std::optional<IpAddress> value() const {
    return address ? address : prefix ? std::optional(prefix->address) : std::nullopt;
  }
};
Endpoint parse_endpoint(std::string_view text);
std::string endpoint_text(const IpAddress& address);

// Address -> value by longest-prefix match. Built once, read by any number of threads.
class PrefixTable {
 public:
  static constexpr std::uint32_t kNone = 0xffffffff;

  struct Entry {
    IpPrefix prefix;
    std::uint32_t value;
  };
  PrefixTable() = default;
  // Of two entries with the same prefix the later one counts.
  explicit PrefixTable(std::vector<Entry> entries);

  // kNone when no prefix covers the address. IPv4 and IPv6 are never mixed.
  std::uint32_t find(const IpAddress& address) const;
  // Whether every address of this family is covered.
  bool complete(bool v6) const;
  bool has(bool v6) const { return v6 ? !six_.starts.empty() : !four_.starts.empty(); }
  std::size_t bytes() const;

 private:
  __extension__ using Wide = unsigned __int128;
  // The address space as ranges that do not overlap: a lookup is a binary search among the few ranges that share the
  // address's top bits.
  template <class Key>
  struct Ranges {
    std::vector<Key> starts;
    std::vector<std::uint32_t> values;
    // By the top 16 bits: first range that starts behind them. Few ranges have none: it would take longer to make than
    // it saves.
    static constexpr std::size_t kIndexed = 1024;
    std::vector<std::uint32_t> index;

    void build(std::vector<Entry>& entries);
    std::uint32_t find(Key key) const;
    void append(Key start, std::uint32_t value);
  };
  Ranges<std::uint32_t> four_;
  Ranges<Wide> six_;
};

}  // namespace peerscope::alto
