// SPDX-License-Identifier: GPL-2.0-or-later
// `fuzz`: what it finds in a fragile tracker, that it finds it again, and that a sound one stands it.
#include <gtest/gtest.h>

#include "tests/e2e/program.h"

namespace peerscope::e2e {
namespace {

Ended fuzz(const std::string& arguments) {
  return shell(program() + " fuzz ppstp/tracker/sanity ppstp/tracker/connect-leech --within 1 " + arguments);
}

TEST(Fuzz, KeepsWhatCrashesAndHangsAFragileTracker) {
  const Folder folder;
  const std::string iut = source("iut/fragile.yaml");
  const Ended ended = fuzz("--iut " + iut + " --runs 400 --time 200 --most 4 -o " + (folder / "fuzz"));
  EXPECT_EQ(ended.code, 1) << ended.output;
  std::size_t crashes = 0;
  for (const auto& entry : fs::directory_iterator(folder / "fuzz")) {
    const std::string name = entry.path().filename();
    if (entry.path().extension() != ".yaml") continue;
    crashes += name.starts_with("crash-");
    EXPECT_EQ(shell(program() + " lint " + entry.path().string()).code, 0) << name;
    // The scenario does it again: nothing of it passes.
    const Outcome again = run(iut, entry.path().string() + " --retries 0 --within 1", folder, name);
    EXPECT_NE(again.ended.code, 0) << name << ": " << again.ended.output;
    if (name.starts_with("crash-")) {
      EXPECT_NE(again.ended.output.find("exited with status 3"), std::string::npos) << again.ended.output;
    }
  }
  EXPECT_GE(crashes, 1U) << ended.output;
}

TEST(Fuzz, TheSameSeedGivesTheSameMutants) {
  const Folder folder;
  const auto kept = [&](const std::string& name, const std::string& seed) {
    const Ended ended =
        fuzz("--iut " + source("iut/fragile.yaml") + " --runs 60 --most 1 --seed " + seed + " -o " + (folder / name));
    return ended.output.substr(0, ended.output.find(folder.path())) +
           ended.output.substr(ended.output.rfind('\n', ended.output.size() - 2));
  };
  EXPECT_EQ(kept("a", "7"), kept("b", "7"));
}

TEST(Fuzz, TheReferenceTrackerStandsIt) {
  const Folder folder;
  const Ended ended =
      fuzz("--iut " + source("iut/tracker-http.yaml") + " --runs 150 --time 100 -o " + (folder / "fuzz"));
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_NE(ended.output.find("150 mutants, seed 1: 0 found"), std::string::npos) << ended.output;
}

TEST(Fuzz, MistakesAreNamed) {
  const Folder folder;
  EXPECT_EQ(fuzz("--iut " + source("iut/peer-http.yaml") + " -o " + (folder / "fuzz")).code, 2);
  EXPECT_EQ(fuzz("--iut " + source("iut/alto-http.yaml") + " -o " + (folder / "fuzz")).code, 5);
  EXPECT_EQ(fuzz("--iut " + (folder / "none.yaml")).code, 2);
}

}  // namespace
}  // namespace peerscope::e2e
