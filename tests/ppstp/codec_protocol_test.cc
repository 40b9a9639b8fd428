// SPDX-License-Identifier: GPL-2.0-or-later
// PPSTP behind the Protocol interface: direction, dialects, building from a Tree with overrides, summaries, fields.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "protocols/ppstp/protocol.h"
#include "tests/support/sample.h"

namespace peerscope::test {
namespace {

using K = Override::Kind;

const Protocol& protocol() {
  return ppstp::protocol();
}

Message& decoded(std::string_view inner, Message& message) {
  protocol().decode("{\"PPSPTrackerProtocol\":{" + std::string(inner) + "}}", message);
  return message;
}

// Section 3.4: the member decides. The way it travels counts only where the member is absent or both are there.
TEST(PpstpDecode, TellsRequestsFromResponses) {
  struct Case {
    const char* inner;
    int status;
    Direction known;
    Direction expected;
  };
  constexpr auto kUnknown = Direction::kUnknown;
  constexpr auto kRequest = Direction::kRequest;
  constexpr auto kResponse = Direction::kResponse;
  const Case cases[] = {
      {R"("request_type":"FIND")", 0, kUnknown, kRequest},
      {R"("request_type":"FIND")", 0, kResponse, kRequest},
      {R"("request_type":"FIND")", 200, kUnknown, kRequest},
      {R"("response_type":0)", 0, kUnknown, kResponse},
      {R"("response_type":0)", 0, kRequest, kResponse},
      {R"("request_type":"FIND","response_type":0)", 0, kUnknown, kRequest},
      {R"("request_type":"FIND","response_type":0)", 200, kUnknown, kResponse},
      {R"("version":1)", 0, kUnknown, kRequest},
      {R"("version":1)", 200, kUnknown, kResponse},
      {R"("version":1,"error_code":1)", 0, kUnknown, kResponse},
      {R"("version":1)", 0, kResponse, kResponse},
      {R"("version":1)", 200, kRequest, kRequest},
  };
  for (const Case& c : cases) {
    Message message;
    message.transport.status = c.status;
    message.direction = c.known;
    EXPECT_EQ(decoded(c.inner, message).direction, c.expected) << c.inner << " on status " << c.status;
  }
}

// Levels as words are the deployed dialect under application/json, and broken rules under the registered type.
TEST(PpstpDecode, ADialectIsToldByMembersAndMediaType) {
  const char* draft =
      R"("version":1,"request_type":"FIND","transaction_id":"1","peer_id":"p","find":{"swarm_id":"s","peer_num":{"peer_count":3,"online_time":"NORMAL"}})";
  Message message;
  message.transport.content_type = "application/json";
  EXPECT_NE(decoded(draft, message).dialect, nullptr);
  message.clear();
  message.transport.content_type = ppstp::kMediaType;
  EXPECT_EQ(decoded(draft, message).dialect, nullptr);
  EXPECT_TRUE(message.has(Shape::kWrongType));
  message.clear();
  message.transport.content_type = "application/json";
  EXPECT_EQ(decoded(R"("version":1,"request_type":"FIND")", message).dialect, nullptr)
      << "the media type alone is a broken rule";
  message.clear();
  protocol().decode("<html>not found</html>", message);
  EXPECT_EQ(message.dialect, nullptr) << "markup of another kind is no draft";
}

EncodeResult encode(std::string_view type, std::initializer_list<std::pair<const char*, const char*>> members,
                    const Overrides& overrides = {}) {
  Tree tree = Tree::map();
  for (const auto& [path, value] : members) tree.at_path(path) = Tree::text(value);
  return protocol().encode(type, tree, overrides);
}

TEST(PpstpEncode, BuildsEveryMessageFromATree) {
  EXPECT_EQ(
      encode("CONNECT", {{"transaction_id", "007"},
                         {"peer_id", "p"},
                         {"connect.swarm_action[0].swarm_id", "s"},
                         {"connect.swarm_action[0].action", "JOIN"},
                         {"connect.swarm_action[0].peer_mode", "LEECH"}})
          .bytes,
      R"({"PPSPTrackerProtocol":{"version":1,"request_type":"CONNECT","transaction_id":"007","peer_id":"p","connect":{"swarm_action":[{"swarm_id":"s","action":"JOIN","peer_mode":"LEECH"}]}}})");
  EXPECT_EQ(
      encode("FIND", {{"find.swarm_id", "1"}, {"find.peer_num.peer_count", "5"}}).bytes,
      R"({"PPSPTrackerProtocol":{"version":1,"request_type":"FIND","find":{"swarm_id":"1","peer_num":{"peer_count":5}}}})");
  EXPECT_EQ(encode("STAT_REPORT", {}).bytes, R"({"PPSPTrackerProtocol":{"version":1,"request_type":"STAT_REPORT"}})");
  EXPECT_EQ(encode("response", {{"response_type", "FAILED"}, {"error_code", "Forbidden Action"}}).bytes,
            R"({"PPSPTrackerProtocol":{"version":1,"response_type":1,"error_code":3}})")
      << "code points may be given by name";
  EXPECT_EQ(encode("FIND", {{"version", "2"}, {"request_type", "LOOK"}}).bytes,
            R"({"PPSPTrackerProtocol":{"version":2,"request_type":"LOOK"}})")
      << "what is given wins over what is usual";
}

TEST(PpstpEncode, OverridesMakeWrongMessagesOnPurpose) {
  const auto body = [](const Overrides& overrides) {
    return encode("FIND", {{"find.swarm_id", "s"}}, overrides).bytes;
  };
  EXPECT_EQ(body({{"version", {K::kSet, "\"1\""}}}),
            R"({"PPSPTrackerProtocol":{"version":"1","request_type":"FIND","find":{"swarm_id":"s"}}})");
  EXPECT_EQ(body({{"find", {K::kDrop, ""}}}), R"({"PPSPTrackerProtocol":{"version":1,"request_type":"FIND"}})");
  EXPECT_EQ(body({{"find.swarm_id", {K::kDuplicate, ""}}}),
            R"({"PPSPTrackerProtocol":{"version":1,"request_type":"FIND","find":{"swarm_id":"s","swarm_id":"s"}}})");
  EXPECT_EQ(body({{"find", {K::kAdd, "\"x_test\":[]"}}}),
            R"({"PPSPTrackerProtocol":{"version":1,"request_type":"FIND","find":{"swarm_id":"s","x_test":[]}}})");
  EXPECT_EQ(body({{"", {K::kAdd, "\"x_test\":[]"}}}),
            R"({"PPSPTrackerProtocol":{"version":1,"request_type":"FIND","find":{"swarm_id":"s"},"x_test":[]}})");
}

TEST(PpstpEncode, RefusesWhatItDoesNotKnow) {
  EXPECT_NE(encode("LOOK", {}).error.find("known are CONNECT, FIND, STAT_REPORT, response"), std::string::npos);
  EXPECT_NE(encode("FIND", {{"find.swarm", "s"}}).error.find("no member 'swarm'"), std::string::npos);
  EXPECT_NE(encode("FIND", {{"version", "one"}}).error.find("version"), std::string::npos);
  EXPECT_NE(encode("FIND", {{"swarm_id", "s"}}).error, "") << "the misplaced form is read, never written";
  EXPECT_EQ(encode("FIND", {{"find.swarm_id", "s"}}, {{"find.peer_num.peer_count", {K::kSet, "1"}}}).error,
            "mutate: this message has no 'find.peer_num.peer_count'");
}

TEST(PpstpSummary, IsOneLineForEveryMessage) {
  const std::map<std::string, std::string> lines = {
      {"connect", "CONNECT JOIN sw-a LEECH, peer peer-0001, tid t-001"},
      {"connect_channel_switch", "CONNECT LEAVE sw-a LEECH JOIN sw-b LEECH, peer peer-0001, tid t-005"},
      {"find", "FIND sw-a, peer peer-0001, tid t-002"},
      {"rfc7846_find", "FIND 1111, peer 656164657221, tid 12345"},
      {"stat_report", "STAT_REPORT sw-a sw-b, peer peer-0001, tid t-003"},
      {"stat_report_keep_alive", "STAT_REPORT, peer peer-0001, tid t-004"},
      {"request_bare", "- sw-a, peer -, tid -"},
      {"response_connect", "OK CONNECT, 1 peer, tid t-001"},
      {"response_find", "OK FIND, 2 peers, tid t-002"},
      {"response_forbidden", "FAILED 03 Forbidden Action CONNECT, tid t-005"},
      {"dialect_d2_connect", "PPSTP, PPSP-TP JSON from before RFC 7846"},
      {"body_empty", "PPSTP, not decodable"},
  };
  for (const auto& [name, line] : lines) {
    const Sample sample = load_sample(sample_path("ppstp", name));
    Message message;
    decode(sample, message);
    Message request;
    if (!sample.request.empty()) decode(load_sample(sample_path("ppstp", sample.request)), request);
    EXPECT_EQ(protocol().summary(message, sample.request.empty() ? nullptr : &request), line);
  }
}

TEST(PpstpExchangeId, IsTheTransactionId) {
  Message message;
  decode(load_sample(sample_path("ppstp", "find")), message);
  EXPECT_EQ(protocol().exchange_id(message), "t-002");
  decode(load_sample(sample_path("ppstp", "root_array")), message);
  EXPECT_EQ(protocol().exchange_id(message), "");
}

// Filter names are public API: these are in displays, scripts and scenario files of others.
TEST(PpstpFields, HaveThePublishedFilterNames) {
  std::set<std::string> filters;
  for (const FieldPlace& place : protocol().fields()) filters.insert(place.field->filter);
  for (const char* name : {"ppstp.version", "ppstp.request_type", "ppstp.transaction_id", "ppstp.peer_id",
                           "ppstp.swarm_id", "ppstp.action", "ppstp.peer_mode", "ppstp.peer_count", "ppstp.addr.ip",
                           "ppstp.addr.port", "ppstp.addr.type", "ppstp.addr.asn", "ppstp.response_type",
                           "ppstp.error_code", "ppstp.result", "ppstp.stat.uploaded", "ppstp.stat.downloaded"}) {
    EXPECT_TRUE(filters.contains(name)) << name;
  }
}

TEST(PpstpFields, AreDescribedAndOneFilterIsOneField) {
  std::map<std::string, const Field*> by_filter;
  std::set<std::string> paths;
  for (const FieldPlace& place : protocol().fields()) {
    const Field& field = *place.field;
    EXPECT_TRUE(std::string(field.filter).starts_with("ppstp.")) << place.path;
    EXPECT_NE(std::string(field.label), "") << place.path;
    EXPECT_NE(std::string(field.about), "") << place.path;
    EXPECT_TRUE(field.draft || *field.section != '\0') << place.path;
    EXPECT_LE(field.min, field.max) << place.path;
    const auto [at, inserted] = by_filter.emplace(field.filter, &field);
    EXPECT_EQ(at->second, &field) << field.filter << " names two fields";
    paths.insert(place.path);
  }
  for (const char* path :
       {"PPSPTrackerProtocol.connect.peer_addr[].ip_address.address", "PPSPTrackerProtocol.peer_addr.port",
        "PPSPTrackerProtocol.swarm_result[].peer_group.peer_info[].peer_addr.asn",
        "PPSPTrackerProtocol.stat_report.stat[].uploaded_bytes", "PPSPTrackerProtocol.find.peer_num.ability_nat"}) {
    EXPECT_TRUE(paths.contains(path)) << path;
  }
}

// Every place that the description lists can be addressed in a message that fills it.
TEST(PpstpFields, EveryPlaceIsReachable) {
  std::set<std::string> met;
  for (const std::string& path : sample_paths("ppstp")) {
    Message message;
    decode(load_sample(path), message);
    for (std::uint32_t i = 0; i < message.events.size(); ++i) {
      const std::string path_there = path_of(message.events, i);
      std::string place;  // "[]" for every "[n]"
      for (const char c : path_there) {
        const bool index = c >= '0' && c <= '9' && !place.empty() && place.back() == '[';
        if (!index) place.push_back(c);
      }
      met.insert(place);
    }
  }
  for (const FieldPlace& place : protocol().fields())
    EXPECT_TRUE(met.contains(place.path)) << place.path << " is in no sample";
}

}  // namespace
}  // namespace peerscope::test
