// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/tracker_setup.h"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <utility>

#include "reference-impl/net/log.h"
#include "reference-impl/net/tls.h"

namespace peerscope::cli {
namespace {

constexpr double kLongest = 1e8;  // seconds, for any timer

net::Duration seconds(double value) {
  return std::chrono::duration_cast<net::Duration>(std::chrono::duration<double>(value));
}

net::Result<void> set_up_tls(const TrackerSettings& settings, const std::string& key_log, net::ServerOptions& server) {
  net::TlsServerOptions& tls = server.tls.emplace();
  tls.key_log_file = key_log;
  tls.certificate_file = settings.cert;
  tls.key_file = settings.key;
  if (!settings.cert.empty()) return {};
  auto pair = net::make_self_signed({"localhost", "127.0.0.1", "::1"});
  if (!pair.ok()) return pair.error();
  tls.pem = std::move(*pair);
  return {};
}

}  // namespace

void add_tracker_options(CLI::App& app, TrackerSettings& s) {
  ppstp::TrackerOptions& tracker = s.tracker;
  app.add_option("--listen", s.listen, "address to listen on, HOST:PORT; port 0 takes a free one")
      ->capture_default_str();
  app.add_flag("--http,!--tls", s.clear_text, "clear text instead of TLS (RFC 7846 section 6.1 wants TLS)");
  app.add_option("--cert", s.cert, "PEM certificate chain; a self-signed one is made without it")
      ->check(CLI::ExistingFile);
  app.add_option("--key", s.key, "PEM private key")->check(CLI::ExistingFile);
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
  app.add_option("--metrics", s.metrics_file,
                 "write metrics (JSON) to this file on SIGUSR1 and at the end; without it SIGUSR1 logs them");
}

net::Result<void> settle(TrackerSettings& settings) {
  auto endpoint = net::Endpoint::parse(settings.listen);
  if (!endpoint.ok()) return {net::ErrorKind::kLocal, "--listen: " + endpoint.error().message};
  if (settings.cert.empty() != settings.key.empty())
    return {net::ErrorKind::kLocal, "--cert and --key belong together"};
  if (settings.clear_text && !settings.cert.empty())
    return {net::ErrorKind::kLocal, "--http and --cert contradict each other"};
  settings.server.listen = *endpoint;
  settings.tracker.registry.track_timer = seconds(settings.track_timer);
  settings.tracker.registry.init_timer = seconds(settings.init_timer);
  if (settings.report_interval > 0) settings.tracker.report_interval = settings.report_interval;
  return {};
}

net::Result<std::unique_ptr<ppstp::Access>> open_access(const TrackerSettings& settings, net::Clock& clock) {
  if (settings.auth.empty()) return std::unique_ptr<ppstp::Access>();
  auto opened = net::Access::open(settings.auth, clock, std::string(ppstp::kRealm));
  if (!opened.ok()) return {net::ErrorKind::kLocal, "--auth: " + opened.error().message};
  return std::move(*opened);
}

net::Result<void> TrackerFront::start(net::asio::any_io_executor executor, const TrackerSettings& settings,
                                      const std::string& key_log, const net::TraceWriter* trace, net::Handler handler) {
  net::ServerOptions options = settings.server;
  if (trace != nullptr)
    options.observer = trace->observer([](const net::Error& error) { net::log_warning("trace", error.message); });
  if (!settings.clear_text) {
    if (const auto ready = set_up_tls(settings, key_log, options); !ready.ok()) return ready.error();
  }
  server_ = std::make_unique<net::HttpServer>(std::move(executor), std::move(options), std::move(handler));
  if (const auto started = server_->start(); !started.ok()) return started.error();
  url_ = fmt::format("{}://{}/", settings.clear_text ? "http" : "https", server_->endpoint().to_string());
  return {};
}

std::string TrackerFront::metrics() const {
  const net::ServerStats server = server_->stats();
  return fmt::format(
      "{{\"accepted\":{},\"open\":{},\"requests\":{},\"malformed\":{},\"timeouts\":{},\"refused\":{},\"tls_errors\":{}}"
      "}",
      server.accepted, server.open, server.requests, server.malformed, server.timeouts, server.refused,
      server.tls_errors);
}

void write_metrics(const TrackerSettings& settings, const std::string& tracker, const TrackerFront& front) {
  const std::string text = fmt::format("{{\"tracker\":{},\"http\":{}}}", tracker, front.metrics());
  if (settings.metrics_file.empty()) return net::log_info("tracker", text);
  std::ofstream file(settings.metrics_file);
  file << text << '\n';
  if (!file) net::log_warning("tracker", "cannot write metrics", {{"file", settings.metrics_file}});
}

bool write_whole_file(const std::string& path, std::string_view text) {
  if (path.empty()) return true;
  const std::string part = path + ".part";
  std::ofstream file(part, std::ios::binary);
  file << text;
  file.close();
  return file && std::rename(part.c_str(), path.c_str()) == 0;
}

}  // namespace peerscope::cli
