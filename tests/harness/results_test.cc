// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/report/results.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "harness/replay/replay.h"
#include "protocols/base/json_index.h"
#include "protocols/base/protocol.h"

namespace peerscope::harness {
namespace {

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

Attempt sample() {
  Attempt attempt;
  attempt.scenario = "ppstp/tracker/x";
  attempt.verdict = Verdict::kFail;
  attempt.reason = "seen <\"a\"> & \x01\xff bytes";
  attempt.tests = {"P-FIND-04"};
  RuleHit hit;
  hit.rule = find_requirement("P-FIND-04");
  hit.detail = "line\nbreak";
  attempt.hits.push_back(hit);
  return attempt;
}

class Files : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "peerscope-test-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
};

TEST_F(Files, EveryLineOfTheResultsIsJsonWhateverTheBytes) {
  std::string error;
  {
    auto results = ResultsFile::open(folder_ + "/results.jsonl", error);
    ASSERT_TRUE(results) << error;
    results->header("run", "iut \xfe", "0.1.0", "abc", 1);
    results->attempt(sample());
    results->verdict(sample(), Verdict::kUnstable, "1 of 3");
    results->footer(1);
    EXPECT_EQ(results->error(), "");
  }
  std::istringstream lines(read(folder_ + "/results.jsonl"));
  std::size_t count = 0;
  JsonIndex index;
  for (std::string line; std::getline(lines, line); ++count) {
    std::vector<std::unique_ptr<std::string>> arena;
    std::vector<Issue> issues;
    const std::size_t size = line.size();
    line.resize(size + JsonIndex::padding());
    EXPECT_TRUE(index.parse(line, size, arena, issues)) << line;
  }
  EXPECT_EQ(count, 4U);
}

TEST_F(Files, AnUnwritablePlaceIsNamed) {
  std::string error;
  EXPECT_FALSE(ResultsFile::open(folder_ + "/none/results.jsonl", error));
  EXPECT_NE(error.find("results.jsonl"), std::string::npos) << error;
}

TEST_F(Files, AFullDiskIsToldOnce) {
  std::string error;
  auto results = ResultsFile::open("/dev/full", error);
  ASSERT_TRUE(results) << error;
  results->footer(0);
  EXPECT_NE(results->error().find("No space left"), std::string::npos) << results->error();
}

TEST_F(Files, JunitKeepsEveryVerdict) {
  std::vector<JunitCase> cases;
  for (const Verdict verdict : {Verdict::kPass, Verdict::kInfo, Verdict::kWarn, Verdict::kFail, Verdict::kInconclusive,
                                Verdict::kError, Verdict::kBlocked, Verdict::kNotApplicable, Verdict::kUnstable}) {
    Attempt attempt = sample();
    attempt.scenario = to_string(verdict);
    cases.push_back({attempt, verdict});
  }
  ASSERT_EQ(write_junit(folder_ + "/junit.xml", "suite", cases, {}), "");
  const std::string xml = read(folder_ + "/junit.xml");
  const auto count = [&](std::string_view what) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = xml.find(what, at)) != std::string::npos; at += what.size()) ++n;
    return n;
  };
  EXPECT_EQ(count("<testcase "), cases.size());
  EXPECT_EQ(count("<failure "), 1U);
  EXPECT_EQ(count("<error type=\"error\""), 1U);
  EXPECT_EQ(count("<error type=\"inconclusive\""), 1U);
  EXPECT_EQ(count("<skipped "), 2U);
  for (const char* verdict : {"pass", "info", "warn", "unstable"})
    EXPECT_EQ(count(std::string("value=\"") + verdict + "\""), 1U) << verdict;
  EXPECT_NE(xml.find("tests=\"9\" failures=\"1\" errors=\"2\" skipped=\"2\""), std::string::npos);
  EXPECT_EQ(xml.find('\x01'), std::string::npos);
}

TEST(ExitCode, FollowsTheVerdicts) {
  EXPECT_EQ(exit_code({Verdict::kPass, Verdict::kWarn, Verdict::kInfo, Verdict::kUnstable}), kExitOk);
  EXPECT_EQ(exit_code({Verdict::kPass, Verdict::kFail, Verdict::kInconclusive}), kExitFail);
  EXPECT_EQ(exit_code({Verdict::kFail, Verdict::kError}), kExitHarness);
  EXPECT_EQ(exit_code({Verdict::kPass, Verdict::kBlocked}), kExitInconclusive);
  EXPECT_EQ(exit_code({Verdict::kNotApplicable, Verdict::kSkipped}), kExitNothing);
  EXPECT_EQ(exit_code({}), kExitNothing);
}

TEST(VerdictOf, NotesNeverCostAnything) {
  const Requirement* row = find_requirement("P-JSON-03");
  EXPECT_EQ(verdict_of(Finding{row, Severity::kNote, 0, 0, ""}), Verdict::kInfo);
  EXPECT_EQ(verdict_of(Finding{row, Severity::kError, 0, 0, ""}), Verdict::kFail);
  EXPECT_EQ(verdict_of(*find_requirement("P-PNUM-02")), Verdict::kWarn);
  EXPECT_EQ(verdict_of(*find_requirement("P-HTTP-08")), Verdict::kInfo);
  EXPECT_EQ(verdict_of(*find_requirement("P-PNUM-09")), Verdict::kInfo);
}

TEST(Splice, ReplacesRangesAndKeepsTheRest) {
  EXPECT_EQ(splice("abcdef", {{4, 1, "X"}, {1, 2, "--"}}), "a--dXf");
  EXPECT_EQ(splice("abc", {{1, 1, ""}, {9, 2, "Z"}}), "ac");  // ranges outside are left alone
}

TEST(SideBySide, AlignsWhatIsEqualAndMarksTheRest) {
  const std::string text = side_by_side("a\nb\nc\n", "a\nx\nb\nc\n", 4);
  EXPECT_NE(text.find("*      x\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  b    b\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace peerscope::harness
