// SPDX-License-Identifier: GPL-2.0-or-later
// TAP version 14. It knows ok, not ok and skipped; the verdict itself stands in the diagnostics, so that none gets
// lost.
#include <fmt/format.h>

#include "harness/report/run_record.h"
#include "protocols/base/json_index.h"

namespace peerscope::harness {
namespace {

bool is_skipped(Verdict verdict) {
  return verdict == Verdict::kNotApplicable || verdict == Verdict::kSkipped || verdict == Verdict::kBlocked ||
         verdict == Verdict::kNone;
}
bool is_ok(Verdict verdict) {
  return verdict <= Verdict::kWarn || is_skipped(verdict);  // an expected fail is "not ok" with the directive TODO
}

// A description is one line, and "#" would begin a directive.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '#' || c == '\\') out += '\\';
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out;
}

class Writer {
 public:
  void point(std::string_view name, Verdict verdict, std::string_view reason) {
    out_ += fmt::format("{} {} - {}", is_ok(verdict) ? "ok" : "not ok", ++count_, plain(name));
    if (is_skipped(verdict))
      out_ += fmt::format(" # SKIP {}{}{}", to_string(verdict), reason.empty() ? "" : ": ", plain(reason));
    if (verdict == Verdict::kXfail) out_ += fmt::format(" # TODO {}", plain(reason));
    out_ += fmt::format("\n  ---\n  verdict: {}\n", json_quote(to_string(verdict)));
  }
  void detail(std::string_view key, std::string_view value) {
    if (!value.empty()) out_ += fmt::format("  {}: {}\n", key, json_quote(value));  // JSON texts are YAML texts
  }
  void end() { out_ += "  ...\n"; }
  std::string finish() const { return fmt::format("TAP version 14\n1..{}\n{}", count_, out_); }

 private:
  std::size_t count_ = 0;
  std::string out_;
};

}  // namespace

std::string to_tap(const RunRecord& run) {
  Writer writer;
  for (const RecordedCase& one : run.cases) {
    writer.point("scenario " + one.name(), one.verdict, one.reason);
    writer.detail("reason", one.reason);
    writer.detail("step", one.step);
    writer.detail("expected", one.expected);
    writer.detail("seen", one.seen);
    writer.detail("evidence", one.evidence);
    writer.end();
  }
  for (const RecordedRequirement& row : run.requirements) {
    writer.point(fmt::format("requirement {} {}", row.id, row.text), row.verdict, "");
    writer.detail("level", row.level);
    writer.detail("section", row.section);
    writer.detail("example", row.example);
    writer.end();
  }
  std::string out = writer.finish();
  if (!run.ended) out += "Bail out! the run was stopped before its end\n";
  return out;
}

}  // namespace peerscope::harness
