// SPDX-License-Identifier: GPL-2.0-or-later
// Update streams and their control: RFC 8895. A stream follows resources under names that its client chose; each event
// brings one of them to its newest version. A client that reads slowly skips versions: its next event is the whole
// newest one. What waits for it in memory is bounded.
//
// Threading: the server's executor.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "reference-impl/alto/defects.h"
#include "reference-impl/alto/feeds.h"
#include "reference-impl/net/body_stream.h"
#include "reference-impl/net/clock.h"

namespace peerscope::alto {

struct StreamLimits {
  std::size_t streams = 10'000;
  std::size_t substreams = 64;     // of one stream at a time
  std::size_t names = 1024;        // that one stream ever used: they are never used again
  std::size_t queue = 256 * 1024;  // bytes that wait for one client; a larger resource goes alone
  net::Duration keep_alive = std::chrono::seconds(15);
};

// The answer to a request to open or change a stream: a stream, a fault, or a status.
struct StreamOutcome {
  int status = 200;
  std::optional<Fault> fault;
  std::shared_ptr<net::BodyStream> stream;
};

class UpdateStreams {
 public:
  // Changes what an event carries on purpose; null: honest.
  using Spoil = std::function<Feed::Body(std::string_view media_type, const Feed::Body& body)>;

  UpdateStreams(Feeds& feeds, StreamLimits limits, StreamQuirks quirks, Spoil spoil);
  ~UpdateStreams();
  UpdateStreams(const UpdateStreams&) = delete;
  UpdateStreams& operator=(const UpdateStreams&) = delete;

  // `accept` is the request's header: a client that names patch types takes these only.
  StreamOutcome open(const Services& resources, const Message& request, const Asker& asker, std::string_view accept);
  // `name` is the last part of the control URI. 404 when there is no such stream.
  StreamOutcome control(const Services& resources, std::string_view name, const Message& request, const Asker& asker);
  // After the feeds were updated.
  void push();
  // Comments for streams that were silent for long.
  void tick(net::SteadyTime now);
  std::size_t size() const { return streams_.size(); }

 private:
  struct Substream {
    std::string name;
    std::shared_ptr<Feed> feed;
    std::int64_t sent = 0;  // version; 0: none yet
    bool incremental = true;
  };
  struct Stream {
    std::string name;  // in its control URI
    std::shared_ptr<net::BodyStream> body;
    std::vector<Substream> substreams;  // a resource behind those that it depends on
    std::set<std::string, std::less<>> used;
    bool merge = true;  // patch types that the client takes
    bool json = true;
    net::SteadyTime wrote{};
    bool fresh = true;  // something was written since the last tick
  };
  using Streams = std::map<std::string, std::shared_ptr<Stream>, std::less<>>;

  std::optional<Fault> add_fault(const Services& resources, const Message& request, const Stream& stream) const;
  std::optional<Fault> remove_fault(const UpdateStreamParams& asked, const Stream& stream) const;
  // Adds to `out`; nothing on a fault.
  std::optional<Fault> open_feeds(const Services& resources, const UpdateStreamParams& asked, const Asker& asker,
                                  std::vector<Substream>& out, bool& too_much);
  void add(Stream& stream, std::vector<Substream> added);
  void push(Stream& stream);
  // False when it does not fit into the queue now.
  bool send_newest(Stream& stream, Substream& substream);
  Feed::Form form_for(const Stream& stream, const Substream& substream) const;
  void send_control(Stream& stream, UpdateStreamControl control);
  void stop(Stream& stream, const std::vector<std::string>& names, const std::string& why);
  void close(Stream& stream);

  Feeds& feeds_;
  StreamLimits limits_;
  StreamQuirks quirks_;
  Spoil spoil_;
  Streams streams_;
};

}  // namespace peerscope::alto
