// SPDX-License-Identifier: GPL-2.0-or-later
// Bodies of a capture that are shown while they go on (Transport::stream): what their next part needs of those before.
// Bounded: the one that has been silent for longest goes first, and what comes of it later is judged without its past.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "harness/capture/pending.h"

namespace peerscope::harness {

struct Ongoing {
  std::optional<PendingRequests::Request> request;  // that the body answers
  std::shared_ptr<void> history;                    // Message::history
};

class OngoingBodies {
 public:
  static constexpr std::size_t kMost = 10'000;

  // Null when nothing is known of it.
  Ongoing* find(std::uint32_t stream) {
    const auto found = by_stream_.find(stream);
    if (found == by_stream_.end()) return nullptr;
    bodies_.splice(bodies_.begin(), bodies_, found->second);
    return &found->second->second;
  }
  Ongoing& of(std::uint32_t stream) {
    if (Ongoing* known = find(stream); known != nullptr) return *known;
    if (bodies_.size() >= kMost) {
      by_stream_.erase(bodies_.back().first);
      bodies_.pop_back();
    }
    bodies_.emplace_front(stream, Ongoing{});
    by_stream_.emplace(stream, bodies_.begin());
    return bodies_.front().second;
  }

 private:
  using Bodies = std::list<std::pair<std::uint32_t, Ongoing>>;  // the one seen last is the first
  Bodies bodies_;
  std::unordered_map<std::uint32_t, Bodies::iterator> by_stream_;
};

}  // namespace peerscope::harness
