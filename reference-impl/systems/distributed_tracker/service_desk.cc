// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/systems/distributed_tracker/service_desk.h"

#include <algorithm>
#include <utility>

#include "protocols/ppstp/protocol.h"
#include "protocols/reload/ppsp_usage.h"
#include "reference-impl/ppstp/judge.h"
#include "reference-impl/systems/distributed_tracker/entry.h"

namespace peerscope::distributed_tracker {
namespace {

net::Reply reply_with(ppstp::Response response) {
  net::Reply reply;
  reply.response.headers.add("Content-Type", ppstp::kMediaType);
  reply.response.body = ppstp::encode(std::move(response));
  return reply;
}

ppstp::Response success(const ppstp::Request& request) {
  ppstp::Response response;
  response.version = ppstp::kVersion1;
  response.response_type = ppstp::kSuccessful;
  response.error_code = ppstp::kNoError;
  response.transaction_id = request.transaction_id;
  return response;
}

ppstp::SwarmResult result_of(const std::string& swarm_id, bool ok) {
  ppstp::SwarmResult result;
  result.swarm_id = swarm_id;
  result.result = ok ? ppstp::kSuccessful : ppstp::kFailed;
  return result;
}

std::vector<ppstp::Address> addresses_of(const ppstp::Connect& connect) {
  std::vector<ppstp::Address> addresses;
  for (const ppstp::PeerAddr& addr : connect.peer_addr) {
    if (auto address = ppstp::to_address(addr)) addresses.push_back(*std::move(address));
  }
  return addresses;
}

}  // namespace

ServiceDesk::ServiceDesk(net::Clock& clock, reload::Node& node, ServiceDeskOptions options)
    : clock_(clock),
      node_(node),
      options_(std::move(options)),
      directory_(clock, node, options_.directory),
      chooser_(clock, {}, options_.directory.seed) {}

ServiceDesk::~ServiceDesk() = default;

void ServiceDesk::set_own_peers(Knows own_peers) {
  own_peers_ = std::move(own_peers);
  directory_.set_keeps(own_peers_);
}

bool ServiceDesk::knows(const std::string& swarm_id, const std::string& peer_id) const {
  const auto swarm = swarms_.find(swarm_id);
  if (swarm == swarms_.end()) return false;
  const auto member = swarm->second.find(peer_id);
  return member != swarm->second.end() && member->second.expires > clock_.now();
}

ServiceDesk::Member* ServiceDesk::find(const std::string& swarm_id, const std::string& peer_id) {
  return knows(swarm_id, peer_id) ? &swarms_.at(swarm_id).at(peer_id) : nullptr;
}

void ServiceDesk::forget(const std::string& swarm_id, const std::string& peer_id) {
  const auto swarm = swarms_.find(swarm_id);
  if (swarm == swarms_.end()) return;
  members_ -= swarm->second.erase(peer_id);
  if (swarm->second.empty()) swarms_.erase(swarm);
}

// Entries in the overlay run out by themselves.
void ServiceDesk::sweep() {
  constexpr std::size_t kSlice = 64;
  for (std::size_t i = 0; i < kSlice && !due_.empty() && due_.front().time <= clock_.now(); ++i) {
    if (!knows(due_.front().swarm_id, due_.front().peer_id)) forget(due_.front().swarm_id, due_.front().peer_id);
    due_.pop_front();
  }
}

void ServiceDesk::refuse(const Message& message, ppstp::ErrorCode code, const Answer& answer) const {
  ppstp::Response response;
  response.version = ppstp::kVersion1;
  response.response_type = ppstp::kFailed;
  response.error_code = code;
  response.transaction_id = std::string(ppstp::transaction_id_of(message));
  answer(reply_with(std::move(response)));
}

void ServiceDesk::handle(const net::HttpRequest& request, const net::ConnectionInfo& connection, Answer answer) {
  sweep();
  Message message;
  ppstp::decode(request.body, message);
  const bool post = request.method == "POST";
  if (const ppstp::ErrorCode code = post ? ppstp::judge(message, {}) : ppstp::kBadRequest; code != ppstp::kNoError)
    return refuse(message, code, answer);
  const ppstp::Request& asked = *ppstp::request_of(message);
  auto waiting = std::make_shared<Waiting>();
  waiting->response = success(asked);
  waiting->peer_id = *asked.peer_id;
  waiting->answer = std::move(answer);
  if (const ppstp::ErrorCode code = begin(asked, connection.peer_certificate_subject, waiting); code != ppstp::kNoError)
    return refuse(message, code, waiting->answer);
  done_one(waiting);
}

ppstp::ErrorCode ServiceDesk::begin(const ppstp::Request& request, const std::string& tracker,
                                    const WaitingPtr& waiting) {
  auto& results = waiting->response.swarm_result;
  if (request.request_type == ppstp::kRequestStatReport) {
    bool any = false;
    for (const ppstp::Stat& stat : request.stat_report.value_or(ppstp::StatReport()).stat) {
      const bool ok = renew(*stat.swarm_id, request, tracker, waiting);
      any = any || ok;
    }
    return any ? ppstp::kNoError : ppstp::kForbiddenAction;
  }
  if (request.request_type == ppstp::kRequestFind) {
    const std::string swarm_id = ppstp::find_swarm_id(request).value_or("");
    if (!responsible(swarm_id)) return ppstp::kServiceUnavailable;
    if (!knows(swarm_id, *request.peer_id)) return ppstp::kForbiddenAction;
    if (const auto& peer_num = ppstp::find_peer_num(request)) waiting->wanted = ppstp::wanted_of(*peer_num);
    results.push_back(result_of(swarm_id, true));
    waiting->lists = {true};
    return ppstp::kNoError;
  }
  if (!request.connect) return ppstp::kBadRequest;
  if (request.connect->peer_num) waiting->wanted = ppstp::wanted_of(*request.connect->peer_num);
  for (const ppstp::SwarmAction& action : request.connect->swarm_action) {
    if (!responsible(*action.swarm_id)) return ppstp::kServiceUnavailable;
  }
  bool any = false;
  for (const ppstp::SwarmAction& action : request.connect->swarm_action) {
    results.push_back(result_of(*action.swarm_id, true));
    const bool seeder = action.peer_mode == ppstp::kSeeder;
    waiting->lists.push_back(action.action != ppstp::kLeave && (!seeder || request.connect->peer_num));
    const bool ok = perform(request, action, tracker, waiting, results.size() - 1);
    if (!ok) results.back() = result_of(*action.swarm_id, false);
    any = any || ok;
  }
  return any ? ppstp::kNoError : ppstp::kForbiddenAction;
}

// Somebody who asks the wrong node has an old view of the ring, and learns of it by 05.
bool ServiceDesk::responsible(const std::string& swarm_id) const {
  return node_.topology().responsible(node_.resource_id(reload::swarm_resource_name(swarm_id)));
}

bool ServiceDesk::perform(const ppstp::Request& request, const ppstp::SwarmAction& action, const std::string& tracker,
                          const WaitingPtr& waiting, std::size_t index) {
  if (action.action != ppstp::kLeave) return join(request, action, tracker, waiting, index);
  const Member* member = find(*action.swarm_id, *request.peer_id);
  if (member == nullptr || member->tracker != tracker) return true;  // as it should be, or another tracker's
  forget(*action.swarm_id, *request.peer_id);
  if (own_peers_ && own_peers_(*action.swarm_id, *request.peer_id)) return true;
  ++waiting->left;
  directory_.remove(*action.swarm_id, *request.peer_id, *request.transaction_id,
                    [this, waiting](ppstp::ErrorCode code) {
                      waiting->error = std::max(waiting->error, code);
                      done_one(waiting);
                    });
  return true;
}

bool ServiceDesk::join(const ppstp::Request& request, const ppstp::SwarmAction& action, const std::string& tracker,
                       const WaitingPtr& waiting, std::size_t index) {
  const std::string& swarm_id = *action.swarm_id;
  ppstp::Registration registration;
  registration.id = *request.peer_id;
  registration.addresses = addresses_of(*request.connect);
  if (request.connect->peer_num) registration.abilities = ppstp::abilities_of(*request.connect->peer_num);
  const Member* before = find(swarm_id, registration.id);
  if (registration.addresses.empty() || (before == nullptr && members_ >= options_.max_members)) return false;
  ppstp::Membership membership;
  membership.seeder = action.peer_mode == ppstp::kSeeder;
  const bool renewed = before != nullptr && before->tracker == tracker;
  membership.joined = renewed ? before->peer.joined : clock_.wall_now();
  std::string value = encode_entry(registration, membership, swarm_id, true, directory_.most_bytes());
  auto peer = read_entry(value, swarm_id);
  if (!peer) return false;
  const auto [at, fresh] = swarms_[swarm_id].try_emplace(registration.id);
  members_ += fresh ? 1 : 0;
  at->second = {tracker, *std::move(peer), std::move(value), {}};
  store(swarm_id, request, waiting, index, renewed);
  return true;
}

void ServiceDesk::store(const std::string& swarm_id, const ppstp::Request& request, const WaitingPtr& waiting,
                        std::size_t index, bool renewed) {
  const std::string& peer_id = *request.peer_id;
  Member& member = swarms_.at(swarm_id).at(peer_id);
  member.expires = clock_.now() + options_.directory.lifetime;
  due_.push_back({member.expires, swarm_id, peer_id});
  ++waiting->left;
  directory_.store(swarm_id, peer_id, member.value, *request.transaction_id,
                   [this, waiting, index, swarm_id, peer_id, renewed](ppstp::ErrorCode code) {
                     if (code != ppstp::kNoError && !renewed) forget(swarm_id, peer_id);
                     if (code != ppstp::kNoError) waiting->response.swarm_result[index] = result_of(swarm_id, false);
                     waiting->error = std::max(waiting->error, code);
                     done_one(waiting);
                   });
}

bool ServiceDesk::renew(const std::string& swarm_id, const ppstp::Request& request, const std::string& tracker,
                        const WaitingPtr& waiting) {
  const Member* member = find(swarm_id, *request.peer_id);
  const bool ok = member != nullptr && member->tracker == tracker;
  waiting->response.swarm_result.push_back(result_of(swarm_id, ok));
  if (ok && member->expires - clock_.now() < options_.directory.lifetime / 2)
    store(swarm_id, request, waiting, waiting->response.swarm_result.size() - 1, true);
  return ok;
}

void ServiceDesk::done_one(const WaitingPtr& waiting) {
  if (--waiting->left != 0) return;
  auto& results = waiting->response.swarm_result;
  const bool all_failed = std::all_of(results.begin(), results.end(), [](const ppstp::SwarmResult& result) {
    return result.result != ppstp::kSuccessful;
  });
  if (waiting->error != ppstp::kNoError && all_failed) {
    waiting->response.response_type = ppstp::kFailed;
    waiting->response.error_code = waiting->error;
    results.clear();
    return waiting->answer(reply_with(std::move(waiting->response)));
  }
  list(waiting, 0);
}

void ServiceDesk::list(const WaitingPtr& waiting, std::size_t index) {
  auto& results = waiting->response.swarm_result;
  while (index < waiting->lists.size() && (!waiting->lists[index] || results[index].result != ppstp::kSuccessful))
    ++index;
  if (index >= waiting->lists.size()) return waiting->answer(reply_with(std::move(waiting->response)));
  const std::string swarm_id = *results[index].swarm_id;
  directory_.find(swarm_id, waiting->wanted.count, *waiting->response.transaction_id,
                  [this, waiting, index, swarm_id](ppstp::ErrorCode, const Directory::Peers& peers) {
                    // What was registered here is known without the overlay.
                    ppstp::PeerGroup group =
                        choose(swarm_id, *waiting, peers ? *peers : std::vector<ppstp::ForeignPeer>());
                    if (!group.peer_info.empty()) waiting->response.swarm_result[index].peer_group = std::move(group);
                    list(waiting, index + 1);
                  });
}

ppstp::PeerGroup ServiceDesk::choose(const std::string& swarm_id, const Waiting& waiting,
                                     const std::vector<ppstp::ForeignPeer>& stored) {
  std::map<std::string, ppstp::ForeignPeer> all;  // each peer where it joined last
  const auto take = [&](const ppstp::ForeignPeer& peer) {
    if (peer.id == waiting.peer_id) return;
    const auto [at, fresh] = all.try_emplace(peer.id, peer);
    if (!fresh && peer.joined > at->second.joined) at->second = peer;
  };
  if (const auto swarm = swarms_.find(swarm_id); swarm != swarms_.end()) {
    for (const auto& [id, member] : swarm->second) {
      if (member.expires > clock_.now()) take(member.peer);
    }
  }
  for (const ppstp::ForeignPeer& peer : stored) take(peer);
  std::vector<ppstp::ForeignPeer> candidates;
  candidates.reserve(all.size());
  for (auto& [id, peer] : all) candidates.push_back(std::move(peer));
  std::vector<ppstp::Listed> chosen;
  chooser_.select_with(ppstp::kNone, ppstp::kNone, waiting.wanted, candidates, false, chosen);
  ppstp::PeerGroup group;
  for (const ppstp::Listed& one : chosen) {
    ppstp::PeerInfo& info = group.peer_info.emplace_back();
    info.peer_id = one.foreign->id;
    info.peer_addr = ppstp::to_peer_addr(one.foreign->address);
  }
  return group;
}

}  // namespace peerscope::distributed_tracker
