// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/support/sample.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

#include "protocols/base/binary_archive.h"
#include "protocols/base/json_index.h"

namespace peerscope::test {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& path) : text_(text) {
    sample_.path = path;
    sample_.name = std::filesystem::path(path).stem();
  }

  Sample parse() {
    while (next_line()) {
      if (part_ == Part::kBody && line_ != "fields:" && line_ != "findings:") {
        sample_.bytes += std::string(line_) + "\n";
      } else if (trim(line_).empty() || line_.front() == '#') {
        continue;
      } else if (line_ == "body:" || line_ == "hex:" || line_ == "fields:" || line_ == "findings:") {
        begin_part();
      } else if (part_ == Part::kHeader) {
        header();
      } else if (part_ == Part::kHex) {
        hex();
      } else if (part_ == Part::kFields) {
        const std::size_t equals = line_.find(" = ");
        if (equals == std::string_view::npos) fail("expected path = value");
        sample_.fields.push_back(field(trim(line_.substr(0, equals)), trim(line_.substr(equals + 3))));
      } else {
        finding();
      }
    }
    finish();
    return std::move(sample_);
  }

 private:
  enum class Part { kHeader, kBody, kHex, kFields, kFindings };

  [[noreturn]] void fail(std::string_view what) const {
    throw std::runtime_error(fmt::format("{}:{}: {}", sample_.path, number_, what));
  }

  bool next_line() {
    if (text_.empty()) return false;
    const std::size_t end = std::min(text_.find('\n'), text_.size());
    line_ = text_.substr(0, end);
    text_.remove_prefix(std::min(end + 1, text_.size()));
    ++number_;
    return true;
  }

  void begin_part() {
    if (!seen_.insert(std::string(line_)).second) fail(fmt::format("the part {} appears twice", line_));
    if (part_ == Part::kBody && !sample_.bytes.empty()) sample_.bytes.pop_back();
    part_ = line_ == "body:"     ? Part::kBody
            : line_ == "hex:"    ? Part::kHex
            : line_ == "fields:" ? Part::kFields
                                 : Part::kFindings;
  }

  template <class T>
  T one_of(std::string_view value, std::initializer_list<std::pair<std::string_view, T>> choices) const {
    std::string known;
    for (const auto& [name, meaning] : choices) {
      if (value == name) return meaning;
      known += (known.empty() ? "" : ", ") + std::string(name);
    }
    fail(fmt::format("'{}' is none of {}", value, known));
  }

  template <class T>
  T number(std::string_view value) const {
    T out = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
    if (error != std::errc{} || end != value.data() + value.size()) fail(fmt::format("'{}' is not a number", value));
    return out;
  }

  void header() {
    const std::size_t colon = line_.find(':');
    if (colon == std::string_view::npos) fail("expected key: value");
    const std::string key(line_.substr(0, colon));
    const std::string value(trim(line_.substr(colon + 1)));
    if (!seen_.insert(key).second) fail(fmt::format("{}: appears twice", key));
    if (value.empty()) fail(fmt::format("{}: has no value", key));
    if (key == "title") {
      sample_.title = value;
    } else if (key == "section") {
      sample_.section = value;
    } else if (key == "origin") {
      sample_.origin = value;
    } else if (key == "protocol") {
      sample_.protocol = find_protocol(value);
      if (sample_.protocol == nullptr) fail(fmt::format("no protocol '{}'", value));
    } else if (key == "message") {
      sample_.message = value;
    } else if (key == "direction") {
      sample_.direction = one_of<Direction>(
          value,
          {{"request", Direction::kRequest}, {"response", Direction::kResponse}, {"unknown", Direction::kUnknown}});
    } else if (key == "form") {
      sample_.form = one_of<Form>(value, {{"strict", Form::kStrict},
                                          {"lenient", Form::kLenient},
                                          {"broken", Form::kBroken},
                                          {"malformed", Form::kMalformed},
                                          {"dialect", Form::kDialect}});
    } else if (key == "media_type") {
      sample_.transport.content_type = value;
    } else if (key == "method") {
      sample_.transport.method = value;
    } else if (key == "target") {
      sample_.transport.target = value;
    } else if (key == "status") {
      sample_.transport.status = number<int>(value);
    } else if (key == "security") {
      sample_.transport.security = one_of<Transport::Security>(
          value, {{"clear", Transport::Security::kClear}, {"tls", Transport::Security::kTls}});
    } else if (key == "request") {
      sample_.request = value;
    } else if (key == "dialect") {
      sample_.dialect = value;
    } else if (key == "content_length") {
      sample_.content_length = number<std::size_t>(value);
    } else {
      fail(fmt::format("unknown key '{}'", key));
    }
  }

  void hex() {
    const std::size_t hash = std::min(line_.find('#'), line_.size());
    const std::size_t from = sample_.bytes.size();
    int high = -1;
    for (const char c : line_.substr(0, hash)) {
      if (c == ' ' || c == '\t') continue;
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
      if (digit < 0) fail(fmt::format("'{}' is not a lower-case hexadecimal digit", c));
      if (high >= 0) sample_.bytes.push_back(static_cast<char>(high * 16 + digit));
      high = high >= 0 ? -1 : digit;
    }
    if (high >= 0) fail("half a byte");
    const std::string_view note = line_.substr(std::min(hash + 1, line_.size()));
    const std::size_t equals = note.find(" = ");
    if (equals == std::string_view::npos) return;  // a remark
    const std::string_view value = trim(note.substr(equals + 3));
    const std::string_view run = std::string_view(sample_.bytes).substr(from);
    SampleField out = field(trim(note.substr(0, equals)), value == "bytes" ? "group" : value);
    if (value == "bytes") {
      out.kind = SampleField::Kind::kText;
      out.text = run;
    }
    out.has_place = true;
    out.offset = from;
    out.length = sample_.bytes.size() - from;
    sample_.fields.push_back(std::move(out));
  }

  SampleField field(std::string_view path, std::string_view value) const {
    SampleField out;
    out.path = path;
    out.line = number_;
    if (value == "group") {
      out.kind = SampleField::Kind::kGroup;
    } else if (value == "absent") {
      out.kind = SampleField::Kind::kAbsent;
    } else if (value == "empty") {
      out.kind = SampleField::Kind::kEmpty;
    } else if (value == "true" || value == "false") {
      out.number = value == "true" ? 1 : 0;
    } else if (value.starts_with("raw ")) {
      out.kind = SampleField::Kind::kRaw;
      out.text = value.substr(4);
    } else if (value.starts_with("hex")) {
      out.kind = SampleField::Kind::kText;
      if (!parse_hex(trim(value.substr(3)), out.text)) fail("not bytes in hexadecimal");
    } else if (value.starts_with('"')) {
      out.kind = SampleField::Kind::kText;
      out.text = unquote(value);
    } else {
      const bool negative = value.starts_with('-');
      const bool hexadecimal = value.starts_with("0x");
      std::uint64_t wide = 0;
      const char* const begin = value.data() + (hexadecimal ? 2 : 0);
      const char* const end = value.data() + value.size();
      const auto [stop, error] = std::from_chars(begin, end, wide, hexadecimal ? 16 : 10);
      if (!hexadecimal && value.find_first_of(".e") != std::string_view::npos) {
        out.kind = SampleField::Kind::kReal;
        out.real = number<double>(value);
        return out;
      }
      out.number = negative ? number<std::int64_t>(value) : static_cast<std::int64_t>(wide);
      if (!negative && (error != std::errc{} || stop != end)) fail(fmt::format("'{}' is not a number", value));
    }
    return out;
  }

  std::string unquote(std::string_view quoted) const {
    if (quoted.size() < 2 || quoted.back() != '"') fail("a text without its closing quote");
    std::string out;
    const std::string_view inner = quoted.substr(1, quoted.size() - 2);
    for (std::size_t i = 0; i < inner.size(); ++i) {
      if (inner[i] != '\\') {
        out.push_back(inner[i]);
        continue;
      }
      const char c = ++i < inner.size() ? inner[i] : '?';
      static constexpr std::string_view kLetters = "\"\\/bfnrt";
      static constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
      if (const std::size_t at = kLetters.find(c); at != std::string_view::npos) {
        out.push_back(kMeanings[at]);
      } else if (c == 'x' && i + 2 < inner.size()) {  // one byte, for texts that are not UTF-8
        int byte = 0;
        std::from_chars(inner.data() + i + 1, inner.data() + i + 3, byte, 16);
        out.push_back(static_cast<char>(byte));
        i += 2;
      } else {
        fail("unknown escape in a text");
      }
    }
    return out;
  }

  void finding() {
    SampleFinding out;
    out.line = number_;
    std::istringstream words{std::string(line_)};
    std::string severity;
    std::string at;
    words >> out.id >> severity;
    if (words >> at) {
      if (at != "at" || !(words >> out.path)) fail("expected: id severity [at path]");
    }
    if (find_requirement(out.id) == nullptr) fail(fmt::format("no requirement '{}'", out.id));
    out.severity = one_of<Severity>(
        severity,
        {{"chat", Severity::kChat}, {"note", Severity::kNote}, {"warn", Severity::kWarn}, {"error", Severity::kError}});
    sample_.findings.push_back(std::move(out));
  }

  void finish() {
    if (part_ == Part::kBody && !sample_.bytes.empty()) sample_.bytes.pop_back();
    for (const char* key :
         {"title", "section", "origin", "protocol", "message", "direction", "form", "fields:", "findings:"}) {
      if (!seen_.contains(key)) fail(fmt::format("{} is missing", key));
    }
    if (seen_.contains("body:") == seen_.contains("hex:")) fail("expected one of body: and hex:");
    const auto& messages = sample_.protocol->messages;
    const bool known = std::any_of(messages.begin(), messages.end(),
                                   [&](const MessageType& row) { return sample_.message == row.name; });
    if (!known && sample_.message != "none") fail(fmt::format("no message '{}'", sample_.message));
    sample_.transport.has_http = seen_.contains("media_type") || seen_.contains("method") || seen_.contains("status");
    sample_.transport.http_version = sample_.transport.has_http ? 11 : 0;
  }

  std::string_view text_;
  std::string_view line_;
  int number_ = 0;
  Part part_ = Part::kHeader;
  std::set<std::string, std::less<>> seen_;
  Sample sample_;
};

std::string shown(const SampleField& field) {
  switch (field.kind) {
    case SampleField::Kind::kGroup:
      return "group";
    case SampleField::Kind::kAbsent:
      return "absent";
    case SampleField::Kind::kNumber:
      return std::to_string(field.number);
    case SampleField::Kind::kReal:
      return std::to_string(field.real);
    case SampleField::Kind::kEmpty:
      return "empty";
    case SampleField::Kind::kText:
      return json_quote(field.text);
    case SampleField::Kind::kRaw:
      return "raw " + field.text;
  }
  return {};
}

bool matches(const SampleField& field, const Event& event) {
  switch (field.kind) {
    case SampleField::Kind::kGroup:
      return event.field->type == Type::kGroup && !event.unknown;
    case SampleField::Kind::kNumber:
      if (event.has_real) return !event.unknown && event.real == static_cast<double>(field.number);
      return !event.unknown && event.has_number && !event.has_text && event.number == field.number;
    case SampleField::Kind::kReal:
      return !event.unknown && event.has_real && event.real == field.real;
    case SampleField::Kind::kEmpty:
      return !event.unknown && event.empty;
    case SampleField::Kind::kText:
      return !event.unknown && event.has_text && !event.has_real && event.text == field.text;
    case SampleField::Kind::kRaw:
      return event.unknown && event.text == field.text;
    case SampleField::Kind::kAbsent:
      return false;
  }
  return false;
}

}  // namespace

Sample parse_sample(std::string_view text, const std::string& path) {
  return Parser(text, path).parse();
}

Sample load_sample(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error(path + ": cannot be read");
  std::ostringstream text;
  text << in.rdbuf();
  return parse_sample(text.str(), path);
}

std::string sample_path(std::string_view protocol, std::string_view name) {
  return fmt::format("{}/captures/{}/samples/{}.txt", PEERSCOPE_SOURCE_DIR, protocol, name);
}

std::vector<std::string> sample_paths(std::string_view protocol) {
  std::vector<std::string> paths;
  const std::filesystem::path folder = std::filesystem::path(PEERSCOPE_SOURCE_DIR) / "captures" / protocol / "samples";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".txt") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

void decode_as(const Sample& sample, std::string_view bytes, Message& message) {
  message.clear();
  message.transport = sample.transport;
  sample.protocol->decode(bytes, message);
}

std::string sample_path_of(const Message& message, std::uint32_t index) {
  const std::string path = path_of(message.events, index);
  // The outermost group is the message itself and every path's beginning; samples leave it out.
  if (message.events[index].depth == 0) return path;
  const std::size_t end = path.find_first_of(".[");
  return path.substr(path[end] == '.' ? end + 1 : end);
}

std::vector<std::string> field_differences(const Sample& sample, const Message& message) {
  std::vector<std::string> out;
  std::multimap<std::string, std::uint32_t> found;
  for (std::uint32_t i = 0; i < message.events.size(); ++i) found.emplace(sample_path_of(message, i), i);
  for (const SampleField& field : sample.fields) {
    const auto where = [&] { return fmt::format("{}:{}: {}", sample.path, field.line, field.path); };
    const auto [from, to] = found.equal_range(field.path);
    if (field.kind == SampleField::Kind::kAbsent) {
      if (from != to) out.push_back(where() + " is there");
      continue;
    }
    const auto hit =
        std::find_if(from, to, [&](const auto& entry) { return matches(field, message.events[entry.second]); });
    if (hit == to) {
      out.push_back(where() + fmt::format(" is {}, expected {}",
                                          from == to ? "absent" : value_text(message.events[from->second]),
                                          shown(field)));
      continue;
    }
    const Event& event = message.events[hit->second];
    if (field.has_place && (event.offset != field.offset || event.length != field.length)) {
      out.push_back(where() + fmt::format(" takes bytes [{}, +{}), expected [{}, +{})", event.offset, event.length,
                                          field.offset, field.length));
    }
    found.erase(hit);
  }
  if (sample.form == Form::kMalformed) return out;
  for (const auto& [path, index] : found) {
    const Event& event = message.events[index];
    if (event.field->type == Type::kGroup && !event.unknown) continue;
    out.push_back(fmt::format("{}: {} is {} and not listed", sample.path, path, value_text(event)));
  }
  return out;
}

std::vector<std::string> finding_differences(const Sample& sample, const Message& message,
                                             const std::vector<Finding>& findings) {
  std::vector<std::string> out;
  std::vector<Finding> left(findings.begin(), findings.end());
  const auto placed = [&](const Finding& finding, const std::string& path) {
    if (path.empty()) return true;
    if (path == "message") return finding.length == 0;
    for (std::uint32_t i = 0; i < message.events.size(); ++i) {
      const Event& event = message.events[i];
      if (event.offset == finding.offset && event.length == finding.length && sample_path_of(message, i) == path)
        return true;
    }
    return false;
  };
  for (const SampleFinding& wanted : sample.findings) {
    const auto hit = std::find_if(left.begin(), left.end(), [&](const Finding& finding) {
      return finding.rule->id == wanted.id && finding.severity == wanted.severity && placed(finding, wanted.path);
    });
    if (hit != left.end()) {
      left.erase(hit);
      continue;
    }
    out.push_back(fmt::format("{}:{}: no finding {} {}{}{}", sample.path, wanted.line, wanted.id,
                              to_string(wanted.severity), wanted.path.empty() ? "" : " at ", wanted.path));
  }
  for (const Finding& extra : left) {
    out.push_back(fmt::format("{}: not expected: {} {} at byte {}: {}", sample.path, extra.rule->id,
                              to_string(extra.severity), extra.offset, extra.detail));
  }
  return out;
}

}  // namespace peerscope::test
