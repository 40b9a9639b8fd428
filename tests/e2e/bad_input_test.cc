// SPDX-License-Identifier: GPL-2.0-or-later
// Files with mistakes, implementations that are not there or fall silent, runs that are killed.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>

#include "tests/e2e/program.h"

namespace peerscope::e2e {
namespace {

const char* const kScenario = R"(format: 1
scenario: ppstp/tracker/test
title: Test
role: tracker
tests: [P-FIND-03]
let: {swarm: "${hex(8)}"}
steps:
  - id: find
    send: {msg: FIND, with: {find: {swarm_id: $swarm}}}
    expect: {where: {response_type: 0}}
)";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

struct Mistake {
  const char* name;
  const char* from;
  const char* to;
  const char* place;  // ":line:"
  const char* words;
};

class BadScenario : public testing::TestWithParam<Mistake> {};

TEST_P(BadScenario, IsRefusedWithFileAndLine) {
  const Mistake& m = GetParam();
  Folder folder;
  const std::string file = write(folder / "bad.yaml", replaced(kScenario, m.from, m.to));
  for (const std::string& command :
       {std::string(" lint "), " run --iut " + source("iut/tracker-http.yaml") + " --out " + (folder / "out") + " "}) {
    const Ended ended = shell(program() + command + file);
    EXPECT_EQ(ended.code, 2) << ended.output;
    EXPECT_NE(ended.output.find(file + m.place), std::string::npos) << ended.output;
    EXPECT_NE(ended.output.find(m.words), std::string::npos) << ended.output;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Mistakes, BadScenario,
    testing::Values(
        Mistake{"DuplicateKey", "title: Test\n", "title: Test\ntitle: Again\n", ":4:", "appears twice"},
        Mistake{"UnknownKey", "title: Test\n", "titel: Test\ntitle: Test\n", ":3:", "unknown key 'titel'"},
        Mistake{"UnknownField", "where: {response_type: 0}", "where: {respons_type: 0}",
                ":10:", "no field 'respons_type'"},
        Mistake{"UnknownMember", "swarm_id: $swarm", "swarm: $swarm", ":9:", "no member 'swarm'"},
        Mistake{"UnknownRequirement", "P-FIND-03", "P-FIND-99", ":5:", "no requirement 'P-FIND-99'"},
        Mistake{"UnknownVariable", "swarm_id: $swarm", "swarm_id: $swarn", ":9:", "no variable 'swarn'"},
        Mistake{"UnknownMessage", "msg: FIND", "msg: FINDE", ":9:", "no message 'FINDE'"},
        Mistake{"UnknownOperator", "response_type: 0}", "response_type: {equals: 0}}",
                ":10:", "unknown operator 'equals'"},
        Mistake{"ListForText", "title: Test", "title: [a, b]", ":3:", "title: expected a text"},
        Mistake{"TextForList", "tests: [P-FIND-03]", "tests: P-FIND-03", ":5:", "tests: expected a list"},
        Mistake{"BadRepeat", "  - id: find\n", "  - id: find\n    repeat: many\n", ":9:", "repeat: is a number"},
        Mistake{"BadDuration", "expect: {where", "expect: {within: soon, where", ":10:", "expected a duration"},
        Mistake{"Anchor", "title: Test", "title: &t Test", ":3:", "anchors"},
        Mistake{"Syntax", "tests: [P-FIND-03]", "tests: [P-FIND-03", ":6:", ""}),
    [](const auto& test) { return test.param.name; });

struct BadIut {
  const char* name;
  const char* from;
  const char* to;
  const char* words;
};
class BadIutFile : public testing::TestWithParam<BadIut> {};

TEST_P(BadIutFile, IsRefusedWithFileAndLine) {
  const BadIut& m = GetParam();
  Folder folder;
  const std::string file = write(
      folder / "iut.yaml",
      replaced("iut: x\nrole: tracker\nattach: {url: http://127.0.0.1:1/}\nfeatures: [ppstp.v1]\n", m.from, m.to));
  const Ended ended = shell(program() + " lint --iut " + file);
  EXPECT_EQ(ended.code, 2) << ended.output;
  EXPECT_TRUE(std::regex_search(ended.output, std::regex("iut.yaml:[0-9]+:[0-9]+: "))) << ended.output;
  EXPECT_NE(ended.output.find(m.words), std::string::npos) << ended.output;
}

INSTANTIATE_TEST_SUITE_P(
    Mistakes, BadIutFile,
    testing::Values(BadIut{"UnknownKey", "role:", "rolle: x\nrole:", "unknown key 'rolle'"},
                    BadIut{"UnknownRole", "tracker", "relay", "role: is one of tracker, peer"},
                    BadIut{"UnknownFeature", "ppstp.v1", "ppstp.v9", "no feature 'ppstp.v9'"},
                    BadIut{"NoAttachNoStart", "attach: {url: http://127.0.0.1:1/}\n", "", "attach or start is missing"},
                    BadIut{"FeatureWithoutFact", "ppstp.v1", "ppstp.short-timers", "needs facts: track_timer"},
                    BadIut{"MissingProgram", "attach: {", "start: {exec: [/nowhere/tracker], ",
                           "there is no program '/nowhere/tracker'"},
                    BadIut{"UnknownVariable", "attach: {", "start: {exec: [sh, \"${prot}\"], ", "no variable 'prot'"},
                    BadIut{"UnknownVariableInEnv", "attach: {", "start: {exec: [sh], env: {A: \"${swarm}\"}, ",
                           "no variable 'swarm'"},
                    BadIut{"ClaimedAndDenied", "features: [ppstp.v1]", "features: [ppstp.v1]\nnot: [ppstp.v1]",
                           "ppstp.v1 is claimed under features too"},
                    BadIut{"MissingCa",
                           "features:", "tls: {ca: /nowhere/ca.pem}\nfeatures:", "cannot read /nowhere/ca.pem"},
                    BadIut{"TlsOverHttp", "ppstp.v1", "ppstp.tls", "the URL or scheme is http"}),
    [](const auto& test) { return test.param.name; });

TEST(BadInput, UnknownSelectorIsRefused) {
  Folder folder;
  const Outcome checked = run(source("iut/tracker-http.yaml"), "P-HTTP-02", folder);
  EXPECT_EQ(checked.ended.code, 2);
  EXPECT_NE(checked.ended.output.find("P-HTTP-02 is checked on every message"), std::string::npos)
      << checked.ended.output;
  EXPECT_EQ(run(source("iut/tracker-http.yaml"), "P-FIND-99", folder).ended.code, 2);
  EXPECT_EQ(run(folder / "none.yaml", "", folder).ended.code, 2);
}

TEST(BadInput, AnIutFileAmongScenariosIsToldApart) {
  const Ended ended = shell(program() + " lint " + source("iut/tracker-http.yaml"));
  EXPECT_EQ(ended.code, 2);
  EXPECT_NE(ended.output.find("this is an IUT file: check it with --iut"), std::string::npos) << ended.output;
}

TEST(BadInput, AnUnknownRoleOfServeIsNamed) {
  const Ended ended = shell(program() + " serve trackr");
  EXPECT_EQ(ended.code, 2);
  EXPECT_NE(ended.output.find("no role 'trackr'"), std::string::npos) << ended.output;
}

TEST(Explain, TakesPrefixesInAnyCase) {
  const Ended ended = shell(program() + " explain p-find");
  EXPECT_EQ(ended.code, 0);
  EXPECT_NE(ended.output.find("P-FIND-01 "), std::string::npos) << ended.output;
  EXPECT_NE(ended.output.find("P-FIND-04 "), std::string::npos) << ended.output;
  EXPECT_EQ(shell(program() + " explain P-FIND-0").code, 2);
}

TEST(Interrupted, ARunEndsWithItsSummary) {
  Folder folder;
  const Ended ended = shell("timeout --preserve-status -s INT 2 " + program() + " run ppstp/tracker --iut " +
                            source("iut/tracker-https.yaml") + " --out " + (folder / "out"));
  EXPECT_EQ(ended.code, 4) << ended.output;
  EXPECT_NE(ended.output.find("interrupted after"), std::string::npos) << ended.output;
  EXPECT_NE(ended.output.find("summary:"), std::string::npos) << ended.output;
  EXPECT_NE(ended.output.find("results: " + (folder / "out")), std::string::npos) << ended.output;
}

TEST(BadInput, NothingApplicableIsNotGreen) {
  Folder folder;
  EXPECT_EQ(run(source("iut/tracker-http.yaml"), "ppstp/peer", folder).ended.code, 5);
}

// A port that listens and never says anything, or nobody at all.
class Listener {
 public:
  explicit Listener(bool listens) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    (void)bind(fd_, reinterpret_cast<sockaddr*>(&address), size);
    (void)getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    if (listens) (void)listen(fd_, 64);
  }
  ~Listener() { close(fd_); }
  int port() const { return port_; }

 private:
  int fd_ = -1;
  int port_ = 0;
};

std::string attached(const Folder& folder, int port) {
  return write(folder / "iut.yaml", "iut: x\nrole: tracker\nattach: {url: \"http://127.0.0.1:" + std::to_string(port) +
                                        "/\"}\nfeatures: [ppstp.v1]\n");
}

TEST(Unreachable, IsSaidOnceAndExits4) {
  const Listener nobody(false);
  Folder folder;
  const Outcome outcome = run(attached(folder, nobody.port()), "", folder);
  EXPECT_EQ(outcome.ended.code, 4) << outcome.ended.output;
  EXPECT_NE(outcome.ended.output.find("nothing else is run: the plain flow (ppstp/tracker/sanity) could not be run: "),
            std::string::npos)
      << outcome.ended.output;
  EXPECT_NE(outcome.ended.output.find("cannot connect to 127.0.0.1:" + std::to_string(nobody.port())),
            std::string::npos)
      << outcome.ended.output;
}

TEST(Unreachable, ASilentTrackerEndsTheRunSoon) {
  const Listener silent(true);
  Folder folder;
  const Outcome outcome = run(attached(folder, silent.port()), "--within 0.5", folder);
  EXPECT_EQ(outcome.ended.code, 4) << outcome.ended.output;
}

TEST(Unreachable, APortInUseIsNamed) {
  const Listener other(true);
  const Ended ended = shell(program() + " serve tracker --http --listen 127.0.0.1:" + std::to_string(other.port()));
  EXPECT_NE(ended.code, 0);
  EXPECT_NE(ended.output.find("cannot listen on 127.0.0.1:" + std::to_string(other.port())), std::string::npos)
      << ended.output;
}

TEST(Unreachable, AProgramThatCannotStartIsNamed) {
  Folder folder;
  const std::string broken = write(folder / "broken", "#!/nowhere/interpreter\n");
  fs::permissions(broken, fs::perms::owner_all);
  const std::string iut = write(folder / "iut.yaml", "iut: x\nrole: tracker\nstart: {exec: [" + broken +
                                                         "], url: "
                                                         "\"http://127.0.0.1:${port}/\"}\nfeatures: [ppstp.v1]\n");
  const Outcome outcome = run(iut, "", folder);
  EXPECT_EQ(outcome.ended.code, 4) << outcome.ended.output;
  EXPECT_NE(outcome.ended.output.find("cannot run " + broken), std::string::npos) << outcome.ended.output;
}

TEST(Dying, InTheMiddleOfARunIsAFailAndTheRunGoesOn) {
  Folder folder;
  const std::string iut = iut_with("foreign-rich", "--fault, dies-of-unknown-member", folder, "iut");
  const Outcome outcome = run(iut, "--no-slow --retries 0", folder);
  EXPECT_EQ(outcome.ended.code, 1) << outcome.ended.output;
  EXPECT_EQ(outcome.requirements.at("P-JSON-02"), "fail");
  EXPECT_NE(outcome.results.find("exited with status 70"), std::string::npos);
  EXPECT_EQ(outcome.requirements.at("P-VER-04"), "pass") << "scenarios after it are judged";
}

TEST(Killed, LeavesWholeLinesAndNoChild) {
  Folder folder;
  const pid_t pid = fork();
  if (pid == 0) {
    const std::string out = folder / "out";
    const std::string iut = source("iut/tracker-https.yaml");
    execl(program().c_str(), "peerscope", "run", "--quiet", "--iut", iut.c_str(), "--out", out.c_str(), nullptr);
    _exit(127);
  }
  const auto count = [&] {
    const std::string text = read_file(folder / "out/results.jsonl");
    return std::count(text.begin(), text.end(), '\n');
  };
  for (int i = 0; i < 500 && count() < 10; ++i) usleep(20000);
  const std::string child = shell("ps -o pid= --ppid " + std::to_string(pid)).output;
  EXPECT_NE(child.find_first_of("0123456789"), std::string::npos);
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  const std::string text = read_file(folder / "out/results.jsonl");
  ASSERT_FALSE(text.empty());
  EXPECT_EQ(text.back(), '\n');
  EXPECT_EQ(shell("python3 -c 'import json,sys; [json.loads(l) for l in open(sys.argv[1])]' " +
                  (folder / "out/results.jsonl"))
                .code,
            0);
  bool gone = false;
  for (int i = 0; i < 100 && !gone; ++i) {
    gone = kill(static_cast<pid_t>(std::atoi(child.c_str())), 0) != 0;
    usleep(20000);
  }
  EXPECT_TRUE(gone) << "the tracker that the run had started is still there";
}

}  // namespace
}  // namespace peerscope::e2e
