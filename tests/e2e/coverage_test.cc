// SPDX-License-Identifier: GPL-2.0-or-later
// The suites as data: every file lints, every behaviour row is provoked, and the examples of the docs are what they
// claim.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "harness/engine/iut.h"
#include "harness/scenario/scenario.h"
#include "protocols/base/protocol.h"
#include "tests/e2e/program.h"

namespace peerscope::e2e {
namespace {

std::vector<harness::Scenario> suites() {
  std::vector<harness::Scenario> out;
  std::string error;
  for (const std::string& path :
       harness::find_scenarios({std::string(PEERSCOPE_SOURCE_DIR) + "/harness/suites"}, error)) {
    harness::ScenarioResult loaded = harness::load_scenario(path);
    for (const std::string& problem : loaded.errors) ADD_FAILURE() << problem;
    out.push_back(std::move(loaded.scenario));
  }
  EXPECT_EQ(error, "");
  return out;
}

TEST(Suites, EveryBehaviourRowIsNamedByAScenario) {
  std::set<std::string> named;
  for (const harness::Scenario& scenario : suites()) named.insert(scenario.tests.begin(), scenario.tests.end());
  for (const Protocol* protocol : protocols()) {
    for (const Requirement& row : protocol->requirements) {
      if (row.check != nullptr || row.reason != nullptr || row.examined) continue;
      if (row.pending) {
        EXPECT_FALSE(named.contains(row.id)) << row.id << " is named by a scenario and still marked as pending";
        continue;
      }
      EXPECT_TRUE(named.contains(row.id)) << row.id << ": " << row.text;
    }
  }
}

// A row without a check is decided by expectations alone: naming it in `tests` is not enough.
TEST(Suites, EveryBehaviourRowIsDecidedByAnExpectation) {
  for (const harness::Scenario& scenario : suites()) {
    std::set<std::string> decided;
    for (const harness::Step& step : scenario.steps) {
      if (step.expect && !step.setup) decided.insert(step.expect->check.begin(), step.expect->check.end());
    }
    for (const std::string& id : scenario.tests) {
      const Requirement* row = find_requirement(id);
      const bool needs_it = row != nullptr && row->check == nullptr;
      EXPECT_TRUE(!needs_it || decided.contains(id))
          << scenario.id << " names " << id << ", which none of its expectations decides";
    }
  }
}

TEST(Suites, IdsAreTheFilesPlaces) {
  for (const harness::Scenario& scenario : suites())
    EXPECT_NE(scenario.path.find("/suites/" + scenario.id + ".yaml"), std::string::npos)
        << scenario.path << " " << scenario.id;
}

// ---- coverage only grows

struct Covered {
  std::size_t checks = 0;
  std::size_t scenarios = 0;
  std::size_t provoked = 0;
};

// "relo checks 120 scenarios 80 provoked 130", a line a protocol.
std::map<std::string, Covered> floors() {
  std::map<std::string, Covered> out;
  std::istringstream lines(read_file(source("coverage_floor.txt")));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    std::string name;
    std::string key;
    words >> name;
    Covered& row = out[name];
    words >> key >> row.checks >> key >> row.scenarios >> key >> row.provoked;
    EXPECT_TRUE(static_cast<bool>(words)) << "coverage_floor.txt: " << line;
  }
  return out;
}

TEST(Coverage, DoesNotShrink) {
  const std::map<std::string, Covered> floor = floors();
  const std::vector<harness::Scenario> all = suites();
  for (const Protocol* protocol : protocols()) {
    const auto at = floor.find(protocol->name);
    ASSERT_NE(at, floor.end()) << protocol->name << " has no line in tests/e2e/coverage_floor.txt";
    Covered now;
    std::set<std::string> named;
    for (const harness::Scenario& scenario : all) {
      now.scenarios += scenario.protocol == protocol;
      named.insert(scenario.tests.begin(), scenario.tests.end());  // a system's rules are provoked by its protocols'
    }
    for (const Requirement& row : protocol->requirements) {
      now.checks += row.check != nullptr;
      now.provoked += named.contains(row.id);
    }
    const std::string line = std::string(protocol->name) + " checks " + std::to_string(now.checks) + " scenarios " +
                             std::to_string(now.scenarios) + " provoked " + std::to_string(now.provoked);
    EXPECT_GE(now.checks, at->second.checks) << line;
    EXPECT_GE(now.scenarios, at->second.scenarios) << line;
    EXPECT_GE(now.provoked, at->second.provoked) << line;
  }
}

TEST(Coverage, ThePagesAreThoseThatTheProgramWrites) {
  const Folder folder;
  ASSERT_EQ(shell(program() + " docs " + folder.path()).code, 0);
  for (const char* page : {"coverage.md", "requirements.md", "fields.md"}) {
    EXPECT_EQ(read_file(folder / page), read_file(std::string(PEERSCOPE_SOURCE_DIR) + "/docs/" + page))
        << page << ": write it anew with `peerscope docs`";
  }
}

std::vector<std::string> yaml_blocks(const std::string& page) {
  std::vector<std::string> out;
  const std::string text = read_file(std::string(PEERSCOPE_SOURCE_DIR) + "/docs/" + page);
  const std::string open = "```yaml\n";
  for (std::size_t at = text.find(open); at != std::string::npos; at = text.find(open, at + 1)) {
    const std::size_t from = at + open.size();
    out.push_back(text.substr(from, text.find("```", from) - from));
  }
  return out;
}

TEST(Docs, ScenarioExamplesLint) {
  for (const auto& [page, least] : {std::pair{"scenarios.md", 2U}, {"how-to/add-a-scenario.md", 1U}}) {
    std::size_t whole = 0;
    for (const std::string& block : yaml_blocks(page)) {
      if (!block.starts_with("format: 1")) continue;  // fragments
      ++whole;
      for (const std::string& problem : harness::parse_scenario(block, page).errors)
        ADD_FAILURE() << problem << "\n" << block;
    }
    EXPECT_GE(whole, least) << page;
  }
}

TEST(Docs, IutExamplesLint) {
  const Folder folder;
  auto blocks = yaml_blocks("iut-file.md");
  EXPECT_GE(blocks.size(), 2U);
  for (const char* page : {"how-to/add-a-scenario.md", "how-to/test-a-reload-node.md"}) {
    for (const std::string& block : yaml_blocks(page)) {
      if (block.starts_with("iut:")) blocks.push_back(block);
    }
  }
  for (std::string block : blocks) {
    // The pages' own programs and files are not on this machine.
    for (const auto& [from, to] : {std::pair<std::string, std::string>{"./my-tracker", "/bin/sh"},
                                   {"./my-peer", "/bin/sh"},
                                   {"./my-node", "/bin/sh"},
                                   {"/etc/my-tracker/ca.pem", "/dev/null"}}) {
      if (const std::size_t at = block.find(from); at != std::string::npos) block.replace(at, from.size(), to);
    }
    std::string error;
    (void)harness::load_iut(write(folder / "iut.yaml", block), error);
    EXPECT_EQ(error, "") << block;
  }
}

}  // namespace
}  // namespace peerscope::e2e
