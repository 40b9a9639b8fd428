// SPDX-License-Identifier: GPL-2.0-or-later
// make_bodies COUNT PPSTP.pcapng JSON.pcapng: the same messages twice, once with PPSTP's media type and once as
// application/json under another root name, so that Wireshark's own JSON dissector takes them. Every body is different.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "protocols/ppstp/protocol.h"
#include "reference-impl/net/trace.h"

using namespace peerscope;

namespace {

ppstp::PeerAddr address(int i) {
  ppstp::PeerAddr addr;
  addr.ip_address = ppstp::IpAddress{"ipv4", fmt::format("192.0.2.{}", i % 250 + 1)};
  addr.port = 6778;
  addr.priority = 1;
  addr.type = "HOST";
  return addr;
}

ppstp::Request connect(int i) {
  ppstp::Request request;
  request.version = 1;
  request.request_type = "CONNECT";
  request.transaction_id = fmt::format("t-{}", i);
  request.peer_id = fmt::format("peer-{:06}", i);
  request.connect.emplace();
  request.connect->peer_num.emplace().peer_count = 20;
  request.connect->peer_addr.push_back(address(i));
  request.connect->swarm_action.push_back({fmt::format("swarm-{}", i % 50), "JOIN", "LEECH"});
  return request;
}

ppstp::Response answer(int i) {
  ppstp::Response response;
  response.version = 1;
  response.response_type = 0;
  response.error_code = 0;
  response.transaction_id = fmt::format("t-{}", i);
  ppstp::SwarmResult result;
  result.swarm_id = fmt::format("swarm-{}", i % 50);
  result.result = 0;
  result.peer_group.emplace();
  for (int k = 0; k < 20; ++k)
    result.peer_group->peer_info.push_back({fmt::format("peer-{:06}", i * 20 + k), address(k)});
  response.swarm_result.push_back(std::move(result));
  return response;
}

void write(net::TraceWriter& writer, bool request, const std::string& body, const char* type) {
  net::ConnectionInfo connection;
  connection.local = {"127.0.0.1", 40000};
  connection.remote = {"127.0.0.1", 80};
  net::HttpRequest http_request;
  http_request.method = "POST";
  net::HttpResponse http_response;
  net::HttpEvent event;
  event.outgoing = request;
  event.connection = &connection;
  event.time = std::chrono::system_clock::now();
  net::Headers& headers = request ? http_request.headers : http_response.headers;
  headers.add("Content-Type", type);
  (request ? http_request.body : http_response.body) = body;
  if (request)
    event.request = &http_request;
  else
    event.response = &http_response;
  if (const auto result = writer.write(event); !result) {
    std::fprintf(stderr, "make_bodies: %s\n", result.error().message.c_str());
    std::exit(1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: make_bodies COUNT PPSTP.pcapng JSON.pcapng\n");
    return 2;
  }
  auto ours = net::TraceWriter::open(argv[2]);
  auto json = net::TraceWriter::open(argv[3]);
  if (!ours || !json) {
    std::fprintf(stderr, "make_bodies: cannot write the files\n");
    return 1;
  }
  std::size_t bytes = 0;
  for (int i = 0; i < std::atoi(argv[1]); ++i) {
    for (const bool request : {true, false}) {
      std::string body = request ? ppstp::encode(connect(i)) : ppstp::encode(answer(i));
      bytes += body.size();
      write(*ours, request, body, ppstp::kMediaType);
      // Another root keeps the heuristic away; the length stays.
      body.replace(body.find("PPSPTrackerProtocol"), 19, "SomeOtherJsonObject");
      write(*json, request, body, "application/json");
    }
  }
  std::printf("%d messages, %zu bytes of bodies\n", 2 * std::atoi(argv[1]), bytes);
  return 0;
}
