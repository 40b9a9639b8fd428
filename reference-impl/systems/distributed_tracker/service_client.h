// SPDX-License-Identifier: GPL-2.0-or-later
// Service mode at the connection tracker (DT-F9): it finds the tracker that is responsible for a swarm by AppAttach
// with Application-ID 61441, and sends it its peers' requests over plain PPSTP.
//
// Ownership: clock and node must outlive it. Failure: in Served; a tracker that does not answer, or whose connection
// fails, is looked for once more, then it is 05. Callbacks come once, never inside the call that takes them, and not at
// all once the client is gone. Threading: one thread.
//
// Limit: the side that asks opens the connection, to the candidate of the AppAttachAns, because HTTP's client is the
// one that connects; RFC 6940 section 6.5.1.2 has the answerer active.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "protocols/ppstp/response.h"
#include "reference-impl/net/http.h"
#include "reference-impl/ppstp/registry.h"
#include "reference-impl/reload/node.h"

namespace peerscope::distributed_tracker {

// A way to another tracker's service desk. Letting it go ends its exchanges without a word.
class ServiceLink {
 public:
  using OnAnswer = std::function<void(net::Result<net::HttpResponse>)>;
  ServiceLink() = default;
  virtual ~ServiceLink() = default;
  ServiceLink(const ServiceLink&) = delete;
  ServiceLink& operator=(const ServiceLink&) = delete;
  virtual void send(net::HttpRequest request, OnAnswer done) = 0;
};
// `certificate`: DER, of the tracker that answered; empty without certificates.
using ServiceDial =
    std::function<std::shared_ptr<ServiceLink>(const net::Endpoint& desk, const std::string& certificate)>;

// What became of a request.
struct Served {
  bool by_service = true;  // false: this node is responsible itself, or the responsible one has no desk
  ppstp::ErrorCode error = ppstp::kNoError;
  std::vector<ppstp::ForeignPeer> peers;
};

struct ServiceClientOptions {
  net::Duration patience = std::chrono::milliseconds(1500);  // for one answer; with the repeat 3 s
  net::Duration memory = std::chrono::seconds(30);           // of who is responsible
  std::size_t max_routes = 100'000;
};

struct ServiceClientStats {
  std::uint64_t attaches = 0;
  std::uint64_t requests = 0;
  std::uint64_t repeats = 0;
  std::uint64_t failures = 0;
};

class ServiceClient {
 public:
  using OnServed = std::function<void(Served)>;

  ServiceClient(net::Clock& clock, reload::Node& node, ServiceDial dial, ServiceClientOptions options = {});
  ~ServiceClient();
  ServiceClient(const ServiceClient&) = delete;
  ServiceClient& operator=(const ServiceClient&) = delete;

  // `request` is about this one swarm; version and transaction ID are filled in, the latter after `transaction`.
  void ask(const std::string& swarm_id, ppstp::Request request, std::string_view transaction, OnServed done);
  const ServiceClientStats& stats() const { return stats_; }

 private:
  struct Asking {
    std::string swarm_id;
    std::string resource;
    std::string body;
    OnServed done;
    int sent = 0;
    net::TimerId timer = 0;
    bool over = false;
  };
  using AskingPtr = std::shared_ptr<Asking>;
  // Who is responsible for a Resource-ID; empty: nobody with a desk.
  struct Route {
    std::string node;
    net::SteadyTime until{};
  };

  void attempt(const AskingPtr& asking);
  void send(const AskingPtr& asking, const std::string& node);
  void attach(const AskingPtr& asking);
  void attached(const std::string& resource, const reload::Reply<reload::Answer>& reply);
  void fail(const AskingPtr& asking, int number);
  void take(const AskingPtr& asking, const net::HttpResponse& response);
  void conclude(const AskingPtr& asking, Served served);
  void remember(const std::string& resource, Route route);

  net::Clock& clock_;
  reload::Node& node_;
  ServiceDial dial_;
  ServiceClientOptions options_;
  ServiceClientStats stats_;
  std::unordered_map<std::string, Route> routes_;                      // by Resource-ID
  std::map<std::string, std::shared_ptr<ServiceLink>> links_;          // by Node-ID
  std::unordered_map<std::string, std::vector<AskingPtr>> attaching_;  // by Resource-ID
  std::uint64_t last_request_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace peerscope::distributed_tracker
