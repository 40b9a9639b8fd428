// SPDX-License-Identifier: GPL-2.0-or-later
// A conformance run: which scenarios apply to an IUT, attempts with re-runs, results, console and exit code.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/engine/expectations.h"
#include "harness/engine/iut.h"
#include "harness/engine/selection.h"
#include "harness/report/results.h"
#include "harness/scenario/scenario.h"

namespace peerscope::harness {

struct RunOptions {
  std::string out_directory;  // results.jsonl, junit.xml, evidence/
  std::uint64_t seed = 1;
  double time_scale = 1;
  double answer_within = 5;
  int retries = 2;  // re-runs of a scenario that did not pass
  bool quiet = false;
  bool evidence = true;   // a capture of every attempt
  bool slow = true;       // scenarios that wait for timers
  std::size_t shard = 1;  // of `shards`: the runs are dealt out one by one; the plain flow is everybody's
  std::size_t shards = 1;
  bool interruptible = true;  // Ctrl-C ends the run with a summary; off where many runs share the process
  Judging judging;
  const Expectations* expectations = nullptr;  // fails that are excused
  std::string version;
};

// Why a scenario is off for this IUT; empty when it applies.
std::string off_reason(const Scenario& scenario, const IutFile& iut, const RunOptions& options);

// Runs all of them; returns the exit code of docs/exit-codes.md.
struct RunSummary {
  int exit_code = 0;
  std::vector<JunitCase> cases;
  std::vector<RequirementResult> requirements;
};
// Of a run that begins: versions of one implementation are one series.
RunStart named_start(const IutFile& iut);

RunSummary run_suite(const std::vector<Scenario>& scenarios, const IutFile& file, const RunOptions& options);

// One results file per implementation out of those of several machines or shards, each in a folder of its own below
// `folder`. Of a scenario that several files tell of, the worst verdict counts.
struct MergedRun {
  std::string iut;
  std::string path;  // of its results.jsonl
  std::size_t cases = 0;
  std::vector<std::string> missing;  // planned, and in no file
  int exit_code = 0;
};
std::vector<MergedRun> merge_runs(const std::vector<std::string>& paths, const std::string& folder,
                                  const std::string& version, std::string& error);

// Creates a folder with its parents; an error for people, or empty.
std::string make_directory(const std::string& path);
// A hash over all requirement rows: reports name the rules they used.
std::string rules_hash();

}  // namespace peerscope::harness
