// SPDX-License-Identifier: GPL-2.0-or-later
// Flow files and what is made of them without any process: writing and reading back, YAML, mutants.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "harness/capture/flow.h"
#include "harness/fuzz/fuzz.h"
#include "harness/replay/places.h"
#include "harness/replay/record.h"
#include "harness/scenario/yaml.h"

namespace peerscope::harness {
namespace {

namespace fs = std::filesystem;

const std::string kFind =
    R"({"PPSPTrackerProtocol":{"version":1,"request_type":"FIND","transaction_id":"t1","peer_id":"anna","find":{"swarm_id":"live"}}})";
const std::string kOk =
    R"({"PPSPTrackerProtocol":{"version":1,"response_type":0,"error_code":0,"transaction_id":"t1"}})";

std::vector<CapturedMessage> talk(const std::string& answer_padding = "") {
  const Protocol& protocol = *find_protocol("ppstp");
  std::vector<CapturedMessage> out(2);
  out[0].protocol = out[1].protocol = &protocol;
  out[0].http_request = net::HttpRequest("POST", "/video", 11, {}, kFind);
  out[0].http_request.headers.set("Content-Type", "application/ppsp-tracker+json");
  out[0].message = decode_request(protocol, out[0].http_request, Transport::Security::kTls);
  out[0].message->source = "192.0.2.1:40000";
  out[0].message->destination = "[2001:db8::1]:443";
  out[0].message->frame = 17;
  out[0].message->time_ns = 1'700'000'000'123'456'789;
  std::string body = kOk;
  body.insert(body.size() - 2, answer_padding);
  out[1].http_response = net::HttpResponse(200);
  out[1].http_response.headers.set("Content-Type", "application/ppsp-tracker+json");
  out[1].http_response.body = body;
  out[1].message = decode_response(protocol, out[1].http_response, Transport::Security::kTls);
  out[1].message->source = "[2001:db8::1]:443";
  out[1].message->destination = "192.0.2.1:40000";
  out[1].message->frame = 23;
  out[1].message->time_ns = 1'700'000'000'223'456'789;
  out[1].request = 0;
  return out;
}

class FlowFile : public testing::Test {
 protected:
  FlowFile() : path_((fs::temp_directory_path() / ("peerscope-flow-" + std::to_string(getpid()))).string()) {}
  ~FlowFile() override {
    std::error_code code;
    fs::remove(path_, code);
  }
  std::string path_;
};

TEST_F(FlowFile, KeepsTimesPartiesFramesAndBytes) {
  const std::vector<CapturedMessage> before = talk();
  ASSERT_EQ(write_flow(path_, before, "a test"), "");
  EXPECT_TRUE(is_exported(path_));
  const CaptureResult after = read_exported(path_);
  ASSERT_EQ(after.error, "");
  ASSERT_EQ(after.messages.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    const Message& a = *before[i].message;
    const Message& b = *after.messages[i].message;
    EXPECT_EQ(a.view(), b.view());
    EXPECT_EQ(a.frame, b.frame);
    EXPECT_EQ(a.time_ns, b.time_ns);
    EXPECT_EQ(a.source, b.source);
    EXPECT_EQ(a.direction, b.direction);
    EXPECT_EQ(a.transport.security, b.transport.security);
  }
  EXPECT_EQ(after.messages[0].message->transport.target, "/video");
  EXPECT_EQ(after.messages[1].request, 0U);
}

TEST_F(FlowFile, AMessageLargerThanARecordComesBackWhole) {
  const std::vector<CapturedMessage> before = talk(",\"x_padding\":\"" + std::string(700'000, 'x') + "\"");
  ASSERT_EQ(write_flow(path_, before, ""), "");
  const CaptureResult after = read_exported(path_);
  ASSERT_EQ(after.error, "");
  EXPECT_EQ(after.warning, "");
  ASSERT_EQ(after.messages.size(), 2U);
  EXPECT_EQ(after.messages[1].message->view(), before[1].message->view());
}

TEST_F(FlowFile, WhatCannotBeWrittenIsTold) {
  EXPECT_NE(write_flow("/dev/full", talk(), ""), "");
  EXPECT_NE(write_flow(path_ + "/none/flow.pcapng", talk(), ""), "");
  EXPECT_FALSE(is_exported(path_));
}

TEST(Record, ThePartyIsAVariableAndTheTransactionIsLeftOut) {
  RecordOptions options;
  options.id = "talk";
  options.origin = "a talk";
  const RecordedScenario scenario = record_scenario(talk(), options);
  ASSERT_EQ(scenario.error, "");
  EXPECT_EQ(scenario.steps, 1U);
  EXPECT_EQ(scenario.text.find("anna"), std::string::npos) << scenario.text;
  EXPECT_EQ(scenario.text.find("transaction_id"), std::string::npos) << scenario.text;
  const ScenarioResult loaded = parse_scenario(scenario.text, "talk.yaml");
  EXPECT_TRUE(loaded.errors.empty()) << loaded.errors.front() << scenario.text;
  EXPECT_NE(record_scenario({}, options).error, "");
}

TEST(Gets, AnAnswerWithoutARequestWasAskedForByGet) {
  const Protocol& protocol = *find_protocol("alto");
  CapturedMessage answer;
  answer.protocol = &protocol;
  answer.http_response = net::HttpResponse(200);
  answer.http_response.headers.set("Content-Type", "application/alto-networkmap+json");
  answer.http_response.body = R"({"meta":{"vtag":{"resource-id":"m","tag":"1"}},"network-map":{}})";
  answer.message = decode_response(protocol, answer.http_response, Transport::Security::kClear);
  answer.message->source = "192.0.2.1:80";
  answer.message->destination = "192.0.2.2:40000";
  const std::vector<CapturedMessage> all = with_gets({answer});
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0].http_request.method, "GET");
  EXPECT_EQ(all[0].message->source, "192.0.2.2:40000");
  EXPECT_EQ(all[1].request, 0U);
  // Where every answer has its request, nothing is added.
  EXPECT_EQ(with_gets(all).size(), 2U);
  EXPECT_EQ(with_gets(talk()).size(), 2U);
}

constexpr const char* kScenario = R"(format: 1
scenario: ppstp/tracker/example
title: Texts that YAML would take for something else
role: tracker
tests: [P-CONN-15]
let: {empty: "", number: "007", word: "no", dollar: "$$x", colon: "a: b", many: "${hex(8)}"}
steps:
  - send:
      msg: CONNECT
      with:
        connect:
          peer_num: {peer_count: 5}
          peer_addr: [{ip_address: {address_type: ipv4, address: 192.0.2.3}, port: 6778, priority: 1, type: HOST}]
          swarm_action: [{swarm_id: a, action: JOIN, peer_mode: LEECH}, {swarm_id: "b\nc", action: JOIN, peer_mode: LEECH}]
    expect: {where: {response_type: 0}}
)";

bool same(const Tree& a, const Tree& b) {
  if (a.kind != b.kind || a.scalar != b.scalar || a.items.size() != b.items.size() ||
      a.members.size() != b.members.size())
    return false;
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    if (!same(a.items[i], b.items[i])) return false;
  }
  for (std::size_t i = 0; i < a.members.size(); ++i) {
    if (a.members[i].first != b.members[i].first || !same(a.members[i].second, b.members[i].second)) return false;
  }
  return true;
}

TEST(YamlText, ReadsBackAsTheSameTree) {
  const YamlResult first = parse_yaml(kScenario, "first");
  ASSERT_EQ(first.error, "");
  const std::string text = yaml_text(first.tree);
  const YamlResult second = parse_yaml(text, "second");
  ASSERT_EQ(second.error, "") << text;
  EXPECT_TRUE(same(first.tree, second.tree)) << text;
}

TEST(Mutants, AreScenariosAndTheSameForTheSameSeed) {
  const YamlResult source = parse_yaml(kScenario, "source");
  const Protocol& protocol = *find_protocol("ppstp");
  std::vector<std::string> runs[2];
  std::size_t well = 0;
  constexpr int kMutants = 200;
  for (auto& texts : runs) {
    Random random(42);
    for (int i = 0; i < kMutants; ++i) {
      std::string what;
      texts.push_back(mutate_scenario(source.tree, protocol, random, what));
      EXPECT_NE(texts.back(), "");
      EXPECT_NE(what, "");
      if (&texts == &runs[0]) well += parse_scenario(texts.back(), "mutant").errors.empty();
    }
  }
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_GT(well, kMutants * 2U / 3U) << "most mutants must be messages that can be made";
}

TEST(Mutants, ThereAreNoneOfAScenarioWithoutMessages) {
  const YamlResult source = parse_yaml("steps:\n  - {wait: 1s}\n  - {send: {raw: x}}\n", "source");
  Random random(1);
  std::string what;
  EXPECT_EQ(mutate_scenario(source.tree, *find_protocol("ppstp"), random, what), "");
}

}  // namespace
}  // namespace peerscope::harness
