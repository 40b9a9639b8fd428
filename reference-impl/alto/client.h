// SPDX-License-Identifier: GPL-2.0-or-later
// An ALTO client (RFC 7285): reads a directory and the directories that it links, fetches resources, keeps cost maps
// together with the network map version that they belong to, ranks endpoints, and judges every answer by the table of
// requirements.
//
// Ownership: the executor must outlive the client, the client its calls. Failure: in the Results; kLocal is the
// caller's fault (no such resource), kMalformed an answer that cannot be used or a refusal, everything else the
// network. What is wrong with an answer that can still be used is an Observation. Threading: one executor, one call at
// a time.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "protocols/alto/protocol.h"
#include "protocols/alto/session.h"
#include "reference-impl/alto/client_fetch.h"

namespace peerscope::alto {

// A broken rule in what a server said.
struct Observation {
  std::string where;  // "GET http://127.0.0.1:80/networkmap", or an event of a stream
  Finding finding;
};

struct ClientOptions {
  FetchOptions fetch;
  bool verify = true;
  std::function<void(const Observation&)> on_finding;
  std::function<void(const Exchange&)> on_exchange;
  std::function<void(const std::string&)> on_problem;  // told, and gone on from
};

// An entry of a directory, made whole.
struct Entry {
  std::string id;
  Resource resource;
  net::Url uri;
  std::string directory;  // its directory's URL
  std::vector<CostType> cost_types;
  bool posts() const { return resource.accepts.has_value(); }
  std::string media_type() const { return resource.media_type.value_or(""); }
  std::string accepts() const { return resource.accepts.value_or(""); }
  const std::vector<std::string>& uses() const;
  bool is_network_map() const;  // the whole one
  bool is_cost_map() const;
  const CostType* offers(std::string_view metric, std::string_view mode) const;  // mode empty: any
};

struct Closure {
  std::map<std::string, Entry, std::less<>> entries;
  std::string default_map;
  std::vector<std::string> directories;
  const Entry* find(std::string_view id) const {
    const auto found = entries.find(id);
    return found == entries.end() ? nullptr : &found->second;
  }
};

// A network map ready for lookups.
struct Locator {
  std::string id;
  std::string tag;
  std::vector<std::string> pids;  // by number
  std::unordered_set<std::string> names;
  PrefixTable table;
  // Null when no prefix covers the address.
  const std::string* pid_of(const IpAddress& address) const;
};
// Groups of unknown address types are left out (RFC 7285 section 11.2.1.7).
Locator make_locator(const NetworkMap& map, bool shortest_prefix = false);

struct RankWish {
  enum class By { kAuto, kMaps, kEcs };
  std::string from;  // an address, or "ipv4:ADDRESS"; empty: the client itself, which needs the server's help
  std::vector<std::string> to;
  std::string metric = "routingcost";
  std::string mode;  // empty: numerical if there is it, else whatever is offered
  std::string map;   // network map; empty: the default one
  By by = By::kAuto;
  std::vector<std::string> constraints;
};
struct Ranked {
  std::string endpoint;  // as it was asked for
  std::string pid;       // ranking by maps
  std::optional<double> cost;
};
struct Ranking {
  std::vector<Ranked> best_first;  // undefined costs at the end
  CostType cost_type;
  std::string from_pid;
  std::string version;  // "networkmap v7"; empty by the endpoint cost service
  std::string resource;
};

class Client {
 public:
  static constexpr std::size_t kMostDirectories = 64;
  static constexpr std::size_t kMostEntries = 10'000;

  Client(net::asio::any_io_executor executor, ClientOptions options);

  // Reads the directory and all that it links, and forgets what was known before.
  net::asio::awaitable<net::Result<void>> follow(net::Url directory);
  const Closure& closure() const { return closure_; }

  // A resource as it is served. `input`: of a POST resource. An HTTP error is a failure.
  net::asio::awaitable<net::Result<Exchange>> get(std::string id);
  net::asio::awaitable<net::Result<Exchange>> post(std::string id, std::string input);
  // The same without the directory's checks of what may be asked: 304 when `etag` is current.
  net::asio::awaitable<net::Result<Exchange>> get_unless(std::string id, std::string etag);

  // A network map, from memory when it was fetched before and `fresh` is not set.
  net::asio::awaitable<net::Result<std::shared_ptr<const Locator>>> network_map(std::string id, bool fresh = false);
  // A cost map with the network map version that it belongs to. Reads again, a few times, while the two do not fit.
  struct Costs {
    Exchange answer;
    std::shared_ptr<const Locator> map;
  };
  net::asio::awaitable<net::Result<Costs>> costs(std::string id, std::string input = {});

  net::asio::awaitable<net::Result<Ranking>> rank(RankWish wish);

  // Judges and remembers a message; `request` may be null.
  void judge(const std::string& where, const Message& message, const Message* request);
  void observe(const std::string& where, Finding finding);
  void remember(const Message& message, const Message* request) { track(*session_, message, request); }
  Session& session() { return *session_; }
  Fetcher& fetcher() { return fetcher_; }
  const ClientOptions& options() const { return options_; }
  bool defect(ClientDefect one) const { return options_.fetch.defects.has(one); }
  void problem(const std::string& text) const;

 private:
  net::asio::awaitable<net::Result<Exchange>> ask(Ask ask, std::string wanted);
  net::Result<void> add_directory(const Exchange& answer, std::vector<net::Url>& links);
  net::Result<const Entry*> entry(std::string_view id) const;
  net::asio::awaitable<net::Result<Ranking>> rank_by_maps(RankWish wish);
  net::asio::awaitable<net::Result<Ranking>> rank_by_endpoints(RankWish wish);
  net::Result<const Entry*> map_for(const RankWish& wish) const;
  const Entry* costs_for(const RankWish& wish, std::string_view map, bool filtered) const;

  ClientOptions options_;
  Fetcher fetcher_;
  Closure closure_;
  std::unique_ptr<Session> session_;
  std::map<std::string, std::shared_ptr<const Locator>, std::less<>> maps_;
};

// "192.0.2.1" or "ipv4:192.0.2.1" as a typed address.
net::Result<std::string> typed_endpoint(const std::string& text);
// What an error answer says, for people: "400 E_INVALID_FIELD_VALUE cost-type/cost-mode "foo"".
std::string refusal(const Exchange& answer);

}  // namespace peerscope::alto
