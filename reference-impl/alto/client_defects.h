// SPDX-License-Identifier: GPL-2.0-or-later
// Ways for the reference client to be wrong on purpose (`--defect NAME`): each is a mistake that real clients make, so
// that client scenarios can show that they notice.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "reference-impl/net/result.h"

namespace peerscope::alto {

// In the order of the table in client_defects.cc.
enum class ClientDefect : std::uint8_t {
  kPostsToGetResource,
  kInputInQuery,
  kContentTypeJson,
  kUrisAgainstRoot,
  kIgnoresLinkedDirectories,
  kFollowsDirectoryLoops,
  kNeedsCapabilities,
  kPrefersPost,
  kNoRedirects,
  kFollowsRedirectLoops,
  kExactMediaType,
  kTypeFromDirectory,
  kRefusesUnknownMembers,
  kRefusesUnknownAddressTypes,
  kRefusesEmptyPids,
  kKeepsOldMap,
  kReturnsCookies,
  kNoDigest,
  kShortestPrefix,
  kFilterWithoutPids,
  kFilterSourcesOnly,
  kUnofferedCostType,
  kSendsDescription,
  kUnofferedConstraints,
  kBothCostTypes,
  kNoEndpoints,
  kUnofferedProperty,
  kEmptyEndpointLists,
  kEcsUnofferedCostType,
  kEmptyAdd,
  kFollowsForeignResource,
  kTagForCostMap,
  kCommentsEndStream,
  kControlUriAgainstRoot,
  kReusesSubstreamId,
  kAddsAndRemoves,
  kCount,
};

struct ClientDefectRow {
  const char* name;
  const char* rule;  // the requirement that it breaks
  const char* about;
};

std::span<const ClientDefectRow> client_defects();

class ClientDefects {
 public:
  ClientDefects() = default;
  ClientDefects(std::initializer_list<ClientDefect> defects) {
    for (const ClientDefect defect : defects) add(defect);
  }
  void add(ClientDefect defect) { set_.set(static_cast<std::size_t>(defect)); }
  bool has(ClientDefect defect) const { return set_.test(static_cast<std::size_t>(defect)); }

 private:
  std::bitset<static_cast<std::size_t>(ClientDefect::kCount)> set_;
};

net::Result<ClientDefects> parse_client_defects(const std::vector<std::string>& names);

}  // namespace peerscope::alto
