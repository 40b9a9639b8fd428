// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/behaviours/behaviours.h"

#include "protocols/ppstp/protocol.h"

namespace peerscope::harness {
namespace {

Tree text(std::string value) {
  return Tree::text(std::move(value));
}

Tree one_listed_peer(std::string_view swarm) {
  Tree info = Tree::map();
  info.at_path(ppstp::kPeerId.name) = text("harness-seed-" + std::string(swarm));
  Tree& addr = info.at_path(ppstp::kPeerAddr.name);
  addr.at_path(ppstp::kIpAddress.name).at_path(ppstp::kAddressType.name) = text("ipv4");
  addr.at_path(ppstp::kIpAddress.name).at_path(ppstp::kAddress.name) = text("192.0.2.10");
  addr.at_path(ppstp::kPort.name) = text("6778");
  addr.at_path(ppstp::kPriority.name) = text("1");
  addr.at_path(ppstp::kAddrType.name) = text("HOST");
  return info;
}

void add_result(Tree& response, const std::optional<std::string>& swarm, bool listed) {
  Tree& results = response.at_path(ppstp::kSwarmResult.name);
  results.kind = Tree::Kind::kList;
  Tree& result = results.items.emplace_back(Tree::map());
  result.at_path(ppstp::kSwarmId.name) = text(swarm.value_or(""));
  result.at_path(ppstp::kResult.name) = text("0");
  if (!listed) return;
  Tree& peers = result.at_path(ppstp::kPeerGroup.name).at_path(ppstp::kPeerInfo.name);
  peers.kind = Tree::Kind::kList;
  peers.items.push_back(one_listed_peer(swarm.value_or("")));
}

Answer ok(const Message& request) {
  Answer answer{ppstp::kResponseMessage.name, Tree::map()};
  answer.with.at_path(ppstp::kResponseType.name) = text("0");
  answer.with.at_path(ppstp::kErrorCode.name) = text("0");
  const ppstp::Request* m = ppstp::request_of(request);
  if (m == nullptr) return answer;
  if (m->connect) {
    for (const ppstp::SwarmAction& action : m->connect->swarm_action) {
      const bool joins = action.action == ppstp::kJoin;
      add_result(answer.with, action.swarm_id,
                 joins && (action.peer_mode == ppstp::kLeech || m->connect->peer_num.has_value()));
    }
  }
  if (m->find) add_result(answer.with, m->find->swarm_id, true);
  if (m->stat_report) {
    for (const ppstp::Stat& stat : m->stat_report->stat) add_result(answer.with, stat.swarm_id, false);
  }
  return answer;
}

Answer forbidden(const Message&) {
  Answer answer{ppstp::kResponseMessage.name, Tree::map()};
  answer.with.at_path(ppstp::kResponseType.name) = text("1");
  answer.with.at_path(ppstp::kErrorCode.name) = text("3");
  return answer;
}

constexpr Behaviour kBehaviours[] = {{"ok", ok}, {"forbidden", forbidden}};

}  // namespace

std::span<const Behaviour> ppstp_behaviours() {
  return kBehaviours;
}

}  // namespace peerscope::harness
