// SPDX-License-Identifier: GPL-2.0-or-later
// The scenarios that are overlay and peer of a distributed tracker at once: a good one passes in both of its modes, and
// a defect is found where it shows from outside.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/e2e/program.h"

namespace peerscope::e2e {
namespace {

constexpr const char* kSuite = "systems/tracker";

void expect_all_pass(const std::string& iut, std::size_t least) {
  const Folder folder;
  const Outcome outcome = run(iut, kSuite, folder);
  EXPECT_EQ(outcome.ended.code, 0) << outcome.ended.output;
  std::size_t own = 0;
  for (const auto& [id, verdict] : outcome.requirements) {
    EXPECT_TRUE(verdict == "pass" || verdict == "info") << id << " " << verdict << "\n" << outcome.ended.output;
    own += id.starts_with("SD-DT-") ? 1 : 0;
  }
  EXPECT_GE(own, least) << outcome.ended.output;
}

TEST(TrackerScenarios, AGoodTrackerPasses) {
  expect_all_pass(source("iut/distributed-tracker.yaml"), 10);
}

TEST(TrackerScenarios, SoItDoesInServiceMode) {
  const Folder folder;
  const std::string file = iut_with("distributed-tracker", "--service-mode", folder, "service");
  std::string text = read_file(file);
  const std::string claim = "reload.ppsp-tracker]";
  ASSERT_NE(text.find(claim), std::string::npos);
  text.replace(text.find(claim), claim.size(), "reload.ppsp-tracker, reload.ppsp-service-mode]");
  expect_all_pass(write(file, text), 11);
}

struct Wrong {
  const char* defect;
  const char* scenario;
  const char* rule;
};
constexpr Wrong kWrong[] = {
    {"does-not-store", "neighbour", "SD-DT-02"},
    {"answers-before-store", "register", "SD-DT-03"},
    {"every-error-is-internal", "nobody-answers", "SD-DT-04"},
    {"store-error-is-success", "refused", "SD-DT-04"},
    {"own-peers-only", "list", "SD-DT-05"},
    {"no-repeat", "repeats", "SD-DT-06"},
    {"peer-first-in-key", "entry-key", "SD-DT-07"},
    {"any-prefix", "forged", "SD-DT-08"},
    {"lifetime-of-a-day", "entry-lifetime", "SD-DT-09"},
    {"no-refresh", "refresh", "SD-DT-09"},
    {"refresh-every-time", "refresh", "SD-DT-09"},
    {"leave-not-stored", "leave", "SD-DT-10"},
    {"leave-stores-empty-value", "leave", "SD-DT-10"},
    {"expiry-not-stored", "expiry", "SD-DT-11"},
    {"no-status-in-entry", "entry-status", "SD-DT-18"},
};

class TrackerMistake : public testing::TestWithParam<Wrong> {};

TEST_P(TrackerMistake, IsFoundByItsScenario) {
  const Wrong& wrong = GetParam();
  const Folder folder;
  const std::string iut =
      iut_with("distributed-tracker", std::string("--defect, ") + wrong.defect, folder, wrong.defect);
  const Outcome outcome = run(iut, std::string(kSuite) + "/" + wrong.scenario + " --retries 0", folder);
  EXPECT_EQ(outcome.ended.code, 1) << outcome.ended.output;
  const auto found = outcome.requirements.find(wrong.rule);
  ASSERT_NE(found, outcome.requirements.end()) << outcome.ended.output;
  EXPECT_EQ(found->second, "fail") << outcome.ended.output;
}

INSTANTIATE_TEST_SUITE_P(Named, TrackerMistake, testing::ValuesIn(kWrong), [](const auto& one) {
  std::string name = one.param.defect;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace peerscope::e2e
