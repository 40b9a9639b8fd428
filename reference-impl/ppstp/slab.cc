// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/ppstp/slab.h"

namespace peerscope::ppstp {

void IdIndex::place(Slot slot) {
  std::size_t at = slot.tag & mask();
  while (slots_[at].index != kNone) at = (at + 1) & mask();
  slots_[at] = slot;
}

void IdIndex::grow() {
  std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.empty() ? 64 : slots_.size() * 2));
  for (const Slot& slot : old) {
    if (slot.index != kNone) place(slot);
  }
}

void IdIndex::insert(std::uint64_t hash, std::uint32_t index) {
  if ((size_ + 1) * 4 > slots_.size() * 3) grow();
  place({static_cast<std::uint32_t>(hash), index});
  ++size_;
}

void IdIndex::erase(std::uint64_t hash, std::uint32_t index) {
  if (slots_.empty()) return;
  std::size_t hole = static_cast<std::uint32_t>(hash) & mask();
  while (slots_[hole].index != index) {
    if (slots_[hole].index == kNone) return;
    hole = (hole + 1) & mask();
  }
  --size_;
  // Later records of the same run move up, so that no tombstones gather: one may fill the hole when its home position
  // is not between the hole and itself.
  for (std::size_t at = (hole + 1) & mask(); slots_[at].index != kNone; at = (at + 1) & mask()) {
    const std::size_t home = slots_[at].tag & mask();
    if (((at - home) & mask()) >= ((at - hole) & mask())) {
      slots_[hole] = slots_[at];
      hole = at;
    }
  }
  slots_[hole] = Slot{};
}

}  // namespace peerscope::ppstp
