// SPDX-License-Identifier: GPL-2.0-or-later
// The rules of the distributed PPSP tracker. "seed" is what the draft says, "profile" what this project says where the
// draft is silent.
#include "protocols/systems/distributed_tracker.h"

#include "protocols/base/rows.h"

namespace peerscope::systems {
namespace {

using L = Level;

constexpr Requirement row(const char* id, const char* section, const char* role, const char* text) {
  return {.id = id,
          .section = section,
          .level = L::kMust,
          .party = Party::kAny,
          .scope = Scope::kBehaviour,
          .text = text,
          .role = role};
}
// Judged by TrackerStories, from the messages of both protocols.
constexpr Requirement followed(const char* id, const char* section, const char* role, const char* text) {
  Requirement out = row(id, section, role, text);
  out.examined = true;
  return out;
}
constexpr Requirement unchecked(const char* id, const char* section, const char* role, const char* text,
                                const char* reason) {
  Requirement out = row(id, section, role, text);
  out.reason = reason;
  return out;
}

// One row a line: it is read as a table.
// clang-format off
constexpr Requirement kRows[] = {
    unchecked("SD-DT-01", "seed", "connection tracker", "Peers see plain PPSTP; no RELOAD on their side.", "Which hosts are peers and which are trackers is not on the wire, and both may share an address. That peers need PPSTP alone is shown by the PPSTP suite, which speaks nothing else."),
    followed("SD-DT-02", "seed; profile DT-F1", "connection tracker", "A JOIN is stored as PPSP-SWARM at the Resource-ID of the swarm."),
    followed("SD-DT-03", "seed; profile DT-F1", "connection tracker", "The peer's OK comes after the StoreAns."),
    followed("SD-DT-04", "seed; profile 1.4", "connection tracker", "An error of the overlay becomes the PPSTP error of the profile's table."),
    followed("SD-DT-05", "seed; profile DT-F2", "connection tracker", "A FIND is answered from a Fetch, with peers that other trackers registered."),
    row("SD-DT-06", "seed; profile DT-F6", "all trackers", "The service survives the loss of any single tracker."),
    followed("SD-DT-07", "profile 1.3", "connection tracker", "A dictionary key is the tracker's Node-ID and, for PPSP-SWARM, the peer ID."),
    followed("SD-DT-08", "profile 1.3", "responsible tracker", "A value signed by another node than its key begins with is refused with Error_Forbidden."),
    followed("SD-DT-09", "profile DT-F4", "connection tracker", "An entry is stored again when less than half of its lifetime is left, not before."),
    followed("SD-DT-10", "profile DT-F3", "connection tracker", "A LEAVE stores exists = 0 and is answered after the StoreAns."),
    followed("SD-DT-11", "profile DT-F3", "connection tracker", "10 s after a LEAVE no list has the peer."),
    followed("SD-DT-12", "profile DT-F5", "responsible tracker", "Entries of a tracker that died vanish with their lifetime."),
    followed("SD-DT-13", "profile DT-F7", "connection tracker", "Several swarms in one CONNECT are stored side by side and answered once."),
    followed("SD-DT-14", "profile DT-F8", "connection tracker", "A list has a peer once, as it registered last."),
    followed("SD-DT-15", "profile 1.3", "connection tracker", "The SHA-1 of the peer ID chooses the shard."),
    followed("SD-DT-16", "profile 1.3", "connection tracker", "All shards are looked into until a FIND has the peers that it wants, and none is too large to be fetched."),
    rows::info(followed("SD-DT-17", "seed; profile 1.3", "connection tracker", "Peers of the same connection tracker come first.")),
    followed("SD-DT-18", "seed; profile 1.3", "connection tracker", "What is stored of a peer reads as the profile's structure, static status included."),
    followed("SD-DT-19", "profile 1.3", "connection tracker", "PPSP-PEER-STATUS is refreshed at most once per 60 s."),
    followed("SD-DT-20", "profile DT-F2", "connection tracker", "A list from the cache is not older than 10 s."),
    followed("SD-DT-21", "profile DT-F9", "all trackers", "Service mode gives the same answers as store mode."),
};
// clang-format on

void decode_nothing(std::string_view bytes, Message& message) {
  message.bytes.assign(bytes);
  message.size = bytes.size();
  message.issues.push_back({.shape = Shape::kMalformed, .seen = "a system of two protocols has no messages"});
}
EncodeResult encode_nothing(std::string_view type, const Tree&, const Overrides&) {
  return {{}, "no message '" + std::string(type) + "' in the distributed tracker"};
}
std::vector<FieldPlace> no_fields() {
  return {};
}
std::unique_ptr<Session> no_session() {
  return std::make_unique<Session>();
}
void track_nothing(Session&, const Message&, const Message*) {}
std::string_view no_exchange(const Message&) {
  return {};
}
std::string no_summary(const Message&, const Message*) {
  return {};
}

}  // namespace

const Protocol& distributed_tracker() {
  static const Protocol kSystem{.name = "dtracker",
                                .title = "Distributed PPSP tracker",
                                .document = "Distributed tracker",
                                .media_types = {},
                                .messages = {},
                                .requirements = kRows,
                                .roles = {},
                                .features = {},
                                .launch_variables = {},
                                .decode = decode_nothing,
                                .encode = encode_nothing,
                                .fields = no_fields,
                                .make_session = no_session,
                                .track = track_nothing,
                                .exchange_id = no_exchange,
                                .summary = no_summary};
  return kSystem;
}

}  // namespace peerscope::systems
