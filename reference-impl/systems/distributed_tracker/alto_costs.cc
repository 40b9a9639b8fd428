// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/systems/distributed_tracker/alto_costs.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "reference-impl/net/log.h"

namespace peerscope::distributed_tracker {
namespace {

using net::asio::awaitable;
using Fetched = net::Result<std::shared_ptr<const CostTable>>;

constexpr std::string_view kMetric = "routingcost";
constexpr std::string_view kNumerical = "numerical";

alto::IpAddress ip_of(const ppstp::Address& address) {
  return {address.v6, address.ip};
}

awaitable<Fetched> fetch_table(AltoOptions options) {
  alto::ClientOptions wanted;
  wanted.fetch = options.fetch;
  wanted.verify = false;
  alto::Client client(co_await net::asio::this_coro::executor, std::move(wanted));
  const net::Result<void> directory = co_await client.follow(options.directory);
  if (!directory) co_return directory.error();
  const net::Result<std::string> id = choose_cost_map(client.closure());
  if (!id) co_return id.error();
  const auto costs = co_await client.costs(*id);
  if (!costs) co_return costs.error();
  const auto* body = alto::body_of<alto::CostMap>(*costs->answer.response);
  co_return std::make_shared<const CostTable>(costs->map, *body);
}

}  // namespace

CostTable::CostTable(std::shared_ptr<const alto::Locator> map, const alto::CostMap& costs) : map_(std::move(map)) {
  if (!costs.costs) return;
  for (const auto& [from, row] : costs.costs->rows.entries) {
    for (const auto& [to, cost] : row.costs.entries) {
      if (cost.number() != nullptr) rows_[from][to] = *cost.number();
    }
  }
}

std::optional<double> CostTable::cost(const ppstp::Address& from, const ppstp::Address& to) const {
  const std::string* source = map_->pid_of(ip_of(from));
  const std::string* destination = map_->pid_of(ip_of(to));
  if (source == nullptr || destination == nullptr) return std::nullopt;
  const auto row = rows_.find(*source);
  if (row == rows_.end()) return std::nullopt;
  const auto found = row->second.find(*destination);
  if (found == row->second.end()) return std::nullopt;
  return found->second;
}

net::Result<std::string> choose_cost_map(const alto::Closure& directory) {
  const alto::Entry* chosen = nullptr;
  for (const auto& [id, entry] : directory.entries) {
    const auto& uses = entry.uses();
    const bool fits =
        entry.is_cost_map() && !entry.posts() && entry.offers(kMetric, "") != nullptr &&
        (directory.default_map.empty() || std::find(uses.begin(), uses.end(), directory.default_map) != uses.end());
    if (fits && (chosen == nullptr || entry.offers(kMetric, kNumerical) != nullptr)) chosen = &entry;
  }
  if (chosen == nullptr) return {net::ErrorKind::kMalformed, "the directory has no whole cost map for routingcost"};
  return chosen->id;
}

AltoCosts::AltoCosts(net::Clock& clock, net::asio::any_io_executor executor, AltoOptions options)
    : clock_(clock), executor_(std::move(executor)), options_(std::move(options)) {}

AltoCosts::~AltoCosts() {
  clock_.cancel(timer_);
}

void AltoCosts::start() {
  fetch();
}

void AltoCosts::fetch() {
  net::asio::co_spawn(executor_, fetch_table(options_),
                      [this, alive = std::weak_ptr<bool>(alive_)](const std::exception_ptr& thrown, Fetched fetched) {
                        if (alive.expired()) return;
                        if (thrown) fetched = net::Error{net::ErrorKind::kLocal, "the client failed"};
                        take(std::move(fetched));
                        schedule();
                      });
}

void AltoCosts::schedule() {
  timer_ = clock_.schedule(options_.refresh, [this] {
    timer_ = 0;
    fetch();
  });
}

void AltoCosts::take(Fetched fetched) {
  if (fetched) {
    table_ = *std::move(fetched);
    fetched_ = clock_.now();
    if (std::exchange(failing_, false)) net::log_info("tracker", "the ALTO server answers again");
    return;
  }
  if (!std::exchange(failing_, true))
    net::log_warning("tracker", "no costs from the ALTO server, peers are chosen without them",
                     {{"why", fetched.error().message}});
}

std::optional<double> AltoCosts::cost(const ppstp::Address& from, const ppstp::Address& to) const {
  if (table_ == nullptr || clock_.now() - fetched_ > options_.keep) return std::nullopt;
  return table_->cost(from, to);
}

}  // namespace peerscope::distributed_tracker
