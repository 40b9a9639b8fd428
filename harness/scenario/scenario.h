// SPDX-License-Identifier: GPL-2.0-or-later
// Scenarios: what to send to an implementation under test and what to expect, as data. docs/scenarios.md has the
// format.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "harness/engine/verdict.h"
#include "protocols/base/protocol.h"
#include "protocols/base/tree.h"

namespace peerscope::harness {

constexpr int kMostRepeats = 1000;  // of one step
// Of scenarios that use others: files one inside the other, and steps in all.
constexpr std::size_t kDeepestUse = 8;
constexpr std::size_t kMostSteps = 2000;
constexpr std::string_view kAnySilence = "none";
constexpr std::string_view kDirectoryResource = "directory";  // of a server that has one: its own URL

// One acceptable outcome. Trees hold unexpanded variables.
struct Outcome {
  std::string msg;    // message name; "http": any HTTP message, its body not judged; empty: the answer's usual message
  std::string event;  // "closed", "reset", "timeout": instead of a message
  Tree where;         // field path -> value or operators
  Tree http;          // status, content_type, method, target, header
  Tree bind;          // variable -> field path
  Tree bind_header;   // variable -> name of an HTTP header
  Tree offers;        // what the server's directory must list, as in `resources`
  bool agrees = false;  // the answer is what its request asks of the data that the server has
  Verdict verdict = Verdict::kPass;
  std::string note;
  int line = 0;
};

struct Expectation {
  std::vector<Outcome> any_of;
  std::string within;              // expression; empty: the default
  std::vector<std::string> check;  // requirement ids that this expectation decides
  std::string same_as;             // id of an earlier step: the request has that one's content
  // Name of a fact of the IUT file that says how long it may take. Without it, silence for `within` proves nothing.
  std::string stated_as;
  // The party's silence before this request must be shorter than this for the answer to be evidence. Empty: than the
  // protocol's idle_fact; kAnySilence: the silence is the point.
  std::string silence_under;
  std::string answers;  // linked nodes: id of the step whose request this answers
};

// What `http.tls` may say: only this version is offered.
inline constexpr std::string_view kTls12 = "1.2";
inline constexpr std::string_view kTls13 = "1.3";

// A message to send: built from the description, or raw bytes.
struct Sending {
  std::string msg;                 // empty: an HTTP message without a body
  bool stream = false;             // the answer may have no end; later steps of the party watch it
  std::string resource;            // of `resources`, which says where and how; "directory" is the IUT's own URL
  std::optional<std::string> raw;  // body
  Tree with;                       // members in RFC names
  Tree mutate;                     // list of {set|drop|dup|add: ...}, {truncate: n}
  Tree http;                       // method, target, content_type, headers, chunked, split, pace, cookies...
  Tree link;                       // linked nodes: whose signature, which frames (Neighbours::Order)
  std::string behaviour;           // named answer of the protocol (server side): "ok"
  std::string delay;
  std::string end;                      // "close", "reset", "stall" after it; "none": no answer at all
  std::optional<std::string> raw_http;  // the whole HTTP message
};

struct Step {
  std::string id;
  std::string by;
  bool setup = false;
  std::string note;
  int line = 0;
  std::optional<Sending> send;
  std::optional<Sending> reply;
  std::optional<Expectation> expect;
  std::optional<Outcome> expect_none;
  std::string none_for;
  std::string wait;     // duration expression
  std::string control;  // start, stop, restart, reset, start-another, drop, or a hook of the IUT file
  bool close = false;
  std::string repeat = "1";  // expression
  std::string when;          // condition; a step for which it does not hold is left out
  Tree set;                  // variables that a used scenario brings, made anew each time
};

struct Background {
  std::string on;
  Sending reply;
};

struct Scenario {
  std::string path;
  std::string id;
  std::string title;
  std::string about;
  const Protocol* protocol = nullptr;
  std::string role;     // of the IUT
  bool client = false;  // that role connects, and the harness is its server
  bool linked = false;  // the harness's parties are its neighbours (engine/neighbours.h)
  Tree parties;         // linked: what is special about a party
  Tree overlay;         // linked, joining nodes: what is special about the overlay that the harness makes
  std::vector<std::string> party_names;
  std::vector<std::string> tests;  // requirement ids
  std::vector<std::string> needs;  // features
  bool slow = false;               // waits for timers
  std::vector<std::string> data;   // what the server's data must have (survey.h)
  bool survey = true;              // the server's directory is fetched before the first step
  // Name -> what the server's directory must list.
  std::vector<std::pair<std::string, Tree>> resources;
  std::vector<std::pair<std::string, std::vector<std::string>>> params;
  Tree let;
  std::vector<Background> background;
  std::vector<Step> steps;
  std::vector<Step> finally;
};

struct ScenarioResult {
  Scenario scenario;
  std::vector<std::string> errors;  // "file:line:column: ..."; empty when well
};

// Loads and lints one file: unknown keys, messages, fields, requirement ids, features, variables.
ScenarioResult load_scenario(const std::string& path);
ScenarioResult parse_scenario(std::string_view text, const std::string& name);

// All .yaml files below the folders (or single files), sorted by id.
std::vector<std::string> find_scenarios(const std::vector<std::string>& roots, std::string& error);

// "request.transaction_id": what a reply may say of the request that it answers.
std::string request_variable(const FieldPlace& place);

// The message that answers every request of the protocol; empty where answers differ.
std::string_view usual_answer(const Protocol& protocol);
// The row of the protocol's message table, or null.
const MessageType* message_named(const Protocol& protocol, std::string_view name);

// One point of the params' product: names with values.
using Permutation = std::vector<std::pair<std::string, std::string>>;
std::vector<Permutation> permutations(const Scenario& scenario);

// Turns `mutate` items into writer overrides; raw values are JSON texts. The error names line and column.
std::string to_overrides(const Tree& mutate, Overrides& overrides, std::optional<std::size_t>& truncate);

}  // namespace peerscope::harness
