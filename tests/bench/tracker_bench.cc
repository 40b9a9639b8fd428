// SPDX-License-Identifier: GPL-2.0-or-later
// What the tracker costs without a network:
//
//   tracker_bench memory [PEERS]   registers peers through CONNECT messages (one swarm and one address each, swarms of
//   1000)
//                                  and prints what the process then takes; budget: 1 GiB for a million
//   tracker_bench expiry [PEERS]   lets so many peers expire at once in a full tracker and prints how long a FIND then
//   waits tracker_bench find [SWARM]     FINDs a second for a swarm of that size, 29 peers in each answer
//
// Exit code 1 when a budget is not met.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "protocols/ppstp/protocol.h"
#include "reference-impl/net/clock.h"
#include "reference-impl/ppstp/tracker.h"

namespace {

using namespace peerscope;
using Wall = std::chrono::steady_clock;

constexpr int kSwarmSize = 1000;

// Of this thread: what a slice costs, not what else the machine does meanwhile.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double seconds_since(Wall::time_point start) {
  return std::chrono::duration<double>(Wall::now() - start).count();
}

std::size_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::strtoull(line.c_str() + 6, nullptr, 10);
  }
  return 0;
}

std::string peer_name(int i) {
  return fmt::format("{:08x}-7f4e-4d63-9b2a-5c0e8a1f{:04x}", i, i & 0xffff);
}
std::string swarm_of(int i, int swarm_size) {
  return fmt::format("swarm-{:06}", i / swarm_size);
}

net::HttpRequest post(std::string body) {
  net::HttpRequest request;
  request.method = "POST";
  request.headers.add("Content-Type", ppstp::kMediaType);
  request.body = std::move(body);
  return request;
}

std::string connect_body(int i, int swarm_size) {
  ppstp::Request request;
  request.version = ppstp::kVersion1;
  request.request_type = std::string(ppstp::kRequestConnect);
  request.transaction_id = "c";
  request.peer_id = peer_name(i);
  ppstp::Connect& connect = request.connect.emplace();
  ppstp::PeerAddr& addr = connect.peer_addr.emplace_back();
  addr.ip_address = ppstp::IpAddress{.address_type = "ipv4",
                                     .address = fmt::format("10.{}.{}.{}", i >> 16 & 255, i >> 8 & 255, i & 255)};
  addr.port = 6778;
  addr.priority = 1;
  addr.type = "HOST";
  addr.connection = "wired";
  addr.asn = "64496";
  addr.peer_protocol = "PPSP-PP";
  connect.swarm_action.push_back({.swarm_id = swarm_of(i, swarm_size),
                                  .action = std::string(ppstp::kJoin),
                                  .peer_mode = std::string(ppstp::kLeech)});
  return encode(std::move(request));
}

std::string find_body(int i, int swarm_size, int transaction) {
  ppstp::Request request;
  request.version = ppstp::kVersion1;
  request.request_type = std::string(ppstp::kRequestFind);
  request.transaction_id = std::to_string(transaction);
  request.peer_id = peer_name(i);
  request.find.emplace().swarm_id = swarm_of(i, swarm_size);
  return encode(std::move(request));
}

struct Rig {
  explicit Rig(std::size_t peers) : tracker(clock, options(peers)) {}
  static ppstp::TrackerOptions options(std::size_t peers) {
    ppstp::TrackerOptions o;
    o.registry.max_peers = std::max<std::size_t>(peers, o.registry.max_peers);
    return o;
  }
  void enroll(int from, int to, int swarm_size) {
    for (int i = from; i < to; ++i) {
      if (tracker.handle(post(connect_body(i, swarm_size)), connection).response.status != 200) std::abort();
    }
  }
  net::ManualClock clock;
  net::ConnectionInfo connection{{"127.0.0.1", 40000}, {"127.0.0.1", 80}, false, 1, {}, {}, {}};
  ppstp::Tracker tracker;
};

int memory(int peers) {
  const std::size_t before = resident_kib();
  Rig rig(static_cast<std::size_t>(peers));
  const auto start = Wall::now();
  rig.enroll(0, peers, kSwarmSize);
  const double took = seconds_since(start);
  const std::size_t kib = resident_kib();
  fmt::print("registrations {}  swarms {}  RSS {} MiB (at the start {} MiB)  {} bytes each  {:.0f} CONNECT/s\n",
             rig.tracker.registry().peers(), rig.tracker.registry().swarms(), kib / 1024, before / 1024,
             (kib - before) * 1024 / static_cast<std::size_t>(peers), peers / took);
  const bool good = rig.tracker.registry().peers() == static_cast<std::size_t>(peers) &&
                    kib * 1000.0 / peers < 1024.0 * 1024.0 * 1000.0 / 1e6;
  fmt::print("budget: a million under 1 GiB: {}\n", good ? "met" : "NOT MET");
  return good ? 0 : 1;
}

// Requests and the sweep share a thread, so a FIND waits at most for one slice. Here both run by turns as an executor
// would run them, and each turn is measured.
int expiry(int peers) {
  constexpr int kAlive = 100000;
  ppstp::RegistryOptions options;
  net::ManualClock clock;
  ppstp::Registry registry(clock, options, 1);
  const auto enroll = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      const ppstp::PeerIndex peer = registry.add(peer_name(i));
      registry.join(peer, "one-swarm", false);
      registry.settle(peer);
    }
  };
  enroll(0, peers);
  clock.advance(std::chrono::seconds(100));
  enroll(peers, peers + kAlive);
  clock.advance(std::chrono::seconds(90));
  const ppstp::SwarmIndex swarm = registry.find_swarm("one-swarm");
  const ppstp::PeerIndex asker = registry.find(peer_name(peers));
  std::vector<double> slices;
  std::vector<double> selections;
  std::vector<ppstp::PeerIndex> chosen;
  std::size_t listed = 0;
  const auto start = Wall::now();
  for (bool more = true; more;) {
    double turn = cpu_seconds();
    more = registry.sweep(256);
    slices.push_back(cpu_seconds() - turn);
    turn = cpu_seconds();
    registry.select(swarm, asker, {}, chosen);
    selections.push_back(cpu_seconds() - turn);
    listed += chosen.size();
  }
  const double total = seconds_since(start);
  const double longest = *std::max_element(slices.begin(), slices.end());
  fmt::print(
      "{} of {} registrations expire at once: {:.2f} ms in {} slices, longest slice {:.0f} us; longest selection "
      "meanwhile {:.0f} us, {} peers listed by {} of them\n",
      registry.expired(), peers + kAlive, total * 1e3, slices.size(), longest * 1e6,
      *std::max_element(selections.begin(), selections.end()) * 1e6, listed, selections.size());
  const bool good = registry.expired() == static_cast<std::uint64_t>(peers) && longest < 0.001;
  fmt::print("no request waits more than 1 ms for it: {}\n", good ? "yes" : "NO");
  return good ? 0 : 1;
}

int find(int swarm_size) {
  constexpr int kRequests = 300000;
  Rig rig(static_cast<std::size_t>(swarm_size));
  rig.enroll(0, swarm_size, swarm_size);
  std::vector<net::HttpRequest> requests;
  requests.reserve(kRequests);
  for (int i = 0; i < kRequests; ++i) requests.push_back(post(find_body(i % swarm_size, swarm_size, i)));
  std::size_t bytes = 0;
  const auto start = Wall::now();
  for (const net::HttpRequest& request : requests)
    bytes += rig.tracker.handle(request, rig.connection).shared_body->size();
  const double took = seconds_since(start);
  fmt::print("FIND in a swarm of {}: {:.0f}/s, {:.2f} us each, {} bytes an answer\n", swarm_size, kRequests / took,
             took / kRequests * 1e6, bytes / kRequests);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const int number = argc > 2 ? std::atoi(argv[2]) : 0;
  if (number >= 0 && what == "memory") return memory(number > 0 ? number : 1'000'000);
  if (number >= 0 && what == "expiry") return expiry(number > 0 ? number : 10'000);
  if (number >= 0 && what == "find") return find(number > 0 ? number : 1000);
  fmt::print(stderr, "usage: tracker_bench memory|expiry|find [NUMBER]\n");
  return 2;
}
