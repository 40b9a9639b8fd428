// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/replay/neighbour_replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "harness/behaviours/behaviours.h"
#include "harness/engine/evidence.h"
#include "harness/engine/neighbours.h"
#include "harness/replay/conclusion.h"

namespace peerscope::harness {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr const char* kPlayer = "player";

// What a message says, without what differs from run to run: paths with values.
std::map<std::string, std::string> contents(const Message& message, std::string_view group) {
  std::map<std::string, std::string> out;
  std::vector<std::string> paths(message.events.size());
  for (std::uint32_t i = 0; i < message.events.size(); ++i) {
    const Event& event = message.events[i];
    if (event.unknown) continue;
    std::string step = event.field->name;
    if (event.index >= 0) step += fmt::format("[{}]", event.index);
    paths[i] = event.parent == Event::kNoParent ? step : paths[event.parent] + "." + step;
    const bool inside = paths[i].find(fmt::format(".{}.", group)) != std::string::npos;
    const bool content = event.field->replay == Replay::kPayload && event.field->type != Type::kGroup;
    if (inside && content && !event.inner)
      out[paths[i]] = event.has_number ? std::to_string(event.number) : fmt::format("{} bytes", event.text.size());
  }
  return out;
}

class NodePlayer {
 public:
  NodePlayer(const std::vector<CapturedMessage>& messages, Iut& iut, const ReplayOptions& options)
      : messages_(messages),
        iut_(iut),
        options_(options),
        protocol_(*messages.front().protocol),
        rules_(*neighbour_rules(protocol_)),
        random_(options.seed),
        session_(protocol_.make_session()),
        evidence_(options.evidence_path) {
    stage_.protocol = &protocol_;
    stage_.party_names = {kPlayer};
    stage_.linked = true;
    result_.attempt.scenario = "replay";
    result_.attempt.seed = options.seed;
    result_.attempt.evidence = options.evidence_path;
    result_.attempt.verdict = Verdict::kPass;
  }

  ReplayResult run() {
    if (cast() && prepare()) {
      play();
      probe();
    }
    neighbours_.reset();
    const std::lock_guard lock(secrets_mutex_);
    conclude(result_, evidence_, secrets_, clock_);
    return std::move(result_);
  }

 private:
  bool stop(Verdict verdict, const std::string& reason) { return harness::stop(result_.attempt, verdict, reason); }

  // The node that sends the first request is played; whom it is sent to is the implementation under test. Where nobody
  // asks anything, answers are played that nobody waits for.
  bool cast() {
    for (const Direction wanted : {Direction::kRequest, Direction::kResponse}) {
      for (const CapturedMessage& captured : messages_) {
        if (captured.message->direction != wanted || !played_.empty()) continue;
        direction_ = wanted;
        played_ = captured.message->source;
        other_ = captured.message->destination;
      }
    }
    for (const CapturedMessage& captured : messages_) result_.playable += is_played(captured) ? 1 : 0;
    return result_.playable > 0 ? true : stop(Verdict::kBlocked, "the capture has no message of a node to play");
  }
  bool is_played(const CapturedMessage& captured) const {
    return captured.message->direction == direction_ && captured.message->source == played_ &&
           captured.message->destination == other_;
  }

  // Whatever was played, a node that lives answers afterwards.
  void probe() {
    if (result_.attempt.verdict >= Verdict::kInconclusive) return;
    Neighbours::Order order;
    order.by = kPlayer;
    order.msg = rules_.probe;
    Outgoing out;
    if (send(order, out) && !listen(options_.answer_within * options_.time_scale, out.exchange, "the last probe")) {
      const std::string gone = iut_.gone();
      stop(Verdict::kFail, fmt::format("after the flow it does not answer {} any more{}", rules_.probe,
                                       gone.empty() ? "" : "; the implementation under test " + gone));
    }
  }

  bool prepare() {
    neighbours_ = rules_.make({.scenario = stage_,
                               .iut = iut_,
                               .work_directory = options_.work_directory,
                               .patience = options_.answer_within * options_.time_scale,
                               .key_log =
                                   [this](std::string_view line) {
                                     const std::lock_guard lock(secrets_mutex_);
                                     secrets_.emplace_back(line);
                                   },
                               .random = random_});
    variables_.random = &random_;
    if (const std::string error = neighbours_->prepare(variables_); !error.empty())
      return stop(Verdict::kBlocked, error);
    for (const CapturedMessage& captured : messages_) {
      if (captured.message->source == played_ || captured.message->source == other_)
        neighbours_->learn_cast(kPlayer, *captured.message, captured.message->source == played_);
    }
    return true;
  }

  void play() {
    for (std::size_t i = 0; i < messages_.size(); ++i) {
      if (!is_played(messages_[i])) continue;
      pause(messages_[i].message->time_ns);
      const std::size_t before = result_.divergences.size();
      if (!play_one(i)) return;
      if (options_.stop_at_divergence && result_.divergences.size() > before) return;
    }
  }

  void pause(std::int64_t time_ns) {
    if (options_.original_timing && last_ns_ != 0 && time_ns > last_ns_)
      listen(std::min(static_cast<double>(time_ns - last_ns_) / 1e9, options_.gap_max), "");
    last_ns_ = time_ns;
  }

  bool play_one(std::size_t number) {
    const CapturedMessage& captured = messages_[number];
    const std::string where = fmt::format("frame {}", captured.message->frame);
    const std::string summary = protocol_.summary(*captured.message, nullptr);
    const std::string bytes = neighbours_->renewed(kPlayer, *captured.message);
    if (bytes.empty()) {
      result_.warnings.push_back(fmt::format("{} could not be made anew and is left out", where));
      return true;
    }
    Neighbours::Order order;
    order.by = kPlayer;
    order.bytes = bytes;
    Outgoing out;
    if (!send(order, out)) return false;
    ++result_.played;
    const CapturedMessage* expected = answer_to(number);
    constexpr double kUnasked = 0.3;  // what nobody answered in the capture is not waited for long
    const double patience = expected != nullptr ? options_.answer_within : std::min(kUnasked, options_.answer_within);
    const auto answer = listen(patience * options_.time_scale, out.exchange, where);
    if (!answer) {
      // What nobody answered in the capture need not be answered here.
      if (expected == nullptr) return true;
      const std::string gone = iut_.gone();
      return stop(Verdict::kFail, fmt::format("{}: no answer to {}{}", where, summary,
                                              gone.empty() ? "" : "; the implementation under test " + gone));
    }
    if (expected != nullptr) compare(*expected, *answer->message, summary);
    return true;
  }

  bool send(const Neighbours::Order& order, Outgoing& out) {
    std::string why;
    if (neighbours_->send(order, out, why) != Neighbours::Sent::kYes)
      return stop(Verdict::kInconclusive, "cannot send: " + why);
    for (const MessagePtr& message : out.messages) {
      protocol_.track(*session_, *message, nullptr);
      record(*message, out.from, out.to);
    }
    return true;
  }

  const CapturedMessage* answer_to(std::size_t request) const {
    for (std::size_t i = request + 1; i < messages_.size(); ++i) {
      if (messages_[i].request == request && messages_[i].message->source == other_) return &messages_[i];
    }
    return nullptr;
  }

  // Until the answer of this exchange comes, or the time is over.
  std::optional<Arrival> listen(double seconds, const std::string& exchange, const std::string& where = {}) {
    const auto deadline = SteadyClock::now() + std::chrono::duration<double>(seconds);
    for (;;) {
      const double left = std::chrono::duration<double>(deadline - SteadyClock::now()).count();
      if (left <= 0) return std::nullopt;
      auto arrival = neighbours_->next(std::min(left, 0.1));
      if (!arrival) {
        if (iut_.file().started_here() && !iut_.gone().empty()) return std::nullopt;
        continue;
      }
      if (arrival->kind != Arrival::Kind::kMessage) continue;
      judge(*arrival, where);
      record(*arrival->message, arrival->from, arrival->to);
      if (arrival->message->direction == Direction::kRequest && !arrival->passed_on) answer(*arrival);
      if (!exchange.empty() && arrival->exchange == exchange && arrival->message->direction == Direction::kResponse)
        return arrival;
    }
  }

  void answer(const Arrival& request) {
    auto made = named_answer(protocol_, "ok", *request.message);
    if (!made) return;
    neighbours_->speak_as(kPlayer, variables_);
    Neighbours::Order order;
    order.by = kPlayer;
    order.msg = made->msg;
    order.with = std::move(made->with);
    order.answers = &request;
    if (!expand_tree(order.with, variables_).empty()) return;
    Outgoing out;
    (void)send(order, out);
  }

  void judge(const Arrival& arrival, const std::string& where) {
    std::vector<Finding> findings = arrival.findings;
    run_checks(protocol_, {*arrival.message, arrival.request.get(), session_.get()}, {}, findings);
    protocol_.track(*session_, *arrival.message, arrival.request.get());
    for (const Finding& finding : findings) {
      RuleHit hit;
      hit.rule = finding.rule;
      hit.verdict = verdict_of(finding);
      hit.detail = finding.detail;
      hit.where = where;
      hit.listed = true;
      hit.frame = evidence_.next();
      hit.offset = finding.offset;
      hit.length = finding.length;
      if (hit.verdict >= Verdict::kWarn)
        comment_ += fmt::format("{}{} {} (replay of {}): {}", comment_.empty() ? "" : "\n", hit.rule->id,
                                to_string(hit.verdict), where, hit.detail);
      result_.attempt.hits.push_back(std::move(hit));
    }
  }

  void record(const Message& message, const net::Endpoint& from, const net::Endpoint& to) {
    net::TracePdu pdu;
    pdu.dissector = rules_.dissector;
    pdu.protocol_text = rules_.title;
    pdu.source = from;
    pdu.destination = to;
    pdu.bytes = message.view();
    pdu.comment = comment_;
    (void)evidence_.add(pdu);
    comment_.clear();
  }

  // What kind of answer it is decides; what it says of its own state is told.
  void compare(const CapturedMessage& expected, const Message& seen, const std::string& summary) {
    ++result_.compared;
    const auto name = [](const Message& message) { return message.type == nullptr ? "none" : message.type->name; };
    std::string what;
    bool other = false;
    if (expected.message->type != seen.type) {
      what = fmt::format("expected {}, seen {}", name(*expected.message), name(seen));
      other = true;
    } else {
      const auto want = contents(*expected.message, rules_.content);
      const auto have = contents(seen, rules_.content);
      constexpr int kMostTold = 5;
      int told = 0;
      for (const auto& [path, value] : want) {
        const auto at = have.find(path);
        if (at != have.end() && at->second == value) continue;
        if (++told <= kMostTold)
          what += fmt::format("{}{}: expected {}, seen {}", what.empty() ? "" : "; ", path, value,
                              at == have.end() ? "nothing" : at->second);
      }
    }
    if (what.empty()) return;
    Divergence divergence;
    divergence.frame = expected.message->frame;
    divergence.evidence_frame = evidence_.next() - 1;
    divergence.summary = summary;
    divergence.what = what;
    divergence.expected = print_tree(expected.message->events);
    divergence.seen = print_tree(seen.events);
    divergence.verdict = other ? Verdict::kFail : Verdict::kWarn;
    result_.divergences.push_back(std::move(divergence));
  }

  const std::vector<CapturedMessage>& messages_;
  Iut& iut_;
  const ReplayOptions& options_;
  const Protocol& protocol_;
  const NeighbourRules& rules_;
  Random random_;
  Variables variables_;
  Scenario stage_;
  std::unique_ptr<Session> session_;
  Evidence evidence_;
  const ClockWatch clock_;
  ReplayResult result_;
  std::unique_ptr<Neighbours> neighbours_;
  Direction direction_ = Direction::kRequest;  // of what is played
  std::string played_;
  std::string other_;
  std::int64_t last_ns_ = 0;
  std::string comment_;
  std::mutex secrets_mutex_;
  std::vector<std::string> secrets_;
};

}  // namespace

ReplayResult replay_neighbour(const std::vector<CapturedMessage>& messages, Iut& iut, const ReplayOptions& options) {
  return NodePlayer(messages, iut, options).run();
}

}  // namespace peerscope::harness
