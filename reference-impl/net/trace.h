// SPDX-License-Identifier: GPL-2.0-or-later
// Messages written as a capture without any privilege: a pcapng file of exported PDUs that Wireshark dissects from the
// message on. Messages from TLS connections are in clear text and carry "HTTPS" as protocol text.
//
// Ownership: copies of a TraceWriter share one file, as observers must; the last one closes it. Failure: as
// PcapngWriter: reported once, then silent. Threading: safe from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "reference-impl/net/http.h"
#include "reference-impl/net/pcapng.h"
#include "reference-impl/net/result.h"

namespace peerscope::net {

struct TracePdu {
  std::string_view dissector = "http";  // name in Wireshark's dissector list
  std::string_view protocol_text = "HTTP";
  Endpoint source;  // numeric addresses
  Endpoint destination;
  bool udp = false;         // otherwise TCP
  std::uint32_t frame = 0;  // of the capture that it was taken from; 0: none
  SystemTime time{};
  std::string_view bytes;
  std::string_view comment;
};

class TraceWriter {
 public:
  static Result<TraceWriter> open(const std::string& path, std::string_view application = "peerscope");
  // Over a writer that has no interface yet or others of its own; adds the upper-PDU interface to it.
  static Result<TraceWriter> attach(PcapngWriter writer);

  Result<void> write(const TracePdu& pdu);
  // Both complete messages and raw bytes; raw bytes go out with the dissector "data".
  Result<void> write(const HttpEvent& event, std::string_view comment = {});
  Result<void> add_tls_secrets(std::string_view key_log);
  Result<void> close();
  bool failed() const;
  std::uint64_t packets() const;

  // For ServerOptions::observer and ClientOptions::observer. `on_error` hears of the first failed write.
  HttpObserver observer(std::function<void(const Error&)> on_error = {}) const;

 private:
  struct State;
  explicit TraceWriter(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

// The exported-PDU form of a packet: tags, then the bytes.
std::string to_exported_pdu(const TracePdu& pdu);

}  // namespace peerscope::net
