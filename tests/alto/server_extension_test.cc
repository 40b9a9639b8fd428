// SPDX-License-Identifier: GPL-2.0-or-later
// The reference server beyond RFC 7285: content negotiation, calendars (RFC 8896), performance metrics (RFC 9439),
// property maps (RFC 9240), TIPS views (RFC 9569), and maps that change on disk.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "protocols/alto/names.h"
#include "protocols/alto/patch_apply.h"
#include "reference-impl/alto/accept.h"
#include "reference-impl/alto/world_files.h"
#include "reference-impl/net/content_coding.h"
#include "tests/alto/talk.h"

namespace peerscope::alto {
namespace {

TEST(AltoAccept, ListsAreReadAsHttpSays) {
  EXPECT_TRUE(accepts("", "text/event-stream"));
  EXPECT_TRUE(accepts("text/*", "text/event-stream"));
  EXPECT_FALSE(accepts("application/*", "text/event-stream"));
  EXPECT_TRUE(accepts("text/html, Application/JSON-Patch+json ; q=0.1", "application/json-patch+json"));
  EXPECT_FALSE(accepts("application/json-patch+json;q=0", "application/json-patch+json"));
  EXPECT_FALSE(accepts("application/json-patch+json; Q=0.00", "application/json-patch+json"));
  EXPECT_TRUE(accepts_coding("gzip", "gzip"));
  EXPECT_TRUE(accepts_coding("deflate, GZIP;q=0.5", "gzip"));
  EXPECT_FALSE(accepts_coding("gzip;q=0", "gzip"));
  EXPECT_FALSE(accepts_coding("", "gzip"));
  EXPECT_FALSE(accepts_coding("deflate", "gzip"));
  EXPECT_TRUE(names_tag(R"("a", W/"b")", R"("b")"));
  EXPECT_TRUE(names_tag("*", R"("b")"));
  EXPECT_FALSE(names_tag(R"("a")", R"("b")"));
}

TEST(AltoServerHttp, GzipIsAnotherRepresentationWithItsOwnTag) {
  Talk talk({}, *generated_world("pids=20,prefixes=200"));
  const net::HttpResponse plain = talk.get("/networkmap");
  const net::HttpResponse packed = talk.get("/networkmap", {{"Accept-Encoding", "gzip"}});
  EXPECT_FALSE(plain.headers.contains("Content-Encoding"));
  EXPECT_EQ(packed.headers.get("Content-Encoding"), "gzip");
  EXPECT_EQ(plain.headers.get("Vary"), "Accept-Encoding");
  EXPECT_EQ(packed.headers.get("Vary"), "Accept-Encoding");
  EXPECT_NE(plain.headers.get("ETag"), packed.headers.get("ETag"));
  EXPECT_LT(packed.body.size(), plain.body.size());
  EXPECT_EQ(net::decode_content("gzip", packed.body, 1 << 20).value(), plain.body);
  EXPECT_EQ(talk.get("/networkmap", {{"Accept-Encoding", "gzip;q=0"}}).body, plain.body);
  const auto filtered = talk.post<CostMapFilter>("/costmap/filtered", with_type(kNum), {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(filtered.headers.get("Content-Encoding"), "gzip");
  EXPECT_EQ(net::decode_content("gzip", filtered.body, 1 << 20).value(),
            talk.post<CostMapFilter>("/costmap/filtered", with_type(kNum)).body);
}

TEST(AltoServerHttp, WhatTheClientHoldsIsNotSentAgain) {
  Talk talk;
  const net::HttpResponse map = talk.get("/costmap/num-routingcost");
  const std::string tag(map.headers.get("ETag"));
  const std::string modified(map.headers.get("Last-Modified"));
  ASSERT_TRUE(parse_http_date(modified)) << modified;
  const auto status = [&](std::string_view name, const std::string& value) {
    return talk.get("/costmap/num-routingcost", {{name, value}}).status;
  };
  EXPECT_EQ(status("If-None-Match", tag), 304);
  EXPECT_EQ(status("If-None-Match", "\"other\", W/" + tag), 304);
  EXPECT_EQ(status("If-None-Match", "*"), 304);
  EXPECT_EQ(status("If-None-Match", "\"other\""), 200);
  EXPECT_EQ(status("If-Modified-Since", modified), 304);
  EXPECT_EQ(status("If-Modified-Since", "Sat, 01 Jan 2000 00:00:00 GMT"), 200);
  EXPECT_EQ(status("If-Modified-Since", "yesterday"), 200);
  EXPECT_EQ(
      talk.get("/costmap/num-routingcost", {{"If-None-Match", "\"other\""}, {"If-Modified-Since", modified}}).status,
      200)
      << "the tag decides";
  EXPECT_EQ(talk.get("/costmap/num-routingcost", {{"If-None-Match", tag}}).headers.get("ETag"), tag);
  talk.server().update(changed_world(talk.server().world(), 1));
  EXPECT_EQ(status("If-None-Match", tag), 200) << "it changed";
}

TEST(AltoServerHttp, OptionsAndWrongMethodsNameTheRightOnes) {
  Talk talk;
  const auto ask = [&](const char* method, const char* target) {
    return talk.server().handle(net::HttpRequest(method, target), kFrom192).response;
  };
  EXPECT_EQ(ask("OPTIONS", "/networkmap").status, 204);
  EXPECT_EQ(ask("OPTIONS", "/networkmap").headers.get("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(ask("DELETE", "/updates").status, 405);
  EXPECT_EQ(ask("DELETE", "/updates").headers.get("Allow"), "POST, OPTIONS");
  EXPECT_EQ(ask("HEAD", "/networkmap").status, 200);
}

constexpr const char* kPair = R"("pids":{"srcs":["mypid1"],"dsts":["mypid2"]})";

TEST(AltoCalendar, IsAnArrayOfCostsFromTheDayOfTheRequestOn) {
  ServerOptions options;
  options.now = [] { return net::SystemTime(std::chrono::seconds(1'767'225'600 + 5 * 3600)); };  // 2026-01-01 05:00
  Talk talk(options);
  const std::string body =
      talk.post<CostMapFilter>("/costmap/filtered", with_type(kNum, std::string(R"("calendared":[true],)") + kPair))
          .body;
  EXPECT_NE(body.find(R"("calendar-start-time":"Thu, 01 Jan 2026 00:00:00 GMT")"), std::string::npos) << body;
  EXPECT_NE(body.find(R"("time-interval-size":7200,"number-of-intervals":12)"), std::string::npos) << body;
  EXPECT_NE(body.find(R"("mypid2":[19,19,19,19,23.75,28.5,28.5,28.5,38,57,57,28.5])"), std::string::npos) << body;
  const std::string ecs =
      talk.post<EndpointCostParams>(
              "/endpointcost",
              with_type(kNum,
                        R"("calendared":[true],"endpoints":{"srcs":["ipv4:10.0.0.1"],"dsts":["ipv4:192.168.0.1"]})"))
          .body;
  EXPECT_NE(ecs.find(R"("ipv4:192.168.0.1":[19,19,)"), std::string::npos) << ecs;
}

TEST(AltoCalendar, OnlyWhereItIsWantedAndOffered) {
  Talk talk;
  const auto map = [&](const std::string& body) { return talk.post<CostMapFilter>("/costmap/filtered", body).body; };
  EXPECT_NE(map(with_type(kNum, std::string(R"("calendared":[false],)") + kPair)).find(R"("mypid2":19)"),
            std::string::npos);
  EXPECT_NE(map(with_type(kHop, std::string(R"("calendared":[true],)") + kPair)).find(R"("mypid2":2)"),
            std::string::npos)
      << "hops have none";
  EXPECT_EQ(map(with_type(kNum, std::string(R"("calendared":[true,true],)") + kPair)),
            R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"calendared","value":"2"}})");
  const std::string both = map(std::string(R"({"multi-cost-types":[)") + kNum + "," + kHop +
                               R"(],"calendared":[true,false],)" + kPair + "}");
  EXPECT_NE(both.find(R"("mypid2":[[19,19,)"), std::string::npos) << both;
  EXPECT_NE(both.find(R"(28.5],2])"), std::string::npos) << both;
  EXPECT_NE(map(with_type(kNum, std::string(R"("calendared":[true],"constraints":["gt 1000"],)") + kPair))
                .find(R"("mypid2":[19)"),
            std::string::npos)
      << "constraints mean nothing here";
  EXPECT_EQ(talk.found.contains("A-CAL-13"), false);
}

TEST(AltoMetrics, HaveTheirContextAndTheirOwnMaps) {
  World world = interop_world();
  ASSERT_TRUE(invent_metrics(world, {"delay-rt", "tput:p95"}).ok());
  EXPECT_FALSE(invent_metrics(world, {"delay-rt"}).ok()) << "there already";
  EXPECT_FALSE(invent_metrics(world, {"no metric"}).ok());
  Talk talk({}, world);
  talk.get("/directory");
  const std::string map = talk.get("/costmap/num-tput-p95").body;
  EXPECT_NE(map.find(R"("cost-metric":"tput:p95","cost-context":{"cost-source":"estimation")"), std::string::npos)
      << map;
  EXPECT_EQ(talk.post<CostMapFilter>("/costmap/filtered",
                                     with_type(R"({"cost-mode":"numerical","cost-metric":"delay-rt"})", kPair))
                .status,
            200);
  EXPECT_EQ(talk.found, std::set<std::string>{});
}

std::string properties(Talk& talk, const std::string& body) {
  return talk.post<PropertyMapParams>("/propmap/filtered", body).body;
}

TEST(AltoPropertyMap, AddressesAndPrefixesInherit) {
  Talk talk;
  const std::string body = properties(
      talk,
      R"({"entities":["ipv4:192.168.10.255","ipv4:192.168.11.0/24","ipv6:2001:db9::1"],"properties":["networkmap.pid","networkmap.pid"]})");
  EXPECT_NE(body.find(R"("ipv4:192.168.10.255":{"networkmap.pid":"mypid3"})"), std::string::npos) << body;
  EXPECT_NE(body.find(R"("ipv4:192.168.11.0/24":{"networkmap.pid":"mypid2"})"), std::string::npos) << body;
  EXPECT_NE(body.find(R"("ipv6:2001:db9::1":{"networkmap.pid":"defaultpid"})"), std::string::npos) << body;
  EXPECT_NE(body.find(talk.server().world().tag), std::string::npos);
}

TEST(AltoPropertyMap, CoveredPrefixesWithOtherValuesCome) {
  Talk talk;
  const std::string body = properties(talk, R"({"entities":["ipv4:192.168.0.0/16"],"properties":[]})");
  EXPECT_NE(
      body.find(
          R"("ipv4:192.168.0.0/16":{"networkmap.pid":"mypid2"},"ipv4:192.168.10.0/24":{"networkmap.pid":"mypid3"})"),
      std::string::npos)
      << body;
  EXPECT_EQ(body.find("mypid1"), std::string::npos);
}

TEST(AltoPropertyMap, WithoutPropertiesOnlyNamesComeBack) {
  Talk talk;
  const std::string body =
      properties(talk, R"({"entities":["networkmap.pid:mypid1","networkmap.pid:nobody","ipv4:10.0.0.1"]})");
  EXPECT_NE(body.find(R"("property-map":{"networkmap.pid:mypid1":{},"ipv4:10.0.0.1":{}})"), std::string::npos) << body;
  const std::string full = properties(talk, R"({"entities":[],"properties":[".priv:prefix-count"]})");
  EXPECT_NE(full.find(R"("networkmap.pid:mypid1":{".priv:prefix-count":"2"})"), std::string::npos) << full;
  EXPECT_EQ(full.find("ipv4:"), std::string::npos) << "no such property";
  EXPECT_EQ(*parse_json(talk.get("/propmap").body),
            *parse_json(properties(talk, R"({"entities":[],"properties":[]})")));
}

TEST(AltoPropertyMap, EachFaultGetsItsError) {
  Talk talk;
  EXPECT_EQ(properties(talk, "{}"), R"({"meta":{"code":"E_MISSING_FIELD","field":"entities"}})");
  for (const char* wrong : {"ipv4:1.2.3", "ane:x", "nothing", "other.pid:x", "networkmap.pid:a b"}) {
    EXPECT_EQ(properties(talk, std::string(R"({"entities":[")") + wrong + R"("]})"),
              std::string(R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"entities","value":")") + wrong + "\"}}");
  }
  EXPECT_EQ(properties(talk, R"({"entities":[],"properties":["colour"]})"),
            R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"properties","value":"colour"}})");
  EXPECT_EQ(
      talk.post<PropertyMapParams>("/propmap/filtered", R"({"entities":["ipv4:0.0.0.0"],"properties":[]})").status, 200)
      << "a valid identifier is never an error";
}

// --- CDNI ---

std::string cdni(Talk& talk, const std::string& capabilities) {
  return talk.post<CdniFilter>("/cdni/filtered", "{\"cdni-capabilities\":[" + capabilities + "]}").body;
}
std::size_t count_of(std::string_view text, std::string_view what) {
  std::size_t out = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1)) ++out;
  return out;
}

TEST(AltoCdni, AFilterGivesWhatIncludesTheWantedCapability) {
  Talk talk;
  const std::string whole = talk.get("/cdni").body;
  EXPECT_EQ(count_of(whole, "capability-type"), 6U);
  EXPECT_EQ(cdni(talk, ""), whole) << "no capability: all";
  const auto delivery = [](const std::string& protocols) {
    return R"({"capability-type":"FCI.DeliveryProtocol","capability-value":{"delivery-protocols":[)" + protocols +
           "]}}";
  };
  EXPECT_EQ(count_of(cdni(talk, delivery("\"http/1.1\"")), "capability-type"), 2U);
  const std::string both = cdni(talk, delivery("\"https/1.1\",\"http/1.1\"") + "," + delivery("\"https/1.1\""));
  EXPECT_EQ(count_of(both, "capability-type"), 1U) << both;
  EXPECT_NE(both.find("mypid3"), std::string::npos);
  EXPECT_EQ(count_of(cdni(talk, delivery("\"ftp\"")), "capability-type"), 0U);
  const auto vtag = [](const std::string& body) { return json_text(*parse_json(body)->find("meta")->find("vtag")); };
  EXPECT_EQ(vtag(both), vtag(whole)) << "that of the full resource";
}

TEST(AltoCdni, EachFaultGetsItsError) {
  Talk talk;
  EXPECT_EQ(talk.post<CdniFilter>("/cdni/filtered", "{}").body,
            R"({"meta":{"code":"E_MISSING_FIELD","field":"cdni-capabilities"}})");
  EXPECT_EQ(
      cdni(talk, R"({"capability-type":"FCI.Metadata","capability-value":null})"),
      R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"cdni-capabilities","value":"{\"capability-type\":\"FCI.Metadata\",\"capability-value\":null}"}})");
  EXPECT_NE(cdni(talk, R"({"capability-type":"FCI.Metadata","capability-value":{"metadata":7}})")
                .find("E_INVALID_FIELD_VALUE"),
            std::string::npos);
  EXPECT_NE(cdni(talk, R"({"capability-type":null,"capability-value":{}})").find("E_INVALID_FIELD_VALUE"),
            std::string::npos);
  EXPECT_EQ(Talk({}, *generated_world("pids=3,prefixes=3")).get("/cdni").status, 404) << "not every world has one";
}

TEST(AltoCdni, AdvertisementsComeFromFiles) {
  Talk talk;
  const std::string path = testing::TempDir() + "alto_cdni.json";
  std::ofstream(path) << talk.get("/cdni").body;
  World world = interop_world();
  world.cdni.reset();
  ASSERT_TRUE(load_cdni(world, path).ok());
  EXPECT_EQ(Talk({}, world).get("/cdni").body, talk.get("/cdni").body);
  World other = *generated_world("pids=3,prefixes=3");
  EXPECT_EQ(load_cdni(other, path).error().message, path + ": the network map has no PID mypid1");
  std::ofstream(path)
      << R"({"meta":{"vtag":{"resource-id":"c","tag":"t"}},"cdni-advertisement":{"capabilities-with-footprints":[
{"capability-type":"FCI.Logging","capability-value":{}}]}})";
  EXPECT_EQ(load_cdni(world, path).error().message, path + ": FCI.Logging needs a record-type");
}

// --- TIPS ---

struct View {
  std::string path;
  std::int64_t start, end, from, to;
};
View view_of(const std::string& body) {
  const auto value = parse_json(body);
  const JsonValue& graph = *value->find("tips-view-summary")->find("updates-graph-summary");
  const auto number = [](const JsonValue* at) { return static_cast<std::int64_t>(*at->number()); };
  const JsonValue* uri = value->find("tips-view-uri");
  return {uri == nullptr ? "" : uri->text()->substr(uri->text()->find("/tips/")), number(graph.find("start-seq")),
          number(graph.find("end-seq")), number(graph.find("start-edge-rec")->find("seq-i")),
          number(graph.find("start-edge-rec")->find("seq-j"))};
}
std::string edge(const View& view, std::int64_t from, std::int64_t to) {
  return view.path + "/ug/" + std::to_string(from) + "/" + std::to_string(to);
}

class AltoTips : public testing::Test {
 protected:
  View open(const std::string& body) {
    const net::HttpResponse response = talk_.post<TipsParams>("/tips", body, {{"Host", "alto.example"}});
    EXPECT_EQ(response.status, 200) << response.body;
    EXPECT_NE(response.body.find("https://alto.example/tips/"), std::string::npos);
    return view_of(response.body);
  }
  void change() { talk_.server().update(changed_world(talk_.server().world(), ++step_)); }

  Talk talk_{{}, *generated_world("pids=10,prefixes=50")};
  std::uint64_t step_ = 0;
};

TEST_F(AltoTips, EveryWayThroughTheGraphEndsAtTheNewestVersion) {
  const View view = open(R"({"resource-id":"costmap-num-routingcost"})");
  EXPECT_EQ(view.start, 1);
  EXPECT_EQ(view.from, 0);
  JsonValue walked = *parse_json(talk_.get(edge(view, 0, 1)).body);
  for (int i = 1; i <= 9; ++i) {
    change();
    const net::HttpResponse patch = talk_.get(edge(view, i, i + 1));
    ASSERT_EQ(patch.status, 200) << i;
    ASSERT_EQ(patch.headers.get("Content-Type"), "application/merge-patch+json");
    apply_merge_patch(walked, *parse_json(patch.body));
    const net::HttpResponse snapshot = talk_.get(edge(view, 0, i + 1));
    EXPECT_EQ(snapshot.headers.get("Content-Type"), "application/alto-costmap+json");
    EXPECT_EQ(walked, *parse_json(snapshot.body)) << "a version does not depend on the path";
  }
  EXPECT_EQ(walked, *parse_json(talk_.get("/costmap/num-routingcost").body));
  EXPECT_EQ(talk_.get(edge(view, 3, 4), {{"Accept", "application/json-patch+json"}}).headers.get("Content-Type"),
            "application/json-patch+json");
  change();
  const View later = open(R"({"resource-id":"costmap-num-routingcost"})");
  EXPECT_EQ(later.path, view.path) << "shared";
  EXPECT_EQ(later.start, 2) << "ten versions are kept";
  EXPECT_EQ(later.end, 11);
  EXPECT_EQ(talk_.get(edge(view, 0, 1)).status, 410);
  EXPECT_EQ(talk_.get(edge(view, 1, 2)).status, 410);
}

TEST_F(AltoTips, WhatIsNotThereHasItsStatus) {
  const View view = open(R"({"resource-id":"networkmap"})");
  EXPECT_EQ(talk_.get(edge(view, 0, 7)).status, 425);
  EXPECT_EQ(talk_.get(edge(view, 3, 9)).status, 404);
  EXPECT_EQ(talk_.get(edge(view, 0, 1), {{"Accept", "text/html"}}).status, 415);
  EXPECT_EQ(talk_.get("/tips/0/ug/0/1").status, 404);
  EXPECT_EQ(talk_.get(view.path + "/ug/x/1").status, 404);
  EXPECT_EQ(talk_.get(view.path).status, 404);
  EXPECT_EQ(talk_.post<TipsParams>(view.path, "{}").status, 405);
  EXPECT_EQ(talk_.get(view.path + "/ug").status, 405);
}

TEST_F(AltoTips, TheNextVersionIsWaitedFor) {
  const View view = open(R"({"resource-id":"costmap-num-routingcost"})");
  const auto patch = std::make_shared<HeldReply>();
  const auto snapshot = std::make_shared<HeldReply>();
  const auto gone = std::make_shared<HeldReply>();
  const auto ask = [&](std::int64_t from, const std::shared_ptr<HeldReply>& sink) {
    talk_.server().handle(net::HttpRequest("GET", edge(view, from, 2)), kFrom192, net::Responder(sink, 1));
  };
  ask(1, patch);
  ask(0, snapshot);
  ask(1, gone);
  gone->gone = true;
  EXPECT_FALSE(patch->reply);
  talk_.server().tick({});
  change();
  ASSERT_TRUE(patch->reply);
  ASSERT_TRUE(snapshot->reply);
  EXPECT_EQ(patch->reply->response.headers.get("Content-Type"), "application/merge-patch+json");
  EXPECT_EQ(*snapshot->reply->shared_body, talk_.get("/costmap/num-routingcost").body);
  EXPECT_FALSE(gone->reply);
}

TEST_F(AltoTips, TheNextEdgeIsTheCheaperWay) {
  step_ = 3;
  const View view = open(R"({"resource-id":"networkmap"})");
  const std::string first = talk_.server().world().tag;
  change();  // moves a prefix
  ASSERT_NE(talk_.server().world().tag, first);
  const auto next = [&](const std::string& more) {
    const net::HttpResponse response =
        talk_.post<TipsParams>(view.path + "/ug", R"({"resource-id":"networkmap")" + more + "}");
    EXPECT_EQ(response.headers.get("Content-Type"), "application/merge-patch+json") << response.body;
    EXPECT_EQ(response.body.find("tips-view-uri"), std::string::npos);
    return view_of(response.body);
  };
  EXPECT_EQ(next("").from, 0);
  EXPECT_EQ(next("").to, 2);
  EXPECT_EQ(next(R"(,"tag":")" + first + "\"").from, 1);
  EXPECT_EQ(next(R"(,"tag":")" + first + "\"").to, 2);
  EXPECT_EQ(next(R"(,"tag":")" + talk_.server().world().tag + "\"").from, 2) << "to wait for";
  EXPECT_EQ(next(R"(,"tag":"never")").from, 0);
  EXPECT_EQ(talk_.post<TipsParams>(view.path + "/ug", R"({"resource-id":"propmap"})").status, 400);
  EXPECT_EQ(talk_.post<TipsParams>("/tips/0/ug", R"({"resource-id":"networkmap"})").status, 404);
}

TEST_F(AltoTips, FaultyRequestsMakeNoView) {
  const auto error = [&](const std::string& body) { return talk_.post<TipsParams>("/tips", body).body; };
  EXPECT_EQ(error("{}"), R"({"meta":{"code":"E_MISSING_FIELD","field":"resource-id"}})");
  EXPECT_EQ(error(R"({"resource-id":"nowhere"})"),
            R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"resource-id","value":"nowhere"}})");
  EXPECT_EQ(error(R"({"resource-id":"filteredcostmap"})"), R"({"meta":{"code":"E_MISSING_FIELD","field":"input"}})");
  EXPECT_EQ(error(R"({"resource-id":"filteredcostmap","input":{}})"),
            R"({"meta":{"code":"E_MISSING_FIELD","field":"cost-type"}})");
  EXPECT_EQ(talk_.server().views(), 0U);
}

TEST_F(AltoTips, UnusedViewsAreClosedAndLimitsAreKept) {
  ServerOptions options;
  options.tips.views = 1;
  options.tips.pending = 1;
  Talk talk(options);
  const std::string body = talk.post<TipsParams>("/tips", R"({"resource-id":"networkmap"})").body;
  EXPECT_EQ(talk.post<TipsParams>("/tips", R"({"resource-id":"propmap"})").status, 429);
  const View view = view_of(body);
  const auto poll = std::make_shared<HeldReply>();
  const auto second = std::make_shared<HeldReply>();
  talk.server().handle(net::HttpRequest("GET", edge(view, 1, 2)), kFrom192, net::Responder(poll, 1));
  talk.server().handle(net::HttpRequest("GET", edge(view, 1, 2)), kFrom192, net::Responder(second, 1));
  ASSERT_TRUE(second->reply);
  EXPECT_EQ(second->reply->response.status, 429);
  net::SteadyTime now{};
  talk.server().tick(now);
  now += std::chrono::hours(1);
  talk.server().tick(now);
  EXPECT_EQ(talk.server().views(), 1U) << "somebody waits";
  poll->gone = true;
  talk.server().tick(now);
  EXPECT_EQ(talk.server().views(), 0U);
  EXPECT_EQ(talk.get(edge(view, 0, 1)).status, 404);
}

// --- files ---

TEST(AltoWorldFiles, ChangesAreSeenAndABadFileIsNamedWithItsLine) {
  const std::string folder = testing::TempDir();
  const std::string map = folder + "alto_files_map.csv";
  const std::string costs = folder + "alto_files_costs.csv";
  int seconds = 0;
  const auto write = [&](const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
    // A clock that ticks for the file system, too.
    std::filesystem::last_write_time(path,
                                     std::filesystem::file_time_type::clock::now() + std::chrono::seconds(++seconds));
  };
  write(map, "a,10.0.0.0/8\nb,0.0.0.0/0\nb,::/0\n");
  write(costs, "a,b,4\n");
  WorldFiles files(map, {costs});
  auto world = files.load();
  ASSERT_TRUE(world.ok()) << world.error().message;
  const std::string tag = world->tag;
  EXPECT_FALSE(files.poll()) << "nothing changed";
  write(costs, "a,b,5\n");
  auto next = files.poll();
  ASSERT_TRUE(next && next->ok());
  EXPECT_EQ((*next)->tag, tag);
  EXPECT_EQ((*next)->tables[0].costs[1], 5);
  write(map, "a,10.0.0.0/8\nb\n");
  next = files.poll();
  ASSERT_TRUE(next && !next->ok());
  EXPECT_EQ(next->error().message, map + ":2: expected pid,prefix");
  EXPECT_FALSE(files.poll()) << "told once";
  write(map, "a,10.0.0.0/8\nb,0.0.0.0/0\n");
  write(costs, "a,b,5\n\na,c,1\n");
  next = files.poll();
  ASSERT_TRUE(next && !next->ok());
  EXPECT_EQ(next->error().message, costs + ":3: the network map has no PID c");
  write(map, "{\n\"meta\": {\"vtag\": {\"resource-id\": \"m\", \"tag\": \"t\"}},\n\"network-map\": {\"a\": 7}}\n");
  next = files.poll();
  ASSERT_TRUE(next && !next->ok());
  EXPECT_TRUE(next->error().message.starts_with(map + ":3: ")) << next->error().message;
  std::filesystem::remove(map);
  next = files.poll();
  ASSERT_TRUE(next && !next->ok());
  EXPECT_EQ(next->error().message, map + ": cannot be read");
}

TEST(AltoWorld, ChangesAreValidMapsAndTheSameInEveryRun) {
  World one = *generated_world("pids=6,prefixes=30");
  World other = one;
  std::set<std::string> tags = {one.tag};
  for (std::uint64_t step = 1; step <= 40; ++step) {
    one = changed_world(one, step);
    other = changed_world(other, step);
    EXPECT_EQ(one.tag, other.tag);
    EXPECT_EQ(one.tables[0].costs, other.tables[0].costs);
    EXPECT_EQ(one.prefixes.size(), 32U) << "prefixes move, they do not vanish";
    tags.insert(one.tag);
  }
  EXPECT_GT(tags.size(), 5U);
}

}  // namespace
}  // namespace peerscope::alto
