// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/ppstp/answer_cache.h"

#include <utility>

namespace peerscope::ppstp {

std::shared_ptr<const std::string> AnswerCache::find(const Hash128& request, PeerIndex& peer) {
  const auto found = answers_.find(request);
  if (found == answers_.end()) return nullptr;
  const Answer& answer = found->second;
  if (clock_.now() - answer.given > limits_.age) return nullptr;
  peer = kNone;
  if (!answer.left.empty()) return registry_.find(answer.left) == kNone ? answer.body : nullptr;
  if (!registry_.is_current(answer.peer, answer.epoch)) return nullptr;
  if (registry_[answer.peer].answers - answer.number >= kPerPeer) return nullptr;
  peer = answer.peer;
  return answer.body;
}

void AnswerCache::keep(const Hash128& request, PeerIndex peer, std::shared_ptr<const std::string> answer) {
  Registration& record = registry_[peer];
  store(request,
        {.body = std::move(answer), .peer = peer, .epoch = record.epoch, .number = ++record.answers, .left = {}});
}

void AnswerCache::keep_last(const Hash128& request, std::string peer_id, std::shared_ptr<const std::string> answer) {
  store(request, {.body = std::move(answer), .left = std::move(peer_id)});
}

void AnswerCache::store(const Hash128& request, Answer answer) {
  answer.given = clock_.now();
  answer.serial = ++last_serial_;
  bytes_ += answer.body->size();
  order_.emplace_back(request, answer.serial);
  Answer& place = answers_[request];
  if (place.body) bytes_ -= place.body->size();
  place = std::move(answer);
  while (order_.size() > limits_.answers || bytes_ > limits_.bytes) {
    const auto [oldest, serial] = order_.front();
    order_.pop_front();
    const auto found = answers_.find(oldest);
    if (found == answers_.end() || found->second.serial != serial) continue;  // replaced since
    bytes_ -= found->second.body->size();
    answers_.erase(found);
  }
}

}  // namespace peerscope::ppstp
