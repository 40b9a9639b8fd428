// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/topology.h"

#include "reference-impl/reload/chord.h"
#include "reference-impl/reload/nearest.h"

namespace peerscope::reload {

std::unique_ptr<Topology> make_topology(TopologyHost& host) {
  if (host.overlay()->configuration.topology_plugin == kNearest) return std::make_unique<Nearest>(host);
  return std::make_unique<Chord>(host);
}

bool topology_supported(std::string_view name) {
  return name == kChordReload || name == kNearest;
}

Contents error_contents(std::uint16_t code, std::string_view text) {
  ErrorResponse error;
  error.code = code;
  error.info = text;
  return Contents(std::move(error));
}

}  // namespace peerscope::reload
