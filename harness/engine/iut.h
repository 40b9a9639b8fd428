// SPDX-License-Identifier: GPL-2.0-or-later
// The implementation under test: what its file says (docs/iut-file.md), and its life while a run lasts.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/engine/process.h"
#include "harness/scenario/expression.h"
#include "protocols/base/tree.h"
#include "reference-impl/net/http.h"
#include "reference-impl/net/result.h"

namespace peerscope::harness {

struct IutFile {
  std::string path;
  std::string name;
  std::string version;
  std::string role;
  // Server roles: where it listens ("https://127.0.0.1:8443/"). May hold ${port} when it is started here.
  std::string url;
  // Client roles: what they are told to connect to is the harness's; `scheme` is http or https.
  std::string scheme = "https";
  std::string listen = "127.0.0.1:0";
  std::vector<std::string> exec;  // empty: attach to a running one
  std::map<std::string, std::string> environment;
  std::string ready_line;  // text in its output
  double ready_within = 10;
  int stop_signal = 15;
  double stop_within = 3;
  std::string reset;  // "restart" (default when it is started here), "none", or a hook's name
  std::map<std::string, std::vector<std::string>> hooks;
  std::vector<std::string> features;
  std::vector<std::string> lacking;
  std::map<std::string, std::string, std::less<>> facts;  // track_timer, report_interval, ...
  std::vector<std::string> data;                          // what a server holds, as files
  std::string ca_file;                                    // verify the server with this; empty: any certificate
  std::string user;
  std::string password;
  std::string token;
  // Overlays: the configuration document, and a PEM file with certificate and key of an authority that the overlay
  // trusts, for the identities of the harness's parties.
  std::string overlay_config;
  std::string overlay_authority;
  std::string overlay_tracker;  // URL where the node is a PPSTP tracker too

  // It listens and the harness connects; otherwise the harness listens and it connects.
  bool serves() const;
  bool started_here() const { return !exec.empty(); }
  bool has(std::string_view feature) const;
};

// "file.yaml:3:5: ..." in `error` when something is wrong; nothing is guessed.
IutFile load_iut(const std::string& path, std::string& error);

// Starts, watches, resets and stops the IUT.
class Iut {
 public:
  Iut(IutFile file, std::string work_directory);

  const IutFile& file() const { return file_; }
  // Starts it if the file says so and waits until it is ready. Returns an error for people, empty when well.
  std::string start(const std::map<std::string, std::string, std::less<>>& variables);
  void stop();
  // Asks a started IUT to end, and does not wait for it.
  std::string quit();
  // Runs a hook, or start, stop, restart, reset, start-another (a second process of the same command).
  std::string control(const std::string& what, const std::map<std::string, std::string, std::less<>>& variables);
  // "exited with status 3" when a started IUT is gone; empty while it runs or when attached.
  std::string gone();
  // A started IUT's URL with its port filled in.
  const std::string& url() const { return url_; }
  net::Result<net::Endpoint> endpoint() const;
  // A text of the IUT file with the variables of the last start.
  std::string expanded(const std::string& text) const;
  std::string log_path() const { return log_; }

 private:
  std::string wait_ready(std::size_t log_from);
  // The command and environment with variables filled in.
  std::string launch(Process& process, const Variables& names);

  IutFile file_;
  std::string work_;
  std::string url_;
  std::string log_;
  std::map<std::string, std::string, std::less<>> variables_;
  Process process_;
  Process another_;
  bool wanted_ = false;
};

// A TCP port on `host` that nobody uses now.
int free_port(const std::string& host);

}  // namespace peerscope::harness
