// SPDX-License-Identifier: GPL-2.0-or-later
// HTTP mapping, validation, error codes, authentication, repeats and overload of the tracker.
#include <gtest/gtest.h>

#include "tests/ppstp/tracker_fixture.h"

namespace peerscope::ppstp::testing {
namespace {

// Vector 1 of the sheet's E4.
const std::string kVector1 =
    R"({"PPSPTrackerProtocol":{"version":1,"request_type":"CONNECT","transaction_id":"t-001","peer_id":"peer-0001","connect":{"peer_num":{"peer_count":8,"ability_nat":"STUN","concurrent_links":3,"online_time":420,"upload_bandwidth":2500},"peer_addr":[{"ip_address":{"address_type":"ipv4","address":"192.0.2.2"},"port":6778,"priority":1,"type":"HOST","connection":"wired","asn":"64496","peer_protocol":"PPSP-PP"},{"ip_address":{"address_type":"ipv6","address":"2001:db8::2"},"port":6778,"priority":2,"type":"HOST","connection":"wired","asn":"64496","peer_protocol":"PPSP-PP"}],"swarm_action":[{"swarm_id":"sw-a","action":"JOIN","peer_mode":"LEECH"}]}}})";
const std::string kVector3 =
    R"({"PPSPTrackerProtocol":{"version":1,"request_type":"FIND","transaction_id":"t-002","peer_id":"peer-0001","find":{"swarm_id":"sw-a","peer_num":{"peer_count":8}}}})";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void expect_bare(const Answer& answer, std::int64_t code, const std::string& transaction_id) {
  ASSERT_TRUE(answer.is_response) << answer.body;
  EXPECT_EQ(answer.response.version, kVersion1);
  EXPECT_EQ(answer.response.response_type, kFailed);
  EXPECT_EQ(answer.code(), code);
  EXPECT_EQ(answer.response.transaction_id, transaction_id);
  EXPECT_FALSE(answer.response.peer_addr.has_value());
  EXPECT_TRUE(answer.response.swarm_result.empty());
  EXPECT_EQ(answer.headers.get("Content-Type"), kMediaType);
}

TEST(TrackerVectors, PositiveOnesSucceedAndAnswersAreStrict) {
  Rig rig;
  const Answer connected = rig.post(kVector1);
  EXPECT_TRUE(connected.ok());
  EXPECT_EQ(connected.status, 200);
  EXPECT_FALSE(connected.response.peer_addr.has_value()) << "who uses STUN is not told its address";
  rig.connect("peer-0007", {join("sw-a")}, {address("198.51.100.22", 6778, 2, "REFLEXIVE")});
  const Answer found = rig.post(kVector3);
  EXPECT_EQ(found.peers(), (std::multiset<std::string>{"peer-0007"}));
  for (const Answer& answer : {connected, found}) {
    EXPECT_EQ(encode(answer.response), answer.body) << "assembled answers are what the writer makes";
    Message message;
    decode(answer.body, message);
    EXPECT_TRUE(message.issues.empty());
  }
}

struct Negative {
  const char* name;
  std::string body;
  std::int64_t code;
  std::string transaction_id;
};
void PrintTo(const Negative& negative, std::ostream* out) {
  *out << negative.name;
}

class TrackerNegative : public ::testing::TestWithParam<Negative> {};
TEST_P(TrackerNegative, IsRefused) {
  Rig rig;
  const Negative& n = GetParam();
  expect_bare(rig.post(n.body), n.code, n.transaction_id);
  EXPECT_EQ(rig.tracker.registry().peers(), 0U);
  TrackerOptions mapped;
  mapped.http_status_mapping = true;
  EXPECT_EQ(Rig(mapped).post(n.body).status, n.code == kForbiddenAction ? 403 : 400);
  EXPECT_EQ(rig.post(n.body).status, 200);
}
const std::string kReport =
    R"({"PPSPTrackerProtocol":{"version":1,"request_type":"STAT_REPORT","transaction_id":"t","peer_id":"p","stat_report":{"type":"STREAM_STATS","stat":[{"swarm_id":"x","uploaded_bytes":1,"downloaded_bytes":1,"available_bandwidth":1,"concurrent_links":1}]}}})";
INSTANTIATE_TEST_SUITE_P(
    Vectors, TrackerNegative,
    ::testing::Values(
        Negative{"version2", replaced(kVector1, R"("version":1)", R"("version":2)"), kUnsupportedVersion, "t-001"},
        Negative{"version0", replaced(kVector1, R"("version":1)", R"("version":0)"), kUnsupportedVersion, "t-001"},
        Negative{"version255", replaced(kVector1, R"("version":1)", R"("version":255)"), kUnsupportedVersion, "t-001"},
        Negative{"version256", replaced(kVector1, R"("version":1)", R"("version":256)"), kBadRequest, "t-001"},
        Negative{"versionText", replaced(kVector1, R"("version":1)", R"("version":"1")"), kBadRequest, "t-001"},
        Negative{"versionFraction", replaced(kVector1, R"("version":1)", R"("version":1.5)"), kBadRequest, "t-001"},
        Negative{"noVersion", replaced(kVector1, R"("version":1,)", ""), kBadRequest, "t-001"},
        Negative{"version2OfAnotherShape", R"({"PPSPTrackerProtocol":{"version":2,"transaction_id":"z","who":1}})",
                 kUnsupportedVersion, "z"},
        Negative{"findWithConnect", replaced(kVector1, R"("CONNECT")", R"("FIND")"), kBadRequest, "t-001"},
        Negative{"connectWithFind", replaced(kVector3, R"("FIND")", R"("CONNECT")"), kBadRequest, "t-002"},
        Negative{"findWithoutSwarm", replaced(kVector3, R"("swarm_id":"sw-a",)", ""), kBadRequest, "t-002"},
        Negative{"cutAfterHalf", kVector1.substr(0, kVector1.size() / 2), kBadRequest, "t-001"},
        Negative{"unknownMode", replaced(kVector1, R"("LEECH")", R"("SEED")"), kBadRequest, "t-001"},
        Negative{"unknownAction", replaced(kVector1, R"("JOIN")", R"("QUIT")"), kBadRequest, "t-001"},
        Negative{"port65536", replaced(kVector1, "6778", "65536"), kBadRequest, "t-001"},
        Negative{"portNegative", replaced(kVector1, "6778", "-1"), kBadRequest, "t-001"},
        Negative{"portText", replaced(kVector1, "6778", "\"80\""), kBadRequest, "t-001"},
        Negative{"ipv4WithIpv6Text", replaced(kVector1, "192.0.2.2", "2001:db8::9"), kBadRequest, "t-001"},
        Negative{"ipv6WithIpv4Text", replaced(kVector1, "2001:db8::2", "192.0.2.7"), kBadRequest, "t-001"},
        Negative{"leadingZeros", replaced(kVector1, "192.0.2.2", "192.0.02.2"), kBadRequest, "t-001"},
        Negative{"candidateType", replaced(kVector1, R"("HOST")", R"("SRFLX")"), kBadRequest, "t-001"},
        Negative{"noPeerId", replaced(kVector1, R"("peer_id":"peer-0001",)", ""), kBadRequest, "t-001"},
        Negative{"emptyPeerId", replaced(kVector1, "peer-0001", ""), kBadRequest, "t-001"},
        Negative{"numericPeerId", replaced(kVector1, R"("peer-0001")", "17"), kBadRequest, "t-001"},
        Negative{"noTransactionId", replaced(kVector1, R"("transaction_id":"t-001",)", ""), kBadRequest, ""},
        Negative{"numericTransactionId", replaced(kVector1, R"("t-001")", "17"), kBadRequest, ""},
        Negative{"noRequestType", replaced(kVector1, R"("request_type":"CONNECT",)", ""), kBadRequest, "t-001"},
        Negative{"lowerCaseType", replaced(kVector1, "CONNECT", "connect"), kBadRequest, "t-001"},
        Negative{"unknownType", replaced(kVector1, "CONNECT", "JOIN"), kBadRequest, "t-001"},
        Negative{"emptyActions",
                 replaced(kVector1, R"([{"swarm_id":"sw-a","action":"JOIN","peer_mode":"LEECH"}])", "[]"), kBadRequest,
                 "t-001"},
        Negative{"noActions",
                 replaced(kVector1, R"(,"swarm_action":[{"swarm_id":"sw-a","action":"JOIN","peer_mode":"LEECH"}])", ""),
                 kBadRequest, "t-001"},
        Negative{"noPeerCount", replaced(kVector3, R"({"peer_count":8})", R"({"ability_nat":"STUN"})"), kBadRequest,
                 "t-002"},
        Negative{"negativePeerCount", replaced(kVector3, ":8", ":-8"), kBadRequest, "t-002"},
        Negative{"unknownNat", replaced(kVector1, R"("STUN")", R"("CONE")"), kBadRequest, "t-001"},
        Negative{"statWithoutSwarm", replaced(kReport, R"("swarm_id":"x",)", ""), kBadRequest, "t"},
        Negative{"statWithText", replaced(kReport, R"("uploaded_bytes":1)", R"("uploaded_bytes":"one")"), kBadRequest,
                 "t"},
        Negative{
            "emptyStat",
            R"({"PPSPTrackerProtocol":{"version":1,"request_type":"STAT_REPORT","transaction_id":"t","peer_id":"p","stat_report":{"type":"STREAM_STATS","stat":[]}}})",
            kBadRequest, "t"},
        Negative{"aResponse",
                 R"({"PPSPTrackerProtocol":{"version":1,"response_type":0,"error_code":0,"transaction_id":"r"}})",
                 kBadRequest, "r"},
        Negative{"arrayRoot", "[1,2]", kBadRequest, ""}, Negative{"otherRoot", R"({"x":1})", kBadRequest, ""},
        Negative{"emptyBody", "", kBadRequest, ""}, Negative{"noJson", "hello", kBadRequest, ""},
        Negative{"trailing", kVector3 + "x", kBadRequest, "t-002"},
        Negative{"notUtf8", replaced(kVector1, "peer-0001", "peer-\xff"), kBadRequest, "t-001"},
        Negative{"deep", std::string(200, '[') + std::string(200, ']'), kBadRequest, ""}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(TrackerLenient, FormsOfTheRfcExamplesAreAccepted) {
  Rig rig;
  // L1, L2: section 4.1.1.1.
  EXPECT_TRUE(
      rig.post(R"({"PPSPTrackerProtocol":{"version":1,"request_type":"CONNECT","transaction_id":"12345","peer_id":"a",
    "connect":{"peer_num":{"peer_count":5,"ability_nat":"STUN","concurrent_links":"5","online_time":"200","upload_bandwidth":"600"},
    "peer_addr":{"ip_address":{"address_type":"ipv4","address":"192.0.2.2"},"port":80,"priority":1,"type":"HOST"},
    "swarm_action":{"swarm_id":"1111","action":"JOIN","peer_mode":"LEECH"}}}})")
          .ok());
  // L3: section 4.1.2.1.
  EXPECT_TRUE(
      rig.post(
             R"({"PPSPTrackerProtocol":{"version":1,"request_type":"FIND","transaction_id":"2","peer_id":"a","swarm_id":"1111",
    "peer_num":{"peer_count":5,"ability_nat":"STUN","concurrent_links":"5","online_time":"200","upload_bandwidth":"600"}}})")
          .ok());
  // L4: section 4.1.3.1.
  EXPECT_TRUE(
      rig.post(
             R"({"PPSPTrackerProtocol":{"version":1,"request_type":"STAT_REPORT","transaction_id":"3","peer_id":"a","stat_report":{"type":"STREAM_STATS",
    "Stat":{"swarm_id":"1111","uploaded_bytes":512,"downloaded_bytes":768,"available_bandwidth":1024000,"concurrent_links":5}}}})")
          .ok());
}

TEST(TrackerLenient, UnknownMembersAtEveryLevelChangeNothing) {
  std::string body = kVector1;
  for (std::size_t at = 0; (at = body.find('{', at)) != std::string::npos;) {
    const std::string extra = R"("x_test":[1,2],)";
    body.insert(at + 1, extra);
    at += extra.size() + 1;
  }
  Rig rig;
  EXPECT_TRUE(rig.post(body).ok());
}

TEST(TrackerLenient, UnknownStatTypeIsIgnoredWhateverItHolds) {
  Rig rig;
  rig.connect("p", {join("x")});
  const Answer answer = rig.post(
      R"({"PPSPTrackerProtocol":{"version":1,"request_type":"STAT_REPORT","transaction_id":"t","peer_id":"p","stat_report":{"type":"X_TEST","stat":[{"mood":"good"}]}}})");
  EXPECT_TRUE(answer.ok()) << answer.body;
  EXPECT_EQ(answer.response.swarm_result.size(), 1U);
}

TEST(TrackerLenient, OtherTextThanAsciiComesBackUnchanged) {
  Rig rig;
  const std::string swarm = "s\u00e9rie-\u4e2d\"\\\n";
  const Answer answer = rig.connect("pe\u00e9r", {join(swarm)});
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer.response.swarm_result[0].swarm_id, swarm);
}

TEST(TrackerHttp, OtherMethodsAre405WithAllow) {
  for (const char* method : {"GET", "PUT", "post", "DELETE"}) {
    Rig rig;
    net::HttpRequest request;
    request.method = method;
    request.headers.add("Content-Type", kMediaType);
    const Answer answer = rig.send(request);
    EXPECT_EQ(answer.status, 405) << method;
    EXPECT_EQ(answer.headers.get("Allow"), "POST");
    expect_bare(answer, kBadRequest, "");
  }
}

TEST(TrackerHttp, OtherMediaTypesAre415) {
  for (const char* type : {"text/plain", "application/json", ""}) {
    Rig rig;
    net::HttpRequest request;
    request.method = "POST";
    if (*type != '\0') request.headers.add("Content-Type", type);
    request.body = kVector1;
    const Answer answer = rig.send(request);
    EXPECT_EQ(answer.status, 415) << type;
    expect_bare(answer, kBadRequest, "t-001");
    EXPECT_EQ(rig.tracker.registry().peers(), 0U);
  }
}

TEST(TrackerHttp, MediaTypeParametersAndCaseAreIgnored) {
  Rig rig;
  net::HttpRequest request;
  request.method = "POST";
  request.target = "http://tracker.example/video_1";
  request.headers.add("Content-Type", "Application/PPSP-tracker+JSON; charset=utf-8");
  request.body = kVector1;
  EXPECT_TRUE(rig.send(request).ok());
}

TEST(TrackerHttp, StatusMappingIsASwitch) {
  TrackerOptions options;
  options.http_status_mapping = true;
  options.registry.max_peers = 1;
  Rig rig(options);
  EXPECT_EQ(rig.find("a", "x").status, 403);
  rig.connect("a", {join("x")});
  const Answer full = rig.connect("b", {join("x")});
  EXPECT_EQ(full.status, 503);
  EXPECT_EQ(full.code(), kServiceUnavailable);
  EXPECT_EQ(full.headers.get("Retry-After"), "5");
}

TEST(TrackerHttp, OverloadIsAnswered05AndPasses) {
  TrackerOptions options;
  options.max_rate = 1;
  Rig rig(options);
  EXPECT_TRUE(rig.connect("a", {join("x")}).ok());
  const Answer answer = rig.keep_alive("a");
  expect_bare(answer, kServiceUnavailable, "t-2");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.headers.contains("Retry-After"));
  rig.pass(1);
  EXPECT_TRUE(rig.keep_alive("a").ok());
}

TEST(TrackerHttp, InternalErrorIsAnswered04) {
  TrackerOptions options;
  options.fail_every = 2;
  Rig rig(options);
  EXPECT_TRUE(rig.connect("a", {join("x")}).ok());
  expect_bare(rig.keep_alive("a"), kInternalServerError, "t-2");
  EXPECT_TRUE(rig.keep_alive("a").ok());
}

TEST(TrackerAnswers, RequesterLearnsItsAddressUnlessItUsesStun) {
  Rig rig;
  const Answer answer = rig.connect("a", {join("x")}, {address("10.0.0.1")});
  ASSERT_TRUE(answer.response.peer_addr.has_value());
  EXPECT_EQ(answer.response.peer_addr->ip_address->address, "198.51.100.7");
  EXPECT_EQ(answer.response.peer_addr->type, "REFLEXIVE");
  EXPECT_EQ(encode(answer.response), answer.body);
  PeerNum stun = count(3);
  stun.ability_nat = "TURN";
  EXPECT_FALSE(rig.connect("b", {join("x")}, {address("10.0.0.2")}, stun).response.peer_addr.has_value());
  EXPECT_FALSE(rig.connect("c", {join("x")}, {address("192.0.2.3", 1, 1, "REFLEXIVE")}).response.peer_addr.has_value());
  EXPECT_FALSE(rig.connect("d", {join("x")}, {address("192.0.2.3", 1, 1, "PROXY")}).response.peer_addr.has_value());
}

TEST(TrackerAnswers, JoinWithoutAddressIsListedWithItsSource) {
  Rig rig;
  rig.connection.remote = {"2001:db8:0:0:0:0:0:7", 5000};
  rig.connect("a", {join("x")});
  rig.connection.remote = {"::ffff:192.0.2.44", 5001};
  rig.connect("m", {join("x")});
  const Answer found = rig.connect("b", {join("x")});
  ASSERT_EQ(found.response.swarm_result[0].peer_group->peer_info.size(), 2U);
  for (const PeerInfo& info : found.response.swarm_result[0].peer_group->peer_info) {
    EXPECT_EQ(info.peer_addr->type, "REFLEXIVE");
    EXPECT_EQ(info.peer_addr->ip_address->address, info.peer_id == "a" ? "2001:db8::7" : "192.0.2.44");
    EXPECT_EQ(info.peer_addr->ip_address->address_type, info.peer_id == "a" ? "ipv6" : "ipv4");
  }
}

TEST(TrackerAnswers, ListedAddressIsThePreferredOneInCanonicalForm) {
  Rig rig;
  PeerAddr v6 = address("2001:DB8:0::1", 7000, 9);
  v6.asn = "64496";
  v6.connection = "wireless";
  v6.peer_protocol = "PPSP-PP";
  rig.connect("a", {join("x")}, {address("192.0.2.1", 6000, 3), v6, address("192.0.2.2", 6001, 4)});
  const Answer answer = rig.connect("b", {join("x")});
  const PeerAddr& listed = *answer.response.swarm_result[0].peer_group->peer_info[0].peer_addr;
  EXPECT_EQ(listed.ip_address->address, "2001:db8::1");
  EXPECT_EQ(listed.port, 7000);
  EXPECT_EQ(listed.asn, "64496");
  EXPECT_EQ(listed.connection, "wireless");
  EXPECT_EQ(listed.peer_protocol, "PPSP-PP");
}

TEST(TrackerAnswers, KeepAliveNamesAllSwarmsAndBatchEveryOneReported) {
  Rig rig;
  std::vector<SwarmAction> joins;
  std::vector<Stat> stats;
  for (int i = 0; i < 100; ++i)
    joins.push_back(join("s" + std::to_string(i))), stats.push_back(stat("s" + std::to_string(i)));
  rig.connect("a", joins);
  EXPECT_EQ(rig.keep_alive("a").response.swarm_result.size(), 100U);
  const Answer answer = rig.report("a", stats);
  ASSERT_EQ(answer.response.swarm_result.size(), 100U);
  for (const SwarmResult& result : answer.response.swarm_result) {
    EXPECT_EQ(result.result, kSuccessful);
    EXPECT_FALSE(result.peer_group.has_value());
  }
  const Answer mixed = rig.report("a", {stat("s1"), stat("nope")});
  EXPECT_TRUE(mixed.ok());
  EXPECT_EQ(mixed.result(1), kFailed);
}

TEST(TrackerAnswers, ReportIntervalIsAnExtensionMemberOfConnect) {
  TrackerOptions options;
  options.report_interval = 20;
  Rig rig(options);
  EXPECT_NE(rig.connect("a", {join("x")}).body.find(R"("report_interval":20)"), std::string::npos);
  EXPECT_EQ(rig.keep_alive("a").body.find("report_interval"), std::string::npos);
}

TEST(TrackerLimits, AddressesAndSwarmsPerPeer) {
  TrackerOptions options;
  options.max_addresses_per_peer = 2;
  options.registry.max_swarms_per_peer = 2;
  Rig rig(options);
  const Answer answer =
      rig.connect("a", {join("x"), join("y"), join("z")},
                  {address("192.0.2.1", 1, 1), address("192.0.2.2", 1, 2), address("192.0.2.3", 1, 3)});
  EXPECT_TRUE(answer.ok());
  EXPECT_EQ(answer.result(2), kFailed);
  EXPECT_EQ(
      rig.connect("b", {join("x")}).response.swarm_result[0].peer_group->peer_info[0].peer_addr->ip_address->address,
      "192.0.2.3");
}

TEST(TrackerRepeats, IdenticalRequestGetsTheIdenticalAnswer) {
  Rig rig;
  rig.populate("x", 40);
  const std::string body = encode(rig.connect_request("s", {join("x", kSeeder)}, {}, count(5)));
  const Answer first = rig.post(body);
  ASSERT_TRUE(first.ok());
  const Answer second = rig.post(body);
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(rig.tracker.stats().repeats, 1U);
  rig.pass(1);
  const std::string gone = encode(rig.connect_request("s", {leave("x", kSeeder)}));
  EXPECT_TRUE(rig.post(gone).ok());
  EXPECT_TRUE(rig.post(gone).ok()) << "a repeated LEAVE is answered as before";
  EXPECT_TRUE(rig.post(body).ok()) << "but the old CONNECT now registers anew";
  EXPECT_TRUE(rig.keep_alive("s").ok());
  EXPECT_EQ(rig.post(gone).code(), kNoError) << "and a later LEAVE leaves";
  EXPECT_FALSE(rig.keep_alive("s").ok());
}

TEST(TrackerRepeats, SurviveTheLossOfTheStoredAnswer) {
  TrackerOptions options;
  options.answers.answers = 1;
  Rig rig(options);
  const std::string body = encode(rig.connect_request("s", {join("x", kSeeder)}));
  EXPECT_TRUE(rig.post(body).ok());
  rig.connect("other", {join("x")});
  EXPECT_TRUE(rig.post(body).ok());
  EXPECT_EQ(rig.tracker.stats().repeats, 0U);
  EXPECT_EQ(rig.connect("s", {join("x", kSeeder)}).code(), kForbiddenAction) << "with a new transaction it is V7";
}

TEST(TrackerRepeats, SixteenAnswersAPeerCount) {
  Rig rig;
  rig.connect("a", {join("x")});
  Request keep = rig.request(kRequestStatReport, "a");
  const std::string body = encode(keep);
  rig.post(body);
  for (int i = 0; i < 15; ++i) rig.keep_alive("a");
  rig.post(body);
  EXPECT_EQ(rig.tracker.stats().repeats, 1U);
  rig.keep_alive("a");
  rig.post(body);
  EXPECT_EQ(rig.tracker.stats().repeats, 1U) << "the seventeenth is processed again";
}

TEST(TrackerRepeats, AnswersDieWithTheRegistration) {
  Rig rig;
  rig.connect("a", {join("x")});
  const std::string body = encode(rig.request(kRequestStatReport, "a"));
  EXPECT_TRUE(rig.post(body).ok());
  rig.pass(181);
  EXPECT_EQ(rig.post(body).code(), kForbiddenAction);
}

TEST(TrackerRepeats, ARepeatRestartsTheTrackTimer) {
  Rig rig;
  rig.connect("a", {join("x")});
  const std::string body = encode(rig.request(kRequestStatReport, "a"));
  rig.post(body);
  for (int i = 0; i < 10; ++i) {
    rig.pass(50);
    EXPECT_TRUE(rig.post(body).ok()) << i;
  }
}

class TrackerAuth : public ::testing::Test {
 protected:
  net::HttpRequest request(std::string body, const std::string& token) {
    net::HttpRequest r;
    r.method = "POST";
    r.headers.add("Content-Type", kMediaType);
    if (!token.empty()) r.headers.add("Authorization", "Bearer " + token);
    r.body = std::move(body);
    return r;
  }
  static std::unique_ptr<Access> access(net::Clock& clock) {
    auto parsed = Access::parse(Access::Scheme::kBearer, "# users\nalpha\nbeta\ngamma peer-g,peer-h\n", clock,
                                std::string(kRealm));
    EXPECT_TRUE(parsed.ok());
    return std::move(*parsed);
  }
  net::ManualClock auth_clock;
  Rig rig{TrackerOptions{}, access(auth_clock)};
};

TEST_F(TrackerAuth, MissingOrWrongCredentialsAre401With06BeforeAnythingElse) {
  const std::string bad_action = replaced(kVector1, "JOIN", "QUIT");
  for (const char* token : {"", "nobody"}) {
    for (const std::string& body : {kVector1, bad_action, replaced(kVector1, R"("version":1)", R"("version":7)")}) {
      const Answer answer = rig.send(request(body, token));
      EXPECT_EQ(answer.status, 401);
      EXPECT_TRUE(answer.headers.contains("WWW-Authenticate"));
      expect_bare(answer, kAuthenticationRequired, "t-001");
    }
  }
  EXPECT_EQ(rig.tracker.registry().peers(), 0U);
}

TEST_F(TrackerAuth, RightCredentialsAreAccepted) {
  EXPECT_TRUE(rig.send(request(kVector1, "alpha")).ok());
  EXPECT_TRUE(rig.send(request(kVector3, "alpha")).ok());
}

TEST_F(TrackerAuth, SomebodyElsesPeerIdIs06) {
  rig.send(request(kVector1, "alpha"));
  EXPECT_EQ(rig.send(request(kVector3, "beta")).code(), kAuthenticationRequired);
  EXPECT_EQ(rig.send(request(kVector1, "beta")).code(), kAuthenticationRequired)
      << "a stored answer is for its own user";
  EXPECT_EQ(rig.send(request(kVector1, "gamma")).code(), kAuthenticationRequired) << "peer ID not in gamma's list";
  EXPECT_TRUE(rig.send(request(replaced(kVector1, "peer-0001", "peer-g"), "gamma")).ok());
}

TEST_F(TrackerAuth, UnregisteredPeerIs06) {
  EXPECT_EQ(rig.send(request(kVector3, "alpha")).code(), kAuthenticationRequired);
}

TEST(TrackerAccess, FilesThatMakeNoSenseAreRefused) {
  net::ManualClock clock;
  EXPECT_FALSE(Access::open("digest", clock, std::string(kRealm)).ok());
  EXPECT_FALSE(Access::open("basic:/etc/passwd", clock, std::string(kRealm)).ok());
  EXPECT_FALSE(Access::open("digest:/nonexistent", clock, std::string(kRealm)).ok());
  EXPECT_FALSE(Access::parse(Access::Scheme::kDigest, "user\n", clock, std::string(kRealm)).ok());
  EXPECT_FALSE(Access::parse(Access::Scheme::kBearer, "\n# nothing\n", clock, std::string(kRealm)).ok());
}

TEST(TrackerAuthDigest, ChallengeThenAnswer) {
  net::ManualClock clock;
  auto parsed = Access::parse(Access::Scheme::kDigest, "mufasa:secret:peer-0001\n", clock, std::string(kRealm));
  ASSERT_TRUE(parsed.ok());
  Rig rig(TrackerOptions{}, std::move(*parsed));
  const Answer refused = rig.post(kVector1);
  EXPECT_EQ(refused.status, 401);
  net::HttpResponse response;
  response.status = 401;
  response.headers = refused.headers;
  const auto challenge = net::choose_challenge(response);
  ASSERT_TRUE(challenge.ok());
  net::HttpRequest request;
  request.method = "POST";
  request.headers.add("Content-Type", kMediaType);
  request.headers.add("Authorization", net::make_authorization(*challenge, "POST", "/", {"mufasa", "secret"}, "0a0b"));
  request.body = kVector1;
  EXPECT_TRUE(rig.send(request).ok());
}

}  // namespace
}  // namespace peerscope::ppstp::testing
