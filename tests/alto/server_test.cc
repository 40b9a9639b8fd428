// SPDX-License-Identifier: GPL-2.0-or-later
// The reference server without sockets: every service, every error, and that each defect is noticed by its rule while
// an honest server has no findings at all.

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <set>

#include "protocols/alto/names.h"
#include "reference-impl/alto/accept.h"
#include "reference-impl/alto/world_files.h"
#include "reference-impl/net/content_coding.h"
#include "tests/alto/talk.h"

namespace peerscope::alto {
namespace {

// A stream that sees its resources come, change and go.
void visit_stream(Talk& talk, const std::string& opening, net::Headers headers) {
  const auto stream = talk.follow(opening, std::move(headers));
  ASSERT_NE(stream, nullptr) << talk.last().body;
  std::string text = Talk::read(*stream);
  for (std::uint64_t step = 4; step <= 8; ++step) {
    talk.server().update(changed_world(talk.server().world(), step));
    text += Talk::read(*stream);
  }
  const std::size_t at = text.find("/updates/control/");
  if (at != std::string::npos)
    talk.post<UpdateStreamParams>(text.substr(at, text.find('"', at) - at), R"({"remove":["n"]})");
  talk.judge_stream(text + Talk::read(*stream), opening);
  stream->close();
}

// Everything that the server offers, once.
void visit(Talk& talk) {
  talk.get("/directory");
  talk.get("/networkmap");
  talk.get("/costmap/num-routingcost");
  talk.get("/costmap/ord-hopcount");
  talk.post<NetworkMapFilter>("/networkmap/filtered", R"({"pids":["mypid1","peeringpid2"],"address-types":["ipv4"]})");
  talk.post<CostMapFilter>(
      "/costmap/filtered",
      with_type(kNum, R"("constraints":["le 90"],"pids":{"srcs":["mypid1"],"dsts":["mypid2","mypid3"]})"));
  talk.post<CostMapFilter>("/costmap/filtered", std::string("{\"multi-cost-types\":[") + kNum + "," + kHop +
                                                    R"(],"pids":{"srcs":["mypid1"],"dsts":[]}})");
  talk.post<EndpointPropertyParams>(
      "/endpointprop", R"({"properties":["networkmap.pid"],"endpoints":["ipv4:10.0.0.1","ipv6:2001:db8::1"]})");
  talk.post<EndpointCostParams>(
      "/endpointcost",
      with_type(kOrd, R"("endpoints":{"srcs":["ipv4:10.0.0.1"],"dsts":["ipv4:128.0.0.1","ipv6:2001:db8::1"]})"));
  talk.post<CostMapFilter>("/costmap/filtered", with_type(R"({"cost-mode":"foo","cost-metric":"routingcost"})"));
  talk.post<CostMapFilter>("/costmap/filtered",
                           with_type(kNum, R"("calendared":[true],"pids":{"srcs":["mypid1"],"dsts":["mypid2"]})"));
  talk.get("/propmap");
  talk.post<PropertyMapParams>("/propmap/filtered",
                               R"({"entities":["ipv4:10.0.0.1","networkmap.pid:mypid1"],"properties":[]})");
  talk.get("/cdni");
  talk.post<CdniFilter>(
      "/cdni/filtered",
      R"({"cdni-capabilities":[{"capability-type":"FCI.DeliveryProtocol","capability-value":{"delivery-protocols":["http/1.1"]}}]})");
  talk.post<TipsParams>("/tips", R"({"resource-id":"networkmap"})");
  visit_stream(talk, R"({"add":{"n":{"resource-id":"networkmap"},"c":{"resource-id":"costmap-num-routingcost"}}})", {});
  visit_stream(talk, R"({"add":{"n":{"resource-id":"networkmap"}}})",
               {{"Accept", "text/event-stream,application/json-patch+json"}});
  visit_stream(talk, R"({"add":{"n":{"resource-id":"networkmap","incremental-changes":false}}})", {});
}

TEST(AltoServer, AnHonestServerHasNoFindings) {
  Talk talk;
  visit(talk);
  EXPECT_EQ(talk.found, std::set<std::string>{});
}

TEST(AltoServer, EveryDefectIsNoticedByItsRule) {
  EXPECT_GE(server_defects().size(), 85U);
  std::set<std::string> names;
  for (const ServerDefect& defect : server_defects()) {
    EXPECT_TRUE(names.insert(defect.name).second) << defect.name;
    ServerOptions options;
    options.defects = {&defect};
    Talk talk(options);
    visit(talk);
    EXPECT_TRUE(talk.found.contains(defect.rule)) << defect.name << " breaks " << defect.rule;
  }
  EXPECT_TRUE(parse_server_defects({"map-no-vtag"}).ok());
  EXPECT_EQ(parse_server_defects({"none"}).error().message, "no defect 'none'; --defect list shows all");
}

TEST(AltoServer, FilteredMapsHoldWhatWasAskedFor) {
  Talk talk;
  EXPECT_EQ(talk.post<NetworkMapFilter>("/networkmap/filtered", R"({"pids":["mypid3","nobody","mypid3"]})")
                .body.find("mypid2"),
            std::string::npos);
  EXPECT_NE(
      talk.post<NetworkMapFilter>("/networkmap/filtered", R"({"pids":["nobody"]})").body.find("\"network-map\":{}"),
      std::string::npos)
      << "unknown PIDs are not requested; nothing is left";
  EXPECT_NE(talk.post<NetworkMapFilter>("/networkmap/filtered", R"({"pids":[]})").body.find("defaultpid"),
            std::string::npos);
  EXPECT_EQ(
      talk.post<NetworkMapFilter>("/networkmap/filtered", R"({"pids":[],"address-types":["ipv6"]})").body.find("ipv4"),
      std::string::npos);
}

TEST(AltoServer, CostsAreFilteredRankedAndTested) {
  Talk talk;
  const auto map = [&](const std::string& body) {
    Message message;
    message.transport.content_type = message_type<CostMap>().media_type;
    decode(talk.post<CostMapFilter>("/costmap/filtered", body).body, message);
    return print_tree(message.events);
  };
  // Costs between mypid1 (0) and itself, mypid2 (1), mypid3 (2): 1, 19, 36; the ranks are 1, 2, 3.
  const std::string pairs = R"("pids":{"srcs":["mypid1"],"dsts":["mypid3","mypid1","mypid2"]})";
  EXPECT_NE(map(with_type(kNum, pairs)).find("[mypid1]\n      [mypid3]: 36\n      [mypid1]: 1\n      [mypid2]: 19\n"),
            std::string::npos)
      << map(with_type(kNum, pairs));
  EXPECT_NE(map(with_type(kOrd, pairs)).find("[mypid3]: 3\n      [mypid1]: 1\n      [mypid2]: 2\n"), std::string::npos);
  EXPECT_NE(map(with_type(kNum, R"("constraints":["gt 1","lt 36"],)" + pairs)).find("[mypid1]\n      [mypid2]: 19\n"),
            std::string::npos);
  EXPECT_EQ(map(with_type(kNum, R"("constraints":["gt 1000"],)" + pairs)).find("[mypid1]"), std::string::npos);
  const std::string multi = std::string("{\"multi-cost-types\":[") + kNum + "," + kHop +
                            R"(],"or-constraints":[["[0] eq 1"],["[1] ge 3"]],)" + pairs + "}";
  EXPECT_NE(
      map(multi).find("[mypid3]\n        [0]: 36\n        [1]: 3\n      [mypid1]\n        [0]: 1\n        [1]: 1\n"),
      std::string::npos)
      << map(multi);
  EXPECT_EQ(map(multi).find("[mypid2]"), std::string::npos);
}

TEST(AltoServer, EndpointsAreMatchedByTheLongestPrefix) {
  Talk talk;
  const std::string body =
      talk.post<EndpointPropertyParams>(
              "/endpointprop",
              R"({"properties":["networkmap.pid"],"endpoints":["ipv4:192.168.10.255","ipv4:192.168.11.0","ipv6:2001:db9::1"]})")
          .body;
  EXPECT_NE(body.find(R"("ipv4:192.168.10.255":{"networkmap.pid":"mypid3"})"), std::string::npos) << body;
  EXPECT_NE(body.find(R"("ipv4:192.168.11.0":{"networkmap.pid":"mypid2"})"), std::string::npos) << body;
  EXPECT_NE(body.find(R"("ipv6:2001:db9::1":{"networkmap.pid":"defaultpid"})"), std::string::npos) << body;
  // An absent list stands for the client.
  const std::string costs =
      talk.post<EndpointCostParams>("/endpointcost", with_type(kNum, R"("endpoints":{"dsts":["ipv4:10.0.0.1"]})")).body;
  EXPECT_NE(costs.find("\"ipv4:192.168.10.7\":{\"ipv4:10.0.0.1\":"), std::string::npos) << costs;
}

// Sheet section 4: faults and the error we return.
TEST(AltoServer, EachFaultGetsItsError) {
  Talk talk;
  const auto error = [&]<class T>(const T*, const char* target, const std::string& body) {
    const net::HttpResponse response = talk.post<T>(target, body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_EQ(response.headers.get("Content-Type"), "application/alto-error+json") << body;
    return response.body;
  };
  const auto fcm = [&](const std::string& body) {
    return error(static_cast<CostMapFilter*>(nullptr), "/costmap/filtered", body);
  };
  const auto fnm = [&](const std::string& body) {
    return error(static_cast<NetworkMapFilter*>(nullptr), "/networkmap/filtered", body);
  };
  const auto ecs = [&](const std::string& body) {
    return error(static_cast<EndpointCostParams*>(nullptr), "/endpointcost", body);
  };
  const auto eps = [&](const std::string& body) {
    return error(static_cast<EndpointPropertyParams*>(nullptr), "/endpointprop", body);
  };
  EXPECT_EQ(fcm(R"({"cost-type":)"), R"({"meta":{"code":"E_SYNTAX"}})");
  EXPECT_EQ(fcm("{}"), R"({"meta":{"code":"E_MISSING_FIELD","field":"cost-type"}})");
  EXPECT_EQ(fcm(R"({"cost-type":{"cost-mode":"numerical"}})"),
            R"({"meta":{"code":"E_MISSING_FIELD","field":"cost-type/cost-metric"}})");
  EXPECT_EQ(fnm("{}"), R"({"meta":{"code":"E_MISSING_FIELD","field":"pids"}})");
  EXPECT_EQ(fnm(R"({"pids":"PID1"})"), R"({"meta":{"code":"E_INVALID_FIELD_TYPE","field":"pids"}})");
  EXPECT_EQ(fnm(R"({"pids":[1]})"), R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"pids","value":"1"}})");
  EXPECT_EQ(fnm("[]"), R"({"meta":{"code":"E_INVALID_FIELD_TYPE"}})");
  EXPECT_EQ(fcm(with_type(R"({"cost-mode":"foo","cost-metric":"routingcost"})")),
            R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"cost-type/cost-mode","value":"foo"}})");
  EXPECT_EQ(fcm(with_type(kNum, R"("constraints":["foo 5"])")),
            R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"constraints","value":"foo 5"}})");
  EXPECT_EQ(fcm(with_type(kNum, R"("pids":{"srcs":[]})")),
            R"({"meta":{"code":"E_MISSING_FIELD","field":"pids/dsts"}})");
  EXPECT_EQ(ecs(with_type(kNum)), R"({"meta":{"code":"E_MISSING_FIELD","field":"endpoints"}})");
  EXPECT_EQ(ecs(with_type(kNum, R"("endpoints":{"srcs":[],"dsts":[]})")),
            R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"endpoints"}})");
  EXPECT_EQ(ecs(with_type(kNum, R"("endpoints":{"dsts":["ipv4:1.2.3"]})")),
            R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"endpoints/dsts","value":"ipv4:1.2.3"}})");
  EXPECT_EQ(eps(R"({"properties":[],"endpoints":["ipv4:10.0.0.1"]})"),
            R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"properties"}})");
  EXPECT_EQ(eps(R"({"properties":["x.pid"],"endpoints":["ipv4:10.0.0.1"]})"),
            R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"properties","value":"x.pid"}})");
  // Errors are clean themselves.
  EXPECT_EQ(talk.found, std::set<std::string>{});
}

TEST(AltoServer, SpeaksHttp) {
  Talk talk;
  EXPECT_EQ(talk.get("/nowhere").status, 404);
  EXPECT_EQ(talk.get("/networkmap/filtered").status, 405);
  EXPECT_EQ(talk.get("/networkmap/filtered").headers.get("Allow"), "POST, OPTIONS");
  EXPECT_EQ(talk.post<NetworkMapFilter>("/networkmap", "{}").status, 405);
  EXPECT_EQ(talk.post<CostMapFilter>("/networkmap/filtered", "{}").status, 415);
  EXPECT_EQ(talk.get("/networkmap", {{"Accept", "text/html"}}).status, 406);
  EXPECT_EQ(talk.get("/networkmap", {{"Accept", "Application/ALTO-networkmap+json;q=0.5, text/html"}}).status, 200);
  const net::HttpResponse map = talk.get("/networkmap");
  const std::string etag(map.headers.get("ETag"));
  EXPECT_FALSE(etag.empty());
  const net::HttpResponse same = talk.get("/networkmap", {{"If-None-Match", etag}});
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(same.body, "");
  ServerOptions options;
  options.limits.max_pairs = 3;
  Talk small(options);
  EXPECT_EQ(small.get("/costmap/num-routingcost").status, 200) << "whole maps have no limit";
  EXPECT_EQ(small.post<CostMapFilter>("/costmap/filtered", with_type(kNum)).status, 503);
}

TEST(AltoServer, WorldsComeFromFilesAndFromAGenerator) {
  const auto made = generated_world("pids=5,prefixes=20");
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->pids.size(), 5U);
  EXPECT_EQ(made->tag, generated_world("prefixes=20,pids=5")->tag) << "the same in every run";
  Talk talk({}, *made);
  talk.get("/directory");
  talk.get("/networkmap");
  talk.get("/costmap/num-routingcost");
  EXPECT_EQ(talk.found, std::set<std::string>{});
  for (const char* wrong : {"pids", "pids=0", "pids=x", "hosts=3", "pids=1000000"})
    EXPECT_FALSE(generated_world(wrong).ok()) << wrong;

  const std::string folder = testing::TempDir();
  const auto file = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder + name) << text;
    return folder + name;
  };
  const std::string map = file("alto_map.csv", "# pid,prefix\na,10.0.0.0/8\nb,0.0.0.0/0\nb,::/0\n");
  const auto csv = loaded_world(map, {file("alto_costs.csv", "a,b,4.5\nb,a,3\n")});
  ASSERT_TRUE(csv.ok()) << csv.error().message;
  EXPECT_EQ(csv->cost(*csv->find("routingcost"), 0, 1), 4.5);
  EXPECT_TRUE(std::isnan(csv->cost(*csv->find("routingcost"), 0, 0)));
  const auto json = loaded_world(
      file("alto_map.json", encode(csv->map)),
      {file(
          "alto_costs.json",
          R"({"meta":{"dependent-vtags":[{"resource-id":"x","tag":"y"}],"cost-type":{"cost-mode":"numerical","cost-metric":"routingcost"}},"cost-map":{"a":{"b":1}}})")});
  ASSERT_TRUE(json.ok()) << json.error().message;
  EXPECT_EQ(json->tag, csv->tag) << "the same map has the same tag";
  EXPECT_NE(loaded_world(map, {file("alto_bad.csv", "a,c,1\n")}).error().message.find("no PID c"), std::string::npos);
  EXPECT_NE(loaded_world(map, {}).error().message.find("routingcost"), std::string::npos);
  EXPECT_NE(loaded_world(file("alto_overlap.csv", "a,10.0.0.0/8\nb,10.1.2.3/8\n"), {})
                .error()
                .message.find("10.0.0.0/8 is in PID a and in PID b"),
            std::string::npos);
  EXPECT_NE(loaded_world(file("alto_bad_map.csv", "a\n"), {}).error().message.find(":1: expected pid,prefix"),
            std::string::npos);
}

}  // namespace
}  // namespace peerscope::alto
