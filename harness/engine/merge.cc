// SPDX-License-Identifier: GPL-2.0-or-later
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "harness/engine/runner.h"
#include "harness/report/run_record.h"

namespace peerscope::harness {
namespace {

using Key = std::pair<std::string, std::string>;  // scenario, params

std::string folder_name(std::string_view iut) {
  std::string out;
  for (const char c : iut) out += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' ? c : '-';
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out.empty() ? "iut" : out;
}

// All that is known of one implementation.
class Merger {
 public:
  explicit Merger(const RunRecord& first) : first_(first) {}

  void add(const RunRecord& run) {
    parts_.insert(run.id);
    for (const Key& key : run.planned) planned_.insert(key);
    for (const RecordedCase& one : run.cases) {
      // What a killed run had begun tells nothing.
      if (!one.decided && !run.planned.empty()) continue;
      const auto [at, fresh] = cases_.try_emplace({one.scenario, one.params}, &one);
      if (!fresh && one.verdict > at->second->verdict) at->second = &one;
    }
    for (const RecordedRequirement& row : run.requirements) {
      const auto [at, fresh] = requirements_.try_emplace(row.id, row);
      RecordedRequirement& merged = at->second;
      if (!fresh) merged.hits += row.hits;
      if (row.verdict > merged.verdict) {
        merged.verdict = row.verdict;
        merged.example = row.example;
      }
    }
  }

  MergedRun write(const std::string& folder, const std::string& version, std::string& error) {
    MergedRun out;
    out.iut = first_.iut;
    out.path = fmt::format("{}/{}/results.jsonl", folder, folder_name(first_.iut));
    error = make_directory(fmt::format("{}/{}", folder, folder_name(first_.iut)));
    const std::unique_ptr<ResultsFile> file = error.empty() ? ResultsFile::open(out.path, error) : nullptr;
    if (!file) return out;
    file->header("merge", first_.iut, version, first_.rules, first_.seed,
                 {fmt::format("{}", fmt::join(parts_, "+")), first_.started, first_.series});
    std::vector<Verdict> verdicts;
    for (const Key& key : planned_) file->planned(key.first, key.second);
    for (const auto& [key, one] : cases_) {
      for (const std::string& line : one->lines) file->copy(line);
      verdicts.push_back(one->verdict);
    }
    out.cases = cases_.size();
    for (const Key& key : planned_) {
      if (cases_.contains(key)) continue;
      Attempt attempt;
      attempt.scenario = key.first;
      attempt.permutation = key.second;
      attempt.verdict = Verdict::kBlocked;
      attempt.reason = "it was planned, and no results file has it";
      file->verdict(attempt, attempt.verdict, attempt.reason);
      verdicts.push_back(attempt.verdict);
      out.missing.push_back(key.second.empty() ? key.first : fmt::format("{} [{}]", key.first, key.second));
    }
    for (const auto& [id, row] : requirements_) {
      verdicts.push_back(row.verdict);
      // One that this version does not know any more has no text to show.
      if (const Requirement* known = find_requirement(id); known != nullptr)
        file->requirement(*known, row.verdict, row.hits, row.example);
    }
    out.exit_code = exit_code(verdicts);
    file->footer(out.exit_code);
    error = file->error();
    return out;
  }

 private:
  const RunRecord& first_;
  std::set<std::string> parts_;  // ids of the runs
  std::set<Key> planned_;
  std::map<Key, const RecordedCase*> cases_;
  std::map<std::string, RecordedRequirement> requirements_;
};

}  // namespace

std::vector<MergedRun> merge_runs(const std::vector<std::string>& paths, const std::string& folder,
                                  const std::string& version, std::string& error) {
  std::vector<RunRecord> runs;
  for (const std::string& path : paths) {
    runs.push_back(read_run(path, error));
    if (!error.empty()) return {};
  }
  std::map<std::string, Merger> by_iut;
  std::map<std::string, const RunRecord*> first;
  for (const RunRecord& run : runs) {
    const RunRecord* before = first.try_emplace(run.iut, &run).first->second;
    if (before->rules != run.rules) {
      error =
          fmt::format("{} and {} were judged by different rules; run both with one version", before->path, run.path);
      return {};
    }
    by_iut.try_emplace(run.iut, *before).first->second.add(run);
  }
  std::vector<MergedRun> out;
  for (auto& [iut, merger] : by_iut) {
    out.push_back(merger.write(folder, version, error));
    if (!error.empty()) return {};
  }
  return out;
}

}  // namespace peerscope::harness
