// SPDX-License-Identifier: GPL-2.0-or-later
// peerscope report: results files in the forms that others read.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cli/commands.h"
#include "cli/options.h"
#include "harness/report/history.h"
#include "harness/report/run_record.h"

namespace peerscope::cli {

using namespace harness;

namespace {

// A folder stands for the results file in it.
std::string results_in(const std::string& path) {
  return std::filesystem::is_directory(path) ? (std::filesystem::path(path) / "results.jsonl").string() : path;
}

std::string render(const std::vector<RunRecord>& runs, const std::string& format, const std::string& out,
                   PageOptions page) {
  if (format == "sarif") return to_sarif(runs);
  if (format == "html") {
    page.folder = std::filesystem::absolute(out).parent_path().string();
    return to_html(runs, page);
  }
  return format == "tap" ? to_tap(runs.front()) : to_junit(runs.front());
}

// Captures that a page should carry, and that are not where the results say.
std::vector<std::string> missing_captures(const std::vector<RunRecord>& runs) {
  std::vector<std::string> missing;
  for (const RunRecord& run : runs) {
    for (const RecordedCase& one : run.cases) {
      const bool wanted = std::any_of(one.hits.begin(), one.hits.end(),
                                      [](const RecordedHit& hit) { return hit.verdict >= Verdict::kWarn; });
      std::error_code code;
      if (wanted && !one.evidence.empty() && !std::filesystem::exists(one.evidence, code))
        missing.push_back(one.evidence);
    }
  }
  return missing;
}

}  // namespace

int report(int argc, char** argv) {
  CLI::App app{
      "Render results files (results.jsonl of run, replay or check; or the folders that hold them).\n"
      "html: one page that works without a server, several runs side by side. sarif: for code-hosting sites, several "
      "runs. tap, junit: for CI, one run.",
      "report"};
  std::vector<std::string> paths;
  std::string format = "html";
  std::string out;
  app.add_option("results", paths, "results files or their folders")->required();
  app.add_option("--format", format, "html, sarif, tap or junit")
      ->check(CLI::IsMember({"html", "sarif", "tap", "junit"}))
      ->capture_default_str();
  app.add_option("--out", out, "file to write (default: standard output; html: peerscope-report.html)");
  std::string history;
  std::size_t last = 20;
  PageOptions page;
  app.add_option(
      "--history", history,
      "database file: the runs are added to it, each once, and the page shows the last verdicts of each cell");
  app.add_option("--last", last, "how many runs of a history the page shows")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag("--embed", page.embed,
               "html: put the captures with findings into the page (up to 1 MiB each, 24 MiB all)");
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  if (paths.size() > 1 && (format == "tap" || format == "junit"))
    return fail(kExitUsage, fmt::format("{} holds one run; give one results file", format));
  if (format != "html" && (page.embed || !history.empty()))
    return fail(kExitUsage, fmt::format("{} is for --format html", page.embed ? "--embed" : "--history"));
  std::vector<RunRecord> runs;
  for (const std::string& path : paths) {
    std::string error;
    runs.push_back(read_run(results_in(path), error));
    if (!error.empty()) return fail(kExitUsage, error);
  }
  if (!history.empty()) {
    std::string error;
    page.history = remember(history, runs, last, error);
    if (!error.empty()) return fail(kExitUsage, error);
  }
  if (out.empty() && format == "html") out = "peerscope-report.html";
  const std::vector<std::string> missing = page.embed ? missing_captures(runs) : std::vector<std::string>();
  if (!missing.empty())
    std::fprintf(stderr, "peerscope report: %zu captures are not there and cannot go into the page, the first: %s\n",
                 missing.size(), missing.front().c_str());
  const std::string text = render(runs, format, out, std::move(page));
  if (out.empty()) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return std::fflush(stdout) == 0 ? kExitOk : fail(kExitHarness, "cannot write to standard output");
  }
  std::ofstream file(out, std::ios::binary);
  file << text;
  file.close();
  if (!file) return fail(kExitHarness, fmt::format("cannot write {}: {}", out, std::strerror(errno)));
  std::printf("%s written: %zu run%s\n", out.c_str(), runs.size(), runs.size() == 1 ? "" : "s");
  return kExitOk;
}

}  // namespace peerscope::cli
