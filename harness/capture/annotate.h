// SPDX-License-Identifier: GPL-2.0-or-later
// A copy of a capture with a packet comment on each finding: it opens in any Wireshark.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/capture/pdus.h"
#include "harness/check.h"

namespace peerscope::harness {

// Copies a pcapng file block by block and adds the comments to its packets, counted from 1 as Wireshark does.
// (editcap 4.0 refuses files whose secrets stand before their interfaces, which is how it writes them itself.) Returns
// what went wrong, for people; empty when written.
std::string add_comments(const std::string& from, const std::string& to,
                         const std::map<std::uint64_t, std::string>& comments);

// The same with the findings of a check; a pcap file is made a pcapng file on the way.
std::string annotate_capture(const std::string& from, const std::string& to,
                             const std::vector<CapturedMessage>& messages, const CheckResult& result);

}  // namespace peerscope::harness
