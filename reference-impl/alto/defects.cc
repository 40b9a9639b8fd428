// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/alto/defects.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocols/alto/messages.h"

namespace peerscope::alto {
namespace {

constexpr const char* kChanging = "alto.changing";  // maps that change by themselves
constexpr const char* kCdniFeature = "alto.cdni";

using Object = JsonValue::Object;
using Array = JsonValue::Array;
using net::HttpResponse;

// The value at a path of member names; made where it is missing.
JsonValue& at(JsonValue& body, std::initializer_list<const char*> path) {
  JsonValue* here = &body;
  for (const char* name : path) {
    if (here->object() == nullptr) *here = Object{};
    JsonValue* next = here->find(name);
    if (next == nullptr) next = &here->object()->emplace_back(name, JsonValue{}).second;
    here = next;
  }
  return *here;
}
void drop(JsonValue& body, std::initializer_list<const char*> path, const char* name) {
  JsonValue& parent = at(body, path);
  if (parent.object() != nullptr)
    std::erase_if(*parent.object(), [&](const auto& member) { return member.first == name; });
}
// Calls change(cost) for every cost.
template <class F>
void each_cost(JsonValue& body, const char* member, F&& change) {
  JsonValue* map = body.find(member);
  if (map == nullptr || map->object() == nullptr) return;
  for (auto& [source, row] : *map->object()) {
    if (row.object() == nullptr) continue;
    for (auto& [destination, cost] : *row.object()) change(cost);
  }
}

constexpr const char* kDirectoryType = message_type<Directory>().media_type;
constexpr const char* kMapType = message_type<NetworkMap>().media_type;
constexpr const char* kCostsType = message_type<CostMap>().media_type;
constexpr const char* kEcsType = message_type<EndpointCosts>().media_type;
constexpr const char* kEpsType = message_type<EndpointProperties>().media_type;
constexpr const char* kErrorType = message_type<Error>().media_type;
constexpr const char* kPropertiesType = message_type<PropertyMap>().media_type;
constexpr const char* kCdniType = message_type<Cdni>().media_type;
constexpr const char* kTipsType = message_type<Tips>().media_type;
constexpr const char* kStreamType = message_type<EventStream>().media_type;
constexpr const char* kControlType = message_type<UpdateStreamControl>().media_type;
constexpr const char* kPatchType = message_type<JsonPatch>().media_type;

// The first calendar of an answer; null when it has none.
JsonValue* calendar_of(JsonValue& body) {
  JsonValue* meta = body.find("meta");
  JsonValue* list = meta != nullptr ? meta->find("calendar-response-attributes") : nullptr;
  return list != nullptr && list->array() != nullptr && !list->array()->empty() ? &list->array()->front() : nullptr;
}
// A calendar of the directory, as often as said, with one member changed.
void offer_calendar(JsonValue& body, int times, const char* member, JsonValue value) {
  Object calendar{
      {"cost-type-names", Array{"num-routingcost"}}, {"time-interval-size", 7200.0}, {"number-of-intervals", 12.0}};
  for (auto& [name, old] : calendar) {
    if (member != nullptr && name == member) old = value;
  }
  at(body, {"resources", "filteredcostmap", "capabilities", "calendar-attributes"}) =
      Array(static_cast<std::size_t>(times), JsonValue(calendar));
}
JsonValue& graph_of(JsonValue& body) {
  return at(body, {"tips-view-summary", "updates-graph-summary"});
}

constexpr ServerDefect kDefects[] = {
    {"directory-no-default-map", "A-IRD-15", kDirectoryType,
     [](JsonValue& b, HttpResponse&) { drop(b, {"meta"}, "default-alto-network-map"); }},
    {"directory-no-resources", "A-IRD-03", kDirectoryType,
     [](JsonValue& b, HttpResponse&) { drop(b, {}, "resources"); }},
    {"directory-no-meta", "A-JSN-03", kDirectoryType, [](JsonValue& b, HttpResponse&) { drop(b, {}, "meta"); }},
    {"directory-undefined-cost-type", "A-IRD-14", kDirectoryType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"meta", "cost-types"}) = Object{};
     }},
    {"directory-undefined-uses", "A-IRD-18", kDirectoryType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"resources", "filteredcostmap", "uses"}) = Array{"nowhere"};
     }},
    {"directory-no-pid-property", "A-IRD-25", kDirectoryType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"resources", "endpointprop", "capabilities", "prop-types"}) = Array{"priv:x"};
     }},
    {"directory-two-cost-types", "A-IRD-26", kDirectoryType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"resources", "costmap-num-routingcost", "capabilities", "cost-type-names"}) =
           Array{"num-routingcost", "ord-routingcost"};
     }},
    {"directory-ecs-uses", "A-IRD-29", kDirectoryType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"resources", "endpointcost", "uses"}) = Array{"networkmap"};
     }},
    {"directory-eps-uses", "A-EPS-12", kDirectoryType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"resources", "endpointprop", "uses"}) = Array{"networkmap"};
     }},
    {"directory-no-uri", "A-IRD-07", kDirectoryType,
     [](JsonValue& b, HttpResponse&) {
       drop(b, {"resources", "networkmap"}, "uri");
     }},
    {"map-no-vtag", "A-NM-03", kMapType, [](JsonValue& b, HttpResponse&) { drop(b, {"meta"}, "vtag"); }},
    {"map-other-vtag-id", "A-NM-04", kMapType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"meta", "vtag", "resource-id"}) = "othermap";
     }},
    {"map-tag-with-blank", "A-TYP-06", kMapType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"meta", "vtag", "tag"}) = "a b";
     }},
    {"map-no-tag", "A-TYP-05", kMapType,
     [](JsonValue& b, HttpResponse&) {
       drop(b, {"meta", "vtag"}, "tag");
     }},
    {"map-overlap", "A-NM-14", kMapType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"network-map", "overlap1", "ipv4"}) = Array{"203.0.113.0/24"};
       at(b, {"network-map", "overlap2", "ipv4"}) = Array{"203.0.113.0/24"};
     }},
    {"map-host-bits", "A-TYP-16", kMapType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"network-map", "odd", "ipv4"}) = Array{"203.0.113.1/24"};
     }},
    {"map-bad-prefix", "A-TYP-13", kMapType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"network-map", "odd", "ipv4"}) = Array{"203.0.113.0/33"};
     }},
    {"map-bad-prefix6", "A-TYP-14", kMapType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"network-map", "odd", "ipv6"}) = Array{"2001:db8::/129"};
     }},
    {"map-bad-pid", "A-NM-06", kMapType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"network-map", "odd pid"}) = Object{};
     }},
    {"map-dotted-pid", "A-TYP-02", kMapType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"network-map", "odd.pid"}) = Object{};
     }},
    {"map-group-array", "A-NM-07", kMapType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"network-map", "odd"}) = Array{};
     }},
    {"map-unknown-family", "A-TYP-10", kMapType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"network-map", "odd", "mac-48"}) = Array{"66:55:44:33:22:11"};
     }},
    {"map-no-data", "A-NM-05", kMapType, [](JsonValue& b, HttpResponse&) { drop(b, {}, "network-map"); }},
    {"map-extra-pid", "A-FNM-06", kMapType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"network-map", "extra"}) = Object{};
     }},
    {"costs-no-dependency", "A-CM-02", kCostsType,
     [](JsonValue& b, HttpResponse&) { drop(b, {"meta"}, "dependent-vtags"); }},
    {"costs-old-version", "A-CM-14", kCostsType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"meta", "dependent-vtags"}) = Array{Object{{"resource-id", "networkmap"}, {"tag", "old"}}};
     }},
    {"costs-no-cost-type", "A-CM-04", kCostsType, [](JsonValue& b, HttpResponse&) { drop(b, {"meta"}, "cost-type"); }},
    {"costs-as-text", "A-CM-07", kCostsType,
     [](JsonValue& b, HttpResponse&) { each_cost(b, "cost-map", [](JsonValue& cost) { cost = "far"; }); }},
    {"costs-negative", "A-CM-17", kCostsType,
     [](JsonValue& b, HttpResponse&) { each_cost(b, "cost-map", [](JsonValue& cost) { cost = -1.0; }); }},
    {"costs-ordinal-fraction", "A-CM-11", kCostsType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"meta", "cost-type", "cost-mode"}) = "ordinal";
       each_cost(b, "cost-map", [](JsonValue& cost) { cost = 1.5; });
     }},
    {"costs-other-type", "A-FCM-19", kCostsType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"meta", "cost-type", "cost-metric"}) = "lossrate";
     }},
    {"costs-extra-pair", "A-FCM-12", kCostsType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"cost-map", "extra", "extra"}) = 1.0;
     }},
    {"costs-beyond-constraint", "A-FCM-11", kCostsType,
     [](JsonValue& b, HttpResponse&) { each_cost(b, "cost-map", [](JsonValue& cost) { cost = 1e6; }); }},
    {"costs-no-data", "A-CM-06", kCostsType, [](JsonValue& b, HttpResponse&) { drop(b, {}, "cost-map"); }},
    {"costs-unknown-mode", "A-MODE-02", kCostsType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"meta", "cost-type", "cost-mode"}) = "string";
     }},
    {"costs-unknown-metric", "A-TYP-22", kCostsType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"meta", "cost-type", "cost-metric"}) = "owdelay";
     }},
    {"properties-wrong-pid", "A-EPS-09", kEpsType,
     [](JsonValue& b, HttpResponse&) {
       each_cost(b, "endpoint-properties", [](JsonValue& value) { value = "nopid"; });
     }},
    {"properties-no-dependency", "A-EPS-08", kEpsType,
     [](JsonValue& b, HttpResponse&) { drop(b, {"meta"}, "dependent-vtags"); }},
    {"properties-numbers", "A-EPS-07", kEpsType,
     [](JsonValue& b, HttpResponse&) { each_cost(b, "endpoint-properties", [](JsonValue& value) { value = 7.0; }); }},
    {"properties-missing-endpoint", "A-EPS-05", kEpsType,
     [](JsonValue& b, HttpResponse&) { at(b, {"endpoint-properties"}) = Object{}; }},
    {"endpoint-costs-other-endpoint", "A-ECS-11", kEcsType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"endpoint-cost-map", "ipv4:203.0.113.77", "ipv4:203.0.113.78"}) = 1.0;
     }},
    {"endpoint-costs-no-cost-type", "A-ECS-08", kEcsType,
     [](JsonValue& b, HttpResponse&) { drop(b, {"meta"}, "cost-type"); }},
    {"endpoint-costs-as-text", "A-ECS-09", kEcsType,
     [](JsonValue& b, HttpResponse&) { each_cost(b, "endpoint-cost-map", [](JsonValue& cost) { cost = "far"; }); }},
    {"endpoint-costs-bad-address", "A-TYP-11", kEcsType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"endpoint-cost-map", "ipv4:1.2.3", "ipv4:203.0.113.78"}) = 1.0;
     }},
    {"endpoint-costs-in-cost-map", "A-JSN-04", kEcsType,
     [](JsonValue& b, HttpResponse&) { at(b, {"cost-map"}) = Object{}; }},
    {"error-status-200", "A-HTTP-14", kErrorType, [](JsonValue&, HttpResponse& r) { r.status = 200; }},
    {"error-status-422", "A-ERR-16", kErrorType, [](JsonValue&, HttpResponse& r) { r.status = 422; }},
    {"error-own-code", "A-ERR-03", kErrorType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"meta", "code"}) = "E_OTHER";
     }},
    {"error-no-code", "A-ERR-03", kErrorType, [](JsonValue& b, HttpResponse&) { drop(b, {"meta"}, "code"); }},
    {"error-value-alone", "A-ERR-09", kErrorType,
     [](JsonValue& b, HttpResponse&) {
       drop(b, {"meta"}, "field");
       at(b, {"meta", "value"}) = "x";
     }},
    {"error-dotted-path", "A-ERR-15", kErrorType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"meta", "field"}) = "a.b";
     }},
    {"error-value-number", "A-ERR-10", kErrorType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"meta", "value"}) = 7.0;
     }},
    {"directory-increments-of-strangers", "A-SSE-10", kDirectoryType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"resources", "updates", "capabilities", "incremental-change-media-types", "stranger"}) =
           "application/merge-patch+json";
     }},
    {"directory-updates-without-map", "A-SSE-14", kDirectoryType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"resources", "updates", "uses"}) = Array{"costmap-num-routingcost"};
     }},
    {"directory-calendar-no-intervals", "A-CAL-01", kDirectoryType,
     [](JsonValue& b, HttpResponse&) { offer_calendar(b, 1, "number-of-intervals", 0.0); }},
    {"directory-calendar-twice", "A-CAL-02", kDirectoryType,
     [](JsonValue& b, HttpResponse&) { offer_calendar(b, 2, nullptr, {}); }},
    {"directory-calendar-only", "A-CAL-04", kDirectoryType,
     [](JsonValue& b, HttpResponse&) { offer_calendar(b, 1, "cost-type-names", Array{"num-delay"}); }},
    {"directory-properties-no-mappings", "A-UP-17", kDirectoryType,
     [](JsonValue& b, HttpResponse&) {
       drop(b, {"resources", "propmap", "capabilities"}, "mappings");
     }},
    {"directory-properties-no-uses", "A-UP-18", kDirectoryType,
     [](JsonValue& b, HttpResponse&) {
       drop(b, {"resources", "propmap"}, "uses");
     }},
    {"directory-tips-no-increments", "A-TIPS-02", kDirectoryType,
     [](JsonValue& b, HttpResponse&) {
       drop(b, {"resources", "tips", "capabilities"}, "incremental-change-media-types");
     }},
    {"directory-context-no-source", "A-PM-05", kDirectoryType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"meta", "cost-types", "num-hopcount", "cost-context"}) = Object{};
     }},
    {"directory-statistic-unknown", "A-PM-02", kDirectoryType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"meta", "cost-types", "num-hopcount", "cost-metric"}) = "hopcount:p101";
     }},
    {"calendar-no-start", "A-CAL-11", kCostsType,
     [](JsonValue& b, HttpResponse&) {
       if (JsonValue* calendar = calendar_of(b); calendar != nullptr) drop(*calendar, {}, "calendar-start-time");
     }},
    {"calendar-other-intervals", "A-CAL-13", kCostsType,
     [](JsonValue& b, HttpResponse&) {
       if (JsonValue* calendar = calendar_of(b); calendar != nullptr) at(*calendar, {"time-interval-size"}) = 60.0;
     }},
    {"calendar-too-short", "A-CAL-14", kCostsType,
     [](JsonValue& b, HttpResponse&) {
       if (calendar_of(b) == nullptr) return;
       each_cost(b, "cost-map", [](JsonValue& cost) {
         if (cost.array() != nullptr) cost.array()->pop_back();
       });
     }},
    {"calendar-iso-date", "A-CAL-16", kCostsType,
     [](JsonValue& b, HttpResponse&) {
       if (JsonValue* calendar = calendar_of(b); calendar != nullptr)
         at(*calendar, {"calendar-start-time"}) = "2026-01-01T00:00:00Z";
     }},
    {"calendar-never-repeated", "A-CAL-18", kCostsType,
     [](JsonValue& b, HttpResponse&) {
       if (JsonValue* calendar = calendar_of(b); calendar != nullptr) at(*calendar, {"repeated"}) = 0.0;
     }},
    {"property-map-unknown-domain", "A-UP-01", kPropertiesType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"property-map", "mac:66-55-44", "priv:x"}) = "y";
     }},
    {"property-map-bad-entity", "A-UP-04", kPropertiesType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"property-map", "ipv4:1.2.3", "networkmap.pid"}) = "mypid1";
     }},
    {"property-map-unknown-property", "A-UP-06", kPropertiesType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"property-map", "ipv4:10.0.0.1", "colour"}) = "red";
     }},
    {"property-map-numbers", "A-UP-20", kPropertiesType,
     [](JsonValue& b, HttpResponse&) { each_cost(b, "property-map", [](JsonValue& value) { value = 7.0; }); }},
    {"property-map-other-resource", "A-UP-21", kPropertiesType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"property-map", "networkmap.pid:mypid1", "othermap.priv:x"}) = "y";
     }},
    {"property-map-extra-entity", "A-UP-34", kPropertiesType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"property-map", "ipv4:203.0.113.77", "networkmap.pid"}) = "mypid1";
     }},
    {"property-map-pid-of-pid", "A-UP-38", kPropertiesType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"property-map", "networkmap.pid:mypid1", "networkmap.pid"}) = "mypid1";
     }},
    {"property-map-meta-inside", "A-UP-40", kPropertiesType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"property-map", "meta"}) = Object{};
     }},
    {"cdni-no-vtag", "A-CDN-03", kCdniType,  //
     [](JsonValue& b, HttpResponse&) { drop(b, {"meta"}, "vtag"); }, nullptr, kCdniFeature},
    {"cdni-no-dependency", "A-CDN-10", kCdniType,
     [](JsonValue& b, HttpResponse&) { drop(b, {"meta"}, "dependent-vtags"); }, nullptr, kCdniFeature},
    {"cdni-odd-value", "A-CDN-14", kCdniType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"cdni-advertisement", "capabilities-with-footprints"}) =
           Array{Object{{"capability-type", "FCI.Metadata"}, {"capability-value", Object{{"metadata", "all"}}}}};
     },
     nullptr, kCdniFeature},
    {"cdni-not-asked", "A-CDN-15", kCdniType,
     [](JsonValue& b, HttpResponse&) {
       JsonValue& list = at(b, {"cdni-advertisement", "capabilities-with-footprints"});
       if (list.array() != nullptr)
         list.array()->push_back(
             Object{{"capability-type", "FCI.Logging"}, {"capability-value", Object{{"record-type", "x"}}}});
     },
     nullptr, kCdniFeature},
    {"tips-relative-uri", "A-TIPS-09", kTipsType,
     [](JsonValue& b, HttpResponse&) {
       at(b, {"tips-view-uri"}) = "/tips/1";
     }},
    {"tips-backward-range", "A-TIPS-13", kTipsType,
     [](JsonValue& b, HttpResponse&) { at(graph_of(b), {"end-seq"}) = 0.0; }},
    {"tips-no-snapshot-first", "A-TIPS-14", kTipsType,
     [](JsonValue& b, HttpResponse&) {
       at(graph_of(b), {"start-edge-rec", "seq-i"}) = 1.0;
     }},
    {"stream-parameter-in-event", "A-SSE-02", kStreamType, nullptr, &StreamQuirks::parameter_in_event},
    {"stream-foreign-substream", "A-SSE-03", kStreamType, nullptr, &StreamQuirks::foreign_substream},
    {"stream-control-uri-number", "A-SSE-06", kControlType,
     [](JsonValue& b, HttpResponse&) {
       if (b.find("control-uri") != nullptr) at(b, {"control-uri"}) = 7.0;
     }},
    {"stream-no-control-event", "A-SSE-07", kStreamType, nullptr, &StreamQuirks::no_control_event},
    {"stream-stop-undescribed", "A-SSE-09", kControlType,
     [](JsonValue& b, HttpResponse&) { drop(b, {}, "description"); }},
    {"stream-patch-unasked", "A-SSE-21", kStreamType, nullptr, &StreamQuirks::patch_unasked, kChanging},
    {"stream-patch-first", "A-SSE-24", kStreamType, nullptr, &StreamQuirks::patch_first},
    {"stream-data-after-stop", "A-SSE-26", kStreamType, nullptr, &StreamQuirks::data_after_stop},
    {"stream-patch-nowhere", "A-SSE-54", kPatchType,
     [](JsonValue& b, HttpResponse&) {
       b = Array{Object{{"op", "replace"}, {"path", "/network-map/nowhere/ipv4"}, {"value", 1.0}}};
     },
     nullptr, kChanging},
};

}  // namespace

std::span<const ServerDefect> server_defects() {
  return kDefects;
}

net::Result<std::vector<const ServerDefect*>> parse_server_defects(const std::vector<std::string>& names) {
  std::vector<const ServerDefect*> out;
  for (const std::string& name : names) {
    const auto found = std::find_if(std::begin(kDefects), std::end(kDefects),
                                    [&](const ServerDefect& one) { return name == one.name; });
    if (found == std::end(kDefects))
      return net::Error{net::ErrorKind::kLocal, fmt::format("no defect '{}'; --defect list shows all", name)};
    out.push_back(&*found);
  }
  return out;
}

}  // namespace peerscope::alto
