// SPDX-License-Identifier: GPL-2.0-or-later
// A PPSTP peer (RFC 7846): keeps a registration at a tracker alive and asks it for peers. It is the tracker client
// only; what peers say to each other is PPSPP.
//
// Ownership: clock and channel must outlive the peer; the peer must outlive its operations. Failure: in the Outcome.
// Threading: one thread, and one operation at a time.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/ppstp/protocol.h"
#include "reference-impl/net/auth.h"
#include "reference-impl/net/clock.h"
#include "reference-impl/net/http_channel.h"
#include "reference-impl/ppstp/defects.h"

namespace peerscope::ppstp {

// How an operation ended.
struct Outcome {
  enum class Kind {
    kOk,
    kRefused,  // the tracker said FAILED: `code`
    kInvalid,  // no valid answer, after all repetitions: `detail`
    kNetwork,  // no answer at all, after all repetitions: `detail`
  };
  Kind kind = Kind::kOk;
  std::int64_t code = kNoError;
  std::string detail;
  Response response;  // of kOk and kRefused
  int attempts = 0;   // requests sent, authentication and reconnection included
  bool reconnected = false;

  bool ok() const { return kind == Kind::kOk; }
  // All peers of all lists in the answer.
  std::vector<PeerInfo> peers() const;
};

struct Attempt {
  std::string_view request;  // JSON text
  const net::HttpResponse* response = nullptr;
  std::string_view problem;  // why the answer is not valid; empty when it is
  int number = 1;
};

struct PeerOptions {
  std::string peer_id;
  std::string target = "/";
  std::vector<PeerAddr> addresses;
  std::optional<PeerNum> peer_num;
  net::Duration report_interval = std::chrono::seconds(60);
  bool follow_tracker_interval = true;  // take report_interval from the tracker's extension member when it is there
  // Section 4.3: an invalid answer, or none, makes the same request go out again after these pauses.
  std::vector<net::Duration> pauses{std::chrono::seconds(1), std::chrono::seconds(2), std::chrono::seconds(4)};
  std::optional<net::DigestCredentials> digest;
  std::string token;  // bearer
  std::uint64_t seed = 0;
  PeerDefects defects;
  std::function<void(const Attempt&)> on_attempt;
};

struct SwarmIntent {
  std::string swarm_id;
  bool seeder = false;
};

// What a peer did in a swarm, as reports tell it. Bytes only grow (section 3.2.5).
struct Traffic {
  std::int64_t uploaded_bytes = 0;
  std::int64_t downloaded_bytes = 0;
  std::int64_t available_bandwidth = 0;
  std::int64_t concurrent_links = 0;
};

class Peer {
 public:
  Peer(net::Clock& clock, net::HttpChannel& channel, PeerOptions options);

  // Joins and leaves in one CONNECT. On success the peer remembers what it has joined.
  net::asio::awaitable<Outcome> connect(std::vector<SwarmIntent> joins, std::vector<std::string> leaves = {});
  net::asio::awaitable<Outcome> find(std::string swarm_id, std::optional<std::int64_t> peer_count = {});
  net::asio::awaitable<Outcome> report(bool with_statistics = true);
  net::asio::awaitable<Outcome> leave();  // everything; kOk without a request when nothing is joined

  // Reports at the interval until stop() or until `duration` has passed.
  net::asio::awaitable<void> run(net::Duration duration);
  void stop() { stopped_ = true; }

  // Adds to the counters of a swarm.
  void count(const std::string& swarm_id, std::int64_t uploaded, std::int64_t downloaded);
  void set_links(const std::string& swarm_id, std::int64_t links, std::int64_t available_bandwidth);

  const std::map<std::string, SwarmIntent>& joined() const { return joined_; }
  net::Duration report_interval() const { return interval_; }
  const PeerOptions& options() const { return options_; }

 private:
  Request begin(std::string_view request_type);
  Request make_connect(const std::vector<SwarmIntent>& joins, const std::vector<std::string>& leaves);
  std::string next_transaction_id();
  std::string encode_request(Request request) const;
  // The whole of section 4.3's recovery for one request.
  net::asio::awaitable<Outcome> exchange(Request request);
  net::asio::awaitable<net::Result<net::HttpResponse>> send(const std::string& body, int& attempts);
  // P-FSM-12: registers again, then repeats the operation once.
  net::asio::awaitable<Outcome> with_registration(std::function<Request()> make);
  void authorize(net::HttpRequest& request);
  bool defect(PeerDefect d) const { return options_.defects.has(d); }

  net::Clock& clock_;
  net::HttpChannel& channel_;
  PeerOptions options_;
  net::Duration interval_;
  std::map<std::string, SwarmIntent> joined_;
  std::map<std::string, Traffic> traffic_;
  std::mt19937_64 random_;
  std::string session_;  // makes transaction IDs of several runs differ
  std::uint64_t transactions_ = 0;
  std::optional<net::DigestChallenge> challenge_;
  std::uint32_t nonce_count_ = 0;
  bool stopped_ = false;
};

}  // namespace peerscope::ppstp
