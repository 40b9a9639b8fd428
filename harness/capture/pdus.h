// SPDX-License-Identifier: GPL-2.0-or-later
// Application messages of a capture: tshark and the plugin's tap export them, libpcap reads them, and here they become
// decoded messages, each response with its request.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "harness/engine/http_message.h"
#include "reference-impl/net/http.h"

namespace peerscope::harness {

struct CapturedMessage {
  const Protocol* protocol = nullptr;
  MessagePtr message;             // frame, time, source and destination are set
  net::HttpRequest http_request;  // one of the two, by message->direction
  net::HttpResponse http_response;
  std::size_t request = kNone;  // index of the request that this response answers

  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
};

struct CaptureResult {
  std::vector<CapturedMessage> messages;
  std::string error;           // nothing could be read: for people
  bool harness_fault = false;  // tshark or the plugin is missing, not the capture
  std::string warning;         // the capture is cut short, or parts could not be read
};

// `keys`: TLS key log file, or empty. `version`: of this program, which the plugin must have too.
CaptureResult read_capture(const std::string& path, const std::string& keys, const std::string& version);

// Reads a file of exported PDUs (also one that --trace or an evidence file made) without tshark.
CaptureResult read_exported(const std::string& path);

}  // namespace peerscope::harness
