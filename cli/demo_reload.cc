// SPDX-License-Identifier: GPL-2.0-or-later
// peerscope demo reload: an overlay on loopback over real TLS or DTLS that loses two neighbouring peers and no value.
#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <deque>

#include "cli/commands.h"
#include "cli/options.h"
#include "cli/reload_setup.h"
#include "protocols/reload/security/text.h"
#include "reference-impl/net/http_server.h"
#include "reference-impl/reload/new_overlay.h"
#include "reference-impl/reload/policy.h"

namespace peerscope::cli {
namespace {

using Steady = std::chrono::steady_clock;

struct Settings {
  std::size_t nodes = 8;
  std::size_t values = 1000;
  std::size_t kill = 2;
  std::string trace;
  std::string key_log;
  std::string key_type = "rsa";
  std::string links = "tls";
  double hold_down = 1;
};

struct Stored {
  std::string place;
  std::string value;
};

class ReloadDemo {
 public:
  explicit ReloadDemo(const Settings& settings) : settings_(settings) {}

  int run() {
    ReloadSettings files;
    files.trace = settings_.trace;
    files.key_log = settings_.key_log;
    files.key_type = settings_.key_type;
    files.links = settings_.links;
    if (const auto opened = records_.open(files); !opened.ok()) return fail(2, opened.error().message);
    const auto type = key_type(files);
    if (!type.ok()) return fail(2, type.error().message);
    const auto links = transport_options(files);
    if (!links.ok()) return fail(2, links.error().message);
    auto made =
        reload::make_new_overlay(reload::basic_configuration("demo.example.org"), *type, seconds_now(), random_);
    if (!made.ok()) return fail(3, made.error().message);
    overlay_ = made->overlay;
    fmt::print("An overlay with its own authority, CHORD-RELOAD, {} keys; {} nodes on loopback over {}.\n\n",
               settings_.key_type, settings_.nodes, settings_.links);
    const bool good = build(*made, *type, *links) && store_all() && fetch_all("Every node fetches its share") &&
                      kill_some() && fetch_all("Right after that, the survivors fetch all") && repair() && leave_all();
    nodes_.clear();
    return good ? 0 : 1;
  }

 private:
  struct Member {
    std::unique_ptr<reload::SocketNode> sockets;
    std::string user;
    reload::Node& node() const { return sockets->node(); }
  };

  template <class F>
  bool run_until(F&& done, double seconds) {
    const auto end = Steady::now() + std::chrono::duration<double>(seconds);
    while (!done() && Steady::now() < end) {
      context_.restart();
      context_.run_one_for(std::chrono::milliseconds(20));
    }
    return done();
  }
  double since(Steady::time_point start) const { return std::chrono::duration<double>(Steady::now() - start).count(); }

  bool build(const reload::NewOverlay& made, reload::KeyType type, const reload::SocketTransportOptions& links) {
    const auto start = Steady::now();
    for (std::size_t i = 0; i < settings_.nodes; ++i) {
      Member member;
      member.user = fmt::format("user{}@demo.example.org", i);
      auto identity =
          reload::issue_identity(made.authority, overlay_->configuration, member.user, type, seconds_now(), random_);
      if (!identity.ok()) return complain(identity.error().message);
      reload::NodeOptions options;
      options.hold_down = std::chrono::duration_cast<net::Duration>(std::chrono::duration<double>(settings_.hold_down));
      reload::SocketTransportOptions transport = links;
      transport.key_log = records_.key_log();
      member.sockets = std::make_unique<reload::SocketNode>(context_.get_executor(), clock_, random_, overlay_,
                                                            *identity, options, std::move(transport));
      if (const auto started = member.sockets->start(); !started.ok()) return complain(started.error().message);
      records_.watch(member.node(), member.sockets->local(), clock_);
      nodes_.push_back(std::move(member));
      if (i == 0) {
        nodes_[0].node().start_alone();
        continue;
      }
      std::optional<net::Result<void>> joined;
      const auto one = Steady::now();
      nodes_[i].node().join({nodes_[0].sockets->local()}, [&](net::Result<void> result) { joined = result; });
      constexpr double kPatience = 60;
      if (!run_until([&] { return joined.has_value(); }, kPatience) || !joined->ok())
        return complain(fmt::format("node {} cannot join: {}", i, joined ? joined->error().message : "no result"));
      if (settings_.nodes <= 16)
        fmt::print("  {}  joined in {:.2f} s\n", reload::text::to_hex(nodes_[i].node().node_id().view()), since(one));
    }
    fmt::print("{} nodes are peers after {:.1f} s.\n\n", nodes_.size(), since(start));
    const bool ring = run_until([&] { return ring_is_whole(); }, 30);
    fmt::print("The ring {}.\n\n", ring ? "is whole: each node's successor has it as predecessor" : "is not whole");
    return ring;
  }

  bool ring_is_whole() const {
    std::map<reload::NodeId, const reload::Node*> ring;
    for (const Member& member : nodes_) ring[member.node().node_id()] = &member.node();
    if (ring.size() < 2) return true;
    for (auto at = ring.begin(); at != ring.end(); ++at) {
      const auto next = std::next(at) == ring.end() ? ring.begin() : std::next(at);
      const auto successors = at->second->topology().successors();
      const auto predecessors = next->second->topology().predecessors();
      if (successors.empty() || predecessors.empty() || successors[0] != next->first || predecessors[0] != at->first)
        return false;
    }
    return true;
  }

  // `count` jobs, some at a time. job(i, done) calls done(good).
  template <class F>
  std::size_t run_jobs(std::size_t count, double seconds, F&& job) {
    constexpr std::size_t kAtOnce = 24;
    std::size_t started = 0;
    std::size_t finished = 0;
    std::size_t good = 0;
    run_until(
        [&] {
          while (started < count && started - finished < kAtOnce) {
            job(started++, [&](bool ok) {
              ++finished;
              good += ok ? 1 : 0;
            });
          }
          return finished == count;
        },
        seconds);
    // Late callbacks must not find this frame gone.
    constexpr double kGiveUp = 60;
    run_until([&] { return finished == started; }, kGiveUp);
    return good;
  }

  bool store_all() {
    const auto start = Steady::now();
    // Each node may write at the places that NODE-MULTIPLE makes of its Node-ID.
    for (std::size_t i = 0; i < settings_.values; ++i) {
      const Member& writer = nodes_[i % nodes_.size()];
      const auto multiple = static_cast<std::uint32_t>(i / nodes_.size() + 1);
      if (multiple > static_cast<std::uint32_t>(reload::kMultiplePlaces))
        return complain("too many values for so few nodes");
      stored_.push_back({writer.node().resource_id(reload::multiple_name(writer.node().node_id(), multiple)),
                         fmt::format("value number {}", i)});
    }
    const std::size_t good = run_jobs(stored_.size(), 300, [&](std::size_t i, auto done) {
      reload::NewValue value;
      value.kind = reload::kMultipleKind;
      value.value = stored_[i].value;
      nodes_[i % nodes_.size()].node().store(stored_[i].place, {value},
                                             [done](reload::Reply<reload::StoreAns> reply) { done(reply.ok()); });
    });
    fmt::print("{} of {} values stored in {:.1f} s.\n", good, stored_.size(), since(start));
    const bool copied = run_until([&] { return fewest_copies() >= wanted_copies(); }, 60);
    show_copies();
    return good == stored_.size() && copied;
  }

  std::size_t wanted_copies() const { return std::min<std::size_t>(3, nodes_.size()); }
  std::size_t copies_of(const std::string& place) const {
    std::size_t count = 0;
    for (const Member& member : nodes_) count += member.node().storage().resources().contains(place) ? 1 : 0;
    return count;
  }
  std::size_t fewest_copies() const {
    std::size_t fewest = nodes_.size();
    for (const Stored& one : stored_) fewest = std::min(fewest, copies_of(one.place));
    return fewest;
  }
  void show_copies() const {
    std::map<std::size_t, std::size_t> histogram;
    for (const Stored& one : stored_) ++histogram[copies_of(one.place)];
    for (const auto& [copies, count] : histogram) fmt::print("  {} values on {} nodes\n", count, copies);
    fmt::print("\n");
  }

  bool fetch_all(std::string_view what) {
    const auto start = Steady::now();
    const std::size_t good = run_jobs(stored_.size(), 300, [&](std::size_t i, auto done) {
      reload::StoredDataSpecifier specifier;
      specifier.kind = reload::kMultipleKind;
      nodes_[i * 7 % nodes_.size()].node().fetch(
          stored_[i].place, {specifier}, [this, i, done](reload::Reply<std::vector<reload::FetchKindResponse>> reply) {
            done(reply.ok() && reply->size() == 1 && reply->at(0).values.size() == 1 &&
                 reply->at(0).values[0].value == stored_[i].value);
          });
    });
    fmt::print("{}: {} of {} values, signatures checked, in {:.1f} s. Lost: {}.\n\n", what, good, stored_.size(),
               since(start), stored_.size() - good);
    return good == stored_.size();
  }

  // Neighbours on the ring: the hardest case, as a value's owner and its first copy go together.
  bool kill_some() {
    if (settings_.kill == 0) return true;
    std::vector<reload::NodeId> doomed{nodes_[1].node().node_id()};
    for (const reload::NodeId& next : nodes_[1].node().topology().successors()) {
      if (doomed.size() < settings_.kill) doomed.push_back(next);
    }
    for (const reload::NodeId& id : doomed) {
      const auto at =
          std::find_if(nodes_.begin(), nodes_.end(), [&](const Member& m) { return m.node().node_id() == id; });
      if (at == nodes_.end()) continue;
      fmt::print("Killed without a word: {}, with {} resources\n", reload::text::to_hex(id.view()),
                 at->node().storage().resources().size());
      nodes_.erase(at);
    }
    show_copies();
    return true;
  }

  bool repair() {
    const auto start = Steady::now();
    const bool repaired = run_until([&] { return ring_is_whole() && fewest_copies() >= wanted_copies(); }, 120);
    fmt::print("{} after {:.1f} s:\n", repaired ? "All values have their copies again" : "Copies are still missing",
               since(start));
    show_copies();
    return repaired;
  }

  bool leave_all() {
    std::size_t left = 0;
    const std::size_t count = nodes_.size();
    nodes_.back().node().leave([&] { ++left; });
    const bool gone = run_until([&] { return left == 1; }, 30);
    if (gone) nodes_.pop_back();
    const bool whole = gone && run_until([&] { return ring_is_whole(); }, 30);
    fmt::print("One of {} nodes left in order; the ring {}.\n", count, whole ? "is whole" : "is not whole");
    return whole && fetch_all("The others fetch all once more");
  }

  bool complain(const std::string& why) {
    fail(1, why);
    return false;
  }

  const Settings& settings_;
  net::asio::io_context context_{1};
  net::SystemClock clock_{context_.get_executor()};
  reload::SystemRandom random_;
  ReloadRecords records_;
  reload::OverlayPtr overlay_;
  std::vector<Member> nodes_;
  std::vector<Stored> stored_;
};

}  // namespace

int demo_reload(int argc, char** argv) {
  Settings settings;
  CLI::App app{
      "A RELOAD overlay on loopback over TLS or DTLS: joins, stores, loses two peers without warning and no value.",
      "demo reload"};
  app.add_option("--nodes", settings.nodes)->check(CLI::Range(2, 500))->capture_default_str();
  app.add_option("--values", settings.values)->check(CLI::Range(1, 100'000))->capture_default_str();
  app.add_option("--kill", settings.kill, "neighbouring peers to kill; copies cover two")
      ->check(CLI::Range(0, 4))
      ->capture_default_str();
  app.add_option("--hold-down", settings.hold_down, "seconds until lost copies are made anew (the RFC's default is 30)")
      ->check(CLI::Range(0.0, 1000.0))
      ->capture_default_str();
  app.add_option("--key-type", settings.key_type, "rsa or p256")->capture_default_str();
  app.add_option("--link", settings.links, "tls, dtls or both")->capture_default_str();
  app.add_option("--trace", settings.trace, "write all messages to this pcapng file");
  app.add_option("--key-log", settings.key_log, "append TLS secrets to this file (NSS format)");
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  net::set_up_log(net::LogLevel::kWarning, net::LogFormat::kText);
  net::raise_file_limit();
  return ReloadDemo(settings).run();
}

}  // namespace peerscope::cli
