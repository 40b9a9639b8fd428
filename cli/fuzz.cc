// SPDX-License-Identifier: GPL-2.0-or-later
// peerscope fuzz [SCENARIO...] --iut FILE
#include "harness/fuzz/fuzz.h"

#include <fmt/format.h>

#include <atomic>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "harness/engine/runner.h"

namespace peerscope::cli {

using namespace harness;

int fuzz(int argc, char** argv) {
  CLI::App app{
      "Run scenarios with mutated messages against a server or node, and keep each input that makes it crash or hang "
      "as "
      "a scenario.\nSelect as `run` does; without a selection, all scenarios that apply and do not wait for timers.",
      "fuzz"};
  std::vector<std::string> selectors;
  std::string iut_path;
  FuzzOptions options;
  options.folder = "peerscope-fuzz";
  app.add_option("select", selectors, "scenarios, suites, requirements or .yaml files");
  app.add_option("--iut", iut_path, "IUT file of a server or node (docs/iut-file.md)")->required();
  app.add_option("-o,--out", options.folder, "folder for the scenarios and their evidence")->capture_default_str();
  app.add_option("--runs", options.most_runs, "most mutants")->check(CLI::Range(1, 100000000))->capture_default_str();
  app.add_option("--time", options.most_seconds, "most seconds")->check(CLI::Range(1.0, 1e7))->capture_default_str();
  app.add_option("--most", options.most_found, "finds that end it")->check(CLI::Range(1, 10000))->capture_default_str();
  app.add_option("--seed", options.seed, "seed of all choices: the same seed gives the same mutants")
      ->capture_default_str();
  app.add_option("--within", options.answer_within, "seconds to wait for an answer")
      ->check(CLI::Range(0.1, 600.0))
      ->capture_default_str();
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  std::string error;
  const IutFile file = load_iut(iut_path, error);
  if (!error.empty()) return fail(kExitUsage, error);
  if (!file.serves())
    return fail(kExitUsage,
                fmt::format("{} is a {}: only servers and nodes can be sent anything", iut_path, file.role));
  std::vector<std::string> errors;
  const std::vector<Scenario> scenarios = load_suite({.select = selectors, .leave_out = {}}, suite_roots(), errors);
  if (!errors.empty()) return fail(kExitUsage, errors.front());
  if (error = make_directory(options.folder); !error.empty()) return fail(kExitUsage, error);
  std::atomic<std::size_t> runs = 0;
  std::atomic<std::size_t> found = 0;
  options.progress = [&](std::size_t now, std::size_t finds) { runs = now, found = finds; };
  Iut iut(file, options.folder);
  FuzzResult result;
  {
    const Progress progress(
        [&] { return fmt::format("mutant {} of {}, {} found", runs.load(), options.most_runs, found.load()); });
    result = harness::fuzz(scenarios, iut, options);
  }
  iut.stop();
  for (const FuzzFind& find : result.found) {
    std::printf("%s: %s\n  %s\n  %s: run it with `peerscope run %s --iut %s`\n", find.kind.c_str(),
                printable(find.detail).c_str(), printable(find.mutation).c_str(), find.scenario.c_str(),
                find.scenario.c_str(), iut_path.c_str());
  }
  std::printf("%zu mutants, seed %llu: %zu found\n", result.runs, static_cast<unsigned long long>(options.seed),
              result.found.size());
  if (!result.error.empty()) return fail(result.runs == 0 ? kExitNothing : kExitInconclusive, result.error);
  return result.found.empty() ? kExitOk : kExitFail;
}

}  // namespace peerscope::cli
