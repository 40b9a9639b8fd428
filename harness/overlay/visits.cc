// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/overlay/visits.h"

#include <chrono>
#include <utility>

#include "protocols/ppstp/protocol.h"
#include "reference-impl/net/http_client.h"

namespace peerscope::harness {

Visits::~Visits() = default;

MessagePtr Visits::begin(const net::Url& url, std::string body, std::string exchange, double seconds) {
  net::ClientOptions options = net::ClientOptions::for_url(url);
  // Whose HTTPS certificate it is, is not the point here.
  if (options.tls) options.tls->verify = net::TlsClientOptions::Verify::kNone;
  options.total_timeout = options.response_timeout =
      std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
  const auto security = options.tls ? Transport::Security::kTls : Transport::Security::kClear;
  net::HttpRequest request("POST", url.target);
  request.headers.add("Content-Type", ppstp::kMediaType);
  request.body = std::move(body);
  MessagePtr asked = decode_request(ppstp::protocol(), request, security);
  ++waiting_;
  threads_.emplace_back([this, options = std::move(options), request = std::move(request),
                         exchange = std::move(exchange), security]() mutable {
    net::BlockingClient client(std::move(options));
    const auto response = client.send(std::move(request));
    VisitAnswer answer{std::move(exchange), nullptr, {}};
    if (response.ok())
      answer.message = decode_response(ppstp::protocol(), *response, security);
    else
      answer.why = response.error().message;
    const std::lock_guard lock(mutex_);
    answers_.push_back(std::move(answer));
  });
  return asked;
}

std::optional<VisitAnswer> Visits::next() {
  const std::lock_guard lock(mutex_);
  if (answers_.empty()) return std::nullopt;
  VisitAnswer answer = std::move(answers_.front());
  answers_.pop_front();
  --waiting_;
  return answer;
}

}  // namespace peerscope::harness
