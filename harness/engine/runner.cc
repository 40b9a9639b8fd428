// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/runner.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "harness/engine/scenario_run.h"
#include "protocols/base/source.h"

namespace peerscope::harness {
namespace {

namespace fs = std::filesystem;

void say(const RunOptions& options, const std::string& text) {
  if (options.quiet) return;
  std::fputs(printable(text).c_str(), stdout);
  std::fflush(stdout);
}

std::string slug(std::string_view text) {
  std::string out;
  for (const char c : text)
    out.push_back(std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' ? c : '_');
  return out;
}

std::string indent(std::string_view text, std::string_view prefix) {
  std::string out;
  for (std::size_t from = 0; from < text.size();) {
    std::size_t end = text.find('\n', from);
    if (end == std::string_view::npos) end = text.size();
    out += fmt::format("{}{}\n", prefix, text.substr(from, end - from));
    from = end + 1;
  }
  return out;
}

constexpr int kMostSilent = 3;  // scenarios without any answer until the rest is given up

// A scenario whose id ends in /sanity is the plain flow: when it cannot be run, nothing else can be judged.
bool is_sanity(const Scenario& scenario) {
  return scenario.id.ends_with("/sanity");
}

// Ctrl-C ends a run after the scenario in flight, with a summary; a second one ends it at once. timeout(1) signals the
// process and then its group, so what follows within half a second is the same request.
class Interrupt {
 public:
  Interrupt() {
    first = 0;
    for (const int number : {SIGINT, SIGTERM}) {
      struct sigaction action {};
      action.sa_handler = handle;
      action.sa_flags = SA_RESTART;
      sigaction(number, &action, nullptr);
    }
  }
  ~Interrupt() {
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
  }
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  bool requested() const { return first != 0; }

 private:
  static void handle(int number) {
    constexpr long kSameRequest = 500;  // ms
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    const long ms = now.tv_sec * 1000 + now.tv_nsec / 1000000;
    if (first == 0) {
      first = ms;
    } else if (ms - first > kSameRequest) {
      std::signal(number, SIG_DFL);
      std::raise(number);
    }
  }
  static inline std::atomic<long> first = 0;  // when it came
};

class SuiteRun {
 public:
  SuiteRun(const std::vector<Scenario>& scenarios, const IutFile& file, const RunOptions& options, ResultsFile& results)
      : scenarios_(scenarios), options_(options), results_(results), iut_(file, options.out_directory) {}

  RunSummary run() {
    const auto begin = std::chrono::steady_clock::now();
    const std::size_t planned = deal_out();
    say(options_, fmt::format("{}: {} scenario runs planned against {} ({})\n", "run", planned, iut_.file().name,
                              iut_.file().role));
    results_.header("run", iut_.file().name + " " + iut_.file().version, options_.version, rules_hash(), options_.seed,
                    named_start(iut_.file()));
    for (const Scenario& scenario : scenarios_) {
      if (!off_reason(scenario, iut_.file(), options_).empty()) continue;
      for (const Permutation& permutation : permutations(scenario))
        results_.planned(scenario.id, permutation_text(permutation));
    }

    std::string blocked;
    if (iut_.file().serves()) blocked = iut_.start({});
    if (!blocked.empty()) say(options_, fmt::format("blocked: {}\n", blocked));
    std::vector<const Scenario*> order;
    for (const Scenario& scenario : scenarios_) order.push_back(&scenario);
    std::stable_partition(order.begin(), order.end(), [](const Scenario* s) { return is_sanity(*s); });
    std::optional<Interrupt> interrupt;
    if (options_.interruptible) interrupt.emplace();
    std::size_t done = 0;
    int silent = 0;
    for (const Scenario* scenario : order) {
      const std::string off = off_reason(*scenario, iut_.file(), options_);
      for (const Permutation& permutation : permutations(*scenario)) {
        if (!ours_.contains({scenario, permutation_text(permutation)})) continue;
        if (interrupt && interrupt->requested() && blocked.empty()) {
          blocked = "the run was interrupted";
          say(options_, fmt::format("interrupted after {} of {}\n", done, planned));
        }
        if (!off.empty()) {
          note(*scenario, permutation, Verdict::kNotApplicable, off);
        } else if (!blocked.empty()) {
          note(*scenario, permutation, Verdict::kBlocked, blocked);
        } else {
          const Verdict verdict = run_one(*scenario, permutation, ++done, planned);
          const bool open = verdict == Verdict::kBlocked || verdict == Verdict::kInconclusive;
          const Attempt& last = summary_.cases.back().attempt;
          silent = open && !last.reached ? silent + 1 : 0;
          // An IUT that answers, if only with refusals, can be judged further; one that says nothing cannot.
          if (silent > 0 && is_sanity(*scenario))
            blocked = fmt::format("the plain flow ({}) could not be run: {}", scenario->id, last.reason);
          else if (silent >= kMostSilent)
            blocked = fmt::format("no answer in {} scenarios in a row: {}", silent, last.reason);
          if (!blocked.empty()) say(options_, fmt::format("nothing else is run: {}\n", blocked));
        }
        if (!results_.error().empty()) break;
      }
    }
    if (blocked.empty() && results_.error().empty() && done > 1) repeat_sanity(order, done, planned);
    iut_.stop();
    finish(begin);
    return std::move(summary_);
  }

 private:
  // Which runs are this shard's; returns how many of them apply.
  std::size_t deal_out() {
    std::size_t number = 0;
    std::size_t planned = 0;
    for (const Scenario& scenario : scenarios_) {
      const bool applies = off_reason(scenario, iut_.file(), options_).empty();
      for (const Permutation& permutation : permutations(scenario)) {
        const bool ours = is_sanity(scenario) || number++ % options_.shards + 1 == options_.shard;
        if (!ours) continue;
        ours_.insert({&scenario, permutation_text(permutation)});
        planned += applies;
      }
    }
    return planned;
  }

  // The plain flow that passed at the start is run once more: an IUT that no longer passes it may have been judged on
  // the wreck that some scenario left behind.
  void repeat_sanity(const std::vector<const Scenario*>& order, std::size_t done, std::size_t planned) {
    const Scenario& scenario = *order.front();
    if (!is_sanity(scenario) || !off_reason(scenario, iut_.file(), options_).empty() || summary_.cases.empty()) return;
    if (summary_.cases.front().verdict > Verdict::kWarn) return;
    const Verdict verdict = run_one(scenario, {{"run", "last"}}, done + 1, planned);
    if (verdict > Verdict::kWarn)
      say(options_, fmt::format("the plain flow ({}) passed at the start and does not any more: read the verdicts "
                                "between with that in mind\n",
                                scenario.id));
  }

  void note(const Scenario& scenario, const Permutation& permutation, Verdict verdict, const std::string& reason) {
    Attempt attempt;
    attempt.scenario = scenario.id;
    attempt.title = scenario.title;
    attempt.permutation = permutation_text(permutation);
    attempt.verdict = verdict;
    attempt.reason = reason;
    attempt.tests = scenario.tests;
    results_.verdict(attempt, verdict, reason);
    summary_.cases.push_back({std::move(attempt), verdict});
  }

  Verdict run_one(const Scenario& scenario, const Permutation& permutation, std::size_t number, std::size_t planned) {
    std::vector<Attempt> attempts;
    for (int i = 1; i <= options_.retries + 1; ++i) {
      if (needs_restart_ || !iut_.gone().empty()) {
        // After a failure the IUT's state is unknown; a fresh start makes the next judgement fair.
        if (iut_.file().serves()) {
          if (std::string error = iut_.control("reset", {}); !error.empty() || !iut_.gone().empty()) {
            if (error.empty()) error = iut_.control("restart", {});
            if (!error.empty()) {
              attempts.emplace_back();
              attempts.back().scenario = scenario.id;
              attempts.back().permutation = permutation_text(permutation);
              attempts.back().verdict = Verdict::kBlocked;
              attempts.back().reason = error;
              break;
            }
          }
        }
        needs_restart_ = false;
      }
      AttemptOptions one;
      one.seed = options_.seed ^ std::hash<std::string>{}(scenario.id + permutation_text(permutation));
      one.time_scale = options_.time_scale;
      one.answer_within = options_.answer_within;
      one.judging = options_.judging;
      one.work_directory = options_.out_directory;
      if (options_.evidence)
        one.evidence_path = fmt::format("{}/evidence/{}{}{}.pcapng", options_.out_directory, slug(scenario.id),
                                        permutation.empty() ? "" : "." + slug(permutation_text(permutation)),
                                        i > 1 ? fmt::format(".{}", i) : "");
      attempts.push_back(run_attempt(scenario, permutation, iut_, one));
      attempts.back().attempt = i;
      waited_ += attempts.back().waited;
      results_.attempt(attempts.back());
      const bool settled = attempts.back().verdict != Verdict::kFail &&
                           attempts.back().verdict != Verdict::kInconclusive &&
                           attempts.back().verdict != Verdict::kBlocked;
      needs_restart_ = !settled;
      if (settled) break;
      // Nothing listens there: two more tries in a row learn nothing.
      if (attempts.back().verdict == Verdict::kBlocked && is_sanity(scenario)) break;
    }
    // A fail that a later attempt did not repeat is unstable. An attempt that could not judge takes nothing back.
    const auto failed = std::count_if(attempts.begin(), attempts.end(),
                                      [](const Attempt& attempt) { return attempt.verdict == Verdict::kFail; });
    const bool took_back = failed > 0 && attempts.back().verdict < Verdict::kInconclusive;
    const auto failing = std::find_if(attempts.begin(), attempts.end(),
                                      [](const Attempt& attempt) { return attempt.verdict == Verdict::kFail; });
    Attempt& last = failed > 0 && !took_back ? *failing : attempts.back();
    Verdict final = last.verdict;
    std::string note_text;
    if (took_back) {
      final = Verdict::kUnstable;
      note_text = fmt::format("failed {} of {} attempts with the same seed", failed, attempts.size());
      if (last.reason.empty()) last.reason = failing->reason;
    }
    if (options_.expectations != nullptr) final = options_.expectations->apply(last, final, note_text);
    results_.verdict(last, final, note_text);
    tell(scenario, last, final, note_text, number, planned);
    if (final != Verdict::kUnstable) collect(scenario, last);
    summary_.cases.push_back({std::move(last), final});
    return final;
  }

  void tell(const Scenario& scenario, const Attempt& attempt, Verdict verdict, const std::string& note_text,
            std::size_t number, std::size_t planned) {
    std::string line =
        fmt::format("[{:>3}/{}] {:<12} {}{}  {:.1f} s\n", number, planned, to_string(verdict), attempt.scenario,
                    attempt.permutation.empty() ? "" : " [" + attempt.permutation + "]", attempt.seconds);
    if (verdict > Verdict::kInfo) {
      line += fmt::format("          {}\n", scenario.title);
      if (!attempt.reason.empty() && attempt.step.empty())
        line += fmt::format("          {}\n", attempt.reason);
      else if (!attempt.reason.empty())
        line += fmt::format("          at step {}: {}\n", attempt.step, attempt.reason);
      if (!note_text.empty() && note_text != attempt.reason) line += fmt::format("          {}\n", note_text);
      std::set<std::string_view> told;
      for (const RuleHit& hit : attempt.hits) {
        if (hit.verdict >= Verdict::kWarn && hit.listed && told.insert(hit.rule->id).second)
          line += fmt::format("          {} {} ({}): {}\n", hit.rule->id, to_string(hit.verdict), hit.rule->section,
                              hit.rule->text);
      }
      if (!attempt.expected.empty())
        line += fmt::format("          expected\n{}          seen\n{}", indent(attempt.expected, "            "),
                            indent(attempt.seen, "            "));
      line += fmt::format("          evidence: {}\n", attempt.evidence);
    }
    std::set<std::string> collateral;
    for (const RuleHit& hit : attempt.hits) {
      if (!hit.listed && hit.verdict >= Verdict::kWarn)
        collateral.insert(fmt::format("{} {}", hit.rule->id, to_string(hit.verdict)));
    }
    for (const std::string& hit : collateral)
      line += fmt::format("          besides: {} (evidence: {})\n", hit, attempt.evidence);
    say(options_, line);
  }

  void collect(const Scenario& scenario, const Attempt& attempt) {
    if (attempt.verdict == Verdict::kBlocked || attempt.verdict == Verdict::kError ||
        attempt.verdict == Verdict::kInconclusive || attempt.verdict == Verdict::kNotApplicable) {
      // Whatever was seen before stands; what the scenario is about was not judged.
    } else {
      for (const std::string& id : scenario.tests) {
        RequirementResult& row = requirement(find_requirement(id));
        row.verdict = worst(row.verdict, Verdict::kPass);
      }
    }
    for (const RuleHit& hit : attempt.hits) {
      RequirementResult& row = requirement(hit.rule);
      if (hit.verdict > row.verdict || row.example.empty())
        row.example = fmt::format("{} ({}{})", hit.detail, scenario.id, hit.where.empty() ? "" : ", step " + hit.where);
      row.verdict = worst(row.verdict, hit.verdict);
      ++row.hits;
    }
  }

  RequirementResult& requirement(const Requirement* row) {
    const auto [it, fresh] = requirements_.try_emplace(row->id, RequirementResult{row, Verdict::kNone, 0, ""});
    return it->second;
  }

  void finish(std::chrono::steady_clock::time_point begin) {
    std::vector<Verdict> verdicts;
    std::map<Verdict, std::size_t> counts;
    for (const JunitCase& one : summary_.cases) {
      verdicts.push_back(one.verdict);
      ++counts[one.verdict];
    }
    for (auto& [id, row] : requirements_) {
      verdicts.push_back(row.verdict);
      results_.requirement(*row.row, row.verdict, row.hits, row.example);
      summary_.requirements.push_back(row);
    }
    summary_.exit_code = results_.error().empty() ? exit_code(verdicts) : kExitHarness;
    // With nothing but what does not apply, there is nothing to be green about.
    if (std::all_of(summary_.cases.begin(), summary_.cases.end(),
                    [](const JunitCase& one) { return one.verdict == Verdict::kNotApplicable; }))
      summary_.exit_code = kExitNothing;
    results_.footer(summary_.exit_code);
    std::string text = "\n";
    for (const Verdict level : {Verdict::kFail, Verdict::kXfail, Verdict::kWarn}) {
      for (const RequirementResult& row : summary_.requirements) {
        if (row.verdict != level) continue;
        text += fmt::format("{} {} [{}, {}] {}\n     e.g. {}\n", to_string(level), row.row->id,
                            to_string(row.row->level), source_text_of(*row.row), row.row->text, row.example);
      }
    }
    std::string observed;
    for (const RequirementResult& row : summary_.requirements) {
      if (row.verdict == Verdict::kInfo)
        observed += fmt::format("{}{} ({} x)", observed.empty() ? "" : ", ", row.row->id, row.hits);
    }
    if (!observed.empty())
      text += fmt::format("info, costs nothing: {}; `peerscope explain ID` tells what each says\n", observed);
    if (summary_.exit_code == kExitNothing && !summary_.cases.empty())
      text += fmt::format("nothing applied: {}\n", summary_.cases.front().attempt.reason);
    for (const std::string& feature : iut_.file().features) {
      const bool used = std::any_of(scenarios_.begin(), scenarios_.end(), [&](const Scenario& s) {
        return std::find(s.needs.begin(), s.needs.end(), feature) != s.needs.end() &&
               off_reason(s, iut_.file(), options_).empty();
      });
      if (!used && !find_feature(feature)->baseline)
        text += fmt::format("note: feature {} is claimed and no scenario of this run exercises it\n", feature);
    }
    text += "summary:";
    for (const auto& [verdict, count] : counts) text += fmt::format(" {} {}", count, to_string(verdict));
    text += fmt::format("; {} requirements judged; {:.1f} s, {:.1f} s of them in steps that wait; exit {}\n",
                        summary_.requirements.size(),
                        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), waited_,
                        summary_.exit_code);
    if (!results_.error().empty()) text += results_.error() + "\n";
    say(options_, text);
  }

  const std::vector<Scenario>& scenarios_;
  const RunOptions& options_;
  ResultsFile& results_;
  Iut iut_;
  bool needs_restart_ = false;
  double waited_ = 0;                                       // seconds, of all attempts
  std::set<std::pair<const Scenario*, std::string>> ours_;  // of this shard
  RunSummary summary_;
  std::map<std::string, RequirementResult> requirements_;
};

}  // namespace

std::string off_reason(const Scenario& scenario, const IutFile& iut, const RunOptions& options) {
  if (scenario.role != iut.role)
    return fmt::format("it is for the role {}, the role of the IUT is {}", scenario.role, iut.role);
  for (const std::string& feature : scenario.needs) {
    if (std::find(iut.lacking.begin(), iut.lacking.end(), feature) != iut.lacking.end())
      return fmt::format("the IUT file says that it has no {}", feature);
    if (!iut.has(feature))
      return fmt::format("the IUT file does not claim {} (add it to features: or to not:)", feature);
  }
  if (scenario.slow && !options.slow) return "it waits for timers and --no-slow was given";
  return {};
}

std::string make_directory(const std::string& path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (code) return fmt::format("cannot make the folder {}: {}", path, code.message());
  return access(path.c_str(), W_OK) == 0 ? "" : fmt::format("the folder {} is not writable", path);
}

std::string rules_hash() {
  std::size_t hash = 0;
  for (const Protocol* protocol : protocols()) {
    for (const Requirement& row : protocol->requirements) {
      for (const std::string_view part : {std::string_view(row.id), std::string_view(row.text),
                                          std::string_view(row.section), to_string(row.level)}) {
        hash = hash * 1099511628211U + std::hash<std::string_view>{}(part);
      }
    }
  }
  return fmt::format("{:016x}", hash);
}

RunStart named_start(const IutFile& iut) {
  RunStart start = RunStart::now();
  start.series = iut.name;
  return start;
}

RunSummary run_suite(const std::vector<Scenario>& scenarios, const IutFile& file, const RunOptions& options) {
  std::string error = make_directory(options.out_directory + "/evidence");
  std::unique_ptr<ResultsFile> results;
  if (error.empty()) results = ResultsFile::open(options.out_directory + "/results.jsonl", error);
  if (!results) {
    std::fprintf(stderr, "peerscope: %s\n", error.c_str());
    RunSummary summary;
    summary.exit_code = kExitUsage;
    return summary;
  }
  RunSummary summary = SuiteRun(scenarios, file, options, *results).run();
  if (std::string junit =
          write_junit(options.out_directory + "/junit.xml", file.name, summary.cases, summary.requirements);
      !junit.empty()) {
    std::fprintf(stderr, "peerscope: %s\n", junit.c_str());
    summary.exit_code = kExitHarness;
  }
  say(options, fmt::format("results: {}/results.jsonl, {}/junit.xml\n", options.out_directory, options.out_directory));
  return summary;
}

}  // namespace peerscope::harness
