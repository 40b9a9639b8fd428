// SPDX-License-Identifier: GPL-2.0-or-later
// Checks of network maps, cost maps, endpoint services and multi-cost (RFC 7285 section 11, RFC 8189).
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "protocols/alto/address.h"
#include "protocols/alto/check_support.h"
#include "protocols/alto/checks.h"
#include "protocols/alto/constraint.h"
#include "protocols/alto/names.h"

namespace peerscope::alto::checks {
namespace {

bool is_filtered_answer(const CheckInput& in) {
  return body_of<NetworkMapFilter>(in.request) != nullptr;
}

std::set<std::string_view> set_of(const std::optional<std::vector<std::string>>& list) {
  std::set<std::string_view> out;
  if (list) out.insert(list->begin(), list->end());
  return out;
}

// What of a cost is no number although nothing allows anything else. `path` is whether path vectors may stand here.
void no_number(const CheckInput& in, Reporter& r) {
  const auto costs = costs_of(in.message);
  if (!costs || costs->multi || costs->calendar || costs->mode_is(0, kArray)) return;
  each_cost(in.message, [&](const Event& event) {
    if (event.field != &kCost)
      r.at(&event, fmt::format("the cost to {} is no number: {}", clip_text(event.label, 80),
                               event.field == &kCostList ? "an array" : clip_text(event.text, 40)));
  });
}

// Calls body(event, type) for each number that is a cost of one of the answer's types.
template <class F>
void each_number(const CheckInput& in, const Costs& costs, F&& body) {
  each(in.message, kCost, [&](const Event& event) {
    if (!event.has_real) return;
    std::size_t type = 0;
    if (costs.multi) {
      // The outermost array's place tells the type.
      const Event* at = &event;
      while (at->key == nullptr && parent_of(in.message, *at) != nullptr && parent_of(in.message, *at)->key == nullptr)
        at = parent_of(in.message, *at);
      type = at->index < 0 ? costs.types.size() : static_cast<std::size_t>(at->index);
    }
    if (type < costs.types.size()) body(event, *costs.types[type]);
  });
}

void ordinal(const CheckInput& in, Reporter& r) {
  const auto costs = costs_of(in.message);
  if (!costs) return;
  each_number(in, *costs, [&](const Event& event, const CostType& type) {
    if (type.cost_mode == kOrdinal && (event.real < 0 || event.real != std::floor(event.real)))
      r.at(&event, fmt::format("an ordinal cost is {}, expected a non-negative integer", event.text));
  });
}

void one_dependency(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<CostMap>(in.message);
  if (m == nullptr || !m->meta || !in.message.whole()) return;
  if (m->meta->dependent_vtags.size() > 1)
    r.at(in.message.first(kDependentVtags),
         fmt::format("dependent-vtags has {} elements, expected one", m->meta->dependent_vtags.size()));
}

// The requested cost types against what a resource offers.
void offered(const CheckInput& in, Reporter& r, bool multi) {
  const CostRequest* asked = cost_request(&in.message);
  if (asked == nullptr || asked->multi_cost_types.empty() == multi) return;
  const auto* resource = session_of(in)->target_of(in.message);
  if (resource == nullptr || resource->cost_types.empty()) return;
  for (const CostType* type : requested_types(*asked)) {
    if (!type->cost_metric || !type->cost_mode) continue;
    const bool known = std::any_of(resource->cost_types.begin(), resource->cost_types.end(), [&](const CostType& one) {
      return one.cost_metric == type->cost_metric && one.cost_mode == type->cost_mode;
    });
    if (!known)
      r.at(in.message.first(multi ? kMultiCostTypes : kCostType),
           fmt::format("{} is not offered by this resource", cost_type_text(*type)));
  }
}

void constraint_grammar(const CheckInput& in, Reporter& r) {
  for (const Field* field : {&kConstraints, &kOrConstraint}) {
    each(in.message, *field, [&](const Event& event) {
      if (event.has_text && !parse_constraint(event.text))
        r.at(&event, fmt::format("\"{}\" is no operator and number", clip_text(event.text, 80)));
    });
  }
}

bool all_pass(const std::vector<std::string>& constraints, double cost) {
  return std::all_of(constraints.begin(), constraints.end(), [&](const std::string& text) {
    const auto constraint = parse_constraint(text);
    return !constraint || constraint->index > 0 || constraint->passes(cost);
  });
}

// The endpoints of a list by value; texts that are none stay out.
std::set<IpAddress> addresses_of(const std::optional<std::vector<std::string>>& list) {
  std::set<IpAddress> out;
  if (!list) return out;
  for (const std::string& text : *list) {
    if (const auto address = parse_endpoint(text).value(); address) out.insert(*address);
  }
  return out;
}

bool is_json_text(const CheckInput& in, const Event& event) {
  return in.message.view().substr(event.offset).starts_with('"');
}

const std::string* dependency(const Message& message, std::string_view resource) {
  const auto find = [&](const std::vector<DependentTag>& tags) -> const std::string* {
    for (const DependentTag& tag : tags) {
      if (tag.resource_id == resource && tag.tag) return &*tag.tag;
    }
    return nullptr;
  };
  const auto* m = body_of<EndpointProperties>(message);
  return m != nullptr && m->meta ? find(m->meta->dependent_vtags) : nullptr;
}

}  // namespace

void nm_02(const CheckInput& in, Reporter& r) {
  if (is<NetworkMap>(in) || in.message.type == nullptr) return;
  for (const Event& event : in.message.events) {
    if (event.unknown && !event.inner && event.depth == 1 && event.label == kNetworkMapData.name)
      r.at(&event, fmt::format("a network map travels as {}", in.message.type->media_type));
  }
}

void nm_03(const CheckInput& in, Reporter& r) {
  if (is<NetworkMap>(in)) claim(in, r, {&kVtag}, {Shape::kMissing, Shape::kWrongType});
}

void nm_04(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<NetworkMap>(in.message);
  const SessionState& state = *session_of(in);
  if (m == nullptr || !m->meta || !m->meta->vtag || !m->meta->vtag->resource_id || !state.closed()) return;
  const auto* known = state.find(*m->meta->vtag->resource_id);
  if (known == nullptr || known->media_type != message_type<NetworkMap>().media_type)
    r.at(in.message.first(kVtagResourceId),
         fmt::format("{} is no network map of the directory", clip_text(*m->meta->vtag->resource_id, 80)));
}

void nm_05(const CheckInput& in, Reporter& r) {
  claim(in, r, {&kNetworkMapData}, {Shape::kMissing, Shape::kWrongType});
}

void nm_06(const CheckInput& in, Reporter& r) {
  each_key(in.message, kPid, [&](const Event& event) {
    const std::string fault = pid_name_fault(event.label, true);
    if (!event.label.empty() && !fault.empty()) r.at(&event, "PID name " + fault);
  });
}

void nm_07(const CheckInput& in, Reporter& r) {
  claim(in, r, {&kAddressGroup}, {Shape::kWrongType});
}

void nm_13(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<NetworkMap>(in.message);
  if (m == nullptr || !m->pids || is_filtered_answer(in) || !in.message.whole()) return;
  std::vector<PrefixTable::Entry> entries;
  for (const auto& [pid, group] : m->pids->groups.entries) {
    for (const auto& [type, prefixes] : group.prefixes.entries) {
      for (const std::string& text : prefixes) {
        if (const auto prefix = parse_prefix(type, text); prefix) entries.push_back({prefix->prefix, 0});
      }
    }
  }
  const PrefixTable table(std::move(entries));
  for (const bool v6 : {false, true}) {
    if (table.has(v6) && !table.complete(v6))
      r.at(in.message.first(kNetworkMapData),
           fmt::format("some {} addresses are in no PID; {} somewhere would hold the rest", v6 ? kIpv6 : kIpv4,
                       v6 ? "::/0" : "0.0.0.0/0"));
  }
}

namespace {

// The same prefix in two PIDs, or twice in one.
void repeated(const CheckInput& in, Reporter& r, bool same_pid) {
  struct First {
    std::uint32_t pid;
    bool told;
  };
  std::map<IpPrefix, First> seen;
  each(in.message, kPrefix, [&](const Event& event) {
    if (!event.has_text) return;
    const auto prefix = parse_prefix(event.label, event.text);
    if (!prefix) return;
    const auto [at, fresh] = seen.try_emplace(prefix->prefix, First{event.parent, false});
    if (fresh || (at->second.pid == event.parent) != same_pid) return;
    r.at(&event, fmt::format("{} is in {} already", prefix->prefix.text(),
                             same_pid ? "this PID" : fmt::format("PID {}", in.message.events[at->second.pid].label)));
  });
}

}  // namespace

void nm_14(const CheckInput& in, Reporter& r) {
  repeated(in, r, false);
}
void nm_15(const CheckInput& in, Reporter& r) {
  repeated(in, r, true);
}

void nm_17(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<NetworkMap>(in.message);
  if (m == nullptr || is_filtered_answer(in) || !m->meta || !m->meta->vtag || !m->meta->vtag->resource_id ||
      !m->meta->vtag->tag || !in.message.whole())
    return;
  const SessionState& state = *session_of(in);
  const auto maps = state.maps.find(*m->meta->vtag->resource_id);
  const auto* before = maps != state.maps.end() ? maps->second.find(*m->meta->vtag->tag) : nullptr;
  // Without its request a filtered map looks like another full one: nothing is said when it only says less.
  if (before == nullptr || before->content == content_of(*m)) return;
  const bool more = m->pids && std::any_of(m->pids->groups.entries.begin(), m->pids->groups.entries.end(),
                                           [&](const auto& entry) { return !before->pids.contains(entry.first); });
  if (in.request == nullptr && !more && m->pids && m->pids->groups.size() < before->pids.size()) return;
  r.at(in.message.first(kVtagTag),
       fmt::format("version {} of {} had another content before", *m->meta->vtag->tag, *m->meta->vtag->resource_id));
}

void cm_02(const CheckInput& in, Reporter& r) {
  if (!is<CostMap>(in)) return;
  claim(in, r, {&kDependentVtags}, {Shape::kMissing, Shape::kWrongType, Shape::kEmptyList, Shape::kSingleForList});
  one_dependency(in, r);
}

void cm_03(const CheckInput& in, Reporter& r) {
  const SessionState& state = *session_of(in);
  if (!is<CostMap>(in) || !state.closed()) return;
  each(in.message, kDepResourceId, [&](const Event& event) {
    const bool used = std::any_of(state.resources.begin(), state.resources.end(), [&](const auto& entry) {
      const auto& uses = entry.second.uses;
      return std::find(uses.begin(), uses.end(), event.text) != uses.end();
    });
    if (!used) r.at(&event, fmt::format("no cost map of the directory uses {}", clip_text(event.text, 80)));
  });
}

void cm_04(const CheckInput& in, Reporter& r) {
  if (is<CostMap>(in)) claim(in, r, {&kCostType}, {Shape::kMissing, Shape::kWrongType});
}

void cm_05(const CheckInput& in, Reporter& r) {
  const SessionState& state = *session_of(in);
  const auto costs = costs_of(in.message);
  if (!is<CostMap>(in) || !costs || costs->multi || !state.closed()) return;
  const CostType& type = *costs->types.front();
  if (!type.cost_metric || !type.cost_mode) return;
  const bool offered_somewhere = std::any_of(state.resources.begin(), state.resources.end(), [&](const auto& entry) {
    return std::any_of(entry.second.cost_types.begin(), entry.second.cost_types.end(), [&](const CostType& one) {
      return one.cost_metric == type.cost_metric && one.cost_mode == type.cost_mode;
    });
  });
  if (!offered_somewhere)
    r.at(in.message.first(kCostType), fmt::format("the directory offers no costs {}", cost_type_text(type)));
}

void cm_06(const CheckInput& in, Reporter& r) {
  claim(in, r, {&kCostMapData}, {Shape::kMissing, Shape::kWrongType});
  if (!is<CostMap>(in)) return;
  claim(in, r, {&kCostRow}, {Shape::kWrongType});
  for (const Field* key : {&kSourcePid, &kDestinationPid}) {
    each_key(in.message, *key, [&](const Event& event) {
      const std::string fault = pid_name_fault(event.label, true);
      if (!event.label.empty() && !fault.empty()) r.at(&event, "PID name " + fault);
    });
  }
}

void cm_07(const CheckInput& in, Reporter& r) {
  if (is<CostMap>(in)) no_number(in, r);
}

void cm_11(const CheckInput& in, Reporter& r) {
  if (is<CostMap>(in)) ordinal(in, r);
}

void cm_13(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<CostMap>(in.message);
  if (m == nullptr || !m->meta || m->meta->dependent_vtags.empty()) return;
  const DependentTag& tag = m->meta->dependent_vtags.front();
  const SessionState& state = *session_of(in);
  const auto maps = tag.resource_id ? state.maps.find(*tag.resource_id) : state.maps.end();
  const auto* version = maps != state.maps.end() && tag.tag ? maps->second.find(*tag.tag) : nullptr;
  if (version == nullptr) return;
  for (const Field* key : {&kSourcePid, &kDestinationPid}) {
    each_key(in.message, *key, [&](const Event& event) {
      if (!version->pids.contains(std::string(event.label)))
        r.at(&event, fmt::format("{} is no PID of {} {}", clip_text(event.label, 80), *tag.resource_id, *tag.tag));
    });
  }
}

void cm_14(const CheckInput& in, Reporter& r) {
  if (!is<CostMap>(in)) return;
  const SessionState& state = *session_of(in);
  each(in.message, kDependentVtags, [&](const Event& event) {
    const Event* id = child(in.message, event, kDepResourceId);
    const Event* tag = child(in.message, event, kDepTag);
    if (id == nullptr || tag == nullptr) return;
    const auto maps = state.maps.find(id->text);
    if (maps == state.maps.end() || maps->second.versions.empty()) return;
    const std::string& latest = maps->second.versions.back().tag;
    if (tag->text != latest)
      r.at(tag, fmt::format("the costs belong to version {} of {}, the latest network map seen is {}",
                            clip_text(tag->text, 80), id->text, latest));
  });
}

void cm_17(const CheckInput& in, Reporter& r) {
  each(in.message, kCost, [&](const Event& event) {
    if (event.has_real && event.real < 0) r.at(&event, fmt::format("the cost is negative: {}", event.text));
  });
}

void fnm_02(const CheckInput& in, Reporter& r) {
  claim(in, r, {&kFilterPids, &kAddressTypes}, {Shape::kMissing, Shape::kWrongType});
}

void fnm_06(const CheckInput& in, Reporter& r) {
  const auto* asked = body_of<NetworkMapFilter>(in.request);
  const auto* m = body_of<NetworkMap>(in.message);
  if (asked == nullptr || m == nullptr || !asked->pids || asked->pids->empty()) return;
  const auto wanted = set_of(asked->pids);
  each_key(in.message, kPid, [&](const Event& event) {
    if (!wanted.contains(event.label))
      r.at(&event, fmt::format("PID {} was not asked for", clip_text(event.label, 80)));
  });
}

void fnm_08(const CheckInput& in, Reporter& r) {
  const auto* asked = body_of<NetworkMapFilter>(in.request);
  if (asked == nullptr || !is<NetworkMap>(in) || !asked->address_types || asked->address_types->empty()) return;
  const auto wanted = set_of(asked->address_types);
  each_key(in.message, kAddressType, [&](const Event& event) {
    if (!wanted.contains(event.label))
      r.at(&event, fmt::format("address type {} was not asked for", clip_text(event.label, 80)));
  });
}

void fnm_10(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<NetworkMap>(in.message);
  if (m == nullptr || !is_filtered_answer(in) || !m->meta || !m->meta->vtag || !m->meta->vtag->resource_id) return;
  const auto* known = session_of(in)->find(*m->meta->vtag->resource_id);
  if (known != nullptr && !known->accepts.empty())
    r.at(in.message.first(kVtagResourceId),
         fmt::format("{} is the filtered resource, expected the full map's ID", *m->meta->vtag->resource_id));
}

void fcm_02(const CheckInput& in, Reporter& r) {
  const CostRequest* asked = cost_request(&in.message);
  if (asked == nullptr || !is<CostMapFilter>(in) || !in.message.whole()) return;
  claim(in, r, {&kCostType}, {Shape::kWrongType});
  if (!asked->multi_cost_types.empty()) return;
  if (!asked->cost_type) return r.whole("cost-type is missing");
  for (const Field* member : {&kCostMetric, &kCostMode}) {
    if (child(in.message, *in.message.first(kCostType), *member) == nullptr)
      r.at(in.message.first(kCostType), fmt::format("{} is missing", member->name));
  }
}

void fcm_03(const CheckInput& in, Reporter& r) {
  if (is<CostMapFilter>(in)) offered(in, r, false);
}

void fcm_04(const CheckInput& in, Reporter& r) {
  if (cost_request(&in.message) == nullptr) return;
  each(in.message, kCostDescription, [&](const Event& event) { r.at(&event, "a request has a description"); });
}

void fcm_06(const CheckInput& in, Reporter& r) {
  const CostRequest* asked = cost_request(&in.message);
  if (asked == nullptr || !asked->constraints || asked->constraints->empty()) return;
  const auto* resource = session_of(in)->target_of(in.message);
  if (resource == nullptr || resource->capabilities.cost_constraints == true || !resource->testable.empty()) return;
  r.at(in.message.first(kConstraints), "constraints are sent to a resource that does not offer cost-constraints");
}

void fcm_07(const CheckInput& in, Reporter& r) {
  if (!is<CostMapFilter>(in)) return;
  claim(in, r, {&kConstraints}, {Shape::kWrongType});
  constraint_grammar(in, r);
}

void fcm_11(const CheckInput& in, Reporter& r) {
  const CostRequest* asked = cost_request(in.request);
  const auto costs = costs_of(in.message);
  if (asked == nullptr || !asked->constraints || !asked->testable_cost_types.empty() || !costs || costs->multi ||
      costs->calendar)
    return;
  each_cost(in.message, [&](const Event& event) {
    if (event.has_real && !all_pass(*asked->constraints, event.real))
      r.at(&event, fmt::format("the cost {} fails a constraint of the request", event.text));
  });
}

void fcm_12(const CheckInput& in, Reporter& r) {
  const auto* asked = body_of<CostMapFilter>(in.request);
  if (asked == nullptr || !asked->pids || !is<CostMap>(in)) return;
  const auto only = [&](const Field& key, const std::optional<std::vector<std::string>>& list, const char* what) {
    const auto wanted = set_of(list);
    if (wanted.empty()) return;
    each_key(in.message, key, [&](const Event& event) {
      if (!wanted.contains(event.label))
        r.at(&event, fmt::format("{} {} was not asked for", what, clip_text(event.label, 80)));
    });
  };
  only(kSourcePid, asked->pids->srcs, "source");
  only(kDestinationPid, asked->pids->dsts, "destination");
}

void fcm_15(const CheckInput& in, Reporter& r) {
  if (is<CostMapFilter>(in))
    claim(in, r, {&kSourcePids, &kDestinationPids, &kCostPids}, {Shape::kMissing, Shape::kWrongType});
}

void fcm_19(const CheckInput& in, Reporter& r) {
  if (!in.message.whole()) return;
  const CostRequest* asked = cost_request(in.request);
  const auto costs = costs_of(in.message);
  if (asked == nullptr || !asked->cost_type || !asked->multi_cost_types.empty() || !costs || costs->multi) return;
  const CostType& type = *costs->types.front();
  if (!asked->cost_type->cost_metric || !asked->cost_type->cost_mode) return;
  if (type.cost_metric != asked->cost_type->cost_metric || type.cost_mode != asked->cost_type->cost_mode)
    r.at(in.message.first(kCostType),
         fmt::format("the costs are {}, asked for were {}", cost_type_text(type), cost_type_text(*asked->cost_type)));
}

void fcm_22(const CheckInput& in, Reporter& r) {
  if (!in.message.whole()) return;
  if (!is<CostMap>(in) || body_of<CostMapFilter>(in.request) == nullptr) return;
  each(in.message, kCostRow, [&](const Event& event) {
    const auto index = static_cast<std::uint32_t>(&event - in.message.events.data());
    if (event.end == index + 1) r.at(&event, fmt::format("source {} has no destinations", clip_text(event.label, 80)));
  });
}

void eps_02(const CheckInput& in, Reporter& r) {
  if (is<EndpointPropertyParams>(in))
    claim(in, r, {&kProperties, &kEndpoints}, {Shape::kMissing, Shape::kWrongType, Shape::kEmptyList});
}

void eps_03(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<EndpointPropertyParams>(in.message);
  if (m == nullptr) return;
  const auto* resource = session_of(in)->target_of(in.message);
  if (resource == nullptr || !resource->capabilities.prop_types) return;
  const auto offered_names = set_of(resource->capabilities.prop_types);
  each(in.message, kProperties, [&](const Event& event) {
    if (!offered_names.contains(event.text))
      r.at(&event, fmt::format("property {} is not offered by this resource", clip_text(event.text, 80)));
  });
}

void eps_05(const CheckInput& in, Reporter& r) {
  const auto* asked = body_of<EndpointPropertyParams>(in.request);
  const auto* m = body_of<EndpointProperties>(in.message);
  if (asked == nullptr || m == nullptr || !m->properties || !in.message.whole()) return;
  std::set<IpAddress> answered;
  for (const auto& [endpoint, values] : m->properties->endpoints.entries) {
    if (const auto address = parse_endpoint(endpoint).value(); address) answered.insert(*address);
  }
  for (const std::string& text : asked->endpoints) {
    const auto address = parse_endpoint(text).value();
    if (address && !answered.contains(*address))
      r.at(in.message.first(kEndpointPropertiesData), fmt::format("{} was asked for and is not in the answer", text));
  }
}

void eps_07(const CheckInput& in, Reporter& r) {
  if (!is<EndpointProperties>(in)) return;
  claim(in, r, {&kEndpointPropertiesData, &kPropertyGroup}, {Shape::kMissing, Shape::kWrongType});
  each(in.message, kPropertyValue, [&](const Event& event) {
    if (!is_json_text(in, event))
      r.at(&event,
           fmt::format("the value of {} is no text: {}", clip_text(event.label, 80), clip_text(event.text, 40)));
  });
}

void eps_08(const CheckInput& in, Reporter& r) {
  if (!is<EndpointProperties>(in) || !in.message.whole()) return;
  std::set<std::string_view> told;
  each_key(in.message, kPropertyName, [&](const Event& event) {
    const ScopedName name = split_scoped(event.label);
    if (!name.scoped || name.name != kPidProperty || dependency(in.message, name.resource) != nullptr) return;
    if (told.insert(name.resource).second)
      r.at(&event, fmt::format("{} is given and dependent-vtags has no version of {}", event.label, name.resource));
  });
}

void eps_09(const CheckInput& in, Reporter& r) {
  if (!is<EndpointProperties>(in)) return;
  const SessionState& state = *session_of(in);
  each_key(in.message, kPropertyName, [&](const Event& event) {
    const ScopedName name = split_scoped(event.label);
    const Event* endpoint = parent_of(in.message, event);
    const auto maps = state.maps.find(name.resource);
    const std::string* tag = dependency(in.message, name.resource);
    if (name.name != kPidProperty || endpoint == nullptr || maps == state.maps.end() || tag == nullptr) return;
    const auto* version = maps->second.find(*tag);
    const auto address = parse_endpoint(endpoint->label).value();
    if (version == nullptr || !address) return;
    const std::uint32_t at = version->table.find(*address);
    const std::string_view right = at == PrefixTable::kNone ? std::string_view{} : version->names[at];
    if (event.text != right)
      r.at(&event, fmt::format("{} is in PID {} of {} {}, not in {}", endpoint->label, right.empty() ? "none" : right,
                               name.resource, *tag, clip_text(event.text, 80)));
  });
}

void eps_10(const CheckInput& in, Reporter& r) {
  const auto* asked = body_of<EndpointPropertyParams>(in.request);
  if (asked == nullptr || !is<EndpointProperties>(in)) return;
  const std::set<std::string_view> wanted(asked->properties.begin(), asked->properties.end());
  each_key(in.message, kPropertyName, [&](const Event& event) {
    if (!wanted.contains(event.label))
      r.at(&event, fmt::format("property {} was not asked for", clip_text(event.label, 80)));
  });
}

void eps_11(const CheckInput& in, Reporter& r) {
  static constexpr Place kPlaces[] = {{&kEndpoints, false}, {&kEndpoint, true}};
  each_name(in.message, kPlaces, [&](const Event& event, std::string_view text) {
    if (parse_endpoint(text).prefix) r.at(&event, fmt::format("{} is a prefix, an endpoint is an address", text));
  });
}

void ecs_02(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<EndpointCostParams>(in.message);
  if (m == nullptr || !in.message.whole()) return;
  claim(in, r, {&kCostEndpoints, &kSourceEndpoints, &kDestinationEndpoints, &kCostType},
        {Shape::kMissing, Shape::kWrongType});
  if (!m->multi_cost_types.empty()) return;
  if (!m->cost_type) return r.whole("cost-type is missing");
  for (const Field* member : {&kCostMetric, &kCostMode}) {
    if (child(in.message, *in.message.first(kCostType), *member) == nullptr)
      r.at(in.message.first(kCostType), fmt::format("{} is missing", member->name));
  }
}

void ecs_03(const CheckInput& in, Reporter& r) {
  if (is<EndpointCostParams>(in)) offered(in, r, false);
}

void ecs_05(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<EndpointCostParams>(in.message);
  if (m == nullptr || !m->endpoints || !in.message.whole()) return;
  const auto none = [](const auto& list) { return !list || list->empty(); };
  if (none(m->endpoints->srcs) && none(m->endpoints->dsts))
    r.at(in.message.first(kCostEndpoints), "srcs and dsts are both empty");
}

void ecs_07(const CheckInput& in, Reporter& r) {
  if (!is<EndpointCostParams>(in)) return;
  claim(in, r, {&kConstraints}, {Shape::kWrongType});
  constraint_grammar(in, r);
}

void ecs_08(const CheckInput& in, Reporter& r) {
  if (is<EndpointCosts>(in)) claim(in, r, {&kCostType}, {Shape::kMissing, Shape::kWrongType});
}

void ecs_09(const CheckInput& in, Reporter& r) {
  if (!is<EndpointCosts>(in)) return;
  claim(in, r, {&kEndpointCostMap, &kCostRow}, {Shape::kMissing, Shape::kWrongType});
  no_number(in, r);
}

void ecs_11(const CheckInput& in, Reporter& r) {
  const auto* asked = body_of<EndpointCostParams>(in.request);
  if (asked == nullptr || !asked->endpoints || !is<EndpointCosts>(in)) return;
  const auto only = [&](const Field& key, const std::optional<std::vector<std::string>>& list, const char* what) {
    const auto wanted = addresses_of(list);
    if (wanted.empty()) return;  // the client's own address, which only the server knows
    each_key(in.message, key, [&](const Event& event) {
      const auto address = parse_endpoint(event.label).value();
      if (address && !wanted.contains(*address))
        r.at(&event, fmt::format("{} {} was not asked for", what, clip_text(event.label, 80)));
    });
  };
  only(kSourceEndpoint, asked->endpoints->srcs, "source");
  only(kDestinationEndpoint, asked->endpoints->dsts, "destination");
}

void ecs_15(const CheckInput& in, Reporter& r) {
  static constexpr Place kPlaces[] = {{&kSourceEndpoints, false},
                                      {&kDestinationEndpoints, false},
                                      {&kSourceEndpoint, true},
                                      {&kDestinationEndpoint, true}};
  each_name(in.message, kPlaces, [&](const Event& event, std::string_view text) {
    if (parse_endpoint(text).prefix)
      r.at(&event, fmt::format("{} is a prefix; the text of section 11.5 allows it, the grammar does not", text));
  });
}

void ecs_16(const CheckInput& in, Reporter& r) {
  if (is<EndpointCosts>(in)) ordinal(in, r);
}

void mc_04(const CheckInput& in, Reporter& r) {
  const CostRequest* asked = cost_request(&in.message);
  if (asked == nullptr || asked->multi_cost_types.empty() || !asked->cost_type) return;
  if (asked->cost_type->cost_metric || asked->cost_type->cost_mode)
    r.at(in.message.first(kCostType), "cost-type and multi-cost-types stand together");
}

void mc_05(const CheckInput& in, Reporter& r) {
  const CostRequest* asked = cost_request(&in.message);
  if (asked == nullptr || asked->multi_cost_types.empty()) return;
  const auto* resource = session_of(in)->target_of(in.message);
  if (resource == nullptr) return;
  const auto most =
      static_cast<std::size_t>(std::max<std::int64_t>(resource->capabilities.max_cost_types.value_or(0), 0));
  if (asked->multi_cost_types.size() > most)
    r.at(in.message.first(kMultiCostTypes), fmt::format("{} cost types are asked for, the resource gives at most {}",
                                                        asked->multi_cost_types.size(), most));
}

void mc_06(const CheckInput& in, Reporter& r) {
  offered(in, r, true);
}

void mc_07(const CheckInput& in, Reporter& r) {
  const CostRequest* asked = cost_request(&in.message);
  if (asked == nullptr || asked->testable_cost_types.empty()) return;
  const auto* resource = session_of(in)->target_of(in.message);
  if (resource == nullptr) return;
  const auto& known = resource->capabilities.cost_constraints == true ? resource->cost_types : resource->testable;
  for (const CostType& type : asked->testable_cost_types) {
    const bool testable = std::any_of(known.begin(), known.end(), [&](const CostType& one) {
      return one.cost_metric == type.cost_metric && one.cost_mode == type.cost_mode;
    });
    if (!testable)
      r.at(in.message.first(kTestableCostTypes), fmt::format("{} is not testable here", cost_type_text(type)));
  }
}

void mc_08(const CheckInput& in, Reporter& r) {
  const CostRequest* asked = cost_request(&in.message);
  if (asked != nullptr && asked->constraints && asked->or_constraints)
    r.at(in.message.first(kConstraints), "constraints and or-constraints stand together");
}

void mc_09(const CheckInput& in, Reporter& r) {
  const CostRequest* asked = cost_request(&in.message);
  if (asked == nullptr || !asked->or_constraints || !in.message.whole()) return;
  const auto* lists = asked->or_constraints->array();
  const Event* place = in.message.first(kOrConstraints);
  if (place == nullptr) place = in.message.first(kNoConstraints);
  if (lists == nullptr || lists->empty()) return r.at(place, "or-constraints is no array with at least one list");
  for (const JsonValue& list : *lists) {
    if (list.array() == nullptr || list.array()->empty())
      return r.at(place, "a list of or-constraints is no array with at least one test");
  }
}

void mc_10(const CheckInput& in, Reporter& r) {
  const CostRequest* asked = cost_request(&in.message);
  if (asked == nullptr || !asked->or_constraints) return;
  const auto* resource = session_of(in)->target_of(in.message);
  if (resource == nullptr || resource->capabilities.cost_constraints == true || !resource->testable.empty()) return;
  r.at(in.message.first(kOrConstraints), "or-constraints are sent to a resource that tests nothing");
}

void mc_11(const CheckInput& in, Reporter& r) {
  if (cost_request(&in.message) == nullptr) return;
  const auto* resource = session_of(in)->target_of(in.message);
  if (resource == nullptr || resource->capabilities.max_cost_types.value_or(0) > 0) return;
  for (const Field* field : {&kConstraints, &kOrConstraint}) {
    each(in.message, *field, [&](const Event& event) {
      const auto constraint = parse_constraint(event.text);
      if (constraint && constraint->has_index)
        r.at(&event, fmt::format("{} has an index, and the resource knows no multi-cost", event.text));
    });
  }
}

void mc_12(const CheckInput& in, Reporter& r) {
  const CostRequest* asked = cost_request(&in.message);
  if (asked == nullptr || !in.message.whole()) return;
  const std::size_t count = !asked->testable_cost_types.empty() ? asked->testable_cost_types.size()
                            : !asked->multi_cost_types.empty()  ? asked->multi_cost_types.size()
                                                                : 1;
  for (const Field* field : {&kConstraints, &kOrConstraint}) {
    each(in.message, *field, [&](const Event& event) {
      const auto constraint = parse_constraint(event.text);
      if (constraint && constraint->index >= count)
        r.at(&event, fmt::format("{} counts beyond the {} cost types of the request", event.text, count));
    });
  }
}

void mc_13(const CheckInput& in, Reporter& r) {
  if (!in.message.whole()) return;
  const CostRequest* asked = cost_request(in.request);
  const auto costs = costs_of(in.message);
  if (asked == nullptr || asked->multi_cost_types.empty() || !costs) return;
  const auto wanted = requested_types(*asked);
  const bool same = costs->multi && costs->types.size() == wanted.size() &&
                    std::equal(wanted.begin(), wanted.end(), costs->types.begin(), [](const auto* a, const auto* b) {
                      return a->cost_metric == b->cost_metric && a->cost_mode == b->cost_mode;
                    });
  if (!same)
    r.at(in.message.first(costs->multi ? kMultiCostTypes : kCostType),
         "multi-cost-types are not those of the request in their order");
}

void mc_14(const CheckInput& in, Reporter& r) {
  const auto costs = costs_of(in.message);
  if (!costs || !costs->multi) return;
  const Event* type = in.message.first(kCostType);
  const auto index = type == nullptr ? 0 : static_cast<std::size_t>(type - in.message.events.data());
  if (type != nullptr && type->end != index + 1) r.at(type, "cost-type beside multi-cost-types is not empty");
}

void mc_15(const CheckInput& in, Reporter& r) {
  const auto costs = costs_of(in.message);
  if (!costs || !costs->multi || !in.message.whole()) return;
  each_cost(in.message, [&](const Event& event) {
    if (event.field != &kCostList) {
      if (costs->types.size() > 1) r.at(&event, "a cost of a multi-cost answer is no array");
      return;
    }
    std::size_t count = 0;
    each_child(in.message, event, [&](const Event&) { ++count; });
    if (count != costs->types.size())
      r.at(&event, fmt::format("a cost has {} elements for {} cost types", count, costs->types.size()));
  });
}

void mc_16(const CheckInput& in, Reporter& r) {
  const auto costs = costs_of(in.message);
  if (!costs || !costs->multi) return;
  each_cost(in.message, [&](const Event& event) {
    if (event.field != &kCostList) return;
    each_child(in.message, event, [&](const Event& element) {
      const bool missing = element.field == &kCostAne || (element.field == &kNoCost && element.text != "null");
      if (missing && !costs->mode_is(static_cast<std::size_t>(std::max(element.index, 0)), kArray))
        r.at(&element,
             fmt::format("an element is {}; where there is no value stands null", clip_text(element.text, 40)));
    });
  });
}

void mc_18(const CheckInput& in, Reporter& r) {
  const auto costs = costs_of(in.message);
  if (!costs || !costs->multi || costs->types.size() != 1) return;
  each_cost(in.message, [&](const Event& event) {
    if (event.field != &kCostList) r.at(&event, "with one multi-cost-type a cost is still an array of one");
  });
}

void mc_19(const CheckInput& in, Reporter& r) {
  const CostRequest* asked = cost_request(in.request);
  const auto costs = costs_of(in.message);
  if (asked != nullptr && asked->multi_cost_types.empty() && costs && costs->multi)
    r.at(in.message.first(kMultiCostTypes), "the request had one cost-type, the answer has multi-cost-types");
}

void mc_23(const CheckInput& in, Reporter& r) {
  const CostRequest* asked = cost_request(&in.message);
  if (asked != nullptr && !asked->multi_cost_types.empty() && asked->cost_type && !asked->cost_type->cost_metric &&
      !asked->cost_type->cost_mode)
    r.at(in.message.first(kCostType), "an empty cost-type stands beside multi-cost-types; it counts as absent");
}

}  // namespace peerscope::alto::checks
