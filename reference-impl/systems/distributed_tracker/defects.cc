// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/systems/distributed_tracker/defects.h"

#include <iterator>

namespace peerscope::distributed_tracker {
namespace {

// clang-format off
constexpr DefectRow kDefects[] = {
    {"does-not-store", "keeps registrations to itself", "SD-DT-02"},
    {"status-kind-for-swarm", "stores registrations under PPSP-PEER-STATUS", "SD-DT-02"},
    {"name-without-prefix", "stores a swarm under the hash of its ID alone", "SD-DT-02"},
    {"answers-before-store", "answers a JOIN before the StoreAns", "SD-DT-03"},
    {"store-error-is-success", "answers OK when a store was refused", "SD-DT-04"},
    {"every-error-is-internal", "answers 04 when nobody answers its store", "SD-DT-04"},
    {"own-peers-only", "fills lists from its own peers", "SD-DT-05"},
    {"no-repeat", "gives up after one request without answer", "SD-DT-06"},
    {"peer-first-in-key", "writes dictionary keys with the peer ID first", "SD-DT-07"},
    {"any-prefix", "stores entries of other trackers whoever signed them", "SD-DT-08"},
    {"lifetime-of-a-day", "stores registrations for a day", "SD-DT-09 SD-DT-12"},
    {"no-refresh", "lets entries run out while their peers report", "SD-DT-09"},
    {"refresh-every-time", "stores an entry anew with every report", "SD-DT-09"},
    {"leave-not-stored", "leaves the entry of a peer that left", "SD-DT-10 SD-DT-11"},
    {"leave-stores-empty-value", "stores an empty value that exists for a peer that left", "SD-DT-10"},
    {"stale-cache", "answers FIND from a list of any age", "SD-DT-20 SD-DT-11"},
    {"expiry-not-stored", "leaves the entry of a peer whose timer ran out", "SD-DT-11"},
    {"first-store-only", "stores the first swarm of a CONNECT only", "SD-DT-13"},
    {"one-store-at-a-time", "stores the swarms of a CONNECT one after the other", "SD-DT-13"},
    {"duplicates-listed", "lists a peer once for each tracker that has it", "SD-DT-14"},
    {"oldest-wins", "lists a peer that moved where it was first", "SD-DT-14"},
    {"shard-by-last-bytes", "chooses the shard by the last bytes of the peer ID's hash", "SD-DT-15"},
    {"first-shard-only", "fetches the first shard only", "SD-DT-16"},
    {"foreign-peers-first", "lists peers of other trackers first", "SD-DT-17"},
    {"no-status-in-entry", "leaves the status in an entry unknown", "SD-DT-18"},
    {"service-error-is-success", "in service mode, answers OK when the responsible tracker refused", "SD-DT-21"},
    {"service-own-peers-only", "in service mode, fills lists from its own peers", "SD-DT-21"},
    {"status-with-every-report", "stores PPSP-PEER-STATUS with every report", "SD-DT-19"},
};
// clang-format on
static_assert(std::size(kDefects) == static_cast<std::size_t>(Defect::kCount));

}  // namespace

std::span<const DefectRow> defects() {
  return kDefects;
}

net::Result<Defects> parse_distributed_tracker_defects(const std::vector<std::string>& names) {
  return parse_defects<Defect>(kDefects, names);
}

}  // namespace peerscope::distributed_tracker
