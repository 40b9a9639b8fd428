// SPDX-License-Identifier: GPL-2.0-or-later
// Control event of an update stream: RFC 8895 section 5.3.
//
//   { "control-uri": "/upd/ctl/8b1f", "started": [ "n" ], "stopped": [ "c" ], "description": "..." }
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocols/alto/message_fields.h"
#include "protocols/base/json_value.h"
#include "protocols/base/value_fields.h"

namespace peerscope::alto {

inline constexpr Field kControlUri{.filter = "alto.sse.control_uri",
                                   .name = "control-uri",
                                   .label = "Control URI",
                                   .section = "RFC 8895, 5.3",
                                   .about = "Where the stream can be changed; null: nowhere",
                                   .replay = Replay::kAddress};
inline constexpr ValueFields kControlUriOrNull{&kControlUri, &kControlUri, &kControlUri, &kControlUri};
inline constexpr Field kStarted{.filter = "alto.sse.substream",
                                .name = "started",
                                .label = "Started substream",
                                .section = "RFC 8895, 5.3",
                                .about = "Substreams that begin"};
inline constexpr Field kStopped{.filter = "alto.sse.substream",
                                .name = "stopped",
                                .label = "Stopped substream",
                                .section = "RFC 8895, 5.3",
                                .about = "Substreams that ended"};
inline constexpr Field kControlDescription{.filter = "alto.sse.description",
                                           .name = "description",
                                           .label = "Description",
                                           .section = "RFC 8895, 5.3",
                                           .about = "For people: why"};

struct UpdateStreamControl {
  std::optional<JsonValue> control_uri;  // a text or null
  std::vector<std::string> started;
  std::vector<std::string> stopped;
  std::optional<std::string> description;
};
template <class A>
void describe(A& a, UpdateStreamControl& m) {
  a.optional(kControlUriOrNull, m.control_uri);
  a.optional(kStarted, m.started);
  a.optional(kStopped, m.stopped);
  a.optional(kControlDescription, m.description);
}

}  // namespace peerscope::alto
