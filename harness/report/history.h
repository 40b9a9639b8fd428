// SPDX-License-Identifier: GPL-2.0-or-later
// History: the verdicts of all runs that were ever added to a database file (SQLite), so that a report tells whether a
// requirement failed before. A run is added once, whatever its results file is called; one that went on since (a killed
// run that was reported, and merged later) is replaced.
#pragma once

#include <string>
#include <vector>

#include "harness/report/run_record.h"

namespace peerscope::harness {

// Adds the runs to the database, which is made when it is not there, and returns the last `most` runs of each of their
// series. `error` names the file and what is wrong with it.
Histories remember(const std::string& database, const std::vector<RunRecord>& runs, std::size_t most,
                   std::string& error);

}  // namespace peerscope::harness
