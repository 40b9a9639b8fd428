// SPDX-License-Identifier: GPL-2.0-or-later
// A tracker on a manual clock, and short ways to write requests and to look at answers.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocols/ppstp/protocol.h"
#include "reference-impl/net/clock.h"
#include "reference-impl/ppstp/tracker.h"

namespace peerscope::ppstp::testing {

struct Answer {
  int status = 0;
  net::Headers headers;
  std::string body;
  bool is_response = false;  // the body could be decoded
  Response response;
  bool dropped = false;  // nothing was sent

  bool ok() const { return is_response && response.response_type == kSuccessful; }
  std::int64_t code() const { return is_response ? response.error_code.value_or(-1) : -1; }
  std::int64_t result(std::size_t i = 0) const {
    return i < response.swarm_result.size() ? response.swarm_result[i].result.value_or(-1) : -1;
  }
  // Peer IDs of the list of the i-th result, with repetitions.
  std::multiset<std::string> peers(std::size_t i = 0) const {
    std::multiset<std::string> ids;
    if (i < response.swarm_result.size() && response.swarm_result[i].peer_group) {
      for (const PeerInfo& info : response.swarm_result[i].peer_group->peer_info)
        ids.insert(info.peer_id.value_or("?"));
    }
    return ids;
  }
};

inline SwarmAction join(std::string swarm, std::string_view mode = kLeech) {
  return {.swarm_id = std::move(swarm), .action = std::string(kJoin), .peer_mode = std::string(mode)};
}
inline SwarmAction leave(std::string swarm, std::string_view mode = kLeech) {
  return {.swarm_id = std::move(swarm), .action = std::string(kLeave), .peer_mode = std::string(mode)};
}
inline PeerAddr address(std::string ip, std::int64_t port = 6778, std::int64_t priority = 1,
                        std::string type = "HOST") {
  const bool v6 = ip.find(':') != std::string::npos;
  PeerAddr addr;
  addr.ip_address = IpAddress{.address_type = v6 ? "ipv6" : "ipv4", .address = std::move(ip)};
  addr.port = port;
  addr.priority = priority;
  addr.type = std::move(type);
  return addr;
}
inline PeerNum count(std::int64_t peer_count) {
  PeerNum num;
  num.peer_count = peer_count;
  return num;
}
inline Stat stat(std::string swarm, std::int64_t links = 1) {
  return {.swarm_id = std::move(swarm),
          .uploaded_bytes = 1,
          .downloaded_bytes = 2,
          .available_bandwidth = 3,
          .concurrent_links = links};
}

class Rig {
 public:
  explicit Rig(TrackerOptions options = {}, std::unique_ptr<Access> access = nullptr)
      : tracker(clock, std::move(options), std::move(access)) {}
  explicit Rig(TrackerDefect defect) : Rig(with(defect)) {}

  static TrackerOptions with(TrackerDefect defect) {
    TrackerOptions options;
    options.defects.add(defect);
    return options;
  }

  Answer post(std::string body) {
    net::HttpRequest request;
    request.method = "POST";
    request.headers.add("Content-Type", kMediaType);
    request.body = std::move(body);
    return send(std::move(request));
  }
  Answer send(net::HttpRequest request) {
    net::Reply reply = tracker.handle(request, connection);
    Answer answer;
    answer.status = reply.response.status;
    answer.headers = reply.response.headers;
    answer.body = reply.shared_body ? *reply.shared_body : reply.response.body;
    answer.dropped = reply.end != net::Reply::End::kKeep;
    Message message;
    decode(answer.body, message);
    if (const Response* response = response_of(message))
      answer.response = *response, answer.is_response = message.has(Shape::kMalformed) == false;
    return answer;
  }

  Request request(std::string_view type, const std::string& peer) {
    Request r;
    r.version = kVersion1;
    r.request_type = std::string(type);
    r.transaction_id = "t-" + std::to_string(++last_transaction);
    r.peer_id = peer;
    return r;
  }
  Request connect_request(const std::string& peer, std::vector<SwarmAction> actions,
                          std::vector<PeerAddr> addresses = {}, std::optional<PeerNum> num = {}) {
    Request r = request(kRequestConnect, peer);
    r.connect =
        Connect{.peer_num = std::move(num), .peer_addr = std::move(addresses), .swarm_action = std::move(actions)};
    return r;
  }
  Answer connect(const std::string& peer, std::vector<SwarmAction> actions, std::vector<PeerAddr> addresses = {},
                 std::optional<PeerNum> num = {}) {
    return post(encode(connect_request(peer, std::move(actions), std::move(addresses), std::move(num))));
  }
  Answer find(const std::string& peer, std::string swarm, std::optional<PeerNum> num = {}) {
    Request r = request(kRequestFind, peer);
    r.find = Find{.swarm_id = std::move(swarm), .peer_num = std::move(num)};
    return post(encode(std::move(r)));
  }
  Answer report(const std::string& peer, std::vector<Stat> stats) {
    Request r = request(kRequestStatReport, peer);
    r.stat_report = StatReport{.type = std::string(kStreamStats), .stat = std::move(stats)};
    return post(encode(std::move(r)));
  }
  Answer keep_alive(const std::string& peer) { return post(encode(request(kRequestStatReport, peer))); }
  void pass(double seconds) {
    clock.advance(std::chrono::duration_cast<net::Duration>(std::chrono::duration<double>(seconds)));
  }
  // Fills a swarm with LEECHes p0, p1, ...
  void populate(const std::string& swarm, int peers) {
    for (int i = 0; i < peers; ++i) {
      connect("p" + std::to_string(i), {join(swarm)}, {address("192.0.2." + std::to_string(i % 250 + 1), 1000 + i)});
    }
  }

  net::ManualClock clock;
  net::ConnectionInfo connection{{"198.51.100.7", 40000}, {"127.0.0.1", 80}, false, 1, {}, {}, {}};
  Tracker tracker;
  int last_transaction = 0;
};

}  // namespace peerscope::ppstp::testing
