// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/alto/services.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "protocols/alto/check_support.h"
#include "protocols/alto/names.h"
#include "reference-impl/net/content_coding.h"

namespace peerscope::alto {
namespace {

constexpr std::size_t kMostTypes = 4;
constexpr std::size_t kWorthPacking = 256;  // bytes

// "Several faults in one request: exactly one is reported" (section 8.5.2): the first that the reader met.
std::string path_of_issue(const Issue& issue) {
  const std::string name = issue.field != nullptr ? issue.field->name : "";
  if (issue.parent == nullptr || issue.parent == &kRoot || issue.parent->name[0] == '\0') return name;
  return std::string(issue.parent->name) + "/" + name;
}

// Section 8.5.2's codes from what the reader found.
std::optional<Fault> form_fault(const Message& request) {
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

}  // namespace

std::vector<std::string> once(const std::vector<std::string>& list) {
  std::vector<std::string> out;
  std::unordered_set<std::string_view> seen;
  for (const std::string& text : list) {
    if (seen.insert(text).second) out.push_back(text);
  }
  return out;
}

std::optional<Fault> read_request(std::string_view bytes, std::string_view media_type, Message& message) {
  message.transport.content_type = media_type;
  decode(bytes, message);
  return form_fault(message);
}

Services::Services(std::shared_ptr<const World> world, Limits limits) : world_(std::move(world)), limits_(limits) {
  directory_.meta.emplace().cost_types.emplace();
  directory_.meta->default_network_map = std::string(kNetworkMapId);
  add_maps();
  add_queries();
  add_cdni();
  add_followers();
  add_directory();
}

Services::Service& Services::add(std::string id, std::string path, const char* media_type,
                                 Answer (Services::*answer)(const Service&, const Message*, const Asker&) const) {
  Service& service = services_[path];
  service.id = std::move(id);
  service.entry.uri = std::move(path);
  service.entry.media_type = media_type;
  service.answer = answer;
  return service;
}

Services::Service& Services::add_post(std::string id, std::string path, const char* media_type, const char* accepts,
                                      Answer (Services::*answer)(const Service&, const Message*, const Asker&) const) {
  Service& service = add(std::move(id), std::move(path), media_type, answer);
  service.entry.accepts = accepts;
  return service;
}

void Services::add_maps() {
  const std::vector<std::string> uses = {std::string(kNetworkMapId)};
  add(std::string(kNetworkMapId), "/networkmap", message_type<NetworkMap>().media_type, &Services::network_map)
      .versioned = true;
  for (const CostTable& table : world_->tables) {
    for (const auto& [mode, prefix] : {std::pair{kNumerical, "num"}, {kOrdinal, "ord"}}) {
      // A name may hold a colon, a path better does not.
      std::string name = fmt::format("{}-{}", prefix, table.metric);
      CostType& type = directory_.meta->cost_types->types.add(name);
      type.cost_mode = mode;
      type.cost_metric = table.metric;
      type.cost_context = table.context;
      cost_types_.push_back(type);
      std::replace(name.begin(), name.end(), ':', '-');
      std::replace(name.begin(), name.end(), '.', '_');  // reserved in resource IDs
      Service& service =
          add("costmap-" + name, "/costmap/" + name, message_type<CostMap>().media_type, &Services::cost_map);
      service.table = &table;
      service.mode = mode;
      service.entry.uses = uses;
      service.entry.capabilities.emplace().cost_type_names =
          std::vector{directory_.meta->cost_types->types.entries.back().first};
    }
  }
  Service& properties = add("propmap", "/propmap", message_type<PropertyMap>().media_type, &Services::property_map);
  properties.entry.uses = uses;
  properties.entry.capabilities.emplace().mappings = offered_mappings();
}

void Services::add_queries() {
  const std::vector<std::string> uses = {std::string(kNetworkMapId)};
  Capabilities costs;
  std::vector<std::string>& names = costs.cost_type_names.emplace();
  for (const auto& [name, type] : directory_.meta->cost_types->types.entries) names.push_back(name);
  costs.cost_constraints = true;
  costs.max_cost_types = static_cast<std::int64_t>(std::min(names.size(), kMostTypes));
  for (const CostTable& table : world_->tables) {
    if (table.factors.empty()) continue;
    // Ranks of intervals mean nothing, so ordinal costs have no calendar.
    CalendarAttributes& calendar = costs.calendar_attributes.emplace_back();
    calendar.cost_type_names = {"num-" + table.metric};
    calendar.time_interval_size = table.interval_seconds();
    calendar.number_of_intervals = static_cast<std::int64_t>(table.factors.size());
  }
  Service& map = add_post("filterednetworkmap", "/networkmap/filtered", message_type<NetworkMap>().media_type,
                          message_type<NetworkMapFilter>().media_type, &Services::filtered_network_map);
  map.entry.uses = uses;
  map.versioned = true;
  Service& filtered = add_post("filteredcostmap", "/costmap/filtered", message_type<CostMap>().media_type,
                               message_type<CostMapFilter>().media_type, &Services::filtered_cost_map);
  filtered.entry.uses = uses;
  filtered.entry.capabilities = costs;
  add_post("endpointprop", "/endpointprop", message_type<EndpointProperties>().media_type,
           message_type<EndpointPropertyParams>().media_type, &Services::endpoint_properties)
      .entry.capabilities.emplace()
      .prop_types = std::vector{std::string(kPidOfMap)};
  Service& endpoints = add_post("endpointcost", "/endpointcost", message_type<EndpointCosts>().media_type,
                                message_type<EndpointCostParams>().media_type, &Services::endpoint_costs);
  endpoints.entry.capabilities = costs;
  endpoints.asker_counts = true;
  Service& properties = add_post("filteredpropmap", "/propmap/filtered", message_type<PropertyMap>().media_type,
                                 message_type<PropertyMapParams>().media_type, &Services::filtered_property_map);
  properties.entry.uses = uses;
  properties.entry.capabilities.emplace().mappings = offered_mappings();
}

void Services::add_followers() {
  Capabilities capabilities;
  std::vector<std::string> uses;
  auto& incremental = capabilities.incremental.emplace().resources;
  for (const auto& [path, service] : services_) {
    uses.push_back(service.id);
    incremental.add(service.id) =
        fmt::format("{},{}", message_type<MergePatch>().media_type, message_type<JsonPatch>().media_type);
  }
  Service& tips = add_post(std::string(kTipsId), std::string(kTipsPath), message_type<Tips>().media_type,
                           message_type<TipsParams>().media_type, nullptr);
  tips.entry.uses = uses;
  tips.entry.capabilities = capabilities;
  Service& updates =
      add_post(std::string(kUpdatesId), std::string(kUpdatesPath), message_type<EventStream>().media_type,
               message_type<UpdateStreamParams>().media_type, nullptr);
  updates.entry.uses = uses;
  capabilities.support_stream_control = true;
  updates.entry.capabilities = capabilities;
}

void Services::add_directory() {
  auto& resources = directory_.resources.emplace().entries;
  for (const auto& [path, service] : services_) {
    resources.add(service.id) = service.entry;
    ids_.emplace(service.id, &service);
  }
  for (const char* path : {"/", "/directory"})
    add("directory", path, message_type<Directory>().media_type, &Services::directory);
}

const Services::Service* Services::at(std::string_view path) const {
  const auto found = services_.find(path);
  return found == services_.end() ? nullptr : &found->second;
}
const Services::Service* Services::find(std::string_view id) const {
  const auto found = ids_.find(id);
  return found == ids_.end() ? nullptr : found->second;
}
bool Services::followable(const Service& service) {
  return service.answer != nullptr && service.answer != &Services::directory;
}

const Services::Body& Services::whole(const Service& service) const {
  if (service.body == nullptr) {
    service.body = std::make_shared<const std::string>((this->*service.answer)(service, nullptr, {}).body);
    // Strong: equal bytes, equal tag.
    service.etag = fmt::format("\"{:016x}\"", std::hash<std::string>{}(*service.body));
  }
  return service.body;
}

const Services::Body& Services::packed(const Service& service) const {
  const Body& body = whole(service);
  if (!std::exchange(service.packing_tried, true) && body->size() >= kWorthPacking) {
    auto packed = net::gzip(*body);
    if (packed.ok() && packed->size() < body->size())
      service.packed = std::make_shared<const std::string>(std::move(*packed));
  }
  return service.packed;
}

Answer Services::ask(const Service& service, std::string_view input, const Asker& asker) const {
  Message message;
  Answer out;
  out.fault = read_request(input, *service.entry.accepts, message);
  // A null in place of a capability is a wrong value, says RFC 9241 section 5.6.
  if (out.fault && out.fault->code == kErrorFieldType && service.answer == &Services::filtered_cdni)
    out.fault->code = kErrorFieldValue;
  if (out.fault) return out;
  return (this->*service.answer)(service, &message, asker);
}

Answer Services::directory(const Service&, const Message*, const Asker&) const {
  return {encode(directory_), {}, false};
}

Answer Services::network_map(const Service&, const Message*, const Asker&) const {
  return {encode(world_->map), {}, false};
}

Answer Services::filtered_network_map(const Service&, const Message* request, const Asker&) const {
  const auto& asked = *body_of<NetworkMapFilter>(request);
  for (const std::string& pid : *asked.pids) {
    // A dot is reserved, not forbidden: such a PID is one that this server does not have.
    if (!pid_name_fault(pid, true).empty()) return {{}, Fault{kErrorFieldValue, "pids", pid}, false};
  }
  NetworkMap out;
  out.meta = world_->map.meta;
  out.pids.emplace();
  const auto types = asked.address_types.value_or(std::vector<std::string>{});
  const auto add_group = [&](std::uint32_t number) {
    const auto& [pid, group] = world_->map.pids->groups.entries[number];
    AddressGroup& copy = out.pids->groups.add(pid);
    for (const auto& [type, prefixes] : group.prefixes.entries) {
      if (types.empty() || std::find(types.begin(), types.end(), type) != types.end())
        copy.prefixes.add(type) = prefixes;
    }
  };
  if (asked.pids->empty()) {
    for (std::uint32_t i = 0; i < world_->pids.size(); ++i) add_group(i);
  }
  for (const std::string& pid : once(*asked.pids)) {
    if (const auto number = world_->numbers.find(pid); number != world_->numbers.end()) add_group(number->second);
  }
  return {encode(std::move(out)), {}, false};
}

Answer Services::endpoint_properties(const Service&, const Message* request, const Asker&) const {
  const auto& asked = *body_of<EndpointPropertyParams>(request);
  for (const std::string& name : asked.properties) {
    if (name != kPidOfMap) return {{}, Fault{kErrorFieldValue, "properties", name}, false};
  }
  EndpointProperties out;
  out.meta.emplace().dependent_vtags = {dependency()};
  auto& endpoints = out.properties.emplace().endpoints;
  for (const std::string& text : once(asked.endpoints)) {
    const auto address = parse_endpoint(text).value();
    if (!address) return {{}, Fault{kErrorFieldValue, "endpoints", text}, false};
    PropertyGroup& group = endpoints.add(text);
    const std::uint32_t pid = world_->table.find(*address);
    if (pid != PrefixTable::kNone) group.values.add(std::string(kPidOfMap)) = world_->pids[pid];
  }
  return {encode(std::move(out)), {}, false};
}

}  // namespace peerscope::alto
