// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/engine/selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>

#include "harness/scenario/yaml.h"
#include "harness/scenario/yaml_reader.h"

namespace peerscope::harness {
namespace {

namespace fs = std::filesystem;

struct StrictnessName {
  std::string_view name;
  Strictness value;
};
constexpr StrictnessName kStrictness[] = {
    {"must", Strictness::kMust}, {"should", Strictness::kShould}, {"pedantic", Strictness::kPedantic}};

bool is_path(const std::string& selector) {
  std::error_code code;
  return selector.ends_with(".yaml") || fs::is_directory(selector, code);
}

bool same_text(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// Whether a row's section names `wanted` or a section below it. Rows say "3.2.1", and "RFC 8895, 5.3" where another
// document than the protocol's first one is meant.
bool in_section(const Protocol& protocol, const Requirement& row, std::string_view document, std::string_view wanted) {
  const auto letters = [](std::string_view text) {
    std::string out;
    for (const char c : text) {
      if (std::isalnum(static_cast<unsigned char>(c)) != 0) out += c;
    }
    return out;
  };
  std::string now = letters(protocol.document);
  const std::string_view text = row.section;
  std::string last;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '.')) ++end;
    const std::string_view word = text.substr(at, end - at);
    if (last == "RFC")
      now = "RFC" + std::string(word);
    else if (!word.empty() && (document.empty() || same_text(letters(document), now)) &&
             (word == wanted || (word.starts_with(wanted) && word[wanted.size()] == '.')))
      return true;
    last = word;
    at = end + 1;
  }
  return false;
}

bool is_or_below(std::string_view name, std::string_view prefix, char separator) {
  return name == prefix ||
         (name.starts_with(prefix) && name.size() > prefix.size() && name[prefix.size()] == separator);
}

using RowTest = std::function<bool(const Protocol&, const Requirement&)>;
bool tests_any(const Scenario& scenario, const RowTest& fits) {
  return std::any_of(scenario.tests.begin(), scenario.tests.end(), [&](const std::string& id) {
    const Protocol* protocol = nullptr;
    const Requirement* row = find_requirement(id, &protocol);
    return row != nullptr && fits(*protocol, *row);
  });
}

// What a selector picks; nothing for a key that there is not.
using Picks = std::function<bool(const Scenario&)>;
std::optional<Picks> picks_of(const std::string& selector) {
  const std::size_t colon = selector.find(':');
  if (colon == std::string::npos) {
    return [selector](const Scenario& scenario) {
      return is_or_below(scenario.id, selector, '/') ||
             std::any_of(scenario.tests.begin(), scenario.tests.end(),
                         [&](const std::string& test) { return is_or_below(test, selector, '-'); });
    };
  }
  const std::string key = selector.substr(0, colon);
  const std::string value = selector.substr(colon + 1);
  if (value.empty()) return std::nullopt;
  if (key == "protocol") return [value](const Scenario& scenario) { return scenario.protocol->name == value; };
  if (key == "role") return [value](const Scenario& scenario) { return scenario.role == value; };
  if (key == "feature") {
    return [value](const Scenario& scenario) {
      return std::find(scenario.needs.begin(), scenario.needs.end(), value) != scenario.needs.end();
    };
  }
  if (key == "level") {
    return [value](const Scenario& scenario) {
      return tests_any(scenario,
                       [&](const Protocol&, const Requirement& row) { return same_text(to_string(row.level), value); });
    };
  }
  if (key == "section") {
    const std::size_t slash = value.find('/');
    const std::string document = slash == std::string::npos ? "" : value.substr(0, slash);
    const std::string section = slash == std::string::npos ? value : value.substr(slash + 1);
    return [document, section](const Scenario& scenario) {
      return tests_any(scenario, [&](const Protocol& protocol, const Requirement& row) {
        return in_section(protocol, row, document, section);
      });
    };
  }
  return std::nullopt;
}

std::string names_nothing(const std::string& id) {
  if (const Requirement* row = find_requirement(id); row != nullptr && row->check != nullptr)
    return fmt::format(
        "{} is checked on every message of every run and capture; no scenario is about it alone, run any suite", id);
  else if (row != nullptr)
    return fmt::format("no scenario tests {}: {}", id, row->reason != nullptr ? row->reason : "none yet");
  return fmt::format("'{}' names no scenario, suite or requirement that a scenario tests; see `peerscope list`", id);
}

bool is_requirement_or_prefix(std::string_view selector) {
  for (const Protocol* protocol : protocols()) {
    for (const Requirement& row : protocol->requirements) {
      if (is_or_below(row.id, selector, '-')) return true;
    }
  }
  return false;
}

}  // namespace

const Strictness* find_strictness(std::string_view name) {
  for (const StrictnessName& one : kStrictness) {
    if (one.name == name) return &one.value;
  }
  return nullptr;
}

Verdict Judging::count(const Requirement& row, Verdict verdict) const {
  if (verdict != Verdict::kWarn && verdict != Verdict::kFail) return verdict;
  if (left_out.contains(row.id)) return Verdict::kInfo;
  if (verdict == Verdict::kFail) return verdict;
  const bool should = row.level == Level::kShould || row.level == Level::kShouldNot;
  if (strictness == Strictness::kMust) return Verdict::kInfo;
  return strictness == Strictness::kPedantic && should ? Verdict::kFail : verdict;
}

Selection load_profile(const std::string& path, std::string& error) {
  Selection out;
  const YamlResult yaml = load_yaml(path);
  if (!yaml.error.empty()) {
    error = yaml.error;
    return out;
  }
  YamlReader r{path, error};
  if (!yaml.tree.is_map()) r.fail(yaml.tree, "a profile is a map; docs/selection.md shows one");
  r.keys(yaml.tree, {"profile", "about", "strictness", "select", "leave_out"});
  if (r.text(yaml.tree, "profile").empty()) r.fail(yaml.tree, "profile: the name is missing");
  out.select = r.words(yaml.tree, "select");
  for (std::string& selector : out.select) {
    const std::string beside = (fs::path(path).parent_path() / selector).string();
    if (is_path(beside)) selector = beside;
  }
  out.leave_out = r.words(yaml.tree, "leave_out");
  if (const Tree* strictness = yaml.tree.find("strictness"); strictness != nullptr) {
    if (const Strictness* known = find_strictness(strictness->scalar); known != nullptr)
      out.strictness = *known;
    else
      r.fail(*strictness, "strictness: is must, should or pedantic");
  }
  return out;
}

Judging judging_of(const Selection& selection) {
  Judging out;
  out.strictness = selection.strictness;
  for (const std::string& selector : selection.leave_out) {
    for (const Protocol* protocol : protocols()) {
      for (const Requirement& row : protocol->requirements) {
        if (is_or_below(row.id, selector, '-')) out.left_out.insert(row.id);
      }
    }
  }
  return out;
}

std::vector<std::string> suite_roots() {
  if (const char* given = std::getenv("PEERSCOPE_SUITES"); given != nullptr && *given != 0) return {given};
  std::vector<std::string> roots;
  std::error_code code;
  const fs::path self = fs::read_symlink("/proc/self/exe", code);
  const fs::path installed = self.parent_path() / ".." / "share" / "peerscope" / "suites";
  if (fs::is_directory(installed, code))
    roots.push_back(installed.string());
  else if (fs::is_directory(PEERSCOPE_SUITE_SOURCE, code))
    roots.emplace_back(PEERSCOPE_SUITE_SOURCE);
  return roots;
}

std::vector<Scenario> load_suite(const Selection& selection, const std::vector<std::string>& roots,
                                 std::vector<std::string>& errors) {
  struct Selector {
    std::string text;
    Picks picks;
    bool used = false;
  };
  const auto selectors_of = [&](const std::vector<std::string>& texts) {
    std::vector<Selector> out;
    for (const std::string& text : texts) {
      if (is_path(text)) continue;
      if (auto picks = picks_of(text))
        out.push_back({text, std::move(*picks)});
      else
        errors.push_back(fmt::format(
            "'{}': a selector is an id, a file or KEY:VALUE with the keys protocol, role, section, feature and level",
            text));
    }
    return out;
  };
  std::vector<std::string> files;
  std::copy_if(selection.select.begin(), selection.select.end(), std::back_inserter(files), is_path);
  std::vector<Selector> wanted = selectors_of(selection.select);
  std::vector<Selector> unwanted = selectors_of(selection.leave_out);
  for (const std::string& text : selection.leave_out) {
    if (is_path(text)) errors.push_back(fmt::format("{}: files are not left out, scenario ids are", text));
  }
  std::string error;
  std::vector<std::string> paths = files.empty() ? std::vector<std::string>{} : find_scenarios(files, error);
  if (!wanted.empty() || selection.select.empty()) {
    for (std::string& path : find_scenarios(roots, error)) paths.push_back(std::move(path));
  }
  if (!error.empty()) errors.push_back(error);
  const Judging judging = judging_of(selection);
  std::vector<Scenario> out;
  std::set<std::string> seen;
  for (const std::string& path : paths) {
    ScenarioResult loaded = load_scenario(path);
    errors.insert(errors.end(), loaded.errors.begin(), loaded.errors.end());
    if (!loaded.errors.empty()) continue;
    const Scenario& scenario = loaded.scenario;
    bool picked = selection.select.empty() || std::any_of(files.begin(), files.end(), [&](const std::string& file) {
                    return path.starts_with(file);
                  });
    for (Selector& one : wanted) {
      if (one.picks(scenario)) one.used = picked = true;
    }
    bool dropped = !scenario.tests.empty() && std::all_of(scenario.tests.begin(), scenario.tests.end(),
                                                          [&](auto& id) { return judging.left_out.contains(id); });
    for (Selector& one : unwanted) {
      // A requirement leaves a scenario out only together with all others that the scenario tests.
      const bool fits = one.picks(scenario);
      one.used = one.used || fits;
      dropped = dropped || (fits && !is_requirement_or_prefix(one.text));
    }
    if (!picked || dropped) continue;
    if (!seen.insert(scenario.id).second)
      errors.push_back(fmt::format("{}: scenario id {} is used twice", path, scenario.id));
    else
      out.push_back(std::move(loaded.scenario));
  }
  for (const Selector& one : wanted) {
    if (!one.used) errors.push_back(names_nothing(one.text));
  }
  for (const Selector& one : unwanted) {
    if (!one.used && !is_requirement_or_prefix(one.text)) errors.push_back(names_nothing(one.text));
  }
  std::sort(out.begin(), out.end(), [](const Scenario& a, const Scenario& b) { return a.id < b.id; });
  return out;
}

}  // namespace peerscope::harness
