// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/path_track.h"

#include <memory>
#include <set>

namespace peerscope::reload {
namespace {

constexpr std::size_t kMostSteps = 100;         // no longer way is legal: initial-ttl's default
constexpr std::uint64_t kRequestLife = 60'000;  // ms, of the 1 to 600 s that section 5.1 allows

struct PathWalk : std::enable_shared_from_this<PathWalk> {
  Node& node;
  net::Clock& clock;
  Destination target;
  std::uint64_t flags;
  std::function<void(const PathStep&)> on_step;
  std::function<void(std::optional<RequestError>)> done;
  std::set<NodeId> seen;

  PathWalk(Node& n, net::Clock& c, Destination t, std::uint64_t f) : node(n), clock(c), target(std::move(t)), flags(f) {}

  void ask(const NodeId& hop) {
    if (seen.size() >= kMostSteps || !seen.insert(hop).second)
      return done(RequestError{0, "the way leads in circles", {}});
    const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(clock.wall_now().time_since_epoch()).count();
    PathTrackReq body;
    body.destination = target;
    body.request.timestamp_initiated = static_cast<std::uint64_t>(now);
    body.request.expiration = body.request.timestamp_initiated + kRequestLife;
    body.request.flags = flags;
    node.request({Destination::node(hop.view())}, Contents(std::move(body)),
                 [self = shared_from_this(), hop](Reply<Answer> reply) { self->answered(hop, std::move(reply)); });
  }

  void answered(const NodeId& hop, Reply<Answer> reply) {
    if (!reply.ok()) return done(reply.error());
    const auto* answer = std::get_if<PathTrackAns>(&reply->body);
    if (answer == nullptr || answer->next_hop.type != kNodeDestination)
      return done(RequestError{0, "an answer without a next hop", {}});
    PathStep step{hop, NodeId(answer->next_hop.id), answer->response, reply->hops};
    on_step(step);
    if (step.next == hop) return done(std::nullopt);
    ask(step.next);
  }
};

}  // namespace

void track_path(Node& node, net::Clock& clock, const NodeId& first, const Destination& target, std::uint64_t flags,
                std::function<void(const PathStep&)> on_step, std::function<void(std::optional<RequestError>)> done) {
  const auto walk = std::make_shared<PathWalk>(node, clock, target, flags);
  walk->on_step = std::move(on_step);
  walk->done = std::move(done);
  walk->ask(first);
}

}  // namespace peerscope::reload
