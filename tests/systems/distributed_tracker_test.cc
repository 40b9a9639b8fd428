// SPDX-License-Identifier: GPL-2.0-or-later
// The flows of the distributed tracker (docs/distributed-tracker.md) between trackers in memory.
#include "protocols/reload/protocol.h"
#include "reference-impl/systems/distributed_tracker/entry.h"
#include "tests/systems/tracker_overlay.h"

namespace peerscope::distributed_tracker::testing {
namespace {

using Peers = std::multiset<std::string>;

class DistributedTrackerTest : public TrackerOverlay {};

// ---- DT-F1, DT-F2: join and find

TEST_F(DistributedTrackerTest, JoinIsStoredAtTheResponsibleTracker) {
  make_trackers(6);
  Site& site = other_than({&responsible("swarm:movie")});
  const auto answer = connect(site, "p1", {join("movie")});
  EXPECT_EQ(answer.code(), ppstp::kNoError);
  EXPECT_EQ(answer.result(), 0);
  const auto values = stored("swarm:movie");
  ASSERT_EQ(values.size(), 1U);
  EXPECT_EQ(values.begin()->first, key_of(site, "p1"));
  EXPECT_TRUE(values.begin()->second.data.exists);
  EXPECT_EQ(values.begin()->second.data.lifetime, 180U);
  const auto peer = read_entry(values.begin()->second.data.value, "movie");
  ASSERT_TRUE(peer.has_value());
  EXPECT_EQ(peer->id, "p1");
}

TEST_F(DistributedTrackerTest, AnswerWaitsForTheStoreAnswer) {
  make_trackers(6);
  Site& owner = responsible("swarm:movie");
  const auto answer = begin_connect(other_than({&owner}), "p1", {join("movie")});
  run_until([&] { return living("swarm:movie") == 1; });
  EXPECT_FALSE(answer->has_value()) << "the StoreAns is still on its way";
  EXPECT_EQ(wait_for(answer).result(), 0);
}

TEST_F(DistributedTrackerTest, PeersOfOtherTrackersAreFound) {
  make_trackers(6);
  for (std::size_t i = 0; i < sites_.size(); ++i) connect(sites_[i], "p" + std::to_string(i), {join("movie")});
  run(std::chrono::seconds(11));  // what the first ones fetched is too old now
  for (std::size_t i = 0; i < sites_.size(); ++i) {
    Peers others;
    for (std::size_t k = 0; k < sites_.size(); ++k) {
      if (k != i) others.insert("p" + std::to_string(k));
    }
    EXPECT_EQ(find(sites_[i], "p" + std::to_string(i), "movie").peers(), others) << "at tracker " << i;
  }
}

TEST_F(DistributedTrackerTest, JoinAnswersWithPeersOfOtherTrackers) {
  make_trackers(4);
  connect(sites_[0], "seeder", {join("movie", ppstp::kSeeder)});
  EXPECT_EQ(connect(sites_[1], "leech", {join("movie")}).peers(), Peers{"seeder"});
}

TEST_F(DistributedTrackerTest, ForeignPeerIsListedAsItsOwnTrackerWould) {
  make_trackers(4);
  ppstp::Request r = request(ppstp::kRequestConnect, "far");
  ppstp::PeerAddr v6 = address("2001:db8::7", 7001, 9, "PROXY");
  v6.connection = "wireless";
  v6.asn = "64500";
  v6.peer_protocol = "PPSPP";
  r.connect =
      ppstp::Connect{.peer_num = {}, .peer_addr = {address("192.0.2.9", 9, 1), v6}, .swarm_action = {join("movie")}};
  wait_for(send(sites_[0], std::move(r)));
  connect(sites_[0], "near", {join("movie")});
  connect(sites_[1], "away", {join("movie")});
  run(std::chrono::seconds(11));
  const auto at_home = find(sites_[0], "near", "movie");
  const auto elsewhere = find(sites_[1], "away", "movie");
  const auto far_of = [](const ppstp::testing::Answer& answer) {
    for (const ppstp::PeerInfo& info : answer.response.swarm_result.at(0).peer_group->peer_info) {
      if (info.peer_id == "far") return *info.peer_addr;
    }
    return ppstp::PeerAddr{};
  };
  EXPECT_EQ(far_of(elsewhere).ip_address->address, "2001:db8::7");
  EXPECT_EQ(far_of(elsewhere).connection, "wireless");
  EXPECT_EQ(far_of(elsewhere).asn, "64500");
  EXPECT_EQ(far_of(elsewhere).peer_protocol, "PPSPP");
  EXPECT_EQ(far_of(elsewhere).priority, far_of(at_home).priority);
  EXPECT_EQ(far_of(elsewhere).type, far_of(at_home).type);
}

TEST_F(DistributedTrackerTest, CacheServesForTenSeconds) {
  make_trackers(4);
  connect(sites_[0], "a", {join("movie")});
  const std::uint64_t fetched = sites_[0].tracker->directory().stats().fetches;
  EXPECT_TRUE(find(sites_[0], "a", "movie").peers().empty());
  EXPECT_EQ(sites_[0].tracker->directory().stats().fetches, fetched);
  connect(sites_[1], "b", {join("movie")});
  pass(10);
  EXPECT_EQ(find(sites_[0], "a", "movie").peers(), Peers{"b"});
  EXPECT_GT(sites_[0].tracker->directory().stats().fetches, fetched);
}

TEST_F(DistributedTrackerTest, NothingIsAskedForBadRequests) {
  make_trackers(4);
  EXPECT_EQ(find(sites_[0], "stranger", "movie").code(), ppstp::kForbiddenAction);
  EXPECT_EQ(connect(sites_[0], "stranger", {leave("movie")}).code(), ppstp::kForbiddenAction);
  const DirectoryStats& stats = sites_[0].tracker->directory().stats();
  EXPECT_EQ(stats.stores + stats.removals + stats.fetches, 0U);
}

// ---- DT-F3: leave

TEST_F(DistributedTrackerTest, LeaveIsStoredAsWhatDoesNotExist) {
  make_trackers(4);
  Site& site = other_than({&responsible("swarm:movie")});
  connect(site, "p", {join("movie"), join("song")});
  EXPECT_EQ(connect(site, "p", {leave("movie")}).result(), 0);
  const auto values = stored("swarm:movie");
  ASSERT_TRUE(values.contains(key_of(site, "p")));
  EXPECT_FALSE(values.at(key_of(site, "p")).data.exists);
  EXPECT_EQ(living("swarm:song"), 1U);
}

TEST_F(DistributedTrackerTest, WhoLeftIsFoundNowhereAfterTheCachesAge) {
  make_trackers(4);
  connect(sites_[0], "a", {join("movie")});
  connect(sites_[1], "b", {join("movie")});
  ASSERT_EQ(find(sites_[1], "b", "movie").peers(), Peers{"a"});
  connect(sites_[0], "a", {leave("movie")});
  pass(10);
  EXPECT_TRUE(find(sites_[1], "b", "movie").peers().empty());
}

TEST_F(DistributedTrackerTest, JoinAfterLeaveInTheSameMillisecondCounts) {
  make_trackers(1);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(connect(sites_[0], "a", {join("movie")}).result(), 0);
    EXPECT_EQ(connect(sites_[0], "a", {leave("movie")}).result(), 0);
  }
  EXPECT_EQ(connect(sites_[0], "a", {join("movie")}).result(), 0);
  EXPECT_EQ(living("swarm:movie"), 1U);
}

// ---- DT-F4, DT-F5: refresh and expiry

TEST_F(DistributedTrackerTest, EntryIsStoredAgainAtHalfOfItsLifetime) {
  make_trackers(4);
  connect(sites_[0], "a", {join("movie")});
  const DirectoryStats& stats = sites_[0].tracker->directory().stats();
  pass(60);
  report(sites_[0], "a", {stat("movie")});
  pass(1);
  EXPECT_EQ(stats.stores, 1U) << "more than half is left";
  pass(30);  // 91 s: the report of 60 s makes the registration last until 240 s
  EXPECT_EQ(stats.stores, 2U);
  pass(120);
  EXPECT_EQ(living("swarm:movie"), 1U);
}

TEST_F(DistributedTrackerTest, ReportBehindHalfTimeRefreshesAtOnce) {
  make_trackers(4);
  connect(sites_[0], "a", {join("movie")});
  pass(100);
  EXPECT_EQ(sites_[0].tracker->directory().stats().stores, 1U) << "nothing was heard of the peer";
  report(sites_[0], "a", {stat("movie")});
  EXPECT_EQ(sites_[0].tracker->directory().stats().stores, 2U);
}

TEST_F(DistributedTrackerTest, SilentPeerDisappearsEverywhere) {
  make_trackers(4);
  connect(sites_[0], "a", {join("movie")});
  pass(179);
  connect(sites_[1], "b", {join("movie")});
  pass(2);
  EXPECT_FALSE(stored("swarm:movie").contains(key_of(sites_[0], "a")) &&
               stored("swarm:movie").at(key_of(sites_[0], "a")).data.exists);
  pass(10);
  EXPECT_TRUE(find(sites_[1], "b", "movie").peers().empty());
  EXPECT_EQ(sites_[0].tracker->published(), 0U);
}

TEST_F(DistributedTrackerTest, EntriesOfADeadTrackerVanishAfterTheirLifetime) {
  make_trackers(6);
  Site& doomed = other_than({&responsible("swarm:movie")});
  Site& other = other_than({&doomed});
  connect(doomed, "a", {join("movie")});
  connect(other, "b", {join("movie")});
  kill(doomed);
  pass(20);
  EXPECT_EQ(find(other, "b", "movie").peers(), Peers{"a"}) << "its lifetime is not over";
  for (int i = 0; i < 4; ++i) {
    pass(45);
    report(other, "b", {stat("movie")});
  }
  EXPECT_TRUE(find(other, "b", "movie").peers().empty());
}

TEST_F(DistributedTrackerTest, NewAddressReachesOtherSwarmsToo) {
  make_trackers(4);
  connect(sites_[0], "a", {join("movie")});
  connect(sites_[0], "a", {join("song")});  // from another port, as this fixture has it
  pass(1);
  ppstp::ForeignPeer movie = *read_entry(stored("swarm:movie").begin()->second.data.value, "movie");
  ppstp::ForeignPeer song = *read_entry(stored("swarm:song").begin()->second.data.value, "song");
  EXPECT_EQ(movie.listing, song.listing);
}

// ---- DT-F6: failures

TEST_F(DistributedTrackerTest, RegistrationsSurviveTheLossOfTheResponsibleTracker) {
  make_trackers(8);
  Site& owner = responsible("swarm:movie");
  Site& first = other_than({&owner});
  Site& second = other_than({&owner, &first});
  connect(first, "a", {join("movie")});
  connect(second, "b", {join("movie")});
  pass(11);
  kill(owner);
  const net::SteadyTime killed = clock_.now();
  ppstp::testing::Answer answer;
  while (clock_.now() - killed < std::chrono::seconds(5)) {
    answer = find(second, "b", "movie");
    if (answer.ok()) break;
    EXPECT_EQ(answer.code(), ppstp::kServiceUnavailable);
  }
  EXPECT_EQ(answer.peers(), Peers{"a"});
  EXPECT_EQ(connect(first, "c", {join("movie")}).result(), 0);
}

TEST_F(DistributedTrackerTest, NoAnswerIsServiceUnavailableAndUndone) {
  make_trackers(2);
  Site& owner = responsible("swarm:movie");
  Site& site = other_than({&owner});
  network_.set_loss(1);
  const net::SteadyTime asked = clock_.now();
  const auto answer = connect(site, "a", {join("movie")});
  EXPECT_EQ(answer.code(), ppstp::kServiceUnavailable);
  EXPECT_TRUE(answer.response.swarm_result.empty());
  EXPECT_LE(clock_.now() - asked, std::chrono::milliseconds(3050));
  EXPECT_EQ(site.tracker->directory().stats().repeats, 3U) << "of store, fetch and status, once each";
  EXPECT_EQ(site.tracker->tracker().registry().peers(), 0U) << "the registration is undone";
}

TEST_F(DistributedTrackerTest, FullShardIsInternalError) {
  for (reload::KindBlock& block : configuration_.required_kinds) {
    if (block.kind.id == reload::kPpspSwarmKind) block.kind.max_count = 2;
  }
  make_trackers(3);
  connect(sites_[0], "a", {join("movie")});
  connect(sites_[1], "b", {join("movie")});
  EXPECT_EQ(connect(sites_[2], "c", {join("movie")}).code(), ppstp::kInternalServerError);
  const auto both = connect(sites_[2], "c", {join("movie"), join("song")});
  EXPECT_EQ(both.code(), ppstp::kNoError);
  EXPECT_EQ(both.result(0), 1);
  EXPECT_EQ(both.result(1), 0);
  EXPECT_EQ(find(sites_[2], "c", "movie").code(), ppstp::kForbiddenAction) << "not a member";
}

// ---- a crowd at one tracker

TEST_F(DistributedTrackerTest, JoinsOfOneSwarmShareTheirStores) {
  make_trackers(6);
  Site& site = other_than({&responsible("swarm:movie")});
  std::vector<Pending> pending;
  for (int i = 0; i < 40; ++i) pending.push_back(begin_connect(site, "p" + std::to_string(i), {join("movie")}));
  for (const Pending& one : pending) EXPECT_EQ(wait_for(one).result(), 0);
  EXPECT_EQ(living("swarm:movie"), 40U);
  const Directory& directory = site.tracker->directory();
  EXPECT_EQ(directory.stats().stores, 40U);
  EXPECT_LE(directory.batches().batches() - directory.stats().statuses, 3U);
  EXPECT_EQ(directory.stats().fetches, 1U) << "one Fetch serves all who ask meanwhile";
}

TEST_F(DistributedTrackerTest, WhatAFullShardCannotTakeFailsAlone) {
  constexpr int kRoom = 64;
  constexpr int kTooMany = 5;
  Options options;
  options.admission.start = 100;
  make_trackers(4, options);
  Site& site = other_than({&responsible("swarm:movie")});
  connect(site, "first", {join("movie")});
  std::vector<Pending> pending;
  for (int i = 1; i < kRoom + kTooMany; ++i)
    pending.push_back(begin_connect(site, "p" + std::to_string(i), {join("movie")}));
  int refused = 0;
  for (const Pending& one : pending) {
    const auto answer = wait_for(one);
    refused += answer.code() == ppstp::kInternalServerError;
    EXPECT_TRUE(answer.code() == ppstp::kInternalServerError || answer.result() == 0);
  }
  EXPECT_EQ(refused, kTooMany);
  EXPECT_EQ(living("swarm:movie"), static_cast<std::size_t>(kRoom));
  EXPECT_EQ(site.tracker->tracker().registry().peers(), static_cast<std::size_t>(kRoom));
}

TEST_F(DistributedTrackerTest, FailedLeaveLeavesThePeerAMember) {
  make_trackers(2);
  Site& site = other_than({&responsible("swarm:movie")});
  connect(site, "a", {join("movie")});
  network_.set_loss(1);
  EXPECT_EQ(connect(site, "a", {leave("movie")}).code(), ppstp::kServiceUnavailable);
  network_.set_loss(0);
  EXPECT_EQ(find(site, "a", "movie").code(), ppstp::kNoError);
  pass(20);
  EXPECT_EQ(living("swarm:movie"), 1U);
}

TEST_F(DistributedTrackerTest, TooManyWaitingRequestsAreRefused) {
  Options options;
  options.admission.most = 3;
  make_trackers(4, options);
  Site& site = other_than({&responsible("swarm:movie")});
  std::vector<Pending> pending;
  for (int i = 0; i < 5; ++i) pending.push_back(begin_connect(site, "p" + std::to_string(i), {join("movie")}));
  EXPECT_EQ(wait_for(pending[4]).code(), ppstp::kServiceUnavailable);
  EXPECT_EQ(wait_for(pending[3]).code(), ppstp::kServiceUnavailable);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(wait_for(pending[static_cast<std::size_t>(i)]).result(), 0);
  EXPECT_EQ(site.tracker->admission().waiting(), 0U);
}

// ---- DT-F7, DT-F8

TEST_F(DistributedTrackerTest, SwarmsOfOneConnectAreStoredInParallel) {
  make_trackers(6);
  std::vector<ppstp::SwarmAction> one{join("s0")};
  std::vector<ppstp::SwarmAction> many;
  for (int i = 0; i < 12; ++i) many.push_back(join("s" + std::to_string(i)));
  const auto time_of = [&](const std::string& peer, const std::vector<ppstp::SwarmAction>& actions) {
    const net::SteadyTime start = clock_.now();
    EXPECT_EQ(connect(sites_[0], peer, actions).response.swarm_result.size(), actions.size());
    return clock_.now() - start;
  };
  time_of("warm", many);
  const net::Duration longest_of_one = std::chrono::milliseconds(200);  // log2(6)/2 hops of 10 ms there and back
  EXPECT_LT(time_of("a", one), longest_of_one);
  EXPECT_LT(time_of("b", many), longest_of_one);
}

TEST_F(DistributedTrackerTest, PeerThatMovedIsListedOnceAndWhereItIs) {
  make_trackers(4);
  connect(sites_[0], "mover", {join("movie")});
  pass(5);
  connect(sites_[1], "mover", {join("movie")});
  connect(sites_[2], "asker", {join("movie")});
  pass(11);
  const auto answer = find(sites_[2], "asker", "movie");
  ASSERT_EQ(answer.peers(), Peers{"mover"});
  const auto entry = *read_entry(stored("swarm:movie").at(key_of(sites_[1], "mover")).data.value, "movie");
  const auto port = *answer.response.swarm_result[0].peer_group->peer_info[0].peer_addr->port;
  EXPECT_NE(entry.listing.find(std::to_string(port)), std::string::npos);
  // Its old tracker knows that it is elsewhere now.
  connect(sites_[0], "stayer", {join("movie")});
  pass(11);
  const auto old = find(sites_[0], "stayer", "movie");
  EXPECT_EQ(old.peers(), (Peers{"asker", "mover"}));
  for (const ppstp::PeerInfo& info : old.response.swarm_result[0].peer_group->peer_info) {
    if (info.peer_id != "mover") continue;
    EXPECT_EQ(*info.peer_addr->port, port);
  }
}

// ---- shards

TEST_F(DistributedTrackerTest, ThousandPeersInSixteenShards) {
  configuration_.ppsp_shards = 16;
  for (reload::KindBlock& block : configuration_.required_kinds) {
    if (block.kind.id == reload::kPpspSwarmKind) block.kind.max_count = 100;  // chance fills some of them more
  }
  make_trackers(8);
  std::vector<Pending> pending;
  for (int i = 0; i < 1000; ++i) {
    pending.push_back(begin_connect(sites_[static_cast<std::size_t>(i) % 8], "p" + std::to_string(i), {join("big")}));
    if (i % 20 == 19) pass(0.2);
  }
  for (const Pending& one : pending) ASSERT_EQ(wait_for(one).result(), 0);
  std::size_t entries = 0;
  for (std::uint32_t shard = 0; shard < 16; ++shard) entries += living(reload::swarm_resource_name("big", shard));
  EXPECT_EQ(entries, 1000U);
  EXPECT_TRUE(stored("swarm:big#" + std::to_string(reload::shard_of("p7", 16))).contains(key_of(sites_[7], "p7")));
  pass(10);
  EXPECT_EQ(find(sites_[3], "p3", "big", count(29)).peers().size(), 29U);
}

class DistributedTrackerShards : public TrackerOverlay {
 protected:
  // How long a FIND takes in a swarm of so many peers in sixteen shards, and how many of them were fetched.
  std::pair<net::Duration, std::uint64_t> find_with(std::size_t shards_at_once, std::size_t peers) {
    configuration_.ppsp_shards = 16;
    Options options;
    options.directory.shards_at_once = shards_at_once;
    make_trackers(8, options);
    for (std::size_t i = 0; i < peers; ++i) connect(sites_[1], "p" + std::to_string(i), {join("movie")});
    connect(sites_[0], "asker", {join("movie")});
    pass(11);  // the cache
    const net::SteadyTime begun = clock_.now();
    const std::uint64_t before = sites_[0].tracker->directory().stats().fetches;
    EXPECT_EQ(find(sites_[0], "asker", "movie", count(5)).peers().size(), std::min<std::size_t>(5, peers));
    return {clock_.now() - begun, sites_[0].tracker->directory().stats().fetches - before};
  }
};

TEST_F(DistributedTrackerShards, AFewAreFetchedAtOnce) {
  const auto [took, fetched] = find_with(4, 1);
  EXPECT_EQ(fetched, 16U);
  EXPECT_LT(took, std::chrono::milliseconds(250));
}

TEST_F(DistributedTrackerShards, InTurnTheyTakeMuchLonger) {
  const auto [took, fetched] = find_with(1, 1);
  EXPECT_EQ(fetched, 16U);
  EXPECT_GT(took, std::chrono::milliseconds(300));
}

TEST_F(DistributedTrackerShards, NoMoreAreFetchedThanAreNeeded) {
  const auto [took, fetched] = find_with(4, 100);
  EXPECT_GE(fetched, 1U);
  EXPECT_LE(fetched, 8U) << "six peers in each of them";
}

TEST_F(DistributedTrackerTest, SmallSwarmIsFoundInAllShards) {
  configuration_.ppsp_shards = 16;
  make_trackers(4);
  for (int i = 0; i < 8; ++i)
    connect(sites_[static_cast<std::size_t>(i) % 4], "p" + std::to_string(i), {join("small")});
  pass(10);
  EXPECT_EQ(find(sites_[0], "p0", "small").peers().size(), 7U);
}

// ---- selection and status

TEST_F(DistributedTrackerTest, OwnPeersComeFirst) {
  make_trackers(4);
  for (int i = 0; i < 10; ++i) connect(sites_[1], "far" + std::to_string(i), {join("movie")});
  for (int i = 0; i < 4; ++i) connect(sites_[0], "near" + std::to_string(i), {join("movie")});
  pass(10);
  for (int round = 0; round < 5; ++round) {
    const auto list = find(sites_[0], "near0", "movie", count(5)).peers();
    EXPECT_EQ(list.size(), 5U);
    EXPECT_EQ(std::count_if(list.begin(), list.end(), [](const std::string& id) { return id.starts_with("near"); }), 3);
  }
}

TEST_F(DistributedTrackerTest, ConditionsChooseAmongForeignPeers) {
  make_trackers(4);
  for (int i = 0; i < 20; ++i) {
    ppstp::PeerNum num;
    num.peer_count = 1;
    num.upload_bandwidth = i == 7 ? 50'000 : 100;
    connect(sites_[1], "far" + std::to_string(i), {join("movie")}, num);
  }
  connect(sites_[0], "asker", {join("movie")});
  pass(10);
  ppstp::PeerNum wanted;
  wanted.peer_count = 1;
  wanted.upload_bandwidth = 10'000;
  EXPECT_EQ(find(sites_[0], "asker", "movie", wanted).peers(), Peers{"far7"});
}

TEST_F(DistributedTrackerTest, StaticStatusIsInTheEntry) {
  make_trackers(4);
  ppstp::PeerNum num;
  num.peer_count = 5;
  num.ability_nat = "STUN";
  num.upload_bandwidth = 3000;
  num.online_time = 77;
  connect(sites_[0], "a", {join("movie")}, num);
  const auto peer = read_entry(stored("swarm:movie").begin()->second.data.value, "movie");
  ASSERT_TRUE(peer.has_value());
  EXPECT_EQ(peer->abilities.nat, 1);
  EXPECT_EQ(peer->abilities.upload_kbit_s, 3000U);
  EXPECT_EQ(peer->abilities.online_seconds, 77U);
}

TEST_F(DistributedTrackerTest, PeerStatusIsStoredAtMostOnceAMinute) {
  make_trackers(4);
  connect(sites_[0], "a", {join("movie")});
  const DirectoryStats& stats = sites_[0].tracker->directory().stats();
  EXPECT_EQ(stats.statuses, 1U);
  for (int i = 0; i < 12; ++i) {
    pass(10);
    report(sites_[0], "a", {stat("movie")});
  }
  EXPECT_EQ(stats.statuses, 3U);
  const auto values = stored("peer:a", reload::kPpspPeerStatusKind);
  ASSERT_EQ(values.size(), 1U);
  EXPECT_EQ(values.begin()->first, sites_[0].member->id.str());
  reload::PeerStatus status;
  ASSERT_TRUE(reload::decode_part(values.begin()->second.data.value, status, &overlay()->context));
  EXPECT_EQ(status.uploaded, 1U);
  EXPECT_EQ(status.downloaded, 2U);
  ASSERT_EQ(status.swarms.size(), 1U);
  EXPECT_EQ(status.swarms[0].swarm_id, "movie");
}

TEST_F(DistributedTrackerTest, StatusGoesWithTheLastSwarm) {
  make_trackers(4);
  connect(sites_[0], "a", {join("movie"), join("song")});
  connect(sites_[0], "a", {leave("movie")});
  pass(1);
  EXPECT_EQ(living("peer:a", reload::kPpspPeerStatusKind), 1U);
  connect(sites_[0], "a", {leave("song")});
  pass(1);
  EXPECT_EQ(living("peer:a", reload::kPpspPeerStatusKind), 0U);
}

TEST_F(DistributedTrackerTest, WithoutPlacementEThereIsNoPeerStatus) {
  configuration_.ppsp_status_placement = "BD";
  make_trackers(3);
  connect(sites_[0], "a", {join("movie")});
  pass(1);
  EXPECT_EQ(living("peer:a", reload::kPpspPeerStatusKind), 0U);
}

// ---- access control

TEST_F(DistributedTrackerTest, EntryUnderAnotherTrackersKeyIsForbidden) {
  make_trackers(4);
  reload::NewValue forged;
  forged.kind = reload::kPpspSwarmKind;
  forged.key = key_of(sites_[1], "victim");
  forged.value = "x";
  const auto reply = store(*sites_[0].member->node, sites_[0].member->node->resource_id("swarm:movie"), {forged});
  ASSERT_FALSE(reply.ok());
  EXPECT_EQ(reply.error().code, reload::kForbidden);
}

TEST_F(DistributedTrackerTest, ForeignValuesThatAreNotReadableAreLeftOut) {
  make_trackers(4);
  connect(sites_[0], "a", {join("movie")});
  reload::NewValue odd;
  odd.kind = reload::kPpspSwarmKind;
  odd.key = key_of(sites_[1], "odd");
  odd.value = "\x07not an entry";
  ASSERT_TRUE(store(*sites_[1].member->node, sites_[1].member->node->resource_id("swarm:movie"), {odd}).ok());
  pass(10);
  EXPECT_TRUE(find(sites_[0], "a", "movie").peers().empty());
}

}  // namespace
}  // namespace peerscope::distributed_tracker::testing
