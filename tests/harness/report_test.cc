// SPDX-License-Identifier: GPL-2.0-or-later
// Reports from a results file: what was recorded comes back, and no format loses a verdict.
#include <gtest/gtest.h>
#include <simdjson.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

#include "harness/report/results.h"
#include "harness/report/run_record.h"
#include "protocols/base/protocol.h"

namespace peerscope::harness {
namespace {

constexpr Verdict kAll[] = {Verdict::kPass,     Verdict::kInfo,         Verdict::kWarn,    Verdict::kInconclusive,
                            Verdict::kFail,     Verdict::kError,        Verdict::kSkipped, Verdict::kBlocked,
                            Verdict::kUnstable, Verdict::kNotApplicable};
constexpr const char* kHostile = "</script><b>\"&'\n# not ok 1 - \\ \xff\x01";

class Report : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "peerscope-test-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    std::string error;
    auto results = ResultsFile::open(path(), error);
    ASSERT_TRUE(results) << error;
    results->header("run", kHostile, "0.1.0", "abc", 7);
    for (const Verdict verdict : kAll) {
      Attempt attempt;
      attempt.scenario = "ppstp/tracker/" + std::string(to_string(verdict));
      attempt.permutation = "family=ipv6";
      attempt.verdict = Verdict::kFail;
      attempt.reason = kHostile;
      attempt.expected = "a\nb";
      attempt.seen = "a\nc";
      attempt.tests = {"P-FIND-04"};
      attempt.evidence = folder_ + "/evidence one.pcapng";
      RuleHit hit;
      hit.rule = find_requirement("P-FIND-03");
      hit.verdict = verdict;
      hit.detail = kHostile;
      hit.where = "step";
      hit.frame = 32;
      attempt.hits.push_back(hit);
      results->attempt(attempt);
      results->attempt(attempt);  // a re-run
      results->verdict(attempt, verdict, "note");
      results->requirement(*rows_of(verdict), verdict, 3, kHostile);
    }
    results->footer(1);
    ASSERT_EQ(results->error(), "");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ + "/results.jsonl"; }
  // Another row for each verdict.
  static const Requirement* rows_of(Verdict verdict) {
    return &find_protocol("ppstp")->requirements[static_cast<std::size_t>(verdict)];
  }
  RunRecord read() const {
    std::string error;
    RunRecord run = read_run(path(), error);
    EXPECT_EQ(error, "");
    return run;
  }
  void append(std::string_view text) const { std::ofstream(path(), std::ios::app) << text; }

  std::string folder_;
};

TEST_F(Report, WhatWasRecordedComesBack) {
  const RunRecord run = read();
  EXPECT_TRUE(run.ended);
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_EQ(run.seed, 7u);
  ASSERT_EQ(run.cases.size(), std::size(kAll));
  ASSERT_EQ(run.requirements.size(), std::size(kAll));
  for (std::size_t i = 0; i < std::size(kAll); ++i) {
    const RecordedCase& one = run.cases[i];
    EXPECT_EQ(one.verdict, kAll[i]);
    EXPECT_EQ(one.attempts, 2);
    EXPECT_EQ(one.note, "note");
    EXPECT_EQ(one.name(), "ppstp/tracker/" + std::string(to_string(kAll[i])) + " [family=ipv6]");
    ASSERT_EQ(one.hits.size(), 1u);
    EXPECT_EQ(one.hits[0].frame, 32u);
    EXPECT_EQ(run.requirements[i].verdict, kAll[i]);
  }
}

TEST_F(Report, AKilledRunKeepsWhatItHadDecided) {
  std::string error;
  const std::string half = folder_ + "/half.jsonl";
  std::ofstream(half) << R"({"type":"run","command":"run","iut":"x"})"
                      << "\n"
                      << R"({"type":"verdict","scenario":"a","params":"","verdict":"pass","note":""})"
                      << "\n"
                      << R"({"type":"attempt","scenario":"b","par)";
  const RunRecord run = read_run(half, error);
  EXPECT_EQ(error, "");
  EXPECT_FALSE(run.ended);
  ASSERT_EQ(run.cases.size(), 1u);
  EXPECT_EQ(run.cases[0].verdict, Verdict::kPass);
  EXPECT_NE(to_tap(run).find("Bail out!"), std::string::npos);
}

TEST_F(Report, ABrokenLineIsNamed) {
  append("{\"type\":\n{\"type\":\"end\",\"exit\":0}\n");
  std::string error;
  (void)read_run(path(), error);
  EXPECT_NE(error.find("results.jsonl:43: no JSON object"), std::string::npos) << error;
}

TEST_F(Report, AnUnknownVerdictIsNoVerdict) {
  append("{\"type\":\"verdict\",\"scenario\":\"a\",\"params\":\"\",\"verdict\":\"fine\"}\n");
  std::string error;
  (void)read_run(path(), error);
  EXPECT_NE(error.find("no verdict 'fine'"), std::string::npos) << error;
}

TEST_F(Report, SomethingElseIsNoResultsFile) {
  const std::string other = folder_ + "/other.json";
  std::string error;
  std::ofstream(other) << "{\"type\":\"end\"}\n";
  (void)read_run(other, error);
  EXPECT_NE(error.find(":1:"), std::string::npos) << error;
  (void)read_run(folder_ + "/none", error);
  EXPECT_NE(error.find("No such file"), std::string::npos) << error;
}

TEST_F(Report, TapHoldsEveryVerdict) {
  std::istringstream lines(to_tap(read()));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "TAP version 14");
  std::getline(lines, line);
  EXPECT_EQ(line, "1..20");
  std::map<std::string, int> verdicts;
  std::size_t points = 0;
  const std::regex point(R"((not )?ok (\d+) - (scenario|requirement) .*)");
  for (bool ok = true; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, point)) {
      EXPECT_EQ(match[2].str(), std::to_string(++points));
      ok = match[1].length() == 0;
      const bool skip = line.find(" # SKIP ") != std::string::npos;
      EXPECT_TRUE(ok || !skip) << line;
    } else if (line.starts_with("  verdict: ")) {
      const std::string name = line.substr(12, line.size() - 13);
      ++verdicts[name];
      const Verdict verdict = verdict_named(name);
      const bool bad = verdict == Verdict::kFail || verdict == Verdict::kError || verdict == Verdict::kInconclusive ||
                       verdict == Verdict::kUnstable;
      EXPECT_EQ(ok, !bad) << name;
    } else {
      EXPECT_TRUE(line.starts_with("  ")) << line;
    }
  }
  EXPECT_EQ(points, 20u);
  for (const Verdict verdict : kAll) EXPECT_EQ(verdicts[std::string(to_string(verdict))], 2) << to_string(verdict);
}

TEST_F(Report, SarifHoldsEveryVerdict) {
  simdjson::dom::parser parser;
  const std::string text = to_sarif({read(), read()});
  simdjson::dom::element root;
  ASSERT_EQ(parser.parse(text).get(root), simdjson::SUCCESS) << text;
  EXPECT_EQ(std::string_view(root["version"]), "2.1.0");
  std::size_t runs = 0;
  for (const simdjson::dom::element run : root["runs"]) {
    ++runs;
    std::map<std::string, int> verdicts;
    for (const simdjson::dom::element result : run["results"]) {
      const std::string_view rule = run["tool"]["driver"]["rules"].at(result["ruleIndex"].get_uint64())["id"];
      EXPECT_EQ(rule, std::string_view(result["ruleId"]));
      const std::string_view verdict = result["properties"]["verdict"];
      ++verdicts[std::string(verdict)];
      if (verdict == "fail") {
        EXPECT_EQ(std::string_view(result["kind"]), "fail");
        EXPECT_EQ(std::string_view(result["level"]), "error");
      }
      if (rule == "P-FIND-03") {
        const std::string_view uri = result["locations"].at(0)["physicalLocation"]["artifactLocation"]["uri"];
        EXPECT_TRUE(uri.ends_with("/evidence%20one.pcapng")) << uri;
        EXPECT_EQ(result["properties"]["frame"].get_uint64().value(), 32u);
      }
    }
    for (const Verdict verdict : kAll) EXPECT_EQ(verdicts[std::string(to_string(verdict))], 3) << to_string(verdict);
  }
  EXPECT_EQ(runs, 2u);
}

TEST_F(Report, JunitHoldsEveryVerdict) {
  const std::string text = to_junit(read());
  const auto count = [&](const std::string& what) {
    std::size_t n = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
    return n;
  };
  EXPECT_EQ(count("<testcase "), 20u);
  EXPECT_EQ(count("<failure "), 2u);
  EXPECT_EQ(count("<error type=\"inconclusive\""), 2u);
  EXPECT_EQ(count("<error type=\"error\""), 2u);
  EXPECT_EQ(count("<skipped "), 6u);
  EXPECT_EQ(count("value=\"unstable\""), 2u);
}

TEST_F(Report, ThePageHoldsEveryVerdictAndNothingOfTheDataIsMarkup) {
  const std::string page = to_html({read()}, {.folder = folder_});
  const std::string begin = "<script type=\"application/json\" id=\"data\">";
  const std::size_t from = page.find(begin) + begin.size();
  const std::size_t to = page.find("</script>", from);
  ASSERT_NE(to, std::string::npos);
  simdjson::dom::parser parser;
  simdjson::dom::element data;
  ASSERT_EQ(parser.parse(page.substr(from, to - from)).get(data), simdjson::SUCCESS);
  std::map<std::string, int> verdicts;
  for (const simdjson::dom::element one : data["runs"].at(0)["cases"]) {
    ++verdicts[std::string(std::string_view(one["verdict"]))];
    EXPECT_EQ(std::string_view(one["link"]), "evidence one.pcapng");
  }
  for (const simdjson::dom::element row : data["runs"].at(0)["requirements"])
    ++verdicts[std::string(std::string_view(row["verdict"]))];
  for (const Verdict verdict : kAll) EXPECT_EQ(verdicts[std::string(to_string(verdict))], 2) << to_string(verdict);
  EXPECT_EQ(page.find("@DATA@"), std::string::npos);
  EXPECT_EQ(page.find("@STYLE@"), std::string::npos);
}

}  // namespace
}  // namespace peerscope::harness
