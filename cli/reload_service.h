// SPDX-License-Identifier: GPL-2.0-or-later
// A RELOAD peer as a program: it founds an overlay or finds one, joins, and leaves on a signal. `serve reload` is that
// alone; `serve distributed-tracker` adds a tracker to it.
#pragma once

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/reload_setup.h"
#include "reference-impl/net/http_server.h"
#include "reference-impl/reload/new_overlay.h"

namespace peerscope::cli {

struct ReloadServiceSettings {
  ReloadSettings common;
  std::string listen = "127.0.0.1:0";
  std::string enrollment;  // address; not empty: a new overlay
  std::string enrollment_host = "127.0.0.1";
  std::string enrollment_users;  // file; empty: everybody gets a certificate
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

// `listen` is the name of the option for the address of overlay links.
void add_reload_service_options(CLI::App& app, ReloadServiceSettings& settings, const std::string& listen);

class ReloadService {
 public:
  // `command` begins its complaints.
  ReloadService(ReloadServiceSettings settings, std::string command);
  virtual ~ReloadService() = default;
  ReloadService(const ReloadService&) = delete;
  ReloadService& operator=(const ReloadService&) = delete;

  int run();

 protected:
  // What a new overlay is to have besides.
  virtual void shape(reload::OverlayConfiguration&) {}
  // The node is a peer. What goes into --ready-file.
  virtual net::Result<std::string> begin() { return node_->local().to_string() + "\n"; }
  virtual void report();
  // Before the node leaves.
  virtual void end() {}

  reload::Node& node() { return node_->node(); }
  net::asio::io_context& context() { return context_; }
  net::SystemClock& clock() { return clock_; }
  ReloadRecords& records() { return records_; }
  const reload::Identity& identity() const { return *identity_; }

 private:
  int complain(int code, std::string_view text) const;
  net::Result<void> find_overlay();
  net::Result<void> found_overlay(net::Endpoint& listen);
  void join(const std::vector<net::Endpoint>& bootstrap, int attempt);
  void become_peer();
  void wait_for_signal();

  ReloadServiceSettings settings_;
  std::string command_;
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

}  // namespace peerscope::cli
