// SPDX-License-Identifier: GPL-2.0-or-later
// Checks of update streams, calendars, cost modes and metrics, property maps, CDNI, path vectors and TIPS.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "protocols/alto/address.h"
#include "protocols/alto/cdni_capability.h"
#include "protocols/alto/check_support.h"
#include "protocols/alto/checks.h"
#include "protocols/alto/names.h"
#include "protocols/base/json_value.h"

namespace peerscope::alto::checks {
namespace {

constexpr Place kEntityPlaces[] = {{&kEntity, true}, {&kEntities, false}};
constexpr Place kDomainPlaces[] = {{&kEntityDomain, true}};
constexpr Place kEntityPropertyPlaces[] = {
    {&kPropertyName, true}, {&kProperties, false}, {&kMappedProperty, false}, {&kAnePropertyNames, false}};

bool is_text(const CheckInput& in, const Event& event) {
  return in.message.view().substr(event.offset).starts_with('"');
}

bool is_about_entities(const CheckInput& in) {
  return is<PropertyMap>(in) || is<PropertyMapParams>(in) || is<Directory>(in) || cost_request(&in.message) != nullptr;
}

// Property names of RFC 9240; those of RFC 7285's endpoint properties have rows of their own.
template <class F>
void each_entity_property(const CheckInput& in, F&& body) {
  if (is_about_entities(in)) each_name(in.message, kEntityPropertyPlaces, body);
}

const SessionState::KnownResource* followed(const CheckInput& in, std::string_view id) {
  return session_of(in)->find(id);
}

// What an update stream or a TIPS service lets follow.
bool can_follow(const SessionState& state, std::string_view id, std::string_view input_type) {
  for (const auto& [name, resource] : state.resources) {
    if (resource.accepts == input_type &&
        std::find(resource.uses.begin(), resource.uses.end(), id) != resource.uses.end())
      return true;
  }
  return false;
}

bool has_service(const SessionState& state, std::string_view input_type) {
  return std::any_of(state.resources.begin(), state.resources.end(),
                     [&](const auto& entry) { return entry.second.accepts == input_type; });
}

void input_needed(const CheckInput& in, Reporter& r, const Event& id, bool has_input) {
  const auto* resource = followed(in, id.text);
  if (resource != nullptr && !resource->accepts.empty() && !has_input)
    r.at(&id, fmt::format("{} takes input, and none is given", id.text));
}

template <class T>
const UpdatesGraphSummary* graph_of(const T* m) {
  return m != nullptr && m->summary && m->summary->graph ? &*m->summary->graph : nullptr;
}

}  // namespace

void sse_06(const CheckInput& in, Reporter& r) {
  if (!is<UpdateStreamControl>(in)) return;
  claim(in, r, {&kStarted, &kStopped, &kControlDescription}, {Shape::kWrongType, Shape::kEmptyList});
  each(in.message, kControlUri, [&](const Event& event) {
    if (!is_text(in, event) && event.text != "null")
      r.at(&event, fmt::format("control-uri is {}, expected a text or null", clip_text(event.text, 40)));
  });
}

void sse_09(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<UpdateStreamControl>(in.message);
  if (m != nullptr && !m->stopped.empty() && !m->description && in.message.whole())
    r.at(in.message.first(kStopped), "substreams stop without a description");
}

void sse_15(const CheckInput& in, Reporter& r) {
  const SessionState& state = *session_of(in);
  const std::string_view input = message_type<UpdateStreamParams>().media_type;
  if (!is<UpdateStreamParams>(in) || !state.closed() || !has_service(state, input)) return;
  each(in.message, kFollowedResource, [&](const Event& event) {
    if (!can_follow(state, event.text, input))
      r.at(&event, fmt::format("no update stream uses {}", clip_text(event.text, 80)));
  });
}

void sse_16(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<UpdateStreamParams>(in.message);
  if (m == nullptr || !in.message.whole()) return;
  claim(in, r, {&kAdd, &kAddEntry, &kRemove, &kFollowedResource}, {Shape::kWrongType, Shape::kMissing});
  // A request that only removes is for a stream's control.
  if ((!m->add || m->add->substreams.empty()) && !m->remove) r.whole("the request adds nothing");
}

void sse_18(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<UpdateStreamParams>(in.message);
  if (m == nullptr || !m->add) return;
  each(in.message, kHeldTag, [&](const Event& event) {
    const Event* entry = parent_of(in.message, event);
    const Event* id = entry != nullptr ? child(in.message, *entry, kFollowedResource) : nullptr;
    const auto* resource = id != nullptr ? followed(in, id->text) : nullptr;
    const bool versioned = resource == nullptr ||
                           (resource->accepts.empty() && resource->media_type != message_type<CostMap>().media_type);
    if (!versioned) r.at(&event, fmt::format("{} has no version tag of its own", id->text));
  });
}

void sse_22(const CheckInput& in, Reporter& r) {
  if (!is<UpdateStreamParams>(in)) return;
  each(in.message, kFollowedResource, [&](const Event& event) {
    const Event* entry = parent_of(in.message, event);
    input_needed(in, r, event, entry != nullptr && child(in.message, *entry, kInput) != nullptr);
  });
}

void sse_43(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<UpdateStreamParams>(in.message);
  if (m == nullptr || !m->add || !m->remove) return;
  each(in.message, kRemove, [&](const Event& event) {
    if (event.has_text && m->add->substreams.find(event.text) != nullptr)
      r.at(&event, fmt::format("{} is added and removed in one request", clip_text(event.text, 80)));
  });
}

void cal_06(const CheckInput& in, Reporter& r) {
  const CostRequest* asked = cost_request(&in.message);
  if (asked == nullptr || !asked->calendared || !in.message.whole()) return;
  claim(in, r, {&kCalendared}, {Shape::kWrongType});
  const std::size_t types = requested_types(*asked).size();
  if (asked->calendared->size() != types)
    r.at(in.message.first(kCalendared),
         fmt::format("calendared has {} elements for {} cost types", asked->calendared->size(), types));
}

void cal_07(const CheckInput& in, Reporter& r) {
  const CostRequest* asked = cost_request(&in.message);
  if (asked == nullptr || !asked->calendared) return;
  const auto* resource = session_of(in)->target_of(in.message);
  if (resource != nullptr && resource->capabilities.calendar_attributes.empty())
    r.at(in.message.first(kCalendared), "calendared is sent to a resource without calendars");
}

void cal_09(const CheckInput& in, Reporter& r) {
  const CostRequest* asked = cost_request(in.request);
  const auto costs = costs_of(in.message);
  if (asked == nullptr || !costs || !costs->calendar) return;
  const bool wanted = asked->calendared &&
                      std::find(asked->calendared->begin(), asked->calendared->end(), true) != asked->calendared->end();
  if (!wanted) r.at(in.message.first(kCalendarResponseAttributes), "a calendar comes that was not asked for");
}

void cal_10(const CheckInput& in, Reporter& r) {
  const CostRequest* asked = cost_request(&in.message);
  if (asked == nullptr || !asked->calendared) return;
  const bool wanted = std::find(asked->calendared->begin(), asked->calendared->end(), true) != asked->calendared->end();
  if (wanted && asked->constraints && !asked->constraints->empty())
    r.at(in.message.first(kConstraints), "constraints stand in a request for a calendar");
}

void cal_11(const CheckInput& in, Reporter& r) {
  if (!is<CostMap>(in) && !is<EndpointCosts>(in)) return;
  claim(in, r, {&kCalendarStartTime, &kTimeIntervalSize, &kNumberOfIntervals, &kCalendarResponseAttributes},
        {Shape::kMissing, Shape::kWrongType, Shape::kOutOfRange, Shape::kNotInteger, Shape::kEmptyList,
         Shape::kSingleForList});
}

void cal_12(const CheckInput& in, Reporter& r) {
  const auto costs = costs_of(in.message);
  if (!costs || costs->calendars.size() < 2 || !in.message.whole()) return;
  each(in.message, kCalendarResponseAttributes, [&](const Event& event) {
    if (child(in.message, event, kCalendarCostTypeNames) == nullptr)
      r.at(&event, "one of several calendars does not say its cost types");
  });
}

void cal_13(const CheckInput& in, Reporter& r) {
  const auto costs = costs_of(in.message);
  const SessionState& state = *session_of(in);
  if (!costs || !costs->calendar || !state.closed()) return;
  for (const CalendarResponseAttributes& calendar : costs->calendars) {
    bool offered = false;
    bool any = false;
    for (const auto& [id, resource] : state.resources) {
      for (const CalendarAttributes& known : resource.capabilities.calendar_attributes) {
        any = true;
        offered |= known.time_interval_size == calendar.time_interval_size &&
                   known.number_of_intervals == calendar.number_of_intervals;
      }
    }
    if (any && !offered)
      r.at(in.message.first(kCalendarResponseAttributes), "no calendar of the directory has these intervals");
  }
}

void cal_14(const CheckInput& in, Reporter& r) {
  const auto costs = costs_of(in.message);
  if (!costs || !costs->calendar || costs->multi || costs->calendars.size() != 1 || !in.message.whole()) return;
  const auto wanted = costs->calendars.front().number_of_intervals;
  if (!wanted) return;
  each_cost(in.message, [&](const Event& event) {
    if (event.field == &kNoCost) return;
    std::int64_t count = 0;
    if (event.field == &kCostList) each_child(in.message, event, [&](const Event&) { ++count; });
    if (event.field != &kCostList)
      r.at(&event, "a calendared cost is no array");
    else if (count != *wanted)
      r.at(&event, fmt::format("a calendar has {} values, expected {}", count, *wanted));
  });
}

void cal_16(const CheckInput& in, Reporter& r) {
  each(in.message, kCalendarStartTime, [&](const Event& event) {
    if (!parse_http_date(event.text))
      r.at(&event, fmt::format("\"{}\" is no date such as Tue, 01 Jul 2014 13:00:00 GMT", clip_text(event.text, 80)));
  });
}

void cal_17(const CheckInput& in, Reporter& r) {
  each(in.message, kCalendarStartTime, [&](const Event& event) {
    const auto date = parse_http_date(event.text);
    if (date && in.message.time_ns > 0 && date->seconds > in.message.time_ns / 1'000'000'000)
      r.at(&event, fmt::format("the calendar starts in the future: {}", event.text));
  });
}

void cal_18(const CheckInput& in, Reporter& r) {
  claim(in, r, {&kRepeated}, {Shape::kWrongType, Shape::kNotInteger, Shape::kOutOfRange});
}

void cal_21(const CheckInput& in, Reporter& r) {
  each(in.message, kCalendarStartTime, [&](const Event& event) {
    const auto date = parse_http_date(event.text);
    if (date && !date->weekday_fits) r.at(&event, fmt::format("{} is another day of the week", event.text));
  });
}

void mode_01(const CheckInput& in, Reporter& r) {
  each(in.message, kCostMode, [&](const Event& event) {
    if (const std::string fault = cost_mode_fault(event.text); !fault.empty()) r.at(&event, "cost-mode " + fault);
  });
}

void mode_02(const CheckInput& in, Reporter& r) {
  each(in.message, kCostMode, [&](const Event& event) {
    if (!is_known_mode(event.text))
      r.at(&event, fmt::format("cost-mode \"{}\" is neither registered nor private", clip_text(event.text, 80)));
  });
}

void mode_05(const CheckInput& in, Reporter& r) {
  const auto costs = costs_of(in.message);
  if (!costs || costs->multi || costs->calendar || !costs->mode_is(0, kArray)) return;
  each_cost(in.message, [&](const Event& event) {
    if (event.field != &kCostList) r.at(&event, "a cost of mode array is no array");
  });
}

void pm_01(const CheckInput& in, Reporter& r) {
  each(in.message, kCostMetric, [&](const Event& event) {
    const Metric metric = split_metric(event.text);
    if (metric.has_statistic && (metric.base.empty() || metric.statistic.empty()))
      r.at(&event, fmt::format("{} is no identifier, colon and statistic", event.text));
  });
}

void pm_02(const CheckInput& in, Reporter& r) {
  each(in.message, kCostMetric, [&](const Event& event) {
    const Metric metric = split_metric(event.text);
    if (metric.has_statistic && !metric.statistic.empty() && !is_statistic(metric.statistic))
      r.at(&event, fmt::format("{} is no statistic", clip_text(metric.statistic, 40)));
  });
}

void pm_03(const CheckInput& in, Reporter& r) {
  each(in.message, kCostMetric, [&](const Event& event) {
    const std::string_view statistic = split_metric(event.text).statistic;
    const std::string_view name = statistic == "p0"     ? "min"
                                  : statistic == "p50"  ? "median"
                                  : statistic == "p100" ? "max"
                                                        : "";
    if (!name.empty()) r.at(&event, fmt::format("{} is called {}", statistic, name));
  });
}

void pm_05(const CheckInput& in, Reporter& r) {
  claim(in, r, {&kCostSource, &kCostContext}, {Shape::kMissing, Shape::kWrongType});
  each(in.message, kCostSource, [&](const Event& event) {
    if (!is_letters_and_digits(event.text) || !is_known_cost_source(event.text))
      r.at(&event, fmt::format("cost-source \"{}\" is none of nominal, sla, estimation", clip_text(event.text, 80)));
  });
}

namespace {

// Calls body(metric base, source, context event) for each cost type that has a context.
template <class F>
void each_context(const CheckInput& in, F&& body) {
  each(in.message, kCostContext, [&](const Event& event) {
    const Event* type = parent_of(in.message, event);
    const Event* metric = type != nullptr ? child(in.message, *type, kCostMetric) : nullptr;
    const Event* source = child(in.message, event, kCostSource);
    if (metric != nullptr && source != nullptr) body(split_metric(metric->text).base, source->text, event);
  });
}

}  // namespace

void pm_08(const CheckInput& in, Reporter& r) {
  if (!in.message.whole()) return;
  each_context(in, [&](std::string_view, std::string_view source, const Event& event) {
    if (source != "sla") return;
    const Event* parameters = child(in.message, event, kCostParameters);
    const auto value = parameters != nullptr ? parse_json(parameters->text) : nullptr;
    if (value == nullptr || value->find("link") == nullptr) r.at(&event, "source sla has no parameters with a link");
  });
}

void pm_09(const CheckInput& in, Reporter& r) {
  each_context(in, [&](std::string_view base, std::string_view source, const Event& event) {
    if (base == kRoutingCost && source != "estimation")
      r.at(&event, fmt::format("routingcost has source {}", clip_text(source, 40)));
  });
}

void pm_11(const CheckInput& in, Reporter& r) {
  const auto costs = costs_of(in.message);
  if (!costs || costs->multi || !costs->types.front()->cost_metric || costs->types.front()->cost_mode != kNumerical)
    return;
  const std::string_view base = split_metric(*costs->types.front()->cost_metric).base;
  if (base == kRoutingCost || base == kAnePath || base.starts_with(kPrivate) || !is_known_metric(base)) return;
  each(in.message, kCost, [&](const Event& event) {
    if (!event.has_real) return;
    if (event.real < 0) r.at(&event, fmt::format("{} is {}, it cannot be negative", base, event.text));
    if (base == kHopCount && event.real != std::floor(event.real))
      r.at(&event, fmt::format("hopcount is {}, expected an integer", event.text));
  });
}

void pm_14(const CheckInput& in, Reporter& r) {
  each_context(in, [&](std::string_view base, std::string_view source, const Event& event) {
    if (base == "tput" && source != "estimation")
      r.at(&event, fmt::format("tput has source {}", clip_text(source, 40)));
  });
}

void pm_15(const CheckInput& in, Reporter& r) {
  if (!in.message.whole()) return;
  each_context(in, [&](std::string_view base, std::string_view source, const Event& event) {
    if (source != "estimation" || (base != "tput" && base != kHopCount)) return;
    const Event* parameters = child(in.message, event, kCostParameters);
    const auto value = parameters != nullptr ? parse_json(parameters->text) : nullptr;
    if (value == nullptr) return r.at(&event, fmt::format("an estimated {} does not say how it is estimated", base));
    if (base == "tput" && value->find("congestion-control-algorithm") == nullptr)
      r.at(&event, "an estimated tput does not name its congestion-control-algorithm");
  });
}

void up_01(const CheckInput& in, Reporter& r) {
  const auto registered = [&](const Event& event, std::string_view type, std::string_view text) {
    if (!is_known_domain(type))
      r.at(&event, fmt::format("entity domain type \"{}\" of \"{}\" is not registered", clip_text(type, 80),
                               clip_text(text, 80)));
  };
  each_name(in.message, kDomainPlaces,
            [&](const Event& event, std::string_view text) { registered(event, split_scoped(text).name, text); });
  each_name(in.message, kEntityPlaces, [&](const Event& event, std::string_view text) {
    if (const auto entity = split_entity(text); entity) registered(event, entity->domain.name, text);
  });
}

void up_02(const CheckInput& in, Reporter& r) {
  each_name(in.message, kDomainPlaces, [&](const Event& event, std::string_view text) {
    const ScopedName parts = split_scoped(text);
    if (has_dot(parts.name)) r.at(&event, fmt::format("domain \"{}\" has more than one dot", clip_text(text, 80)));
    if (!parts.scoped || parts.resource.empty()) return;
    if (const std::string fault = pid_name_fault(parts.resource); !fault.empty())
      r.at(&event, "the resource ID of the domain " + fault);
  });
}

void up_04(const CheckInput& in, Reporter& r) {
  each_name(in.message, kEntityPlaces, [&](const Event& event, std::string_view text) {
    const auto entity = split_entity(text);
    if (!entity) return r.at(&event, fmt::format("\"{}\" is no domain, colon and identifier", clip_text(text, 80)));
    const std::string_view type = entity->domain.name;
    if (type == "asn" || type == "countrycode" || entity->domain_text == ".ane") return;  // A-CDN-17, -18, A-PV-22
    if (const std::string fault = entity_identifier_fault(type, entity->identifier); !fault.empty())
      r.at(&event, "the entity's identifier " + fault);
  });
}

void up_06(const CheckInput& in, Reporter& r) {
  each_entity_property(in, [&](const Event& event, std::string_view text) {
    const std::string_view type = split_scoped(text).name;
    if (!is_known_property(type))
      r.at(&event, fmt::format("property type \"{}\" is neither registered nor private", clip_text(type, 80)));
  });
}

void up_07(const CheckInput& in, Reporter& r) {
  each_entity_property(in, [&](const Event& event, std::string_view text) {
    if (text.empty()) return r.at(&event, "the property name is empty");
    // ".name" belongs to the map itself.
    const std::string fault = property_name_fault(text.front() == '.' ? text.substr(1) : text);
    if (!fault.empty()) r.at(&event, "property name: " + fault);
  });
}

void up_20(const CheckInput& in, Reporter& r) {
  if (!is<PropertyMap>(in)) return;
  each(in.message, kPropertyValue, [&](const Event& event) {
    const std::string_view type = split_scoped(event.label).name;
    if (is_text(in, event) || event.text == "null" || type == "cdni-capabilities" || type == "max-reservable-bandwidth")
      return;
    r.at(&event, fmt::format("the value of {} is neither text nor null", clip_text(event.label, 80)));
  });
}

void up_21(const CheckInput& in, Reporter& r) {
  if (!is<PropertyMap>(in)) return;
  each_key(in.message, kPropertyName, [&](const Event& event) {
    const Event* group = parent_of(in.message, event);
    const auto entity = group != nullptr ? split_entity(group->label) : std::nullopt;
    const ScopedName property = split_scoped(event.label);
    if (!entity || entity->domain.resource.empty() || !property.scoped || property.resource.empty()) return;
    if (property.resource != entity->domain.resource)
      r.at(&event, fmt::format("{} of resource {} is given for an entity of {}", property.name, property.resource,
                               entity->domain.resource));
  });
}

void up_26(const CheckInput& in, Reporter& r) {
  if (is<PropertyMapParams>(in)) claim(in, r, {&kEntities, &kProperties}, {Shape::kMissing, Shape::kWrongType});
}

void up_34(const CheckInput& in, Reporter& r) {
  const auto* asked = body_of<PropertyMapParams>(in.request);
  if (asked == nullptr || !is<PropertyMap>(in)) return;
  if (asked->properties && !asked->properties->empty()) {
    const std::set<std::string_view> wanted(asked->properties->begin(), asked->properties->end());
    each_key(in.message, kPropertyName, [&](const Event& event) {
      if (!wanted.contains(event.label))
        r.at(&event, fmt::format("property {} was not asked for", clip_text(event.label, 80)));
    });
  }
  if (!asked->entities || asked->entities->empty() || asked->entities->size() > 1000) return;
  std::set<std::string_view> names;
  std::vector<IpPrefix> prefixes;
  for (const std::string& text : *asked->entities) {
    names.insert(text);
    const auto entity = split_entity(text);
    if (!entity) continue;
    if (const auto prefix = parse_prefix(entity->domain.name, entity->identifier); prefix)
      prefixes.push_back(prefix->prefix);
  }
  each_key(in.message, kEntity, [&](const Event& event) {
    if (names.contains(event.label)) return;
    const auto entity = split_entity(event.label);
    const auto prefix = entity ? parse_prefix(entity->domain.name, entity->identifier) : std::nullopt;
    const bool covered = prefix && std::any_of(prefixes.begin(), prefixes.end(),
                                               [&](const IpPrefix& one) { return one.contains(prefix->prefix); });
    if (!covered) r.at(&event, fmt::format("entity {} was not asked for", clip_text(event.label, 80)));
  });
}

void up_37(const CheckInput& in, Reporter& r) {
  if (!is<PropertyMap>(in) || body_of<PropertyMapParams>(in.request) == nullptr) return;
  std::map<IpPrefix, const Event*> prefixes;
  each_key(in.message, kEntity, [&](const Event& event) {
    const auto entity = split_entity(event.label);
    const auto prefix = entity ? parse_prefix(entity->domain.name, entity->identifier) : std::nullopt;
    if (prefix && !entity->domain.scoped) prefixes.emplace(prefix->prefix, &event);
  });
  // Prefixes stand before what they contain: a neighbour that is not contained ends the walk.
  const auto inside = [&](const IpPrefix& prefix) {
    const auto next = prefixes.lower_bound(prefix);
    return next != prefixes.end() && prefix.contains(next->first);
  };
  const auto covered = [&](const auto& self, const IpPrefix& half) -> bool {
    if (prefixes.contains(half)) return true;
    if (!inside(half) || half.length == half.address.bits()) return false;
    const auto [low, high] = halves(half);
    return self(self, low) && self(self, high);
  };
  for (const auto& [prefix, event] : prefixes) {
    if (prefix.length == prefix.address.bits()) continue;
    const auto [low, high] = halves(prefix);
    if (covered(covered, low) && covered(covered, high))
      r.at(event, fmt::format("entity {} is covered by others of the answer", clip_text(event->label, 80)));
  }
}

void up_38(const CheckInput& in, Reporter& r) {
  if (!is<PropertyMap>(in)) return;
  each_key(in.message, kPropertyName, [&](const Event& event) {
    const ScopedName property = split_scoped(event.label);
    if (property.name != kPidProperty) return;
    const Event* group = parent_of(in.message, event);
    const auto entity = group != nullptr ? split_entity(group->label) : std::nullopt;
    if (property.resource.empty())
      r.at(&event, "property pid does not name its network map");
    else if (entity && entity->domain.name != kIpv4 && entity->domain.name != kIpv6)
      r.at(&event, fmt::format("property pid is given for {}", clip_text(group->label, 80)));
  });
}

void up_40(const CheckInput& in, Reporter& r) {
  if (!is<PropertyMap>(in)) return;
  claim(in, r, {&kPropertyMapData, &kPropertyGroup}, {Shape::kMissing, Shape::kWrongType});
  each_key(in.message, kEntity, [&](const Event& event) {
    if (event.label == kMeta.name) r.at(&event, "meta stands inside property-map");
  });
}

void cdn_03(const CheckInput& in, Reporter& r) {
  if (is<Cdni>(in)) claim(in, r, {&kVtag}, {Shape::kMissing, Shape::kWrongType});
}

void cdn_04(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<Cdni>(in.message);
  if (m == nullptr || !m->meta || !m->meta->vtag || !m->meta->vtag->resource_id || !in.message.whole()) return;
  const auto* known = session_of(in)->find(*m->meta->vtag->resource_id);
  if (known == nullptr) return;
  const auto& tags = m->meta->dependent_vtags;
  for (const std::string& id : known->uses) {
    if (std::none_of(tags.begin(), tags.end(), [&](const DependentTag& tag) { return tag.resource_id == id; }))
      r.at(in.message.first(kMeta), fmt::format("the advertisement uses {}, and dependent-vtags does not have it", id));
  }
}

void cdn_05(const CheckInput& in, Reporter& r) {
  if (is<Cdni>(in))
    claim(in, r,
          {&kCdniAdvertisement, &kCapabilitiesWithFootprints, &kCapabilityType, &kCapabilityValue, &kFootprintType,
           &kFootprintValue},
          {Shape::kMissing, Shape::kWrongType, Shape::kEmptyList});
}

void cdn_10(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<Cdni>(in.message);
  if (m == nullptr || !m->meta || !m->meta->dependent_vtags.empty() || !in.message.whole()) return;
  each(in.message, kFootprintType, [&](const Event& event) {
    if (event.text == "altopid") r.at(&event, "footprints are PIDs and dependent-vtags names no network map");
  });
}

void cdn_14(const CheckInput& in, Reporter& r) {
  const auto fits = [&](const std::optional<std::string>& type, const std::optional<JsonValue>& value,
                        const Event* place) {
    if (!type || !value || !in.message.whole()) return;
    const std::string fault = value->is_null() ? "capability-value is null" : capability_fault(*type, *value);
    if (!fault.empty()) r.at(place, fault);
  };
  if (is<CdniFilter>(in)) claim(in, r, {&kCapabilityType, &kCapabilityValue}, {Shape::kMissing, Shape::kWrongType});
  std::vector<const Event*> values;
  each(in.message, kCapabilityValue, [&](const Event& event) { values.push_back(&event); });
  std::size_t at = 0;
  const auto next = [&](const auto& one) {
    return one.capability_value && at < values.size() ? values[at++] : nullptr;
  };
  if (const auto* m = body_of<CdniFilter>(in.message); m != nullptr && m->capabilities) {
    for (const auto& one : *m->capabilities) fits(one.capability_type, one.capability_value, next(one));
  }
  if (const auto* m = body_of<Cdni>(in.message); m != nullptr && m->advertisement && m->advertisement->capabilities) {
    for (const auto& one : *m->advertisement->capabilities) fits(one.capability_type, one.capability_value, next(one));
  }
}

void cdn_15(const CheckInput& in, Reporter& r) {
  const auto* asked = body_of<CdniFilter>(in.request);
  if (asked == nullptr || !asked->capabilities || asked->capabilities->empty() || !is<Cdni>(in)) return;
  std::set<std::string_view> types;
  for (const CdniCapability& one : *asked->capabilities) {
    if (one.capability_type) types.insert(*one.capability_type);
  }
  each(in.message, kCapabilityType, [&](const Event& event) {
    if (!types.contains(event.text)) r.at(&event, fmt::format("{} was not asked for", clip_text(event.text, 80)));
  });
}

void cdn_16(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<Cdni>(in.message);
  if (m == nullptr || !m->meta || !m->meta->vtag || !m->meta->vtag->resource_id) return;
  const auto* known = session_of(in)->find(*m->meta->vtag->resource_id);
  if (known != nullptr && !known->accepts.empty())
    r.at(in.message.first(kVtagResourceId),
         fmt::format("{} is the filtered resource, expected the full one's ID", *m->meta->vtag->resource_id));
}

namespace {

void entities_of_type(const CheckInput& in, Reporter& r, std::string_view type) {
  each_name(in.message, kEntityPlaces, [&](const Event& event, std::string_view text) {
    const auto entity = split_entity(text);
    if (!entity || entity->domain.name != type) return;
    if (const std::string fault = entity_identifier_fault(type, entity->identifier); !fault.empty())
      r.at(&event, fault);
  });
}

}  // namespace

void cdn_17(const CheckInput& in, Reporter& r) {
  entities_of_type(in, r, "asn");
}
void cdn_18(const CheckInput& in, Reporter& r) {
  entities_of_type(in, r, "countrycode");
}

void cdn_19(const CheckInput& in, Reporter& r) {
  each_name(in.message, kEntityPlaces, [&](const Event& event, std::string_view text) {
    const auto entity = split_entity(text);
    if (entity && entity->domain.name == "altopid")
      r.at(&event,
           fmt::format("{} is a footprint's type; a PID is an entity of <network map>.pid", entity->domain.name));
  });
}

void cdn_20(const CheckInput& in, Reporter& r) {
  if (!is<PropertyMap>(in)) return;
  each(in.message, kPropertyValue, [&](const Event& event) {
    if (split_scoped(event.label).name != "cdni-capabilities" || event.text == "null") return;
    const auto value = parse_json(event.text);
    const bool list = value != nullptr && value->array() != nullptr &&
                      std::all_of(value->array()->begin(), value->array()->end(), [](const JsonValue& one) {
                        return one.find("capability-type") != nullptr && one.find("capability-value") != nullptr;
                      });
    if (!list) r.at(&event, "cdni-capabilities is no array of capability-type and capability-value");
  });
}

void pv_12(const CheckInput& in, Reporter& r) {
  for (const Field* field : {&kVtagResourceId, &kDepResourceId}) {
    each(in.message, *field, [&](const Event& event) {
      const ScopedName parts = split_scoped(event.text);
      if (parts.scoped && (parts.resource.empty() || parts.name.empty() || event.text.size() > 64))
        r.at(&event, fmt::format("{} is no resource ID, dot and part ID of at most 64 characters together",
                                 clip_text(event.text, 80)));
    });
  }
}

void pv_13(const CheckInput& in, Reporter& r) {
  const auto costs = costs_of(in.message);
  if (!costs || costs->multi || !costs->mode_is(0, kArray) || costs->types.front()->cost_metric != kAnePath) return;
  if (in.message.first(kVtag) == nullptr && in.message.whole())
    r.at(in.message.first(kMeta), "a path vector has no vtag");
}

void pv_14(const CheckInput& in, Reporter& r) {
  const auto costs = costs_of(in.message);
  if (!costs || costs->multi || costs->calendar || !costs->mode_is(0, kArray) ||
      costs->types.front()->cost_metric != kAnePath)
    return;
  each_cost(in.message, [&](const Event& event) {
    if (event.field != &kCostList) return;
    each_child(in.message, event, [&](const Event& element) {
      const std::string fault = element.field == &kCostAne ? pid_name_fault(element.text) : "is no text";
      if (!fault.empty()) r.at(&element, "an element of a path " + fault);
    });
  });
}

namespace {

bool is_path_vector(const CostType* type) {
  return type->cost_metric == kAnePath && type->cost_mode == kArray;
}

// The elements of a pair's list, which have one place a cost type or an interval: lists where they are paths.
void paths_in_lists(const CheckInput& in, Reporter& r, const std::function<bool(std::size_t)>& is_path,
                    std::string_view what) {
  each_cost(in.message, [&](const Event& event) {
    if (event.field != &kCostList) return;
    std::size_t place = 0;
    each_child(in.message, event, [&](const Event& element) {
      const bool empty = in.message.view().substr(element.offset).starts_with("null");
      if (is_path(place++) && element.field != &kCostList && !empty)
        r.at(&element, fmt::format("the path of {} is no array of its own", what));
    });
  });
}

}  // namespace

void pv_06(const CheckInput& in, Reporter& r) {
  const CostRequest* asked = cost_request(&in.message);
  const auto* resource =
      asked != nullptr && asked->ane_property_names ? session_of(in)->target_of(in.message) : nullptr;
  if (resource == nullptr) return;
  const auto known = resource->capabilities.ane_property_names.value_or(std::vector<std::string>{});
  each(in.message, kAnePropertyNames, [&](const Event& event) {
    if (event.has_text && std::find(known.begin(), known.end(), event.text) == known.end())
      r.at(&event, fmt::format("{} does not offer {}", resource->uri, clip_text(event.text, 80)));
  });
}

void pv_23(const CheckInput& in, Reporter& r) {
  const auto costs = costs_of(in.message);
  if (!costs || !costs->multi || costs->calendar) return;
  if (std::none_of(costs->types.begin(), costs->types.end(), is_path_vector)) return;
  paths_in_lists(
      in, r, [&](std::size_t at) { return at < costs->types.size() && is_path_vector(costs->types[at]); },
      "one of several cost types");
}

void pv_24(const CheckInput& in, Reporter& r) {
  const auto costs = costs_of(in.message);
  if (!costs || costs->multi || !costs->calendar || !is_path_vector(costs->types.front())) return;
  paths_in_lists(
      in, r, [](std::size_t) { return true; }, "an interval");
}

void pv_20(const CheckInput& in, Reporter& r) {
  each(in.message, kPropertyValue, [&](const Event& event) {
    if (split_scoped(event.label).name != "max-reservable-bandwidth") return;
    double number = 0;
    const bool is_number = !is_text(in, event) && parse_json(event.text) != nullptr &&
                           parse_json(event.text)->number() != nullptr && read_number(event.text, number);
    if (!is_number || number < 0)
      r.at(&event,
           fmt::format("max-reservable-bandwidth is {}, expected a number of 0 or more", clip_text(event.text, 40)));
  });
}

void pv_21(const CheckInput& in, Reporter& r) {
  each(in.message, kPropertyValue, [&](const Event& event) {
    if (split_scoped(event.label).name != "persistent-entity-id") return;
    const auto entity = split_entity(event.text);
    if (!is_text(in, event) || !entity || !is_known_domain(entity->domain.name))
      r.at(&event, fmt::format("persistent-entity-id \"{}\" is no entity", clip_text(event.text, 80)));
  });
}

void pv_22(const CheckInput& in, Reporter& r) {
  each_name(in.message, kEntityPlaces, [&](const Event& event, std::string_view text) {
    const auto entity = split_entity(text);
    if (!entity || entity->domain.name != "ane") return;
    if (!entity->domain.scoped) return r.at(&event, fmt::format("{} has no resource and no dot before ane", text));
    if (entity->domain_text != ".ane") return;
    if (const std::string fault = pid_name_fault(entity->identifier); !fault.empty()) r.at(&event, "ANE name " + fault);
  });
}

void tips_05(const CheckInput& in, Reporter& r) {
  const SessionState& state = *session_of(in);
  const std::string_view input = message_type<TipsParams>().media_type;
  if (!is<TipsParams>(in)) return;
  claim(in, r, {&kFollowedResource}, {Shape::kMissing, Shape::kWrongType});
  if (!state.closed() || !has_service(state, input)) return;
  each(in.message, kFollowedResource, [&](const Event& event) {
    if (!can_follow(state, event.text, input))
      r.at(&event, fmt::format("no TIPS service uses {}", clip_text(event.text, 80)));
  });
}

void tips_08(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<TipsParams>(in.message);
  if (m == nullptr || in.message.first(kFollowedResource) == nullptr) return;
  // The next edge of an open view is asked for without input.
  if (in.message.transport.target.ends_with("/ug")) return;
  input_needed(in, r, *in.message.first(kFollowedResource), m->input.has_value());
}

void tips_09(const CheckInput& in, Reporter& r) {
  if (!is<Tips>(in)) return;
  claim(in, r, {&kTipsViewUri}, {Shape::kMissing, Shape::kWrongType});
  each(in.message, kTipsViewUri, [&](const Event& event) {
    const bool absolute = event.text.starts_with("http://") || event.text.starts_with("https://");
    const bool ascii = std::all_of(event.text.begin(), event.text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
    if (!absolute || !ascii)
      r.at(&event, fmt::format("\"{}\" is no absolute http or https URI", clip_text(event.text, 80)));
  });
}

void tips_10(const CheckInput& in, Reporter& r) {
  each(in.message, kTipsViewUri, [&](const Event& event) {
    if (event.text.starts_with("http://")) r.at(&event, "the view is reached without TLS");
  });
}

void tips_13(const CheckInput& in, Reporter& r) {
  if (!is<Tips>(in)) return;
  claim(in, r, {&kTipsViewSummary, &kUpdatesGraphSummary, &kStartSeq, &kEndSeq, &kStartEdge, &kSeqI, &kSeqJ},
        {Shape::kMissing, Shape::kWrongType, Shape::kNotInteger, Shape::kOutOfRange});
  const UpdatesGraphSummary* graph = in.message.whole() ? graph_of(body_of<Tips>(in.message)) : nullptr;
  if (graph != nullptr && graph->start_seq && graph->end_seq &&
      (*graph->start_seq < 1 || *graph->end_seq < *graph->start_seq))
    r.at(in.message.first(kUpdatesGraphSummary),
         fmt::format("versions {} to {} are no range that begins above 0", *graph->start_seq, *graph->end_seq));
}

void tips_14(const CheckInput& in, Reporter& r) {
  const auto* asked = body_of<TipsParams>(in.request);
  const UpdatesGraphSummary* graph = graph_of(body_of<Tips>(in.message));
  if (asked == nullptr || asked->tag || graph == nullptr || !graph->start_edge) return;
  if (graph->start_edge->seq_i.value_or(0) != 0)
    r.at(in.message.first(kSeqI), "the client holds no version, and the first edge is no snapshot");
}

void tips_15(const CheckInput& in, Reporter& r) {
  const auto* asked = body_of<TipsParams>(in.request);
  const UpdatesGraphSummary* graph = graph_of(body_of<Tips>(in.message));
  if (asked == nullptr || !asked->tag || graph == nullptr || !graph->start_edge) return;
  const auto [from, to] = std::pair(graph->start_edge->seq_i.value_or(0), graph->start_edge->seq_j.value_or(0));
  if (from != 0 && to != from + 1)
    r.at(in.message.first(kStartEdge),
         fmt::format("the first edge goes from {} to {}, not to the next version", from, to));
  // The version behind the newest one is waited for.
  else if (from != 0 && graph->start_seq && graph->end_seq && (from < *graph->start_seq || from > *graph->end_seq))
    r.at(in.message.first(kSeqI),
         fmt::format("the first edge begins at {}, outside of {} to {}", from, *graph->start_seq, *graph->end_seq));
}

void tips_30(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<TipsParams>(in.message);
  const std::string* opened = m != nullptr ? session_of(in)->followed_by_view(in.message.transport.target) : nullptr;
  if (opened == nullptr) return;
  if (m->resource_id && *m->resource_id != *opened)
    r.at(kFollowedResource,
         fmt::format("the view is one of {}, the request says {}", *opened, clip_text(*m->resource_id, 80)));
  if (m->input) r.at(in.message.first(kInput), "input is given to a view that has its own");
}

void tips_23(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<Tips>(in.message);
  const UpdatesGraphSummary* graph = graph_of(m);
  if (graph == nullptr || !m->tips_view_uri) return;
  const SessionState& state = *session_of(in);
  const auto start = state.tips_views.find(*m->tips_view_uri);
  const auto end = state.tips_ends.find(*m->tips_view_uri);
  if (start != state.tips_views.end() && graph->start_seq && *graph->start_seq < start->second)
    r.at(in.message.first(kStartSeq),
         fmt::format("start-seq went back from {} to {}", start->second, *graph->start_seq));
  if (end != state.tips_ends.end() && graph->end_seq && *graph->end_seq < end->second)
    r.at(in.message.first(kEndSeq), fmt::format("end-seq went back from {} to {}", end->second, *graph->end_seq));
}

}  // namespace peerscope::alto::checks
