// SPDX-License-Identifier: GPL-2.0-or-later
// tshark as the harness uses it: a separate process with the project's plugin, reading captures into exported
// application messages. Its failure is a harness or input error, never a verdict on an IUT.
#pragma once

#include <string>
#include <vector>

#include "harness/engine/process.h"

namespace peerscope::harness {

struct TsharkSetup {
  std::string program = "tshark";
  std::vector<std::string> prefix;                 // drops root's rights, where that is needed
  std::map<std::string, std::string> environment;  // plugin folder, private home
  std::string scratch;                             // a private folder, removed by tear_down
  std::string error;                               // for people; empty when tshark lists the plugin
  bool missing = false;                            // tshark itself is not there
};

// Finds tshark and the plugin of this very version: $PEERSCOPE_PLUGIN_DIR, beside the program, or installed. As root,
// Wireshark ignores personal plugin folders, so a copy of the plugin is used under another uid.
// find_tshark is prepare_tshark and verify_plugin in one.
TsharkSetup find_tshark(const std::string& version);
TsharkSetup prepare_tshark();
// Starts tshark once to list its plugins. Returns what is wrong, for people; `missing` when there is no tshark at all.
std::string verify_plugin(const TsharkSetup& setup, const std::string& version, bool& missing);
void tear_down(const TsharkSetup& setup);

// Runs tshark with these arguments; `files.input` goes to stdin (use `-r -`).
CommandResult run_tshark(const TsharkSetup& setup, std::vector<std::string> arguments, double seconds,
                         const CommandFiles& files);
// A copy of `path` in the scratch folder that the lowered uid can read.
std::string share(const TsharkSetup& setup, const std::string& path, std::string& error);

}  // namespace peerscope::harness
