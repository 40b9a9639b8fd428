// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/serve_distributed_tracker.h"

#include <fmt/format.h>

#include <random>

#include "cli/options.h"
#include "cli/reload_service.h"
#include "cli/tracker_setup.h"
#include "protocols/reload/ppsp_usage.h"
#include "reference-impl/ppstp/defects.h"
#include "reference-impl/systems/distributed_tracker/alto_costs.h"
#include "reference-impl/systems/distributed_tracker/service_link.h"
#include "reference-impl/systems/distributed_tracker/tracker.h"

namespace peerscope::cli {
namespace {

namespace dt = distributed_tracker;

constexpr int kUsage = 2;

struct Settings {
  ReloadServiceSettings overlay;
  TrackerSettings tracker;
  dt::Options options;
  std::uint32_t shards = 1;
  std::string status_placement = "BDE";
  std::int32_t max_entries = 64;
  bool mixed_lists = false;
  std::string alto;  // URL of a directory
  double alto_refresh = 60;
  dt::AltoOptions alto_options;
  bool service_mode = false;
  std::string service_listen = "127.0.0.1:0";
};

int complain(int code, std::string_view text) {
  fmt::print(stderr, "peerscope serve distributed-tracker: {}\n", text);
  return code;
}

void add_options(CLI::App& app, Settings& s) {
  add_tracker_options(app, s.tracker);
  add_reload_service_options(app, s.overlay, "--overlay-listen");
  app.add_option("--shards", s.shards, "with --enrollment: parts that each swarm's registrations are stored in")
      ->check(CLI::Range(1U, reload::kMostPpspShards))
      ->capture_default_str();
  app.add_option(
         "--status-placement", s.status_placement,
         "with --enrollment: where a peer's status is: B in the swarm's entry, D at its tracker, E under its ID")
      ->capture_default_str();
  app.add_option("--max-entries", s.max_entries, "with --enrollment: registrations in a shard")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--mixed-lists", s.mixed_lists, "list peers of all trackers alike; default: own ones first");
  app.add_flag("--service-mode", s.service_mode,
               "send requests to the responsible tracker over PPSTP (AppAttach 61441) and serve those of others, where "
               "both can; default: Store and Fetch");
  app.add_option("--service-listen", s.service_listen,
                 "with --service-mode: address for requests of other trackers, numeric HOST:PORT; port 0 takes a free "
                 "one")
      ->capture_default_str();
  app.add_option("--alto", s.alto, "URL of an ALTO server's directory: peers of low routingcost are listed first");
  app.add_option("--alto-refresh", s.alto_refresh, "seconds between two looks at the ALTO server's maps")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--alto-ca", s.alto_options.fetch.ca_file, "PEM certificates that an ALTO server is verified with")
      ->check(CLI::ExistingFile);
  app.add_option("--max-waiting", s.options.admission.most, "requests that wait for the overlay; more are answered 05")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--shards-at-once", s.options.directory.shards_at_once, "shards of a swarm that are fetched together")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
}

// The program: a RELOAD peer with a tracker on top.
class Service final : public ReloadService {
 public:
  explicit Service(const Settings& settings)
      : ReloadService(settings.overlay, "serve distributed-tracker"), settings_(settings) {}

 private:
  void shape(reload::OverlayConfiguration& configuration) override {
    for (reload::KindBlock& block : reload::ppsp_kinds()) {
      if (block.kind.id == reload::kPpspSwarmKind) block.kind.max_count = settings_.max_entries;
      configuration.required_kinds.push_back(std::move(block));
    }
    configuration.ppsp_shards = settings_.shards;
    configuration.ppsp_status_placement = settings_.status_placement;
  }

  net::Result<std::string> begin() override {
    if (node().overlay()->find_kind(reload::kPpspSwarmKind) == nullptr)
      return {net::ErrorKind::kLocal, "the overlay has no Kind PPSP-SWARM"};
    auto access = open_access(settings_.tracker, clock());
    if (!access.ok()) return access.error();
    dt::Options options = settings_.options;
    if (!settings_.alto.empty()) {
      alto_ = std::make_unique<dt::AltoCosts>(clock(), context().get_executor(), settings_.alto_options);
      options.tracker.registry.cost = [this](const ppstp::Address& from, const ppstp::Address& to) {
        return alto_->cost(from, to);
      };
      alto_->start();
    }
    tracker_ = std::make_unique<dt::DistributedTracker>(clock(), node(), std::move(options), std::move(*access));
    const auto started =
        front_.start(context().get_executor(), settings_.tracker, settings_.overlay.common.key_log, records().trace(),
                     [this](net::HttpRequest&& request, const net::ConnectionInfo& connection, net::Responder respond) {
                       tracker_->handle(std::move(request), connection, std::move(respond));
                     });
    if (!started.ok()) return started.error();
    if (settings_.service_mode) {
      if (const auto desk = open_desk(); !desk.ok()) return desk.error();
    }
    fmt::print("listening on {}\n", front_.url());
    std::fflush(stdout);
    return front_.url() + "\n";
  }

  net::Result<void> open_desk() {
    auto tls = dt::desk_tls(*node().overlay(), identity());
    if (!tls.ok()) return tls.error();
    auto listen = net::Endpoint::parse(settings_.service_listen);
    if (!listen.ok()) return {net::ErrorKind::kLocal, "--service-listen: " + listen.error().message};
    net::ServerOptions options = settings_.tracker.server;
    options.listen = *listen;
    options.tls = *std::move(tls);
    options.tls->key_log = records().key_log();
    options.idle_timeout = std::chrono::minutes(10);  // trackers keep their connections
    if (const net::TraceWriter* trace = records().trace(); trace != nullptr)
      options.observer = trace->observer([](const net::Error& error) { net::log_warning("trace", error.message); });
    desk_ = std::make_unique<net::HttpServer>(
        context().get_executor(), std::move(options),
        [this](net::HttpRequest&& request, const net::ConnectionInfo& connection, net::Responder respond) {
          tracker_->handle_service(request, connection, [respond](net::Reply reply) { respond(std::move(reply)); });
        });
    if (const auto started = desk_->start(); !started.ok()) return started.error();
    tracker_->use_service(desk_->endpoint(), dt::dial_desks(context().get_executor(), identity(), records().key_log()));
    fmt::print("service desk at {}\n", desk_->endpoint().to_string());
    return {};
  }

  void report() override {
    ReloadService::report();
    if (tracker_) write_metrics(settings_.tracker, tracker_->metrics(), front_);
  }

  void end() override {
    if (!tracker_) return;
    if (desk_) desk_->stop();
    front_.stop();
    tracker_.reset();
    alto_.reset();
  }

  const Settings& settings_;
  std::unique_ptr<dt::AltoCosts> alto_;
  std::unique_ptr<dt::DistributedTracker> tracker_;
  TrackerFront front_;
  std::unique_ptr<net::HttpServer> desk_;
};

// A name is of the distributed tracker's own table, or of one of its halves'.
net::Result<void> choose_defects(Settings& settings) {
  std::vector<std::string> own, node, tracker;
  for (const std::string& name : settings.overlay.defects) {
    const bool is_own = find_defect(dt::defects(), name).ok();
    const bool is_node = find_defect(reload::all_node_defects(), name).ok();
    const bool is_tracker = find_defect(ppstp::tracker_defects(), name).ok();
    (is_own ? own : is_node ? node : is_tracker ? tracker : own).push_back(name);
  }
  const auto of_own = dt::parse_distributed_tracker_defects(own);
  const auto of_node = reload::parse_node_defects(node);
  const auto of_tracker = ppstp::parse_tracker_defects(tracker);
  if (!of_own.ok()) return of_own.error();
  settings.options.defects = *of_own;
  settings.overlay.node.defects = settings.overlay.common.defects = *of_node;
  settings.overlay.node.any_prefix = of_own->has(dt::Defect::kAnyPrefix);
  settings.tracker.tracker.defects = *of_tracker;
  return {};
}

}  // namespace

int serve_distributed_tracker(int argc, const char* const* argv) {
  Settings settings;
  ppstp::TrackerOptions& tracker = settings.tracker.tracker;
  tracker.seed = (std::uint64_t{std::random_device{}()} << 32) | std::random_device{}();
  CLI::App app("One tracker of a distributed PPSP tracker (RFC 7846 over RFC 6940)", "serve distributed-tracker");
  add_options(app, settings);
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  for (const std::string& name : settings.overlay.defects) {
    if (name != "list") continue;
    fmt::print("{}", print_defects(dt::defects()));
    return 0;
  }
  if (const auto chosen = choose_defects(settings); !chosen.ok()) return complain(kUsage, chosen.error().message);
  if (const auto log = set_up_log(settings.overlay.common); !log.ok()) return complain(kUsage, log.error().message);
  if (const auto settled = settle(settings.tracker); !settled.ok()) return complain(kUsage, settled.error().message);
  if ((settings.shards & (settings.shards - 1)) != 0) return complain(kUsage, "--shards: a power of two");
  if (settings.status_placement.find_first_not_of("BDE") != std::string::npos)
    return complain(kUsage, "--status-placement: letters B, D and E");
  if (!settings.alto.empty()) {
    auto url = net::Url::parse(settings.alto);
    if (!url.ok()) return complain(kUsage, "--alto: " + url.error().message);
    settings.alto_options.directory = *std::move(url);
    settings.alto_options.refresh =
        std::chrono::duration_cast<net::Duration>(std::chrono::duration<double>(settings.alto_refresh));
  }
  // All entries that this tracker stores are signed by it, wherever they are stored.
  settings.overlay.node.storage.bytes_per_signer = settings.overlay.node.storage.bytes;
  // Less than a connection tracker waits for one answer.
  settings.overlay.node.copy_patience = settings.options.directory.patience / 2;
  settings.options.directory.seed = tracker.seed;
  tracker.own_peers_first = !settings.mixed_lists;
  settings.options.tracker = tracker;
  net::raise_file_limit();
  return Service(settings).run();
}

}  // namespace peerscope::cli
