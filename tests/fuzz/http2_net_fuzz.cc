// SPDX-License-Identifier: GPL-2.0-or-later
// Any bytes as what an HTTP/2 client sends behind its preface, to a server on the loopback interface whose handler
// answers everything. The connection must end, and the server must live on.
#include <sys/socket.h>

#include <boost/asio.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "reference-impl/net/http_server.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using namespace peerscope::net;
using tcp = boost::asio::ip::tcp;

void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

// One thread: the server works while the input's connection is polled.
struct World {
  World()
      : server(context.get_executor(), options(),
               [this](HttpRequest&& request, const ConnectionInfo&, const Responder& respond) {
                 ++answered;
                 HttpResponse response(200);
                 response.body = request.method + request.target + request.body;
                 respond(std::move(response));
               }) {
    demand(static_cast<bool>(server.start()), "the server starts");
  }
  static ServerOptions options() {
    ServerOptions out;
    out.http2 = true;
    return out;
  }
  boost::asio::io_context context{1};
  std::uint64_t answered = 0;
  HttpServer server;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World& world = *new World;  // the process ends with it
  constexpr std::size_t kLargest = 20'000;
  if (size > kLargest) return 0;
  constexpr std::string_view kPreface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", 33);
  tcp::socket socket(world.context);
  boost::system::error_code error;
  socket.connect({boost::asio::ip::make_address("127.0.0.1"), world.server.port()}, error);
  if (error) return 0;  // no port is free just now
  boost::asio::write(socket, boost::asio::buffer(kPreface), error);
  boost::asio::write(socket, boost::asio::buffer(data, size), error);
  socket.shutdown(tcp::socket::shutdown_send, error);
  socket.non_blocking(true);
  // The server hears the end and closes.
  constexpr int kMostTurns = 100'000;
  char buffer[16384];
  int turns = 0;
  for (; turns < kMostTurns; ++turns) {
    world.context.poll();
    socket.read_some(boost::asio::buffer(buffer), error);
    if (error && error != boost::asio::error::would_block) break;
  }
  // Aborted: ports that linger in TIME_WAIT would run out.
  const linger at_once{1, 0};
  setsockopt(socket.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  demand(turns < kMostTurns, "the connection ends");
  return 0;
}
