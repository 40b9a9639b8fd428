// SPDX-License-Identifier: GPL-2.0-or-later
// `matrix`, `run --shard` and `merge`: pairs of implementations, and results of several machines.
#include <gtest/gtest.h>

#include <set>

#include "tests/e2e/program.h"

namespace peerscope::e2e {
namespace {

const std::string kCaptures = std::string(PEERSCOPE_SOURCE_DIR) + "/captures/";

bool says(const Ended& ended, const std::string& words) {
  return ended.output.find(words) != std::string::npos;
}

TEST(Matrix, EveryClientMeetsEveryServer) {
  const Folder folder;
  const std::string stale = iut_with("tracker-https", "--defect, transaction-id-as-number", folder, "wrong");
  std::string text = read_file(stale);
  text.replace(text.find("iut: tracker-https"), 18, "iut: wrong-tracker");
  write(stale, text);
  const Ended ended =
      shell(program() + " matrix --iut " + source("iut/peer-https.yaml") + " --iut " + source("iut/foreign-peer.yaml") +
            " --iut " + source("iut/tracker-https.yaml") + " --iut " + source("iut/foreign-plain.yaml") + " --iut " +
            stale + " --seconds 6 --quiet-after 1 -o " + (folder / "m"));
  EXPECT_EQ(ended.code, 1) << ended.output;
  for (const char* client : {"peer-https", "small-peer"}) {
    for (const char* server : {"tracker-https", "plain-tracker"}) {
      const std::string results = read_file(folder / ("m/" + std::string(client) + "~" + server + "/results.jsonl"));
      EXPECT_NE(results.find("\"type\":\"verdict\""), std::string::npos) << client << " with " << server;
      EXPECT_EQ(results.find("\"verdict\":\"fail\""), std::string::npos) << client << " with " << server << results;
      EXPECT_TRUE(fs::exists(folder / ("m/" + std::string(client) + "~" + server + "/evidence.pcapng")));
    }
    // The one with the fault is the server, and it is told so.
    EXPECT_TRUE(std::regex_search(
        ended.output,
        std::regex(std::string(client) + " with wrong-tracker: fail, .* the client broke 0, the server [1-9]")))
        << ended.output;
  }
  const std::string page = read_file(folder / "m/matrix.html");
  EXPECT_NE(page.find("small-peer with plain-tracker"), std::string::npos);
  EXPECT_NE(page.find("P-RESP-05"), std::string::npos);
}

TEST(Matrix, AnAltoClientStaysOnTheWayThroughTheHarness) {
  const Folder folder;
  const Ended ended = shell(program() + " matrix --iut " + source("iut/alto-client.yaml") + " --iut " +
                            source("iut/alto-http.yaml") + " --seconds 6 --quiet-after 1 -o " + (folder / "m"));
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_TRUE(says(ended, "alto-client with alto-http: pass")) << ended.output;
  EXPECT_FALSE(says(ended, " 0 answers")) << ended.output;
}

TEST(Matrix, CapturesThatOthersBroughtAreCells) {
  const Folder folder;
  fs::create_directories(folder / "in");
  fs::copy(kCaptures + "ppstp/session/flow.pcapng", folder / "in/anna~tracker.pcapng");
  fs::copy(kCaptures + "ppstp/broken_tracker/flow.pcapng", folder / "in/ben~broken.pcapng");
  const Ended ended = shell(program() + " matrix --captures " + (folder / "in") + " -o " + (folder / "m"));
  EXPECT_EQ(ended.code, 1) << ended.output;
  EXPECT_TRUE(says(ended, "anna with tracker: info, 22 requests, 22 answers; the client broke 0, the server 0"))
      << ended.output;
  EXPECT_TRUE(says(ended, "ben with broken: fail, 5 requests, 5 answers; the client broke 0, the server 7"))
      << ended.output;
  EXPECT_NE(read_file(folder / "m/matrix.html").find("ben with broken"), std::string::npos);
}

TEST(Matrix, WhatDoesNotFitTogetherIsNamed) {
  const Folder folder;
  const Ended none = shell(program() + " matrix --iut " + source("iut/peer-https.yaml") + " --iut " +
                           source("iut/alto-http.yaml") + " -o " + (folder / "m"));
  EXPECT_EQ(none.code, 2) << none.output;
  EXPECT_TRUE(says(none, "they speak different protocols")) << none.output;
  EXPECT_EQ(shell(program() + " matrix -o " + (folder / "m")).code, 2);
  EXPECT_EQ(shell(program() + " matrix --captures " + folder.path() + " -o " + (folder / "m")).code, 2);
}

// The scenarios that a results file has a verdict for.
std::multiset<std::string> decided(const std::string& path) {
  std::multiset<std::string> out;
  std::istringstream lines(read_file(path));
  for (std::string line; std::getline(lines, line);) {
    if (member(line, "type") == "verdict")
      out.insert(member(line, "scenario") + " " + member(line, "params") + " " + member(line, "verdict"));
  }
  return out;
}

TEST(Shards, TogetherAreTheWholeRun) {
  const Folder folder;
  const std::string line = program() +
                           " run --no-slow -q ppstp/tracker/connect-leech ppstp/tracker/find "
                           "ppstp/tracker/sanity ppstp/tracker/stat-report ppstp/tracker/peer-count --iut " +
                           source("iut/tracker-http.yaml") + " --out ";
  ASSERT_EQ(shell(line + (folder / "whole")).code, 0);
  for (const char* part : {"1", "2", "3"})
    ASSERT_EQ(shell(line + (folder / ("parts/" + std::string(part))) + " --shard " + part + "/3").code, 0);
  const Ended merged = shell(program() + " merge " + (folder / "parts") + " -o " + (folder / "merged"));
  EXPECT_EQ(merged.code, 0) << merged.output;
  EXPECT_TRUE(says(merged, "0 missing")) << merged.output;
  std::multiset<std::string> wanted = decided(folder / "whole/results.jsonl");
  std::multiset<std::string> have;
  for (const auto& entry : fs::recursive_directory_iterator(folder / "merged")) {
    if (entry.path().filename() == "results.jsonl") have = decided(entry.path());
  }
  // The plain flow at the end of a whole run is a verification, and each shard has one.
  const auto without_last = [](std::multiset<std::string> all) {
    std::erase_if(all, [](const std::string& one) { return one.find("run=last") != std::string::npos; });
    return all;
  };
  EXPECT_EQ(without_last(have), without_last(wanted));
  EXPECT_TRUE(fs::exists(folder / "merged/report.html"));
}

TEST(Shards, AMissingOneIsRed) {
  const Folder folder;
  const std::string line = program() +
                           " run -q ppstp/tracker/connect-leech ppstp/tracker/find ppstp/tracker/sanity --iut " +
                           source("iut/tracker-http.yaml") + " --out ";
  ASSERT_EQ(shell(line + (folder / "parts/1") + " --shard 1/2").code, 0);
  const Ended merged = shell(program() + " merge " + (folder / "parts") + " -o " + (folder / "merged"));
  EXPECT_EQ(merged.code, 4) << merged.output;
  EXPECT_TRUE(says(merged, "missing: ppstp/tracker/")) << merged.output;
  for (const char* wrong : {"0/2", "3/2", "1", "a/b", "1/2x"})
    EXPECT_EQ(shell(line + (folder / "x") + " --shard " + wrong).code, 2) << wrong;
}

}  // namespace
}  // namespace peerscope::e2e
