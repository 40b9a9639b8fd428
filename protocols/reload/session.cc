// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/session.h"

#include <random>

#include "protocols/reload/protocol.h"

namespace peerscope::reload {
namespace {

constexpr std::int64_t kRetransmission = 2'000'000'000;  // ns; sooner is a copy of the link, not of the originator

void track_request(SessionState& state, const Message& message, const ForwardingHeader& header,
                   SessionState::Link* link) {
  SessionState::Transaction& transaction = state.add_request(header);
  const bool again = transaction.source == message.source && transaction.destination == message.destination;
  if (!again)
    transaction.transmissions = 1;
  else if (message.time_ns - transaction.time_ns >= kRetransmission)
    ++transaction.transmissions;
  transaction.source = message.source;
  transaction.destination = message.destination;
  transaction.via = header.via_list.size();
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
  if (set.ranges.empty()) set.destination_list = header.destination_list;
  if (set.ranges.size() < SessionState::kMostFragments) set.ranges.emplace_back(from, to);
  if (header.is_last_fragment()) set.has_end = true, set.end = to;
}

}  // namespace

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
  if (const Link* known = link(ends); known != nullptr) return const_cast<Link&>(*known);
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

void track(Session& session, const Message& message, const Message*) {
  auto& state = static_cast<SessionState&>(session);
  const Packet* packet = packet_of(message);
  if (packet == nullptr || !message.whole()) return;
  if (packet->is_ack()) return;
  SessionState::Link* link = message.source.empty() ? nullptr : &state.add_link(link_of(message));
  if (link != nullptr && packet->framed) link->has_sequence = true, link->sequence = packet->frame.sequence;
  if (packet->forwarding.is_fragment()) return track_fragment(state, message, *packet);
  if (message.direction == Direction::kRequest) track_request(state, message, packet->forwarding, link);
  const std::vector<IceCandidate>* candidates = nullptr;
  if (const auto* request = body_of<AttachReq>(message); request != nullptr) candidates = &request->candidates;
  if (const auto* answer = body_of<AttachAns>(message); answer != nullptr) candidates = &answer->candidates;
  if (candidates == nullptr) return;
  if (const auto ice = ice_of(*candidates); ice != SessionState::Ice::kUnknown && state.ice.size() < 1000)
    state.ice.emplace(packet->forwarding.overlay, ice);
}

}  // namespace peerscope::reload
