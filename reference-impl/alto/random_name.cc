// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/alto/random_name.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>

#include "reference-impl/net/auth.h"

namespace peerscope::alto {

std::string random_name() {
  std::array<std::uint8_t, 16> bytes{};
  net::system_random()(bytes);
  std::string out;
  for (const std::uint8_t byte : bytes) out += fmt::format("{:02x}", byte);
  return out;
}

}  // namespace peerscope::alto
