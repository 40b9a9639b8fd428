// SPDX-License-Identifier: GPL-2.0-or-later
// Endpoints: "192.0.2.1:80", "[2001:db8::1]:80", made once for all messages of a capture that name them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "dissectors/epan/ws_compat.h"

namespace peerscope::epan {

struct EndpointText {
  std::string_view whole{};
  std::string_view host{};  // without port, and in no brackets
};

class Endpoints {
 public:
  // Of one end of the packet. The text lives until clear(); it is empty when memory ran out.
  EndpointText of(packet_info* pinfo, const address* addr, guint32 port) noexcept;
  void clear() noexcept { known_.clear(), others_.clear(); }

 private:
  struct Key {
    std::array<std::uint64_t, 2> address{};
    std::uint64_t rest = 0;  // type of the address, whether there is a port, port
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const;
  };
  struct Kept {
    std::string whole;
    std::size_t host_at = 0;
    std::size_t host_size = 0;
    EndpointText text() const { return {whole, std::string_view(whole).substr(host_at, host_size)}; }
  };
  EndpointText keep_other(const EndpointText& text) noexcept;

  std::unordered_map<Key, Kept, Hash> known_;
  std::unordered_set<std::string> others_;
};

}  // namespace peerscope::epan
