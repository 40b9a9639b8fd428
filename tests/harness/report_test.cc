// SPDX-License-Identifier: GPL-2.0-or-later
// Reports from a results file: what was recorded comes back, and no format loses a verdict.
#include <gtest/gtest.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <simdjson.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <regex>
#include <sstream>

#include "harness/report/history.h"
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

// What a reader of JUnit makes of a test case. The verdicts that JUnit has no word for stand in a type or a property.
std::string verdict_in(xmlNode* test) {
  const auto attribute = [](xmlNode* node, const char* name) {
    xmlChar* value = xmlGetProp(node, BAD_CAST name);
    std::string text = value == nullptr ? "" : reinterpret_cast<const char*>(value);
    xmlFree(value);
    return text;
  };
  for (xmlNode* node = test->children; node != nullptr; node = node->next) {
    const std::string name = reinterpret_cast<const char*>(node->name);
    if (name == "failure") return "fail";
    if (name == "error") return attribute(node, "type");
    if (name == "skipped") return attribute(node, "message").substr(0, attribute(node, "message").find(':'));
    if (name != "properties") continue;
    for (xmlNode* property = node->children; property != nullptr; property = property->next) {
      if (property->type == XML_ELEMENT_NODE && attribute(property, "name") == "verdict")
        return attribute(property, "value");
    }
  }
  return "none";
}

TEST_F(Report, JunitHoldsEveryVerdict) {
  const std::string text = to_junit(read());
  const std::unique_ptr<xmlDoc, void (*)(xmlDoc*)> document(
      xmlReadMemory(text.data(), static_cast<int>(text.size()), "junit.xml", nullptr, XML_PARSE_NONET), xmlFreeDoc);
  ASSERT_TRUE(document) << text;
  xmlNode* suite = xmlFirstElementChild(xmlDocGetRootElement(document.get()));
  ASSERT_NE(suite, nullptr);
  std::map<std::string, int> verdicts;
  for (xmlNode* test = xmlFirstElementChild(suite); test != nullptr; test = xmlNextElementSibling(test))
    ++verdicts[verdict_in(test)];
  for (const Verdict verdict : kAll) EXPECT_EQ(verdicts[std::string(to_string(verdict))], 2) << to_string(verdict);
  EXPECT_EQ(verdicts.size(), std::size(kAll));
}

TEST_F(Report, AFlowComesBackAsItWas) {
  Attempt attempt;
  attempt.scenario = "ppstp/tracker/flow";
  attempt.flow.messages = {{.frame = 2, .at = 0.25, .from = "leech", .to = "iut", .name = kHostile}};
  attempt.flow.left_out = 3;
  attempt.flow.shown = {{.frame = 2, .name = "x", .bytes = std::string("\x00\xff{", 3), .size = 9, .fields = {}}};
  attempt.flow.shown[0].fields = {
      {.depth = 1, .text = "version: 2", .filter = "ppstp.version", .offset = 4, .length = 1}};
  RuleHit hit;
  hit.rule = find_requirement("P-FIND-03");
  hit.offset = 4;
  hit.length = 1;
  hit.missing = true;
  attempt.hits.push_back(hit);
  std::string error;
  const std::string path = folder_ + "/flow.jsonl";
  auto results = ResultsFile::open(path, error);
  results->header("run", "iut 2", "0.1.0", "abc", 7, {"id", "2026-01-02T03:04:05.006Z", "iut"});
  results->attempt(attempt);
  results.reset();
  const RunRecord run = read_run(path, error);
  ASSERT_EQ(error, "");
  EXPECT_EQ(run.id, "id");
  EXPECT_EQ(run.series, "iut");
  EXPECT_EQ(run.started, "2026-01-02T03:04:05.006Z");
  ASSERT_EQ(run.cases.size(), 1U);
  const RecordedCase& one = run.cases[0];
  EXPECT_EQ(one.left_out, 3U);
  EXPECT_EQ(one.hits.at(0).offset, 4U);
  EXPECT_EQ(one.hits.at(0).length, 1U);
  EXPECT_TRUE(one.hits.at(0).missing);
  simdjson::dom::parser parser;
  simdjson::dom::element list;
  ASSERT_EQ(parser.parse(one.flow).get(list), simdjson::SUCCESS);
  EXPECT_EQ(list.at(0)["frame"].get_uint64().value(), 2U);
  EXPECT_EQ(list.at(0)["at"].get_double().value(), 0.25);
  EXPECT_EQ(std::string_view(list.at(0)["from"]), "leech");
  ASSERT_EQ(parser.parse(one.shown).get(list), simdjson::SUCCESS);
  EXPECT_EQ(std::string_view(list.at(0)["bytes"]), "00ff7b");
  EXPECT_EQ(std::string_view(list.at(0)["fields"].at(0)["filter"]), "ppstp.version");
}

TEST_F(Report, AHistoryHasEachRunOnce) {
  const std::string database = folder_ + "/history.db";
  std::string error;
  RunRecord run = read();
  run.started = "2026-01-01";
  run.series = "tracker";
  EXPECT_EQ(remember(database, {run}, 5, error)["tracker"].size(), 1U);
  EXPECT_EQ(error, "");
  EXPECT_EQ(remember(database, {run}, 5, error)["tracker"].size(), 1U);  // the same again
  for (int day = 2; day < 9; ++day) {
    run.id = std::to_string(day);
    run.started = "2026-01-0" + run.id;
    run.requirements[0].verdict = day % 2 == 0 ? Verdict::kFail : Verdict::kPass;
    EXPECT_EQ(remember(database, {run}, 5, error).size(), 1U) << error;
  }
  RunRecord other = run;
  other.series = other.id = "other";
  const Histories all = remember(database, {run, other}, 5, error);
  ASSERT_EQ(error, "");
  ASSERT_EQ(all.at("tracker").size(), 5U);  // the last ones, the oldest first
  EXPECT_EQ(all.at("tracker").front().started, "2026-01-04");
  EXPECT_EQ(all.at("tracker").back().started, "2026-01-08");
  EXPECT_EQ(all.at("tracker").front().verdicts.at(run.requirements[0].id), Verdict::kFail);
  EXPECT_EQ(all.at("tracker").front().verdicts.size(), std::size(kAll));
  EXPECT_EQ(all.at("other").size(), 1U);
}

TEST_F(Report, WhatIsNoHistoryIsLeftAlone) {
  std::string error;
  const std::string text = folder_ + "/text.db";
  std::ofstream(text) << "this is no database, it is some text that is long enough to be taken for a header\n";
  EXPECT_TRUE(remember(text, {read()}, 5, error).empty());
  EXPECT_NE(error.find("text.db: file is not a database"), std::string::npos) << error;
  (void)remember(folder_ + "/none/h.db", {read()}, 5, error);
  EXPECT_NE(error.find("unable to open"), std::string::npos) << error;
  // Of another program: not a byte is changed.
  const std::string foreign = folder_ + "/foreign.db";
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(foreign.c_str(), &handle), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(handle, "CREATE TABLE mine(x)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(handle);
  (void)remember(foreign, {read()}, 5, error);
  EXPECT_NE(error.find("is a database of another program"), std::string::npos) << error;
}

TEST_F(Report, TheVerdictsOfAKilledRunAreThoseOfItsScenarios) {
  RunRecord run = read();
  run.requirements.clear();
  std::map<std::string, Verdict> judged;
  for (const RecordedRequirement& row : judged_requirements(run)) judged[row.id] = row.verdict;
  EXPECT_EQ(judged.at("P-FIND-03"), Verdict::kError);
  EXPECT_TRUE(judged.contains("P-FIND-04"));
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
