// SPDX-License-Identifier: GPL-2.0-or-later
// RunRecord: a results file read back. Every report format is rendered from it, so that a report of yesterday's run, of
// another machine's or of one that was killed is the same as one made at once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/engine/verdict.h"

namespace peerscope::harness {

struct RecordedHit {
  std::string rule;
  Verdict verdict = Verdict::kNone;
  std::string level;
  std::string section;
  std::string detail;
  std::string where;
  std::uint64_t frame = 0;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool missing = false;
  bool listed = false;
};

// The last attempt at a scenario permutation, with the verdict that counts.
struct RecordedCase {
  std::string scenario;
  std::string params;
  int attempts = 0;
  std::uint64_t seed = 0;
  Verdict verdict = Verdict::kNone;
  std::string note;
  std::string reason;
  std::string step;
  std::string expected;
  std::string seen;
  std::vector<std::string> tests;
  std::vector<RecordedHit> hits;
  std::string evidence;
  std::string flow;   // JSON as the results file has it (flow_record.h), for the page's script
  std::string shown;  // likewise
  std::uint64_t left_out = 0;
  double seconds = 0;
  bool decided = false;            // the verdict that counts is there
  std::vector<std::string> lines;  // of the file that tell of it, for a merge

  // "ppstp/tracker/connect-leech [family=ipv6]"
  std::string name() const;
};

struct RecordedRequirement {
  std::string id;
  Verdict verdict = Verdict::kNone;
  std::string level;
  std::string section;
  std::string text;
  std::uint64_t hits = 0;
  std::string example;
};

struct RunRecord {
  std::string path;
  std::string id;       // files of older versions: made from the content
  std::string started;  // empty in files of older versions
  std::string series;
  std::string command;
  std::string iut;
  std::string version;  // of peerscope
  std::string rules;    // hash of the requirement tables
  std::uint64_t seed = 0;
  std::vector<RecordedCase> cases;
  std::vector<RecordedRequirement> requirements;
  std::vector<std::pair<std::string, std::string>> planned;  // scenario and params of the whole run
  bool ended = false;  // false: the run was killed, and this is what it had decided
  int exit_code = 0;
};

// Every requirement that the run judged, from its summary or, of a run that was killed, from what its scenarios found.
std::vector<RecordedRequirement> judged_requirements(const RunRecord& run);

// Reads a results.jsonl. A last line without its end is what a killed run leaves, and is left out; any other line that
// is not as it should be is an error with file and line.
RunRecord read_run(const std::string& path, std::string& error);

// The renderers. Texts are UTF-8; nothing is fetched from anywhere when they are shown.
std::string to_tap(const RunRecord& run);                  // TAP version 14
std::string to_sarif(const std::vector<RunRecord>& runs);  // SARIF 2.1.0
std::string to_junit(const RunRecord& run);

// A run as a history has it.
struct PastRun {
  std::string id;
  std::string started;
  std::string iut;
  std::map<std::string, Verdict> verdicts;  // by requirement
};
using Histories = std::map<std::string, std::vector<PastRun>>;  // by series, the oldest run first

struct PageOptions {
  std::string folder;   // where the page will stand, for its links to captures
  Histories history{};  // shown beside what the runs say
  bool embed = false;   // captures with findings go into the page
};
std::string to_html(const std::vector<RunRecord>& runs, const PageOptions& options);

// From its name as results files have it; kNone for anything else.
Verdict verdict_named(std::string_view name);

}  // namespace peerscope::harness
