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
#include <span>
#include <string>
#include <string_view>
#include <variant>
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
  bool own_peers_first = true;   // before peers that other trackers know, where there are such (finish())
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

// What one swarm action, FIND or report led to.
struct SwarmOutcome {
  enum class Change : std::uint8_t { kNothing, kJoined, kJoinedAgain, kLeft };

  std::string_view swarm_id;
  bool ok = false;
  bool wants_list = false;
  Change change = Change::kNothing;  // of the registry
  bool seeder = false;
};

// A request that was judged good and has done what it asks for; its answer is still to be written.
struct Accepted {
  std::unique_ptr<Message> message;  // what the views point into; null until keep()
  const Request* request = nullptr;
  std::string_view transaction_id;
  std::string_view peer_id;
  PeerIndex peer = kNone;
  std::uint32_t epoch = 0;
  std::vector<SwarmOutcome> results;
  Wanted wanted;
  std::optional<PeerAddr> seen;  // the peer's address as its CONNECT came from it
  bool is_connect = false;
  bool plain = false;  // without results (defects only)
  Hash128 content;
};

// What other trackers have to say about an accepted request, when there are others.
struct Contribution {
  ErrorCode error = kNoError;                         // instead of the answer; what was joined or left is undone
  std::vector<bool> failed;                           // by result: could not be shared, so it is undone
  std::vector<std::span<const ForeignPeer>> members;  // by result, for its list
};

class Tracker {
 public:
  Tracker(net::Clock& clock, TrackerOptions options, std::unique_ptr<Access> access = nullptr);
  ~Tracker();
  Tracker(const Tracker&) = delete;
  Tracker& operator=(const Tracker&) = delete;

  net::Reply handle(const net::HttpRequest& request, const net::ConnectionInfo& connection);

  // The same in two steps, for a tracker that has to ask others in between. An Accepted holds until the next call;
  // keep() makes it last. finish() answers 05 when the registration has ended meanwhile.
  std::variant<net::Reply, Accepted> begin(const net::HttpRequest& request, const net::ConnectionInfo& connection);
  void keep(Accepted& accepted);
  net::Reply finish(const Accepted& accepted, const Contribution& others = {});
  // An answer without processing the request, for a tracker that cannot take more.
  net::Reply refuse(const net::HttpRequest& request, ErrorCode code);

  void set_on_ended(Registry::OnEnded on_ended) { registry_.set_on_ended(std::move(on_ended)); }

  TrackerState state() const { return registry_.peers() == 0 ? TrackerState::kInit : TrackerState::kStarted; }
  const TrackerStats& stats() const { return stats_; }
  const Registry& registry() const { return registry_; }
  PeerIndex find_peer(std::string_view peer_id) { return registry_.find(peer_id); }
  // Everything an operator wants to know, as one JSON object.
  std::string metrics() const;

 private:
  using Step = std::variant<ErrorCode, Accepted>;

  std::variant<net::Reply, Accepted> serve(const net::HttpRequest& request, const net::ConnectionInfo& connection);
  net::Reply answer(const Accepted& accepted, const Contribution& others);
  void undo(const Accepted& accepted, const SwarmOutcome& result);
  net::Reply refuse_http(int status, const net::HttpRequest& request);
  net::Reply fail(ErrorCode code, const std::vector<std::string>* challenges = nullptr);
  net::Reply fail_with(ErrorCode code, std::string_view transaction_id,
                       const std::vector<std::string>* challenges = nullptr);
  net::Reply succeed(std::shared_ptr<const std::string> body) const;
  bool admit();

  Step dispatch(const Request& request, const net::ConnectionInfo& connection, std::uint64_t owner,
                std::uint64_t content);
  Step connect(const Request& request, const net::ConnectionInfo& connection, std::uint64_t owner,
               std::uint64_t content);
  Step find(const Request& request, PeerIndex peer);
  Step report(const Request& request, PeerIndex peer);
  Accepted accept(const Request& request, PeerIndex peer);
  ErrorCode unregistered() const { return access_ ? kAuthenticationRequired : kForbiddenAction; }

  bool perform(PeerIndex peer, const SwarmAction& action, bool fresh, bool repeat, SwarmOutcome& outcome);
  void store_peer(PeerIndex peer, const Connect& connect, const net::ConnectionInfo& connection, bool fresh);
  Wanted wanted(const std::optional<PeerNum>& peer_num) const;

  void begin_success(std::string& out, std::string_view transaction_id) const;
  void append_results(std::string& out, const Accepted& accepted, const Contribution& others);
  void append_list(std::string& out, SwarmIndex swarm, PeerIndex asker, const Wanted& wanted,
                   std::span<const ForeignPeer> foreign);
  bool defect(TrackerDefect d) const { return options_.defects.has(d); }
  void arm();
  void sweep();

  // tracker_defects.cc: what the defects do to lists and to finished answers.
  void remember_ghost(PeerIndex peer, std::string_view swarm_id);
  void distort_list(std::vector<std::string>& listings, SwarmIndex swarm, PeerIndex asker);
  std::string distort_answer(const std::string& body, ErrorCode code) const;
  void distort_reply(bool post, ErrorCode code, net::Reply& reply) const;
  std::optional<net::Reply> distort_request(const net::HttpRequest& request, const net::ConnectionInfo& connection);

  net::Clock& clock_;
  TrackerOptions options_;
  std::unique_ptr<Access> access_;
  Registry registry_;
  AnswerCache answers_;
  HashKey key_;
  std::unique_ptr<Message> message_ = std::make_unique<Message>();  // reused
  std::vector<PeerIndex> chosen_;
  std::vector<Listed> listed_;
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
