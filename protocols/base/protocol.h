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

struct Protocol {
  const char* name;      // also the filter name
  const char* title;     // "PPSP Tracker Protocol"
  const char* document;  // "RFC 7846"
  std::span<const char* const> media_types;
  std::span<const MessageType> messages;
  std::span<const Requirement> requirements;
  std::span<const char* const> features;  // keys that an IUT file may claim
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
};

// All protocols in the tree, and one by name (null when unknown).
std::span<const Protocol* const> protocols();
const Protocol* find_protocol(std::string_view name);
const Requirement* find_requirement(std::string_view id, const Protocol** protocol = nullptr);

// Runs the rows of the wanted scopes over one message. Findings come in table order.
struct CheckScopes {
  bool message = true;
  bool exchange = true;
  bool session = true;
};
void run_checks(const Protocol& protocol, const CheckInput& input, CheckScopes scopes, std::vector<Finding>& out);

}  // namespace peerscope
