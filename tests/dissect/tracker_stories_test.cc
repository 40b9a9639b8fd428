// SPDX-License-Identifier: GPL-2.0-or-later
// A distributed tracker's PPSTP and RELOAD in one capture: stories, links, names and findings in Wireshark.
#include <gtest/gtest.h>

#include <algorithm>

#include "protocols/reload/messages.h"
#include "tests/dissect/host/epan_host.h"
#include "tests/support/tracker_scene.h"

namespace peerscope::test {
namespace {

const std::string& A = TrackerScene::kA;
const std::string& B = TrackerScene::kB;

void join(TrackerScene& scene, const std::string& node, const std::string& peer) {
  scene.connect(node, peer, {{"movie", "JOIN"}});
  scene.store(node, peer, "movie");
  scene.stored();
  scene.ok({{"movie"}});
}

// The frames of our two protocols.
std::vector<Dissected> shown(const TrackerScene& scene, const Options& options = {}) {
  std::vector<Dissected> out;
  for (Dissected& frame : dissect(scene.frames(), options)) {
    EXPECT_FALSE(frame.malformed()) << frame.info;
    EXPECT_FALSE(frame.dissector_bug()) << frame.info;
    if (frame.has("ppstp") || frame.has("relo")) out.push_back(std::move(frame));
  }
  EXPECT_EQ(out.size(), scene.said.size());
  return out;
}

TEST(TrackerStoriesShown, OneNumberFromRequestToOk) {
  TrackerScene scene;
  join(scene, A, "peer-1");
  const auto frames = shown(scene);
  ASSERT_EQ(frames.size(), 6U);
  const std::vector<std::string> story = frames[0].values("peerscope.story.frame");
  EXPECT_EQ(story.size(), 6U);
  std::vector<std::string> steps;
  for (const Dissected& frame : frames) {
    EXPECT_EQ(frame.value("peerscope.story"), "1");
    EXPECT_EQ(frame.values("peerscope.story.frame"), story);
    EXPECT_EQ(frame.value("peerscope.story.request_in"), story.front());
    EXPECT_EQ(frame.value("peerscope.story.answer_in"), story.back());
    steps.push_back(frame.value("peerscope.story.step"));
  }
  EXPECT_EQ(steps, (std::vector<std::string>{"PPSTP request", "Store", "Store", "stored", "stored", "PPSTP answer"}));
  EXPECT_EQ(frames[3].first("peerscope.story")->label, "Story: 1: CONNECT JOIN movie, peer peer-1");
  EXPECT_TRUE(frames[3].first("peerscope.story.frame")->generated);
}

TEST(TrackerStoriesShown, AStoreOfTwoPeersHasBothStories) {
  TrackerScene scene;
  for (const char* peer : {"peer-1", "peer-2"}) scene.connect(A, peer, {{"movie", "JOIN"}});
  scene.store_together(A, {"peer-1", "peer-2"}, "movie");
  scene.stored();
  for (const char* peer : {"peer-1", "peer-2"}) {
    scene.answer_peer(peer);
    scene.ok({{"movie"}});
  }
  for (const char* filter : {"peerscope.story == 1", "peerscope.story == 2"}) {
    Options options;
    options.filter = filter;
    const auto frames = shown(scene, options);
    ASSERT_EQ(frames.size(), 8U);
    std::size_t matched = 0;
    for (const Dissected& frame : frames) matched += frame.matched ? 1 : 0;
    EXPECT_EQ(matched, 6U) << filter;
    EXPECT_EQ(frames[2].values("peerscope.story"), (std::vector<std::string>{"1", "2"}));
  }
}

TEST(TrackerStoriesShown, OneFilterForTheWholeStory) {
  TrackerScene scene;
  join(scene, A, "peer-1");
  join(scene, B, "peer-2");
  Options options;
  options.filter = "peerscope.story == 2";
  const auto frames = shown(scene, options);
  ASSERT_EQ(frames.size(), 12U);
  for (std::size_t i = 0; i < frames.size(); ++i) EXPECT_EQ(frames[i].matched, i >= 6) << i;
}

TEST(TrackerStoriesShown, KindsAndPlacesAreNamed) {
  TrackerScene scene;
  join(scene, A, "peer-1");
  const auto frames = shown(scene);
  const Dissected& store = frames[1];
  EXPECT_EQ(store.value("relo.ppsp_swarm.swarm_id"), "movie");
  EXPECT_EQ(store.value("relo.ppsp_key.peer_id"), "peer-1");
  EXPECT_NE(store.first("relo.store_req.kind")->label.find("PPSP-SWARM"), std::string::npos);
  EXPECT_NE(store.first("relo.store_req.resource")->label.find("swarm movie, shard 0"), std::string::npos)
      << store.first("relo.store_req.resource")->label;
}

TEST(TrackerStoriesShown, ALostAnswerIsFoundOnTheOk) {
  TrackerScene scene;
  scene.connect(A, "peer-1", {{"movie", "JOIN"}});
  scene.store(A, "peer-1", "movie");
  scene.stored(TrackerScene::Way::kFirstLink);
  scene.ok({{"movie"}});
  const auto frames = shown(scene);
  for (std::size_t i = 0; i + 1 < frames.size(); ++i) EXPECT_EQ(frames[i].expert("SD-DT"), nullptr) << i;
  const ExpertItem* item = frames.back().expert("SD-DT-03:");
  ASSERT_NE(item, nullptr);
  EXPECT_EQ(item->severity, "Error");
  EXPECT_NE(item->text.find("Distributed tracker section"), std::string::npos) << item->text;
}

TEST(TrackerStoriesShown, AWrongKindIsFoundOnTheStore) {
  TrackerScene scene;
  scene.connect(A, "peer-1", {{"movie", "JOIN"}});
  scene.store(A, "peer-1", "movie", true, [](auto& store) { store.kind_data.at(0).kind = 0xf0000003; });
  const auto frames = shown(scene);
  ASSERT_EQ(frames.size(), 3U);
  EXPECT_NE(frames[1].expert("SD-DT-02:"), nullptr);
  EXPECT_EQ(frames[2].expert("SD-DT-02:"), nullptr) << "told once, not at each hop";
}

TEST(TrackerStoriesShown, WhatWasNotStoredAndWhatFailedAreFoundOnTheOk) {
  TrackerScene scene;
  join(scene, A, "peer-2");
  scene.connect(A, "peer-1", {{"movie", "JOIN"}});
  scene.fetch(A, "movie");
  scene.fetched({});
  scene.ok({{"movie"}});
  scene.connect(A, "peer-3", {{"movie", "JOIN"}});
  scene.store(A, "peer-3", "movie");
  scene.error(reload::kForbidden);
  scene.ok({{"movie"}});
  const auto frames = shown(scene);
  ASSERT_EQ(frames.size(), 18U);
  EXPECT_NE(frames[11].expert("SD-DT-02:"), nullptr);
  EXPECT_NE(frames[17].expert("SD-DT-04:"), nullptr);
}

TEST(TrackerStoriesShown, CapturesDoNotMix) {
  TrackerScene scene;
  join(scene, A, "peer-1");
  EXPECT_EQ(shown(scene).front().value("peerscope.story"), "1");
  TrackerScene alone;
  alone.connect(A, "peer-1", {{"movie", "JOIN"}});
  alone.ok({{"movie"}});
  for (const Dissected& frame : shown(alone)) EXPECT_FALSE(frame.has("peerscope.story"));
}

}  // namespace
}  // namespace peerscope::test
