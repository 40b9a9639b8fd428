// SPDX-License-Identifier: GPL-2.0-or-later
// `peerscope simulate distributed-tracker`: how registrations spread over trackers, and what CONNECT and FIND cost
// there, beside one tracker that is alone.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "reference-impl/net/log.h"
#include "reference-impl/systems/distributed_tracker/simulation.h"

namespace peerscope::cli {
namespace {

namespace dt = distributed_tracker;

void print(const dt::SimulationOptions& o, const dt::SimulationFigures& f, double took) {
  const auto spread = [](const char* what, const dt::Spread& s) {
    fmt::print("  {:<18}{:.0f} a tracker, at most {:.0f}: {:.2f} times the mean\n", what, s.mean, s.most, s.ratio());
  };
  const auto cost = [](const char* what, const dt::Cost& c) {
    fmt::print("  {:<18}{} of {} right, {:.1f} messages, {:.0f} bytes, answer after {:.0f} ms\n", what, c.right,
               c.asked, c.messages, c.bytes, c.milliseconds);
  };
  fmt::print("\n{} trackers, {} peers in {} swarms (Zipf, {}), {} shard{}; simulated in {:.1f} s\n", o.trackers,
             o.peers, o.swarms, o.exponent, o.shards, o.shards == 1 ? "" : "s", took);
  fmt::print("  overlay           {}\n", f.joined ? "complete" : "not complete");
  spread("peers", f.connections);
  spread("registrations", f.entries);
  spread("with copies", f.copies);
  fmt::print("  beyond a shard    {:.2f} % of the registrations\n", f.over_limit * 100);
  fmt::print("  lookup            {:.2f} hops; log2(N)/2 is {:.2f}\n", f.lookup_hops,
             std::log2(static_cast<double>(o.trackers)) / 2);
  cost("CONNECT", f.connect);
  cost("FIND", f.find);
  fmt::print("  alone             one tracker has all {} registrations, and no message but the peer's\n", o.peers);
}

}  // namespace

int simulate_distributed_tracker(int argc, char** argv) {
  CLI::App app{"Distributed trackers in memory on virtual time: load, hops, bytes", "simulate distributed-tracker"};
  std::vector<std::size_t> sizes{100};
  dt::SimulationOptions options;
  std::string table;
  app.add_option("--trackers", sizes, "one or several sizes, with commas")
      ->delimiter(',')
      ->check(CLI::Range(2, 100'000))
      ->capture_default_str();
  app.add_option("--peers", options.peers)->check(CLI::Range(1, 100'000'000))->capture_default_str();
  app.add_option("--swarms", options.swarms)->check(CLI::Range(1, 100'000'000))->capture_default_str();
  app.add_option("--exponent", options.exponent, "of Zipf's law, by which swarms are popular")
      ->check(CLI::Range(0.0, 5.0))
      ->capture_default_str();
  app.add_option("--shards", options.shards, "parts of a swarm, a power of two")
      ->check(CLI::Range(1, 65536))
      ->capture_default_str();
  app.add_option("--sample", options.sample, "CONNECTs and FINDs that are played")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--seed", options.seed)->capture_default_str();
  app.add_flag("--signatures", options.signatures, "real certificates and signatures (P-256)");
  app.add_option("--table", table, "write a line for each size to this file, with tabs");
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  if ((options.shards & (options.shards - 1)) != 0) return fail(2, "--shards: a power of two");
  net::set_up_log(net::LogLevel::kOff, net::LogFormat::kText);
  std::string lines =
      "trackers\tpeers\tshards\tmean_entries\tmost_entries\tratio_entries\tratio_peers\tover_limit\thops\tconnect_"
      "messages\t"
      "connect_bytes\tconnect_ms\tfind_messages\tfind_bytes\tfind_ms\n";
  bool good = true;
  for (const std::size_t size : sizes) {
    options.trackers = size;
    const auto start = std::chrono::steady_clock::now();
    std::atomic<std::size_t> done{0};
    std::atomic<const char*> doing{"starting"};
    Progress progress([&] { return fmt::format("{} trackers: {} {}", size, doing.load(), done.load()); });
    const dt::SimulationFigures f = dt::simulate(options, [&](std::string_view what, std::size_t count, std::size_t) {
      doing = what.data();  // literals
      done = count;
    });
    const auto hushed = progress.hush();
    print(options, f, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    std::fflush(stdout);
    lines += fmt::format(
        "{}\t{}\t{}\t{:.1f}\t{:.0f}\t{:.3f}\t{:.3f}\t{:.4f}\t{:.3f}\t{:.2f}\t{:.0f}\t{:.1f}\t{:.2f}\t{:.0f}\t{:.1f}\n",
        size, options.peers, options.shards, f.entries.mean, f.entries.most, f.entries.ratio(), f.connections.ratio(),
        f.over_limit, f.lookup_hops, f.connect.messages, f.connect.bytes, f.connect.milliseconds, f.find.messages,
        f.find.bytes, f.find.milliseconds);
    // Popular swarms overflow their shards, and that is told to their peers; anything else is a mistake.
    good = good && f.joined && f.find.right > 0 && f.connect.right > 0;
  }
  if (!table.empty()) {
    std::ofstream file(table);
    file << lines;
    file.close();
    if (!file) return fail(2, "cannot write " + table);
  }
  return good ? 0 : 1;
}

}  // namespace peerscope::cli
