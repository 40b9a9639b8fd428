// SPDX-License-Identifier: GPL-2.0-or-later
// The harness as an ALTO server: a small world of three PIDs with the services of RFC 7285, computed here from the
// sections of the RFC.
#include <fmt/format.h>

#include <algorithm>

#include "harness/behaviours/alto_world.h"
#include "harness/behaviours/behaviours.h"
#include "harness/scenario/yaml.h"
#include "protocols/alto/names.h"
#include "protocols/alto/protocol.h"

namespace peerscope::harness {
namespace {

using namespace alto;

// JSON is YAML: one reader for both.
constexpr std::string_view kDirectory = R"(
meta:
  cost-types:
    num-routing: {cost-mode: numerical, cost-metric: routingcost}
    ord-routing: {cost-mode: ordinal, cost-metric: routingcost}
  default-alto-network-map: harness-map
resources:
  harness-map: {uri: /networkmap, media-type: application/alto-networkmap+json}
  costs-num: {uri: /costs/num, media-type: application/alto-costmap+json, capabilities: {cost-type-names: [num-routing]}, uses: [harness-map]}
  costs-ord: {uri: /costs/ord, media-type: application/alto-costmap+json, capabilities: {cost-type-names: [ord-routing]}, uses: [harness-map]}
  map-filter: {uri: /networkmap/filtered, media-type: application/alto-networkmap+json, accepts: application/alto-networkmapfilter+json, uses: [harness-map]}
  cost-filter: {uri: /costs/filtered, media-type: application/alto-costmap+json, accepts: application/alto-costmapfilter+json, capabilities: {cost-type-names: [num-routing, ord-routing], cost-constraints: true}, uses: [harness-map]}
  endpoint-properties: {uri: /endpoints/properties, media-type: application/alto-endpointprop+json, accepts: application/alto-endpointpropparams+json, capabilities: {prop-types: [harness-map.pid]}}
  endpoint-costs: {uri: /endpoints/costs, media-type: application/alto-endpointcost+json, accepts: application/alto-endpointcostparams+json, capabilities: {cost-type-names: [num-routing, ord-routing], cost-constraints: true}}
)";
constexpr const char* kMapId = "harness-map";
constexpr const char* kMap = R"({"meta": {"vtag": {"resource-id": "harness-map", "tag": "h1"}},
 "network-map": {"west": {"ipv4": ["198.51.100.0/24"]},
                 "east": {"ipv4": ["203.0.113.0/25"], "ipv6": ["2001:db8:e::/48"]},
                 "rest": {"ipv4": ["0.0.0.0/0"], "ipv6": ["::/0"]}}})";
constexpr const char* kCosts = R"({"meta": {"dependent-vtags": [{"resource-id": "harness-map", "tag": "h1"}],
          "cost-type": {"cost-mode": "numerical", "cost-metric": "routingcost"}},
 "cost-map": {"west": {"west": 1, "east": 4, "rest": 20},
              "east": {"west": 5, "east": 1, "rest": 12.5},
              "rest": {"west": 22, "east": 14, "rest": 30}}})";

template <class T>
T read(const char* text) {
  Message message;
  message.transport.content_type = message_type<T>().media_type;
  decode(text, message);
  return message.as<T>();
}

const AltoWorld& world() {
  static const AltoWorld kWorld = [] {
    AltoWorld out;
    out.set_map(read<NetworkMap>(kMap));
    out.add_costs(read<CostMap>(kCosts));
    return out;
  }();
  return kWorld;
}

Answer answer(std::string_view msg, std::string_view text) {
  return {std::string(msg), parse_yaml(text, msg).tree};
}
template <class T>
Answer answer(T body) {
  return answer(message_type<T>().name, encode(std::move(body)));
}

Answer refuse(std::string_view code, std::string field, std::optional<std::string> value = {}) {
  Error error;
  ErrorMeta& meta = error.meta.emplace();
  meta.code = code;
  if (!field.empty()) meta.field = std::move(field);
  meta.value = std::move(value);
  Answer out = answer(std::move(error));
  out.status = 400;
  return out;
}

// A source or destination: its name in the answer, and its PID.
struct End {
  std::string name;
  std::string pid;
};

std::vector<End> pid_ends(const std::vector<std::string>& pids) {
  std::vector<End> out;
  for (const std::string& pid : pids) out.push_back({pid, pid});
  return out;
}
// Nothing when one of them is no address. No list: the client itself, which is on the harness's own machine.
std::optional<std::vector<End>> ends_of(const std::optional<std::vector<std::string>>& endpoints) {
  std::vector<End> out;
  for (const std::string& text :
       endpoints && !endpoints->empty() ? *endpoints : std::vector<std::string>{"ipv4:127.0.0.1"}) {
    const auto address = parse_endpoint(text).value();
    if (!address) return std::nullopt;
    if (std::none_of(out.begin(), out.end(), [&](const End& end) { return end.name == text; }))
      out.push_back({text, world().pid_of(*address)});
  }
  return out;
}

// Ordinal costs are ranks among the pairs that were asked for (section 6.2).
double rank(const std::vector<End>& sources, const std::vector<End>& destinations, double cost) {
  std::vector<double> all;
  for (const End& from : sources) {
    for (const End& to : destinations) all.push_back(*world().costs.front().find(from.pid, to.pid));
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return 1.0 + static_cast<double>(std::lower_bound(all.begin(), all.end(), cost) - all.begin());
}

template <class Map>
Answer costs(const CostRequest& asked, const std::vector<End>& sources, const std::vector<End>& destinations, Map map) {
  if (!asked.cost_type) return refuse(kErrorMissingField, "cost-type");
  const CostType& type = *asked.cost_type;
  if (type.cost_metric != kRoutingCost)
    return refuse(kErrorFieldValue, "cost-type/cost-metric", type.cost_metric.value_or(""));
  if (type.cost_mode != kNumerical && type.cost_mode != kOrdinal)
    return refuse(kErrorFieldValue, "cost-type/cost-mode", type.cost_mode.value_or(""));
  map.meta->cost_type = CostType{type.cost_mode, type.cost_metric, {}, {}};
  auto& rows = map.costs.emplace().rows;
  const AltoTests tests(asked);
  for (const End& from : sources) {
    std::remove_reference_t<decltype(rows.entries.front().second)> row;
    for (const End& to : destinations) {
      double cost = *world().costs.front().find(from.pid, to.pid);
      if (type.cost_mode == kOrdinal) cost = rank(sources, destinations, cost);
      if (tests.pass({cost})) row.costs.add(to.name) = cost;
    }
    if (!row.costs.empty()) rows.add(from.name) = std::move(row);
  }
  return answer(std::move(map));
}

Answer full_costs(std::string_view mode) {
  CostMapFilter all;
  all.cost_type = CostType{std::string(mode), std::string(kRoutingCost), {}, {}};
  CostMap map;
  map.meta.emplace().dependent_vtags = {{kMapId, world().tag}};
  const std::vector<End> ends = pid_ends(world().pids());
  return costs(all, ends, ends, std::move(map));
}

Answer cost_filter(const CostMapFilter& asked) {
  CostMap map;
  map.meta.emplace().dependent_vtags = {{kMapId, world().tag}};
  const AltoWorld::Pairs pairs = world().pairs_of(asked);
  return costs(asked, pid_ends(pairs.sources), pid_ends(pairs.destinations), std::move(map));
}

Answer endpoint_costs(const EndpointCostParams& asked) {
  if (!asked.endpoints) return refuse(kErrorMissingField, "endpoints");
  const auto sources = ends_of(asked.endpoints->srcs);
  const auto destinations = ends_of(asked.endpoints->dsts);
  if (!sources) return refuse(kErrorFieldValue, "endpoints/srcs");
  if (!destinations) return refuse(kErrorFieldValue, "endpoints/dsts");
  EndpointCosts map;
  map.meta.emplace();
  return costs(asked, *sources, *destinations, std::move(map));
}

Answer endpoint_properties(const EndpointPropertyParams& asked) {
  const std::string offered = std::string(kMapId) + "." + std::string(kPidProperty);
  for (const std::string& name : asked.properties) {
    if (name != offered) return refuse(kErrorFieldValue, "properties", name);
  }
  EndpointProperties out;
  out.meta.emplace().dependent_vtags = {{kMapId, world().tag}};
  auto& endpoints = out.properties.emplace().endpoints;
  const auto ends = ends_of(asked.endpoints);
  if (!ends || asked.endpoints.empty()) return refuse(kErrorFieldValue, "endpoints");
  for (const End& end : *ends) endpoints.add(end.name).values.add(offered) = end.pid;
  return answer(std::move(out));
}

// What a plain server answers: 404 for unknown paths, 405 and 415 where HTTP has them.
Answer ok(const Message& request) {
  const std::string_view path =
      std::string_view(request.transport.target).substr(0, request.transport.target.find('?'));
  const auto status = [](int code) { return Answer{"", Tree::map(), code}; };
  const struct {
    std::string_view path;
    Answer (*make)();
  } documents[] = {
      {"/", [] { return answer(message_type<Directory>().name, kDirectory); }},
      {"/directory", [] { return answer(message_type<Directory>().name, kDirectory); }},
      {"/networkmap", [] { return answer(message_type<NetworkMap>().name, kMap); }},
      {"/costs/num", [] { return full_costs(kNumerical); }},
      {"/costs/ord", [] { return full_costs(kOrdinal); }},
  };
  for (const auto& document : documents) {
    if (path == document.path) return request.transport.method == "GET" ? document.make() : status(405);
  }
  const bool service = path == "/networkmap/filtered" || path == "/costs/filtered" || path == "/endpoints/properties" ||
                       path == "/endpoints/costs";
  if (!service) return status(404);
  if (request.transport.method != "POST") return status(405);
  if (!request.issues.empty() && request.has(Shape::kMalformed)) return refuse(kErrorSyntax, "");
  if (const auto* m = body_of<NetworkMapFilter>(request); m != nullptr && path == "/networkmap/filtered")
    return m->pids ? answer(world().filtered(*m)) : refuse(kErrorMissingField, "pids");
  if (const auto* m = body_of<CostMapFilter>(request); m != nullptr && path == "/costs/filtered")
    return cost_filter(*m);
  if (const auto* m = body_of<EndpointPropertyParams>(request); m != nullptr && path == "/endpoints/properties")
    return endpoint_properties(*m);
  if (const auto* m = body_of<EndpointCostParams>(request); m != nullptr && path == "/endpoints/costs")
    return endpoint_costs(*m);
  return status(415);
}

// Answers by their name, whatever was asked.
Answer directory(const Message&) {
  return answer(message_type<Directory>().name, kDirectory);
}
Answer network_map(const Message&) {
  return answer(message_type<NetworkMap>().name, kMap);
}
Answer cost_map(const Message&) {
  return full_costs(kNumerical);
}

constexpr Behaviour kBehaviours[] = {
    {"ok", ok}, {"directory", directory}, {"network-map", network_map}, {"cost-map", cost_map}};

}  // namespace

std::span<const Behaviour> alto_behaviours() {
  return kBehaviours;
}

}  // namespace peerscope::harness
