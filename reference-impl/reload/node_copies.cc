// SPDX-License-Identifier: GPL-2.0-or-later
// Stored data as a client asks for it, and its way to other peers: replicas, and hand-over when responsibility moves
// (RFC 6940 sections 7.4.1.1, 10.4, 10.5 and 10.7).
#include <algorithm>

#include "protocols/reload/protocol.h"
#include "reference-impl/net/log.h"
#include "reference-impl/reload/node.h"
#include "reference-impl/reload/policy.h"

namespace peerscope::reload {
namespace {

constexpr std::size_t kCopiesAtOnce = 16;
constexpr std::size_t kMostCopyJobs = 100'000;
constexpr net::Duration kQuickly = std::chrono::milliseconds(200);
constexpr net::Duration kExpiryPause = std::chrono::seconds(60);
constexpr std::uint32_t kCertificateLifetime = 86400;  // s

// A message must hold the values, their certificates and the copying node's own, besides headers and signatures.
std::size_t room_for_values(const Overlay& overlay) {
  constexpr std::size_t kOwn = 2500;
  const std::size_t size = overlay.configuration.max_message_size;
  return size > 2 * kOwn ? size - kOwn : size / 2;
}

}  // namespace

// ---- as a client

void Node::store(const std::string& resource, std::vector<NewValue> values, OnStored done, std::uint64_t generation) {
  StoreReq body;
  body.resource = resource;
  for (NewValue& value : values) {
    const KindRules* rules = overlay_->find_kind(value.kind);
    if (rules == nullptr) {
      later(net::Duration(0), [done] { done(RequestError{kUnknownKind, "the overlay does not have this Kind", {}}); });
      return;
    }
    auto at = std::find_if(body.kind_data.begin(), body.kind_data.end(),
                           [&](const StoreKindData& data) { return data.kind == value.kind; });
    if (at == body.kind_data.end()) at = body.kind_data.insert(body.kind_data.end(), {value.kind, generation, {}});
    StoredData& data = at->values.emplace_back();
    data.kind = value.kind;
    data.model = rules->model;
    data.storage_time = wall_milliseconds();
    data.lifetime = value.lifetime;
    data.index = value.index;
    data.key = std::move(value.key);
    data.exists = value.exists;
    data.value = std::move(value.value);
    security_->sign_value(resource, data);
  }
  request({Destination::resource(resource)}, Contents(std::move(body)), [done = std::move(done)](Reply<Answer> reply) {
    if (!reply.ok()) return done(reply.error());
    const StoreAns* answer = std::get_if<StoreAns>(&reply->body);
    if (answer == nullptr) return done(RequestError{0, "not a StoreAns", {}});
    done(*answer);
  });
}

void Node::fetch(const std::string& resource, std::vector<StoredDataSpecifier> specifiers, OnFetched done) {
  FetchReq body;
  body.resource = resource;
  for (StoredDataSpecifier& specifier : specifiers) specifier.model = overlay_->context.model_of(specifier.kind);
  body.specifiers = std::move(specifiers);
  request({Destination::resource(resource)}, Contents(std::move(body)),
          [this, resource, done = std::move(done)](Reply<Answer> reply) {
            if (!reply.ok()) return done(reply.error());
            FetchAns* answer = std::get_if<FetchAns>(&reply->body);
            if (answer == nullptr) return done(RequestError{0, "not a FetchAns", {}});
            const auto id_of = [this](std::string_view name) { return topology_->resource_id(name); };
            for (FetchKindResponse& kind : answer->kind_responses) {
              const KindRules* rules = overlay_->find_kind(kind.kind);
              std::erase_if(kind.values, [&](StoredData& value) {
                // "There is nothing here" is the storing peer's word and is not signed.
                if (!value.exists && value.signature.identity.type == kNoIdentity) return false;
                std::string why;
                const auto signer =
                    security_->check_value(*overlay_, resource, value, reply->bucket, wall_seconds(), why);
                if (signer && rules != nullptr && may_write(*rules, resource, &value.key, *signer, id_of)) return false;
                ++stats_.forged;
                return true;
              });
            }
            done(std::move(answer->kind_responses));
          });
}

void Node::store_certificate(std::function<void(bool)> done) {
  const CertificateBytes certificate = security_->certificate();
  if (certificate == nullptr || has_defect(NodeDefect::kCertificateNotStored)) return done(true);
  auto left = std::make_shared<int>(2);
  auto good = std::make_shared<bool>(true);
  const auto one_done = [left, good, done = std::move(done)](Reply<StoreAns> reply) {
    *good = *good && reply.ok();
    if (--*left == 0) done(*good);
  };
  NewValue value;
  value.value = *certificate;
  value.lifetime = kCertificateLifetime;
  value.index = 0;
  value.kind = kCertificateByNodeKind;
  store(resource_id(node_id().view()), {value}, one_done);
  value.kind = kCertificateByUserKind;
  value.index = kAppendIndex;
  store(resource_id(security_->user_name()), {value}, one_done);
}

// ---- copies

void Node::neighbourhood_changed(bool lost) {
  const bool alone = topology_->routing_table().empty();
  if (alone && had_neighbours_ && topology_->joined()) come_back();
  had_neighbours_ = !alone;
  take_stock();
  // After a failure new copies wait, in case the neighbour comes back; for a new neighbour they do not.
  schedule_copies(lost ? options_.hold_down : kQuickly);
}

// What this node is responsible for, and who has copies, is noted at once: whoever joins before the hold-down is over
// gets what it is responsible for (section 6.4.2.3), and whoever comes back has nothing of what it had.
void Node::take_stock() {
  const std::vector<NodeId> known = topology_->routing_table();
  const std::set<NodeId> here(known.begin(), known.end());
  for (auto& [id, resource] : storage_.resources()) {
    if (topology_->responsible(id)) resource.owned = true;
    std::erase_if(resource.copies, [&](const auto& copy) { return !here.contains(copy.first); });
  }
}

void Node::schedule_copies(net::Duration delay) {
  const net::SteadyTime due = clock_.now() + delay;
  if (copy_timer_ != 0 && copies_due_ <= due) return;
  clock_.cancel(copy_timer_);
  copies_due_ = due;
  copy_timer_ = later(delay, [this] {
    copy_timer_ = 0;
    plan_copies();
  });
}

void Node::plan_copies() {
  if (!topology_->joined()) return;
  std::vector<std::string> done_with;
  for (auto& [id, resource] : storage_.resources()) {
    if (copy_jobs_.size() >= kMostCopyJobs) break;
    if (topology_->responsible(id)) {
      resource.owned = true;
      std::uint8_t number = 0;
      if (has_defect(NodeDefect::kNewReplicaEmpty)) continue;
      const std::vector<NodeId> replicas = topology_->replicas(id);
      // Who is no replica any more deletes what it has, and is given all of it when it becomes one again.
      std::erase_if(resource.copies, [&](const auto& copy) {
        return std::find(replicas.begin(), replicas.end(), copy.first) == replicas.end();
      });
      for (const NodeId& node : replicas) {
        ++number;
        if (!resource.has_all(node)) queue_copy({id, node, number, false});
      }
    } else if (resource.owned) {
      if (const auto owner = topology_->neighbour_responsible(id)) queue_copy({id, *owner, 1, true});
    } else if (!topology_->keeps(id)) {
      done_with.push_back(id);
    }
  }
  for (const std::string& id : done_with) storage_.erase(id);
  work_on_copies();
}

// ---- answers that wait for copies

bool Node::is_held(const Request& request) const {
  return held_.contains({request.signer.node_id, request.forwarding.transaction_id});
}

void Node::answer_when_copied(const Request& request, const std::string& resource, StoreAns answer,
                              std::vector<NodeId> replicas) {
  const bool at_once = options_.copy_patience <= net::Duration(0) || replicas.empty();
  if (at_once || held_.size() >= options_.max_requests) return respond(request, Contents(std::move(answer)));
  HeldAnswer& held = held_answers_[resource].emplace_back();
  held.request = request;
  held.request.security = nullptr;  // is gone when the answer goes
  held.answer = std::move(answer);
  held.id = ++last_held_;
  held.version = storage_.resources().at(resource).version;
  held.copies_left = std::move(replicas);
  held.timer = later(options_.copy_patience, [this, resource, id = held.id] {
    const auto at = held_answers_.find(resource);
    if (at == held_answers_.end()) return;
    for (HeldAnswer& one : at->second) {
      if (one.id == id) one.copies_left.clear();
    }
    release_answers(resource, {}, 0, false);
  });
  held_.insert({request.signer.node_id, request.forwarding.transaction_id});
}

// `ok`: `copied` has that version now. Else there is no use in waiting for it.
void Node::release_answers(const std::string& resource, const NodeId& copied, std::uint64_t version, bool ok) {
  const auto at = held_answers_.find(resource);
  if (at == held_answers_.end()) return;
  std::vector<HeldAnswer> ready;
  std::erase_if(at->second, [&](HeldAnswer& held) {
    if (!ok || held.version <= version) std::erase(held.copies_left, copied);
    if (!held.copies_left.empty()) return false;
    ready.push_back(std::move(held));
    return true;
  });
  if (at->second.empty()) held_answers_.erase(at);
  for (HeldAnswer& held : ready) {
    clock_.cancel(held.timer);
    held_.erase({held.request.signer.node_id, held.request.forwarding.transaction_id});
    respond(held.request, Contents(std::move(held.answer)));
  }
}

// ---- copying

// At most one copy of a resource is on its way to a node: what changes meanwhile goes there together, when it is done.
void Node::queue_copy(CopyJob job) {
  const auto [at, fresh] = copies_in_hand_.try_emplace({job.resource, job.to, job.hand_over}, CopyState::kQueued);
  if (fresh) return copy_jobs_.push_back(std::move(job));
  if (at->second == CopyState::kSent) at->second = CopyState::kSentAndChanged;
}

void Node::work_on_copies() {
  while (copying_ < kCopiesAtOnce && !copy_jobs_.empty()) {
    const CopyJob job = std::move(copy_jobs_.front());
    copy_jobs_.pop_front();
    const auto resource = storage_.resources().find(job.resource);
    if (resource == storage_.resources().end()) {
      copies_in_hand_.erase({job.resource, job.to, job.hand_over});
      release_answers(job.resource, job.to, 0, false);
      continue;
    }
    copies_in_hand_[{job.resource, job.to, job.hand_over}] = CopyState::kSent;
    if (!is_linked(job.to)) {  // plan_copies() finds another replica
      copied(job, 0, 0, false);
      continue;
    }
    const auto has = resource->second.copies.find(job.to);
    const std::uint64_t since = has == resource->second.copies.end() || job.hand_over ? 0 : has->second;
    ++copying_;
    copy(job, since, [this, job, since, version = resource->second.version](bool ok) {
      --copying_;
      copied(job, since, version, ok);
      work_on_copies();
    });
  }
}

void Node::copied(const CopyJob& job, std::uint64_t since, std::uint64_t version, bool ok) {
  const CopyKey key{job.resource, job.to, job.hand_over};
  const bool changed = copies_in_hand_[key] == CopyState::kSentAndChanged;
  copies_in_hand_.erase(key);
  if (!ok) schedule_copies(options_.hold_down);
  if (!job.hand_over) release_answers(job.resource, job.to, version, ok);
  const auto at = storage_.resources().find(job.resource);
  if (at == storage_.resources().end()) return;
  StoredResource& resource = at->second;
  const auto has = resource.copies.find(job.to);
  // Who was lost meanwhile may have lost what it had before.
  const bool as_before = since == 0 || (has != resource.copies.end() && has->second == since);
  if (ok && as_before)
    resource.copies[job.to] = version;
  else
    resource.copies.erase(job.to);
  if (ok && job.hand_over && resource.version == version && !topology_->responsible(job.resource))
    resource.owned = false;
  if (ok && changed) queue_copy(job);
}

void Node::copy(const CopyJob& job, std::uint64_t since, std::function<void(bool)> done) {
  auto copies = std::make_shared<std::vector<Storage::Copy>>(
      storage_.copies_of(job.resource, job.number, clock_.now(), room_for_values(*overlay_), since));
  // Never inside this call, so that many copies of nothing do not nest.
  later(net::Duration(0), [this, copies, to = job.to, done = std::move(done)] { send_copies(copies, 0, to, done); });
}

void Node::send_copies(std::shared_ptr<std::vector<Storage::Copy>> copies, std::size_t index, const NodeId& to,
                       std::function<void(bool)> done) {
  if (index == copies->size()) return done(true);
  Storage::Copy& copy = (*copies)[index];
  const std::string resource = copy.request.resource;
  const std::uint64_t before = last_transaction_;
  request_with(
      {Destination::node(to.view())}, Contents(std::move(copy.request)), std::move(copy.bucket),
      [this, copies, index, to, resource, done = std::move(done)](Reply<Answer> reply) {
        if (!reply.ok()) {
          const std::uint16_t code = reply.error().code;
          net::log_debug("reload", "copy refused", {{"why", reply.error().text + " " + reply.error().info}});
          // The other side has newer data (R-STO-21).
          const bool newer = code == kDataTooOld || code == kGenerationCounterTooLow;
          if (newer && !has_defect(NodeDefect::kNewerCopyIgnored)) take_newer(resource, to);
          if (code == kUnknownKind) tell_kinds(reply.error().info, to);
          if (!newer) return done(false);
        }
        send_copies(copies, index + 1, to, done);
      },
      false);
  const auto sent = last_transaction_ == before ? pending_.end() : pending_.find(last_transaction_);
  if (sent != pending_.end()) sent->second.copy = true;
}

// Replicas are neighbours. Waiting for one that is gone would keep the copies of others from being made.
void Node::give_up_copies(const NodeId& to) {
  std::vector<std::uint64_t> given_up;
  for (const auto& [tid, pending] : pending_) {
    if (pending.copy && pending.path.back().id == to.view()) given_up.push_back(tid);
  }
  for (const std::uint64_t tid : given_up) finish(tid, RequestError{0, "the link is lost", {}});
}

// Whoever does not know a Kind is told what it is (R-STO-26). The error lists those Kinds.
void Node::tell_kinds(std::string_view list, const NodeId& to) {
  ErrorInfo unknown;
  unknown.code = kUnknownKind;
  if (!decode_part(list, unknown) || has_defect(NodeDefect::kUnknownKindNotHelped)) return;
  ConfigUpdateReq update;
  update.type = kKindDefinitions;
  for (const KindBlock& block : overlay_->configuration.required_kinds) {
    const auto id = effective(block.kind).id;
    if (id && std::find(unknown.unknown_kinds.begin(), unknown.unknown_kinds.end(), *id) != unknown.unknown_kinds.end())
      update.kinds.push_back({write_kind_block(block)});
  }
  if (update.kinds.empty()) return;
  request({Destination::node(to.view())}, Contents(std::move(update)), [](Reply<Answer>) {});
}

void Node::take_newer(const std::string& resource, const NodeId& from) {
  const auto at = storage_.resources().find(resource);
  if (at == storage_.resources().end()) return;
  FetchReq body;
  body.resource = resource;
  for (const auto& [id, kind] : at->second.kinds) {
    StoredDataSpecifier& specifier = body.specifiers.emplace_back();
    specifier.kind = id;
    specifier.model = overlay_->context.model_of(id);
    if (specifier.model == DataModel::kArray) specifier.indices.push_back({0, kLastIndex});
  }
  request({Destination::node(from.view())}, Contents(std::move(body)), [this, resource](Reply<Answer> reply) {
    const FetchAns* answer = reply.ok() ? std::get_if<FetchAns>(&reply->body) : nullptr;
    if (answer == nullptr) return;
    // Value by value: one that is not newer must not stand in the way of one that is.
    for (const FetchKindResponse& kind : answer->kind_responses) {
      for (const StoredData& value : kind.values) {
        StoreReq one;
        one.resource = resource;
        one.replica_number = 1;
        one.kind_data.push_back({kind.kind, kind.generation, {value}});
        SecurityBlock security;
        security.certificates = reply->bucket;
        std::vector<SignedBy> signers;
        Storage::Stored stored;
        const bool good = !check_values(one, security, {}, signers) && signers.size() == 1;
        if (!good && has_defect(NodeDefect::kFetchedNotVerified)) signers.resize(1);
        if (good || has_defect(NodeDefect::kFetchedNotVerified))
          (void)storage_.store(*overlay_, one, signers, clock_.now(), stored);
      }
    }
  });
}

void Node::hand_over(const NodeId& to, std::function<bool(std::string_view)> wanted, std::function<void()> done) {
  auto left = std::make_shared<std::size_t>(1);
  const auto one_less = [left, done = std::move(done)] {
    if (--*left == 0) done();
  };
  for (const auto& [id, resource] : storage_.resources()) {
    if (!wanted(id)) continue;
    ++*left;
    copy({id, to, 1, true}, 0, [this, id = id, version = resource.version, one_less](bool ok) {
      const auto at = storage_.resources().find(id);
      // The new owner makes its own copies; that it has this version need not be told twice.
      if (ok && at != storage_.resources().end() && at->second.version == version) at->second.owned = false;
      one_less();
    });
  }
  later(net::Duration(0), one_less);
}

void Node::schedule_expiry() {
  if (expiry_timer_ != 0) return;
  expiry_timer_ = later(kExpiryPause, [this] {
    expiry_timer_ = 0;
    storage_.expire(clock_.now());
    if (!storage_.resources().empty()) schedule_expiry();
  });
}

}  // namespace peerscope::reload
