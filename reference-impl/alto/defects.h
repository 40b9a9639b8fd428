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

struct ServerDefect {
  const char* name;
  const char* rule;        // the requirement that it breaks
  const char* media_type;  // of the answers that it concerns
  void (*spoil)(JsonValue& body, net::HttpResponse& response);
};

std::span<const ServerDefect> server_defects();
net::Result<std::vector<const ServerDefect*>> parse_server_defects(const std::vector<std::string>& names);

}  // namespace peerscope::alto
