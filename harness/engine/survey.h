// SPDX-License-Identifier: GPL-2.0-or-later
// How the harness gets to know a server whose directory lists its resources (ALTO): it fetches the directory and what
// the server holds before the first step. Scenarios then name resources by what they need of them, and take data that
// the server has; what a server does not offer makes a scenario not applicable, never failed.
//
// Ownership: made once per attempt, used by it alone. Failure: what could not be learned is not offered.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "protocols/base/protocol.h"
#include "protocols/base/tree.h"
#include "reference-impl/net/url.h"

namespace peerscope::harness {

// A value of the server's own data: scenarios that use it say so in `needs`.
struct DataVariable {
  std::string_view name;
  std::string_view about;
};

// What an answer has to do with what is known of the server.
struct Agreement {
  std::string difference;  // empty: none
  bool unknown = false;    // the server has changed since: nothing can be told
};

// A resource as a scenario uses it.
struct ServerResource {
  std::string id;
  net::Url url;
  std::string accept;       // what the harness says it takes
  std::string_view input;   // message that is its input; empty: GET
  std::string_view answer;  // message that it answers with; empty: none of the protocol's
  std::map<std::string, std::string, std::less<>> variables;  // "metric" becomes ${NAME.metric}
};

class Survey {
 public:
  virtual ~Survey() = default;

  // Data of the IUT file: what the server holds, so that its own word need not be taken for it. An error for people.
  virtual std::string teach(const std::string& path) = 0;
  struct Fetch {
    net::Url url;
    std::string accept;
  };
  // What to fetch next; nothing when all is known.
  virtual std::optional<Fetch> next() = 0;
  // The answer to it. An error for people when nothing can be done with it.
  virtual std::string learn(const Fetch& fetch, const Message& answer) = 0;

  virtual std::optional<ServerResource> find(const Tree& wanted, std::string& reason) const = 0;
  virtual std::map<std::string, std::string, std::less<>> data() const = 0;
  virtual Agreement compare(const Message& request, const Message& answer) const = 0;

  // Replay, of a captured exchange: what it is about, in the words of find(); no `msg` when that cannot be told. Either
  // message may be missing.
  virtual Tree subject(const Message* request, const Message* answer) const = 0;
  // A captured request's body with the names that this server has, in place of those that it does not know.
  virtual std::string renamed(const Message& request, const Message* answer) = 0;
  // Whether a captured answer tells of the very data that this server has.
  virtual bool same_data(const Message& answer) const = 0;
  // Why a captured answer is no reference for what another server answers; empty when it is one.
  virtual std::string doubt(const Message& request, const Message& answer) const = 0;
};

// Of a protocol whose servers have directories.
struct SurveyKind {
  std::unique_ptr<Survey> (*make)(const net::Url& directory);
  std::span<const DataVariable> data;
  std::span<const std::string_view> keys;       // what a scenario may say of a resource
  std::span<const std::string_view> variables;  // of a resource
};
// Null for the others.
const SurveyKind* survey_kind(const Protocol& protocol);

}  // namespace peerscope::harness
