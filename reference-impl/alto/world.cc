// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/alto/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <fstream>
#include <limits>
#include <sstream>

#include "protocols/alto/cdni_capability.h"
#include "protocols/alto/names.h"

namespace peerscope::alto {
namespace {

constexpr std::size_t kMostPids = 20'000;  // a table of costs has the square of it
constexpr std::size_t kMostPrefixes = 4'000'000;
constexpr const char* kPidFootprint = "altopid";
constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

net::Error fault(std::string text) {
  return {net::ErrorKind::kLocal, std::move(text)};
}

std::uint32_t pid_number(World& world, const std::string& pid) {
  const auto [at, fresh] = world.numbers.try_emplace(pid, static_cast<std::uint32_t>(world.pids.size()));
  if (fresh) {
    world.pids.push_back(pid);
    world.map.pids->groups.add(pid);
  }
  return at->second;
}

void add_prefix(World& world, const std::string& pid, std::string_view family, const std::string& prefix) {
  const std::uint32_t number = pid_number(world, pid);
  auto& prefixes = world.map.pids->groups.entries[number].second.prefixes;
  std::vector<std::string>* list = prefixes.find(family);
  if (list == nullptr) list = &prefixes.add(std::string(family));
  list->push_back(prefix);
}

// The table and the tag, when the map is complete. A prefix in two PIDs is refused (RFC 7285 section 11.2.2).
net::Result<void> finish(World& world) {
  world.prefixes.clear();
  for (std::uint32_t number = 0; number < world.pids.size(); ++number) {
    const std::string& pid = world.pids[number];
    if (const std::string wrong = pid_name_fault(pid); !wrong.empty()) return fault("PID name " + wrong);
    for (const auto& [family, prefixes] : world.map.pids->groups.entries[number].second.prefixes.entries) {
      for (const std::string& text : prefixes) {
        const auto prefix = parse_prefix(family, text);
        if (!prefix) return fault(fmt::format("PID {}: \"{}\" is no {} prefix", pid, text, family));
        world.prefixes.push_back({prefix->prefix, number});
      }
    }
  }
  if (world.pids.empty()) return fault("the network map has no PIDs");
  std::stable_sort(world.prefixes.begin(), world.prefixes.end(),
                   [](const auto& a, const auto& b) { return a.prefix < b.prefix; });
  for (std::size_t i = 1; i < world.prefixes.size(); ++i) {
    const auto& [one, other] = std::pair{world.prefixes[i - 1], world.prefixes[i]};
    if (one.prefix == other.prefix && one.value != other.value)
      return fault(fmt::format("{} is in PID {} and in PID {}", one.prefix.text(), world.pids[one.value],
                               world.pids[other.value]));
  }
  world.table = PrefixTable(world.prefixes);
  world.tag = fmt::format("{:016x}", content_of(world.map));
  NetworkMapMeta meta;
  meta.vtag = VersionTag{std::string(kNetworkMapId), world.tag};
  world.map.meta = std::move(meta);
  return {};
}

CostTable& cost_table(World& world, const std::string& metric) {
  for (CostTable& table : world.tables) {
    if (table.metric == metric) return table;
  }
  CostTable& table = world.tables.emplace_back();
  table.metric = metric;
  table.costs.assign(world.pids.size() * world.pids.size(), kUndefined);
  return table;
}

// Twelve intervals of two hours: busy in the evening.
const std::vector<double> kDay = {1, 1, 1, 1, 1.25, 1.5, 1.5, 1.5, 2, 3, 3, 1.5};

// Numbers that tell PIDs apart, without meaning.
void invent_costs(World& world) {
  const std::size_t count = world.pids.size();
  CostTable& routing = cost_table(world, std::string(kRoutingCost));
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < count; ++k)
      routing.costs[i * count + k] = i == k ? 1 : 2 + static_cast<double>((i * 31 + k * 17) % 97);
  }
  routing.factors = kDay;
  CostTable& hops = cost_table(world, std::string(kHopCount));
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t k = 0; k < count; ++k)
      hops.costs[i * count + k] = 1 + static_cast<double>((i > k ? i - k : k - i) % 15);
  }
}

// One of each capability that RFC 9241 section 3.6 makes mandatory.
CdniAdvertisement invented_cdni() {
  const auto list = [](const char* member, std::initializer_list<const char*> texts) {
    return JsonValue::Object{{member, JsonValue::Array(texts.begin(), texts.end())}};
  };
  const auto in_pids = [](std::initializer_list<std::string> pids) {
    Footprint out;
    out.footprint_type = kPidFootprint;
    out.footprint_value = pids;
    return std::vector{out};
  };
  CdniAdvertisement out;
  auto& all = out.capabilities.emplace();
  all.push_back({"FCI.DeliveryProtocol", list("delivery-protocols", {"http/1.1"}), in_pids({"mypid1", "mypid2"})});
  all.push_back({"FCI.DeliveryProtocol", list("delivery-protocols", {"http/1.1", "https/1.1"}), in_pids({"mypid3"})});
  all.push_back({"FCI.AcquisitionProtocol", list("acquisition-protocols", {"https/1.1"}), {}});
  all.push_back({"FCI.RedirectionMode", list("redirection-modes", {"DNS-I", "HTTP-I"}), {}});
  all.push_back({"FCI.Logging", JsonValue::Object{{"record-type", "cdni_http_request_v1"}}, {}});
  all.push_back({"FCI.Metadata", list("metadata", {}), {}});
  return out;
}

World empty_world() {
  World world;
  world.made = std::chrono::system_clock::now();
  world.map.pids.emplace();
  return world;
}

std::string_view family_of(std::string_view prefix) {
  return prefix.find(':') == std::string_view::npos ? kIpv4 : kIpv6;
}

net::Result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return fault(path + ": cannot be read");
  return std::move(text).str();
}

bool is_json(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  return start != std::string_view::npos && text[start] == '{';
}

// Calls body(line number, fields) for each line of a CSV file until that returns a fault; comments and empty lines are
// left out. Maps have millions of lines, so nothing is copied.
template <class F>
net::Result<void> each_csv_line(std::string_view text, F&& body) {
  std::vector<std::string_view> fields;
  for (int number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    fields.clear();
    for (;;) {
      const std::string_view field = line.substr(0, line.find(','));
      fields.push_back(field);
      if (field.size() == line.size()) break;
      line.remove_prefix(field.size() + 1);
    }
    if (const net::Result<void> done = body(number, fields); !done.ok()) return done;
  }
  return {};
}

template <class T>
net::Result<std::shared_ptr<void>> read_json(const std::string& path, const std::string& text, Message& message) {
  message.clear();
  message.transport.content_type = message_type<T>().media_type;
  decode(text, message);
  if (!message.issues.empty()) {
    const Issue& first = message.issues.front();
    const std::string_view before = std::string_view(text).substr(0, first.offset);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    return fault(fmt::format("{}:{}: {}", path, line, explain(first)));
  }
  return message.body;
}

net::Result<void> load_map(World& world, const std::string& path) {
  const auto text = read_file(path);
  if (!text.ok()) return text.error();
  if (!is_json(*text)) {
    return each_csv_line(*text, [&](int line, const std::vector<std::string_view>& fields) -> net::Result<void> {
      if (fields.size() != 2) return fault(fmt::format("{}:{}: expected pid,prefix", path, line));
      add_prefix(world, std::string(fields[0]), family_of(fields[1]), std::string(fields[1]));
      return {};
    });
  }
  Message message;
  const auto body = read_json<NetworkMap>(path, *text, message);
  if (!body.ok()) return body.error();
  for (const auto& [pid, group] : body_of<NetworkMap>(message)->pids->groups.entries) {
    pid_number(world, pid);
    for (const auto& [family, prefixes] : group.prefixes.entries) {
      for (const std::string& prefix : prefixes) add_prefix(world, pid, family, prefix);
    }
  }
  return {};
}

// `where` is the file, with the line where that is known.
net::Result<void> load_cost(World& world, const std::string& where, const std::string& metric, const std::string& from,
                            const std::string& to, double cost) {
  const auto source = world.numbers.find(from);
  const auto destination = world.numbers.find(to);
  if (source == world.numbers.end() || destination == world.numbers.end())
    return fault(fmt::format("{}: the network map has no PID {}", where, source == world.numbers.end() ? from : to));
  cost_table(world, metric).costs[static_cast<std::size_t>(source->second) * world.pids.size() + destination->second] =
      cost;
  return {};
}

net::Result<void> load_costs(World& world, const std::string& path) {
  const auto text = read_file(path);
  if (!text.ok()) return text.error();
  if (!is_json(*text)) {
    return each_csv_line(*text, [&](int line, const std::vector<std::string_view>& fields) -> net::Result<void> {
      double cost = 0;
      if (fields.size() != 3 || !read_number(fields[2], cost))
        return fault(fmt::format("{}:{}: expected source,destination,cost", path, line));
      return load_cost(world, fmt::format("{}:{}", path, line), std::string(kRoutingCost), std::string(fields[0]),
                       std::string(fields[1]), cost);
    });
  }
  Message message;
  const auto body = read_json<CostMap>(path, *text, message);
  if (!body.ok()) return body.error();
  const CostMap& map = *body_of<CostMap>(message);
  const std::string metric = map.meta->cost_type->cost_metric.value_or("");
  if (cost_metric_fault(metric) != "") return fault(path + ": it does not say its cost-metric");
  cost_table(world, metric).context = map.meta->cost_type->cost_context;
  for (const auto& [from, row] : map.costs->rows.entries) {
    for (const auto& [to, cost] : row.costs.entries) {
      if (cost.number() == nullptr)
        return fault(fmt::format("{}: the cost from {} to {} is no number", path, from, to));
      if (const auto done = load_cost(world, path, metric, from, to, *cost.number()); !done.ok()) return done.error();
    }
  }
  return {};
}

}  // namespace

const CostTable* World::find(std::string_view metric) const {
  for (const CostTable& table_of : tables) {
    if (table_of.metric == metric) return &table_of;
  }
  return nullptr;
}

std::uint32_t World::pid_of(const IpPrefix& prefix) const {
  IpPrefix wider = prefix;
  for (;;) {
    const auto at = std::lower_bound(prefixes.begin(), prefixes.end(), wider,
                                     [](const auto& entry, const IpPrefix& wanted) { return entry.prefix < wanted; });
    if (at != prefixes.end() && at->prefix == wider) return at->value;
    if (wider.length == 0) return PrefixTable::kNone;
    --wider.length;
    wider.address.bytes[static_cast<std::size_t>(wider.length / 8)] &=
        static_cast<std::uint8_t>(~(0x80 >> (wider.length % 8)));
  }
}

net::Result<void> invent_metrics(World& world, const std::vector<std::string>& metrics) {
  for (const std::string& metric : metrics) {
    if (const std::string wrong = cost_metric_fault(metric); !wrong.empty())
      return fault(fmt::format("metric {} {}", metric, wrong));
    if (world.find(metric) != nullptr) return fault(fmt::format("metric {} is there already", metric));
    CostTable& table = cost_table(world, metric);
    JsonValue::Object parameters;
    // RFC 9439 sections 4.4 and 5.1: what the estimation of these stands on.
    if (metric.starts_with("tput")) {
      parameters.emplace_back("congestion-control-algorithm", "https://www.rfc-editor.org/info/rfc9438");
      parameters.emplace_back("method", "invented");
    }
    if (metric.starts_with("hopcount")) parameters.emplace_back("hop", "router");
    CostContext& context = table.context.emplace();
    context.cost_source = "estimation";
    if (!parameters.empty()) context.parameters = std::move(parameters);
    const std::size_t count = world.pids.size();
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t k = 0; k < count; ++k) table.costs[i * count + k] = static_cast<double>((i * 13 + k * 7) % 50);
    }
  }
  return {};
}

net::Result<void> load_cdni(World& world, const std::string& path) {
  const auto text = read_file(path);
  if (!text.ok()) return text.error();
  Message message;
  const auto body = read_json<Cdni>(path, *text, message);
  if (!body.ok()) return body.error();
  const CdniAdvertisement& read = *body_of<Cdni>(message)->advertisement;
  for (const CapabilityWithFootprints& one : *read.capabilities) {
    if (const std::string wrong = capability_fault(*one.capability_type, *one.capability_value); !wrong.empty())
      return fault(fmt::format("{}: {}", path, wrong));
    for (const Footprint& footprint : one.footprints.value_or(std::vector<Footprint>{})) {
      if (footprint.footprint_type != kPidFootprint) continue;
      for (const std::string& pid : footprint.footprint_value) {
        if (!world.numbers.contains(pid)) return fault(fmt::format("{}: the network map has no PID {}", path, pid));
      }
    }
  }
  world.cdni = read;
  return {};
}

World changed_world(const World& world, std::uint64_t step) {
  World next = world;
  next.made = std::chrono::system_clock::now();
  const std::size_t count = next.pids.size();
  const std::size_t row = step * 7 % count;
  for (CostTable& table : next.tables) {
    for (std::size_t k = step % 3; k < count; k += 3) {
      double& cost = table.costs[row * count + k];
      // Whole numbers stay whole: hops are counted.
      if (!std::isnan(cost)) cost = 1 + static_cast<double>((static_cast<std::uint64_t>(cost) + step) % 97);
    }
  }
  if (step % 4 != 0 || count < 2) return next;
  // Every fourth time the last prefix of a PID moves to the next PID.
  auto& groups = next.map.pids->groups.entries;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t from = (step + i) % count;
    std::vector<std::string>* list = groups[from].second.prefixes.find(kIpv4);
    if (list == nullptr || list->size() < 2) continue;
    const std::string moved = std::move(list->back());
    list->pop_back();
    add_prefix(next, next.pids[(from + 1) % count], kIpv4, moved);
    (void)finish(next);  // prefixes that were good stay good
    break;
  }
  return next;
}

World interop_world() {
  World world = empty_world();
  for (const auto& [pid, prefix] :
       std::initializer_list<std::pair<const char*, const char*>>{{"mypid1", "10.0.0.0/8"},
                                                                  {"mypid1", "15.0.0.0/8"},
                                                                  {"mypid2", "192.168.0.0/16"},
                                                                  {"mypid3", "192.168.10.0/24"},
                                                                  {"peeringpid1", "128.0.0.0/16"},
                                                                  {"peeringpid2", "130.0.0.0/16"},
                                                                  {"peeringpid2", "2001:db8::/32"},
                                                                  {"transitpid1", "132.0.0.0/16"},
                                                                  {"transitpid2", "135.0.0.0/16"},
                                                                  {"defaultpid", "0.0.0.0/0"},
                                                                  {"defaultpid", "::/0"}})
    add_prefix(world, pid, family_of(prefix), prefix);
  (void)finish(world);  // its prefixes are those above
  invent_costs(world);
  world.cdni = invented_cdni();
  return world;
}

net::Result<World> generated_world(std::string_view text) {
  std::size_t pids = 100;
  std::size_t prefixes = 1000;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string_view digits = word.substr(std::min(equals + 1, word.size()));
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    const bool good = error == std::errc{} && end == digits.data() + digits.size() && number > 0;
    const std::string_view name = word.substr(0, equals);
    if (!good || (name != "pids" && name != "prefixes"))
      return fault(fmt::format("\"{}\" is neither pids=NUMBER nor prefixes=NUMBER", word));
    (name == "pids" ? pids : prefixes) = number;
  }
  if (pids > kMostPids || prefixes > kMostPrefixes)
    return fault(fmt::format("at most {} PIDs and {} prefixes", kMostPids, kMostPrefixes));
  World world = empty_world();
  for (std::size_t i = 0; i < pids; ++i) pid_number(world, fmt::format("pid{}", i));
  add_prefix(world, "pid0", kIpv4, "0.0.0.0/0");
  add_prefix(world, "pid0", kIpv6, "::/0");
  for (std::size_t i = 0; i < prefixes; ++i) {
    // 4 million /26 below 10.0.0.0 upwards: no two are the same.
    const auto address = static_cast<std::uint32_t>(0x0a000000 + i * 64);
    add_prefix(world, world.pids[i % pids], kIpv4,
               fmt::format("{}.{}.{}.{}/26", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255));
  }
  if (const auto done = finish(world); !done.ok()) return done.error();
  invent_costs(world);
  return world;
}

net::Result<World> loaded_world(const std::string& map_file, const std::vector<std::string>& cost_files) {
  World world = empty_world();
  if (const auto done = load_map(world, map_file); !done.ok()) return done.error();
  if (world.pids.size() > kMostPids) return fault(fmt::format("{}: at most {} PIDs", map_file, kMostPids));
  if (const auto done = finish(world); !done.ok()) return fault(map_file + ": " + done.error().message);
  for (const std::string& path : cost_files) {
    if (const auto done = load_costs(world, path); !done.ok()) return done.error();
  }
  if (world.find(kRoutingCost) == nullptr) return fault("no file has costs of metric routingcost");
  return world;
}

}  // namespace peerscope::alto
