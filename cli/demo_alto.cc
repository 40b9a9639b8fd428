// SPDX-License-Identifier: GPL-2.0-or-later
// peerscope demo alto: two servers on loopback over HTTPS, the topology of the interoperability event at IETF 81 and
// one that changes, and three clients that query and follow; captured, decoded, checked, replayed and reported, with an
// account that someone who never read the RFCs can follow.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "cli/commands.h"
#include "cli/demo_steps.h"
#include "cli/options.h"
#include "harness/capture/live.h"
#include "harness/capture/pdus.h"
#include "harness/engine/process.h"
#include "harness/engine/runner.h"
#include "harness/replay/replay.h"
#include "reference-impl/net/url.h"

namespace peerscope::cli {
namespace {

namespace fs = std::filesystem;
using namespace harness;

// One of the two servers.
struct Server {
  const char* name;
  std::vector<std::string> words;  // of its command
  Process process;
  std::string url;
  std::string port;
};

class AltoDemo {
 public:
  explicit AltoDemo(std::string folder)
      : folder_(std::move(folder)), report_(folder_ + "/report.md", std::ios::binary) {}

  int run(bool in_namespace) {
    say("# Peerscope demo: ALTO\n");
    say("An *ALTO server* tells applications how far things are from each other in a network (RFC 7285): groups of");
    say("addresses, and costs between them, as JSON over HTTPS. This demo starts two servers and three clients on "
        "this");
    say("machine, records what they say, and judges every message.\n");
    if (!talk(in_namespace) || !decode() || !judge()) return code_;
    if (!play("## 4. Replay against a fresh server\n",
              "The clients' questions to the quiet server are asked again. A right server gives the same answers.", "",
              kExitOk))
      return code_;
    if (!play("## 5. The same replay against a server with a defect\n",
              "This server writes endpoint costs as texts. The replay should fail, at the message that shows it.",
              "endpoint-costs-as-text", kExitFail))
      return code_;
    say("## What is in the folder\n");
    say(fmt::format("- {0}/flow.pcapng: the capture, with the TLS secrets inside; open it in Wireshark with the plugin",
                    folder_));
    say(fmt::format(
        "- {0}/replay-fresh and {0}/replay-defect: results.jsonl, junit.xml and the evidence of each replay", folder_));
    say(fmt::format("- {0}/quiet.log, {0}/anna.log, ...: what each program said", folder_));
    say(fmt::format("- {0}/report.md: this text", folder_));
    say(
        fmt::format("\nNext: `{0} alto validate https://...` asks a server of your own for everything, and `{0} run "
                    "--iut IUT.yaml` "
                    "runs the conformance suite.",
                    program()));
    return kExitOk;
  }

 private:
  void say(const std::string& text) {
    std::printf("%s\n", text.c_str());
    std::fflush(stdout);
    report_ << text << "\n" << std::flush;
  }
  bool stop(int code, const std::string& why) {
    say("demo stopped: " + why);
    code_ = code;
    return false;
  }

  // ---- 1. traffic ----

  bool start(Server& server) {
    const std::string ready = fmt::format("{}/{}.url", folder_, server.name);
    std::error_code code;
    fs::remove(ready, code);
    std::vector<std::string> words = {program(),      "serve",       "alto",      "--tls",
                                      "--listen",     "127.0.0.1:0", "--key-log", folder_ + "/tls-keys.log",
                                      "--ready-file", ready};
    words.insert(words.end(), server.words.begin(), server.words.end());
    const std::string log = fmt::format("{}/{}.log", folder_, server.name);
    if (const std::string error = server.process.start(words, {}, log); !error.empty())
      return stop(kExitHarness, error);
    constexpr int kTries = 500;
    for (int i = 0; i < kTries; ++i) {
      server.url = read_file(ready);
      while (!server.url.empty() && (server.url.back() == '\n' || server.url.back() == '\r')) server.url.pop_back();
      if (!server.url.empty()) {
        const auto url = net::Url::parse(server.url);
        server.port = url ? std::to_string(url->port) : "";
        return true;
      }
      if (!server.process.running())
        return stop(kExitHarness, fmt::format("the server {}; see {}", server.process.ending(), log));
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return stop(kExitHarness, "a server was not ready within 5 s; see " + log);
  }

  // A client's command; what it says goes to its log.
  bool client(Process& process, const std::string& name, const std::string& address, std::vector<std::string> words) {
    words.insert(words.begin(), {program(), "alto"});
    words.insert(words.end(), {"--insecure", "--bind", address});
    const std::string error = process.start(words, {}, fmt::format("{}/{}.log", folder_, name));
    return error.empty() ? true : stop(kExitHarness, error);
  }
  bool finish(Process& process, const std::string& name) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (process.running() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (process.exit_status() == 0) return true;
    return stop(kExitHarness, fmt::format("client {} {}; see {}/{}.log", name,
                                          process.running() ? "did not end" : process.ending(), folder_, name));
  }

  bool talk(bool in_namespace) {
    say("## 1. Two servers and three clients\n");
    std::error_code code;
    fs::remove(folder_ + "/tls-keys.log", code);
    if (!start(quiet_) || !start(moving_)) return false;
    LiveCapture capture;
    const std::string refused =
        capture.start("lo", fmt::format("tcp port {} or tcp port {}", quiet_.port, moving_.port));
    if (!refused.empty()) return stop(kExitHarness, refused);
    say(fmt::format("- the *quiet* server at {} has the topology of the interoperability event at IETF 81",
                    quiet_.url));
    say(fmt::format("- the *moving* server at {} has it too, and changes it every second", moving_.url));
    say(fmt::format("- packets of the loopback interface are captured{}",
                    in_namespace ? " inside a network namespace of its own (no privilege was needed)" : ""));
    say("- *anna* reads maps and works out herself which of six addresses is the nearest");
    say("- *ben* lets the server do it, asks for costs below a limit, and for the group of an address");
    say("- *cleo* follows the moving server: the maps once, and then only what changes\n");
    Process anna, cleo;
    if (!client(cleo, "cleo", "127.0.0.4",
                {"watch", moving_.url, "--resource", "networkmap", "--resource", "costmap-num-routingcost",
                 "--duration", "6"}))
      return false;
    if (!client(anna, "anna", "127.0.0.2",
                {"rank", quiet_.url, "--from", "10.0.0.1", "--to",
                 "192.168.10.5,130.0.1.1,2001:db8::1,16.0.0.1,15.0.0.1,128.0.7.7", "--by", "maps"}))
      return false;
    const std::vector<std::vector<std::string>> questions = {
        {"rank", quiet_.url, "--from", "10.0.0.1", "--to", "192.168.10.5,130.0.1.1,16.0.0.1", "--by", "ecs"},
        {"rank", quiet_.url, "--from", "10.0.0.1", "--to", "192.168.10.5,130.0.1.1,16.0.0.1", "--constraint", "le 40"},
        {"get", quiet_.url, "endpointprop", "--input",
         R"({"properties":["networkmap.pid"],"endpoints":["ipv4:192.168.10.7","ipv6:2001:db8::7"]})"},
        {"get", quiet_.url, "filterednetworkmap", "--input", R"({"pids":["mypid1","peeringpid2"]})"}};
    for (std::size_t i = 0; i < questions.size(); ++i) {
      Process ben;
      const std::string name = fmt::format("ben-{}", i + 1);
      if (!client(ben, name, "127.0.0.3", questions[i]) || !finish(ben, name)) return false;
    }
    if (!finish(anna, "anna") || !finish(cleo, "cleo")) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));  // the last packets
    capture.stop();
    constexpr double kPatience = 5;
    quiet_.process.stop(kPatience);
    moving_.process.stop(kPatience);
    flow_ = folder_ + "/flow.pcapng";
    if (const std::string error = capture.write(flow_, read_file(folder_ + "/tls-keys.log")); !error.empty())
      return stop(kExitHarness, error);
    for (const char* name : {"anna", "ben-1", "ben-2", "cleo"}) {
      say(fmt::format("{} says:\n\n```", name));
      std::istringstream lines(read_file(fmt::format("{}/{}.log", folder_, name)));
      constexpr std::size_t kMostLines = 14;
      std::string line;
      for (std::size_t i = 0; i < kMostLines && std::getline(lines, line); ++i) say(line);
      say("```\n");
    }
    say(fmt::format("{} packets captured, {} lost: {}\n", capture.packets(), capture.dropped(), flow_));
    return true;
  }

  // ---- 2. decode ----

  bool decode() {
    say("## 2. What Wireshark shows\n");
    const DecodedTable table = decoded_table(flow_, "alto");
    if (!table.error.empty()) return stop(kExitHarness, table.error);
    say(table.text);
    say("(A *network map* groups addresses, a *cost map* has costs between groups; the event stream is cleo's, with "
        "every change.)\n");
    return true;
  }

  // ---- 3. check ----

  bool judge() {
    say("## 3. Every message judged\n");
    capture_ = read_capture(flow_, "", PEERSCOPE_VERSION);
    if (!capture_.error.empty()) return stop(kExitHarness, capture_.error);
    const Judgement judgement = judge_flow(capture_.messages, {{"alto", "RFC 7285 and its extensions"}});
    say(judgement.text);
    say(fmt::format("The same by hand: `{} check {}`\n", program(), flow_));
    return judgement.clean ? true : stop(kExitFail, "the reference servers and clients should break nothing");
  }

  // ---- 4, 5. replay ----

  // Both directions of the quiet server's traffic, each response with its request.
  std::vector<CapturedMessage> quiet_messages() const {
    const std::string server = "127.0.0.1:" + quiet_.port;
    std::vector<CapturedMessage> out;
    std::vector<std::size_t> place(capture_.messages.size(), CapturedMessage::kNone);
    for (std::size_t i = 0; i < capture_.messages.size(); ++i) {
      const CapturedMessage& one = capture_.messages[i];
      if (one.message->source != server && one.message->destination != server) continue;
      place[i] = out.size();
      out.push_back(one);
      if (one.request != CapturedMessage::kNone) out.back().request = place[one.request];
    }
    return out;
  }

  bool play(const std::string& title, const std::string& text, const std::string& defect, int wanted) {
    say(title);
    say(text + "\n");
    const std::string folder = folder_ + (defect.empty() ? "/replay-fresh" : "/replay-defect");
    if (const std::string error = make_directory(folder); !error.empty()) return stop(kExitUsage, error);
    const std::string file = folder + "/iut.yaml";
    std::ofstream out(file);
    out << "iut: " << (defect.empty() ? "fresh reference server" : "server with " + defect)
        << "\nrole: alto-server\nstart:\n  exec: [\"" << program()
        << "\", serve, alto, --tls, --listen, \"127.0.0.1:${port}\"";
    if (!defect.empty()) out << ", --defect, " << defect;
    out << "]\n  url: \"https://127.0.0.1:${port}/directory\"\n";
    out.close();
    std::string error;
    const IutFile iut_file = load_iut(file, error);
    if (!error.empty()) return stop(kExitHarness, error);
    ReplayOptions options;
    options.evidence_path = folder + "/replay.pcapng";
    options.work_directory = folder;
    const std::unique_ptr<ResultsFile> results = ResultsFile::open(folder + "/results.jsonl", error);
    if (!results) return stop(kExitUsage, error);
    Iut iut(iut_file, folder);
    if (error = iut.start({}); !error.empty()) return stop(kExitHarness, error);
    const std::vector<CapturedMessage> messages = quiet_messages();
    const ReplayResult result = harness::replay(messages, iut, options);
    iut.stop();
    results->header("replay", iut_file.name, PEERSCOPE_VERSION, rules_hash(), options.seed);
    results->attempt(result.attempt);
    const int code = exit_code({result.attempt.verdict});
    results->footer(code);
    (void)write_junit(folder + "/junit.xml", iut_file.name, {{result.attempt, result.attempt.verdict}}, {});
    say(fmt::format("{} of {} messages played, {} answers compared, {} differ.", result.played, result.playable,
                    result.compared, result.divergences.size()));
    for (const RuleHit& hit : result.attempt.hits) {
      if (hit.verdict >= Verdict::kWarn)
        say(fmt::format("- {} **{}** [{}] after captured {}: {}", to_string(hit.verdict), hit.rule->id,
                        hit.rule->section, hit.where, hit.detail));
    }
    if (!result.divergences.empty()) {
      const Divergence& first = result.divergences.front();
      say(fmt::format("\nFirst difference, at the answer to captured \"{}\" (frame {}): {}", first.summary, first.frame,
                      first.what));
      say(fmt::format("Evidence with a comment on that packet: {}", options.evidence_path));
    }
    say(fmt::format("verdict: **{}**{}\n", to_string(result.attempt.verdict),
                    code == wanted ? " (as it should be)" : ""));
    if (code == wanted && result.played > 0) return true;
    return stop(
        code == kExitOk ? kExitHarness : code,
        fmt::format("this replay should end with exit code {}, not {}: {}", wanted, code, result.attempt.reason));
  }

  std::string folder_;
  std::ofstream report_;
  int code_ = kExitOk;
  std::string flow_;
  Server quiet_{"quiet", {}, {}, {}, {}};
  Server moving_{"moving", {"--changing", "1"}, {}, {}, {}};
  CaptureResult capture_;
};

}  // namespace

int demo_alto(int argc, char** argv) {
  CLI::App app{
      "Two ALTO servers and three clients on loopback over HTTPS: capture, decode, check, replay, report. Takes about "
      "15 seconds.",
      "demo alto"};
  std::string folder = "peerscope-demo-alto";
  bool in_namespace = false;
  app.add_option("--out", folder, "folder for capture and report (default: peerscope-demo-alto)");
  app.add_flag("--in-namespace", in_namespace, "set by the demo itself when it runs inside a network namespace")
      ->group("");
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  if (const std::string error = make_directory(folder); !error.empty()) return fail(kExitUsage, error);
  folder = fs::absolute(folder).string();
  // Without the right to capture on this host's loopback, a user and network namespace gives a loopback of its own.
  LiveCapture probe;
  if (!in_namespace && !probe.start("lo", "tcp port 1").empty()) {
    const std::string command =
        fmt::format("ip link set lo up && exec '{}' demo alto --in-namespace --out '{}'", program(), folder);
    if (run_command({"unshare", "--user", "--map-root-user", "--net", "true"}, {}, 10).status == 0) {
      std::fflush(stdout);
      execlp("unshare", "unshare", "--user", "--map-root-user", "--net", "sh", "-c", command.c_str(), nullptr);
    }
  }
  probe.stop();
  return AltoDemo(folder).run(in_namespace);
}

}  // namespace peerscope::cli
