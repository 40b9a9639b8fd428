// SPDX-License-Identifier: GPL-2.0-or-later
// The requirement table: every row that has a check has an example that breaks it, made from a clean one by one change.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "protocols/alto/protocol.h"
#include "tests/support/requirement_table.h"
#include "tests/support/sample.h"

namespace peerscope::test {
namespace {

constexpr std::size_t kRowsInTheSheet = 474;

using Text = std::string;
// Replaces every `first` in a body by `second`.
using Changes = std::vector<std::pair<Text, Text>>;

struct Earlier {
  const char* sample;
  Changes changes{};
};

struct Example {
  const char* id;
  const char* base;  // a sample that does not break the rule
  Changes changes;   // of its body, after which it does
  const char* request = nullptr;
  Changes request_changes{};
  std::vector<Earlier> before{};
  void (*transport)(Transport&) = nullptr;  // part of the change
  const char* target = nullptr;             // of the message, changed or not
  std::int64_t time_ns = 0;
};

const Text kVtag = R"({"resource-id":"nm","tag":"v7"})";
const Text kNumerical = R"({"cost-mode":"numerical","cost-metric":"routingcost"})";
const Text kHops = R"({"cost-mode":"numerical","cost-metric":"hopcount"})";
const Text kOrdinal = R"({"cost-mode":"ordinal","cost-metric":"routingcost"})";

const std::vector<Example>& examples() {
  static const std::vector<Example> kExamples = {
      // HTTP
      {"A-HTTP-02", "cost_map_filter", {}, nullptr, {}, {}, [](Transport& t) { t.method = "PUT"; }},
      {"A-HTTP-03",
       "cost_map_filter",
       {},
       nullptr,
       {},
       {{"directory"}},
       [](Transport& t) { t.target = "/fnm"; },
       "/fcm"},
      {"A-HTTP-06", "network_map", {}, nullptr, {}, {}, [](Transport& t) { t.content_type.clear(); }},
      {"A-HTTP-13", "network_map", {{"\"none\":{}}", "\"none\":{}},\"x\":1"}}},
      {"A-HTTP-14", "error", {}, nullptr, {}, {}, [](Transport& t) { t.status = 200; }},
      {"A-HTTP-14", "network_map", {}, nullptr, {}, {}, [](Transport& t) { t.status = 404; }},

      // JSON and basic types
      {"A-JSN-01", "cost_map", {{"4.5", "4.5.6"}}},
      {"A-JSN-01", "cost_map", {{"22}}}", "22}}}}"}}},
      {"A-JSN-01", "cost_map", {{"22}}}", ""}}},
      {"A-JSN-01", "cost_map", {{"rest", "re\xffst"}}},
      {"A-JSN-02", "cost_map", {{"\"cost-map\"", "\"Cost-Map\""}}},
      {"A-JSN-03", "cost_map", {{"\"meta\"", "\"about\""}}},
      {"A-JSN-03", "endpoint_properties_smallest", {{"\"meta\":{}", "\"meta\":[]"}}},
      {"A-JSN-04", "network_map", {{"\"none\":{}}", "\"none\":{}},\"cost-map\":{}"}}},
      {"A-JSN-05", "cost_map", {{"\"west\":1", "\"west\":1,\"west\":1"}}},
      {"A-JSN-05", "error", {{"\"field\"", "\"code\":\"E_SYNTAX\",\"field\""}}},
      {"A-JSN-06", "network_map", {{"{\"meta\"", "\xef\xbb\xbf{\"meta\""}}},
      {"A-JSN-07", "tips", {{":101", ":101.5"}}},
      {"A-TYP-01", "network_map_filter", {{"\"west\"", "\"we st\""}}},
      {"A-TYP-01", "cost_map_filter", {{"\"west\"", "\"" + Text(65, 'w') + "\""}}},
      {"A-TYP-02", "network_map_filter", {{"\"west\"", "\"we.st\""}}},
      {"A-TYP-02", "network_map", {{"\"nm\"", "\"n.m\""}}},
      {"A-TYP-02", "directory", {{"\"fnm\"", "\"f.nm\""}}},
      {"A-TYP-03", "network_map_filter", {{"\"west\"", "\"\""}}},
      {"A-TYP-03", "network_map", {{"\"nm\"", "\"\""}}},
      {"A-TYP-04", "network_map", {{"\"nm\"", "\"n/m\""}}},
      {"A-TYP-04", "tips_params", {{"\"fnm\"", "\"f nm\""}}},
      {"A-TYP-05", "network_map", {{",\"tag\":\"v7\"", ""}}},
      {"A-TYP-05", "cost_map", {{"\"tag\":\"v7\"", "\"tag\":7"}}},
      {"A-TYP-06", "network_map", {{"\"v7\"", "\"v 7\""}}},
      {"A-TYP-06", "cost_map", {{"\"v7\"", "\"" + Text(65, 'v') + "\""}}},
      {"A-TYP-09", "endpoint_property_params", {{"ipv4:198.51.100.9", "198.51.100.9"}}},
      {"A-TYP-09", "endpoint_costs", {{"ipv4:198.51.100.9", "198.51.100.9"}}},
      {"A-TYP-10", "endpoint_property_params", {{"ipv4:", "IPv4:"}}},
      {"A-TYP-10", "network_map", {{"\"ipv6\"", "\"mac-48\""}}},
      {"A-TYP-11", "endpoint_cost_params", {{"203.0.113.5", "203.0.113.05"}}},
      {"A-TYP-11", "endpoint_costs", {{"203.0.113.5", "203.0.113.256"}}},
      {"A-TYP-12", "endpoint_cost_params", {{"2001:db8:e::5", "2001:db8:e::5%eth0"}}},
      {"A-TYP-12", "endpoint_cost_params", {{"2001:db8:e::5", "2001:0db8:e::5"}}},
      {"A-TYP-13", "network_map", {{"198.51.100.0/24", "198.51.100.0/33"}}},
      {"A-TYP-14", "network_map", {{"2001:db8:e::/48", "2001:db8:e/48"}}},
      {"A-TYP-14", "network_map", {{"::/0", "::/129"}}},
      {"A-TYP-16", "network_map", {{"203.0.113.0/25", "203.0.113.1/25"}}},
      {"A-TYP-17", "network_map", {{"203.0.113.0/25", "203.0.113.0"}}},
      {"A-TYP-18", "network_map", {{"[\"198.51.100.0/24\"]", "\"198.51.100.0/24\""}}},
      {"A-TYP-19", "cost_map", {{"\"numerical\"", "1"}}},
      {"A-TYP-20", "cost_map", {{"routingcost", "priv:" + Text(28, 'x')}}},
      {"A-TYP-20", "cost_map", {{"routingcost", "routing cost"}}},
      {"A-TYP-21", "cost_map", {{"routingcost", "routing.cost"}}},
      {"A-TYP-22", "cost_map", {{"routingcost", "owdelay"}}},
      {"A-TYP-22", "cost_map", {{"routingcost", "priv:"}}},
      {"A-TYP-23", "cost_map", {{",\"cost-metric\":\"routingcost\"", ""}}},
      {"A-TYP-23", "directory", {{"\"cost-mode\":\"ordinal\",", ""}}},
      {"A-TYP-25", "endpoint_property_params", {{"priv:lab-tier", "priv:lab tier"}}},
      {"A-TYP-26", "endpoint_property_params", {{"nm.pid", "nm.x.pid"}}},
      {"A-TYP-27", "endpoint_property_params", {{"nm.pid", "nm.region"}}},
      {"A-TYP-28", "update_stream_params", {{"\"n\"", "\"n m\""}}},
      {"A-TYP-28", "update_stream_control", {{"\"old\"", "\"\""}}},

      // Errors
      {"A-ERR-02", "network_map", {{"\"vtag\"", "\"code\":\"E_SYNTAX\",\"vtag\""}}},
      {"A-ERR-03", "error", {{"\"code\":\"E_INVALID_FIELD_VALUE\",", ""}}},
      {"A-ERR-03", "error", {{"E_INVALID_FIELD_VALUE", "E_UNKNOWN"}}},
      {"A-ERR-06", "error_smallest", {{"FIELD\"", "FIELD\",\"field\":\"cost-type/cost-mode\""}}, "cost_map_filter"},
      {"A-ERR-07",
       "error_smallest",
       {{"E_MISSING_FIELD\"", "E_INVALID_FIELD_TYPE\",\"field\":\"calendared\""}},
       "cost_map_filter"},
      {"A-ERR-08", "error", {{"cost-type/cost-mode", "multi-cost-types"}}, "cost_map_filter"},
      {"A-ERR-09", "error", {{"\"field\":\"cost-type/cost-mode\",", ""}}},
      {"A-ERR-10", "error", {{"\"foo\"", "7"}}},
      {"A-ERR-15", "error", {{"cost-type/cost-mode", "cost-mode/cost-type"}}},
      {"A-ERR-15", "error", {{"cost-type/cost-mode", "cost-type.cost-mode"}}},
      {"A-ERR-16", "error", {}, nullptr, {}, {}, [](Transport& t) { t.status = 422; }},
      {"A-ERR-17", "error", {{"E_INVALID_FIELD_VALUE", "E_SYNTAX"}}},
      {"A-ERR-17", "error", {{"E_INVALID_FIELD_VALUE", "E_MISSING_FIELD"}}},
      {"A-ERR-17", "error_syntax", {{"E_SYNTAX", "E_MISSING_FIELD"}}},
      {"A-ERR-18", "error", {{"E_INVALID_FIELD_VALUE", "INVALID"}}},

      // Directory
      {"A-IRD-02", "network_map", {{"\"none\":{}}", "\"none\":{}},\"resources\":{}"}}},
      {"A-IRD-03", "directory", {{"\"resources\"", "\"entries\""}}},
      {"A-IRD-04", "directory", {{"\"fnm\":", "\"f/nm\":"}}},
      {"A-IRD-05",
       "directory",
       {{"application/alto-endpointcost+json", "application/alto-propmap+json"}},
       nullptr,
       {},
       {{"directory"}}},
      {"A-IRD-07", "directory", {{"\"uri\":\"/cm\",", ""}}},
      {"A-IRD-07", "directory", {{"\"uri\":\"/cm\"", "\"uri\":7"}}},
      {"A-IRD-13", "directory", {{"\"hop\":" + kHops, "\"hop\":\"hopcount\""}}},
      {"A-IRD-14", "directory", {{"[\"num\"]", "[\"num-routing\"]"}}},
      {"A-IRD-15", "directory", {{",\"default-alto-network-map\":\"nm\"", ""}}},
      {"A-IRD-16", "directory", {{"map\":\"nm\"", "map\":\"cm\""}}},
      {"A-IRD-16", "directory", {{"map\":\"nm\"", "map\":\"other\""}}},
      {"A-IRD-18", "directory", {{"\"uses\":[\"nm\"]", "\"uses\":[\"mn\"]"}}},
      {"A-IRD-24", "directory", {{"[\"ord\"]", "[\"num\"]"}}},
      {"A-IRD-25", "directory", {{"\"nm.pid\",", ""}}},
      {"A-IRD-26", "directory", {{"[\"ord\"]", "[\"ord\",\"hop\"]"}}},
      {"A-IRD-27", "directory", {{"[\"ord\"]},\"uses\":[\"nm\"]", "[\"ord\"]},\"uses\":[]"}}},
      {"A-IRD-27", "directory", {{"[\"ord\"]},\"uses\":[\"nm\"]", "[\"ord\"]},\"uses\":[\"cm\"]"}}},
      {"A-IRD-28", "directory", {{"networkmapfilter+json\",\"uses\":[\"nm\"]", "networkmapfilter+json\""}}},
      {"A-IRD-29",
       "directory",
       {{"\"ord\"],\"cost-constraints\":true}}", "\"ord\"],\"cost-constraints\":true},\"uses\":[\"nm\"]}"}}},
      {"A-IRD-30", "directory", {{"\"prop-types\":[\"nm.pid\",\"priv:lab-tier\"]", "\"prop-types\":[]"}}},
      {"A-IRD-34",
       "directory",
       {{"\"accepts\":\"application/alto-networkmapfilter+json\"",
         "\"accepts\":\"application/alto-costmapfilter+json\""}}},
      {"A-IRD-35", "directory_smallest", {{"\"resources\":{", "\"resources\":{},\"x\":{"}}},

      // Network map
      {"A-NM-02", "cost_map", {{"\"cost-map\"", "\"network-map\":{},\"cost-map\""}}},
      {"A-NM-03", "network_map", {{"\"vtag\":" + kVtag, "\"vtag\":[" + kVtag + "]"}}},
      {"A-NM-04", "network_map", {{"\"nm\"", "\"cm\""}}, nullptr, {}, {{"directory"}}},
      {"A-NM-05", "network_map", {{"\"network-map\"", "\"map\""}}},
      {"A-NM-06", "network_map", {{"\"none\"", "\"no ne\""}}},
      {"A-NM-07", "network_map", {{"\"none\":{}", "\"none\":[]"}}},
      {"A-NM-13", "network_map", {{"0.0.0.0/0", "0.0.0.0/1"}}},
      {"A-NM-14", "network_map", {{"203.0.113.0/25", "198.51.100.0/24"}}},
      {"A-NM-15", "network_map", {{"[\"203.0.113.0/25\"]", "[\"203.0.113.0/25\",\"203.0.113.0/25\"]"}}},
      {"A-NM-17", "network_map", {{"203.0.113.0/25", "203.0.113.0/26"}}, nullptr, {}, {{"network_map"}}},

      // Cost map
      {"A-CM-02", "cost_map", {{"[" + kVtag + "]", "[" + kVtag + "," + kVtag + "]"}}},
      {"A-CM-02", "cost_map", {{"[" + kVtag + "]", kVtag}}},
      {"A-CM-03", "cost_map", {{"\"nm\"", "\"mn\""}}, nullptr, {}, {{"directory"}}},
      {"A-CM-04", "cost_map", {{"\"cost-type\"", "\"type\""}}},
      {"A-CM-05", "cost_map", {{"routingcost", "delay-ow"}}, nullptr, {}, {{"directory"}}},
      {"A-CM-06", "cost_map", {{"\"east\":{", "\"ea st\":{"}}},
      {"A-CM-06", "cost_map", {{"\"east\":{\"west\":5,\"east\":1}", "\"east\":5"}}},
      {"A-CM-07", "cost_map", {{"4.5", "\"4.5\""}}},
      {"A-CM-07", "cost_map", {{"4.5", "null"}}},
      {"A-CM-07", "cost_map", {{"4.5", "[4.5]"}}},
      {"A-CM-11", "cost_map_ordinal", {{"\"west\":1", "\"west\":1.5"}}},
      {"A-CM-13", "cost_map", {{"\"east\":4.5", "\"north\":4.5"}}, nullptr, {}, {{"network_map"}}},
      {"A-CM-14", "cost_map", {{"\"v7\"", "\"v6\""}}, nullptr, {}, {{"network_map"}}},
      {"A-CM-17", "cost_map", {{"4.5", "-4.5"}}},

      // Filtered maps
      {"A-FNM-02", "network_map_filter", {{"\"pids\"", "\"names\""}}},
      {"A-FNM-06", "network_map_filtered", {{"\"east\"", "\"rest\""}}, "network_map_filter"},
      {"A-FNM-08",
       "network_map_filtered",
       {{"\"ipv4\":[\"203.0.113.0/25\"]", "\"ipv6\":[\"::/0\"]"}},
       "network_map_filter"},
      {"A-FNM-10", "network_map_filtered", {{"\"nm\"", "\"fnm\""}}, "network_map_filter", {}, {{"directory"}}},
      {"A-FCM-02", "cost_map_filter", {{"\"cost-type\"", "\"type\""}}},
      {"A-FCM-02", "cost_map_filter", {{"\"cost-mode\":\"numerical\",", ""}}},
      {"A-FCM-03", "cost_map_filter", {{"routingcost", "delay-ow"}}, nullptr, {}, {{"directory"}}, nullptr, "/fcm"},
      {"A-FCM-04", "cost_map_filter", {{"\"routingcost\"", "\"routingcost\",\"description\":\"x\""}}},
      {"A-FCM-06",
       "cost_map_filter",
       {{"\"srcs\"", "\"srcs\""}},
       nullptr,
       {},
       {{"directory", {{"\"cost-constraints\":true,", ""}}}},
       [](Transport& t) { t.target = "/fcm"; },
       "/elsewhere"},
      {"A-FCM-07", "cost_map_filter", {{"ge 1", "foo 5"}}},
      {"A-FCM-07", "cost_map_filter_multi", {{"le 5", "le five"}}},
      {"A-FCM-11", "cost_map_filtered", {{"4.5", "11"}}, "cost_map_filter"},
      {"A-FCM-12", "cost_map_filtered", {{"{\"west\":{", "{\"east\":{"}}, "cost_map_filter"},
      {"A-FCM-12",
       "cost_map_filtered",
       {{"\"east\":4.5", "\"rest\":4.5"}},
       "cost_map_filter",
       {{"\"dsts\":[]", "\"dsts\":[\"west\",\"east\"]"}}},
      {"A-FCM-15", "cost_map_filter", {{",\"dsts\":[]", ""}}},
      {"A-FCM-19", "cost_map_filtered", {{"numerical", "ordinal"}}, "cost_map_filter"},
      {"A-FCM-22", "cost_map_filtered", {{"\"west\":1,\"east\":4.5", ""}}, "cost_map_filter"},

      // Endpoint services
      {"A-EPS-02", "endpoint_property_params", {{"\"endpoints\"", "\"hosts\""}}},
      {"A-EPS-02", "endpoint_property_params", {{"[\"nm.pid\",\"priv:lab-tier\"]", "[]"}}},
      {"A-EPS-03",
       "endpoint_property_params",
       {{"priv:lab-tier", "priv:other"}},
       nullptr,
       {},
       {{"directory"}},
       nullptr,
       "/eps"},
      {"A-EPS-05",
       "endpoint_properties",
       {{",\"ipv6:2001:db8:e::5\":{\"nm.pid\":\"east\"}", ""}},
       "endpoint_property_params"},
      {"A-EPS-07", "endpoint_properties", {{"\"2\"", "2"}}},
      {"A-EPS-08", "endpoint_properties", {{"\"dependent-vtags\":[" + kVtag + "]", ""}}},
      {"A-EPS-09", "endpoint_properties", {{"\"west\"", "\"rest\""}}, nullptr, {}, {{"network_map"}}},
      {"A-EPS-10", "endpoint_properties", {{"priv:lab-tier", "priv:other"}}, "endpoint_property_params"},
      {"A-EPS-11", "endpoint_property_params", {{"ipv4:198.51.100.9", "ipv4:198.51.100.0/24"}}},
      {"A-EPS-12", "directory", {{"\"priv:lab-tier\"]}", "\"priv:lab-tier\"]},\"uses\":[\"nm\"]"}}},
      {"A-ECS-02", "endpoint_cost_params", {{"\"endpoints\"", "\"hosts\""}}},
      {"A-ECS-02", "endpoint_cost_params", {{"\"cost-type\"", "\"type\""}}},
      {"A-ECS-03",
       "endpoint_cost_params",
       {{"routingcost", "hopcount"}},
       nullptr,
       {},
       {{"directory"}},
       nullptr,
       "/ecs"},
      {"A-ECS-05", "endpoint_cost_params_smallest", {{"[\"ipv4:203.0.113.5\"]", "[]"}}},
      {"A-ECS-07", "endpoint_cost_params", {{"lt 30", "30"}}},
      {"A-ECS-08", "endpoint_costs", {{"\"cost-type\"", "\"type\""}}},
      {"A-ECS-09", "endpoint_costs", {{":20.25", ":\"far\""}}},
      {"A-ECS-11", "endpoint_costs", {{"203.0.113.5", "203.0.113.6"}}, "endpoint_cost_params"},
      {"A-ECS-15", "endpoint_cost_params", {{"ipv4:203.0.113.5", "ipv4:203.0.113.0/24"}}},
      {"A-ECS-16", "endpoint_costs", {{"numerical", "ordinal"}}},

      // Multi-cost
      {"A-MC-02", "directory_extensions", {{"\"max-cost-types\":2", "\"cost-constraints\":true"}}},
      {"A-MC-03",
       "directory_extensions",
       {{"\"testable-cost-type-names\":[\"num\"]", "\"testable-cost-type-names\":[\"path\"]"}}},
      {"A-MC-04", "cost_map_filter_multi", {{"{\"multi", "{\"cost-type\":" + kNumerical + ",\"multi"}}},
      {"A-MC-05",
       "cost_map_filter_multi",
       {{"\"hopcount\"}]", "\"hopcount\"}," + kOrdinal + "]"}},
       nullptr,
       {},
       {{"directory"}},
       nullptr,
       "/fcm"},
      {"A-MC-06", "cost_map_filter_multi", {{"hopcount", "delay-ow"}}, nullptr, {}, {{"directory"}}, nullptr, "/fcm"},
      {"A-MC-07",
       "cost_map_filter_multi",
       {{"types\":[" + kNumerical + "]", "types\":[" + kHops + "]"}},
       nullptr,
       {},
       {{"directory_extensions"}},
       nullptr,
       "/cal"},
      {"A-MC-08", "cost_map_filter_multi", {{"\"or-constraints\"", "\"constraints\":[\"le 5\"],\"or-constraints\""}}},
      {"A-MC-09", "cost_map_filter_multi", {{"[\"[0] eq 9\"]", "[]"}}},
      {"A-MC-10",
       "cost_map_filter_multi",
       {},
       nullptr,
       {},
       {{"directory", {{"\"cost-constraints\":true,", ""}}}},
       [](Transport& t) { t.target = "/fcm"; },
       "/elsewhere"},
      {"A-MC-11",
       "cost_map_filter",
       {{"ge 1", "[0] ge 1"}},
       nullptr,
       {},
       {{"directory", {{",\"max-cost-types\":2", ""}}}},
       nullptr,
       "/fcm"},
      {"A-MC-12", "cost_map_filter_multi", {{"[0] eq 9", "[1] eq 9"}}},
      {"A-MC-13", "cost_map_multi", {{kNumerical + "," + kHops, kHops + "," + kNumerical}}, "cost_map_filter_multi"},
      {"A-MC-14", "cost_map_multi", {{"\"cost-type\":{}", "\"cost-type\":" + kNumerical}}},
      {"A-MC-15", "cost_map_multi", {{"[4,2]", "[4]"}}},
      {"A-MC-15", "cost_map_multi", {{"[4,2]", "4"}}},
      {"A-MC-16", "cost_map_multi", {{"[20,null]", "[20,\"none\"]"}}},
      {"A-MC-18", "cost_map_multi", {{"," + kHops, ""}, {"[4,2]", "4"}}},
      {"A-MC-19",
       "cost_map_filtered",
       {{"\"cost-type\":" + kNumerical, "\"cost-type\":{},\"multi-cost-types\":[" + kNumerical + "]"}},
       "cost_map_filter"},
      {"A-MC-23", "cost_map_filter_multi", {{"{\"multi", "{\"cost-type\":{},\"multi"}}},

      // Update streams
      {"A-SSE-06", "update_stream_control", {{"\"https://alto.example.net/upd/ctl/8b1f\"", "7"}}},
      {"A-SSE-06", "update_stream_control", {{"[\"old\"]", "\"old\""}}},
      {"A-SSE-09", "update_stream_control", {{",\"description\":\"removed by the client\"", ""}}},
      {"A-SSE-10",
       "directory_extensions",
       {{"application/merge-patch+json,application/json-patch+json", "application/patch+json"}}},
      {"A-SSE-10",
       "directory_extensions",
       {{"{\"cm\":\"application/merge-patch+json,", "{\"pv\":\"application/merge-patch+json,"}}},
      {"A-SSE-14",
       "directory_extensions",
       {{"control\":true},\"uses\":[\"nm\",\"cm\"]", "control\":true},\"uses\":[\"cm\"]"}}},
      {"A-SSE-15", "update_stream_params_smallest", {{"\"nm\"", "\"eps\""}}, nullptr, {}, {{"directory_extensions"}}},
      {"A-SSE-16", "update_stream_params_smallest", {{"\"n\":{\"resource-id\":\"nm\"}", ""}}},
      {"A-SSE-16", "update_stream_params_smallest", {{"\"resource-id\":\"nm\"", ""}}},
      {"A-SSE-18", "update_stream_params", {{"\"nm\"", "\"cm\""}}, nullptr, {}, {{"directory"}}},
      {"A-SSE-22",
       "update_stream_params",
       {{",\"input\":{\"cost-type\":" + kNumerical + "}", ""}},
       nullptr,
       {},
       {{"directory"}}},
      {"A-SSE-36", "directory_extensions", {{"text/event-stream", "application/octet-stream"}}},
      {"A-SSE-43", "update_stream_params", {{"\"old\"", "\"n\""}}},

      {"A-SSE-02", "event_stream", {{"networkmap+json,n", "networkmap+json; charset=utf-8,n"}}},
      {"A-SSE-03", "event_stream", {{"networkmap+json,n", "networkmap+json"}}},
      {"A-SSE-03", "event_stream", {{"networkmap+json,n", "networkmap+json,x"}}, "update_stream_params_smallest"},
      {"A-SSE-05",
       "event_stream_part",
       {{"map\":{}}\n", "map\":{}}\n\nevent: application/merge-patch+json,p\ndata: {}\n"}}},
      {"A-SSE-11", "event_stream", {{"[\"0.0.0.0/0\"]}", "[\"0.0.0.0/0\"],\"x\":null}"}}},
      {"A-SSE-29",
       "event_stream_part",
       {{"map\":{}}\n", "map\":{}}\n\nevent: application/merge-patch+json,p.other\ndata: {}\n"}}},
      {"A-SSE-49",
       "event_stream",
       {{"{\"network-map\":{\"b\":{\"ipv4\":[\"10.0.0.0/8\"]}}}", "{\"cost-map\":{\"a\":{\"b\":7}}}"}},
       "update_stream_params_tests"},
      {"A-SSE-50",
       "event_stream",
       {{"application/alto-networkmap+json,n", "application/alto-costmap+json,n"},
        {"\"network-map\":{\"a\":{\"ipv4\":[\"0.0.0.0/0\"]}}", "\"cost-map\":{\"a\":{\"b\":7}}"}},
       "update_stream_params_tests"},
      {"A-SSE-51", "event_stream", {{"\"a\":{", Text(1 << 20, ' ') + "\"a\":{"}}},
      {"A-SSE-52", "event_stream_lines", {{"data: ", "data: {\"a\ndata: b\":1"}}},
      {"A-SSE-54", "event_stream", {{"[\"10.0.0.0/8\"]", "[\"10.0.0.0/99\"]"}}},
      {"A-SSE-55",
       "event_stream",
       {{"merge-patch", "json-patch"}},
       "update_stream_params_smallest",
       {},
       {{"directory_extensions",
         {{"{\"cm\":\"application/merge-patch+json,application/json-patch+json\"}",
           "{\"nm\":\"application/merge-patch+json\"}"},
          {"\"/upd\"", "\"/update-stream-params\""}}}},
       nullptr,
       nullptr},
      {"A-PV-25",
       "event_stream_part",
       {{",p.propmap", ",p"}},
       "update_stream_params_parts",
       {},
       {{"directory_extensions"}}},
      {"A-SSE-04", "event_stream", {{"application/alto-networkmap+json", "application/json"}}},
      {"A-SSE-07",
       "event_stream",
       {{"event: application/alto-updatestreamcontrol+json\n", "event: application/alto-costmap+json,n\n"}}},
      {"A-SSE-07",
       "event_stream",
       {{"\n\nevent: application/alto-n",
         "\n\nevent: application/alto-updatestreamcontrol+json\ndata: {\"control-uri\":\"/x\"}\n\nevent: "
         "application/alto-n"}}},
      {"A-SSE-21",
       "event_stream",
       {{"keep", "keep"}},
       "update_stream_params_smallest",
       {{"\"nm\"", "\"nm\",\"incremental-changes\":false"}}},
      {"A-SSE-24",
       "event_stream",
       {{"application/alto-networkmap+json,n", "application/merge-patch+json,n"}},
       "update_stream_params_smallest"},
      {"A-SSE-26",
       "event_stream",
       {{"{\"control-uri\":\"/upd/ctl/8b1f\"}", "{\"stopped\":[\"n\"],\"description\":\"x\"}"}}},
      {"A-SSE-54",
       "event_stream",
       {{"merge-patch", "json-patch"},
        {"{\"network-map\":{\"b\":{\"ipv4\":[\"10.0.0.0/8\"]}}}", "[{\"op\":\"remove\",\"path\":\"/x\"}]"}}},

      // Calendars
      {"A-CAL-01", "directory_extensions", {{",\"number-of-intervals\":3", ""}}},
      {"A-CAL-01", "directory_extensions", {{"\"number-of-intervals\":3", "\"number-of-intervals\":0"}}},
      {"A-CAL-02",
       "directory_extensions",
       {{"[{\"cost-type-names\":[\"num\"]", "[{\"cost-type-names\":[\"num\",\"num\"]"}}},
      {"A-CAL-04", "directory_extensions", {{"[{\"cost-type-names\":[\"num\"]", "[{\"cost-type-names\":[\"path\"]"}}},
      {"A-CAL-05",
       "directory_extensions",
       {{"\"/cal\",\"media-type\":\"application/alto-costmap+json\",\"accepts\":\"application/"
         "alto-costmapfilter+json\"",
         "\"/cal\",\"media-type\":\"application/alto-costmap+json\""}}},
      {"A-CAL-06", "cost_map_filter_calendar", {{"[true]", "[true,false]"}}},
      {"A-CAL-07",
       "cost_map_filter_calendar",
       {},
       nullptr,
       {},
       {{"directory"}},
       [](Transport& t) { t.target = "/fcm"; },
       "/cal"},
      {"A-CAL-09",
       "cost_map_calendar",
       {{"\"repeated\":4", "\"repeated\":3"}},
       "cost_map_filter_calendar",
       {{"[true]", "[false]"}}},
      {"A-CAL-10", "cost_map_filter_calendar", {{"\"calendared\"", "\"constraints\":[\"le 5\"],\"calendared\""}}},
      {"A-CAL-11", "cost_map_calendar", {{"\"calendar-start-time\":\"Tue, 01 Jul 2014 13:00:00 GMT\",", ""}}},
      {"A-CAL-12",
       "cost_map_calendar",
       {{"\"repeated\":4}",
         "\"repeated\":4},{\"calendar-start-time\":\"Tue, 01 Jul 2014 13:00:00 "
         "GMT\",\"time-interval-size\":1,\"number-of-intervals\":3}"}}},
      {"A-CAL-13", "cost_map_calendar", {{"3600.5", "60"}}, nullptr, {}, {{"directory_extensions"}}},
      {"A-CAL-14", "cost_map_calendar", {{"[4,6,5]", "[4,6]"}}},
      {"A-CAL-14", "cost_map_calendar", {{"[4,6,5]", "4"}}},
      {"A-CAL-16", "cost_map_calendar", {{"Tue, 01 Jul 2014 13:00:00 GMT", "Tue, 1 Jul 2014 13:00:00 GMT"}}},
      {"A-CAL-17",
       "cost_map_calendar",
       {{"Tue, 01 Jul 2014", "Wed, 01 Jul 2015"}},
       nullptr,
       {},
       {},
       nullptr,
       nullptr,
       std::int64_t{1'420'000'000} * 1'000'000'000},
      {"A-CAL-18", "cost_map_calendar", {{"\"repeated\":4", "\"repeated\":0"}}},
      {"A-CAL-21", "cost_map_calendar", {{"Tue, 01", "Wed, 01"}}},

      // Cost modes and metrics
      {"A-MODE-01", "cost_map", {{"numerical", "numer ical"}}},
      {"A-MODE-02", "cost_map", {{"numerical", "string"}}},
      {"A-MODE-05", "cost_map_path_vector", {{"[\"NET1\",\"L1\",\"NET3\"]", "3"}}},
      {"A-PM-01", "cost_map", {{"routingcost", "delay-ow:"}}},
      {"A-PM-02", "cost_map", {{"routingcost", "delay-ow:p101"}}},
      {"A-PM-02", "cost_map", {{"routingcost", "delay-ow:average"}}},
      {"A-PM-03", "cost_map", {{"routingcost", "delay-ow:p50"}}},
      {"A-PM-05", "directory_extensions", {{"\"estimation\"", "\"guess\""}}},
      {"A-PM-05", "directory_extensions", {{"\"cost-source\":\"estimation\",", ""}}},
      {"A-PM-07", "directory", {{"[\"num\",\"ord\",\"hop\"]", "[\"num\",\"ord\",\"num\"]"}}},
      {"A-PM-08", "directory_extensions", {{"\"estimation\"", "\"sla\""}}},
      {"A-PM-09", "directory_extensions", {{"\"hopcount\"", "\"routingcost\""}, {"\"estimation\"", "\"nominal\""}}},
      {"A-PM-11", "cost_map", {{"routingcost", "hopcount"}}},
      {"A-PM-14", "directory_extensions", {{"\"hopcount\"", "\"tput\""}, {"\"estimation\"", "\"nominal\""}}},
      {"A-PM-15", "directory_extensions", {{",\"parameters\":{\"hop\":\"router\"}", ""}}},
      {"A-PM-15", "directory_extensions", {{"\"hopcount\"", "\"tput\""}}},

      // Property maps
      {"A-UP-01", "property_map", {{"countrycode:us", "planet:earth"}}},
      {"A-UP-01", "directory_extensions", {{"\"nm.pid\":[", "\"nm.place\":["}}},
      {"A-UP-02", "directory_extensions", {{"\"nm.pid\":[", "\"nm.x.pid\":["}}},
      {"A-UP-04", "property_map", {{"ipv4:198.51.100.0/24", "ipv4:198.51.100.0/33"}}},
      {"A-UP-04", "property_map_params", {{"nm.pid:west", "west"}}},
      {"A-UP-06", "property_map", {{".priv:region", ".region"}}},
      {"A-UP-07", "property_map", {{".priv:region", ".priv:re gion"}}},
      {"A-UP-13", "directory_extensions", {{"\"nm.pid\":[", "\"cm.pid\":["}}},
      {"A-UP-17", "directory_extensions", {{"\"mappings\":{\"ipv4\":[\"nm.pid\",\".priv:lab-tier\"]}", ""}}},
      {"A-UP-18", "directory_extensions", {{"[\"nm.pid\",\".priv:lab-tier\"]", "[\"mn.pid\",\".priv:lab-tier\"]"}}},
      {"A-UP-20", "property_map", {{"\"us-west\"", "7"}}},
      {"A-UP-21", "property_map", {{"\".priv:region\"", "\"other.priv:region\""}}},
      {"A-UP-26", "property_map_params", {{"\"entities\"", "\"names\""}}},
      {"A-UP-34",
       "property_map_smallest",
       {{"\"property-map\":{", "\"property-map\":{\"nm.pid:west\":{\"priv:tier\":\"1\"}"}},
       "property_map_params"},
      {"A-UP-34",
       "property_map_smallest",
       {{"\"property-map\":{", "\"property-map\":{\"nm.pid:east\":{}"}},
       "property_map_params"},
      {"A-UP-37",
       "property_map",
       {{"\"ipv4:198.51.100.128/26\"", "\"ipv4:198.51.100.0/25\":{\"nm.pid\":\"east\"},\"ipv4:198.51.100.128/25\""}},
       "property_map_params"},
      {"A-UP-38", "property_map", {{"\"nm.pid\":\"west\"", "\"pid\":\"west\""}}},
      {"A-UP-40", "property_map", {{"\"countrycode:us\"", "\"meta\""}}},

      // CDNI
      {"A-CDN-03", "cdni", {{"\"vtag\"", "\"vtags\""}}},
      {"A-CDN-04",
       "cdni",
       {{"\"fci\"", "\"other\""}},
       nullptr,
       {},
       {{"directory_extensions", {{"\"fci\":{", "\"other\":{"}}}}},
      {"A-CDN-19", "property_map", {{"countrycode:us", "altopid:west"}}},
      {"A-CDN-05", "cdni", {{"\"capability-type\":\"FCI.Logging\",", ""}}},
      {"A-CDN-05", "cdni", {{"[\"192.0.2.0/24\"]", "[]"}}},
      {"A-CDN-10", "cdni", {{"countrycode", "altopid"}}},
      {"A-CDN-14", "cdni_filter", {{"{\"delivery-protocols\":[\"http/1.1\"]}", "null"}}},
      {"A-CDN-14", "cdni", {{"{\"delivery-protocols\":[\"http/1.1\"]}", "[\"http/1.1\"]"}}},
      {"A-CDN-15",
       "cdni_smallest",
       {{"footprints\":[",
         "footprints\":[{\"capability-type\":\"FCI.Logging\",\"capability-value\":{\"record-type\":\"r\"}}"}},
       "cdni_filter"},
      {"A-CDN-16",
       "cdni",
       {{"\"fci\"", "\"ffci\""}},
       nullptr,
       {},
       {{"directory_extensions",
         {{"\"fci\":{",
           "\"ffci\":{\"uri\":\"/f\",\"media-type\":\"application/alto-cdni+json\",\"accepts\":\"application/"
           "alto-cdnifilter+json\"},\"fci\":{"}}}}},
      {"A-CDN-17", "property_map", {{"asn:as64496", "asn:64496"}}},
      {"A-CDN-18", "property_map", {{"countrycode:us", "countrycode:US"}}},
      {"A-CDN-20", "property_map", {{"\".priv:region\":\"us-west\"", "\"fci.cdni-capabilities\":{}"}}},

      // Path vectors
      {"A-PV-01",
       "directory_extensions",
       {{"multipart/related;type=application/alto-costmap+json", "application/alto-costmap+json"}}},
      {"A-PV-01",
       "directory_extensions",
       {{"multipart/related;type=application/alto-costmap", "multipart/related;type=application/alto-endpointcost"}}},
      {"A-PV-02",
       "directory_extensions",
       {{"type=application/alto-costmap+json\",\"accepts\":\"application/alto-costmapfilter+json\"",
         "type=application/alto-costmap+json\""}}},
      {"A-PV-06",
       "cost_map_filter",
       {{"\"constraints\":[\"ge 1\",\"le 10.5\"]", "\"ane-property-names\":[\"delay\"]"}},
       nullptr,
       {},
       {{"directory_extensions"}},
       nullptr,
       "/pv"},
      {"A-PV-17",
       "path_vector",
       {},
       "cost_map_filter_path_vector",
       {{"\"array\",\"cost-metric\":\"ane-path\"", "\"numerical\",\"cost-metric\":\"routingcost\""}}},
      {"A-PV-23",
       "cost_map_multi",
       {{"\"numerical\",\"cost-metric\":\"hopcount\"", "\"array\",\"cost-metric\":\"ane-path\""}}},
      {"A-PV-24",
       "cost_map_calendar",
       {{"\"numerical\",\"cost-metric\":\"routingcost\"", "\"array\",\"cost-metric\":\"ane-path\""}}},
      {"A-PV-03", "directory_extensions", {{"[\"path\"]", "[\"num\"]"}}},
      {"A-PV-04", "directory_extensions", {{"[\"path\"]", "[\"path\"],\"cost-constraints\":true"}}},
      {"A-PV-05", "directory_extensions", {{"[\"path\"]", "[\"path\"],\"testable-cost-type-names\":[\"path\"]"}}},
      {"A-PV-07", "directory_extensions", {{"bandwidth\"]},\"uses\":[\"nm\"]", "bandwidth\"]}"}}},
      {"A-PV-12", "cost_map_path_vector", {{"pv.costmap", "pv." + Text(63, 'c')}}},
      {"A-PV-13", "cost_map_path_vector", {{"\"vtag\"", "\"vtags\""}}},
      {"A-PV-14", "cost_map_path_vector", {{"\"L1\"", "\"L 1\""}}},
      {"A-PV-14", "cost_map_path_vector", {{"\"L1\"", "1"}}},
      {"A-PV-20", "property_map", {{"48000000", "\"48000000\""}}},
      {"A-PV-20", "property_map", {{"48000000", "-1"}}},
      {"A-PV-21", "property_map", {{"dc-props.ane:dc1", "dc1"}}},
      {"A-PV-22", "property_map", {{".ane:L1", "ane:L1"}}},
      {"A-PV-22", "property_map", {{".ane:L1", ".ane:L 1"}}},

      {"A-PV-08", "path_vector", {{"--example-1", "example-1"}}},
      {"A-PV-10", "path_vector", {{"Content-ID: <propmap@alto.example.net>\r\n", ""}}},
      {"A-PV-10",
       "path_vector",
       {{"--example-1--", "--example-1\r\nContent-ID: <c@d>\r\nContent-Type: text/plain\r\n\r\nx\r\n--example-1--"}}},
      {"A-PV-11", "path_vector", {{"<costmap@alto.example.net>", "costmap"}}},
      {"A-PV-15", "path_vector", {{"\"dependent-vtags\":[{\"resource-id\":\"pv.costmap\",\"tag\":\"d8\"}]", ""}}},
      {"A-PV-16", "path_vector", {{"\".ane:L1\"", "\".ane:L2\""}}},
      {"A-PV-19",
       "path_vector",
       {{"alto-costmap+json", "alto-x+json"},
        {"alto-propmap+json", "alto-costmap+json"},
        {"alto-x+json", "alto-propmap+json"}}},
      {"A-PV-26", "path_vector", {{"--example-1--", "--example-1"}}},

      // TIPS
      {"A-TIPS-01",
       "directory_extensions",
       {{"application/alto-tipsparams+json", "application/alto-updatestreamparams+json"}}},
      {"A-TIPS-02",
       "directory_extensions",
       {{"\"incremental-change-media-types\":{\"nm\":\"application/json-patch+json\",\"cm\":\"application/"
         "merge-patch+json\"}",
         ""}}},
      {"A-TIPS-04",
       "directory_extensions",
       {{"merge-patch+json\"}},\"uses\":[\"nm\",\"cm\"]", "merge-patch+json\"}},\"uses\":[]"}}},
      {"A-TIPS-05", "tips_params_smallest", {{"\"nm\"", "\"eps\""}}, nullptr, {}, {{"directory_extensions"}}},
      {"A-TIPS-08", "tips_params", {{",\"input\":{\"pids\":[\"west\"]}", ""}}, nullptr, {}, {{"directory"}}},
      {"A-TIPS-09", "tips", {{"https://alto.example.net", ""}}},
      {"A-TIPS-10", "tips", {{"https:", "http:"}}},
      {"A-TIPS-13", "tips", {{":101", ":107"}}},
      {"A-TIPS-13", "tips", {{"\"start-seq\":101,", ""}}},
      {"A-TIPS-14", "tips", {{"\"seq-i\":0", "\"seq-i\":104"}}, "tips_params_smallest"},
      {"A-TIPS-15", "tips", {{"\"seq-i\":0", "\"seq-i\":100"}}, "tips_params"},
      {"A-TIPS-15", "tips", {{"\"seq-i\":0,\"seq-j\":105", "\"seq-i\":90,\"seq-j\":91"}}, "tips_params"},
      {"A-TIPS-30",
       "tips_params_smallest",
       {{"\"nm\"", "\"cm\""}},
       nullptr,
       {},
       {{"tips"}},
       nullptr,
       "/tips/2718281828/ug"},
      {"A-TIPS-30",
       "tips_params_smallest",
       {{"\"nm\"", "\"nm\",\"input\":{}"}},
       nullptr,
       {},
       {{"tips"}},
       nullptr,
       "/tips/2718281828/ug"},
      {"A-TIPS-23", "tips", {{":106", ":105"}}, nullptr, {}, {{"tips"}}},
  };
  return kExamples;
}

Text changed(Text body, const Changes& changes, const char* id) {
  for (const auto& [from, to] : changes) {
    std::size_t at = body.find(from);
    EXPECT_NE(at, Text::npos) << id << ": the example's base has no " << from;
    for (; at != Text::npos; at = body.find(from, at + to.size())) body.replace(at, from.size(), to);
  }
  return body;
}

// Ids found in the last message of the example; with `broken` after its changes.
std::multiset<Text> ids_of(const Example& example, bool broken) {
  const auto load = [](const char* name) { return load_sample(sample_path("alto", name)); };
  const auto session = alto::make_session();
  for (const Earlier& earlier : example.before) {
    const Sample sample = load(earlier.sample);
    Message message;
    decode_as(sample, changed(sample.bytes, earlier.changes, example.id), message);
    Message asked;
    if (!sample.request.empty()) decode(load(sample.request.c_str()), asked);
    alto::track(*session, message, sample.request.empty() ? nullptr : &asked);
  }
  Message request;
  if (example.request != nullptr) {
    const Sample sample = load(example.request);
    decode_as(sample, broken ? changed(sample.bytes, example.request_changes, example.id) : sample.bytes, request);
  }
  Sample base = load(example.base);
  if (example.target != nullptr) base.transport.target = example.target;
  if (broken) {
    base.bytes = changed(base.bytes, example.changes, example.id);
    if (example.transport != nullptr) example.transport(base.transport);
  }
  Message message;
  decode(base, message);
  message.time_ns = example.time_ns;
  // Whatever its media type: what it is was told above.
  std::vector<Finding> findings;
  run_checks(alto::protocol(), {message, example.request != nullptr ? &request : nullptr, session.get()}, {}, findings);
  std::multiset<Text> ids;
  for (const Finding& finding : findings) {
    ids.insert(finding.rule->id);
    EXPECT_LE(finding.offset + finding.length, message.size) << finding.rule->id;
    EXPECT_FALSE(finding.detail.empty()) << finding.rule->id;
    EXPECT_TRUE(finding.severity <= Severity::kNote || finding.rule->level != Level::kOurs) << finding.rule->id;
  }
  return ids;
}

TEST(AltoRequirements, EveryExampleBreaksItsRuleByItsChangeAlone) {
  for (const Example& example : examples()) {
    EXPECT_FALSE(ids_of(example, false).contains(example.id))
        << example.id << ": " << example.base << " breaks the rule unchanged";
    EXPECT_TRUE(ids_of(example, true).contains(example.id))
        << example.id << ": " << example.base << " does not break the rule when changed"
        << (example.changes.empty() ? "" : ": " + example.changes[0].first + " -> " + example.changes[0].second);
  }
}

TEST(AltoRequirements, EveryRowWithACheckHasAnExample) {
  std::set<Text> shown;
  for (const Example& example : examples()) shown.insert(example.id);
  expect_examples(alto::requirements(), shown);
}

TEST(AltoRequirements, AreThoseOfTheSheet) {
  EXPECT_EQ(alto::requirements().size(), kRowsInTheSheet);
  const std::map<Text, int> groups = {{"HTTP", 25}, {"JSN", 7},   {"TYP", 29}, {"ERR", 19}, {"IRD", 35}, {"NM", 18},
                                      {"CM", 17},   {"FNM", 12},  {"FCM", 23}, {"EPS", 12}, {"ECS", 16}, {"MC", 23},
                                      {"SSE", 55},  {"CAL", 22},  {"MODE", 5}, {"PM", 15},  {"UP", 40},  {"CDN", 21},
                                      {"PV", 26},   {"TIPS", 36}, {"DISC", 9}, {"XD", 9}};
  expect_numbered(alto::requirements(), "A-", groups);
}

TEST(AltoRequirements, EveryRowIsCheckedProvokedOrExplained) {
  expect_explained(alto::requirements());
}

// Nothing in the strict samples breaks a rule, whatever came before and in any scope.
TEST(AltoRequirements, CleanMessagesHaveNoFindingsInAnyScope) {
  const auto session = alto::make_session();
  for (const char* name : {"directory", "network_map", "cost_map", "network_map_filter", "network_map_filtered",
                           "cost_map_filter", "cost_map_filtered", "endpoint_property_params", "endpoint_properties",
                           "endpoint_cost_params", "endpoint_costs"}) {
    const Sample sample = load_sample(sample_path("alto", name));
    Message request;
    if (!sample.request.empty()) decode(load_sample(sample_path("alto", sample.request)), request);
    const Message* asked = sample.request.empty() ? nullptr : &request;
    Message message;
    decode(sample, message);
    std::vector<Finding> findings;
    run_checks(alto::protocol(), {message, asked, session.get()}, {}, findings);
    for (const Finding& finding : findings) ADD_FAILURE() << name << ": " << finding.rule->id << " " << finding.detail;
    alto::track(*session, message, asked);
  }
}

// What a stream's patches made of a map is the map that costs refer to.
TEST(AltoRequirements, APatchedMapIsTheLatestOne) {
  const auto session = alto::make_session();
  const Sample stream = load_sample(sample_path("alto", "event_stream"));
  Message events;
  decode_as(
      stream,
      changed(stream.bytes,
              {{"{\"network-map\":{\"b\"", "{\"meta\":{\"vtag\":{\"tag\":\"v8\"}},\"network-map\":{\"b\""}}, "patched"),
      events);
  alto::track(*session, events, nullptr);
  const auto outdated = [&](const Text& tag) {
    const Sample sample = load_sample(sample_path("alto", "cost_map"));
    Message costs;
    decode_as(sample, changed(sample.bytes, {{"\"v7\"", "\"" + tag + "\""}}, "costs"), costs);
    std::vector<Finding> findings;
    run_checks(alto::protocol(), {costs, nullptr, session.get()}, {}, findings);
    return std::ranges::any_of(findings, [](const Finding& one) { return Text(one.rule->id) == "A-CM-14"; });
  };
  EXPECT_TRUE(outdated("v7"));
  EXPECT_FALSE(outdated("v8"));
}

// Bodies come from strangers: checks must not take the square of the size of a message.
TEST(AltoRequirements, ChecksOfHugeMessagesAreQuick) {
  Text map = R"({"meta":{"vtag":{"resource-id":"nm","tag":"v"}},"network-map":{)";
  Text directory = R"({"meta":{},"resources":{)";
  Text costs = R"({"meta":{"dependent-vtags":[{"resource-id":"nm","tag":"v"}],"cost-type":)" + kNumerical +
               R"(},"cost-map":{"p":{)";
  for (int i = 0; i < 50000; ++i) {
    const Text comma = i == 0 ? "" : ",";
    const Text id = std::to_string(i);
    map += comma + "\"p" + id + "\":{\"ipv4\":[\"10." + std::to_string(i >> 8) + "." + std::to_string(i & 255) +
           ".0/24\"]}";
    directory += comma + "\"r" + id + R"(":{"uri":"/","media-type":"application/alto-costmap+json","uses":["x"]})";
    costs += comma + "\"p" + id + "\":\"x\"";
  }
  const auto session = alto::make_session();
  for (const auto& [type, body] :
       std::map<Text, Text>{{"networkmap", map + "}}"}, {"directory", directory + "}}"}, {"costmap", costs + "}}}"}}) {
    Message message;
    message.transport.content_type = "application/alto-" + type + "+json";
    alto::decode(body, message);
    EXPECT_TRUE(message.issues.empty()) << type << ": " << explain(message.issues.front());
    std::vector<Finding> findings;
    run_checks(alto::protocol(), {message, nullptr, session.get()}, {}, findings);
    EXPECT_FALSE(findings.empty()) << type;
    alto::track(*session, message, nullptr);
  }
}

}  // namespace
}  // namespace peerscope::test
