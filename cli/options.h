// SPDX-License-Identifier: GPL-2.0-or-later
// What the subcommands share: parsing with CLI11 so that help, errors and exit codes are the same everywhere.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>

#include "harness/engine/verdict.h"

namespace peerscope::cli {

// Returns -1 to go on, else the exit code.
inline int parse(CLI::App& app, int argc, const char* const* argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "peerscope %s: %s (see peerscope %s --help)\n", app.get_name().c_str(), error.what(),
                 app.get_name().c_str());
    return harness::kExitUsage;
  }
  return -1;
}

inline int fail(int code, const std::string& text) {
  std::fprintf(stderr, "peerscope: %s\n", text.c_str());
  return code;
}

}  // namespace peerscope::cli
