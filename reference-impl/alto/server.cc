// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/alto/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "protocols/alto/constraint.h"
#include "protocols/alto/names.h"

namespace peerscope::alto {
namespace {

constexpr std::string_view kPidOfMap = "networkmap.pid";
constexpr std::size_t kMostTypes = 4;
constexpr const char* kErrorType = message_type<Error>().media_type;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}
// Without parameters, in lower case (A-HTTP-21).
std::string media_type_of(std::string_view header) {
  header = header.substr(0, header.find(';'));
  while (!header.empty() && header.back() == ' ') header.remove_suffix(1);
  while (!header.empty() && header.front() == ' ') header.remove_prefix(1);
  return lower(header);
}

bool accepts(std::string_view header, std::string_view media_type) {
  if (header.empty()) return true;
  while (!header.empty()) {
    const std::string_view item = header.substr(0, header.find(','));
    header.remove_prefix(std::min(item.size() + 1, header.size()));
    const std::string range = media_type_of(item);
    if (range == "*/*" || range == "application/*" || range == media_type) return true;
  }
  return false;
}

// "Several faults in one request: exactly one is reported" (section 8.5.2): the first that the reader met.
std::string path_of_issue(const Issue& issue) {
  const std::string name = issue.field != nullptr ? issue.field->name : "";
  if (issue.parent == nullptr || issue.parent == &kRoot || issue.parent->name[0] == '\0') return name;
  return std::string(issue.parent->name) + "/" + name;
}

bool has_value(double cost) {
  return !std::isnan(cost);
}

// Each text once, in the order of the list (sections 11.3.1.3, 11.3.2.3, 11.4.1.3).
std::vector<std::string> once(const std::vector<std::string>& list) {
  std::vector<std::string> out;
  std::unordered_set<std::string_view> seen;
  for (const std::string& text : list) {
    if (seen.insert(text).second) out.push_back(text);
  }
  return out;
}

Resource resource_at(std::string uri, std::optional<Capabilities> capabilities,
                     std::optional<std::vector<std::string>> uses) {
  Resource out;
  out.uri = std::move(uri);
  out.capabilities = std::move(capabilities);
  out.uses = std::move(uses);
  return out;
}

DependentTag dependency(const World& world) {
  return {std::string(kNetworkMapId), world.tag};
}

// All tests of one list, or one list of several: RFC 8189 section 4.1.2.
class Tests {
 public:
  explicit Tests(const CostRequest& request) {
    if (request.constraints) lists_.push_back(parse(*request.constraints));
    if (request.or_constraints && request.or_constraints->array() != nullptr) {
      for (const JsonValue& list : *request.or_constraints->array()) {
        std::vector<std::string> texts;
        for (const JsonValue& text : *list.array()) texts.push_back(*text.text());
        lists_.push_back(parse(texts));
      }
    }
  }
  // `values` are the costs of the testable types.
  bool pass(const std::vector<double>& values) const {
    return lists_.empty() || std::any_of(lists_.begin(), lists_.end(), [&](const auto& list) {
             return std::all_of(list.begin(), list.end(), [&](const Constraint& one) {
               return one.index < values.size() && has_value(values[one.index]) && one.passes(values[one.index]);
             });
           });
  }

 private:
  static std::vector<Constraint> parse(const std::vector<std::string>& texts) {
    std::vector<Constraint> out;
    for (const std::string& text : texts) {
      if (const auto one = parse_constraint(text); one) out.push_back(*one);
    }
    return out;
  }
  std::vector<std::vector<Constraint>> lists_;
};

}  // namespace

Server::Server(World world, ServerOptions options) : world_(std::move(world)), options_(std::move(options)) {
  build();
}

void Server::add_get(std::string id, const char* media_type, std::string body, Resource entry) {
  entry.media_type = media_type;
  Service service;
  service.id = std::move(id);
  service.entry = std::move(entry);
  service.body = std::make_shared<const std::string>(std::move(body));
  // Strong: equal bytes, equal tag.
  service.etag = fmt::format("\"{:016x}\"", std::hash<std::string>{}(*service.body));
  services_[*service.entry.uri].push_back(std::move(service));
}

void Server::add_post(std::string id, const char* media_type, const char* input, Resource entry,
                      std::string (Server::*answer)(const Message&, const net::ConnectionInfo&,
                                                    std::optional<Fault>&)) {
  entry.media_type = media_type;
  entry.accepts = input;
  Service service;
  service.id = std::move(id);
  service.entry = std::move(entry);
  service.answer = answer;
  services_[*service.entry.uri].push_back(std::move(service));
}

void Server::build() {
  directory_.meta.emplace().cost_types.emplace();
  directory_.meta->default_network_map = std::string(kNetworkMapId);
  std::vector<std::string> names;
  const std::vector<std::string> uses = {std::string(kNetworkMapId)};
  add_get(std::string(kNetworkMapId), message_type<NetworkMap>().media_type, encode(world_.map),
          resource_at("/networkmap", {}, {}));
  for (const CostTable& table : world_.tables) {
    for (const auto& [mode, prefix] : {std::pair{kNumerical, "num"}, {kOrdinal, "ord"}}) {
      CostType& type = directory_.meta->cost_types->types.add(fmt::format("{}-{}", prefix, table.metric));
      type.cost_mode = mode;
      type.cost_metric = table.metric;
      cost_types_.push_back(type);
      names.push_back(directory_.meta->cost_types->types.entries.back().first);
      Capabilities capabilities;
      capabilities.cost_type_names = std::vector{names.back()};
      add_get("costmap-" + names.back(), message_type<CostMap>().media_type, full_cost_map(table, mode),
              resource_at("/costmap/" + names.back(), capabilities, uses));
    }
  }
  Capabilities costs_of_pairs;
  costs_of_pairs.cost_type_names = names;
  costs_of_pairs.cost_constraints = true;
  costs_of_pairs.max_cost_types = static_cast<std::int64_t>(std::min(names.size(), kMostTypes));
  Capabilities properties;
  properties.prop_types = std::vector{std::string(kPidOfMap)};
  add_post("filterednetworkmap", message_type<NetworkMap>().media_type, message_type<NetworkMapFilter>().media_type,
           resource_at("/networkmap/filtered", {}, uses), &Server::network_map);
  add_post("filteredcostmap", message_type<CostMap>().media_type, message_type<CostMapFilter>().media_type,
           resource_at("/costmap/filtered", costs_of_pairs, uses), &Server::cost_map);
  add_post("endpointprop", message_type<EndpointProperties>().media_type,
           message_type<EndpointPropertyParams>().media_type, resource_at("/endpointprop", properties, {}),
           &Server::endpoint_properties);
  add_post("endpointcost", message_type<EndpointCosts>().media_type, message_type<EndpointCostParams>().media_type,
           resource_at("/endpointcost", costs_of_pairs, {}), &Server::endpoint_costs);
  auto& resources = directory_.resources.emplace().entries;
  for (const auto& [path, services] : services_) {
    for (const Service& service : services) resources.add(service.id) = service.entry;
  }
  for (const char* path : {"/", "/directory"})
    add_get("directory", message_type<Directory>().media_type, encode(directory_), resource_at(path, {}, {}));
}

std::string Server::full_cost_map(const CostTable& table, std::string_view mode) const {
  CostMapFilter all;
  all.cost_type = CostType{std::string(mode), table.metric, {}, {}};
  std::vector<End> ends;
  for (std::uint32_t i = 0; i < world_.pids.size(); ++i) ends.push_back({world_.pids[i], i});
  std::optional<Fault> fault;
  CostMap map;
  map.meta.emplace().dependent_vtags = {dependency(world_)};
  Server& self = const_cast<Server&>(*this);  // costs() notes a limit, which full maps do not have
  const std::size_t limit = std::exchange(self.options_.max_pairs, world_.pids.size() * world_.pids.size());
  std::string body = self.costs(all, ends, ends, std::move(map), fault);
  self.options_.max_pairs = limit;
  return body;
}

net::Reply Server::handle(const net::HttpRequest& request, const net::ConnectionInfo& connection) {
  const std::string_view path = std::string_view(request.target).substr(0, request.target.find('?'));
  const auto found = services_.find(path);
  if (found == services_.end()) return refuse(404, "no such resource");
  const bool get = request.method == "GET" || request.method == "HEAD";
  const Service& service = found->second.front();
  if (service.answer == nullptr ? !get : request.method != "POST") {
    net::Reply out = refuse(405, "wrong method");
    out.response.headers.add("Allow", service.answer == nullptr ? "GET, HEAD" : "POST");
    return out;
  }
  if (!accepts(request.headers.get("Accept"), *service.entry.media_type)) return refuse(406, "not acceptable");
  if (service.answer == nullptr) {
    if (request.headers.get("If-None-Match") == service.etag) {
      net::Reply out;
      out.response.status = 304;
      out.response.headers.add("ETag", service.etag);
      return out;
    }
    net::Reply out = reply(200, *service.entry.media_type, service.body);
    out.response.headers.add("ETag", service.etag);
    return out;
  }
  if (media_type_of(request.headers.get("Content-Type")) != *service.entry.accepts)
    return refuse(415, fmt::format("expected {}", *service.entry.accepts));
  Message message;
  message.transport.content_type = *service.entry.accepts;
  decode(request.body, message);
  std::optional<Fault> fault = form_fault(message);
  too_many_ = false;
  std::string body = fault ? "" : (this->*service.answer)(message, connection, fault);
  if (too_many_) return refuse(503, "more pairs than one answer may have");
  if (fault) return fail(*fault);
  return reply(200, *service.entry.media_type, std::make_shared<const std::string>(std::move(body)));
}

// Section 8.5.2's codes from what the reader found.
std::optional<Server::Fault> Server::form_fault(const Message& request) const {
  for (const Issue& issue : request.issues) {
    if (rows::one_of(issue.shape, {Shape::kMalformed, Shape::kCutShort, Shape::kTrailing, Shape::kTooDeep,
                                   Shape::kNotUtf8, Shape::kDuplicate}))
      return Fault{kErrorSyntax, {}, {}};
  }
  for (const Issue& issue : request.issues) {
    if (issue.field == nullptr && issue.shape == Shape::kWrongType) return Fault{kErrorFieldType, {}, {}};
    if (issue.shape == Shape::kMissing) return Fault{kErrorMissingField, path_of_issue(issue), {}};
    if (issue.shape == Shape::kEmptyList) return Fault{kErrorFieldValue, path_of_issue(issue), {}};
    if (issue.shape != Shape::kWrongType && issue.shape != Shape::kSingleForList) continue;
    // An element of the wrong type is a wrong value of its array.
    for (const Event& event : request.events) {
      if (event.offset == issue.offset && event.index >= 0)
        return Fault{kErrorFieldValue, path_of_issue(issue), std::string(issue.seen)};
    }
    return Fault{kErrorFieldType, path_of_issue(issue), {}};
  }
  return std::nullopt;
}

std::optional<Server::Fault> Server::cost_fault(const CostRequest& request) const {
  const auto check = [&](const CostType& type, const std::string& path) -> std::optional<Fault> {
    if (!type.cost_metric) return Fault{kErrorMissingField, path + "/cost-metric", {}};
    if (!type.cost_mode) return Fault{kErrorMissingField, path + "/cost-mode", {}};
    if (*type.cost_mode != kNumerical && *type.cost_mode != kOrdinal)
      return Fault{kErrorFieldValue, path + "/cost-mode", *type.cost_mode};
    if (world_.find(*type.cost_metric) == nullptr)
      return Fault{kErrorFieldValue, path + "/cost-metric", *type.cost_metric};
    return std::nullopt;
  };
  const bool multi = !request.multi_cost_types.empty();
  const bool single = request.cost_type && (request.cost_type->cost_metric || request.cost_type->cost_mode || !multi);
  if (!multi && !single) return Fault{kErrorMissingField, "cost-type", {}};
  if (multi && single) return Fault{kErrorFieldValue, "cost-type", {}};
  if (single) {
    if (auto fault = check(*request.cost_type, "cost-type"); fault) return fault;
  }
  if (request.multi_cost_types.size() > std::min(cost_types_.size(), kMostTypes))
    return Fault{kErrorFieldValue, "multi-cost-types", std::to_string(request.multi_cost_types.size())};
  for (const auto& [types, name] : {std::pair{&request.multi_cost_types, "multi-cost-types"},
                                    {&request.testable_cost_types, "testable-cost-types"}}) {
    for (const CostType& type : *types) {
      if (auto fault = check(type, name); fault) return fault;
    }
  }
  if (request.constraints && request.or_constraints) return Fault{kErrorFieldValue, "or-constraints", {}};
  const std::size_t testable = !request.testable_cost_types.empty() ? request.testable_cost_types.size()
                               : multi                              ? request.multi_cost_types.size()
                                                                    : 1;
  const auto good = [&](const std::string& text) {
    const auto one = parse_constraint(text);
    return one && one->index < testable;
  };
  if (request.constraints) {
    for (const std::string& text : *request.constraints) {
      if (!good(text)) return Fault{kErrorFieldValue, "constraints", text};
    }
  }
  if (!request.or_constraints) return std::nullopt;
  const auto* lists = request.or_constraints->array();
  if (lists == nullptr || lists->empty()) return Fault{kErrorFieldValue, "or-constraints", {}};
  for (const JsonValue& list : *lists) {
    if (list.array() == nullptr || list.array()->empty())
      return Fault{kErrorFieldValue, "or-constraints", json_text(list)};
    for (const JsonValue& text : *list.array()) {
      if (text.text() == nullptr || !good(*text.text()))
        return Fault{kErrorFieldValue, "or-constraints", text.text() != nullptr ? *text.text() : json_text(text)};
    }
  }
  return std::nullopt;
}

std::string Server::network_map(const Message& request, const net::ConnectionInfo&, std::optional<Fault>& fault) {
  const auto& asked = *body_of<NetworkMapFilter>(request);
  for (const std::string& pid : *asked.pids) {
    // A dot is reserved, not forbidden: such a PID is one that this server does not have.
    if (pid_name_fault(pid, true).empty()) continue;
    fault = Fault{kErrorFieldValue, "pids", pid};
    return {};
  }
  NetworkMap out;
  out.meta = world_.map.meta;
  out.pids.emplace();
  const auto types = asked.address_types.value_or(std::vector<std::string>{});
  const auto add = [&](std::uint32_t number) {
    const auto& [pid, group] = world_.map.pids->groups.entries[number];
    AddressGroup& copy = out.pids->groups.add(pid);
    for (const auto& [type, prefixes] : group.prefixes.entries) {
      if (types.empty() || std::find(types.begin(), types.end(), type) != types.end())
        copy.prefixes.add(type) = prefixes;
    }
  };
  if (asked.pids->empty()) {
    for (std::uint32_t i = 0; i < world_.pids.size(); ++i) add(i);
  }
  for (const std::string& pid : once(*asked.pids)) {
    if (const auto number = world_.numbers.find(pid); number != world_.numbers.end()) add(number->second);
  }
  return encode(std::move(out));
}

// The body of a cost map or endpoint cost map. Ordinal costs are ranks among the requested pairs (section 6.2).
template <class Map>
std::string Server::costs(const CostRequest& request, const std::vector<End>& sources,
                          const std::vector<End>& destinations, Map map, std::optional<Fault>&) {
  if (sources.size() * destinations.size() > options_.max_pairs) {
    too_many_ = true;
    return {};
  }
  const auto types = checks::requested_types(request);
  const bool multi = !request.multi_cost_types.empty();
  std::vector<const CostType*> testable;
  for (const CostType& type : request.testable_cost_types) testable.push_back(&type);
  if (testable.empty()) testable = types;
  // Ranks by value, for each ordinal type.
  std::map<std::string, std::vector<double>> ranks;
  const auto value = [&](const CostType& type, std::uint32_t from, std::uint32_t to) {
    const double cost = world_.cost(*world_.find(*type.cost_metric), from, to);
    if (type.cost_mode == kNumerical || !has_value(cost)) return cost;
    const std::vector<double>& order = ranks.at(*type.cost_metric);
    return 1.0 + static_cast<double>(std::lower_bound(order.begin(), order.end(), cost) - order.begin());
  };
  for (const std::vector<const CostType*>& list : {types, testable}) {
    for (const CostType* type : list) {
      if (type->cost_mode != kOrdinal || ranks.contains(*type->cost_metric)) continue;
      std::vector<double>& order = ranks[*type->cost_metric];
      for (const End& from : sources) {
        for (const End& to : destinations) {
          const double cost = world_.cost(*world_.find(*type->cost_metric), from.pid, to.pid);
          if (has_value(cost)) order.push_back(cost);
        }
      }
      std::sort(order.begin(), order.end());
      order.erase(std::unique(order.begin(), order.end()), order.end());
    }
  }
  const Tests tests(request);
  if (multi) {
    map.meta->cost_type.emplace();
    map.meta->multi_cost_types = request.multi_cost_types;
  } else {
    map.meta->cost_type = CostType{request.cost_type->cost_mode, request.cost_type->cost_metric, {}, {}};
  }
  auto& rows = map.costs.emplace().rows;
  std::vector<double> tested(testable.size());
  for (const End& from : sources) {
    std::remove_reference_t<decltype(rows.entries.front().second)> row;
    for (const End& to : destinations) {
      for (std::size_t i = 0; i < testable.size(); ++i) tested[i] = value(*testable[i], from.pid, to.pid);
      if (!tests.pass(tested)) continue;
      if (!multi) {
        const double cost = value(*types.front(), from.pid, to.pid);
        if (has_value(cost)) row.costs.add(to.name) = cost;
        continue;
      }
      JsonValue::Array all;
      bool any = false;
      for (const CostType* type : types) {
        const double cost = value(*type, from.pid, to.pid);
        any |= has_value(cost);
        all.push_back(has_value(cost) ? JsonValue(cost) : JsonValue());
      }
      if (any) row.costs.add(to.name) = std::move(all);
    }
    // A source without destinations is left out (A-FCM-22).
    if (!row.costs.empty()) rows.add(from.name) = std::move(row);
  }
  return encode(std::move(map));
}

std::string Server::cost_map(const Message& request, const net::ConnectionInfo&, std::optional<Fault>& fault) {
  const auto& asked = *body_of<CostMapFilter>(request);
  fault = cost_fault(asked);
  if (fault) return {};
  const auto ends = [&](const std::optional<std::vector<std::string>>& list, const char* path) {
    std::vector<End> out;
    if (!list || list->empty()) {
      for (std::uint32_t i = 0; i < world_.pids.size(); ++i) out.push_back({world_.pids[i], i});
      return out;
    }
    for (const std::string& pid : once(*list)) {
      if (!pid_name_fault(pid, true).empty() && !fault) fault = Fault{kErrorFieldValue, path, pid};
      // Unknown PIDs are treated as not requested (section 11.3.2.6).
      if (const auto number = world_.numbers.find(pid); number != world_.numbers.end())
        out.push_back({pid, number->second});
    }
    return out;
  };
  const CostPids pids = asked.pids.value_or(CostPids{});
  const std::vector<End> sources = ends(pids.srcs, "pids/srcs");
  const std::vector<End> destinations = ends(pids.dsts, "pids/dsts");
  if (fault) return {};
  CostMap map;
  map.meta.emplace().dependent_vtags = {dependency(world_)};
  return costs(asked, sources, destinations, std::move(map), fault);
}

std::string Server::endpoint_properties(const Message& request, const net::ConnectionInfo&,
                                        std::optional<Fault>& fault) {
  const auto& asked = *body_of<EndpointPropertyParams>(request);
  for (const std::string& name : asked.properties) {
    if (name == kPidOfMap) continue;
    fault = Fault{kErrorFieldValue, "properties", name};
    return {};
  }
  EndpointProperties out;
  out.meta.emplace().dependent_vtags = {dependency(world_)};
  auto& endpoints = out.properties.emplace().endpoints;
  for (const std::string& text : once(asked.endpoints)) {
    const auto address = parse_endpoint(text).value();
    if (!address) {
      fault = Fault{kErrorFieldValue, "endpoints", text};
      return {};
    }
    PropertyGroup& group = endpoints.add(text);
    const std::uint32_t pid = world_.table.find(*address);
    if (pid != PrefixTable::kNone) group.values.add(std::string(kPidOfMap)) = world_.pids[pid];
  }
  return encode(std::move(out));
}

std::optional<std::vector<Server::End>> Server::ends_of(const std::optional<std::vector<std::string>>& list,
                                                        const char* path, const net::ConnectionInfo& connection,
                                                        std::optional<Fault>& fault) const {
  std::vector<End> out;
  const auto add = [&](const std::string& name, const IpAddress& address) {
    const std::uint32_t pid = world_.table.find(address);
    if (pid != PrefixTable::kNone) out.push_back({name, pid});
  };
  if (!list || list->empty()) {
    // The client's own address as this server sees it (section 11.5.1.3).
    const bool v6 = connection.remote.is_v6();
    const auto own = v6 ? parse_ipv6(connection.remote.address) : parse_ipv4(connection.remote.address);
    if (own) add(endpoint_text(*own), *own);
    return out;
  }
  for (const std::string& text : once(*list)) {
    const auto address = parse_endpoint(text).value();
    if (!address) {
      fault = Fault{kErrorFieldValue, path, text};
      return std::nullopt;
    }
    add(text, *address);
  }
  return out;
}

std::string Server::endpoint_costs(const Message& request, const net::ConnectionInfo& connection,
                                   std::optional<Fault>& fault) {
  const auto& asked = *body_of<EndpointCostParams>(request);
  fault = cost_fault(asked);
  if (fault) return {};
  const auto none = [](const auto& list) { return !list || list->empty(); };
  if (none(asked.endpoints->srcs) && none(asked.endpoints->dsts)) {
    fault = Fault{kErrorFieldValue, "endpoints", {}};
    return {};
  }
  const auto sources = ends_of(asked.endpoints->srcs, "endpoints/srcs", connection, fault);
  if (!sources) return {};
  const auto destinations = ends_of(asked.endpoints->dsts, "endpoints/dsts", connection, fault);
  if (!destinations) return {};
  EndpointCosts map;
  map.meta.emplace();
  return costs(asked, *sources, *destinations, std::move(map), fault);
}

net::Reply Server::refuse(int status, std::string_view text) const {
  net::Reply out;
  out.response.status = status;
  out.response.headers.add("Content-Type", "text/plain");
  if (status == 503) out.response.headers.add("Retry-After", "5");
  out.response.body = fmt::format("{}\n", text);
  return out;
}

net::Reply Server::fail(const Fault& fault) const {
  Error error;
  ErrorMeta& meta = error.meta.emplace();
  meta.code = fault.code;
  if (!fault.field.empty()) meta.field = fault.field;
  if (fault.value && !fault.field.empty()) meta.value = fault.value;
  return reply(400, kErrorType, std::make_shared<const std::string>(encode(std::move(error))));
}

net::Reply Server::reply(int status, std::string_view media_type, std::shared_ptr<const std::string> body) const {
  net::Reply out;
  out.response.status = status;
  out.response.headers.add("Content-Type", media_type);
  for (const ServerDefect* defect : options_.defects) {
    auto value = media_type == defect->media_type ? parse_json(*body) : nullptr;
    if (value == nullptr) continue;
    defect->spoil(*value, out.response);
    body = std::make_shared<const std::string>(json_text(*value));
  }
  out.shared_body = std::move(body);
  return out;
}

}  // namespace peerscope::alto
