// SPDX-License-Identifier: GPL-2.0-or-later
// Storage and lookup for a great many records: a slab hands out small numbers instead of pointers, an index finds the
// number for an ID. Both grow without moving a record. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace peerscope::ppstp {

inline constexpr std::uint32_t kNone = 0xffffffff;

template <class T>
class Slab {
 public:
  T& operator[](std::uint32_t index) { return chunks_[index / kChunk][index % kChunk]; }
  const T& operator[](std::uint32_t index) const { return chunks_[index / kChunk][index % kChunk]; }
  std::size_t size() const { return used_ - free_.size(); }

  // A default-constructed record's number.
  std::uint32_t acquire() {
    if (!free_.empty()) {
      const std::uint32_t index = free_.back();
      free_.pop_back();
      return index;
    }
    if (used_ == chunks_.size() * kChunk) chunks_.push_back(std::make_unique<T[]>(kChunk));
    return static_cast<std::uint32_t>(used_++);
  }
  void release(std::uint32_t index) {
    (*this)[index] = T{};
    free_.push_back(index);
  }

 private:
  static constexpr std::size_t kChunk = 1024;
  std::vector<std::unique_ptr<T[]>> chunks_;
  std::vector<std::uint32_t> free_;
  std::size_t used_ = 0;
};

// Open addressing with linear probing; eight bytes a slot. `same(index)` tells whether a record has the ID looked for.
class IdIndex {
 public:
  template <class Same>
  std::uint32_t find(std::uint64_t hash, Same&& same) const {
    if (slots_.empty()) return kNone;
    const auto tag = static_cast<std::uint32_t>(hash);
    for (std::size_t at = tag & mask(); slots_[at].index != kNone; at = (at + 1) & mask()) {
      if (slots_[at].tag == tag && same(slots_[at].index)) return slots_[at].index;
    }
    return kNone;
  }
  void insert(std::uint64_t hash, std::uint32_t index);
  void erase(std::uint64_t hash, std::uint32_t index);
  std::size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t index = kNone;
  };
  std::size_t mask() const { return slots_.size() - 1; }
  void place(Slot slot);
  void grow();

  std::vector<Slot> slots_;  // a power of two, at most three quarters full
  std::size_t size_ = 0;
};

}  // namespace peerscope::ppstp
