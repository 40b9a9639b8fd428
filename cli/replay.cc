// SPDX-License-Identifier: GPL-2.0-or-later
// peerscope replay CAPTURE --play ROLE --iut FILE
#include "harness/replay/replay.h"

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/options.h"
#include "harness/engine/runner.h"

namespace peerscope::cli {
int replay(int argc, char** argv) {
  using namespace harness;
  CLI::App app{
      "Play one party of a captured flow against a live implementation. Ids, addresses and times are rebound; answers "
      "are compared in the capture's terms.",
      "replay"};
  std::string capture_path;
  std::string keys;
  std::string play = "client";
  std::string iut_path;
  std::string out;
  std::string timing = "causal";
  ReplayOptions options;
  app.add_option("capture", capture_path, "pcap or pcapng file, or a flow of `peerscope record`")->required();
  app.add_option("--play", play, "the party that the harness plays: client (peer) or server (tracker)")
      ->check(CLI::IsMember({"client", "peer", "server", "tracker"}));
  app.add_option("--iut", iut_path, "IUT file of the other party (docs/iut-file.md)")->required();
  app.add_option("--keys", keys, "TLS key log file of the capture");
  app.add_option("--out", out, "folder for results.jsonl, junit.xml and the evidence (default: peerscope-run-replay)");
  app.add_option("--timing", timing, "causal: as fast as answers come; original: with the capture's pauses")
      ->check(CLI::IsMember({"causal", "original"}));
  app.add_option("--gap-max", options.gap_max, "longest pause of the capture that is kept, seconds");
  app.add_option("--time-scale", options.time_scale, "stretch all limits")->check(CLI::Range(0.1, 100.0));
  app.add_option("--within", options.answer_within, "seconds to wait for an answer (default 5)")
      ->check(CLI::Range(0.1, 600.0));
  app.add_option("--seed", options.seed, "seed of all fresh values");
  app.add_flag("--stop", options.stop_at_divergence, "stop at the first difference");
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  options.play_client = play == "client" || play == "peer";
  options.original_timing = timing == "original";
  std::string error;
  const IutFile file = load_iut(iut_path, error);
  if (!error.empty()) return fail(kExitUsage, error);
  if (file.serves() != options.play_client)
    return fail(kExitUsage,
                fmt::format("--play {} needs an IUT of the other role; that of {} is {}", play, iut_path, file.role));
  if (out.empty()) out = "peerscope-run-replay";
  if (error = make_directory(out); !error.empty()) return fail(kExitUsage, error);
  const CaptureResult capture = read_any(capture_path, keys, PEERSCOPE_VERSION);
  if (!capture.error.empty()) return fail(capture.harness_fault ? kExitHarness : kExitUsage, capture.error);
  if (!capture.warning.empty()) std::fprintf(stderr, "peerscope: %s\n", capture.warning.c_str());
  options.work_directory = out;
  options.evidence_path = out + "/replay.pcapng";
  std::unique_ptr<ResultsFile> results = ResultsFile::open(out + "/results.jsonl", error);
  if (!results) return fail(kExitUsage, error);
  results->header("replay", file.name + " " + file.version, PEERSCOPE_VERSION, rules_hash(), options.seed,
                  named_start(file));
  Iut iut(file, out);
  ReplayResult result;
  if (options.play_client) error = iut.start({});
  if (!error.empty()) {
    result.attempt.scenario = "replay";
    result.attempt.verdict = Verdict::kBlocked;
    result.attempt.reason = error;
  } else {
    result = harness::replay(capture.messages, iut, options);
  }
  iut.stop();
  result.attempt.permutation = capture_path;
  if (!capture.warning.empty() && result.attempt.verdict < Verdict::kInconclusive) {
    result.attempt.verdict = Verdict::kInconclusive;
    result.attempt.reason = capture.warning;
  }
  for (const std::string& warning : result.warnings) std::printf("warning: %s\n", printable(warning).c_str());
  for (const RuleHit& hit : result.attempt.hits) {
    if (hit.verdict >= Verdict::kWarn)
      std::printf("%s %s at the answer to captured %s: %s\n", std::string(to_string(hit.verdict)).c_str(), hit.rule->id,
                  printable(hit.where).c_str(), printable(hit.detail).c_str());
  }
  constexpr std::size_t kMostShown = 3;
  for (std::size_t i = 0; i < result.divergences.size(); ++i) {
    const Divergence& d = result.divergences[i];
    std::printf("%s frame %llu, answer to %s: %s\n", std::string(to_string(d.verdict)).c_str(),
                static_cast<unsigned long long>(d.frame), printable(d.summary).c_str(), printable(d.what).c_str());
    if (i >= kMostShown) continue;
    constexpr std::size_t kWidth = 56;
    std::printf("  %-*s %s\n%s", static_cast<int>(kWidth), "expected (capture)", "seen (live, in the capture's terms)",
                printable(side_by_side(d.expected, d.seen, kWidth)).c_str());
  }
  std::printf("replay: %zu of %zu messages played, %zu answers compared, %zu differ; verdict %s%s%s\n", result.played,
              result.playable, result.compared, result.divergences.size(),
              std::string(to_string(result.attempt.verdict)).c_str(), result.attempt.reason.empty() ? "" : ": ",
              result.attempt.reason.c_str());
  std::printf("evidence: %s\n", options.evidence_path.c_str());
  results->attempt(result.attempt);
  results->verdict(result.attempt, result.attempt.verdict, "");
  const int code = exit_code({result.attempt.verdict});
  results->footer(code);
  if (!results->error().empty()) return fail(kExitHarness, results->error());
  if (error = write_junit(out + "/junit.xml", file.name, {{result.attempt, result.attempt.verdict}}, {});
      !error.empty())
    return fail(kExitHarness, error);
  return code;
}

}  // namespace peerscope::cli
