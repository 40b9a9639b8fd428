// SPDX-License-Identifier: GPL-2.0-or-later
// `peerscope check` at its edges: what it says of files and options, what it writes, and how often it starts tshark.
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <algorithm>
#include <chrono>

#include "tests/e2e/program.h"
#include "tests/support/tcp_capture.h"

namespace peerscope::e2e {
namespace {

const std::string kCaptures = std::string(PEERSCOPE_SOURCE_DIR) + "/captures/ppstp/";
const std::string kSession = kCaptures + "session/flow.pcapng";  // well, with one note
const std::string kBroken = kCaptures + "broken_tracker/flow.pcapng";

Ended check(const std::string& arguments) {
  return shell(program() + " check " + arguments);
}

bool says(const Ended& ended, const std::string& words) {
  return ended.output.find(words) != std::string::npos;
}

std::size_t lines_of_type(const std::string& text, const std::string& type) {
  std::istringstream lines(text);
  std::size_t n = 0;
  for (std::string line; std::getline(lines, line);) n += member(line, "type") == type;
  return n;
}

TEST(Check, ACutCaptureIsCalledByItsName) {
  const Folder folder;
  const std::string bytes = read_file(kSession);
  const std::string cut = write(folder / "cut.pcapng", bytes.substr(0, bytes.size() / 2));
  const Ended ended = check(cut);
  EXPECT_EQ(ended.code, 4) << ended.output;
  EXPECT_TRUE(says(ended, "cut.pcapng: read only in part: the file appears to have been cut short")) << ended.output;
  EXPECT_FALSE(says(ended, "standard input")) << ended.output;
}

TEST(Check, ACutCaptureIsAnnotatedUpToTheCut) {
  const Folder folder;
  const std::string bytes = read_file(kBroken);
  const std::string cut = write(folder / "cut.pcapng", bytes.substr(0, bytes.size() - 50));
  const Ended ended = check("--annotate " + (folder / "copy.pcapng") + " " + cut);
  EXPECT_EQ(ended.code, 1) << ended.output;
  EXPECT_TRUE(says(ended, "annotated copy: ")) << ended.output;
  const Ended shown = shell("tshark -r " + (folder / "copy.pcapng") + " -Y frame.comment -T fields -e frame.comment");
  EXPECT_TRUE(says(shown, "P-CONN-22 fail")) << shown.output;
  EXPECT_FALSE(says(shown, "cut short")) << shown.output;
}

TEST(Check, AMessageLargerThanARecordOfACaptureIsJudgedToItsEnd) {
  const Folder folder;
  const auto message = [](const std::string& members) {
    return "{\"PPSPTrackerProtocol\":{\"version\":1," + members + "}}";
  };
  constexpr std::size_t kPadding = 900000;
  constexpr std::size_t kSegment = 1400;
  std::vector<test::Frame> frames;
  test::TcpConversation tcp(frames, {0xc0000201, 40000}, {0xc0000250, 80});
  tcp.open();
  tcp.client(test::http_request(
      message(R"("request_type":"FIND","transaction_id":"t","peer_id":"p","find":{"swarm_id":"s"})")));
  // The fault stands behind more bytes than one exported record holds.
  tcp.server_in(kSegment, test::http_response(message(R"("response_type":0,"error_code":0,"x_padding":")" +
                                                      std::string(kPadding, 'x') + R"(","transaction_id":"other")")));
  const Ended ended = check(write(folder / "large.pcap", test::pcap_file(frames)));
  EXPECT_EQ(ended.code, 1) << ended.output;
  EXPECT_TRUE(says(ended, "1 request, 1 response")) << ended.output;
  EXPECT_TRUE(says(ended, "transaction_id is \"other\", expected \"t\"")) << ended.output;
}

TEST(Check, AnEmptyFileIsNoCapture) {
  const Folder folder;
  const Ended ended = check(write(folder / "empty.pcapng", ""));
  EXPECT_EQ(ended.code, 2) << ended.output;
  EXPECT_TRUE(says(ended, "empty.pcapng: is empty")) << ended.output;
}

TEST(Check, WhatIsNoCaptureIsCalledByItsName) {
  const Folder folder;
  const Ended text = check(write(folder / "text.pcapng", "this is no capture\n"));
  EXPECT_EQ(text.code, 2);
  EXPECT_TRUE(says(text, "text.pcapng: the file isn't a capture file")) << text.output;
  EXPECT_FALSE(says(text, "standard input")) << text.output;
  fs::create_directories(folder / "empty");
  const Ended place = check(folder / "empty");
  EXPECT_EQ(place.code, 2);
  EXPECT_TRUE(says(place, "empty: is a folder without captures")) << place.output;
}

TEST(Check, PlacesThatCannotBeWrittenAreToldBeforeTheWork) {
  const Folder folder;
  const std::string file = write(folder / "file", "");
  for (const std::string& option : {"--annotate " + (folder / "none/copy.pcapng"), "--annotate " + folder.path(),
                                    "--out " + file + "/out", "--annotate " + kSession}) {
    const Ended ended = check(option + " " + kSession);
    EXPECT_EQ(ended.code, 2) << option << ": " << ended.output;
    EXPECT_FALSE(says(ended, "22 requests")) << option << ": the work was done first";
  }
  EXPECT_FALSE(read_file(kSession).empty()) << "a refused copy over the capture must not touch it";
}

TEST(Check, ACopyThatIsRefusedLaterLeavesNoFile) {
  const Folder folder;
  const std::string copy = folder / "copy.pcapng";
  EXPECT_EQ(check("--annotate " + copy + " " + (folder / "none.pcapng")).code, 2);
  EXPECT_FALSE(fs::exists(copy));
  EXPECT_EQ(check("--annotate " + copy + " " + kSession + " " + kSession).code, 2) << "one copy of two captures";
}

TEST(Check, ALimitIsACount) {
  for (const char* wrong : {"-1", "many", "1.5", "99999999999999999999"}) {
    const Ended ended = check(std::string("--limit ") + wrong + " " + kSession);
    EXPECT_EQ(ended.code, 2) << wrong << ": " << ended.output;
    EXPECT_TRUE(says(ended, std::string("--limit: is a number from 0 (all) to 999999999, not '") + wrong + "'"))
        << ended.output;
  }
  EXPECT_EQ(check("--limit 0 " + kSession).code, 0);
}

TEST(Check, TheLimitHidesAndCounts) {
  const Ended all = check("--limit 0 " + kBroken);
  const Ended one = check("--limit 1 " + kBroken);
  EXPECT_EQ(all.code, 1);
  EXPECT_EQ(one.code, 1);
  EXPECT_FALSE(says(all, "not shown"));
  EXPECT_TRUE(std::regex_search(one.output, std::regex("\\([0-9]+ further findings? of the same rules not shown")))
      << one.output;
  EXPECT_TRUE(says(one, "; 7 fails\n")) << "all count: " << one.output;
}

TEST(Check, OneIsSingular) {
  const Ended ended = check(kSession);
  EXPECT_TRUE(says(ended, "22 requests, 22 responses, 0 without answer; 1 note\n")) << ended.output;
  EXPECT_TRUE(says(check(kCaptures + "http2_tls/flow.pcapng"), "; no finding\n"));
}

TEST(Check, SeveralCapturesShareOneResultsFile) {
  const Folder folder;
  EXPECT_EQ(check("--out " + (folder / "out") + " " + kSession + " " + kBroken).code, 1);
  const std::string results = read_file(folder / "out/results.jsonl");
  EXPECT_EQ(lines_of_type(results, "run"), 1U);
  EXPECT_EQ(lines_of_type(results, "finding"), 8U) << results;
  EXPECT_EQ(lines_of_type(results, "attempt"), 2U);
  EXPECT_EQ(lines_of_type(results, "end"), 1U);
  const std::string junit = read_file(folder / "out/junit.xml");
  EXPECT_NE(junit.find("name=\"check [" + kSession), std::string::npos);
  EXPECT_NE(junit.find("name=\"check [" + kBroken), std::string::npos);
}

TEST(Check, JsonIsALineAFindingAndOneACapture) {
  const Ended ended = check("--format json " + kBroken);
  EXPECT_EQ(lines_of_type(ended.output, "finding"), 7U) << ended.output;
  EXPECT_EQ(lines_of_type(ended.output, "capture"), 1U);
}

TEST(Check, ProgressShowsOnATerminalOnly) {
  std::string captures;
  for (int i = 0; i < 6; ++i) captures += " " + kSession;
  EXPECT_FALSE(says(check(captures), "\r"));
  const Ended ended = shell("script -qefc '" + program() + " check " + captures + "' /dev/null");
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_TRUE(std::regex_search(ended.output, std::regex("\r\x1b\\[K\\[[1-6]/6\\] flow.pcapng: [0-9]+ messages?, ")))
      << ended.output;
  // Nothing of it is left before the verdict.
  EXPECT_FALSE(std::regex_search(ended.output, std::regex("finding[s]?verdict"))) << ended.output;
}

// The export itself proves that the plugin is there and fits: tshark needs no run of its own for that.
TEST(Check, TsharkIsStartedOnce) {
  const Folder folder;
  chmod(folder.path().c_str(), 0777);  // tshark runs under another uid when the tests run as root
  const std::string log = write(folder / "starts", "");
  chmod(log.c_str(), 0666);
  const std::string wrapper = write(folder / "tshark", "#!/bin/sh\necho \"$*\" >> " + log + "\nexec tshark \"$@\"\n");
  chmod(wrapper.c_str(), 0755);
  const Ended ended = shell("PEERSCOPE_TSHARK=" + wrapper + " " + program() + " check " + kSession);
  EXPECT_EQ(ended.code, 0) << ended.output;
  const std::string starts = read_file(log);
  EXPECT_EQ(std::count(starts.begin(), starts.end(), '\n'), 1) << starts;
}

// Two peers join at the same moment, and the tracker takes the second request first.
std::string two_joins(bool at_once) {
  const auto request = [](const std::string& peer) {
    return test::http_request(
        R"({"PPSPTrackerProtocol":{"version":1,"request_type":"CONNECT","transaction_id":"t-)" + peer +
        R"(","peer_id":")" + peer +
        R"(","connect":{"peer_addr":[{"ip_address":{"address_type":"ipv4","address":"192.0.2.7"},"port":6778,)"
        R"("priority":1,"type":"HOST"}],"swarm_action":[{"swarm_id":"s","action":"JOIN","peer_mode":"LEECH"}]}}})");
  };
  const auto answer = [](const std::string& peer, const std::vector<std::string>& listed) {
    std::string list;
    for (const std::string& one : listed) {
      list += (list.empty() ? R"(,"peer_group":{"peer_info":[)" : ",") + std::string(R"({"peer_id":")") + one +
              R"(","peer_addr":{"ip_address":{"address_type":"ipv4","address":"192.0.2.7"},"port":6778,)"
              R"("priority":1,"type":"HOST"}})";
    }
    return test::http_response(
        R"({"PPSPTrackerProtocol":{"version":1,"response_type":0,"error_code":0,"transaction_id":"t-)" + peer +
        R"(","swarm_result":[{"swarm_id":"s","result":0)" + list + (list.empty() ? "" : "]}") + "}]}}");
  };
  std::vector<test::Frame> frames;
  test::TcpConversation emil(frames, {0xc0000201, 40000}, {0xc0000250, 80});
  test::TcpConversation cleo(frames, {0xc0000202, 40000}, {0xc0000250, 80});
  test::TcpConversation anna(frames, {0xc0000203, 40000}, {0xc0000250, 80});
  anna.open();
  emil.open();
  cleo.open();
  anna.client(request("anna"));
  anna.server(answer("anna", {}));
  emil.client(request("emil"));
  if (!at_once) emil.server(answer("emil", {"anna", "cleo"}));
  cleo.client(request("cleo"));
  cleo.server(answer("cleo", {"anna"}));
  if (at_once) emil.server(answer("emil", {"anna", "cleo"}));
  return test::pcap_file(frames);
}

TEST(Replay, RequestsThatOverlapMayBeTakenInEitherOrder) {
  const Folder folder;
  const std::string flow = write(folder / "flow.pcap", two_joins(true));
  const Ended ended = shell(program() + " replay " + flow + " --play client --iut " + source("iut/tracker-http.yaml") +
                            " --out " + (folder / "out"));
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_TRUE(says(ended, "came or left at the same moment")) << ended.output;
}

TEST(Replay, RequestsThatFollowEachOtherMayNot) {
  const Folder folder;
  const std::string flow = write(folder / "flow.pcap", two_joins(false));
  const Ended ended = shell(program() + " replay " + flow + " --play client --iut " + source("iut/tracker-http.yaml") +
                            " --out " + (folder / "out"));
  EXPECT_EQ(ended.code, 1) << ended.output;
}

// ---- many captures

TEST(CheckMany, AFolderIsItsCapturesAndTheSummaryIsByRule) {
  const Folder folder;
  fs::create_directories(folder / "in/deeper");
  for (int i = 0; i < 5; ++i) fs::copy(kSession, folder / ("in/session" + std::to_string(i) + ".pcapng"));
  for (int i = 0; i < 3; ++i) fs::copy(kBroken, folder / ("in/deeper/broken" + std::to_string(i) + ".pcapng"));
  write(folder / "in/notes.txt", "no capture");
  const Ended ended = check("-q -j 3 --out " + (folder / "out") + " " + (folder / "in"));
  EXPECT_EQ(ended.code, 1) << ended.output;
  EXPECT_TRUE(says(ended, "8 captures, 5 pass, 3 fail; ")) << ended.output;
  EXPECT_TRUE(std::regex_search(ended.output, std::regex("fail +P-CONN-22 +3 x in 3 captures"))) << ended.output;
  EXPECT_TRUE(std::regex_search(ended.output, std::regex("info +P-FIND-03 +5 x in 5 captures"))) << ended.output;
  EXPECT_EQ(lines_of_type(read_file(folder / "out/results.jsonl"), "attempt"), 8U);
}

TEST(CheckMany, OneAtATimeAndSeveralSayTheSame) {
  const auto sorted = [](const std::string& text) {
    std::istringstream in(text);
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    std::sort(lines.begin(), lines.end());
    return lines;
  };
  const std::string files = kSession + " " + kBroken + " " + kCaptures + "http2_tls/flow.pcapng";
  const Ended one = check("-j 1 " + files);
  const Ended three = check("-j 3 " + files);
  EXPECT_EQ(one.code, three.code);
  EXPECT_EQ(sorted(one.output), sorted(three.output));
  // Each capture's text stays in one piece.
  const std::size_t frame = three.output.find("frame 33");
  const std::size_t end = three.output.find("verdict: fail");
  ASSERT_NE(frame, std::string::npos) << three.output;
  ASSERT_NE(end, std::string::npos) << three.output;
  EXPECT_EQ(three.output.substr(frame, end - frame).find("verdict: pass"), std::string::npos) << three.output;
}

TEST(CheckMany, ABadOneDoesNotHideTheOthers) {
  const Folder folder;
  const std::string text = write(folder / "text.pcapng", "this is no capture\n");
  const Ended ended = check("-q -j 2 " + text + " " + kSession + " " + kBroken);
  EXPECT_EQ(ended.code, 2) << ended.output;
  EXPECT_TRUE(says(ended, "3 captures, 1 pass, 1 fail, 1 blocked; ")) << ended.output;
}

// ---- an interface

TEST(CheckWatch, FindingsComeWhileTheTrafficGoesOn) {
  const Folder folder;
  if (geteuid() != 0) GTEST_SKIP() << "capturing needs rights that only root has for sure";
  const std::string iut = iut_with("tracker-http", "--defect, transaction-id-as-number", folder, "wrong");
  std::FILE* watch = popen(
      (program() + " check --watch lo --filter 'tcp' --duration 12 --out " + (folder / "out") + " 2>&1").c_str(), "r");
  ASSERT_NE(watch, nullptr);
  char line[4096];
  ASSERT_NE(fgets(line, sizeof line, watch), nullptr);
  ASSERT_EQ(std::string(line).substr(0, 11), "watching lo");
  std::this_thread::sleep_for(std::chrono::seconds(1));
  (void)run(iut, "ppstp/tracker/sanity --retries 0", folder, "run");
  const auto begin = std::chrono::steady_clock::now();
  std::string output;
  double first = -1;
  while (fgets(line, sizeof line, watch) != nullptr) {
    output += line;
    if (first < 0 && output.find("P-JSON-05") != std::string::npos)
      first = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  const int status = pclose(watch);
  EXPECT_EQ(WEXITSTATUS(status), 1) << output;
  EXPECT_GE(first, 0) << output;
  EXPECT_LT(first, 5) << "the finding came only at the end: " << output;
  EXPECT_NE(output.find("lo: "), std::string::npos) << output;
  EXPECT_NE(read_file(folder / "out/results.jsonl").find("P-JSON-05"), std::string::npos);
}

TEST(CheckWatch, ItEndsAtTheSignalAndNamesMistakes) {
  if (geteuid() != 0) GTEST_SKIP() << "capturing needs rights that only root has for sure";
  const Ended ended = shell("timeout -s INT --foreground 4 " + program() + " check --watch lo --filter 'tcp port 1'");
  EXPECT_EQ(ended.code, 124) << ended.output;  // what timeout(1) makes of it; the summary is there
  EXPECT_TRUE(says(ended, "lo: 0 requests, 0 responses")) << ended.output;
  const Ended none = check("--watch no-such-interface");
  EXPECT_EQ(none.code, 2) << none.output;
  EXPECT_TRUE(says(none, "no-such-interface")) << none.output;
  EXPECT_EQ(check("--watch lo --filter 'no filter at all'").code, 2);
  EXPECT_EQ(check("").code, 2);
  EXPECT_EQ(check("--watch lo " + kSession).code, 2);
}

}  // namespace
}  // namespace peerscope::e2e
