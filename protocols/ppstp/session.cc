// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/ppstp/session.h"

#include <functional>

#include "protocols/ppstp/protocol.h"

namespace peerscope::ppstp {

std::string_view host_of(std::string_view endpoint) {
  const std::size_t colon = endpoint.rfind(':');
  std::string_view host = endpoint.substr(0, colon);
  if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return host;
}

std::unique_ptr<Session> make_session() {
  return std::make_unique<SessionState>();
}

namespace {

// A walk over all that is remembered, once in so many requests.
void forget_old(SessionState& state) {
  state.aged = state.requests;
  state.remembered = 0;
  const auto old = [&](std::uint64_t number) { return number + SessionState::kWindow <= state.requests; };
  for (auto at = state.peers.begin(); at != state.peers.end();) {
    SessionState::Peer& peer = at->second;
    std::erase_if(peer.transactions, [&](const auto& one) { return !one.second.pending && old(one.second.number); });
    if (old(peer.latest)) {
      at = state.peers.erase(at);
    } else {
      state.remembered += peer.entries();
      ++at;
    }
  }
}

void track_request(SessionState& state, const Message& message, const Request& m) {
  if (!m.peer_id) return;
  if (state.requests - state.aged >= SessionState::kWindow) forget_old(state);
  if (state.remembered >= SessionState::kMostRemembered) {
    state.peers.clear();
    state.remembered = 0;
  }
  if (state.peers.size() >= SessionState::kMostPeers && !state.peers.contains(*m.peer_id)) return;
  const auto [at, fresh] = state.peers.try_emplace(*m.peer_id);
  SessionState::Peer& peer = at->second;
  state.remembered += fresh;
  peer.address = host_of(message.source);
  peer.latest = ++state.requests;
  if (m.transaction_id) {
    if (peer.transactions.size() >= SessionState::kMostTransactions) {
      state.remembered -= peer.transactions.size();
      peer.transactions.clear();
    }
    SessionState::Transaction transaction{content_hash(message), message.source, true, state.requests};
    const auto same = peer.transactions.find(*m.transaction_id);
    const bool restarted = m.connect && same != peer.transactions.end() && !same->second.pending &&
                           same->second.source != message.source && same->second.content != transaction.content;
    if (restarted) {  // its other transactions belong to the run before
      state.remembered -= peer.transactions.size();
      peer.transactions.clear();
    }
    state.remembered += peer.transactions.insert_or_assign(*m.transaction_id, std::move(transaction)).second;
  }
  if (m.connect) {
    for (const SwarmAction& action : m.connect->swarm_action) {
      if (!action.swarm_id || action.action != kJoin) continue;
      state.remembered -= peer.left.erase(*action.swarm_id);
      state.remembered += peer.join_sent.insert_or_assign(*action.swarm_id, state.requests).second;
    }
  }
  if (m.stat_report) {
    for (const Stat& stat : m.stat_report->stat) {
      if (!stat.swarm_id) continue;
      const SessionState::Counters counters{stat.uploaded_bytes.value_or(0), stat.downloaded_bytes.value_or(0)};
      state.remembered += peer.counters.insert_or_assign(*stat.swarm_id, counters).second;
    }
  }
}

// `m` is null when the answer could not be read: the request has one nevertheless.
void track_response(SessionState& state, const Response* m, const Request& asked, std::int64_t time_ns) {
  const auto found = asked.peer_id ? state.peers.find(*asked.peer_id) : state.peers.end();
  if (found == state.peers.end()) return;
  SessionState::Peer& peer = found->second;
  std::uint64_t number = state.requests;
  if (asked.transaction_id) {
    if (const auto it = peer.transactions.find(*asked.transaction_id); it != peer.transactions.end()) {
      it->second.pending = false;
      number = it->second.number;
    }
  }
  if (m == nullptr || m->response_type != kSuccessful || !asked.connect) return;
  for (const SwarmAction& action : asked.connect->swarm_action) {
    if (!action.swarm_id || !action.action) continue;
    bool refused = false;
    for (const SwarmResult& result : m->swarm_result)
      refused = refused || (result.swarm_id == action.swarm_id && result.result == kFailed);
    if (refused) continue;
    if (*action.action == kJoin) {
      state.remembered -= peer.left.erase(*action.swarm_id);
      state.remembered += peer.joined.insert(*action.swarm_id).second;
    } else if (*action.action == kLeave) {
      state.remembered -= peer.joined.erase(*action.swarm_id);
      // A JOIN that is under way already may have been done before this answer came.
      const auto rejoined = peer.join_sent.find(*action.swarm_id);
      if (rejoined == peer.join_sent.end() || rejoined->second <= number)
        state.remembered += peer.left.insert_or_assign(*action.swarm_id, time_ns).second;
      state.remembered -= peer.counters.erase(*action.swarm_id);  // a later session of the swarm counts anew
    }
  }
}

}  // namespace

void track(Session& session, const Message& message, const Message* request) {
  auto& state = static_cast<SessionState&>(session);
  if (const Request* m = request_of(message); m != nullptr) track_request(state, message, *m);
  if (request != nullptr && message.direction != Direction::kRequest) {
    if (const Request* asked = request_of(*request); asked != nullptr)
      track_response(state, response_of(message), *asked, message.time_ns);
  }
}

}  // namespace peerscope::ppstp
