// SPDX-License-Identifier: GPL-2.0-or-later
// A flow file: the messages of a capture, decrypted and reassembled, as exported PDUs with their times, parties and
// frame numbers. read_exported reads it back without tshark, and any Wireshark opens it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/capture/pdus.h"

namespace peerscope::harness {

// Returns what went wrong, for people; empty when written. `comment` is the section's, for people too.
std::string write_flow(const std::string& path, const std::vector<CapturedMessage>& messages,
                       const std::string& comment);

}  // namespace peerscope::harness
