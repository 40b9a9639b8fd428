// SPDX-License-Identifier: GPL-2.0-or-later
// Results: one append-only JSON-lines file, flushed per line, from which everything else is rendered. A killed run
// loses at most the scenario in flight.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/engine/verdict.h"
#include "harness/report/flow_record.h"

namespace peerscope::harness {

// The outcome of one attempt at one scenario permutation (or of one capture that was checked).
struct Attempt {
  std::string scenario;
  std::string title;
  std::string permutation;  // "family=ipv6"; empty without params
  int attempt = 1;
  std::uint64_t seed = 0;
  Verdict verdict = Verdict::kNone;
  std::string reason;    // one sentence for people
  std::string step;      // that decided
  std::string expected;  // field tree or text
  std::string seen;
  std::vector<std::string> tests;
  std::vector<RuleHit> hits;
  std::string evidence;  // file
  FlowRecord flow;
  bool reached = false;  // the IUT said anything at all
  double seconds = 0;
  double waited = 0;  // of them, in steps that wait
};

// Which run it is. A history knows by the id that it has a run already, and puts runs of one series in order.
struct RunStart {
  std::string id;
  std::string started;  // UTC, "2026-11-21T09:00:00.123Z"
  std::string series;   // the implementation whatever its version; empty: as it is named in the report

  static RunStart now();
};

class ResultsFile {
 public:
  // `error` names the file and what to do.
  static std::unique_ptr<ResultsFile> open(const std::string& path, std::string& error);
  ~ResultsFile();
  ResultsFile(const ResultsFile&) = delete;
  ResultsFile& operator=(const ResultsFile&) = delete;

  void header(std::string_view command, std::string_view iut, std::string_view version, std::string_view suite_hash,
              std::uint64_t seed, const RunStart& start = RunStart::now());
  // What the whole run will do, whichever shard of it this file is: a merge knows by it what is missing.
  void planned(std::string_view scenario, std::string_view params);
  void attempt(const Attempt& attempt);
  // A line of another results file, as it stands there.
  void copy(std::string_view whole_line);
  // One finding of a capture, as it comes; the capture's attempt holds the first ones of each rule again.
  void finding(const std::string& capture, const RuleHit& hit);
  // The verdict that counts for a scenario permutation, after re-runs.
  void verdict(const Attempt& last, Verdict final, std::string_view note);
  void requirement(const Requirement& row, Verdict verdict, std::size_t hits, std::string_view example);
  void footer(int exit_code);
  // Empty unless a line could not be written (disk full, ...).
  const std::string& error() const { return error_; }

 private:
  ResultsFile(std::FILE* file, std::string path) : file_(file), path_(std::move(path)) {}
  void line(std::string text);

  std::FILE* file_;
  std::string path_;
  std::string error_;
};

// JUnit: a testcase per scenario permutation and one per requirement that was exercised. Returns an error or "".
struct JunitCase {
  Attempt attempt;
  Verdict verdict;
};
struct RequirementResult {
  const Requirement* row;
  Verdict verdict;
  std::size_t hits;
  std::string example;
};
std::string write_junit(const std::string& path, std::string_view suite, const std::vector<JunitCase>& cases,
                        const std::vector<RequirementResult>& requirements);
std::string junit_text(std::string_view suite, const std::vector<JunitCase>& cases,
                       const std::vector<RequirementResult>& requirements);

}  // namespace peerscope::harness
