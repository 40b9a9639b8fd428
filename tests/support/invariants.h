// SPDX-License-Identifier: GPL-2.0-or-later
// What must hold for every decoded message, however broken its bytes are. Shared by the fuzz programs and the sample
// tests.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "protocols/base/message.h"

namespace peerscope::test {

// RFC 3629, read on its own here: the code under test has a reader of its own.
inline bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t more = lead < 0x80 ? 0 : lead >> 5 == 6 ? 1 : lead >> 4 == 14 ? 2 : lead >> 3 == 30 ? 3 : 9;
    if (more == 9 || i + more >= text.size()) return false;
    char32_t point = more == 0 ? lead : lead & (0x3fU >> more);
    for (std::size_t k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      if (next >> 6 != 2) return false;
      point = point << 6 | (next & 0x3fU);
    }
    static constexpr char32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    if (point < kLeast[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    i += more + 1;
  }
  return true;
}

// Empty when well; else what does not hold. Texts of JSON protocols are UTF-8 whatever the bytes were.
inline std::string broken_invariant(const Message& message, bool text_protocol = true) {
  const std::size_t size = message.size;
  const auto inside = [size](std::size_t offset, std::size_t length) {
    return offset <= size && length <= size - offset;
  };
  const auto count = static_cast<std::uint32_t>(message.events.size());
  for (std::uint32_t i = 0; i < count; ++i) {
    const Event& event = message.events[i];
    const std::string which = "event " + std::to_string(i) + " ";
    if (event.field == nullptr) return which + "has no field";
    if (!inside(event.offset, event.length)) return which + "lies outside the message";
    if (!inside(event.key_offset, event.key_length)) return which + "has a name outside the message";
    if (text_protocol && !(is_utf8(event.text) && is_utf8(event.label))) return which + "has a text that is not UTF-8";
    if (event.end <= i || event.end > count) return which + "ends outside the list";
    if (event.parent == Event::kNoParent) {
      if (event.depth != 0) return which + "has a depth and no parent";
      continue;
    }
    if (event.parent >= i) return which + "stands before its parent";
    const Event& parent = message.events[event.parent];
    if (event.end > parent.end) return which + "ends after its parent";
    if (event.depth != parent.depth + 1) return which + "has the wrong depth";
    const bool within = event.offset >= parent.offset && event.offset + event.length <= parent.offset + parent.length;
    if (!within) return which + "reaches outside its parent's bytes";
  }
  for (const Issue& issue : message.issues) {
    if (!inside(issue.offset, issue.length))
      return "issue '" + std::string(to_string(issue.shape)) + "' lies outside the message";
    if (explain(issue).empty()) return "an issue without words";
    if (text_protocol && !is_utf8(explain(issue)))
      return "words that are not UTF-8: issue '" + std::string(to_string(issue.shape)) + "'";
  }
  return {};
}

}  // namespace peerscope::test
