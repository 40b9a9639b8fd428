// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/serve_reload.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <fstream>

#include "cli/options.h"
#include "cli/reload_setup.h"
#include "protocols/reload/security/text.h"
#include "reference-impl/net/http_server.h"
#include "reference-impl/reload/new_overlay.h"

namespace peerscope::cli {
namespace {

constexpr int kCannotStart = 3;

struct Settings {
  ReloadSettings common;
  std::string listen = "127.0.0.1:0";
  std::string enrollment;  // address; not empty: a new overlay
  std::string enrollment_host = "127.0.0.1";
  std::string https_ca_out;
  std::string config_out;
  std::string ready_file;
  std::string topology = std::string(reload::kChordReload);
  bool first = false;
  bool permit_self_signed = false;
  bool no_certificate = false;
  double hold_down = 30;
  std::int32_t update_interval = 600;
  std::uint32_t max_message_size = 65536;
  reload::NodeOptions node;
  std::vector<std::string> defects;
};

int complain(int code, std::string_view text) {
  fmt::print(stderr, "peerscope serve reload: {}\n", text);
  return code;
}

void add_options(CLI::App& app, Settings& s) {
  add_reload_options(app, s.common);
  app.add_option("--listen", s.listen, "address for overlay links, numeric HOST:PORT; port 0 takes a free one")
      ->capture_default_str();
  app.add_flag("--first", s.first, "be the first node of the overlay: do not join");
  app.add_option("--enrollment", s.enrollment,
                 "make a new overlay (named by --overlay), be its first node, and serve enrollment and configuration "
                 "over HTTPS at this HOST:PORT");
  app.add_option("--enrollment-host", s.enrollment_host, "name or address of the enrollment server in its certificate")
      ->capture_default_str();
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
  app.add_option("--ready-file", s.ready_file, "write the node's address to this file when it is a peer");
}

bool write_file(const std::string& path, std::string_view text) {
  if (path.empty()) return true;
  const std::string part = path + ".part";
  std::ofstream file(part, std::ios::binary);
  file << text;
  file.close();
  return file && std::rename(part.c_str(), path.c_str()) == 0;
}

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

class Service {
 public:
  explicit Service(Settings settings)
      : settings_(std::move(settings)), clock_(context_.get_executor()), signals_(context_, SIGTERM, SIGINT, SIGUSR1) {}

  int run() {
    auto listen = net::Endpoint::parse(settings_.listen);
    if (!listen.ok()) return complain(2, "--listen: " + listen.error().message);
    auto transport = transport_options(settings_.common);
    if (!transport.ok()) return complain(2, transport.error().message);
    if (const auto opened = records_.open(settings_.common); !opened.ok())
      return complain(kCannotStart, opened.error().message);
    const auto ready = settings_.enrollment.empty() ? find_overlay() : found_overlay(*listen);
    if (!ready.ok()) return complain(kCannotStart, ready.error().message);
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

 private:
  net::Result<void> find_overlay() {
    auto overlay = load_overlay(settings_.common);
    if (!overlay.ok()) return overlay.error();
    overlay_ = *overlay;
    auto identity = load_identity(settings_.common, *overlay_);
    if (!identity.ok()) return identity.error();
    identity_ = *std::move(identity);
    return {};
  }

  // A new overlay: the authority first, then the document that names this node and the enrollment server.
  net::Result<void> found_overlay(net::Endpoint& listen) {
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
    enrollment_ = std::make_unique<reload::EnrollmentServer>(made->authority, overlay_, random_, std::move(enrollment));
    if (!write_file(settings_.https_ca_out, pair->certificate) || !write_file(settings_.config_out, overlay_->document))
      return {net::ErrorKind::kLocal, "cannot write --https-ca-out or --config-out"};
    fmt::print("configuration at {}{}\n", base, reload::kConfigPath);
    return {};
  }

  void join(const std::vector<net::Endpoint>& bootstrap, int attempt) {
    node_->node().join(bootstrap, [this, bootstrap, attempt](net::Result<void> joined) {
      constexpr int kAttempts = 3;
      if (joined.ok()) return become_peer();
      net::log_warning("reload", "cannot join", {{"why", joined.error().message}});
      if (attempt + 1 < kAttempts) return join(bootstrap, attempt + 1);
      code_ = complain(kCannotStart, joined.error().message);
      context_.stop();
    });
  }

  void become_peer() {
    net::log_info("reload", "this node is a peer", {{"overlay", overlay_->name()}});
    if (!write_file(settings_.ready_file, node_->local().to_string() + "\n")) {
      code_ = complain(kCannotStart, "cannot write " + settings_.ready_file);
      return context_.stop();
    }
    if (settings_.no_certificate) return;
    node_->node().store_certificate([](bool ok) {
      if (!ok) net::log_warning("reload", "the own certificate could not be stored in the overlay");
    });
  }

  void report() {
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

  void wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
      if (error) return;
      report();
      if (number == SIGUSR1) return wait_for_signal();
      net::log_info("reload", "leaving", {{"signal", number}});
      // A second signal, or neighbours that do not answer, do not hold it up.
      signals_.async_wait([this](const boost::system::error_code&, int) { context_.stop(); });
      clock_.schedule(std::chrono::seconds(5), [this] { context_.stop(); });
      node_->node().leave([this] { context_.stop(); });
    });
  }

  Settings settings_;
  net::asio::io_context context_{1};
  net::SystemClock clock_;
  net::asio::signal_set signals_;
  reload::SystemRandom random_;
  ReloadRecords records_;
  reload::OverlayPtr overlay_;
  std::optional<reload::Identity> identity_;
  std::unique_ptr<reload::EnrollmentServer> enrollment_;
  std::unique_ptr<net::HttpServer> server_;
  std::unique_ptr<reload::SocketNode> node_;
  int code_ = 0;
};

}  // namespace

int serve_reload(int argc, const char* const* argv) {
  Settings settings;
  CLI::App app("Reference RELOAD peer (RFC 6940)", "serve reload");
  add_options(app, settings);
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  for (const std::string& name : settings.defects) {
    if (name != "list") continue;
    fmt::print("{}", print_defects(reload::all_node_defects()));
    return 0;
  }
  auto defects = reload::parse_node_defects(settings.defects);
  if (!defects.ok()) return complain(2, defects.error().message);
  settings.node.defects = settings.common.defects = *defects;
  if (const auto log = set_up_log(settings.common); !log.ok()) return complain(2, log.error().message);
  if (!reload::topology_supported(settings.topology)) return complain(2, "--topology: no plug-in " + settings.topology);
  net::raise_file_limit();
  return Service(std::move(settings)).run();
}

}  // namespace peerscope::cli
