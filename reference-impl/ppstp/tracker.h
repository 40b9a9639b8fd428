// SPDX-License-Identifier: GPL-2.0-or-later
// The PPSTP tracker (RFC 7846): a function from HTTP requests to replies over a registry, without sockets.
//
// Per peer ID it runs the machine of section 2.3 (PEER REGISTERED, TRACKING, two timers). CONNECT is settled within one
// call, so PEER REGISTERED is never seen from outside. Readings of the RFC where it is silent are in docs/ppstp.md;
// those that change behaviour are options here.
//
// Ownership: the clock must outlive the tracker. Failure: every request gets a reply; what goes wrong inside becomes
// error 04. Threading: one thread, the clock's.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/ppstp/protocol.h"
#include "reference-impl/net/access.h"
#include "reference-impl/net/clock.h"
#include "reference-impl/net/http.h"
#include "reference-impl/net/http_server.h"
#include "reference-impl/ppstp/answer_cache.h"
#include "reference-impl/ppstp/defects.h"
#include "reference-impl/ppstp/registry.h"

namespace peerscope::ppstp {

using net::Access;
inline constexpr std::string_view kRealm = "peerscope tracker";

// Extension member of CONNECT answers (section 7; it only adds): seconds between reports that this tracker recommends.
inline constexpr std::string_view kReportInterval = "report_interval";

struct TrackerOptions {
  RegistryOptions registry;
  AnswerCache::Limits answers;
  std::size_t max_addresses_per_peer = 16;
  double max_rate = 0;          // requests a second before 05 is answered; 0: no limit
  int retry_after_seconds = 5;  // with 05
  std::optional<int> report_interval;
  bool http_status_mapping = false;  // errors have HTTP statuses of their own; the RFC shows 200 only
  bool table6_strict =
      false;  // SEEDER JOIN in TRACKING ends the registration, as table 6 says (section 2.3.2 C does not)
  std::uint64_t fail_every = 0;  // every n-th request meets an injected internal error; 0: none
  std::uint64_t seed = 0;
  TrackerDefects defects;
};

// Section 2.3: the tracker as a whole.
enum class TrackerState { kInit, kStarted };

struct TrackerStats {
  std::uint64_t requests = 0;
  std::uint64_t connects = 0;
  std::uint64_t finds = 0;
  std::uint64_t reports = 0;
  std::uint64_t repeats = 0;             // answered from the cache
  std::uint64_t http_refused = 0;        // 405 and 415
  std::array<std::uint64_t, 8> codes{};  // answers by error_code
};

class Tracker {
 public:
  Tracker(net::Clock& clock, TrackerOptions options, std::unique_ptr<Access> access = nullptr);
  ~Tracker();
  Tracker(const Tracker&) = delete;
  Tracker& operator=(const Tracker&) = delete;

  net::Reply handle(const net::HttpRequest& request, const net::ConnectionInfo& connection);

  TrackerState state() const { return registry_.peers() == 0 ? TrackerState::kInit : TrackerState::kStarted; }
  const TrackerStats& stats() const { return stats_; }
  const Registry& registry() const { return registry_; }
  // Everything an operator wants to know, as one JSON object.
  std::string metrics() const;

 private:
  // Outcome for one swarm action, FIND or report.
  struct Result {
    std::string_view swarm_id;
    bool ok = false;
    bool wants_list = false;
  };
  // What a request led to. `body` is set on success.
  struct Outcome {
    ErrorCode code = kNoError;
    std::string body;
    PeerIndex peer = kNone;  // kNone when the registration has ended
  };

  net::Reply serve(const net::HttpRequest& request, const net::ConnectionInfo& connection);
  net::Reply refuse_http(int status, const net::HttpRequest& request);
  net::Reply fail(ErrorCode code, const std::vector<std::string>* challenges = nullptr);
  net::Reply succeed(std::shared_ptr<const std::string> body) const;
  bool admit();

  Outcome accept(const Request& request) const;
  Outcome dispatch(const Request& request, const net::ConnectionInfo& connection, std::uint64_t owner,
                   std::uint64_t content);
  Outcome connect(const Request& request, const net::ConnectionInfo& connection, std::uint64_t owner,
                  std::uint64_t content);
  Outcome find(const Request& request, PeerIndex peer);
  Outcome report(const Request& request, PeerIndex peer);
  ErrorCode unregistered() const { return access_ ? kAuthenticationRequired : kForbiddenAction; }

  bool perform(PeerIndex peer, const SwarmAction& action, bool fresh, bool repeat);
  void store_peer(PeerIndex peer, const Connect& connect, const net::ConnectionInfo& connection, bool fresh);
  Wanted wanted(const std::optional<PeerNum>& peer_num) const;

  void begin_success(std::string& out, std::string_view transaction_id) const;
  void append_results(std::string& out, PeerIndex asker, const Wanted& wanted);
  void append_list(std::string& out, SwarmIndex swarm, PeerIndex asker, const Wanted& wanted);
  bool defect(TrackerDefect d) const { return options_.defects.has(d); }
  void arm();
  void sweep();

  // tracker_defects.cc: what the defects do to lists and to finished answers.
  void remember_ghost(PeerIndex peer, std::string_view swarm_id);
  void distort_list(std::vector<std::string>& listings, SwarmIndex swarm, PeerIndex asker);
  std::string distort_answer(const std::string& body, ErrorCode code) const;
  void distort_reply(const net::HttpRequest& request, ErrorCode code, net::Reply& reply) const;
  std::optional<net::Reply> distort_request(const net::HttpRequest& request, const net::ConnectionInfo& connection);

  net::Clock& clock_;
  TrackerOptions options_;
  std::unique_ptr<Access> access_;
  Registry registry_;
  AnswerCache answers_;
  HashKey key_;
  Message message_;  // reused
  std::vector<Result> results_;
  std::vector<PeerIndex> chosen_;
  TrackerStats stats_;
  ErrorCode last_code_ = kNoError;

  double tokens_ = 0;
  net::SteadyTime tokens_at_;
  net::TimerId timer_ = 0;

  // Memory of defects only.
  std::map<std::string, std::vector<std::string>, std::less<>> ghosts_;  // listings by swarm ID
  std::set<std::string, std::less<>> seen_;                              // peer IDs, transaction IDs
  std::set<std::uint64_t> served_connections_;
};

}  // namespace peerscope::ppstp
