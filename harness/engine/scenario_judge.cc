// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/scenario_run_state.h"

#include <fmt/format.h>

#include <algorithm>

#include "harness/scenario/match.h"
#include "protocols/base/source.h"
#include "protocols/base/text.h"

namespace peerscope::harness {

void ScenarioRun::judge(const Message& message, const Message* request, int status) {
  // An HTTP-level refusal without a PPSTP body is ordinary HTTP; the scenario says what it thinks of it.
  const bool judged = belongs_to(protocol_, message) || status / 100 == 2;
  if (!judged) return;
  std::vector<Finding> findings;
  run_checks(protocol_, {message, request, session_.get()}, {}, findings);
  for (const Finding& finding : findings) add_finding(finding);
}

void ScenarioRun::add_finding(const Finding& finding) {
  add_hit(*finding.rule, verdict_of(finding), finding.detail, {finding.offset, finding.length});
}

void ScenarioRun::add_hit(const Requirement& rule, Verdict found, const std::string& detail, Place place) {
  const Verdict verdict = options_.judging.count(rule, found);
  const bool listed = std::find(scenario_.tests.begin(), scenario_.tests.end(), rule.id) != scenario_.tests.end();
  constexpr std::size_t kMostOfOneRule = 200;  // an answer may break a rule every few bytes
  std::size_t same = 0;
  for (const RuleHit& hit : result_.hits) {
    if (hit.rule != &rule) continue;
    if (hit.detail == detail || ++same == kMostOfOneRule) return;
  }
  RuleHit hit;
  hit.rule = &rule;
  hit.verdict = verdict;
  hit.detail = detail;
  hit.where = step_name_;
  hit.listed = listed;
  hit.frame = evidence_.next();
  hit.offset = place.offset;
  hit.length = place.length;
  comment_ += fmt::format("{}{} {} ({}, {} step {}): {}", comment_.empty() ? "" : "\n", rule.id, to_string(verdict),
                          source_text(protocol_, rule), scenario_.id, step_name_, detail);
  if (result_.reason.empty() && listed && verdict == Verdict::kFail) {
    result_.reason = detail;
    result_.step = step_name_;
  }
  result_.hits.push_back(std::move(hit));
}

bool ScenarioRun::decide(const Expectation& expectation, const std::string& detail) {
  if (cleaning_) return false;
  if (step_->setup) return stop(Verdict::kBlocked, fmt::format("setup step: {}", detail));
  if (!untold_.empty()) return stop(Verdict::kInconclusive, untold_);
  Verdict verdict = Verdict::kNone;
  for (const std::string& id : expectation.check) {
    const Requirement* row = find_requirement(id);
    add_hit(*row, verdict_of(*row), detail, unmet_);
    verdict = worst(verdict, options_.judging.count(*row, verdict_of(*row)));
  }
  if (verdict <= Verdict::kInfo) {
    result_.verdict = worst(result_.verdict, verdict);
    return true;  // an observation about what the RFC leaves open; go on
  }
  return stop(verdict, detail);
}

bool ScenarioRun::decide_all(const std::string& detail) {
  for (const std::string& id : scenario_.tests) add_hit(*find_requirement(id), Verdict::kFail, detail);
  return stop(Verdict::kFail, detail);
}

bool ScenarioRun::take(const Outcome& outcome) {
  if (outcome.verdict <= Verdict::kPass || !step_->expect || cleaning_) return true;
  // No outcome counts more than the rows that it decides.
  Verdict verdict = Verdict::kInfo;
  for (const std::string& id : step_->expect->check) {
    const Requirement* row = find_requirement(id);
    const Verdict one = std::min(outcome.verdict, std::max(verdict_of(*row), Verdict::kInfo));
    add_hit(*row, one, outcome.note.empty() ? "an outcome that is tolerated only" : outcome.note);
    verdict = worst(verdict, options_.judging.count(*row, one));
  }
  result_.verdict = worst(result_.verdict, verdict);
  return verdict == Verdict::kFail ? stop(Verdict::kFail, outcome.note) : true;
}

std::string ScenarioRun::describe(const Expectation& expectation) const {
  std::string out;
  for (const Outcome& outcome : expectation.any_of) {
    if (!out.empty()) out += "\nor\n";
    out += !outcome.event.empty() ? outcome.event : outcome.msg.empty() ? "response" : outcome.msg;
    for (const auto* part : {&outcome.http, &outcome.where}) {
      Tree copy = *part;
      (void)expand_tree(copy, variables_);
      for (const auto& [path, wanted] : copy.members) out += "\n  " + path + ": " + text_of(wanted);
    }
  }
  return out;
}

std::string ScenarioRun::text_of(const Tree& tree) {
  if (tree.is_scalar()) return tree.scalar;
  std::string out;
  for (const auto& [key, value] : tree.members) out += (out.empty() ? "" : ", ") + key + " " + text_of(value);
  for (const Tree& item : tree.items) out += (out.empty() ? "" : " | ") + text_of(item);
  return out;
}

std::string_view ScenarioRun::end_of(std::string_view body) {
  constexpr std::size_t kMost = 2000;
  return body.size() > kMost ? body.substr(body.size() - kMost) : body;
}

bool ScenarioRun::has_header(const net::Headers& headers, std::string_view name, const Tree& wanted) {
  const Tree* absent = wanted.find("absent");
  bool any = false;
  std::string expected;
  for (const net::HeaderField field : headers)
    any = any || (net::iequals(field.name, name) && (absent != nullptr || match_value(field.value, wanted, expected)));
  return any != (absent != nullptr && absent->scalar != "false");
}

const net::Headers& ScenarioRun::no_headers() {
  static const net::Headers kNone;
  return kNone;
}

std::string ScenarioRun::differences(const Outcome& outcome, const Message& message, const net::HttpResponse* http,
                                     const net::Headers& headers) {
  std::string out;
  const auto add = [&](std::string_view path, std::string_view expected, std::string_view seen) {
    out += fmt::format("{}{}: expected {}, seen {}", out.empty() ? "" : "; ", path, shortened(expected, kLongestValue),
                       shortened(seen, kLongestValue));
  };
  if (!outcome.event.empty()) return "an answer came, expected was " + outcome.event;
  if (!message.transport.undecoded.empty()) return message.transport.undecoded;
  const bool any_http = outcome.msg == "http";
  if (!any_http && outcome.msg != "any") {
    const std::string_view wanted = outcome.msg.empty() ? std::string_view("response") : std::string_view(outcome.msg);
    if (message.type == nullptr || wanted != message.type->name) {
      add("message", wanted,
          message.type != nullptr ? std::string(message.type->name)
          : http != nullptr
              ? fmt::format("HTTP {} with {}", http->status, http->headers.get("Content-Type", "no Content-Type"))
              : "something else");
      return out;
    }
  }
  Tree wanted_http = outcome.http;
  Tree where = outcome.where;
  if (std::string error = expand_tree(where, variables_) + expand_tree(wanted_http, variables_); !error.empty())
    return error;
  for (const auto& [key, wanted] : wanted_http.members) {
    const std::string seen = key == "status"         ? std::to_string(message.transport.status)
                             : key == "content_type" ? message.transport.content_type
                             : key == "method"       ? message.transport.method
                             : key == "target"       ? message.transport.target
                             : key == "body"         ? std::string(end_of(message.view()))
                                                     : "";
    if (key == "header") {
      for (const auto& [name, value] : wanted.members) {
        if (!has_header(headers, name, value)) add("header " + name, text_of(value), headers.get(name, "nothing"));
      }
      continue;
    }
    std::string expected;
    if (!match_value(seen, wanted, expected)) add("http." + key, expected, seen);
  }
  if (!any_http) {
    for (const Mismatch& miss : match_message(message, where)) {
      add(miss.path, miss.expected, miss.seen);
      const std::uint32_t at = find_path(message.events, miss.path);
      if (unmet_.length == 0 && at != Event::kNoParent && !message.events[at].inner)
        unmet_ = {message.events[at].offset, message.events[at].length};
    }
  }
  return out;
}

void ScenarioRun::bind(const Outcome& outcome, const Message& message, const net::Headers& headers) {
  for (const auto& [variable, name] : outcome.bind_header.members)
    variables_.values[variable] = headers.get(name.scalar);
  for (const auto& [variable, path] : outcome.bind.members) {
    const std::uint32_t at = find_path(message.events, path.scalar);
    std::string& value = variables_.values[variable];
    if (at == Event::kNoParent)
      value.clear();  // a message without it is the IUT's doing, not the scenario's
    else if (message.events[at].key != nullptr && !message.events[at].has_text && !message.events[at].has_number)
      value = message.events[at].label;  // an entry with a name that is data: its name
    else
      value = plain_value(message.events[at]);
  }
}

bool ScenarioRun::meet(const Expectation& expectation, const Message& message, const net::HttpResponse* http,
                       const Message* request) {
  const net::Headers& headers = http != nullptr ? http->headers : no_headers();
  std::string first;
  unmet_ = {};
  for (const Outcome& outcome : expectation.any_of) {
    std::string difference = differences(outcome, message, http, headers);
    if (difference.empty() && outcome.offers.is_map() && survey_ != nullptr)
      (void)survey_->find(outcome.offers, difference);
    if (difference.empty() && outcome.agrees && survey_ != nullptr && request != nullptr) {
      const Agreement agreement = survey_->compare(*request, message);
      if (agreement.unknown)
        return stop(step_->setup ? Verdict::kBlocked : Verdict::kInconclusive,
                    "the answer is of another version of the map than the one fetched before the first step");
      difference = agreement.difference;
    }
    if (difference.empty()) {
      bind(outcome, message, headers);
      return take(outcome);
    }
    if (first.empty() && outcome.event.empty()) first = difference;
  }
  if (!cleaning_ && result_.expected.empty()) {
    result_.expected = describe(expectation);
    result_.seen = show(message, http);
  }
  const bool met = decide(expectation, first.empty() ? "an answer came where none was expected" : first);
  unmet_ = {};
  return met;
}

}  // namespace peerscope::harness
