// SPDX-License-Identifier: GPL-2.0-or-later
// `minimize`: a long flow, and the few messages of it that matter.
#include <gtest/gtest.h>

#include "harness/capture/pdus.h"
#include "tests/e2e/program.h"
#include "tests/support/tcp_capture.h"

namespace peerscope::e2e {
namespace {

std::string request(const std::string& type, const std::string& peer, int number, const std::string& more) {
  return R"({"PPSPTrackerProtocol":{"version":1,"request_type":")" + type + R"(","transaction_id":"t)" +
         std::to_string(number) + R"(","peer_id":")" + peer + "\"," + more + "}}";
}
std::string connect(const std::string& peer, int number, const std::string& action) {
  return request("CONNECT", peer, number,
                 R"("connect":{"peer_addr":[{"ip_address":{"address_type":"ipv4","address":"192.0.2.)" +
                     std::to_string(number % 200 + 1) + R"("},"port":6778,"priority":1,"type":"HOST"}],)" +
                     R"("swarm_action":[{"swarm_id":"live","action":")" + action + R"(","peer_mode":"LEECH"}]})");
}
std::string find(const std::string& peer, int number) {
  return request("FIND", peer, number, R"("find":{"swarm_id":"live","peer_num":{"peer_count":20}})");
}
std::string ok(int number) {
  return R"({"PPSPTrackerProtocol":{"version":1,"response_type":0,"error_code":0,"transaction_id":"t)" +
         std::to_string(number) + "\"}}";
}

// 200 messages: 45 peers join one swarm and look for others; the third leaves in the middle.
std::string long_flow(const Folder& folder) {
  std::vector<test::Frame> frames;
  test::TcpConversation tcp(frames, {0xc0000201, 40000}, {0xc0000250, 80});
  tcp.open();
  int number = 0;
  const auto exchange = [&](const std::string& body) {
    tcp.client(test::http_request(body));
    tcp.server(test::http_response(ok(number)));
  };
  constexpr int kPeers = 45;
  const auto name = [](int peer) { return "peer-" + std::to_string(peer); };
  for (int peer = 0; peer < kPeers; ++peer) {
    exchange(connect(name(peer), ++number, "JOIN"));
    exchange(find(name(peer), ++number));
    constexpr int kLeaver = 3;
    if (peer == kPeers / 2) exchange(connect(name(kLeaver), ++number, "LEAVE"));
  }
  for (int peer = kPeers - 9; peer < kPeers; ++peer) exchange(find(name(peer), ++number));
  return write(folder / "long.pcap", test::pcap_file(frames));
}

std::string stale_tracker(const Folder& folder) {
  return iut_with("tracker-http", "--defect, stale-list-after-leave", folder, "stale");
}

TEST(Minimize, TwoHundredMessagesShrinkToTheFewThatMatter) {
  const Folder folder;
  const std::string flow = long_flow(folder);
  const std::string iut = stale_tracker(folder);
  const Ended ended = shell(program() + " minimize " + flow + " --iut " + iut + " -o " + (folder / "min"));
  ASSERT_EQ(ended.code, 1) << ended.output;
  EXPECT_NE(ended.output.find("of 200 messages still show P-CONN-22"), std::string::npos) << ended.output;
  const harness::CaptureResult kept = harness::read_exported(folder / "min/flow.pcapng");
  ASSERT_EQ(kept.error, "");
  // One who leaves, one who is told of it, and what brings each there.
  EXPECT_LE(kept.messages.size(), 8U) << ended.output;
  EXPECT_GE(kept.messages.size(), 4U) << ended.output;
  // The flow still fails there, and passes against a sound tracker.
  const std::string replay = program() + " replay " + (folder / "min/flow.pcapng") + " --out " + (folder / "out");
  const Ended again = shell(replay + " --iut " + iut);
  EXPECT_EQ(again.code, 1) << again.output;
  EXPECT_NE(again.output.find("fail P-CONN-22"), std::string::npos) << again.output;
  EXPECT_EQ(shell(replay + " --iut " + source("iut/tracker-http.yaml")).output.find("P-CONN-22"), std::string::npos);
  // So does the scenario.
  const Outcome scenario = run(iut, folder / "min/scenario.yaml", folder);
  EXPECT_EQ(scenario.ended.code, 1) << scenario.ended.output;
  EXPECT_EQ(scenario.requirements.count("P-CONN-22"), 1U) << scenario.ended.output;
  const Outcome sound = run(source("iut/tracker-http.yaml"), folder / "min/scenario.yaml", folder, "sound");
  EXPECT_EQ(sound.ended.code, 0) << sound.ended.output;
}

TEST(Minimize, StaysWithinItsRuns) {
  const Folder folder;
  const Ended ended = shell(program() + " minimize " + long_flow(folder) + " --iut " + stale_tracker(folder) +
                            " --rule P-CONN-22 --runs 5 -o " + (folder / "min"));
  EXPECT_EQ(ended.code, 1) << ended.output;
  EXPECT_NE(ended.output.find("\n5 replays; a limit ended it"), std::string::npos) << ended.output;
}

TEST(Minimize, WhatDoesNotFailIsNotMinimized) {
  const Folder folder;
  const std::string flow = std::string(PEERSCOPE_SOURCE_DIR) + "/captures/ppstp/session/flow.pcapng";
  const std::string line = program() + " minimize " + flow + " -o " + (folder / "min") + " --iut ";
  const Ended sound = shell(line + source("iut/tracker-http.yaml"));
  EXPECT_EQ(sound.code, 5) << sound.output;
  EXPECT_NE(sound.output.find("nothing to minimize"), std::string::npos) << sound.output;
  const Ended other = shell(line + stale_tracker(folder) + " --rule P-HTTP-01");
  EXPECT_EQ(other.code, 5) << other.output;
  EXPECT_NE(other.output.find("does not break P-HTTP-01"), std::string::npos) << other.output;
  EXPECT_EQ(shell(line + stale_tracker(folder) + " --rule P-NONE-99").code, 2);
  EXPECT_EQ(shell(line + source("iut/peer-http.yaml")).code, 2);
}

}  // namespace
}  // namespace peerscope::e2e
