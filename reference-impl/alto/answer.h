// SPDX-License-Identifier: GPL-2.0-or-later
// What a resource has to say to one request: plain values.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reference-impl/net/clock.h"

namespace peerscope::alto {

// What is wrong with a request, as the error object says it.
struct Fault {
  std::string_view code;  // one of RFC 7285's four
  std::string field;
  std::optional<std::string> value;
};

struct Answer {
  std::string body;
  std::optional<Fault> fault;
  bool too_much = false;  // more pairs than one answer may have
};

// Who asks, and when.
struct Asker {
  std::string address;  // as the server sees it, numeric
  net::SystemTime now{};
};

}  // namespace peerscope::alto
