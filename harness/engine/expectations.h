// SPDX-License-Identifier: GPL-2.0-or-later
// Expected fails: a file that says which scenario fails for an implementation, by which rule and how, and until when
// that is excused. Another fail of the same scenario is not excused, and one that no longer fails is told: a list that
// only grows is worth nothing.
#pragma once

#include <string>
#include <vector>

#include "harness/engine/iut.h"
#include "harness/report/results.h"
#include "harness/scenario/scenario.h"

namespace peerscope::harness {

struct ExpectedFail {
  std::string scenario;
  std::vector<std::pair<std::string, std::string>> params;  // of the permutation; those that are left out: any
  std::string iut;                                          // "mytracker" or "mytracker < 1.5"; empty: any
  std::string rule;                                         // requirement id
  std::string detail;                                       // part of the finding's text; empty: any
  std::string issue;                                        // for people
  std::string until;                                        // "2027-03-31", the last day; empty: no end
  std::string place;                                        // "file.yaml:3"
};

class Expectations {
 public:
  // "file.yaml:3:5: ..." in `error` when something is wrong: a scenario or rule that does not exist, a date that is
  // none. `today` is "2026-11-22".
  static Expectations load(const std::string& path, const std::vector<Scenario>& all, const IutFile& iut,
                           const std::string& today, std::string& error);

  // The final verdict: a fail of which every listed rule is expected is `xfail`, and findings that are expected become
  // so; an attempt that passes and shows nothing of what is expected is `xpass`. Others stay. `note` says which line of
  // the file did it.
  Verdict apply(Attempt& attempt, Verdict verdict, std::string& note) const;
  bool empty() const { return fails_.empty(); }

 private:
  std::vector<ExpectedFail> fails_;  // of this implementation
  std::string today_;
};

// Whether "name", or "name < 1.5" with <, <=, =, >= or >, names this implementation. Versions compare number by number.
bool names_iut(std::string_view condition, std::string_view name, std::string_view version);
std::string today_utc();

}  // namespace peerscope::harness
