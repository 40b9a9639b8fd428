// SPDX-License-Identifier: GPL-2.0-or-later
// What the demos do alike with the traffic that they recorded.
#pragma once

#include <string>
#include <vector>

#include "harness/capture/pdus.h"

namespace peerscope::cli {

// Path of this program.
std::string program();
std::string read_file(const std::string& path);

// A line for each frame that passes the display filter, as Wireshark with the plugin shows it, as Markdown.
struct DecodedTable {
  std::string text;
  std::string error;  // tshark failed, or showed no such frame
};
DecodedTable decoded_table(const std::string& flow, const std::string& filter);

// Every message by the tables of requirements. `text`: a line for each that is broken, then the counts.
struct Rulebook {
  std::string protocol;   // its filter name
  std::string documents;  // as the text calls them
};
struct Judgement {
  std::string text;
  bool clean = false;
};
Judgement judge_flow(const std::vector<harness::CapturedMessage>& messages, const std::vector<Rulebook>& rulebooks);

}  // namespace peerscope::cli
