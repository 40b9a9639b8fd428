// SPDX-License-Identifier: GPL-2.0-or-later
// Which scenarios run, and how strictly findings count: from the command line or from a profile file, which the parties
// of an interop event agree on (docs/selection.md).
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "harness/engine/verdict.h"
#include "harness/scenario/scenario.h"

namespace peerscope::harness {

enum class Strictness {
  kMust,      // a broken SHOULD is information
  kShould,    // it warns
  kPedantic,  // it fails
};
// Null when `name` is none of must, should and pedantic.
const Strictness* find_strictness(std::string_view name);

// What a finding counts in this run.
struct Judging {
  Strictness strictness = Strictness::kShould;
  std::set<std::string, std::less<>> left_out;  // requirement ids, whose findings are information

  Verdict count(const Requirement& row, Verdict verdict) const;
};

// Selectors: a scenario id or a prefix of one ("ppstp", "ppstp/tracker"), a requirement id or a prefix of one
// ("P-FIND"), a .yaml file or a folder, or KEY:VALUE with the keys protocol, role, section ("3.2", "RFC7846/3.2"),
// feature and level.
struct Selection {
  std::vector<std::string> select;  // none: all
  std::vector<std::string> leave_out;
  Strictness strictness = Strictness::kShould;
};

// "file.yaml:3:5: ..." in `error` when something is wrong.
Selection load_profile(const std::string& path, std::string& error);

// Loads the scenarios and reports every lint error and every selector that names nothing; `errors` is empty when all
// are well. A scenario is left out when a selector names it, or all requirements that it tests.
std::vector<Scenario> load_suite(const Selection& selection, const std::vector<std::string>& roots,
                                 std::vector<std::string>& errors);
// Folders with suites: $PEERSCOPE_SUITES, the installed ones beside the program, the source tree's.
std::vector<std::string> suite_roots();

Judging judging_of(const Selection& selection);

}  // namespace peerscope::harness
