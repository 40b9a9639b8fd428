// SPDX-License-Identifier: GPL-2.0-or-later
// Links, routing and transactions. What the methods do is in node_methods.cc, copies of stored data in node_copies.cc.
#include "reference-impl/reload/node.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocols/reload/protocol.h"
#include "protocols/reload/security/text.h"
#include "reference-impl/net/log.h"
#include "reference-impl/reload/ring.h"

namespace peerscope::reload {
namespace {

constexpr int kTransmissions = 5;                                            // section 6.2.1
constexpr net::Duration kMaximumRequestLifetime = std::chrono::seconds(15);  // the same section
constexpr net::Duration kStalledLinkLife = std::chrono::seconds(30);         // section 6.6.5

bool is_request(std::uint16_t code) {
  return direction_of(code) == Direction::kRequest;
}

bool readable(const Message& message) {
  for (const Shape shape :
       {Shape::kMalformed, Shape::kCutShort, Shape::kTooDeep, Shape::kBadLength, Shape::kTooMany, Shape::kTrailing}) {
    if (message.has(shape)) return false;
  }
  return packet_of(message) != nullptr;
}

// Booleans are 0 or 1 (section 6.3.1.1, R-MSG-08).
bool has_odd_boolean(const Message& message) {
  return std::any_of(message.issues.begin(), message.issues.end(), [](const Issue& issue) {
    return issue.shape == Shape::kOutOfRange && issue.field != nullptr && issue.field->type == Type::kBoolean;
  });
}

bool has_duplicates(const Destinations& list) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (list[i] == list[j]) return true;
    }
  }
  return false;
}

bool knows_option(std::uint8_t) {
  return false;  // neither exp-forward nor the routing modes of RFC 7263
}

}  // namespace

Node::Node(net::Clock& clock, RandomSource& random, OverlayPtr overlay, std::unique_ptr<Security> security,
           LinkTransport& transport, NodeOptions options)
    : clock_(clock),
      random_(random),
      overlay_(std::move(overlay)),
      security_(std::move(security)),
      transport_(transport),
      options_(std::move(options)),
      started_(clock.now()),
      storage_(options_.storage, options_.defects),
      topology_(make_topology(*this)) {
  transport_.set_on_accept([this](LinkPtr link) { add_link(link, false); });
}

Node::~Node() {
  stop();
}

void Node::stop() {
  if (std::exchange(stopped_, true)) return;
  alive_.reset();
  transport_.set_on_accept({});
  for (auto& [tid, pending] : pending_) clock_.cancel(pending.timer);
  for (auto& [node, waiting] : waiting_links_) {
    for (const Waiting& one : waiting) clock_.cancel(one.timer);
  }
  clock_.cancel(copy_timer_);
  clock_.cancel(expiry_timer_);
  clock_.cancel(partition_timer_);
  pending_.clear();
  waiting_links_.clear();
  topology_.reset();
  for (auto& [key, state] : links_) {
    state.link->set_listener(nullptr);
    state.link->close();
  }
  links_.clear();
  connections_.clear();
}

net::TimerId Node::later(net::Duration delay, std::function<void()> what) {
  return clock_.schedule(delay, [what = std::move(what), alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) what();
  });
}

std::uint64_t Node::random() {
  std::array<char, 8> bytes{};
  if (!random_.fill(bytes)) net::log_error("reload", "no random numbers");
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

std::int64_t Node::wall_seconds() const {
  return std::chrono::duration_cast<std::chrono::seconds>(clock_.wall_now().time_since_epoch()).count();
}
std::uint64_t Node::wall_milliseconds() const {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall_now().time_since_epoch()).count());
}
std::uint32_t Node::uptime() const {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - started_).count());
}

// ---- life

void Node::start_alone() {
  topology_->start_alone();
  schedule_partition_check();
}

void Node::connect(std::vector<net::Endpoint> bootstrap, OnJoined done) {
  try_bootstrap(std::move(bootstrap), 0, "no bootstrap node given",
                [this, done = std::move(done)](net::Result<NodeId> to) {
                  if (!to.ok()) return done(to.error());
                  entry_ = *to;
                  done({});
                });
}

void Node::join(std::vector<net::Endpoint> bootstrap, OnJoined done) {
  options_.bootstrap = bootstrap;
  connect(std::move(bootstrap), [this, done = std::move(done)](net::Result<void> connected) {
    if (!connected.ok()) return done(connected);
    topology_->join(entry_, [this, done](net::Result<void> joined) {
      if (joined.ok()) schedule_partition_check();
      done(joined);
    });
  });
}

void Node::try_bootstrap(std::vector<net::Endpoint> bootstrap, std::size_t index, std::string why,
                         std::function<void(net::Result<NodeId>)> done) {
  if (index >= bootstrap.size()) return done({net::ErrorKind::kUnreachable, std::move(why)});
  const net::Endpoint to = bootstrap[index];
  transport_.connect(to, [this, bootstrap = std::move(bootstrap), index, to, done = std::move(done),
                          alive = std::weak_ptr<bool>(alive_)](net::Result<LinkPtr> link) mutable {
    if (alive.expired()) return;
    if (link.ok() && !(*link)->peers().empty()) {
      const NodeId node = (*link)->peers().front();
      add_link(*link, false);
      return done(node);
    }
    const std::string said = link.ok() ? "its certificate names no node" : link.error().message;
    try_bootstrap(std::move(bootstrap), index + 1, fmt::format("{}: {}", to.to_string(), said), std::move(done));
  });
}

void Node::leave(std::function<void()> done) {
  // What only this node owns goes to the next one first: nobody else may have it yet.
  if (!topology_->joined()) return done();
  const auto depart = [this, done = std::move(done)] { topology_->leave(done); };
  const std::vector<NodeId> successors = topology_->successors();
  if (successors.empty()) return depart();
  hand_over(
      successors.front(), [this](std::string_view resource) { return topology_->responsible(resource); }, depart);
}

void Node::come_back() {
  if (std::exchange(coming_back_, true) || options_.bootstrap.empty() || has_defect(NodeDefect::kStaysAlone)) return;
  constexpr net::Duration kPause = std::chrono::seconds(5);
  later(kPause, [this] {
    coming_back_ = false;
    if (!topology_->routing_table().empty()) return;
    net::log_info("reload", "all neighbours are lost, joining again");
    join(options_.bootstrap, [this](net::Result<void> joined) {
      if (!joined.ok()) topology_->start_alone();
    });
  });
}

// Partitions (section 10.7.4.4): a bootstrap node is asked for whoever follows this node. Somebody nearer than the own
// successor belongs to another part of the overlay, and an Attach to him joins the two.
void Node::schedule_partition_check() {
  clock_.cancel(partition_timer_);
  if (options_.bootstrap.empty() || overlay_->configuration.topology_plugin != kChordReload) return;
  // As rare as the search for fingers: it costs a look-up.
  const net::Duration interval = std::chrono::seconds(overlay_->configuration.chord_ping_interval);
  const auto part = static_cast<std::int64_t>(random() % 100);
  partition_timer_ = later(interval + interval / 100 * part, [this] {
    check_partition();
    schedule_partition_check();
  });
}

void Node::check_partition() {
  if (!topology_->joined() || has_defect(NodeDefect::kNoPartitionCheck)) return;
  const net::Endpoint to = options_.bootstrap[random() % options_.bootstrap.size()];
  if (to == transport_.local()) return;
  for (const auto& [key, state] : links_) {
    if (state.link->remote() == to) return ask_beyond(state.bound);
  }
  transport_.connect(to, [this, alive = std::weak_ptr<bool>(alive_)](net::Result<LinkPtr> link) {
    if (alive.expired() || !link.ok() || (*link)->peers().empty()) return;
    const NodeId node = (*link)->peers().front();
    add_link(*link, false);
    ask_beyond(node);
  });
}

void Node::ask_beyond(const NodeId& bootstrap) {
  const std::string behind = to_id(to_number(node_id().view()) + 1);
  request({Destination::node(bootstrap.view()), Destination::resource(behind)}, Contents(PingReq{}),
          [this, bootstrap](Reply<Answer> reply) {
            if (!reply.ok() || !topology_->joined() || reply->from == node_id()) return;
            const std::vector<NodeId> successors = topology_->successors();
            if (!successors.empty() && successors.front() == reply->from) return;
            net::log_info("reload", "a part of the overlay that was not known");
            attach({Destination::node(bootstrap.view()), Destination::node(reply->from.view())}, true,
                   [](Reply<NodeId>) {});
          });
}

// ---- links

void Node::add_link(const LinkPtr& link, bool attached) {
  if (stopped_ || links_.size() >= options_.max_links || link->peers().empty()) {
    ++stats_.flooded;
    return link->close();
  }
  LinkState& state = links_[link.get()];
  state.link = link;
  link->set_listener(this);
  // All Node-IDs of a certificate lead here; the first names the link in Via Lists.
  for (const NodeId& node : link->peers()) bind(state, node, attached);
  state.bound = link->peers().front();
  for (const NodeId& node : std::vector<NodeId>(link->peers())) linked_to(node);
}

void Node::bind(LinkState& state, const NodeId& node, bool attached) {
  Connection& connection = connections_[node];
  connection.links.push_back(state.link);
  connection.attached = connection.attached || attached;
}

void Node::linked_to(const NodeId& node) {
  opening_.erase(node);
  answered_attaches_.erase(node);
  const auto at = waiting_links_.find(node);
  if (at != waiting_links_.end()) {
    const std::vector<Waiting> waiting = std::move(at->second);
    waiting_links_.erase(at);
    connections_[node].attached = true;
    for (const Waiting& one : waiting) {
      clock_.cancel(one.timer);
      one.done(node);
    }
  }
  topology_->on_linked(node);
}

void Node::remove_link(const LinkPtr& link) {
  const auto at = links_.find(link.get());
  if (at == links_.end()) return;
  const LinkPtr keep = at->second.link;
  keep->set_listener(nullptr);
  links_.erase(at);
  for (const NodeId& node : keep->peers()) {
    const auto connection = connections_.find(node);
    if (connection == connections_.end()) continue;
    std::erase(connection->second.links, keep);
    if (!connection->second.links.empty()) continue;
    connections_.erase(connection);
    topology_->on_lost(node);
    give_up_copies(node);
  }
}

void Node::on_closed(const LinkPtr& link, const net::Error& why) {
  net::log_debug("reload", "link closed", {{"remote", link->remote().to_string()}, {"why", why.message}});
  remove_link(link);
}

void Node::on_stalled(const LinkPtr& link, bool stalled) {
  const auto at = links_.find(link.get());
  if (at == links_.end() || at->second.stalled == stalled) return;
  at->second.stalled = stalled;
  const NodeId node = at->second.bound;
  if (!stalled) return topology_->send_update(node);  // so that it says again that it is a peer
  if (link_to(node) == nullptr) topology_->on_lost(node);
  later(kStalledLinkLife, [this, link] {
    const auto still = links_.find(link.get());
    if (still == links_.end() || !still->second.stalled) return;
    link->close();
    remove_link(link);
  });
}

LinkPtr Node::link_to(const NodeId& node) const {
  const auto at = connections_.find(node);
  if (at == connections_.end()) return nullptr;
  const auto& links = at->second.links;
  for (auto link = links.rbegin(); link != links.rend(); ++link) {
    const auto state = links_.find(link->get());
    if (state != links_.end() && !state->second.stalled) return *link;
  }
  return nullptr;
}

bool Node::is_linked(const NodeId& node) const {
  return link_to(node) != nullptr;
}

std::vector<NodeId> Node::linked() const {
  std::vector<NodeId> nodes;
  for (const auto& [node, connection] : connections_) nodes.push_back(node);
  return nodes;
}

void Node::drop_link(const NodeId& node) {
  const auto at = connections_.find(node);
  if (at == connections_.end()) return;
  for (const LinkPtr& link : std::vector<LinkPtr>(at->second.links)) drop(link);
}

void Node::drop(const LinkPtr& link) {
  link->close();
  remove_link(link);
}

void Node::send(const LinkPtr& link, std::string message) {
  if (message.size() > overlay_->configuration.max_message_size) {
    ++stats_.flooded;
    return;
  }
  ++stats_.sent;
  if (observer_) observer_(true, *link, message);
  link->send(std::move(message));
}

// ---- routing

void Node::on_message(const LinkPtr& link, std::string_view message) {
  const auto at = links_.find(link.get());
  if (at == links_.end()) return;
  LinkState& state = at->second;
  ++stats_.received;
  if (clock_.now() - state.second >= std::chrono::seconds(1)) {
    state.second = clock_.now();
    state.messages = 0;
  }
  if (++state.messages > options_.max_messages_per_second) {
    ++stats_.flooded;
    return;
  }
  if (observer_) observer_(false, *link, message);
  const NodeId from = state.bound;
  const LinkPtr keep = link;
  Envelope envelope;
  if (!decode_part(message, envelope, &overlay_->context) || envelope.forwarding.relo_token != kReloToken) {
    ++stats_.malformed;
    // Nobody can be answered, and what else comes on this link is no better (section 6.6).
    if (too_large(message)) drop(keep);
    return;
  }
  if (!acceptable(envelope, keep, from, message)) return;
  route(std::move(envelope), from, keep);
}

bool Node::too_large(std::string_view message) const {
  return message.size() > overlay_->configuration.max_message_size && !has_defect(NodeDefect::kLargeMessageTaken);
}

bool Node::acceptable(const Envelope& envelope, const LinkPtr& link, const NodeId& from, std::string_view message) {
  const ForwardingHeader& header = envelope.forwarding;
  const auto refuse_it = [&](std::uint16_t code, std::string_view text) {
    ++stats_.malformed;
    refuse_routing(envelope, from, link, code, text);
    return false;
  };
  if (header.overlay != overlay_->hash && !has_defect(NodeDefect::kOtherOverlayProcessed))
    return refuse_it(kIncompatibleWithOverlay, "another overlay");
  if (header.version != kVersion10 && !has_defect(NodeDefect::kAnyVersionProcessed))
    return refuse_it(kIncompatibleWithOverlay, "another version");
  if (too_large(message)) {
    // R-LNK-01, R-LNK-02
    if (message.size() - envelope.payload.size() <= overlay_->configuration.max_message_size ||
        has_defect(NodeDefect::kLargeHeaderAnswered))
      refuse_routing(envelope, from, link, kMessageTooLarge, "larger than max-message-size");
    ++stats_.malformed;
    drop(link);
    return false;
  }
  const bool no_bit = (header.fragment & kFragmentBit) == 0 && !has_defect(NodeDefect::kClearBitAsFragment);
  if (no_bit || header.destination_list.empty()) {
    ++stats_.malformed;
    return false;
  }
  if (header.ttl > overlay_->configuration.initial_ttl && !has_defect(NodeDefect::kAnyTtlTaken))
    return refuse_it(kTtlExceeded, "TTL above initial-ttl");
  if (std::max(header.destination_list.size(), header.via_list.size()) > options_.max_destinations)
    return refuse_it(kInvalidMessage, "a list with too many entries");
  const auto is_resource = [](const Destination& one) { return one.type == kResourceDestination; };
  if (std::any_of(header.destination_list.begin(), std::prev(header.destination_list.end()), is_resource) &&
      !has_defect(NodeDefect::kResourceBeforeOthers)) {
    ++stats_.malformed;  // dropped silently (R-FWD-15)
    return false;
  }
  if (std::any_of(header.via_list.begin(), header.via_list.end(), is_resource))
    return refuse_it(kInvalidMessage, "a Resource-ID in the Via List");
  if (has_duplicates(header.destination_list) && !has_defect(NodeDefect::kDuplicateDestinationsOk))
    return refuse_it(kInvalidMessage, "duplicate entries in the Destination List");
  return true;
}

void Node::route(Envelope envelope, const NodeId& from, const LinkPtr& link) {
  Destinations& list = envelope.forwarding.destination_list;
  const bool own = from.empty();
  const auto local = [&] {
    if (!own) return deliver(envelope, from, link);
    later(net::Duration(0), [this, envelope = std::move(envelope)] { deliver(envelope, {}, nullptr); });
  };
  while (!list.empty()) {
    const Destination first = list.front();
    if (first.type == kNodeDestination) {
      const bool mine = first.id == node_id().view();
      if (is_wildcard(first.id) && !own && !has_defect(NodeDefect::kWildcardNotTaken)) return local();
      if (mine && (list.size() == 1 || has_defect(NodeDefect::kOwnEntryEndsRoute))) return local();
      if (mine) {
        list.erase(list.begin());
        continue;
      }
      const NodeId node(first.id);
      const bool served = own || !has_defect(NodeDefect::kClientsNotServed);
      if (link_to(node) != nullptr && served) return forward(std::move(envelope), from, node);
      if (own && is_wildcard(first.id)) break;
      // Nobody there, although it would be within this node's range (R-FWD-19).
      if (topology_->responsible(first.id)) {
        if (has_defect(NodeDefect::kAbsentNodeAnswered))
          refuse_routing(envelope, from, link, kNotFound, "no such node");
        break;
      }
    } else if (first.type == kResourceDestination) {
      // The node itself, as if it had joined where it is.
      const auto client = connections_.find(NodeId(first.id));
      if (has_defect(NodeDefect::kOverClients) && client != connections_.end())
        return forward(std::move(envelope), from, client->first);
      if (topology_->responsible(first.id)) return local();
    } else {
      if (has_defect(NodeDefect::kOpaqueIdAnswered)) refuse_routing(envelope, from, link, kNotFound, "no such ID");
      break;  // an opaque ID: we give none away
    }
    if (options_.client && !own) break;
    const auto next = topology_->next_hop(first.id);
    if (next && link_to(*next) != nullptr) return forward(std::move(envelope), from, *next);
    if (own && !entry_.empty() && link_to(entry_) != nullptr) return forward(std::move(envelope), from, entry_);
    break;
  }
  ++stats_.unroutable;
}

void Node::forward(Envelope envelope, const NodeId& from, const NodeId& next) {
  ForwardingHeader& header = envelope.forwarding;
  const bool own = from.empty();
  const LinkPtr link = link_to(next);
  if (!own) {
    if (header.ttl == 0 && !has_defect(NodeDefect::kTtlZeroForwarded)) {
      if (has_defect(NodeDefect::kTtlZeroSilent)) return;
      return refuse_routing(envelope, from, link_to(from), kTtlExceeded, "TTL is used up");
    }
    if (header.ttl > 0 && !has_defect(NodeDefect::kTtlNotDecremented)) --header.ttl;
    // A source-routed message may pass twice; a third time it goes in circles, which a dead neighbour that is not
    // noticed yet can cause. The originator sends it again.
    const Destination self = Destination::node(node_id().view());
    if (std::count(header.via_list.begin(), header.via_list.end(), self) > 1) {
      ++stats_.unroutable;
      return;
    }
    for (const ForwardingOption& option : header.options) {
      if ((option.flags & kForwardCritical) != 0 && !knows_option(option.type) &&
          !has_defect(NodeDefect::kForwardCriticalIgnored))
        return refuse_routing(envelope, from, link_to(from), kUnsupportedForwardingOption,
                              "an option that must be understood");
    }
    if (has_defect(NodeDefect::kForwarderChecksSignature) && !is_signed_well(envelope)) return;
    const int entries = has_defect(NodeDefect::kViaNotExtended) || keeps_state(header) ? 0
                        : has_defect(NodeDefect::kViaExtendedTwice)                    ? 2
                                                                                       : 1;
    if (envelope.code == 0 || is_request(envelope.code))
      header.via_list.insert(header.via_list.end(), static_cast<std::size_t>(entries), Destination::node(from.view()));
    ++stats_.forwarded;
  }
  if (!own && has_defect(NodeDefect::kRetransmitsForOthers)) send(link, encode_part(envelope, &overlay_->context));
  send(link, encode_part(envelope, &overlay_->context));
}

void Node::refuse_routing(const Envelope& envelope, const NodeId& from, const LinkPtr& link, std::uint16_t code,
                          std::string_view text) {
  // Never an error for an error, nor for what cannot be told apart from one.
  if (!is_request(envelope.code) || from.empty() || link == nullptr) return;
  Request request;
  request.forwarding = envelope.forwarding;
  request.from = from;
  request.link = link;
  respond(request, error_contents(code, text));
}

// ---- what arrived

void Node::deliver(const Envelope& envelope, const NodeId& from, const LinkPtr& link) {
  Envelope copy = envelope;
  Message message;
  message.context = &overlay_->context;
  decode(encode_part(copy, &overlay_->context), message);
  if (!readable(message)) {
    ++stats_.malformed;
    return;
  }
  if (!envelope.forwarding.is_fragment()) return deliver_message(message, from, link);
  const auto result = reassembler_.add(message, clock_.now().time_since_epoch().count(), from.view());
  reassembler_.expire(clock_.now().time_since_epoch().count());
  if (result.outcome != Reassembler::Outcome::kComplete) return;
  Message whole;
  whole.context = &overlay_->context;
  decode(result.message, whole);
  if (readable(whole))
    deliver_message(whole, from, link);
  else
    ++stats_.malformed;
}

void Node::deliver_message(const Message& message, const NodeId& from, const LinkPtr& link) {
  if (is_request(packet_of(message)->contents.code))
    handle_request(message, from, link);
  else
    handle_answer(message);
}

void Node::handle_request(const Message& message, const NodeId& from, const LinkPtr& link) {
  const Packet& packet = *packet_of(message);
  std::string why;
  auto signer = security_->check_message(*overlay_, message, wall_seconds(), why);
  if (!signer && has_defect(NodeDefect::kSignatureNotChecked)) signer = named_signer(message);
  if (!signer) {
    ++stats_.forged;
    net::log_debug("reload", "message dropped", {{"why", why}});
    return;
  }
  Request request;
  request.forwarding = packet.forwarding;
  request.from = from;
  request.link = link;
  request.signer = *signer;
  request.security = &packet.security;
  const auto cached = answers_.find({signer->node_id, packet.forwarding.transaction_id});
  if (cached != answers_.end() && cached->second.expires > clock_.now() &&
      !has_defect(NodeDefect::kRepeatProcessedAnew))
    return send_response(request, cached->second.payload);
  if (has_odd_boolean(message)) {
    ++stats_.malformed;
    return respond(request, error_contents(kInvalidMessage, "a Boolean that is neither 0 nor 1"));
  }
  for (const MessageExtension& extension : packet.contents.extensions) {
    if ((extension.critical && !has_defect(NodeDefect::kExtensionIgnored)) || has_defect(NodeDefect::kExtensionRefused))
      return respond(request, error_contents(kUnknownExtension, "a critical extension"));
  }
  for (const ForwardingOption& option : packet.forwarding.options) {
    if (((option.flags & kDestinationCritical) != 0 && !knows_option(option.type) &&
         !has_defect(NodeDefect::kDestinationCriticalIgnored)) ||
        has_defect(NodeDefect::kUnknownOptionRefused))
      return respond(request, error_contents(kUnsupportedForwardingOption, "an option that must be understood"));
  }
  if (!understands_route_mode(packet.forwarding))
    return respond(request, error_contents(kUnknownExtension, "a route mode that this node does not have"));
  if (!configuration_fits(request, packet.contents)) return;
  ++stats_.requests;
  dispatch(request, packet.contents);
}

bool Node::configuration_fits(const Request& request, const Contents& contents) {
  const std::uint16_t sequence = request.forwarding.configuration_sequence;
  if (sequence == overlay_->sequence || has_defect(NodeDefect::kAnySequenceTaken)) return true;
  if (sequence == kAnySequence && !has_defect(NodeDefect::kAnySequenceRefused) &&
      std::holds_alternative<ConfigUpdateReq>(contents.body))
    return true;
  if (sequence != kAnySequence && compare_sequence(sequence, overlay_->sequence) > 0) {
    respond(request, error_contents(kConfigTooNew, "this node's configuration is older"));
    return false;
  }
  respond(request, error_contents(has_defect(NodeDefect::kSequenceErrorsSwapped) ? kConfigTooNew : kConfigTooOld,
                                  "this node's configuration is newer"));
  if (has_defect(NodeDefect::kOldNodeNotUpdated)) return false;
  ConfigUpdateReq update;
  update.config_data = overlay_->document;
  request_with(
      {Destination::node(request.signer.node_id.view())}, Contents(std::move(update)), {}, [](Reply<Answer>) {}, true);
  return false;
}

void Node::handle_answer(const Message& message) {
  const Packet& packet = *packet_of(message);
  const std::uint64_t tid = packet.forwarding.transaction_id;
  const auto at = pending_.find(tid);
  if (at == pending_.end()) return;  // answered before, or given up
  std::string why;
  const auto signer = security_->check_message(*overlay_, message, wall_seconds(), why);
  if (!signer) {
    ++stats_.forged;
    net::log_debug("reload", "answer dropped", {{"why", why}});
    return;
  }
  if (has_odd_boolean(message)) {
    ++stats_.malformed;
    return;
  }
  if (const auto* error = std::get_if<ErrorResponse>(&packet.contents.body); error != nullptr) {
    // On the way, not at the destination: the overlay may be in motion, the timer sends again.
    if (error->code == kTtlExceeded && at->second.transmissions < kTransmissions) return;
    const std::string_view name = value_name(kErrorCode, error->code);
    const std::string text = name.empty() ? fmt::format("error {:#x}", error->code) : std::string(name);
    return finish(tid, RequestError{error->code, text, error->info});
  }
  const Destination& asked = at->second.path.back();
  const bool to_node = asked.type == kNodeDestination && !is_wildcard(asked.id);
  const bool anybody =
      has_defect(NodeDefect::kAnswersFromAnybody) ||
      (has_defect(NodeDefect::kJoinAnswerFromAnybody) && std::holds_alternative<JoinAns>(packet.contents.body));
  if (anybody) return finish(tid, Answer{packet.contents.body, signer->node_id, 0, {}});
  if ((to_node && asked.id != signer->node_id.view()) ||
      (asked.type == kResourceDestination && !has_defect(NodeDefect::kFartherAnswersTaken) &&
       !topology_->plausible_owner(asked.id, signer->node_id))) {
    ++stats_.forged;  // sent again by the timer: the overlay may be in motion
    // Or the nearer neighbour is dead, and only this node does not know it yet: asking it shows.
    std::set<NodeId> nearer;
    for (const auto& neighbours : {topology_->predecessors(), topology_->successors()}) {
      for (const NodeId& node : neighbours) {
        if (!to_node && topology_->closer(asked.id, node.view(), signer->node_id.view())) nearer.insert(node);
      }
    }
    for (const NodeId& node : nearer) {
      request({Destination::node(node.view())}, Contents(PingReq{}), [this, node](Reply<Answer> reply) {
        if (!reply.ok() && reply.error().code == 0 && is_linked(node)) drop_link(node);
      });
    }
    return;
  }
  Answer answer{packet.contents.body, signer->node_id, 0, packet.security.certificates};
  answer.hops = signer->node_id == node_id() ? 0 : overlay_->configuration.initial_ttl - packet.forwarding.ttl + 1;
  finish(tid, std::move(answer));
}

// ---- transactions

std::string Node::signed_payload(std::uint64_t transaction_id, Contents& contents,
                                 std::vector<GenericCertificate> bucket) {
  std::string encoded = encode(contents, &overlay_->context);
  if (encoded.empty()) return {};
  SecurityBlock security;
  const CertificateBytes own = security_->certificate();
  if (own != nullptr) std::erase_if(bucket, [&](const GenericCertificate& one) { return one.certificate == *own; });
  security.certificates = std::move(bucket);
  security_->sign_message(overlay_->hash, transaction_id, encoded, security);
  if (options_.defects.any()) spoil_signature(transaction_id, encoded, security);
  return encoded + encode_part(security);
}

void Node::request(Destinations path, Contents contents, OnAnswer done) {
  request_with(std::move(path), std::move(contents), {}, std::move(done), false);
}

void Node::request_with(Destinations path, Contents contents, std::vector<GenericCertificate> bucket, OnAnswer done,
                        bool any_sequence) {
  const auto fail = [&](std::string_view why) {
    later(net::Duration(0), [done, why = std::string(why)] { done(RequestError{0, why, {}}); });
  };
  if (stopped_) return;
  if (pending_.size() >= options_.max_requests) return fail("too many requests at once");
  const std::uint64_t tid = has_defect(NodeDefect::kCountingTransactions) ? ++counted_ : random();
  std::string payload = signed_payload(tid, contents, std::move(bucket));
  if (payload.empty() || path.empty()) return fail("a request that cannot be written");
  if (payload.size() + kFixedHeaderSize > overlay_->configuration.max_message_size)
    return fail("a request larger than max-message-size");
  const auto [at, fresh] = pending_.try_emplace(tid);
  if (!fresh) return fail("a transaction ID twice");
  at->second.path = std::move(path);
  at->second.payload = std::move(payload);
  at->second.done = std::move(done);
  at->second.any_sequence = any_sequence;
  last_transaction_ = tid;
  transmit(tid);
}

void Node::transmit(std::uint64_t transaction_id) {
  const auto at = pending_.find(transaction_id);
  if (at == pending_.end()) return;
  Pending& pending = at->second;
  if (pending.transmissions == (has_defect(NodeDefect::kNoRetransmission) ? 1 : kTransmissions)) {
    ++stats_.timeouts;
    return finish(transaction_id, RequestError{0, "no answer", {}});
  }
  if (++pending.transmissions > 1) ++stats_.retransmissions;
  pending.timer = later(overlay_->reliability_timer(), [this, transaction_id] { transmit(transaction_id); });
  Envelope envelope;
  envelope.forwarding.overlay = overlay_->hash;
  envelope.forwarding.configuration_sequence = pending.any_sequence ? kAnySequence : overlay_->sequence;
  envelope.forwarding.ttl = static_cast<std::uint8_t>(overlay_->configuration.initial_ttl);
  envelope.forwarding.transaction_id = transaction_id;
  if (pending.transmissions > 1 && has_defect(NodeDefect::kNewTransactionOnRetry))
    envelope.forwarding.transaction_id = random();
  envelope.forwarding.destination_list = pending.path;
  // Without an answer the next transmission asks for the way back (R-DRR-06).
  if (pending.transmissions == 1 && wants_direct_response(pending.path.back()))
    envelope.forwarding.options.push_back(direct_response_option());
  envelope.payload = pending.payload;
  route(std::move(envelope), {}, nullptr);
}

void Node::finish(std::uint64_t transaction_id, Reply<Answer> reply) {
  const auto at = pending_.find(transaction_id);
  if (at == pending_.end()) return;
  const OnAnswer done = std::move(at->second.done);
  clock_.cancel(at->second.timer);
  pending_.erase(at);
  if (done) done(std::move(reply));
}

void Node::respond(const Request& request, Contents contents, std::vector<GenericCertificate> bucket) {
  const std::uint64_t tid = request.forwarding.transaction_id;
  if (options_.defects.any()) spoil_answer(request, contents, bucket);
  std::string payload = signed_payload(tid, contents, std::move(bucket));
  const std::size_t limit = response_limit(request);
  const std::size_t size = response_size(response_header(request), payload);
  if (payload.empty() || size > overlay_->configuration.max_message_size || (limit != 0 && size > limit)) {
    Contents error = error_contents(kResponseTooLarge, fmt::format("{} bytes", size));
    payload = signed_payload(tid, error, {});
  }
  if (!request.signer.node_id.empty()) remember({request.signer.node_id, tid}, payload);
  send_response(request, payload);
}

std::size_t Node::response_limit(const Request& request) const {
  return has_defect(NodeDefect::kIgnoresResponseLimit) ? 0 : request.forwarding.max_response_length;
}

ForwardingHeader Node::response_header(const Request& request) const {
  ForwardingHeader header;
  header.overlay = overlay_->hash;
  header.configuration_sequence = overlay_->sequence;
  header.ttl = static_cast<std::uint8_t>(overlay_->configuration.initial_ttl);
  header.transaction_id = request.forwarding.transaction_id;
  header.destination_list.push_back(Destination::node(request.from.empty() ? node_id().view() : request.from.view()));
  const auto& via = request.forwarding.via_list;
  header.destination_list.insert(header.destination_list.end(), via.rbegin(), via.rend());
  for (const ForwardingOption& option : request.forwarding.options) {
    constexpr std::uint8_t kNotInResponses = kForwardCritical | kDestinationCritical | kResponseCopy;
    if ((option.flags & kResponseCopy) == 0) continue;
    header.options.push_back(option);
    header.options.back().flags = static_cast<std::uint8_t>(option.flags & ~kNotInResponses);
  }
  return header;
}

std::size_t Node::response_size(const ForwardingHeader& header, const std::string& payload) const {
  Envelope envelope;
  envelope.forwarding = header;
  return encode_part(envelope, &overlay_->context).size() + payload.size();
}

void Node::send_response(const Request& request, const std::string& payload) {
  if (respond_directly(request, payload)) return;
  Envelope envelope;
  ForwardingHeader& header = envelope.forwarding;
  header = response_header(request);
  // Only an error can still be too long; the options that it would copy must not make it so (section 6.3.2).
  const std::size_t limit = response_limit(request);
  if (limit != 0 && !header.options.empty() && response_size(header, payload) > limit) header.options.clear();
  if (options_.defects.any()) spoil_header(request, header);
  envelope.code = kErrorMethod.code;  // some response: no Via List
  envelope.payload = payload;
  route(std::move(envelope), {}, nullptr);
}

void Node::remember(const AnswerKey& key, const std::string& payload) {
  const net::SteadyTime now = clock_.now();
  while (!answer_order_.empty()) {
    const auto oldest = answers_.find(answer_order_.front());
    const bool full = answers_.size() >= options_.max_cached_answers || answer_bytes_ > options_.max_cached_bytes;
    if (oldest != answers_.end() && oldest->second.expires > now && !full) break;
    if (oldest != answers_.end()) {
      answer_bytes_ -= oldest->second.payload.size();
      answers_.erase(oldest);
    }
    answer_order_.pop_front();
  }
  const auto [at, fresh] = answers_.try_emplace(key, CachedAnswer{payload, now + kMaximumRequestLifetime});
  if (!fresh) return;
  answer_bytes_ += payload.size();
  answer_order_.push_back(key);
}

}  // namespace peerscope::reload
