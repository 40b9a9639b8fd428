// SPDX-License-Identifier: GPL-2.0-or-later
// peerscope check CAPTURE...
//
// Messages are judged while tshark still reads the capture, and a finding is printed and written at once. What is kept
// is counts and the first findings of each rule, so a capture may be of any size.
#include "harness/check.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
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

  bool text() const { return format == "text"; }
};

std::string counted(std::size_t n, std::string_view one) {
  return fmt::format("{} {}{}", n, one, n == 1 ? "" : "s");
}

// Findings by rule, in the order of the tables.
class Totals {
 public:
  struct Rule {
    Verdict verdict = Verdict::kNone;
    std::size_t hits = 0;
    std::string example;
  };

  void add(const RuleHit& hit) {
    Rule& total = rules_[hit.rule];
    total.verdict = worst(total.verdict, hit.verdict);
    ++total.hits;
    if (total.example.empty()) total.example = fmt::format("frame {}: {}", hit.frame, hit.detail);
    ++verdicts_[hit.verdict];
  }
  const std::map<const Requirement*, Rule>& rules() const { return rules_; }
  std::size_t hits(const Requirement* rule) const {
    const auto found = rules_.find(rule);
    return found == rules_.end() ? 0 : found->second.hits;
  }
  std::vector<Verdict> verdicts() const {
    std::vector<Verdict> out;
    for (const auto& [verdict, count] : verdicts_) out.push_back(verdict);
    return out;
  }
  // "2 fails, 1 warning, 1 note", "no finding"
  std::string text() const {
    std::string out;
    for (const auto& [verdict, name] :
         {std::pair{Verdict::kFail, "fail"}, {Verdict::kWarn, "warning"}, {Verdict::kInfo, "note"}}) {
      const auto found = verdicts_.find(verdict);
      if (found != verdicts_.end()) out += (out.empty() ? "" : ", ") + counted(found->second, name);
    }
    return out.empty() ? "no finding" : out;
  }

 private:
  std::map<const Requirement*, Rule> rules_;
  std::map<Verdict, std::size_t> verdicts_;
};

// results.jsonl and junit.xml of all captures of one call.
class Results {
 public:
  // What is wrong, for people; empty when the file is open or none is wanted.
  std::string open(const Options& options) {
    if (options.out.empty()) return {};
    folder_ = options.out;
    std::string error = make_directory(folder_);
    if (error.empty()) file_ = ResultsFile::open(folder_ + "/results.jsonl", error);
    if (!file_) return error;
    for (const std::string& path : options.captures) name_ += (name_.empty() ? "" : " ") + path;
    file_->header("check", name_, PEERSCOPE_VERSION, rules_hash(), 0);
    return {};
  }

  void finding(const std::string& capture, const RuleHit& hit) {
    totals_.add(hit);
    if (file_) file_->finding(capture, hit);
  }

  void capture(Attempt attempt) {
    if (!file_) return;
    file_->attempt(attempt);
    const Verdict verdict = attempt.verdict;
    cases_.push_back({std::move(attempt), verdict});
  }

  std::string close(int code) {
    if (!file_) return {};
    std::vector<RequirementResult> rows;
    for (const auto& [rule, total] : totals_.rules()) {
      rows.push_back({rule, total.verdict, total.hits, total.example});
      file_->requirement(*rule, total.verdict, total.hits, total.example);
    }
    file_->footer(code);
    if (!file_->error().empty()) return file_->error();
    return write_junit(folder_ + "/junit.xml", name_, cases_, rows);
  }

 private:
  std::string folder_;
  std::string name_;
  std::unique_ptr<ResultsFile> file_;
  std::vector<JunitCase> cases_;
  Totals totals_;
};

// For the line of progress.
struct Position {
  std::atomic<std::size_t> capture = 0;  // from 1
  std::atomic<std::size_t> messages = 0;
  std::atomic<std::size_t> findings = 0;
};

// One capture, from its first message to its verdict.
class CaptureCheck {
 public:
  CaptureCheck(const Options& options, const std::string& path, Results& results, Progress& progress,
               Position& position)
      : options_(options), path_(path), results_(results), progress_(progress), position_(position) {}

  int run() {
    const CaptureOutcome outcome =
        stream_capture(path_, options_.keys, PEERSCOPE_VERSION,
                       [this](const CapturedMessage& captured, const Message* request) { judge(captured, request); });
    const auto hushed = progress_.hush();
    if (!outcome.error.empty()) return failed(outcome);
    if (!outcome.warning.empty()) std::fprintf(stderr, "peerscope: %s\n", outcome.warning.c_str());
    if (!outcome.note.empty()) std::fprintf(stderr, "peerscope: %s\n", outcome.note.c_str());
    std::vector<Verdict> verdicts = totals_.verdicts();
    if (messages() > 0) verdicts.push_back(Verdict::kPass);
    if (!outcome.warning.empty()) verdicts.push_back(Verdict::kInconclusive);
    const int code = exit_code(verdicts);
    summarize(code);
    record(code == kExitFail           ? Verdict::kFail
           : code == kExitInconclusive ? Verdict::kInconclusive
           : code == kExitNothing      ? Verdict::kSkipped
                                       : Verdict::kPass,
           messages() == 0 ? "no message of a known protocol" : outcome.warning);
    return annotate(code);
  }

 private:
  std::size_t messages() const { return checker_.requests() + checker_.responses(); }

  void judge(const CapturedMessage& captured, const Message* request) {
    const std::vector<RuleHit>& hits = checker_.judge(captured, request);
    ++position_.messages;
    if (hits.empty()) return;
    position_.findings += hits.size();
    std::string lines;
    for (const RuleHit& hit : hits) {
      totals_.add(hit);
      constexpr std::size_t kKept = 20;  // of each rule, for JUnit
      if (totals_.hits(hit.rule) <= kKept) kept_.push_back(hit);
      results_.finding(path_, hit);
      if (!options_.annotate.empty()) comments_.add(hit, *captured.protocol);
      lines += options_.text() ? text_line(captured, hit) : json_line(hit);
    }
    if (!lines.empty()) {
      const auto hushed = progress_.hush();
      if (options_.text())
        std::printf("frame %llu  %s -> %s  %s\n", static_cast<unsigned long long>(captured.message->frame),
                    captured.message->source.c_str(), captured.message->destination.c_str(),
                    printable(hits.front().where).c_str());
      std::fputs(printable(lines).c_str(), stdout);
    }
  }

  // Empty for a finding that is not shown.
  std::string text_line(const CapturedMessage& captured, const RuleHit& hit) {
    if (hit.verdict <= Verdict::kInfo && !options_.notes) return {};
    if (++shown_[hit.rule] > options_.limit) {
      ++hidden_;
      return {};
    }
    return fmt::format("    {:<5} {} [{}, {} {}]: {}\n", to_string(hit.verdict), hit.rule->id,
                       to_string(hit.rule->level), captured.protocol->document, hit.rule->section, hit.detail);
  }

  std::string json_line(const RuleHit& hit) const {
    return fmt::format(
        "{{\"type\":\"finding\",\"capture\":{},\"frame\":{},\"rule\":{},\"verdict\":{},\"level\":{},\"section\":{},"
        "\"detail\":{},\"message\":{}}}\n",
        json_quote(path_), hit.frame, json_quote(hit.rule->id), json_quote(to_string(hit.verdict)),
        json_quote(to_string(hit.rule->level)), json_quote(hit.rule->section), json_quote(hit.detail),
        json_quote(hit.where));
  }

  int failed(const CaptureOutcome& outcome) {
    record(outcome.harness_fault ? Verdict::kError : Verdict::kBlocked, outcome.error);
    return fail(outcome.harness_fault ? kExitHarness : kExitUsage, outcome.error);
  }

  void summarize(int code) const {
    if (!options_.text()) {
      std::printf("{\"type\":\"capture\",\"capture\":%s,\"requests\":%zu,\"responses\":%zu,\"unanswered\":%zu}\n",
                  json_quote(path_).c_str(), checker_.requests(), checker_.responses(), checker_.unanswered());
    } else {
      if (hidden_ > 0)
        std::printf("(%s of the same rules not shown; --limit 0 shows all)\n",
                    counted(hidden_, "further finding").c_str());
      std::printf("\n%s: %s, %s, %zu without answer; %s\n", path_.c_str(),
                  counted(checker_.requests(), "request").c_str(), counted(checker_.responses(), "response").c_str(),
                  checker_.unanswered(), totals_.text().c_str());
      for (const Verdict level : {Verdict::kFail, Verdict::kWarn, Verdict::kInfo}) {
        for (const auto& [rule, total] : totals_.rules()) {
          if (total.verdict == level)
            std::printf("  %-5s %-10s %4zu x  %s\n", std::string(to_string(level)).c_str(), rule->id, total.hits,
                        rule->text);
        }
      }
    }
    if (messages() == 0) {
      std::fprintf(
          stderr,
          "peerscope: %s: no message of a known protocol in it. Encrypted? Give --keys FILE, or put the secrets into "
          "the capture (editcap --inject-secrets tls,FILE). On an unusual port? See docs/wireshark.md, Decode As.\n",
          path_.c_str());
    } else if (options_.text()) {
      std::printf("verdict: %s\n", code == kExitFail           ? "fail"
                                   : code == kExitInconclusive ? "inconclusive (the capture was read in part)"
                                                               : "pass");
    }
  }

  void record(Verdict verdict, const std::string& reason) {
    Attempt attempt;
    attempt.scenario = "check";
    attempt.permutation = path_;
    attempt.verdict = verdict;
    attempt.reason = reason.empty() ? totals_.text() : reason;
    attempt.evidence = path_;
    attempt.hits = std::move(kept_);
    results_.capture(std::move(attempt));
  }

  int annotate(int code) {
    if (options_.annotate.empty() || messages() == 0) return code;
    if (std::string error = annotate_capture(path_, options_.annotate, comments_.by_frame()); !error.empty())
      return fail(kExitHarness, error);
    if (comments_.left_out() > 0)
      std::fprintf(stderr, "peerscope: %s: %s left out, there are too many\n", options_.annotate.c_str(),
                   counted(comments_.left_out(), "comment").c_str());
    if (options_.text()) std::printf("annotated copy: %s\n", options_.annotate.c_str());
    return code;
  }

  const Options& options_;
  const std::string& path_;
  Results& results_;
  Progress& progress_;
  Position& position_;
  Checker checker_;
  Totals totals_;
  FindingComments comments_;
  std::vector<RuleHit> kept_;
  std::map<const Requirement*, std::size_t> shown_;
  std::size_t hidden_ = 0;
};

// Whether a file can be written, found out before an hour of work. One that exists keeps its content.
std::string unwritable(const std::string& path) {
  const bool existed = access(path.c_str(), F_OK) == 0;
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0) return fmt::format("cannot write {}: {}", path, std::strerror(errno));
  close(file);
  if (!existed) unlink(path.c_str());
  return {};
}

std::string mistake_in(const Options& options) {
  if (options.annotate.empty()) return {};
  if (options.captures.size() > 1) return "--annotate writes one copy: give it one capture";
  std::error_code code;
  if (std::filesystem::equivalent(options.captures.front(), options.annotate, code))
    return fmt::format("--annotate {}: that is the capture itself; name another file for the copy", options.annotate);
  return unwritable(options.annotate);
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
  app.add_option("--limit", options.limit, "findings shown per rule; 0 for all")
      ->check(CLI::Validator(
          [](const std::string& text) {
            constexpr std::size_t kMostDigits = 9;
            const bool number = !text.empty() && text.size() <= kMostDigits &&
                                text.find_first_not_of("0123456789") == std::string::npos;
            return number ? std::string() : fmt::format("is a number from 0 (all) to 999999999, not '{}'", text);
          },
          "COUNT"));
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  if (options.limit == 0) options.limit = static_cast<std::size_t>(-1);
  // What can be known to go wrong is told before the work.
  if (const std::string mistake = mistake_in(options); !mistake.empty()) return fail(kExitUsage, mistake);
  Results results;
  if (const std::string error = results.open(options); !error.empty()) return fail(kExitUsage, error);

  Position position;
  Progress progress([&] {
    const std::size_t at = position.capture;
    const std::string of = options.captures.size() == 1 ? "" : fmt::format("[{}/{}] ", at, options.captures.size());
    return fmt::format("{}{}: {}, {}", of,
                       std::filesystem::path(options.captures[std::max<std::size_t>(at, 1) - 1]).filename().string(),
                       counted(position.messages, "message"), counted(position.findings, "finding"));
  });
  int worst_code = kExitNothing;
  // Of several captures the worst outcome counts; one without messages does not hide the others.
  constexpr int kOrder[] = {kExitHarness, kExitUsage, kExitFail, kExitInconclusive, kExitOk, kExitNothing};
  const auto rank = [&](int code) {
    return std::find(std::begin(kOrder), std::end(kOrder), code) - std::begin(kOrder);
  };
  for (const std::string& path : options.captures) {
    ++position.capture;
    position.messages = 0;
    position.findings = 0;
    const int code = CaptureCheck(options, path, results, progress, position).run();
    if (rank(code) < rank(worst_code)) worst_code = code;
  }
  if (const std::string error = results.close(worst_code); !error.empty()) return fail(kExitHarness, error);
  return worst_code;
}

}  // namespace peerscope::cli
