// SPDX-License-Identifier: GPL-2.0-or-later
// The distributed PPSP tracker (docs/distributed-tracker.md, after draft-xiao-ppsp-reload-distributed-tracker): a PPSTP
// tracker whose registrations are stored in a RELOAD overlay of trackers, so that a peer of one tracker is found at all
// of them. To its peers it is a connection tracker and speaks plain PPSTP; as a RELOAD peer its node is the responsible
// tracker of some swarms and the status tracker of some peers.
//
// PPSTP's rules are those of ppstp::Tracker. This class holds an answer back until the overlay has what the request
// changed, and gives it the peers that other trackers registered.
//
// Ownership: clock and node must outlive it. Failure: every request gets one answer; when the overlay does not do its
// part within DirectoryOptions::patience and one repeat, 05 or 04. Threading: one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "reference-impl/net/http_server.h"
#include "reference-impl/ppstp/tracker.h"
#include "reference-impl/systems/distributed_tracker/admission.h"
#include "reference-impl/systems/distributed_tracker/directory.h"
#include "reference-impl/systems/distributed_tracker/service_client.h"
#include "reference-impl/systems/distributed_tracker/service_desk.h"

namespace peerscope::distributed_tracker {

struct Options {
  ppstp::TrackerOptions tracker;  // its track timer is the entries' lifetime
  DirectoryOptions directory;
  AdmissionOptions admission;                                // what is not admitted is answered 05
  net::Duration status_interval = std::chrono::seconds(60);  // between two PPSP-PEER-STATUS of a peer
  Defects defects;
};

class DistributedTracker {
 public:
  DistributedTracker(net::Clock& clock, reload::Node& node, Options options,
                     std::unique_ptr<ppstp::Access> access = nullptr);
  ~DistributedTracker();
  DistributedTracker(const DistributedTracker&) = delete;
  DistributedTracker& operator=(const DistributedTracker&) = delete;

  void handle(net::HttpRequest&& request, const net::ConnectionInfo& connection, net::Responder respond);
  // The same with any way to answer.
  using Answer = std::function<void(net::Reply)>;
  void handle(const net::HttpRequest& request, const net::ConnectionInfo& connection, Answer answer);

  // Service mode: what concerns a swarm goes to the responsible tracker's desk where it has one, and this tracker has
  // one at `desk`, whose requests come to handle_service().
  void use_service(const net::Endpoint& desk, ServiceDial dial);
  void handle_service(const net::HttpRequest& request, const net::ConnectionInfo& connection, Answer answer);
  const ServiceClient* service() const { return service_.get(); }

  const ppstp::Tracker& tracker() const { return tracker_; }
  const Directory& directory() const { return directory_; }
  const Admission& admission() const { return admission_; }
  std::size_t published() const { return publications_.size(); }
  std::string metrics() const;

 private:
  // An entry that is in the overlay, or is on its way there.
  struct Publication {
    std::string swarm_id;
    std::string peer_id;
    std::size_t content = 0;  // hash of the value
    net::SteadyTime expires{};
    std::uint64_t serial = 0;  // of the latest store or removal
    bool exists = true;
  };
  // A request that waits for the overlay.
  struct Waiting {
    ppstp::Accepted accepted;
    Answer answer;
    ppstp::Contribution others;
    std::vector<Directory::Peers> peers;  // by result; what Contribution points into
    std::size_t left = 0;
    net::SteadyTime begun{};
    ppstp::ErrorCode store_error = ppstp::kNoError;
    ppstp::ErrorCode find_error = ppstp::kNoError;
  };
  using WaitingPtr = std::shared_ptr<Waiting>;
  struct Status {
    net::SteadyTime stored{};
  };

  void share(ppstp::Accepted accepted, Answer answer);
  void share_all(const WaitingPtr& waiting);
  void share_by_store(const WaitingPtr& waiting, std::size_t index);
  void share_by_service(const WaitingPtr& waiting, std::size_t index);
  void take_service(const WaitingPtr& waiting, std::size_t index, Served served);
  ppstp::Request service_join(ppstp::PeerIndex peer, const ppstp::Membership& membership) const;
  std::vector<ppstp::ForeignPeer> without_own(std::vector<ppstp::ForeignPeer> peers, std::string_view swarm_id);
  void share_result(const WaitingPtr& waiting, std::size_t index, Directory::OnDone done);
  void share_in_turn(const WaitingPtr& waiting, std::size_t index);
  void find_members(const WaitingPtr& waiting, std::size_t index);
  void done_one(const WaitingPtr& waiting);
  void finish(const WaitingPtr& waiting);
  void put_right(const Waiting& waiting);

  std::string value_of(const ppstp::Registration& peer, const ppstp::Membership& membership) const;
  // Of what is about to be stored, for its refresh. The number that it has in due_.
  std::uint64_t note_publication(const ppstp::Registration& peer, std::string_view swarm_id, std::string_view value);
  // The next sign of life of the peer tries again.
  void publication_failed(const std::string& key, std::uint64_t serial);
  const ppstp::Membership* membership_of(ppstp::PeerIndex peer, std::string_view swarm_id) const;
  void publish(ppstp::PeerIndex peer, const ppstp::Membership& membership, std::string_view transaction,
               Directory::OnDone done);
  void withdraw(const std::string& swarm_id, const std::string& peer_id, std::string_view transaction,
                Directory::OnDone done);
  void remove(const std::string& swarm_id, const std::string& peer_id, std::string_view transaction,
              Directory::OnDone done);
  void refresh(ppstp::PeerIndex peer, bool changed);
  void refresh_due();
  void arm_refresh();
  void on_ended(const ppstp::Registration& peer);
  void store_status(ppstp::PeerIndex peer, const ppstp::Request& request);
  void forget_status(const std::string& peer_id);
  bool placed(char letter) const;
  bool defect(Defect which) const { return options_.defects.has(which); }

  net::Clock& clock_;
  reload::Node& node_;
  Options options_;
  ppstp::Tracker tracker_;
  Admission admission_;
  Directory directory_;
  std::unique_ptr<ServiceClient> service_;  // null: store mode
  std::unique_ptr<ServiceDesk> desk_;
  std::unordered_map<std::string, Publication> publications_;  // by publication_key()
  struct Due {
    net::SteadyTime time;
    std::string key;
    std::uint64_t serial;
  };
  std::deque<Due> due_;  // in the order of time, as all lifetimes are the same
  net::TimerId refresh_timer_ = 0;
  std::unordered_map<std::string, Status> statuses_;  // by peer ID
  std::uint64_t refreshes_ = 0;
  std::uint64_t last_serial_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace peerscope::distributed_tracker
