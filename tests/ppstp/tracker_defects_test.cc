// SPDX-License-Identifier: GPL-2.0-or-later
// Every named defect is a real one: it changes what the tracker answers to the situation that its requirement is about.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <regex>
#include <set>
#include <string>

#include "protocols/base/json_archive.h"
#include "tests/ppstp/tracker_fixture.h"

namespace peerscope::ppstp::testing {
namespace {

TEST(TrackerDefectTable, NamesAreUniqueSlugsWithRequirementIds) {
  const std::regex slug("[a-z0-9]+(-[a-z0-9]+)*");
  const std::regex ids("P-[A-Z]+-[0-9]{2}( P-[A-Z]+-[0-9]{2})*");
  for (const auto& table : {tracker_defects(), peer_defects()}) {
    std::set<std::string> names;
    for (const DefectRow& row : table) {
      EXPECT_TRUE(names.insert(row.name).second) << row.name;
      EXPECT_TRUE(std::regex_match(row.name, slug)) << row.name;
      EXPECT_TRUE(std::regex_match(row.requirements, ids)) << row.name;
      EXPECT_NE(std::string(row.about), "");
      EXPECT_NE(print_defects(table).find(row.name), std::string::npos);
    }
  }
  EXPECT_GE(tracker_defects().size(), 34U);
  EXPECT_GE(peer_defects().size(), 12U);
}

TEST(TrackerDefectTable, RequirementIdsExist) {
  for (const auto& table : {tracker_defects(), peer_defects()}) {
    for (const DefectRow& row : table) {
      std::string_view rest(row.requirements);
      while (!rest.empty()) {
        const std::string_view id = rest.substr(0, rest.find(' '));
        rest.remove_prefix(std::min(rest.size(), id.size() + 1));
        EXPECT_NE(find_requirement(id), nullptr) << row.name << " names " << id;
      }
    }
  }
}

TEST(TrackerDefectTable, NamesAreParsedAndMisspellingsGetAHint) {
  const auto parsed = parse_tracker_defects({"no-expiry", "html"});
  ASSERT_FALSE(parsed.ok());
  EXPECT_NE(parsed.error().message.find("http-200-html"), std::string::npos);
  const auto near = parse_tracker_defects({"no-expirey"});
  ASSERT_FALSE(near.ok());
  EXPECT_NE(near.error().message.find("no-expiry"), std::string::npos);
  const auto good = parse_tracker_defects({"no-expiry", "port-as-string"});
  ASSERT_TRUE(good.ok());
  EXPECT_TRUE(good->has(TrackerDefect::kNoExpiry));
  EXPECT_TRUE(good->has(TrackerDefect::kPortAsString));
  EXPECT_FALSE(good->has(TrackerDefect::kMissingPort));
  EXPECT_FALSE(parse_peer_defects({"no-expiry"}).ok());
}

std::string transcript_of(const Answer& answer) {
  std::string text = answer.dropped ? "DROPPED\n" : std::to_string(answer.status) + "\n";
  for (const auto& [name, value] : answer.headers) text += std::string(name) + ": " + std::string(value) + "\n";
  return text + answer.body + "\n";
}

std::unique_ptr<Access> digest(net::Clock& clock) {
  return std::move(*Access::parse(Access::Scheme::kDigest, "user:password\n", clock, std::string(kRealm)));
}

// A situation: what is asked of a tracker with these options, as text of what it answered.
using Probe = std::function<std::string(const TrackerOptions&)>;

Probe on_rig(std::function<void(Rig&, std::function<void(const Answer&)>)> steps) {
  return [steps](const TrackerOptions& options) {
    Rig rig(options);
    std::string text;
    steps(rig, [&](const Answer& answer) { text += transcript_of(answer); });
    return text;
  };
}

net::HttpRequest post(std::string body) {
  net::HttpRequest request;
  request.method = "POST";
  request.headers.add("Content-Type", kMediaType);
  request.body = std::move(body);
  return request;
}

std::string with_override(Request request, std::string path, Override override) {
  Overrides overrides{{std::move(path), std::move(override)}};
  std::string text;
  JsonWriter(text, &overrides).root(kRoot, request);
  return text;
}
Override set(std::string raw) {
  return {.kind = Override::Kind::kSet, .raw = std::move(raw)};
}
Override drop() {
  return {.kind = Override::Kind::kDrop, .raw = {}};
}

std::string run_probes(const TrackerOptions& tracker_options) {
  using Tell = std::function<void(const Answer&)>;
  static const std::vector<Probe> kProbes = {
      on_rig([](Rig& rig, const Tell& tell) {  // a whole life in two swarms
        tell(rig.connect("s", {join("x", kSeeder), join("y", kSeeder)},
                         {address("192.0.2.1", 1, 1), address("2001:db8::1", 2, 2)}, count(3)));
        PeerAddr addr = address("192.0.2.2");
        addr.asn = "64496";
        tell(rig.connect("a", {join("x")}, {addr}, count(5)));
        tell(rig.connect("b", {join("x"), join("y")}, {address("192.0.2.3")}));
        tell(rig.connect("z", {join("z")}, {address("192.0.2.4")}));
        tell(rig.find("b", "x", count(1)));
        tell(rig.find("b", "x"));
        tell(rig.find("z", "z"));
        tell(rig.report("b", {stat("x"), stat("y")}));
        tell(rig.report("a", {stat("x")}));
        tell(rig.keep_alive("a"));
        tell(rig.connect("b", {leave("y", kSeeder)}));
        tell(rig.connect("b", {leave("x"), join("z")}));
        tell(rig.find("a", "x"));
        tell(rig.connect("a", {join("x")}, {addr}));
        tell(rig.find("s", "x"));
        tell(rig.connect("a", {leave("x")}));
        tell(rig.keep_alive("a"));
        tell(rig.find("s", "x"));
        tell(rig.connect("a", {join("x")}));
      }),
      on_rig([](Rig& rig, const Tell& tell) {  // large swarm
        rig.populate("x", 60);
        for (const std::int64_t peers : {0, 1, 29, 30, 1000}) tell(rig.find("p0", "x", count(peers)));
      }),
      on_rig([](Rig& rig, const Tell& tell) {  // what table 6 forbids
        tell(rig.connect("a", {leave("x")}));
        tell(rig.find("a", "x"));
        tell(rig.connect("b", {leave("x"), join("y")}));
        tell(rig.connect("c", {join("x", kSeeder)}));
        tell(rig.connect("c", {join("y", kSeeder)}));
        tell(rig.connect("d", {join("x")}));
        tell(rig.connect("d", {leave("nope"), join("y")}));
        tell(rig.connect("d", {leave("nope")}));
        tell(rig.keep_alive("d"));
      }),
      on_rig([](Rig& rig, const Tell& tell) {  // errors in TRACKING
        rig.connect("a", {join("x")});
        tell(rig.find("a", "nope"));
        tell(rig.find("a", "x"));
        rig.connect("b", {join("x")});
        tell(rig.report("b", {stat("nope")}));
        tell(rig.report("b", {stat("x")}));
        tell(rig.find("stranger", "x"));
        tell(rig.report("stranger", {stat("x")}));
        tell(rig.keep_alive("stranger"));
        Request unknown = rig.request(kRequestStatReport, "b");
        unknown.stat_report = StatReport{.type = "X_TEST", .stat = {stat("x")}};
        tell(rig.post(encode(unknown)));
      }),
      on_rig([](Rig& rig, const Tell& tell) {  // timers
        for (const char* peer : {"find", "stat", "connect", "silent"}) rig.connect(peer, {join("x")});
        for (int i = 0; i < 4; ++i) {
          rig.pass(90);
          rig.find("find", "x");
          rig.keep_alive("stat");
          rig.connect("connect", {join("x")});
        }
        for (const char* peer : {"find", "stat", "connect", "silent"}) tell(rig.keep_alive(peer));
        tell(rig.connect("silent", {join("x")}));
        rig.pass(20);
        tell(rig.keep_alive("silent"));
        rig.pass(400);
        tell(rig.connect("after", {join("x")}));
      }),
      on_rig([](Rig& rig, const Tell& tell) {  // a repeat
        const std::string body = encode(rig.connect_request("a", {join("x", kSeeder)}));
        tell(rig.post(body));
        tell(rig.post(body));
      }),
      on_rig([](Rig& rig, const Tell& tell) {  // malformed requests
        const Request connect = rig.connect_request("a", {join("x")}, {address("192.0.2.1")});
        const Request find = [&] {
          Request r = rig.request(kRequestFind, "a");
          r.find = Find{.swarm_id = "x", .peer_num = {}};
          return r;
        }();
        for (const char* version : {"2", "0", "\"1\"", "256"})
          tell(rig.post(with_override(connect, "version", set(version))));
        tell(rig.post(encode(connect)));
        for (const char* member : {"transaction_id", "peer_id", "request_type", "connect.swarm_action"})
          tell(rig.post(with_override(connect, member, drop())));
        tell(rig.post(with_override(connect, "connect.swarm_action", set("[]"))));
        tell(rig.post(with_override(connect, "request_type", set("\"connect\""))));
        tell(rig.post(with_override(connect, "request_type", set("\"JOIN\""))));
        tell(rig.post(with_override(connect, "request_type", set("\"FIND\""))));
        tell(rig.post(with_override(connect, "connect.swarm_action[0].peer_mode", set("\"SEED\""))));
        tell(rig.post(with_override(connect, "connect.peer_addr[0].port", set("65536"))));
        tell(rig.post(with_override(connect, "connect.peer_addr[0].ip_address.address_type", set("\"ipv6\""))));
        tell(rig.post(with_override(find, "find", set("{}"))));
        tell(rig.post("{\"PPSPTracker"));
        tell(rig.post(with_override(connect, "", {.kind = Override::Kind::kAdd, .raw = "\"x_test\":1"})));
        tell(rig.post(with_override(connect, "connect.swarm_action",
                                    set(R"({"swarm_id":"x","action":"JOIN","peer_mode":"LEECH"})"))));
        tell(rig.post(
            R"({"PPSPTrackerProtocol":{"request_type":"STAT_REPORT","version":1,"transaction_id":"o","peer_id":"a"}})"));
      }),
      on_rig([](Rig& rig, const Tell& tell) {  // addresses
        PeerNum stun = count(3);
        stun.ability_nat = "STUN";
        tell(rig.connect("a", {join("s\u00e9rie")}, {address("192.0.2.1"), address("2001:db8::a")}, stun));
        tell(rig.connect("b", {join("y")}, {address("2001:db8::b")}));
        tell(rig.connect("c", {join("y")}));
        tell(rig.connect("d", {join("y")}));
      }),
      on_rig([](Rig& rig, const Tell& tell) {  // HTTP
        net::HttpRequest request = post(encode(rig.connect_request("a", {join("x")})));
        request.method = "GET";
        request.body.clear();
        tell(rig.send(request));
        request = post(encode(rig.connect_request("b", {join("x")})));
        request.headers.set("Content-Type", "text/plain");
        tell(rig.send(request));
        request = post(encode(rig.connect_request("c", {join("x")})));
        request.headers.add("Transfer-Encoding", "chunked");
        tell(rig.send(request));
        request = post(encode(rig.connect_request("d", {join("x")})));
        request.target = "http://tracker.example/video_1";
        tell(rig.send(request));
        tell(rig.keep_alive("d"));
      }),
      [](const TrackerOptions& options) {  // authentication
        net::ManualClock clock;
        Rig rig(options, digest(clock));
        Answer answer = rig.post(
            with_override(rig.connect_request("a", {join("x")}), "connect.swarm_action[0].action", set("\"QUIT\"")));
        // The nonce is another in every run.
        const std::string scheme(answer.headers.get("WWW-Authenticate").substr(0, 6));
        answer.headers.remove("WWW-Authenticate");
        return scheme + transcript_of(answer);
      },
      [](const TrackerOptions& options) {  // overload
        TrackerOptions limited = options;
        limited.max_rate = 1;
        Rig rig(limited);
        rig.connect("a", {join("x")});
        return transcript_of(rig.keep_alive("a"));
      },
  };
  std::string all;
  for (const Probe& probe : kProbes) all += probe(tracker_options) + "--\n";
  return all;
}

class EachTrackerDefect : public ::testing::TestWithParam<std::size_t> {};
TEST_P(EachTrackerDefect, ChangesBehaviour) {
  static const std::string kRight = run_probes({});
  EXPECT_EQ(run_probes({}), kRight) << "the probes repeat exactly";
  EXPECT_NE(run_probes(Rig::with(static_cast<TrackerDefect>(GetParam()))), kRight)
      << tracker_defects()[GetParam()].name;
}
INSTANTIATE_TEST_SUITE_P(All, EachTrackerDefect,
                         ::testing::Range<std::size_t>(0, static_cast<std::size_t>(TrackerDefect::kCount)),
                         [](const auto& row) {
                           std::string name = tracker_defects()[row.param].name;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// One of each group, looked at closely.
TEST(TrackerDefect, Encoding) {
  Rig rig(TrackerDefect::kErrorCodeAsString);
  EXPECT_NE(rig.find("a", "x").body.find(R"("error_code":"03")"), std::string::npos);
  Rig object(TrackerDefect::kSwarmResultAsObject);
  EXPECT_NE(object.connect("a", {join("x")}).body.find(R"("swarm_result":{"swarm_id":"x","result":0})"),
            std::string::npos);
}
TEST(TrackerDefect, Http) {
  EXPECT_EQ(Rig(TrackerDefect::kWrongContentType).connect("a", {join("x")}).headers.get("Content-Type"),
            "application/json");
  const Answer html = Rig(TrackerDefect::kHtmlErrors).find("a", "x");
  EXPECT_EQ(html.status, 200);
  EXPECT_FALSE(html.is_response);
}
TEST(TrackerDefect, Lists) {
  Rig rig(TrackerDefect::kStaleListAfterLeave);
  rig.connect("a", {join("x")});
  rig.connect("b", {join("x")});
  rig.connect("a", {leave("x")});
  EXPECT_EQ(rig.find("b", "x").peers().count("a"), 1U);
  Rig others(TrackerDefect::kListsOtherSwarms);
  others.connect("a", {join("x")});
  EXPECT_EQ(others.connect("b", {join("y")}).peers().count("a"), 1U);
  Rig twice(TrackerDefect::kDoubleRegistration);
  twice.connect("a", {join("x")});
  twice.connect("a", {join("x")});
  EXPECT_EQ(twice.connect("b", {join("x")}).peers().count("a"), 2U);
}
TEST(TrackerDefect, Machine) {
  Rig rig(TrackerDefect::kNoExpiry);
  rig.connect("a", {join("x")});
  rig.pass(100000);
  EXPECT_TRUE(rig.keep_alive("a").ok());
  Rig first(TrackerDefect::kLeaveInFirstConnect);
  EXPECT_TRUE(first.connect("a", {leave("x")}).ok());
}
TEST(TrackerDefect, AllAtOnceDoNotCrash) {
  TrackerOptions options;
  for (std::size_t i = 0; i < static_cast<std::size_t>(TrackerDefect::kCount); ++i) {
    // The three that stop every request at the door would hide the others.
    const auto defect = static_cast<TrackerDefect>(i);
    if (defect != TrackerDefect::kAnswersOnce && defect != TrackerDefect::kFixedMemberOrder &&
        defect != TrackerDefect::kRepeatAsNew)
      options.defects.add(defect);
  }
  EXPECT_FALSE(run_probes(options).empty());
}

}  // namespace
}  // namespace peerscope::ppstp::testing
