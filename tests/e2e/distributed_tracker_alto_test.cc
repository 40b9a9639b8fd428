// SPDX-License-Identifier: GPL-2.0-or-later
// A tracker of the distributed tracker beside the reference ALTO server: near peers are listed first while the server
// lives, and everybody still is when it is gone.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "harness/engine/process.h"
#include "protocols/ppstp/protocol.h"
#include "reference-impl/net/http_client.h"
#include "reference-impl/net/url.h"
#include "tests/e2e/program.h"

namespace peerscope::e2e {
namespace {

using harness::Process;

class AltoAndTracker : public ::testing::Test {
 protected:
  std::string start(Process& process, std::vector<std::string> command, const std::string& name) {
    const std::string ready = folder_ / ("ready-" + name);
    command.insert(command.end(), {"--log-level", "warning", "--ready-file", ready});
    EXPECT_EQ(process.start(command, {}, folder_ / ("log-" + name)), "");
    for (int tries = 0; tries < 200 && !fs::exists(ready) && process.running(); ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::string url;
    std::ifstream(ready) >> url;
    EXPECT_NE(url, "") << read_file(folder_ / ("log-" + name));
    return url;
  }
  ppstp::Response ask(ppstp::Request asked) {
    asked.version = ppstp::kVersion1;
    asked.transaction_id = "t" + std::to_string(++transactions_);
    net::HttpRequest request;
    request.method = "POST";
    request.target = url_.target;
    request.headers.add("Content-Type", ppstp::kMediaType);
    request.body = ppstp::encode(std::move(asked));
    net::BlockingClient client(net::ClientOptions::for_url(url_));
    const auto answer = client.send(std::move(request));
    Message message;
    if (answer.ok()) ppstp::decode(answer->body, message);
    const ppstp::Response* response = ppstp::response_of(message);
    EXPECT_NE(response, nullptr);
    return response != nullptr ? *response : ppstp::Response{};
  }
  void join(const std::string& peer, const std::string& ip) {
    ppstp::Request request;
    request.request_type = std::string(ppstp::kRequestConnect);
    request.peer_id = peer;
    ppstp::PeerAddr address;
    address.ip_address.emplace().address_type = "ipv4";
    address.ip_address->address = ip;
    address.port = 7000;
    address.priority = 1;
    address.type = "HOST";
    request.connect.emplace().peer_addr.push_back(std::move(address));
    request.connect->swarm_action.push_back({"movie", std::string(ppstp::kJoin), std::string(ppstp::kLeech)});
    EXPECT_EQ(ask(std::move(request)).error_code, ppstp::kNoError);
  }
  std::vector<std::string> find(const std::string& peer) {
    ppstp::Request request;
    request.request_type = std::string(ppstp::kRequestFind);
    request.peer_id = peer;
    request.find.emplace().swarm_id = "movie";
    std::vector<std::string> ids;
    const ppstp::Response answer = ask(std::move(request));
    EXPECT_EQ(answer.error_code, ppstp::kNoError);
    if (answer.swarm_result.empty() || !answer.swarm_result[0].peer_group) return ids;
    for (const ppstp::PeerInfo& info : answer.swarm_result[0].peer_group->peer_info) ids.push_back(*info.peer_id);
    return ids;
  }

  Folder folder_;
  Process alto_;
  Process tracker_;
  net::Url url_;
  int transactions_ = 0;
};

TEST_F(AltoAndTracker, NearPeersAreListedFirstWhileTheServerLives) {
  const std::string map = write(folder_ / "map.csv", "home,192.0.2.0/24\nnear,198.51.100.0/24\nfar,203.0.113.0/24\n");
  const std::string costs = write(folder_ / "costs.csv", "home,near,5\nhome,far,50\n");
  const std::string directory = start(alto_, {program(), "serve", "alto", "--map", map, "--costs", costs}, "alto");
  const std::string url =
      start(tracker_,
            {program(), "serve", "distributed-tracker", "--http", "--key-type", "p256", "--no-certificate", "--overlay",
             "alto.example.org", "--enrollment", "127.0.0.1:0", "--https-ca-out", folder_ / "ca.pem", "--config-out",
             folder_ / "overlay.xml", "--alto", directory, "--alto-refresh", "0.2"},
            "tracker");
  url_ = *net::Url::parse(url);
  join("asker", "192.0.2.1");
  join("far-1", "203.0.113.1");
  join("near-1", "198.51.100.1");
  join("far-2", "203.0.113.2");
  join("near-2", "198.51.100.2");
  // The maps may still be on their way: then the order is by chance.
  std::vector<std::string> list;
  for (int sorted = 0, tries = 0; sorted < 8 && tries < 200; ++tries) {
    list = find("asker");
    ASSERT_EQ(list.size(), 4U);
    sorted = list[0].starts_with("near") && list[1].starts_with("near") ? sorted + 1 : 0;
    if (sorted == 0) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_TRUE(list[0].starts_with("near") && list[1].starts_with("near"));
  EXPECT_TRUE(list[2].starts_with("far") && list[3].starts_with("far"));
  alto_.stop(0, SIGKILL);
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  EXPECT_EQ(find("asker").size(), 4U);
  const std::string log = read_file(folder_ / "log-tracker");
  const std::size_t said = log.find("no costs from the ALTO server");
  EXPECT_NE(said, std::string::npos) << log;
  EXPECT_EQ(log.find("no costs from the ALTO server", said + 1), std::string::npos) << "said once";
}

}  // namespace
}  // namespace peerscope::e2e
