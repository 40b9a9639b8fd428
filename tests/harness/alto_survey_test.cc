// SPDX-License-Identifier: GPL-2.0-or-later
// What the harness knows of an ALTO server: what it offers, what it holds, and whether an answer agrees with that.
#include <gtest/gtest.h>

#include <fstream>

#include "harness/behaviours/alto_world.h"
#include "harness/behaviours/behaviours.h"
#include "harness/engine/survey.h"
#include "harness/scenario/match.h"
#include "harness/scenario/yaml.h"
#include "protocols/alto/protocol.h"

namespace peerscope::harness {
namespace {

using alto::message_type;

std::unique_ptr<Message> message(const char* media_type, std::string_view body) {
  auto out = std::make_unique<Message>();
  out->transport.content_type = media_type;
  out->transport.status = 200;
  alto::decode(body, *out);
  return out;
}
template <class T>
std::unique_ptr<Message> message(std::string_view body) {
  return message(message_type<T>().media_type, body);
}

constexpr const char* kDirectory = R"({"meta":{"default-alto-network-map":"nm",
 "cost-types":{"n":{"cost-mode":"numerical","cost-metric":"routingcost"},
               "o":{"cost-mode":"ordinal","cost-metric":"routingcost"},
               "h":{"cost-mode":"numerical","cost-metric":"hopcount"}}},
 "resources":{
  "other":{"uri":"../other","media-type":"application/alto-networkmap+json"},
  "nm":{"uri":"maps/nm","media-type":"application/alto-networkmap+json"},
  "cm":{"uri":"//costs.example.net/cm","media-type":"application/alto-costmap+json","uses":["nm"],"capabilities":{"cost-type-names":["n"]}},
  "fcm":{"uri":"/fcm?x=1","media-type":"application/alto-costmap+json","accepts":"application/alto-costmapfilter+json","uses":["nm"],
         "capabilities":{"cost-type-names":["o","n","h"],"max-cost-types":2}},
  "more":{"uri":"more","media-type":"application/alto-directory+json"}}})";
constexpr const char* kMap = R"({"meta":{"vtag":{"resource-id":"nm","tag":"1"}},"network-map":{
 "a":{"ipv4":["10.0.0.0/8"]},"b":{"ipv4":["10.0.0.0/9"]},"c":{"ipv4":["192.0.2.0/24"],"ipv6":["2001:db8::/32"]}}})";
constexpr const char* kCosts = R"({"meta":{"dependent-vtags":[{"resource-id":"nm","tag":"1"}],
 "cost-type":{"cost-mode":"numerical","cost-metric":"routingcost"}},
 "cost-map":{"a":{"a":1,"b":2,"c":3},"b":{"a":4,"b":5},"c":{"a":7}}})";

std::unique_ptr<Survey> survey() {
  return survey_kind(alto::protocol())->make(*net::Url::parse("http://alto.example.net/dir/root"));
}

// Fetched in the order that the survey wants; what is not known here is a 404.
std::vector<std::string> teach(Survey& survey,
                               const std::map<std::string, std::pair<const char*, const char*>>& pages) {
  std::vector<std::string> fetched;
  constexpr int kMost = 20;
  for (auto fetch = survey.next(); fetch && fetched.size() < kMost; fetch = survey.next()) {
    fetched.push_back(fetch->url.to_string());
    const auto page = pages.find(fetched.back());
    const auto answer = page != pages.end() ? message(page->second.first, page->second.second) : message("", "");
    EXPECT_EQ(survey.learn(*fetch, *answer), "");
  }
  return fetched;
}

const std::map<std::string, std::pair<const char*, const char*>>& pages() {
  static const std::map<std::string, std::pair<const char*, const char*>> kPages = {
      {"http://alto.example.net/dir/root", {"application/alto-directory+json", kDirectory}},
      {"http://alto.example.net/dir/more",
       {"application/alto-directory+json",
        R"({"meta":{},"resources":{"back":{"uri":"root","media-type":"application/alto-directory+json"},
            "eps":{"uri":"eps","media-type":"application/alto-endpointprop+json",
                   "accepts":"application/alto-endpointpropparams+json","capabilities":{"prop-types":["nm.pid"]}}}})"}},
      {"http://alto.example.net/dir/maps/nm", {"application/alto-networkmap+json", kMap}},
      {"http://costs.example.net/cm", {"application/alto-costmap+json", kCosts}}};
  return kPages;
}

Tree wanted(const std::string& yaml) {
  const YamlResult result = parse_yaml(yaml, "resource");
  EXPECT_EQ(result.error, "");
  return result.tree;
}

TEST(AltoSurvey, FollowsTheDirectoryItsLinksAndItsDefaultMap) {
  const auto known = survey();
  const std::vector<std::string> expected = {"http://alto.example.net/dir/root", "http://alto.example.net/dir/more",
                                             "http://alto.example.net/dir/maps/nm", "http://costs.example.net/cm"};
  EXPECT_EQ(teach(*known, pages()), expected);
}

TEST(AltoSurvey, WhatIsNoDirectoryIsAnError) {
  const auto known = survey();
  const auto first = known->next();
  ASSERT_TRUE(first);
  EXPECT_NE(known->learn(*first, *message("text/html", "<html>")).find("text/html"), std::string::npos);
}

TEST(AltoSurvey, ResourcesAreFoundByWhatTheDirectorySaysOfThem) {
  const auto known = survey();
  teach(*known, pages());
  std::string reason;
  const auto map = known->find(wanted("{msg: network-map}"), reason);
  ASSERT_TRUE(map) << reason;
  EXPECT_EQ(map->id, "nm");  // not the first, but the default one
  EXPECT_EQ(map->url.to_string(), "http://alto.example.net/dir/maps/nm");
  EXPECT_EQ(map->input, "");
  const auto filter = known->find(wanted("{msg: cost-map, accepts: cost-map-filter, several: true}"), reason);
  ASSERT_TRUE(filter) << reason;
  EXPECT_EQ(filter->url.target, "/fcm?x=1");
  EXPECT_EQ(filter->variables.at("metric"), "routingcost");
  EXPECT_EQ(filter->variables.at("mode"), "numerical");
  EXPECT_EQ(filter->variables.at("mode2"), "ordinal");
  const auto ordinal = known->find(wanted("{msg: cost-map, accepts: cost-map-filter, mode: ordinal}"), reason);
  ASSERT_TRUE(ordinal) << reason;
  EXPECT_EQ(ordinal->variables.at("mode"), "ordinal");
  const auto linked =
      known->find(wanted("{msg: endpoint-properties, accepts: endpoint-property-params, property: pid}"), reason);
  ASSERT_TRUE(linked) << reason;
  EXPECT_EQ(linked->url.target, "/dir/eps");
}

TEST(AltoSurvey, WhatIsNotOfferedHasAReason) {
  const auto known = survey();
  teach(*known, pages());
  for (const char* text : {"{msg: cost-map, accepts: cost-map-filter, constraints: true}",
                           "{msg: cost-map, metric: hopcount}", "{msg: network-map, accepts: network-map-filter}",
                           "{msg: endpoint-properties, accepts: endpoint-property-params, property: 'priv:x'}"}) {
    std::string reason;
    EXPECT_FALSE(known->find(wanted(text), reason)) << text;
    EXPECT_NE(reason.find("msg="), std::string::npos) << text;
  }
}

TEST(AltoSurvey, DataIsTheServersOwn) {
  const auto known = survey();
  teach(*known, pages());
  const auto data = known->data();
  EXPECT_EQ(data.at("map_id"), "nm");
  EXPECT_EQ(data.at("map_tag"), "1");
  EXPECT_EQ(data.at("pid1"), "a");
  EXPECT_EQ(data.at("addr1"), "ipv4:10.128.0.0");  // the first half is b's
  EXPECT_EQ(data.at("addr2"), "ipv4:10.0.0.0");
  EXPECT_EQ(data.at("pid_count"), "3");
  EXPECT_EQ(data.at("pid_property"), "nm.pid");
  EXPECT_EQ(data.at("addr6"), "ipv6:2001:db8::1");
  EXPECT_EQ(data.at("addr6_long"), "ipv6:2001:0DB8:0000:0000:0000:0000:0000:0001");
  EXPECT_EQ(data.at("addr6_pid"), "c");
  EXPECT_EQ(data.at("addr_outside"), "ipv4:11.0.0.0");
  EXPECT_EQ(data.at("cost_low"), "1");
  EXPECT_EQ(data.at("cost_middle"), "4");
  EXPECT_EQ(data.at("cost_high"), "7");
  EXPECT_FALSE(data.contains("file_map"));
  EXPECT_FALSE(data.contains("interop_map"));
}

TEST(AltoSurvey, AFileIsBelievedBeforeTheServer) {
  const std::string path = testing::TempDir() + "/survey_map.json";
  std::ofstream(path)
      << R"({"meta":{"vtag":{"resource-id":"file","tag":"f"}},"network-map":{"a":{"ipv4":["10.0.0.0/8"]},"d":{}}})";
  const auto known = survey();
  ASSERT_EQ(known->teach(path), "");
  teach(*known, pages());
  EXPECT_EQ(known->data().at("map_id"), "nm");
  EXPECT_TRUE(known->data().contains("file_map"));
  const Agreement agreement = known->compare(*message("", ""), *message<alto::NetworkMap>(kMap));
  EXPECT_FALSE(agreement.unknown);
  EXPECT_EQ(agreement.difference, "PID d is missing");
  std::ofstream(path) << R"({"nothing": 1})";
  EXPECT_NE(survey()->teach(path).find("neither"), std::string::npos);
  EXPECT_NE(survey()->teach(path + ".none"), "");
}

struct Case {
  const char* name;
  const char* asked;
  const char* seen;
  const char* difference;
};

template <class Asked, class Answer>
void compare(const Case& one) {
  const auto known = survey();
  teach(*known, pages());
  const Agreement agreement = known->compare(*message<Asked>(one.asked), *message<Answer>(one.seen));
  EXPECT_FALSE(agreement.unknown) << one.name;
  EXPECT_EQ(agreement.difference, one.difference) << one.name;
}

TEST(AltoSurvey, FilteredMapsAreComparedByValue) {
  const Case kCases[] = {
      {"as asked", R"({"pids":["c","x","c"],"address-types":["ipv6"]})",
       R"({"meta":{"vtag":{"resource-id":"nm","tag":"1"}},"network-map":{"c":{"ipv6":["2001:0db8:0::/32"]}}})", ""},
      {"a PID too many", R"({"pids":["c"],"address-types":["ipv6"]})",
       R"({"meta":{"vtag":{"resource-id":"nm","tag":"1"}},"network-map":{"c":{"ipv6":["2001:db8::/32"]},"a":{}}})",
       "PID a was not asked for, or does not exist"},
      {"another prefix", R"({"pids":["b"]})",
       R"({"meta":{"vtag":{"resource-id":"nm","tag":"1"}},"network-map":{"b":{"ipv4":["10.0.0.0/8"]}}})",
       "PID b: ipv4 10.0.0.0/9 is missing"},
      {"a type too many", R"({"pids":["c"],"address-types":["ipv6"]})",
       R"({"meta":{"vtag":{"resource-id":"nm","tag":"1"}},"network-map":{"c":{"ipv6":["2001:db8::/32"],"ipv4":["192.0.2.0/24"]}}})",
       "PID c: ipv4 192.0.2.0/24 was not asked for, or is not in it"}};
  for (const Case& one : kCases) compare<alto::NetworkMapFilter, alto::NetworkMap>(one);
}

TEST(AltoSurvey, AnotherVersionOfTheMapTellsNothing) {
  const auto known = survey();
  teach(*known, pages());
  const Agreement agreement = known->compare(
      *message<alto::NetworkMapFilter>(R"({"pids":[]})"),
      *message<alto::NetworkMap>(R"({"meta":{"vtag":{"resource-id":"nm","tag":"2"}},"network-map":{"z":{}}})"));
  EXPECT_TRUE(agreement.unknown);
  EXPECT_EQ(agreement.difference, "");
}

std::string answer(const std::string& type, const std::string& costs) {
  return R"({"meta":{"dependent-vtags":[{"resource-id":"nm","tag":"1"}],)" + type + R"(},"cost-map":)" + costs + "}";
}

TEST(AltoSurvey, FilteredCostsAreThoseOfTheFullMap) {
  const std::string num = R"("cost-type":{"cost-mode":"numerical","cost-metric":"routingcost"})";
  const std::string two = "{" + num + R"(,"pids":{"srcs":["a","a"],"dsts":["b","c","x"]}})";
  const std::string tested = "{" + num + R"(,"constraints":["ge 2","lt 4"]})";
  const std::string either = "{" + num + R"(,"or-constraints":[["le 1"],["ge 7"]]})";
  const struct {
    std::string asked;
    std::string costs;
    const char* difference;
  } kCases[] = {
      {two, R"({"a":{"b":2.0,"c":3}})", ""},
      {two, R"({"a":{"b":2}})", "a -> c is missing: its numerical routingcost is 3"},
      {two, R"({"a":{"b":2,"c":4}})", "a -> c: expected 3, seen 4"},
      {two, R"({"a":{"b":2,"c":3,"a":1}})", "a -> a was not asked for"},
      {tested, R"({"a":{"b":2,"c":3}})", ""},
      {tested, R"({"a":{"b":2,"c":3},"b":{"a":4}})", "b -> a does not pass the constraints"},
      {tested, R"({"a":{"b":2}})", "a -> c is missing: its numerical routingcost is 3"},
      {either, R"({"a":{"a":1},"c":{"a":7}})", ""},
      {either, R"({"a":{"a":1}})", "c -> a is missing: its numerical routingcost is 7"},
  };
  for (const auto& one : kCases)
    compare<alto::CostMapFilter, alto::CostMap>(
        {one.costs.c_str(), one.asked.c_str(), answer(num, one.costs).c_str(), one.difference});
}

TEST(AltoSurvey, SeveralCostTypesAreArrays) {
  const std::string types =
      R"("multi-cost-types":[{"cost-mode":"numerical","cost-metric":"hopcount"},{"cost-mode":"numerical","cost-metric":"routingcost"}])";
  const std::string asked = "{" + types + R"(,"pids":{"srcs":["a"],"dsts":["b"]}})";
  const std::string meta = R"("cost-type":{},)" + types;
  compare<alto::CostMapFilter, alto::CostMap>(
      {"right", asked.c_str(), answer(meta, R"({"a":{"b":[9,2]}})").c_str(), ""});
  compare<alto::CostMapFilter, alto::CostMap>(
      {"wrong", asked.c_str(), answer(meta, R"({"a":{"b":[9,3]}})").c_str(), "a -> b: expected 2, seen 3"});
  compare<alto::CostMapFilter, alto::CostMap>({"null", asked.c_str(), answer(meta, R"({"a":{"b":[9,null]}})").c_str(),
                                               "a -> b is missing: its numerical routingcost is 2"});
}

TEST(AltoSurvey, PropertiesAreByLongestPrefix) {
  const char* asked = R"({"properties":["nm.pid"],"endpoints":["ipv4:10.1.2.3","ipv6:2001:0db8::1","ipv4:11.0.0.1"]})";
  const auto with = [](const std::string& endpoints) {
    return R"({"meta":{"dependent-vtags":[{"resource-id":"nm","tag":"1"}]},"endpoint-properties":)" + endpoints + "}";
  };
  compare<alto::EndpointPropertyParams, alto::EndpointProperties>(
      {"right", asked,
       with(R"({"ipv4:10.1.2.3":{"nm.pid":"b"},"ipv6:2001:db8::1":{"nm.pid":"c"},"ipv4:11.0.0.1":{}})").c_str(), ""});
  compare<alto::EndpointPropertyParams, alto::EndpointProperties>({"shorter prefix", asked,
                                                                   with(R"({"ipv4:10.1.2.3":{"nm.pid":"a"}})").c_str(),
                                                                   "nm.pid of ipv4:10.1.2.3: expected b, seen a"});
  compare<alto::EndpointPropertyParams, alto::EndpointProperties>(
      {"missing", asked, with(R"({"ipv4:10.1.2.3":{"nm.pid":"b"},"ipv6:2001:db8::1":{"nm.pid":"c"}})").c_str(),
       "ipv4:11.0.0.1 is missing"});
}

TEST(AltoWorld, AnAddressIsFoundBehindLongerPrefixes) {
  AltoWorld world;
  const auto map = message<alto::NetworkMap>(
      R"({"meta":{},"network-map":{"all":{"ipv4":["0.0.0.0/0"]},"low":{"ipv4":["0.0.0.0/1"]},
          "taken":{"ipv4":["10.0.0.0/30"]},"one":{"ipv4":["10.0.0.0/31"]},"two":{"ipv4":["10.0.0.2/31"]}}})");
  world.set_map(map->as<alto::NetworkMap>());
  EXPECT_EQ(world.address_in("all")->text(), "128.0.0.0");
  EXPECT_EQ(world.address_in("two")->text(), "10.0.0.2");
  EXPECT_FALSE(world.address_in("taken"));  // two halves cover it
  EXPECT_FALSE(world.address_in("nowhere"));
  EXPECT_FALSE(world.address_outside(false));
}

TEST(AltoBehaviours, TheHarnessAnswersAsAServer) {
  const auto request = [](const char* method, const char* target, const char* type, const char* body) {
    auto out = message(type, body);
    out->transport.method = method;
    out->transport.target = target;
    return named_answer(alto::protocol(), "ok", *out);
  };
  EXPECT_EQ(request("GET", "/directory", "", "")->msg, "directory");
  EXPECT_EQ(request("GET", "/networkmap?x", "", "")->msg, "network-map");
  EXPECT_EQ(request("POST", "/networkmap", "", "")->status, 405);
  EXPECT_EQ(request("GET", "/elsewhere", "", "")->status, 404);
  EXPECT_EQ(request("POST", "/costs/filtered", "application/json", "{}")->status, 415);
  const auto costs = request("POST", "/costs/filtered", "application/alto-costmapfilter+json",
                             R"({"cost-type":{"cost-mode":"ordinal","cost-metric":"routingcost"},
                                 "pids":{"srcs":["west"],"dsts":["east","rest"]},"constraints":["gt 1"]})");
  ASSERT_EQ(costs->msg, "cost-map");
  ASSERT_NE(costs->with.find("cost-map"), nullptr);
  EXPECT_EQ(costs->with.find("cost-map")->find("west")->find("rest")->scalar, "2");  // the second of two
  EXPECT_EQ(costs->with.find("cost-map")->find("west")->find("east"), nullptr);
  const auto refused =
      request("POST", "/endpoints/costs", "application/alto-endpointcostparams+json",
              R"({"cost-type":{"cost-mode":"numerical","cost-metric":"hops"},"endpoints":{"srcs":["ipv4:1.2.3.4"]}})");
  EXPECT_EQ(refused->status, 400);
  EXPECT_EQ(refused->msg, "error");
}

TEST(Match, StarIsEveryEntryAndAKeyIsNoGroup) {
  const auto map = message<alto::NetworkMap>(kMap);
  const auto matches = [&](const Message& m, const std::string& where) {
    return match_message(m, parse_yaml(where, "where").tree).empty();
  };
  EXPECT_TRUE(
      matches(*map, "{'network-map[*]': {len: 3}, 'network-map[c][*]': {len: 2}, 'network-map[*][ipv4]': {len: 3}}"));
  EXPECT_FALSE(matches(*map, "{'network-map[*]': {len: 2}}"));
  const auto empty = message<alto::NetworkMap>(R"({"meta":{"vtag":{"resource-id":"n","tag":"1"}},"network-map":{}})");
  EXPECT_TRUE(matches(*empty, "{'network-map[*]': {len: 0}, 'network-map[a]': {absent: true}}"));
  const auto costs = message<alto::CostMap>(kCosts);
  EXPECT_TRUE(matches(*costs, "{'cost-map[a][c]': 3, 'cost-map[*][a]': {len: 3}}"));
  EXPECT_TRUE(matches(*message<alto::CostMap>(R"({"cost-map":{"a":{"a":1.50}}})"), "{'cost-map[a][a]': 1.5}"));
}

}  // namespace
}  // namespace peerscope::harness
