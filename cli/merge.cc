// SPDX-License-Identifier: GPL-2.0-or-later
// peerscope merge RESULTS... -o FOLDER
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "cli/commands.h"
#include "cli/options.h"
#include "harness/engine/runner.h"
#include "harness/report/run_record.h"

namespace peerscope::cli {

using namespace harness;

namespace {

namespace fs = std::filesystem;

// A folder stands for every results file in it.
std::vector<std::string> results_below(const std::vector<std::string>& paths) {
  std::vector<std::string> out;
  for (const std::string& path : paths) {
    std::error_code code;
    if (!fs::is_directory(path, code)) {
      out.push_back(path);
      continue;
    }
    const std::size_t before = out.size();
    for (fs::recursive_directory_iterator it(path, code), end; it != end && !code; it.increment(code)) {
      if (it->path().filename() == "results.jsonl") out.push_back(it->path().string());
    }
    std::sort(out.begin() + static_cast<std::ptrdiff_t>(before), out.end());
  }
  return out;
}

int write_page(const std::vector<MergedRun>& merged, const std::string& folder) {
  std::vector<RunRecord> runs;
  for (const MergedRun& one : merged) {
    std::string error;
    runs.push_back(read_run(one.path, error));
    if (!error.empty()) return fail(kExitHarness, error);
  }
  const std::string page = folder + "/report.html";
  std::ofstream file(page, std::ios::binary);
  file << to_html(runs, {.folder = fs::absolute(folder).string()});
  file.close();
  if (!file) return fail(kExitHarness, "cannot write " + page);
  std::printf("page: %s\n", page.c_str());
  return kExitOk;
}

}  // namespace

int merge(int argc, char** argv) {
  CLI::App app{
      "Merge results files of shards or machines: one per implementation, and a page of all. A run that was planned "
      "and "
      "that no file has is blocked, so lost shards never look green.",
      "merge"};
  std::vector<std::string> paths;
  std::string folder;
  app.add_option("results", paths, "results files, or folders with some at any depth")->required();
  app.add_option("-o,--out", folder, "folder for the merged results and report.html")->required();
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  const std::vector<std::string> files = results_below(paths);
  if (files.empty()) return fail(kExitUsage, "no results.jsonl there");
  std::string error;
  const std::vector<MergedRun> merged = merge_runs(files, folder, PEERSCOPE_VERSION, error);
  if (!error.empty()) return fail(kExitUsage, error);
  int code = kExitOk;
  for (const MergedRun& one : merged) {
    std::printf("%s: %zu runs, %zu missing; %s\n", printable(one.iut).c_str(), one.cases, one.missing.size(),
                one.path.c_str());
    for (const std::string& name : one.missing) std::printf("  missing: %s\n", printable(name).c_str());
    if (one.exit_code == kExitFail || code == kExitOk) code = one.exit_code;
  }
  if (const int page = write_page(merged, folder); page != kExitOk) return page;
  return code;
}

}  // namespace peerscope::cli
