// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/alto/client_validate.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocols/alto/names.h"
#include "reference-impl/alto/client_watch.h"

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the frame allocator of Asio's coroutines for a mismatch once it has inlined half of it.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace peerscope::alto {
namespace {

using net::asio::awaitable;

// Names and addresses to ask about, from the network map that a resource uses, or from the default one.
struct Sample {
  std::vector<std::string> pids;
  std::vector<std::string> endpoints;
  std::string followed;  // a resource of the entry that is fetched without input
};

Sample sample_of(const NetworkMap& map) {
  constexpr std::size_t kMost = 2;
  Sample out;
  for (const auto& [pid, group] : map.pids->groups.entries) {
    if (out.pids.size() < kMost) out.pids.push_back(pid);
    for (const auto& [type, prefixes] : group.prefixes.entries) {
      if (prefixes.empty() || out.endpoints.size() >= kMost) continue;
      if (const auto prefix = parse_prefix(type, prefixes.front()); prefix)
        out.endpoints.push_back(endpoint_text(prefix->prefix.address));
    }
  }
  return out;
}

// The inputs that show what a resource does; none when nothing is known to ask.
std::vector<std::string> inputs_for(const Entry& entry, const Sample& sample) {
  std::vector<std::string> out;
  const Capabilities capabilities = entry.resource.capabilities.value_or(Capabilities{});
  const std::string accepts = entry.accepts();
  constexpr std::size_t kMostTypes = 4;
  const std::size_t types = std::min(entry.cost_types.size(), kMostTypes);
  const bool constrains = capabilities.cost_constraints.value_or(false);
  const bool several = capabilities.max_cost_types.value_or(0) >= 2 && types >= 2;
  // Whether a cost type comes as a calendar; the names of types and the types stand in the same order.
  const auto calendared = [&](std::size_t index) {
    const auto& names = capabilities.cost_type_names;
    if (!names || names->size() != entry.cost_types.size()) return false;
    return std::any_of(capabilities.calendar_attributes.begin(), capabilities.calendar_attributes.end(),
                       [&](const CalendarAttributes& one) {
                         return std::find(one.cost_type_names.begin(), one.cost_type_names.end(), (*names)[index]) !=
                                one.cost_type_names.end();
                       });
  };
  const auto costs = [&](auto params) {
    for (std::size_t i = 0; i < types; ++i) {
      CostType type = entry.cost_types[i];
      type.description.reset();
      params.cost_type = type;
      out.push_back(encode(params));
      if (calendared(i)) {
        auto with = params;
        with.calendared = {true};
        out.push_back(encode(with));
      }
      if (constrains && i == 0) {
        auto with = params;
        with.constraints = {"ge 0", "le 100000"};
        out.push_back(encode(with));
      }
    }
    if (!several) return;
    params.cost_type.reset();
    params.multi_cost_types = {entry.cost_types[0], entry.cost_types[1]};
    for (CostType& type : params.multi_cost_types) type.description.reset();
    out.push_back(encode(params));
  };
  if (accepts == message_type<NetworkMapFilter>().media_type) {
    NetworkMapFilter filter;
    filter.pids = sample.pids;
    out.push_back(encode(filter));
  } else if (accepts == message_type<CostMapFilter>().media_type && !sample.pids.empty()) {
    CostMapFilter filter;
    filter.pids.emplace();
    filter.pids->srcs = {sample.pids.front()};
    filter.pids->dsts = sample.pids;
    costs(filter);
  } else if (accepts == message_type<EndpointCostParams>().media_type && !sample.endpoints.empty()) {
    EndpointCostParams params;
    params.endpoints.emplace();
    params.endpoints->srcs = {sample.endpoints.front()};
    params.endpoints->dsts = sample.endpoints;
    costs(params);
  } else if (accepts == message_type<EndpointPropertyParams>().media_type && capabilities.prop_types &&
             !sample.endpoints.empty()) {
    EndpointPropertyParams params;
    params.properties = *capabilities.prop_types;
    params.endpoints = sample.endpoints;
    out.push_back(encode(params));
  } else if (accepts == message_type<TipsParams>().media_type && !sample.followed.empty()) {
    TipsParams params;
    params.resource_id = sample.followed;
    out.push_back(encode(params));
  } else if (accepts == message_type<PropertyMapParams>().media_type && capabilities.mappings) {
    for (const auto& [domain, properties] : capabilities.mappings->domains.entries) {
      PropertyMapParams params;
      params.properties = properties;
      std::vector<std::string> entities;
      if (split_scoped(domain).name == kPidProperty) {
        for (const std::string& pid : sample.pids) entities.push_back(domain + ":" + pid);
      } else if (domain == kIpv4 || domain == kIpv6) {
        for (const std::string& endpoint : sample.endpoints) {
          if (endpoint.starts_with(domain)) entities.push_back(endpoint);
        }
      }
      params.entities = entities;
      if (!entities.empty()) out.push_back(encode(params));
    }
  }
  return out;
}

// A stream's first documents, and its control.
awaitable<Visit> visit_stream(Client& client, net::Clock& clock, std::string id, std::vector<std::string> uses) {
  Visit out{id, "update stream", {}, true};
  WatchOptions options;
  constexpr std::size_t kMostFollowed = 8;
  for (const std::string& one : uses) {
    const Entry* entry = client.closure().find(one);
    if (entry != nullptr && !entry->posts() && options.resources.size() < kMostFollowed)
      options.resources.push_back(one);
  }
  if (options.resources.empty()) {
    out.asked = false;
    out.what = "not asked: it updates no resource that is fetched without input";
    co_return out;
  }
  options.updates = options.resources.size();
  options.duration = std::chrono::seconds(10);
  options.reconnects = 1;
  const std::uint64_t wanted = options.updates;
  Watcher watcher(client, clock, std::move(options));
  const auto done = co_await watcher.run();
  if (!done)
    out.problem = done.error().message;
  else if (watcher.updates() < wanted)
    out.problem = fmt::format("{} of {} resources came within 10 s", watcher.updates(), wanted);
  co_return out;
}

}  // namespace

awaitable<std::vector<Visit>> visit_all(Client& client, net::Clock& clock) {
  std::vector<Visit> out;
  // Entries are copied: what is asked may take long, and a resource is small.
  std::vector<Entry> entries;
  for (const auto& [id, entry] : client.closure().entries) entries.push_back(entry);
  // Network maps first, so that what depends on them can be judged; services last.
  const auto order = [](const Entry& entry) { return entry.is_network_map() ? 0 : entry.posts() ? 2 : 1; };
  std::stable_sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) { return order(a) < order(b); });
  std::map<std::string, Sample> samples;
  for (const Entry& entry : entries) {
    if (entry.media_type() == message_type<Directory>().media_type) continue;
    const std::string id = entry.id;
    if (!entry.posts()) {
      Visit visit{id, "GET", {}, true};
      if (entry.is_cost_map()) {
        const auto costs = co_await client.costs(id);
        if (!costs) visit.problem = costs.error().message;
      } else {
        const auto answer = co_await client.get(id);
        if (!answer) visit.problem = answer.error().message;
        const auto* map = answer ? body_of<NetworkMap>(*answer->response) : nullptr;
        if (map != nullptr && map->pids) samples[id] = sample_of(*map);
      }
      out.push_back(std::move(visit));
      continue;
    }
    if (entry.accepts() == message_type<UpdateStreamParams>().media_type) {
      Visit visit = co_await visit_stream(client, clock, id, entry.uses());
      out.push_back(std::move(visit));
      continue;
    }
    auto sample = samples.find(client.closure().default_map);
    for (const std::string& used : entry.uses()) {
      if (samples.contains(used)) sample = samples.find(used);
    }
    Sample known = sample != samples.end() ? sample->second : Sample{};
    for (const std::string& used : entry.uses()) {
      const Entry* resource = client.closure().find(used);
      if (resource != nullptr && !resource->posts() && known.followed.empty()) known.followed = used;
    }
    const auto inputs = inputs_for(entry, known);
    if (inputs.empty()) out.push_back({id, "not asked: nothing is known to ask about", {}, false});
    for (const std::string& input : inputs) {
      Visit visit{id, "POST " + input, {}, true};
      const auto answer = co_await client.post(id, input);
      if (!answer) visit.problem = answer.error().message;
      out.push_back(std::move(visit));
    }
  }
  co_return out;
}

}  // namespace peerscope::alto
