// SPDX-License-Identifier: GPL-2.0-or-later
// RELOAD from the command line: a new overlay, two peers that enrol, a client; and the demonstration.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <chrono>
#include <thread>

#include "tests/e2e/program.h"

namespace peerscope::e2e {
namespace {

// A command in the background; killed with the object.
class Background {
 public:
  Background(const std::string& command, std::string log) : log_(std::move(log)) {
    pid_ = fork();
    if (pid_ == 0) {
      execl("/bin/sh", "sh", "-c", ("exec " + command + " >'" + log_ + "' 2>&1").c_str(), nullptr);
      _exit(127);
    }
  }
  ~Background() {
    if (pid_ > 0) stop(SIGKILL);
  }
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  int stop(int signal_number) {
    kill(pid_, signal_number);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  std::string log() const { return read_file(log_); }

 private:
  std::string log_;
  pid_t pid_ = -1;
};

bool wait_for(const std::string& path) {
  for (int i = 0; i < 600 && !fs::exists(path); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  return fs::exists(path);
}

TEST(Reload, PeersEnrolAndAClientStoresFetchesAndIsRefused) {
  const Folder folder;
  const std::string serve = "'" + program() + "' serve reload --key-type p256 ";
  Background first(serve + "--enrollment 127.0.0.1:0 --overlay overlay.example.org --https-ca-out " +
                       folder / "ca.pem" + " --ready-file " + folder / "first" + " --trace " + folder / "trace.pcapng",
                   folder / "first.log");
  ASSERT_TRUE(wait_for(folder / "first")) << first.log();
  const std::string log = first.log();
  const std::size_t at = log.find("https://");
  ASSERT_NE(at, std::string::npos);
  const std::string config = "--config " + log.substr(at, log.find('\n', at) - at) + " --https-ca " + folder / "ca.pem";
  Background second(serve + config + " --user bob@example.org --ready-file " + folder / "second",
                    folder / "second.log");
  Background third(serve + config + " --user carol@example.org --ready-file " + folder / "third", folder / "third.log");
  ASSERT_TRUE(wait_for(folder / "second")) << second.log();
  ASSERT_TRUE(wait_for(folder / "third")) << third.log();
  const auto ask = [&](const std::string& what) {
    return shell("'" + program() + "' reload " + what + " --key-type p256 --user alice@example.org --identity " +
                 folder / "alice.pem" + " " + config);
  };
  const Ended ping = ask("ping bob@example.org");
  EXPECT_EQ(ping.code, 0) << ping.output;
  EXPECT_NE(ping.output.find("time "), std::string::npos);
  const Ended stored = ask("store alice@example.org 'hello world'");
  EXPECT_EQ(stored.code, 0) << stored.output;
  EXPECT_NE(stored.output.find("generation 1, 2 replicas"), std::string::npos) << stored.output;
  const Ended fetched = ask("fetch alice@example.org");
  EXPECT_EQ(fetched.code, 0) << fetched.output;
  EXPECT_NE(fetched.output.find("\"hello world\""), std::string::npos);
  const Ended foreign = ask("store bob@example.org x");
  EXPECT_EQ(foreign.code, 1);
  EXPECT_NE(foreign.output.find("Error_Forbidden"), std::string::npos);
  EXPECT_EQ(ask("fetch nobody@example.org").code, 1);
  EXPECT_EQ(ask("store x y --kind 0x55").code, 2);
  // One leaves in order, one is killed: the value stays.
  EXPECT_EQ(second.stop(SIGTERM), 0) << second.log();
  EXPECT_NE(ask("fetch alice@example.org").output.find("\"hello world\""), std::string::npos);
  third.stop(SIGKILL);
  EXPECT_NE(ask("fetch alice@example.org").output.find("\"hello world\""), std::string::npos);
  EXPECT_EQ(first.stop(SIGTERM), 0) << first.log();
  EXPECT_GT(fs::file_size(folder / "trace.pcapng"), 10'000U);
}

TEST(Reload, EnrollmentIsForThoseWhoAreNamed) {
  const Folder folder;
  std::ofstream(folder / "users.txt") << "# who may join\nbob@example.org:secret\n";
  Background first("'" + program() + "' serve reload --key-type p256 --enrollment 127.0.0.1:0 --enrollment-users " +
                       folder / "users.txt" + " --overlay overlay.example.org --https-ca-out " + folder / "ca.pem" +
                       " --config-out " + folder / "overlay.xml" + " --ready-file " + folder / "first",
                   folder / "first.log");
  ASSERT_TRUE(wait_for(folder / "first")) << first.log();
  const auto ping_as = [&](const std::string& user, const std::string& password) {
    return shell("'" + program() + "' reload ping " + "bob@example.org --key-type p256 --config " +
                 folder / "overlay.xml" + " --https-ca " + folder / "ca.pem" + " --user " + user + " --password " +
                 password);
  };
  const Ended known = ping_as("bob@example.org", "secret");
  EXPECT_EQ(known.code, 0) << known.output;
  for (const auto& [user, password] :
       {std::pair{"bob@example.org", "wrong"}, std::pair{"mallory@example.org", "secret"}}) {
    const Ended refused = ping_as(user, password);
    EXPECT_EQ(refused.code, 3) << refused.output;
    EXPECT_NE(refused.output.find("403"), std::string::npos) << refused.output;
  }
}

TEST(Reload, DtlsPeersServeAClientThatFollowsTheWay) {
  const Folder folder;
  const std::string serve = "'" + program() + "' serve reload --key-type p256 --open-diagnostics ";
  Background first(serve + "--link both --enrollment 127.0.0.1:0 --overlay overlay.example.org --https-ca-out " +
                       folder / "ca.pem" + " --ready-file " + folder / "first",
                   folder / "first.log");
  ASSERT_TRUE(wait_for(folder / "first")) << first.log();
  const std::string log = first.log();
  const std::size_t at = log.find("https://");
  ASSERT_NE(at, std::string::npos);
  const std::string config = "--config " + log.substr(at, log.find('\n', at) - at) + " --https-ca " + folder / "ca.pem";
  Background second(serve + "--link dtls " + config + " --user bob@example.org --ready-file " + folder / "second",
                    folder / "second.log");
  ASSERT_TRUE(wait_for(folder / "second")) << second.log();
  const auto ask = [&](const std::string& what) {
    return shell("'" + program() + "' reload " + what + " --key-type p256 --user alice@example.org --identity " +
                 folder / "alice.pem" + " " + config);
  };
  EXPECT_EQ(ask("store alice@example.org 'hello datagrams' --link dtls").code, 0);
  EXPECT_NE(ask("fetch alice@example.org --link tls").output.find("\"hello datagrams\""), std::string::npos);
  const Ended path = ask("pathtrack alice@example.org --diagnostics");
  EXPECT_EQ(path.code, 0) << path.output;
  EXPECT_NE(path.output.find(", responsible"), std::string::npos) << path.output;
  EXPECT_NE(path.output.find("ROUTING_TABLE_SIZE  1"), std::string::npos) << path.output;
  EXPECT_NE(path.output.find("SOFTWARE_VERSION"), std::string::npos) << path.output;
  // Killed without a word; the network says that its port is gone.
  second.stop(SIGKILL);
  EXPECT_NE(ask("fetch alice@example.org").output.find("\"hello datagrams\""), std::string::npos);
  EXPECT_EQ(first.stop(SIGTERM), 0) << first.log();
}

// A node of another hand, which knows the RFC and the topology TEST only.
TEST(Reload, ForeignNodeJoinsServesAndLeaves) {
  const Folder folder;
  Background first("'" + program() + "' serve reload --key-type p256 --topology TEST --enrollment 127.0.0.1:0" +
                       " --overlay overlay.example.org --https-ca-out " + folder / "ca.pem" + " --ready-file " +
                       folder / "first",
                   folder / "first.log");
  ASSERT_TRUE(wait_for(folder / "first")) << first.log();
  const std::string log = first.log();
  const std::size_t at = log.find("https://");
  ASSERT_NE(at, std::string::npos);
  const std::string config = "--config " + log.substr(at, log.find('\n', at) - at) + " --https-ca " + folder / "ca.pem";
  const std::string script = "python3 '" + source("foreign/reload_node.py") + "' " + config;
  Background foreign(script + " --user peer@example.org --ready-file " + folder / "foreign" + " peer",
                     folder / "foreign.log");
  ASSERT_TRUE(wait_for(folder / "foreign")) << foreign.log();
  const std::string where = read_file(folder / "foreign");
  const std::string through = " --bootstrap " + where.substr(0, where.find(' '));
  const std::string node = where.substr(where.find(' ') + 1);

  // A foreign client, through the reference node and through the foreign peer.
  const auto foreign_asks = [&](const std::string& what) {
    return shell(script + " --user alice@example.org --identity " + folder / "alice.pem" + " " + what);
  };
  for (const std::string& by : {std::string(), through}) {
    for (const std::string& what : {"ping node:" + node, "attach node:" + node}) {
      const Ended asked = foreign_asks(what + by);
      EXPECT_EQ(asked.code, 0) << what << asked.output;
      EXPECT_NE(asked.output.find(node), std::string::npos) << asked.output;
    }
  }
  const Ended stored = foreign_asks("store alice@example.org 'by a foreign client'");
  EXPECT_EQ(stored.code, 0) << stored.output;
  EXPECT_NE(foreign_asks("fetch alice@example.org" + through).output.find("by a foreign client"), std::string::npos);
  const Ended forbidden = foreign_asks("store bob@example.org x");
  EXPECT_EQ(forbidden.code, 1);
  EXPECT_NE(forbidden.output.find("error 0x2"), std::string::npos) << forbidden.output;

  // The reference client, through the foreign peer.
  const auto ask = [&](const std::string& what) {
    return shell("'" + program() + "' reload " + what + " --key-type p256 --user bob@example.org --identity " +
                 folder / "bob.pem" + " " + config);
  };
  EXPECT_EQ(ask("ping node:" + node + through).code, 0);
  const Ended by_reference = ask("store bob@example.org 'by the reference'" + through);
  EXPECT_EQ(by_reference.code, 0) << by_reference.output;
  const std::map<std::string, std::string> values = {
      {"alice@example.org", "by a foreign client"},
      {"bob@example.org", "by the reference"},
      {"resource:" + node + " --kind 0xf0000004", "of the foreign peer"}};
  const auto expect_all = [&](const std::string& by) {
    for (const auto& [place, text] : values) {
      const Ended fetched = ask("fetch " + place + by);
      EXPECT_NE(fetched.output.find('"' + text + '"'), std::string::npos) << place << by << ": " << fetched.output;
    }
  };
  expect_all("");
  expect_all(through);
  // Nobody is nearer to its Node-ID: it was given the value when it joined, and answered for it.
  EXPECT_NE(foreign.log().find("stored " + node + " replica 1"), std::string::npos) << foreign.log();
  EXPECT_NE(foreign.log().find("fetched " + node), std::string::npos) << foreign.log();
  EXPECT_EQ(foreign.stop(SIGTERM), 0) << foreign.log();
  EXPECT_EQ(foreign.log().find("leave:"), std::string::npos) << foreign.log();
  expect_all("");
  EXPECT_EQ(first.stop(SIGTERM), 0) << first.log();
}

double seconds_of_children() {
  rusage used{};
  getrusage(RUSAGE_CHILDREN, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

TEST(Reload, FiftyNodesJoinWithinAMinute) {
  const double before = seconds_of_children();
  const Ended demo = shell("'" + program() + "' demo reload --key-type p256 --nodes 50 --values 50 --kill 1");
  EXPECT_EQ(demo.code, 0) << demo.output;
  const std::size_t at = demo.output.find("50 nodes are peers after ");
  ASSERT_NE(at, std::string::npos) << demo.output;
  // Processor time of all that follows too, so that a busy machine does not decide; by the clock the bound is generous.
  EXPECT_LT(seconds_of_children() - before, 60.0);
  EXPECT_LT(std::stod(demo.output.substr(at + 25)), 300.0);
  EXPECT_NE(demo.output.find("survivors fetch all: 50 of 50 values"), std::string::npos) << demo.output;
}

TEST(Reload, DemoOverDtlsLosesNothing) {
  const Ended demo = shell("'" + program() + "' demo reload --key-type p256 --nodes 5 --values 40 --link dtls");
  EXPECT_EQ(demo.code, 0) << demo.output;
  EXPECT_NE(demo.output.find("survivors fetch all: 40 of 40 values"), std::string::npos) << demo.output;
}

TEST(Reload, DemoLosesNothing) {
  const Ended demo = shell("'" + program() + "' demo reload --key-type p256 --nodes 6 --values 120");
  EXPECT_EQ(demo.code, 0) << demo.output;
  EXPECT_NE(demo.output.find("survivors fetch all: 120 of 120 values"), std::string::npos) << demo.output;
  EXPECT_NE(demo.output.find("All values have their copies again"), std::string::npos) << demo.output;
}

TEST(Reload, SimulateWritesFiguresAndPlot) {
  const Folder folder;
  const Ended run = shell("'" + program() + "' simulate reload --nodes 20,50 --lookups 100 --values 20 --plot " +
                          folder / "hops.svg");
  EXPECT_EQ(run.code, 0) << run.output;
  EXPECT_NE(run.output.find("50 nodes, simulated"), std::string::npos) << run.output;
  EXPECT_NE(read_file(folder / "hops.svg").find("</svg>"), std::string::npos);
}

TEST(Reload, WrongUsageIsSaid) {
  const auto code = [](const std::string& arguments) { return shell("'" + program() + "' " + arguments).code; };
  EXPECT_EQ(code("reload"), 2);
  EXPECT_EQ(code("reload ping --config http://127.0.0.1:1/x --user a@b"), 3);
  EXPECT_EQ(code("reload fetch x --config /does/not/exist --user a@b"), 3);
  EXPECT_EQ(code("simulate"), 2);
  EXPECT_EQ(code("simulate reload --nodes 1"), 2);
  EXPECT_EQ(code("serve reload --topology RING --enrollment 127.0.0.1:0"), 2);
  EXPECT_EQ(code("serve reload --log-level loud"), 2);
  EXPECT_EQ(code("serve reload --enrollment 127.0.0.1:0 --link udp"), 2);
  EXPECT_EQ(code("serve reload --enrollment 127.0.0.1:0 --mtu 100"), 2);
  EXPECT_EQ(code("serve reload --overlay x.org --enrollment-users users.txt"), 2);
}

}  // namespace
}  // namespace peerscope::e2e
