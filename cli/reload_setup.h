// SPDX-License-Identifier: GPL-2.0-or-later
// What `serve reload` and `reload` share: where configuration and identity come from, traces and key logs.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "reference-impl/net/log.h"
#include "reference-impl/net/trace.h"
#include "reference-impl/reload/enrollment.h"
#include "reference-impl/reload/socket_node.h"

namespace peerscope::cli {

struct ReloadSettings {
  std::string config;    // URL or file
  std::string https_ca;  // PEM file
  std::string overlay;
  std::string user;
  std::string password;
  std::string identity;  // PEM file with key and certificate
  bool self_signed = false;
  std::string key_type = "rsa";
  std::vector<std::string> bootstrap;
  std::string links = "tls";
  std::size_t mtu = reload::DtlsContext::Options().mtu;
  std::string trace;
  std::string key_log;
  std::string log_format = "text";
  std::string log_level = "info";
  reload::NodeDefects defects;  // mistakes made on purpose
};

void add_reload_options(CLI::App& app, ReloadSettings& settings);
net::Result<void> set_up_log(const ReloadSettings& settings);
net::Result<reload::KeyType> key_type(const ReloadSettings& settings);
// What --link and --mtu ask for.
net::Result<reload::SocketTransportOptions> transport_options(const ReloadSettings& settings);
// The error names the file.
net::Result<std::string> read_whole_file(const std::string& path);
// Whether a document or an overlay's name is given, as load_overlay() needs.
bool names_overlay(const ReloadSettings& settings);
net::Result<reload::OverlayPtr> load_overlay(const ReloadSettings& settings);
// From the file; else made or enrolled, and kept in the file when there is one.
net::Result<reload::Identity> load_identity(const ReloadSettings& settings, const reload::Overlay& overlay);
net::Result<std::vector<net::Endpoint>> bootstrap_nodes(const ReloadSettings& settings, const reload::Overlay& overlay);

// The files that a node writes while it runs.
class ReloadRecords {
 public:
  net::Result<void> open(const ReloadSettings& settings);
  net::KeyLogSink key_log();
  const net::TraceWriter* trace() const { return trace_ ? &*trace_ : nullptr; }
  void watch(reload::Node& node, const net::Endpoint& local, net::Clock& clock);

 private:
  std::optional<net::TraceWriter> trace_;
  std::shared_ptr<std::ofstream> keys_;
};

std::int64_t seconds_now();

}  // namespace peerscope::cli
