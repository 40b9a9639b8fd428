// SPDX-License-Identifier: GPL-2.0-or-later
// Follows the way of a message hop by hop, as traceroute does (RFC 7851 section 4.3): each node is asked for the next.
//
// Ownership: node and clock must outlive the walk. Failure: a node that does not answer, refuses, or leads in circles
// ends it. Threading: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "reference-impl/reload/node.h"

namespace peerscope::reload {

struct PathStep {
  NodeId node;  // that answered
  NodeId next;  // the same: it is responsible
  DiagnosticsResponse diagnostics;
  int hops = 0;  // links that the answer was forwarded over
};

// Every diagnostic that a node has.
inline constexpr std::uint64_t kAllDiagnostics = ~std::uint64_t{0};

// Asks `first`, then whom it names. `flags` says which diagnostics are wanted (section 5.3).
void track_path(Node& node, net::Clock& clock, const NodeId& first, const Destination& target, std::uint64_t flags,
                std::function<void(const PathStep&)> on_step, std::function<void(std::optional<RequestError>)> done);

}  // namespace peerscope::reload
