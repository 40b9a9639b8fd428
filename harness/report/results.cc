// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/report/results.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <fstream>
#include <random>

#include "protocols/base/json_index.h"

namespace peerscope::harness {
namespace {

// Bytes of an IUT may be anything; a report must stay UTF-8.
std::string clean(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    std::size_t n = c < 0x80                  ? 1
                    : (c >= 0xc2 && c < 0xe0) ? 2
                    : (c >= 0xe0 && c < 0xf0) ? 3
                    : (c >= 0xf0 && c < 0xf5) ? 4
                                              : 0;
    bool good = n > 0 && i + n <= text.size();
    for (std::size_t k = 1; good && k < n; ++k) good = (static_cast<unsigned char>(text[i + k]) & 0xc0) == 0x80;
    if (good && n > 2) {  // overlong forms, surrogates, beyond U+10FFFF
      const auto second = static_cast<unsigned char>(text[i + 1]);
      good = !((c == 0xe0 && second < 0xa0) || (c == 0xed && second >= 0xa0) || (c == 0xf0 && second < 0x90) ||
               (c == 0xf4 && second >= 0x90));
    }
    if (!good) {
      out += "\xef\xbf\xbd";
      ++i;
      continue;
    }
    out.append(text.substr(i, n));
    i += n;
  }
  return out;
}

class Line {
 public:
  Line() = default;
  explicit Line(std::string_view type) { text("type", type); }
  Line& text(std::string_view key, std::string_view value) {
    name(key);
    append_json_quoted(out_, clean(value));
    return *this;
  }
  Line& number(std::string_view key, std::uint64_t value) {
    name(key);
    out_ += std::to_string(value);
    return *this;
  }
  Line& raw(std::string_view key, std::string_view value) {
    name(key);
    out_ += value;
    return *this;
  }
  std::string finish() { return object() + "\n"; }
  std::string object() const { return out_ + "}"; }  // a part of a line

 private:
  void name(std::string_view key) {
    out_ += out_.size() > 1 ? "," : "";
    append_json_quoted(out_, key);
    out_ += ":";
  }
  std::string out_ = "{";
};

std::string xml(std::string_view text) {
  std::string out;
  for (const char c : clean(text)) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\n':
        out += "&#10;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\t')
          out.push_back(c);  // the rest has no form in XML 1.0
        else
          out += "?";
    }
  }
  return out;
}

std::string case_name(const Attempt& attempt) {
  return attempt.permutation.empty() ? attempt.scenario : attempt.scenario + " [" + attempt.permutation + "]";
}

}  // namespace

RunStart RunStart::now() {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto part = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  std::random_device random;
  return {fmt::format("{:08x}{:08x}", random(), random()), fmt::format("{}.{:03d}Z", text, part), ""};
}

std::unique_ptr<ResultsFile> ResultsFile::open(const std::string& path, std::string& error) {
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) {
    error = fmt::format("cannot write {}: {}", path, std::strerror(errno));
    return nullptr;
  }
  return std::unique_ptr<ResultsFile>(new ResultsFile(file, path));
}

ResultsFile::~ResultsFile() {
  std::fclose(file_);
}

void ResultsFile::line(std::string text) {
  if (!error_.empty()) return;
  // One write per line: a killed run leaves whole lines.
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size() || std::fflush(file_) != 0) {
    error_ = fmt::format("cannot write {}: {}; results from here on are lost", path_, std::strerror(errno));
  }
}

void ResultsFile::header(std::string_view command, std::string_view iut, std::string_view version,
                         std::string_view suite_hash, std::uint64_t seed, const RunStart& start) {
  line(Line("run")
           .text("command", command)
           .text("iut", iut)
           .text("peerscope", version)
           .text("rules", suite_hash)
           .number("seed", seed)
           .text("id", start.id)
           .text("started", start.started)
           .text("series", start.series.empty() ? iut : start.series)
           .finish());
}

void ResultsFile::planned(std::string_view scenario, std::string_view params) {
  line(Line("planned").text("scenario", scenario).text("params", params).finish());
}

void ResultsFile::copy(std::string_view whole_line) {
  line(std::string(whole_line) + "\n");
}

namespace {
void write_hit(Line& row, const RuleHit& hit) {
  row.text("rule", hit.rule->id)
      .text("verdict", to_string(hit.verdict))
      .text("level", to_string(hit.rule->level))
      .text("section", hit.rule->section);
  row.text("detail", hit.detail).text("where", hit.where).number("frame", hit.frame);
  if (hit.length > 0) row.number("offset", hit.offset).number("length", hit.length);
  if (hit.missing) row.raw("missing", "true");
}

std::string hex_of(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    out += kDigits[static_cast<unsigned char>(byte) >> 4];
    out += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return out;
}

std::string list_of(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) out += (out.size() > 1 ? "," : "") + item;
  return out + "]";
}

std::string flow_json(const std::vector<FlowMessage>& messages) {
  std::vector<std::string> items;
  for (const FlowMessage& message : messages) {
    Line item;
    item.number("frame", message.frame).raw("at", fmt::format("{:.6f}", message.at));
    item.text("from", message.from).text("to", message.to).text("name", message.name);
    items.push_back(item.object());
  }
  return list_of(items);
}

std::string shown_json(const std::vector<ShownMessage>& messages) {
  std::vector<std::string> items;
  for (const ShownMessage& message : messages) {
    std::vector<std::string> fields;
    for (const ShownField& field : message.fields) {
      Line item;
      item.number("depth", field.depth).text("text", field.text).text("filter", field.filter);
      if (field.length > 0) item.number("offset", field.offset).number("length", field.length);
      fields.push_back(item.object());
    }
    Line item;
    item.number("frame", message.frame).text("name", message.name).number("size", message.size);
    item.text("bytes", hex_of(message.bytes)).raw("fields", list_of(fields));
    items.push_back(item.object());
  }
  return list_of(items);
}
}  // namespace

void ResultsFile::finding(const std::string& capture, const RuleHit& hit) {
  Line row("finding");
  row.text("capture", capture);
  write_hit(row, hit);
  line(row.finish());
}

void ResultsFile::attempt(const Attempt& a) {
  std::string tests;
  for (const std::string& id : a.tests) tests += (tests.empty() ? "" : ",") + json_quote(id);
  std::string hits;
  for (const RuleHit& hit : a.hits) {
    Line row(hit.listed ? "listed" : "collateral");
    write_hit(row, hit);
    hits += (hits.empty() ? "" : ",") + row.object();
  }
  Line row("attempt");
  row.text("scenario", a.scenario)
      .text("params", a.permutation)
      .number("attempt", static_cast<std::uint64_t>(a.attempt))
      .number("seed", a.seed);
  row.text("verdict", to_string(a.verdict))
      .text("reason", a.reason)
      .text("step", a.step)
      .text("expected", a.expected)
      .text("seen", a.seen);
  row.raw("tests", "[" + tests + "]")
      .raw("hits", "[" + hits + "]")
      .text("evidence", a.evidence)
      .raw("seconds", fmt::format("{:.3f}", a.seconds));
  if (!a.flow.messages.empty()) {
    row.raw("flow", flow_json(a.flow.messages)).number("left_out", a.flow.left_out);
    row.raw("shown", shown_json(a.flow.shown));
  }
  line(row.finish());
}

void ResultsFile::verdict(const Attempt& last, Verdict final, std::string_view note) {
  line(Line("verdict")
           .text("scenario", last.scenario)
           .text("params", last.permutation)
           .text("verdict", to_string(final))
           .text("note", note)
           .finish());
}

void ResultsFile::requirement(const Requirement& row, Verdict verdict, std::size_t hits, std::string_view example) {
  line(Line("requirement")
           .text("id", row.id)
           .text("verdict", to_string(verdict))
           .text("level", to_string(row.level))
           .text("section", row.section)
           .text("text", row.text)
           .number("hits", hits)
           .text("example", example)
           .finish());
}

void ResultsFile::footer(int code) {
  line(Line("end").number("exit", static_cast<std::uint64_t>(code)).finish());
}

std::string junit_text(std::string_view suite, const std::vector<JunitCase>& cases,
                       const std::vector<RequirementResult>& requirements) {
  std::size_t failures = 0;
  std::size_t errors = 0;
  std::size_t skipped = 0;
  std::string body;
  const auto count = [&](Verdict verdict) {
    failures += verdict == Verdict::kFail || verdict == Verdict::kXpass;
    errors += verdict == Verdict::kError || verdict == Verdict::kInconclusive;
    skipped += verdict == Verdict::kXfail || verdict == Verdict::kNotApplicable || verdict == Verdict::kSkipped ||
               verdict == Verdict::kBlocked;
  };
  const auto outcome = [&](Verdict verdict, std::string_view type, std::string_view reason, const std::string& text) {
    switch (verdict) {
      case Verdict::kFail:
        return fmt::format("      <failure type=\"{}\" message=\"{}\">{}</failure>\n", xml(type), xml(reason),
                           xml(text));
      case Verdict::kError:
        return fmt::format("      <error type=\"error\" message=\"{}\">{}</error>\n", xml(reason), xml(text));
      case Verdict::kInconclusive:
        return fmt::format("      <error type=\"inconclusive\" message=\"{}\">{}</error>\n", xml(reason), xml(text));
      case Verdict::kXpass:
        return fmt::format("      <failure type=\"xpass\" message=\"{}\"/>\n", xml(reason));
      case Verdict::kXfail:
      case Verdict::kNotApplicable:
      case Verdict::kSkipped:
      case Verdict::kBlocked:
        return fmt::format("      <skipped message=\"{}: {}\"/>\n", to_string(verdict), xml(reason));
      default:
        return fmt::format("      <properties><property name=\"verdict\" value=\"{}\"/></properties>\n{}",
                           to_string(verdict),
                           text.empty() ? "" : fmt::format("      <system-out>{}</system-out>\n", xml(text)));
    }
  };
  for (const JunitCase& one : cases) {
    count(one.verdict);
    std::string type;
    std::string text;
    for (const RuleHit& hit : one.attempt.hits) {
      if (type.empty() && hit.verdict == one.verdict) type = hit.rule->id;
      text += fmt::format("{} {} {}: {}\n", hit.rule->id, to_string(hit.verdict), hit.where, hit.detail);
    }
    if (!one.attempt.expected.empty())
      text += "expected:\n" + one.attempt.expected + "\nseen:\n" + one.attempt.seen + "\n";
    body += fmt::format("    <testcase classname=\"scenario\" name=\"{}\" time=\"{:.3f}\">\n{}    </testcase>\n",
                        xml(case_name(one.attempt)), one.attempt.seconds,
                        outcome(one.verdict, type, one.attempt.reason, text));
  }
  for (const RequirementResult& one : requirements) {
    count(one.verdict);
    body += fmt::format(
        "    <testcase classname=\"requirement\" name=\"{}\" time=\"0\">\n{}    </testcase>\n", xml(one.row->id),
        outcome(one.verdict, one.row->id, one.verdict == Verdict::kPass ? "" : one.row->text, one.example));
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" "
      "errors=\"{}\" skipped=\"{}\">\n{}  </testsuite>\n</testsuites>\n",
      xml(suite), cases.size() + requirements.size(), failures, errors, skipped, body);
}

std::string write_junit(const std::string& path, std::string_view suite, const std::vector<JunitCase>& cases,
                        const std::vector<RequirementResult>& requirements) {
  std::ofstream out(path, std::ios::binary);
  out << junit_text(suite, cases, requirements);
  out.close();
  return out ? "" : fmt::format("cannot write {}", path);
}

}  // namespace peerscope::harness
