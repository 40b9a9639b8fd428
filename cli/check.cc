// SPDX-License-Identifier: GPL-2.0-or-later
// peerscope check CAPTURE...
#include "harness/check.h"

#include <fmt/format.h>

#include <map>

#include "cli/commands.h"
#include "cli/options.h"
#include "harness/capture/annotate.h"
#include "harness/engine/runner.h"
#include "protocols/base/json_index.h"

namespace peerscope::cli {
namespace {

using namespace harness;

struct Options {
  std::vector<std::string> captures;
  std::string keys;
  std::string format = "text";
  std::string out;
  std::string annotate;
  bool notes = false;
  std::size_t limit = 20;
};

struct RuleTotal {
  Verdict verdict = Verdict::kNone;
  std::size_t hits = 0;
  std::string example;
};

void print_text(const Options& options, const std::string& path, const std::vector<CapturedMessage>& messages,
                const CheckResult& result, const std::map<const Requirement*, RuleTotal>& totals) {
  std::map<const Requirement*, std::size_t> shown;
  std::size_t hidden = 0;
  for (const MessageFindings& row : result.messages) {
    const CapturedMessage& captured = messages[row.message];
    std::string lines;
    for (const RuleHit& hit : row.hits) {
      if (hit.verdict <= Verdict::kInfo && !options.notes) continue;
      if (++shown[hit.rule] > options.limit) {
        ++hidden;
        continue;
      }
      lines += fmt::format("    {:<5} {} [{}, {} {}]: {}\n", to_string(hit.verdict), hit.rule->id,
                           to_string(hit.rule->level), captured.protocol->document, hit.rule->section, hit.detail);
    }
    if (lines.empty()) continue;
    std::printf("frame %llu  %s -> %s  %s\n%s", static_cast<unsigned long long>(captured.message->frame),
                captured.message->source.c_str(), captured.message->destination.c_str(), row.hits.front().where.c_str(),
                lines.c_str());
  }
  if (hidden > 0) std::printf("(%zu further findings of the same rules not shown; --limit 0 shows all)\n", hidden);
  std::printf("\n%s: %zu requests, %zu responses, %zu without answer\n", path.c_str(), result.requests,
              result.responses, result.unanswered);
  for (const Verdict level : {Verdict::kFail, Verdict::kWarn, Verdict::kInfo}) {
    for (const auto& [rule, total] : totals) {
      if (total.verdict == level)
        std::printf("  %-5s %-10s %4zu x  %s\n", std::string(to_string(level)).c_str(), rule->id, total.hits,
                    rule->text);
    }
  }
}

void print_json(const std::string& path, const std::vector<CapturedMessage>& messages, const CheckResult& result) {
  for (const MessageFindings& row : result.messages) {
    for (const RuleHit& hit : row.hits) {
      std::printf(
          "{\"type\":\"finding\",\"capture\":%s,\"frame\":%llu,\"rule\":%s,\"verdict\":%s,\"level\":%s,\"section\":%s,"
          "\"detail\":%s,\"message\":%s}\n",
          json_quote(path).c_str(), static_cast<unsigned long long>(messages[row.message].message->frame),
          json_quote(hit.rule->id).c_str(), json_quote(to_string(hit.verdict)).c_str(),
          json_quote(to_string(hit.rule->level)).c_str(), json_quote(hit.rule->section).c_str(),
          json_quote(hit.detail).c_str(), json_quote(hit.where).c_str());
    }
  }
  std::printf("{\"type\":\"capture\",\"capture\":%s,\"requests\":%zu,\"responses\":%zu,\"unanswered\":%zu}\n",
              json_quote(path).c_str(), result.requests, result.responses, result.unanswered);
}

int check_one(const Options& options, const std::string& path) {
  CaptureResult capture = read_capture(path, options.keys, PEERSCOPE_VERSION);
  if (!capture.error.empty()) return fail(capture.harness_fault ? kExitHarness : kExitUsage, capture.error);
  if (!capture.warning.empty()) std::fprintf(stderr, "peerscope: %s\n", capture.warning.c_str());
  const CheckResult result = check_messages(capture.messages);
  std::map<const Requirement*, RuleTotal> totals;
  std::vector<Verdict> verdicts;
  for (const MessageFindings& row : result.messages) {
    for (const RuleHit& hit : row.hits) {
      RuleTotal& total = totals[hit.rule];
      total.verdict = worst(total.verdict, hit.verdict);
      ++total.hits;
      if (total.example.empty()) total.example = fmt::format("frame {}: {}", hit.frame, hit.detail);
      verdicts.push_back(hit.verdict);
    }
  }
  if (!capture.messages.empty()) verdicts.push_back(Verdict::kPass);
  if (!capture.warning.empty()) verdicts.push_back(Verdict::kInconclusive);
  const int code = exit_code(verdicts);
  if (options.format == "json")
    print_json(path, capture.messages, result);
  else
    print_text(options, path, capture.messages, result, totals);
  if (capture.messages.empty()) {
    std::fprintf(
        stderr,
        "peerscope: %s: no message of a known protocol in it. Encrypted? Give --keys FILE, or put the secrets into the "
        "capture (editcap --inject-secrets tls,FILE). On an unusual port? See docs/wireshark.md, Decode As.\n",
        path.c_str());
  } else if (options.format != "json") {
    std::printf("%s\n", code == kExitFail           ? "verdict: fail"
                        : code == kExitInconclusive ? "verdict: inconclusive (the capture was read in part)"
                                                    : "verdict: pass");
  }
  if (!options.annotate.empty() && !capture.messages.empty()) {
    if (std::string error = annotate_capture(path, options.annotate, capture.messages, result); !error.empty())
      return fail(kExitHarness, error);
    if (options.format != "json") std::printf("annotated copy: %s\n", options.annotate.c_str());
  }
  if (!options.out.empty()) {
    std::string error = make_directory(options.out);
    std::unique_ptr<ResultsFile> results =
        error.empty() ? ResultsFile::open(options.out + "/results.jsonl", error) : nullptr;
    if (!results) return fail(kExitUsage, error);
    Attempt attempt;
    attempt.scenario = "check";
    attempt.permutation = path;
    attempt.verdict = code == kExitFail           ? Verdict::kFail
                      : code == kExitInconclusive ? Verdict::kInconclusive
                                                  : Verdict::kPass;
    attempt.evidence = path;
    for (const MessageFindings& row : result.messages)
      attempt.hits.insert(attempt.hits.end(), row.hits.begin(), row.hits.end());
    results->header("check", path, PEERSCOPE_VERSION, rules_hash(), 0);
    results->attempt(attempt);
    std::vector<RequirementResult> rows;
    for (const auto& [rule, total] : totals) {
      rows.push_back({rule, total.verdict, total.hits, total.example});
      results->requirement(*rule, total.verdict, total.hits, total.example);
    }
    results->footer(code);
    if (!results->error().empty()) return fail(kExitHarness, results->error());
    if (std::string junit = write_junit(options.out + "/junit.xml", path, {{attempt, attempt.verdict}}, rows);
        !junit.empty())
      return fail(kExitHarness, junit);
  }
  return code;
}

}  // namespace

int check(int argc, char** argv) {
  CLI::App app{"Judge every message of a capture: which requirement it breaks, on which frame.", "check"};
  Options options;
  app.add_option("capture", options.captures, "pcap or pcapng files; also those of --trace")->required();
  app.add_option("--keys", options.keys, "TLS key log file, when the capture holds no secrets");
  app.add_option("--format", options.format, "text or json (lines)")->check(CLI::IsMember({"text", "json"}));
  app.add_option("--out", options.out, "folder for results.jsonl and junit.xml");
  app.add_option("--annotate", options.annotate, "write a copy of the capture with a packet comment on each finding");
  app.add_flag("--notes", options.notes, "show notes (lenient forms, observations) on their frames too");
  app.add_option("--limit", options.limit, "findings shown per rule; 0 for all");
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  if (options.limit == 0) options.limit = static_cast<std::size_t>(-1);
  int worst_code = kExitNothing;
  // Of several captures the worst outcome counts; one without messages does not hide the others.
  constexpr int kOrder[] = {kExitHarness, kExitUsage, kExitFail, kExitInconclusive, kExitOk, kExitNothing};
  const auto rank = [&](int code) {
    return std::find(std::begin(kOrder), std::end(kOrder), code) - std::begin(kOrder);
  };
  for (const std::string& path : options.captures) {
    const int code = check_one(options, path);
    if (rank(code) < rank(worst_code)) worst_code = code;
  }
  return worst_code;
}

}  // namespace peerscope::cli
