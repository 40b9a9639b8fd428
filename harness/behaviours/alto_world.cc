// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/behaviours/alto_world.h"

#include <algorithm>
#include <unordered_set>

#include "protocols/alto/constraint.h"

namespace peerscope::harness {
namespace {

using namespace alto;

// The address behind the last one of a prefix; nothing behind the end of the address space.
std::optional<IpAddress> after(const IpPrefix& prefix) {
  IpAddress out = prefix.address;
  for (int bit = prefix.length - 1; bit >= 0; --bit) {
    std::uint8_t& byte = out.bytes[static_cast<std::size_t>(bit / 8)];
    const auto mask = static_cast<std::uint8_t>(0x80 >> bit % 8);
    byte ^= mask;
    if ((byte & mask) != 0) return out;  // no carry
  }
  return std::nullopt;
}

}  // namespace

std::optional<double> AltoCosts::find(const std::string& source, const std::string& destination) const {
  const auto row = rows.find(source);
  if (row == rows.end()) return std::nullopt;
  const auto cost = row->second.find(destination);
  return cost != row->second.end() ? std::optional(cost->second) : std::nullopt;
}

void AltoWorld::set_map(const NetworkMap& map) {
  pids_.clear();
  groups_.clear();
  entries_.clear();
  if (!map.pids) return;
  if (map.meta && map.meta->vtag) {
    map_id = map.meta->vtag->resource_id.value_or("");
    tag = map.meta->vtag->tag.value_or("");
  }
  for (const auto& [pid, group] : map.pids->groups.entries) {
    if (!groups_.emplace(pid, group).second) continue;
    for (const auto& [type, prefixes] : group.prefixes.entries) {
      for (const std::string& text : prefixes) {
        if (const auto prefix = parse_prefix(type, text); prefix)
          entries_.push_back({prefix->prefix, static_cast<std::uint32_t>(pids_.size())});
      }
    }
    pids_.push_back(pid);
  }
  table_ = PrefixTable(entries_);
}

void AltoWorld::add_costs(const CostMap& map) {
  if (!map.meta || !map.meta->cost_type || !map.costs || !map.meta->multi_cost_types.empty()) return;
  const CostType& type = *map.meta->cost_type;
  if (!type.cost_metric || !type.cost_mode) return;
  AltoCosts known{*type.cost_metric, *type.cost_mode, {}};
  for (const auto& [source, row] : map.costs->rows.entries) {
    for (const auto& [destination, cost] : row.costs.entries) {
      if (cost.number() != nullptr) known.rows[source][destination] = *cost.number();
    }
  }
  std::erase_if(costs, [&](const AltoCosts& one) { return one.metric == known.metric && one.mode == known.mode; });
  costs.push_back(std::move(known));
}

const AddressGroup* AltoWorld::group(std::string_view pid) const {
  const auto found = groups_.find(pid);
  return found != groups_.end() ? &found->second : nullptr;
}

const AltoCosts* AltoWorld::find(std::string_view metric, std::string_view mode) const {
  for (const AltoCosts& one : costs) {
    if (one.metric == metric && one.mode == mode) return &one;
  }
  return nullptr;
}

std::string AltoWorld::pid_of(const IpAddress& address) const {
  const std::uint32_t number = table_.find(address);
  return number != PrefixTable::kNone ? pids_[number] : "";
}

std::optional<IpAddress> AltoWorld::address_in(std::string_view pid) const {
  for (const PrefixTable::Entry& entry : entries_) {
    if (pids_[entry.value] != pid) continue;
    // Behind each longer prefix that begins where this one still does.
    std::optional<IpAddress> at = entry.prefix.address;
    for (std::size_t i = 0; at && entry.prefix.contains(*at) && i <= entries_.size(); ++i) {
      if (table_.find(*at) == entry.value) return at;
      const PrefixTable::Entry* taken = nullptr;
      for (const PrefixTable::Entry& other : entries_) {
        if (other.prefix.address.v6 == at->v6 && other.prefix.length > entry.prefix.length &&
            other.prefix.contains(*at) && (taken == nullptr || other.prefix.length < taken->prefix.length))
          taken = &other;
      }
      if (taken == nullptr) break;
      at = after(taken->prefix);
    }
  }
  return std::nullopt;
}

std::optional<IpAddress> AltoWorld::address_outside(bool v6) const {
  if (!table_.has(v6) || table_.complete(v6)) return std::nullopt;
  for (const PrefixTable::Entry& entry : entries_) {
    if (entry.prefix.address.v6 != v6) continue;
    if (const auto at = after(entry.prefix); at && table_.find(*at) == PrefixTable::kNone) return at;
  }
  return std::nullopt;
}

NetworkMap AltoWorld::filtered(const NetworkMapFilter& asked) const {
  NetworkMap out;
  out.meta.emplace().vtag = VersionTag{map_id, tag};
  out.pids.emplace();
  const auto types = asked.address_types.value_or(std::vector<std::string>{});
  const auto pids = asked.pids.value_or(std::vector<std::string>{});
  std::unordered_set<std::string_view> seen;
  for (const std::string& pid : pids.empty() ? pids_ : pids) {
    const AddressGroup* known = group(pid);
    if (known == nullptr || !seen.insert(pid).second) continue;
    AddressGroup& group = out.pids->groups.add(pid);
    for (const auto& [type, prefixes] : known->prefixes.entries) {
      if (types.empty() || std::find(types.begin(), types.end(), type) != types.end())
        group.prefixes.add(type) = prefixes;
    }
  }
  return out;
}

AltoWorld::Pairs AltoWorld::pairs_of(const CostMapFilter& asked) const {
  const auto ends = [&](const std::optional<std::vector<std::string>>& list) {
    if (!list || list->empty()) return pids_;
    std::vector<std::string> out;
    for (const std::string& pid : *list) {
      if (group(pid) != nullptr && std::find(out.begin(), out.end(), pid) == out.end()) out.push_back(pid);
    }
    return out;
  };
  const CostPids pids = asked.pids.value_or(CostPids{});
  return {ends(pids.srcs), ends(pids.dsts)};
}

AltoTests::AltoTests(const CostRequest& request) {
  if (request.constraints) lists_.push_back(*request.constraints);
  if (!request.or_constraints || request.or_constraints->array() == nullptr) return;
  for (const JsonValue& list : *request.or_constraints->array()) {
    std::vector<std::string>& texts = lists_.emplace_back();
    if (list.array() == nullptr) continue;
    for (const JsonValue& text : *list.array()) {
      if (text.text() != nullptr) texts.push_back(*text.text());
    }
  }
}

bool AltoTests::pass(const std::vector<std::optional<double>>& costs) const {
  const auto holds = [&](const std::string& text) {
    const auto one = parse_constraint(text);
    return one && one->index < costs.size() && costs[one->index] && one->passes(*costs[one->index]);
  };
  return lists_.empty() || std::any_of(lists_.begin(), lists_.end(),
                                       [&](const auto& list) { return std::all_of(list.begin(), list.end(), holds); });
}

std::vector<CostType> answered_types(const CostRequest& request, bool& several) {
  several = !request.multi_cost_types.empty();
  if (several) return request.multi_cost_types;
  return request.cost_type ? std::vector{*request.cost_type} : std::vector<CostType>{};
}

std::vector<CostType> testable_types(const CostRequest& request) {
  bool several = false;
  return !request.testable_cost_types.empty() ? request.testable_cost_types : answered_types(request, several);
}

}  // namespace peerscope::harness
