// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/epan/endpoints.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace peerscope::epan {
namespace {

// By hand: printf takes longer than reading a message's header.
EndpointText make(packet_info* pinfo, const address* addr, guint32 port) {
  const std::string_view host = address_to_str(pinfo->pool, addr);
  if (pinfo->ptype == PT_NONE) return {host, host};
  constexpr std::size_t kMostExtra = 2 + 1 + 10;
  char* const text = static_cast<char*>(wmem_alloc(pinfo->pool, host.size() + kMostExtra));
  const bool brackets = addr->type == AT_IPv6;
  char* at = text;
  if (brackets) *at++ = '[';
  const char* const host_at = at;
  at = std::copy(host.begin(), host.end(), at);
  if (brackets) *at++ = ']';
  *at++ = ':';
  at = std::to_chars(at, text + host.size() + kMostExtra, port).ptr;
  return {{text, static_cast<std::size_t>(at - text)}, {host_at, host.size()}};
}

}  // namespace

std::size_t Endpoints::Hash::operator()(const Key& key) const {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  std::uint64_t mixed = key.rest * kOdd;
  for (const std::uint64_t part : key.address) mixed = (mixed ^ mixed >> 32 ^ part) * kOdd;
  return mixed ^ mixed >> 29;
}

// Longer than those of IP: found by their text.
EndpointText Endpoints::keep_other(const EndpointText& text) noexcept {
  try {
    const std::string& whole = *others_.emplace(text.whole).first;
    const auto host_at = static_cast<std::size_t>(text.host.data() - text.whole.data());
    return {whole, std::string_view(whole).substr(host_at, text.host.size())};
  } catch (...) {
    return {};
  }
}

EndpointText Endpoints::of(packet_info* pinfo, const address* addr, guint32 port) noexcept {
  Key key;
  const auto size = static_cast<std::size_t>(std::max(addr->len, 0));
  if (size > sizeof key.address) return keep_other(make(pinfo, addr, port));
  if (size > 0) std::memcpy(key.address.data(), addr->data, size);
  constexpr int kTypeAt = 33;
  key.rest = static_cast<std::uint64_t>(addr->type) << kTypeAt |
             static_cast<std::uint64_t>(pinfo->ptype == PT_NONE ? 1 : 0) << 32 | port;
  if (const auto found = known_.find(key); found != known_.end()) return found->second.text();
  const EndpointText text = make(pinfo, addr, port);
  try {
    const auto host_at = static_cast<std::size_t>(text.host.data() - text.whole.data());
    return known_.try_emplace(key, Kept{std::string(text.whole), host_at, text.host.size()}).first->second.text();
  } catch (...) {
    return {};
  }
}

}  // namespace peerscope::epan
