// SPDX-License-Identifier: GPL-2.0-or-later
// A RELOAD node (RFC 6940): forwards, answers, stores, asks. Peers and clients alike; how it gets its links is the
// LinkTransport's business, where messages go the Topology's.
//
// Ownership: clock, random source and transport must outlive the node. Failure: what peers do wrong is answered or
// dropped and counted; requests fail in their callbacks. Callbacks are never run inside the call that takes them, and
// not at all after stop(). Threading: one thread.
//
// Limits: no ICE, no opaque IDs for list compression, no relayed responses (RFC 7264); forwarders do not look at the
// expiration of diagnostics (RFC 7851 section 6.2), only the node that is asked.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "protocols/reload/envelope.h"
#include "protocols/reload/fragments.h"
#include "reference-impl/reload/defects.h"
#include "reference-impl/reload/link.h"
#include "reference-impl/reload/signing.h"
#include "reference-impl/reload/storage.h"
#include "reference-impl/reload/topology.h"

namespace peerscope::reload {

struct NodeOptions {
  bool client = false;  // neither routes nor stores
  StorageLimits storage;
  net::Duration hold_down = std::chrono::seconds(30);  // before lost copies are made anew (section 10.7.1)
  std::vector<std::uint16_t> applications;             // that AppAttach finds here
  bool open_diagnostics = false;                       // for everybody, not only whom the configuration names
  std::string software = "peerscope";                  // what diagnostics tell
  std::vector<net::Endpoint> bootstrap;                // to come back by, when all neighbours are lost
  // Store is answered when the replicas have answered, or did not so long: what was acknowledged survives this node.
  // 0: at once.
  net::Duration copy_patience{0};
  NodeDefects defects;      // mistakes made on purpose
  bool any_prefix = false;  // and one of the distributed tracker's

  std::size_t max_links = 1024;
  std::size_t max_requests = 10'000;       // own, without answer yet
  std::size_t max_connecting = 128;        // links that are being opened because others asked for them
  std::size_t max_cached_answers = 1'000;  // for retransmitted requests
  std::size_t max_cached_bytes = 8U << 20;
  std::size_t max_messages_per_second = 20'000;  // of one link; more are dropped
  std::size_t max_destinations = 64;             // entries in a Destination or Via List
};

struct NodeStats {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t forwarded = 0;
  std::uint64_t requests = 0;   // answered here
  std::uint64_t malformed = 0;  // dropped: not readable, another overlay or version
  std::uint64_t forged = 0;     // dropped: signature or signer not good
  std::uint64_t unroutable = 0;
  std::uint64_t flooded = 0;  // dropped: over a limit
  std::uint64_t retransmissions = 0;
  std::uint64_t timeouts = 0;
};

// One value to be stored. The node stamps and signs it.
struct NewValue {
  std::uint32_t kind = 0;
  std::string value;
  bool exists = true;
  std::uint32_t index = kAppendIndex;  // arrays
  std::string key;                     // dictionaries
  std::uint32_t lifetime = 86400;      // s
};

class Node final : public LinkListener, private TopologyHost {
 public:
  using OnJoined = Topology::OnJoined;
  using OnStored = std::function<void(Reply<StoreAns>)>;
  using OnFetched = std::function<void(Reply<std::vector<FetchKindResponse>>)>;
  // Every whole message on a link, without framing: for traces.
  using Observer = std::function<void(bool outgoing, const Link& link, std::string_view message)>;

  Node(net::Clock& clock, RandomSource& random, OverlayPtr overlay, std::unique_ptr<Security> security,
       LinkTransport& transport, NodeOptions options = {});
  ~Node() override;

  void set_observer(Observer observer) { observer_ = std::move(observer); }

  // ---- life
  void start_alone();
  // Links with the first of these that can be reached, and becomes a peer.
  void join(std::vector<net::Endpoint> bootstrap, OnJoined done);
  // Links only: a client, or a node that only asks.
  void connect(std::vector<net::Endpoint> bootstrap, OnJoined done);
  void leave(std::function<void()> done);
  void stop();
  bool joined() const { return topology_->joined(); }

  // ---- asking
  void request(Destinations path, Contents contents, OnAnswer done) override;
  // `resource` is a Resource-ID: see resource_id().
  void store(const std::string& resource, std::vector<NewValue> values, OnStored done, std::uint64_t generation = 0);
  // Values whose signature is not good, or whose signer may not write there, are left out (R-FET-10).
  void fetch(const std::string& resource, std::vector<StoredDataSpecifier> specifiers, OnFetched done);
  void attach(Destinations path, bool send_update, OnAttached done) override;
  // Asks for an address of an application (section 6.5.2). Who connects to it is the application's business.
  void app_attach(Destinations path, std::uint16_t application, OnAnswer done);
  // An application of this node at an address of its own, which is all that AppAttach tells of it.
  void offer(std::uint16_t application, const net::Endpoint& address) { offers_[application] = address; }
  // The own certificate under both of its Kinds (section 8).
  void store_certificate(std::function<void(bool ok)> done);
  // Of the request that was sent last.
  std::uint64_t last_transaction() const { return last_transaction_; }
  std::string resource_id(std::string_view resource_name) const { return topology_->resource_id(resource_name); }

  // ---- looking inside
  const NodeId& node_id() const override { return security_->node_id(); }
  const OverlayPtr& overlay() const override { return overlay_; }
  const Topology& topology() const { return *topology_; }
  const Storage& storage() const { return storage_; }
  const NodeStats& stats() const { return stats_; }
  std::size_t link_count() const { return links_.size(); }
  // The bootstrap node that connect() or join() found.
  const NodeId& entry() const { return entry_; }
  std::size_t copies_waiting() const { return copy_jobs_.size() + copying_; }

  // ---- LinkListener
  void on_message(const LinkPtr& link, std::string_view message) override;
  void on_stalled(const LinkPtr& link, bool stalled) override;
  void on_closed(const LinkPtr& link, const net::Error& why) override;

 private:
  struct LinkState {
    LinkPtr link;
    NodeId bound;  // whose link it is; empty until a certificate with several Node-IDs has shown which one
    bool stalled = false;
    net::SteadyTime second{};  // that `messages` counts
    std::size_t messages = 0;
  };
  struct Connection {
    std::vector<LinkPtr> links;  // the newest last
    bool attached = false;       // by an Attach, not only as bootstrap
  };
  struct Pending {
    Destinations path;
    std::string payload;  // contents and security block, signed once for all transmissions
    OnAnswer done;
    bool any_sequence = false;  // a ConfigUpdate for nodes with an older configuration
    bool copy = false;          // given up when the link to its node is lost
    int transmissions = 0;
    net::TimerId timer = 0;
  };
  // A request that is being answered.
  struct Request {
    ForwardingHeader forwarding;
    NodeId from;   // previous hop; empty when it is our own
    LinkPtr link;  // null when it is our own
    SignedBy signer;
    const SecurityBlock* security = nullptr;
  };
  struct CachedAnswer {
    std::string payload;
    net::SteadyTime expires;
  };
  using AnswerKey = std::pair<NodeId, std::uint64_t>;
  struct CopyJob {
    std::string resource;
    NodeId to;
    std::uint8_t number = 1;
    bool hand_over = false;  // `to` is responsible from now on
  };
  // A StoreAns that waits for copies.
  struct HeldAnswer {
    Request request;
    StoreAns answer;
    std::uint64_t id = 0;
    std::uint64_t version = 0;  // of the resource, that the copies must have
    std::vector<NodeId> copies_left;
    net::TimerId timer = 0;
  };
  using CopyKey = std::tuple<std::string, NodeId, bool>;
  enum class CopyState : std::uint8_t { kQueued, kSent, kSentAndChanged };
  struct Waiting {
    std::uint64_t id;
    OnAttached done;
    net::TimerId timer;
  };

  // ---- TopologyHost
  net::Clock& clock() override { return clock_; }
  std::uint64_t random() override;
  std::uint32_t uptime() const override;
  bool has_defect(NodeDefect defect) const override { return options_.defects.has(defect); }
  bool is_linked(const NodeId& node) const override;
  std::vector<NodeId> linked() const override;
  void drop_link(const NodeId& node) override;
  void hand_over(const NodeId& to, std::function<bool(std::string_view)> wanted, std::function<void()> done) override;
  void neighbourhood_changed(bool lost) override;

  // ---- links
  void add_link(const LinkPtr& link, bool attached);
  void bind(LinkState& state, const NodeId& node, bool attached);
  void remove_link(const LinkPtr& link);
  void drop(const LinkPtr& link);
  LinkPtr link_to(const NodeId& node) const;
  void send(const LinkPtr& link, std::string message);
  void try_bootstrap(std::vector<net::Endpoint> bootstrap, std::size_t index, std::string why,
                     std::function<void(net::Result<NodeId>)> done);

  // ---- routing
  bool too_large(std::string_view message) const;
  bool acceptable(const Envelope& envelope, const LinkPtr& link, const NodeId& from, std::string_view message);
  void route(Envelope envelope, const NodeId& from, const LinkPtr& link);
  void forward(Envelope envelope, const NodeId& from, const NodeId& next);
  void deliver(const Envelope& envelope, const NodeId& from, const LinkPtr& link);
  void deliver_message(const Message& message, const NodeId& from, const LinkPtr& link);
  void handle_request(const Message& message, const NodeId& from, const LinkPtr& link);
  void handle_answer(const Message& message);
  // An error for something that is not handled any further.
  void refuse_routing(const Envelope& envelope, const NodeId& from, const LinkPtr& link, std::uint16_t code,
                      std::string_view text);

  // ---- transactions
  std::string signed_payload(std::uint64_t transaction_id, Contents& contents, std::vector<GenericCertificate> bucket);
  void request_with(Destinations path, Contents contents, std::vector<GenericCertificate> bucket, OnAnswer done,
                    bool any_sequence);
  void transmit(std::uint64_t transaction_id);
  void finish(std::uint64_t transaction_id, Reply<Answer> reply);
  void respond(const Request& request, Contents contents, std::vector<GenericCertificate> bucket = {});
  // What the request allows a response to have, with header and lists; 0: any size.
  std::size_t response_limit(const Request& request) const;
  ForwardingHeader response_header(const Request& request) const;
  std::size_t response_size(const ForwardingHeader& header, const std::string& payload) const;
  void send_response(const Request& request, const std::string& payload);
  void remember(const AnswerKey& key, const std::string& payload);
  // ---- direct responses (RFC 7263)
  bool wants_direct_response(const Destination& to) const;
  ForwardingOption direct_response_option() const;
  bool understands_route_mode(const ForwardingHeader& header) const;
  // False: the response takes the way back.
  bool respond_directly(const Request& request, const std::string& payload);
  bool configuration_fits(const Request& request, const Contents& contents);

  // ---- methods: each answers
  void dispatch(const Request& request, const Contents& contents);
  void handle_attach(const Request& request, const AttachReq& body);
  void handle_app_attach(const Request& request, const AppAttachReq& body);
  void handle_store(const Request& request, const StoreReq& body);
  void handle_fetch(const Request& request, const FetchReq& body);
  void handle_stat(const Request& request, const StatReq& body);
  void handle_find(const Request& request, const FindReq& body);
  void handle_probe(const Request& request, const ProbeReq& body);
  void handle_config_update(const Request& request, const ConfigUpdateReq& body);
  void handle_ping(const Request& request, const Contents& contents);
  void handle_path_track(const Request& request, const PathTrackReq& body);
  std::optional<Refusal> diagnose(const Request& request, const DiagnosticsRequest& asked,
                                  DiagnosticsResponse& answer) const;
  std::vector<DiagnosticInfo> diagnostics() const;
  bool may_diagnose(const NodeId& asker, std::uint16_t kind) const;
  std::optional<Refusal> take_document(std::string_view document);
  std::optional<Refusal> take_kinds(const std::vector<KindDescription>& kinds);
  void use_overlay(OverlayPtr overlay);
  bool on_own_link(const Request& request) const;
  std::optional<Refusal> check_values(const StoreReq& request, const SecurityBlock& security, const SignedBy& by,
                                      std::vector<SignedBy>& signers);
  bool policy_overlooked(const KindRules& rules) const;
  bool keeps_state(const ForwardingHeader& header) const;
  void store_first_kind(const StoreReq& request, const std::vector<SignedBy>& signers);
  bool holds(std::string_view resource) const;

  // ---- Attach
  std::vector<IceCandidate> own_candidates() const;
  static IceCandidate candidate_at(const LinkAddress& address, std::size_t place);
  const IceCandidate* usable_candidate(const std::vector<IceCandidate>& offered) const;
  void open_link(const NodeId& to, const IceCandidate& candidate, bool send_update);
  void expect_link(const NodeId& node);
  void wait_for_link(const NodeId& node, OnAttached done);
  void linked_to(const NodeId& node);

  // ---- copies
  void take_stock();
  void schedule_copies(net::Duration delay);
  void plan_copies();
  void answer_when_copied(const Request& request, const std::string& resource, StoreAns answer,
                          std::vector<NodeId> replicas);
  bool is_held(const Request& request) const;
  void release_answers(const std::string& resource, const NodeId& copied, std::uint64_t version, bool ok);
  void queue_copy(CopyJob job);
  void work_on_copies();
  void copied(const CopyJob& job, std::uint64_t since, std::uint64_t version, bool ok);
  void copy(const CopyJob& job, std::uint64_t since, std::function<void(bool ok)> done);
  void give_up_copies(const NodeId& to);
  void send_copies(std::shared_ptr<std::vector<Storage::Copy>> copies, std::size_t index, const NodeId& to,
                   std::function<void(bool ok)> done);
  void tell_kinds(std::string_view list, const NodeId& to);
  void take_newer(const std::string& resource, const NodeId& from);
  void schedule_expiry();
  void come_back();
  void schedule_partition_check();
  void check_partition();
  void ask_beyond(const NodeId& bootstrap);

  // ---- mistakes made on purpose (node_defects.cc)
  void spoil_answer(const Request& request, Contents& contents, std::vector<GenericCertificate>& bucket);
  void spoil_header(const Request& request, ForwardingHeader& header);
  void spoil_signature(std::uint64_t transaction_id, std::string_view contents, SecurityBlock& security);
  std::optional<SignedBy> named_signer(const Message& message) const;
  bool is_signed_well(const Envelope& envelope) const;

  std::int64_t wall_seconds() const;
  std::uint64_t wall_milliseconds() const;
  net::TimerId later(net::Duration delay, std::function<void()> what);

  net::Clock& clock_;
  RandomSource& random_;
  OverlayPtr overlay_;
  std::unique_ptr<Security> security_;
  std::map<std::uint16_t, net::Endpoint> offers_;
  LinkTransport& transport_;
  NodeOptions options_;
  Observer observer_;
  net::SteadyTime started_;
  NodeStats stats_;
  Storage storage_;
  Reassembler reassembler_;
  std::unordered_map<const Link*, LinkState> links_;
  std::map<NodeId, Connection> connections_;
  std::unordered_map<std::uint64_t, Pending> pending_;
  std::map<AnswerKey, CachedAnswer> answers_;
  std::deque<AnswerKey> answer_order_;
  std::size_t answer_bytes_ = 0;
  std::map<NodeId, std::vector<Waiting>> waiting_links_;
  std::uint64_t last_waiting_ = 0;
  std::map<NodeId, net::SteadyTime> own_attaches_;       // until when they count, by the node that they go to
  std::map<NodeId, net::SteadyTime> answered_attaches_;  // until when the other side's link is waited for
  std::set<NodeId> opening_;
  std::set<NodeId> answering_;  // links that are being opened for direct responses
  NodeId entry_;                // the bootstrap node, for those that are no peers
  std::deque<CopyJob> copy_jobs_;
  std::map<CopyKey, CopyState> copies_in_hand_;                  // queued or sent
  std::map<std::string, std::vector<HeldAnswer>> held_answers_;  // by Resource-ID
  std::set<AnswerKey> held_;                                     // whom they are for
  std::uint64_t last_held_ = 0;
  std::size_t copying_ = 0;
  net::TimerId copy_timer_ = 0;
  net::SteadyTime copies_due_{};
  net::TimerId expiry_timer_ = 0;
  net::TimerId partition_timer_ = 0;
  bool had_neighbours_ = false;
  bool coming_back_ = false;
  std::uint64_t counted_ = 0;  // transactions, where they count
  std::uint64_t last_transaction_ = 0;
  bool stopped_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::unique_ptr<Topology> topology_;
};

}  // namespace peerscope::reload
