// SPDX-License-Identifier: GPL-2.0-or-later
// Storing and fetching: data models, rights, counters, lifetimes, bounds, copies.
#include <limits>

#include "protocols/reload/protocol.h"
#include "protocols/reload/security/crypto.h"
#include "reference-impl/reload/policy.h"
#include "tests/reload_node/overlay_fixture.h"

namespace peerscope::reload::test {
namespace {

class StoringNode : public OverlayFixture {
 protected:
  std::string own_place(Member& member) { return member.node->resource_id(member.user); }
  NewValue value(std::uint32_t kind, std::string bytes) {
    NewValue made;
    made.kind = kind;
    made.value = std::move(bytes);
    return made;
  }
};

TEST_F(StoringNode, SingleValueComesBackFromEveryNode) {
  make_ring(6);
  const std::string place = own_place(*members_[2]);
  ASSERT_TRUE(store(*members_[2]->node, place, {value(kPrivateKind, "hello")}).ok());
  for (auto& member : members_) EXPECT_EQ(fetched(*member->node, place, kPrivateKind), "hello");
}

TEST_F(StoringNode, ArrayAppendsAndDictionaryReplaces) {
  make_ring(3);
  Member& owner = *members_[1];
  const std::string place = own_place(owner);
  ASSERT_TRUE(store(*owner.node, place, {value(kPrivateArray, "a")}).ok());
  run(std::chrono::milliseconds(5));
  ASSERT_TRUE(store(*owner.node, place, {value(kPrivateArray, "b")}).ok());
  EXPECT_EQ(fetched(*owner.node, place, kPrivateArray), "a b");
  NewValue entry = value(kPrivateDictionary, "one");
  entry.key = owner.id.str();
  ASSERT_TRUE(store(*owner.node, place, {entry}).ok());
  run(std::chrono::milliseconds(5));
  entry.value = "two";
  ASSERT_TRUE(store(*owner.node, place, {entry}).ok());
  EXPECT_EQ(fetched(*owner.node, place, kPrivateDictionary), "two");
}

TEST_F(StoringNode, DictionaryKeyOfAnotherNodeIsForbidden) {
  make_ring(3);
  NewValue entry = value(kPrivateDictionary, "one");
  entry.key = members_[2]->id.str();
  const auto answer = store(*members_[1]->node, own_place(*members_[1]), {entry});
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, kForbidden);
}

TEST_F(StoringNode, PoliciesDecideWhoMayWrite) {
  make_ring(4);
  Member& writer = *members_[1];
  Member& other = *members_[2];
  const auto code_of = [&](const std::string& place, std::uint32_t kind) {
    const auto answer = store(*writer.node, place, {value(kind, "x")});
    return answer.ok() ? 0 : answer.error().code;
  };
  EXPECT_EQ(code_of(own_place(other), kPrivateKind), kForbidden);
  EXPECT_EQ(code_of(own_place(writer), kPrivateKind), 0);
  EXPECT_EQ(code_of(writer.node->resource_id(other.id.view()), kNodeKind), kForbidden);
  EXPECT_EQ(code_of(writer.node->resource_id(writer.id.view()), kNodeKind), 0);
  EXPECT_EQ(code_of(writer.node->resource_id(multiple_name(writer.id, 3)), kMultipleKind), 0);
  EXPECT_EQ(code_of(writer.node->resource_id(multiple_name(writer.id, 4)), kMultipleKind), kForbidden);
}

TEST_F(StoringNode, APrefixOfTheKeySaysWhoMayRegisterAPeer) {
  make_ring(4);
  Member& tracker = *members_[1];
  const std::string place = tracker.node->resource_id(swarm_resource_name("movie"));
  const auto code_of = [&](std::uint32_t kind, std::string key) {
    NewValue entry = value(kind, "");
    entry.key = std::move(key);
    const auto answer = store(*tracker.node, place, {entry});
    return answer.ok() ? 0 : answer.error().code;
  };
  EXPECT_EQ(code_of(kPpspSwarmKind, swarm_key(tracker.id, "peer-1")), 0) << "at a place that is nobody's";
  EXPECT_EQ(code_of(kPpspSwarmKind, swarm_key(members_[2]->id, "peer-1")), kForbidden);
  EXPECT_EQ(code_of(kPpspSwarmKind, "peer-1"), kForbidden);
  EXPECT_EQ(code_of(kPpspPeerStatusKind, tracker.id.str()), 0);
  EXPECT_EQ(code_of(kPpspPeerStatusKind, members_[2]->id.str()), kForbidden);
  EXPECT_EQ(code_of(kPpspPeerStatusKind, ""), kForbidden);
}

TEST_F(StoringNode, GenerationCounterMustFit) {
  make_ring(3);
  Member& owner = *members_[1];
  const std::string place = own_place(owner);
  const auto first = store(*owner.node, place, {value(kPrivateKind, "1")});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->kind_responses.at(0).generation_counter, 1U);
  EXPECT_EQ(first->kind_responses.at(0).replicas.size(), 2U);
  run(std::chrono::milliseconds(5));
  const auto second = store(*owner.node, place, {value(kPrivateKind, "2")}, 1);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->kind_responses.at(0).generation_counter, 2U);
  run(std::chrono::milliseconds(5));
  const auto late = store(*owner.node, place, {value(kPrivateKind, "3")}, 1);
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code, kGenerationCounterTooLow);
  ErrorInfo info;
  info.code = kGenerationCounterTooLow;
  ASSERT_TRUE(decode_part(late.error().info, info, &overlay()->context));
  EXPECT_EQ(info.store_ans.kind_responses.at(0).generation_counter, 2U);
}

TEST_F(StoringNode, GenerationCounterNeverBecomesZero) {
  make_ring(2);
  Member& owner = *members_[1];
  const std::string place = own_place(owner);
  Member& target = responsible_for(place);
  Member& other = target.id == owner.id ? *members_[0] : owner;
  StoreReq copy;
  copy.resource = place;
  copy.replica_number = 1;
  StoredData data;
  data.kind = kPrivateKind;
  data.model = DataModel::kSingle;
  data.storage_time = 1'000;
  data.lifetime = 100;
  data.value = "first";
  NamedSecurity(owner.id, owner.user).sign_value(place, data);
  copy.kind_data.push_back({kPrivateKind, std::numeric_limits<std::uint64_t>::max(), {data}});
  ASSERT_TRUE(ask(*other.node, {Destination::node(target.id.view())}, Contents(copy)).ok());
  const auto stored = store(*owner.node, place, {value(kPrivateKind, "second")});
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ(stored->kind_responses.at(0).generation_counter, 1U);
  // And its copies are taken.
  run(std::chrono::seconds(2));
  const auto& copies = other.node->storage().resources();
  ASSERT_TRUE(copies.contains(place));
  EXPECT_EQ(copies.at(place).kinds.at(kPrivateKind).generation, 1U);
  EXPECT_EQ(copies.at(place).kinds.at(kPrivateKind).values.at("").data.value, "second");
}

TEST_F(StoringNode, OlderValueIsRefused) {
  make_ring(2);
  Member& owner = *members_[1];
  const std::string place = own_place(owner);
  StoreReq request;
  request.resource = place;
  StoredData data;
  data.kind = kPrivateKind;
  data.model = DataModel::kSingle;
  data.storage_time = 1'704'067'200'000;
  data.lifetime = 100;
  data.value = "x";
  NamedSecurity(owner.id, owner.user).sign_value(place, data);
  request.kind_data.push_back({kPrivateKind, 0, {data}});
  ASSERT_TRUE(ask(*owner.node, {Destination::resource(place)}, Contents(request)).ok());
  const auto again = ask(*owner.node, {Destination::resource(place)}, Contents(request));
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, kDataTooOld);
}

TEST_F(StoringNode, UnknownKindIsNamed) {
  make_ring(2);
  StoreReq request;
  request.resource = own_place(*members_[1]);
  request.kind_data.push_back({0xf0000099, 0, {}});
  const auto answer = ask(*members_[1]->node, {Destination::resource(request.resource)}, Contents(request));
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code, kUnknownKind);
  EXPECT_EQ(answer.error().info, std::string("\x04\xf0\x00\x00\x99", 5));
}

TEST_F(StoringNode, LimitsOfTheKindHold) {
  make_ring(2);
  Member& owner = *members_[1];
  const std::string place = own_place(owner);
  const auto large = store(*owner.node, place, {value(kPrivateKind, std::string(201, 'x'))});
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().code, kDataTooLarge);
  for (int i = 0; i < 5; ++i) {
    run(std::chrono::milliseconds(5));
    ASSERT_TRUE(store(*owner.node, place, {value(kPrivateArray, "v")}).ok());
  }
  const auto sixth = store(*owner.node, place, {value(kPrivateArray, "v")});
  ASSERT_FALSE(sixth.ok());
  EXPECT_EQ(sixth.error().code, kDataTooLarge);
}

TEST_F(StoringNode, QuotaOfASignerHolds) {
  NodeOptions options;
  options.storage.bytes_per_signer = 600;
  add_joined(node_id({0x10}), options);
  Member& only = *members_[0];
  ASSERT_TRUE(store(*only.node, own_place(only), {value(kPrivateKind, std::string(100, 'x'))}).ok());
  const auto second =
      store(*only.node, only.node->resource_id(only.id.view()), {value(kNodeKind, std::string(200, 'x'))});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, kDataTooLarge);
}

TEST_F(StoringNode, ValueIsGoneAfterItsLifetime) {
  make_ring(3);
  Member& owner = *members_[1];
  NewValue brief = value(kPrivateKind, "brief");
  brief.lifetime = 10;
  ASSERT_TRUE(store(*owner.node, own_place(owner), {brief}).ok());
  EXPECT_EQ(fetched(*members_[0]->node, own_place(owner), kPrivateKind), "brief");
  run(std::chrono::seconds(11));
  EXPECT_EQ(fetched(*members_[0]->node, own_place(owner), kPrivateKind), "");
  run(std::chrono::seconds(120));
  for (auto& member : members_) EXPECT_EQ(member->node->storage().bytes(), 0U);
}

TEST_F(StoringNode, RemovalLeavesAnAnswerOfNothing) {
  make_ring(3);
  Member& owner = *members_[1];
  ASSERT_TRUE(store(*owner.node, own_place(owner), {value(kPrivateKind, "x")}).ok());
  run(std::chrono::milliseconds(5));
  NewValue removal = value(kPrivateKind, "");
  removal.exists = false;
  ASSERT_TRUE(store(*owner.node, own_place(owner), {removal}).ok());
  const auto answer = fetch(*members_[0]->node, own_place(owner), kPrivateKind);
  ASSERT_TRUE(answer.ok());
  ASSERT_EQ(answer->at(0).values.size(), 1U);
  EXPECT_FALSE(answer->at(0).values[0].exists);
  EXPECT_EQ(answer->at(0).values[0].signature.identity.type, kCertHash);
}

TEST_F(StoringNode, StatTellsLengthAndDigest) {
  make_ring(3);
  Member& owner = *members_[1];
  ASSERT_TRUE(store(*owner.node, own_place(owner), {value(kPrivateKind, "abc")}).ok());
  StatReq request;
  request.resource = own_place(owner);
  request.specifiers.emplace_back();
  request.specifiers[0].kind = kPrivateKind;
  const auto answer = ask(*members_[0]->node, {Destination::resource(request.resource)}, Contents(request));
  ASSERT_TRUE(answer.ok()) << answer.error().text;
  const StoredMetaData& meta = std::get<StatAns>(answer->body).kind_responses.at(0).values.at(0);
  EXPECT_EQ(meta.value_length, 3U);
  EXPECT_EQ(meta.hash_value, sha256(std::string_view("\0\0\0\3abc", 7)));
}

TEST_F(StoringNode, FindNamesTheClosestResource) {
  add_joined(node_id({0x10}));
  Member& only = *members_[0];
  ASSERT_TRUE(store(*only.node, own_place(only), {value(kPrivateKind, "x")}).ok());
  FindReq request;
  request.resource = node_id({0x55}).str();
  request.kinds = {kPrivateKind, kPrivateArray};
  const auto answer = ask(*only.node, {Destination::resource(request.resource)}, Contents(request));
  ASSERT_TRUE(answer.ok());
  const auto& results = std::get<FindAns>(answer->body).results;
  EXPECT_EQ(results.at(0).closest, own_place(only));
  EXPECT_EQ(results.at(1).closest, "");
  request.kinds = {kPrivateKind, kPrivateKind};
  const auto twice = ask(*only.node, {Destination::resource(request.resource)}, Contents(request));
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(twice.error().code, kInvalidMessage);
}

// ---- copies

class CopyingNode : public StoringNode {
 protected:
  static constexpr int kValues = 40;
  // Each member stores under its names; all places are of the members' users.
  void store_some() {
    for (int i = 0; i < kValues; ++i) {
      Member& writer = *members_[static_cast<std::size_t>(i) % members_.size()];
      const std::string place =
          writer.node->resource_id(multiple_name(writer.id, static_cast<std::uint32_t>(i) % 3 + 1));
      const std::string text = "value " + std::to_string(i);
      run(std::chrono::milliseconds(2));
      ASSERT_TRUE(store(*writer.node, place, {value(kMultipleKind, text)}).ok());
      places_[place] = text;
    }
    run(std::chrono::seconds(5));
  }
  void expect_all_there(Node& asker) {
    for (const auto& [place, text] : places_) EXPECT_EQ(fetched(asker, place, kMultipleKind), text);
  }
  std::size_t copies_of(const std::string& place) {
    std::size_t count = 0;
    for (auto& member : members_) count += !member->crashed && member->node->storage().resources().contains(place);
    return count;
  }
  std::map<std::string, std::string> places_;
};

TEST_F(CopyingNode, TwoSuccessorsHoldCopies) {
  make_ring(8);
  store_some();
  for (const auto& [place, text] : places_) EXPECT_EQ(copies_of(place), 3U);
}

// A dictionary that grows, seen from its replicas.
class GrowingNode : public CopyingNode {
 protected:
  static constexpr int kEntries = 5;  // the Kind's max-count
  void SetUp() override {
    make_ring(8);
    place_ = own_place(writer());
  }
  Member& writer() { return *members_[1]; }
  void put(int index) {
    NewValue entry = value(kPrivateArray, std::to_string(index));
    entry.index = static_cast<std::uint32_t>(index);
    writer().node->store(place_, {entry}, [](Reply<StoreAns> reply) { EXPECT_TRUE(reply.ok()); });
  }
  // Values in copies that the owner sends from now on.
  void count_copied() {
    responsible_for(place_).node->set_observer([this](bool outgoing, const Link&, std::string_view bytes) {
      Message message;
      message.context = &overlay()->context;
      decode(bytes, message);
      const StoreReq* copy = outgoing ? body_of<StoreReq>(message) : nullptr;
      if (copy == nullptr || copy->replica_number == 0) return;
      ++copies_;
      for (const StoreKindData& data : copy->kind_data) copied_ += data.values.size();
    });
  }
  void expect_all_copied() {
    std::size_t holders = 0;
    for (auto& member : members_) {
      const auto& resources = member->node->storage().resources();
      const auto at = resources.find(place_);
      if (member->crashed || at == resources.end()) continue;
      ++holders;
      EXPECT_EQ(at->second.kinds.at(kPrivateArray).values.size(), static_cast<std::size_t>(kEntries));
    }
    EXPECT_GE(holders, 3U);
  }
  std::string place_;
  std::size_t copies_ = 0;
  std::size_t copied_ = 0;
};

TEST_F(GrowingNode, OnlyWhatIsNewIsCopied) {
  count_copied();
  for (int i = 0; i < kEntries; ++i) {
    put(i);
    run(std::chrono::seconds(1));
  }
  expect_all_copied();
  EXPECT_EQ(copied_, 2U * kEntries) << "each value once for each replica";
}

TEST_F(GrowingNode, WhatChangesWhileACopyIsUnderWayGoesTogether) {
  count_copied();
  for (int i = 0; i < kEntries; ++i) put(i);
  run(std::chrono::seconds(1));
  expect_all_copied();
  EXPECT_EQ(copied_, 2U * kEntries);
  EXPECT_LE(copies_, 2U * 3) << "the first, those of meanwhile, and perhaps one more";
}

TEST_F(GrowingNode, ANewReplicaGetsAllOfIt) {
  for (int i = 0; i < kEntries; ++i) put(i);
  run(std::chrono::seconds(1));
  const NodeId replica = responsible_for(place_).node->topology().replicas(place_).front();
  for (auto& member : members_) {
    if (member->id == replica) crash(*member);
  }
  run(std::chrono::seconds(240));
  expect_all_copied();
}

// Nodes that answer a Store when its copies are made.
class CarefulNode : public CopyingNode {
 protected:
  void SetUp() override {
    NodeOptions options;
    options.copy_patience = std::chrono::milliseconds(700);
    for (int i = 0; i < 8; ++i) add_joined(node_id({i * 31 + 7}), options);
    run(std::chrono::seconds(5));
    place_ = own_place(*members_[1]);
  }
  std::size_t holders() { return copies_of(place_); }
  std::string place_;
};

TEST_F(CarefulNode, WhatWasAnsweredHasItsCopies) {
  std::optional<bool> stored;
  members_[1]->node->store(place_, {value(kPrivateKind, "x")}, [&](Reply<StoreAns> reply) { stored = reply.ok(); });
  run_until([&] { return stored.has_value(); });
  EXPECT_EQ(stored, true);
  EXPECT_EQ(holders(), 3U);
}

TEST_F(CarefulNode, ADeadReplicaDoesNotHoldTheAnswerForLong) {
  const NodeId replica = responsible_for(place_).node->topology().replicas(place_).front();
  for (auto& member : members_) {
    if (member->id == replica) crash(*member);
  }
  const net::SteadyTime asked = clock_.now();
  std::optional<bool> stored;
  members_[1]->node->store(place_, {value(kPrivateKind, "x")}, [&](Reply<StoreAns> reply) { stored = reply.ok(); });
  run_until([&] { return stored.has_value(); });
  EXPECT_EQ(stored, true);
  EXPECT_LE(clock_.now() - asked, std::chrono::milliseconds(900));
  run(std::chrono::seconds(120));
  EXPECT_GE(holders(), 3U);
}

TEST_F(CarefulNode, AnotherValueOfTheResourceDoesNotDelayTheFirst) {
  std::vector<bool> stored;
  for (const char* text : {"a", "b", "c"}) {
    NewValue entry = value(kPrivateArray, text);
    entry.index = static_cast<std::uint32_t>(text[0] - 'a');
    members_[1]->node->store(place_, {entry}, [&](Reply<StoreAns> reply) { stored.push_back(reply.ok()); });
  }
  run(std::chrono::milliseconds(600));
  EXPECT_EQ(stored, (std::vector<bool>{true, true, true}));
}

TEST_F(CopyingNode, NothingIsLostWhenTwoNeighboursCrash) {
  make_ring(10);
  store_some();
  const NodeId next = members_[4]->node->topology().successors().front();
  crash(*members_[4]);
  for (auto& member : members_) {
    if (member->id == next) crash(*member);
  }
  run(std::chrono::seconds(240));
  expect_all_there(*members_[0]->node);
  for (const auto& [place, text] : places_) EXPECT_GE(copies_of(place), 3U);
}

TEST_F(CopyingNode, JoiningPeerGetsItsRange) {
  make_ring(5);
  store_some();
  for (int i = 0; i < 5; ++i) add_joined(node_id({(i * 53 + 20) % 256, 0x99}));
  run(std::chrono::seconds(30));
  for (const auto& [place, text] : places_) {
    EXPECT_TRUE(responsible_for(place).node->storage().resources().contains(place));
  }
  expect_all_there(*members_.back()->node);
}

TEST_F(CopyingNode, LeavingPeerGivesItsDataAway) {
  add_joined(node_id({0x10}));
  add_joined(node_id({0x80}));
  run(std::chrono::seconds(2));
  store_some();
  bool left = false;
  members_[1]->node->leave([&] { left = true; });
  run_until([&] { return left; });
  members_[1]->node->stop();
  run(std::chrono::seconds(2));
  expect_all_there(*members_[0]->node);
}

class RejoiningNode : public CopyingNode {
 protected:
  // Two peers; both users' values belong to the second, which leaves.
  void SetUp() override {
    OverlayConfiguration wanted = configuration();
    wanted.topology_plugin = kNearest;
    use(wanted);
    for (const int first : {0x10, 0x80}) add_joined(node_id({first}));
    run(std::chrono::seconds(1));
    for (auto& member : members_) {
      const std::string place = own_place(*member);
      ASSERT_TRUE(store(*member->node, place, {value(kPrivateKind, member->user)}).ok());
      places_[place] = member->user;
      ASSERT_TRUE(members_[1]->node->topology().responsible(place));
    }
    run(std::chrono::seconds(5));
  }
  void leave_second() {
    bool left = false;
    members_[1]->node->leave([&] { left = true; });
    run_until([&] { return left; });
    members_[1]->node->stop();
  }
  // Long before the hold-down is over.
  void expect_handed_over(const NodeId& joiner) {
    Member& joined = add_joined(joiner);
    run(std::chrono::milliseconds(800));
    for (const auto& [place, text] : places_) {
      EXPECT_TRUE(joined.node->topology().responsible(place));
      EXPECT_EQ(fetched(*members_[0]->node, place, kPrivateKind), text);
    }
  }
};

TEST_F(RejoiningNode, GetsItsValuesAgain) {
  leave_second();
  expect_handed_over(node_id({0x80}));
}

TEST_F(RejoiningNode, AnotherOneGetsTheValuesOfWhoLeft) {
  leave_second();
  expect_handed_over(node_id({0x74}));
}

TEST_F(RejoiningNode, GetsItsValuesWithEveryJoin) {
  // Its end may not have been noticed: another Join of a peer counts as the first one.
  Member& second = *members_[1];
  std::set<std::string> handed_over;
  second.node->set_observer([&](bool outgoing, const Link&, std::string_view bytes) {
    Message message;
    message.context = &overlay()->context;
    decode(bytes, message);
    const auto* store = body_of<StoreReq>(message);
    if (!outgoing && store != nullptr) handed_over.insert(store->resource);
  });
  JoinReq join;
  join.joining_peer_id = second.id;
  ASSERT_TRUE(ask(*second.node, {Destination::node(members_[0]->id.view())}, Contents(join)).ok());
  run(std::chrono::seconds(1));
  for (const auto& [place, text] : places_) EXPECT_TRUE(handed_over.contains(place)) << text;
}

TEST_F(CopyingNode, ReplicaFromAStrangerIsForbidden) {
  make_ring(10);
  // A node that is no neighbour of the target claims to replicate.
  Member& target = *members_[0];
  for (auto& member : members_) {
    if (member->id == target.id || target.node->topology().plausible_replica_source(member->id)) continue;
    StoreReq request;
    request.resource = own_place(*member);
    request.replica_number = 1;
    const auto answer = ask(*member->node, {Destination::node(target.id.view())}, Contents(request));
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().code, kForbidden);
    return;
  }
  FAIL() << "everybody is a neighbour";
}

}  // namespace
}  // namespace peerscope::reload::test
