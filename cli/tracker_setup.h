// SPDX-License-Identifier: GPL-2.0-or-later
// What `serve tracker` and `serve distributed-tracker` share: options, and the HTTP server in front of a tracker.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>

#include "reference-impl/net/http_server.h"
#include "reference-impl/net/trace.h"
#include "reference-impl/ppstp/tracker.h"

namespace peerscope::cli {

struct TrackerSettings {
  std::string listen = "127.0.0.1:0";
  bool clear_text = false;
  std::string cert;
  std::string key;
  std::string auth;
  std::string metrics_file;
  double track_timer = 180;
  double init_timer = 10;
  int report_interval = 0;
  ppstp::TrackerOptions tracker;
  net::ServerOptions server;
};

void add_tracker_options(CLI::App& app, TrackerSettings& settings);
// What the options say together, put where it belongs.
net::Result<void> settle(TrackerSettings& settings);
// Null without --auth.
net::Result<std::unique_ptr<ppstp::Access>> open_access(const TrackerSettings& settings, net::Clock& clock);

// The server of a tracker. One executor, one thread.
class TrackerFront {
 public:
  // `trace` may be null.
  net::Result<void> start(net::asio::any_io_executor executor, const TrackerSettings& settings,
                          const std::string& key_log, const net::TraceWriter* trace, net::Handler handler);
  const std::string& url() const { return url_; }
  std::string metrics() const;  // of the server, a JSON object
  void stop() { server_->stop(); }

 private:
  std::unique_ptr<net::HttpServer> server_;
  std::string url_;
};

// To --metrics, or to the log without it.
void write_metrics(const TrackerSettings& settings, const std::string& tracker, const TrackerFront& front);
// Complete or absent: a reader may look at any moment. Without a path nothing is written.
bool write_whole_file(const std::string& path, std::string_view text);

}  // namespace peerscope::cli
