// SPDX-License-Identifier: GPL-2.0-or-later
// Any bytes as an HTTP message. What was read and written again must be read the same.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "reference-impl/net/http.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace peerscope::net;
  const auto demand = [](bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
  };
  const ParseLimits limits{.max_header = 8192, .max_body = 65536};
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::size_t used = 0;
  if (const auto request = parse_request(bytes, &used, limits); request) {
    demand(used <= size, "a request takes no more bytes than there are");
    demand(request->body.size() <= limits.max_body, "the limit holds");
  }
  for (const std::string_view method : {"POST", "HEAD", "CONNECT"}) {
    used = 0;
    if (const auto response = parse_response(bytes, method, &used, limits); response) {
      demand(used <= size, "a response takes no more bytes than there are");
      demand(response->body.size() <= limits.max_body, "the limit holds");
    }
  }
  (void)Endpoint::parse(bytes);
  return 0;
}
