// SPDX-License-Identifier: GPL-2.0-or-later
// Evidence: one capture per scenario attempt, written as the messages pass, with a packet comment on each finding. It
// opens in any Wireshark: the messages are exported PDUs that the built-in HTTP dissector reads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "reference-impl/net/http.h"
#include "reference-impl/net/trace.h"

namespace peerscope::harness {

class Evidence {
 public:
  // An empty path writes nothing. Failures are told by error(), once; the run goes on.
  explicit Evidence(const std::string& path);
  ~Evidence();

  // Returns the packet's number in the file, from 1; 0 when nothing is written.
  std::uint64_t add(const net::HttpRequest& request, const net::ConnectionInfo& connection, bool outgoing,
                    std::string_view comment);
  std::uint64_t add(const net::HttpResponse& response, const net::ConnectionInfo& connection, bool outgoing,
                    std::string_view comment);
  // Bytes that are no HTTP message.
  std::uint64_t add(std::string_view raw, const net::ConnectionInfo& connection, bool outgoing,
                    std::string_view comment);
  // A message of another protocol than HTTP.
  std::uint64_t add(const net::TracePdu& pdu);
  std::uint64_t next() const { return packets_ + 1; }
  void secret(std::string_view key_log_line);
  void close();
  const std::string& path() const { return path_; }
  const std::string& error() const { return error_; }

 private:
  std::uint64_t write(const net::HttpEvent& event, std::string_view comment);

  std::string path_;
  std::string error_;
  std::string secrets_;
  std::unique_ptr<net::TraceWriter> writer_;
  std::uint64_t packets_ = 0;
};

}  // namespace peerscope::harness
