// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli/serve_reload.h"

#include <fmt/format.h>

#include "cli/options.h"
#include "cli/reload_service.h"

namespace peerscope::cli {
namespace {

int complain(int code, std::string_view text) {
  fmt::print(stderr, "peerscope serve reload: {}\n", text);
  return code;
}

}  // namespace

int serve_reload(int argc, const char* const* argv) {
  ReloadServiceSettings settings;
  CLI::App app("Reference RELOAD peer (RFC 6940)", "serve reload");
  add_reload_service_options(app, settings, "--listen");
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
  return ReloadService(std::move(settings), "serve reload").run();
}

}  // namespace peerscope::cli
