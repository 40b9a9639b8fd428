// SPDX-License-Identifier: GPL-2.0-or-later
// What becomes of a peer's request in a distributed tracker: the PPSTP request, the Stores and Fetches that it leads to
// with all their hops, and the PPSTP answer are one story. Judges the rules that only the whole shows.
//
// Nothing on the wire joins the two protocols. A Store belongs to the request of the peer in its key, a Fetch to a
// request for the swarm that hashes to its Resource-ID, both sent while the request was open or shortly after; where
// several fit, the tracker's Node-ID decides, once a Store has shown which server has it. What stays open belongs to no
// story, and a server whose Node-ID is not known is blamed for nothing. A Store with several entries belongs to the
// requests of all their peers.
//
// In service mode (DT-F9) a tracker sends the request on over PPSTP. Its transaction_id begins with that of the peer's
// request and a slash, and so it belongs to the same story, with the AppAttach before it.
//
// Messages come in the order of the capture. Memory is bounded; what does not fit is forgotten, never blamed. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "protocols/base/protocol.h"
#include "protocols/ppstp/messages.h"
#include "protocols/reload/messages.h"

namespace peerscope::systems {

// What a message is in its story.
enum class Step : std::uint8_t {
  kRequest,
  kStore,
  kCopy,
  kFetch,
  kStatus,
  kStored,
  kFetched,
  kError,
  kAnswer,
  kAttach,
  kAttached,
  kForwarded,
  kServed
};
std::string_view to_string(Step step);

struct Hop {
  std::uint64_t frame = 0;
  std::int64_t time_ns = 0;
  Step step = Step::kRequest;
};

// One request of a peer. Times are 0 until they are known.
struct Story {
  static constexpr std::size_t kMostHops = 256;
  std::uint32_t number = 0;  // from 1, when the first message of the overlay joins; 0: PPSTP alone
  std::string action;        // "CONNECT JOIN movie, peer peer-1"
  std::vector<Hop> hops;     // in the order of the capture
  std::uint64_t request_frame = 0;
  std::uint64_t answer_frame = 0;
  std::int64_t request_ns = 0;
  std::int64_t overlay_ns = 0;  // the first message of the overlay
  std::int64_t stored_ns = 0;   // the last StoreAns before the answer
  std::int64_t fetched_ns = 0;  // the last FetchAns before the answer
  std::int64_t answer_ns = 0;
};

class TrackerStories {
 public:
  static constexpr std::size_t kMostOpen = 20'000;  // requests
  static constexpr std::size_t kMostExchanges = 20'000;
  static constexpr std::size_t kMostNames = 100'000;
  static constexpr std::size_t kMostEntries = 200'000;

  TrackerStories();
  ~TrackerStories();
  TrackerStories(const TrackerStories&) = delete;
  TrackerStories& operator=(const TrackerStories&) = delete;

  struct Exchange;
  // Where a message stands. Outlives the object; empty for what belongs to no story.
  struct Place {
    std::shared_ptr<Story> request;                    // of a PPSTP message
    std::vector<std::shared_ptr<Exchange>> exchanges;  // one for each entry of a Store
    Step step = Step::kRequest;
    // Each of its stories once; null behind the last.
    const Story* story(std::size_t index = 0) const;
    explicit operator bool() const { return request != nullptr || !exchanges.empty(); }
  };

  // `message` has all the bytes that it had on the wire. `request`: what a PPSTP answer answers.
  Place look(const Protocol& protocol, const Message& message, const Message* request, std::vector<Finding>& findings);
  // "swarm movie, shard 0" for a Resource-ID; empty when no swarm or peer that was seen hashes to it.
  std::string_view name_of(std::string_view resource) const;
  void clear();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace peerscope::systems
