// SPDX-License-Identifier: GPL-2.0-or-later
// Input of opening a TIPS view and of asking for the next edge: RFC 9569 sections 6.1 and 7.4.
//
//   { "resource-id": "nm", "tag": "v7" }
#pragma once

#include <optional>
#include <string>

#include "protocols/alto/update_stream_params.h"

namespace peerscope::alto {

struct TipsParams {
  std::optional<std::string> resource_id;
  std::optional<std::string> tag;
  std::optional<JsonValue> input;
};
template <class A>
void describe(A& a, TipsParams& m) {
  a.required(kFollowedResource, m.resource_id);
  a.optional(kHeldTag, m.tag);
  a.optional(kInputAny, m.input);
}

}  // namespace peerscope::alto
