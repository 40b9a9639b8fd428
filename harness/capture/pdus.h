// SPDX-License-Identifier: GPL-2.0-or-later
// Application messages of a capture: tshark and the plugin's tap export them, libpcap reads them while tshark writes,
// and here they become decoded messages, each response with its request. A stream keeps no message but the requests
// that wait for their answer (capture/pending.h), so a capture may be of any size.
#pragma once

#include <cstdint>
#include <functional>
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

struct CaptureOutcome {
  std::string error;           // nothing could be read, or tshark failed: for people
  bool harness_fault = false;  // tshark or the plugin is at fault, not the capture
  std::string warning;         // the capture is cut short, or parts could not be read
  std::string note;            // what a limit left out; no verdict depends on it
};
struct CaptureResult : CaptureOutcome {
  std::vector<CapturedMessage> messages;
};

// Called for each message in the order of the capture, on the thread of the caller. `request` is the message that a
// response answers, or null; it is valid until the call returns. What is not moved out of `captured` is used again.
using MessageSink = std::function<void(CapturedMessage&& captured, const Message* request)>;

// Reads captures through tshark, several at a time if need be: what all have in common (the plugin, the keys) is set up
// once. `keys`: TLS key log file, or empty. `version`: of this program, which the plugin must have too.
// Failure: told by each stream(). Threading: stream() from any thread.
class CaptureReader {
 public:
  CaptureReader(const std::string& keys, std::string version);
  ~CaptureReader();
  CaptureReader(const CaptureReader&) = delete;
  CaptureReader& operator=(const CaptureReader&) = delete;

  CaptureOutcome stream(const std::string& path, const MessageSink& sink) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// One capture alone.
CaptureOutcome stream_capture(const std::string& path, const std::string& keys, const std::string& version,
                              const MessageSink& sink);
// The same with all messages in memory.
CaptureResult read_capture(const std::string& path, const std::string& keys, const std::string& version);

// Reads a file of exported PDUs (a flow of `record`, also one that --trace or an evidence file made) without tshark.
CaptureResult read_exported(const std::string& path);
// Whether read_exported can read it; false for what is no capture at all.
bool is_exported(const std::string& path);
// By whichever way the file needs: exported PDUs directly, packets through tshark.
CaptureResult read_any(const std::string& path, const std::string& keys, const std::string& version);

}  // namespace peerscope::harness
