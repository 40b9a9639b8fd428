// SPDX-License-Identifier: GPL-2.0-or-later
// What happens when something is killed, or a disk is full, in the middle of the work: what was decided is kept,
// nothing is left running, and no verdict comes of it.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>

#include "tests/e2e/program.h"

namespace peerscope::e2e {
namespace {

const std::string kSession = std::string(PEERSCOPE_SOURCE_DIR) + "/captures/ppstp/session/flow.pcapng";

bool says(const Ended& ended, const std::string& words) {
  return ended.output.find(words) != std::string::npos;
}

// Processes whose command line has these words.
std::vector<pid_t> processes_with(const std::string& words) {
  std::vector<pid_t> out;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator("/proc", code)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::string line = read_file(entry.path() / "cmdline");
    std::replace(line.begin(), line.end(), '\0', ' ');
    if (line.find(words) != std::string::npos && std::stoi(name) != getpid()) out.push_back(std::stoi(name));
  }
  return out;
}

bool within(double seconds, const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

// A tracker whose command line names the test's folder, so that the test finds its process.
std::string tracker_in(const Folder& folder) {
  fs::copy(source("foreign/plain_tracker.py"), folder / "tracker.py");
  return write(folder / "iut.yaml",
               "iut: plain\nrole: tracker\nstart:\n  exec: [python3, \"${here}/tracker.py\", \"${port}\", "
               "\"1.5\"]\n  url: http://127.0.0.1:${port}/video_1\nfeatures: [ppstp.v1]\n");
}

std::size_t verdicts_in(const std::string& path) {
  std::istringstream lines(read_file(path));
  std::size_t n = 0;
  for (std::string line; std::getline(lines, line);) n += member(line, "type") == "verdict" && line.back() == '}';
  return n;
}

// `peerscope run` in the background.
class Background {
 public:
  Background(const std::vector<std::string>& words, const std::string& log) {
    pid_ = fork();
    if (pid_ != 0) return;
    const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    dup2(file, 1);
    dup2(file, 2);
    std::vector<char*> argv;
    std::vector<std::string> all = words;
    all.insert(all.begin(), program());
    for (std::string& word : all) argv.push_back(word.data());
    argv.push_back(nullptr);
    execv(argv.front(), argv.data());
    _exit(127);
  }
  ~Background() {
    if (pid_ > 0) (void)end(SIGKILL);
  }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  // Its wait status.
  int end(int signal) {
    if (signal != 0) kill(pid_, signal);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }

 private:
  pid_t pid_ = -1;
};

// The clock goes by an hour, back and forth, while waits and timers are judged by it.
TEST(Robust, AClockThatJumpsMakesNoWrongVerdict) {
  std::string library;
  for (const auto& entry : fs::directory_iterator("/usr/lib")) {
    const fs::path one = entry.path() / "faketime/libfaketimeMT.so.1";
    if (fs::exists(one)) library = one;
  }
  ASSERT_FALSE(library.empty()) << "the package libfaketime is not installed";
  const Folder folder;
  const std::string offset = write(folder / "offset", "+0");
  const std::string iut = tracker_in(folder);
  const std::string results = folder / "out/results.jsonl";
  ASSERT_EQ(setenv("LD_PRELOAD", library.c_str(), 1), 0);
  ASSERT_EQ(setenv("FAKETIME_TIMESTAMP_FILE", offset.c_str(), 1), 0);
  ASSERT_EQ(setenv("FAKETIME_NO_CACHE", "1", 1), 0);
  ASSERT_EQ(setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1", 1), 0);
  Background run({"run", "ppstp", "--iut", iut, "--out", folder / "out"}, folder / "log");
  for (const char* name :
       {"LD_PRELOAD", "FAKETIME_TIMESTAMP_FILE", "FAKETIME_NO_CACHE", "FAKETIME_DONT_FAKE_MONOTONIC"})
    unsetenv(name);
  constexpr int kJumps = 6;
  for (int i = 0; i < kJumps; ++i) {
    const std::size_t decided = verdicts_in(results);
    ASSERT_TRUE(within(60, [&] { return verdicts_in(results) > decided; })) << read_file(folder / "log");
    write(folder / "offset", i % 2 == 0 ? "+3600" : "-60");
  }
  const int status = run.end(0);
  ASSERT_TRUE(WIFEXITED(status));
  const std::string told = read_file(folder / "log");
  EXPECT_TRUE(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 4) << told;
  const std::string all = read_file(results);
  EXPECT_NE(all.find("this machine's clock jumped by"), std::string::npos) << told;
  EXPECT_EQ(all.find("\"verdict\":\"fail\""), std::string::npos) << told;
}

TEST(Robust, AKilledHarnessKeepsWhatItDecidedAndLeavesNothingBehind) {
  const Folder folder;
  const std::string iut = tracker_in(folder);
  const std::string results = folder / "out/results.jsonl";
  Background run({"run", "--iut", iut, "--out", folder / "out", "--no-slow"}, folder / "log");
  constexpr std::size_t kSome = 5;
  ASSERT_TRUE(within(60, [&] { return verdicts_in(results) >= kSome; })) << read_file(folder / "log");
  ASSERT_FALSE(processes_with(folder / "tracker.py").empty());
  const int status = run.end(SIGKILL);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(within(3, [&] { return processes_with(folder / "tracker.py").empty(); })) << "the tracker runs on";
  // The file tells of what was decided, and the report says that it is not all.
  const std::size_t decided = verdicts_in(results);
  EXPECT_GE(decided, kSome);
  const Ended tap = shell(program() + " report --format tap " + (folder / "out"));
  EXPECT_EQ(tap.code, 0) << tap.output;
  EXPECT_TRUE(says(tap, "ppstp/tracker/sanity")) << tap.output;
  const Ended merged = shell(program() + " merge " + (folder / "out") + " -o " + (folder / "merged"));
  EXPECT_EQ(merged.code, 4) << "a killed run has planned runs that are missing: " << merged.output;
  // The next run starts as if nothing had been.
  const Ended next = shell(program() + " run ppstp/tracker/sanity --iut " + iut + " --out " + (folder / "out"));
  EXPECT_EQ(next.code, 0) << next.output;
  EXPECT_EQ(verdicts_in(results), 1U);
}

TEST(Robust, AKilledImplementationIsStartedAgainAndNotBlamedForWhatFollows) {
  const Folder folder;
  const std::string iut = tracker_in(folder);
  const std::string results = folder / "out/results.jsonl";
  Background run(
      {"run", "ppstp/tracker/sanity", "ppstp/tracker/find", "ppstp/tracker/peer-count", "ppstp/tracker/stat-report",
       "ppstp/tracker/connect-leech", "ppstp/tracker/connect-seeder-many", "--iut", iut, "--out", folder / "out"},
      folder / "log");
  ASSERT_TRUE(within(60, [&] { return verdicts_in(results) >= 1; })) << read_file(folder / "log");
  for (const pid_t pid : processes_with(folder / "tracker.py")) kill(pid, SIGKILL);
  const int status = run.end(0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_NE(WEXITSTATUS(status), 3) << read_file(folder / "log");
  // What it was killed in came again on a fresh start; nothing stays failed.
  EXPECT_EQ(read_file(results).find("\"type\":\"verdict\",\"scenario\":\"ppstp/tracker/sanity\",\"verdict\":\"fail\""),
            std::string::npos);
  EXPECT_EQ(WEXITSTATUS(status), 0) << read_file(folder / "log");
  EXPECT_TRUE(within(3, [&] { return processes_with(folder / "tracker.py").empty(); }));
}

TEST(Robust, AKilledTsharkIsNoVerdict) {
  const Folder folder;
  chmod(folder.path().c_str(), 0777);  // tshark runs under another uid when the tests run as root
  const std::string wrapper = write(folder / "tshark", "#!/bin/sh\nkill -9 $$\n");
  chmod(wrapper.c_str(), 0755);
  const Ended ended =
      shell("PEERSCOPE_TSHARK=" + wrapper + " " + program() + " check --out " + (folder / "out") + " " + kSession);
  EXPECT_EQ(ended.code, 3) << ended.output;
  EXPECT_FALSE(says(ended, "verdict: pass")) << ended.output;
  EXPECT_EQ(read_file(folder / "out/results.jsonl").find("\"verdict\":\"pass\""), std::string::npos);
}

TEST(Robust, ACheckThatIsKilledTakesTsharkAlong) {
  const Folder folder;
  chmod(folder.path().c_str(), 0777);
  // A tshark that never ends.
  const std::string sleeps = "sleep 12345." + std::to_string(getpid());
  const std::string wrapper = write(folder / "tshark", "#!/bin/sh\nexec " + sleeps + "\n");
  chmod(wrapper.c_str(), 0755);
  setenv("PEERSCOPE_TSHARK", wrapper.c_str(), 1);
  Background run({"check", kSession}, folder / "log");
  unsetenv("PEERSCOPE_TSHARK");
  ASSERT_TRUE(within(20, [&] { return !processes_with(sleeps).empty(); })) << read_file(folder / "log");
  (void)run.end(SIGKILL);
  EXPECT_TRUE(within(3, [&] { return processes_with(sleeps).empty(); })) << "tshark runs on";
}

// /dev/full takes no byte.
std::string full(const Folder& folder, const std::string& name) {
  const fs::path path = folder / name;
  fs::create_directories(path.parent_path());
  fs::create_symlink("/dev/full", path);
  return path.string();
}

TEST(Robust, AFullDiskIsAnErrorOfTheHarness) {
  const Folder folder;
  const std::string iut = source("iut/tracker-http.yaml");
  full(folder, "run/results.jsonl");
  const Ended run = shell(program() + " run ppstp/tracker/sanity --iut " + iut + " --out " + (folder / "run"));
  EXPECT_EQ(run.code, 3) << run.output;
  EXPECT_TRUE(says(run, "No space left on device")) << run.output;
  full(folder, "check/results.jsonl");
  const Ended check = shell(program() + " check --out " + (folder / "check") + " " + kSession);
  EXPECT_EQ(check.code, 3) << check.output;
  EXPECT_TRUE(says(check, "No space left on device")) << check.output;
  const Ended record = shell(program() + " record " + kSession + " -o " + full(folder, "rec/flow.pcapng"));
  EXPECT_EQ(record.code, 3) << record.output;
  full(folder, "replay/replay.pcapng");
  const Ended replay = shell(program() + " replay " + kSession + " --iut " + iut + " --out " + (folder / "replay"));
  EXPECT_EQ(replay.code, 3) << replay.output;
}

TEST(Robust, AFileAtItsLimitIsAnErrorOfTheHarness) {
  const Folder folder;
  const Ended ended =
      shell("prlimit --fsize=3000 " + program() + " run ppstp/tracker/sanity ppstp/tracker/find --iut " +
            source("iut/tracker-http.yaml") + " --out " + (folder / "out"));
  EXPECT_EQ(ended.code, 3) << ended.output;
  EXPECT_TRUE(says(ended, "File too large")) << ended.output;
}

TEST(Robust, AFolderThatCannotBeWrittenIsToldBeforeTheWork) {
  const Folder folder;
  const std::string file = write(folder / "file", "");
  const std::string iut = source("iut/tracker-http.yaml");
  for (const std::string& line :
       {"run ppstp/tracker/sanity --iut " + iut + " --out " + file + "/out",
        "replay " + kSession + " --iut " + iut + " --out " + file + "/out",
        "minimize " + kSession + " --iut " + iut + " -o " + file + "/out", "fuzz --iut " + iut + " -o " + file + "/out",
        "matrix --iut " + iut + " -o " + file + "/out", "record " + kSession + " -o " + file + "/out"}) {
    const Ended ended = shell(program() + " " + line);
    EXPECT_EQ(ended.code, 2) << line << ": " << ended.output;
    EXPECT_TRUE(says(ended, file)) << ended.output;
  }
}

}  // namespace
}  // namespace peerscope::e2e
