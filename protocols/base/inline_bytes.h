// SPDX-License-Identifier: GPL-2.0-or-later
// InlineBytes: a byte string of at most N bytes without memory of its own, for identifiers that are copied, compared
// and used as keys all the time. A plain value.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace peerscope {

template <std::size_t N>
class InlineBytes {
 public:
  static_assert(N < 256);
  InlineBytes() = default;
  explicit InlineBytes(std::string_view bytes) { assign(bytes); }
  // Takes at most N bytes.
  void assign(std::string_view bytes) {
    size_ = static_cast<std::uint8_t>(std::min(bytes.size(), N));
    std::copy_n(bytes.begin(), size_, bytes_.begin());
  }
  std::string_view view() const { return {bytes_.data(), size_}; }
  operator std::string_view() const { return view(); }  // NOLINT: reads like the text it holds
  std::string str() const { return std::string(view()); }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  friend bool operator==(const InlineBytes& a, const InlineBytes& b) { return a.view() == b.view(); }
  // Big-endian order for equal lengths.
  friend std::strong_ordering operator<=>(const InlineBytes& a, const InlineBytes& b) {
    const int order = a.view().compare(b.view());
    return order < 0   ? std::strong_ordering::less
           : order > 0 ? std::strong_ordering::greater
                       : std::strong_ordering::equal;
  }

 private:
  std::array<char, N> bytes_{};
  std::uint8_t size_ = 0;
};

}  // namespace peerscope
