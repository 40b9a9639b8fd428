// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/report/run_record.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

namespace peerscope::harness {
namespace {

namespace dom = simdjson::dom;

std::string text_of(const dom::object& line, std::string_view key) {
  std::string_view text;
  return line[key].get(text) == simdjson::SUCCESS ? std::string(text) : std::string();
}

std::uint64_t number_of(const dom::object& line, std::string_view key) {
  std::uint64_t number = 0;
  return line[key].get(number) == simdjson::SUCCESS ? number : 0;
}

Verdict verdict_of(const dom::object& line) {
  std::string_view name;
  return line["verdict"].get(name) == simdjson::SUCCESS ? verdict_named(name) : Verdict::kNone;
}

bool is_set(const dom::object& line, std::string_view key) {
  bool set = false;
  return line[key].get(set) == simdjson::SUCCESS && set;
}

// A list as the file has it, without white space; "[]" when there is none.
std::string list_of(const dom::object& line, std::string_view key) {
  dom::array list;
  return line[key].get(list) == simdjson::SUCCESS ? std::string(simdjson::minify(list)) : "[]";
}

RecordedHit read_hit(const dom::object& from) {
  RecordedHit hit;
  hit.rule = text_of(from, "rule");
  hit.verdict = verdict_of(from);
  hit.level = text_of(from, "level");
  hit.section = text_of(from, "section");
  hit.detail = text_of(from, "detail");
  hit.where = text_of(from, "where");
  hit.frame = number_of(from, "frame");
  hit.offset = number_of(from, "offset");
  hit.length = number_of(from, "length");
  hit.missing = is_set(from, "missing");
  hit.listed = text_of(from, "type") == "listed";
  return hit;
}

class Reader {
 public:
  explicit Reader(const std::string& path) { run_.path = path; }

  // Why the line cannot be taken; empty when it was.
  std::string take(std::string_view text) {
    dom::element root;
    dom::object line;
    if (parser_.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS || root.get(line) != simdjson::SUCCESS)
      return "no JSON object";
    for (const char byte : text) content_ = (content_ ^ static_cast<unsigned char>(byte)) * 1099511628211U;  // FNV-1a
    const std::string type = text_of(line, "type");
    if (type == "run") {
      run_.command = text_of(line, "command");
      run_.iut = text_of(line, "iut");
      run_.version = text_of(line, "peerscope");
      run_.rules = text_of(line, "rules");
      run_.seed = number_of(line, "seed");
      run_.id = text_of(line, "id");
      run_.started = text_of(line, "started");
      run_.series = text_of(line, "series");
      if (run_.series.empty()) run_.series = run_.iut;
      known_ = true;
    } else if (!known_) {
      return "the first line of a results file has the type 'run'";
    } else if (type == "planned") {
      run_.planned.emplace_back(text_of(line, "scenario"), text_of(line, "params"));
    } else if (type == "attempt") {
      case_of(line).lines.emplace_back(text);
      return attempt(line);
    } else if (type == "verdict") {
      case_of(line).lines.emplace_back(text);
      return verdict(line);
    } else if (type == "requirement") {
      RecordedRequirement row;
      row.id = text_of(line, "id");
      row.verdict = verdict_of(line);
      row.level = text_of(line, "level");
      row.section = text_of(line, "section");
      row.text = text_of(line, "text");
      row.hits = number_of(line, "hits");
      row.example = text_of(line, "example");
      if (row.id.empty() || row.verdict == Verdict::kNone) return "a requirement without id or verdict";
      run_.requirements.push_back(std::move(row));
    } else if (type == "end") {
      run_.ended = true;
      run_.exit_code = static_cast<int>(number_of(line, "exit"));
    }
    return {};  // types of a later version tell nothing that this one could show
  }

  RunRecord finish() {
    if (run_.id.empty()) run_.id = fmt::format("{:016x}", content_);
    return std::move(run_);
  }
  bool known() const { return known_; }

 private:
  RecordedCase& case_of(const dom::object& line) {
    const std::string scenario = text_of(line, "scenario");
    const std::string params = text_of(line, "params");
    const auto [at, fresh] = cases_.try_emplace({scenario, params}, run_.cases.size());
    if (fresh) {
      run_.cases.emplace_back().scenario = scenario;
      run_.cases.back().params = params;
    }
    return run_.cases[at->second];
  }

  std::string attempt(const dom::object& line) {
    RecordedCase& one = case_of(line);
    if (one.scenario.empty()) return "an attempt without a scenario";
    ++one.attempts;
    one.verdict = verdict_of(line);
    if (one.verdict == Verdict::kNone && text_of(line, "verdict") != to_string(Verdict::kNone))
      return fmt::format("no verdict '{}'", text_of(line, "verdict"));
    one.seed = number_of(line, "seed");
    one.reason = text_of(line, "reason");
    one.step = text_of(line, "step");
    one.expected = text_of(line, "expected");
    one.seen = text_of(line, "seen");
    one.evidence = text_of(line, "evidence");
    one.flow = list_of(line, "flow");
    one.shown = list_of(line, "shown");
    one.left_out = number_of(line, "left_out");
    double seconds = 0;
    if (line["seconds"].get(seconds) == simdjson::SUCCESS) one.seconds = seconds;
    one.tests.clear();
    one.hits.clear();
    dom::array list;
    if (line["tests"].get(list) == simdjson::SUCCESS) {
      for (const dom::element item : list) {
        std::string_view id;
        if (item.get(id) == simdjson::SUCCESS) one.tests.emplace_back(id);
      }
    }
    if (line["hits"].get(list) == simdjson::SUCCESS) {
      for (const dom::element item : list) {
        dom::object hit;
        if (item.get(hit) == simdjson::SUCCESS) one.hits.push_back(read_hit(hit));
      }
    }
    return {};
  }

  std::string verdict(const dom::object& line) {
    RecordedCase& one = case_of(line);
    one.verdict = verdict_of(line);
    one.note = text_of(line, "note");
    one.decided = true;
    return one.verdict == Verdict::kNone ? fmt::format("no verdict '{}'", text_of(line, "verdict")) : std::string();
  }

  RunRecord run_;
  dom::parser parser_;
  std::map<std::pair<std::string, std::string>, std::size_t> cases_;
  bool known_ = false;
  std::uint64_t content_ = 14695981039346656037U;
};

}  // namespace

Verdict verdict_named(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(Verdict::kUnstable); ++i) {
    if (to_string(static_cast<Verdict>(i)) == name) return static_cast<Verdict>(i);
  }
  return Verdict::kNone;
}

std::string RecordedCase::name() const {
  return params.empty() ? scenario : fmt::format("{} [{}]", scenario, params);
}

namespace {
// Of two scenarios the one that judged tells more than the one that could not.
Verdict more_telling(Verdict a, Verdict b) {
  constexpr Verdict kOrder[] = {Verdict::kNone,     Verdict::kSkipped, Verdict::kNotApplicable, Verdict::kBlocked,
                                Verdict::kPass,     Verdict::kInfo,    Verdict::kWarn,          Verdict::kInconclusive,
                                Verdict::kUnstable, Verdict::kFail,    Verdict::kError};
  const auto rank = [&](Verdict one) { return std::find(std::begin(kOrder), std::end(kOrder), one); };
  return rank(a) > rank(b) ? a : b;
}
}  // namespace

std::vector<RecordedRequirement> judged_requirements(const RunRecord& run) {
  if (!run.requirements.empty()) return run.requirements;
  std::map<std::string, RecordedRequirement> rows;
  const auto add = [&](const std::string& id, Verdict verdict, const std::string& example) {
    RecordedRequirement& row = rows[id];
    row.id = id;
    if (row.example.empty()) row.example = example;
    row.verdict = more_telling(row.verdict, verdict);
  };
  for (const RecordedCase& one : run.cases) {
    std::set<std::string> hit;
    for (const RecordedHit& found : one.hits) {
      add(found.rule, found.verdict, found.detail);
      hit.insert(found.rule);
    }
    for (const std::string& id : one.tests) {
      if (!hit.contains(id)) add(id, one.verdict, one.reason);
    }
  }
  std::vector<RecordedRequirement> out;
  for (auto& [id, row] : rows) out.push_back(std::move(row));
  return out;
}

RunRecord read_run(const std::string& path, std::string& error) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    error = fmt::format("cannot read {}: {}", path, std::strerror(errno));
    return {};
  }
  Reader reader(path);
  std::string line;
  for (std::size_t number = 1; std::getline(in, line); ++number) {
    if (line.empty()) continue;
    const std::string why = reader.take(line);
    if (why.empty()) continue;
    if (in.eof() && reader.known()) break;  // the line that a killed run was writing
    error = fmt::format("{}:{}: {}", path, number, why);
    return {};
  }
  if (!reader.known()) error = fmt::format("{}: not a results file: it is empty", path);
  RunRecord run = reader.finish();
  // Paths are as the run was given them; where they lead nowhere from here the evidence is beside the results.
  namespace fs = std::filesystem;
  for (RecordedCase& one : run.cases) {
    std::error_code code;
    if (one.evidence.empty() || fs::exists(one.evidence, code)) continue;
    const fs::path beside = fs::path(path).parent_path() / "evidence" / fs::path(one.evidence).filename();
    if (fs::exists(beside, code)) one.evidence = beside.string();
  }
  return run;
}

}  // namespace peerscope::harness
