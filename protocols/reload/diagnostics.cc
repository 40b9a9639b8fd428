// SPDX-License-Identifier: GPL-2.0-or-later
// One length or two? The form that takes exactly the rest.
#include "protocols/reload/diagnostics.h"

#include <cstddef>

namespace peerscope::reload {

bool has_single_length(std::string_view rest, std::uint64_t ext_length) {
  if (rest.size() != ext_length) return false;
  std::uint64_t second = 0;
  for (std::size_t i = 0; i < 4 && i < rest.size(); ++i) second = second << 8 | static_cast<unsigned char>(rest[i]);
  return rest.size() < 4 || second + 4 != rest.size();
}

}  // namespace peerscope::reload
