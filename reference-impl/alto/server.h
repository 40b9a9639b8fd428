// SPDX-License-Identifier: GPL-2.0-or-later
// The ALTO server (RFC 7285, and RFC 8189 where filtered costs are asked for): a function from HTTP requests to replies
// over a World, without sockets.
//
// Failure: every request gets a reply. Threading: one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/alto/check_support.h"
#include "reference-impl/alto/defects.h"
#include "reference-impl/alto/world.h"
#include "reference-impl/net/http.h"
#include "reference-impl/net/http_server.h"

namespace peerscope::alto {

struct ServerOptions {
  std::size_t max_pairs = 1'000'000;  // of one filtered answer; more are 503
  std::vector<const ServerDefect*> defects;
};

class Server {
 public:
  Server(World world, ServerOptions options = {});

  net::Reply handle(const net::HttpRequest& request, const net::ConnectionInfo& connection);
  const World& world() const { return world_; }

 private:
  // What is wrong with a request, as the error object says it.
  struct Fault {
    std::string_view code;
    std::string field;
    std::optional<std::string> value;
  };
  // A resource of the directory: GET with a fixed body, or POST with a function.
  struct Service {
    std::string id;
    Resource entry;
    std::shared_ptr<const std::string> body;  // GET
    std::string etag;
    std::string (Server::*answer)(const Message& request, const net::ConnectionInfo& connection,
                                  std::optional<Fault>& fault) = nullptr;  // POST
  };

  void add_get(std::string id, const char* media_type, std::string body, Resource entry);
  void add_post(std::string id, const char* media_type, const char* accepts, Resource entry,
                std::string (Server::*answer)(const Message&, const net::ConnectionInfo&, std::optional<Fault>&));
  void build();

  std::string network_map(const Message& request, const net::ConnectionInfo&, std::optional<Fault>& fault);
  std::string cost_map(const Message& request, const net::ConnectionInfo&, std::optional<Fault>& fault);
  std::string endpoint_properties(const Message& request, const net::ConnectionInfo&, std::optional<Fault>& fault);
  std::string endpoint_costs(const Message& request, const net::ConnectionInfo& connection,
                             std::optional<Fault>& fault);

  // One end of a pair: what the answer calls it, and the number of its PID.
  struct End {
    std::string name;
    std::uint32_t pid;
  };
  template <class Map>
  std::string costs(const CostRequest& request, const std::vector<End>& sources, const std::vector<End>& destinations,
                    Map map, std::optional<Fault>& fault);
  std::optional<Fault> form_fault(const Message& request) const;
  std::optional<Fault> cost_fault(const CostRequest& request) const;
  std::optional<std::vector<End>> ends_of(const std::optional<std::vector<std::string>>& list, const char* path,
                                          const net::ConnectionInfo& connection, std::optional<Fault>& fault) const;
  std::string full_cost_map(const CostTable& table, std::string_view mode) const;

  net::Reply refuse(int status, std::string_view text) const;
  net::Reply fail(const Fault& fault) const;
  net::Reply reply(int status, std::string_view media_type, std::shared_ptr<const std::string> body) const;

  World world_;
  ServerOptions options_;
  std::map<std::string, std::vector<Service>, std::less<>> services_;  // by path
  std::vector<CostType> cost_types_;
  Directory directory_;
  bool too_many_ = false;  // pairs in the request at hand
};

}  // namespace peerscope::alto
