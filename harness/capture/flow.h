// SPDX-License-Identifier: GPL-2.0-or-later
// A flow file: the messages of a capture, decrypted and reassembled, as exported PDUs with their times, parties and
// frame numbers. read_exported reads it back without tshark, and any Wireshark opens it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/capture/pdus.h"

namespace peerscope::harness {

// The plugin's word on how a message travelled (dissectors/epan/export_pdu.cc writes it): "h1; tls", "h2; clear".
inline constexpr std::string_view kTransportHeader = "Peerscope-Transport";
// Behind what it says: a part of a body that was shown while it went on, "; body 3 part 0".
inline constexpr std::string_view kBodyMark = "; body ";
// Before the number of a part in the protocol text, where a message is larger than a record: the plugin's word too.
inline constexpr std::string_view kPartMark = " part ";

// Returns what went wrong, for people; empty when written. `comment` is the section's, for people too.
std::string write_flow(const std::string& path, const std::vector<CapturedMessage>& messages,
                       const std::string& comment);

}  // namespace peerscope::harness
