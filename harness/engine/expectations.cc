// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/expectations.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <set>

#include "harness/scenario/yaml.h"
#include "harness/scenario/yaml_reader.h"

namespace peerscope::harness {
namespace {

constexpr std::string_view kComparisons[] = {"<=", ">=", "<", ">", "="};  // the longer ones first

bool is_date(const std::string& text) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  char rest = 0;
  if (text.size() != std::strlen("2027-03-31") ||
      std::sscanf(text.c_str(), "%4d-%2u-%2u%c", &year, &month, &day, &rest) != 3)
    return false;
  return std::chrono::year_month_day(std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)).ok();
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

// "name", or "name < 1.5" with one comparison and a version behind it.
bool is_condition(std::string_view text) {
  const std::size_t at = text.find_first_of("<>=");
  if (at == std::string_view::npos) return true;
  std::size_t end = at + 1;
  if (end < text.size() && text[at] != '=' && text[end] == '=') ++end;
  const std::string_view version = trimmed(text.substr(end));
  return !trimmed(text.substr(0, at)).empty() && !version.empty() &&
         version.find_first_of("<>=") == std::string_view::npos;
}

bool fits(const ExpectedFail& expected, const Attempt& attempt) {
  if (expected.scenario != attempt.scenario) return false;
  const std::string all = "," + attempt.permutation + ",";
  return std::all_of(expected.params.begin(), expected.params.end(), [&](const auto& param) {
    return all.find(fmt::format(",{}={},", param.first, param.second)) != std::string::npos;
  });
}

bool covers(const ExpectedFail& expected, const RuleHit& hit) {
  return expected.rule == hit.rule->id && hit.detail.find(expected.detail) != std::string::npos;
}

}  // namespace

std::string today_utc() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[16];
  std::strftime(text, sizeof text, "%Y-%m-%d", &utc);
  return text;
}

bool names_iut(std::string_view condition, std::string_view name, std::string_view version) {
  for (const std::string_view comparison : kComparisons) {
    const std::size_t at = condition.find(comparison);
    if (at == std::string_view::npos) continue;
    if (trimmed(condition.substr(0, at)) != name) return false;
    const std::string wanted(trimmed(condition.substr(at + comparison.size())));
    const int order = strverscmp(std::string(version).c_str(), wanted.c_str());
    return (order < 0 && comparison.front() == '<') || (order > 0 && comparison.front() == '>') ||
           (order == 0 && comparison.back() == '=');
  }
  return trimmed(condition) == name;
}

Expectations Expectations::load(const std::string& path, const std::vector<Scenario>& all, const IutFile& iut,
                                const std::string& today, std::string& error) {
  Expectations out;
  out.today_ = today;
  const YamlResult yaml = load_yaml(path);
  if (!yaml.error.empty()) {
    error = yaml.error;
    return out;
  }
  YamlReader r{path, error};
  if (!yaml.tree.is_list()) r.fail(yaml.tree, "expected fails are a list; docs/selection.md shows one");
  for (const Tree& entry : yaml.tree.items) {
    r.keys(entry, {"scenario", "params", "iut", "rule", "detail", "issue", "until"});
    if (!entry.is_map()) continue;
    ExpectedFail one;
    one.place = fmt::format("{}:{}", path, entry.line);
    one.scenario = r.text(entry, "scenario");
    one.iut = r.text(entry, "iut");
    one.rule = r.text(entry, "rule");
    one.detail = r.text(entry, "detail");
    one.issue = r.text(entry, "issue");
    one.until = r.text(entry, "until");
    const Tree& id = entry.find("scenario") != nullptr ? *entry.find("scenario") : entry;
    const Tree& rule = entry.find("rule") != nullptr ? *entry.find("rule") : entry;
    const auto scenario = std::find_if(all.begin(), all.end(), [&](const Scenario& s) { return s.id == one.scenario; });
    if (one.scenario.empty())
      r.fail(entry, "scenario: is missing");
    else if (scenario == all.end())
      r.fail(id, fmt::format("scenario: there is no '{}'; see `peerscope list`", one.scenario));
    if (!is_condition(one.iut))
      r.fail(*entry.find("iut"), "iut: is a name, or a name, one of <, <=, =, >=, > and a version");
    if (one.rule.empty())
      r.fail(entry, "rule: is missing");
    else if (find_requirement(one.rule) == nullptr)
      r.fail(rule, fmt::format("rule: there is no '{}'; see `peerscope list requirements`", one.rule));
    if (!one.until.empty() && !is_date(one.until)) r.fail(*entry.find("until"), "until: is a date such as 2027-03-31");
    if (const Tree* params = entry.find("params"); params != nullptr) {
      if (!params->is_map()) r.fail(*params, "params: expected a map");
      for (const auto& [name, value] : params->members) {
        one.params.emplace_back(name, value.scalar);
        const bool known =
            scenario == all.end() ||
            std::any_of(scenario->params.begin(), scenario->params.end(), [&](const auto& param) {
              const auto& values = param.second;
              return param.first == name && std::find(values.begin(), values.end(), value.scalar) != values.end();
            });
        if (!known)
          r.fail(value, fmt::format("params: {} has no permutation with {}={}", one.scenario, name, value.scalar));
      }
    }
    if (one.iut.empty() || names_iut(one.iut, iut.name, iut.version)) out.fails_.push_back(std::move(one));
  }
  return out;
}

Verdict Expectations::apply(Attempt& attempt, Verdict verdict, std::string& note) const {
  const ExpectedFail* stale = nullptr;
  const ExpectedFail* other = nullptr;
  std::set<std::string> excused;
  for (const ExpectedFail& expected : fails_) {
    if (!fits(expected, attempt)) continue;
    const std::string issue = expected.issue.empty() ? "" : " (" + expected.issue + ")";
    if (!expected.until.empty() && expected.until < today_) {
      note = fmt::format("{}: the excuse for {}{} ended on {}", expected.place, expected.rule, issue, expected.until);
      continue;
    }
    // A check and the expectation of a step say the same break in different words: one of them has to fit.
    const bool seen = std::any_of(attempt.hits.begin(), attempt.hits.end(), [&](const RuleHit& hit) {
      return (hit.verdict == Verdict::kFail || hit.verdict == Verdict::kXfail) && covers(expected, hit);
    });
    for (RuleHit& hit : attempt.hits) {
      if (seen && hit.verdict == Verdict::kFail && expected.rule == hit.rule->id) hit.verdict = Verdict::kXfail;
    }
    if (seen) excused.insert(expected.place + issue);
    (seen ? other : stale) = &expected;
  }
  const bool passed = verdict >= Verdict::kPass && verdict <= Verdict::kWarn;
  if (passed && stale != nullptr) {
    note =
        fmt::format("{}: expected to fail by {} and does not any more; take the entry out", stale->place, stale->rule);
    attempt.reason = note;
    return Verdict::kXpass;
  }
  if (verdict != Verdict::kFail) return verdict;
  const bool more = std::any_of(attempt.hits.begin(), attempt.hits.end(),
                                [](const RuleHit& hit) { return hit.listed && hit.verdict == Verdict::kFail; });
  if (more || excused.empty()) {
    if (const ExpectedFail* one = other != nullptr ? other : stale; one != nullptr)
      note = fmt::format("{}: excuses {}, not all that fails here", one->place, one->rule);
    return verdict;
  }
  note = "expected by";
  for (const std::string& place : excused) note += " " + place;
  return Verdict::kXfail;
}

}  // namespace peerscope::harness
