// SPDX-License-Identifier: GPL-2.0-or-later
// make_cost_map MEGABYTES ALTO.pcap JSON.pcap: one ALTO cost map of about that size in one HTTP/1.1 response; and the
// same bytes as application/json, which Wireshark's own JSON dissector takes. In the large segments of an interface
// that puts them together: Wireshark's reassembly of TCP takes time by the square of their number, which is none of
// either.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/support/tcp_capture.h"

using namespace peerscope::test;

namespace {

// A square map: every PID to every PID.
std::string cost_map(std::size_t wanted) {
  constexpr std::size_t kBytesACost = 15;
  std::size_t pids = 1;
  while (pids * pids * kBytesACost < wanted) ++pids;
  std::string out = R"({"meta":{"dependent-vtags":[{"resource-id":"nm","tag":"v7"}],)"
                    R"("cost-type":{"cost-mode":"numerical","cost-metric":"routingcost"}},"cost-map":{)";
  for (std::size_t from = 0; from < pids; ++from) {
    out += fmt::format("{}\"pid{:05}\":{{", from == 0 ? "" : ",", from);
    for (std::size_t to = 0; to < pids; ++to)
      out += fmt::format("{}\"pid{:05}\":{}.5", to == 0 ? "" : ",", to, (from * 7 + to * 3) % 90 + 10);
    out += '}';
  }
  return out + "}}";
}

void write(const char* path, const std::string& body, const char* type) {
  constexpr std::size_t kSegment = 60'000;
  std::vector<Frame> frames;
  TcpConversation tcp(frames, {0xc0000202, 40000}, {0xc0000201, 80});
  tcp.open();
  tcp.client("GET /costmap HTTP/1.1\r\nHost: alto.example\r\n\r\n");
  tcp.server_in(kSegment, http_response(body, 200, type));
  std::ofstream file(path, std::ios::binary);
  if (!(file << pcap_file(frames))) {
    std::fprintf(stderr, "make_cost_map: cannot write %s\n", path);
    std::exit(1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: make_cost_map MEGABYTES ALTO.pcap JSON.pcap\n", stderr);
    return 2;
  }
  const std::string body = cost_map(std::strtoul(argv[1], nullptr, 10) << 20);
  write(argv[2], body, "application/alto-costmap+json");
  write(argv[3], body, "application/json");
}
