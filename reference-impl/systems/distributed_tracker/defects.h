// SPDX-License-Identifier: GPL-2.0-or-later
// Named defects of the distributed tracker, beside those of its two halves (reference-impl/ppstp/defects.h and
// reference-impl/reload/defects.h). Each breaks a row SD-DT-*.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "reference-impl/defect_set.h"

namespace peerscope::distributed_tracker {

// In the order of the table in defects.cc.
enum class Defect : std::uint8_t {
  kDoesNotStore,
  kStatusKindForSwarm,
  kNameWithoutPrefix,
  kAnswersBeforeStore,
  kStoreErrorIsSuccess,
  kEveryErrorIsInternal,
  kOwnPeersOnly,
  kNoRepeat,
  kPeerFirstInKey,
  kAnyPrefix,
  kLifetimeOfADay,
  kNoRefresh,
  kRefreshEveryTime,
  kLeaveNotStored,
  kLeaveStoresEmptyValue,
  kStaleCache,
  kExpiryNotStored,
  kFirstStoreOnly,
  kOneStoreAtATime,
  kDuplicatesListed,
  kOldestWins,
  kShardByLastBytes,
  kFirstShardOnly,
  kForeignPeersFirst,
  kNoStatusInEntry,
  kServiceErrorIsSuccess,
  kServiceOwnPeersOnly,
  kStatusWithEveryReport,
  kCount,
};

std::span<const DefectRow> defects();
using Defects = DefectSet<Defect>;
net::Result<Defects> parse_distributed_tracker_defects(const std::vector<std::string>& names);

}  // namespace peerscope::distributed_tracker
