// SPDX-License-Identifier: GPL-2.0-or-later
// Registry: timers, selection and the bookkeeping under a random load.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>

#include "reference-impl/net/clock.h"
#include "reference-impl/ppstp/registry.h"
#include "tests/ppstp/tracker_fixture.h"

namespace peerscope::ppstp::testing {
namespace {

PeerIndex enroll(Registry& registry, const std::string& id, const std::string& swarm) {
  const PeerIndex peer = registry.add(id);
  registry.join(peer, swarm, false);
  registry.settle(peer);
  return peer;
}

TEST(RegistryTimers, InitTimerBoundsPeerRegistered) {
  net::ManualClock clock;
  Registry registry(clock, {}, 1);
  registry.add("a");
  clock.advance(std::chrono::seconds(9));
  EXPECT_NE(registry.find("a"), kNone);
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(registry.find("a"), kNone);
  EXPECT_EQ(registry.peers(), 0U);
}

TEST(RegistryTimers, PeerRegisteredIsNotListed) {
  net::ManualClock clock;
  Registry registry(clock, {}, 1);
  registry.join(registry.add("a"), "x", false);
  std::vector<PeerIndex> chosen;
  registry.select(registry.find_swarm("x"), kNone, {}, chosen);
  EXPECT_TRUE(chosen.empty());
}

TEST(RegistryTimers, SweepIsBoundedAndNeverEarly) {
  net::ManualClock clock;
  RegistryOptions options;
  options.track_timer = std::chrono::seconds(5);
  Registry registry(clock, options, 1);
  for (int i = 0; i < 100; ++i) enroll(registry, std::to_string(i), "x");
  clock.advance(std::chrono::milliseconds(4999));
  EXPECT_FALSE(registry.sweep(1000));
  EXPECT_EQ(registry.peers(), 100U);
  clock.advance(std::chrono::milliseconds(200));
  EXPECT_TRUE(registry.sweep(30));
  EXPECT_EQ(registry.peers(), 70U);
  while (registry.sweep(30)) {
  }
  EXPECT_EQ(registry.peers(), 0U);
  EXPECT_EQ(registry.swarms(), 0U);
  EXPECT_FALSE(registry.next_sweep().has_value());
}

TEST(RegistryTimers, LongTimersOutreachTheWheel) {
  net::ManualClock clock;
  RegistryOptions options;
  options.init_timer = std::chrono::milliseconds(64);
  options.track_timer = std::chrono::hours(1);
  Registry registry(clock, options, 1);
  enroll(registry, "a", "x");
  for (int i = 0; i < 3599; ++i) {
    clock.advance(std::chrono::seconds(1));
    while (registry.sweep(10)) {
    }
  }
  EXPECT_EQ(registry.peers(), 1U);
  clock.advance(std::chrono::seconds(2));
  while (registry.sweep(10)) {
  }
  EXPECT_EQ(registry.peers(), 0U);
}

TEST(RegistrySelection, ListsAreDistinctLiveAndWithoutTheAsker) {
  for (const int size : {1, 2, 5, 29, 30, 31, 66, 67, 500, 5000}) {
    net::ManualClock clock;
    Registry registry(clock, {}, 7);
    PeerIndex asker = kNone;
    for (int i = 0; i < size; ++i) asker = enroll(registry, std::to_string(i), "x");
    for (const bool conditions : {false, true}) {
      Wanted wanted;
      wanted.conditions = conditions;
      wanted.nat = conditions ? 1 : -1;
      std::vector<PeerIndex> chosen;
      registry.select(registry.find_swarm("x"), asker, wanted, chosen);
      EXPECT_EQ(chosen.size(), static_cast<std::size_t>(std::min(size - 1, 29))) << size;
      const std::set<PeerIndex> distinct(chosen.begin(), chosen.end());
      EXPECT_EQ(distinct.size(), chosen.size());
      EXPECT_EQ(distinct.count(asker), 0U);
    }
  }
}

TEST(RegistrySelection, RandomSamplesReachEverybody) {
  net::ManualClock clock;
  Registry registry(clock, {}, 7);
  for (int i = 0; i < 100; ++i) enroll(registry, std::to_string(i), "x");
  std::map<PeerIndex, int> seen;
  std::vector<PeerIndex> chosen;
  for (int i = 0; i < 200; ++i) {
    registry.select(registry.find_swarm("x"), kNone, {}, chosen);
    for (const PeerIndex peer : chosen) ++seen[peer];
  }
  EXPECT_EQ(seen.size(), 100U);
  for (const auto& [peer, times] : seen) EXPECT_NEAR(times, 58, 35) << peer;
}

TEST(RegistrySelection, ConditionsPreferFittingPeers) {
  net::ManualClock clock;
  Registry registry(clock, {}, 7);
  for (int i = 0; i < 60; ++i) {
    const PeerIndex peer = enroll(registry, std::to_string(i), "x");
    registry[peer].abilities = {.nat = static_cast<std::int8_t>(i % 3),
                                .links = static_cast<std::uint32_t>(i),
                                .online_seconds = 0,
                                .upload_kbit_s = 1000};
  }
  Wanted wanted;
  wanted.count = 10;
  wanted.conditions = true;
  wanted.nat = 1;
  std::vector<PeerIndex> chosen;
  registry.select(registry.find_swarm("x"), kNone, wanted, chosen);
  ASSERT_EQ(chosen.size(), 10U);
  for (const PeerIndex peer : chosen)
    EXPECT_NE(registry[peer].abilities.nat, 2) << "TURN peers do not suit who prefers STUN";
}

TEST(RegistrySelection, SameNetworkIsPreferred) {
  net::ManualClock clock;
  Registry registry(clock, {}, 7);
  for (int i = 0; i < 60; ++i) {
    const PeerIndex peer = enroll(registry, std::to_string(i), "x");
    Address address;
    address.asn = i < 5 ? 64496 : 64500;
    registry.set_addresses(peer, {address});
  }
  Wanted wanted;
  wanted.count = 4;
  wanted.conditions = true;
  wanted.least_upload_kbit_s = 0;
  std::vector<PeerIndex> chosen;
  // All 60 are candidates of neither, so ask often: the near ones must come first whenever they are drawn.
  std::size_t near = 0;
  for (int i = 0; i < 50; ++i) {
    registry.select(registry.find_swarm("x"), registry.find("0"), wanted, chosen);
    for (const PeerIndex peer : chosen) near += registry[peer].addresses[0].asn == 64496 ? 1 : 0;
  }
  EXPECT_GT(near, 50U) << "a random choice would give about 14";
}

TEST(RegistrySelection, PopularSwarmsPreferStrongPeers) {
  net::ManualClock clock;
  RegistryOptions options;
  options.popular_above = 100;
  Registry registry(clock, options, 7);
  for (int i = 0; i < 400; ++i)
    registry[enroll(registry, std::to_string(i), "x")].abilities.upload_kbit_s = i % 4 == 0 ? 100000 : 10;
  Wanted wanted;
  wanted.count = 10;
  wanted.conditions = true;
  std::vector<PeerIndex> chosen;
  registry.select(registry.find_swarm("x"), kNone, wanted, chosen);
  std::size_t strong = 0;
  for (const PeerIndex peer : chosen) strong += registry[peer].abilities.upload_kbit_s > 10 ? 1 : 0;
  EXPECT_GE(strong, 8U);
}

TEST(RegistryListings, AreBoundedAndFollowAddressChanges) {
  net::ManualClock clock;
  RegistryOptions options;
  options.max_listings = 2;
  Registry registry(clock, options, 1);
  std::vector<PeerIndex> peers;
  for (int i = 0; i < 5; ++i) {
    peers.push_back(enroll(registry, std::to_string(i), "x"));
    registry.set_addresses(peers.back(), {*reflexive({"192.0.2.1", static_cast<std::uint16_t>(1000 + i)})});
  }
  for (const PeerIndex peer : peers) registry.listing(peer);
  int kept = 0;
  for (const PeerIndex peer : peers) kept += registry[peer].listing ? 1 : 0;
  EXPECT_EQ(kept, 2);
  registry.set_addresses(peers[4], {*reflexive({"2001:db8::1", 99})});
  EXPECT_NE(registry.listing(peers[4]).find("2001:db8::1"), std::string::npos);
}

// Every structure against a plain model.
TEST(RegistryModel, RandomJoinsLeavesAndRemovalsAgreeWithAModel) {
  net::ManualClock clock;
  Registry registry(clock, {}, 3);
  std::map<std::string, std::set<std::string>> model;  // swarms of each peer
  std::mt19937 random(11);
  for (int step = 0; step < 20000; ++step) {
    const std::string id = "p" + std::to_string(random() % 50);
    const std::string swarm = "s" + std::to_string(random() % 12);
    const PeerIndex peer = registry.find(id);
    ASSERT_EQ(peer != kNone, model.count(id) == 1) << step;
    switch (random() % 5) {
      case 0:
        if (peer == kNone) {
          registry.settle(registry.add(id));
          model[id];
        } else {
          registry.remove(peer);
          model.erase(id);
        }
        break;
      case 1:
      case 2:
        if (peer == kNone) break;
        ASSERT_EQ(registry.join(peer, swarm, false) == JoinResult::kJoined, model[id].insert(swarm).second);
        break;
      default:
        if (peer == kNone) break;
        ASSERT_EQ(registry.leave(peer, swarm), model[id].erase(swarm) == 1);
    }
    std::map<std::string, std::size_t> sizes;
    if (step % 500 != 0) continue;
    for (const auto& [of, swarms] : model) {
      for (const std::string& in : swarms) {
        ++sizes[in];
        EXPECT_TRUE(registry.is_member(registry.find(of), registry.find_swarm(in)));
      }
    }
    EXPECT_EQ(registry.swarms(), sizes.size());
    EXPECT_EQ(registry.peers(), model.size());
    for (const auto& [in, size] : sizes) EXPECT_EQ(registry.swarm_size(registry.find_swarm(in)), size);
  }
}

TEST(RegistryHash, IsSipHash24) {
  // The reference vector of the SipHash paper, appendix A: key 00..0f, message 00..0e.
  const HashKey key{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
  std::string message;
  for (char c = 0; c < 15; ++c) message.push_back(c);
  EXPECT_EQ(siphash(key, message), 0xa129ca6149be45e5ULL);
}

TEST(TrackerSelection, PeerCountIsRespectedClippedAndMayBeZero) {
  Rig rig;
  rig.populate("x", 100);
  EXPECT_EQ(rig.find("p0", "x", count(7)).peers().size(), 7U);
  EXPECT_EQ(rig.find("p0", "x", count(1000)).peers().size(), 29U);
  const Answer none = rig.find("p0", "x", count(0));
  EXPECT_TRUE(none.ok());
  EXPECT_FALSE(none.response.swarm_result[0].peer_group.has_value());
  const Answer first = rig.find("p0", "x");
  EXPECT_EQ(first.peers().size(), 29U);
  EXPECT_EQ(first.peers().count("p0"), 0U);
  EXPECT_NE(first.peers(), rig.find("p0", "x").peers()) << "a random sample";
}

TEST(TrackerSelection, EmptySwarmIsSuccessWithoutPeerGroup) {
  Rig rig;
  rig.connect("a", {join("x")});
  const Answer answer = rig.find("a", "x");
  EXPECT_TRUE(answer.ok());
  ASSERT_EQ(answer.response.swarm_result.size(), 1U);
  EXPECT_FALSE(answer.response.swarm_result[0].peer_group.has_value());
}

}  // namespace
}  // namespace peerscope::ppstp::testing
