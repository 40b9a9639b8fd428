// SPDX-License-Identifier: GPL-2.0-or-later
// What an ALTO server (RFC 7285) says that the way between two peers costs, for the choice among them: the default
// network map and its cost map for routingcost, fetched now and then and looked up locally.
//
// Ownership: clock and executor must outlive it. Failure: without an answer the last maps count for a while, then
// nobody's cost is known; nothing waits for the server. Logged once, until it is well again. Threading: one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "protocols/alto/protocol.h"
#include "reference-impl/alto/client.h"
#include "reference-impl/net/clock.h"
#include "reference-impl/ppstp/address.h"

namespace peerscope::distributed_tracker {

// A network map and the costs between its PIDs.
class CostTable {
 public:
  CostTable(std::shared_ptr<const alto::Locator> map, const alto::CostMap& costs);
  // Nothing for an address in no PID, and where the cost map has no number.
  std::optional<double> cost(const ppstp::Address& from, const ppstp::Address& to) const;

 private:
  using Row = std::unordered_map<std::string, double>;
  std::shared_ptr<const alto::Locator> map_;
  std::unordered_map<std::string, Row> rows_;  // by source
};

// The whole cost map for routingcost of the directory's default network map, numerical if there is such a one.
net::Result<std::string> choose_cost_map(const alto::Closure& directory);

struct AltoOptions {
  net::Url directory;
  alto::FetchOptions fetch;
  net::Duration refresh = std::chrono::seconds(60);
  net::Duration keep = std::chrono::seconds(300);  // the last maps, without a newer answer
};

class AltoCosts {
 public:
  AltoCosts(net::Clock& clock, net::asio::any_io_executor executor, AltoOptions options);
  ~AltoCosts();
  AltoCosts(const AltoCosts&) = delete;
  AltoCosts& operator=(const AltoCosts&) = delete;

  void start();
  std::optional<double> cost(const ppstp::Address& from, const ppstp::Address& to) const;
  // What a fetch led to.
  void take(net::Result<std::shared_ptr<const CostTable>> fetched);

 private:
  void fetch();
  void schedule();

  net::Clock& clock_;
  net::asio::any_io_executor executor_;
  AltoOptions options_;
  std::shared_ptr<const CostTable> table_;
  net::SteadyTime fetched_{};
  bool failing_ = false;  // and said so
  net::TimerId timer_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace peerscope::distributed_tracker
