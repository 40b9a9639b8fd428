// SPDX-License-Identifier: GPL-2.0-or-later
// `replay`: one party of a captured flow played against a live implementation. Values are rebound by their fields'
// replay classes, answers are mapped back to the capture's terms and compared there.
//
// Limits: one connection of the capture becomes one connection here; messages are played in the order of the capture,
// each after the answer to the one before (causal), or at the capture's own pace. Resources of a directory are expected
// at the captured paths.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/capture/pdus.h"
#include "harness/engine/iut.h"
#include "harness/report/results.h"

namespace peerscope::harness {

struct ReplayOptions {
  bool play_client = true;       // the other party is the IUT
  bool original_timing = false;  // keep the capture's pauses
  double gap_max = 5;            // seconds, the longest pause kept
  double time_scale = 1;
  double answer_within = 5;
  std::uint64_t seed = 1;
  bool stop_at_divergence = false;
  std::string evidence_path;
  std::string work_directory;
};

struct Divergence {
  std::uint64_t frame = 0;  // of the captured answer
  std::uint64_t evidence_frame = 0;
  std::string summary;               // of the request
  std::string what;                  // one line: the first differences
  std::string expected;              // field tree of the captured answer
  std::string seen;                  // the live answer in the capture's terms
  Verdict verdict = Verdict::kFail;  // kWarn when only optional members differ
};

struct ReplayResult {
  Attempt attempt;  // verdict, rule hits, evidence
  std::size_t played = 0;
  std::size_t playable = 0;
  std::size_t compared = 0;
  std::vector<Divergence> divergences;
  std::vector<std::string> warnings;  // unbound correlations, undecodable frames, what only time explains
};

ReplayResult replay(const std::vector<CapturedMessage>& messages, Iut& iut, const ReplayOptions& options);

// Two texts line by line, aligned, with a mark before lines that differ; equal runs are cut down to their ends.
std::string side_by_side(const std::string& left, const std::string& right, std::size_t width);

// `bytes` with the values at these byte ranges replaced; ranges must not overlap.
struct Edit {
  std::uint32_t offset;
  std::uint32_t length;
  std::string text;
};
std::string splice(std::string_view bytes, std::vector<Edit> edits);

}  // namespace peerscope::harness
