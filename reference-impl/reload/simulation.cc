// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "reference-impl/reload/ring.h"

namespace peerscope::reload {
namespace {

constexpr std::size_t kAtOnce = 64;  // lookups, stores and fetches in flight

double seconds(net::Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

Simulation::Simulation(SimulationOptions options)
    : options_(options),
      network_(clock_, {options.latency, std::chrono::seconds(1), 0, options.seed}),
      random_(options.seed),
      engine_(options.seed + 1) {
  OverlayConfiguration wanted = basic_configuration("simulation.example.org");
  wanted.chord_update_interval = options.update_interval;
  if (options.shape) options.shape(wanted);
  const std::int64_t now =
      std::chrono::duration_cast<std::chrono::seconds>(clock_.wall_now().time_since_epoch()).count();
  if (options.signatures) {
    if (auto made = make_new_overlay(wanted, KeyType::kP256, now, random_); made.ok()) {
      overlay_ = made->overlay;
      made_ = *std::move(made);
    }
  } else if (auto plain = make_overlay(wanted); plain.ok()) {
    overlay_ = *plain;
  }
}

Simulation::~Simulation() {
  for (auto& member : members_) member->node->stop();
}

std::uint64_t Simulation::pick(std::uint64_t below) {
  return std::uniform_int_distribution<std::uint64_t>(0, below - 1)(engine_);
}

Simulation::Member& Simulation::random_member() {
  return *members_[peers_[pick(peers_.size())]];
}

std::unique_ptr<Security> Simulation::make_security(std::size_t index, NodeId& id) {
  const std::string user = fmt::format("user{}@simulation.example.org", index);
  if (made_) {
    const std::int64_t now =
        std::chrono::duration_cast<std::chrono::seconds>(clock_.wall_now().time_since_epoch()).count();
    auto identity = issue_identity(made_->authority, overlay_->configuration, user, KeyType::kP256, now, random_);
    if (identity.ok()) {
      id = identity->node_id;
      return std::make_unique<CertificateSecurity>(*std::move(identity));
    }
  }
  std::array<char, kNumberSize> bytes{};
  (void)random_.fill(bytes);
  id = NodeId(std::string_view(bytes.data(), bytes.size()));
  return std::make_unique<NamedSecurity>(id, user);
}

void Simulation::add_member() {
  auto member = std::make_unique<Member>();
  auto security = make_security(members_.size(), member->id);
  member->transport = std::make_unique<MemoryTransport>(network_, std::vector<NodeId>{member->id});
  NodeOptions options;
  options.max_links = 100'000;
  member->node =
      std::make_unique<Node>(clock_, random_, overlay_, std::move(security), *member->transport, std::move(options));
  members_.push_back(std::move(member));
}

// Nodes join through random peers, more at a time as the overlay grows.
void Simulation::build(const Progress& progress) {
  const auto joined = [this](std::size_t index) {
    peers_.push_back(index);
    ring_[to_number(members_[index]->id.view())] = index;
  };
  add_member();
  members_[0]->node->start_alone();
  joined(0);
  std::size_t joining = 0;
  while (members_.size() < options_.nodes || joining > 0) {
    const std::size_t most = std::max<std::size_t>(1, peers_.size() / 16);
    while (members_.size() < options_.nodes && joining < most) {
      const std::size_t index = members_.size();
      const net::Endpoint bootstrap = random_member().transport->local();
      add_member();
      ++joining;
      members_[index]->node->join({bootstrap}, [&, index](net::Result<void> result) {
        --joining;
        if (result.ok()) joined(index);
      });
    }
    clock_.advance(std::chrono::milliseconds(20));
    if (progress) progress("joining", peers_.size(), options_.nodes);
  }
}

bool Simulation::ring_is_whole() const {
  for (auto at = ring_.begin(); at != ring_.end(); ++at) {
    const auto next = std::next(at) == ring_.end() ? ring_.begin() : std::next(at);
    const auto successors = members_[at->second]->node->topology().successors();
    const auto predecessors = members_[next->second]->node->topology().predecessors();
    if (successors.empty() || predecessors.empty() || to_number(successors[0].view()) != next->first ||
        to_number(predecessors[0].view()) != at->first)
      return false;
  }
  return true;
}

Node* Simulation::responsible(const std::string& resource) const {
  auto at = ring_.lower_bound(to_number(resource));
  if (at == ring_.end()) at = ring_.begin();
  return members_[at->second]->node.get();
}

LookupFigures Simulation::look_up(std::size_t count) {
  LookupFigures figures;
  figures.asked = count;
  std::size_t started = 0;
  std::size_t finished = 0;
  std::size_t total_hops = 0;
  while (finished < count) {
    for (; started < count && started - finished < kAtOnce; ++started) {
      std::array<char, kNumberSize> bytes{};
      (void)random_.fill(bytes);
      const std::string resource(bytes.data(), bytes.size());
      random_member().node->request({Destination::resource(resource)}, Contents(PingReq{}),
                                    [&, resource](Reply<Answer> reply) {
                                      ++finished;
                                      if (!reply.ok() || reply->from != responsible(resource)->node_id()) return;
                                      ++figures.right;
                                      const auto hops = static_cast<std::size_t>(reply->hops);
                                      total_hops += hops;
                                      if (figures.hops.size() <= hops) figures.hops.resize(hops + 1);
                                      ++figures.hops[hops];
                                    });
    }
    clock_.advance(options_.latency);
  }
  figures.mean_hops = figures.right == 0 ? 0 : static_cast<double>(total_hops) / static_cast<double>(figures.right);
  return figures;
}

void Simulation::store_values() {
  std::size_t finished = 0;
  std::size_t started = 0;
  std::vector<std::string> places;
  while (finished < options_.values) {
    for (; started < options_.values && started - finished < kAtOnce; ++started) {
      Member& writer = random_member();
      const std::string place = writer.node->resource_id(writer.id.view());
      NewValue value;
      value.kind = kNodeMatchKind;
      value.value = "value of " + place;
      writer.node->store(place, {value}, [&, place](Reply<StoreAns> reply) {
        ++finished;
        if (reply.ok()) places.push_back(place);
      });
    }
    clock_.advance(options_.latency);
  }
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
  places_ = std::move(places);
  clock_.advance(std::chrono::seconds(30));  // copies
}

void Simulation::crash() {
  const auto count = static_cast<std::size_t>(options_.crash * static_cast<double>(peers_.size()));
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t which = pick(peers_.size());
    Member& member = *members_[peers_[which]];
    member.transport->crash();
    member.dead = true;
    member.node->stop();
    ring_.erase(to_number(member.id.view()));
    peers_[which] = peers_.back();
    peers_.pop_back();
  }
}

bool Simulation::has_copy(std::size_t value) const {
  return std::any_of(peers_.begin(), peers_.end(), [&](std::size_t index) {
    return members_[index]->node->storage().resources().contains(places_[value]);
  });
}

std::size_t Simulation::fetch_values(const std::vector<std::size_t>& which) {
  std::size_t started = 0;
  std::size_t finished = 0;
  std::size_t good = 0;
  while (finished < which.size()) {
    for (; started < which.size() && started - finished < kAtOnce; ++started) {
      const std::string& place = places_[which[started]];
      StoredDataSpecifier specifier;
      specifier.kind = kNodeMatchKind;
      random_member().node->fetch(place, {specifier}, [&](Reply<std::vector<FetchKindResponse>> reply) {
        ++finished;
        good += reply.ok() && !reply->empty() && !reply->at(0).values.empty() &&
                        reply->at(0).values[0].value == "value of " + place
                    ? 1
                    : 0;
      });
    }
    clock_.advance(options_.latency);
  }
  return good;
}

SimulationFigures Simulation::run(const Progress& progress) {
  SimulationFigures figures;
  figures.nodes = options_.nodes;
  if (!overlay_) return figures;
  const net::SteadyTime start = clock_.now();
  build(progress);
  figures.not_joined = options_.nodes - peers_.size();
  figures.build_seconds = seconds(clock_.now() - start);
  figures.messages_per_join = static_cast<double>(network_.delivered()) / static_cast<double>(options_.nodes);
  // Two rounds of Updates, so that what joined at the same time knows each other.
  if (progress) progress("settling", 0, 1);
  clock_.advance(std::chrono::seconds(options_.update_interval * 2));
  figures.ring = ring_is_whole();
  std::size_t links = 0;
  std::size_t table = 0;
  for (const std::size_t index : peers_) {
    links += members_[index]->node->link_count();
    table += members_[index]->node->topology().routing_table().size();
  }
  figures.links_per_node = static_cast<double>(links) / static_cast<double>(peers_.size());
  figures.fingers_per_node = static_cast<double>(table) / static_cast<double>(peers_.size());
  const std::uint64_t before = network_.delivered();
  clock_.advance(std::chrono::seconds(options_.update_interval * 2));
  figures.messages_per_node_hour = static_cast<double>(network_.delivered() - before) /
                                   static_cast<double>(peers_.size()) * 3600 / (options_.update_interval * 2);
  if (progress) progress("looking up", 0, options_.lookups);
  figures.quiet = look_up(options_.lookups);
  if (progress) progress("storing", 0, options_.values);
  store_values();
  figures.values = places_.size();
  if (options_.crash <= 0) return figures;
  const std::size_t peers = peers_.size();
  crash();
  figures.crashed = peers - peers_.size();
  std::vector<std::size_t> survivors;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (has_copy(i)) survivors.push_back(i);
  }
  figures.with_survivors = survivors.size();
  const net::SteadyTime crashed = clock_.now();
  if (progress) progress("looking up after the crash", 0, options_.lookups);
  figures.at_once = look_up(options_.lookups);
  if (progress) progress("repairing", 0, 1);
  while (clock_.now() - crashed < options_.most_repair && !ring_is_whole()) clock_.advance(std::chrono::seconds(5));
  if (ring_is_whole()) figures.repair_seconds = seconds(clock_.now() - crashed);
  clock_.advance(std::chrono::seconds(60));  // the hold-down, and then the copies
  if (progress) progress("looking up after repair", 0, options_.lookups);
  figures.repaired = look_up(options_.lookups);
  figures.lost = survivors.size() - fetch_values(survivors);
  return figures;
}

std::string plot_hops(const std::vector<SimulationFigures>& runs) {
  constexpr double kWidth = 640;
  constexpr double kHeight = 400;
  constexpr double kMargin = 56;
  double most_nodes = 10;
  double most_hops = 2;
  for (const SimulationFigures& run : runs) {
    most_nodes = std::max(most_nodes, static_cast<double>(run.nodes));
    most_hops = std::max({most_hops, run.quiet.mean_hops, std::log2(static_cast<double>(run.nodes)) / 2});
  }
  const double decades = std::ceil(std::log10(most_nodes));
  most_hops = std::ceil(most_hops + 0.5);
  const auto x = [&](double nodes) { return kMargin + std::log10(nodes) / decades * (kWidth - 2 * kMargin); };
  const auto y = [&](double hops) { return kHeight - kMargin - hops / most_hops * (kHeight - 2 * kMargin); };
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
      "<text x=\"{2}\" y=\"24\" font-size=\"15\">RELOAD lookups: mean hops by overlay size</text>\n",
      kWidth, kHeight, kMargin);
  for (int i = 0; i <= static_cast<int>(decades); ++i) {
    const double at = x(std::pow(10, i));
    svg += fmt::format("<line x1=\"{0}\" y1=\"{1}\" x2=\"{0}\" y2=\"{2}\" stroke=\"#ddd\"/>\n", at, y(0), y(most_hops));
    svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", at, y(0) + 18,
                       static_cast<long>(std::pow(10, i)));
  }
  for (int i = 0; i <= static_cast<int>(most_hops); ++i) {
    svg += fmt::format("<line x1=\"{1}\" y1=\"{0}\" x2=\"{2}\" y2=\"{0}\" stroke=\"#ddd\"/>\n", y(i), x(1),
                       kWidth - kMargin);
    svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", x(1) - 6, y(i) + 4, i);
  }
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">nodes</text>\n", kWidth / 2, kHeight - 12);
  svg += fmt::format(
      "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"#888\" stroke-dasharray=\"6 4\"/>\n"
      "<text x=\"{}\" y=\"{}\" fill=\"#666\">log2(N)/2</text>\n",
      x(1), y(0), x(std::pow(10, decades)), y(std::log2(std::pow(10, decades)) / 2), x(3), y(std::log2(30.0) / 2));
  for (const SimulationFigures& run : runs) {
    const double at = x(static_cast<double>(run.nodes));
    svg += fmt::format(
        "<circle cx=\"{0}\" cy=\"{1}\" r=\"5\" fill=\"#0b62a4\"/>\n<text x=\"{2}\" y=\"{3}\">{4:.2f}</text>\n", at,
        y(run.quiet.mean_hops), at + 8, y(run.quiet.mean_hops) + 16, run.quiet.mean_hops);
  }
  return svg + "</svg>\n";
}

}  // namespace peerscope::reload
