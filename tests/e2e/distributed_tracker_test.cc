// SPDX-License-Identifier: GPL-2.0-or-later
// Eight trackers in eight programs, over TLS on loopback: a peer cannot tell any of them from a tracker that is alone,
// and the loss of two loses no registration.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
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

class Trackers {
 public:
  static constexpr std::size_t kCount = 8;

  explicit Trackers(const std::string& words) {
    const std::string https_ca = folder_ / "ca.pem";
    const std::string document = folder_ / "document.xml";
    for (std::size_t i = 0; i < kCount; ++i) {
      std::vector<std::string> command{program(),      "serve",      "distributed-tracker", "--key-type",  "p256",
                                       "--hold-down",  "1",          "--no-certificate",    "--log-level", "warning",
                                       "--ready-file", ready_file(i)};
      std::istringstream more(words);
      for (std::string word; more >> word;) command.push_back(word);
      const std::vector<std::string> first{
          "--overlay", "tracker.example.org", "--enrollment", "127.0.0.1:0", "--https-ca-out",
          https_ca,    "--config-out",        document};
      const std::vector<std::string> next{"--config", document, "--https-ca",
                                          https_ca,   "--user", "t" + std::to_string(i) + "@tracker.example.org"};
      const std::vector<std::string>& particular = i == 0 ? first : next;
      command.insert(command.end(), particular.begin(), particular.end());
      EXPECT_EQ(processes_[i].start(command, {}, log(i)), "");
      for (int tries = 0; tries < 200 && !fs::exists(ready_file(i)) && processes_[i].running(); ++tries)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      std::ifstream(ready_file(i)) >> urls_[i];
      EXPECT_NE(urls_[i], "") << read_file(log(i));
    }
  }

  const std::string& url(std::size_t i) const { return urls_[i]; }
  // Without a word to its neighbours.
  void kill(std::size_t i) { processes_[i].stop(0, SIGKILL); }
  bool all_run() {
    for (Process& process : processes_) {
      if (!process.running()) return false;
    }
    return true;
  }
  std::string iut(std::size_t i) const {
    return write(folder_ / ("tracker" + std::to_string(i) + ".yaml"),
                 "iut: distributed-tracker-" + std::to_string(i) + "\nrole: tracker\nattach:\n  url: " + urls_[i] +
                     "\nfeatures: [ppstp.v1, ppstp.tls, ppstp.short-timers, ppstp.http-1, ppstp.ipv6]\n"
                     "not: [ppstp.auth-digest, ppstp.auth-bearer, ppstp.overload]\nfacts: {track_timer: 1.5s}\n");
  }
  const Folder& folder() const { return folder_; }

 private:
  std::string ready_file(std::size_t i) const { return folder_ / ("ready" + std::to_string(i)); }
  std::string log(std::size_t i) const { return folder_ / ("log" + std::to_string(i)); }

  Folder folder_;
  std::string urls_[kCount];
  Process processes_[kCount];
};

void expect_suite_passes(Trackers& trackers, std::size_t at) {
  const Outcome outcome = run(trackers.iut(at), "ppstp/tracker", trackers.folder(), "out" + std::to_string(at));
  EXPECT_EQ(outcome.ended.code, 0) << outcome.ended.output;
  EXPECT_GT(outcome.requirements.size(), 50U);
  for (const auto& [id, verdict] : outcome.requirements)
    EXPECT_TRUE(verdict == "pass" || verdict == "info") << id << " " << verdict << "\n" << outcome.ended.output;
}

TEST(DistributedTracker, TheWholeSuitePassesBeforeAndAfterTwoTrackersDie) {
  Trackers trackers("--track-timer 1.5 --init-timer 1");
  expect_suite_passes(trackers, 3);
  trackers.kill(1);
  trackers.kill(5);
  expect_suite_passes(trackers, 6);
}

TEST(DistributedTracker, TheWholeSuitePassesInServiceModeBeforeAndAfterATrackerDies) {
  Trackers trackers("--service-mode --track-timer 1.5 --init-timer 1");
  expect_suite_passes(trackers, 2);
  trackers.kill(4);
  expect_suite_passes(trackers, 7);
}

// ---- registrations

struct Said {
  std::int64_t code = -1;
  std::set<std::string> peers;
};

Said ask(const std::string& url, ppstp::Request request) {
  static int last = 0;
  request.version = ppstp::kVersion1;
  request.transaction_id = "e2e-" + std::to_string(++last);
  const auto parsed = net::Url::parse(url);
  if (!parsed.ok()) return {};
  net::ClientOptions options = net::ClientOptions::for_url(*parsed);
  options.tls->verify = net::TlsClientOptions::Verify::kNone;
  net::BlockingClient client(std::move(options));
  net::HttpRequest http;
  http.method = "POST";
  http.target = parsed->target;
  http.headers.add("Content-Type", ppstp::kMediaType);
  http.body = ppstp::encode(std::move(request));
  const auto response = client.send(std::move(http));
  if (!response.ok()) return {};
  Message message;
  ppstp::decode(response->body, message);
  const ppstp::Response* answer = ppstp::response_of(message);
  if (answer == nullptr) return {};
  Said said{answer->error_code.value_or(-1), {}};
  for (const ppstp::SwarmResult& result : answer->swarm_result) {
    if (result.result != 0) said.code = 100;
    if (!result.peer_group) continue;
    for (const ppstp::PeerInfo& info : result.peer_group->peer_info) said.peers.insert(info.peer_id.value_or("?"));
  }
  return said;
}

Said join(const std::string& url, const std::string& peer, const std::string& swarm) {
  ppstp::Request request;
  request.request_type = std::string(ppstp::kRequestConnect);
  request.peer_id = peer;
  request.connect.emplace().swarm_action.push_back(
      {.swarm_id = swarm, .action = std::string(ppstp::kJoin), .peer_mode = std::string(ppstp::kLeech)});
  return ask(url, std::move(request));
}

Said find(const std::string& url, const std::string& peer, const std::string& swarm) {
  ppstp::Request request;
  request.request_type = std::string(ppstp::kRequestFind);
  request.peer_id = peer;
  request.find = ppstp::Find{.swarm_id = swarm, .peer_num = {}};
  return ask(url, std::move(request));
}

class Registrations : public testing::TestWithParam<const char*> {};

TEST_P(Registrations, NoneThatWasAcknowledgedIsMissingAfterTwoTrackersDie) {
  constexpr std::size_t kSwarms = 10;
  constexpr std::size_t kPeers = 60;
  constexpr std::chrono::seconds kRepairTime{20};
  Trackers trackers(GetParam());
  std::map<std::string, std::set<std::string>> registered;  // by swarm
  for (std::size_t i = 0; i < kPeers; ++i) {
    const std::string swarm = "swarm-" + std::to_string(i % kSwarms);
    const std::string peer = "peer-" + std::to_string(i);
    ASSERT_EQ(join(trackers.url(i * 3 % Trackers::kCount), peer, swarm).code, 0) << peer;
    registered[swarm].insert(peer);
  }
  ASSERT_TRUE(trackers.all_run());
  trackers.kill(2);
  trackers.kill(4);
  const auto killed = std::chrono::steady_clock::now();
  for (const auto& [swarm, peers] : registered) {
    const std::string asker = "asker-of-" + swarm;
    const std::string& url = trackers.url(swarm.back() % 2 == 0 ? 0 : 7);
    std::set<std::string> missing = peers;
    while (!missing.empty() && std::chrono::steady_clock::now() - killed < kRepairTime) {
      // 05 is honest while nobody has taken over; anything else must be right.
      Said said = find(url, asker, swarm);
      if (said.code == ppstp::kForbiddenAction) said = join(url, asker, swarm);
      ASSERT_TRUE(said.code == 0 || said.code == ppstp::kServiceUnavailable) << said.code;
      for (const std::string& peer : said.peers) {
        EXPECT_TRUE(peers.contains(peer)) << peer << " in " << swarm;
        missing.erase(peer);
      }
      if (!missing.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
    EXPECT_TRUE(missing.empty()) << missing.size() << " peers of " << swarm << " are missing, as " << *missing.begin();
  }
}

INSTANTIATE_TEST_SUITE_P(InBothModes, Registrations, testing::Values("", "--service-mode"),
                         [](const auto& mode) { return *mode.param == 0 ? "store" : "service"; });

}  // namespace
}  // namespace peerscope::e2e
