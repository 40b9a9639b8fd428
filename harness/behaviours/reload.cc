// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/behaviours/behaviours.h"

#include <fmt/format.h>

#include <ctime>

#include "protocols/reload/protocol.h"
#include "protocols/reload/security/text.h"

namespace peerscope::harness {
namespace {

using namespace reload;

Tree text(std::string value) {
  return Tree::text(std::move(value));
}

Tree list() {
  return Tree::list();
}

// The body of an answer below its place in the message.
Answer answer(const Method& method, Tree body) {
  Answer made{method.name, Tree::map()};
  made.with.at_path(kContents.name).at_path(method.name) = std::move(body);
  return made;
}

Tree kind_of(std::uint32_t kind, const char* counter, std::uint64_t generation) {
  Tree tree = Tree::map();
  tree.at_path(kStoreAnsKind.name) = text(std::to_string(kind));
  tree.at_path(counter) = text(std::to_string(generation));
  return tree;
}

// Whatever is stored is taken; nothing is ever there.
Tree stored(const StoreReq& request) {
  Tree responses = list();
  for (const StoreKindData& data : request.kind_data)
    responses.items.push_back(kind_of(data.kind, kStoreAnsGeneration.name, data.generation_counter + 1));
  Tree body = Tree::map();
  body.at_path(kStoreResponse.name) = std::move(responses);
  return body;
}

Tree nothing_of(const std::vector<StoredDataSpecifier>& specifiers, const Field& responses, const Field& generation) {
  Tree kinds = list();
  for (const StoredDataSpecifier& specifier : specifiers)
    kinds.items.push_back(kind_of(specifier.kind, generation.name, 0));
  Tree body = Tree::map();
  body.at_path(responses.name) = std::move(kinds);
  return body;
}

Answer error(const char* code, const char* about) {
  Tree body = Tree::map();
  body.at_path(kErrorCode.name) = text(code);
  body.at_path(kErrorText.name) = text(about);
  return answer(kErrorMethod, std::move(body));
}

// What a friendly neighbour without storage says.
Answer ok(const Message& request) {
  const Packet* packet = packet_of(request);
  if (packet == nullptr) return error("Error_Invalid_Message", "not readable");
  const Body& body = packet->contents.body;
  if (std::holds_alternative<PingReq>(body)) return answer(kPingAnsMethod, Tree::map());
  if (std::holds_alternative<UpdateReq>(body)) return answer(kUpdateAnsMethod, Tree::map());
  if (std::holds_alternative<JoinReq>(body)) return answer(kJoinAnsMethod, Tree::map());
  if (std::holds_alternative<LeaveReq>(body)) return answer(kLeaveAnsMethod, Tree::map());
  if (std::holds_alternative<ConfigUpdateReq>(body)) return answer(kConfigUpdateAnsMethod, Tree::map());
  if (std::holds_alternative<ProbeReq>(body)) return answer(kProbeAnsMethod, Tree::map());
  if (std::holds_alternative<AttachReq>(body)) return answer(kAttachAnsMethod, Tree::map());
  if (const auto* store = std::get_if<StoreReq>(&body); store != nullptr)
    return answer(kStoreAnsMethod, stored(*store));
  if (const auto* fetch = std::get_if<FetchReq>(&body); fetch != nullptr)
    return answer(kFetchAnsMethod, nothing_of(fetch->specifiers, kFetchResponse, kFetchGeneration));
  if (const auto* stat = std::get_if<StatReq>(&body); stat != nullptr)
    return answer(kStatAnsMethod, nothing_of(stat->specifiers, kStatResponse, kStatGeneration));
  if (std::holds_alternative<RouteQueryReq>(body)) {
    Tree made = Tree::map();
    made.at_path(kNextPeer.name) = text("${self.id}");
    return answer(kRouteQueryAnsMethod, std::move(made));
  }
  return error("Error_Not_Found", "nothing of that here");
}

Answer forbidden(const Message&) {
  return error("Error_Forbidden", "not allowed");
}
Answer not_found(const Message&) {
  return error("Error_Not_Found", "not here");
}

constexpr Behaviour kBehaviours[] = {{"ok", ok}, {"forbidden", forbidden}, {"not-found", not_found}};

}  // namespace

std::span<const Behaviour> reload_behaviours() {
  return kBehaviours;
}

}  // namespace peerscope::harness
