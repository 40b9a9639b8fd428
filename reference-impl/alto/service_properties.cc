// SPDX-License-Identifier: GPL-2.0-or-later
// Property maps: RFC 9240 sections 7 and 8. Addresses and prefixes have the PID that covers them; PIDs have the number
// of their prefixes, a property of this map's own.
#include <algorithm>
#include <set>

#include "protocols/alto/names.h"
#include "reference-impl/alto/services.h"

namespace peerscope::alto {
namespace {

constexpr std::string_view kPidDomain = "networkmap.pid";
constexpr std::string_view kPrefixCount = ".priv:prefix-count";

std::optional<IpPrefix> prefix_of(std::string_view entity) {
  const auto id = split_entity(entity);
  if (!id || (id->domain_text != kIpv4 && id->domain_text != kIpv6)) return std::nullopt;
  const auto prefix = parse_prefix(id->domain_text, id->identifier);
  return prefix ? std::optional(prefix->prefix) : std::nullopt;
}

std::string entity_of(const IpPrefix& prefix) {
  return std::string(prefix.address.v6 ? kIpv6 : kIpv4) + ":" + prefix.text();
}

}  // namespace

Mappings Services::offered_mappings() {
  Mappings out;
  for (const std::string_view family : {kIpv4, kIpv6}) out.domains.add(std::string(family)) = {std::string(kPidOfMap)};
  out.domains.add(std::string(kPidDomain)) = {std::string(kPrefixCount)};
  return out;
}

std::vector<std::string> Services::all_entities() const {
  std::vector<std::string> out;
  out.reserve(world_->prefixes.size() + world_->pids.size());
  for (const PrefixTable::Entry& entry : world_->prefixes) out.push_back(entity_of(entry.prefix));
  for (const std::string& pid : world_->pids) out.push_back(std::string(kPidDomain) + ":" + pid);
  return out;
}

// The value with inheritance (section 6.1.3).
std::optional<std::string> Services::property_of(std::string_view entity, std::string_view property) const {
  if (const auto prefix = prefix_of(entity); prefix && property == kPidOfMap) {
    const std::uint32_t pid = world_->pid_of(*prefix);
    return pid == PrefixTable::kNone ? std::nullopt : std::optional(world_->pids[pid]);
  }
  const auto id = split_entity(entity);
  if (!id || id->domain_text != kPidDomain || property != kPrefixCount) return std::nullopt;
  const auto number = world_->numbers.find(std::string(id->identifier));
  if (number == world_->numbers.end()) return std::nullopt;
  std::size_t count = 0;
  for (const auto& [family, prefixes] : world_->map.pids->groups.entries[number->second].second.prefixes.entries)
    count += prefixes.size();
  return std::to_string(count);
}

// The entities asked for, and those below a prefix that differ from it (section 8.6).
std::vector<std::string> Services::with_covered(const std::vector<std::string>& entities) const {
  std::vector<std::string> out = once(entities);
  std::set<std::string> known(out.begin(), out.end());
  for (const std::string& entity : entities) {
    const auto prefix = prefix_of(entity);
    if (!prefix) continue;
    auto at =
        std::lower_bound(world_->prefixes.begin(), world_->prefixes.end(), *prefix,
                         [](const PrefixTable::Entry& entry, const IpPrefix& wanted) { return entry.prefix < wanted; });
    for (; at != world_->prefixes.end() && prefix->contains(at->prefix); ++at) {
      if (at->prefix.length == prefix->length) continue;  // the entity itself
      std::string covered = entity_of(at->prefix);
      if (known.insert(covered).second) out.push_back(std::move(covered));
    }
  }
  return out;
}

Answer Services::property_map_of(const std::vector<std::string>& entities,
                                 const std::optional<std::vector<std::string>>& properties) const {
  static const std::vector<std::string> kAll = {std::string(kPidOfMap), std::string(kPrefixCount)};
  const std::vector<std::string>& wanted = properties && !properties->empty() ? *properties : kAll;
  PropertyMap out;
  out.meta.emplace().dependent_vtags = {dependency()};
  auto& map = out.properties.emplace().entities;
  for (const std::string& entity : entities) {
    PropertyGroup group;
    for (const std::string& property : wanted) {
      if (const auto value = property_of(entity, property); value) group.values.add(property) = *value;
    }
    if (group.values.empty()) continue;
    // "properties" absent: only the names of entities that have some (section 8.6).
    map.add(entity) = properties ? std::move(group) : PropertyGroup{};
  }
  return {encode(std::move(out)), {}, false};
}

Answer Services::property_map(const Service&, const Message*, const Asker&) const {
  return property_map_of(all_entities(), std::vector<std::string>{});
}

Answer Services::filtered_property_map(const Service&, const Message* request, const Asker&) const {
  const auto& asked = *body_of<PropertyMapParams>(request);
  const Mappings offered = offered_mappings();
  for (const std::string& entity : *asked.entities) {
    const auto id = split_entity(entity);
    const bool good = id && offered.domains.find(id->domain_text) != nullptr &&
                      entity_identifier_fault(id->domain.name, id->identifier).empty();
    if (!good) return {{}, Fault{kErrorFieldValue, "entities", entity}, false};
  }
  for (const std::string& property : asked.properties.value_or(std::vector<std::string>{})) {
    if (property != kPidOfMap && property != kPrefixCount)
      return {{}, Fault{kErrorFieldValue, "properties", property}, false};
  }
  std::optional<std::vector<std::string>> properties = asked.properties;
  if (properties) properties = once(*properties);
  const std::vector<std::string> entities = asked.entities->empty() ? all_entities() : with_covered(*asked.entities);
  Answer out;
  out.too_much = entities.size() > limits_.max_pairs;
  return out.too_much ? out : property_map_of(entities, properties);
}

}  // namespace peerscope::alto
