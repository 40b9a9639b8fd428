// SPDX-License-Identifier: GPL-2.0-or-later
// What session checks of ALTO remember of one server: its directory and the versions of its network maps, as far as the
// wire showed them (sheet section 22.1).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "protocols/alto/address.h"
#include "protocols/alto/messages.h"
#include "protocols/base/requirement.h"

namespace peerscope::alto {

// Bounded: what is beyond the limits is not remembered, so a check may miss but never invents.
struct SessionState : Session {
  static constexpr std::size_t kMostResources = 10'000;
  static constexpr std::size_t kMostMaps = 64;
  static constexpr std::size_t kMostVersions = 4;  // of one map; the oldest goes first
  static constexpr std::size_t kMostViews = 10'000;

  // An entry of a directory with its cost types resolved.
  struct KnownResource {
    std::string uri;
    std::string media_type;
    std::string accepts;
    std::vector<std::string> uses;
    Capabilities capabilities;
    std::vector<CostType> cost_types;
    std::vector<CostType> testable;
  };
  struct MapVersion {
    std::string tag;
    std::uint64_t content = 0;  // hash of what the map says, whatever its spelling
    std::unordered_set<std::string> pids;
    std::vector<std::string> names;  // PIDs by their number in the table
    PrefixTable table;
  };
  struct NetworkMaps {
    std::deque<MapVersion> versions;  // the latest last
    const MapVersion* find(std::string_view tag) const;
  };

  std::map<std::string, KnownResource, std::less<>> resources;
  std::map<std::string, NetworkMaps, std::less<>> maps;         // full ones only
  std::map<std::string, std::int64_t, std::less<>> tips_views;  // view URI -> highest start-seq and end-seq seen
  std::map<std::string, std::int64_t, std::less<>> tips_ends;
  std::map<std::string, std::string, std::less<>> tips_resources;  // path of a view -> what it was opened for
  std::size_t directories = 0;
  // Over HTTP/2 an answer may be seen without its request: then it may be a filtered map.
  bool filters_over_http2 = false;

  const KnownResource* find(std::string_view id) const {
    const auto found = resources.find(id);
    return found == resources.end() ? nullptr : &found->second;
  }
  // Whether every directory that is linked has been seen: then what is not here is nowhere.
  bool closed() const;
  // Whether a directory lists what is asked for as another directory.
  bool links(const Message& request) const;
  // What the view was opened for whose next edge is asked for ("<view>/ug"); null when it is not known.
  const std::string* followed_by_view(std::string_view target) const;
  // The POST resource that a request is for; null when none or several fit.
  const KnownResource* target_of(const Message& request) const;
};

// A hash of a network map's content: PIDs and prefixes by value, in any order.
std::uint64_t content_of(const NetworkMap& map);

}  // namespace peerscope::alto
