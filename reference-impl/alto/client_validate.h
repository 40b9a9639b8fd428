// SPDX-License-Identifier: GPL-2.0-or-later
// Visits everything that a server offers, once, with small questions, so that each of its answers is judged.
#pragma once

#include <string>
#include <vector>

#include "reference-impl/alto/client.h"
#include "reference-impl/net/clock.h"

namespace peerscope::alto {

struct Visit {
  std::string id;
  std::string what;     // "GET", "POST alto-costmapfilter", "not asked: ..."
  std::string problem;  // why there was no usable answer; empty when there was
  bool asked = true;
};

// After follow(). Goes on behind what fails.
net::asio::awaitable<std::vector<Visit>> visit_all(Client& client, net::Clock& clock);

}  // namespace peerscope::alto
