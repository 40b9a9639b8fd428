// SPDX-License-Identifier: GPL-2.0-or-later
// The harness's parties for protocols whose nodes keep links to each other and send requests both ways. HTTP has its
// own parties (party.h). What a protocol needs of its own, identities and signatures say, is behind this interface, so
// that the engine names none.
//
// Ownership: one object for one attempt. Threading: one thread; links live while next() runs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/engine/http_message.h"
#include "harness/engine/iut.h"
#include "harness/scenario/scenario.h"
#include "reference-impl/net/tls.h"
#include "reference-impl/net/trace.h"

namespace peerscope::harness {

// Something that came to one of the parties.
struct Arrival {
  enum class Kind : std::uint8_t { kMessage, kLinked, kClosed, kOther };
  Kind kind = Kind::kMessage;
  std::string event;  // kOther: one of NeighbourRules::events
  std::string party;
  int link = 0;
  MessagePtr message;                // kMessage
  const Protocol* beside = nullptr;  // of that message, when it is NeighbourRules::beside's
  MessagePtr request;                // that it answers, as the party sent it; null when it answers none
  std::string exchange;              // pairs requests and answers
  bool passed_on = false;            // made by one of the parties: only whoever forwarded it is judged
  std::vector<Finding> findings;     // what only the parties can check: signatures
  std::string why;                   // kClosed
  net::Endpoint from;
  net::Endpoint to;
};

// What a party sent.
struct Outgoing {
  std::vector<MessagePtr> messages;  // several when it went out in fragments
  const Protocol* beside = nullptr;
  std::string exchange;
  net::Endpoint from;
  net::Endpoint to;
};

class Neighbours {
 public:
  struct Setting {
    const Scenario& scenario;
    const Iut& iut;
    std::string work_directory;
    double patience = 5;  // seconds for a link to come up
    net::KeyLogSink key_log;
    Random& random;
  };

  virtual ~Neighbours() = default;
  // Parties get their identities, and the variables that tell of them their values. Errors are for people, "" is well.
  virtual std::string prepare(Variables& variables) = 0;
  // `with` and `mutate` have no variables left; `link` neither. A party without link gets one first.
  struct Order {
    std::string by;
    std::string msg;
    std::optional<std::string> raw;  // the whole message, hexadecimal
    std::string bytes;               // the whole message, when not empty
    Tree with;
    Tree link;
    Overrides overrides;
    std::optional<std::size_t> truncate;
    const Arrival* answers = nullptr;
  };
  enum class Sent : std::uint8_t { kYes, kNoLink, kBadOrder };
  virtual Sent send(const Order& order, Outgoing& out, std::string& why) = 0;
  // The next thing that comes within `seconds`.
  virtual std::optional<Arrival> next(double seconds) = 0;
  virtual void close(const std::string& by, bool reset) = 0;
  // Replay: who was who in a capture. `own`: sent by the node that `by` plays now.
  virtual void learn_cast(const std::string& by, const Message& captured, bool own) = 0;
  // A captured message as `by` says it now: identifiers, times and signatures renewed; "" when that cannot be done.
  virtual std::string renewed(const std::string& by, const Message& captured) = 0;
  // Variables that hold for one party while it sends: self.id and the like.
  virtual void speak_as(const std::string& by, Variables& variables) const = 0;
};

// What only the protocol can tell of captured messages, signatures say; one for all messages of a capture.
class Examiner {
 public:
  virtual ~Examiner() = default;
  virtual void examine(const Message& message, const Message* request, std::vector<Finding>& findings) = 0;
};

// What the loader must know of a protocol's parties.
struct NeighbourRules {
  std::string_view protocol;
  std::span<const std::string_view> party_variables;  // "id": ${alice.id}, ${self.id}
  std::span<const std::string_view> variables;        // "iut.id"
  std::span<const std::string_view> link_keys;        // of `link`
  std::span<const std::string_view> party_keys;       // of one entry of `parties`
  std::span<const std::string_view> overlay_keys;     // of `overlay`
  std::span<const std::string_view> events;           // that an expectation may name, besides linked and closed
  std::span<const std::string_view> orders;           // that a party can be given besides messages; `link` says more
  std::string_view dissector;                         // of the evidence
  std::string_view title;
  std::string_view content;  // the group of a message that holds what it says, behind addresses and before signatures
  std::string_view probe;    // a request that every node answers
  // What a node may serve besides, over HTTP: scenarios send its requests like messages. Null: nothing.
  const Protocol* (*beside)();
  std::unique_ptr<Neighbours> (*make)(const Neighbours::Setting& setting);
  std::unique_ptr<Examiner> (*make_examiner)();
};
// Null for protocols whose parties are HTTP clients and servers.
const NeighbourRules* neighbour_rules(const Protocol& protocol);

}  // namespace peerscope::harness
