// SPDX-License-Identifier: GPL-2.0-or-later
// Two implementations under test that talk to each other. The harness stands between them: it takes the client's
// requests, asks the server, hands the answers on, and judges both. No right to capture is needed, and TLS is no
// obstacle, because each side has its own connection with the harness.
//
// Limits: protocols over HTTP; one request at a time; answers without end are not handed on. URIs of the server in its
// answers are made the harness's, so that the client stays on this way.
#pragma once

#include <string>

#include "harness/engine/iut.h"
#include "harness/report/results.h"

namespace peerscope::harness {

struct PairOptions {
  double seconds = 20;       // most that a pair gets
  double quiet = 3;          // without a request for so long, it is over
  double answer_within = 5;  // for the server
  std::string folder;        // for evidence.pcapng and the logs
};

struct PairResult {
  Attempt attempt;
  std::size_t requests = 0;
  std::size_t answers = 0;
  std::size_t client_fails = 0;
  std::size_t server_fails = 0;
};

// Whether the two can be put together; a reason for people, or empty.
std::string unfit_pair(const IutFile& client, const IutFile& server);
PairResult play_pair(const IutFile& client, const IutFile& server, const PairOptions& options);
// The same verdicts from a capture of the two.
PairResult judge_pair(const std::string& capture, const std::string& keys, const std::string& version);

// The results file of a pair, as `report` reads it. An error for people, or "".
std::string write_pair(const PairResult& result, const std::string& name, const std::string& path,
                       const std::string& version);

}  // namespace peerscope::harness
