// SPDX-License-Identifier: GPL-2.0-or-later
// CONNECTs at a fixed rate against the trackers of a distributed tracker: every answer is right, or an honest 05.
//
// usage: connect_storm PER_SECOND SECONDS CONNECTIONS URL...
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <cstdlib>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "protocols/ppstp/protocol.h"
#include "reference-impl/net/http_client.h"
#include "reference-impl/net/http_server.h"
#include "reference-impl/net/url.h"

namespace {

using namespace peerscope;
using Steady = std::chrono::steady_clock;
using net::asio::awaitable;

struct Tally {
  std::size_t sent = 0;
  std::size_t right = 0;
  std::size_t unavailable = 0;  // 05, or 503 of the HTTP server
  std::size_t unanswered = 0;   // the tracker was gone
  std::size_t wrong = 0;
  std::string first_wrong;
  std::vector<double> milliseconds;      // of right answers
  std::vector<double> all_milliseconds;  // of right answers and 05
};

class Storm {
 public:
  Storm(double rate, double seconds, std::size_t connections, std::vector<net::Url> urls)
      : rate_(rate), seconds_(seconds), connections_(connections), urls_(std::move(urls)) {}

  const Tally& run() {
    start_ = Steady::now();
    for (std::size_t i = 0; i < connections_; ++i) net::asio::co_spawn(context_, connection(i), net::asio::detached);
    context_.run();
    return tally_;
  }
  double took() const { return std::chrono::duration<double>(last_ - start_).count(); }

 private:
  // The n-th request of all is due at n / rate; whoever is free takes the next one.
  awaitable<void> connection(std::size_t number) {
    net::asio::steady_timer timer(context_);
    const net::Url& url = urls_[number % urls_.size()];
    net::ClientOptions options = net::ClientOptions::for_url(url);
    if (options.tls) options.tls->verify = net::TlsClientOptions::Verify::kNone;
    options.keep_record = false;
    net::HttpClient client(context_.get_executor(), std::move(options));
    for (;;) {
      const std::size_t n = next_++;
      const auto due = start_ + std::chrono::duration_cast<Steady::duration>(
                                    std::chrono::duration<double>(static_cast<double>(n) / rate_));
      if (due >= start_ + std::chrono::duration<double>(seconds_)) co_return;
      if (Steady::now() >= start_ + std::chrono::duration<double>(seconds_)) co_return;
      timer.expires_at(due);
      co_await timer.async_wait(net::asio::use_awaitable);
      co_await one(client, url, n);
    }
  }

  awaitable<void> one(net::HttpClient& client, const net::Url& url, std::size_t n) {
    constexpr std::size_t kSwarms = 5000;
    ppstp::Request asked;
    asked.version = ppstp::kVersion1;
    asked.request_type = std::string(ppstp::kRequestConnect);
    asked.transaction_id = std::to_string(n);
    asked.peer_id = fmt::format("storm-{}", n);
    ppstp::SwarmAction action;
    action.swarm_id = fmt::format("swarm-{}", n * 7919 % kSwarms);
    action.action = std::string(ppstp::kJoin);
    action.peer_mode = std::string(ppstp::kLeech);
    asked.connect.emplace().swarm_action.push_back(std::move(action));
    net::HttpRequest request;
    request.method = "POST";
    request.target = url.target;
    request.headers.add("Content-Type", ppstp::kMediaType);
    request.body = ppstp::encode(std::move(asked));
    ++tally_.sent;
    const auto begun = Steady::now();
    const net::Result<net::HttpResponse> response = co_await client.send(std::move(request));
    last_ = Steady::now();
    judge(response, n, std::chrono::duration<double, std::milli>(last_ - begun).count());
    if (response.ok()) co_return;
    net::asio::steady_timer pause(context_, std::chrono::milliseconds(200));  // before a dead tracker is tried again
    co_await pause.async_wait(net::asio::use_awaitable);
  }

  void judge(const net::Result<net::HttpResponse>& response, std::size_t n, double milliseconds) {
    if (!response.ok()) return void(++tally_.unanswered);
    tally_.all_milliseconds.push_back(milliseconds);
    if (response->status == 503) return void(++tally_.unavailable);
    Message message;
    ppstp::decode(response->body, message);
    const ppstp::Response* answer = ppstp::response_of(message);
    if (answer != nullptr && answer->transaction_id == std::to_string(n)) {
      if (answer->error_code == ppstp::kServiceUnavailable) return void(++tally_.unavailable);
      if (answer->error_code == ppstp::kNoError && answer->swarm_result.size() == 1 &&
          answer->swarm_result[0].result == ppstp::kSuccessful) {
        ++tally_.right;
        tally_.milliseconds.push_back(milliseconds);
        return;
      }
    }
    if (tally_.wrong++ == 0) tally_.first_wrong = response->body;
  }

  net::asio::io_context context_{1};
  double rate_;
  double seconds_;
  std::size_t connections_;
  std::vector<net::Url> urls_;
  std::size_t next_ = 0;
  Steady::time_point start_{};
  Steady::time_point last_{};
  Tally tally_;
};

std::string delays(std::vector<double> milliseconds) {
  std::sort(milliseconds.begin(), milliseconds.end());
  const auto at = [&](double share) {
    const auto index = static_cast<std::size_t>(share * static_cast<double>(milliseconds.size()));
    return index < milliseconds.size() ? milliseconds[index] : 0.0;
  };
  return fmt::format("median {:.0f} ms, 99 % within {:.0f} ms", at(0.5), at(0.99));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    fmt::print(stderr, "usage: connect_storm PER_SECOND SECONDS CONNECTIONS URL...\n");
    return 2;
  }
  std::vector<net::Url> urls;
  for (int i = 4; i < argc; ++i) {
    auto url = net::Url::parse(argv[i]);
    if (!url.ok()) {
      fmt::print(stderr, "{}: {}\n", argv[i], url.error().message);
      return 2;
    }
    urls.push_back(*std::move(url));
  }
  net::raise_file_limit();
  Storm storm(std::strtod(argv[1], nullptr), std::strtod(argv[2], nullptr),
              static_cast<std::size_t>(std::strtoul(argv[3], nullptr, 10)), std::move(urls));
  Tally tally = storm.run();
  const std::string right = delays(std::move(tally.milliseconds));
  fmt::print("{} CONNECTs in {:.1f} s: {:.0f} a second were answered right; {}\n", tally.sent, storm.took(),
             static_cast<double>(tally.right) / std::max(0.001, storm.took()), right);
  fmt::print("right {}, 05 {}, tracker gone {}, wrong {}{}; all answers: {}\n", tally.right, tally.unavailable,
             tally.unanswered, tally.wrong, tally.wrong == 0 ? "" : "; the first: " + tally.first_wrong,
             delays(std::move(tally.all_milliseconds)));
  return tally.wrong == 0 && tally.right > 0 ? 0 : 1;
}
