// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/reload_service.h"

#include <fmt/format.h>

#include <boost/asio/ip/tcp.hpp>
#include <csignal>
#include <map>
#include <sstream>

#include "cli/tracker_setup.h"
#include "protocols/reload/security/text.h"

namespace peerscope::cli {
namespace {

constexpr int kCannotStart = 3;

// The bootstrap-node element must be written before the node exists.
std::uint16_t free_port(const std::string& address) {
  namespace asio = boost::asio;
  asio::io_context context;
  boost::system::error_code failed;
  const auto numeric = asio::ip::make_address(address, failed);
  if (failed) return 0;
  asio::ip::tcp::acceptor acceptor(context);
  acceptor.open(asio::ip::tcp::endpoint(numeric, 0).protocol(), failed);
  acceptor.bind({numeric, 0}, failed);
  return failed ? std::uint16_t{0} : acceptor.local_endpoint(failed).port();
}

net::Result<std::map<std::string, std::string>> read_users(const std::string& path) {
  auto text = read_whole_file(path);
  if (!text.ok()) return text.error();
  std::map<std::string, std::string> users;
  std::istringstream lines(*text);
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (line.empty() || line.front() == '#') continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == line.size())
      return {net::ErrorKind::kLocal, fmt::format("{}:{}: is not USER:PASSWORD", path, number)};
    users[line.substr(0, colon)] = line.substr(colon + 1);
  }
  if (users.empty()) return {net::ErrorKind::kLocal, path + ": names nobody, so that nobody could join"};
  return users;
}

}  // namespace

void add_reload_service_options(CLI::App& app, ReloadServiceSettings& s, const std::string& listen) {
  add_reload_options(app, s.common);
  app.add_option(listen, s.listen, "address for overlay links, numeric HOST:PORT; port 0 takes a free one")
      ->capture_default_str();
  app.add_flag("--first", s.first, "be the first node of the overlay: do not join");
  app.add_option("--enrollment", s.enrollment,
                 "make a new overlay (named by --overlay), be its first node, and serve enrollment and configuration "
                 "over HTTPS at this HOST:PORT");
  app.add_option("--enrollment-host", s.enrollment_host, "name or address of the enrollment server in its certificate")
      ->capture_default_str();
  app.add_option("--enrollment-users", s.enrollment_users,
                 "with --enrollment: who gets a certificate, one USER:PASSWORD a line; default: everybody")
      ->needs("--enrollment");
  app.add_option("--https-ca-out", s.https_ca_out, "with --enrollment: write the HTTPS certificate to this file");
  app.add_option("--config-out", s.config_out, "with --enrollment: write the configuration document to this file");
  app.add_option("--topology", s.topology, "with --enrollment: CHORD-RELOAD or TEST (nearest Node-ID, no Updates)")
      ->capture_default_str();
  app.add_flag("--permit-self-signed", s.permit_self_signed, "with --enrollment: allow self-signed certificates");
  app.add_option("--update-interval", s.update_interval, "with --enrollment: chord-update-interval, seconds")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--max-message-size", s.max_message_size, "with --enrollment: bytes")
      ->check(CLI::Range(2000, 1'000'000))
      ->capture_default_str();
  app.add_option("--hold-down", s.hold_down, "seconds until lost copies are made anew")
      ->check(CLI::Range(0.0, 1e6))
      ->capture_default_str();
  app.add_option("--application", s.node.applications, "Application-ID that AppAttach finds here (repeatable)")
      ->allow_extra_args(false);
  app.add_flag("--open-diagnostics", s.node.open_diagnostics,
               "tell everybody in the overlay how this node is (RFC 7851), not only whom the configuration names");
  app.add_option("--max-links", s.node.max_links)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--max-stored-bytes", s.node.storage.bytes)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_flag("--no-certificate", s.no_certificate, "do not store the own certificate in the overlay");
  app.add_option("--defect", s.defects, "behave wrongly in this way (repeatable); 'list' shows all")
      ->allow_extra_args(false);
  app.add_option("--ready-file", s.ready_file, "write the address to this file when the node is a peer");
}

ReloadService::ReloadService(ReloadServiceSettings settings, std::string command)
    : settings_(std::move(settings)),
      command_(std::move(command)),
      clock_(context_.get_executor()),
      signals_(context_, SIGTERM, SIGINT, SIGUSR1) {}

int ReloadService::complain(int code, std::string_view text) const {
  fmt::print(stderr, "peerscope {}: {}\n", command_, text);
  return code;
}

int ReloadService::run() {
  auto listen = net::Endpoint::parse(settings_.listen);
  if (!listen.ok()) return complain(2, "--listen: " + listen.error().message);
  auto transport = transport_options(settings_.common);
  if (!transport.ok()) return complain(2, transport.error().message);
  if (const auto opened = records_.open(settings_.common); !opened.ok())
    return complain(kCannotStart, opened.error().message);
  const auto ready = settings_.enrollment.empty() ? find_overlay() : found_overlay(*listen);
  if (!ready.ok()) return complain(names_overlay(settings_.common) ? kCannotStart : 2, ready.error().message);
  const auto bootstrap = bootstrap_nodes(settings_.common, *overlay_);
  if (!bootstrap.ok()) return complain(2, bootstrap.error().message);
  settings_.node.software = std::string("peerscope ") + PEERSCOPE_VERSION;
  settings_.node.hold_down =
      std::chrono::duration_cast<net::Duration>(std::chrono::duration<double>(settings_.hold_down));
  transport->listen = *listen;
  transport->key_log = records_.key_log();
  transport->tls.defects = settings_.node.defects;
  node_ = std::make_unique<reload::SocketNode>(context_.get_executor(), clock_, random_, overlay_, *identity_,
                                               settings_.node, *std::move(transport));
  if (const auto started = node_->start(); !started.ok()) return complain(kCannotStart, started.error().message);
  records_.watch(node_->node(), node_->local(), clock_);
  fmt::print("node {} of {} at {}\n", reload::text::to_hex(identity_->node_id.view()), overlay_->name(),
             node_->local().to_string());
  std::fflush(stdout);
  wait_for_signal();
  if (settings_.first || !settings_.enrollment.empty()) {
    node_->node().start_alone();
    become_peer();
  } else {
    join(*bootstrap, 0);
  }
  context_.run();
  return code_;
}

net::Result<void> ReloadService::find_overlay() {
  auto overlay = load_overlay(settings_.common);
  if (!overlay.ok()) return overlay.error();
  overlay_ = *overlay;
  auto identity = load_identity(settings_.common, *overlay_);
  if (!identity.ok()) return identity.error();
  identity_ = *std::move(identity);
  return {};
}

// A new overlay: the authority first, then the document that names this node and the enrollment server.
net::Result<void> ReloadService::found_overlay(net::Endpoint& listen) {
  auto https = net::Endpoint::parse(settings_.enrollment);
  if (!https.ok()) return https.error();
  auto pair = net::make_self_signed({settings_.enrollment_host});
  if (!pair.ok()) return pair.error();
  net::ServerOptions options;
  options.listen = *https;
  options.tls.emplace().pem = *pair;
  options.tls->key_log_file = settings_.common.key_log;
  options.max_body_bytes = 65536;
  server_ = std::make_unique<net::HttpServer>(
      context_.get_executor(), options,
      [this](net::HttpRequest&& request, const net::ConnectionInfo&, net::Responder respond) {
        respond(enrollment_->handle(request, seconds_now()));
      });
  if (const auto started = server_->start(); !started.ok()) return started.error();
  if (listen.port == 0) listen.port = free_port(listen.address);
  const std::string base = fmt::format("https://{}:{}", settings_.enrollment_host, server_->port());
  const std::string name = settings_.common.overlay.empty() ? "overlay.example.org" : settings_.common.overlay;
  reload::OverlayConfiguration wanted = reload::basic_configuration(name);
  shape(wanted);
  wanted.topology_plugin = settings_.topology;
  wanted.chord_update_interval = settings_.update_interval;
  wanted.max_message_size = settings_.max_message_size;
  wanted.enrollment_servers = {base + std::string(reload::kEnrollmentPath)};
  wanted.bootstrap_nodes = {{listen.address, listen.port}};
  if (settings_.permit_self_signed) wanted.self_signed_permitted = {true, "sha256"};
  const auto type = key_type(settings_.common);
  if (!type.ok()) return type.error();
  auto made = reload::make_new_overlay(std::move(wanted), *type, seconds_now(), random_);
  if (!made.ok()) return made.error();
  overlay_ = made->overlay;
  identity_ = made->signer;
  reload::EnrollmentOptions enrollment;
  enrollment.defects = settings_.node.defects;
  if (!settings_.enrollment_users.empty()) {
    auto users = read_users(settings_.enrollment_users);
    if (!users.ok()) return users.error();
    enrollment.users = *std::move(users);
  }
  enrollment_ = std::make_unique<reload::EnrollmentServer>(made->authority, overlay_, random_, std::move(enrollment));
  if (!write_whole_file(settings_.https_ca_out, pair->certificate) ||
      !write_whole_file(settings_.config_out, overlay_->document))
    return {net::ErrorKind::kLocal, "cannot write --https-ca-out or --config-out"};
  fmt::print("configuration at {}{}\n", base, reload::kConfigPath);
  return {};
}

void ReloadService::join(const std::vector<net::Endpoint>& bootstrap, int attempt) {
  node_->node().join(bootstrap, [this, bootstrap, attempt](net::Result<void> joined) {
    constexpr int kAttempts = 3;
    if (joined.ok()) return become_peer();
    net::log_warning("reload", "cannot join", {{"why", joined.error().message}});
    if (attempt + 1 < kAttempts) return join(bootstrap, attempt + 1);
    code_ = complain(kCannotStart, joined.error().message);
    context_.stop();
  });
}

void ReloadService::become_peer() {
  net::log_info("reload", "this node is a peer", {{"overlay", overlay_->name()}});
  net::Result<std::string> ready = begin();
  if (ready.ok() && !write_whole_file(settings_.ready_file, *ready))
    ready = {net::ErrorKind::kLocal, "cannot write " + settings_.ready_file};
  if (!ready.ok()) {
    code_ = complain(kCannotStart, ready.error().message);
    return context_.stop();
  }
  if (settings_.no_certificate) return;
  node_->node().store_certificate([](bool ok) {
    if (!ok) net::log_warning("reload", "the own certificate could not be stored in the overlay");
  });
}

void ReloadService::report() {
  const reload::NodeStats& s = node_->node().stats();
  net::log_info("reload", "statistics",
                {{"links", node_->node().link_count()},
                 {"resources", node_->node().storage().resources().size()},
                 {"received", s.received},
                 {"sent", s.sent},
                 {"forwarded", s.forwarded},
                 {"answered", s.requests},
                 {"malformed", s.malformed},
                 {"forged", s.forged},
                 {"flooded", s.flooded},
                 {"timeouts", s.timeouts}});
}

void ReloadService::wait_for_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int number) {
    if (error) return;
    report();
    if (number == SIGUSR1) return wait_for_signal();
    net::log_info("reload", "leaving", {{"signal", number}});
    end();
    // A second signal, or neighbours that do not answer, do not hold it up.
    signals_.async_wait([this](const boost::system::error_code&, int) { context_.stop(); });
    clock_.schedule(std::chrono::seconds(5), [this] { context_.stop(); });
    node_->node().leave([this] { context_.stop(); });
  });
}

}  // namespace peerscope::cli
