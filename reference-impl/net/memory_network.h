// SPDX-License-Identifier: GPL-2.0-or-later
// In-memory transport on a given clock, for tests and simulations: a channel that hands requests to a Handler after a
// latency, and fails where told to.
//
// Ownership: the clock and the FailCounter must outlive the channel; the channel must outlive its calls. Failure: as a
// real client's. Threading: one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "reference-impl/net/clock.h"
#include "reference-impl/net/http.h"
#include "reference-impl/net/http_channel.h"
#include "reference-impl/net/http_server.h"

namespace peerscope::net {

// Makes the n-th operation (from 1) that passes it fail; a test runs with 1, 2, 3, ... until nothing fails any more.
class FailCounter {
 public:
  explicit FailCounter(std::uint64_t fail_at = 0, Error error = {ErrorKind::kReset, "connection reset (injected)"})
      : fail_at_(fail_at), error_(std::move(error)) {}

  // An error when this is the operation that fails.
  std::optional<Error> step();
  std::uint64_t count() const { return count_; }
  bool failed() const { return fail_at_ != 0 && count_ >= fail_at_; }

 private:
  std::uint64_t fail_at_;
  std::uint64_t count_ = 0;
  Error error_;
};

struct MemoryOptions {
  Duration latency{std::chrono::milliseconds(1)};  // one way
  Duration response_timeout = std::chrono::seconds(30);
  ConnectionInfo connection{{"127.0.0.1", 40000}, {"127.0.0.1", 80}, false, 1, {}, {}, {}};  // as the handler sees it
  FailCounter* failures = nullptr;  // each send() is two operations: the request, the response
  HttpObserver observer;            // from the client's side
};

class MemoryChannel final : public HttpChannel {
 public:
  MemoryChannel(Clock& clock, Handler handler, MemoryOptions options = {});
  ~MemoryChannel() override;

  // Reply's delay is honoured on the clock; raw bytes are parsed as a client would; close, reset and stall become the
  // errors they would be.
  asio::awaitable<Result<HttpResponse>> send(HttpRequest request) override;

 private:
  class Exchange;
  Clock& clock_;
  Handler handler_;
  MemoryOptions options_;
  std::uint64_t last_exchange_ = 0;
};

}  // namespace peerscope::net
