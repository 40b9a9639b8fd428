// SPDX-License-Identifier: GPL-2.0-or-later
// Ranking of endpoints: with maps, locally by longest-prefix match (RFC 7285 section 11.2.2), or by the endpoint cost
// service (section 11.5).
#include <fmt/format.h>

#include <algorithm>

#include "protocols/alto/names.h"
#include "reference-impl/alto/client.h"

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the frame allocator of Asio's coroutines for a mismatch once it has inlined half of it.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace peerscope::alto {
namespace {

using net::ErrorKind;
using net::Result;
using net::asio::awaitable;

// Lower is better, except for what measures how much goes through (RFC 9439 section 5).
bool higher_is_better(std::string_view metric) {
  const std::string_view base = split_metric(metric).base;
  return base == "tput" || base.starts_with("bw-");
}

void put_best_first(std::vector<Ranked>& list, bool higher) {
  std::stable_sort(list.begin(), list.end(), [higher](const Ranked& a, const Ranked& b) {
    if (a.cost.has_value() != b.cost.has_value()) return a.cost.has_value();
    if (!a.cost) return false;
    return higher ? *a.cost > *b.cost : *a.cost < *b.cost;
  });
}

// The type as a request names it: descriptions are for people (A-FCM-04).
CostType asked_type(const CostType& offered, bool with_description) {
  CostType out = offered;
  if (!with_description) out.description.reset();
  if (with_description && !out.description) out.description = "as offered";
  return out;
}

std::string no_type(const RankWish& wish) {
  return fmt::format("{}{}{}", wish.metric, wish.mode.empty() ? "" : " ", wish.mode);
}

}  // namespace

Result<const Entry*> Client::map_for(const RankWish& wish) const {
  std::string id = wish.map.empty() ? closure_.default_map : wish.map;
  if (id.empty()) {
    // Without a default the only one will do.
    for (const auto& [name, one] : closure_.entries) {
      if (!one.is_network_map()) continue;
      if (!id.empty())
        return net::Error{ErrorKind::kLocal,
                          "the directory names no default network map and has several; choose with --map"};
      id = name;
    }
    if (id.empty()) return net::Error{ErrorKind::kMalformed, "the directory has no network map"};
  }
  auto found = entry(id);
  if (found && !(*found)->is_network_map())
    return net::Error{ErrorKind::kLocal, fmt::format("{} is {}, not a network map", id, (*found)->media_type())};
  return found;
}

// Whole maps are preferred: they can be cached (RFC 7285 section 9.2.5.1).
const Entry* Client::costs_for(const RankWish& wish, std::string_view map, bool filtered) const {
  const std::string filter = message_type<CostMapFilter>().media_type;
  for (const auto& [id, one] : closure_.entries) {
    if (one.media_type() != message_type<CostMap>().media_type) continue;
    if (filtered ? one.accepts() != filter : one.posts()) continue;
    if (std::find(one.uses().begin(), one.uses().end(), map) == one.uses().end()) continue;
    if (one.offers(wish.metric, wish.mode) != nullptr) return &one;
  }
  return nullptr;
}

awaitable<Result<Ranking>> Client::rank(RankWish wish) {
  for (std::string& endpoint : wish.to) {
    auto typed = typed_endpoint(endpoint);
    if (!typed) co_return typed.error();
    endpoint = std::move(*typed);
  }
  if (wish.to.empty()) {
    const net::Error error{ErrorKind::kLocal, "no endpoint to rank; give --to"};
    co_return error;
  }
  if (!wish.from.empty()) {
    auto typed = typed_endpoint(wish.from);
    if (!typed) co_return typed.error();
    wish.from = std::move(*typed);
  }
  const bool endpoints = wish.by == RankWish::By::kEcs || (wish.by == RankWish::By::kAuto && wish.from.empty());
  // No conditional operator with co_await in it: GCC 12 destroys what it yields twice.
  if (endpoints) {
    auto ranked = co_await rank_by_endpoints(wish);
    co_return ranked;
  }
  auto ranked = co_await rank_by_maps(wish);
  co_return ranked;
}

awaitable<Result<Ranking>> Client::rank_by_maps(RankWish wish) {
  const auto fail = [](std::string text, ErrorKind kind = ErrorKind::kLocal) {
    return net::Error{kind, std::move(text)};
  };
  if (wish.from.empty()) co_return fail("ranking by maps needs the own address; give --from, or use --by ecs");
  const auto map_entry = map_for(wish);
  if (!map_entry) co_return map_entry.error();
  const std::string map_id = (*map_entry)->id;
  const bool prefers_post = defect(ClientDefect::kPrefersPost) || !wish.constraints.empty();
  const Entry* costs_entry = costs_for(wish, map_id, prefers_post);
  if (costs_entry == nullptr) costs_entry = costs_for(wish, map_id, !prefers_post);
  if (costs_entry == nullptr) co_return fail(fmt::format("no costs {} for network map {}", no_type(wish), map_id));
  const CostType type = *costs_entry->offers(wish.metric, wish.mode);
  const std::string costs_id = costs_entry->id;

  auto map = co_await network_map(map_id);
  if (!map) co_return map.error();
  const IpAddress source = *parse_endpoint(wish.from).value();
  std::string input;
  if (costs_entry->posts()) {
    const bool constrains =
        costs_entry->resource.capabilities && costs_entry->resource.capabilities->cost_constraints.value_or(false);
    if (!wish.constraints.empty() && !constrains && !defect(ClientDefect::kUnofferedConstraints))
      co_return fail(costs_id + " takes no constraints");
    CostMapFilter filter;
    filter.cost_type = asked_type(type, defect(ClientDefect::kSendsDescription));
    if (defect(ClientDefect::kUnofferedCostType)) filter.cost_type->cost_metric = "priv:unheard-of";
    if (defect(ClientDefect::kBothCostTypes)) filter.multi_cost_types = {*filter.cost_type};
    if (!wish.constraints.empty()) filter.constraints = wish.constraints;
    if (defect(ClientDefect::kUnofferedConstraints)) filter.constraints = {"ge 0"};
    filter.pids.emplace();
    const std::string* pid = (*map)->pid_of(source);
    filter.pids->srcs.emplace();
    if (pid != nullptr) filter.pids->srcs->push_back(*pid);
    if (!defect(ClientDefect::kFilterSourcesOnly)) {
      filter.pids->dsts.emplace();
      for (const std::string& endpoint : wish.to) {
        const std::string* to = (*map)->pid_of(*parse_endpoint(endpoint).value());
        if (to != nullptr &&
            std::find(filter.pids->dsts->begin(), filter.pids->dsts->end(), *to) == filter.pids->dsts->end())
          filter.pids->dsts->push_back(*to);
      }
    }
    input = encode(filter);
  } else if (!wish.constraints.empty()) {
    co_return fail(fmt::format("no filtered cost map for {}, so constraints cannot be sent", no_type(wish)));
  }
  auto found = co_await costs(costs_id, input);
  if (!found) co_return found.error();

  Ranking out;
  out.cost_type = type;
  out.resource = costs_id;
  out.version = found->map->id + " " + found->map->tag;
  const std::string* from = found->map->pid_of(source);
  if (from == nullptr) co_return fail(fmt::format("{} is in no PID of {}", wish.from, map_id), ErrorKind::kMalformed);
  out.from_pid = *from;
  const auto* body = body_of<CostMap>(*found->answer.response);
  const PidCostRow* row = body->costs->rows.find(*from);
  for (const std::string& endpoint : wish.to) {
    Ranked one{endpoint, {}, {}};
    if (const std::string* pid = found->map->pid_of(*parse_endpoint(endpoint).value()); pid != nullptr) {
      one.pid = *pid;
      // What is missing is not defined (A-CM-09), and what is no number is no cost.
      const JsonValue* cost = row != nullptr ? row->costs.find(*pid) : nullptr;
      if (cost != nullptr && cost->number() != nullptr) one.cost = *cost->number();
    }
    out.best_first.push_back(std::move(one));
  }
  put_best_first(out.best_first, higher_is_better(wish.metric));
  co_return out;
}

awaitable<Result<Ranking>> Client::rank_by_endpoints(RankWish wish) {
  const auto fail = [](std::string text, ErrorKind kind = ErrorKind::kLocal) {
    return net::Error{kind, std::move(text)};
  };
  const std::string wanted = message_type<EndpointCosts>().media_type;
  const Entry* service = nullptr;
  for (const auto& [id, one] : closure_.entries) {
    if (one.media_type() == wanted && one.posts() && one.offers(wish.metric, wish.mode) != nullptr) service = &one;
  }
  if (service == nullptr) co_return fail(fmt::format("no endpoint cost service for {}", no_type(wish)));
  const CostType type = *service->offers(wish.metric, wish.mode);
  const bool constrains =
      service->resource.capabilities && service->resource.capabilities->cost_constraints.value_or(false);
  if (!wish.constraints.empty() && !constrains) co_return fail(service->id + " takes no constraints");
  EndpointCostParams params;
  params.cost_type = asked_type(type, defect(ClientDefect::kSendsDescription));
  if (defect(ClientDefect::kEcsUnofferedCostType)) params.cost_type->cost_metric = "priv:unheard-of";
  if (!wish.constraints.empty()) params.constraints = wish.constraints;
  params.endpoints.emplace();
  // Without a source the server takes the address that it sees (RFC 7285 section 11.5.1.3).
  if (!wish.from.empty()) params.endpoints->srcs = {wish.from};
  params.endpoints->dsts = wish.to;
  if (defect(ClientDefect::kEmptyEndpointLists)) {
    params.endpoints->srcs.emplace();
    params.endpoints->dsts.emplace();
  }
  Ranking out;
  out.cost_type = type;
  out.resource = service->id;
  auto answer = co_await post(service->id, encode(params));
  if (!answer) co_return answer.error();
  const auto* body = body_of<EndpointCosts>(*answer->response);
  if (body == nullptr || !body->costs) co_return fail("an answer without endpoint-cost-map", ErrorKind::kMalformed);
  // Addresses may come back in another spelling: they are compared by value (A-TYP-15).
  std::map<IpAddress, double> costs;
  const auto source = wish.from.empty() ? std::nullopt : parse_endpoint(wish.from).value();
  for (const auto& [from, row] : body->costs->rows.entries) {
    if (source && parse_endpoint(from).value() != source) continue;
    for (const auto& [to, cost] : row.costs.entries) {
      if (cost.number() == nullptr) continue;
      if (const auto address = parse_endpoint(to).value(); address) costs[*address] = *cost.number();
    }
  }
  for (const std::string& endpoint : wish.to) {
    Ranked one{endpoint, {}, {}};
    if (const auto found = costs.find(*parse_endpoint(endpoint).value()); found != costs.end())
      one.cost = found->second;
    out.best_first.push_back(std::move(one));
  }
  put_best_first(out.best_first, higher_is_better(wish.metric));
  co_return out;
}

}  // namespace peerscope::alto
