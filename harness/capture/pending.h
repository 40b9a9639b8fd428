// SPDX-License-Identifier: GPL-2.0-or-later
// Requests of a capture that wait for their answer. Bounded: a one-sided or hostile capture must not fill the memory
// with requests that nobody answers.
#pragma once

#include <cstddef>
#include <deque>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "harness/engine/http_message.h"

namespace peerscope::harness {

class PendingRequests {
 public:
  static constexpr std::size_t kMostPerConnection = 1000;
  static constexpr std::size_t kMostBytes = std::size_t{128} << 20;  // estimated, decoded

  struct Request {
    std::size_t number = 0;  // of the message in the capture, from 0
    MessagePtr message;
    std::string id;  // exchange id
  };

  explicit PendingRequests(std::size_t most_per_connection = kMostPerConnection, std::size_t most_bytes = kMostBytes)
      : most_per_connection_(most_per_connection), most_bytes_(most_bytes) {}

  // `connection` as the client sees it. Over a limit the oldest request goes.
  void add(const std::string& connection, Request request);
  // The request that a response answers: the oldest with this exchange id, else, where they are answered `in_order`
  // (HTTP/1), the oldest. Empty when nobody asked.
  std::optional<Request> take(const std::string& connection, std::string_view id, bool in_order = true);
  // Requests that went unanswered because of a limit.
  std::size_t given_up() const { return given_up_; }

 private:
  struct Entry {
    Request request;
    std::size_t bytes;
    std::string connection;
  };
  using Order = std::list<Entry>;  // oldest first
  void drop(Order::iterator entry);

  std::size_t most_per_connection_;
  std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  std::size_t given_up_ = 0;
  Order order_;
  std::unordered_map<std::string, std::deque<Order::iterator>> connections_;  // each oldest first
};

}  // namespace peerscope::harness
