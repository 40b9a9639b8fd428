// SPDX-License-Identifier: GPL-2.0-or-later
// An ALTO server made of answers by target, on loopback, and a client that talks to it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "reference-impl/alto/client.h"
#include "tests/net/test_server.h"

namespace peerscope::alto {

template <class T>
std::string media() {
  return message_type<T>().media_type;
}

class Site {
 public:
  using Answer = std::function<net::Reply(const net::HttpRequest&)>;

  explicit Site(net::ServerOptions options = {})
      : server_(
            [this](net::HttpRequest&& request, const net::ConnectionInfo&, const net::Responder& respond) {
              Answer answer;
              {
                const std::lock_guard lock(mutex_);
                requests_.push_back(request);
                if (const auto found = answers_.find(request.target); found != answers_.end()) answer = found->second;
              }
              respond(answer ? answer(request) : net::Reply(net::text_response("nothing here", 404)));
            },
            std::move(options)) {}

  void on(const std::string& target, Answer answer) {
    const std::lock_guard lock(mutex_);
    answers_[target] = std::move(answer);
  }
  template <class T>
  void serve(const std::string& target, const std::string& body, net::Headers headers = {}) {
    headers.set("Content-Type", media<T>());
    on(target,
       [body, headers](const net::HttpRequest&) { return net::Reply(net::HttpResponse(200, {}, headers, body)); });
  }
  void redirect(const std::string& target, int status, const std::string& location) {
    on(target, [status, location](const net::HttpRequest&) {
      return net::Reply(net::HttpResponse(status, {}, {{"Location", location}}));
    });
  }
  std::string url(const std::string& target = "/") const {
    return "http://127.0.0.1:" + std::to_string(server_.port()) + target;
  }
  std::vector<net::HttpRequest> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  std::size_t count(const std::string& target) {
    const auto all = requests();
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [&](const auto& one) { return one.target == target; }));
  }
  net::HttpRequest last(const std::string& target) {
    for (const auto& all = requests(); const auto& one : all) {
      if (one.target == target) last_ = one;
    }
    return last_;
  }
  net::TestServer& server() { return server_; }

 private:
  std::mutex mutex_;
  std::map<std::string, Answer> answers_;
  std::vector<net::HttpRequest> requests_;
  net::HttpRequest last_;
  net::TestServer server_;  // last: its thread uses the others
};

// Runs coroutines of a client to their end.
class Visitor {
 public:
  explicit Visitor(ClientOptions options = {}) {
    options.on_finding = [this](const Observation& one) { findings.push_back(one.finding.rule->id); };
    options.on_problem = [this](const std::string& text) { problems.push_back(text); };
    options.fetch.timeout = std::chrono::seconds(5);
    client.emplace(context.get_executor(), std::move(options));
  }
  explicit Visitor(ClientDefect defect) : Visitor(with(defect)) {}

  template <class T>
  T run(net::asio::awaitable<T> operation) {
    std::optional<T> out;
    net::asio::co_spawn(context, std::move(operation), [&](const std::exception_ptr& problem, T result) {
      EXPECT_FALSE(problem);
      out.emplace(std::move(result));
    });
    context.restart();
    while (!out && context.run_one() > 0) {
    }
    return std::move(*out);
  }
  net::Result<void> follow(const std::string& url) { return run(client->follow(*net::Url::parse(url))); }
  bool found(std::string_view id) const { return std::find(findings.begin(), findings.end(), id) != findings.end(); }

  static ClientOptions with(ClientDefect defect) {
    ClientOptions options;
    options.fetch.defects = {defect};
    return options;
  }

  boost::asio::io_context context{1};
  std::optional<Client> client;
  std::vector<std::string> findings;
  std::vector<std::string> problems;
};

}  // namespace peerscope::alto
