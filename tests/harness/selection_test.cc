// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/selection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "harness/engine/expectations.h"

namespace peerscope::harness {
namespace {

std::vector<Scenario> select(Selection selection, std::vector<std::string>& errors) {
  return load_suite(selection, {PEERSCOPE_SOURCE_DIR "/harness/suites"}, errors);
}

TEST(Selection, ByProtocolRoleSectionFeatureAndLevel) {
  std::vector<std::string> errors;
  const auto all = select({}, errors);
  const auto ppstp = select({.select = {"protocol:ppstp"}}, errors);
  const auto trackers = select({.select = {"role:tracker"}}, errors);
  const auto section = select({.select = {"section:RFC7846/4.1"}}, errors);
  const auto feature = select({.select = {"feature:ppstp.short-timers"}}, errors);
  const auto level = select({.select = {"level:SHOULD"}}, errors);
  EXPECT_EQ(errors, std::vector<std::string>{});
  for (const auto* part : {&ppstp, &trackers, &section, &feature, &level}) {
    EXPECT_FALSE(part->empty());
    EXPECT_LT(part->size(), all.size());
  }
  EXPECT_TRUE(std::all_of(ppstp.begin(), ppstp.end(), [](auto& s) { return s.id.starts_with("ppstp/"); }));
  EXPECT_TRUE(std::all_of(trackers.begin(), trackers.end(), [](auto& s) { return s.role == "tracker"; }));
  for (const Scenario& scenario : section) {
    EXPECT_TRUE(std::any_of(scenario.tests.begin(), scenario.tests.end(), [](const std::string& id) {
      return std::string_view(find_requirement(id)->section).find("4.1") != std::string_view::npos;
    })) << scenario.id;
  }
}

TEST(Selection, WhatNamesNothingIsAnError) {
  for (const char* wrong :
       {"nonsense", "protocol:smtp", "section:99", "colour:red", "section:", "P-NONE-01", "level:PERHAPS"}) {
    std::vector<std::string> errors;
    (void)select({.select = {wrong}}, errors);
    ASSERT_EQ(errors.size(), 1U) << wrong;
    EXPECT_NE(errors[0].find(wrong), std::string::npos) << errors[0];
  }
  std::vector<std::string> errors;
  (void)select({.leave_out = {"nonsense"}}, errors);
  EXPECT_EQ(errors.size(), 1U);
}

TEST(Selection, ALeftOutRequirementIsInformationAndItsOwnScenariosAreOff) {
  std::vector<std::string> errors;
  const auto all = select({.select = {"P-FIND"}}, errors);
  const Selection without{.select = {"P-FIND"}, .leave_out = {"P-FIND"}};
  const auto rest = select(without, errors);
  EXPECT_LT(rest.size(), all.size());
  for (const Scenario& scenario : rest) {
    EXPECT_TRUE(std::any_of(scenario.tests.begin(), scenario.tests.end(), [](auto& id) {
      return !id.starts_with("P-FIND");
    })) << scenario.id;
  }
  const Requirement& row = *find_requirement("P-FIND-04");
  EXPECT_EQ(judging_of(without).count(row, Verdict::kFail), Verdict::kInfo);
  EXPECT_EQ(Judging().count(row, Verdict::kFail), Verdict::kFail);
}

TEST(Selection, StrictnessMovesAShould) {
  const Requirement& should = *find_requirement("P-PNUM-02");
  ASSERT_EQ(should.level, Level::kShould);
  EXPECT_EQ((Judging{Strictness::kMust, {}}).count(should, Verdict::kWarn), Verdict::kInfo);
  EXPECT_EQ((Judging{Strictness::kShould, {}}).count(should, Verdict::kWarn), Verdict::kWarn);
  EXPECT_EQ((Judging{Strictness::kPedantic, {}}).count(should, Verdict::kWarn), Verdict::kFail);
  EXPECT_EQ((Judging{Strictness::kPedantic, {}}).count(should, Verdict::kInfo), Verdict::kInfo);
}

class Files : public testing::Test {
 protected:
  Files() {
    std::string pattern = (std::filesystem::temp_directory_path() / "peerscope-selection-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~Files() override { std::filesystem::remove_all(folder_); }
  std::string file(const std::string& text) {
    const std::string path = (folder_ / "file.yaml").string();
    std::ofstream(path) << text;
    return path;
  }
  std::filesystem::path folder_;
};

using Profile = Files;
TEST_F(Profile, IsReadStrictly) {
  std::string error;
  const Selection selection = load_profile(
      file("profile: plugfest\nabout: agreed on\nstrictness: pedantic\nselect: [ppstp/tracker]\nleave_out: [P-ADDR]\n"),
      error);
  EXPECT_EQ(error, "");
  EXPECT_EQ(selection.strictness, Strictness::kPedantic);
  EXPECT_EQ(selection.select, std::vector<std::string>{"ppstp/tracker"});
  EXPECT_EQ(selection.leave_out, std::vector<std::string>{"P-ADDR"});
  for (const auto& [text, place] : {std::pair{"profile: p\nstrictness: hard\n", ":2:13: strictness"},
                                    {"select: []\n", ":1:1: profile"},
                                    {"profile: p\nselct: []\n", ":2:8: unknown key 'selct'"}}) {
    error.clear();
    (void)load_profile(file(text), error);
    EXPECT_NE(error.find(place), std::string::npos) << error;
  }
}

TEST_F(Profile, NamesFilesFromItsOwnFolder) {
  std::string error;
  const std::string path = file("profile: p\nselect: [mine.yaml, ppstp/tracker]\n");
  const Selection selection = load_profile(path, error);
  EXPECT_EQ(error, "");
  const std::string beside = (std::filesystem::path(path).parent_path() / "mine.yaml").string();
  EXPECT_EQ(selection.select, (std::vector<std::string>{beside, "ppstp/tracker"}));
  (void)load_profile(std::filesystem::path(path).parent_path().string(), error);
  EXPECT_NE(error.find("is a folder"), std::string::npos) << error;
}

class Expected : public Files {
 protected:
  Expected() {
    Scenario scenario;
    scenario.id = "ppstp/tracker/find";
    scenario.params = {{"family", {"ipv4", "ipv6"}}};
    all_ = {scenario};
    iut_.name = "mytracker";
    iut_.version = "1.4";
    attempt_.scenario = scenario.id;
    attempt_.permutation = "family=ipv6,mode=leech";
  }
  Verdict applied(const std::string& text, Verdict verdict) {
    std::string error;
    const Expectations all = Expectations::load(file(text), all_, iut_, "2026-11-22", error);
    EXPECT_EQ(error, "");
    note_.clear();
    return all.apply(attempt_, verdict, note_);
  }
  void fails(const char* rule, const std::string& detail) {
    RuleHit hit;
    hit.rule = find_requirement(rule);
    hit.verdict = Verdict::kFail;
    hit.detail = detail;
    hit.listed = true;
    attempt_.hits.push_back(hit);
  }
  std::vector<Scenario> all_;
  IutFile iut_;
  Attempt attempt_;
  std::string note_;
};

constexpr const char* kEntry =
    "- scenario: ppstp/tracker/find\n  params: {family: ipv6}\n  iut: mytracker < 1.5\n  rule: P-FIND-04\n"
    "  detail: 6 > 5\n  issue: \"#88\"\n  until: 2027-03-31\n";

TEST_F(Expected, AFailByItsRuleAndDetailIsExcused) {
  fails("P-FIND-04", "peers: 6 > 5");
  EXPECT_EQ(applied(kEntry, Verdict::kFail), Verdict::kXfail);
  EXPECT_EQ(attempt_.hits[0].verdict, Verdict::kXfail);
  EXPECT_NE(note_.find("#88"), std::string::npos) << note_;
}

TEST_F(Expected, AnotherFailIsNot) {
  fails("P-FIND-04", "peers: 9 > 5");
  EXPECT_EQ(applied(kEntry, Verdict::kFail), Verdict::kFail);
  EXPECT_EQ(attempt_.hits[0].verdict, Verdict::kFail);
  attempt_.hits.clear();
  fails("P-FIND-04", "peers: 6 > 5");
  fails("P-FIND-03", "no list");
  EXPECT_EQ(applied(kEntry, Verdict::kFail), Verdict::kFail);
  attempt_.hits.clear();
  EXPECT_EQ(applied(kEntry, Verdict::kFail), Verdict::kFail) << "nothing says by what it failed";
}

TEST_F(Expected, APassIsRedAndAnUndecidedOneIsNot) {
  EXPECT_EQ(applied(kEntry, Verdict::kPass), Verdict::kXpass);
  EXPECT_NE(note_.find("take the entry out"), std::string::npos) << note_;
  EXPECT_EQ(applied(kEntry, Verdict::kInconclusive), Verdict::kInconclusive);
  EXPECT_EQ(applied(kEntry, Verdict::kBlocked), Verdict::kBlocked);
  EXPECT_EQ(exit_code({Verdict::kXpass}), kExitFail);
  EXPECT_EQ(exit_code({Verdict::kXfail, Verdict::kPass}), kExitOk);
}

TEST_F(Expected, OtherImplementationsVersionsParamsAndDaysAreNotMeant) {
  fails("P-FIND-04", "peers: 6 > 5");
  iut_.version = "1.5";
  EXPECT_EQ(applied(kEntry, Verdict::kFail), Verdict::kFail);
  iut_.version = "1.4";
  iut_.name = "another";
  EXPECT_EQ(applied(kEntry, Verdict::kFail), Verdict::kFail);
  iut_.name = "mytracker";
  attempt_.permutation = "family=ipv4,mode=leech";
  EXPECT_EQ(applied(kEntry, Verdict::kFail), Verdict::kFail);
  EXPECT_EQ(applied("- {scenario: ppstp/tracker/find, rule: P-FIND-04, until: 2026-11-21}\n", Verdict::kFail),
            Verdict::kFail);
  EXPECT_NE(note_.find("ended on 2026-11-21"), std::string::npos) << note_;
  EXPECT_EQ(applied("- {scenario: ppstp/tracker/find, rule: P-FIND-04, until: 2026-11-22}\n", Verdict::kFail),
            Verdict::kXfail);
}

TEST_F(Expected, TheFileIsReadStrictly) {
  for (const auto& [text, said] :
       {std::pair{"- {scenario: nowhere, rule: P-FIND-04}\n", ":1:14: scenario: there is no"},
        {"- {scenario: ppstp/tracker/find, rule: P-NO-1}\n", "rule: there is no 'P-NO-1'"},
        {"- {scenario: ppstp/tracker/find, rule: P-FIND-04, until: 2027-02-30}\n", "until: is a date"},
        {"- {scenario: ppstp/tracker/find, rule: P-FIND-04, why: x}\n", "unknown key 'why'"},
        std::pair{"- {rule: P-FIND-04}\n", "scenario: is missing"},
        std::pair{"- {scenario: ppstp/tracker/find}\n", "rule: is missing"},
        std::pair{"- {scenario: ppstp/tracker/find, rule: P-FIND-04, iut: t <}\n", "iut: is a name"},
        std::pair{"- {scenario: ppstp/tracker/find, rule: P-FIND-04, iut: t == 1}\n", "iut: is a name"},
        std::pair{"- {scenario: ppstp/tracker/find, rule: P-FIND-04, params: {x: 1}}\n", "no permutation with x=1"},
        {"scenario: ppstp/tracker/find\n", "expected fails are a list"}}) {
    std::string error;
    (void)Expectations::load(file(text), all_, iut_, "2026-11-22", error);
    EXPECT_NE(error.find(said), std::string::npos) << error;
  }
}

TEST(NamesIut, VersionsCompareNumberByNumber) {
  EXPECT_TRUE(names_iut("t", "t", ""));
  EXPECT_FALSE(names_iut("t", "u", ""));
  EXPECT_TRUE(names_iut("t < 1.10", "t", "1.9"));
  EXPECT_FALSE(names_iut("t < 1.9", "t", "1.10"));
  EXPECT_TRUE(names_iut("t <= 1.9", "t", "1.9"));
  EXPECT_TRUE(names_iut("t >= 1.9", "t", "2.0"));
  EXPECT_TRUE(names_iut("t = 2", "t", "2"));
  EXPECT_FALSE(names_iut("t > 2", "t", "2"));
}

}  // namespace
}  // namespace peerscope::harness
