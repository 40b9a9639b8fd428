// SPDX-License-Identifier: GPL-2.0-or-later
// peerscope run, list, lint, explain
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "cli/commands.h"
#include "cli/options.h"
#include "harness/engine/runner.h"
#include "harness/scenario/schema.h"
#include "protocols/base/source.h"

namespace peerscope::cli {

using namespace harness;

namespace {

std::string stamp_folder(const char* stem) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", &local);
  // Two runs in one second keep their results apart.
  std::string folder = fmt::format("{}-{}", stem, text);
  std::error_code code;
  for (int i = 2; !std::filesystem::create_directory(folder, code) && !code && i < 1000; ++i)
    folder = fmt::format("{}-{}-{}", stem, text, i);
  return folder;
}

int tell(const std::vector<std::string>& errors) {
  for (const std::string& error : errors) std::fprintf(stderr, "peerscope: %s\n", error.c_str());
  return kExitUsage;
}

std::string join_words(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App app{
      "Run conformance scenarios against an implementation under test (IUT).\nSelect by scenario id or prefix "
      "(ppstp/tracker), requirement id or prefix (P-FIND, P-FIND-04), file, or KEY:VALUE with the keys protocol, role, "
      "section, feature, level (section:RFC7846/4.1); without any, all that apply.",
      "run"};
  Selection chosen;
  std::string iut_path;
  RunOptions options;
  options.version = PEERSCOPE_VERSION;
  app.add_option("select", chosen.select, "scenarios, suites, requirements, .yaml files or KEY:VALUE");
  app.add_option("--iut", iut_path, "IUT file (docs/iut-file.md)")->required();
  app.add_option("--leave-out", chosen.leave_out,
                 "leave this out (may be repeated); findings of such requirements are information")
      ->allow_extra_args(false);
  std::string profile;
  std::string strictness;
  std::string expected;
  app.add_option("--profile", profile, "a file with what to select and how strictly to judge (docs/selection.md)");
  app.add_option("--strictness", strictness,
                 "what a broken SHOULD is: must (info), should (warn, default), pedantic (fail)")
      ->check(CLI::IsMember({"must", "should", "pedantic"}));
  app.add_option("--expect", expected, "a file with fails that are known and excused (docs/selection.md)");
  app.add_option("--out", options.out_directory,
                 "folder for results.jsonl, junit.xml and evidence (default: peerscope-run-DATE)");
  app.add_option("--seed", options.seed, "seed of all random values (default 1)");
  app.add_option("--time-scale", options.time_scale, "stretch all limits, for slow machines")
      ->check(CLI::Range(0.1, 100.0));
  app.add_option("--within", options.answer_within, "seconds to wait for an answer (default 5)")
      ->check(CLI::Range(0.1, 600.0));
  app.add_option("--retries", options.retries, "re-runs of a scenario that did not pass (default 2)")
      ->check(CLI::Range(0, 20));
  std::string shard;
  app.add_option("--shard", shard, "run only part I of N, as I/N: `merge` joins the parts");
  bool no_slow = false;
  app.add_flag("--no-slow", no_slow, "leave out scenarios that wait for timers");
  app.add_flag("-q,--quiet", options.quiet, "print nothing; the exit code and the results file tell");
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  options.slow = !no_slow;
  if (!shard.empty()) {
    char rest = 0;
    if (std::sscanf(shard.c_str(), "%zu/%zu%c", &options.shard, &options.shards, &rest) != 2 || options.shard == 0 ||
        options.shard > options.shards)
      return fail(kExitUsage, fmt::format("--shard: expected I/N with I from 1 to N, found '{}'", shard));
  }
  if (options.out_directory.empty()) options.out_directory = stamp_folder("peerscope-run");
  std::string error;
  const IutFile iut = load_iut(iut_path, error);
  if (!error.empty()) return fail(kExitUsage, error);
  std::vector<std::string> errors;
  Selection selection = profile.empty() ? Selection() : load_profile(profile, error);
  if (!error.empty()) return fail(kExitUsage, error);
  selection.select.insert(selection.select.end(), chosen.select.begin(), chosen.select.end());
  selection.leave_out.insert(selection.leave_out.end(), chosen.leave_out.begin(), chosen.leave_out.end());
  if (!strictness.empty()) selection.strictness = *find_strictness(strictness);
  const std::vector<Scenario> scenarios = load_suite(selection, suite_roots(), errors);
  if (!errors.empty()) return tell(errors);
  options.judging = judging_of(selection);
  Expectations expectations;
  if (!expected.empty()) {
    // Those of scenarios that this run leaves out are kept in the same file.
    const std::vector<Scenario> all = load_suite({}, suite_roots(), errors);
    std::vector<Scenario> known = scenarios;
    known.insert(known.end(), all.begin(), all.end());
    expectations = Expectations::load(expected, known, iut, today_utc(), error);
    if (!error.empty()) return fail(kExitUsage, error);
    options.expectations = &expectations;
  }
  if (scenarios.empty()) return fail(kExitNothing, "no scenario was selected");
  return run_suite(scenarios, iut, options).exit_code;
}

int list(int argc, char** argv) {
  CLI::App app{
      "List scenarios (default), requirements, messages or features. With --iut, tells which scenarios apply and why "
      "others are off.",
      "list"};
  std::string what = "scenarios";
  std::string iut_path;
  app.add_option("what", what, "scenarios, requirements, messages or features")
      ->check(CLI::IsMember({"scenarios", "requirements", "messages", "features"}));
  app.add_option("--iut", iut_path, "IUT file");
  Selection selection;
  app.add_option("--select", selection.select, "only these scenarios, selected as `run` does (may be repeated)")
      ->allow_extra_args(false);
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  if (what == "requirements") {
    for (const Protocol* protocol : protocols()) {
      for (const Requirement& row : protocol->requirements) {
        std::printf("%-10s %-10s %-6s %-9s %-24s %s\n", row.id, std::string(to_string(row.level)).c_str(),
                    std::string(binds(row)).c_str(), std::string(to_string(row.scope)).c_str(),
                    source_text(*protocol, row).c_str(), row.text);
      }
    }
    return kExitOk;
  }
  if (what == "messages") {
    for (const Protocol* protocol : protocols()) {
      for (const MessageType& row : protocol->messages)
        std::printf("%-8s %-12s %s %-8s %s\n", protocol->name, row.name, protocol->document, row.section,
                    row.media_type);
    }
    return kExitOk;
  }
  if (what == "features") {
    for (const Protocol* protocol : protocols()) {
      for (const Feature& feature : protocol->features) {
        std::printf("%-20s %-8s %s%s\n", feature.name, feature.role != nullptr ? feature.role : "any", feature.about,
                    feature.fact != nullptr ? fmt::format(" [needs facts: {}]", feature.fact).c_str() : "");
      }
    }
    return kExitOk;
  }
  std::vector<std::string> errors;
  const std::vector<Scenario> scenarios = load_suite(selection, suite_roots(), errors);
  if (!errors.empty()) return tell(errors);
  IutFile iut;
  if (!iut_path.empty()) {
    std::string error;
    iut = load_iut(iut_path, error);
    if (!error.empty()) return fail(kExitUsage, error);
  }
  for (const Scenario& scenario : scenarios) {
    std::printf("%-44s %-8s %s\n%-44s   tests %s\n", scenario.id.c_str(), scenario.role.c_str(), scenario.title.c_str(),
                "", join_words(scenario.tests).c_str());
    const std::string off = iut_path.empty() ? "" : off_reason(scenario, iut, {});
    if (!off.empty()) std::printf("%-44s   off: %s\n", "", off.c_str());
  }
  return kExitOk;
}

int explain(int argc, char** argv) {
  CLI::App app{"Explain a requirement: what it says, whom it binds, how it is tested.", "explain"};
  std::vector<std::string> ids;
  app.add_option("id", ids, "requirement ids or prefixes: P-FIND-04, P-FIND")->required();
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  std::vector<std::string> errors;
  const std::vector<Scenario> scenarios = load_suite({}, suite_roots(), errors);
  std::vector<std::pair<const Protocol*, const Requirement*>> rows;
  for (std::string id : ids) {
    for (char& c : id) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    const std::size_t before = rows.size();
    for (const Protocol* protocol : protocols()) {
      for (const Requirement& row : protocol->requirements) {
        const std::string_view name = row.id;
        if (name == id || name.starts_with(id + "-")) rows.emplace_back(protocol, &row);
      }
    }
    if (rows.size() == before)
      return fail(kExitUsage, fmt::format("no requirement '{}'; `peerscope list requirements` shows all", id));
  }
  for (const auto& [protocol, row] : rows) {
    std::printf("%s  %s\n  %s\n  level: %s   binds: %s%s\n", row->id, source_text(*protocol, *row).c_str(), row->text,
                std::string(to_string(row->level)).c_str(),
                (binds(*row) == "any" ? "any party" : "the " + std::string(binds(*row))).c_str(),
                row->informational ? "   reported as information only" : "");
    if (row->check != nullptr)
      std::printf("  checked on every %s, live and in captures; shown in Wireshark as %s.finding == \"%s\"\n",
                  std::string(to_string(row->scope)).c_str(), protocol->name, row->id);
    if (row->reason != nullptr) std::printf("  not tested: %s\n", row->reason);
    for (const Scenario& scenario : scenarios) {
      if (std::find(scenario.tests.begin(), scenario.tests.end(), row->id) != scenario.tests.end())
        std::printf("  scenario %s: %s\n", scenario.id.c_str(), scenario.title.c_str());
    }
  }
  return kExitOk;
}

int lint(int argc, char** argv) {
  CLI::App app{
      "Check scenario files (or, with --iut, an IUT file) without running anything. Without files, checks the "
      "installed suites.",
      "lint"};
  std::vector<std::string> files;
  std::vector<std::string> iuts;
  app.add_option("file", files, "scenario files or folders");
  app.add_option("--iut", iuts, "IUT files");
  bool schema = false;
  app.add_flag("--schema", schema, "print a JSON Schema of scenario files, for editors, and check nothing");
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  if (schema) {
    std::printf("%s\n", scenario_schema().c_str());
    return kExitOk;
  }
  std::vector<std::string> errors;
  for (const std::string& path : iuts) {
    std::string error;
    (void)load_iut(path, error);
    if (!error.empty()) errors.push_back(error);
  }
  std::string error;
  const std::vector<std::string> paths = files.empty() && !iuts.empty()
                                             ? std::vector<std::string>{}
                                             : find_scenarios(files.empty() ? suite_roots() : files, error);
  if (!error.empty()) errors.push_back(error);
  for (const std::string& path : paths) {
    const ScenarioResult loaded = load_scenario(path);
    errors.insert(errors.end(), loaded.errors.begin(), loaded.errors.end());
  }
  if (!errors.empty()) return tell(errors);
  if (paths.empty() && iuts.empty()) return fail(kExitNothing, "no scenario file found");
  std::printf("%zu scenario files and %zu IUT files are well formed\n", paths.size(), iuts.size());
  return kExitOk;
}

}  // namespace peerscope::cli
