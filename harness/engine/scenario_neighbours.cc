// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/scenario_run_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "harness/behaviours/behaviours.h"
#include "harness/scenario/match.h"

namespace peerscope::harness {

bool ScenarioRun::prepare_neighbours() {
  const NeighbourRules* rules = neighbour_rules(protocol_);
  neighbours_ = rules->make({.scenario = scenario_,
                             .iut = iut_,
                             .work_directory = options_.work_directory,
                             .patience = options_.answer_within * options_.time_scale,
                             .key_log = key_log(),
                             .random = random_});
  const std::string error = neighbours_->prepare(variables_);
  return error.empty() ? true : stop(Verdict::kBlocked, error);
}

bool ScenarioRun::linked_step(const Step& step) {
  if (step.close) return neighbours_->close(step.by, false), true;
  if (step.send && !say(step, *step.send, nullptr)) return false;
  if (step.expect_none) return stays_silent(step);
  return step.expect ? hear(step) : true;
}

bool ScenarioRun::say(const Step& step, const Sending& sending, const Arrival* to) {
  const std::string by = to != nullptr ? to->party : step.by;
  neighbours_->speak_as(by, variables_);
  Neighbours::Order order;
  order.by = by;
  order.msg = sending.msg;
  order.with = sending.with;
  order.link = sending.link;
  order.answers = to;
  if (!sending.behaviour.empty()) {
    auto answer = to != nullptr ? named_answer(protocol_, sending.behaviour, *to->message) : std::nullopt;
    if (!answer)
      return stop(Verdict::kError, fmt::format("{}: no behaviour '{}' here", scenario_.path, sending.behaviour));
    order.msg = answer->msg;
    for (const auto& [key, value] : sending.with.members) answer->with.at_path(key) = value;
    order.with = std::move(answer->with);
  }
  Tree mutate = sending.mutate;
  std::string error;
  for (Tree* tree : {&order.with, &order.link, &mutate}) {
    if (error.empty()) error = expand_tree(*tree, variables_);
  }
  if (error.empty()) error = to_overrides(mutate, order.overrides, order.truncate);
  if (error.empty() && sending.raw) {
    const Expanded raw = expand(*sending.raw, variables_);
    order.raw = raw.text;
    error = raw.error;
  }
  if (!error.empty()) return stop(Verdict::kError, error);
  if (const Tree* same = order.link.find("transaction"); same != nullptr) repeat_transaction(*same, order);
  Outgoing out;
  std::string why;
  switch (neighbours_->send(order, out, why)) {
    case Neighbours::Sent::kBadOrder:
      return stop(Verdict::kError, why);
    case Neighbours::Sent::kNoLink:
      return no_link(step, why);
    case Neighbours::Sent::kYes:
      break;
  }
  for (const MessagePtr& message : out.messages) {
    if (out.beside == nullptr) protocol_.track(*session_, *message, nullptr);
    evidence_.name(out.from, by);
    record(*message, out.beside, out.from, out.to, "");
  }
  if (!step.id.empty() && to == nullptr) exchanges_of_[step.id] = out.exchange;
  if (to == nullptr) last_exchange_ = out.exchange;
  return true;
}

void ScenarioRun::repeat_transaction(const Tree& same, Neighbours::Order& order) {
  const auto at = numbers_.find(same.scalar);
  if (at == numbers_.end()) return;
  for (const FieldPlace& place : protocol_.fields()) {
    if (place.field->replay == Replay::kExchangeId) order.with.at_path(place.path) = Tree::text(at->second);
  }
}

bool ScenarioRun::no_link(const Step& step, const std::string& why) {
  if (step.expect) {
    for (const Outcome& outcome : step.expect->any_of) {
      if (outcome.event == "closed") return take(outcome);
    }
  }
  if (const std::string gone = iut_.gone(); !gone.empty())
    return decide_all(fmt::format("the implementation under test {}", gone));
  return stop(step.setup ? Verdict::kBlocked : Verdict::kInconclusive, fmt::format("no link: {}", why));
}

// As it was on the wire, as far as it says anything.
static std::string http_text(const Message& message) {
  const Transport& http = message.transport;
  const std::string first = message.direction == Direction::kRequest
                                ? fmt::format("{} {} HTTP/1.1", http.method, http.target)
                                : fmt::format("HTTP/1.1 {} -", http.status);
  return fmt::format("{}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n{}", first, http.content_type,
                     message.view().size(), message.view());
}

void ScenarioRun::record(Message& message, const Protocol* beside, const net::Endpoint& from, const net::Endpoint& to,
                         std::string_view comment) {
  const NeighbourRules* rules = neighbour_rules(protocol_);
  net::TracePdu pdu;
  std::string http;
  if (beside == nullptr) {
    pdu.dissector = rules->dissector;
    pdu.protocol_text = rules->title;
    pdu.bytes = message.view();
  } else {
    pdu.bytes = http = http_text(message);
  }
  pdu.source = from;
  pdu.destination = to;
  pdu.comment = comment;
  message.frame = evidence_.add(pdu);
}

bool ScenarioRun::listen_once(double seconds) {
  auto arrival = neighbours_->next(seconds);
  if (!arrival) return false;
  if (arrival->kind == Arrival::Kind::kLinked) neighbours_->speak_as(arrival->party, variables_);
  if (arrival->kind == Arrival::Kind::kOther) {
    result_.reached = true;
    for (const Finding& finding : arrival->findings) add_finding(finding);
  }
  if (arrival->kind == Arrival::Kind::kMessage) {
    result_.reached = true;
    judge_arrival(*arrival);
    if (arrival->beside == nullptr) protocol_.track(*session_, *arrival->message, arrival->request.get());
    evidence_.name(arrival->to, arrival->party);
    record(*arrival->message, arrival->beside, arrival->from, arrival->to, comment_);
    comment_.clear();
    if (arrival->message->direction == Direction::kRequest && !arrival->passed_on && !is_awaited(*arrival)) {
      const Step nobody;
      (void)say(nobody, *background(*arrival->message), &*arrival);
    }
  }
  constexpr std::size_t kMostKept = 20000;  // an IUT that floods is not remembered for ever
  if (inbox_.size() < kMostKept) inbox_.push_back({std::move(*arrival), false});
  return true;
}

void ScenarioRun::listen_for(double seconds) {
  const auto deadline = SteadyClock::now() + std::chrono::duration<double>(seconds);
  for (;;) {
    const double left = std::chrono::duration<double>(deadline - SteadyClock::now()).count();
    if (left <= 0) return;
    (void)listen_once(left);
  }
}

bool ScenarioRun::is_awaited(const Arrival& arrival) const {
  if (arrival.message->type == nullptr) return false;
  bool reached = false;
  for (const Step& step : scenario_.steps) {
    reached = reached || &step == step_;
    if (!reached || !step.reply || !step.expect || step.by != arrival.party) continue;
    for (const Outcome& outcome : step.expect->any_of) {
      // What cannot be told yet, because a later message brings a variable, may be it.
      Tree where = outcome.where;
      const bool told = expand_tree(where, variables_).empty();
      if (outcome.msg == arrival.message->type->name && (!told || match_message(*arrival.message, where).empty()))
        return true;
    }
  }
  return false;
}

void ScenarioRun::judge_arrival(const Arrival& arrival) {
  std::vector<Finding> findings;
  if (arrival.beside != nullptr)
    run_checks(*arrival.beside, {*arrival.message, arrival.request.get(), nullptr}, {}, findings);
  else
    run_checks(protocol_, {*arrival.message, arrival.request.get(), session_.get()}, {}, findings);
  for (const Finding& finding : findings) {
    // Of a message that was only passed on, whoever passed it on answers for what forwarders do.
    const std::string_view bound = binds(*finding.rule);
    const bool forwarders =
        bound.find("forwarder") != std::string_view::npos || bound.find("link end") != std::string_view::npos;
    if (!arrival.passed_on || forwarders) add_finding(finding);
  }
  for (const Finding& finding : arrival.findings) add_finding(finding);
}

std::string ScenarioRun::awaited_exchange(const Step& step) const {
  if (!step.expect->answers.empty()) {
    const auto at = exchanges_of_.find(step.expect->answers);
    return at == exchanges_of_.end() ? "" : at->second;
  }
  return step.send ? last_exchange_ : "";
}

bool ScenarioRun::fits(const Arrival& arrival, const Outcome& outcome) {
  switch (arrival.kind) {
    case Arrival::Kind::kMessage:
      return outcome.event.empty();
    case Arrival::Kind::kLinked:
      return outcome.event == "linked";
    case Arrival::Kind::kClosed:
      return outcome.event == "closed";
    case Arrival::Kind::kOther:
      return outcome.event == arrival.event;
  }
  return false;
}

bool ScenarioRun::hear(const Step& step) {
  const Expectation& expectation = *step.expect;
  const std::string exchange = awaited_exchange(step);
  const auto seconds =
      expectation.within.empty() ? std::optional(options_.answer_within) : duration(expectation.within);
  if (!seconds) return false;
  const auto deadline = SteadyClock::now() + std::chrono::duration<double>(*seconds * options_.time_scale);
  std::string last_difference;
  for (std::size_t at = 0;; ++at) {
    while (at >= inbox_.size()) {
      const double left = std::chrono::duration<double>(deadline - SteadyClock::now()).count();
      if (left <= 0 || (iut_.file().started_here() && !iut_.gone().empty() && !listen_once(0)))
        return heard_nothing(expectation, last_difference, *seconds);
      (void)listen_once(std::min(left, 0.1));
    }
    auto& [arrival, taken] = inbox_[at];
    if (taken || arrival.party != step.by) continue;
    const bool answer = arrival.kind == Arrival::Kind::kMessage && arrival.message->direction != Direction::kRequest;
    if (!exchange.empty() && arrival.kind == Arrival::Kind::kMessage && (arrival.exchange != exchange || !answer))
      continue;
    // What answers the request decides, whatever it is; among requests the one that fits is looked for.
    if (!exchange.empty() && answer) {
      taken = true;
      if (!step.id.empty()) numbers_.try_emplace(step.id, transaction_of(*arrival.message));
      return meet(expectation, *arrival.message, nullptr);
    }
    for (const Outcome& outcome : expectation.any_of) {
      if (!fits(arrival, outcome)) continue;
      std::string difference;
      if (arrival.message) difference = differences(outcome, *arrival.message, nullptr);
      if (!difference.empty()) {
        if (arrival.message && arrival.message->type != nullptr && outcome.msg == arrival.message->type->name) {
          last_difference = difference;
          result_.seen = show(*arrival.message, nullptr);
        }
        continue;
      }
      taken = true;
      if (arrival.message) bind(outcome, *arrival.message);
      if (arrival.message && step.reply && step.reply->end != "none") {
        const Arrival request = arrival;
        if (!say(step, *step.reply, &request)) return false;
      }
      result_.seen.clear();
      return take(outcome);
    }
  }
}

std::string ScenarioRun::transaction_of(const Message& message) const {
  for (const FieldPlace& place : protocol_.fields()) {
    if (place.field->replay != Replay::kExchangeId) continue;
    if (const Event* event = message.first(*place.field); event != nullptr)
      return std::to_string(static_cast<std::uint64_t>(event->number));
  }
  return "0";
}

bool ScenarioRun::heard_nothing(const Expectation& expectation, const std::string& last_difference, double seconds) {
  for (const Outcome& outcome : expectation.any_of) {
    if (outcome.event == "timeout") return take(outcome);
  }
  if (const std::string gone = iut_.gone(); !gone.empty())
    return decide_all(fmt::format("the implementation under test {} instead of answering", gone));
  result_.expected = describe(expectation);
  if (result_.seen.empty()) result_.seen = "nothing";
  return decide(expectation, last_difference.empty() ? fmt::format("nothing came within {} s", seconds)
                                                     : fmt::format("nothing fit within {} s; the last that came: {}",
                                                                   seconds, last_difference));
}

bool ScenarioRun::stays_silent(const Step& step) {
  const auto seconds = duration(step.none_for);
  if (!seconds) return false;
  const std::string exchange = awaited_exchange(step);
  std::size_t at = step.send || !exchange.empty() ? 0 : inbox_.size();
  listen_for(*seconds);
  for (; at < inbox_.size(); ++at) {
    const auto& [arrival, taken] = inbox_[at];
    if (taken || arrival.party != step.by) continue;
    const bool answer = arrival.kind == Arrival::Kind::kMessage && arrival.exchange == exchange &&
                        arrival.message->direction != Direction::kRequest;
    if (!exchange.empty() && !answer) continue;
    if (!fits(arrival, *step.expect_none)) continue;
    if (arrival.message && !differences(*step.expect_none, *arrival.message, nullptr).empty()) continue;
    result_.expected = "nothing";
    result_.seen = arrival.message ? show(*arrival.message, nullptr) : "a link";
    return decide(*step.expect, fmt::format("{} came, expected was none", !arrival.message ? "a link"
                                                                          : arrival.message->type != nullptr
                                                                              ? arrival.message->type->name
                                                                              : "a message"));
  }
  return true;
}

}  // namespace peerscope::harness
