// SPDX-License-Identifier: GPL-2.0-or-later
// peerscope minimize CAPTURE --iut FILE -o FOLDER
#include "harness/replay/minimize.h"

#include <fmt/format.h>

#include <atomic>
#include <fstream>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "harness/capture/flow.h"
#include "harness/engine/runner.h"
#include "harness/replay/record.h"

namespace peerscope::cli {
namespace {

using namespace harness;

struct Output {
  std::string folder;
  std::string flow() const { return folder + "/flow.pcapng"; }
  std::string scenario() const { return folder + "/scenario.yaml"; }
  std::string evidence() const { return folder + "/evidence.pcapng"; }
};

void tell(const MinimizeResult& result) {
  std::printf("%zu of %zu messages still show %s: %s\n", result.messages.size(), result.before, result.what.c_str(),
              printable(result.detail).c_str());
  for (const CapturedMessage& captured : result.messages) {
    std::printf("  frame %-5llu %s %s\n", static_cast<unsigned long long>(captured.message->frame),
                captured.message->direction == Direction::kRequest ? "->" : "<-",
                printable(captured.protocol->summary(*captured.message, nullptr)).c_str());
  }
  std::printf("%zu replays%s%s\n", result.runs,
              result.members > 0 ? fmt::format(", {} members left out", result.members).c_str() : "",
              result.complete ? "" : "; a limit ended it, so some of these may not be needed");
}

int write_down(const MinimizeResult& result, const Output& out, const IutFile& iut) {
  if (const std::string error = write_flow(out.flow(), result.messages, "what still shows " + result.what);
      !error.empty())
    return fail(kExitHarness, error);
  std::printf("%s: play it with `peerscope replay %s --iut %s`\n", out.flow().c_str(), out.flow().c_str(),
              iut.path.c_str());
  RecordOptions record;
  record.id = "minimized";
  record.origin = result.what;
  record.rule = find_requirement(result.what);
  const RecordedScenario scenario = record_scenario(result.messages, record);
  if (!scenario.error.empty()) {
    std::printf("no scenario: %s\n", scenario.error.c_str());
    return kExitOk;
  }
  std::ofstream file(out.scenario(), std::ios::binary | std::ios::trunc);
  file << scenario.text;
  file.close();
  if (!file) return fail(kExitHarness, "cannot write " + out.scenario());
  std::printf("%s: run it with `peerscope run %s --iut %s`\n", out.scenario().c_str(), out.scenario().c_str(),
              iut.path.c_str());
  return kExitOk;
}

}  // namespace

int minimize(int argc, char** argv) {
  CLI::App app{
      "Find the fewest messages of a failing flow that still make a live implementation break the same requirement. "
      "Each try is a replay against a fresh start.",
      "minimize"};
  std::string capture_path;
  std::string keys;
  std::string iut_path;
  Output out;
  MinimizeOptions options;
  bool whole_messages = false;
  options.replay.answer_within = 2;
  app.add_option("capture", capture_path, "pcap or pcapng file, or a flow of `peerscope record`")->required();
  app.add_option("--iut", iut_path, "IUT file of a server or node (docs/iut-file.md)")->required();
  app.add_option("-o,--out", out.folder, "folder for flow.pcapng, scenario.yaml and the evidence")->required();
  app.add_option("--rule", options.requirement, "the requirement to look for (default: the first that is broken)");
  app.add_option("--keys", keys, "TLS key log file of the capture");
  app.add_option("--runs", options.most_runs, "most replays (default 500)")->check(CLI::Range(1, 100000));
  app.add_option("--time", options.most_seconds, "most seconds (default 600)")->check(CLI::Range(1.0, 1e6));
  app.add_option("--within", options.replay.answer_within, "seconds to wait for an answer (default 2)")
      ->check(CLI::Range(0.1, 600.0));
  app.add_option("--time-scale", options.replay.time_scale, "stretch all limits")->check(CLI::Range(0.1, 100.0));
  app.add_option("--seed", options.replay.seed, "seed of all fresh values");
  app.add_flag("--whole-messages", whole_messages, "leave out messages only, no members of them");
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  options.members = !whole_messages;
  if (!options.requirement.empty() && find_requirement(options.requirement) == nullptr)
    return fail(kExitUsage,
                fmt::format("no requirement '{}'; `peerscope list requirements` shows all", options.requirement));
  std::string error;
  const IutFile file = load_iut(iut_path, error);
  if (!error.empty()) return fail(kExitUsage, error);
  if (!file.serves())
    return fail(kExitUsage, fmt::format("{} is a {}: flows are minimized against servers and nodes, which can be asked "
                                        "anything in any order",
                                        iut_path, file.role));
  if (error = make_directory(out.folder); !error.empty()) return fail(kExitUsage, error);
  const CaptureResult capture = read_any(capture_path, keys, PEERSCOPE_VERSION);
  if (!capture.error.empty()) return fail(capture.harness_fault ? kExitHarness : kExitUsage, capture.error);
  if (capture.messages.empty())
    return fail(kExitNothing, fmt::format("{}: no message of a known protocol in it", capture_path));
  options.replay.work_directory = out.folder;
  options.replay.evidence_path = out.evidence();
  std::atomic<std::size_t> runs = 0;
  std::atomic<std::size_t> left = 0;
  std::atomic<std::size_t> of = 0;
  options.progress = [&](std::size_t now, std::size_t requests, std::size_t all) {
    runs = now, left = requests, of = all;
  };
  Iut iut(file, out.folder);
  MinimizeResult result;
  {
    const Progress progress([&] {
      return fmt::format("replay {} of at most {}: {} of {} requests left", runs.load(), options.most_runs, left.load(),
                         of.load());
    });
    result = harness::minimize(capture.messages, iut, options);
  }
  iut.stop();
  if (!result.error.empty())
    return fail(result.what.empty() || result.runs == 1 ? kExitNothing : kExitInconclusive, result.error);
  tell(result);
  if (const int code = write_down(result, out, file); code != kExitOk) return code;
  return kExitFail;
}

}  // namespace peerscope::cli
