// SPDX-License-Identifier: GPL-2.0-or-later
// The in-memory channel and its fail counter.
#include "reference-impl/net/memory_network.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>

namespace peerscope::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class MemoryNetwork : public ::testing::Test {
 protected:
  MemoryNetwork() {
    clock_.set_pump([this] {
      context_.restart();
      context_.poll();
    });
  }
  // Sends and runs virtual time until there is a result.
  Result<HttpResponse> send(MemoryChannel& channel, HttpRequest request = {}) {
    std::optional<Result<HttpResponse>> result;
    boost::asio::co_spawn(context_, channel.send(std::move(request)),
                          [&](std::exception_ptr, Result<HttpResponse> r) { result.emplace(std::move(r)); });
    while (!result && clock_.run_until_idle(seconds(100)) > 0) {
    }
    if (!result) return {ErrorKind::kLocal, "no result"};
    return std::move(*result);
  }

  // Before the clock: pending callbacks hold coroutines of this context.
  boost::asio::io_context context_;
  ManualClock clock_;
};

TEST_F(MemoryNetwork, DeliversAfterTheLatency) {
  SteadyTime handled{};
  MemoryOptions options;
  options.latency = milliseconds(25);
  MemoryChannel channel(
      clock_,
      [&](HttpRequest&& request, const ConnectionInfo& connection, const Responder& respond) {
        handled = clock_.now();
        EXPECT_EQ(connection.remote.port, 40000);
        respond(HttpResponse{200, {}, {}, request.method + " " + request.body, 11});
      },
      options);
  const auto response = send(channel, {"POST", "/", 11, {}, "x"});
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "POST x");
  EXPECT_EQ(response->reason, "OK");
  EXPECT_EQ(handled - SteadyTime{}, milliseconds(25));
}

TEST_F(MemoryNetwork, AnswersLater) {
  MemoryChannel channel(clock_, [&](HttpRequest&&, const ConnectionInfo&, const Responder& respond) {
    clock_.schedule(seconds(2), [respond] { respond(HttpResponse{}); });
  });
  EXPECT_TRUE(send(channel));
}

TEST_F(MemoryNetwork, SilenceIsATimeoutInVirtualTime) {
  std::optional<Responder> held;
  MemoryChannel channel(clock_,
                        [&](HttpRequest&&, const ConnectionInfo&, Responder respond) { held = std::move(respond); });
  const auto response = send(channel);
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::kTimeout);
  EXPECT_FALSE((*held)(HttpResponse{}));
}

TEST_F(MemoryNetwork, CloseResetAndGarbageAreTheErrorsTheyWouldBe) {
  Reply reply;
  MemoryChannel channel(clock_,
                        [&](HttpRequest&&, const ConnectionInfo&, const Responder& respond) { respond(reply); });
  reply = Reply::raw_bytes({}, Reply::End::kClose);
  EXPECT_EQ(send(channel).error().kind, ErrorKind::kClosed);
  reply = Reply::raw_bytes({}, Reply::End::kReset);
  EXPECT_EQ(send(channel).error().kind, ErrorKind::kReset);
  reply = Reply::raw_bytes("garbage\r\n\r\n");
  EXPECT_EQ(send(channel).error().kind, ErrorKind::kMalformed);
  reply = Reply(HttpResponse{200, {}, {}, "0123456789", 11});
  reply.send_only = 20;
  EXPECT_EQ(send(channel).error().kind, ErrorKind::kTimeout);
}

TEST_F(MemoryNetwork, FailsAtTheFirstSecondAndSoOnUntilItPasses) {
  for (std::uint64_t n = 1;; ++n) {
    FailCounter failures(n);
    int handled = 0;
    MemoryOptions options;
    options.failures = &failures;
    MemoryChannel channel(
        clock_,
        [&](HttpRequest&&, const ConnectionInfo&, const Responder& respond) {
          ++handled;
          respond(HttpResponse{});
        },
        options);
    const auto response = send(channel);
    if (response) {
      EXPECT_EQ(n, 3U);
      EXPECT_FALSE(failures.failed());
      break;
    }
    EXPECT_EQ(response.error().kind, ErrorKind::kReset);
    EXPECT_EQ(handled, n == 1 ? 0 : 1);
    EXPECT_TRUE(send(channel)) << "only the n-th operation fails";
  }
}

}  // namespace
}  // namespace peerscope::net
