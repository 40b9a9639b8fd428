// SPDX-License-Identifier: GPL-2.0-or-later
// `peerscope simulate reload`: overlays of any size on virtual time, and their figures beside what theory says.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "reference-impl/net/log.h"
#include "reference-impl/reload/simulation.h"

namespace peerscope::cli {
namespace {

namespace rl = peerscope::reload;

double percent(std::size_t part, std::size_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

void print(const rl::SimulationFigures& f, const rl::SimulationOptions& options, double took) {
  const double theory = std::log2(static_cast<double>(f.nodes)) / 2;
  fmt::print("\n{} nodes, simulated in {:.1f} s\n", f.nodes, took);
  fmt::print("  joined            {} ({} did not), ring {}\n", f.nodes - f.not_joined, f.not_joined,
             f.ring ? "whole" : "not whole");
  fmt::print("  messages          {:.0f} a join, {:.1f} a node and hour when quiet\n", f.messages_per_join,
             f.messages_per_node_hour);
  fmt::print("  theory            {:.1f}: an Update to each of 6 neighbours, and its answer, every {} s\n",
             6.0 * 2 * 3600 / options.update_interval, options.update_interval);
  fmt::print("  links a node      {:.1f}, of them routed over {:.1f}\n", f.links_per_node, f.fingers_per_node);
  fmt::print("  lookups           {:.2f} % right, mean {:.2f} hops; log2(N)/2 is {:.2f} ({:+.1f} %)\n",
             percent(f.quiet.right, f.quiet.asked), f.quiet.mean_hops, theory, (f.quiet.mean_hops / theory - 1) * 100);
  std::string histogram;
  for (std::size_t i = 0; i < f.quiet.hops.size(); ++i) histogram += fmt::format(" {}:{}", i, f.quiet.hops[i]);
  fmt::print("  hops              {}\n", histogram);
  if (f.crashed == 0) return;
  fmt::print("  crash             {} nodes at once, without a word\n", f.crashed);
  fmt::print("  lookups           {:.2f} % right from the moment of the crash, mean {:.2f} hops\n",
             percent(f.at_once.right, f.at_once.asked), f.at_once.mean_hops);
  if (f.repair_seconds < 0)
    fmt::print("  repair            the ring was not whole again in {} s\n",
               options.most_repair / std::chrono::seconds(1));
  else
    fmt::print("  repair            ring whole again after {:.0f} s; stabilisation interval {} s\n", f.repair_seconds,
               options.update_interval);
  fmt::print("  lookups           {:.2f} % right after repair, mean {:.2f} hops\n",
             percent(f.repaired.right, f.repaired.asked), f.repaired.mean_hops);
  fmt::print("  values            {} stored, {} with a surviving copy, {} of those lost\n", f.values, f.with_survivors,
             f.lost);
}

}  // namespace

int simulate(int argc, char** argv) {
  if (argc >= 2 && std::strcmp(argv[1], "distributed-tracker") == 0)
    return simulate_distributed_tracker(argc - 1, argv + 1);
  CLI::App app{"RELOAD overlays in memory on virtual time: hops, repair, messages", "simulate reload"};
  std::vector<std::size_t> sizes{1000};
  rl::SimulationOptions options;
  std::string plot;
  double latency = 10;
  app.add_option("--nodes", sizes, "one or several sizes, with commas")
      ->delimiter(',')
      ->check(CLI::Range(2, 1'000'000))
      ->capture_default_str();
  app.add_option("--seed", options.seed)->capture_default_str();
  app.add_flag("--signatures", options.signatures, "real certificates and signatures (P-256)");
  app.add_option("--lookups", options.lookups)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--values", options.values, "values to store before the crash")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--crash", options.crash, "share of the nodes that crashes at once; 0: none")
      ->check(CLI::Range(0.0, 0.9))
      ->capture_default_str();
  app.add_option("--latency", latency, "of a link, one way, milliseconds")
      ->check(CLI::Range(0.1, 10'000.0))
      ->capture_default_str();
  app.add_option("--update-interval", options.update_interval, "chord-update-interval, seconds")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--plot", plot, "write hops against size to this SVG file");
  const bool named = argc >= 2 && std::strcmp(argv[1], "reload") == 0;
  if (!named && (argc < 2 || argv[1][0] != '-'))
    return fail(2, "simulate what? There are: simulate reload, simulate distributed-tracker");
  if (const int code = parse(app, named ? argc - 1 : argc, named ? argv + 1 : argv); code >= 0) return code;
  net::set_up_log(net::LogLevel::kOff, net::LogFormat::kText);
  options.latency = std::chrono::duration_cast<net::Duration>(std::chrono::duration<double, std::milli>(latency));
  std::vector<rl::SimulationFigures> runs;
  bool good = true;
  for (const std::size_t size : sizes) {
    options.nodes = size;
    const auto start = std::chrono::steady_clock::now();
    std::atomic<std::size_t> done{0};
    std::atomic<const char*> doing{"starting"};
    Progress progress([&] { return fmt::format("{} nodes: {} {}", size, doing.load(), done.load()); });
    rl::Simulation simulation(options);
    runs.push_back(simulation.run([&](std::string_view what, std::size_t count, std::size_t) {
      doing = what.data();  // literals
      done = count;
    }));
    const auto hushed = progress.hush();
    print(runs.back(), options, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    std::fflush(stdout);
    good = good && runs.back().not_joined == 0 && runs.back().lost == 0;
  }
  if (!plot.empty()) {
    std::ofstream file(plot);
    file << rl::plot_hops(runs);
    file.close();
    if (!file) return fail(2, "cannot write " + plot);
  }
  return good ? 0 : 1;
}

}  // namespace peerscope::cli
