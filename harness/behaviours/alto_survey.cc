// SPDX-License-Identifier: GPL-2.0-or-later
// What an ALTO server offers and holds, learned from its directories (RFC 7285 section 9), its default network map and
// the cost maps on top of that.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <set>

#include "harness/behaviours/alto_world.h"
#include "harness/behaviours/behaviours.h"
#include "harness/scenario/scenario.h"
#include "harness/scenario/yaml.h"
#include "protocols/alto/names.h"
#include "protocols/alto/protocol.h"

namespace peerscope::harness {
namespace {

using namespace alto;

constexpr std::size_t kMostDirectories = 16;
constexpr std::size_t kMostCostMaps = 8;

constexpr DataVariable kData[] = {
    {"map_id", "resource ID of the default network map"},
    {"map_tag", "its version"},
    {"pid1", "a PID of that map with an address in it"},
    {"pid2", "another one"},
    {"pid3", "a third one"},
    {"no_pid", "a name that is no PID of the map"},
    {"pid_count", "how many PIDs the map has"},
    {"addr1", "an address in pid1, as ipv4:192.0.2.1"},
    {"addr2", "an address in pid2"},
    {"addr3", "an address in pid3"},
    {"addr6", "an IPv6 address that the map covers"},
    {"addr6_long", "the same address with all its zeros"},
    {"addr6_pid", "its PID"},
    {"addr_outside", "an address that no PID covers"},
    {"address_type", "an address type that some PID has"},
    {"cost_low", "the lowest numerical routingcost"},
    {"cost_middle", "a numerical routingcost in the middle"},
    {"cost_high", "the highest numerical routingcost"},
    {"pid_property", "the property that tells an endpoint's PID"},
    {"file_map", "the IUT file gives the network map"},
    {"file_costs", "the IUT file gives costs"},
    {"interop_map", "the map is the one of the interoperability event at IETF 81"},
};
constexpr std::string_view kKeys[] = {"msg",      "accepts", "id",          "metric",        "mode",
                                      "property", "several", "constraints", "testable",      "calendar",
                                      "plain",    "alone",   "incremental", "stream_control"};
constexpr std::string_view kVariables[] = {"id",
                                           "url",
                                           "target",
                                           "uses",
                                           "metric",
                                           "mode",
                                           "metric2",
                                           "mode2",
                                           "types",
                                           "max",
                                           "property",
                                           "calendar_metric",
                                           "calendar_mode",
                                           "intervals",
                                           "plain_metric",
                                           "plain_mode",
                                           "address_property",
                                           "pid_domain",
                                           "pid_property"};

// An entry of a directory, with what its names mean there.
struct Entry {
  std::string id;
  net::Url url;
  Resource resource;
  std::vector<CostType> cost_types;
  std::vector<std::string> names;  // of these, in this directory
};

bool wants(const Tree& wanted, std::string_view key) {
  const Tree* value = wanted.find(key);
  return value != nullptr && value->scalar == "true";
}
std::string text_of(const Tree& wanted, std::string_view key) {
  const Tree* value = wanted.find(key);
  return value != nullptr ? value->scalar : "";
}

// The first cost type with a calendar, and the first without (RFC 8896 section 4.1).
const CostType* calendar_type(const Entry& entry) {
  if (!entry.resource.capabilities || entry.resource.capabilities->calendar_attributes.empty()) return nullptr;
  const auto& names = entry.resource.capabilities->calendar_attributes.front().cost_type_names;
  for (std::size_t i = 0; i < entry.cost_types.size(); ++i) {
    if (!names.empty() && entry.names[i] == names.front()) return &entry.cost_types[i];
  }
  return nullptr;
}
const CostType* plain_type(const Entry& entry) {
  if (!entry.resource.capabilities) return nullptr;
  for (std::size_t i = 0; i < entry.cost_types.size(); ++i) {
    const auto& attributes = entry.resource.capabilities->calendar_attributes;
    if (std::none_of(attributes.begin(), attributes.end(), [&](const CalendarAttributes& one) {
          return std::find(one.cost_type_names.begin(), one.cost_type_names.end(), entry.names[i]) !=
                 one.cost_type_names.end();
        }))
      return &entry.cost_types[i];
  }
  return nullptr;
}

bool near(double a, double b) {
  return std::abs(a - b) <= 1e-9 * std::max({1.0, std::abs(a), std::abs(b)});
}

// Prefixes by value, so that another spelling is no difference.
std::set<std::string> prefixes_of(const AddressGroup& group) {
  std::set<std::string> out;
  for (const auto& [type, prefixes] : group.prefixes.entries) {
    for (const std::string& text : prefixes) {
      const auto prefix = parse_prefix(type, text);
      out.insert(type + " " + (prefix ? prefix->prefix.text() : text));
    }
  }
  return out;
}

std::string map_difference(const NetworkMap& expected, const NetworkMap& seen) {
  if (!seen.pids) return "there is no network map in it";
  for (const auto& [pid, group] : expected.pids->groups.entries) {
    const AddressGroup* other = seen.pids->groups.find(pid);
    if (other == nullptr) return fmt::format("PID {} is missing", pid);
    const auto wanted = prefixes_of(group);
    const auto found = prefixes_of(*other);
    for (const std::string& prefix : wanted) {
      if (!found.contains(prefix)) return fmt::format("PID {}: {} is missing", pid, prefix);
    }
    for (const std::string& prefix : found) {
      if (!wanted.contains(prefix)) return fmt::format("PID {}: {} was not asked for, or is not in it", pid, prefix);
    }
  }
  for (const auto& [pid, group] : seen.pids->groups.entries) {
    if (expected.pids->groups.find(pid) == nullptr)
      return fmt::format("PID {} was not asked for, or does not exist", pid);
  }
  return {};
}

// IETF 81, 2011: what seven implementations were tested with.
NetworkMap interop_map() {
  struct Row {
    const char* pid;
    const char* type;
    std::vector<std::string> prefixes;
  };
  static const std::vector<Row> kRows = {{"mypid1", "ipv4", {"10.0.0.0/8", "15.0.0.0/8"}},
                                         {"mypid2", "ipv4", {"192.168.0.0/16"}},
                                         {"mypid3", "ipv4", {"192.168.10.0/24"}},
                                         {"peeringpid1", "ipv4", {"128.0.0.0/16"}},
                                         {"peeringpid2", "ipv4", {"130.0.0.0/16"}},
                                         {"peeringpid2", "ipv6", {"2001:db8::/32"}},
                                         {"transitpid1", "ipv4", {"132.0.0.0/16"}},
                                         {"transitpid2", "ipv4", {"135.0.0.0/16"}},
                                         {"defaultpid", "ipv4", {"0.0.0.0/0"}},
                                         {"defaultpid", "ipv6", {"::/0"}}};
  NetworkMap out;
  auto& groups = out.pids.emplace().groups;
  for (const Row& row : kRows) {
    AddressGroup* group = groups.find(row.pid);
    (group != nullptr ? *group : groups.add(row.pid)).prefixes.add(row.type) = row.prefixes;
  }
  return out;
}

class AltoSurvey final : public Survey {
 public:
  explicit AltoSurvey(const net::Url& directory) { fetches_.push_back(fetch<Directory>(directory)); }

  std::string teach(const std::string& path) override;
  std::optional<Fetch> next() override;
  std::string learn(const Fetch& fetch, const Message& answer) override;
  std::optional<ServerResource> find(const Tree& wanted, std::string& reason) const override;
  std::map<std::string, std::string, std::less<>> data() const override;
  Agreement compare(const Message& request, const Message& answer) const override;
  Tree subject(const Message* request, const Message* answer) const override;
  std::string renamed(const Message& request, const Message* answer) override;
  bool same_data(const Message& answer) const override;
  std::string doubt(const Message& request, const Message& answer) const override;

 private:
  template <class T>
  Fetch fetch(const net::Url& url) const {
    return {url, std::string(message_type<T>().media_type) + "," + message_type<Error>().media_type};
  }
  void learn_directory(const net::Url& url, const Directory& directory);
  void plan_maps();
  bool fits(const Entry& entry, const Tree& wanted) const;
  // The cost type that a scenario uses of this entry: the one it names, else numerical routingcost, else the first.
  const CostType* cost_type(const Entry& entry, const Tree& wanted, const CostType* other_than) const;

  Agreement compare_map(const NetworkMap& answer, const NetworkMapFilter* asked) const;
  Agreement compare_costs(const CostMap& answer, const CostMapFilter* asked) const;
  Agreement compare_properties(const EndpointProperties& answer, const EndpointPropertyParams& asked) const;
  std::string cost_difference(const CostRequest& asked, const AltoWorld::Pairs& pairs, const CostMap& answer) const;

  std::string alias_of(const std::string& pid);
  bool rename_pids(JsonValue& list);
  bool rename_properties(JsonValue& list) const;
  bool rename_streams(JsonValue& add, const EventStream* captured);
  bool rename(JsonValue& body, const EventStream* captured);

  std::deque<Fetch> fetches_;
  std::set<std::string> visited_;
  std::vector<Entry> entries_;
  std::string default_map_;
  bool maps_planned_ = false;
  bool taught_map_ = false;
  bool taught_costs_ = false;
  AltoWorld world_;
  std::map<std::string, std::string> aliases_;  // replay: PIDs of the capture that this server does not have
};

std::string AltoSurvey::teach(const std::string& path) {
  const YamlResult yaml = load_yaml(path);
  if (!yaml.error.empty()) return yaml.error;
  const bool is_map = yaml.tree.find("network-map") != nullptr;
  if (!is_map && yaml.tree.find("cost-map") == nullptr)
    return fmt::format("{}: neither network-map nor cost-map is in it", path);
  const MessageType& type = is_map ? message_type<NetworkMap>() : message_type<CostMap>();
  const EncodeResult encoded = protocol().encode(type.name, yaml.tree, {});
  if (!encoded.error.empty()) return fmt::format("{}: {}", path, encoded.error);
  Message message;
  message.transport.content_type = type.media_type;
  decode(encoded.bytes, message);
  if (is_map)
    world_.set_map(message.as<NetworkMap>()), taught_map_ = true;
  else
    world_.add_costs(message.as<CostMap>()), taught_costs_ = true;
  return {};
}

std::optional<Survey::Fetch> AltoSurvey::next() {
  if (fetches_.empty() && !maps_planned_) plan_maps();
  if (fetches_.empty()) return std::nullopt;
  Fetch out = std::move(fetches_.front());
  fetches_.pop_front();
  return out;
}

std::string AltoSurvey::learn(const Fetch& fetch, const Message& answer) {
  if (const auto* directory = body_of<Directory>(answer); directory != nullptr) {
    learn_directory(fetch.url, *directory);
  } else if (entries_.empty()) {
    return fmt::format("{} answers {} with {} where a directory ({}) is expected", fetch.url.to_string(),
                       answer.transport.status,
                       answer.transport.content_type.empty() ? "no media type" : answer.transport.content_type,
                       message_type<Directory>().media_type);
  } else if (const auto* map = body_of<NetworkMap>(answer); map != nullptr) {
    const AltoWorld taught = world_;
    world_.set_map(*map);
    if (!taught_map_) return {};
    // The tag is the server's; what the map holds is the file's.
    const std::string id = std::exchange(world_, taught).map_id;
    world_.map_id = id;
    world_.tag = map->meta && map->meta->vtag ? map->meta->vtag->tag.value_or("") : "";
  } else if (const auto* costs = body_of<CostMap>(answer); costs != nullptr) {
    const std::vector<AltoCosts> taught = world_.costs;
    world_.add_costs(*costs);
    if (!taught_costs_) return {};
    // What a file gives stays; of other cost types the server's own word is all there is.
    for (AltoCosts& one : world_.costs) {
      for (const AltoCosts& before : taught) {
        if (before.metric == one.metric && before.mode == one.mode) one = before;
      }
    }
  }
  return {};
}

void AltoSurvey::learn_directory(const net::Url& url, const Directory& directory) {
  visited_.insert(url.to_string());
  if (default_map_.empty() && directory.meta) default_map_ = directory.meta->default_network_map.value_or("");
  if (!directory.resources) return;
  for (const auto& [id, resource] : directory.resources->entries.entries) {
    if (!resource.uri || !resource.media_type) continue;
    const auto where = url.resolve(*resource.uri);
    if (!where) continue;
    Entry entry{id, *where, resource, {}, {}};
    if (resource.capabilities && directory.meta && directory.meta->cost_types) {
      for (const std::string& name : resource.capabilities->cost_type_names.value_or(std::vector<std::string>{})) {
        if (const CostType* type = directory.meta->cost_types->types.find(name); type != nullptr)
          entry.cost_types.push_back(*type), entry.names.push_back(name);
      }
    }
    if (resource.media_type == message_type<Directory>().media_type && visited_.size() < kMostDirectories &&
        visited_.insert(where->to_string()).second)
      fetches_.push_back(fetch<Directory>(*where));
    entries_.push_back(std::move(entry));
  }
}

void AltoSurvey::plan_maps() {
  maps_planned_ = true;
  std::size_t planned = 0;
  for (const Entry& entry : entries_) {
    if (entry.resource.accepts) continue;
    const bool is_map = entry.resource.media_type == message_type<NetworkMap>().media_type;
    if (is_map && (entry.id == default_map_ || default_map_.empty())) {
      fetches_.push_front(fetch<NetworkMap>(entry.url));
      if (default_map_.empty()) default_map_ = entry.id;
    }
    const auto uses = entry.resource.uses.value_or(std::vector<std::string>{});
    if (entry.resource.media_type == message_type<CostMap>().media_type && planned < kMostCostMaps &&
        (uses.empty() || uses.front() == default_map_)) {
      fetches_.push_back(fetch<CostMap>(entry.url));
      ++planned;
    }
  }
}

const CostType* AltoSurvey::cost_type(const Entry& entry, const Tree& wanted, const CostType* other_than) const {
  const std::string metric = text_of(wanted, "metric");
  const std::string mode = text_of(wanted, "mode");
  const CostType* first = nullptr;
  for (const CostType& type : entry.cost_types) {
    if (&type == other_than || !type.cost_metric || !type.cost_mode) continue;
    const bool named = (metric.empty() || metric == *type.cost_metric) && (mode.empty() || mode == *type.cost_mode);
    if (!named && other_than == nullptr) continue;
    if (type.cost_metric == kRoutingCost && type.cost_mode == (mode.empty() ? kNumerical : std::string_view(mode)))
      return &type;
    if (first == nullptr) first = &type;
  }
  return first;
}

bool AltoSurvey::fits(const Entry& entry, const Tree& wanted) const {
  const Resource& resource = entry.resource;
  const Capabilities capabilities = resource.capabilities.value_or(Capabilities{});
  const MessageType* answer = message_named(protocol(), text_of(wanted, "msg"));
  if (answer == nullptr || !resource.media_type->starts_with(answer->media_type)) return false;
  const std::string accepts = text_of(wanted, "accepts");
  const MessageType* input = message_named(protocol(), accepts);
  if (resource.accepts.value_or("") != (input != nullptr ? input->media_type : "")) return false;
  if (const std::string id = text_of(wanted, "id"); !id.empty() && entry.id != id) return false;
  const bool by_cost = wanted.find("metric") != nullptr || wanted.find("mode") != nullptr;
  if (by_cost && cost_type(entry, wanted, nullptr) == nullptr) return false;
  const struct {
    const char* key;
    bool has;
  } abilities[] = {
      {"constraints", capabilities.cost_constraints.value_or(false) || !capabilities.testable_cost_type_names.empty()},
      {"several", capabilities.max_cost_types.value_or(0) > 1 && entry.cost_types.size() > 1},
      {"testable", !capabilities.testable_cost_type_names.empty()},
      {"calendar", !capabilities.calendar_attributes.empty()},
      {"plain", plain_type(entry) != nullptr},
      {"stream_control", capabilities.support_stream_control.value_or(false)},
      {"incremental", capabilities.incremental.has_value()},
      {"alone", std::count_if(entries_.begin(), entries_.end(), [&](const Entry& other) {
                  return other.url.same_origin(entry.url) && other.url.target == entry.url.target;
                }) == 1}};
  for (const auto& ability : abilities) {
    if (wanted.find(ability.key) != nullptr && wants(wanted, ability.key) != ability.has) return false;
  }
  if (const std::string property = text_of(wanted, "property"); !property.empty()) {
    auto offered = capabilities.prop_types.value_or(std::vector<std::string>{});
    if (capabilities.mappings) {  // a property map's, of addresses
      if (const auto* names = capabilities.mappings->domains.find(kIpv4); names != nullptr) offered = *names;
    }
    const std::string name = property == kPidProperty ? default_map_ + "." + property : property;
    if (std::find(offered.begin(), offered.end(), name) == offered.end()) return false;
  }
  return true;
}

std::optional<ServerResource> AltoSurvey::find(const Tree& wanted, std::string& reason) const {
  const Entry* found = nullptr;
  for (const Entry& entry : entries_) {
    if (!fits(entry, wanted)) continue;
    // Of several, the one on top of the default network map.
    const auto uses = entry.resource.uses.value_or(std::vector<std::string>{});
    const bool ours = std::find(uses.begin(), uses.end(), default_map_) != uses.end() || entry.id == default_map_;
    if (found == nullptr || ours) found = &entry;
    if (ours) break;
  }
  if (found == nullptr) {
    std::string more;
    for (const auto& [key, value] : wanted.members) more += fmt::format(" {}={}", key, value.scalar);
    reason = fmt::format("the directory lists no resource with{}", more);
    return std::nullopt;
  }
  ServerResource out;
  out.id = found->id;
  out.url = found->url;
  out.accept = *found->resource.media_type + "," + message_type<Error>().media_type;
  if (const MessageType* type = message_named(protocol(), text_of(wanted, "msg")); type != nullptr)
    out.answer = type->name;
  if (const MessageType* type = message_named(protocol(), text_of(wanted, "accepts")); type != nullptr)
    out.input = type->name;
  for (const std::string_view name : kVariables) out.variables[std::string(name)];
  out.variables["id"] = found->id;
  out.variables["url"] = found->url.to_string();
  out.variables["target"] = found->url.target;
  if (const auto& uses = found->resource.uses; uses && !uses->empty()) out.variables["uses"] = uses->front();
  if (const CostType* type = cost_type(*found, wanted, nullptr); type != nullptr) {
    out.variables["metric"] = *type->cost_metric;
    out.variables["mode"] = *type->cost_mode;
    if (const CostType* second = cost_type(*found, wanted, type); second != nullptr) {
      out.variables["metric2"] = *second->cost_metric;
      out.variables["mode2"] = *second->cost_mode;
    }
  }
  out.variables["types"] = std::to_string(found->cost_types.size());
  const Capabilities capabilities = found->resource.capabilities.value_or(Capabilities{});
  if (const CostType* type = plain_type(*found); type != nullptr) {
    out.variables["plain_metric"] = type->cost_metric.value_or("");
    out.variables["plain_mode"] = type->cost_mode.value_or("");
  }
  if (const CostType* type = calendar_type(*found); type != nullptr) {
    out.variables["calendar_metric"] = type->cost_metric.value_or("");
    out.variables["calendar_mode"] = type->cost_mode.value_or("");
    out.variables["intervals"] =
        std::to_string(capabilities.calendar_attributes.front().number_of_intervals.value_or(0));
  }
  if (capabilities.mappings) {
    for (const auto& [domain, properties] : capabilities.mappings->domains.entries) {
      if (properties.empty()) continue;
      if (domain == kIpv4) out.variables["address_property"] = properties.front();
      if (split_scoped(domain).name != kPidProperty) continue;
      out.variables["pid_domain"] = domain;
      out.variables["pid_property"] = properties.front();
    }
  }
  out.variables["max"] = std::to_string(capabilities.max_cost_types.value_or(0));
  if (capabilities.prop_types && !capabilities.prop_types->empty())
    out.variables["property"] = capabilities.prop_types->front();
  return out;
}

// "2001:db8::1" as "2001:0DB8:0000:...": the same address in another text (section 10.4).
std::string long_text(const IpAddress& address) {
  std::string out = std::string(kIpv6) + ":";
  for (std::size_t i = 0; i < 16; i += 2)
    out += fmt::format("{}{:02X}{:02X}", i == 0 ? "" : ":", address.bytes[i], address.bytes[i + 1]);
  return out;
}

std::map<std::string, std::string, std::less<>> AltoSurvey::data() const {
  std::map<std::string, std::string, std::less<>> out;
  if (!world_.has_map()) return out;
  out["map_id"] = world_.map_id;
  out["map_tag"] = world_.tag;
  out["pid_count"] = std::to_string(world_.pids().size());
  out["pid_property"] = fmt::format("{}.{}", default_map_, kPidProperty);
  std::string none = "no-such-pid";
  while (world_.group(none) != nullptr) none += "-x";
  out["no_pid"] = none;
  if (taught_map_) out["file_map"] = "true";
  if (taught_costs_) out["file_costs"] = "true";
  if (map_difference(interop_map(), world_.filtered({})).empty()) out["interop_map"] = "true";
  int number = 0;
  constexpr int kNamed = 3;
  constexpr std::size_t kMostTried = 1000;
  for (std::size_t i = 0; i < world_.pids().size() && i < kMostTried && number < kNamed; ++i) {
    const std::string& pid = world_.pids()[i];
    const auto address = world_.address_in(pid);
    if (!address) continue;
    ++number;
    out[fmt::format("pid{}", number)] = pid;
    out[fmt::format("addr{}", number)] = endpoint_text(*address);
    if (number == 1) out["address_type"] = address->v6 ? kIpv6 : kIpv4;
  }
  for (const std::string& pid : world_.pids()) {
    const AddressGroup* group = world_.group(pid);
    const auto* prefixes = group->prefixes.find(kIpv6);
    if (prefixes == nullptr || prefixes->empty()) continue;
    const auto prefix = parse_prefix(kIpv6, prefixes->front());
    if (!prefix) continue;
    IpAddress address = prefix->prefix.address;
    if (prefix->prefix.length < 128) address.bytes[15] |= 1;
    out["addr6"] = endpoint_text(address);
    out["addr6_long"] = long_text(address);
    out["addr6_pid"] = world_.pid_of(address);
    if (prefix->prefix.length > 0) break;  // an address that is nobody's default says more
  }
  for (const bool v6 : {true, false}) {
    if (const auto outside = world_.address_outside(v6); outside) out["addr_outside"] = endpoint_text(*outside);
  }
  if (const AltoCosts* costs = world_.find(kRoutingCost, kNumerical); costs != nullptr) {
    std::vector<double> all;
    for (const auto& [source, row] : costs->rows) {
      for (const auto& [destination, cost] : row) all.push_back(cost);
    }
    std::sort(all.begin(), all.end());
    if (!all.empty()) {
      out["cost_low"] = fmt::format("{}", all.front());
      out["cost_middle"] = fmt::format("{}", all[all.size() / 2]);
      out["cost_high"] = fmt::format("{}", all.back());
    }
  }
  return out;
}

Agreement AltoSurvey::compare(const Message& request, const Message& answer) const {
  if (const auto* map = body_of<NetworkMap>(answer); map != nullptr)
    return compare_map(*map, body_of<NetworkMapFilter>(request));
  if (const auto* costs = body_of<CostMap>(answer); costs != nullptr)
    return compare_costs(*costs, body_of<CostMapFilter>(request));
  const auto* properties = body_of<EndpointProperties>(answer);
  const auto* asked = body_of<EndpointPropertyParams>(request);
  if (properties != nullptr && asked != nullptr) return compare_properties(*properties, *asked);
  return {};
}

Agreement AltoSurvey::compare_map(const NetworkMap& answer, const NetworkMapFilter* asked) const {
  if (!world_.has_map() || !answer.meta || !answer.meta->vtag) return {"", true};
  if (answer.meta->vtag->resource_id.value_or("") != world_.map_id) return {"", true};
  // Another version than the one that was learned says nothing; a filtered map of the same version has the same tag.
  if (!taught_map_ && answer.meta->vtag->tag.value_or("") != world_.tag) return {"", true};
  return {map_difference(world_.filtered(asked != nullptr ? *asked : NetworkMapFilter{}), answer), false};
}

Agreement AltoSurvey::compare_costs(const CostMap& answer, const CostMapFilter* asked) const {
  if (!world_.has_map() || !answer.meta || !answer.costs) return {"", true};
  for (const DependentTag& tag : answer.meta->dependent_vtags) {
    if (tag.resource_id.value_or("") != world_.map_id || (!taught_map_ && tag.tag.value_or("") != world_.tag))
      return {"", true};
  }
  CostMapFilter all;
  all.cost_type = answer.meta->cost_type;
  if (asked == nullptr) asked = &all;
  return {cost_difference(*asked, world_.pairs_of(*asked), answer), false};
}

// Numerical costs are those of the full map. Of ordinal ones only the order is told: their ranks are relative to the
// pairs asked for (section 6.2).
std::string AltoSurvey::cost_difference(const CostRequest& asked, const AltoWorld::Pairs& pairs,
                                        const CostMap& answer) const {
  bool several = false;
  const std::vector<CostType> types = answered_types(asked, several);
  const auto known = [&](const CostType& type) {
    return world_.find(type.cost_metric.value_or(""), type.cost_mode.value_or(""));
  };
  const std::vector<CostType> testable = testable_types(asked);
  const AltoTests tests(asked);
  const bool can_test = std::all_of(testable.begin(), testable.end(), [&](const CostType& type) {
    return type.cost_mode == kNumerical && known(type) != nullptr;
  });
  struct Ranked {
    double known;
    double seen;
    std::string pair;
  };
  std::vector<std::vector<Ranked>> ranked(types.size());
  for (const std::string& source : pairs.sources) {
    const PidCostRow* row = answer.costs->rows.find(source);
    for (const std::string& destination : pairs.destinations) {
      const JsonValue* seen = row != nullptr ? row->costs.find(destination) : nullptr;
      std::vector<std::optional<double>> tested;
      for (const CostType& type : testable)
        tested.push_back(known(type) != nullptr ? known(type)->find(source, destination) : std::nullopt);
      const bool passes = !tests.any() || (can_test && tests.pass(tested));
      const std::string pair = fmt::format("{} -> {}", source, destination);
      for (std::size_t i = 0; i < types.size(); ++i) {
        const AltoCosts* map = known(types[i]);
        const auto cost = map != nullptr ? map->find(source, destination) : std::nullopt;
        const JsonValue* value = seen;
        if (several && seen != nullptr && seen->array() != nullptr)
          value = i < seen->array()->size() ? &(*seen->array())[i] : nullptr;
        if (value == nullptr || value->is_null()) {
          if (cost && passes)
            return fmt::format("{} is missing: its {} {} is {}", pair, types[i].cost_mode.value_or(""),
                               types[i].cost_metric.value_or(""), *cost);
          continue;
        }
        if (tests.any() && can_test && !passes) return fmt::format("{} does not pass the constraints", pair);
        if (!cost || value->number() == nullptr) continue;
        if (types[i].cost_mode == kOrdinal)
          ranked[i].push_back({*cost, *value->number(), pair});
        else if (!near(*value->number(), *cost))
          return fmt::format("{}: expected {}, seen {}", pair, *cost, *value->number());
      }
    }
  }
  for (std::vector<Ranked>& list : ranked) {
    std::stable_sort(list.begin(), list.end(), [](const Ranked& a, const Ranked& b) { return a.known < b.known; });
    for (std::size_t i = 1; i < list.size(); ++i) {
      if (list[i - 1].known < list[i].known && list[i - 1].seen > list[i].seen)
        return fmt::format("{} is ranked behind {}, the full map has it before", list[i - 1].pair, list[i].pair);
    }
  }
  for (const auto& [source, row] : answer.costs->rows.entries) {
    const auto asked_for = [](const std::vector<std::string>& list, const std::string& pid) {
      return std::find(list.begin(), list.end(), pid) != list.end();
    };
    for (const auto& [destination, cost] : row.costs.entries) {
      if (!asked_for(pairs.sources, source) || !asked_for(pairs.destinations, destination))
        return fmt::format("{} -> {} was not asked for", source, destination);
    }
  }
  return {};
}

Agreement AltoSurvey::compare_properties(const EndpointProperties& answer, const EndpointPropertyParams& asked) const {
  const std::string property = fmt::format("{}.{}", world_.map_id, kPidProperty);
  const bool of_map = std::find(asked.properties.begin(), asked.properties.end(), property) != asked.properties.end();
  if (!world_.has_map() || !answer.properties || !answer.meta || !of_map) return {"", true};
  for (const DependentTag& tag : answer.meta->dependent_vtags) {
    if (tag.resource_id.value_or("") == world_.map_id && !taught_map_ && tag.tag.value_or("") != world_.tag)
      return {"", true};
  }
  for (const std::string& text : asked.endpoints) {
    const auto address = parse_endpoint(text).value();
    if (!address) continue;
    // The same address may come back in another text (section 10.4).
    const auto& endpoints = answer.properties->endpoints.entries;
    const auto found = std::find_if(endpoints.begin(), endpoints.end(),
                                    [&](const auto& one) { return parse_endpoint(one.first).value() == address; });
    if (found == endpoints.end()) return {fmt::format("{} is missing", text), false};
    const JsonValue* value = found->second.values.find(property);
    const std::string pid = world_.pid_of(*address);
    const std::string seen = value != nullptr && value->text() != nullptr ? *value->text() : "";
    if (seen != pid)
      return {fmt::format("{} of {}: expected {}, seen {}", property, text, pid.empty() ? "nothing" : pid,
                          seen.empty() ? "nothing" : seen),
              false};
  }
  return {};
}

// ---- replay

const CostType* cost_type_of(const Message& answer) {
  const auto of = [](const auto* body) -> const CostType* {
    return body != nullptr && body->meta && body->meta->cost_type ? &*body->meta->cost_type : nullptr;
  };
  const CostType* type = of(body_of<CostMap>(answer));
  return type != nullptr ? type : of(body_of<EndpointCosts>(answer));
}

Tree AltoSurvey::subject(const Message* request, const Message* answer) const {
  Tree wanted = Tree::map();
  const auto say = [&](const char* key, std::string value) {
    wanted.members.emplace_back(key, Tree::text(std::move(value)));
  };
  const bool body = request != nullptr && request->type != nullptr;
  const MessageType* kind = answer != nullptr && body_of<Error>(*answer) == nullptr ? answer->type : nullptr;
  if (kind == nullptr && body) {
    // An error, or no answer at all: whatever takes such a request.
    for (const Entry& entry : entries_) {
      if (kind == nullptr && entry.resource.accepts == request->type->media_type)
        kind = message_by_media_type(entry.resource.media_type->substr(0, entry.resource.media_type->find(';')));
    }
  }
  if (kind == nullptr) return wanted;
  say("msg", kind->name);
  if (body) say("accepts", request->type->name);
  if (const auto* asked = body_of<EndpointPropertyParams>(request); asked != nullptr) {
    for (const std::string& property : asked->properties) {
      // Of a map of the capture: every server with maps has that of its own.
      if (!property.ends_with(fmt::format(".{}", kPidProperty)) && wanted.find("property") == nullptr)
        say("property", property);
    }
  }
  const CostType* type = answer != nullptr ? cost_type_of(*answer) : nullptr;
  if (type != nullptr && type->cost_metric && type->cost_mode) {
    say("metric", *type->cost_metric);
    say("mode", *type->cost_mode);
  }
  return wanted;
}

bool AltoSurvey::same_data(const Message& answer) const {
  const auto is_ours = [&](const auto& tag) {
    return tag.resource_id.value_or("") == world_.map_id && tag.tag.value_or("") == world_.tag;
  };
  if (world_.tag.empty()) return false;
  if (const auto* map = body_of<NetworkMap>(answer); map != nullptr)
    return map->meta && map->meta->vtag && is_ours(*map->meta->vtag);
  const auto* costs = body_of<CostMap>(answer);
  return costs != nullptr && costs->meta && !costs->meta->dependent_vtags.empty() &&
         is_ours(costs->meta->dependent_vtags.front());
}

// An error may name the value that it is about (RFC 7285 section 8.5.2); about one that was not asked for, it is an
// answer to something else.
std::string AltoSurvey::doubt(const Message& request, const Message& answer) const {
  const auto* error = body_of<Error>(answer);
  if (error == nullptr || !error->meta || !error->meta->value) return {};
  const std::string& value = *error->meta->value;
  if (request.view().find(value) != std::string_view::npos) return {};
  return fmt::format("it is about \"{}\", which the captured request does not have", value);
}

std::string AltoSurvey::alias_of(const std::string& pid) {
  if (!world_.has_map() || world_.group(pid) != nullptr) return pid;
  const auto& pids = world_.pids();
  return aliases_.try_emplace(pid, pids[aliases_.size() % pids.size()]).first->second;
}

bool AltoSurvey::rename_pids(JsonValue& list) {
  bool changed = false;
  if (list.array() == nullptr) return false;
  for (JsonValue& item : *list.array()) {
    if (item.text() == nullptr) continue;
    const std::string name = alias_of(*item.text());
    changed = changed || name != *item.text();
    item = JsonValue(name);
  }
  return changed;
}

// A property of a network map that this server does not have: its default map has it too (RFC 7285 section 10.8.1).
bool AltoSurvey::rename_properties(JsonValue& list) const {
  bool changed = false;
  if (list.array() == nullptr || default_map_.empty()) return false;
  const std::string ours = fmt::format("{}.{}", default_map_, kPidProperty);
  for (JsonValue& item : *list.array()) {
    if (item.text() == nullptr || !item.text()->ends_with(ours.substr(default_map_.size())) || *item.text() == ours)
      continue;
    item = JsonValue(ours);
    changed = true;
  }
  return changed;
}

// A substream is about a resource of this server: the one of that name, else one of the kind that the captured events
// have, else the default network map. A version that the capture's client held is none that it holds here.
bool AltoSurvey::rename_streams(JsonValue& add, const EventStream* captured) {
  bool changed = false;
  if (add.object() == nullptr) return false;
  for (auto& [substream, entry] : *add.object()) {
    JsonValue* id = entry.find("resource-id");
    if (id == nullptr || id->text() == nullptr) continue;
    const auto named =
        std::find_if(entries_.begin(), entries_.end(), [&](const Entry& one) { return one.id == *id->text(); });
    if (named == entries_.end()) {
      std::string kind = message_type<NetworkMap>().media_type;
      for (const StreamEvent& event : captured != nullptr ? captured->events : std::vector<StreamEvent>{}) {
        const bool ours = event.substream == substream;
        if (ours && std::any_of(entries_.begin(), entries_.end(),
                                [&](const Entry& one) { return one.resource.media_type == event.media_type; }))
          kind = event.media_type;
      }
      const auto other = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& one) {
        return one.resource.media_type == kind && !one.resource.accepts &&
               (kind != message_type<NetworkMap>().media_type || one.id == default_map_);
      });
      if (other != entries_.end()) *id = JsonValue(other->id);
      changed = true;
    }
    JsonValue::Object& members = *entry.object();
    changed = std::erase_if(members, [](const auto& member) { return member.first == "tag"; }) > 0 || changed;
    if (JsonValue* input = entry.find("input"); input != nullptr) changed = rename(*input, nullptr) || changed;
  }
  return changed;
}

bool AltoSurvey::rename(JsonValue& body, const EventStream* captured) {
  bool changed = false;
  if (JsonValue* pids = body.find("pids"); pids != nullptr) {
    changed = rename_pids(*pids);
    for (const char* side : {"srcs", "dsts"}) {
      if (JsonValue* list = pids->find(side); list != nullptr) changed = rename_pids(*list) || changed;
    }
  }
  if (JsonValue* properties = body.find("properties"); properties != nullptr)
    changed = rename_properties(*properties) || changed;
  if (JsonValue* add = body.find("add"); add != nullptr) changed = rename_streams(*add, captured) || changed;
  return changed;
}

std::string AltoSurvey::renamed(const Message& request, const Message* answer) {
  const std::string bytes(request.view());
  const std::unique_ptr<JsonValue> body = parse_json(bytes);
  // What needs no other name stays byte by byte, with whatever is odd about it.
  // Nor does what was wrong then become right by another name.
  if (body_of<Error>(answer) != nullptr) return bytes;
  if (body == nullptr || !rename(*body, body_of<EventStream>(answer))) return bytes;
  return json_text(*body);
}

constexpr SurveyKind kKind{
    [](const net::Url& directory) -> std::unique_ptr<Survey> { return std::make_unique<AltoSurvey>(directory); }, kData,
    kKeys, kVariables};

}  // namespace

const SurveyKind& alto_survey() {
  return kKind;
}

}  // namespace peerscope::harness
