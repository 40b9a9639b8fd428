// SPDX-License-Identifier: GPL-2.0-or-later
// The client against a server that is honest, sloppy, moving or hostile: directories, redirections, versions, ranking.
#include "reference-impl/alto/client.h"

#include <gtest/gtest.h>

#include <atomic>

#include "reference-impl/alto/client_validate.h"
#include "reference-impl/alto/server.h"
#include "reference-impl/net/content_coding.h"
#include "tests/alto_client/site.h"

namespace peerscope::alto {
namespace {

constexpr const char* kNum = R"({"cost-mode":"numerical","cost-metric":"routingcost","description":"for people"})";

std::string entry(const std::string& id, const std::string& uri, const std::string& type,
                  const std::string& more = "") {
  return "\"" + id + R"(":{"uri":")" + uri + R"(","media-type":")" + type + "\"" + more + "}";
}
std::string directory(const std::string& entries, const std::string& default_map = "nm") {
  return R"({"meta":{"cost-types":{"num":)" + std::string(kNum) +
         R"(,"ord":{"cost-mode":"ordinal","cost-metric":"routingcost"}},"default-alto-network-map":")" + default_map +
         R"("},"resources":{)" + entries + "}}";
}
std::string uses(const std::string& type_name) {
  return R"(,"uses":["nm"],"capabilities":{"cost-type-names":[")" + type_name + "\"]}";
}
std::string map(const std::string& tag, const std::string& more = "") {
  return R"({"meta":{"vtag":{"resource-id":"nm","tag":")" + tag +
         R"("}},"network-map":{"west":{"ipv4":["198.51.100.0/24"]},"east":{"ipv4":["203.0.113.0/25"],"ipv6":["2001:db8:e::/48"]},)" +
         more + R"("rest":{"ipv4":["0.0.0.0/0"],"ipv6":["::/0"]}}})";
}
std::string costs(const std::string& tag) {
  return R"({"meta":{"dependent-vtags":[{"resource-id":"nm","tag":")" + tag +
         R"("}],"cost-type":{"cost-mode":"numerical","cost-metric":"routingcost"}},"cost-map":{"west":{"west":1,"east":4},"east":{"west":5}}})";
}

// A directory with a map and costs, all of it below /alto.
void furnish(Site& site) {
  site.serve<Directory>("/alto/ird", directory(entry("nm", "map", media<NetworkMap>()) + "," +
                                               entry("cm", "./costs", media<CostMap>(), uses("num"))));
  site.serve<NetworkMap>("/alto/map", map("v1"));
  site.serve<CostMap>("/alto/costs", costs("v1"));
}

RankWish wish() {
  RankWish out;
  out.from = "198.51.100.9";
  out.to = {"192.0.2.1", "203.0.113.5", "198.51.100.20", "2001:db8:e::7"};
  return out;
}

TEST(AltoClient, RanksLocallyByLongestPrefixAndPutsUndefinedCostsLast) {
  Site site;
  furnish(site);
  Visitor visitor;
  ASSERT_TRUE(visitor.follow(site.url("/alto/ird")));
  const auto ranking = visitor.run(visitor.client->rank(wish()));
  ASSERT_TRUE(ranking) << ranking.error().message;
  std::string order;
  for (const Ranked& one : ranking->best_first) order += one.endpoint + " " + one.pid + ";";
  EXPECT_EQ(order, "ipv4:198.51.100.20 west;ipv4:203.0.113.5 east;ipv6:2001:db8:e::7 east;ipv4:192.0.2.1 rest;");
  EXPECT_EQ(ranking->best_first[0].cost, 1);
  EXPECT_EQ(ranking->best_first[1].cost, 4);
  EXPECT_FALSE(ranking->best_first[3].cost);
  EXPECT_EQ(ranking->from_pid, "west");
  EXPECT_EQ(ranking->version, "nm v1");
}

TEST(AltoClient, TheOwnServerHasNoFindingsButThatItIsInClearText) {
  Server server(interop_world());
  net::TestServer listening([&](net::HttpRequest&& request, const net::ConnectionInfo& from,
                                const net::Responder& respond) { respond(server.handle(request, from)); });
  Visitor visitor;
  ASSERT_TRUE(visitor.follow("http://127.0.0.1:" + std::to_string(listening.port()) + "/directory"));
  net::SystemClock clock(visitor.context.get_executor());
  const auto visits = visitor.run(visit_all(*visitor.client, clock));
  EXPECT_GT(visits.size(), 15U);
  for (const Visit& one : visits) EXPECT_EQ(one.problem, "") << one.id << " " << one.what;
  // It speaks no TLS here, which is told of the view that a TIPS answer names.
  EXPECT_EQ(visitor.findings, std::vector<std::string>{"A-TIPS-10"});
}

TEST(AltoClient, EveryDefectOfTheServerThatAVisitCanMeetIsFound) {
  std::size_t met = 0;
  for (const ServerDefect& defect : server_defects()) {
    // Errors are not provoked by a visit.
    if (std::string_view(defect.media_type) == message_type<Error>().media_type) continue;
    // Nor is a change of the data waited for, nor a capability of a CDN chosen.
    const std::string_view name = defect.name;
    if (name.starts_with("stream-patch-") || name == "cdni-not-asked") continue;
    ServerOptions options;
    options.defects = {&defect};
    Server server(interop_world(), options);
    net::TestServer listening([&](net::HttpRequest&& request, const net::ConnectionInfo& from,
                                  const net::Responder& respond) { respond(server.handle(request, from)); });
    Visitor visitor;
    const auto followed = visitor.follow("http://127.0.0.1:" + std::to_string(listening.port()) + "/directory");
    net::SystemClock clock(visitor.context.get_executor());
    if (followed) (void)visitor.run(visit_all(*visitor.client, clock));
    met += visitor.found(defect.rule) ? 1 : 0;
    EXPECT_TRUE(visitor.found(defect.rule)) << defect.name << " breaks " << defect.rule;
  }
  EXPECT_GT(met, 40U);
}

// ---- directories ----

TEST(AltoClient, UrisAreRelativeToTheirDirectoryBehindItsRedirections) {
  Site site;
  furnish(site);
  site.redirect("/start", 302, "/alto/ird");
  Visitor visitor;
  ASSERT_TRUE(visitor.follow(site.url("/start")));
  EXPECT_EQ(visitor.client->closure().find("nm")->uri.to_string(), site.url("/alto/map"));
  EXPECT_EQ(visitor.client->closure().find("cm")->uri.to_string(), site.url("/alto/costs"));
  Visitor wrong(ClientDefect::kUrisAgainstRoot);
  ASSERT_TRUE(wrong.follow(site.url("/start")));
  EXPECT_EQ(wrong.client->closure().find("nm")->uri.to_string(), site.url("/map"));
}

TEST(AltoClient, LinkedDirectoriesAreReadOnceEvenInACircle) {
  Site site;
  site.serve<Directory>(
      "/a", directory(entry("nm", "/map", media<NetworkMap>()) + "," + entry("b", "/b", media<Directory>())));
  site.serve<Directory>(
      "/b", directory(entry("cm", "/costs", media<CostMap>(), uses("num")) + "," +
                          entry("a", "/a", media<Directory>()) + "," + entry("gone", "/gone", media<Directory>()),
                      "other"));
  Visitor visitor;
  ASSERT_TRUE(visitor.follow(site.url("/a")));
  const Closure& closure = visitor.client->closure();
  EXPECT_EQ(closure.directories.size(), 2U);
  EXPECT_EQ(closure.default_map, "nm");
  ASSERT_NE(closure.find("cm"), nullptr);
  EXPECT_EQ(closure.find("cm")->cost_types.size(), 1U);
  EXPECT_EQ(site.count("/a"), 1U);
  EXPECT_EQ(site.count("/b"), 1U);
  ASSERT_EQ(visitor.problems.size(), 1U);  // /gone is told, and does not stop anything
  EXPECT_NE(visitor.problems[0].find("404"), std::string::npos);

  Visitor looping(ClientDefect::kFollowsDirectoryLoops);
  ASSERT_TRUE(looping.follow(site.url("/a")));
  EXPECT_GT(site.count("/a"), 3U);
  Visitor lazy(ClientDefect::kIgnoresLinkedDirectories);
  ASSERT_TRUE(lazy.follow(site.url("/a")));
  EXPECT_EQ(lazy.client->closure().find("cm"), nullptr);
}

TEST(AltoClient, EndlessDirectoriesHaveAnEnd) {
  Site site;
  for (int i = 0; i < 100; ++i) {
    site.serve<Directory>("/" + std::to_string(i),
                          directory(entry("d" + std::to_string(i), "/" + std::to_string(i + 1), media<Directory>())));
  }
  Visitor visitor;
  ASSERT_TRUE(visitor.follow(site.url("/0")));
  EXPECT_EQ(visitor.client->closure().directories.size(), Client::kMostDirectories);
  EXPECT_EQ(visitor.problems.size(), 1U);
}

TEST(AltoClient, BadEntriesAreToldAndTheOthersUsed) {
  Site site;
  site.serve<Directory>("/", directory(entry("odd", "mailto:someone", media<NetworkMap>()) + "," +
                                       entry("nm", "/map", media<NetworkMap>())));
  Visitor visitor;
  ASSERT_TRUE(visitor.follow(site.url("/")));
  EXPECT_EQ(visitor.client->closure().find("odd"), nullptr);
  EXPECT_NE(visitor.client->closure().find("nm"), nullptr);
  ASSERT_EQ(visitor.problems.size(), 1U);
  const auto unknown = visitor.run(visitor.client->get("nothing"));
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().message, "the directory has no resource 'nothing'; it has nm");
}

TEST(AltoClient, WhatIsNoDirectoryIsSaidPlainly) {
  Site site;
  site.serve<NetworkMap>("/", map("v1"));
  Visitor visitor;
  const auto followed = visitor.follow(site.url("/"));
  ASSERT_FALSE(followed);
  EXPECT_NE(followed.error().message.find("the answer is application/alto-networkmap+json, expected"),
            std::string::npos);
  EXPECT_FALSE(Visitor().follow("http://127.0.0.1:1/"));
}

// ---- HTTP ----

TEST(AltoClient, RedirectionsAreFollowedButNotInACircle) {
  Site site;
  furnish(site);
  site.redirect("/alto/map", 307, "/alto/map2");
  site.serve<NetworkMap>("/alto/map2", map("v1"));
  site.redirect("/alto/costs", 307, "round");
  site.redirect("/alto/round", 302, "/alto/costs");
  Visitor visitor;
  ASSERT_TRUE(visitor.follow(site.url("/alto/ird")));
  EXPECT_TRUE(visitor.run(visitor.client->get("nm")));
  const auto circle = visitor.run(visitor.client->get("cm"));
  ASSERT_FALSE(circle);
  EXPECT_NE(circle.error().message.find("redirected in a circle (A-HTTP-16)"), std::string::npos);
  EXPECT_EQ(site.count("/alto/costs"), 1U);
  ClientOptions careless = Visitor::with(ClientDefect::kFollowsRedirectLoops);
  careless.fetch.max_redirects = 1;
  Visitor endless(careless);
  ASSERT_TRUE(endless.follow(site.url("/alto/ird")));
  EXPECT_FALSE(endless.run(endless.client->get("cm")));
  EXPECT_GT(site.count("/alto/costs"), 10U);
  Visitor stubborn(ClientDefect::kNoRedirects);
  ASSERT_TRUE(stubborn.follow(site.url("/alto/ird")));
  EXPECT_FALSE(stubborn.run(stubborn.client->get("nm")));
}

TEST(AltoClient, APostThatIsAnswered303IsFinishedByGet) {
  Site site;
  site.serve<Directory>("/", directory(entry("nm", "/map", media<NetworkMap>()) + "," +
                                       entry("fnm", "/filter", media<NetworkMap>(),
                                             R"(,"accepts":")" + media<NetworkMapFilter>() + R"(","uses":["nm"])")));
  site.redirect("/filter", 303, "/made/7");
  site.serve<NetworkMap>("/made/7", map("v1"));
  Visitor visitor;
  ASSERT_TRUE(visitor.follow(site.url("/")));
  const auto answer = visitor.run(visitor.client->post("fnm", R"({"pids":[]})"));
  ASSERT_TRUE(answer) << answer.error().message;
  const net::HttpRequest second = site.last("/made/7");
  EXPECT_EQ(second.method, "GET");
  EXPECT_EQ(second.body, "");
  EXPECT_FALSE(second.headers.contains("Content-Type"));
  EXPECT_EQ(site.last("/filter").headers.get("Content-Type"), media<NetworkMapFilter>());
  EXPECT_EQ(site.last("/filter").headers.get("Accept"), media<NetworkMap>() + "," + media<Error>());
  const auto wrong = visitor.run(visitor.client->get("fnm"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, net::ErrorKind::kLocal);
}

TEST(AltoClient, CredentialsStayWithTheServerThatAskedForThem) {
  Site other;
  other.serve<NetworkMap>("/map", map("v1"));
  Site site;
  site.on("/", [&](const net::HttpRequest& request) {
    const std::string authorization(request.headers.get("Authorization"));
    if (!authorization.starts_with("Digest "))
      return net::Reply(net::HttpResponse(
          401, {}, {{"WWW-Authenticate", R"(Digest realm="alto", nonce="n1", qop="auth", algorithm=SHA-256)"}}));
    return net::Reply(net::HttpResponse(200, {}, {{"Content-Type", media<Directory>()}},
                                        directory(entry("nm", other.url("/map"), media<NetworkMap>()))));
  });
  ClientOptions options;
  options.fetch.digest = net::DigestCredentials{"alice", "secret"};
  Visitor visitor(options);
  ASSERT_TRUE(visitor.follow(site.url("/")));
  EXPECT_NE(std::string(site.last("/").headers.get("Authorization")).find("username=\"alice\""), std::string::npos);
  ASSERT_TRUE(visitor.run(visitor.client->get("nm")));
  EXPECT_FALSE(other.last("/map").headers.contains("Authorization"));
  options.fetch.defects = {ClientDefect::kNoDigest};
  EXPECT_FALSE(Visitor(options).follow(site.url("/")));
}

TEST(AltoClient, BodiesAreBoundedAlsoWhenCompressed) {
  Site site;
  furnish(site);
  const std::string blanks(3'000'000, ' ');
  const auto packed = net::gzip(map("v1") + blanks);
  ASSERT_TRUE(packed);
  site.serve<NetworkMap>("/alto/map", *packed, {{"Content-Encoding", "gzip"}});
  ClientOptions options;
  Visitor patient(options);
  ASSERT_TRUE(patient.follow(site.url("/alto/ird")));
  EXPECT_TRUE(patient.run(patient.client->get("nm")));
  options.fetch.max_body = 1'000'000;
  Visitor visitor(options);
  ASSERT_TRUE(visitor.follow(site.url("/alto/ird")));
  const auto bomb = visitor.run(visitor.client->get("nm"));
  ASSERT_FALSE(bomb);
  EXPECT_EQ(bomb.error().kind, net::ErrorKind::kTooLarge);
  site.serve<NetworkMap>("/alto/map", map("v1") + blanks);
  EXPECT_FALSE(visitor.run(visitor.client->get("nm")));
}

TEST(AltoClient, ErrorsOfTheServerAreToldInItsWords) {
  Site site;
  furnish(site);
  site.on("/alto/map", [](const net::HttpRequest&) {
    return net::Reply(net::HttpResponse(400, {}, {{"Content-Type", media<Error>()}},
                                        R"({"meta":{"code":"E_INVALID_FIELD_VALUE","field":"pids","value":"x"}})"));
  });
  Visitor visitor;
  ASSERT_TRUE(visitor.follow(site.url("/alto/ird")));
  const auto answer = visitor.run(visitor.client->get("nm"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message,
            "GET " + site.url("/alto/map") + ": refused, 400 Bad Request, E_INVALID_FIELD_VALUE pids \"x\"");
}

TEST(AltoClient, GarbageIsNeverUsed) {
  Site site;
  furnish(site);
  for (const std::string& body :
       {std::string(), std::string("{"), std::string("[]"), std::string(100'000, '['), std::string("\xff\xfe{}"),
        std::string("{\"network-map\":7}"), std::string("{\"meta\":{\"vtag\":7},\"network-map\":{\"a\":[1]}}")}) {
    site.serve<NetworkMap>("/alto/map", body);
    Visitor visitor;
    ASSERT_TRUE(visitor.follow(site.url("/alto/ird")));
    const auto ranking = visitor.run(visitor.client->rank(wish()));
    EXPECT_FALSE(ranking) << body.substr(0, 40);
    EXPECT_FALSE(visitor.findings.empty()) << body.substr(0, 40);
  }
}

TEST(AltoClient, TypesWithParametersUnknownMembersAndUnknownAddressesAreFine) {
  Site site;
  furnish(site);
  site.on("/alto/map", [](const net::HttpRequest&) {
    return net::Reply(net::HttpResponse(200, {}, {{"Content-Type", "Application/ALTO-NetworkMap+JSON; charset=utf-8"}},
                                        map("v1", R"("far":{"mac-48":["66:55:44:33:22:11"]},"empty":{},)")));
  });
  Visitor visitor;
  ASSERT_TRUE(visitor.follow(site.url("/alto/ird")));
  EXPECT_TRUE(visitor.run(visitor.client->rank(wish())));
  const std::pair<ClientDefect, const char*> kIntolerant[] = {
      {ClientDefect::kExactMediaType, "unknown media type"},
      {ClientDefect::kRefusesUnknownAddressTypes, "unknown address type"},
      {ClientDefect::kRefusesEmptyPids, "no addresses"}};
  for (const auto& [defect, why] : kIntolerant) {
    Visitor intolerant(defect);
    ASSERT_TRUE(intolerant.follow(site.url("/alto/ird")));
    site.serve<NetworkMap>("/alto/plain", map("v1"));
    const auto ranking = intolerant.run(intolerant.client->rank(wish()));
    ASSERT_FALSE(ranking) << why;
    EXPECT_NE(ranking.error().message.find(why), std::string::npos) << ranking.error().message;
  }
}

// ---- versions ----

TEST(AltoClient, CostsOfANewerVersionMakeTheMapBeReadAgain) {
  Site site;
  furnish(site);
  std::atomic<int> reads = 0;
  site.on("/alto/map", [&](const net::HttpRequest&) {
    return net::Reply(
        net::HttpResponse(200, {}, {{"Content-Type", media<NetworkMap>()}}, map(++reads == 1 ? "v1" : "v2")));
  });
  site.serve<CostMap>("/alto/costs", costs("v2"));
  Visitor visitor;
  ASSERT_TRUE(visitor.follow(site.url("/alto/ird")));
  const auto ranking = visitor.run(visitor.client->rank(wish()));
  ASSERT_TRUE(ranking) << ranking.error().message;
  EXPECT_EQ(ranking->version, "nm v2");
  EXPECT_EQ(reads, 2);
}

TEST(AltoClient, MapsThatNeverFitAreNotCombined) {
  Site site;
  furnish(site);
  site.serve<CostMap>("/alto/costs", costs("old"));
  Visitor visitor;
  ASSERT_TRUE(visitor.follow(site.url("/alto/ird")));
  const auto ranking = visitor.run(visitor.client->rank(wish()));
  ASSERT_FALSE(ranking);
  EXPECT_EQ(ranking.error().message,
            "cm stays at version old of nm, whose own version is v1: they cannot be combined (A-CM-14)");
  EXPECT_LE(site.count("/alto/costs"), 4U);
  EXPECT_TRUE(visitor.found("A-CM-14"));
  Visitor careless(ClientDefect::kKeepsOldMap);
  ASSERT_TRUE(careless.follow(site.url("/alto/ird")));
  EXPECT_TRUE(careless.run(careless.client->rank(wish())));
}

// ---- services ----

void furnish_services(Site& site) {
  furnish(site);
  site.serve<Directory>("/alto/ird", directory(entry("nm", "map", media<NetworkMap>()) + "," +
                                               entry("fcm", "filter", media<CostMap>(),
                                                     R"(,"accepts":")" + media<CostMapFilter>() + "\"" + uses("num")) +
                                               "," +
                                               entry("ecs", "ecs", media<EndpointCosts>(),
                                                     R"(,"accepts":")" + media<EndpointCostParams>() +
                                                         R"(","capabilities":{"cost-type-names":["num"]})")));
  site.serve<CostMap>("/alto/filter", costs("v1"));
  site.serve<EndpointCosts>(
      "/alto/ecs",
      R"({"meta":{"cost-type":{"cost-mode":"numerical","cost-metric":"routingcost"}},"endpoint-cost-map":{"ipv4:198.51.100.9":{"ipv4:192.0.2.1":9,"ipv6:2001:DB8:000E::7":2}}})");
}

TEST(AltoClient, AFilteredMapIsAskedForTheNeededPairsOnly) {
  Site site;
  furnish_services(site);
  Visitor visitor;
  ASSERT_TRUE(visitor.follow(site.url("/alto/ird")));
  const auto ranking = visitor.run(visitor.client->rank(wish()));
  ASSERT_TRUE(ranking) << ranking.error().message;
  EXPECT_EQ(
      site.last("/alto/filter").body,
      R"({"cost-type":{"cost-mode":"numerical","cost-metric":"routingcost"},"pids":{"srcs":["west"],"dsts":["rest","east","west"]}})");
  RankWish picky = wish();
  picky.constraints = {"le 3"};
  const auto refused = visitor.run(visitor.client->rank(picky));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "fcm takes no constraints");
  picky.constraints.clear();
  picky.metric = "hopcount";
  EXPECT_EQ(visitor.run(visitor.client->rank(picky)).error().message, "no costs hopcount for network map nm");
}

TEST(AltoClient, EndpointsComeBackInAnotherSpelling) {
  Site site;
  furnish_services(site);
  const auto order = [&](Visitor& visitor) {
    EXPECT_TRUE(visitor.follow(site.url("/alto/ird")));
    RankWish by_server = wish();
    by_server.by = RankWish::By::kEcs;
    const auto ranking = visitor.run(visitor.client->rank(by_server));
    EXPECT_TRUE(ranking) << ranking.error().message;
    return ranking->best_first.front().endpoint;
  };
  Visitor visitor;
  EXPECT_EQ(order(visitor), "ipv6:2001:db8:e::7");
}

TEST(AltoClient, WithoutAnOwnAddressTheServerIsAsked) {
  Site site;
  furnish_services(site);
  Visitor visitor;
  ASSERT_TRUE(visitor.follow(site.url("/alto/ird")));
  RankWish mine = wish();
  mine.from.clear();
  ASSERT_TRUE(visitor.run(visitor.client->rank(mine)));
  EXPECT_EQ(site.last("/alto/ecs").body.find("srcs"), std::string::npos);
  mine.by = RankWish::By::kMaps;
  EXPECT_FALSE(visitor.run(visitor.client->rank(mine)));
  mine.to = {"not-an-address"};
  EXPECT_EQ(visitor.run(visitor.client->rank(mine)).error().kind, net::ErrorKind::kLocal);
}

// What a request of a client with a defect breaks, by the table of requirements.
TEST(AltoClient, DefectsOfRequestsBreakTheirRule) {
  const ClientDefect kInRequests[] = {
      ClientDefect::kFilterSourcesOnly,    ClientDefect::kUnofferedCostType, ClientDefect::kSendsDescription,
      ClientDefect::kUnofferedConstraints, ClientDefect::kBothCostTypes,     ClientDefect::kEmptyEndpointLists,
      ClientDefect::kEcsUnofferedCostType,
  };
  for (const ClientDefect defect : kInRequests) {
    Site site;
    furnish_services(site);
    Visitor visitor(defect);
    ASSERT_TRUE(visitor.follow(site.url("/alto/ird")));
    RankWish by_server = wish();
    by_server.by = RankWish::By::kEcs;
    (void)visitor.run(visitor.client->rank(wish()));
    (void)visitor.run(visitor.client->rank(by_server));
    const ClientDefectRow& row = client_defects()[static_cast<std::size_t>(defect)];
    std::vector<std::string> broken;
    const auto session = make_session();
    for (const net::HttpRequest& request : site.requests()) {
      Message message;
      message.direction = Direction::kRequest;
      message.transport.method = request.method;
      message.transport.target = request.target;
      message.transport.has_http = true;
      message.transport.content_type = Fetcher::media_type(request.headers);
      decode(request.body, message);
      std::vector<Finding> findings;
      run_checks(protocol(), {message, nullptr, session.get()}, {}, findings);
      for (const Finding& finding : findings) broken.emplace_back(finding.rule->id);
      if (request.target != "/alto/ird") continue;
      Message answer;
      answer.transport.content_type = media<Directory>();
      answer.transport.status = 200;
      decode(directory(entry("nm", "map", media<NetworkMap>()) + "," +
                       entry("fcm", "filter", media<CostMap>(),
                             R"(,"accepts":")" + media<CostMapFilter>() + "\"" + uses("num")) +
                       "," +
                       entry("ecs", "ecs", media<EndpointCosts>(),
                             R"(,"accepts":")" + media<EndpointCostParams>() +
                                 R"(","capabilities":{"cost-type-names":["num"]})")),
             answer);
      track(*session, answer, nullptr);
    }
    EXPECT_NE(std::find(broken.begin(), broken.end(), row.rule), broken.end()) << row.name << " breaks " << row.rule;
  }
}

TEST(AltoClient, DefectsOfHttpAreVisibleInTheRequest) {
  Site site;
  furnish_services(site);
  Visitor json(ClientDefect::kContentTypeJson);
  ASSERT_TRUE(json.follow(site.url("/alto/ird")));
  (void)json.run(json.client->rank(wish()));
  EXPECT_EQ(site.last("/alto/filter").headers.get("Content-Type"), "application/json");
  Visitor query(ClientDefect::kInputInQuery);
  ASSERT_TRUE(query.follow(site.url("/alto/ird")));
  (void)query.run(query.client->rank(wish()));
  const net::HttpRequest asked = site.requests().back();
  EXPECT_EQ(asked.method, "GET");
  EXPECT_TRUE(asked.target.starts_with("/alto/filter?input=%7B")) << asked.target;
  Visitor post(ClientDefect::kPostsToGetResource);
  ASSERT_TRUE(post.follow(site.url("/alto/ird")));
  (void)post.run(post.client->get("nm"));
  EXPECT_EQ(site.last("/alto/map").method, "POST");
}

TEST(ClientDefects, NamesAreUniqueAndRulesAreInTheTable) {
  std::vector<std::string> names;
  for (const ClientDefectRow& row : client_defects()) {
    EXPECT_NE(find_requirement(row.rule), nullptr) << row.name;
    names.emplace_back(row.name);
    const auto parsed = parse_client_defects({row.name});
    ASSERT_TRUE(parsed);
    EXPECT_TRUE(parsed->has(static_cast<ClientDefect>(&row - client_defects().data())));
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
  EXPECT_FALSE(parse_client_defects({"no-such-defect"}));
}

}  // namespace
}  // namespace peerscope::alto
