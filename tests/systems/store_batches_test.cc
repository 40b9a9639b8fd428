// SPDX-License-Identifier: GPL-2.0-or-later
// What goes together to the overlay, when, and what happens to each value when a StoreReq is refused.
#include "reference-impl/systems/distributed_tracker/store_batches.h"

#include <gtest/gtest.h>

#include <map>

namespace peerscope::distributed_tracker {
namespace {

class StoreBatchesTest : public ::testing::Test {
 protected:
  struct Sent {
    std::string name;
    std::vector<std::string> values;
    StoreBatches::OnDone done;
  };

  void add(const std::string& value, const std::string& key = {}, const std::string& name = "swarm:movie") {
    reload::NewValue stored;
    stored.key = key.empty() ? value : key;
    stored.value = value;
    batches_.add(name, {std::move(stored), {}, [this, value](ppstp::ErrorCode code) {
                          EXPECT_TRUE(codes_.try_emplace(value, code).second) << value << " is answered twice";
                        }});
  }
  void answer(std::size_t index, ppstp::ErrorCode code = ppstp::kNoError) {
    const auto done = std::exchange(sent_.at(index).done, nullptr);
    done(code);
  }
  using Values = std::vector<std::string>;

  net::ManualClock clock_;
  BatchOptions options_;
  std::size_t room_ = 1'000'000;
  std::deque<Sent> sent_;
  std::map<std::string, ppstp::ErrorCode> codes_;
  StoreBatches batches_{clock_, options_, [this] { return room_; },
                        [this](const std::string& name, const std::shared_ptr<const StoreBatches::Batch>& batch,
                               StoreBatches::OnDone done) {
                          Sent& one = sent_.emplace_back(Sent{name, {}, std::move(done)});
                          for (const StoreBatches::Entry& entry : *batch) one.values.push_back(entry.value.value);
                        }};
};

TEST_F(StoreBatchesTest, TheFirstGoesAtOnceTheOthersTogetherAfterItsAnswer) {
  for (const char* value : {"a", "b", "c"}) add(value);
  ASSERT_EQ(sent_.size(), 1U);
  EXPECT_EQ(sent_[0].values, Values{"a"});
  EXPECT_EQ(batches_.waiting(), 2U);
  answer(0);
  ASSERT_EQ(sent_.size(), 2U);
  EXPECT_EQ(sent_[1].values, (Values{"b", "c"}));
  EXPECT_EQ(codes_.size(), 1U);
  answer(1);
  EXPECT_EQ(codes_.size(), 3U);
  EXPECT_EQ(batches_.batches(), 2U);
}

TEST_F(StoreBatchesTest, ASlowAnswerIsNotWaitedForLong) {
  for (const char* value : {"a", "b", "c"}) add(value);
  clock_.advance(options_.gather - std::chrono::milliseconds(1));
  EXPECT_EQ(sent_.size(), 1U);
  clock_.advance(std::chrono::milliseconds(1));
  ASSERT_EQ(sent_.size(), 2U);
  EXPECT_EQ(sent_[1].values, (Values{"b", "c"}));
  answer(1);
  EXPECT_FALSE(codes_.contains("a"));
  answer(0);
  EXPECT_TRUE(codes_.contains("a"));
}

TEST_F(StoreBatchesTest, OtherResourcesDoNotWait) {
  add("a");
  add("b", "b", "swarm:song");
  ASSERT_EQ(sent_.size(), 2U);
  EXPECT_EQ(sent_[1].name, "swarm:song");
}

TEST_F(StoreBatchesTest, NoMoreValuesThanAllowed) {
  for (std::size_t i = 0; i < options_.most_values + 3; ++i) add(std::to_string(i));
  answer(0);
  ASSERT_EQ(sent_.size(), 2U);
  EXPECT_EQ(sent_[1].values.size(), options_.most_values);
  answer(1);
  ASSERT_EQ(sent_.size(), 3U);
  EXPECT_EQ(sent_[2].values.size(), 2U);
}

TEST_F(StoreBatchesTest, NoMoreBytesThanThereIsRoomFor) {
  room_ = 5000;
  add("first");
  for (const char letter : {'a', 'b', 'c'}) add(std::string(1500, letter), std::string(1, letter));
  answer(0);
  ASSERT_EQ(sent_.size(), 2U);
  EXPECT_EQ(sent_[1].values.size(), 2U);
  room_ = 0;
  answer(1);
  ASSERT_EQ(sent_.size(), 3U) << "one value goes whatever the room";
  EXPECT_EQ(sent_[2].values.size(), 1U);
}

// ---- refusals

TEST_F(StoreBatchesTest, OnlyTheValueThatIsRefusedFails) {
  const Values values = {"a", "b", "bad", "d", "e"};
  add("first");
  for (const std::string& value : values) add(value);
  answer(0);
  for (std::size_t i = 1; i < sent_.size(); ++i) {
    const Values& in = sent_[i].values;
    const bool bad = std::find(in.begin(), in.end(), "bad") != in.end();
    answer(i, bad ? ppstp::kInternalServerError : ppstp::kNoError);
  }
  ASSERT_EQ(codes_.size(), 6U);
  for (const auto& [value, code] : codes_)
    EXPECT_EQ(code, value == "bad" ? ppstp::kInternalServerError : ppstp::kNoError) << value;
  EXPECT_EQ(batches_.halves(), 4U) << "a b, bad d e; bad, d e";
}

TEST_F(StoreBatchesTest, UnavailableIsSaidToAllAndNothingIsSentAgain) {
  for (const char* value : {"a", "b", "c"}) add(value);
  answer(0);
  answer(1, ppstp::kServiceUnavailable);
  EXPECT_EQ(sent_.size(), 2U);
  EXPECT_EQ(codes_["b"], ppstp::kServiceUnavailable);
  EXPECT_EQ(codes_["c"], ppstp::kServiceUnavailable);
  EXPECT_EQ(batches_.halves(), 0U);
}

// ---- one place

TEST_F(StoreBatchesTest, ValuesForOnePlaceGoOneAfterTheOther) {
  add("old", "peer");
  add("new", "peer");
  add("other");
  clock_.advance(options_.gather);
  ASSERT_EQ(sent_.size(), 2U);
  EXPECT_EQ(sent_[1].values, Values{"other"});
  clock_.advance(10 * options_.gather);
  EXPECT_EQ(sent_.size(), 2U) << "the old one has no answer yet";
  answer(0);
  ASSERT_EQ(sent_.size(), 3U);
  EXPECT_EQ(sent_[2].values, Values{"new"});
}

TEST_F(StoreBatchesTest, TwoOfOnePlaceAreNeverInOneStore) {
  add("first");
  add("old", "peer");
  add("new", "peer");
  answer(0);
  ASSERT_EQ(sent_.size(), 2U);
  EXPECT_EQ(sent_[1].values, Values{"old"});
  answer(1);
  EXPECT_EQ(sent_.size(), 2U) << "within one millisecond the new one would not be newer";
  clock_.advance(std::chrono::milliseconds(1));
  ASSERT_EQ(sent_.size(), 3U);
  EXPECT_EQ(sent_[2].values, Values{"new"});
}

TEST_F(StoreBatchesTest, ACallbackMayAddMore) {
  reload::NewValue value;
  value.key = value.value = "a";
  batches_.add("swarm:movie", {value, {}, [this](ppstp::ErrorCode) { add("b"); }});
  answer(0);
  ASSERT_EQ(sent_.size(), 2U);
  EXPECT_EQ(sent_[1].values, Values{"b"});
}

}  // namespace
}  // namespace peerscope::distributed_tracker
