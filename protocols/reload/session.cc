// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/session.h"

#include <algorithm>
#include <functional>
#include <random>

#include "protocols/reload/protocol.h"

namespace peerscope::reload {
namespace {

constexpr std::int64_t kRetransmission = 2'000'000'000;  // ns; sooner is a copy of the link, not of the originator

// A forwarder may put an opaque ID of its own in the place of what it adds to the Via List (section 6.1.2).
void track_opaque(SessionState::Transaction& transaction, const Message& message, const ForwardingHeader& header) {
  if (transaction.destination != message.source || header.via_list.empty()) return;
  const Destination& added = header.via_list.back();
  if (added.type == kNodeDestination || added.type == kResourceDestination || added.id == transaction.opaque) return;
  transaction.opaque = added.id;
  transaction.opaque_from = message.source;
}

void track_request(SessionState& state, const Message& message, const ForwardingHeader& header,
                   SessionState::Link* link) {
  SessionState::Transaction& transaction = state.add_request(header);
  const bool again = transaction.source == message.source && transaction.destination == message.destination;
  if (!again)
    transaction.transmissions = 1;
  else if (message.time_ns - transaction.time_ns >= kRetransmission)
    ++transaction.transmissions;
  track_opaque(transaction, message, header);
  transaction.source = message.source;
  transaction.destination = message.destination;
  transaction.via = header.via_list.size();
  transaction.direct = asks_directly(header);
  transaction.ttl = header.ttl;
  transaction.time_ns = message.time_ns;
  if (again) return;
  if (link == nullptr) return;
  link->counting = header.transaction_id == link->last_request + 1 ? link->counting + 1 : 0;
  link->last_request = header.transaction_id;
}

void track_fragment(SessionState& state, const Message& message, const Packet& packet) {
  const ForwardingHeader& header = packet.forwarding;
  const auto key = SessionState::fragments_key(message, header);
  if (!state.fragments.contains(key) && state.fragments.size() >= SessionState::kMostFragments) state.fragments.clear();
  SessionState::Fragments& set = state.fragments[key];
  const std::uint32_t from = header.fragment_offset();
  const auto to = static_cast<std::uint32_t>(from + packet.fragment.size());
  if (set.ranges.empty()) set.destination_list = header.destination_list, set.first_ns = message.time_ns;
  set.last_ns = message.time_ns;
  if (set.ranges.size() < SessionState::kMostFragments) set.ranges.emplace_back(from, to);
  if (header.is_last_fragment()) set.has_end = true, set.end = to;
}

// A data frame of a DTLS link.
void track_sent(SessionState::Link& link, const Message& message, std::uint32_t sequence) {
  SessionState::Sender& sender = link.sender;
  const std::size_t content = content_of(message);
  const bool follows = link.has_sequence && sequence == link.sequence + 1;
  const bool again = sender.waiting && content == sender.content;
  if (again && follows) {
    sender.gap_ns = message.time_ns - sender.sent_ns;
    ++sender.transmissions;
  } else if (!again) {
    sender.pipelines = sender.pipelines || (sender.waiting && sender.heard && follows);
    sender.first = sequence;
    sender.content = content;
    sender.transmissions = 1;
    sender.gap_ns = 0;
  } else {
    sender.transmissions = 1;  // between the two some are missing
    sender.gap_ns = 0;
  }
  sender.waiting = true;
  sender.acknowledged_ns = 0;
  sender.sent_ns = message.time_ns;
}

void track_acknowledgement(SessionState& state, const Message& message, const Frame& frame) {
  SessionState::Link* link = state.link(reverse_link_of(message));
  if (link == nullptr || !link->has_sequence) return;
  SessionState::Sender& sender = link->sender;
  sender.heard = true;
  const std::uint32_t newest = link->sequence - sender.first;
  if (!sender.waiting || frame.sequence - sender.first > newest) return;
  sender.waiting = false;
  sender.acknowledged_ns = message.time_ns;
}

void track_values(SessionState& state, const StoreReq& store, std::uint32_t overlay, const std::string& source) {
  if (store.replica_number != 0) return;
  if (state.written.size() >= SessionState::kMostPlaces) state.written.clear(), state.provided.clear();
  for (const StoreKindData& data : store.kind_data) {
    for (const StoredData& value : data.values) {
      if (value.model == DataModel::kArray && value.index == kAppendIndex) continue;
      const auto place = SessionState::place_of(overlay, store.resource, value);
      constexpr std::uint64_t kSecond = 1000;
      state.written[place] = {value.storage_time + value.lifetime * kSecond, value.exists, hash_of(value.value),
                              source};
      if (value.kind == kRedirKind) state.provided[value.key].insert(place);
    }
  }
}

}  // namespace

SessionState::Place SessionState::place_of(std::uint32_t overlay, const std::string& resource,
                                           const StoredData& value) {
  return {overlay, resource, value.kind,
          value.model == DataModel::kArray ? std::to_string(value.index) : std::string(value.key)};
}

std::size_t hash_of(std::string_view bytes) {
  return std::hash<std::string_view>()(bytes);
}

std::size_t content_of(const Message& message) {
  const Event* frame = message.first(kFrame);
  return hash_of(message.view().substr(frame == nullptr ? 0 : frame->offset + frame->length));
}

bool asks_directly(const ForwardingHeader& header) {
  for (const ForwardingOption& option : header.options) {
    ExtensiveRoutingMode mode;
    if (option.type == ExtensiveRoutingMode::kCode && decode_part(option.value, mode) &&
        mode.routemode == kDirectResponseRouting)
      return true;
  }
  return false;
}

bool is_whole_fetch(const FetchReq& fetch, std::uint32_t kind) {
  return std::any_of(fetch.specifiers.begin(), fetch.specifiers.end(), [&](const StoredDataSpecifier& specifier) {
    return specifier.kind == kind && specifier.keys.empty();
  });
}

std::size_t SessionState::ExchangeHash::operator()(const ExchangeKey& key) const {
  static const std::uint64_t seed = std::uint64_t{std::random_device{}()} << 32 | std::random_device{}();
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  std::uint64_t mixed = (key.second ^ seed) * kOdd;
  mixed = (mixed ^ mixed >> 32 ^ key.first) * kOdd;
  return mixed ^ mixed >> 29;
}

const SessionState::Link* SessionState::link(const Ends& ends) const {
  if (last_link_ != nullptr && SameEnds()(last_link_->first, ends)) return &last_link_->second;
  const auto found = links_.find(ends);
  if (found == links_.end()) return nullptr;
  last_link_ = &*found;
  return &found->second;
}

SessionState::Link& SessionState::add_link(const Ends& ends) {
  if (Link* known = link(ends); known != nullptr) return *known;
  if (links_.size() >= kMostLinks) links_.clear();
  const auto added = links_.try_emplace({std::string(ends.source), std::string(ends.destination)}).first;
  last_link_ = &*added;
  return added->second;
}

const SessionState::Transaction* SessionState::request(const ForwardingHeader& header) const {
  const ExchangeKey key(header.overlay, header.transaction_id);
  if (has_last_key_ && last_key_ == key) return last_request_;
  const auto found = requests_.find(key);
  last_request_ = found == requests_.end() ? nullptr : &found->second;
  last_key_ = key;
  has_last_key_ = true;
  return last_request_;
}

SessionState::Transaction& SessionState::add_request(const ForwardingHeader& header) {
  if (const Transaction* known = request(header); known != nullptr) return const_cast<Transaction&>(*known);
  if (requests_.size() >= kMostTransactions) requests_.clear();
  Transaction& added = requests_[last_key_];
  last_request_ = &added;
  return added;
}

SessionState::Ends link_of(const Message& message) {
  return {message.source, message.destination};
}
SessionState::Ends reverse_link_of(const Message& message) {
  return {message.destination, message.source};
}

SessionState::Ice ice_of(const std::vector<IceCandidate>& candidates) {
  SessionState::Ice all = SessionState::Ice::kUnknown;
  for (const IceCandidate& candidate : candidates) {
    const bool no_ice = candidate.overlay_link == kDtlsUdpSrNoIce || candidate.overlay_link == kTlsTcpFhNoIce;
    if (!no_ice && candidate.overlay_link != kDtlsUdpSr) continue;
    const auto one = no_ice ? SessionState::Ice::kNoIce : SessionState::Ice::kIce;
    if (all != SessionState::Ice::kUnknown && all != one) return SessionState::Ice::kUnknown;
    all = one;
  }
  return all;
}

std::unique_ptr<Session> make_session() {
  return std::make_unique<SessionState>();
}

void track(Session& session, const Message& message, const Message* request) {
  auto& state = static_cast<SessionState&>(session);
  const Packet* packet = packet_of(message);
  if (packet == nullptr || !message.whole()) return;
  const bool datagrams = message.transport.security == Transport::Security::kDtls && packet->framed;
  if (packet->is_ack()) {
    if (datagrams) track_acknowledgement(state, message, packet->frame);
    return;
  }
  SessionState::Link* link = message.source.empty() ? nullptr : &state.add_link(link_of(message));
  if (link != nullptr && datagrams) track_sent(*link, message, packet->frame.sequence);
  if (link != nullptr && packet->framed) link->has_sequence = true, link->sequence = packet->frame.sequence;
  if (packet->forwarding.is_fragment()) return track_fragment(state, message, *packet);
  if (message.direction == Direction::kRequest) track_request(state, message, packet->forwarding, link);
  const std::uint32_t overlay = packet->forwarding.overlay;
  if (body_of<StoreAns>(message) != nullptr && request != nullptr) {
    const auto* store = body_of<StoreReq>(*request);
    if (store != nullptr) track_values(state, *store, overlay, request->source);
  }
  const auto* fetch = body_of<FetchReq>(message);
  if (fetch != nullptr && is_whole_fetch(*fetch, kRedirKind)) {
    if (state.fetched.size() >= SessionState::kMostFetched) state.fetched.clear();
    state.fetched.emplace(message.source, fetch->resource);
  }
  const std::vector<IceCandidate>* candidates = nullptr;
  if (const auto* attach = body_of<AttachReq>(message); attach != nullptr) candidates = &attach->candidates;
  if (const auto* answer = body_of<AttachAns>(message); answer != nullptr) candidates = &answer->candidates;
  if (candidates == nullptr) return;
  if (const auto ice = ice_of(*candidates); ice != SessionState::Ice::kUnknown && state.ice.size() < 1000)
    state.ice.emplace(overlay, ice);
}

}  // namespace peerscope::reload
