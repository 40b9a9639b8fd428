// SPDX-License-Identifier: GPL-2.0-or-later
// Ways for the reference server to be wrong on purpose (`--defect NAME`), so that checks and suites can show that they
// notice.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/base/json_value.h"
#include "reference-impl/net/http.h"
#include "reference-impl/net/result.h"

namespace peerscope::alto {

// Wrong things that an update stream does, beyond what its events carry.
struct StreamQuirks {
  bool no_control_event = false;    // the first event is missing
  bool patch_unasked = false;       // to clients that want whole maps
  bool patch_first = false;         // to clients that hold nothing
  bool data_after_stop = false;     // of a substream that has ended
  bool foreign_substream = false;   // under a name that nobody chose
  bool parameter_in_event = false;  // "; charset=utf-8" behind the media type
};

struct ServerDefect {
  const char* name;
  const char* rule;        // the requirement that it breaks
  const char* media_type;  // of the answers or events that it concerns
  void (*spoil)(JsonValue& body, net::HttpResponse& response);
  bool StreamQuirks::*quirk = nullptr;  // instead of spoil
  // What a suite must be able to do to see it, as a feature of IUT files; empty: nothing special.
  const char* needs = "";
};

std::span<const ServerDefect> server_defects();
net::Result<std::vector<const ServerDefect*>> parse_server_defects(const std::vector<std::string>& names);

}  // namespace peerscope::alto
