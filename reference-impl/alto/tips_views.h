// SPDX-License-Identifier: GPL-2.0-or-later
// TIPS views: RFC 9569. A view is the updates graph of one resource (with one input): the versions that are kept, the
// patches between neighbours, and a snapshot of each. Clients that ask for the same share it. A request for the version
// that comes next is held until it is there.
//
// A view that nobody asked for some time is closed; there is no request to close one, because views are shared.
// Threading: the server's executor.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reference-impl/alto/feeds.h"
#include "reference-impl/net/clock.h"
#include "reference-impl/net/http_server.h"

namespace peerscope::alto {

struct TipsLimits {
  std::size_t views = 1000;
  std::size_t versions = 10;     // of one view
  std::size_t pending = 10'000;  // requests that wait for a version
  net::Duration idle = std::chrono::minutes(10);
};

struct TipsOutcome {
  int status = 200;
  std::optional<Fault> fault;
  std::string media_type;
  Feed::Body body;
  bool held = false;  // the answer comes later
};

class TipsViews {
 public:
  using Answered = std::function<void(const net::Responder& respond, const TipsOutcome& outcome)>;

  // `answer` sends what a request that was held gets in the end.
  TipsViews(Feeds& feeds, TipsLimits limits, Answered answer)
      : feeds_(feeds), limits_(limits), answer_(std::move(answer)) {}

  // `base` is what view URIs begin with: "http://host:port".
  TipsOutcome open(const Services& resources, const Message& request, const Asker& asker, std::string_view base);
  // What follows "/tips/" in the path: "NAME/ug/0/3" by GET.
  TipsOutcome item(std::string_view rest, std::string_view accept, const net::Responder& respond);
  // "NAME/ug" by POST: which edge to take next (section 7.4).
  TipsOutcome next_edge(std::string_view rest, const Message& request);
  // After the feeds were updated.
  void push();
  void tick(net::SteadyTime now);
  std::size_t size() const { return views_.size(); }

 private:
  struct Poll {
    std::int64_t from = 0;
    std::string accept;
    net::Responder respond;
  };
  struct View {
    std::string uri;
    std::shared_ptr<Feed> feed;
    std::map<std::int64_t, std::vector<Poll>> polls;  // by the version that they wait for
    net::SteadyTime used{};
    bool touched = true;
  };

  UpdatesGraphSummary summary_of(const View& view, const std::optional<std::string>& tag) const;
  TipsOutcome edge(const Feed& feed, std::int64_t from, std::int64_t to, std::string_view accept) const;

  Feeds& feeds_;
  TipsLimits limits_;
  Answered answer_;
  std::map<std::string, View, std::less<>> views_;
  std::size_t pending_ = 0;
};

}  // namespace peerscope::alto
