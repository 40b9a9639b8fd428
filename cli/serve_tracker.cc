// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/serve_tracker.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "cli/options.h"
#include "cli/tracker_setup.h"
#include "reference-impl/net/log.h"
#include "reference-impl/ppstp/defects.h"

namespace peerscope::cli {
namespace {

constexpr int kOk = 0;
constexpr int kUsage = 2;
constexpr int kCannotStart = 3;

struct Settings {
  TrackerSettings common;
  std::string key_log;
  std::string trace;
  std::string log_format = "text";
  std::string log_level = "info";
  std::string ready_file;
  std::vector<std::string> defects;
};

int complain(int code, std::string_view text) {
  fmt::print(stderr, "peerscope serve tracker: {}\n", text);
  return code;
}

void add_options(CLI::App& app, Settings& s) {
  add_tracker_options(app, s.common);
  app.add_option("--key-log", s.key_log, "append TLS secrets to this file (NSS format)");
  app.add_option("--trace", s.trace, "write all messages to this pcapng file");
  app.add_option("--log-format", s.log_format, "text or json")->capture_default_str();
  app.add_option("--log-level", s.log_level, "debug, info, warning, error or off")->capture_default_str();
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
    auto access = open_access(settings_.common, clock_);
    if (!access.ok()) return complain(kUsage, access.error().message);
    if (!settings_.trace.empty()) {
      auto opened = net::TraceWriter::open(settings_.trace, "peerscope tracker");
      if (!opened.ok()) return complain(kCannotStart, opened.error().message);
      trace_.emplace(std::move(*opened));
    }
    tracker_ = std::make_unique<ppstp::Tracker>(clock_, settings_.common.tracker, std::move(*access));
    const auto started =
        front_.start(context_.get_executor(), settings_.common, settings_.key_log, trace_ ? &*trace_ : nullptr,
                     [this](net::HttpRequest&& request, const net::ConnectionInfo& connection, net::Responder respond) {
                       respond(tracker_->handle(request, connection));
                     });
    if (!started.ok()) return complain(kCannotStart, started.error().message);
    fmt::print("listening on {}\n", front_.url());
    std::fflush(stdout);
    if (!write_whole_file(settings_.ready_file, front_.url() + "\n"))
      return complain(kCannotStart, "cannot write " + settings_.ready_file);
    wait_for_signal();
    context_.run();
    return kOk;
  }

 private:
  void wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
      if (error) return;
      write_metrics(settings_.common, tracker_->metrics(), front_);
      if (number == SIGUSR1) return wait_for_signal();
      net::log_info("tracker", "stopping", {{"signal", number}});
      front_.stop();
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
  TrackerFront front_;
};

}  // namespace

int serve_tracker(int argc, const char* const* argv) {
  Settings settings;
  ppstp::TrackerOptions& tracker = settings.common.tracker;
  tracker.seed = (std::uint64_t{std::random_device{}()} << 32) | std::random_device{}();
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
  tracker.defects = *defects;
  const auto level = net::parse_log_level(settings.log_level);
  const auto format = net::parse_log_format(settings.log_format);
  if (!level.ok()) return complain(kUsage, level.error().message);
  if (!format.ok()) return complain(kUsage, format.error().message);
  net::set_up_log(*level, *format);
  if (const auto settled = settle(settings.common); !settled.ok()) return complain(kUsage, settled.error().message);
  net::raise_file_limit();
  return Service(std::move(settings)).run();
}

}  // namespace peerscope::cli
