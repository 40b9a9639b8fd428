// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/epan/journal.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <functional>

namespace peerscope::epan {
namespace {

std::uint64_t word(const char* bytes) {
  std::uint64_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// Of every message as a whole: two words at a time, which a processor mixes side by side. No protection against intent.
std::size_t hash_of(std::string_view bytes) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  constexpr int kTurn = 29;
  std::uint64_t even = bytes.size();
  std::uint64_t odd = 1;
  const auto mix = [&](const char* at) {
    even = std::rotl((even ^ word(at)) * kOdd, kTurn);
    odd = std::rotl((odd ^ word(at + sizeof even)) * kOdd, kTurn);
  };
  constexpr std::size_t kStep = 2 * sizeof even;
  const char* at = bytes.data();
  for (const char* const end = at + bytes.size() / kStep * kStep; at != end; at += kStep) mix(at);
  std::array<char, kStep> rest{};
  std::copy(at, bytes.data() + bytes.size(), rest.begin());
  mix(rest.data());
  const std::uint64_t hash = (even ^ even >> 32 ^ odd) * kOdd;
  return hash ^ hash >> kTurn;
}

// Enough to tell the messages of one frame apart, however long they are.
std::size_t hash_of_ends(std::string_view bytes) {
  constexpr std::size_t kEnd = 64;
  if (bytes.size() <= 2 * kEnd) return hash_of(bytes);
  return hash_of(bytes.substr(0, kEnd)) * 31 + hash_of(bytes.substr(bytes.size() - kEnd));
}

constexpr float kThin = 0.25F;

// The adapter hands these ranges to epan, which treats a range outside the buffer as a broken packet.
void clamp(Message& message) {
  const auto size = static_cast<std::uint32_t>(message.size);
  for (Event& event : message.events) {
    if (event.offset <= size && event.length <= size - event.offset) continue;
    event.offset = std::min(event.offset, size);
    event.length = std::min(event.length, size - event.offset);
  }
}

}  // namespace

bool Record::is_of(std::string_view bytes) const {
  return size == bytes.size() && hash == hash_of_ends(bytes);
}

Transport Record::transport() const {
  if (http != nullptr) return *http;
  Transport transport;
  transport.security = security;
  return transport;
}

const Record* Journey::first(Direction direction) const {
  const Record* at = begin;
  while (at != nullptr && at->direction != direction) at = at->next_hop;
  return at;
}

const Record* Journey::last(Direction direction) const {
  const Record* found = nullptr;
  for (const Record* at = begin; at != nullptr; at = at->next_hop) {
    if (at->direction == direction) found = at;
  }
  return found;
}

Journal::Journal(const Protocol& protocol, const void* context, Study study)
    : protocol_(protocol), context_(context), study_(study) {
  // An exchange begins with a look-up that finds nothing: in a thin table that touches one place of the memory.
  journeys_.max_load_factor(kThin);
  sent_.max_load_factor(kThin);
}

const Record* Journal::enter(const Sighting& sighting) noexcept {
  try {
    message_ = &workspace_;
    Record& record = new_record();
    fill(sighting, record);
    // A request outlives this call, because its response is checked against it.
    auto kept = sighting.direction == Direction::kResponse ? nullptr : fresh();
    Message& message = kept != nullptr ? *kept : workspace_;
    Ongoing* const body = ongoing(sighting);
    decode(sighting, record, message, body != nullptr ? body->history : nullptr);
    record.type = message.type;
    record.direction = message.direction;
    message_ = &message;
    follow(sighting, record);

    std::unique_ptr<Message> request;
    if (message.direction == Direction::kResponse) {
      const bool continues = body != nullptr && sighting.part > 0;
      Record* request_record = continues ? body->request_record : nullptr;
      request = continues ? std::move(body->request) : pair(sighting, record, request_record);
      if (request_record != nullptr) {
        record.counterpart = request_record;
        if (!continues) request_record->counterpart = &record;
      }
      if (protocol_.repeated_part != nullptr) note_retransmission(sighting, record);
      const bool whole_request = request_record != nullptr && request_record->complete;
      check(sighting, record, whole_request ? request.get() : nullptr);
      record.summary = keep(protocol_.summary(message, request.get()));
    } else {
      note_retransmission(sighting, record);
      check(sighting, record, nullptr);
      record.summary = keep(protocol_.summary(message, nullptr));
    }

    if (study_ != nullptr) study_(message, request.get(), record);
    if (body != nullptr) {
      body->history = message.history;
      body->request_record = record.counterpart;
      body->request = std::move(request);
    }
    give_back(std::move(request));
    if (kept == nullptr) return &record;
    give_back(std::move(overflow_));
    auto& unanswered = conversations_[sighting.conversation].unanswered;
    if (message.direction == Direction::kRequest && unanswered.size() < kMaxUnanswered) {
      std::string id(protocol_.exchange_id(message));
      unanswered.push_back({&record, std::move(kept), std::move(id)});
    } else {
      overflow_ = std::move(kept);  // message() refers to it until the next call
    }
    return &record;
  } catch (...) {
    message_ = &workspace_;
    workspace_.clear();
    return nullptr;
  }
}

bool Journal::again(const Sighting& sighting, const Record& record) noexcept {
  try {
    message_ = &workspace_;
    decode(sighting, record, workspace_);
    // Records are the journal's own; a later pass may know what the first one did not.
    if (study_ != nullptr) study_(workspace_, nullptr, const_cast<Record&>(record));
    return true;
  } catch (...) {
    workspace_.clear();
    return false;
  }
}

const Record* Journal::pass_by(const Sighting& sighting) noexcept {
  try {
    message_ = &workspace_;
    passing_ = Record{};
    fill(sighting, passing_);
    decode(sighting, passing_, workspace_);
    passing_.type = workspace_.type;
    passing_.direction = workspace_.direction;
    passing_summary_ = protocol_.summary(workspace_, nullptr);
    passing_.summary = passing_summary_.c_str();
    if (sighting.complete)
      judge({.message = workspace_}, {.message = true, .exchange = false, .session = false}, passing_);
    if (study_ != nullptr) study_(workspace_, nullptr, passing_);
    return &passing_;
  } catch (...) {
    workspace_.clear();
    return nullptr;
  }
}

const Record* Journal::glance(const Sighting& sighting) noexcept {
  try {
    message_ = &workspace_;
    passing_ = Record{};
    fill(sighting, passing_);
    passing_.direction = sighting.direction;
    if (sighting.direction == Direction::kUnknown) {
      decode(sighting, passing_, workspace_);
      passing_.direction = workspace_.direction;
    }
    return &passing_;
  } catch (...) {
    workspace_.clear();
    return nullptr;
  }
}

void Journal::clear() noexcept {
  message_ = &workspace_;
  workspace_.clear();
  overflow_ = nullptr;
  spare_.clear();
  conversations_.clear();
  ongoing_.clear();
  sessions_.clear();
  sent_.clear();
  journeys_.clear();
  records_.clear();
  texts_.release();
  passing_ = Record{};
}

Record& Journal::new_record() {
  constexpr std::size_t kBlock = 256;
  if (records_.empty() || records_.back().size() == kBlock) records_.emplace_back().reserve(kBlock);
  return records_.back().emplace_back();
}

const char* Journal::keep(std::string_view text) {
  auto* place = static_cast<char*>(texts_.allocate(text.size() + 1, 1));
  *std::copy(text.begin(), text.end(), place) = '\0';
  return place;
}

void Journal::decode(const Sighting& sighting, const Record& record, Message& message, std::shared_ptr<void> history) {
  message.clear();
  message.context = context_;
  message.history = std::move(history);
  message.transport = record.transport();
  message.direction = sighting.direction;
  message.frame = sighting.frame;
  message.time_ns = sighting.time_ns;
  message.source = sighting.source;
  message.destination = sighting.destination;
  protocol_.decode(sighting.bytes, message);
  clamp(message);
}

void Journal::fill(const Sighting& sighting, Record& record) {
  record.frame = sighting.frame;
  record.conversation = sighting.conversation;
  record.time_ns = sighting.time_ns;
  record.size = sighting.bytes.size();
  record.hash = hash_of_ends(sighting.bytes);
  record.complete = sighting.complete;
  record.security = sighting.security;
  if (!sighting.has_http && sighting.content_type.empty() && sighting.method.empty() && sighting.status == 0) return;
  record.http = std::make_unique<Transport>();
  record.http->method = sighting.method;
  record.http->target = sighting.target;
  record.http->status = sighting.status;
  record.http->content_type = sighting.content_type;
  record.http->has_http = sighting.has_http;
  record.http->http_version = sighting.http_version;
  record.http->stream = sighting.stream;
  record.http->part = sighting.part;
  record.http->security = sighting.security;
}

// The same bytes from the same host to the same server, exchange id included, are a repetition. The client may have
// opened a new connection for it, so its port does not count.
void Journal::note_retransmission(const Sighting& sighting, Record& record) {
  if (!sighting.complete || protocol_.exchange_id(*message_).empty()) return;
  const std::string_view part =
      protocol_.repeated_part != nullptr ? protocol_.repeated_part(*message_) : sighting.bytes;
  std::size_t key = hash_of(part);
  for (const std::string_view end : {sighting.source_host, sighting.destination}) key = key * 1'000'003 ^ hash_of(end);
  if (record.journey != nullptr) {  // then its exchange has all that it could repeat
    record.repeats = key;
    for (const Record* at = record.journey->begin; at != nullptr && at != &record; at = at->next_hop) {
      if (at->repeats != key) continue;
      record.retransmission_of = at->frame;
      return;
    }
    return;
  }
  if (sent_.size() >= kMaxRemembered) return;
  const auto [at, first] = sent_.try_emplace(key, sighting.frame);
  if (!first) record.retransmission_of = at->second;
}

std::unique_ptr<Message> Journal::fresh() {
  if (spare_.empty()) return std::make_unique<Message>();
  std::unique_ptr<Message> message = std::move(spare_.back());
  spare_.pop_back();
  return message;
}

void Journal::give_back(std::unique_ptr<Message> message) {
  constexpr std::size_t kMostSpare = 16;
  constexpr std::size_t kLargest = 1 << 20;
  if (message != nullptr && spare_.size() < kMostSpare && message->bytes.capacity() < kLargest &&
      message->events.capacity() * sizeof(Event) < kLargest)
    spare_.push_back(std::move(message));
}

void Journal::follow(const Sighting& sighting, Record& record) {
  if (protocol_.journey_id == nullptr || message_->direction == Direction::kUnknown) return;
  std::string id = protocol_.journey_id(*message_);
  if (id.empty() || (journeys_.size() >= kMaxRemembered && !journeys_.contains(id))) return;
  Journey& journey = journeys_[std::move(id)];
  record.journey = &journey;
  if (journey.hops >= Journey::kMostHops) {
    ++journey.more;
    return;
  }
  record.source = sighting.source;
  record.destination = sighting.destination;
  (journey.end == nullptr ? journey.begin : journey.end->next_hop) = &record;
  journey.end = &record;
  ++journey.hops;
}

// By exchange id; failing that, and when told so, the oldest request that has no response yet.
std::unique_ptr<Message> Journal::take(std::uint32_t conversation, std::string_view id, bool oldest,
                                       Record*& request_record) {
  const auto found = conversations_.find(conversation);
  if (found == conversations_.end()) return nullptr;
  auto& unanswered = found->second.unanswered;
  auto at = unanswered.end();
  if (!id.empty()) at = std::ranges::find_if(unanswered, [&](const Pending& request) { return request.id == id; });
  if (at == unanswered.end() && oldest) at = unanswered.begin();
  if (at == unanswered.end()) return nullptr;
  request_record = at->record;
  std::unique_ptr<Message> request = std::move(at->message);
  unanswered.erase(at);
  return request;
}

// On its own link, where the transport's order may stand in for the exchange id. A response on a link that the request
// did not cross answers the first sending of its exchange.
std::unique_ptr<Message> Journal::pair(const Sighting& sighting, Record& record, Record*& request_record) {
  const std::string_view id = protocol_.exchange_id(*message_);
  auto request = take(sighting.conversation, id, sighting.ordered && record.complete, request_record);
  if (request != nullptr || record.journey == nullptr) return request;
  for (const Record* hop = record.journey->begin; hop != nullptr; hop = hop->next_hop) {
    if (hop->conversation == sighting.conversation && hop->direction == Direction::kRequest) return nullptr;
  }
  for (const Record* hop = record.journey->begin; hop != nullptr && request == nullptr; hop = hop->next_hop) {
    if (hop->direction == Direction::kRequest) request = take(hop->conversation, id, false, request_record);
  }
  return request;
}

// Null for messages that are whole, and for bodies beyond the limit, whose parts are then judged alone.
Journal::Ongoing* Journal::ongoing(const Sighting& sighting) {
  if (sighting.stream == 0) return nullptr;
  if (ongoing_.size() >= kMaxOngoing && !ongoing_.contains(sighting.stream)) return nullptr;
  return &ongoing_[sighting.stream];
}

// Of a message that the capture cuts short nothing is judged: what is missing may only be missing in the capture.
void Journal::check(const Sighting& sighting, Record& record, const Message* request) {
  if (!sighting.complete) return;
  Session* session = session_of(sighting, message_->direction);
  judge({.message = *message_, .request = request, .session = session}, {}, record);
  if (session != nullptr && protocol_.track != nullptr) protocol_.track(*session, *message_, request);
}

void Journal::judge(const CheckInput& input, CheckScopes scopes, Record& record) {
  run_checks(protocol_, input, scopes, record.findings);
  if (record.findings.size() <= kMaxFindings) return;
  std::ranges::stable_sort(record.findings, std::ranges::greater{}, &Finding::severity);
  record.more_findings = record.findings.size() - kMaxFindings;
  record.findings.resize(kMaxFindings);
}

Session* Journal::session_of(const Sighting& sighting, Direction direction) {
  if (protocol_.make_session == nullptr) return nullptr;
  if (direction == Direction::kUnknown && !protocol_.shared_session) return nullptr;
  const std::string_view server = direction == Direction::kRequest ? sighting.destination : sighting.source;
  auto& session = sessions_[protocol_.shared_session ? std::string() : std::string(server)];
  if (session == nullptr) session = protocol_.make_session();
  return session.get();
}

}  // namespace peerscope::epan
