// SPDX-License-Identifier: GPL-2.0-or-later
// The requirement table: every row that has a check has an example that breaks it, made from a clean one by one change.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "protocols/ppstp/protocol.h"
#include "tests/support/requirement_table.h"
#include "tests/support/sample.h"

namespace peerscope::test {
namespace {

constexpr std::size_t kRowsInTheSheet = 163;

using Text = std::string;
// Replaces every `first` in a body by `second`.
using Changes = std::vector<std::pair<Text, Text>>;

// A message that came before, by the sample's name.
struct Earlier {
  const char* sample;
  Text source = "192.0.2.1:40000";
};

struct Example {
  const char* id;
  const char* base;  // a sample that does not break the rule
  Changes changes;   // of its body, after which it does
  const char* request = nullptr;
  Changes request_changes{};
  std::vector<Earlier> before{};  // a response answers the request before it
  void (*transport)(Transport&) = nullptr;
  Text source = "192.0.2.1:40000";
};

constexpr const char* kOwnAddress =
    R"("peer_addr":{"ip_address":{"address_type":"ipv4","address":"192.0.2.2"},"port":1,"priority":1,"type":"REFLEXIVE"})";
const Text kWithAddress = Text(R"(,)") + kOwnAddress + "}}";
const Text kWithResult = R"(,"swarm_result":[{"swarm_id":"sw-a","result":1}]}})";
const Text kList = R"("peer_group":{"peer_info":[{"peer_id":"peer-0007",)" + Text(kOwnAddress) + "}]}";

const std::vector<Example>& examples() {
  static const std::vector<Example> kExamples = {
      // HTTP and encoding
      {"P-HTTP-01", "find", {}, nullptr, {}, {}, [](Transport& t) { t.method = "GET"; }},
      {"P-HTTP-02", "find", {}, nullptr, {}, {}, [](Transport& t) { t.content_type = "application/json"; }},
      {"P-HTTP-02", "find", {}, nullptr, {}, {}, [](Transport& t) { t.content_type.clear(); }},
      {"P-HTTP-03", "response_find", {}, nullptr, {}, {}, [](Transport& t) { t.content_type = "text/html"; }},
      {"P-HTTP-04", "find", {{"}}}}", "}}}}}"}}},
      {"P-HTTP-04", "find", {{"}}}}", ""}}},
      {"P-HTTP-04", "find", {{":8", "8"}}},
      {"P-HTTP-05", "find", {{"sw-a", "sw-\xff"}}},
      {"P-HTTP-08", "find", {}, nullptr, {}, {}, [](Transport& t) { t.security = Transport::Security::kClear; }},
      {"P-HTTP-12", "response_find", {}, nullptr, {}, {}, [](Transport& t) { t.status = 204; }},
      {"P-HTTP-15", "find", {}, nullptr, {}, {}, [](Transport& t) { t.target = "http://tracker.example/"; }},
      {"P-JSON-01", "find", {{"PPSPTrackerProtocol", "PPSP"}}},
      {"P-JSON-01", "find", {{"{\"PPSPTrackerProtocol\":", "["}, {"}}}}", "}}}]"}}},
      {"P-JSON-02", "find", {{"\"find\":{", "\"find\":{\"x_test\":{},"}}},
      {"P-JSON-03", "connect", {{"\"swarm_action\":[{", "\"swarm_action\":{"}, {"\"}]}}}", "\"}}}}"}}},
      {"P-JSON-03", "response_find", {{"\"swarm_result\":[", "\"swarm_result\":[],\"x\":["}}},
      {"P-JSON-04", "find", {{":8", ":8.5"}}},
      {"P-JSON-04", "find", {{":8", ":\"8\""}}},
      {"P-JSON-05", "find", {{"\"t-002\"", "2"}}},
      {"P-JSON-07", "find", {{"\"version\":1", "\"version\":1,\"version\":1"}}},

      // Version and request object
      {"P-VER-01", "find", {{"\"version\":1,", ""}}},
      {"P-VER-02", "response_find", {{"\"version\":1,", ""}}},
      {"P-VER-03", "find", {{"\"version\":1", "\"version\":2"}}},
      {"P-VER-05", "response_version", {{"}}", kWithAddress}}},
      {"P-REQ-01", "find", {{"\"version\":1,", "\"response_type\":0,"}}},
      {"P-REQ-01", "find", {{"\"request_type\"", "\"r\""}, {"\"transaction_id\"", "\"t\""}, {"\"peer_id\"", "\"p\""}}},
      {"P-REQ-02", "find", {{"\"request_type\":\"FIND\",", ""}}},
      {"P-REQ-03", "find", {{"FIND", "LOOK"}}},
      {"P-REQ-04", "find", {{"FIND", "Find"}}},
      {"P-REQ-05", "find", {{"\"transaction_id\":\"t-002\",", ""}}},
      {"P-REQ-06", "find", {{"\"peer_id\":\"peer-0001\",", ""}}},
      {"P-REQ-07", "find", {{"\"find\":", "\"connect\":"}}},
      {"P-REQ-07", "find", {{"\"find\":{\"swarm_id\":\"sw-a\",", "\"swarm_id\":\"sw-a\",\"x\":{"}}},
      {"P-REQ-07", "stat_report_keep_alive", {{"\"peer-0001\"", "\"peer-0001\",\"swarm_id\":\"sw-a\""}}},
      {"P-REQ-11", "find", {}, nullptr, {}, {{"find"}}, nullptr, "192.0.2.99:40000"},
      {"P-REQ-12", "find", {{"sw-a", "sw-b"}}, nullptr, {}, {{"find"}}},

      // Addresses and peer selection
      {"P-ADDR-01", "connect", {{"\"address_type\":\"ipv4\",", ""}}},
      {"P-ADDR-01", "connect", {{"\"ip_address\":{", "\"ip\":{"}}},
      {"P-ADDR-02", "connect", {{"192.0.2.2", "192.0.2.256"}}},
      {"P-ADDR-02", "connect", {{"192.0.2.2", "192.0.2"}}},
      {"P-ADDR-03", "connect", {{"2001:db8::2", "2001:0db8::2"}}},
      {"P-ADDR-03", "connect", {{"2001:db8::2", "2001:db8::2::3"}}},
      {"P-ADDR-04", "connect", {{"6778", "65536"}}},
      {"P-ADDR-04", "connect", {{"\"port\":6778,", ""}}},
      {"P-ADDR-05", "connect", {{"\"priority\":1", "\"priority\":\"high\""}}},
      {"P-ADDR-06", "connect", {{"HOST", "RELAY"}}},
      {"P-ADDR-06", "connect", {{"\"type\":\"HOST\",", ""}}},
      {"P-ADDR-07", "connect", {{"wired", "Wired"}}},
      {"P-ADDR-08", "connect", {{"64496", "AS64496"}}},
      {"P-ADDR-08", "connect", {{"64496", "sixty"}}},
      {"P-ADDR-08", "connect", {{"\"64496\"", "64496"}}},
      {"P-ADDR-09", "connect", {{"\"PPSP-PP\"", "7"}}},
      {"P-PNUM-01", "find", {{"{\"peer_count\":8}", "{}"}}},
      {"P-PNUM-02", "find", {{":8", ":30"}}},
      {"P-PNUM-03",
       "response_find",
       {{"\"peer-0008\"", "\"peer-0008\",\"x\":0},{\"peer_id\":\"peer-0009\""}},
       "find",
       {{":8", ":2"}}},
      {"P-PNUM-04", "connect", {{"STUN", "stun"}}},
      {"P-PNUM-05", "connect", {{"\"concurrent_links\":3", "\"concurrent_links\":\"few\""}}},
      {"P-PNUM-06", "connect", {{"420", "-1"}}},
      {"P-PNUM-07", "connect", {{"2500", "\"HIGH\""}}},
      {"P-PNUM-07", "connect", {{"\"upload_bandwidth\":2500", "\"upload_bandwidth_level\":\"HIGH\""}}},

      // CONNECT
      {"P-CONN-01", "connect", {{"CONNECT", "FIND"}}},
      {"P-CONN-02", "connect", {{"\"transaction_id\":\"t-001\",", ""}}},
      {"P-CONN-03", "connect", {{"\"peer_id\":\"peer-0001\",", ""}}},
      {"P-CONN-04", "connect", {{"\"swarm_id\":\"sw-a\",", ""}}},
      {"P-CONN-04", "connect", {{"\"swarm_action\":[", "\"swarm_action\":[],\"x\":["}}},
      {"P-CONN-05", "connect", {{"JOIN", "join"}}},
      {"P-CONN-06", "connect", {{"LEECH", "SEED"}}},
      {"P-CONN-07", "connect", {{",\"peer_mode\":\"LEECH\"", ""}}},
      {"P-CONN-22",
       "response_find",
       {{"peer-0007", "peer-0001"}},
       "find",
       {},
       {{"connect"}, {"response_connect"}, {"connect_channel_switch"}, {"response_channel_switch"}}},
      {"P-CONN-23", "response_find", {{"peer-0008", "peer-0007"}}},
      {"P-CONN-25",
       "response_channel_switch",
       {{"\"swarm_result\":", Text(kOwnAddress) + ",\"swarm_result\":"}},
       "connect_ice"},
      {"P-CONN-27", "response_find", {{"peer-0007", "peer-0001"}}, "find"},

      // FIND
      {"P-FIND-01", "find", {{"\"swarm_id\":\"sw-a\",", ""}}},
      {"P-FIND-03", "response_find", {{"\"peer_id\":\"peer-0007\",", ""}}, "find"},
      {"P-FIND-03", "response_find", {{"\"peer_group\"", "\"x\""}}, "find"},
      {"P-FIND-04", "response_find", {{"sw-a", "sw-b"}}, "find"},

      // STAT_REPORT
      {"P-STAT-02", "stat_report", {{"\"peer_id\":\"peer-0001\",", ""}}},
      {"P-STAT-02", "stat_report", {{"\"request_type\":\"STAT_REPORT\",", ""}}},
      {"P-STAT-03", "stat_report", {{"STREAM_STATS", "stream_stats"}}},
      {"P-STAT-04", "stat_report", {{"\"uploaded_bytes\":40960,", ""}}},
      {"P-STAT-04", "stat_report", {{"40960", "-1"}}},
      {"P-STAT-05", "stat_report", {{"\"stat\"", "\"Stat\""}}},
      {"P-STAT-09", "response_stat_report", {{"t-003", "t-004"}}, "stat_report"},
      {"P-STAT-10",
       "response_stat_report",
       {{"{\"swarm_id\":\"sw-a\",\"result\":0}", "{\"swarm_id\":\"sw-a\",\"result\":0," + kList + "}"}},
       "stat_report"},
      {"P-STAT-14", "stat_report", {{"40960", "40959"}}, nullptr, {}, {{"stat_report"}}},

      // Responses and errors
      {"P-RESP-01", "response_find", {{"\"response_type\":0", "\"response_type\":2"}}},
      {"P-RESP-02", "response_find", {{"\"error_code\":0,", ""}}},
      {"P-RESP-02", "response_find", {{"\"error_code\":0", "\"error_code\":\"00\""}}},
      {"P-RESP-03", "response_find", {{"\"error_code\":0", "\"error_code\":4"}}},
      {"P-RESP-04", "response_forbidden", {{"\"response_type\":1", "\"response_type\":0"}}},
      {"P-RESP-05", "response_find", {{"t-002", "t-999"}}, "find"},
      {"P-RESP-05", "response_find", {{"\"transaction_id\":\"t-002\",", ""}}, "find"},
      {"P-RESP-06", "response_find", {{"\"swarm_result\"", "\"x\""}}, "find"},
      {"P-RESP-06",
       "response_channel_switch",
       {{"{\"swarm_id\":\"sw-a\",\"result\":0},", ""}},
       "connect_channel_switch"},
      {"P-RESP-07", "response_bad_request", {{"}}", kWithResult}}},
      {"P-RESP-08", "response_find", {{"\"result\":0,", ""}}},
      {"P-RESP-08", "response_find", {{"\"swarm_id\":\"sw-a\",", ""}}},
      {"P-RESP-09", "response_find", {{"\"result\":0", "\"result\":1"}}},
      {"P-RESP-10", "response_find", {{"\"peer_info\"", "\"x\""}}},
      {"P-RESP-11", "response_find", {{"\"peer_id\":\"peer-0007\",", ""}}},
      {"P-RESP-11", "response_find", {{"\"peer_addr\"", "\"x\""}}},
      {"P-RESP-12", "response_forbidden", {{"\"error_code\":3", "\"error_code\":0"}}},
      {"P-RESP-13", "response_forbidden", {{"\"error_code\":3", "\"error_code\":7"}}},
      {"P-ERR-02", "response_bad_request", {{"}}", kWithAddress}}},
      {"P-ERR-03", "response_forbidden", {{"}}", kWithResult}}},
      {"P-ERR-04", "response_forbidden", {{"\"error_code\":3", "\"error_code\":4"}, {"}}", kWithResult}}},
      {"P-ERR-05", "response_forbidden", {{"\"error_code\":3", "\"error_code\":5"}, {"}}", kWithAddress}}},
      {"P-ERR-06", "response_forbidden", {{"\"error_code\":3", "\"error_code\":6"}, {"}}", kWithResult}}},
      {"P-ERR-08", "find", {{"sw-a", "sw-b"}}, nullptr, {}, {{"find"}, {"response_find"}}},

      // Extensions and registries
      {"P-EXT-02", "find", {{"FIND", "SIXTEEN_LETTERS_"}}},
      {"P-EXT-02", "find", {{"FIND", "Look"}}},
      {"P-EXT-04", "find", {{"FIND", "LOOK"}}},
      {"P-EXT-05", "response_forbidden", {{"\"error_code\":3", "\"error_code\":-1"}}},
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
  const auto load = [](const char* name) { return load_sample(sample_path("ppstp", name)); };
  const auto session = ppstp::make_session();
  Message asked;
  for (const Earlier& earlier : example.before) {
    const Sample sample = load(earlier.sample);
    Message message;
    decode(sample, message);
    message.source = earlier.source;
    const bool response = message.direction == Direction::kResponse;
    ppstp::track(*session, message, response ? &asked : nullptr);
    if (!response) decode(sample, asked);
  }
  Message request;
  if (example.request != nullptr) {
    const Sample sample = load(example.request);
    decode_as(sample, changed(sample.bytes, example.request_changes, example.id), request);
  }
  Sample base = load(example.base);
  if (broken) {
    base.bytes = changed(base.bytes, example.changes, example.id);
    if (example.transport != nullptr) example.transport(base.transport);
  }
  Message message;
  decode(base, message);
  message.source = broken ? example.source : "192.0.2.1:40000";
  std::vector<Finding> findings;
  run_checks(ppstp::protocol(), {message, example.request != nullptr ? &request : nullptr, session.get()}, {},
             findings);
  std::multiset<Text> ids;
  for (const Finding& finding : findings) {
    ids.insert(finding.rule->id);
    EXPECT_LE(finding.offset + finding.length, message.size) << finding.rule->id;
    EXPECT_FALSE(finding.detail.empty()) << finding.rule->id;
  }
  return ids;
}

TEST(PpstpRequirements, EveryExampleBreaksItsRuleByItsChangeAlone) {
  for (const Example& example : examples()) {
    EXPECT_FALSE(ids_of(example, false).contains(example.id))
        << example.id << ": " << example.base << " breaks the rule unchanged";
    EXPECT_TRUE(ids_of(example, true).contains(example.id))
        << example.id << ": " << example.base << " does not break the rule when changed"
        << (example.changes.empty() ? "" : ": " + example.changes[0].first + " -> " + example.changes[0].second);
  }
}

TEST(PpstpRequirements, EveryRowWithACheckHasAnExample) {
  std::set<Text> shown;
  for (const Example& example : examples()) shown.insert(example.id);
  expect_examples(ppstp::requirements(), shown);
}

TEST(PpstpRequirements, AreThoseOfTheSheet) {
  EXPECT_EQ(ppstp::requirements().size(), kRowsInTheSheet);
  const std::map<Text, int> groups = {{"HTTP", 15}, {"JSON", 8},  {"VER", 6},   {"REQ", 12},  {"ADDR", 13},
                                      {"PNUM", 10}, {"CONN", 32}, {"FIND", 12}, {"STAT", 15}, {"RESP", 13},
                                      {"ERR", 10},  {"FSM", 12},  {"EXT", 5}};
  expect_numbered(ppstp::requirements(), "P-", groups);
}

TEST(PpstpRequirements, EveryRowIsCheckedProvokedOrExplained) {
  expect_explained(ppstp::requirements());
}

// Nothing in the strict samples breaks a rule, with the checks of every scope on and any message before.
TEST(PpstpRequirements, CleanMessagesHaveNoFindingsInAnyScope) {
  const auto session = ppstp::make_session();
  Message request;
  for (const char* name : {"connect_smallest", "response_smallest", "find", "response_find", "stat_report",
                           "response_stat_report", "stat_report_keep_alive"}) {
    const Sample sample = load_sample(sample_path("ppstp", name));
    Message message;
    decode(sample, message);
    const bool response = message.direction == Direction::kResponse;
    std::vector<Finding> findings;
    run_checks(ppstp::protocol(), {message, response ? &request : nullptr, session.get()}, {}, findings);
    for (const Finding& finding : findings) {
      const bool known =
          name == Text("response_smallest") && finding.rule->id == Text("P-RESP-06");  // it has no swarm_result
      EXPECT_TRUE(known) << name << ": " << finding.rule->id << " " << finding.detail;
    }
    ppstp::track(*session, message, response ? &request : nullptr);
    if (!response) decode(sample, request);
  }
}

// Bodies come from strangers: checks must not take the square of the size of a message. Each of these took seconds.
TEST(PpstpRequirements, ChecksOfHugeMessagesAreQuick) {
  Text results;
  Text actions;
  for (int i = 0; i < 20000; ++i) {
    const Text swarm = "\"swarm_id\":\"s" + std::to_string(i) + "\"";
    const Text comma = i == 0 ? "" : ",";
    results +=
        comma + "{" + swarm + R"(,"result":0,"peer_group":{"peer_info":[{"peer_id":"p","peer_addr":{"port":1}}]}})";
    actions += comma + "{" + swarm + R"(,"action":"JOIN","peer_mode":"LEECH"})";
  }
  Message request;
  ppstp::decode(
      R"({"PPSPTrackerProtocol":{"version":1,"request_type":"CONNECT","transaction_id":"t","peer_id":"q","connect":{"swarm_action":[)" +
          actions + "]}}}",
      request);
  Message response;
  ppstp::decode(
      R"({"PPSPTrackerProtocol":{"version":1,"response_type":0,"error_code":0,"transaction_id":"t","swarm_result":[)" +
          results + "]}}",
      response);
  const auto session = ppstp::make_session();
  std::vector<Finding> findings;
  run_checks(ppstp::protocol(), {response, &request, session.get()}, {}, findings);
  EXPECT_EQ(std::count_if(findings.begin(), findings.end(),
                          [](const Finding& finding) { return finding.rule->id == Text("P-ADDR-06"); }),
            20000);
}

}  // namespace
}  // namespace peerscope::test
