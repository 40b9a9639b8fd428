// SPDX-License-Identifier: GPL-2.0-or-later
#include "harness/report/flow_record.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "protocols/base/text.h"

namespace peerscope::harness {
namespace {

constexpr std::size_t kLongestName = 160;
constexpr std::size_t kLongestField = 240;

// What a message adds to its line in the log.
struct Decoded {
  std::string name;
  ShownMessage shown;  // of those with findings
};

// The names of all messages of the evidence, and the trees of those in `wanted`.
std::map<std::uint64_t, Decoded> decoded(const std::string& path, const std::set<std::uint64_t>& wanted) {
  constexpr std::uintmax_t kLargest = 32 << 20;  // a larger one is shown without the names of its messages
  std::map<std::uint64_t, Decoded> out;
  std::error_code code;
  if (path.empty() || std::filesystem::file_size(path, code) > kLargest || code) return out;
  const CaptureResult capture = read_exported(path);
  for (const CapturedMessage& captured : capture.messages) {
    const Message* request =
        captured.request == CapturedMessage::kNone ? nullptr : capture.messages[captured.request].message.get();
    Decoded& one = out[captured.message->frame];
    one.name = shortened(captured.protocol->summary(*captured.message, request), kLongestName);
    if (wanted.contains(captured.message->frame))
      one.shown = shown_message(*captured.protocol, *captured.message, request);
  }
  return out;
}

// A rule that silence broke was noted at the frame that would have come next.
void settle(RuleHit& hit, const std::vector<EvidenceLine>& lines) {
  if (hit.frame == 0 || lines.empty() || lines.size() == Evidence::kMostLines) return;
  const bool came = hit.frame <= lines.size() && lines[hit.frame - 1].from_iut;
  if (came) return;
  hit.missing = true;
  hit.frame = std::min<std::uint64_t>(hit.frame, lines.size() + 1) - 1;
}

// The beginning, the end, and what is near a finding.
bool is_near(std::uint64_t frame, std::size_t count, const std::set<std::uint64_t>& hits) {
  constexpr std::uint64_t kEnds = 30;
  constexpr std::uint64_t kAround = 6;
  if (frame <= kEnds || frame + kEnds > count) return true;
  const auto next = hits.lower_bound(frame > kAround ? frame - kAround : 0);
  return next != hits.end() && *next <= frame + kAround;
}

std::string lane_of(const std::string& endpoint, const std::string& other) {
  // Ports only where the addresses do not tell the parties apart.
  const std::size_t colon = endpoint.rfind(':');
  const std::size_t other_colon = other.rfind(':');
  if (colon == std::string::npos || endpoint.substr(0, colon) == other.substr(0, other_colon)) return endpoint;
  return endpoint.substr(0, colon);
}

}  // namespace

ShownMessage shown_message(const Protocol& protocol, const Message& message, const Message* request) {
  ShownMessage out;
  out.frame = message.frame;
  out.name = shortened(protocol.summary(message, request), kLongestName);
  out.size = message.size;
  out.bytes = message.view().substr(0, FlowRecord::kMostBytes);
  const std::span<const Event> events = message.events;
  for (std::size_t i = 0; i < std::min(events.size(), FlowRecord::kMostFields); ++i) {
    const Event& event = events[i];
    std::string line = print_tree(events.subspan(i, 1));
    line.erase(0, line.find_first_not_of(' '));
    while (!line.empty() && line.back() == '\n') line.pop_back();
    // Fields of a part stand in bytes of their own.
    out.fields.push_back({.depth = event.depth,
                          .text = shortened(line, kLongestField),
                          .filter = event.field != nullptr ? event.field->filter : "",
                          .offset = event.inner ? 0 : event.offset,
                          .length = event.inner ? 0 : event.length});
  }
  return out;
}

FlowRecord flow_of(const Evidence& evidence, std::vector<RuleHit>& hits) {
  FlowRecord flow;
  const std::vector<EvidenceLine>& lines = evidence.lines();
  std::set<std::uint64_t> frames;
  for (RuleHit& hit : hits) {
    settle(hit, lines);
    if (hit.frame != 0) frames.insert(hit.frame);
  }
  std::map<std::uint64_t, Decoded> messages = decoded(evidence.path(), frames);
  for (const EvidenceLine& line : lines) {
    const bool fits = lines.size() <= FlowRecord::kMostMessages || is_near(line.frame, lines.size(), frames);
    if (!fits || flow.messages.size() >= FlowRecord::kMostMessages) {
      ++flow.left_out;
      continue;
    }
    const auto found = messages.find(line.frame);
    flow.messages.push_back(
        {.frame = line.frame,
         .at = line.at,
         .from = line.from,
         .to = line.to,
         .name = found != messages.end() && !found->second.name.empty() ? found->second.name : line.label});
  }
  for (const std::uint64_t frame : frames) {
    const auto found = messages.find(frame);
    if (found == messages.end() || flow.shown.size() == FlowRecord::kMostShown) continue;
    flow.shown.push_back(std::move(found->second.shown));
  }
  return flow;
}

void FlowCollector::keep(FlowMessage message) {
  if (flow_.messages.size() < FlowRecord::kMostMessages) flow_.messages.push_back(std::move(message));
}

void FlowCollector::add(const CapturedMessage& captured, const Message* request, bool wanted) {
  const Message& message = *captured.message;
  if (seen_++ == 0) begin_ns_ = message.time_ns;
  if (flow_.messages.size() >= FlowRecord::kMostMessages) return;
  const auto line = [&](std::string name) {
    return FlowMessage{.frame = message.frame,
                       .at = static_cast<double>(message.time_ns - begin_ns_) / 1e9,
                       .from = lane_of(message.source, message.destination),
                       .to = lane_of(message.destination, message.source),
                       .name = std::move(name)};
  };
  const auto summary = [&] { return shortened(captured.protocol->summary(message, request), kLongestName); };
  if (wanted) {
    for (FlowMessage& one : before_) keep(std::move(one));
    before_.clear();
    keep(line(summary()));
    if (flow_.shown.size() < FlowRecord::kMostShown)
      flow_.shown.push_back(shown_message(*captured.protocol, message, request));
  } else if (seen_ <= kBeginning) {
    keep(line(summary()));
  } else {
    if (before_.size() == kBefore) before_.erase(before_.begin());
    // Most of these are never shown: a summary of each would cost more than its checks.
    before_.push_back(line(message.type != nullptr ? message.type->name : message.transport.method));
  }
}

FlowRecord FlowCollector::finish() {
  flow_.left_out = seen_ - std::min(seen_, flow_.messages.size());
  return std::move(flow_);
}

}  // namespace peerscope::harness
