// SPDX-License-Identifier: GPL-2.0-or-later
// Checks of the information resource directory (RFC 7285 section 9) and of the capabilities that extensions add.
#include <algorithm>
#include <array>
#include <set>

#include "protocols/alto/check_support.h"
#include "protocols/alto/checks.h"
#include "protocols/alto/names.h"

namespace peerscope::alto::checks {
namespace {

constexpr std::string_view kEventStream = "text/event-stream";

std::string_view media(const MessageType& type) {
  return type.media_type;
}
template <class T>
std::string_view media_of() {
  return message_type<T>().media_type;
}

// The kinds of table 1.1: what comes back for what input.
bool is_known_kind(const Resource& resource) {
  const std::string type = resource.media_type.value_or("");
  const std::string accepts = resource.accepts.value_or("");
  const std::array<std::pair<std::string_view, std::string_view>, 15> kinds = {{
      {media_of<Directory>(), ""},
      {media_of<NetworkMap>(), ""},
      {media_of<NetworkMap>(), media_of<NetworkMapFilter>()},
      {media_of<CostMap>(), ""},
      {media_of<CostMap>(), media_of<CostMapFilter>()},
      {media_of<EndpointProperties>(), media_of<EndpointPropertyParams>()},
      {media_of<EndpointCosts>(), media_of<EndpointCostParams>()},
      {media_of<PropertyMap>(), ""},
      {media_of<PropertyMap>(), media_of<PropertyMapParams>()},
      {media_of<Cdni>(), ""},
      {media_of<Cdni>(), media_of<CdniFilter>()},
      {kEventStream, media_of<UpdateStreamParams>()},
      {media_of<Tips>(), media_of<TipsParams>()},
      {"multipart/related;type=application/alto-costmap+json", media_of<CostMapFilter>()},
      {"multipart/related;type=application/alto-endpointcost+json", media_of<EndpointCostParams>()},
  }};
  std::string plain;
  for (const char c : type) {
    if (c != ' ' && c != '"') plain.push_back(c);
  }
  return std::any_of(kinds.begin(), kinds.end(),
                     [&](const auto& kind) { return plain == kind.first && accepts == kind.second; });
}

template <class F>
void each_listed(const std::optional<std::vector<std::string>>& list, F&& body) {
  if (!list) return;
  for (const std::string& text : *list) body(text);
}

std::vector<const CostType*> types_of(const Entry& entry, const Directory& directory) {
  std::vector<const CostType*> out;
  if (entry.capabilities() == nullptr || !directory.meta || !directory.meta->cost_types) return out;
  each_listed(entry.capabilities()->cost_type_names, [&](const std::string& name) {
    if (const CostType* type = directory.meta->cost_types->types.find(name); type != nullptr) out.push_back(type);
  });
  return out;
}

bool is_path_vector(const CostType& type) {
  return type.cost_metric == kAnePath && type.cost_mode == kArray;
}

// What an ID leads to: in this directory, else in what the session saw.
std::string media_type_of(const CheckInput& in, const Directory& directory, std::string_view id) {
  const Resource* here = directory.resources ? directory.resources->entries.find(id) : nullptr;
  if (here != nullptr) return here->media_type.value_or("");
  const SessionState* state = session_of(in);
  const auto* known = state != nullptr ? state->find(id) : nullptr;
  return known != nullptr ? known->media_type : "";
}

// A directory that links to others may use what those define.
bool links_elsewhere(const Directory& directory) {
  if (!directory.resources) return false;
  return std::any_of(directory.resources->entries.entries.begin(), directory.resources->entries.entries.end(),
                     [](const auto& entry) { return entry.second.media_type == media_of<Directory>(); });
}

bool is_known_id(const CheckInput& in, const Directory& directory, std::string_view id) {
  const SessionState* state = session_of(in);
  return directory.resources->entries.find(id) != nullptr || (state != nullptr && state->find(id) != nullptr);
}

}  // namespace

void ird_02(const CheckInput& in, Reporter& r) {
  if (is<Directory>(in) || in.message.type == nullptr) return;
  for (const Event& event : in.message.events) {
    if (event.unknown && !event.inner && event.depth == 1 && event.label == kResources.name)
      r.at(&event, fmt::format("a directory travels as {}", in.message.type->media_type));
  }
}

void ird_03(const CheckInput& in, Reporter& r) {
  claim(in, r, {&kResources}, {Shape::kMissing, Shape::kWrongType});
}

void ird_04(const CheckInput& in, Reporter& r) {
  if (!is<Directory>(in)) return;
  each_key(in.message, kResourceId, [&](const Event& event) {
    const std::string fault = pid_name_fault(event.label, true);
    if (!event.label.empty() && !fault.empty()) r.at(&event, "resource ID " + fault);
  });
}

void ird_05(const CheckInput& in, Reporter& r) {
  each_entry(in, [&](const Entry& entry, const Directory&) {
    const auto* known = session_of(in)->find(entry.id);
    // One directory may be fetched twice; the same ID for something else is another resource.
    if (known != nullptr && known->media_type != entry.resource.media_type.value_or(""))
      r.at(entry.event, fmt::format("{} was a {} before and is a {} now", entry.id, known->media_type,
                                    entry.resource.media_type.value_or("")));
  });
}

void ird_07(const CheckInput& in, Reporter& r) {
  claim(in, r, {&kUri, &kMediaType, &kAccepts, &kResource, &kCapabilities, &kUses},
        {Shape::kMissing, Shape::kWrongType});
}

void ird_13(const CheckInput& in, Reporter& r) {
  claim(in, r, {&kCostTypes, &kNamedCostType}, {Shape::kWrongType});
}

void ird_14(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<Directory>(in.message);
  if (m == nullptr || !in.message.whole()) return;
  for (const Field* field : {&kCostTypeNames, &kTestableCostTypeNames, &kCalendarCostTypeNames}) {
    each(in.message, *field, [&](const Event& event) {
      const bool defined = m->meta && m->meta->cost_types && m->meta->cost_types->types.find(event.text) != nullptr;
      if (event.has_text && !defined)
        r.at(&event, fmt::format("\"{}\" is not defined in the directory's cost-types", clip_text(event.text, 80)));
    });
  }
}

// Whether a directory is the root cannot be seen in it: one that offers a network map itself is taken for it.
void ird_15(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<Directory>(in.message);
  if (m == nullptr || !m->resources || !in.message.whole() || (m->meta && m->meta->default_network_map)) return;
  // A directory that another one links is none that clients begin with.
  if (session_of(in) != nullptr && in.request != nullptr && session_of(in)->links(*in.request)) return;
  bool offers_map = false;
  each_entry(in, [&](const Entry& entry, const Directory&) {
    offers_map |= entry.is_a(media_of<NetworkMap>()) && !entry.posts();
  });
  if (!offers_map) return;
  r.soften(Severity::kWarn);
  r.whole("default-alto-network-map is missing; a root directory has it");
}

void ird_16(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<Directory>(in.message);
  if (m == nullptr || !m->meta || !m->meta->default_network_map || !m->resources || !in.message.whole()) return;
  const std::string& id = *m->meta->default_network_map;
  if (media_type_of(in, *m, id) == media_of<NetworkMap>()) return;
  if (!is_known_id(in, *m, id) && links_elsewhere(*m)) return;
  r.at(in.message.first(kDefaultNetworkMap), fmt::format("{} is no network map of this directory", clip_text(id, 80)));
}

void ird_18(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<Directory>(in.message);
  const bool links = m != nullptr && links_elsewhere(*m);
  each_entry(in, [&](const Entry& entry, const Directory& directory) {
    if (!in.message.whole()) return;
    each_child(in.message, *entry.event, [&](const Event& event) {
      if (event.field != &kUses || !event.has_text || directory.resources->entries.find(event.text) != nullptr) return;
      r.reset();
      if (is_known_id(in, directory, event.text)) {
        r.soften(Severity::kNote);
        return r.at(&event, fmt::format("{} is defined in another directory", event.text));
      }
      if (!links) r.at(&event, fmt::format("{} uses {}, which is not defined", entry.id, clip_text(event.text, 80)));
    });
  });
}

void ird_24(const CheckInput& in, Reporter& r) {
  std::vector<std::pair<std::vector<std::string>, CostType>> seen;
  each_entry(in, [&](const Entry& entry, const Directory& directory) {
    if (!entry.is_full_cost_map() || seen.size() > 1000) return;
    const auto uses = entry.resource.uses.value_or(std::vector<std::string>{});
    for (const CostType* type : types_of(entry, directory)) {
      const bool twice = std::any_of(seen.begin(), seen.end(), [&](const auto& other) {
        return other.first == uses && same_cost_type(other.second, *type);
      });
      if (twice)
        r.at(entry.event,
             fmt::format("another cost map has the same cost type {} and network map", cost_type_text(*type)));
      seen.emplace_back(uses, *type);
    }
  });
}

void ird_25(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<Directory>(in.message);
  if (m == nullptr || !m->resources || links_elsewhere(*m) || !in.message.whole()) return;
  std::set<std::string> offered;
  each_entry(in, [&](const Entry& entry, const Directory&) {
    if (entry.capabilities() == nullptr) return;
    each_listed(entry.capabilities()->prop_types, [&](const std::string& name) { offered.insert(name); });
  });
  for (const auto& [id, known] : session_of(in)->resources) {
    each_listed(known.capabilities.prop_types, [&](const std::string& name) { offered.insert(name); });
  }
  each_entry(in, [&](const Entry& entry, const Directory&) {
    if (entry.is_a(media_of<NetworkMap>()) && !entry.posts() && !offered.contains(entry.id + ".pid"))
      r.at(entry.event, fmt::format("no endpoint property resource offers {}.pid", entry.id));
  });
}

void ird_26(const CheckInput& in, Reporter& r) {
  each_entry(in, [&](const Entry& entry, const Directory&) {
    if (!entry.is_full_cost_map() || !in.message.whole()) return;
    const auto* capabilities = entry.capabilities();
    const std::size_t count =
        capabilities != nullptr && capabilities->cost_type_names ? capabilities->cost_type_names->size() : 0;
    if (count != 1)
      r.at(capability_event(in.message, entry, kCostTypeNames),
           fmt::format("cost map {} has {} cost-type-names, expected exactly one", entry.id, count));
  });
}

void ird_27(const CheckInput& in, Reporter& r) {
  each_entry(in, [&](const Entry& entry, const Directory& directory) {
    if (!entry.is_full_cost_map() || !in.message.whole()) return;
    const auto uses = entry.resource.uses.value_or(std::vector<std::string>{});
    const std::string type = uses.size() == 1 ? media_type_of(in, directory, uses.front()) : "";
    if (uses.size() != 1)
      r.at(entry.event, fmt::format("cost map {} uses {} resources, expected its network map", entry.id, uses.size()));
    else if (!type.empty() && type != media_of<NetworkMap>())
      r.at(entry.event, fmt::format("cost map {} uses {}, which is no network map", entry.id, uses.front()));
  });
}

void ird_28(const CheckInput& in, Reporter& r) {
  each_entry(in, [&](const Entry& entry, const Directory& directory) {
    const bool filter =
        entry.resource.accepts == media_of<NetworkMapFilter>() || entry.resource.accepts == media_of<CostMapFilter>();
    if (!filter || !in.message.whole()) return;
    bool map = false;
    bool unknown = false;
    each_listed(entry.resource.uses, [&](const std::string& id) {
      const std::string type = media_type_of(in, directory, id);
      map |= type == media_of<NetworkMap>();
      unknown |= type.empty();
    });
    if (!map && !unknown) r.at(entry.event, fmt::format("{} does not use the network map that it filters", entry.id));
  });
}

void ird_29(const CheckInput& in, Reporter& r) {
  each_entry(in, [&](const Entry& entry, const Directory& directory) {
    if (entry.resource.accepts != media_of<EndpointCostParams>()) return;
    each_listed(entry.resource.uses, [&](const std::string& id) {
      const std::string type = media_type_of(in, directory, id);
      if (type == media_of<NetworkMap>() || type == media_of<CostMap>())
        r.at(capability_event(in.message, entry, kUses), fmt::format("endpoint costs use {}, a {}", id, type));
    });
  });
}

void ird_30(const CheckInput& in, Reporter& r) {
  each_entry(in, [&](const Entry& entry, const Directory&) {
    if (!entry.is_a(media_of<EndpointProperties>()) || !in.message.whole()) return;
    const auto* capabilities = entry.capabilities();
    if (capabilities == nullptr || !capabilities->prop_types || capabilities->prop_types->empty())
      r.at(capability_event(in.message, entry, kPropTypes), fmt::format("{} has no prop-types", entry.id));
  });
}

void ird_34(const CheckInput& in, Reporter& r) {
  each_entry(in, [&](const Entry& entry, const Directory&) {
    if (entry.resource.media_type && in.message.whole() && !is_known_kind(entry.resource))
      r.at(entry.event, fmt::format("{} with input {} is no known kind of resource", *entry.resource.media_type,
                                    entry.resource.accepts.value_or("none")));
  });
}

void ird_35(const CheckInput& in, Reporter& r) {
  const auto* m = body_of<Directory>(in.message);
  if (m != nullptr && m->resources && m->resources->entries.empty() && in.message.whole())
    r.at(in.message.first(kResources), "the directory lists no resources");
}

void eps_12(const CheckInput& in, Reporter& r) {
  each_entry(in, [&](const Entry& entry, const Directory&) {
    if (entry.is_a(media_of<EndpointProperties>()) && entry.resource.uses && !entry.resource.uses->empty())
      r.at(capability_event(in.message, entry, kUses), fmt::format("{} has uses", entry.id));
  });
}

void mc_02(const CheckInput& in, Reporter& r) {
  each_entry(in, [&](const Entry& entry, const Directory&) {
    const auto* capabilities = entry.capabilities();
    if (capabilities != nullptr && capabilities->cost_constraints == true &&
        !capabilities->testable_cost_type_names.empty())
      r.at(capability_event(in.message, entry, kTestableCostTypeNames),
           "testable-cost-type-names stands beside cost-constraints true");
  });
}

void mc_03(const CheckInput& in, Reporter& r) {
  if (!in.message.whole()) return;
  each_entry(in, [&](const Entry& entry, const Directory&) {
    const auto* capabilities = entry.capabilities();
    if (capabilities == nullptr) return;
    const auto names = capabilities->cost_type_names.value_or(std::vector<std::string>{});
    for (const std::string& name : capabilities->testable_cost_type_names) {
      if (std::find(names.begin(), names.end(), name) == names.end())
        r.at(capability_event(in.message, entry, kTestableCostTypeNames),
             fmt::format("{} is testable and not in cost-type-names", clip_text(name, 80)));
    }
  });
}

void sse_10(const CheckInput& in, Reporter& r) {
  if (!in.message.whole()) return;
  each_entry(in, [&](const Entry& entry, const Directory&) {
    const auto* capabilities = entry.capabilities();
    if (capabilities == nullptr || !capabilities->incremental) return;
    const auto uses = entry.resource.uses.value_or(std::vector<std::string>{});
    const Event* place = capability_event(in.message, entry, kIncrementalMediaTypes);
    for (const auto& [id, types] : capabilities->incremental->resources.entries) {
      if (std::find(uses.begin(), uses.end(), id) == uses.end())
        r.at(place, fmt::format("incremental changes of {}, which is not in uses", clip_text(id, 80)));
      std::string_view rest = types;
      while (!rest.empty()) {
        std::string_view type = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(type.size() + 1, rest.size()));
        while (type.starts_with(' ')) type.remove_prefix(1);
        while (type.ends_with(' ')) type.remove_suffix(1);
        if (type != media(message_type<MergePatch>()) && type != media(message_type<JsonPatch>()))
          r.at(place, fmt::format("\"{}\" is no media type of patches", clip_text(type, 80)));
      }
    }
  });
}

void sse_14(const CheckInput& in, Reporter& r) {
  if (!in.message.whole()) return;
  each_entry(in, [&](const Entry& entry, const Directory& directory) {
    const bool follows = entry.is_a(kEventStream) || entry.is_a(media_of<Tips>());
    if (!follows || !entry.resource.uses) return;
    const auto& uses = *entry.resource.uses;
    for (const std::string& id : uses) {
      const Resource* used = directory.resources->entries.find(id);
      if (used == nullptr) continue;
      each_listed(used->uses, [&](const std::string& base) {
        if (std::find(uses.begin(), uses.end(), base) == uses.end())
          r.at(capability_event(in.message, entry, kUses),
               fmt::format("{} can be followed and {}, which it depends on, cannot", id, clip_text(base, 80)));
      });
    }
  });
}

void sse_36(const CheckInput& in, Reporter& r) {
  if (!in.message.whole()) return;
  each_entry(in, [&](const Entry& entry, const Directory&) {
    if (entry.resource.accepts == media_of<UpdateStreamParams>() && entry.resource.media_type &&
        !entry.is_a(kEventStream))
      r.at(entry.event, fmt::format("{} takes update stream parameters and gives no event stream", entry.id));
  });
}

void cal_01(const CheckInput& in, Reporter& r) {
  if (is<Directory>(in))
    claim(in, r, {&kCalendarAttributes, &kCalendarCostTypeNames, &kTimeIntervalSize, &kNumberOfIntervals},
          {Shape::kMissing, Shape::kWrongType, Shape::kOutOfRange, Shape::kNotInteger, Shape::kEmptyList,
           Shape::kSingleForList});
}

void cal_02(const CheckInput& in, Reporter& r) {
  each_entry(in, [&](const Entry& entry, const Directory&) {
    if (entry.capabilities() == nullptr) return;
    std::set<std::string_view> names;
    for (const CalendarAttributes& calendar : entry.capabilities()->calendar_attributes) {
      for (const std::string& name : calendar.cost_type_names) {
        if (!names.insert(name).second)
          r.at(capability_event(in.message, entry, kCalendarAttributes),
               fmt::format("{} appears in calendar-attributes more than once", clip_text(name, 80)));
      }
    }
  });
}

void cal_04(const CheckInput& in, Reporter& r) {
  if (!in.message.whole()) return;
  each_entry(in, [&](const Entry& entry, const Directory&) {
    if (entry.capabilities() == nullptr) return;
    const auto names = entry.capabilities()->cost_type_names.value_or(std::vector<std::string>{});
    for (const CalendarAttributes& calendar : entry.capabilities()->calendar_attributes) {
      for (const std::string& name : calendar.cost_type_names) {
        if (std::find(names.begin(), names.end(), name) == names.end())
          r.at(capability_event(in.message, entry, kCalendarAttributes),
               fmt::format("{} has a calendar and is not in cost-type-names", clip_text(name, 80)));
      }
    }
  });
}

void cal_05(const CheckInput& in, Reporter& r) {
  each_entry(in, [&](const Entry& entry, const Directory&) {
    if (!entry.posts() && entry.capabilities() != nullptr && !entry.capabilities()->calendar_attributes.empty())
      r.at(capability_event(in.message, entry, kCalendarAttributes),
           fmt::format("{} offers calendars and takes no input", entry.id));
  });
}

void pm_07(const CheckInput& in, Reporter& r) {
  each_entry(in, [&](const Entry& entry, const Directory& directory) {
    const auto types = types_of(entry, directory);
    if (types.size() > 200) return;
    for (std::size_t i = 0; i < types.size(); ++i) {
      for (std::size_t k = 0; k < i; ++k) {
        if (types[i]->cost_metric == types[k]->cost_metric && types[i]->cost_mode == types[k]->cost_mode)
          r.at(capability_event(in.message, entry, kCostTypeNames),
               fmt::format("two cost types of {} are {} and differ in context or name only", entry.id,
                           cost_type_text(*types[i])));
      }
    }
  });
}

void up_17(const CheckInput& in, Reporter& r) {
  each_entry(in, [&](const Entry& entry, const Directory&) {
    if (!entry.is_a(media_of<PropertyMap>()) || !in.message.whole()) return;
    const auto* capabilities = entry.capabilities();
    if (capabilities == nullptr || !capabilities->mappings || capabilities->mappings->domains.empty())
      return r.at(entry.event, fmt::format("{} has no mappings", entry.id));
    for (const auto& [domain, properties] : capabilities->mappings->domains.entries) {
      if (properties.empty())
        r.at(capability_event(in.message, entry, kMappings), fmt::format("domain {} has no properties", domain));
    }
  });
}

void up_18(const CheckInput& in, Reporter& r) {
  if (!in.message.whole()) return;
  each_entry(in, [&](const Entry& entry, const Directory&) {
    if (!entry.is_a(media_of<PropertyMap>()) || entry.capabilities() == nullptr || !entry.capabilities()->mappings)
      return;
    const auto uses = entry.resource.uses.value_or(std::vector<std::string>{});
    const auto wanted = [&](std::string_view name) {
      const ScopedName parts = split_scoped(name);
      if (parts.scoped && !parts.resource.empty() && std::find(uses.begin(), uses.end(), parts.resource) == uses.end())
        r.at(capability_event(in.message, entry, kMappings),
             fmt::format("{} is defined by {}, which is not in uses", clip_text(name, 80), parts.resource));
    };
    for (const auto& [domain, properties] : entry.capabilities()->mappings->domains.entries) {
      wanted(domain);
      for (const std::string& property : properties) wanted(property);
    }
  });
}

void up_13(const CheckInput& in, Reporter& r) {
  if (!in.message.whole()) return;
  each_entry(in, [&](const Entry& entry, const Directory& directory) {
    if (entry.capabilities() == nullptr || !entry.capabilities()->mappings) return;
    for (const auto& [domain, properties] : entry.capabilities()->mappings->domains.entries) {
      const ScopedName parts = split_scoped(domain);
      const bool by_map = parts.name == "ipv4" || parts.name == "ipv6" || parts.name == "pid";
      if (!parts.scoped || parts.resource.empty() || !by_map) continue;
      const std::string type = media_type_of(in, directory, parts.resource);
      if (!type.empty() && type != media_of<NetworkMap>())
        r.at(capability_event(in.message, entry, kMappings),
             fmt::format("domain {} is defined by {}, which is no network map", domain, parts.resource));
    }
  });
}

void pv_01(const CheckInput& in, Reporter& r) {
  if (!in.message.whole()) return;
  each_entry(in, [&](const Entry& entry, const Directory& directory) {
    const auto types = types_of(entry, directory);
    const bool paths =
        std::any_of(types.begin(), types.end(), [](const CostType* type) { return is_path_vector(*type); });
    if (!paths || !entry.takes_costs() || !entry.resource.media_type) return;
    const std::string_view part =
        entry.resource.accepts == media_of<CostMapFilter>() ? media_of<CostMap>() : media_of<EndpointCosts>();
    std::string plain = *entry.resource.media_type;
    std::erase_if(plain, [](char c) { return c == ' ' || c == '"'; });
    if (plain != fmt::format("multipart/related;type={}", part))
      r.at(capability_event(in.message, entry, kMediaType),
           fmt::format("{} gives path vectors as {}, expected multipart/related;type={}", entry.id,
                       clip_text(*entry.resource.media_type, 80), part));
  });
}

void pv_02(const CheckInput& in, Reporter& r) {
  if (!in.message.whole()) return;
  each_entry(in, [&](const Entry& entry, const Directory&) {
    if (entry.is_multipart() && !entry.posts())
      r.at(entry.event, fmt::format("{} gives path vectors and takes no input", entry.id));
  });
}

void pv_03(const CheckInput& in, Reporter& r) {
  each_entry(in, [&](const Entry& entry, const Directory& directory) {
    if (!entry.is_multipart() || !entry.takes_costs() || !in.message.whole()) return;
    const auto types = types_of(entry, directory);
    if (std::none_of(types.begin(), types.end(), [](const CostType* type) { return is_path_vector(*type); }))
      r.at(capability_event(in.message, entry, kCostTypeNames),
           fmt::format("{} gives path vectors and has no cost type array ane-path", entry.id));
  });
}

void pv_04(const CheckInput& in, Reporter& r) {
  each_entry(in, [&](const Entry& entry, const Directory&) {
    if (entry.is_multipart() && entry.capabilities() != nullptr && entry.capabilities()->cost_constraints == true)
      r.at(capability_event(in.message, entry, kCostConstraints), "path vectors come with cost-constraints true");
  });
}

void pv_05(const CheckInput& in, Reporter& r) {
  each_entry(in, [&](const Entry& entry, const Directory& directory) {
    if (entry.capabilities() == nullptr || !directory.meta || !directory.meta->cost_types) return;
    for (const std::string& name : entry.capabilities()->testable_cost_type_names) {
      const CostType* type = directory.meta->cost_types->types.find(name);
      if (type != nullptr && is_path_vector(*type))
        r.at(capability_event(in.message, entry, kTestableCostTypeNames),
             fmt::format("path vector {} is testable", name));
    }
  });
}

void pv_07(const CheckInput& in, Reporter& r) {
  each_entry(in, [&](const Entry& entry, const Directory& directory) {
    if (!entry.is_multipart() || entry.resource.accepts != media_of<CostMapFilter>() || !in.message.whole()) return;
    bool map = false;
    each_listed(entry.resource.uses, [&](const std::string& id) {
      const std::string type = media_type_of(in, directory, id);
      map |= type.empty() || type == media_of<NetworkMap>();
    });
    if (!map) r.at(entry.event, fmt::format("{} does not use a network map", entry.id));
  });
}

void tips_01(const CheckInput& in, Reporter& r) {
  if (!in.message.whole()) return;
  each_entry(in, [&](const Entry& entry, const Directory&) {
    const bool gives = entry.is_a(media_of<Tips>());
    const bool takes = entry.resource.accepts == media_of<TipsParams>();
    if (entry.resource.media_type && gives != takes)
      r.at(entry.event, fmt::format("{} is {} with input {}", entry.id, *entry.resource.media_type,
                                    entry.resource.accepts.value_or("none")));
  });
}

void tips_02(const CheckInput& in, Reporter& r) {
  each_entry(in, [&](const Entry& entry, const Directory&) {
    if (entry.is_a(media_of<Tips>()) && in.message.whole() &&
        (entry.capabilities() == nullptr || !entry.capabilities()->incremental))
      r.at(entry.event, fmt::format("{} has no incremental-change-media-types", entry.id));
  });
}

void tips_04(const CheckInput& in, Reporter& r) {
  each_entry(in, [&](const Entry& entry, const Directory&) {
    if (entry.is_a(media_of<Tips>()) && in.message.whole() && (!entry.resource.uses || entry.resource.uses->empty()))
      r.at(entry.event, fmt::format("{} uses no resources", entry.id));
  });
}

}  // namespace peerscope::alto::checks
