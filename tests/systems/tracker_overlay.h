// SPDX-License-Identifier: GPL-2.0-or-later
// An overlay of distributed trackers in memory, on virtual time, and PPSTP peers that talk to them.
#pragma once

#include <gtest/gtest.h>

#include "protocols/reload/ppsp_usage.h"
#include "reference-impl/systems/distributed_tracker/tracker.h"
#include "tests/ppstp/tracker_fixture.h"
#include "tests/reload_node/overlay_fixture.h"

namespace peerscope::distributed_tracker::testing {

using ppstp::testing::address;
using ppstp::testing::count;
using ppstp::testing::join;
using ppstp::testing::leave;
using ppstp::testing::stat;

class TrackerOverlay : public reload::test::OverlayFixture {
 protected:
  struct Site {
    reload::test::Member* member = nullptr;
    std::unique_ptr<DistributedTracker> tracker;
    net::ConnectionInfo connection{{"198.51.100.7", 40000}, {"127.0.0.1", 80}, false, 1, {}, {}, {}};
  };

  TrackerOverlay() {
    configuration_ = reload::test::configuration();
    configuration_.max_message_size = 64000;
    configuration_.ppsp_status_placement = "BDE";
  }

  // The first `defective` trackers make the mistakes of `wrong`, so that others can be compared with them.
  void make_trackers(std::size_t trackers, Options options = {}) {
    use(configuration_);
    for (std::size_t i = 0; i < trackers; ++i) {
      reload::NodeOptions node;
      node.any_prefix = options.defects.has(Defect::kAnyPrefix);
      Site& site = sites_.emplace_back();
      site.member =
          &add_joined(reload::test::node_id({static_cast<int>((i * 67 + 5) % 256), static_cast<int>(i)}), node);
      options.directory.seed = i;
      site.tracker = std::make_unique<DistributedTracker>(clock_, *site.member->node, options);
    }
    run(std::chrono::seconds(5));
  }
  void make_trackers(std::size_t trackers, Defect defect) {
    Options options;
    options.defects.add(defect);
    make_trackers(trackers, options);
  }

  // ---- requests; the answer comes when the clock has been moved
  using Pending = std::shared_ptr<std::optional<ppstp::testing::Answer>>;
  Pending send(Site& site, ppstp::Request request) {
    net::HttpRequest http;
    http.method = "POST";
    http.headers.add("Content-Type", ppstp::kMediaType);
    http.body = ppstp::encode(std::move(request));
    auto pending = std::make_shared<std::optional<ppstp::testing::Answer>>();
    site.tracker->handle(http, site.connection, [pending](net::Reply reply) {
      EXPECT_FALSE(pending->has_value()) << "answered twice";
      ppstp::testing::Answer& answer = pending->emplace();
      answer.status = reply.response.status;
      answer.headers = reply.response.headers;
      answer.body = reply.shared_body ? *reply.shared_body : reply.response.body;
      Message message;
      ppstp::decode(answer.body, message);
      if (const ppstp::Response* response = ppstp::response_of(message))
        answer.response = *response, answer.is_response = !message.has(Shape::kMalformed);
    });
    return pending;
  }
  ppstp::testing::Answer wait_for(const Pending& pending) {
    run_until([&] { return pending->has_value(); });
    EXPECT_TRUE(pending->has_value()) << "no answer";
    return pending->value_or(ppstp::testing::Answer{});
  }
  ppstp::Request request(std::string_view type, const std::string& peer) {
    ppstp::Request r;
    r.version = ppstp::kVersion1;
    r.request_type = std::string(type);
    r.transaction_id = "t-" + std::to_string(++last_transaction_);
    r.peer_id = peer;
    return r;
  }
  Pending begin_connect(Site& site, const std::string& peer, std::vector<ppstp::SwarmAction> actions,
                        std::optional<ppstp::PeerNum> num = {}) {
    ppstp::Request r = request(ppstp::kRequestConnect, peer);
    r.connect = ppstp::Connect{.peer_num = std::move(num),
                               .peer_addr = {address("192.0.2.1", 1000 + last_transaction_ % 60000)},
                               .swarm_action = std::move(actions)};
    return send(site, std::move(r));
  }
  ppstp::testing::Answer connect(Site& site, const std::string& peer, std::vector<ppstp::SwarmAction> actions,
                                 std::optional<ppstp::PeerNum> num = {}) {
    return wait_for(begin_connect(site, peer, std::move(actions), std::move(num)));
  }
  ppstp::testing::Answer find(Site& site, const std::string& peer, std::string swarm,
                              std::optional<ppstp::PeerNum> num = {}) {
    ppstp::Request r = request(ppstp::kRequestFind, peer);
    r.find = ppstp::Find{.swarm_id = std::move(swarm), .peer_num = std::move(num)};
    return wait_for(send(site, std::move(r)));
  }
  ppstp::testing::Answer report(Site& site, const std::string& peer, std::vector<ppstp::Stat> stats) {
    ppstp::Request r = request(ppstp::kRequestStatReport, peer);
    r.stat_report = ppstp::StatReport{.type = std::string(ppstp::kStreamStats), .stat = std::move(stats)};
    return wait_for(send(site, std::move(r)));
  }
  void pass(double seconds) { run(std::chrono::duration_cast<net::Duration>(std::chrono::duration<double>(seconds))); }

  // ---- service mode
  // A connection to the desk of another site, without bytes. `from` is whom the desk takes it for.
  class MemoryLink final : public ServiceLink {
   public:
    MemoryLink(TrackerOverlay& test, Site& site, std::string from) : test_(test), site_(site), from_(std::move(from)) {}
    void send(net::HttpRequest request, OnAnswer done) override {
      ++test_.forwarded_;
      test_.clock_.schedule(std::chrono::milliseconds(5), [this, request, done] {
        if (site_.member->crashed || site_.tracker == nullptr) return;
        net::ConnectionInfo connection;
        connection.peer_certificate_subject = from_;
        site_.tracker->handle_service(request, connection, [this, done](net::Reply reply) {
          if (!test_.spoil_.empty()) reply.response.body = test_.spoil_;
          test_.clock_.schedule(std::chrono::milliseconds(5), [reply, done] { done(reply.response); });
        });
      });
    }

   private:
    TrackerOverlay& test_;
    Site& site_;
    std::string from_;
  };

  void serve(Site& site) {
    const std::size_t index = static_cast<std::size_t>(
        std::find_if(sites_.begin(), sites_.end(), [&](const Site& one) { return &one == &site; }) - sites_.begin());
    site.tracker->use_service({"127.0.0.1", static_cast<std::uint16_t>(9000 + index)},
                              [this, index](const net::Endpoint& desk, const std::string&) {
                                return std::make_shared<MemoryLink>(*this, sites_.at(desk.port - 9000U),
                                                                    "CN=t" + std::to_string(index));
                              });
  }
  void serve_all() {
    for (Site& site : sites_) serve(site);
  }

  // ---- looking into the overlay
  Site& responsible(const std::string& resource_name) {
    const std::string resource = sites_[0].member->node->resource_id(resource_name);
    reload::test::Member& member = responsible_for(resource);
    return *std::find_if(sites_.begin(), sites_.end(), [&](const Site& site) { return site.member == &member; });
  }
  // Another one than those.
  Site& other_than(std::vector<const Site*> these) {
    return *std::find_if(sites_.begin(), sites_.end(), [&](const Site& site) {
      return !site.member->crashed && std::find(these.begin(), these.end(), &site) == these.end();
    });
  }
  // What the responsible tracker has stored, live or not, by dictionary key.
  std::map<std::string, reload::StoredValue> stored(const std::string& resource_name,
                                                    std::uint32_t kind = reload::kPpspSwarmKind) {
    const auto& resources = responsible(resource_name).member->node->storage().resources();
    const auto at = resources.find(sites_[0].member->node->resource_id(resource_name));
    if (at == resources.end() || !at->second.kinds.contains(kind)) return {};
    return at->second.kinds.at(kind).values;
  }
  std::size_t living(const std::string& resource_name, std::uint32_t kind = reload::kPpspSwarmKind) {
    std::size_t count = 0;
    for (const auto& [key, value] : stored(resource_name, kind))
      count += value.data.exists && value.expires > clock_.now() ? 1 : 0;
    return count;
  }
  std::string key_of(const Site& site, const std::string& peer) { return site.member->id.str() + peer; }
  void kill(Site& site) {
    site.tracker.reset();
    site.member->node->stop();
    crash(*site.member);
  }

  reload::OverlayConfiguration configuration_;
  std::deque<Site> sites_;
  int last_transaction_ = 0;
  std::size_t forwarded_ = 0;  // requests to desks
  std::string spoil_;          // instead of desks' answers
};

}  // namespace peerscope::distributed_tracker::testing
