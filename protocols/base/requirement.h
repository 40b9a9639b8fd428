// SPDX-License-Identifier: GPL-2.0-or-later
// Requirement tables: every rule of a protocol is one row, and a row that can be seen on the wire carries its check.
// The plugin, the harness, the docs and the coverage report read the same rows.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/message.h"

namespace peerscope {

// kRule: stated as a fact or rule without a key word.
enum class Level : std::uint8_t { kMust, kMustNot, kShould, kShouldNot, kMay, kGrammar, kOurs, kRule };
enum class Party : std::uint8_t { kClient, kServer, kAny };
// What a check needs to see: one message; a response with its request; all messages of a session so far. A behaviour
// row has no check: scenarios provoke it.
enum class Scope : std::uint8_t { kMessage, kExchange, kSession, kBehaviour };
// Wireshark's severities. A note never counts against a peer: it marks a lenient form or an observation.
enum class Severity : std::uint8_t { kChat, kNote, kWarn, kError };
std::string_view to_string(Level level);
std::string_view to_string(Party party);
std::string_view to_string(Scope scope);
std::string_view to_string(Severity severity);

struct Requirement;

// A broken rule at a place in a message.
struct Finding {
  const Requirement* rule = nullptr;
  Severity severity = Severity::kError;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;  // 0: the message as a whole
  std::string detail;        // what was expected and what was seen
};

// State that session checks read; made per IUT or per capture by Protocol::make_session.
struct Session {
  virtual ~Session() = default;
};

struct CheckInput {
  const Message& message;
  const Message* request = nullptr;  // the request that `message` answers, when known
  const Session* session = nullptr;  // set for session checks
};

// Collects the findings of one row. Positions come from events; a finding without one concerns the whole message.
class Reporter {
 public:
  Reporter(const CheckInput& input, std::vector<Finding>& out) : input_(input), out_(out) {}
  void at(const Event* event, const std::string& detail);
  void at(const Field& field, const std::string& detail) { at(input_.message.first(field), detail); }
  void whole(const std::string& detail) { at(nullptr, detail); }
  void issue(const Issue& issue);
  void use(const Requirement& rule) { rule_ = &rule; }
  // Overrides the row's severity for the findings that follow in this check.
  void soften(Severity severity) { softened_ = true, severity_ = severity; }
  void reset() { softened_ = false; }

 private:
  const CheckInput& input_;
  std::vector<Finding>& out_;
  const Requirement* rule_ = nullptr;
  bool softened_ = false;
  Severity severity_ = Severity::kError;
};

using Check = void (*)(const CheckInput&, Reporter&);

// A row. Either `check`, or scope kBehaviour (some scenario names the id in its `tests` list; a test enforces that), or
// `examined`, or `reason` says why none is possible.
struct Requirement {
  const char* id;
  const char* section;
  Level level;
  Party party;
  Scope scope;
  const char* text;  // in our own words
  Check check = nullptr;
  Severity severity = Severity::kError;  // of its findings in Wireshark
  const char* reason = nullptr;
  const char* errata = nullptr;
  bool informational = false;  // reported as info whatever the level (the sheet marks these rows INFO)
  const char* role = nullptr;  // who is bound in the specification's own words, where client and server do not fit
  bool pending = false;        // its scenario is not written yet; coverage says so
  // Judged where certificates are known, besides run_checks: by the plugin and by the harness's examiner.
  bool examined = false;
};

// Who is bound, for people.
inline std::string_view binds(const Requirement& row) {
  return row.role != nullptr ? row.role : to_string(row.party);
}

// A builder that fills the severity from the level: MUST, MUST NOT and grammar are errors, SHOULD and rules without key
// word warn, MAY and our own defaults are notes.
constexpr Severity default_severity(Level level) {
  switch (level) {
    case Level::kMust:
    case Level::kMustNot:
    case Level::kGrammar:
      return Severity::kError;
    case Level::kShould:
    case Level::kShouldNot:
    case Level::kRule:
      return Severity::kWarn;
    default:
      return Severity::kNote;
  }
}

}  // namespace peerscope
