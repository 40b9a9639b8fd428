// SPDX-License-Identifier: GPL-2.0-or-later
// What a node answers (RFC 6940 sections 6.4, 6.5 and 7.4).
#include <fmt/format.h>

#include <algorithm>

#include "protocols/reload/protocol.h"
#include "reference-impl/net/log.h"
#include "reference-impl/reload/candidates.h"
#include "reference-impl/reload/node.h"
#include "reference-impl/reload/policy.h"
#include "reference-impl/reload/security_block_codec.h"

namespace peerscope::reload {
namespace {

constexpr net::Duration kLinkPatience = std::chrono::seconds(15);  // from an AttachAns to the link

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

Contents contents_of(const Refusal& refusal) {
  return error_contents(refusal.code, refusal.info);
}

bool is_no_ice(const IceCandidate& candidate) {
  return candidate.overlay_link == kTlsTcpFhNoIce || candidate.overlay_link == kDtlsUdpSrNoIce;
}

}  // namespace

void Node::dispatch(const Request& request, const Contents& contents) {
  const NodeId& by = request.signer.node_id;
  // A node with several identities says by an Attach which one it is (section 6.1.2, R-FWD-26).
  const bool introduces_itself =
      std::holds_alternative<PingReq>(contents.body) || std::holds_alternative<AttachReq>(contents.body);
  if (request.link != nullptr && request.link->peers().size() > 1 && !introduces_itself &&
      !has_defect(NodeDefect::kSeveralIdsServed)) {
    // What neighbours forward is signed by others.
    const auto& peers = request.link->peers();
    const bool its_own = std::find(peers.begin(), peers.end(), by) != peers.end();
    const auto connection = connections_.find(by);
    if (its_own && connection != connections_.end() && !connection->second.attached)
      return respond(request, error_contents(kForbidden, "which of its nodes asks is not known: no Attach"));
  }
  // Join, Leave and Update speak for the one at the other end of the link (R-JOI-02, R-LEA-03).
  const auto by_neighbour = [&](const NodeId& named, auto&& answer) {
    const bool any = (std::holds_alternative<JoinReq>(contents.body) && has_defect(NodeDefect::kJoinForAnother)) ||
                     (std::holds_alternative<LeaveReq>(contents.body) && has_defect(NodeDefect::kLeaveForAnother));
    const bool any_link = (std::holds_alternative<JoinReq>(contents.body) && has_defect(NodeDefect::kJoinOnAnyLink)) ||
                          (std::holds_alternative<LeaveReq>(contents.body) && has_defect(NodeDefect::kLeaveOnAnyLink));
    if (named != by && !any)
      return respond(request, error_contents(kForbidden, "signed by another node than it is about"));
    if (!on_own_link(request) && !any_link)
      return respond(request, error_contents(kForbidden, "not on a link with that node"));
    respond(request, answer());
  };
  std::visit(Overloaded{
                 [&](const PingReq& body) {
                   if (!body.padding.empty() && has_defect(NodeDefect::kPingPaddingRefused))
                     return respond(request, error_contents(kInvalidMessage, "a Ping with padding"));
                   handle_ping(request, contents);
                 },
                 [&](const PathTrackReq& body) { handle_path_track(request, body); },
                 [&](const ProbeReq& body) { handle_probe(request, body); },
                 [&](const AttachReq& body) { handle_attach(request, body); },
                 [&](const AppAttachReq& body) { handle_app_attach(request, body); },
                 [&](const StoreReq& body) { handle_store(request, body); },
                 [&](const FetchReq& body) { handle_fetch(request, body); },
                 [&](const StatReq& body) { handle_stat(request, body); },
                 [&](const FindReq& body) { handle_find(request, body); },
                 [&](const ConfigUpdateReq& body) { handle_config_update(request, body); },
                 [&](const JoinReq& body) {
                   by_neighbour(body.joining_peer_id, [&] { return topology_->on_join(by, body); });
                 },
                 [&](const LeaveReq& body) {
                   by_neighbour(body.leaving_peer_id, [&] { return topology_->on_leave(by, body); });
                 },
                 [&](const UpdateReq& body) { by_neighbour(by, [&] { return topology_->on_update(by, body); }); },
                 [&](const RouteQueryReq& body) { respond(request, topology_->on_route_query(by, body)); },
                 [&](const auto&) {
                   respond(request, error_contents(kInvalidMessage, "a method that this node does not have"));
                 },
             },
             contents.body);
}

bool Node::on_own_link(const Request& request) const {
  if (request.link == nullptr) return request.signer.node_id == node_id();
  const auto& peers = request.link->peers();
  return request.forwarding.via_list.empty() &&
         std::find(peers.begin(), peers.end(), request.signer.node_id) != peers.end();
}

void Node::handle_probe(const Request& request, const ProbeReq& body) {
  ProbeAns answer;
  std::set<std::uint8_t> told;
  for (const std::uint8_t type : body.requested_info) {
    if (!told.insert(type).second) continue;
    if (type == kResponsibleSet) answer.probe_info.push_back({type, topology_->responsible_ppb(), {}});
    if (type == kNumResources)
      answer.probe_info.push_back({type, static_cast<std::uint32_t>(storage_.resources().size()), {}});
    if (type == kUptime) answer.probe_info.push_back({type, uptime(), {}});
  }
  respond(request, Contents(std::move(answer)));
}

// ---- Attach (sections 6.5.1 and 6.6.5): the requester listens, the answerer connects.

IceCandidate Node::candidate_at(const LinkAddress& address, std::size_t place) {
  IceCandidate candidate;
  candidate.address = address_of(address.endpoint);
  candidate.overlay_link = address.type;
  candidate.foundation = std::to_string(place + 1);
  // Of a host candidate, RFC 8445 section 5.1.2; the preferred one first.
  candidate.priority = 2130706431 - (static_cast<std::uint32_t>(place) << 8);
  return candidate;
}

std::vector<IceCandidate> Node::own_candidates() const {
  std::vector<IceCandidate> all;
  for (const LinkAddress& address : transport_.addresses()) all.push_back(candidate_at(address, all.size()));
  return all;
}

// The first of the other side's candidates that this node can open a link to, by its own order of types.
const IceCandidate* Node::usable_candidate(const std::vector<IceCandidate>& offered) const {
  for (const LinkAddress& own : transport_.addresses()) {
    for (const IceCandidate& candidate : offered) {
      if (candidate.overlay_link == own.type && candidate.type == kHostCandidate &&
          endpoint_of(candidate.address).port != 0)
        return &candidate;
    }
  }
  return nullptr;
}

void Node::attach(Destinations path, bool send_update, OnAttached done) {
  AttachReq body;
  body.role = kPassive;
  body.candidates = own_candidates();
  body.send_update = send_update;
  const Destination to = path.back();
  request(std::move(path), Contents(std::move(body)), [this, to, done = std::move(done)](Reply<Answer> reply) mutable {
    const bool to_node = to.type == kNodeDestination;
    if (to_node) own_attaches_.erase(NodeId(to.id));
    if (reply.ok() && reply->from != node_id() && !is_linked(reply->from)) expect_link(reply->from);
    if (!reply.ok()) {
      // The other side is opening a link by itself.
      if (to_node && (reply.error().code == kInProgress || is_linked(NodeId(to.id))))
        return wait_for_link(NodeId(to.id), std::move(done));
      return done(reply.error());
    }
    if (reply->from == node_id()) return done(RequestError{0, "the node itself is there", {}});
    wait_for_link(reply->from, std::move(done));
  });
  if (to.type == kNodeDestination) own_attaches_[NodeId(to.id)] = clock_.now() + kLinkPatience;
}

void Node::expect_link(const NodeId& node) {
  std::erase_if(answered_attaches_, [&](const auto& one) { return one.second <= clock_.now(); });
  answered_attaches_[node] = clock_.now() + kLinkPatience;
}

void Node::wait_for_link(const NodeId& node, OnAttached done) {
  if (is_linked(node)) {
    connections_[node].attached = true;
    return done(node);
  }
  const std::uint64_t id = ++last_waiting_;
  const net::TimerId timer = later(kLinkPatience, [this, node, id] {
    const auto at = waiting_links_.find(node);
    if (at == waiting_links_.end()) return;
    const auto one = std::find_if(at->second.begin(), at->second.end(), [&](const Waiting& w) { return w.id == id; });
    if (one == at->second.end()) return;
    const OnAttached failed = std::move(one->done);
    at->second.erase(one);
    if (at->second.empty()) waiting_links_.erase(at);
    failed(RequestError{0, "the link did not come up", {}});
  });
  waiting_links_[node].push_back({id, std::move(done), timer});
}

void Node::handle_attach(const Request& request, const AttachReq& body) {
  const NodeId& by = request.signer.node_id;
  if (by == node_id()) {
    AttachAns self;
    self.role = kActive;
    self.candidates = own_candidates();
    return respond(request, Contents(std::move(self)));
  }
  // A type without a way to skip it: the whole message is discarded (section 6.3.1.1, R-MSG-07).
  const auto unreadable = [](const IceCandidate& candidate) {
    return candidate.address.type != kIpv4Address && candidate.address.type != kIpv6Address;
  };
  if (std::any_of(body.candidates.begin(), body.candidates.end(), unreadable) &&
      !has_defect(NodeDefect::kUnknownTypeAnswered)) {
    ++stats_.malformed;
    return;
  }
  const auto no_ice = std::count_if(body.candidates.begin(), body.candidates.end(), is_no_ice);
  if (body.candidates.empty()) return respond(request, error_contents(kInvalidMessage, "an Attach without candidates"));
  if (no_ice != 0 && no_ice != static_cast<std::ptrdiff_t>(body.candidates.size()))
    return respond(request, error_contents(kInvalidMessage, "ICE and No-ICE candidates in one Attach"));
  const IceCandidate* usable = usable_candidate(body.candidates);
  if (usable == nullptr) {
    std::string types;
    for (const LinkAddress& address : transport_.addresses())
      types += (types.empty() ? "" : ", ") + std::string(value_name(kCandidateLink, address.type));
    return respond(request, error_contents(kIncompatibleWithOverlay, "no candidate for this node, which has " + types));
  }
  const auto own = own_attaches_.find(by);
  const bool linked = is_linked(by);
  const bool both = own != own_attaches_.end() && own->second > clock_.now() && !linked;
  const bool larger =
      (node_id() > by || has_defect(NodeDefect::kGlareAlwaysRefused)) && !has_defect(NodeDefect::kGlareAlwaysAnswered);
  // The other side has answered, and opens the link (R-ATT-07).
  const auto answered = answered_attaches_.find(by);
  const bool coming = answered != answered_attaches_.end() && answered->second > clock_.now() && !linked &&
                      !has_defect(NodeDefect::kAttachWhileLinking);
  if (opening_.contains(by) || coming || (both && larger))
    return respond(request, error_contents(kInProgress, "the link is being set up"));
  if (opening_.size() >= options_.max_connecting)
    return respond(request, error_contents(kRequestTimeout, "too many links are being set up"));
  AttachAns answer;
  answer.role = kActive;
  answer.candidates = own_candidates();
  respond(request, Contents(std::move(answer)));
  own_attaches_.erase(by);
  if (linked && connections_[by].attached) {
    if (body.send_update && !has_defect(NodeDefect::kNoUpdateAfterAttach))
      later(net::Duration(0), [this, by] { topology_->send_update(by); });
    return;
  }
  if (has_defect(NodeDefect::kNeverConnects)) return;
  open_link(by, *usable, body.send_update && !has_defect(NodeDefect::kNoUpdateAfterAttach));
}

void Node::open_link(const NodeId& to, const IceCandidate& candidate, bool send_update) {
  opening_.insert(to);
  transport_.connect_by(candidate.overlay_link, endpoint_of(candidate.address),
                        [this, to, send_update, alive = std::weak_ptr<bool>(alive_)](net::Result<LinkPtr> link) {
                          if (alive.expired()) return;
                          opening_.erase(to);
                          if (!link.ok()) {
                            net::log_debug("reload", "cannot open a link", {{"why", link.error().message}});
                            return;
                          }
                          const auto& peers = (*link)->peers();
                          if (std::find(peers.begin(), peers.end(), to) == peers.end() &&
                              !has_defect(NodeDefect::kAnyCertificateOnLink)) {
                            ++stats_.forged;  // R-ATT-15
                            return (*link)->close();
                          }
                          add_link(*link, true);
                          if (send_update) topology_->send_update(to);
                        });
}

void Node::app_attach(Destinations path, std::uint16_t application, OnAnswer done) {
  AppAttachReq body;
  body.application = application;
  body.role = kPassive;
  body.candidates = own_candidates();
  request(std::move(path), Contents(std::move(body)), std::move(done));
}

void Node::handle_app_attach(const Request& request, const AppAttachReq& body) {
  const auto& known = options_.applications;
  const auto offer = offers_.find(body.application);
  if (std::find(known.begin(), known.end(), body.application) == known.end() && offer == offers_.end() &&
      !has_defect(NodeDefect::kAnyApplication))
    return respond(request, error_contents(kNotFound, "no such application here"));
  AppAttachAns answer;
  answer.application = body.application;
  answer.role = kActive;
  answer.candidates = own_candidates();
  if (offer != offers_.end()) answer.candidates = {candidate_at({kTlsTcpFhNoIce, offer->second}, 0)};
  respond(request, Contents(std::move(answer)));
}

// ---- storage

bool Node::holds(std::string_view resource) const {
  return topology_->responsible(resource) || storage_.resources().contains(std::string(resource));
}

std::optional<Refusal> Node::check_values(const StoreReq& request, const SecurityBlock& security, const SignedBy& by,
                                          std::vector<SignedBy>& signers) {
  const auto id_of = [this](std::string_view name) { return topology_->resource_id(name); };
  for (const StoreKindData& data : request.kind_data) {
    const KindRules* rules = overlay_->find_kind(data.kind);
    if (rules == nullptr) return std::nullopt;  // the storage says so, with all of them
    const bool first_only = rules->policy == Policy::kNodeMultiple && has_defect(NodeDefect::kNodeMultipleFirstOnly);
    const auto may = [&](const std::string* key, const SignedBy& who) {
      if (first_only) return id_of(multiple_name(who.node_id, 1)) == request.resource;
      return policy_overlooked(*rules) || may_write(*rules, request.resource, key, who, id_of);
    };
    if (request.replica_number == 0 && !has_defect(NodeDefect::kRequestSignerMayAll) && !may(nullptr, by))
      return refuse(kForbidden, "the request's signer may not write here");
    for (StoredData value : data.values) {
      std::string why;
      auto signer =
          security_->check_value(*overlay_, request.resource, value, security.certificates, wall_seconds(), why);
      const bool nobody = value.signature.identity.type == kNoIdentity;
      if (!signer && has_defect(nobody ? NodeDefect::kUnsignedValuesStored : NodeDefect::kValueSignatureNotChecked))
        signer = by;
      if (!signer) return refuse(kForbidden, "a value's signature: " + why);
      const std::string* key = has_defect(NodeDefect::kUserNodeMatchKeyIgnored) ? nullptr : &value.key;
      if (!has_defect(NodeDefect::kValueSignerMayAll) && !may(key, *signer))
        return refuse(kForbidden, "a value's signer may not write here");
      signers.push_back(*signer);
    }
  }
  return std::nullopt;
}

void Node::handle_store(const Request& request, const StoreReq& body) {
  if (is_held(request)) return;  // sent again, because the answer takes long
  const bool original = body.replica_number == 0;
  if (options_.client ||
      (original && !topology_->responsible(body.resource) && !has_defect(NodeDefect::kStoresAnything)))
    return respond(request, error_contents(kNotFound, "not responsible for this Resource-ID"));
  if (!original && !topology_->plausible_replica_source(request.signer.node_id) &&
      !has_defect(NodeDefect::kAnyReplicaSource))
    return respond(request, error_contents(kForbidden, "not from a peer that could be responsible"));
  std::vector<SignedBy> signers;
  if (const auto refused = check_values(body, *request.security, request.signer, signers)) {
    if (has_defect(NodeDefect::kKindByKind)) store_first_kind(body, signers);
    return respond(request, contents_of(*refused));
  }
  Storage::Stored stored;
  if (const auto refused = storage_.store(*overlay_, body, signers, clock_.now(), stored))
    return respond(request, contents_of(*refused));
  schedule_expiry();
  StoreAns answer;
  answer.kind_responses = std::move(stored.kinds);
  if (original) {
    const std::vector<NodeId> replicas = topology_->replicas(body.resource);
    for (StoreKindResponse& kind : answer.kind_responses) kind.replicas = replicas;
    const auto resource = storage_.resources().find(body.resource);
    if (resource != storage_.resources().end()) resource->second.owned = true;
    if (stored.changed) {
      std::uint8_t number = has_defect(NodeDefect::kReplicaNumberWrong) ? 1 : 0;
      for (const NodeId& node : replicas) queue_copy({body.resource, node, ++number, false});
      later(net::Duration(0), [this] { work_on_copies(); });
      return answer_when_copied(request, body.resource, std::move(answer), replicas);
    }
  }
  if (!original && has_defect(NodeDefect::kReplicasOfReplicas)) {
    for (const NodeId& node : topology_->predecessors()) queue_copy({body.resource, node, 1, false});
    later(net::Duration(0), [this] { work_on_copies(); });
  }
  respond(request, Contents(std::move(answer)));
}

void Node::handle_fetch(const Request& request, const FetchReq& body) {
  if (!holds(body.resource)) return respond(request, error_contents(kNotFound, "not responsible for this Resource-ID"));
  FetchAns answer;
  std::vector<GenericCertificate> bucket;
  if (const auto refused = storage_.fetch(*overlay_, body, clock_.now(), answer, bucket))
    return respond(request, contents_of(*refused));
  respond(request, Contents(std::move(answer)), std::move(bucket));
}

void Node::handle_stat(const Request& request, const StatReq& body) {
  if (!holds(body.resource)) return respond(request, error_contents(kNotFound, "not responsible for this Resource-ID"));
  StatAns answer;
  if (const auto refused = storage_.stat(*overlay_, body, clock_.now(), answer))
    return respond(request, contents_of(*refused));
  respond(request, Contents(std::move(answer)));
}

void Node::handle_find(const Request& request, const FindReq& body) {
  if (!topology_->responsible(body.resource))
    return respond(request, error_contents(kNotFound, "not responsible for this Resource-ID"));
  if (std::set<std::uint32_t>(body.kinds.begin(), body.kinds.end()).size() != body.kinds.size())
    return respond(request, error_contents(kInvalidMessage, "a Kind stands twice in the request"));
  const bool unknown = std::any_of(body.kinds.begin(), body.kinds.end(),
                                   [&](std::uint32_t kind) { return overlay_->find_kind(kind) == nullptr; });
  if (unknown && has_defect(NodeDefect::kFindUnknownRefused))
    return respond(request, error_contents(kUnknownKind, "unknown"));
  const auto closer = [&](std::string_view a, std::string_view b) { return topology_->closer(body.resource, a, b); };
  respond(request, Contents(storage_.find(*overlay_, body, clock_.now(), closer)));
}

// ---- configuration (section 6.5.4)

void Node::handle_config_update(const Request& request, const ConfigUpdateReq& body) {
  std::optional<Refusal> refused = refuse(kInvalidMessage, "an unknown type of ConfigUpdate");
  if (body.type == kConfigDocument) refused = take_document(body.config_data);
  if (body.type == kKindDefinitions) refused = take_kinds(body.kinds);
  respond(request, refused ? contents_of(*refused) : Contents(ConfigUpdateAns{}));
}

std::optional<Refusal> Node::take_document(std::string_view document) {
  const ConfigDocument read = read_config_document(document);
  const SignedConfiguration* found = read.find(overlay_->name());
  if (found == nullptr) return refuse(kInvalidMessage, "no configuration of this overlay");
  const std::uint16_t sequence = found->configuration.sequence.value_or(0);
  if (compare_sequence(sequence, overlay_->sequence) <= 0)
    return refuse(kConfigTooOld, "not newer than what is in force");
  CertificateCache cache(64, overlay_->node_id_length());
  const BlobVerdict verdict = verify_signatures(
      found->blob, found->signatures, overlay_->configuration.configuration_signers, read_security_block, cache);
  const bool anybody = has_defect(NodeDefect::kUnsignedDocumentTaken) ||
                       (verdict.result == BlobResult::kSignerNotAllowed && has_defect(NodeDefect::kAnySignersDocument));
  if (!verdict && !anybody)
    return refuse(kForbidden, std::string("configuration signature: ") + std::string(to_string(verdict.result)));
  auto next = read_overlay(document, overlay_->name(), wall_seconds());
  if (!next.ok()) return refuse(kInvalidMessage, next.error().message);
  if ((*next)->configuration.topology_plugin != overlay_->configuration.topology_plugin)
    return refuse(kIncompatibleWithOverlay, "another topology plug-in");
  if (!has_defect(NodeDefect::kDocumentNotApplied)) use_overlay(*next);
  return std::nullopt;
}

std::optional<Refusal> Node::take_kinds(const std::vector<KindDescription>& kinds) {
  OverlayConfiguration configuration = overlay_->configuration;
  CertificateCache cache(64, overlay_->node_id_length());
  for (const KindDescription& description : kinds) {
    std::vector<ConfigDiagnostic> diagnostics;
    for (KindBlock& block : read_kind_blocks(description.kind_block, diagnostics)) {
      const BlobVerdict verdict =
          verify_signatures(block.blob, block.signatures, configuration.kind_signers, read_security_block, cache);
      if (has_defect(NodeDefect::kKnownKindRetaken)) return std::nullopt;
      if (!verdict && !has_defect(NodeDefect::kUnsignedKindsTaken))
        return refuse(kForbidden, std::string("kind-signature: ") + std::string(to_string(verdict.result)));
      const auto id = effective(block.kind).id;
      if (!id) return refuse(kInvalidMessage, "a Kind without number");
      if (overlay_->find_kind(*id) != nullptr) return refuse(kForbidden, "the Kind is known already");
      configuration.required_kinds.push_back(std::move(block));
    }
  }
  auto next = make_overlay(configuration, overlay_->document);
  if (!next.ok() && has_defect(NodeDefect::kUnsignedKindsTaken)) return std::nullopt;
  if (!next.ok()) return refuse(kInvalidMessage, next.error().message);
  use_overlay(*next);
  return std::nullopt;
}

void Node::use_overlay(OverlayPtr overlay) {
  overlay_ = std::move(overlay);
  net::log_info("reload", "new configuration", {{"sequence", overlay_->sequence}});
  for (const NodeId& node : linked()) {
    if (overlay_->configuration.is_bad_node(node.view())) drop_link(node);
  }
}

}  // namespace peerscope::reload
