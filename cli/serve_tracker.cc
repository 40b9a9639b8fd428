// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/serve_tracker.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "cli/options.h"
#include "reference-impl/net/http_server.h"
#include "reference-impl/net/log.h"
#include "reference-impl/net/tls.h"
#include "reference-impl/net/trace.h"
#include "reference-impl/ppstp/defects.h"
#include "reference-impl/ppstp/tracker.h"

namespace peerscope::cli {
namespace {

constexpr int kOk = 0;
constexpr int kUsage = 2;
constexpr int kCannotStart = 3;
constexpr double kLongest = 1e8;  // seconds, for any timer

struct Settings {
  std::string listen = "127.0.0.1:0";
  bool clear_text = false;
  std::string cert;
  std::string key;
  std::string key_log;
  std::string trace;
  std::string log_format = "text";
  std::string log_level = "info";
  std::string auth;
  std::string ready_file;
  std::string metrics_file;
  std::vector<std::string> defects;
  double track_timer = 180;
  double init_timer = 10;
  int report_interval = 0;
  ppstp::TrackerOptions tracker;
  net::ServerOptions server;
};

net::Duration seconds(double value) {
  return std::chrono::duration_cast<net::Duration>(std::chrono::duration<double>(value));
}

int complain(int code, std::string_view text) {
  fmt::print(stderr, "peerscope serve tracker: {}\n", text);
  return code;
}

void add_options(CLI::App& app, Settings& s) {
  ppstp::TrackerOptions& tracker = s.tracker;
  app.add_option("--listen", s.listen, "address to listen on, HOST:PORT; port 0 takes a free one")
      ->capture_default_str();
  app.add_flag("--http,!--tls", s.clear_text, "clear text instead of TLS (RFC 7846 section 6.1 wants TLS)");
  app.add_option("--cert", s.cert, "PEM certificate chain; a self-signed one is made without it")
      ->check(CLI::ExistingFile);
  app.add_option("--key", s.key, "PEM private key")->check(CLI::ExistingFile);
  app.add_option("--key-log", s.key_log, "append TLS secrets to this file (NSS format)");
  app.add_option("--trace", s.trace, "write all messages to this pcapng file");
  app.add_option("--track-timer", s.track_timer, "seconds without a request until a peer is forgotten")
      ->check(CLI::Range(0.01, kLongest))
      ->capture_default_str();
  app.add_option("--init-timer", s.init_timer, "seconds until an unfinished registration is dropped")
      ->check(CLI::Range(0.01, kLongest))
      ->capture_default_str();
  app.add_option("--report-interval", s.report_interval,
                 "tell peers to report every so many seconds (extension member report_interval)")
      ->check(CLI::PositiveNumber);
  app.add_option("--max-peers", tracker.registry.max_peers, "registrations; one more is answered 05")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--max-swarms-per-peer", tracker.registry.max_swarms_per_peer)
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--max-addresses-per-peer", tracker.max_addresses_per_peer)
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--max-connections", s.server.max_connections)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--max-rate", tracker.max_rate, "requests a second; more are answered 05")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--retry-after", tracker.retry_after_seconds, "Retry-After of an answer 05, seconds")
      ->capture_default_str();
  app.add_option("--auth", s.auth,
                 "digest:FILE (user:password[:peer_id,...] a line) or bearer:FILE (token [peer_id,...] a line)");
  app.add_flag("--http-status-mapping", tracker.http_status_mapping,
               "give errors HTTP statuses of their own; default: 200, as in the RFC");
  app.add_flag("--table6-strict", tracker.table6_strict,
               "SEEDER JOIN in TRACKING ends the registration (table 6 by the letter)");
  app.add_option("--fail-every", tracker.fail_every, "every n-th request meets an internal error (04)");
  app.add_option("--seed", tracker.seed, "of the random selection of peers; default: a random one");
  app.add_option("--log-format", s.log_format, "text or json")->capture_default_str();
  app.add_option("--log-level", s.log_level, "debug, info, warning, error or off")->capture_default_str();
  app.add_option("--metrics", s.metrics_file,
                 "write metrics (JSON) to this file on SIGUSR1 and at the end; without it SIGUSR1 logs them");
  app.add_option("--ready-file", s.ready_file, "write the tracker's URL to this file when it is ready");
  app.add_option("--defect", s.defects, "behave wrongly in this way (repeatable); 'list' shows all")
      ->allow_extra_args(false);
}

// The tracker with its server, on one thread.
class Service {
 public:
  explicit Service(Settings settings)
      : settings_(std::move(settings)), clock_(context_.get_executor()), signals_(context_, SIGTERM, SIGINT, SIGUSR1) {}

  int run() {
    std::unique_ptr<ppstp::Access> access;
    if (!settings_.auth.empty()) {
      auto opened = net::Access::open(settings_.auth, clock_, std::string(ppstp::kRealm));
      if (!opened.ok()) return complain(kUsage, "--auth: " + opened.error().message);
      access = std::move(*opened);
    }
    if (!settings_.trace.empty()) {
      auto opened = net::TraceWriter::open(settings_.trace, "peerscope tracker");
      if (!opened.ok()) return complain(kCannotStart, opened.error().message);
      trace_.emplace(std::move(*opened));
      settings_.server.observer =
          trace_->observer([](const net::Error& error) { net::log_warning("trace", error.message); });
    }
    if (!settings_.clear_text) {
      if (const auto ready = set_up_tls(); !ready.ok()) return complain(kCannotStart, ready.error().message);
    }
    tracker_ = std::make_unique<ppstp::Tracker>(clock_, settings_.tracker, std::move(access));
    server_ = std::make_unique<net::HttpServer>(
        context_.get_executor(), settings_.server,
        [this](net::HttpRequest&& request, const net::ConnectionInfo& connection, net::Responder respond) {
          respond(tracker_->handle(request, connection));
        });
    if (const auto started = server_->start(); !started.ok()) return complain(kCannotStart, started.error().message);
    if (!announce()) return complain(kCannotStart, "cannot write " + settings_.ready_file);
    wait_for_signal();
    context_.run();
    return kOk;
  }

 private:
  net::Result<void> set_up_tls() {
    net::TlsServerOptions& tls = settings_.server.tls.emplace();
    tls.key_log_file = settings_.key_log;
    tls.certificate_file = settings_.cert;
    tls.key_file = settings_.key;
    if (!settings_.cert.empty()) return {};
    auto pair = net::make_self_signed({"localhost", "127.0.0.1", "::1"});
    if (!pair.ok()) return pair.error();
    tls.pem = std::move(*pair);
    return {};
  }

  bool announce() {
    const std::string url =
        fmt::format("{}://{}/", settings_.clear_text ? "http" : "https", server_->endpoint().to_string());
    fmt::print("listening on {}\n", url);
    std::fflush(stdout);
    if (settings_.ready_file.empty()) return true;
    // Complete or absent: a reader may look at any moment.
    const std::string part = settings_.ready_file + ".part";
    std::ofstream file(part);
    file << url << '\n';
    file.close();
    return file && std::rename(part.c_str(), settings_.ready_file.c_str()) == 0;
  }

  void report() {
    const net::ServerStats server = server_->stats();
    const std::string text = fmt::format(
        "{{\"tracker\":{},\"http\":{{\"accepted\":{},\"open\":{},\"requests\":{},\"malformed\":{},\"timeouts\":{},"
        "\"refused\":{},\"tls_errors\":{}}}}}",
        tracker_->metrics(), server.accepted, server.open, server.requests, server.malformed, server.timeouts,
        server.refused, server.tls_errors);
    if (settings_.metrics_file.empty()) return net::log_info("tracker", text);
    std::ofstream file(settings_.metrics_file);
    file << text << '\n';
    if (!file) net::log_warning("tracker", "cannot write metrics", {{"file", settings_.metrics_file}});
  }

  void wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
      if (error) return;
      report();
      if (number == SIGUSR1) return wait_for_signal();
      net::log_info("tracker", "stopping", {{"signal", number}});
      server_->stop();
      tracker_.reset();  // its timer would keep the context running
      context_.stop();
    });
  }

  Settings settings_;
  net::asio::io_context context_{1};
  net::SystemClock clock_;
  net::asio::signal_set signals_;
  std::optional<net::TraceWriter> trace_;
  std::unique_ptr<ppstp::Tracker> tracker_;
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace

int serve_tracker(int argc, const char* const* argv) {
  Settings settings;
  settings.tracker.seed = (std::uint64_t{std::random_device{}()} << 32) | std::random_device{}();
  CLI::App app("Reference PPSTP tracker (RFC 7846)", "serve tracker");
  add_options(app, settings);
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  for (const std::string& name : settings.defects) {
    if (name != "list") continue;
    fmt::print("{}", ppstp::print_defects(ppstp::tracker_defects()));
    return kOk;
  }
  auto defects = ppstp::parse_tracker_defects(settings.defects);
  if (!defects.ok()) return complain(kUsage, defects.error().message);
  settings.tracker.defects = *defects;
  const auto level = net::parse_log_level(settings.log_level);
  const auto format = net::parse_log_format(settings.log_format);
  if (!level.ok()) return complain(kUsage, level.error().message);
  if (!format.ok()) return complain(kUsage, format.error().message);
  net::set_up_log(*level, *format);
  auto endpoint = net::Endpoint::parse(settings.listen);
  if (!endpoint.ok()) return complain(kUsage, "--listen: " + endpoint.error().message);
  if (settings.cert.empty() != settings.key.empty()) return complain(kUsage, "--cert and --key belong together");
  if (settings.clear_text && !settings.cert.empty()) return complain(kUsage, "--http and --cert contradict each other");
  settings.server.listen = *endpoint;
  settings.tracker.registry.track_timer = seconds(settings.track_timer);
  settings.tracker.registry.init_timer = seconds(settings.init_timer);
  if (settings.report_interval > 0) settings.tracker.report_interval = settings.report_interval;
  net::raise_file_limit();
  return Service(std::move(settings)).run();
}

}  // namespace peerscope::cli
