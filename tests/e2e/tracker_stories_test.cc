// SPDX-License-Identifier: GPL-2.0-or-later
// Defects of a distributed tracker in a capture of its overlay: `check` finds each where it shows. Five trackers in
// five programs, one of them with the defect; what all of them say is one capture.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "harness/engine/process.h"
#include "protocols/ppstp/protocol.h"
#include "reference-impl/net/http_client.h"
#include "reference-impl/net/url.h"
#include "tests/e2e/program.h"

namespace peerscope::e2e {
namespace {

using harness::Process;

class TracedTrackers {
 public:
  static constexpr std::size_t kCount = 5;
  static constexpr std::size_t kFaulty = 1;

  TracedTrackers(const std::string& defect, const std::string& words) {
    for (std::size_t i = 0; i < kCount; ++i) {
      std::vector<std::string> command{
          program(),     "serve", "distributed-tracker", "--http",  "--key-type",   "p256",       "--trace", trace(i),
          "--hold-down", "1",     "--log-level",         "warning", "--ready-file", ready_file(i)};
      std::istringstream more(words);
      for (std::string word; more >> word;) command.push_back(word);
      const std::vector<std::string> first{"--overlay",    "tracker.example.org", "--enrollment",
                                           "127.0.0.1:0",  "--https-ca-out",      folder_ / "ca.pem",
                                           "--config-out", folder_ / "doc.xml"};
      const std::vector<std::string> next{"--config",   folder_ / "doc.xml",
                                          "--https-ca", folder_ / "ca.pem",
                                          "--user",     "t" + std::to_string(i) + "@tracker.example.org"};
      command.insert(command.end(), (i == 0 ? first : next).begin(), (i == 0 ? first : next).end());
      if (i == kFaulty && !defect.empty()) command.insert(command.end(), {"--defect", defect});
      EXPECT_EQ(processes_[i].start(command, {}, folder_ / ("log" + std::to_string(i))), "");
      for (int tries = 0; tries < 200 && !fs::exists(ready_file(i)) && processes_[i].running(); ++tries)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      std::ifstream(ready_file(i)) >> urls_[i];
      EXPECT_NE(urls_[i], "") << read_file(folder_ / ("log" + std::to_string(i)));
    }
  }

  void connect(std::size_t tracker, const std::string& peer, const std::vector<std::string>& swarms,
               std::string_view action = ppstp::kJoin) {
    ppstp::Request request;
    request.request_type = std::string(ppstp::kRequestConnect);
    request.connect.emplace();
    ppstp::PeerAddr address;
    address.ip_address = ppstp::IpAddress{"ipv4", "192.0.2." + std::to_string(tracker + 1)};
    address.port = 6778;
    address.priority = 1;
    address.type = "HOST";
    request.connect->peer_addr.push_back(address);
    for (const std::string& swarm : swarms)
      request.connect->swarm_action.push_back(
          {.swarm_id = swarm, .action = std::string(action), .peer_mode = std::string(ppstp::kLeech)});
    ask(tracker, peer, std::move(request));
  }
  void find(std::size_t tracker, const std::string& peer, const std::string& swarm) {
    ppstp::Request request;
    request.request_type = std::string(ppstp::kRequestFind);
    request.find = ppstp::Find{.swarm_id = swarm, .peer_num = {}};
    ask(tracker, peer, std::move(request));
  }
  void report(std::size_t tracker, const std::string& peer, const std::string& swarm) {
    ppstp::Request request;
    request.request_type = std::string(ppstp::kRequestStatReport);
    ppstp::Stat stat;
    stat.swarm_id = swarm;
    stat.uploaded_bytes = stat.downloaded_bytes = stat.available_bandwidth = stat.concurrent_links = 1;
    request.stat_report.emplace().stat.push_back(stat);
    request.stat_report->type = "STREAM_STATS";
    ask(tracker, peer, std::move(request));
  }
  void wait(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

  // Ids of the system's rules that the capture of all trackers breaks.
  std::set<std::string> found() {
    wait(0.3);
    std::string traces;
    for (std::size_t i = 0; i < kCount; ++i) {
      processes_[i].stop(3, SIGTERM);
      traces += " " + trace(i);
    }
    const std::string all = folder_ / "all.pcapng";
    EXPECT_EQ(shell("mergecap -w " + all + traces).code, 0);
    const Ended checked = shell(program() + " check " + all);
    std::set<std::string> ids;
    for (std::size_t at = checked.output.find("SD-DT-"); at != std::string::npos;
         at = checked.output.find("SD-DT-", at + 1))
      ids.insert(checked.output.substr(at, std::string_view("SD-DT-00").size()));
    EXPECT_NE(checked.code, 3) << checked.output;
    return ids;
  }

 private:
  std::string ready_file(std::size_t i) const { return folder_ / ("ready" + std::to_string(i)); }
  std::string trace(std::size_t i) const { return folder_ / ("trace" + std::to_string(i) + ".pcapng"); }
  void ask(std::size_t tracker, const std::string& peer, ppstp::Request request) {
    request.version = ppstp::kVersion1;
    request.peer_id = peer;
    request.transaction_id = "e2e-" + std::to_string(++requests_);
    const auto url = net::Url::parse(urls_[tracker]);
    ASSERT_TRUE(url.ok());
    net::BlockingClient client(net::ClientOptions::for_url(*url));
    net::HttpRequest http;
    http.method = "POST";
    http.target = url->target;
    http.headers.add("Content-Type", ppstp::kMediaType);
    http.body = ppstp::encode(std::move(request));
    EXPECT_TRUE(client.send(std::move(http)).ok());
  }

  Folder folder_;
  std::string urls_[kCount];
  Process processes_[kCount];
  int requests_ = 0;
};

// Swarms enough that some are stored at other trackers than the faulty one.
std::string swarm(int i) {
  return "swarm-" + std::to_string(i);
}
constexpr int kSwarms = 8;
constexpr std::size_t kAt = TracedTrackers::kFaulty;
constexpr std::size_t kElsewhere = 3;

using Flow = void (*)(TracedTrackers&);

void come_and_go(TracedTrackers& t) {
  for (int i = 0; i < kSwarms; ++i) t.connect(kElsewhere, "other-" + swarm(i), {swarm(i)});
  for (const std::string peer : {"anna", "bert"}) {
    for (int i = 0; i < kSwarms; ++i) t.connect(kAt, peer, {swarm(i)});
    for (int i = 0; i < kSwarms; ++i) t.find(kAt, peer, swarm(i));
  }
  std::vector<std::string> all;
  for (int i = 0; i < kSwarms; ++i) all.push_back(swarm(i));
  t.connect(kAt, "carl", all);
  for (int i = 0; i < kSwarms; ++i) t.connect(kAt, "bert", {swarm(i)}, ppstp::kLeave);
}
void report_again(TracedTrackers& t) {
  for (int peer = 0; peer < kSwarms; ++peer) t.connect(kAt, "peer-" + std::to_string(peer), {swarm(peer)});
  t.wait(6);  // what a CONNECT leads to comes within 5 s
  for (int times = 0; times < 2; ++times) {
    for (int peer = 0; peer < kSwarms; ++peer) t.report(kAt, "peer-" + std::to_string(peer), swarm(peer));
    t.wait(0.3);
  }
}
void move_and_look(TracedTrackers& t) {
  for (int i = 0; i < kSwarms; ++i) {
    t.connect(kAt, "asker", {swarm(i)});
    t.connect(kElsewhere, "mover", {swarm(i)});
  }
  t.wait(0.1);
  for (int i = 0; i < kSwarms; ++i) t.connect(4, "mover", {swarm(i)});
  t.wait(11);  // lists in a cache are good for 10 s
  for (int i = 0; i < kSwarms; ++i) t.find(kAt, "asker", swarm(i));
}
void look_twice(TracedTrackers& t) {
  for (int i = 0; i < kSwarms; ++i) t.connect(kAt, "asker", {swarm(i)});
  for (int i = 0; i < kSwarms; ++i) t.find(kAt, "asker", swarm(i));
  t.wait(12);
  for (int i = 0; i < kSwarms; ++i) t.find(kAt, "asker", swarm(i));
}

// Peers of both trackers in one swarm, so that some of each are in every shard.
void look_in_shards(TracedTrackers& t) {
  for (int i = 0; i < 3 * kSwarms; ++i) {
    const std::string peer = "peer-" + std::to_string(i);
    t.connect(i % 2 == 0 ? kAt : kElsewhere, peer, {swarm(0)});
  }
  t.wait(12);
  for (int i = 0; i < kSwarms; i += 2) t.find(kAt, "peer-" + std::to_string(i), swarm(0));
}

struct Row {
  const char* defect;
  const char* rule;
  Flow flow;
  const char* words = "";
};
constexpr Row kRows[] = {
    {"does-not-store", "SD-DT-02", come_and_go},
    {"status-kind-for-swarm", "SD-DT-02", come_and_go},
    {"name-without-prefix", "SD-DT-02", come_and_go},
    {"answers-before-store", "SD-DT-03", come_and_go},
    {"store-error-is-success", "SD-DT-04", come_and_go, "--max-entries 2"},
    {"own-peers-only", "SD-DT-05", come_and_go},
    {"peer-first-in-key", "SD-DT-07", come_and_go},
    {"refresh-every-time", "SD-DT-09", report_again},
    {"leave-not-stored", "SD-DT-10", come_and_go},
    {"leave-stores-empty-value", "SD-DT-10", come_and_go},
    {"first-store-only", "SD-DT-13", come_and_go},
    {"one-store-at-a-time", "SD-DT-13", come_and_go},
    {"duplicates-listed", "SD-DT-14", move_and_look},
    {"oldest-wins", "SD-DT-14", move_and_look},
    {"shard-by-last-bytes", "SD-DT-15", come_and_go, "--shards 16"},
    {"first-shard-only", "SD-DT-16", look_in_shards, "--shards 4"},
    {"foreign-peers-first", "SD-DT-17", come_and_go},
    {"status-with-every-report", "SD-DT-19", report_again},
    {"stale-cache", "SD-DT-20", look_twice},
    {"service-error-is-success", "SD-DT-21", come_and_go, "--service-mode --max-entries 2"},
    {"service-own-peers-only", "SD-DT-21", come_and_go, "--service-mode"},
};

class TrackerDefect : public testing::TestWithParam<Row> {};

TEST_P(TrackerDefect, IsFoundInTheCaptureOfItsOverlay) {
  const Row row = GetParam();
  TracedTrackers trackers(row.defect, row.words);
  row.flow(trackers);
  const std::set<std::string> found = trackers.found();
  EXPECT_TRUE(found.contains(row.rule)) << row.defect << " breaks " << testing::PrintToString(found);
}

INSTANTIATE_TEST_SUITE_P(Named, TrackerDefect, testing::ValuesIn(kRows), [](const auto& one) {
  std::string name = one.param.defect;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

class GoodTrackers : public testing::TestWithParam<std::tuple<const char*, Flow>> {};

TEST_P(GoodTrackers, BreakNothing) {
  const auto& [mode, flow] = GetParam();
  TracedTrackers trackers("", mode);
  flow(trackers);
  EXPECT_EQ(trackers.found(), std::set<std::string>()) << mode;
}

INSTANTIATE_TEST_SUITE_P(InEachMode, GoodTrackers,
                         testing::Combine(testing::Values("", "--service-mode", "--shards 4"),
                                          testing::Values(come_and_go, report_again, move_and_look, look_twice,
                                                          look_in_shards)));

}  // namespace
}  // namespace peerscope::e2e
