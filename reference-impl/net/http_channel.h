// SPDX-License-Identifier: GPL-2.0-or-later
// Where roles send their requests: a real connection (HttpClient) or an in-memory one (MemoryChannel).
#pragma once

#include <boost/asio/awaitable.hpp>

#include "reference-impl/net/http.h"
#include "reference-impl/net/result.h"

namespace peerscope::net {

// Ownership: the channel must outlive a send() in progress. Failure: in the Result; the channel stays usable.
// Threading: one executor, and one send() at a time.
class HttpChannel {
 public:
  HttpChannel() = default;
  virtual ~HttpChannel() = default;
  HttpChannel(const HttpChannel&) = delete;
  HttpChannel& operator=(const HttpChannel&) = delete;

  virtual asio::awaitable<Result<HttpResponse>> send(HttpRequest request) = 0;
};

}  // namespace peerscope::net
