// SPDX-License-Identifier: GPL-2.0-or-later
// Service mode at the responsible tracker (DT-F9): other trackers send it their peers' CONNECTs and FINDs over plain
// PPSTP, and it chooses the peers of a list itself. What they register is stored in the overlay under this node's key,
// so that it has copies, and that trackers without service mode find it.
//
// The machine of RFC 7846 section 2.3 is the connection tracker's: here a JOIN registers or renews, a LEAVE ends, and
// who did not join is refused. A registration belongs to the tracker that made it last; a LEAVE of another one, which
// the peer has moved away from, changes nothing.
//
// Ownership: clock and node must outlive it. Failure: every request is answered, 04 or 05 as Directory says. Threading:
// one thread.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "reference-impl/net/http_server.h"
#include "reference-impl/systems/distributed_tracker/directory.h"

namespace peerscope::distributed_tracker {

struct ServiceDeskOptions {
  DirectoryOptions directory;  // its lifetime is that of registrations
  std::size_t max_members = 1'000'000;
};

class ServiceDesk {
 public:
  using Answer = std::function<void(net::Reply)>;
  using Knows = std::function<bool(const std::string& swarm_id, const std::string& peer_id)>;

  ServiceDesk(net::Clock& clock, reload::Node& node, ServiceDeskOptions options);
  ~ServiceDesk();
  ServiceDesk(const ServiceDesk&) = delete;
  ServiceDesk& operator=(const ServiceDesk&) = delete;

  // The peers of this node's own PPSTP server have the same keys in the overlay.
  void set_own_peers(Knows own_peers);
  bool knows(const std::string& swarm_id, const std::string& peer_id) const;
  std::size_t members() const { return members_; }

  void handle(const net::HttpRequest& request, const net::ConnectionInfo& connection, Answer answer);

 private:
  struct Member {
    std::string tracker;  // that registered it: the subject of its certificate
    ppstp::ForeignPeer peer;
    std::string value;  // as it is stored
    net::SteadyTime expires{};
  };
  struct Due {
    net::SteadyTime time;
    std::string swarm_id;
    std::string peer_id;
  };
  // A request that waits for the overlay.
  struct Waiting {
    ppstp::Response response;
    std::string peer_id;
    ppstp::Wanted wanted;
    std::vector<bool> lists;  // by result
    Answer answer;
    std::size_t left = 1;
    ppstp::ErrorCode error = ppstp::kNoError;
  };
  using WaitingPtr = std::shared_ptr<Waiting>;

  void refuse(const Message& message, ppstp::ErrorCode code, const Answer& answer) const;
  ppstp::ErrorCode begin(const ppstp::Request& request, const std::string& tracker, const WaitingPtr& waiting);
  bool perform(const ppstp::Request& request, const ppstp::SwarmAction& action, const std::string& tracker,
               const WaitingPtr& waiting, std::size_t index);
  bool join(const ppstp::Request& request, const ppstp::SwarmAction& action, const std::string& tracker,
            const WaitingPtr& waiting, std::size_t index);
  bool renew(const std::string& swarm_id, const ppstp::Request& request, const std::string& tracker,
             const WaitingPtr& waiting);
  void store(const std::string& swarm_id, const ppstp::Request& request, const WaitingPtr& waiting, std::size_t index,
             bool renewed);
  bool responsible(const std::string& swarm_id) const;
  void done_one(const WaitingPtr& waiting);
  void list(const WaitingPtr& waiting, std::size_t index);
  ppstp::PeerGroup choose(const std::string& swarm_id, const Waiting& waiting,
                          const std::vector<ppstp::ForeignPeer>& stored);
  Member* find(const std::string& swarm_id, const std::string& peer_id);
  void forget(const std::string& swarm_id, const std::string& peer_id);
  void sweep();

  net::Clock& clock_;
  reload::Node& node_;
  ServiceDeskOptions options_;
  Directory directory_;
  ppstp::Registry chooser_;  // without registrations: it only chooses
  Knows own_peers_;
  std::unordered_map<std::string, std::map<std::string, Member>> swarms_;
  std::size_t members_ = 0;
  std::deque<Due> due_;  // in the order of time, as all lifetimes are the same
};

}  // namespace peerscope::distributed_tracker
