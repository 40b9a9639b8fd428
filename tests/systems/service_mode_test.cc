// SPDX-License-Identifier: GPL-2.0-or-later
// Service mode (DT-F9): the responsible tracker is asked over PPSTP, and answers as Store and Fetch would have it.
#include "protocols/ppstp/protocol.h"
#include "reference-impl/systems/distributed_tracker/entry.h"
#include "tests/systems/tracker_overlay.h"

namespace peerscope::distributed_tracker::testing {
namespace {

using Peers = std::multiset<std::string>;

class ServiceMode : public TrackerOverlay {
 protected:
  // What this tracker asked of the overlay itself.
  static std::uint64_t asked(const Site& site) {
    const DirectoryStats& stats = site.tracker->directory().stats();
    return stats.stores + stats.removals + stats.fetches;
  }
};

TEST_F(ServiceMode, AJoinIsStoredByTheResponsibleTracker) {
  make_trackers(6);
  serve_all();
  Site& there = responsible("swarm:movie");
  Site& here = other_than({&there});
  EXPECT_TRUE(connect(here, "anna", {join("movie")}).ok());
  EXPECT_EQ(asked(here), 0U);
  EXPECT_EQ(here.tracker->service()->stats().attaches, 1U);
  EXPECT_TRUE(stored("swarm:movie").contains(key_of(there, "anna")));
}

TEST_F(ServiceMode, GivesTheSameListsAsStoreMode) {
  make_trackers(6);
  Site& there = responsible("swarm:movie");
  Site& a = other_than({&there});
  Site& b = other_than({&there, &a});
  Site& c = other_than({&there, &a, &b});  // in store mode
  for (Site* site : {&there, &a, &b}) serve(*site);
  EXPECT_TRUE(connect(a, "anna", {join("movie")}).ok());
  EXPECT_TRUE(connect(b, "bert", {join("movie", ppstp::kSeeder)}).ok());
  EXPECT_TRUE(connect(there, "carl", {join("movie")}).ok());
  EXPECT_TRUE(connect(c, "dora", {join("movie")}).ok());
  pass(11);  // lists in caches are good for 10 s
  EXPECT_EQ(find(a, "anna", "movie").peers(), (Peers{"bert", "carl", "dora"}));
  EXPECT_EQ(find(b, "bert", "movie").peers(), (Peers{"anna", "carl", "dora"}));
  EXPECT_EQ(find(there, "carl", "movie").peers(), (Peers{"anna", "bert", "dora"}));
  EXPECT_EQ(find(c, "dora", "movie").peers(), (Peers{"anna", "bert", "carl"}));
}

TEST_F(ServiceMode, ALeaveIsToldAndOnlyByTheTrackerThatHasThePeer) {
  make_trackers(6);
  serve_all();
  Site& there = responsible("swarm:movie");
  Site& a = other_than({&there});
  Site& b = other_than({&there, &a});
  connect(a, "mover", {join("movie")});
  connect(b, "asker", {join("movie")});
  pass(1);
  connect(b, "mover", {join("movie")});
  EXPECT_TRUE(connect(a, "mover", {leave("movie")}).ok());
  EXPECT_EQ(find(b, "asker", "movie").peers(), Peers{"mover"});
  EXPECT_TRUE(connect(b, "mover", {leave("movie")}).ok());
  pass(11);
  EXPECT_EQ(find(b, "asker", "movie").peers(), Peers());
  EXPECT_EQ(living("swarm:movie"), 1U);
}

TEST_F(ServiceMode, APeerThatMovedIsListedAtItsNewAddress) {
  make_trackers(6);
  serve_all();
  Site& there = responsible("swarm:movie");
  Site& a = other_than({&there});
  Site& b = other_than({&there, &a});
  connect(a, "asker", {join("movie")});
  connect(a, "mover", {join("movie")});
  pass(1);
  connect(b, "mover", {join("movie")});
  const auto entry = read_entry(stored("swarm:movie").at(key_of(there, "mover")).data.value, "movie");
  ASSERT_TRUE(entry.has_value());
  const auto answer = find(a, "asker", "movie");
  EXPECT_NE(answer.body.find(entry->listing), std::string::npos) << answer.body;
  EXPECT_EQ(answer.peers(), Peers{"mover"});
}

TEST_F(ServiceMode, TrackersWithoutDeskAreAskedByStoreAndFetch) {
  make_trackers(6);
  Site& there = responsible("swarm:movie");
  Site& a = other_than({&there});
  serve(a);
  EXPECT_TRUE(connect(a, "anna", {join("movie")}).ok());
  EXPECT_EQ(forwarded_, 0U);
  EXPECT_TRUE(stored("swarm:movie").contains(key_of(a, "anna")));
  EXPECT_TRUE(connect(there, "bert", {join("movie")}).ok());
  pass(11);
  EXPECT_EQ(find(a, "anna", "movie").peers(), Peers{"bert"});
  EXPECT_TRUE(connect(a, "anna", {leave("movie")}).ok());
  EXPECT_EQ(living("swarm:movie"), 1U);
}

TEST_F(ServiceMode, WhenTheResponsibleTrackerDiesTheNextOneIsAsked) {
  make_trackers(6);
  serve_all();
  Site& there = responsible("swarm:movie");
  Site& a = other_than({&there});
  Site& b = other_than({&there, &a});
  connect(a, "anna", {join("movie")});
  connect(b, "bert", {join("movie")});
  pass(1);
  kill(there);
  const auto during = find(a, "anna", "movie");
  EXPECT_TRUE(during.code() == ppstp::kServiceUnavailable || during.peers() == Peers{"bert"}) << during.body;
  pass(30);
  EXPECT_EQ(find(a, "anna", "movie").peers(), Peers{"bert"});
  EXPECT_EQ(find(b, "bert", "movie").peers(), Peers{"anna"});
}

TEST_F(ServiceMode, ADeskThatIsSilentOrTalksNonsenseIsAnHonestError) {
  make_trackers(6);
  serve_all();
  Site& there = responsible("swarm:movie");
  Site& a = other_than({&there});
  for (const std::string nonsense : {"no JSON", "{}", "[1,2]", R"({"version":1,"response_type":0})"}) {
    spoil_ = nonsense;
    EXPECT_EQ(connect(a, "anna", {join("movie")}).code(), ppstp::kInternalServerError) << nonsense;
  }
  spoil_.clear();
  there.tracker.reset();  // its node lives and says where the desk was
  EXPECT_EQ(connect(a, "anna", {join("movie")}).code(), ppstp::kServiceUnavailable);
}

TEST_F(ServiceMode, RegistrationsAreRenewedWhileTheirPeersReportAndEndWithThem) {
  make_trackers(6);
  serve_all();
  Site& a = other_than({&responsible("swarm:movie")});
  connect(a, "anna", {join("movie", ppstp::kSeeder)});
  for (int i = 0; i < 5; ++i) {
    pass(60);
    EXPECT_TRUE(report(a, "anna", {stat("movie")}).ok());
  }
  EXPECT_EQ(living("swarm:movie"), 1U);
  pass(185);
  EXPECT_EQ(living("swarm:movie"), 0U);
}

TEST_F(ServiceMode, TheDeskRefusesWhatIsNoRequestOfATracker) {
  make_trackers(6);
  serve_all();
  Site& there = responsible("swarm:movie");
  Site& other = other_than({&there});
  const auto ask = [&](Site& site, const std::string& method, const std::string& body) {
    net::HttpRequest request;
    request.method = method;
    request.body = body;
    std::optional<std::int64_t> code;
    site.tracker->handle_service(request, {}, [&](net::Reply reply) {
      Message message;
      ppstp::decode(reply.response.body, message);
      const ppstp::Response* response = ppstp::response_of(message);
      code = response != nullptr ? response->error_code.value_or(-1) : -1;
    });
    run_until([&] { return code.has_value(); });
    return code.value_or(-2);
  };
  const auto encoded = [&](std::string_view type, const std::string& swarm) {
    ppstp::Request r = request(type, "stranger");
    if (type == ppstp::kRequestFind) r.find = ppstp::Find{swarm, {}};
    if (type == ppstp::kRequestConnect) {
      r.connect.emplace().swarm_action.push_back(join(swarm));
      r.connect->peer_addr = {address("192.0.2.9", 1000)};
    }
    return ppstp::encode(std::move(r));
  };
  EXPECT_EQ(ask(there, "POST", "garbage"), ppstp::kBadRequest);
  EXPECT_EQ(ask(there, "GET", encoded(ppstp::kRequestFind, "movie")), ppstp::kBadRequest);
  EXPECT_EQ(ask(there, "POST", encoded(ppstp::kRequestFind, "movie")), ppstp::kForbiddenAction);
  EXPECT_EQ(ask(there, "POST", encoded(ppstp::kRequestStatReport, "movie")), ppstp::kForbiddenAction);
  EXPECT_EQ(ask(other, "POST", encoded(ppstp::kRequestConnect, "movie")), ppstp::kServiceUnavailable);
  EXPECT_EQ(ask(there, "POST", encoded(ppstp::kRequestConnect, "movie")), ppstp::kNoError);
  EXPECT_EQ(ask(there, "POST", encoded(ppstp::kRequestFind, "movie")), ppstp::kNoError);
}

}  // namespace
}  // namespace peerscope::distributed_tracker::testing
