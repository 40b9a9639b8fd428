// SPDX-License-Identifier: GPL-2.0-or-later
// What the ALTO server costs:
//
//   alto_bench map [PREFIXES]         loads a network map of so many prefixes from a file: time, memory, and
//   longest-prefix
//                                     lookups a second beside DPDK's rte_lpm where that is installed; budget: 200 ns
//   alto_bench filter [PIDS]          100x100 pairs out of a cost map of all PIDs, request to answer; budget: 1 ms
//   alto_bench ecs [ENDPOINTS]        costs from one endpoint to so many
//   alto_bench followers [STREAMS]    update streams over loopback: from a change until the last one has it
//
// Exit code 1 when a budget is not met.
#include <fmt/format.h>
#ifdef PEERSCOPE_HAVE_DPDK
#include <rte_eal.h>
#include <rte_lpm.h>
#endif

#include <algorithm>
#include <boost/asio.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "protocols/alto/messages.h"
#include "reference-impl/alto/server.h"
#include "reference-impl/net/http_server.h"

namespace {

using namespace peerscope;
using Wall = std::chrono::steady_clock;
using tcp = boost::asio::ip::tcp;

double cpu_seconds(clockid_t clock = CLOCK_THREAD_CPUTIME_ID) {
  timespec now{};
  clock_gettime(clock, &now);
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

// --- map ---

struct Prefix {
  std::uint32_t address;
  int length;
};

// Lengths as in a full routing table: most are /24, some shorter, some longer.
std::vector<Prefix> routing_table(std::size_t count) {
  std::mt19937 random(7285);
  std::vector<Prefix> out;
  std::unordered_set<std::uint64_t> known;
  while (out.size() < count) {
    const unsigned kind = random() % 100;
    const int length = kind < 55   ? 24
                       : kind < 85 ? static_cast<int>(16 + random() % 8)
                                   : static_cast<int>(25 + random() % 4);
    const std::uint32_t address = static_cast<std::uint32_t>(random()) & (~std::uint32_t{0} << (32 - length));
    if (known.insert(static_cast<std::uint64_t>(address) << 8 | static_cast<unsigned>(length)).second)
      out.push_back({address, length});
  }
  return out;
}

alto::IpAddress address_of(std::uint32_t value) {
  alto::IpAddress out;
  for (int i = 0; i < 4; ++i) out.bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
  return out;
}

// Nanoseconds a lookup, and a sum that the compiler cannot leave out.
template <class F>
double lookup_time(const std::vector<std::uint32_t>& asked, F&& find, std::uint64_t& sum) {
  double best = 1e9;
  for (int round = 0; round < 3; ++round) {
    const double start = cpu_seconds();
    for (const std::uint32_t address : asked) sum += find(address);
    best = std::min(best, (cpu_seconds() - start) * 1e9 / static_cast<double>(asked.size()));
  }
  return best;
}

// Of the first 100,000 prefixes: rte_lpm looks through all rules of a length for each one it adds, so a million would
// take it hours.
void compare_with_dpdk(const std::vector<Prefix>& all, const std::vector<std::uint32_t>& asked) {
#ifdef PEERSCOPE_HAVE_DPDK
  const std::vector<Prefix> table(
      all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(100'000, all.size())));
  std::vector<std::string> words = {"alto_bench", "--no-huge", "--no-pci", "--no-shconf",      "-m",
                                    "1024",       "-l",        "0",        "--log-level=error"};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0) {
    fmt::print("rte_lpm: DPDK does not start here\n");
    return;
  }
  rte_lpm_config config{};
  config.max_rules = static_cast<std::uint32_t>(table.size() * 2);
  config.number_tbl8s = 1U << 16;
  rte_lpm* lpm = rte_lpm_create("bench", 0, &config);
  if (lpm == nullptr) {
    fmt::print("rte_lpm: no memory for a table of this size\n");
    return;
  }
  std::vector<alto::PrefixTable::Entry> entries;
  auto start = Wall::now();
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto value = static_cast<std::uint32_t>(i & 0xffff);
    if (rte_lpm_add(lpm, table[i].address, static_cast<std::uint8_t>(table[i].length), value) != 0) {
      fmt::print("rte_lpm: prefix {} does not fit\n", i);
      return;
    }
    entries.push_back({{address_of(table[i].address), table[i].length}, value});
  }
  const double rival_added = seconds_since(start);
  start = Wall::now();
  const alto::PrefixTable ours(std::move(entries));
  const double added = seconds_since(start);
  std::uint64_t sum = 0;
  const double rival = lookup_time(
      asked,
      [&](std::uint32_t address) {
        std::uint32_t hop = 0;
        return rte_lpm_lookup(lpm, address, &hop) == 0 ? hop : alto::PrefixTable::kNone;
      },
      sum);
  std::uint64_t our_sum = 0;
  const double time = lookup_time(
      asked, [&](std::uint32_t address) { return ours.find(address_of(address)); }, our_sum);
  fmt::print(
      "{} prefixes: ours {:.0f} ns a lookup, made in {:.2f} s; rte_lpm (DPDK, IPv4 only) {:.0f} ns, {:.2f} s; {}\n",
      table.size(), time, added, rival, rival_added, sum == our_sum ? "the same results" : "OTHER RESULTS");
#else
  (void)all;
  (void)asked;
  fmt::print("rte_lpm: DPDK was not there when this was built (libdpdk-dev)\n");
#endif
}

int measure_map(std::size_t count) {
  const auto table = routing_table(count);
  const std::string folder = std::filesystem::temp_directory_path();
  const std::string map = fmt::format("{}/alto_bench_map.{}.csv", folder, ::getpid());
  const std::string costs = fmt::format("{}/alto_bench_costs.{}.csv", folder, ::getpid());
  {
    std::ofstream out(map);
    for (std::size_t i = 0; i < table.size(); ++i) {
      const std::uint32_t a = table[i].address;
      out << fmt::format("pid{},{}.{}.{}.{}/{}\n", i % 1000, a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255,
                         table[i].length);
    }
    std::ofstream(costs) << "pid0,pid1,1\n";
  }
  const std::size_t before = resident_kib();
  const auto start = Wall::now();
  auto world = alto::loaded_world(map, {costs});
  const double took = seconds_since(start);
  std::filesystem::remove(map);
  std::filesystem::remove(costs);
  if (!world.ok()) {
    fmt::print("{}\n", world.error().message);
    return 1;
  }
  fmt::print("{} prefixes loaded in {:.1f} s, {} MiB (of these the lookup table {} MiB)\n", count, took,
             (resident_kib() - before) / 1024, world->table.bytes() / 1024 / 1024);
  std::mt19937 random(42);
  std::vector<std::uint32_t> asked(5'000'000);
  for (std::uint32_t& address : asked)
    address = random() % 4 == 0 ? static_cast<std::uint32_t>(random())
                                : table[random() % table.size()].address + random() % 16;
  // Right at all? Against the sorted list of prefixes.
  for (std::size_t i = 0; i < 20'000; ++i) {
    const alto::IpAddress address = address_of(asked[i]);
    if (world->table.find(address) == world->pid_of({address, 32})) continue;
    fmt::print("wrong PID for {}\n", address.text());
    return 1;
  }
  std::uint64_t sum = 0;
  const double time = lookup_time(
      asked, [&](std::uint32_t address) { return world->table.find(address_of(address)); }, sum);
  fmt::print("longest prefix: {:.0f} ns a lookup, {:.1f} million a second, budget 200 ns ({})\n", time, 1e3 / time,
             sum % 10);
  compare_with_dpdk(table, asked);
  return time <= 200 ? 0 : 1;
}

// --- answers ---

template <class T>
net::HttpRequest post(std::string target, std::string body) {
  return net::HttpRequest("POST", std::move(target), 11, {{"Content-Type", alto::message_type<T>().media_type}},
                          std::move(body));
}

// Milliseconds of CPU for one answer: the best of several rounds, as all else only adds.
double answer_time(alto::Server& server, const net::HttpRequest& request, std::size_t& size) {
  net::ConnectionInfo connection;
  connection.remote = {"10.0.0.1", 1};
  double best = 1e9;
  for (int round = 0; round < 20; ++round) {
    constexpr int kTimes = 10;
    const double start = cpu_seconds();
    for (int i = 0; i < kTimes; ++i) {
      const net::Reply reply = server.handle(request, connection);
      if (reply.response.status != 200) return 1e9;
      size = reply.shared_body->size();
    }
    best = std::min(best, (cpu_seconds() - start) * 1000 / kTimes);
  }
  return best;
}

constexpr const char* kType = R"("cost-type":{"cost-mode":"numerical","cost-metric":"routingcost"})";

int measure_filter(std::size_t pids) {
  alto::Server server(*alto::generated_world(fmt::format("pids={},prefixes={}", pids, pids)));
  std::string sources;
  std::string destinations;
  for (std::size_t i = 0; i < 100; ++i) {
    sources += fmt::format("{}\"pid{}\"", i == 0 ? "" : ",", i * 37 % pids);
    destinations += fmt::format("{}\"pid{}\"", i == 0 ? "" : ",", i * 41 % pids);
  }
  std::size_t size = 0;
  const double time = answer_time(
      server,
      post<alto::CostMapFilter>("/costmap/filtered", fmt::format(R"({{{},"pids":{{"srcs":[{}],"dsts":[{}]}}}})", kType,
                                                                 sources, destinations)),
      size);
  fmt::print("100x100 pairs out of {}x{}: {:.2f} ms, {} bytes, budget 1 ms\n", pids, pids, time, size);
  return time < 1 ? 0 : 1;
}

int measure_ecs(std::size_t endpoints) {
  alto::Server server(*alto::generated_world("pids=1000,prefixes=100000"));
  std::string list;
  for (std::size_t i = 0; i < endpoints; ++i)
    list += fmt::format("{}\"ipv4:10.{}.{}.7\"", i == 0 ? "" : ",", i / 250 % 90, i % 250);
  std::size_t size = 0;
  const double time = answer_time(
      server,
      post<alto::EndpointCostParams>(
          "/endpointcost", fmt::format(R"({{{},"endpoints":{{"srcs":["ipv4:10.0.0.1"],"dsts":[{}]}}}})", kType, list)),
      size);
  fmt::print("costs from one endpoint to {}: {:.2f} ms, {:.0f} a second, {} bytes\n", endpoints, time, 1000 / time,
             size);
  return 0;
}

// --- followers ---

// Counts the events that arrive; does not look into them.
class Reader {
 public:
  Reader(boost::asio::io_context& context, std::uint64_t& events) : socket_(context), events_(events) {}
  void start(std::uint16_t port) {
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
    const std::string body =
        R"({"add":{"n":{"resource-id":"networkmap"},"c":{"resource-id":"costmap-num-routingcost"}}})";
    const std::string request =
        fmt::format("POST /updates HTTP/1.1\r\nHost: h\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}",
                    alto::message_type<alto::UpdateStreamParams>().media_type, body.size(), body);
    boost::asio::write(socket_, boost::asio::buffer(request));
    read();
  }

 private:
  void read() {
    static thread_local char bytes[64 * 1024];
    socket_.async_wait(tcp::socket::wait_read, [this](boost::system::error_code error) {
      if (error) return;
      const std::size_t n = socket_.read_some(boost::asio::buffer(bytes), error);
      if (error) return;
      for (std::size_t i = 0; i < n; ++i) {
        events_ += bytes[i] == '\n' && last_ == '\n' ? 1 : 0;
        last_ = bytes[i];
      }
      read();
    });
  }
  tcp::socket socket_;
  std::uint64_t& events_;
  char last_ = 0;
};

int measure_followers(std::size_t count) {
  if (net::raise_file_limit() < 2 * count + 100) {
    fmt::print("the limit of open files is too low for {} streams\n", count);
    return 1;
  }
  boost::asio::io_context context{1};
  alto::Server server(*alto::generated_world("pids=100,prefixes=1000"));
  net::ServerOptions options;
  options.max_connections = count + 10;
  net::HttpServer http(context.get_executor(), options,
                       [&](net::HttpRequest&& request, const net::ConnectionInfo& connection, net::Responder respond) {
                         server.handle(request, connection, respond);
                       });
  if (const auto started = http.start(); !started.ok()) {
    fmt::print("{}\n", started.error().message);
    return 1;
  }
  const std::uint16_t port = http.port();
  auto work = boost::asio::make_work_guard(context);
  std::thread thread([&] { context.run(); });
  boost::asio::io_context readers;
  std::uint64_t events = 0;
  std::vector<std::unique_ptr<Reader>> all;
  const auto until = [&](std::uint64_t wanted) {
    const auto end = Wall::now() + std::chrono::seconds(60);
    while (events < wanted && Wall::now() < end) readers.run_one_for(std::chrono::milliseconds(100));
    return events >= wanted;
  };
  const std::size_t before = resident_kib();
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back(std::make_unique<Reader>(readers, events));
    all.back()->start(port);
    readers.poll();
  }
  int result = until(count * 3) ? 0 : 1;
  fmt::print("{} streams open, {} KiB each for server and reader together\n", server.streams(),
             (resident_kib() - before) / count);
  std::vector<double> times;
  double cpu = 0;
  for (std::uint64_t step = 1; step <= 20 && result == 0; ++step) {
    events = 0;
    // Every fourth step changes the network map, too.
    const std::uint64_t wanted = count * (step % 4 == 0 ? 2 : 1);
    const auto start = Wall::now();
    boost::asio::post(context, [&, step] { server.update(alto::changed_world(server.world(), step)); });
    if (!until(wanted)) result = 1;
    times.push_back(seconds_since(start) * 1000);
  }
  boost::asio::post(context, [&] {
    cpu = cpu_seconds();
    http.stop();
    context.stop();
  });
  thread.join();
  if (result != 0) {
    fmt::print("not every stream got every event\n");
    return result;
  }
  std::sort(times.begin(), times.end());
  fmt::print("a change reaches all {}: median {:.0f} ms, longest {:.0f} ms; {:.1f} us of server CPU an event\n", count,
             times[times.size() / 2], times.back(), cpu * 1e6 / static_cast<double>(count * (20 + 5 + 3)));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const auto number = [&](std::size_t otherwise) { return argc > 2 ? std::strtoull(argv[2], nullptr, 10) : otherwise; };
  if (what == "map") return measure_map(number(1'000'000));
  if (what == "filter") return measure_filter(number(5'000));
  if (what == "ecs") return measure_ecs(number(1'000));
  if (what == "followers") return measure_followers(number(5'000));
  fmt::print(stderr, "usage: alto_bench map|filter|ecs|followers [NUMBER]\n");
  return 2;
}
