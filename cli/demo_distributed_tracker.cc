// SPDX-License-Identifier: GPL-2.0-or-later
// peerscope demo distributed-tracker: eight trackers in an overlay, two hundred peers in twenty swarms, a flash crowd,
// and a tracker that is killed; captured, decoded, checked and reported, with an account for who never read the drafts.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <boost/asio.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "cli/commands.h"
#include "cli/demo_steps.h"
#include "cli/options.h"
#include "harness/capture/live.h"
#include "harness/capture/pdus.h"
#include "harness/engine/process.h"
#include "harness/engine/runner.h"
#include "protocols/ppstp/protocol.h"
#include "reference-impl/net/http_client.h"

namespace peerscope::cli {
namespace {

namespace fs = std::filesystem;
using namespace harness;
using net::asio::awaitable;

constexpr std::size_t kTrackers = 8;
constexpr std::size_t kDoomed = 5;
constexpr std::size_t kPeers = 200;
constexpr std::size_t kSwarms = 20;
constexpr const char* kFirstStory = "peerscope.story == 1";
constexpr std::size_t kCrowd = 80;  // of the peers, all to one swarm
constexpr int kOverlayPort = 6084;
constexpr int kTrackerPort = 8443;

std::string swarm_name(std::size_t i) {
  return i == 0 ? "premiere" : fmt::format("film-{}", i);
}

struct Peer {
  std::string id;
  std::string swarm;
  std::size_t tracker = 0;
  std::unique_ptr<net::HttpClient> client;
  bool joined = false;
};

// What the answers of one round were.
struct Tally {
  std::size_t right = 0;
  std::size_t unavailable = 0;  // 05
  std::size_t wrong = 0;
  double slowest = 0;  // ms
  std::string first_wrong;
};

class TrackersDemo {
 public:
  explicit TrackersDemo(std::string folder)
      : folder_(std::move(folder)), report_(folder_ + "/report.md", std::ios::binary) {}

  int run(bool in_namespace) {
    say("# Peerscope demo: a distributed tracker\n");
    say("A *tracker* tells the peers of a swarm about each other (PPSTP, RFC 7846). Here eight trackers share their");
    say("registrations in an overlay of their own (RELOAD, RFC 6940): each swarm has one that keeps its list, copies "
        "are");
    say("with its neighbours, and a peer talks to any of the eight as if it were alone.\n");
    const bool good = start_all(in_namespace) && live() && save() && decode() && judge();
    if (!good) return code_;
    say("## What is in the folder\n");
    say(fmt::format("- {0}/flow.pcapng: the capture, with the TLS secrets inside; open it in Wireshark with the plugin",
                    folder_));
    say(fmt::format(
        "- {0}/tracker-1.log, ...: what each tracker said; its lines join PPSTP's and RELOAD's transactions", folder_));
    say(fmt::format("- {0}/report.md: this text", folder_));
    say(fmt::format("\nNext: `{} serve distributed-tracker --help`, and docs/distributed-tracker.md.", program()));
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

  // ---- 1. the trackers

  static std::string address_of(std::size_t tracker) { return fmt::format("127.0.0.{}", 11 + tracker); }

  bool start_tracker(std::size_t i) {
    const std::string ready = fmt::format("{}/tracker-{}.url", folder_, i + 1);
    const std::string log = fmt::format("{}/tracker-{}.log", folder_, i + 1);
    std::error_code ignored;
    fs::remove(ready, ignored);
    std::vector<std::string> words{program(),
                                   "serve",
                                   "distributed-tracker",
                                   "--listen",
                                   fmt::format("{}:{}", address_of(i), kTrackerPort),
                                   "--overlay-listen",
                                   fmt::format("{}:{}", address_of(i), kOverlayPort),
                                   "--key-log",
                                   folder_ + "/tls-keys.log",
                                   "--ready-file",
                                   ready,
                                   "--key-type",
                                   "p256",
                                   "--hold-down",
                                   "1"};
    const std::string document = folder_ + "/overlay.xml";
    const std::string ca = folder_ + "/enrollment-ca.pem";
    // The crowd is more than a shard takes; four shards share it.
    const std::vector<std::string> first{
        "--overlay",         "demo.example.org", "--enrollment",   address_of(0) + ":0",
        "--config-out",      document,           "--https-ca-out", ca,
        "--enrollment-host", address_of(0),      "--shards",       "4"};
    const std::vector<std::string> next{"--config", document, "--https-ca",
                                        ca,         "--user", fmt::format("tracker{}@demo.example.org", i + 1)};
    const std::vector<std::string>& particular = i == 0 ? first : next;
    words.insert(words.end(), particular.begin(), particular.end());
    if (const std::string error = trackers_[i].start(words, {}, log); !error.empty()) return stop(kExitHarness, error);
    constexpr int kTries = 1500;
    for (int tries = 0; tries < kTries; ++tries) {
      if (!read_file(ready).empty()) return true;
      if (!trackers_[i].running()) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return stop(kExitHarness, fmt::format("tracker {} did not become ready; see {}", i + 1, log));
  }

  bool start_all(bool in_namespace) {
    say("## 1. Eight trackers\n");
    std::error_code ignored;
    fs::remove(folder_ + "/tls-keys.log", ignored);
    const std::string refused = capture_.start(
        "lo", fmt::format("net 127.0.0.0/8 and (tcp port {} or tcp port {})", kOverlayPort, kTrackerPort));
    if (!refused.empty()) return stop(kExitHarness, refused);
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < kTrackers; ++i) {
      if (!start_tracker(i)) return false;
    }
    say(fmt::format("- they are at https://{}:{}/ to https://{}:{}/, and have their overlay links at port {}",
                    address_of(0), kTrackerPort, address_of(kTrackers - 1), kTrackerPort, kOverlayPort));
    say(fmt::format("- the overlay of eight was complete after {:.1f} s", since(start)));
    say(fmt::format("- packets of the loopback interface are captured{}\n",
                    in_namespace ? " inside a network namespace of its own (no privilege was needed)" : ""));
    return true;
  }

  static double since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  // ---- 2. the peers

  void make_peers() {
    for (std::size_t i = 0; i < kPeers; ++i) {
      Peer peer;
      peer.id = fmt::format("peer-{:03}", i + 1);
      peer.swarm = swarm_name(i < kPeers - kCrowd ? 1 + i % (kSwarms - 1) : 0);
      peers_.push_back(std::move(peer));
      connect_to(i, i % kTrackers);
    }
  }
  void connect_to(std::size_t i, std::size_t tracker) {
    net::ClientOptions options;
    options.server = {address_of(tracker), kTrackerPort};
    options.tls.emplace().verify = net::TlsClientOptions::Verify::kNone;
    options.local_address = fmt::format("127.0.1.{}", i + 1);
    peers_[i].tracker = tracker;
    peers_[i].joined = false;
    peers_[i].client = std::make_unique<net::HttpClient>(context_.get_executor(), std::move(options));
  }

  ppstp::Request request_of(const Peer& peer, std::string_view type) {
    ppstp::Request request;
    request.version = ppstp::kVersion1;
    request.request_type = std::string(type);
    request.transaction_id = fmt::format("{:06}", ++last_transaction_);
    request.peer_id = peer.id;
    return request;
  }
  ppstp::Request connect_request(const Peer& peer, std::string_view action) {
    ppstp::Request request = request_of(peer, ppstp::kRequestConnect);
    ppstp::SwarmAction what;
    what.swarm_id = peer.swarm;
    what.action = std::string(action);
    what.peer_mode = std::string(ppstp::kLeech);
    request.connect.emplace().swarm_action.push_back(std::move(what));
    return request;
  }
  ppstp::Request find_request(const Peer& peer) {
    ppstp::Request request = request_of(peer, ppstp::kRequestFind);
    request.find.emplace().swarm_id = peer.swarm;
    return request;
  }
  ppstp::Request report_request(const Peer& peer) {
    ppstp::Request request = request_of(peer, ppstp::kRequestStatReport);
    ppstp::Stat stat;
    stat.swarm_id = peer.swarm;
    stat.uploaded_bytes = 1'000'000;
    stat.downloaded_bytes = 2'000'000;
    stat.available_bandwidth = 5'000;
    stat.concurrent_links = 3;
    ppstp::StatReport& report = request.stat_report.emplace();
    report.type = std::string(ppstp::kStreamStats);
    report.stat.push_back(std::move(stat));
    return request;
  }

  using Check = std::function<bool(const Peer&, const ppstp::Response&)>;
  awaitable<void> ask(Peer& peer, ppstp::Request asked, const Check& check, Tally& tally) {
    net::HttpRequest request;
    request.method = "POST";
    request.headers.add("Content-Type", ppstp::kMediaType);
    const std::string transaction = *asked.transaction_id;
    request.body = ppstp::encode(std::move(asked));
    const auto start = std::chrono::steady_clock::now();
    const net::Result<net::HttpResponse> response = co_await peer.client->send(std::move(request));
    tally.slowest = std::max(tally.slowest, since(start) * 1000);
    const auto wrong = [&](const std::string& why) {
      if (tally.wrong++ == 0) tally.first_wrong = peer.id + ": " + why;
    };
    if (!response.ok()) {
      wrong(response.error().message);
      co_return;
    }
    Message message;
    ppstp::decode(response->body, message);
    const ppstp::Response* answer = ppstp::response_of(message);
    if (answer == nullptr || answer->transaction_id != transaction) {
      wrong("no answer to this request");
      co_return;
    }
    if (answer->error_code == ppstp::kServiceUnavailable) {
      ++tally.unavailable;
    } else if (answer->error_code != ppstp::kNoError || !check(peer, *answer)) {
      wrong(response->body);
    } else {
      ++tally.right;
    }
  }

  // All of `who` at the same time.
  Tally round(const std::string& what, const std::vector<std::size_t>& who,
              const std::function<ppstp::Request(const Peer&)>& request, const Check& check) {
    Tally tally;
    const auto start = std::chrono::steady_clock::now();
    for (const std::size_t i : who) {
      Peer& peer = peers_[i];
      net::asio::co_spawn(context_, ask(peer, request(peer), check, tally), net::asio::detached);
    }
    context_.restart();
    context_.run();
    say(fmt::format("- {}: {} right, {} of 05, {} wrong, in {:.2f} s (the slowest {:.0f} ms){}", what, tally.right,
                    tally.unavailable, tally.wrong, since(start), tally.slowest,
                    tally.wrong == 0 ? "" : "; the first: " + tally.first_wrong));
    return tally;
  }

  template <class F>
  std::vector<std::size_t> peers_where(F&& holds) const {
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < peers_.size(); ++i) {
      if (holds(peers_[i], i)) found.push_back(i);
    }
    return found;
  }

  static bool all_done(const ppstp::Response& answer) {
    for (const ppstp::SwarmResult& result : answer.swarm_result) {
      if (result.result != ppstp::kSuccessful) return false;
    }
    return !answer.swarm_result.empty();
  }
  bool join(const std::string& what, const std::vector<std::size_t>& who) {
    const Tally tally = round(
        what, who, [this](const Peer& peer) { return connect_request(peer, ppstp::kJoin); },
        [this](const Peer& peer, const ppstp::Response& answer) {
          if (!all_done(answer)) return false;
          const_cast<Peer&>(peer).joined = true;
          return true;
        });
    return tally.wrong == 0;
  }
  // A list is right when it names members only; for a swarm that fits into one list, all of them.
  bool find(const std::string& what, bool complete) {
    std::map<std::string, std::set<std::string>> members;
    for (const Peer& peer : peers_) {
      if (peer.joined) members[peer.swarm].insert(peer.id);
    }
    const auto joined = peers_where([](const Peer& peer, std::size_t) { return peer.joined; });
    const auto ask_all = [&](const std::string& title) {
      return round(
          title, joined, [this](const Peer& peer) { return find_request(peer); },
          [&](const Peer& peer, const ppstp::Response& answer) {
            std::set<std::string> listed;
            if (all_done(answer) && answer.swarm_result[0].peer_group) {
              for (const ppstp::PeerInfo& info : answer.swarm_result[0].peer_group->peer_info)
                listed.insert(info.peer_id.value_or("?"));
            }
            const std::set<std::string>& known = members[peer.swarm];
            const std::size_t most = std::min<std::size_t>(known.size() - 1, ppstp::kMostPeers);
            return std::includes(known.begin(), known.end(), listed.begin(), listed.end()) &&
                   !listed.contains(peer.id) && (!complete || listed.size() == most);
          });
    };
    Tally tally = ask_all(what);
    // A busy tracker says 05, and when to come again.
    for (int tries = 0; tries < 5 && tally.wrong == 0 && tally.unavailable > 0; ++tries) {
      std::this_thread::sleep_for(std::chrono::seconds(2));
      tally = ask_all(fmt::format("{} were told 05; everybody asks again", tally.unavailable));
    }
    return tally.wrong == 0 && (!complete || tally.unavailable == 0);
  }

  bool live() {
    say("## 2. Two hundred peers in twenty swarms\n");
    make_peers();
    const auto in_time = peers_where([](const Peer&, std::size_t i) { return i > 0 && i < kPeers - kCrowd; });
    const auto crowd = peers_where([](const Peer&, std::size_t i) { return i >= kPeers - kCrowd; });
    if (!join("the first peer joins alone", {0})) return stop(kExitFail, "a tracker answered wrongly");
    if (!join(fmt::format("{} peers join nineteen swarms, each at one of the eight trackers", in_time.size()), in_time))
      return stop(kExitFail, "a tracker answered wrongly");
    if (!join(fmt::format("a flash crowd: {} peers join one swarm at the same time", crowd.size()), crowd))
      return stop(kExitFail, "a tracker answered wrongly");
    std::this_thread::sleep_for(std::chrono::seconds(10));  // what the trackers fetched is too old now
    if (!find("everybody asks for its swarm, and gets peers of all trackers", true))
      return stop(kExitFail, "a list is not complete");
    round(
        "everybody reports", peers_where([](const Peer&, std::size_t) { return true; }),
        [this](const Peer& peer) { return report_request(peer); },
        [](const Peer&, const ppstp::Response& answer) { return all_done(answer); });
    trackers_[kDoomed].stop(0, SIGKILL);
    say(fmt::format("- tracker {} is killed without a word; its peers go to the next one", kDoomed + 1));
    const auto orphans = peers_where([](const Peer& peer, std::size_t) { return peer.tracker == kDoomed; });
    for (const std::size_t i : orphans) connect_to(i, (kDoomed + 1) % kTrackers);
    if (!join(fmt::format("the {} orphans join again", orphans.size()), orphans))
      return stop(kExitFail, "a tracker answered wrongly");
    for (int tries = 0; tries < 5; ++tries) {
      const auto left = peers_where([](const Peer& peer, std::size_t) { return !peer.joined; });
      if (left.empty()) break;
      std::this_thread::sleep_for(std::chrono::seconds(1));
      if (!join(fmt::format("{} who were told 05 ask again", left.size()), left))
        return stop(kExitFail, "a tracker answered wrongly");
    }
    std::this_thread::sleep_for(std::chrono::seconds(11));
    if (!find("everybody asks once more: no registration is lost", true))
      return stop(kExitFail, "a list is not complete");
    const auto leaving = peers_where([](const Peer&, std::size_t i) { return i % 2 == 0; });
    round(
        fmt::format("{} peers leave", leaving.size()), leaving,
        [this](const Peer& peer) { return connect_request(peer, ppstp::kLeave); },
        [](const Peer& peer, const ppstp::Response& answer) {
          const_cast<Peer&>(peer).joined = false;
          return all_done(answer);
        });
    std::this_thread::sleep_for(std::chrono::seconds(11));
    if (!find("the others ask: who left is listed nowhere", true)) return stop(kExitFail, "a list is not right");
    return true;
  }

  bool save() {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));  // the last packets
    capture_.stop();
    for (Peer& peer : peers_) peer.client.reset();
    for (Process& tracker : trackers_) {
      constexpr double kPatience = 5;
      tracker.stop(kPatience);
    }
    flow_ = folder_ + "/flow.pcapng";
    if (const std::string error = capture_.write(flow_, read_file(folder_ + "/tls-keys.log")); !error.empty())
      return stop(kExitHarness, error);
    say(fmt::format("\n{} packets captured, {} lost: {}\n", capture_.packets(), capture_.dropped(), flow_));
    return true;
  }

  // ---- 3. decode

  // The first JOIN, in both protocols, from the peer's request to the answer.
  bool decode() {
    say("## 3. What Wireshark shows\n");
    const DecodedTable table = decoded_table(flow_, kFirstStory);
    if (!table.error.empty()) return stop(kExitHarness, table.error);
    say(fmt::format("The first peer's JOIN, by the filter `{}`:\n", kFirstStory));
    say(table.text);
    say("(Store and Fetch go to the tracker that is responsible for the swarm's shard, over others where there is no "
        "link\nto it, and copies go to its neighbours. PPSTP's answer comes when the Store was answered. Other "
        "actions have other\nnumbers; `tshark -z peerscope,tree` has the times of all of them.)\n");
    return true;
  }

  // ---- 4. check

  bool judge() {
    say("## 4. Every message judged\n");
    const CaptureResult capture = read_capture(flow_, "", PEERSCOPE_VERSION);
    if (!capture.error.empty()) return stop(kExitHarness, capture.error);
    const Judgement judgement =
        judge_flow(capture.messages,
                   {{"ppstp", "RFC 7846"}, {"relo", "RFC 6940"}, {"dtracker", "the distributed tracker's profile"}});
    say(judgement.text);
    say(fmt::format("The same by hand: `{} check {}`\n", program(), flow_));
    return judgement.clean ? true : stop(kExitFail, "the reference trackers should break nothing");
  }

  std::string folder_;
  std::ofstream report_;
  int code_ = kExitOk;
  std::string flow_;
  LiveCapture capture_;
  std::array<Process, kTrackers> trackers_;
  net::asio::io_context context_{1};
  std::vector<Peer> peers_;
  int last_transaction_ = 0;
};

}  // namespace

int demo_distributed_tracker(int argc, char** argv) {
  CLI::App app{
      "Eight trackers in a RELOAD overlay on loopback, 200 peers in 20 swarms, a flash crowd, a tracker killed: "
      "capture, "
      "decode, check, report. Takes about a minute.",
      "demo distributed-tracker"};
  std::string folder = "peerscope-demo-distributed-tracker";
  bool in_namespace = false;
  app.add_option("--out", folder, "folder for capture and report (default: peerscope-demo-distributed-tracker)");
  app.add_flag("--in-namespace", in_namespace, "set by the demo itself when it runs inside a network namespace")
      ->group("");
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  if (const std::string error = make_directory(folder); !error.empty()) return fail(kExitUsage, error);
  folder = fs::absolute(folder).string();
  // Without the right to capture on this host's loopback, a user and network namespace gives a loopback of its own.
  LiveCapture probe;
  if (!in_namespace && !probe.start("lo", "tcp port 1").empty()) {
    const std::string command = fmt::format(
        "ip link set lo up && exec '{}' demo distributed-tracker --in-namespace --out '{}'", program(), folder);
    if (run_command({"unshare", "--user", "--map-root-user", "--net", "true"}, {}, 10).status == 0) {
      std::fflush(stdout);
      execlp("unshare", "unshare", "--user", "--map-root-user", "--net", "sh", "-c", command.c_str(), nullptr);
    }
  }
  probe.stop();
  return TrackersDemo(folder).run(in_namespace);
}

}  // namespace peerscope::cli
