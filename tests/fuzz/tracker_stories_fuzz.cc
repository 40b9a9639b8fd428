// SPDX-License-Identifier: GPL-2.0-or-later
// A conversation of trackers, peers and an overlay, as the stories of both protocols follow it. A message is: two bytes
// (protocol and direction, ends; time since the last one), two with its length (little-endian), its bytes.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/ppstp/protocol.h"
#include "protocols/reload/protocol.h"
#include "protocols/systems/tracker_stories.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using namespace peerscope;

constexpr const char* kEnds[] = {"192.0.2.1:80", "192.0.2.2:6084", "192.0.2.3:6084", "192.0.2.9:40000"};

void demand(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

class Conversation {
 public:
  void take(std::uint8_t head, std::uint8_t pause, std::string_view bytes) {
    const bool overlay = (head & 1) != 0;
    auto message = std::make_unique<Message>();
    message->frame = ++frame_;
    message->time_ns = now_ns_ += std::int64_t{pause} * pause * 1'000'000;
    message->direction = (head & 2) != 0 ? Direction::kResponse : Direction::kRequest;
    message->source = kEnds[(head >> 2) & 3];
    message->destination = kEnds[(head >> 4) & 3];
    message->transport.content_type = ppstp::kMediaType;
    const Protocol& protocol = overlay ? reload::protocol() : ppstp::protocol();
    protocol.decode(bytes, *message);
    const bool answers = !overlay && message->direction == Direction::kResponse;
    const auto asked = answers ? asked_.find(message->destination) : asked_.end();
    const Message* request = asked == asked_.end() ? nullptr : asked->second.get();
    std::vector<Finding> findings;
    places_.push_back(stories_.look(protocol, *message, request, findings));
    for (const Finding& finding : findings) {
      demand(finding.rule != nullptr, "a finding without rule");
      demand(finding.offset + finding.length <= bytes.size(), "a finding outside its message");
    }
    if (!overlay && !answers) asked_[message->source] = std::move(message);
  }

  // What was said of a message may grow with later ones, and stays in order.
  void look_back() const {
    for (const auto& place : places_) {
      for (std::size_t i = 0; const systems::Story* story = place.story(i); ++i) {
        demand(!story->hops.empty() && story->hops.size() <= systems::Story::kMostHops, "too few or too many messages");
        for (const systems::Hop& hop : story->hops) demand(hop.frame <= frame_, "a frame that never was");
        demand(i < 1000, "stories without end");
      }
    }
  }

 private:
  systems::TrackerStories stories_;
  std::vector<systems::TrackerStories::Place> places_;
  std::map<std::string, std::unique_ptr<Message>> asked_;  // by the peer, its last request
  std::uint64_t frame_ = 0;
  std::int64_t now_ns_ = 1'700'000'000'000'000'000;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kHead = 4;
  constexpr int kMostMessages = 200;
  Conversation conversation;
  for (int i = 0; i < kMostMessages && size >= kHead; ++i) {
    const std::size_t wanted = data[2] | static_cast<std::size_t>(data[3]) << 8;
    const std::size_t length = std::min(wanted, size - kHead);
    conversation.take(data[0], data[1], {reinterpret_cast<const char*>(data) + kHead, length});
    data += kHead + length;
    size -= kHead + length;
  }
  conversation.look_back();
  return 0;
}
