// SPDX-License-Identifier: GPL-2.0-or-later
// Each named defect of the distributed tracker does what it says, and nothing of that is seen without it.
#include <functional>

#include "reference-impl/systems/distributed_tracker/entry.h"
#include "tests/systems/tracker_overlay.h"

namespace peerscope::distributed_tracker::testing {
namespace {

using Peers = std::multiset<std::string>;

class Bench;
struct Case {
  Defect defect;
  std::function<bool(Bench&)> wrong;  // whether the mistake is seen
  std::function<void(reload::OverlayConfiguration&)> shape = {};
};

class Bench : public TrackerOverlay {
 public:
  using Overlay = TrackerOverlay;
  using Overlay::begin_connect;
  using Overlay::connect;
  using Overlay::find;
  using Overlay::key_of;
  using Overlay::kill;
  using Overlay::living;
  using Overlay::network_;
  using Overlay::other_than;
  using Overlay::pass;
  using Overlay::report;
  using Overlay::responsible;
  using Overlay::run_until;
  using Overlay::serve_all;
  using Overlay::sites_;
  using Overlay::spoil_;
  using Overlay::store;
  using Overlay::stored;
  using Overlay::wait_for;
  const DirectoryStats& stats(std::size_t i) { return sites_[i].tracker->directory().stats(); }
  net::SteadyTime now() const { return clock_.now(); }

  bool seen(const Case& row, bool with) {
    if (row.shape) row.shape(configuration_);
    Options options;
    if (with) options.defects.add(row.defect);
    make_trackers(6, options);
    return row.wrong(*this);
  }
  void TestBody() override {}
};

bool store_is_missing(Bench& b) {
  b.connect(b.sites_[0], "a", {join("movie")});
  return b.living("swarm:movie") != 1;
}

const std::vector<Case>& cases() {
  static const std::vector<Case> kCases = {
      {Defect::kDoesNotStore, store_is_missing},
      {Defect::kStatusKindForSwarm, store_is_missing},
      {Defect::kNameWithoutPrefix, store_is_missing},
      {Defect::kAnswersBeforeStore,
       [](Bench& b) {
         auto& far = b.other_than({&b.responsible("swarm:movie")});
         // A SEEDER without peer_num gets no list: nothing but the store holds its answer up.
         return b.begin_connect(far, "a", {join("movie", ppstp::kSeeder)})->has_value();
       }},
      {Defect::kStoreErrorIsSuccess,
       [](Bench& b) {
         auto& far = b.other_than({&b.responsible("swarm:movie")});
         b.network_.set_loss(1);
         return b.connect(far, "a", {join("movie")}).ok();
       }},
      {Defect::kEveryErrorIsInternal,
       [](Bench& b) {
         auto& far = b.other_than({&b.responsible("swarm:movie")});
         b.network_.set_loss(1);
         return b.connect(far, "a", {join("movie")}).code() != ppstp::kServiceUnavailable;
       }},
      {Defect::kOwnPeersOnly,
       [](Bench& b) {
         b.connect(b.sites_[0], "a", {join("movie")});
         return b.connect(b.sites_[1], "b", {join("movie")}).peers() != Peers{"a"};
       }},
      {Defect::kNoRepeat,
       [](Bench& b) {
         auto& far = b.other_than({&b.responsible("swarm:movie")});
         b.network_.set_loss(1);
         const auto answer = b.begin_connect(far, "a", {join("movie")});
         b.pass(1);
         b.network_.set_loss(0);
         return b.wait_for(answer).code() != ppstp::kNoError && far.tracker->directory().stats().repeats == 0;
       },
       // The overlay's own retransmission would hide it.
       [](reload::OverlayConfiguration& c) { c.overlay_reliability_timer = 60'000; }},
      {Defect::kPeerFirstInKey,
       [](Bench& b) {
         b.connect(b.sites_[0], "a", {join("movie")});
         return !b.stored("swarm:movie").contains(b.key_of(b.sites_[0], "a"));
       }},
      {Defect::kAnyPrefix,
       [](Bench& b) {
         reload::NewValue forged;
         forged.kind = reload::kPpspSwarmKind;
         forged.key = b.key_of(b.sites_[1], "victim");
         reload::Node& node = *b.sites_[0].member->node;
         return b.store(node, node.resource_id("swarm:movie"), {forged}).ok();
       }},
      {Defect::kLifetimeOfADay,
       [](Bench& b) {
         b.connect(b.sites_[0], "a", {join("movie")});
         return b.stored("swarm:movie").begin()->second.data.lifetime != 180;
       }},
      {Defect::kNoRefresh,
       [](Bench& b) {
         b.connect(b.sites_[0], "a", {join("movie")});
         for (int i = 0; i < 4; ++i) {
           b.pass(60);
           b.report(b.sites_[0], "a", {stat("movie")});
         }
         return b.living("swarm:movie") != 1;
       }},
      {Defect::kRefreshEveryTime,
       [](Bench& b) {
         b.connect(b.sites_[0], "a", {join("movie")});
         const std::uint64_t before = b.stats(0).stores;
         for (int i = 0; i < 4; ++i) {
           b.pass(5);
           b.report(b.sites_[0], "a", {stat("movie")});
         }
         return b.stats(0).stores != before;
       }},
      {Defect::kLeaveNotStored,
       [](Bench& b) {
         b.connect(b.sites_[0], "a", {join("movie")});
         b.connect(b.sites_[0], "a", {leave("movie")});
         return b.living("swarm:movie") != 0;
       }},
      {Defect::kLeaveStoresEmptyValue,
       [](Bench& b) {
         b.connect(b.sites_[0], "a", {join("movie")});
         b.connect(b.sites_[0], "a", {leave("movie")});
         return b.living("swarm:movie") != 0;
       }},
      {Defect::kStaleCache,
       [](Bench& b) {
         b.connect(b.sites_[0], "a", {join("movie")});
         b.connect(b.sites_[1], "b", {join("movie")});
         b.pass(11);
         return b.find(b.sites_[0], "a", "movie").peers() != Peers{"b"};
       }},
      {Defect::kExpiryNotStored,
       [](Bench& b) {
         b.connect(b.sites_[0], "a", {join("movie")});
         b.pass(182);
         const auto values = b.stored("swarm:movie");
         const auto entry = values.find(b.key_of(b.sites_[0], "a"));
         return entry == values.end() || entry->second.data.exists;
       }},
      {Defect::kFirstStoreOnly,
       [](Bench& b) {
         b.connect(b.sites_[0], "a", {join("movie"), join("song")});
         return b.living("swarm:song") != 1;
       }},
      {Defect::kOneStoreAtATime,
       [](Bench& b) {
         const auto answer = b.begin_connect(b.sites_[0], "a", {join("s1"), join("s2"), join("s3")});
         const std::uint64_t at_once = b.stats(0).stores;
         b.wait_for(answer);
         return at_once != 3;
       }},
      {Defect::kDuplicatesListed,
       [](Bench& b) {
         b.connect(b.sites_[0], "mover", {join("movie")});
         b.pass(1);
         b.connect(b.sites_[1], "mover", {join("movie")});
         return b.connect(b.sites_[2], "asker", {join("movie")}).peers() != Peers{"mover"};
       }},
      {Defect::kOldestWins,
       [](Bench& b) {
         b.connect(b.sites_[0], "mover", {join("movie")});
         b.pass(1);
         b.connect(b.sites_[1], "mover", {join("movie")});
         const auto entry = read_entry(b.stored("swarm:movie").at(b.key_of(b.sites_[1], "mover")).data.value, "movie");
         const auto answer = b.connect(b.sites_[2], "asker", {join("movie")});
         return answer.body.find(entry->listing) == std::string::npos;
       }},
      {Defect::kShardByLastBytes,
       [](Bench& b) {
         bool wrong = false;
         for (int i = 0; i < 8; ++i) {
           const std::string peer = "p" + std::to_string(i);
           b.connect(b.sites_[0], peer, {join("movie")});
           const auto shard = reload::swarm_resource_name("movie", reload::shard_of(peer, 16));
           wrong = wrong || !b.stored(shard).contains(b.key_of(b.sites_[0], peer));
         }
         return wrong;
       },
       [](reload::OverlayConfiguration& c) { c.ppsp_shards = 16; }},
      {Defect::kFirstShardOnly,
       [](Bench& b) {
         for (int i = 0; i < 8; ++i) b.connect(b.sites_[0], "p" + std::to_string(i), {join("movie")});
         return b.connect(b.sites_[1], "asker", {join("movie")}).peers().size() != 8;
       },
       [](reload::OverlayConfiguration& c) { c.ppsp_shards = 16; }},
      {Defect::kForeignPeersFirst,
       [](Bench& b) {
         for (int i = 0; i < 10; ++i) b.connect(b.sites_[1], "far" + std::to_string(i), {join("movie")});
         b.connect(b.sites_[0], "near", {join("movie")});
         b.connect(b.sites_[0], "asker", {join("movie")});
         bool wrong = false;
         for (int i = 0; i < 8; ++i)
           wrong = wrong || !b.find(b.sites_[0], "asker", "movie", count(1)).peers().contains("near");
         return wrong;
       }},
      {Defect::kNoStatusInEntry,
       [](Bench& b) {
         ppstp::PeerNum num;
         num.peer_count = 1;
         num.upload_bandwidth = 4000;
         b.connect(b.sites_[0], "a", {join("movie")}, num);
         const auto entry = read_entry(b.stored("swarm:movie").begin()->second.data.value, "movie");
         return entry->abilities.upload_kbit_s != 4000;
       }},
      {Defect::kServiceErrorIsSuccess,
       [](Bench& b) {
         b.serve_all();
         auto& far = b.other_than({&b.responsible("swarm:movie")});
         b.spoil_ = "{}";
         return b.connect(far, "a", {join("movie")}).ok();
       }},
      {Defect::kServiceOwnPeersOnly,
       [](Bench& b) {
         b.serve_all();
         auto& there = b.responsible("swarm:movie");
         b.connect(there, "a", {join("movie")});
         return b.connect(b.other_than({&there}), "b", {join("movie")}).peers() != Peers{"a"};
       }},
      {Defect::kStatusWithEveryReport,
       [](Bench& b) {
         b.connect(b.sites_[0], "a", {join("movie")});
         for (int i = 0; i < 4; ++i) {
           b.pass(5);
           b.report(b.sites_[0], "a", {stat("movie")});
         }
         return b.stats(0).statuses != 1;
       }},
  };
  return kCases;
}

class DistributedTrackerDefects : public ::testing::TestWithParam<std::size_t> {};

TEST_P(DistributedTrackerDefects, IsSeen) {
  Bench bench;
  EXPECT_TRUE(bench.seen(cases()[GetParam()], true));
}

TEST_P(DistributedTrackerDefects, IsNotSeenWithoutIt) {
  Bench bench;
  EXPECT_FALSE(bench.seen(cases()[GetParam()], false));
}

std::string name_of(std::size_t index) {
  std::string name = defects()[static_cast<std::size_t>(cases()[index].defect)].name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Each, DistributedTrackerDefects, ::testing::Range<std::size_t>(0, cases().size()),
                         [](const auto& test) { return name_of(test.param); });

TEST(DistributedTrackerDefectTable, EveryDefectHasACase) {
  std::set<Defect> covered;
  for (const Case& row : cases()) covered.insert(row.defect);
  EXPECT_EQ(covered.size(), static_cast<std::size_t>(Defect::kCount));
  EXPECT_GE(covered.size(), 15U);
  for (const DefectRow& row : defects())
    EXPECT_TRUE(std::string_view(row.requirements).starts_with("SD-DT-")) << row.name;
}

TEST(DistributedTrackerDefectTable, UnknownNameTellsTheNearest) {
  const auto unknown = parse_distributed_tracker_defects({"stale-cash"});
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.error().message.find("stale-cache"), std::string::npos);
}

}  // namespace
}  // namespace peerscope::distributed_tracker::testing
