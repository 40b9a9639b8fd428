// SPDX-License-Identifier: GPL-2.0-or-later
// What an ALTO server knows: PIDs with their prefixes, and costs between PIDs. Made from files, from a generator, or
// the topology of the interoperability event at IETF 81. Immutable after it is made; read by any number of threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocols/alto/protocol.h"
#include "protocols/alto/session.h"
#include "reference-impl/net/clock.h"
#include "reference-impl/net/result.h"

namespace peerscope::alto {

inline constexpr std::string_view kNetworkMapId = "networkmap";

// Costs by source and destination number; NaN where none is defined.
struct CostTable {
  std::string metric;
  std::vector<double> costs;
  std::optional<CostContext> context;  // RFC 9439
  // RFC 8896: what the costs are multiplied with in each interval of a day; empty: no calendar.
  std::vector<double> factors;

  double interval_seconds() const { return 86400.0 / static_cast<double>(factors.size()); }
};

struct World {
  std::vector<std::string> pids;
  std::unordered_map<std::string, std::uint32_t> numbers;  // of PIDs
  NetworkMap map;
  PrefixTable table;                         // address -> number of the PID
  std::vector<PrefixTable::Entry> prefixes;  // of all PIDs, sorted
  std::vector<CostTable> tables;
  std::optional<CdniAdvertisement> cdni;  // RFC 9241
  std::string tag;                        // changes with the map
  net::SystemTime made{};                 // when the data was loaded or invented

  double cost(const CostTable& table_of, std::uint32_t from, std::uint32_t to) const {
    return table_of.costs[static_cast<std::size_t>(from) * pids.size() + to];
  }
  const CostTable* find(std::string_view metric) const;
  // The PID of the longest prefix that covers this one; kNone when there is none.
  std::uint32_t pid_of(const IpPrefix& prefix) const;
};

// The topology of sheet section 27.
World interop_world();
// `pids` and `prefixes` numbers, the same in every run.
net::Result<World> generated_world(std::string_view text);  // "pids=100,prefixes=1000"
// Costs of further metrics (RFC 9439) for a made-up world: "delay-rt", "lossrate", "tput:p95".
net::Result<void> invent_metrics(World& world, const std::vector<std::string>& metrics);
// What a downstream CDN advertises: a file as ALTO sends it (application/alto-cdni+json). PIDs in it must be the
// world's.
net::Result<void> load_cdni(World& world, const std::string& path);
// The same world a while later: some costs are others, now and then a prefix moves to another PID. `step` counts from 1
// and decides what happens.
World changed_world(const World& world, std::uint64_t step);
// A network map as JSON (application/alto-networkmap+json) or CSV ("pid,prefix" a line), and costs as JSON
// (application/alto-costmap+json, one file a metric) or CSV ("source,destination,cost", metric routingcost).
net::Result<World> loaded_world(const std::string& map_file, const std::vector<std::string>& cost_files);

}  // namespace peerscope::alto
