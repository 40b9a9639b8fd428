// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/systems/distributed_tracker/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "protocols/reload/ppsp_usage.h"
#include "reference-impl/reload/ring.h"

namespace peerscope::distributed_tracker {
namespace {

constexpr std::size_t kShardLimit = 64;  // entries, as the Kind is defined
constexpr std::size_t kReplicas = 2;     // of CHORD-RELOAD (RFC 6940 section 10.4)

std::string swarm_name(std::size_t swarm) {
  return fmt::format("swarm-{}", swarm);
}

// Draws ranks from 0 on by Zipf's law.
class Zipf {
 public:
  Zipf(std::size_t ranks, double exponent) : sums_(ranks) {
    double sum = 0;
    for (std::size_t i = 0; i < ranks; ++i) sums_[i] = sum += std::pow(static_cast<double>(i + 1), -exponent);
  }
  std::size_t draw(std::mt19937_64& engine) const {
    const double at = std::uniform_real_distribution<>(0, sums_.back())(engine);
    const auto found = std::upper_bound(sums_.begin(), sums_.end(), at);
    return std::min<std::size_t>(static_cast<std::size_t>(found - sums_.begin()), sums_.size() - 1);
  }

 private:
  std::vector<double> sums_;
};

Spread spread_of(const std::vector<std::size_t>& loads) {
  Spread spread;
  for (const std::size_t load : loads) {
    spread.mean += static_cast<double>(load) / static_cast<double>(loads.size());
    spread.most = std::max(spread.most, static_cast<double>(load));
  }
  return spread;
}

reload::SimulationOptions overlay_options(const SimulationOptions& options) {
  reload::SimulationOptions overlay;
  overlay.nodes = options.trackers;
  overlay.seed = options.seed;
  overlay.signatures = options.signatures;
  overlay.shape = [shards = options.shards](reload::OverlayConfiguration& configuration) {
    for (reload::KindBlock& block : reload::ppsp_kinds()) configuration.required_kinds.push_back(std::move(block));
    configuration.ppsp_shards = shards;
    configuration.ppsp_status_placement = "BDE";
  };
  return overlay;
}

class TrackerSimulation final : public reload::Simulation {
 public:
  explicit TrackerSimulation(const SimulationOptions& options)
      : reload::Simulation(overlay_options(options)), wanted_(options), zipf_(options.swarms, options.exponent) {}

  SimulationFigures measure(const Progress& progress) {
    SimulationFigures figures;
    if (!overlay_) return figures;
    build(progress);
    if (progress) progress("settling", 0, 1);
    clock_.advance(std::chrono::seconds(options_.update_interval * 2));
    figures.joined = peers_.size() == wanted_.trackers && ring_is_whole();
    if (progress) progress("placing", 0, wanted_.peers);
    place(figures);
    if (progress) progress("looking up", 0, wanted_.sample);
    figures.lookup_hops = look_up(wanted_.sample).mean_hops;
    // A cache of no age: each request pays for itself.
    Options tracker;
    tracker.directory.cache_age = net::Duration(0);
    tracker.tracker.registry.track_timer = std::chrono::hours(24);  // nor does it for refreshing others
    for (const std::size_t index : peers_)
      trackers_.push_back(std::make_unique<DistributedTracker>(clock_, *members_[index]->node, tracker));
    if (progress) progress("playing CONNECT", 0, wanted_.sample);
    figures.connect = play(true);
    if (progress) progress("playing FIND", 0, wanted_.sample);
    figures.find = play(false);
    trackers_.clear();
    return figures;
  }

 private:
  struct Asker {
    std::string id;
    std::string swarm;
    std::size_t tracker;
  };

  // The rules of placement for the whole population: no message is needed to know where they lead.
  void place(SimulationFigures& figures) {
    std::vector<reload::Number> ids;
    for (const auto& [id, index] : ring_) ids.push_back(id);
    std::vector<std::size_t> connections(ids.size()), entries(ids.size()), copies(ids.size());
    std::unordered_map<std::string, std::size_t> shards;
    std::size_t beyond = 0;
    for (std::size_t i = 0; i < wanted_.peers; ++i) {
      const std::string peer = fmt::format("peer-{}", i);
      const std::string place =
          reload::swarm_resource(swarm_name(zipf_.draw(engine_)), reload::shard_of(peer, wanted_.shards));
      if (++shards[place] > kShardLimit) ++beyond;
      const auto at = std::lower_bound(ids.begin(), ids.end(), reload::to_number(place));
      const std::size_t owner = at == ids.end() ? 0 : static_cast<std::size_t>(at - ids.begin());
      ++connections[pick(ids.size())];
      ++entries[owner];
      for (std::size_t k = 0; k <= std::min(kReplicas, ids.size() - 1); ++k) ++copies[(owner + k) % ids.size()];
    }
    figures.connections = spread_of(connections);
    figures.entries = spread_of(entries);
    figures.copies = spread_of(copies);
    figures.over_limit = static_cast<double>(beyond) / static_cast<double>(std::max<std::size_t>(1, wanted_.peers));
  }

  net::HttpRequest request_of(const Asker& asker, bool connect) {
    ppstp::Request request;
    request.version = ppstp::kVersion1;
    request.transaction_id = std::to_string(++last_transaction_);
    request.peer_id = asker.id;
    request.request_type = std::string(connect ? ppstp::kRequestConnect : ppstp::kRequestFind);
    if (connect) {
      ppstp::SwarmAction action;
      action.swarm_id = asker.swarm;
      action.action = std::string(ppstp::kJoin);
      action.peer_mode = std::string(ppstp::kLeech);
      request.connect.emplace().swarm_action.push_back(std::move(action));
    } else {
      request.find.emplace().swarm_id = asker.swarm;
    }
    net::HttpRequest http;
    http.method = "POST";
    http.headers.add("Content-Type", ppstp::kMediaType);
    http.body = ppstp::encode(std::move(request));
    return http;
  }

  // One after the other, so that what is counted belongs to one request; the overlay's own traffic of that time is
  // measured beside it and taken off.
  Cost play(bool connect) {
    constexpr net::Duration kWindow = std::chrono::seconds(1);
    Cost cost;
    const std::uint64_t idle_before = network_.delivered();
    const std::uint64_t idle_bytes_before = network_.delivered_bytes();
    constexpr std::uint64_t kIdleWindows = 60;
    clock_.advance(kWindow * kIdleWindows);
    const double idle = static_cast<double>(network_.delivered() - idle_before) / kIdleWindows;
    const double idle_bytes = static_cast<double>(network_.delivered_bytes() - idle_bytes_before) / kIdleWindows;
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < wanted_.sample; ++i) {
      if (connect) {
        askers_.push_back({fmt::format("asker-{}", i), swarm_name(zipf_.draw(engine_)), pick(trackers_.size())});
      }
      const Asker& asker = askers_[i];
      const net::ConnectionInfo from{{"198.51.100.7", 40000}, {"127.0.0.1", 80}, false, i, {}, {}, {}};
      const std::uint64_t before = network_.delivered();
      const std::uint64_t bytes_before = network_.delivered_bytes();
      const net::SteadyTime start = clock_.now();
      net::SteadyTime answered{};
      bool right = false;
      trackers_[asker.tracker]->handle(request_of(asker, connect), from,
                                       DistributedTracker::Answer([&](const net::Reply& reply) {
                                         answered = clock_.now();
                                         right = reply.shared_body != nullptr;  // errors have a body of their own
                                       }));
      clock_.advance(kWindow);
      if (answered == net::SteadyTime{}) clock_.advance(std::chrono::seconds(5));
      ++cost.asked;
      cost.right += right ? 1 : 0;
      cost.milliseconds += std::chrono::duration<double, std::milli>(answered - start).count();
      messages += network_.delivered() - before;
      bytes += network_.delivered_bytes() - bytes_before;
    }
    const auto asked = static_cast<double>(std::max<std::size_t>(1, cost.asked));
    cost.messages = std::max(0.0, static_cast<double>(messages) / asked - idle);
    cost.bytes = std::max(0.0, static_cast<double>(bytes) / asked - idle_bytes);
    cost.milliseconds /= asked;
    return cost;
  }

  SimulationOptions wanted_;
  Zipf zipf_;
  std::vector<std::unique_ptr<DistributedTracker>> trackers_;
  std::vector<Asker> askers_;
  std::uint64_t last_transaction_ = 0;
};

}  // namespace

SimulationFigures simulate(const SimulationOptions& options, const reload::Simulation::Progress& progress) {
  return TrackerSimulation(options).measure(progress);
}

}  // namespace peerscope::distributed_tracker
