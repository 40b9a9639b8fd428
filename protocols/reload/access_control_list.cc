// SPDX-License-Identifier: GPL-2.0-or-later
// With or without the name extension? The layout that ends exactly.
#include "protocols/reload/access_control_list.h"

#include <cstddef>

namespace peerscope::reload {

bool has_name_extension(std::string_view value) {
  const auto two = [&](std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(value[at]) << 8 |
                                    static_cast<unsigned char>(value[at + 1]));
  };
  constexpr std::size_t kTail = 4 + 1;  // kind, allow_delegation
  if (value.size() >= 2 + kTail && two(0) == value.size() - 2 - kTail) return false;
  if (value.size() < 3) return false;
  const std::size_t to_user = 3 + two(1);
  return to_user + 2 <= value.size() && to_user + 2 + two(to_user) + kTail == value.size();
}

}  // namespace peerscope::reload
