// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/replay/minimize.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <optional>
#include <utility>

#include "harness/engine/neighbours.h"
#include "harness/replay/places.h"
#include "protocols/base/json_value.h"

namespace peerscope::harness {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr const char* kNoAnswer = "no answer";
constexpr const char* kCrash = "crash";

// How a replay failed, in a word that another one can be compared by; "" when it did not.
struct Failure {
  std::string what;
  std::string detail;
  std::string where;
};

Failure failure_of(const ReplayResult& result, const std::string& gone, const std::string& requirement) {
  for (const RuleHit& hit : result.attempt.hits) {
    const bool wanted = requirement.empty() ? hit.verdict == Verdict::kFail : requirement == hit.rule->id;
    if (wanted) return {hit.rule->id, hit.detail, hit.where};
  }
  if (!requirement.empty() && requirement != kNoAnswer && requirement != kCrash) return {};
  const bool crash = !gone.empty() && requirement != kNoAnswer;
  if (crash) return {kCrash, gone, ""};
  // What is no rule and no difference is an answer that did not come.
  if (result.attempt.verdict == Verdict::kFail && result.divergences.empty() && result.attempt.hits.empty() &&
      requirement != kCrash)
    return {kNoAnswer, result.attempt.reason, ""};
  return {};
}

// Every place in a body where a member could be left out: positions from the root, the deepest last.
using Place = std::vector<std::size_t>;
void places_in(const JsonValue& value, Place& at, std::vector<Place>& out) {
  constexpr std::size_t kMost = 200;
  const std::size_t size = value.object() != nullptr  ? value.object()->size()
                           : value.array() != nullptr ? value.array()->size()
                                                      : 0;
  for (std::size_t i = 0; i < size && out.size() < kMost; ++i) {
    at.push_back(i);
    out.push_back(at);
    places_in(value.object() != nullptr ? (*value.object())[i].second : (*value.array())[i], at, out);
    at.pop_back();
  }
}
bool drop(JsonValue& value, const Place& at, std::size_t depth = 0) {
  const std::size_t i = at[depth];
  const bool last = depth + 1 == at.size();
  if (JsonValue::Object* members = value.object(); members != nullptr && i < members->size()) {
    if (!last) return drop((*members)[i].second, at, depth + 1);
    members->erase(members->begin() + static_cast<std::ptrdiff_t>(i));
    return true;
  }
  if (JsonValue::Array* items = value.array(); items != nullptr && i < items->size()) {
    if (!last) return drop((*items)[i], at, depth + 1);
    items->erase(items->begin() + static_cast<std::ptrdiff_t>(i));
    return true;
  }
  return false;
}

class Minimizer {
 public:
  Minimizer(const std::vector<CapturedMessage>& messages, Iut& iut, const MinimizeOptions& options)
      : messages_(with_gets(messages)), iut_(iut), options_(options), begin_(SteadyClock::now()) {}

  MinimizeResult run() {
    result_.before = messages_.size();
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      if (messages_[i].message->direction == Direction::kRequest) requests_.push_back(i);
    }
    of_ = requests_.size();
    if (!first_run()) return std::move(result_);
    shrink();
    if (options_.members && result_.error.empty()) drop_members();
    result_.messages = flow_of(requests_);
    result_.complete = !spent();
    return std::move(result_);
  }

 private:
  bool spent() const {
    const double seconds = std::chrono::duration<double>(SteadyClock::now() - begin_).count();
    return result_.runs >= options_.most_runs || seconds > options_.most_seconds || !result_.error.empty();
  }

  // The chosen requests with their answers, in the order of the flow.
  std::vector<CapturedMessage> flow_of(const std::vector<std::size_t>& requests) const {
    std::vector<CapturedMessage> out;
    std::vector<std::size_t> place(messages_.size(), CapturedMessage::kNone);
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      const CapturedMessage& captured = messages_[i];
      const std::size_t asked = captured.request;
      const bool chosen = asked != CapturedMessage::kNone ? place[asked] != CapturedMessage::kNone
                                                          : std::binary_search(requests.begin(), requests.end(), i);
      if (!chosen) continue;
      place[i] = out.size();
      out.push_back(captured);
      if (asked != CapturedMessage::kNone) out.back().request = place[asked];
    }
    return out;
  }

  // One replay against a fresh start.
  std::optional<Failure> attempt(const std::vector<std::size_t>& requests) {
    ++result_.runs;
    if (options_.progress) options_.progress(result_.runs, requests_.size(), of_);
    if (const std::string error = iut_.start({}); !error.empty()) {
      result_.error = error;
      return std::nullopt;
    }
    const std::vector<CapturedMessage> flow = flow_of(requests);
    ReplayResult replayed = replay(flow, iut_, options_.replay);
    Failure failure = failure_of(replayed, iut_.file().started_here() ? iut_.gone() : "", result_.what);
    iut_.stop();
    if (failure.what.empty()) return std::nullopt;
    result_.last = std::move(replayed);
    return failure;
  }

  bool first_run() {
    result_.what = options_.requirement;
    const auto failure = attempt(requests_);
    if (!result_.error.empty()) return false;
    if (!failure) {
      result_.error = options_.requirement.empty()
                          ? "the whole flow breaks no requirement there, and every answer comes: nothing to minimize"
                          : fmt::format("the whole flow does not break {} there", options_.requirement);
      return false;
    }
    result_.what = failure->what;
    result_.detail = failure->detail;
    // What comes after the message that shows it adds nothing.
    std::uint64_t frame = 0;
    if (std::sscanf(failure->where.c_str(), "frame %lu", &frame) == 1) {
      std::vector<std::size_t> head;
      for (const std::size_t i : requests_) {
        if (messages_[i].message->frame <= frame) head.push_back(i);
      }
      if (head.size() < requests_.size() && still_fails(head)) requests_ = std::move(head);
    }
    return true;
  }

  bool still_fails(const std::vector<std::size_t>& requests) {
    if (requests.empty() || spent()) return false;
    const auto failure = attempt(requests);
    if (failure) result_.detail = failure->detail;
    return failure.has_value();
  }

  // Delta debugging (Zeller and Hildebrandt, 2002): leave out ever smaller parts as long as it still fails.
  void shrink() {
    std::size_t parts = 2;
    while (requests_.size() > 1 && !spent()) {
      bool smaller = false;
      const std::size_t size = (requests_.size() + parts - 1) / parts;
      for (std::size_t from = 0; from < requests_.size() && !smaller; from += size) {
        std::vector<std::size_t> rest(requests_.begin(), requests_.begin() + static_cast<std::ptrdiff_t>(from));
        rest.insert(rest.end(),
                    requests_.begin() + static_cast<std::ptrdiff_t>(std::min(from + size, requests_.size())),
                    requests_.end());
        if (!still_fails(rest)) continue;
        requests_ = std::move(rest);
        smaller = true;
      }
      if (smaller)
        parts = std::max<std::size_t>(parts - 1, 2);
      else if (size == 1)
        return;
      else
        parts = std::min(parts * 2, requests_.size());
    }
  }

  // Members of what is left, of JSON messages: each that is not needed goes.
  void drop_members() {
    for (const std::size_t i : requests_) {
      if (neighbour_rules(*messages_[i].protocol) != nullptr || messages_[i].message->size == 0) continue;
      const auto whole = parse_json(messages_[i].message->view());
      if (whole == nullptr) continue;
      Place at;
      std::vector<Place> places;
      places_in(*whole, at, places);
      // From the end, so that the places before stay where they are; a member that went takes what was in it along.
      for (auto place = places.rbegin(); place != places.rend() && !spent(); ++place) {
        const auto body = parse_json(messages_[i].message->view());
        if (body == nullptr || !drop(*body, *place)) continue;
        CapturedMessage kept = messages_[i];
        messages_[i] = with_body(kept, json_text(*body));
        if (still_fails(requests_))
          ++result_.members;
        else
          messages_[i] = std::move(kept);
      }
    }
  }

  static CapturedMessage with_body(const CapturedMessage& captured, const std::string& body) {
    CapturedMessage out = captured;
    out.http_request.body = body;
    out.message = decode_request(*captured.protocol, out.http_request, captured.message->transport.security);
    out.message->frame = captured.message->frame;
    out.message->time_ns = captured.message->time_ns;
    out.message->source = captured.message->source;
    out.message->destination = captured.message->destination;
    return out;
  }

  std::vector<CapturedMessage> messages_;
  Iut& iut_;
  const MinimizeOptions& options_;
  SteadyClock::time_point begin_;
  std::vector<std::size_t> requests_;  // that are left, in order
  std::size_t of_ = 0;
  MinimizeResult result_;
};

}  // namespace

MinimizeResult minimize(const std::vector<CapturedMessage>& messages, Iut& iut, const MinimizeOptions& options) {
  return Minimizer(messages, iut, options).run();
}

}  // namespace peerscope::harness
