// SPDX-License-Identifier: GPL-2.0-or-later
// peerscope check CAPTURE|FOLDER..., check --watch INTERFACE
//
// Messages are judged while tshark still reads the capture, and a finding is printed and written at once; of several
// captures at a time each is printed as a whole. What is kept is counts and the first findings of each rule, so a
// capture may be of any size.
#include "harness/check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "harness/capture/annotate.h"
#include "harness/capture/live.h"
#include "harness/engine/runner.h"
#include "protocols/base/json_index.h"
#include "protocols/base/source.h"

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
  bool quiet = false;
  std::size_t limit = 20;
  std::size_t jobs = 0;  // captures at a time
  std::string watch;     // interface
  std::string filter;
  double duration = 0;  // seconds to watch; 0: until Ctrl-C

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
    // Of many captures the first and the last name them.
    constexpr std::size_t kMostNamed = 8;
    if (options.captures.size() > kMostNamed)
      name_ = fmt::format("{} captures, {} to {}", options.captures.size(), options.captures.front(),
                          options.captures.back());
    else
      for (const std::string& path : options.captures) name_ += (name_.empty() ? "" : " ") + path;
    file_->header("check", name_, PEERSCOPE_VERSION, rules_hash(), 0);
    return {};
  }

  void finding(const std::string& capture, const RuleHit& hit) {
    const std::lock_guard lock(mutex_);
    totals_.add(hit);
    captures_of_[hit.rule].insert(std::hash<std::string>{}(capture));
    if (file_) file_->finding(capture, hit);
  }

  void capture(Attempt attempt) {
    const std::lock_guard lock(mutex_);
    ++outcomes_[attempt.verdict];
    if (!file_) return;
    file_->attempt(attempt);
    const Verdict verdict = attempt.verdict;
    cases_.push_back({std::move(attempt), verdict});
  }

  // All captures together, by rule.
  std::string summary() const {
    std::size_t all = 0;
    std::string outcomes;
    for (const auto& [verdict, count] : outcomes_) {
      all += count;
      outcomes += fmt::format(", {} {}", count, verdict == Verdict::kSkipped ? "without messages" : to_string(verdict));
    }
    std::string out = fmt::format("\n{}{}; {}\n", counted(all, "capture"), outcomes, totals_.text());
    for (const Verdict level : {Verdict::kFail, Verdict::kWarn, Verdict::kInfo}) {
      for (const auto& [rule, total] : totals_.rules()) {
        if (total.verdict != level) continue;
        out += fmt::format("  {:<5} {:<10} {:>4} x in {}  {}\n", to_string(level), rule->id, total.hits,
                           counted(captures_of_.at(rule).size(), "capture"), rule->text);
      }
    }
    return out;
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
  std::map<const Requirement*, std::set<std::size_t>> captures_of_;  // hashes of their names
  std::map<Verdict, std::size_t> outcomes_;
  std::mutex mutex_;
};

// For the line of progress.
struct Position {
  std::atomic<std::size_t> next = 0;  // capture to begin
  std::atomic<std::size_t> done = 0;
  std::atomic<std::size_t> messages = 0;
  std::atomic<std::size_t> findings = 0;
};

// One capture, from its first message to its verdict.
class CaptureCheck {
 public:
  CaptureCheck(const Options& options, const std::string& path, const CaptureReader& reader, Results& results,
               Progress& progress, Position& position)
      : options_(options), path_(path), reader_(reader), results_(results), progress_(progress), position_(position) {}

  int run() { return run(path_); }
  // `source`: what is read, where it has another name than the one for people.
  int run(const std::string& source) {
    const CaptureOutcome outcome = reader_.stream(
        source, [this](const CapturedMessage& captured, const Message* request) { judge(captured, request); });
    const auto hushed = progress_.hush();
    const int code = finish(outcome);
    std::fputs(text_.c_str(), stdout);
    if (options_.jobs > 1) std::fflush(stdout);
    return code;
  }

 private:
  int finish(const CaptureOutcome& outcome) {
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

  std::size_t messages() const { return checker_.requests() + checker_.responses(); }

  void judge(const CapturedMessage& captured, const Message* request) {
    const std::vector<RuleHit>& hits = checker_.judge(captured, request);
    ++position_.messages;
    const bool kept =
        std::any_of(hits.begin(), hits.end(), [&](const RuleHit& hit) { return totals_.hits(hit.rule) < kKept; });
    if (!options_.out.empty()) flow_.add(captured, request, kept);
    if (hits.empty()) return;
    position_.findings += hits.size();
    std::string lines;
    for (const RuleHit& hit : hits) {
      totals_.add(hit);
      if (totals_.hits(hit.rule) <= kKept) kept_.push_back(hit);
      results_.finding(path_, hit);
      if (!options_.annotate.empty()) comments_.add(hit);
      lines += options_.text() ? text_line(hit) : json_line(hit);
    }
    if (lines.empty() || options_.quiet) return;
    if (options_.text())
      lines = fmt::format("frame {}  {} -> {}  {}\n{}", captured.message->frame, captured.message->source,
                          captured.message->destination, hits.front().where, lines);
    // Lines of JSON name their capture, so they can stand between those of others.
    if (options_.jobs > 1 && options_.text()) {
      text_ += printable(lines);
      return;
    }
    const auto hushed = progress_.hush();
    std::fputs(printable(lines).c_str(), stdout);
    if (!options_.watch.empty()) std::fflush(stdout);
  }

  // Empty for a finding that is not shown.
  std::string text_line(const RuleHit& hit) {
    if (hit.verdict <= Verdict::kInfo && !options_.notes) return {};
    if (++shown_[hit.rule] > options_.limit) {
      ++hidden_;
      return {};
    }
    return fmt::format("    {:<5} {} [{}, {}]: {}\n", to_string(hit.verdict), hit.rule->id, to_string(hit.rule->level),
                       source_text_of(*hit.rule), hit.detail);
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

  void summarize(int code) {
    if (!options_.text()) {
      text_ +=
          fmt::format("{{\"type\":\"capture\",\"capture\":{},\"requests\":{},\"responses\":{},\"unanswered\":{}}}\n",
                      json_quote(path_), checker_.requests(), checker_.responses(), checker_.unanswered());
    } else if (!options_.quiet) {
      if (hidden_ > 0)
        text_ +=
            fmt::format("({} of the same rules not shown; --limit 0 shows all)\n", counted(hidden_, "further finding"));
      text_ += fmt::format("\n{}: {}, {}, {} without answer; {}\n", path_, counted(checker_.requests(), "request"),
                           counted(checker_.responses(), "response"), checker_.unanswered(), totals_.text());
      for (const Verdict level : {Verdict::kFail, Verdict::kWarn, Verdict::kInfo}) {
        for (const auto& [rule, total] : totals_.rules()) {
          if (total.verdict == level)
            text_ += fmt::format("  {:<5} {:<10} {:>4} x  {}\n", to_string(level), rule->id, total.hits, rule->text);
        }
      }
    }
    if (messages() == 0 && !options_.quiet) {
      std::fprintf(
          stderr,
          "peerscope: %s: no message of a known protocol in it. Encrypted? Give --keys FILE, or put the secrets into "
          "the capture (editcap --inject-secrets tls,FILE). On an unusual port? See docs/wireshark.md, Decode As.\n",
          path_.c_str());
    } else if (options_.text() && !options_.quiet) {
      text_ += fmt::format("verdict: {}\n", code == kExitFail           ? "fail"
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
    attempt.flow = flow_.finish();
    results_.capture(std::move(attempt));
  }

  int annotate(int code) {
    if (options_.annotate.empty() || messages() == 0) return code;
    if (std::string error = annotate_capture(path_, options_.annotate, comments_.by_frame()); !error.empty())
      return fail(kExitHarness, error);
    if (comments_.left_out() > 0)
      std::fprintf(stderr, "peerscope: %s: %s left out, there are too many\n", options_.annotate.c_str(),
                   counted(comments_.left_out(), "comment").c_str());
    if (options_.text()) text_ += fmt::format("annotated copy: {}\n", options_.annotate);
    return code;
  }

  const Options& options_;
  const std::string& path_;
  const CaptureReader& reader_;
  Results& results_;
  Progress& progress_;
  Position& position_;
  Checker checker_;
  Totals totals_;
  FindingComments comments_;
  static constexpr std::size_t kKept = 20;  // of each rule, for reports
  std::vector<RuleHit> kept_;
  FlowCollector flow_;
  std::map<const Requirement*, std::size_t> shown_;
  std::size_t hidden_ = 0;
  std::string text_;  // not printed yet
};

// Folders stand for the captures in them, at any depth.
std::string expand_folders(std::vector<std::string>& captures) {
  std::vector<std::string> out;
  for (const std::string& path : captures) {
    std::error_code code;
    if (!std::filesystem::is_directory(path, code)) {
      out.push_back(path);
      continue;
    }
    const std::size_t before = out.size();
    constexpr std::string_view kEndings[] = {".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcapng.gz"};
    for (std::filesystem::recursive_directory_iterator it(path, code), end; it != end && !code; it.increment(code)) {
      const std::string name = it->path().string();
      if (it->is_regular_file(code) && std::any_of(std::begin(kEndings), std::end(kEndings),
                                                   [&](std::string_view one) { return name.ends_with(one); }))
        out.push_back(name);
    }
    if (code) return fmt::format("{}: {}", path, code.message());
    if (out.size() == before) return fmt::format("{}: is a folder without captures (.pcap, .pcapng, .cap)", path);
    std::sort(out.begin() + static_cast<std::ptrdiff_t>(before), out.end());
  }
  captures = std::move(out);
  return {};
}

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

// Of several captures the worst outcome counts; one without messages does not hide the others.
int worse(int a, int b) {
  constexpr int kOrder[] = {kExitHarness, kExitUsage, kExitFail, kExitInconclusive, kExitOk, kExitNothing};
  const auto rank = [&](int code) {
    return std::find(std::begin(kOrder), std::end(kOrder), code) - std::begin(kOrder);
  };
  return rank(a) <= rank(b) ? a : b;
}

int check_all(const Options& options, Results& results) {
  const std::vector<std::string>& captures = options.captures;
  const CaptureReader reader(options.keys, PEERSCOPE_VERSION);
  Position position;
  std::atomic<int> worst_code = kExitNothing;
  {
    Progress progress([&] {
      const std::size_t at = std::min<std::size_t>(position.next, captures.size());
      const std::string of = captures.size() == 1 ? "" : fmt::format("[{}/{}] ", position.done.load(), captures.size());
      return fmt::format("{}{}: {}, {}", of,
                         std::filesystem::path(captures[std::max<std::size_t>(at, 1) - 1]).filename().string(),
                         counted(position.messages, "message"), counted(position.findings, "finding"));
    });
    const auto work = [&] {
      for (std::size_t i = position.next++; i < captures.size(); i = position.next++) {
        const int code = CaptureCheck(options, captures[i], reader, results, progress, position).run();
        int before = worst_code;
        while (!worst_code.compare_exchange_weak(before, worse(code, before))) continue;
        ++position.done;
      }
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < options.jobs; ++i) threads.emplace_back(work);
    work();
    for (std::thread& thread : threads) thread.join();
  }
  if (options.text() && captures.size() > 1) std::fputs(printable(results.summary()).c_str(), stdout);
  if (const std::string error = results.close(worst_code); !error.empty()) return fail(kExitHarness, error);
  return worst_code;
}

// Ctrl-C ends the watch with its summary.
std::atomic<bool> interrupted = false;

// An interface instead of captures: findings as they come.
int watch(const Options& options, Results& results) {
  // tshark writes what it exports at once (dissectors/epan/export_pdu.cc).
  setenv("PEERSCOPE_EXPORT_LIVE", "1", 1);
  const CaptureReader reader(options.keys, PEERSCOPE_VERSION);
  std::array<int, 2> packets{-1, -1};
  if (pipe2(packets.data(), O_CLOEXEC) != 0) return fail(kExitHarness, "cannot make a pipe");
  for (const int number : {SIGINT, SIGTERM}) std::signal(number, [](int) { interrupted = true; });
  const auto begin = std::chrono::steady_clock::now();
  const auto over = [&] {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return interrupted.load() || (options.duration > 0 && seconds >= options.duration);
  };
  PacketPipe pipe;
  if (const std::string error = pipe.start(options.watch, options.filter, packets[1], over); !error.empty()) {
    close(packets[0]);
    return fail(kExitUsage, error);
  }
  if (options.text()) {
    std::printf("watching %s; Ctrl-C ends it\n", options.watch.c_str());
    std::fflush(stdout);
  }
  Position position;
  int code = kExitNothing;
  {
    Progress progress([&] {
      return fmt::format("{}: {}, {}, {}", options.watch, counted(pipe.packets(), "packet"),
                         counted(position.messages, "message"), counted(position.findings, "finding"));
    });
    code = CaptureCheck(options, options.watch, reader, results, progress, position)
               .run(fmt::format("/proc/self/fd/{}", packets[0]));
  }
  close(packets[0]);
  pipe.stop();
  if (pipe.dropped() > 0)
    std::fprintf(stderr, "peerscope: %s: %s lost, they came faster than they were read\n", options.watch.c_str(),
                 counted(pipe.dropped(), "packet").c_str());
  if (const std::string error = results.close(code); !error.empty()) return fail(kExitHarness, error);
  return code;
}

}  // namespace

int check(int argc, char** argv) {
  CLI::App app{"Judge every message of a capture: which requirement it breaks, on which frame.", "check"};
  Options options;
  auto* captures =
      app.add_option("capture", options.captures, "pcap or pcapng files, also those of --trace, and folders of them");
  auto* live =
      app.add_option("--watch", options.watch, "watch this network interface until Ctrl-C")->excludes(captures);
  app.add_option("--filter", options.filter, "capture filter, with --watch")->needs(live);
  app.add_option("--duration", options.duration, "seconds to watch")->needs(live)->check(CLI::PositiveNumber);
  app.add_option("-j,--jobs", options.jobs, "captures at a time (default: one a processor)")->check(CLI::Range(1, 256));
  app.add_flag("-q,--quiet", options.quiet, "text: only the summary of all captures");
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
  if (options.captures.empty() && options.watch.empty())
    return fail(kExitUsage, "check: give it captures, or an interface to --watch");
  // What can be known to go wrong is told before the work.
  if (!options.watch.empty()) {
    if (!options.annotate.empty()) return fail(kExitUsage, "--annotate: there is no capture to copy");
    options.jobs = 1;
    options.captures = {options.watch};
    Results results;
    if (const std::string error = results.open(options); !error.empty()) return fail(kExitUsage, error);
    return watch(options, results);
  }
  if (const std::string error = expand_folders(options.captures); !error.empty()) return fail(kExitUsage, error);
  if (const std::string mistake = mistake_in(options); !mistake.empty()) return fail(kExitUsage, mistake);
  if (options.jobs == 0) options.jobs = std::max(1U, std::thread::hardware_concurrency());
  options.jobs = std::min(options.jobs, options.captures.size());
  Results results;
  if (const std::string error = results.open(options); !error.empty()) return fail(kExitUsage, error);
  return check_all(options, results);
}

}  // namespace peerscope::cli
