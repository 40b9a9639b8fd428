// SPDX-License-Identifier: GPL-2.0-or-later
// Costs of an ALTO server in the choice of peers: whose peers come first, and that the server is never waited for.
#include "reference-impl/systems/distributed_tracker/alto_costs.h"

#include "tests/alto_client/site.h"
#include "tests/systems/tracker_overlay.h"

namespace peerscope::distributed_tracker::testing {
namespace {

constexpr const char* kDirectory =
    R"({"meta":{"cost-types":{"num":{"cost-mode":"numerical","cost-metric":"routingcost"},)"
    R"("ord":{"cost-mode":"ordinal","cost-metric":"routingcost"}},"default-alto-network-map":"nm"},"resources":{)"
    R"("nm":{"uri":"map","media-type":"application/alto-networkmap+json"},)"
    R"("a-ordinal":{"uri":"ordinal","media-type":"application/alto-costmap+json","uses":["nm"],)"
    R"("capabilities":{"cost-type-names":["ord"]}},)"
    R"("costs":{"uri":"costs","media-type":"application/alto-costmap+json","uses":["nm"],)"
    R"("capabilities":{"cost-type-names":["num"]}}}})";
constexpr const char* kMap =
    R"({"meta":{"vtag":{"resource-id":"nm","tag":"v1"}},"network-map":{"home":{"ipv4":["192.0.2.0/24"]},)"
    R"("near":{"ipv4":["198.51.100.0/24"]},"far":{"ipv4":["203.0.113.0/24"],"ipv6":["2001:db8::/32"]}}})";
constexpr const char* kCosts = R"({"meta":{"dependent-vtags":[{"resource-id":"nm","tag":"v1"}],)"
                               R"("cost-type":{"cost-mode":"numerical","cost-metric":"routingcost"}},)"
                               R"("cost-map":{"home":{"home":1,"near":5,"far":50}}})";

ppstp::Address at(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  ppstp::Address address;
  address.ip = {a, b, c, d};
  return address;
}
const ppstp::Address kHome = at(192, 0, 2, 1);
const ppstp::Address kNear = at(198, 51, 100, 1);
const ppstp::Address kFar = at(203, 0, 113, 1);
const ppstp::Address kNowhere = at(10, 0, 0, 1);

template <class T>
void read(const char* text, Message& message) {
  message.transport.content_type = alto::media<T>();
  alto::decode(text, message);
}

// ---- the maps

class AltoCostsOfASite : public ::testing::Test {
 protected:
  AltoCostsOfASite() {
    site_.serve<alto::Directory>("/ird", kDirectory);
    site_.serve<alto::NetworkMap>("/map", kMap);
    site_.serve<alto::CostMap>("/costs", kCosts);
  }
  AltoOptions options() {
    AltoOptions options;
    options.directory = *net::Url::parse(site_.url("/ird"));
    options.refresh = std::chrono::milliseconds(20);
    return options;
  }
  template <class Condition>
  bool run_until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < end) context_.run_one_for(std::chrono::milliseconds(20));
    return condition();
  }
  alto::Site site_;
  net::asio::io_context context_{1};
  net::SystemClock clock_{context_.get_executor()};
};

TEST_F(AltoCostsOfASite, AreThoseOfTheNumericalMap) {
  AltoCosts costs(clock_, context_.get_executor(), options());
  EXPECT_FALSE(costs.cost(kHome, kFar).has_value()) << "nothing was fetched yet";
  costs.start();
  ASSERT_TRUE(run_until([&] { return costs.cost(kHome, kFar).has_value(); }));
  EXPECT_EQ(costs.cost(kHome, kHome), 1);
  EXPECT_EQ(costs.cost(kHome, kNear), 5);
  EXPECT_EQ(costs.cost(kHome, kFar), 50);
  EXPECT_FALSE(costs.cost(kHome, kNowhere).has_value()) << "in no PID";
  EXPECT_FALSE(costs.cost(kNear, kHome).has_value()) << "not in the cost map";
  EXPECT_EQ(site_.count("/ordinal"), 0U);
}

TEST_F(AltoCostsOfASite, AreFetchedAgainAndOutliveAFailure) {
  AltoCosts costs(clock_, context_.get_executor(), options());
  costs.start();
  ASSERT_TRUE(run_until([&] { return costs.cost(kHome, kFar).has_value(); }));
  site_.on("/costs", [](const net::HttpRequest&) { return net::Reply(net::text_response("no", 500)); });
  const std::size_t before = site_.count("/costs");
  ASSERT_TRUE(run_until([&] { return site_.count("/costs") > before + 1; }));
  EXPECT_EQ(costs.cost(kHome, kFar), 50);
  std::string dearer = kCosts;
  dearer.replace(dearer.find("50"), 2, "70");
  site_.serve<alto::CostMap>("/costs", dearer);
  EXPECT_TRUE(run_until([&] { return costs.cost(kHome, kFar) == 70; }));
}

TEST_F(AltoCostsOfASite, MayEndWhileAFetchIsUnderWay) {
  auto costs = std::make_unique<AltoCosts>(clock_, context_.get_executor(), options());
  costs->start();
  context_.run_one_for(std::chrono::milliseconds(100));
  costs.reset();
  context_.run_for(std::chrono::milliseconds(100));
  EXPECT_LE(site_.count("/costs"), 1U);
}

TEST(AltoCostsWithoutAnswers, AreForgottenWhenTheyAreOld) {
  net::asio::io_context context;
  net::ManualClock clock;
  AltoOptions options;
  AltoCosts costs(clock, context.get_executor(), options);
  Message map, prices;
  read<alto::NetworkMap>(kMap, map);
  read<alto::CostMap>(kCosts, prices);
  costs.take(std::make_shared<const CostTable>(
      std::make_shared<const alto::Locator>(alto::make_locator(*alto::body_of<alto::NetworkMap>(map))),
      *alto::body_of<alto::CostMap>(prices)));
  costs.take(net::Error{net::ErrorKind::kTimeout, "silence"});
  clock.advance(options.keep);
  EXPECT_EQ(costs.cost(kHome, kNear), 5);
  clock.advance(std::chrono::seconds(1));
  EXPECT_FALSE(costs.cost(kHome, kNear).has_value());
}

TEST_F(AltoCostsOfASite, AreOfTheDefaultNetworkMapOrNobodys) {
  std::string other = kDirectory;
  for (std::size_t at = other.find(R"("uses":["nm"])"); at != std::string::npos; at = other.find(R"("uses":["nm"])"))
    other.replace(at, 13, R"("uses":["mm"])");
  site_.serve<alto::Directory>("/ird", other);
  AltoCosts costs(clock_, context_.get_executor(), options());
  costs.start();
  ASSERT_TRUE(run_until([&] { return site_.count("/ird") > 1; })) << "it is asked again";
  EXPECT_EQ(site_.count("/costs"), 0U);
  EXPECT_FALSE(costs.cost(kHome, kFar).has_value());
}

// ---- lists

class CostlyOverlay : public TrackerOverlay {
 protected:
  void make_costly_trackers(ppstp::AddressCost cost) {
    Options options;
    options.tracker.registry.cost = std::move(cost);
    make_trackers(4, options);
  }
  void join_from(Site& site, const std::string& peer, const std::string& ip) {
    ppstp::Request r = request(ppstp::kRequestConnect, peer);
    r.connect = ppstp::Connect{.peer_num = {}, .peer_addr = {address(ip, 7000)}, .swarm_action = {join("movie")}};
    EXPECT_EQ(wait_for(send(site, std::move(r))).result(), 0);
  }
  std::vector<std::string> listed(Site& site, const std::string& asker, std::optional<ppstp::PeerNum> num = {}) {
    run(std::chrono::seconds(11));  // what was fetched before is too old now
    std::vector<std::string> ids;
    const auto answer = find(site, asker, "movie", std::move(num));
    for (const ppstp::PeerInfo& info : answer.response.swarm_result.at(0).peer_group->peer_info)
      ids.push_back(*info.peer_id);
    return ids;
  }
};

// By the last byte: 192.0.2.9 costs 9. Addresses above 200 are unknown.
std::optional<double> by_last_byte(const ppstp::Address&, const ppstp::Address& to) {
  if (to.ip[3] > 200) return std::nullopt;
  return to.ip[3];
}

TEST_F(CostlyOverlay, CheapPeersComeFirstBehindOwnOnes) {
  make_costly_trackers(by_last_byte);
  join_from(sites_[0], "asker", "192.0.2.100");
  join_from(sites_[0], "own-dear", "192.0.2.90");
  join_from(sites_[0], "own-cheap", "192.0.2.80");
  join_from(sites_[1], "unknown", "192.0.2.201");
  join_from(sites_[1], "dear", "192.0.2.50");
  join_from(sites_[2], "cheap", "192.0.2.10");
  join_from(sites_[3], "middle", "192.0.2.30");
  EXPECT_EQ(listed(sites_[0], "asker"),
            (std::vector<std::string>{"own-cheap", "own-dear", "cheap", "middle", "dear", "unknown"}));
}

TEST_F(CostlyOverlay, CostsComeBeforeConditions) {
  make_costly_trackers(by_last_byte);
  ppstp::PeerNum strong;
  strong.upload_bandwidth = 1'000'000;
  join_from(sites_[0], "asker", "192.0.2.100");
  for (const auto& [peer, ip, upload] :
       {std::tuple{"strong", "192.0.2.50", 2'000'000}, {"weak", "192.0.2.50", 1}, {"cheap", "192.0.2.10", 1}}) {
    ppstp::Request r = request(ppstp::kRequestConnect, peer);
    ppstp::PeerNum own;
    own.peer_count = 1;
    own.upload_bandwidth = upload;
    r.connect = ppstp::Connect{.peer_num = own, .peer_addr = {address(ip, 7000)}, .swarm_action = {join("movie")}};
    wait_for(send(sites_[1], std::move(r)));
  }
  strong.peer_count = 10;
  const auto list = listed(sites_[0], "asker", strong);
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list.front(), "cheap");
}

TEST_F(CostlyOverlay, WithoutCostsEverybodyIsListed) {
  make_costly_trackers([](const ppstp::Address&, const ppstp::Address&) { return std::optional<double>(); });
  join_from(sites_[0], "asker", "192.0.2.100");
  join_from(sites_[1], "one", "192.0.2.1");
  join_from(sites_[2], "two", "192.0.2.2");
  const auto list = listed(sites_[0], "asker");
  EXPECT_EQ(std::set<std::string>(list.begin(), list.end()), (std::set<std::string>{"one", "two"}));
}

}  // namespace
}  // namespace peerscope::distributed_tracker::testing
