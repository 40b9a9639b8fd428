// SPDX-License-Identifier: GPL-2.0-or-later
// The overlay as a connection tracker uses it: entries of swarms and statuses of peers are stored, removed and fetched,
// with patience, one repeat, shards, and a short memory of what was fetched. What is asked for together goes together:
// registrations of a swarm in one StoreReq, and one Fetch serves all who want its list.
//
// Ownership: clock and node must outlive it. Failure: a PPSTP error code (outcome.h) in the callback, which is called
// once, never inside the call that takes it, and not at all once the directory is gone. Threading: one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "reference-impl/ppstp/registry.h"
#include "reference-impl/reload/node.h"
#include "reference-impl/systems/distributed_tracker/defects.h"
#include "reference-impl/systems/distributed_tracker/outcome.h"
#include "reference-impl/systems/distributed_tracker/store_batches.h"

namespace peerscope::distributed_tracker {

struct DirectoryOptions {
  net::Duration lifetime = std::chrono::seconds(180);        // of entries: the track timer
  net::Duration patience = std::chrono::milliseconds(1500);  // for one answer; with the repeat 3 s
  net::Duration pause = std::chrono::milliseconds(500);      // before a repeat that would come too early otherwise
  net::Duration cache_age = std::chrono::seconds(10);
  std::size_t max_cached_swarms = 10'000;
  std::size_t shards_at_once = 4;  // of a swarm; more are fetched when those have too few peers
  std::uint64_t seed = 0;          // of the order of shards
  BatchOptions batches;
  Defects defects;
};

struct DirectoryStats {
  std::uint64_t stores = 0;  // as asked for; repeats count apart
  std::uint64_t removals = 0;
  std::uint64_t statuses = 0;
  std::uint64_t fetches = 0;  // of shards
  std::uint64_t cached = 0;   // answered without a fetch
  std::uint64_t repeats = 0;
  std::uint64_t failures = 0;
};

class Directory {
 public:
  using OnDone = std::function<void(ppstp::ErrorCode)>;
  using Peers = std::shared_ptr<const std::vector<ppstp::ForeignPeer>>;
  using OnFound = std::function<void(ppstp::ErrorCode, Peers)>;

  Directory(net::Clock& clock, reload::Node& node, DirectoryOptions options);
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  // While this says true nothing is repeated: a repeat is more of what there is too much of.
  void set_overloaded(std::function<bool()> overloaded) { overloaded_ = std::move(overloaded); }

  // Which entries under this node's own key lists have besides: others than its own peers may be stored there.
  void set_keeps(std::function<bool(const std::string& swarm_id, const std::string& peer_id)> keeps) {
    keeps_ = std::move(keeps);
  }

  // `transaction` is that of the PPSTP request this is for, for the log; empty: for none.
  void store(const std::string& swarm_id, const std::string& peer_id, std::string value, std::string_view transaction,
             OnDone done);
  void remove(const std::string& swarm_id, const std::string& peer_id, std::string_view transaction, OnDone done);
  void store_status(const std::string& peer_id, std::string value);
  void remove_status(const std::string& peer_id);
  // Members of a swarm that other trackers registered, each peer ID once, where it joined last: at least `count` when
  // there are so many.
  void find(const std::string& swarm_id, std::size_t count, std::string_view transaction, OnFound done);

  std::uint32_t shards() const;
  std::size_t most_bytes() const;  // of an entry
  const DirectoryStats& stats() const { return stats_; }
  const StoreBatches& batches() const { return batches_; }

 private:
  using OnAnswer = std::function<void(const reload::RequestError* error)>;
  struct Asking {
    std::function<void(OnAnswer)> send;
    OnDone done;
    Asked what = Asked::kStore;
    int sent = 0;
    net::TimerId timer = 0;
    bool over = false;
  };
  struct Waiter {
    std::size_t count;
    std::string transaction;
    OnFound done;
  };
  struct Fetch {
    std::vector<std::uint32_t> order;  // of shards still to be fetched
    std::size_t asked = 0;             // shards that were not answered yet
    bool over = false;                 // fetched() is on its way
    std::size_t count = 0;
    std::string transaction;
    net::SteadyTime begun{};
    std::map<std::string, ppstp::ForeignPeer> found;
    std::vector<ppstp::ForeignPeer> doubles;  // defects only
    ppstp::ErrorCode error = ppstp::kNoError;
    bool answered = false;
    std::vector<Waiter> waiters;
  };
  struct Cached {
    net::SteadyTime time{};
    Peers peers;
    bool complete = false;
  };

  void ask(Asked what, std::function<void(OnAnswer)> send, OnDone done);
  int transmissions() const;
  void send_once(const std::shared_ptr<Asking>& asking);
  void conclude(const std::shared_ptr<Asking>& asking, ppstp::ErrorCode code);
  net::TimerId later(net::Duration delay, std::function<void()> what);

  void write(const std::string& resource_name, reload::NewValue value, std::string_view transaction, OnDone done);
  void send_batch(const std::string& resource_name, std::shared_ptr<const StoreBatches::Batch> batch, OnDone done);
  std::size_t room_for_values() const;
  std::string entry_name(const std::string& swarm_id, const std::string& peer_id) const;
  std::string entry_key(const std::string& peer_id) const;
  std::uint32_t entry_kind() const;

  const Cached* cached(const std::string& swarm_id, std::size_t count) const;
  void remember(const std::string& swarm_id, Cached cached);
  void next_shards(const std::string& swarm_id);
  void fetch_shard(const std::string& swarm_id, std::uint32_t shard);
  void take(const std::string& swarm_id, Fetch& fetch, const std::vector<reload::FetchKindResponse>& kinds) const;
  void fetched(const std::string& swarm_id);
  bool defect(Defect which) const { return options_.defects.has(which); }

  net::Clock& clock_;
  reload::Node& node_;
  DirectoryOptions options_;
  std::mt19937_64 random_;
  DirectoryStats stats_;
  std::function<bool()> overloaded_;
  std::function<bool(const std::string&, const std::string&)> keeps_;
  std::unordered_map<std::string, Fetch> fetches_;
  std::unordered_map<std::string, Cached> cache_;
  std::deque<std::pair<net::SteadyTime, std::string>> cache_order_;
  StoreBatches batches_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace peerscope::distributed_tracker
