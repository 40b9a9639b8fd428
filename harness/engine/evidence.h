// SPDX-License-Identifier: GPL-2.0-or-later
// Evidence: one capture per scenario attempt, written as the messages pass, with a packet comment on each finding. It
// opens in any Wireshark: the messages are exported PDUs that the built-in HTTP dissector reads.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "reference-impl/net/http.h"
#include "reference-impl/net/trace.h"

namespace peerscope::harness {

// A packet of the evidence as a line of a sequence diagram. Parties have names where the harness knows them.
struct EvidenceLine {
  std::uint64_t frame = 0;
  double at = 0;  // seconds since the first one
  bool from_iut = false;
  std::string from;
  std::string to;
  std::string label;  // as far as it can be told without decoding: "POST /", "200", "12 bytes"
};

class Evidence {
 public:
  static constexpr std::size_t kMostLines = 20000;  // what an endless flow has beyond is in the file alone

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
  // What people call whoever is at this endpoint; without it the harness is "harness" and everybody else "iut".
  void name(const net::Endpoint& endpoint, std::string_view party);
  const std::vector<EvidenceLine>& lines() const { return lines_; }
  void secret(std::string_view key_log_line);
  void close();
  const std::string& path() const { return path_; }
  const std::string& error() const { return error_; }

 private:
  std::uint64_t write(const net::HttpEvent& event, std::string_view comment);
  std::string party_at(const net::Endpoint& endpoint, const char* otherwise) const;
  void note(net::SystemTime time, bool from_iut, std::string from, std::string to, std::string label);

  std::string path_;
  std::string error_;
  std::string secrets_;
  std::unique_ptr<net::TraceWriter> writer_;
  std::uint64_t packets_ = 0;
  net::SystemTime begin_{};
  std::map<std::string, std::string> names_;  // by endpoint
  std::vector<EvidenceLine> lines_;
};

}  // namespace peerscope::harness
