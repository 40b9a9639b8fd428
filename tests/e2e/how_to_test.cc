// SPDX-License-Identifier: GPL-2.0-or-later
// docs/how-to/first-test.md as it stands: its IUT file and its scenario, run against its program.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/e2e/program.h"

namespace peerscope::e2e {
namespace {

// The page's block that begins with this line.
std::string block(const std::string& begin) {
  const std::string text = read_file(std::string(PEERSCOPE_SOURCE_DIR) + "/docs/how-to/first-test.md");
  const std::size_t at = text.find("```yaml\n" + begin);
  EXPECT_NE(at, std::string::npos) << begin;
  if (at == std::string::npos) return {};
  const std::size_t from = text.find('\n', at) + 1;
  return text.substr(from, text.find("```", from) - from);
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST(HowTo, TenLinesAndTwentyAreEnough) {
  const Folder folder;
  fs::copy(source("foreign/tiny_tracker.py"), folder / "tiny_tracker.py");
  EXPECT_LE(lines_of(read_file(folder / "tiny_tracker.py")), 70U);
  const std::string iut_text = block("iut: tiny-tracker");
  const std::string scenario_text = block("format: 1");
  EXPECT_LE(lines_of(iut_text), 10U);
  EXPECT_LE(lines_of(scenario_text), 22U);
  const std::string iut = write(folder / "tiny.yaml", iut_text);
  const std::string scenario = write(folder / "who-is-there.yaml", scenario_text);
  EXPECT_EQ(shell(program() + " lint --iut " + iut).code, 0);
  const Outcome plain = run(iut, "ppstp/tracker/sanity", folder, "plain");
  EXPECT_EQ(plain.ended.code, 0) << plain.ended.output;
  const Outcome own = run(iut, scenario, folder, "own");
  EXPECT_EQ(own.ended.code, 0) << own.ended.output;
  EXPECT_EQ(own.requirements.at("P-FIND-03"), "pass") << own.results;
}

TEST(HowTo, TheScenarioFailsWhereItShould) {
  const Folder folder;
  const std::string scenario = write(folder / "who-is-there.yaml", block("format: 1"));
  std::string program_text = read_file(source("foreign/tiny_tracker.py"));
  const std::string keeps = "if asker and others:";
  program_text.replace(program_text.find(keeps), keeps.size(), "if False:");
  write(folder / "tiny_tracker.py", program_text);
  const Outcome own = run(write(folder / "tiny.yaml", block("iut: tiny-tracker")), scenario, folder);
  EXPECT_EQ(own.ended.code, 1) << own.ended.output;
  EXPECT_EQ(own.requirements.at("P-FIND-03"), "fail") << own.results;
}

}  // namespace
}  // namespace peerscope::e2e
