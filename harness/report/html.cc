// SPDX-License-Identifier: GPL-2.0-or-later
// The results page: one file that works from a folder without a server. The page itself is in harness/report/page; this
// puts the results into it.
#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "harness/report/json_object.h"
#include "harness/report/run_record.h"
#include "protocols/base/protocol.h"
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
                       .raw("frame", std::to_string(hit.frame))
                       .finish());
  }
  const std::filesystem::path evidence = one.evidence;
  const std::string link =
      evidence.empty() ? "" : evidence.lexically_proximate(std::filesystem::absolute(folder)).generic_string();
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
      .raw("seconds", fmt::format("{:.3f}", one.seconds))
      .finish();
}

std::string run_json(const RunRecord& run, const std::string& folder, std::set<std::string>& rules) {
  std::vector<std::string> cases;
  for (const RecordedCase& one : run.cases) cases.push_back(case_json(one, folder, rules));
  std::vector<std::string> requirements;
  for (const RecordedRequirement& row : run.requirements) {
    rules.insert(row.id);
    requirements.push_back(
        JsonObject().text("id", row.id).text("verdict", to_string(row.verdict)).text("example", row.example).finish());
  }
  return JsonObject()
      .text("path", run.path)
      .text("command", run.command)
      .text("iut", run.iut)
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
                    .text("document", protocol->document)
                    .text("section", row->section)
                    .text("binds", to_string(row->party))
                    .finish());
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

std::string to_html(const std::vector<RunRecord>& runs, const std::string& folder) {
  std::set<std::string> rules;
  std::vector<std::string> parts;
  for (const RunRecord& run : runs) parts.push_back(run_json(run, folder, rules));
  const std::string data = JsonObject().raw("runs", json_list(parts)).raw("rules", rules_json(rules)).finish();
  // The data last: it may hold anything.
  return filled(filled(filled(kReportPage, "@STYLE@", kReportStyle), "@SCRIPT@", kReportScript), "@DATA@",
                in_script(data));
}

}  // namespace peerscope::harness
