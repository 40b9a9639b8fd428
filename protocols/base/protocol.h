// SPDX-License-Identifier: GPL-2.0-or-later
// Protocol: what every reader needs to know of one protocol, behind plain functions. The harness and the generators
// work on this alone, so a new protocol costs them nothing.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/message.h"
#include "protocols/base/requirement.h"
#include "protocols/base/tree.h"

namespace peerscope {

// A registered field with its place in the description. Several places may share one Field.
struct FieldPlace {
  const Field* field;
  std::string path;  // "connect.swarm_action[].action"
  bool mandatory;
  bool list;
  int depth;
  std::uint64_t mask = 0;  // a bit field: its bits in `container`
  const Field* container = nullptr;
};

// A wrong value on purpose, by path. Applied while writing, so that everything around it stays right.
struct Override {
  enum class Kind { kSet, kDrop, kDuplicate, kAdd } kind = Kind::kSet;
  std::string raw;  // wire form: for JSON a JSON text; for kAdd the member with its name
};
using Overrides = std::map<std::string, Override, std::less<>>;

struct EncodeResult {
  std::string bytes;
  std::string error;  // empty when well; else names the path and what is wrong with it
};

// A role that an implementation under test can play. Names are unique over all protocols.
struct Role {
  const char* name;  // "tracker"
  Party party;       // kServer: it listens; kClient: the harness listens and it connects
};

// What an IUT file may claim; scenarios need features.
struct Feature {
  const char* name;            // "ppstp.short-timers"
  const char* about;           // the claim in one line
  const char* role = nullptr;  // only this role has it; null: any
  const char* fact = nullptr;  // a number beside it that scenarios need, given under `facts`
  bool baseline = false;       // every implementation has it: no scenario need name it
  bool secure = false;         // can be seen over TLS only
};

// What a client under test is told on its command line, ${name}: a scenario's `let` sets it, a replay takes it from the
// first captured request that has the field.
struct LaunchVariable {
  const char* name;
  const char* otherwise;  // an expression, when nobody sets it
  const Field* field;     // null: never in a message
  const char* about;
};

// A party that came to a group of parties or left it (a peer and its swarm).
struct Membership {
  std::string_view group;
  bool present;
};

struct Protocol {
  const char* name;      // also the filter name
  const char* title;     // "PPSP Tracker Protocol"
  const char* document;  // "RFC 7846"
  std::span<const char* const> media_types;
  std::span<const MessageType> messages;
  std::span<const Requirement> requirements;
  std::span<const Role> roles;
  std::span<const Feature> features;
  std::span<const LaunchVariable> launch_variables;
  // Never throws and never fails: what cannot be read is an issue. `message.transport` is set by the caller beforehand
  // (clear() first). `direction` may be kUnknown.
  void (*decode)(std::string_view bytes, Message& message);
  // `type` as in the message table; `tree` in RFC names, scalars typed by the catalogue.
  EncodeResult (*encode)(std::string_view type, const Tree& tree, const Overrides& overrides);
  std::vector<FieldPlace> (*fields)();
  std::unique_ptr<Session> (*make_session)();
  // Called after the checks of each message, in the order of the wire.
  void (*track)(Session&, const Message& message, const Message* request);
  // The value that pairs a response with its request (a transaction id); empty when there is none.
  std::string_view (*exchange_id)(const Message&);
  // One line for a list of messages: "CONNECT JOIN 1111 LEECH, peer 6561, tid 12345".
  std::string (*summary)(const Message& message, const Message* request);
  // What a request changes in its sender's memberships; null for protocols without groups.
  std::vector<Membership> (*memberships)(const Message& request) = nullptr;
  // Name of the fact that says after how many seconds of silence a server forgets a client; null when none does.
  const char* idle_fact = nullptr;
  // One session for all parties, not one a server: what a node says on one link bears on the others.
  bool shared_session = false;
  // What pairs the messages of an exchange over all links that they cross; empty when nothing does. Null for protocols
  // whose exchanges stay on one link.
  std::string (*journey_id)(const Message&) = nullptr;
  // What a repetition of a message has in common with it; null: all its bytes.
  std::string_view (*repeated_part)(const Message&) = nullptr;
};

// All protocols in the tree, and one by name (null when unknown).
std::span<const Protocol* const> protocols();
const Protocol* find_protocol(std::string_view name);
const Role* find_role(std::string_view name);
const Feature* find_feature(std::string_view name);
// The words of a list for people: "tracker, peer".
std::string role_names();
const Requirement* find_requirement(std::string_view id, const Protocol** protocol = nullptr);

// Runs the rows of the wanted scopes over one message. Findings come in table order.
struct CheckScopes {
  bool message = true;
  bool exchange = true;
  bool session = true;
};
void run_checks(const Protocol& protocol, const CheckInput& input, CheckScopes scopes, std::vector<Finding>& out);

}  // namespace peerscope
