// SPDX-License-Identifier: GPL-2.0-or-later
// Requests of peers followed through the overlay: what belongs together, and each rule of the distributed tracker with
// an example that keeps it and one that breaks it.
#include "protocols/systems/tracker_stories.h"

#include <gtest/gtest.h>

#include <set>

#include "protocols/ppstp/protocol.h"
#include "protocols/reload/ppsp_usage.h"
#include "protocols/reload/protocol.h"
#include "protocols/systems/distributed_tracker.h"
#include "tests/support/requirement_table.h"
#include "tests/support/tracker_scene.h"

namespace peerscope::systems {
namespace {

using test::Said;
using test::TrackerScene;
using Way = TrackerScene::Way;
const std::string& A = TrackerScene::kA;
const std::string& B = TrackerScene::kB;

std::string text_of(const test::Endpoint& at) {
  return std::to_string(at.address) + ":" + std::to_string(at.port);
}

struct Followed {
  TrackerStories stories;
  std::vector<TrackerStories::Place> places;               // one a message
  std::vector<std::pair<std::size_t, std::string>> found;  // message and rule
  std::set<std::string> told;

  explicit Followed(const TrackerScene& scene) {
    std::map<std::string, std::unique_ptr<Message>> requests;
    std::size_t number = 0;
    for (const Said& one : scene.said) {
      auto message = std::make_unique<Message>();
      message->frame = ++number;
      message->time_ns = one.time_ns;
      message->source = text_of(one.from);
      message->destination = text_of(one.to);
      message->direction = one.request ? Direction::kRequest : Direction::kResponse;
      const Protocol& protocol = one.ppstp ? ppstp::protocol() : reload::protocol();
      protocol.decode(one.bytes, *message);
      const Message* request = nullptr;
      if (one.ppstp && !one.request) request = requests.at(one.tid).get();
      std::vector<Finding> findings;
      places.push_back(stories.look(protocol, *message, request, findings));
      for (const Finding& finding : findings) {
        found.emplace_back(number, finding.rule->id);
        told.insert(finding.rule->id);
        EXPECT_LE(finding.offset + finding.length, one.bytes.size());
      }
      if (one.ppstp && one.request) requests[one.tid] = std::move(message);
    }
  }
  std::vector<std::uint64_t> frames_of(std::size_t message) const {
    std::vector<std::uint64_t> out;
    if (const Story* story = places.at(message).story(); story != nullptr) {
      for (const Hop& hop : story->hops) out.push_back(hop.frame);
    }
    return out;
  }
};

// Messages 1 to 6.
void join(TrackerScene& scene, const std::string& node = A, const std::string& peer = "peer-1",
          const std::string& swarm = "movie") {
  scene.connect(node, peer, {{swarm, "JOIN"}});
  scene.store(node, peer, swarm);
  scene.stored();
  scene.ok({{swarm}});
}

TEST(TrackerStories, AJoinIsOneStoryFromRequestToOk) {
  TrackerScene scene;
  join(scene);
  const Followed all(scene);
  EXPECT_TRUE(all.told.empty()) << *all.told.begin();
  ASSERT_EQ(all.places.size(), 6U);
  for (std::size_t i = 0; i < 6; ++i) {
    ASSERT_NE(all.places[i].story(), nullptr) << i;
    EXPECT_EQ(all.places[i].story()->number, 1U);
  }
  EXPECT_EQ(all.frames_of(0), (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6}));
  const Story& story = *all.places[0].story();
  EXPECT_EQ(story.action, "CONNECT JOIN movie, peer peer-1");
  EXPECT_EQ(story.request_frame, 1U);
  EXPECT_EQ(story.answer_frame, 6U);
  EXPECT_EQ(story.hops[1].step, Step::kStore);
  EXPECT_EQ(story.hops[3].step, Step::kStored);
  EXPECT_EQ(story.hops[5].step, Step::kAnswer);
  EXPECT_EQ(story.overlay_ns - story.request_ns, 1'000'000);
  EXPECT_EQ(story.answer_ns - story.stored_ns, 1'000'000);
}

TEST(TrackerStories, ServiceModeIsOneStoryWithTheRequestThatWasSentOn) {
  TrackerScene scene;
  scene.connect(A, "peer-1", {{"movie", "JOIN"}});
  scene.attach(A, "movie");
  scene.attached();
  scene.pass_on();
  scene.ok({{"movie"}});
  scene.returned();
  scene.ok({{"movie"}});
  const Followed all(scene);
  EXPECT_TRUE(all.told.empty()) << *all.told.begin();
  ASSERT_EQ(all.places.size(), 8U);
  for (std::size_t i = 0; i < 8; ++i) {
    ASSERT_NE(all.places[i].story(), nullptr) << i;
    EXPECT_EQ(all.places[i].story(), all.places[0].story()) << i;
  }
  EXPECT_EQ(all.frames_of(0), (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 7, 8}));
  const Story& story = *all.places[0].story();
  EXPECT_EQ(story.hops[1].step, Step::kAttach);
  EXPECT_EQ(story.hops[3].step, Step::kAttached);
  EXPECT_EQ(story.hops[5].step, Step::kForwarded);
  EXPECT_EQ(story.hops[6].step, Step::kServed);
  EXPECT_EQ(story.answer_frame, 8U);
  EXPECT_EQ(story.stored_ns - story.request_ns, 6'000'000);
}

TEST(TrackerStories, ATransactionIdWithASlashAloneIsNoContinuation) {
  TrackerScene scene;
  join(scene);
  scene.connect(A, "peer-2", {{"movie", "JOIN"}});
  scene.pass_on();  // as if another tracker's peer had such an ID
  scene.said.back().bytes.replace(scene.said.back().bytes.find("peer-2"), 6, "peer-3");
  const Followed all(scene);
  EXPECT_NE(all.places.back().story(), all.places[6].story());
}

TEST(TrackerStories, StoriesOfSeveralPeersStayApart) {
  TrackerScene scene;
  scene.connect(A, "peer-1", {{"movie", "JOIN"}});
  scene.connect(B, "peer-2", {{"movie", "JOIN"}});
  scene.store(B, "peer-2", "movie");
  scene.store(A, "peer-1", "movie");
  scene.answer_to(0);
  scene.stored();
  scene.answer_to(1);
  scene.stored();
  const Followed all(scene);
  EXPECT_EQ(all.frames_of(0), (std::vector<std::uint64_t>{1, 5, 6, 9, 10}));
  EXPECT_EQ(all.frames_of(1), (std::vector<std::uint64_t>{2, 3, 4, 7, 8}));
}

TEST(TrackerStories, AStoreOfSeveralPeersBelongsToAllOfThem) {
  TrackerScene scene;
  for (const char* peer : {"peer-1", "peer-2", "peer-3"}) scene.connect(A, peer, {{"movie", "JOIN"}});
  scene.store(A, "peer-1", "movie");
  scene.stored();
  scene.store_together(A, {"peer-2", "peer-3"}, "movie");
  scene.stored();
  for (const char* peer : {"peer-1", "peer-2", "peer-3"}) {
    scene.answer_peer(peer);
    scene.ok({{"movie"}});
  }
  const Followed all(scene);
  EXPECT_TRUE(all.told.empty()) << *all.told.begin();
  EXPECT_EQ(all.frames_of(0), (std::vector<std::uint64_t>{1, 4, 5, 6, 7, 12}));
  EXPECT_EQ(all.frames_of(1), (std::vector<std::uint64_t>{2, 8, 9, 10, 11, 13}));
  EXPECT_EQ(all.frames_of(2), (std::vector<std::uint64_t>{3, 8, 9, 10, 11, 14}));
  const TrackerStories::Place& together = all.places.at(7);
  EXPECT_EQ(together.story(0), all.places[1].story());
  EXPECT_EQ(together.story(1), all.places[2].story());
  EXPECT_EQ(together.story(2), nullptr);
}

TEST(TrackerStories, ACopyOfASwarmBelongsToThePeersThatWait) {
  TrackerScene scene;
  join(scene, A, "peer-1");
  scene.wait(60);
  scene.connect(A, "peer-2", {{"movie", "JOIN"}});
  scene.store(A, "peer-2", "movie");
  const std::size_t copy = scene.said.size();
  scene.store(A, "peer-1", "movie", true, [](reload::StoreReq& request) {
    request.replica_number = 1;
    request.kind_data.front().values.push_back(request.kind_data.front().values.front());
    request.kind_data.front().values.back().key.back() = '2';
  });
  const Followed all(scene);
  EXPECT_EQ(all.places.at(copy).story(), all.places.at(6).story());
  EXPECT_EQ(all.places.at(copy).story(1), nullptr);
}

TEST(TrackerRules, ATrackerThatMakesCopiesHasBecomeResponsible) {
  for (const bool copies : {false, true}) {
    TrackerScene scene;
    join(scene, A, "peer-1");
    scene.connect(A, "peer-2", {{"movie", "JOIN"}});
    if (copies) scene.store(A, "peer-2", "movie", true, [](reload::StoreReq& request) { request.replica_number = 1; });
    scene.ok({{"movie"}});
    const Followed all(scene);
    EXPECT_EQ(all.told, copies ? std::set<std::string>{} : std::set<std::string>{"SD-DT-02"});
  }
}

TEST(TrackerRules, ATrackerThatIsGivenCopiesIsNotResponsible) {
  TrackerScene scene;
  join(scene, A, "peer-1");
  scene.copy(A, A, "peer-1", "movie");
  scene.connect(A, "peer-2", {{"movie", "JOIN"}});
  scene.ok({{"movie"}});
  EXPECT_EQ(Followed(scene).told, std::set<std::string>{"SD-DT-02"});
}

TEST(TrackerStories, EachOfTheStoredEntriesIsJudged) {
  TrackerScene scene;
  for (const char* peer : {"peer-1", "peer-2"}) scene.connect(A, peer, {{"movie", "JOIN"}});
  scene.store(A, "peer-1", "movie", true, [](reload::StoreReq& request) {
    reload::StoredData second = request.kind_data.front().values.front();
    second.key.back() = '2';  // but the entry is of peer-1
    request.kind_data.front().values.push_back(std::move(second));
  });
  const Followed all(scene);
  EXPECT_EQ(all.told, std::set<std::string>{"SD-DT-07"});
  EXPECT_EQ(all.found.size(), 1U);
}

TEST(TrackerStories, AFetchBelongsToTheRequestOfItsTracker) {
  TrackerScene scene;
  join(scene, A, "peer-1");
  join(scene, B, "peer-2");
  const std::size_t from = scene.said.size();
  scene.find(A, "peer-1", "movie");
  scene.find(B, "peer-2", "movie");
  scene.fetch(A, "movie");
  scene.fetch(B, "movie");
  const Followed all(scene);
  EXPECT_EQ(all.places[from].story(), all.places[from + 2].story());
  EXPECT_EQ(all.places[from + 1].story(), all.places[from + 4].story());
  EXPECT_NE(all.places[from].story(), all.places[from + 1].story());
}

TEST(TrackerStories, WhatIsNotWaitedForBelongsToo) {
  TrackerScene scene;
  join(scene);
  scene.status(A, "peer-1", {"movie"});
  scene.stored();
  scene.wait(6);
  scene.status(A, "peer-1", {"movie", "other"});
  const Followed all(scene);
  EXPECT_EQ(all.frames_of(0).size(), 10U);
  EXPECT_EQ(all.places[10].story(), nullptr) << "long after the answer";
}

TEST(TrackerStories, PpstpAloneHasNoNumber) {
  TrackerScene scene;
  scene.connect(A, "peer-1", {{"movie", "JOIN"}});
  scene.ok({{"movie"}});
  const Followed all(scene);
  EXPECT_TRUE(all.told.empty());
  EXPECT_EQ(all.places[0].story()->number, 0U);
  EXPECT_EQ(all.stories.name_of(reload::swarm_resource("movie")), "") << "nothing is hashed without an overlay";
}

TEST(TrackerStories, ResourceIdsGetNames) {
  TrackerScene scene;
  join(scene);
  const Followed all(scene);
  EXPECT_EQ(all.stories.name_of(reload::swarm_resource("movie")), "swarm movie, shard 0");
  EXPECT_EQ(all.stories.name_of(reload::swarm_resource("movie", 3)), "swarm movie, shard 3");
  EXPECT_EQ(all.stories.name_of(reload::peer_resource("peer-1")), "peer peer-1");
  EXPECT_EQ(all.stories.name_of(reload::swarm_resource("other")), "");
}

TEST(TrackerStories, ForgottenWithTheCapture) {
  TrackerScene scene;
  join(scene);
  Followed all(scene);
  all.stories.clear();
  EXPECT_EQ(all.stories.name_of(reload::swarm_resource("movie")), "");
  EXPECT_EQ(all.places[0].story()->number, 1U) << "what was handed out lives on";
}

// ---- rules

struct Example {
  const char* id;
  std::function<void(TrackerScene&)> good;
  std::function<void(TrackerScene&)> bad;
  std::size_t at;      // message of the bad one that the finding is on, from the end; 0: the last one
  std::string also{};  // what cannot be right then either
};

std::function<void(TrackerScene&)> joined_with(TrackerScene::Change change) {
  return [change](TrackerScene& scene) {
    scene.connect(A, "peer-1", {{"movie", "JOIN"}});
    scene.store(A, "peer-1", "movie", true, change);
  };
}
reload::StoredData& value(reload::StoreReq& request) {
  return request.kind_data.at(0).values.at(0);
}
void find_with(TrackerScene& scene, const std::vector<TrackerScene::Registration>& registered,
               const std::vector<std::string>& listed) {
  join(scene);
  scene.find(A, "peer-1", "movie");
  scene.fetch(A, "movie");
  scene.fetched(registered);
  scene.ok({{"movie", listed}});
}
void refresh_after(TrackerScene& scene, int seconds) {
  join(scene);
  scene.wait(seconds);
  scene.report(A, "peer-1", "movie");
  scene.ok({});
  scene.store(A, "peer-1", "movie");
}
void report_after(TrackerScene& scene, int seconds) {
  join(scene);
  scene.wait(seconds);
  scene.report(A, "peer-1", "movie");
  scene.ok({});
}
void fetch_after(TrackerScene& scene, int seconds) {
  join(scene);
  scene.wait(seconds);
  scene.find(A, "peer-9", "movie");
  scene.fetch(A, "movie");
  scene.fetched({{A, "peer-1"}});
}
void leave(TrackerScene& scene, bool stores, bool is_stored) {
  join(scene);
  scene.connect(A, "peer-1", {{"movie", "LEAVE"}});
  if (stores) scene.store(A, "peer-1", "movie", false);
  if (stores && is_stored) scene.stored();
  scene.ok({{"movie"}});
}
void list_after_leave(TrackerScene& scene, int seconds) {
  join(scene, B, "peer-2");
  leave(scene, true, true);
  scene.wait(seconds);
  scene.find(B, "peer-2", "movie");
  scene.fetch(B, "movie");
  scene.fetched({{A, "peer-1"}});
  scene.ok({{"movie", {"peer-1"}}});
}
void join_two(TrackerScene& scene, bool side_by_side) {
  scene.connect(A, "peer-1", {{"movie", "JOIN"}, {"song", "JOIN"}});
  scene.store(A, "peer-1", "movie");
  if (side_by_side) {
    scene.store(A, "peer-1", "song");
    scene.stored();
    scene.answer_to(0);
    scene.stored();
  } else {
    scene.stored();
    scene.store(A, "peer-1", "song");
    scene.stored();
  }
  scene.ok({{"movie"}, {"song"}});
}
void status_after(TrackerScene& scene, int seconds) {
  join(scene);
  scene.status(A, "peer-1", {"movie"});
  scene.stored();
  scene.wait(seconds);
  scene.status(A, "peer-1", {"movie"});
}
void cached_after(TrackerScene& scene, int seconds) {
  find_with(scene, {{B, "peer-2"}}, {"peer-2"});
  scene.wait(seconds);
  scene.find(A, "peer-1", "movie");
  scene.ok({{"movie", {"peer-2"}}});
}
void refused(TrackerScene& scene, std::uint16_t code, int answer) {
  scene.connect(A, "peer-1", {{"movie", "JOIN"}});
  scene.store(A, "peer-1", "movie");
  scene.error(code);
  if (answer == 0)
    scene.ok({{"movie"}});
  else
    scene.failed(answer);
}

void silent(TrackerScene& scene, int answer) {
  scene.connect(A, "peer-1", {{"movie", "JOIN"}});
  scene.store(A, "peer-1", "movie");
  scene.wait(6);
  scene.failed(answer);
}

// Both trackers store into the second of two shards; then one of them is asked for a list.
void find_in_shards(TrackerScene& scene, bool both) {
  std::vector<std::string> peers;
  for (int i = 0; peers.size() < 2; ++i) {
    const std::string peer = "peer-" + std::to_string(i);
    if (reload::shard_of(peer, 2) == 1) peers.push_back(peer);
  }
  const auto elsewhere = [](reload::StoreReq& store) { store.resource = reload::swarm_resource("movie", 1); };
  for (const auto& [node, peer] : {std::pair{A, peers[0]}, std::pair{B, peers[1]}}) {
    scene.connect(node, peer, {{"movie", "JOIN"}});
    scene.store(node, peer, "movie", true, elsewhere);
    scene.stored();
    scene.ok({{"movie"}});
  }
  scene.wait(12);
  scene.find(A, peers[0], "movie");
  scene.fetch(A, "movie");
  scene.fetched({});
  if (both) {
    scene.fetch(A, "movie", 1);
    scene.fetched({{B, peers[1]}});
    scene.ok({{"movie", {peers[1]}}});
  } else {
    scene.ok({{"movie"}});
  }
}

// What the responsible tracker answers, and what the peer is told after that.
using Words = void (*)(TrackerScene&);
void served(TrackerScene& scene, bool join_or_find, Words inner, Words outer) {
  if (join_or_find)
    scene.connect(A, "peer-1", {{"movie", "JOIN"}});
  else
    scene.find(A, "peer-1", "movie");
  scene.attach(A, "movie");
  scene.attached();
  scene.pass_on();
  if (inner != nullptr) inner(scene);
  scene.returned();
  outer(scene);
}
void well(TrackerScene& scene) {
  scene.ok({{"movie"}});
}
void with_list(TrackerScene& scene) {
  scene.ok({{"movie", {"peer-2", "peer-3"}}});
}
void unavailable(TrackerScene& scene) {
  scene.failed(5);
}
void internal(TrackerScene& scene) {
  scene.failed(4);
}

const std::vector<Example>& examples() {
  const auto plain = [](TrackerScene& scene) { join(scene); };
  static const std::vector<Example> kExamples = {
      {"SD-DT-02", plain, joined_with([](auto& store) { store.kind_data.at(0).kind = 0xf0000003; }), 1},
      {"SD-DT-02", joined_with({}), joined_with([](auto& store) { store.resource = reload::swarm_resource("other"); }),
       1},
      {"SD-DT-02", plain,
       [](auto& scene) {  // a registration that is not stored
         join(scene, A, "peer-2");
         scene.connect(A, "peer-1", {{"movie", "JOIN"}});
         scene.fetch(A, "movie");
         scene.fetched({});
         scene.ok({{"movie"}});
       },
       0},
      {"SD-DT-02", plain, joined_with([](auto& store) {
         store.kind_data.at(0).kind = reload::kPpspPeerStatusKind;
         value(store).key = A;
       }),
       1, "SD-DT-18"},
      {"SD-DT-03", plain,
       [](auto& scene) {
         scene.connect(A, "peer-1", {{"movie", "JOIN"}});
         scene.store(A, "peer-1", "movie");
         scene.ok({{"movie"}});
       },
       0},
      {"SD-DT-03", plain,
       [](auto& scene) {  // lost on the last link
         scene.connect(A, "peer-1", {{"movie", "JOIN"}});
         scene.store(A, "peer-1", "movie");
         scene.stored(Way::kFirstLink);
         scene.ok({{"movie"}});
       },
       0},
      {"SD-DT-04", [](auto& scene) { refused(scene, reload::kForbidden, 4); },
       [](auto& scene) { refused(scene, reload::kForbidden, 0); }, 0},
      {"SD-DT-04", [](auto& scene) { refused(scene, reload::kRequestTimeout, 5); },
       [](auto& scene) { refused(scene, reload::kRequestTimeout, 4); }, 0},
      {"SD-DT-04", [](auto& scene) { silent(scene, 5); }, [](auto& scene) { silent(scene, 4); }, 0},
      {"SD-DT-05",
       [](auto& scene) {
         find_with(scene, {{B, "peer-2"}}, {"peer-2"});
       },
       [](auto& scene) {
         find_with(scene, {{B, "peer-2"}}, {});
       },
       0},
      {"SD-DT-05", [](auto& scene) { find_with(scene, {}, {}); },
       [](auto& scene) {
         join(scene);
         scene.find(A, "peer-1", "movie");
         scene.ok({{"movie", {"peer-2"}}});
       },
       0},
      {"SD-DT-07", joined_with({}), joined_with([](auto& store) { value(store).key = "peer-1"; }), 1},
      {"SD-DT-07", joined_with({}), joined_with([](auto& store) { value(store).key = A + "peer-7"; }), 1},
      {"SD-DT-09", [](auto& scene) { refresh_after(scene, 100); }, [](auto& scene) { refresh_after(scene, 20); }, 1},
      {"SD-DT-09", [](auto& scene) { report_after(scene, 170); }, [](auto& scene) { report_after(scene, 190); }, 0},
      {"SD-DT-10", [](auto& scene) { leave(scene, true, true); }, [](auto& scene) { leave(scene, false, false); }, 0},
      {"SD-DT-10", [](auto& scene) { leave(scene, true, true); }, [](auto& scene) { leave(scene, true, false); }, 0},
      {"SD-DT-11", [](auto& scene) { list_after_leave(scene, 5); }, [](auto& scene) { list_after_leave(scene, 15); },
       0},
      {"SD-DT-12", [](auto& scene) { fetch_after(scene, 170); }, [](auto& scene) { fetch_after(scene, 190); }, 1},
      {"SD-DT-13", [](auto& scene) { join_two(scene, true); },
       [](auto& scene) {
         join(scene, A, "peer-2", "song");
         scene.connect(A, "peer-1", {{"movie", "JOIN"}, {"song", "JOIN"}});
         scene.store(A, "peer-1", "movie");
         scene.stored();
         scene.ok({{"movie"}, {"song"}});
       },
       0},
      {"SD-DT-13", [](auto& scene) { join_two(scene, true); }, [](auto& scene) { join_two(scene, false); }, 0},
      {"SD-DT-14",
       [](auto& scene) {
         find_with(scene, {{B, "peer-2"}}, {"peer-2"});
       },
       [](auto& scene) {
         find_with(scene, {{B, "peer-2"}}, {"peer-2", "peer-2"});
       },
       0},
      {"SD-DT-14",
       [](auto& scene) {
         find_with(scene, {{A, "peer-2", 5, 9}, {B, "peer-2", 7}}, {"peer-2"});
       },
       [](auto& scene) {
         find_with(scene, {{A, "peer-2", 7, 9}, {B, "peer-2", 5}}, {"peer-2"});
       },
       0},
      {"SD-DT-15", joined_with({}),
       joined_with([](auto& store) { store.resource = reload::swarm_resource("movie", 1); }), 1},
      {"SD-DT-16", [](auto& scene) { find_with(scene, {}, {}); },
       [](auto& scene) {
         scene.find(A, "peer-1", "movie");
         scene.fetch(A, "movie");
         scene.error(reload::kResponseTooLarge);
       },
       1},
      {"SD-DT-17",
       [](auto& scene) {
         join(scene, A, "peer-3");
         find_with(scene, {{A, "peer-3"}, {B, "peer-2"}}, {"peer-3", "peer-2"});
       },
       [](auto& scene) {
         join(scene, A, "peer-3");
         find_with(scene, {{A, "peer-3"}, {B, "peer-2"}}, {"peer-2", "peer-3"});
       },
       0},
      {"SD-DT-18", joined_with({}), joined_with([](auto& store) { value(store).value = "\x01"; }), 1},
      {"SD-DT-19", [](auto& scene) { status_after(scene, 61); }, [](auto& scene) { status_after(scene, 30); }, 1},
      {"SD-DT-20", [](auto& scene) { cached_after(scene, 5); }, [](auto& scene) { cached_after(scene, 15); }, 0},
      {"SD-DT-16", [](auto& scene) { find_in_shards(scene, true); }, [](auto& scene) { find_in_shards(scene, false); },
       0},
      {"SD-DT-21", [](auto& scene) { served(scene, true, well, well); },
       [](auto& scene) { served(scene, true, unavailable, well); }, 0},
      {"SD-DT-21", [](auto& scene) { served(scene, true, nullptr, unavailable); },
       [](auto& scene) { served(scene, true, nullptr, well); }, 0},
      {"SD-DT-21", [](auto& scene) { served(scene, false, with_list, with_list); },
       [](auto& scene) { served(scene, false, with_list, well); }, 0},
      {"SD-DT-21", [](auto& scene) { served(scene, true, internal, internal); },
       [](auto& scene) { served(scene, true, unavailable, internal); }, 0},
      {"SD-DT-21", [](auto& scene) { served(scene, false, well, well); },
       [](auto& scene) { served(scene, false, well, unavailable); }, 0},
  };
  return kExamples;
}

TEST(TrackerRules, EveryExampleBreaksItsRuleAlone) {
  int number = 0;
  for (const Example& example : examples()) {
    const std::string name = std::string(example.id) + ", example " + std::to_string(++number);
    TrackerScene good;
    example.good(good);
    const Followed fine(good);
    EXPECT_TRUE(fine.told.empty()) << name << ": the good one breaks " << *fine.told.begin();
    TrackerScene bad;
    example.bad(bad);
    const Followed broken(bad);
    std::set<std::string> expected{example.id};
    if (!example.also.empty()) expected.insert(example.also);
    EXPECT_EQ(broken.told, expected) << name;
    const auto wanted = std::pair{bad.said.size() - example.at, std::string(example.id)};
    EXPECT_TRUE(std::find(broken.found.begin(), broken.found.end(), wanted) != broken.found.end())
        << name << ": on message " << (broken.found.empty() ? 0 : broken.found.front().first) << " of "
        << bad.said.size();
  }
}

TEST(TrackerRules, EveryFollowedRowHasAnExample) {
  std::set<std::string> shown = {"SD-DT-08"};  // signers are needed: tests/reload/examination_test.cc
  for (const Example& example : examples()) shown.insert(example.id);
  for (const Requirement& row : distributed_tracker().requirements)
    EXPECT_EQ(shown.contains(row.id), row.examined) << row.id;
}

TEST(TrackerRules, AreNumberedAndExplained) {
  test::expect_numbered(distributed_tracker().requirements, "SD-", {{"DT", 21}});
  test::expect_explained(distributed_tracker().requirements);
}

TEST(TrackerRules, ATrackerThatMayBeResponsibleItselfIsNotBlamed) {
  TrackerScene scene;
  join(scene, A, "peer-1", "other");
  scene.connect(A, "peer-1", {{"movie", "JOIN"}});
  scene.ok({{"movie"}});
  scene.find(A, "peer-1", "movie");
  scene.ok({{"movie", {"peer-2"}}});
  EXPECT_TRUE(Followed(scene).told.empty());
}

TEST(TrackerRules, APartialSuccessNamesTheSwarmThatFailed) {
  TrackerScene scene;
  scene.connect(A, "peer-1", {{"movie", "JOIN"}, {"song", "JOIN"}});
  scene.store(A, "peer-1", "movie");
  scene.store(A, "peer-1", "song");
  scene.error(reload::kForbidden);
  scene.answer_to(0);
  scene.stored();
  scene.ok({{"movie"}, {"song", {}, 1}});
  EXPECT_TRUE(Followed(scene).told.empty());
}

TEST(TrackerRules, WhatUndoesARefusedRegistrationIsNoLateStore) {
  TrackerScene scene;
  scene.connect(A, "peer-1", {{"movie", "JOIN"}, {"song", "JOIN"}});
  scene.store(A, "peer-1", "movie");
  scene.store(A, "peer-1", "song");
  scene.answer_to(0);
  scene.stored();
  scene.answer_to(1);
  scene.error(reload::kForbidden);
  scene.store(A, "peer-1", "song", false);
  scene.stored();
  scene.ok({{"movie"}, {"song", {}, 1}});
  EXPECT_EQ(Followed(scene).told, std::set<std::string>());
}

TEST(TrackerRules, WhatIsNotStoredNeedNotBeRemoved) {
  for (const bool removed_before : {false, true}) {
    TrackerScene scene;
    join(scene);
    if (removed_before) {
      scene.connect(A, "peer-1", {{"movie", "LEAVE"}});
      scene.store(A, "peer-1", "movie", false);
      scene.stored();
      scene.ok({{"movie"}});
    }
    scene.connect(A, "peer-1", {{"movie", "LEAVE"}});
    scene.ok({{"movie"}});
    EXPECT_EQ(Followed(scene).told.contains("SD-DT-10"), !removed_before);
  }
}

TEST(TrackerRules, ARepetitionThatSucceedsCounts) {
  TrackerScene scene;
  scene.connect(A, "peer-1", {{"movie", "JOIN"}});
  scene.store(A, "peer-1", "movie");
  scene.error(reload::kRequestTimeout);
  scene.store(A, "peer-1", "movie");
  scene.stored();
  scene.ok({{"movie"}});
  EXPECT_TRUE(Followed(scene).told.empty());
}

}  // namespace
}  // namespace peerscope::systems
