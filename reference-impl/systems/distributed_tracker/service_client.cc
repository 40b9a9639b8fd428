// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/systems/distributed_tracker/service_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "protocols/ppstp/protocol.h"
#include "protocols/reload/app_attach.h"
#include "protocols/reload/ppsp_usage.h"
#include "protocols/reload/protocol.h"
#include "reference-impl/net/log.h"
#include "reference-impl/reload/candidates.h"

namespace peerscope::distributed_tracker {
namespace {

constexpr int kTransmissions = 2;  // one repeat

std::string certificate_of(const reload::Answer& answer) {
  for (const reload::GenericCertificate& one : answer.bucket) {
    const auto certificate = reload::Certificate::parse(one.certificate);
    if (!certificate.ok()) continue;
    const auto& ids = (*certificate)->node_ids();
    if (std::find(ids.begin(), ids.end(), answer.from.view()) != ids.end()) return one.certificate;
  }
  return {};
}

std::vector<ppstp::ForeignPeer> peers_of(const ppstp::SwarmResult& result) {
  std::vector<ppstp::ForeignPeer> peers;
  if (!result.peer_group) return peers;
  for (const ppstp::PeerInfo& info : result.peer_group->peer_info) {
    if (!info.peer_id || !info.peer_addr || peers.size() >= ppstp::kMostPeers) continue;
    const auto address = ppstp::to_address(*info.peer_addr);
    if (!address) continue;
    ppstp::ForeignPeer& peer = peers.emplace_back();
    peer.id = *info.peer_id;
    peer.asn = address->asn;
    peer.address = *address;
    peer.listing = ppstp::encode_listing(peer.id, {*address});
  }
  return peers;
}

Served elsewhere() {
  return {false, ppstp::kNoError, {}};
}
Served failure(ppstp::ErrorCode code) {
  return {true, code, {}};
}

}  // namespace

ServiceClient::ServiceClient(net::Clock& clock, reload::Node& node, ServiceDial dial, ServiceClientOptions options)
    : clock_(clock), node_(node), dial_(std::move(dial)), options_(options) {}

ServiceClient::~ServiceClient() = default;

void ServiceClient::ask(const std::string& swarm_id, ppstp::Request request, std::string_view transaction,
                        OnServed done) {
  auto asking = std::make_shared<Asking>();
  asking->swarm_id = swarm_id;
  asking->resource = node_.resource_id(reload::swarm_resource_name(swarm_id));
  asking->done = std::move(done);
  request.version = ppstp::kVersion1;
  request.transaction_id = fmt::format("{}/{}", transaction, ++last_request_);
  net::log_info("tracker", "service", {{"ppstp_transaction", transaction}, {"forwarded_as", *request.transaction_id}});
  asking->body = ppstp::encode(std::move(request));
  ++stats_.requests;
  clock_.schedule(net::Duration(0), [this, asking, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) attempt(asking);
  });
}

void ServiceClient::attempt(const AskingPtr& asking) {
  if (node_.topology().responsible(asking->resource)) return conclude(asking, elsewhere());
  const int number = ++asking->sent;
  if (number > 1) ++stats_.repeats;
  asking->timer = clock_.schedule(options_.patience, [this, asking, number, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) fail(asking, number);
  });
  const auto route = routes_.find(asking->resource);
  if (route == routes_.end() || route->second.until <= clock_.now()) return attach(asking);
  if (route->second.node.empty()) return conclude(asking, elsewhere());
  send(asking, route->second.node);
}

void ServiceClient::attach(const AskingPtr& asking) {
  auto& waiting = attaching_[asking->resource];
  if (std::find(waiting.begin(), waiting.end(), asking) == waiting.end()) waiting.push_back(asking);
  if (waiting.size() > 1 && asking->sent == 1) return;
  ++stats_.attaches;
  node_.app_attach({reload::Destination::resource(asking->resource)}, reload::kPpstpApplication,
                   [this, resource = asking->resource,
                    alive = std::weak_ptr<bool>(alive_)](const reload::Reply<reload::Answer>& reply) {
                     if (!alive.expired()) attached(resource, reply);
                   });
}

void ServiceClient::attached(const std::string& resource, const reload::Reply<reload::Answer>& reply) {
  std::vector<AskingPtr> waiting = std::move(attaching_[resource]);
  attaching_.erase(resource);
  const bool silent = !reply.ok() && (reply.error().code == 0 || reply.error().code == reload::kRequestTimeout);
  Route route{{}, clock_.now() + options_.memory};
  if (reply.ok() && reply->from != node_.node_id()) {
    const auto* answer = std::get_if<reload::AppAttachAns>(&reply->body);
    const net::Endpoint desk = answer != nullptr && !answer->candidates.empty()
                                   ? reload::endpoint_of(answer->candidates.front().address)
                                   : net::Endpoint();
    if (desk.port != 0) {
      route.node = reply->from.str();
      auto& link = links_[route.node];
      if (link == nullptr) link = dial_(desk, certificate_of(*reply));
      if (link == nullptr) links_.erase(std::exchange(route.node, {}));
    }
  }
  if (!silent) remember(resource, route);
  for (const AskingPtr& asking : waiting) {
    if (asking->over) continue;
    if (silent) {
      fail(asking, asking->sent);
    } else if (route.node.empty()) {
      conclude(asking, elsewhere());
    } else {
      send(asking, route.node);
    }
  }
}

void ServiceClient::remember(const std::string& resource, Route route) {
  if (routes_.size() >= options_.max_routes) routes_.clear();
  routes_[resource] = std::move(route);
}

void ServiceClient::send(const AskingPtr& asking, const std::string& node) {
  const auto link = links_.find(node);
  if (link == links_.end()) return attach(asking);
  net::HttpRequest request;
  request.method = "POST";
  request.headers.add("Content-Type", ppstp::kMediaType);
  request.body = asking->body;
  const auto used = link->second;  // may be dropped meanwhile
  used->send(std::move(request), [this, asking, node, number = asking->sent,
                                  alive = std::weak_ptr<bool>(alive_)](net::Result<net::HttpResponse> response) {
    if (alive.expired() || asking->over) return;
    if (response.ok()) return take(asking, *response);
    net::log_info("tracker", "the responsible tracker's desk", {{"why", response.error().message}});
    links_.erase(node);
    fail(asking, number);
  });
}

// Nobody answered, or nobody who is responsible: the ring may have changed.
void ServiceClient::fail(const AskingPtr& asking, int number) {
  if (asking->over || number != asking->sent) return;
  clock_.cancel(asking->timer);
  routes_.erase(asking->resource);
  if (asking->sent < kTransmissions) return attempt(asking);
  ++stats_.failures;
  conclude(asking, failure(ppstp::kServiceUnavailable));
}

void ServiceClient::take(const AskingPtr& asking, const net::HttpResponse& response) {
  Message message;
  ppstp::decode(response.body, message);
  const ppstp::Response* answer = ppstp::response_of(message);
  if (answer == nullptr || message.has(Shape::kMalformed))
    return conclude(asking, failure(ppstp::kInternalServerError));
  if (answer->response_type != ppstp::kSuccessful) {
    const std::int64_t code = answer->error_code.value_or(ppstp::kInternalServerError);
    if (code == ppstp::kServiceUnavailable) return fail(asking, asking->sent);
    return conclude(asking,
                    failure(code == ppstp::kForbiddenAction ? ppstp::kForbiddenAction : ppstp::kInternalServerError));
  }
  for (const ppstp::SwarmResult& result : answer->swarm_result) {
    if (result.swarm_id != asking->swarm_id) continue;
    if (result.result != ppstp::kSuccessful) return conclude(asking, failure(ppstp::kInternalServerError));
    return conclude(asking, {true, ppstp::kNoError, peers_of(result)});
  }
  conclude(asking, failure(ppstp::kInternalServerError));
}

void ServiceClient::conclude(const AskingPtr& asking, Served served) {
  asking->over = true;
  clock_.cancel(asking->timer);
  const OnServed done = std::move(asking->done);
  if (done) done(std::move(served));
}

}  // namespace peerscope::distributed_tracker
