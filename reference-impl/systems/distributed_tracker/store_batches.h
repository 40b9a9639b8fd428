// SPDX-License-Identifier: GPL-2.0-or-later
// Values on their way to the overlay. What comes for a resource while a StoreReq for it is on its way waits, and goes
// there together in the next one: as soon as that is answered, or after a short time. A message costs signatures and
// hops whatever is in it. The first value goes at once, so that nobody waits where nobody else does.
//
// A StoreReq is stored whole or not at all (RFC 6940 section 7.4.1.1). So when one with several values is refused, its
// halves are sent again, until the refusal is that of the value that caused it.
//
// Values for the same place go one after the other, each newer than the one before (the same section), and never two at
// a time: a repeat of the first must not replace the second.
//
// Ownership: the clock must outlive it. Failure: what `send` says, to each value. Callbacks come as `send` makes them,
// and not at all once this is gone. Threading: one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "protocols/ppstp/response.h"
#include "reference-impl/reload/node.h"

namespace peerscope::distributed_tracker {

struct BatchOptions {
  std::size_t most_values = 64;                           // in a StoreReq
  net::Duration gather = std::chrono::milliseconds(100);  // the longest that a value waits for an answer to others
};

class StoreBatches {
 public:
  using OnDone = std::function<void(ppstp::ErrorCode)>;
  struct Entry {
    reload::NewValue value;
    std::string transaction;  // of PPSTP
    OnDone done;              // may be null
  };
  using Batch = std::vector<Entry>;
  using Send = std::function<void(const std::string& resource_name, std::shared_ptr<const Batch> batch, OnDone done)>;

  // `room`: bytes that the values of a StoreReq may have together.
  StoreBatches(net::Clock& clock, BatchOptions options, std::function<std::size_t()> room, Send send);
  ~StoreBatches();
  StoreBatches(const StoreBatches&) = delete;
  StoreBatches& operator=(const StoreBatches&) = delete;

  void add(const std::string& resource_name, Entry entry);
  std::size_t waiting() const;
  std::uint64_t batches() const { return batches_; }  // without halves
  std::uint64_t halves() const { return halves_; }

 private:
  struct Line {
    std::deque<Entry> waiting;
    std::size_t under_way = 0;   // StoreReqs
    std::set<std::string> keys;  // in those
    net::TimerId timer = 0;
  };
  using Lines = std::unordered_map<std::string, Line>;

  Batch take(const std::string& resource_name, Line& line);
  bool written_now(const std::string& place);
  void flush(const std::string& resource_name);
  void arm(const std::string& resource_name, net::Duration delay);
  void dispatch(const std::string& resource_name, std::shared_ptr<const Batch> batch);
  void answered(const std::string& resource_name, const std::shared_ptr<const Batch>& batch, ppstp::ErrorCode code);

  net::Clock& clock_;
  BatchOptions options_;
  std::function<std::size_t()> room_;
  Send send_;
  Lines lines_;  // with something waiting or under way
  std::uint64_t batches_ = 0;
  std::uint64_t halves_ = 0;
  std::int64_t millisecond_ = 0;
  std::set<std::string> written_;  // places written in this millisecond
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace peerscope::distributed_tracker
