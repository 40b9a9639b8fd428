// SPDX-License-Identifier: GPL-2.0-or-later
// A copy of a capture with a packet comment on each finding, made by Wireshark's own editcap: it opens in any Wireshark.
#pragma once

#include <string>
#include <vector>

#include "harness/capture/pdus.h"
#include "harness/check.h"

namespace peerscope::harness {

// Returns what went wrong, for people; empty when written.
std::string annotate_capture(const std::string& from, const std::string& to, const std::vector<CapturedMessage>& messages, const CheckResult& result);

}  // namespace peerscope::harness
