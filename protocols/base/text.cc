// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/text.h"

#include <fmt/format.h>

namespace peerscope {

std::string shortened(std::string_view text, std::size_t most) {
  if (text.size() <= most) return std::string(text);
  constexpr unsigned char kTopBits = 0xc0;
  constexpr unsigned char kContinuation = 0x80;
  constexpr std::size_t kLongestCharacter = 4;
  std::size_t end = most;
  while (end > 0 && most - end < kLongestCharacter &&
         (static_cast<unsigned char>(text[end]) & kTopBits) == kContinuation)
    --end;
  return fmt::format("{}... ({} more bytes)", text.substr(0, end), text.size() - end);
}

}  // namespace peerscope
