// SPDX-License-Identifier: GPL-2.0-or-later
// The ALTO server (RFC 7285 with RFC 8189, 8895, 8896, 9240, 9439 and 9569) without sockets: HTTP requests in, replies
// out, over a World that may be replaced at any time.
//
// Failure: every request gets a reply. Threading: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reference-impl/alto/defects.h"
#include "reference-impl/alto/feeds.h"
#include "reference-impl/alto/services.h"
#include "reference-impl/alto/tips_views.h"
#include "reference-impl/alto/update_streams.h"
#include "reference-impl/alto/world.h"
#include "reference-impl/net/http.h"
#include "reference-impl/net/http_server.h"

namespace peerscope::alto {

struct ServerOptions {
  Limits limits;
  StreamLimits streams;
  TipsLimits tips;
  std::vector<const ServerDefect*> defects;
  std::function<net::SystemTime()> now = [] { return std::chrono::system_clock::now(); };
};

class Server {
 public:
  explicit Server(World world, ServerOptions options = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Answers now, or keeps `respond` until there is an answer (RFC 9569 section 7.2).
  void handle(const net::HttpRequest& request, const net::ConnectionInfo& connection, const net::Responder& respond);
  // The same for callers that cannot wait: what would be held is 503.
  net::Reply handle(const net::HttpRequest& request, const net::ConnectionInfo& connection);

  // From now on this is the world; followers are told what changed.
  void update(World world);
  // To be called every second or so: keep-alive comments, views that nobody uses.
  void tick(net::SteadyTime now);

  const World& world() const { return resources_->world(); }
  std::size_t streams() const { return streams_.size(); }
  std::size_t views() const { return views_.size(); }
  std::size_t feeds() const { return feeds_.size(); }

 private:
  using Body = Services::Body;
  // A request on its way through the steps below.
  struct Exchange {
    const net::HttpRequest& request;
    const net::ConnectionInfo& connection;
    std::string_view path;
    std::string_view accept;
    Asker asker;
  };

  // Nothing: the answer comes later.
  std::optional<net::Reply> answer(const net::HttpRequest& request, const net::ConnectionInfo& connection,
                                   const net::Responder& respond);
  net::Reply answer_get(const Exchange& exchange, const Services::Service& service) const;
  net::Reply answer_post(const Exchange& exchange, const Services::Service& service);
  net::Reply control_stream(const Exchange& exchange, std::string_view name);
  std::optional<net::Reply> answer_view(const Exchange& exchange, std::string_view rest, const net::Responder& respond);

  net::Reply reply_to(const StreamOutcome& outcome) const;
  net::Reply reply_to(const TipsOutcome& outcome, const Exchange* exchange) const;
  net::Reply refuse(int status, std::string_view text) const;
  net::Reply wrong_method(std::string_view method, const char* allowed) const;
  net::Reply fail(const Fault& fault) const;
  // A body with its headers, packed when the client takes that (null: it does not) and it is worth it.
  net::Reply reply(int status, std::string_view media_type, Body body, const Exchange* exchange) const;
  Body spoiled(std::string_view media_type, Body body, net::HttpResponse& response) const;

  ServerOptions options_;
  std::unique_ptr<Services> resources_;
  Feeds feeds_;
  UpdateStreams streams_;
  TipsViews views_;
};

}  // namespace peerscope::alto
