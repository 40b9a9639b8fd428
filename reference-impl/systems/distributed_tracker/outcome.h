// SPDX-License-Identifier: GPL-2.0-or-later
// What a RELOAD outcome means to a PPSTP peer: the table "result mapping" of docs/distributed-tracker.md. Plain
// functions.
#pragma once

#include <cstdint>

#include "protocols/ppstp/response.h"

namespace peerscope::distributed_tracker {

enum class Asked : std::uint8_t { kStore, kFetch };
enum class Again : std::uint8_t { kNo, kNow, kLater };

struct Meaning {
  Again again = Again::kNo;                             // once; after that `code` counts
  ppstp::ErrorCode code = ppstp::kInternalServerError;  // kNoError: as good as an answer without entries
};

// `code` is that of an ErrorResponse; 0: no answer came.
Meaning meaning_of(std::uint16_t code, Asked asked);

}  // namespace peerscope::distributed_tracker
