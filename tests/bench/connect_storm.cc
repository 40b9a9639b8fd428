// SPDX-License-Identifier: GPL-2.0-or-later
// CONNECTs at a fixed rate against the trackers of a distributed tracker, some of which are killed meanwhile: every
// answer is right, or an honest 05. Right means that the peer is found by others afterwards, honest that it is not.
//
// A connection belongs to one tracker. When that is gone it goes to the next one, and comes back after a while: as
// peers do that know several trackers.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio.hpp>
#include <cmath>
#include <map>
#include <memory>
#include <random>
#include <set>
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
using net::asio::use_awaitable;

struct Settings {
  double rate = 10'000;
  double seconds = 30;
  std::size_t connections = 4000;
  std::size_t swarms = 5000;
  double zipf = 0;  // exponent of the swarms' popularity; 0: all alike
  std::size_t checked = 300;
  double settle = 15;  // seconds until the check
  std::vector<std::string> urls;
  std::set<std::size_t> doomed;  // trackers that are killed: what is lost there is explained
};

enum class Outcome : std::uint8_t { kNotSent, kRight, kUnavailable, kWrong, kLost };

// Which swarm the n-th peer joins.
class Popularity {
 public:
  Popularity(std::size_t swarms, double exponent) : sums_(swarms) {
    double sum = 0;
    for (std::size_t i = 0; i < swarms; ++i) sums_[i] = sum += std::pow(static_cast<double>(i + 1), -exponent);
  }
  std::size_t of(std::size_t n) const {
    std::uint64_t mixed = (n + 1) * 0x9e3779b97f4a7c15U;  // splitmix64
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebU;
    const double at = static_cast<double>(mixed >> 11) * 0x1p-53 * sums_.back();
    const auto found = std::upper_bound(sums_.begin(), sums_.end(), at);
    return static_cast<std::size_t>(std::min(found, std::prev(sums_.end())) - sums_.begin());
  }

 private:
  std::vector<double> sums_;
};

struct Delays {
  std::vector<double> milliseconds;
  double at(double share) {
    if (milliseconds.empty()) return 0;
    const auto index = static_cast<std::size_t>(share * static_cast<double>(milliseconds.size() - 1));
    std::nth_element(milliseconds.begin(), milliseconds.begin() + static_cast<std::ptrdiff_t>(index),
                     milliseconds.end());
    return milliseconds[index];
  }
  std::string text() { return fmt::format("median {:.0f} ms, 99 % within {:.0f} ms", at(0.5), at(0.99)); }
};

std::string peer_name(std::size_t n) {
  return fmt::format("storm-{}", n);
}
std::string swarm_name(std::size_t swarm) {
  return fmt::format("swarm-{}", swarm);
}

ppstp::Request ask(std::string_view type, std::string peer, std::size_t transaction) {
  ppstp::Request request;
  request.version = ppstp::kVersion1;
  request.request_type = std::string(type);
  request.transaction_id = std::to_string(transaction);
  request.peer_id = std::move(peer);
  return request;
}
ppstp::Request join(std::string peer, std::string swarm, std::size_t transaction) {
  ppstp::Request request = ask(ppstp::kRequestConnect, std::move(peer), transaction);
  ppstp::SwarmAction action;
  action.swarm_id = std::move(swarm);
  action.action = std::string(ppstp::kJoin);
  action.peer_mode = std::string(ppstp::kLeech);
  request.connect.emplace().swarm_action.push_back(std::move(action));
  return request;
}
net::HttpRequest post(const net::Url& url, ppstp::Request asked) {
  net::HttpRequest request;
  request.method = "POST";
  request.target = url.target;
  request.headers.add("Content-Type", ppstp::kMediaType);
  request.body = ppstp::encode(std::move(asked));
  return request;
}
net::ClientOptions options_for(const net::Url& url) {
  net::ClientOptions options = net::ClientOptions::for_url(url);
  if (options.tls) options.tls->verify = net::TlsClientOptions::Verify::kNone;
  options.keep_record = false;
  return options;
}

class Storm {
 public:
  Storm(const Settings& settings, std::vector<net::Url> urls)
      : settings_(settings),
        urls_(std::move(urls)),
        popularity_(settings.swarms, settings.zipf),
        outcomes_(static_cast<std::size_t>(settings.rate * settings.seconds), Outcome::kNotSent),
        lost_(urls_.size()) {}

  void blow() {
    start_ = last_ = Steady::now();
    for (std::size_t i = 0; i < settings_.connections; ++i)
      net::asio::co_spawn(context_, connection(i), net::asio::detached);
    context_.run();
  }
  // Who was answered OK is listed to a peer at some tracker, who was answered 05 is not.
  void check() {
    context_.restart();
    net::asio::co_spawn(context_, check_all(), net::asio::detached);
    context_.run();
  }
  bool report();

 private:
  // The n-th request of all is due at n / rate; whoever is free takes the next one.
  awaitable<void> connection(std::size_t number) {
    const std::size_t home = number % urls_.size();
    std::size_t at = home;
    Steady::time_point go_home{};
    auto client = std::make_unique<net::HttpClient>(context_.get_executor(), options_for(urls_[at]));
    net::asio::steady_timer timer(context_);
    const auto end = start_ + std::chrono::duration<double>(settings_.seconds);
    while (next_ < outcomes_.size() && Steady::now() < end) {
      const std::size_t n = next_++;
      timer.expires_at(start_ + std::chrono::duration_cast<Steady::duration>(
                                    std::chrono::duration<double>(static_cast<double>(n) / settings_.rate)));
      co_await timer.async_wait(use_awaitable);
      if (at != home && Steady::now() >= go_home) client = move_to(at = home);
      for (std::size_t tries = 0; tries <= urls_.size(); ++tries) {
        const net::Result<void> connected = co_await client->connect();
        if (connected.ok()) break;
        ++refused_;
        client = move_to(at = (at + 1) % urls_.size());
        go_home = Steady::now() + std::chrono::seconds(3);
      }
      if (client->connected()) co_await one(*client, at, n);
    }
  }
  std::unique_ptr<net::HttpClient> move_to(std::size_t index) {
    return std::make_unique<net::HttpClient>(context_.get_executor(), options_for(urls_[index]));
  }

  awaitable<void> one(net::HttpClient& client, std::size_t at, std::size_t n) {
    net::HttpRequest request = post(urls_[at], join(peer_name(n), swarm_name(popularity_.of(n)), n));
    ++sent_;
    const auto begun = Steady::now();
    const net::Result<net::HttpResponse> response = co_await client.send(std::move(request));
    last_ = Steady::now();
    outcomes_[n] = judge(response, n);
    const double milliseconds = std::chrono::duration<double, std::milli>(last_ - begun).count();
    if (outcomes_[n] == Outcome::kLost) ++lost_[at];
    if (outcomes_[n] == Outcome::kRight) right_.milliseconds.push_back(milliseconds);
    if (outcomes_[n] != Outcome::kLost) all_.milliseconds.push_back(milliseconds);
  }

  Outcome judge(const net::Result<net::HttpResponse>& response, std::size_t n) {
    if (!response.ok()) return Outcome::kLost;
    if (response->status == 503) return Outcome::kUnavailable;
    Message message;
    ppstp::decode(response->body, message);
    const ppstp::Response* answer = ppstp::response_of(message);
    if (answer != nullptr && answer->transaction_id == std::to_string(n)) {
      if (answer->error_code == ppstp::kServiceUnavailable) return Outcome::kUnavailable;
      if (answer->error_code == ppstp::kNoError && answer->swarm_result.size() == 1 &&
          answer->swarm_result[0].result == ppstp::kSuccessful)
        return Outcome::kRight;
    }
    if (first_wrong_.empty()) first_wrong_ = response->body;
    return Outcome::kWrong;
  }

  // ---- afterwards

  awaitable<void> check_all() {
    std::map<std::size_t, std::vector<std::size_t>> members;  // by swarm
    for (std::size_t n = 0; n < outcomes_.size(); ++n) {
      if (outcomes_[n] != Outcome::kNotSent) members[popularity_.of(n)].push_back(n);
    }
    constexpr std::size_t kListed = ppstp::kMostPeers - 4;  // more do not fit into a list, with those of 05
    std::vector<std::size_t> swarms;
    for (const auto& [swarm, peers] : members) {
      const auto right = std::count_if(peers.begin(), peers.end(), [&](auto n) { return is(n, Outcome::kRight); });
      if (right > 0 && right <= static_cast<std::ptrdiff_t>(kListed)) swarms.push_back(swarm);
    }
    std::shuffle(swarms.begin(), swarms.end(), std::mt19937_64(1));
    if (swarms.size() > settings_.checked) swarms.resize(settings_.checked);
    for (const std::size_t swarm : swarms) {
      const auto listed = co_await look(swarm);
      if (!listed) {
        ++not_checked_;
        continue;
      }
      ++checked_swarms_;
      for (const std::size_t n : members[swarm]) {
        const bool there = listed->contains(peer_name(n));
        checked_ += is(n, Outcome::kRight);
        if (is(n, Outcome::kRight) && !there) ++missing_;
        if (is(n, Outcome::kUnavailable) && there) ++undone_;
      }
    }
  }
  bool is(std::size_t n, Outcome outcome) const { return outcomes_[n] == outcome; }

  // The swarm's list at one of the trackers, as a new member sees it.
  awaitable<std::optional<std::set<std::string>>> look(std::size_t swarm) {
    constexpr std::size_t kTries = 16;
    for (std::size_t i = 0; i < kTries; ++i) {
      const net::Url& url = urls_[++looks_ % urls_.size()];
      const std::string looker = fmt::format("looker-{}", looks_);
      net::HttpClient client(context_.get_executor(), options_for(url));
      net::HttpRequest joining = post(url, join(looker, swarm_name(swarm), 1));
      const net::Result<net::HttpResponse> joined = co_await client.send(std::move(joining));
      if (!joined.ok()) continue;
      ppstp::Request find = ask(ppstp::kRequestFind, looker, 2);
      find.find.emplace().swarm_id = swarm_name(swarm);
      find.find->peer_num.emplace().peer_count = ppstp::kMostPeers;
      net::HttpRequest finding = post(url, std::move(find));
      const net::Result<net::HttpResponse> found = co_await client.send(std::move(finding));
      if (!found.ok()) continue;
      Message message;
      ppstp::decode(found->body, message);
      const ppstp::Response* answer = ppstp::response_of(message);
      if (answer == nullptr || answer->error_code != ppstp::kNoError || answer->swarm_result.empty()) continue;
      std::set<std::string> peers;
      if (const auto& group = answer->swarm_result[0].peer_group) {
        for (const ppstp::PeerInfo& info : group->peer_info) peers.insert(info.peer_id.value_or(""));
      }
      co_return peers;
    }
    co_return std::nullopt;
  }

  net::asio::io_context context_{1};
  const Settings& settings_;
  std::vector<net::Url> urls_;
  Popularity popularity_;
  std::vector<Outcome> outcomes_;  // by number of the CONNECT
  std::size_t next_ = 0;
  Steady::time_point start_{};
  Steady::time_point last_{};

  std::size_t sent_ = 0;
  std::size_t refused_ = 0;        // connections, by dead trackers
  std::vector<std::size_t> lost_;  // requests under way when the connection ended, by tracker
  std::string first_wrong_;
  Delays right_;
  Delays all_;

  std::size_t looks_ = 0;
  std::size_t checked_swarms_ = 0;
  std::size_t not_checked_ = 0;  // no tracker gave the list
  std::size_t checked_ = 0;      // registrations
  std::size_t missing_ = 0;      // answered OK, not found
  std::size_t undone_ = 0;       // answered 05, found all the same
};

bool Storm::report() {
  const auto count = [&](Outcome outcome) {
    return static_cast<std::size_t>(std::count(outcomes_.begin(), outcomes_.end(), outcome));
  };
  std::size_t lost_with_tracker = 0;
  std::size_t unanswered = 0;
  for (std::size_t i = 0; i < lost_.size(); ++i)
    (settings_.doomed.contains(i) ? lost_with_tracker : unanswered) += lost_[i];
  const double took = std::chrono::duration<double>(last_ - start_).count();
  const std::size_t right = count(Outcome::kRight);
  const std::size_t wrong = count(Outcome::kWrong);
  fmt::print("offered             {} in {:.0f} s, the last answer after {:.1f} s\n", sent_, settings_.seconds, took);
  fmt::print("answered right      {} ({:.0f} a second); {}\n", right,
             static_cast<double>(right) / std::max(0.001, took), right_.text());
  fmt::print("answered 05         {}\n", count(Outcome::kUnavailable));
  fmt::print("wrong               {}{}\n", wrong, wrong == 0 ? "" : "; the first: " + first_wrong_);
  fmt::print("killed on the way   {} requests; {} connections refused by the dead\n", lost_with_tracker, refused_);
  fmt::print("unanswered          {}\n", unanswered);
  fmt::print("all answers         {}\n", all_.text());
  if (settings_.checked > 0)
    fmt::print(
        "checked afterwards  {} swarms with {} registrations: {} missing, {} peers there in spite of 05; "
        "{} lists not given\n",
        checked_swarms_, checked_, missing_, undone_, not_checked_);
  const bool checked = settings_.checked == 0 || (checked_ > 0 && missing_ == 0 && not_checked_ == 0);
  return wrong == 0 && unanswered == 0 && right > 0 && checked;
}

}  // namespace

int main(int argc, char** argv) {
  Settings settings;
  std::vector<std::size_t> doomed;
  CLI::App app("A storm of CONNECTs against the trackers of a distributed tracker");
  app.add_option("urls", settings.urls, "of the trackers")->required();
  app.add_option("--rate", settings.rate, "CONNECTs a second")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--seconds", settings.seconds, "that they are offered")->capture_default_str();
  app.add_option("--connections", settings.connections, "that they come over")->capture_default_str();
  app.add_option("--swarms", settings.swarms, "that they join")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--zipf", settings.zipf, "exponent of the swarms' popularity; 0: all alike")->capture_default_str();
  app.add_option("--check", settings.checked, "swarms whose lists are looked at afterwards")->capture_default_str();
  app.add_option("--settle", settings.settle, "seconds before that")->capture_default_str();
  app.add_option("--doomed", doomed, "numbers of the trackers that are killed, from 0: 4,6")
      ->delimiter(',')
      ->allow_extra_args(false);
  CLI11_PARSE(app, argc, argv);
  settings.doomed.insert(doomed.begin(), doomed.end());
  std::vector<net::Url> urls;
  for (const std::string& text : settings.urls) {
    auto url = net::Url::parse(text);
    if (!url.ok()) {
      fmt::print(stderr, "{}: {}\n", text, url.error().message);
      return 2;
    }
    urls.push_back(*std::move(url));
  }
  net::raise_file_limit();
  Storm storm(settings, std::move(urls));
  storm.blow();
  if (settings.checked > 0) {
    boost::asio::io_context waiting;
    boost::asio::steady_timer timer(
        waiting, std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(settings.settle)));
    timer.wait();
    storm.check();
  }
  return storm.report() ? 0 : 1;
}
