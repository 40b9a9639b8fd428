// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/alto/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace peerscope::alto {
namespace {

// A decimal number without sign, blank or leading zero.
std::optional<int> parse_decimal(std::string_view text, int most) {
  if (text.empty() || text.size() > 3 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  int out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc{} || end != text.data() + text.size() || out < 0 || out > most) return std::nullopt;
  return out;
}

IpAddress masked(IpAddress address, int length) {
  for (int i = 0; i < 16; ++i) {
    const int keep = std::clamp(length - i * 8, 0, 8);
    address.bytes[static_cast<std::size_t>(i)] &= static_cast<std::uint8_t>(0xff00 >> keep);
  }
  return address;
}

template <class Key>
Key key_of(const IpAddress& address) {
  Key out = 0;
  for (std::size_t i = 0; i < sizeof(Key); ++i) out = static_cast<Key>(out << 8) | address.bytes[i];
  return out;
}

}  // namespace

std::string IpAddress::text() const {
  char out[INET6_ADDRSTRLEN] = {};
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), out, sizeof out);
  return out;
}

std::pair<IpPrefix, IpPrefix> halves(const IpPrefix& prefix) {
  IpPrefix low = prefix;
  ++low.length;
  IpPrefix high = low;
  constexpr int kByte = 8;
  high.address.bytes[static_cast<std::size_t>(prefix.length / kByte)] |=
      static_cast<std::uint8_t>(0x80 >> prefix.length % kByte);
  return {low, high};
}

bool IpPrefix::contains(const IpAddress& other) const {
  return other.v6 == address.v6 && masked(other, length) == address;
}

std::string IpPrefix::text() const {
  return fmt::format("{}/{}", address.text(), length);
}

std::optional<IpAddress> parse_ipv4(std::string_view text) {
  IpAddress out;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t dot = i < 3 ? text.find('.') : text.size();
    if (dot == std::string_view::npos) return std::nullopt;
    const auto octet = parse_decimal(text.substr(0, dot), 255);
    if (!octet) return std::nullopt;
    out.bytes[i] = static_cast<std::uint8_t>(*octet);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return out;
}

std::optional<IpAddress> parse_ipv6(std::string_view text, bool* canonical) {
  if (text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  char copy[INET6_ADDRSTRLEN] = {};
  std::memcpy(copy, text.data(), text.size());
  IpAddress out{.v6 = true};
  if (inet_pton(AF_INET6, copy, out.bytes.data()) != 1) return std::nullopt;
  if (canonical != nullptr) *canonical = out.text() == text;
  return out;
}

std::optional<PrefixText> parse_prefix(std::string_view type, std::string_view text) {
  const bool v6 = type == kIpv6;
  if (!v6 && type != kIpv4) return std::nullopt;
  PrefixText out;
  const std::size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  const auto address = v6 ? parse_ipv6(host, &out.canonical) : parse_ipv4(host);
  if (!address) return std::nullopt;
  out.no_length = slash == std::string_view::npos;
  const auto length =
      out.no_length ? std::optional<int>(address->bits()) : parse_decimal(text.substr(slash + 1), address->bits());
  if (!length) return std::nullopt;
  out.prefix = {masked(*address, *length), *length};
  out.host_bits = out.prefix.address != *address;
  return out;
}

std::optional<TypedAddress> split_endpoint(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  return TypedAddress{text.substr(0, colon), text.substr(colon + 1)};
}

Endpoint parse_endpoint(std::string_view text) {
  Endpoint out;
  const auto typed = split_endpoint(text);
  if (!typed) return out;
  if (typed->address.find('/') != std::string_view::npos) {
    if (const auto prefix = parse_prefix(typed->type, typed->address); prefix) {
      out.prefix = prefix->prefix;
      out.canonical = prefix->canonical;
    }
  } else if (typed->type == kIpv4) {
    out.address = parse_ipv4(typed->address);
  } else if (typed->type == kIpv6) {
    out.address = parse_ipv6(typed->address, &out.canonical);
  }
  return out;
}

std::string endpoint_text(const IpAddress& address) {
  return fmt::format("{}:{}", address.v6 ? kIpv6 : kIpv4, address.text());
}

PrefixTable::PrefixTable(std::vector<Entry> entries) {
  const auto six = std::stable_partition(entries.begin(), entries.end(),
                                         [](const Entry& entry) { return !entry.prefix.address.v6; });
  std::vector<Entry> wide(six, entries.end());
  entries.erase(six, entries.end());
  four_.build(entries);
  six_.build(wide);
}

template <class Key>
void PrefixTable::Ranges<Key>::append(Key start, std::uint32_t value) {
  if (!starts.empty() && starts.back() == start) {
    values.back() = value;
  } else {
    starts.push_back(start);
    values.push_back(value);
  }
}

// Walks the prefixes from the lowest address on, the enclosing one first; a stack holds those that are open.
template <class Key>
void PrefixTable::Ranges<Key>::build(std::vector<Entry>& entries) {
  if (entries.empty()) return;
  std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.prefix < b.prefix; });
  constexpr int kBits = sizeof(Key) * 8;
  struct Open {
    Key last;
    std::uint32_t value;
  };
  std::vector<Open> open;
  constexpr Key kTop = ~Key{0};
  const auto close_before = [&](Key start) {
    while (!open.empty() && open.back().last < start) {
      const Key next = open.back().last + 1;
      open.pop_back();
      append(next, open.empty() ? kNone : open.back().value);
    }
  };
  append(0, kNone);
  for (const Entry& entry : entries) {
    const Key start = key_of<Key>(entry.prefix.address);
    // A shift by the whole width is not defined.
    const Key host_bits = entry.prefix.length >= kBits ? Key{0} : static_cast<Key>(kTop >> entry.prefix.length);
    const Key last = start | host_bits;
    close_before(start);
    append(start, entry.value);
    open.push_back({last, entry.value});
  }
  while (!open.empty() && open.back().last != kTop) {
    const Key next = open.back().last + 1;
    open.pop_back();
    append(next, open.empty() ? kNone : open.back().value);
  }
  if (starts.size() < kIndexed) return;
  index.resize((1U << 16) + 1);
  std::size_t at = 0;
  for (std::uint32_t top = 0; top < (1U << 16); ++top) {
    const Key first = static_cast<Key>(static_cast<Key>(top) << (kBits - 16));
    while (at < starts.size() && starts[at] < first) ++at;
    index[top] = static_cast<std::uint32_t>(at);
  }
  index.back() = static_cast<std::uint32_t>(starts.size());
}

template <class Key>
std::uint32_t PrefixTable::Ranges<Key>::find(Key key) const {
  if (starts.empty()) return kNone;
  constexpr int kBits = sizeof(Key) * 8;
  const auto top = static_cast<std::size_t>(key >> (kBits - 16));
  const auto from = index.empty() ? starts.begin() : starts.begin() + index[top];
  const auto to = index.empty() ? starts.end() : starts.begin() + index[top + 1];
  // The range that holds the key starts at or before it, which may be before this slice.
  return values[static_cast<std::size_t>(std::upper_bound(from, to, key) - starts.begin()) - 1];
}

std::uint32_t PrefixTable::find(const IpAddress& address) const {
  return address.v6 ? six_.find(key_of<Wide>(address)) : four_.find(key_of<std::uint32_t>(address));
}

bool PrefixTable::complete(bool v6) const {
  const auto& values = v6 ? six_.values : four_.values;
  return !values.empty() && std::find(values.begin(), values.end(), kNone) == values.end();
}

std::size_t PrefixTable::bytes() const {
  const auto size = [](const auto& ranges) {
    return ranges.starts.capacity() * sizeof(ranges.starts[0]) +
           (ranges.values.capacity() + ranges.index.capacity()) * 4;
  };
  return size(four_) + size(six_);
}

}  // namespace peerscope::alto
