// SPDX-License-Identifier: GPL-2.0-or-later
// peerscope demo: a tracker and peers on loopback over HTTPS, captured, decoded, checked, replayed and reported, with
// an account that someone who never read the RFC can follow.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdarg>
#include <cstdlib>
#include <filesystem>
#include <fstream>
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

namespace peerscope::cli {
namespace {

namespace fs = std::filesystem;
using namespace harness;

// The lists of peers on both sides: what a reader wants to compare. The whole field trees are in results.jsonl.
std::string differing_lines(const std::string& expected, const std::string& seen) {
  const auto peers = [](const std::string& tree) {
    std::string out;
    std::istringstream lines(tree);
    bool in_list = false;
    for (std::string line; std::getline(lines, line);) {
      if (line.find("peer_group") != std::string::npos) in_list = true;
      const std::size_t at = line.find("peer_id: ");
      if (in_list && at != std::string::npos) out += (out.empty() ? "" : ", ") + line.substr(at + 9);
    }
    return out.empty() ? std::string("(no list)") : out;
  };
  return fmt::format("expected peers: {}\nseen peers:     {}", peers(expected), peers(seen));
}

class Demo {
 public:
  explicit Demo(std::string folder) : folder_(std::move(folder)), report_(folder_ + "/report.md", std::ios::binary) {}

  int run(bool in_namespace) {
    say("# Peerscope demo\n");
    say("A *tracker* tells peers who else shares a stream. Peers speak PPSTP (RFC 7846) with it: JSON over HTTPS. This "
        "demo");
    say("starts a tracker and five peers on this machine, records what they say, and judges every message.\n");
    if (!talk(in_namespace)) return code_;
    if (!decode()) return code_;
    if (!judge()) return code_;
    if (!play("## 4. Replay against a fresh tracker\n",
              "The peers' half of the capture is played again, with new ids and addresses. A right tracker gives the "
              "same answers.",
              "", kExitOk)) {
      return code_;
    }
    if (!play("## 5. The same replay against a tracker with a defect\n",
              "This tracker forgets to take a peer off its lists when it leaves. The replay should fail, at the "
              "message that shows it.",
              "stale-list-after-leave", kExitFail)) {
      return code_;
    }
    say("## What is in the folder\n");
    say(fmt::format("- {}/flow.pcapng: the capture, with the TLS secrets inside; open it in Wireshark with the plugin",
                    folder_));
    say(fmt::format(
        "- {}/replay-fresh and {}/replay-defect: results.jsonl, junit.xml and the evidence capture of each replay",
        folder_, folder_));
    say(fmt::format("- {0}/trace.pcapng: the same messages as the tracker itself wrote them (serve --trace)", folder_));
    say(fmt::format("- {0}/tracker.log, {0}/anna.log, ...: what each program logged; {0}/*.script: what each peer did",
                    folder_));
    say(fmt::format("- {}/report.md: this text", folder_));
    say(fmt::format("\nNext: `{} run --iut IUT.yaml` runs the conformance suite against your own tracker or peer.",
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

  bool start_tracker() {
    const std::string ready = folder_ + "/tracker.url";
    const std::string error =
        tracker_.start({program(), "serve", "tracker", "--listen", "127.0.0.1:0", "--track-timer", "3", "--key-log",
                        folder_ + "/tls-keys.log", "--trace", folder_ + "/trace.pcapng", "--ready-file", ready},
                       {}, folder_ + "/tracker.log");
    if (!error.empty()) return stop(kExitHarness, error);
    for (int i = 0; i < 500; ++i) {
      url_ = read_file(ready);
      while (!url_.empty() && (url_.back() == '\n' || url_.back() == '\r')) url_.pop_back();
      if (!url_.empty()) return true;
      if (!tracker_.running())
        return stop(kExitHarness, fmt::format("the tracker {}; see {}/tracker.log", tracker_.ending(), folder_));
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return stop(kExitHarness, "the tracker was not ready within 5 s; see " + folder_ + "/tracker.log");
  }

  void join(Process& peer, const std::string& id, const std::string& bind, const std::string& script) {
    const std::string file = fmt::format("{}/{}.script", folder_, id);
    std::ofstream(file) << script;
    const std::string error =
        peer.start({program(), "join", url_, "--insecure", "--peer-id", id, "--bind", bind, "--peer-addr",
                    bind + ":6778", "--peer-count", "10", "--report-interval", "30", "--script", file},
                   {}, fmt::format("{}/{}.log", folder_, id));
    if (!error.empty()) say("could not start " + id + ": " + error);
  }

  bool talk(bool in_namespace) {
    say("## 1. A tracker and five peers\n");
    std::error_code code;
    fs::remove(folder_ + "/tls-keys.log", code);
    fs::remove(folder_ + "/tracker.url", code);
    if (!start_tracker()) return false;
    LiveCapture capture;
    const std::string port = url_.substr(url_.rfind(':') + 1);
    const std::string refused = capture.start("lo", "tcp port " + port.substr(0, port.find('/')));
    if (refused.empty()) {
      say(fmt::format("tracker at {}; packets of the loopback interface are captured{}", url_,
                      in_namespace ? " inside a network namespace of its own (no privilege was needed)" : ""));
    } else {
      say(fmt::format("tracker at {}; {}: the tracker's own trace is used instead of captured packets", url_, refused));
    }
    say("- *anna* has the whole stream and seeds it");
    say("- *ben*, *cleo* and *dora* want it; ben switches to another stream, cleo leaves and comes back, dora asks "
        "again after that");
    say("- *emil* joins and is killed without a word; the tracker forgets him when his timer runs out (3 s here)\n");
    Process anna, ben, cleo, dora, emil;
    const auto pause = [](int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); };
    join(anna, "anna", "127.0.0.2",
         "connect +live-1:SEEDER\nreport\nwait 2\nreport\nwait 2\nreport\nwait 1.4\nleave\n");
    pause(300);
    join(ben, "ben", "127.0.0.3",
         "connect +live-1:LEECH\nwait 0.6\nfind live-1\nwait 1.2\nconnect -live-1 +live-2:LEECH\nwait 1.5\nfind "
         "live-2\nleave\n");
    pause(200);
    join(cleo, "cleo", "127.0.0.4",
         "connect +live-1:LEECH\nreport\nwait 0.6\nleave\nwait 1.2\nconnect +live-1:LEECH\nwait 1\nleave\n");
    join(emil, "emil", "127.0.0.6", "connect +live-1:LEECH\nwait 30\n");
    pause(200);
    join(dora, "dora", "127.0.0.5",
         "connect +live-1:LEECH\nwait 0.9\nfind live-1\nreport\nwait 2\nfind live-1\nwait 1\nfind live-1\nleave\n");
    pause(400);
    emil.stop(0, 9);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (Process* peer : {&anna, &ben, &cleo, &dora}) {
      while (peer->running() && std::chrono::steady_clock::now() < deadline) pause(20);
    }
    for (const auto& [name, peer] :
         {std::pair<const char*, Process*>{"anna", &anna}, {"ben", &ben}, {"cleo", &cleo}, {"dora", &dora}}) {
      if (peer->exit_status() != 0)
        return stop(kExitHarness, fmt::format("peer {} {}; see {}/{}.log", name,
                                              peer->running() ? "did not end" : peer->ending(), folder_, name));
    }
    capture.stop();
    tracker_.stop(5);
    flow_ = folder_ + "/flow.pcapng";
    if (refused.empty()) {
      if (std::string error = capture.write(flow_, read_file(folder_ + "/tls-keys.log")); !error.empty())
        return stop(kExitHarness, error);
      say(fmt::format("{} packets captured, {} lost: {}\n", capture.packets(), capture.dropped(), flow_));
    } else {
      fs::rename(folder_ + "/trace.pcapng", flow_, code);
      say(fmt::format("the trace is in {}\n", flow_));
    }
    return true;
  }

  // ---- 2. decode ----

  bool decode() {
    say("## 2. What Wireshark shows\n");
    const DecodedTable table = decoded_table(flow_, "ppstp");
    if (!table.error.empty()) return stop(kExitHarness, table.error);
    say(table.text);
    say("(CONNECT joins or leaves a stream, FIND asks for other peers, STAT_REPORT says \"still here\"; OK and FAILED "
        "are answers.)\n");
    return true;
  }

  // ---- 3. check ----

  bool judge() {
    say("## 3. Every message judged\n");
    capture_ = read_capture(flow_, "", PEERSCOPE_VERSION);
    if (!capture_.error.empty()) return stop(kExitHarness, capture_.error);
    const Judgement judgement = judge_flow(capture_.messages, {{"ppstp", "RFC 7846"}});
    say(judgement.text);
    say(fmt::format("The same by hand: `{} check {}`\n", program(), flow_));
    return judgement.clean ? true : stop(kExitFail, "the reference tracker and peers should break nothing");
  }

  // ---- 4, 5. replay ----

  bool play(const std::string& title, const std::string& text, const std::string& defect, int wanted) {
    say(title);
    say(text + "\n");
    const std::string folder = folder_ + (defect.empty() ? "/replay-fresh" : "/replay-defect");
    if (std::string error = make_directory(folder); !error.empty()) return stop(kExitUsage, error);
    const std::string file = folder + "/iut.yaml";
    std::ofstream out(file);
    out << "iut: " << (defect.empty() ? "fresh reference tracker" : "tracker with " + defect)
        << "\nrole: tracker\nstart:\n  exec: [\"" << program()
        << "\", serve, tracker, --listen, \"127.0.0.1:${port}\", --track-timer, \"3\"";
    if (!defect.empty()) out << ", --defect, " << defect;
    out << "]\n  url: \"https://127.0.0.1:${port}/\"\n";
    out.close();
    std::string error;
    const IutFile iut_file = load_iut(file, error);
    if (!error.empty()) return stop(kExitHarness, error);
    ReplayOptions options;
    options.original_timing = true;  // emil's timer has to run out here too
    options.evidence_path = folder + "/replay.pcapng";
    options.work_directory = folder;
    std::unique_ptr<ResultsFile> results = ResultsFile::open(folder + "/results.jsonl", error);
    if (!results) return stop(kExitUsage, error);
    Iut iut(iut_file, folder);
    if (error = iut.start({}); !error.empty()) return stop(kExitHarness, error);
    const ReplayResult result = harness::replay(capture_.messages, iut, options);
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
        say(fmt::format("- {} **{}** [{} {}] after captured {}: {}", to_string(hit.verdict), hit.rule->id, "RFC 7846",
                        hit.rule->section, hit.where, hit.detail));
    }
    if (!result.divergences.empty()) {
      const Divergence& first = result.divergences.front();
      say(fmt::format("\nFirst difference, at the answer to captured \"{}\" (frame {}):\n\n```", first.summary,
                      first.frame));
      say(differing_lines(first.expected, first.seen));
      say("```");
      say(fmt::format("Evidence with a comment on that packet: {}", options.evidence_path));
    }
    say(fmt::format("verdict: **{}**{}\n", to_string(result.attempt.verdict),
                    code == wanted ? " (as it should be)" : ""));
    if (code == wanted) return true;
    return stop(
        code == kExitOk ? kExitHarness : code,
        fmt::format("this replay should end with exit code {}, not {}: {}", wanted, code, result.attempt.reason));
  }

  std::string folder_;
  std::ofstream report_;
  int code_ = kExitOk;
  std::string url_;
  std::string flow_;
  Process tracker_;
  CaptureResult capture_;
};

}  // namespace

int demo(int argc, char** argv) {
  CLI::App app{
      "A tracker and peers on loopback over HTTPS: capture, decode, check, replay, report. Takes about 20 seconds.",
      "demo"};
  std::string folder = "peerscope-demo";
  bool in_namespace = false;
  app.add_option("--out", folder, "folder for capture and report (default: peerscope-demo)");
  app.add_flag("--in-namespace", in_namespace, "set by the demo itself when it runs inside a network namespace")
      ->group("");
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  if (std::string error = make_directory(folder); !error.empty()) return fail(kExitUsage, error);
  folder = fs::absolute(folder).string();
  // Without the right to capture on this host's loopback, a user and network namespace gives a loopback of its own.
  LiveCapture probe;
  if (!in_namespace && !probe.start("lo", "tcp port 1").empty()) {
    const std::string command =
        fmt::format("ip link set lo up && exec '{}' demo --in-namespace --out '{}'", program(), folder);
    if (run_command({"unshare", "--user", "--map-root-user", "--net", "true"}, {}, 10).status == 0) {
      std::fflush(stdout);
      execlp("unshare", "unshare", "--user", "--map-root-user", "--net", "sh", "-c", command.c_str(), nullptr);
    }
  }
  probe.stop();
  return Demo(folder).run(in_namespace);
}

}  // namespace peerscope::cli
