// SPDX-License-Identifier: GPL-2.0-or-later
// PPSTP requests to a node under test that is a tracker too. It answers when its neighbours, the parties, have answered
// what it asks of them, so that nobody may wait for it: each request has a thread of its own.
//
// Ownership: the threads end with the object, at the latest when their time is over. Failure: an answer without
// message. Threading: one thread calls.
#pragma once

#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "harness/engine/http_message.h"
#include "reference-impl/net/url.h"

namespace peerscope::harness {

struct VisitAnswer {
  std::string exchange;
  MessagePtr message;  // null when none came
  std::string why;
};

class Visits {
 public:
  Visits() = default;
  ~Visits();
  Visits(const Visits&) = delete;
  Visits& operator=(const Visits&) = delete;

  // The request as it goes out.
  MessagePtr begin(const net::Url& url, std::string body, std::string exchange, double seconds);
  std::optional<VisitAnswer> next();
  bool waiting() const { return waiting_ != 0; }

 private:
  std::vector<std::jthread> threads_;
  std::size_t waiting_ = 0;
  std::mutex mutex_;  // of what follows
  std::deque<VisitAnswer> answers_;
};

}  // namespace peerscope::harness
