// SPDX-License-Identifier: GPL-2.0-or-later
// Requests delivered to a handler without sockets, in the time of the given clock.
#include "reference-impl/net/memory_network.h"

#include <boost/asio.hpp>

namespace peerscope::net {

std::optional<Error> FailCounter::step() {
  ++count_;
  if (count_ == fail_at_) return error_;
  return std::nullopt;
}

// One request on its way. Alive as long as a Responder or the waiting send() holds it.
class MemoryChannel::Exchange final : public ReplySink, public std::enable_shared_from_this<Exchange> {
 public:
  bool deliver(std::uint64_t, Reply&& reply) override {
    if (done_) return false;
    done_ = true;
    reply_ = std::move(reply);
    if (wake_) std::exchange(wake_, nullptr)();
    return true;
  }
  bool waiting(std::uint64_t) const override { return !done_; }

  // The reply, or nothing when the time is over.
  asio::awaitable<std::optional<Reply>> wait(Clock& clock, Duration limit) {
    if (!done_) {
      const TimerId timer = clock.schedule(limit, [self = shared_from_this()] {
        self->done_ = true;  // a later answer is refused
        if (self->wake_) std::exchange(self->wake_, nullptr)();
      });
      co_await asio::async_initiate<decltype(asio::use_awaitable), void()>(
          [this](auto handler) {
            auto shared = std::make_shared<decltype(handler)>(std::move(handler));
            wake_ = [shared] {
              auto executor = asio::get_associated_executor(*shared);
              asio::post(executor, [shared] { std::move (*shared)(); });
            };
          },
          asio::use_awaitable);
      clock.cancel(timer);
    }
    co_return std::move(reply_);
  }

 private:
  std::optional<Reply> reply_;
  std::function<void()> wake_;
  bool done_ = false;
};

MemoryChannel::MemoryChannel(Clock& clock, Handler handler, MemoryOptions options)
    : clock_(clock), handler_(std::move(handler)), options_(std::move(options)) {}
MemoryChannel::~MemoryChannel() = default;

asio::awaitable<Result<HttpResponse>> MemoryChannel::send(HttpRequest request) {
  const auto observe = [this](bool outgoing, const HttpRequest* rq, const HttpResponse* rs, SystemTime started) {
    if (!options_.observer) return;
    ConnectionInfo mine = options_.connection;  // the handler's view turned round
    std::swap(mine.local, mine.remote);
    options_.observer({outgoing, rq, rs, {}, &mine, started, clock_.wall_now()});
  };
  const SystemTime started = clock_.wall_now();
  const SteadyTime limit = clock_.now() + options_.response_timeout;
  observe(true, &request, nullptr, started);
  co_await clock_.sleep(options_.latency);
  if (options_.failures != nullptr) {
    if (auto error = options_.failures->step()) co_return *error;
  }
  const std::string method = request.method;
  const auto exchange = std::make_shared<Exchange>();
  handler_(std::move(request), options_.connection, Responder(exchange, ++last_exchange_));
  std::optional<Reply> reply = co_await exchange->wait(clock_, limit - clock_.now());
  if (!reply) co_return Error{ErrorKind::kTimeout, "no response within the time limit"};
  const Duration remaining = limit - clock_.now();
  if (reply->delay > remaining) {
    co_await clock_.sleep(remaining);
    co_return Error{ErrorKind::kTimeout, "no response within the time limit"};
  }
  co_await clock_.sleep(reply->delay + options_.latency);
  if (options_.failures != nullptr) {
    if (auto error = options_.failures->step()) co_return *error;
  }
  HttpResponse response = std::move(reply->response);
  if (reply->shared_body) response.body = *reply->shared_body;
  if (reply->raw || reply->send_only) {
    std::string bytes = reply->raw ? std::move(*reply->raw) : to_wire(response, method);
    if (reply->send_only) bytes.resize(std::min(bytes.size(), *reply->send_only));
    if (auto parsed = parse_response(bytes, method)) {
      response = std::move(*parsed);
    } else if (reply->end == Reply::End::kReset) {
      co_return Error{ErrorKind::kReset, "the connection was reset before or within a response"};
    } else if (bytes.empty() || reply->send_only) {
      if (reply->end == Reply::End::kClose)
        co_return Error{ErrorKind::kClosed, "the connection was closed before or within a response"};
      co_await clock_.sleep(limit - clock_.now());
      co_return Error{ErrorKind::kTimeout, "no response within the time limit"};
    } else {
      co_return parsed.error();
    }
  }
  if (!response_has_body(method, response.status)) response.body.clear();
  if (response.reason.empty()) response.reason = default_reason(response.status);
  observe(false, nullptr, &response, clock_.wall_now());
  co_return response;
}

}  // namespace peerscope::net
