// SPDX-License-Identifier: GPL-2.0-or-later
// The results page: one file that works from a folder without a server. The page itself is in harness/report/page; this
// puts the results into it.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "harness/report/json_object.h"
#include "harness/report/run_record.h"
#include "protocols/base/protocol.h"
#include "protocols/base/source.h"
#include "reference-impl/net/auth.h"
#include "report_page.h"  // generated from harness/report/page

namespace peerscope::harness {
namespace {

std::string case_json(const RecordedCase& one, const std::string& folder, std::set<std::string>& rules) {
  std::vector<std::string> tests;
  for (const std::string& id : one.tests) {
    tests.push_back(json_quote(id));
    rules.insert(id);
  }
  std::vector<std::string> hits;
  for (const RecordedHit& hit : one.hits) {
    rules.insert(hit.rule);
    hits.push_back(JsonObject()
                       .text("rule", hit.rule)
                       .text("verdict", to_string(hit.verdict))
                       .text("detail", hit.detail)
                       .text("where", hit.where)
                       .number("frame", hit.frame)
                       .number("offset", hit.offset)
                       .number("length", hit.length)
                       .raw("missing", hit.missing ? "true" : "false")
                       .finish());
  }
  const std::filesystem::path evidence = one.evidence;
  const std::string link =
      evidence.empty()
          ? ""
          : std::filesystem::absolute(evidence).lexically_proximate(std::filesystem::absolute(folder)).generic_string();
  return JsonObject()
      .text("name", one.name())
      .text("verdict", to_string(one.verdict))
      .text("reason", one.reason)
      .text("note", one.note)
      .text("expected", one.expected)
      .text("seen", one.seen)
      .raw("tests", json_list(tests))
      .raw("hits", json_list(hits))
      .text("evidence", one.evidence)
      .text("link", link)
      .text("step", one.step)
      .raw("flow", one.flow.empty() ? "[]" : one.flow)
      .raw("shown", one.shown.empty() ? "[]" : one.shown)
      .number("left_out", one.left_out)
      .raw("seconds", fmt::format("{:.3f}", one.seconds))
      .finish();
}

std::string run_json(const RunRecord& run, const std::string& folder, std::set<std::string>& rules) {
  std::vector<std::string> cases;
  for (const RecordedCase& one : run.cases) cases.push_back(case_json(one, folder, rules));
  std::vector<std::string> requirements;
  for (const RecordedRequirement& row : judged_requirements(run)) {
    rules.insert(row.id);
    requirements.push_back(
        JsonObject().text("id", row.id).text("verdict", to_string(row.verdict)).text("example", row.example).finish());
  }
  return JsonObject()
      .text("path", run.path)
      .text("command", run.command)
      .text("iut", run.iut)
      .text("started", run.started)
      .text("series", run.series)
      .text("id", run.id)
      .text("version", run.version)
      .text("rules", run.rules)
      .raw("ended", run.ended ? "true" : "false")
      .raw("exit", std::to_string(run.exit_code))
      .raw("cases", json_list(cases))
      .raw("requirements", json_list(requirements))
      .finish();
}

std::string rules_json(const std::set<std::string>& ids) {
  JsonObject out;
  for (const std::string& id : ids) {
    const Protocol* protocol = nullptr;
    const Requirement* row = find_requirement(id, &protocol);
    if (row == nullptr) continue;
    out.raw(id, JsonObject()
                    .text("text", row->text)
                    .text("level", to_string(row->level))
                    .text("document", source_of(*protocol, *row).document)
                    .text("section", source_of(*protocol, *row).section)
                    .text("binds", binds(*row))
                    .finish());
  }
  return out.finish();
}

std::string history_json(const Histories& histories) {
  JsonObject out;
  for (const auto& [series, runs] : histories) {
    std::vector<std::string> items;
    for (const PastRun& run : runs) {
      JsonObject verdicts;
      for (const auto& [rule, verdict] : run.verdicts) verdicts.text(rule, to_string(verdict));
      items.push_back(JsonObject()
                          .text("id", run.id)
                          .text("started", run.started)
                          .text("iut", run.iut)
                          .raw("verdicts", verdicts.finish())
                          .finish());
    }
    out.raw(series, json_list(items));
  }
  return out.finish();
}

// Captures of cases with findings, as far as a page should carry them.
std::string files_json(const std::vector<RunRecord>& runs) {
  constexpr std::uintmax_t kLargest = 1 << 20;
  constexpr std::uintmax_t kAll = 24 << 20;
  std::uintmax_t total = 0;
  std::set<std::string> known;
  JsonObject out;
  for (const RunRecord& run : runs) {
    for (const RecordedCase& one : run.cases) {
      const bool wanted = std::any_of(one.hits.begin(), one.hits.end(),
                                      [](const RecordedHit& hit) { return hit.verdict >= Verdict::kWarn; });
      std::error_code code;
      const std::uintmax_t size = wanted ? std::filesystem::file_size(one.evidence, code) : 0;
      if (!wanted || code || size > kLargest || total + size > kAll || !known.insert(one.evidence).second) continue;
      std::ifstream file(one.evidence, std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(file), {}};
      total += bytes.size();
      out.text(one.evidence, net::base64(bytes));
    }
  }
  return out.finish();
}

// Inside a script element only its own end tag and comments could be taken for markup (HTML section 13.2.5.4).
std::string in_script(std::string text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) out += c == '<' ? "\\u003c" : std::string(1, c);
  return out;
}

std::string filled(std::string_view page, std::string_view mark, std::string_view with) {
  const std::size_t at = page.find(mark);
  if (at == std::string_view::npos) return std::string(page);
  return std::string(page.substr(0, at)).append(with).append(page.substr(at + mark.size()));
}

}  // namespace

std::string to_html(const std::vector<RunRecord>& runs, const PageOptions& options) {
  std::set<std::string> rules;
  std::vector<std::string> parts;
  for (const RunRecord& run : runs) parts.push_back(run_json(run, options.folder, rules));
  for (const auto& [series, past] : options.history) {
    for (const PastRun& run : past) {
      for (const auto& [rule, verdict] : run.verdicts) rules.insert(rule);
    }
  }
  const std::string data = JsonObject()
                               .raw("runs", json_list(parts))
                               .raw("rules", rules_json(rules))
                               .raw("history", history_json(options.history))
                               .raw("files", options.embed ? files_json(runs) : "{}")
                               .finish();
  // The data last: it may hold anything.
  return filled(filled(filled(kReportPage, "@STYLE@", kReportStyle), "@SCRIPT@", kReportScript), "@DATA@",
                in_script(data));
}

}  // namespace peerscope::harness
