// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/serve_alto.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/options.h"
#include "reference-impl/alto/server.h"
#include "reference-impl/alto/world_files.h"
#include "reference-impl/net/access.h"
#include "reference-impl/net/http_server.h"
#include "reference-impl/net/log.h"
#include "reference-impl/net/tls.h"
#include "reference-impl/net/trace.h"

namespace peerscope::cli {
namespace {

constexpr int kOk = 0;
constexpr int kUsage = 2;
constexpr int kCannotStart = 3;

struct Settings {
  std::string listen = "127.0.0.1:0";
  bool tls = false;
  bool http2 = true;
  std::string cert;
  std::string key;
  std::string key_log;
  std::string trace;
  std::string map;
  std::vector<std::string> costs;
  std::string generate;
  std::vector<std::string> metrics;
  double changing = 0;
  bool reload = true;
  std::string cdni;
  std::string auth;
  std::string log_format = "text";
  std::string log_level = "info";
  std::string ready_file;
  std::vector<std::string> defects;
  alto::ServerOptions server;
  net::ServerOptions http;
};

int complain(int code, std::string_view text) {
  fmt::print(stderr, "peerscope serve alto: {}\n", text);
  return code;
}

void add_options(CLI::App& app, Settings& s) {
  app.add_option("--listen", s.listen, "address to listen on, HOST:PORT; port 0 takes a free one")
      ->capture_default_str();
  app.add_flag("--tls,!--http", s.tls, "https instead of clear text");
  app.add_flag("--http2,!--no-http2", s.http2, "HTTP/2 as well: over TLS by ALPN, else by prior knowledge (on)");
  app.add_option("--cert", s.cert, "PEM certificate chain; a self-signed one is made without it")
      ->check(CLI::ExistingFile);
  app.add_option("--key", s.key, "PEM private key")->check(CLI::ExistingFile);
  app.add_option("--key-log", s.key_log, "append TLS secrets to this file (NSS format)");
  app.add_option("--trace", s.trace, "write all messages to this pcapng file");
  auto* map = app.add_option("--map", s.map, "network map: JSON as ALTO sends it, or CSV with pid,prefix a line")
                  ->check(CLI::ExistingFile);
  app.add_option("--costs", s.costs,
                 "costs: JSON as ALTO sends it, one file a metric, or CSV with source,destination,cost (repeatable)")
      ->check(CLI::ExistingFile)
      ->allow_extra_args(false)
      ->needs(map);
  app.add_option("--generate", s.generate, "make a map: pids=NUMBER,prefixes=NUMBER")->excludes(map);
  app.add_option("--metrics", s.metrics, "with a made-up map: further metrics (RFC 9439), as in delay-rt,tput:p95")
      ->delimiter(',')
      ->excludes(map);
  app.add_option("--changing", s.changing, "with a made-up map: change it every so many seconds")
      ->check(CLI::PositiveNumber)
      ->excludes(map);
  app.add_option("--cdni", s.cdni, "advertisement of a CDN: JSON as ALTO sends it (RFC 9241)")
      ->check(CLI::ExistingFile);
  app.add_flag("--reload,!--no-reload", s.reload, "read the files again when they change (on)")->needs(map);
  app.add_option("--max-streams", s.server.streams.streams, "update streams at a time; more are answered 503")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--max-views", s.server.tips.views, "TIPS views at a time; more are answered 429")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--auth", s.auth,
                 "ask clients who they are: digest:FILE (user:password a line) or bearer:FILE (a token a line)");
  app.add_option("--max-pairs", s.server.limits.max_pairs, "pairs of one filtered answer; more are answered 503")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--max-connections", s.http.max_connections)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--log-format", s.log_format, "text or json")->capture_default_str();
  app.add_option("--log-level", s.log_level, "debug, info, warning, error or off")->capture_default_str();
  app.add_option("--ready-file", s.ready_file, "write the directory's URL to this file when the server is ready");
  app.add_option("--defect", s.defects, "behave wrongly in this way (repeatable); 'list' shows all")
      ->allow_extra_args(false);
}

net::Result<alto::World> make_world(const Settings& s, alto::WorldFiles& files) {
  if (!s.map.empty()) return files.load();
  auto world = s.generate.empty() ? net::Result<alto::World>(alto::interop_world()) : alto::generated_world(s.generate);
  if (!world.ok()) return world;
  if (!s.cdni.empty()) {
    if (const auto done = alto::load_cdni(*world, s.cdni); !done.ok()) return done.error();
  }
  if (const auto done = alto::invent_metrics(*world, s.metrics); !done.ok()) return done.error();
  return world;
}

// What happens by itself: files are read again, a made-up world changes, silent streams get a comment.
class Housekeeping {
 public:
  Housekeeping(net::asio::io_context& context, const Settings& settings, alto::WorldFiles& files, alto::Server& server)
      : timer_(context), change_(context), settings_(settings), files_(files), server_(server) {
    tick();
    if (settings_.changing > 0) wait_for_change();
  }

 private:
  void tick() {
    timer_.expires_after(std::chrono::seconds(1));
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      server_.tick(std::chrono::steady_clock::now());
      if (!settings_.map.empty() && settings_.reload) reload();
      tick();
    });
  }
  void reload() {
    auto world = files_.poll();
    if (!world) return;
    if (!world->ok()) return net::log_warning("alto", "the old map stays: " + world->error().message);
    server_.update(std::move(**world));
    net::log_info("alto", "new map", {{"tag", server_.world().tag}});
  }
  void wait_for_change() {
    change_.expires_after(std::chrono::milliseconds(static_cast<long>(settings_.changing * 1000)));
    change_.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      server_.update(alto::changed_world(server_.world(), ++step_));
      wait_for_change();
    });
  }

  net::asio::steady_timer timer_;
  net::asio::steady_timer change_;
  const Settings& settings_;
  alto::WorldFiles& files_;
  alto::Server& server_;
  std::uint64_t step_ = 0;
};

net::Result<void> set_up_tls(Settings& s) {
  net::TlsServerOptions& tls = s.http.tls.emplace();
  tls.key_log_file = s.key_log;
  tls.certificate_file = s.cert;
  tls.key_file = s.key;
  if (!s.cert.empty()) return {};
  auto pair = net::make_self_signed({"localhost", "127.0.0.1", "::1"});
  if (!pair.ok()) return pair.error();
  tls.pem = std::move(*pair);
  return {};
}

bool announce(const Settings& s, const net::HttpServer& http) {
  const std::string url = fmt::format("{}://{}/directory", s.tls ? "https" : "http", http.endpoint().to_string());
  fmt::print("listening on {}\n", url);
  std::fflush(stdout);
  if (s.ready_file.empty()) return true;
  // Complete or absent: a reader may look at any moment.
  const std::string part = s.ready_file + ".part";
  std::ofstream file(part);
  file << url << '\n';
  file.close();
  return file && std::rename(part.c_str(), s.ready_file.c_str()) == 0;
}

// Of a client that did not say who it is; nothing when it did, or nobody asks.
std::optional<net::HttpResponse> refusal(net::Access* access, const net::HttpRequest& request) {
  if (access == nullptr) return std::nullopt;
  const net::AuthResult result = access->check(request);
  if (result.ok()) return std::nullopt;
  net::HttpResponse response(401);
  for (const std::string& challenge : result.challenges) response.headers.add("WWW-Authenticate", challenge);
  return response;
}

int serve(Settings settings) {
  alto::WorldFiles files(settings.map, settings.costs, settings.cdni);
  auto world = make_world(settings, files);
  if (!world.ok()) return complain(kUsage, world.error().message);
  net::asio::io_context context{1};
  std::optional<net::TraceWriter> trace;
  if (!settings.trace.empty()) {
    auto opened = net::TraceWriter::open(settings.trace, "peerscope alto");
    if (!opened.ok()) return complain(kCannotStart, opened.error().message);
    trace.emplace(std::move(*opened));
    settings.http.observer = trace->observer([](const net::Error& error) { net::log_warning("trace", error.message); });
  }
  if (settings.tls) {
    if (const auto ready = set_up_tls(settings); !ready.ok()) return complain(kCannotStart, ready.error().message);
  }
  net::SystemClock clock(context.get_executor());
  std::unique_ptr<net::Access> access;
  if (!settings.auth.empty()) {
    auto opened = net::Access::open(settings.auth, clock, "peerscope alto");
    if (!opened.ok()) return complain(kUsage, "--auth: " + opened.error().message);
    access = std::move(*opened);
  }
  alto::Server server(std::move(*world), settings.server);
  net::HttpServer http(context.get_executor(), settings.http,
                       [&](net::HttpRequest&& request, const net::ConnectionInfo& connection, net::Responder respond) {
                         if (const auto refused = refusal(access.get(), request); refused)
                           respond(net::Reply(*refused));
                         else
                           server.handle(request, connection, respond);
                       });
  if (const auto started = http.start(); !started.ok()) return complain(kCannotStart, started.error().message);
  if (!announce(settings, http)) return complain(kCannotStart, "cannot write " + settings.ready_file);
  Housekeeping housekeeping(context, settings, files, server);
  net::asio::signal_set signals(context, SIGTERM, SIGINT);
  signals.async_wait([&](const boost::system::error_code& error, int number) {
    if (error) return;
    net::log_info("alto", "stopping", {{"signal", number}});
    http.stop();
    context.stop();
  });
  context.run();
  return kOk;
}

}  // namespace

int serve_alto(int argc, const char* const* argv) {
  Settings settings;
  CLI::App app("Reference ALTO server (RFC 7285)", "serve alto");
  add_options(app, settings);
  if (const int code = parse(app, argc, argv); code >= 0) return code;
  for (const std::string& name : settings.defects) {
    if (name != "list") continue;
    for (const alto::ServerDefect& defect : alto::server_defects())
      fmt::print("{:<32} {}  {}\n", defect.name, defect.rule, defect.media_type);
    return kOk;
  }
  auto defects = alto::parse_server_defects(settings.defects);
  if (!defects.ok()) return complain(kUsage, defects.error().message);
  settings.server.defects = *defects;
  const auto level = net::parse_log_level(settings.log_level);
  const auto format = net::parse_log_format(settings.log_format);
  if (!level.ok()) return complain(kUsage, level.error().message);
  if (!format.ok()) return complain(kUsage, format.error().message);
  net::set_up_log(*level, *format);
  auto endpoint = net::Endpoint::parse(settings.listen);
  if (!endpoint.ok()) return complain(kUsage, "--listen: " + endpoint.error().message);
  if (settings.cert.empty() != settings.key.empty()) return complain(kUsage, "--cert and --key belong together");
  settings.http.listen = *endpoint;
  settings.http.http2 = settings.http2;
  net::raise_file_limit();
  return serve(std::move(settings));
}

}  // namespace peerscope::cli
