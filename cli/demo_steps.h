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

// A line for each message of `protocol` (its filter name) as Wireshark with the plugin shows it, as Markdown.
struct DecodedTable {
  std::string text;
  std::string error;  // tshark failed, or showed no such message
};
DecodedTable decoded_table(const std::string& flow, const std::string& protocol);

// Every message by the table of requirements. `text`: a line for each that is broken, then the counts.
struct Judgement {
  std::string text;
  bool clean = false;
};
Judgement judge_flow(const std::vector<harness::CapturedMessage>& messages, const std::string& protocol,
                     const std::string& documents);

}  // namespace peerscope::cli
