// SPDX-License-Identifier: GPL-2.0-or-later
// SARIF 2.1.0: a rule a requirement, a result a finding, its place the evidence file and the frame in it. What was met
// is a result of kind "pass", so that the file says what was judged at all.
#include <fmt/format.h>

#include <map>
#include <set>

#include "harness/report/json_object.h"
#include "harness/report/run_record.h"
#include "protocols/base/protocol.h"
#include "protocols/base/source.h"

namespace peerscope::harness {
namespace {

// SARIF's own words (section 3.27.9 and 3.27.10).
const char* kind_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "pass";
    case Verdict::kInfo:
      return "informational";
    case Verdict::kInconclusive:
    case Verdict::kXfail:
    case Verdict::kError:
    case Verdict::kUnstable:
      return "open";
    case Verdict::kNone:
    case Verdict::kNotApplicable:
    case Verdict::kSkipped:
    case Verdict::kBlocked:
      return "notApplicable";
    default:
      return "fail";
  }
}
// Only results of kind "fail" have a level other than "none".
const char* level_of(Verdict verdict) {
  return verdict == Verdict::kFail ? "error" : verdict == Verdict::kWarn ? "warning" : "none";
}

// RFC 3986: what a file's name may hold beyond the unreserved characters is escaped.
std::string file_uri(std::string_view path) {
  static constexpr std::string_view kPlain = "/-._~";
  std::string out = path.starts_with("/") ? "file://" : "";
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || kPlain.find(c) != std::string_view::npos)
      out += c;
    else
      out += fmt::format("%{:02X}", byte);
  }
  return out;
}

std::string message_of(std::string_view text) {
  return JsonObject().text("text", text).finish();
}

class Rules {
 public:
  std::size_t index_of(const std::string& id) {
    const auto [at, fresh] = places_.try_emplace(id, rows_.size());
    if (fresh) rows_.push_back(row_of(id));
    return at->second;
  }
  std::string finish() const { return json_list(rows_); }

 private:
  static std::string row_of(const std::string& id) {
    const Protocol* protocol = nullptr;
    const Requirement* rule = find_requirement(id, &protocol);
    if (rule == nullptr) return JsonObject().text("id", id).finish();
    return JsonObject()
        .text("id", id)
        .raw("shortDescription", message_of(rule->text))
        .raw("help", message_of(fmt::format("{}: {} `peerscope explain {}` tells how it is tested.",
                                            source_text(*protocol, *rule), rule->text, id)))
        .raw("properties", JsonObject()
                               .text("level", to_string(rule->level))
                               .text("document", source_of(*protocol, *rule).document)
                               .text("section", source_of(*protocol, *rule).section)
                               .finish())
        .finish();
  }
  std::map<std::string, std::size_t> places_;
  std::vector<std::string> rows_;
};

std::string result(Rules& rules, const std::string& rule, Verdict verdict, std::string_view text,
                   const std::string& evidence, std::uint64_t frame, const std::string& logical) {
  JsonObject place;
  if (!evidence.empty())
    place.raw("physicalLocation",
              JsonObject().raw("artifactLocation", JsonObject().text("uri", file_uri(evidence)).finish()).finish());
  place.raw("logicalLocations", "[" + JsonObject().text("fullyQualifiedName", logical).finish() + "]");
  JsonObject properties;
  properties.text("verdict", to_string(verdict)).text("scenario", logical);
  if (frame != 0) properties.number("frame", frame);
  return JsonObject()
      .text("ruleId", rule)
      .number("ruleIndex", rules.index_of(rule))
      .text("kind", kind_of(verdict))
      .text("level", level_of(verdict))
      .raw("message", message_of(text.empty() ? to_string(verdict) : text))
      .raw("locations", "[" + place.finish() + "]")
      .raw("properties", properties.finish())
      .finish();
}

std::string to_run(const RunRecord& run) {
  Rules rules;
  std::vector<std::string> results;
  for (const RecordedCase& one : run.cases) {
    std::set<std::string> told;
    for (const RecordedHit& hit : one.hits) {
      const std::string text = hit.frame == 0 ? fmt::format("{}: {}", hit.where, hit.detail)
                                              : fmt::format("frame {}, {}: {}", hit.frame, hit.where, hit.detail);
      results.push_back(result(rules, hit.rule, hit.verdict, text, one.evidence, hit.frame, one.name()));
      told.insert(hit.rule);
    }
    // What the scenario is about and nobody complained of has the scenario's own verdict.
    for (const std::string& id : one.tests) {
      if (!told.contains(id))
        results.push_back(result(rules, id, one.verdict, one.reason, one.evidence, 0, one.name()));
    }
  }
  for (const RecordedRequirement& row : run.requirements)
    results.push_back(result(rules, row.id, row.verdict, row.example, "", 0, "requirement " + row.id));
  const std::string driver =
      JsonObject().text("name", "peerscope").text("version", run.version).raw("rules", rules.finish()).finish();
  return JsonObject()
      .raw("tool", JsonObject().raw("driver", driver).finish())
      .raw("invocations", "[" +
                              JsonObject()
                                  .raw("executionSuccessful", run.ended ? "true" : "false")
                                  .number("exitCode", static_cast<std::uint64_t>(run.exit_code))
                                  .finish() +
                              "]")
      .raw("properties", JsonObject().text("iut", run.iut).text("rules", run.rules).number("seed", run.seed).finish())
      .raw("results", json_list(results))
      .finish();
}

}  // namespace

std::string to_sarif(const std::vector<RunRecord>& runs) {
  std::vector<std::string> parts;
  parts.reserve(runs.size());
  for (const RunRecord& run : runs) parts.push_back(to_run(run));
  return JsonObject()
             .text("$schema", "https://json.schemastore.org/sarif-2.1.0.json")
             .text("version", "2.1.0")
             .raw("runs", json_list(parts))
             .finish() +
         "\n";
}

}  // namespace peerscope::harness
