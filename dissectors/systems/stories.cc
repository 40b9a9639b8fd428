// SPDX-License-Identifier: GPL-2.0-or-later
#include "dissectors/systems/stories.h"

#include <algorithm>
#include <deque>
#include <string>
#include <unordered_map>

#include "dissectors/epan/registry.h"
#include "protocols/systems/tracker_stories.h"

namespace peerscope::systems {
namespace {

constexpr std::size_t kMostPlaces = 500'000;

// Of the open capture. Records are the journals' and keep their addresses.
struct Stories {
  TrackerStories stories;
  std::unordered_map<const epan::Record*, TrackerStories::Place> places;
  std::uint64_t newest = 0;  // frame: later passes begin anew
};
Stories& open_capture() {
  static auto& instance = *new Stories;  // epan calls back as long as it lives
  return instance;
}

const TrackerStories::Place* place_of(const epan::Record* record) {
  const auto at = open_capture().places.find(record);
  return at == open_capture().places.end() ? nullptr : &at->second;
}

int proto = -1;
int tap = -1;
int hf_story = -1;
int hf_action = -1;
int hf_step = -1;
int hf_request = -1;
int hf_answer = -1;
int hf_frame = -1;
int hf_time = -1;
int ett_story = -1;

nstime_t since(std::int64_t from, std::int64_t to) {
  const std::int64_t delay = to - from;
  return {static_cast<time_t>(delay / 1'000'000'000), static_cast<int>(delay % 1'000'000'000)};
}

const char* shown(packet_info* pinfo, std::string_view text) {
  return reinterpret_cast<const char*>(
      get_utf_8_string(pinfo->pool, reinterpret_cast<const guint8*>(text.data()), static_cast<gint>(text.size())));
}

void generated(proto_item* item) {
  proto_item_set_generated(item);
}

void show_frames(const epan::Canvas& canvas, proto_tree* tree, const Story& story) {
  for (const Hop& hop : story.hops) {
    const nstime_t time = since(story.request_ns, hop.time_ns);
    proto_item* line = proto_tree_add_uint(tree, hf_frame, canvas.tvb, 0, 0, static_cast<guint32>(hop.frame));
    proto_item_append_text(line, " +%.6f s: %s", nstime_to_sec(&time), shown(canvas.pinfo, to_string(hop.step)));
    generated(line);
  }
}

void show_one(const epan::Canvas& canvas, const TrackerStories::Place& place, const Story& story,
              std::int64_t time_ns) {
  if (story.number == 0) return;
  proto_item* item = proto_tree_add_uint(canvas.tree, hf_story, canvas.tvb, 0, 0, story.number);
  proto_item_append_text(item, ": %s", shown(canvas.pinfo, story.action));
  generated(item);
  proto_tree* tree = proto_item_add_subtree(item, ett_story);
  generated(proto_tree_add_string(tree, hf_action, canvas.tvb, 0, 0, shown(canvas.pinfo, story.action)));
  generated(proto_tree_add_string(tree, hf_step, canvas.tvb, 0, 0, shown(canvas.pinfo, to_string(place.step))));
  generated(proto_tree_add_uint(tree, hf_request, canvas.tvb, 0, 0, static_cast<guint32>(story.request_frame)));
  if (story.answer_frame != 0)
    generated(proto_tree_add_uint(tree, hf_answer, canvas.tvb, 0, 0, static_cast<guint32>(story.answer_frame)));
  const nstime_t time = since(story.request_ns, time_ns);
  generated(proto_tree_add_time(tree, hf_time, canvas.tvb, 0, 0, &time));
  show_frames(canvas, tree, story);
}

// ---- statistics: where the time of a request goes

struct Told {
  const Story* story;
};

void count_time(stats_tree* tree, int parent, const char* phase, std::int64_t from, std::int64_t to) {
  if (from == 0 || to < from) return;
  constexpr float kMillisecond = 1e6F;
  avg_stat_node_add_value_float(tree, phase, parent, FALSE, static_cast<float>(to - from) / kMillisecond);
}

void init_times(stats_tree*) {}  // nodes appear as they are needed

tap_packet_status count_story(stats_tree* tree, packet_info*, epan_dissect_t*, const void* queued, tap_flags_t) {
  const Story& story = *static_cast<const Told*>(queued)->story;
  const std::string method = story.action.substr(0, story.action.find_first_of(" ,"));
  const int parent = avg_stat_node_add_value_float(tree, method.c_str(), 0, TRUE,
                                                   static_cast<float>(story.answer_ns - story.request_ns) / 1e6F);
  count_time(tree, parent, "1 until the overlay is asked (ms)", story.request_ns, story.overlay_ns);
  count_time(tree, parent, "2 until it is stored (ms)", story.overlay_ns, story.stored_ns);
  count_time(tree, parent, "2 until it is fetched (ms)", story.overlay_ns, story.fetched_ns);
  const std::int64_t last = std::max(story.stored_ns, story.fetched_ns);
  count_time(tree, parent, "3 until the peer is answered (ms)", last, story.answer_ns);
  count_time(tree, parent, "whole (ms)", story.request_ns, story.answer_ns);
  return TAP_PACKET_REDRAW;
}

// Another plugin may own the names; registering one again would keep Wireshark from starting.
void register_protocol() {
  const bool taken =
      proto_name_already_registered("Peerscope stories") || proto_get_id_by_filter_name("peerscope") >= 0;
  static const std::string filter = taken ? "peerscope_stories" : "peerscope";
  static auto& names = *new std::deque<std::string>;  // epan points into them until it ends
  const auto name = [](const char* rest) { return names.emplace_back(filter + rest).c_str(); };
  static hf_register_info fields[] = {
      {&hf_story,
       {"Story", name(".story"), FT_UINT32, BASE_DEC, nullptr, 0,
        "Number of a peer's request with all that it leads to, over PPSTP and RELOAD", HFILL}},
      {&hf_action,
       {"Request", name(".story.action"), FT_STRING, BASE_NONE, nullptr, 0, "What the peer asked for", HFILL}},
      {&hf_step, {"Step", name(".story.step"), FT_STRING, BASE_NONE, nullptr, 0, "What this frame is in it", HFILL}},
      {&hf_request,
       {"Request in", name(".story.request_in"), FT_FRAMENUM, BASE_NONE, FRAMENUM_TYPE(FT_FRAMENUM_REQUEST), 0,
        "The peer's request", HFILL}},
      {&hf_answer,
       {"Answer in", name(".story.answer_in"), FT_FRAMENUM, BASE_NONE, FRAMENUM_TYPE(FT_FRAMENUM_RESPONSE), 0,
        "The answer to the peer", HFILL}},
      {&hf_frame, {"Frame", name(".story.frame"), FT_FRAMENUM, BASE_NONE, nullptr, 0, "A frame of the story", HFILL}},
      {&hf_time,
       {"Time since the request", name(".story.time"), FT_RELATIVE_TIME, BASE_NONE, nullptr, 0,
        "Between the peer's request and this frame", HFILL}}};
  static int* const subtrees[] = {&ett_story};
  proto = proto_register_protocol(taken ? "Peerscope stories (Peerscope)" : "Peerscope stories",
                                  taken ? "Peerscope stories" : "Peerscope", filter.c_str());
  proto_register_field_array(proto, fields, static_cast<int>(std::size(fields)));
  proto_register_subtree_array(subtrees, static_cast<int>(std::size(subtrees)));
  tap = register_tap(filter.c_str());
  stats_tree_register_plugin(filter.c_str(), filter.c_str(), "Distributed PPSP tracker", 0, count_story, init_times,
                             nullptr);
}

const epan::Registration registration("peerscope", register_protocol, [] {});

}  // namespace

void follow_story(const Protocol& protocol, const Message& message, const Message* request, epan::Record& record) {
  Stories& capture = open_capture();
  if (!record.complete || message.frame < capture.newest || place_of(&record) != nullptr) return;
  capture.newest = message.frame;
  const TrackerStories::Place place = capture.stories.look(protocol, message, request, record.findings);
  if (place && capture.places.size() < kMostPlaces) capture.places.emplace(&record, place);
}

void show_story(const epan::Canvas& canvas, const epan::Record* record) {
  const TrackerStories::Place* place = record != nullptr ? place_of(record) : nullptr;
  if (place == nullptr) return;
  const Story* story = place->story();
  if (story == nullptr || story->number == 0) return;
  if (place->step == Step::kAnswer && story->answer_frame == canvas.pinfo->num && have_tap_listener(tap)) {
    auto* told = wmem_new(canvas.pinfo->pool, Told);
    told->story = story;
    tap_queue_packet(tap, canvas.pinfo, told);
  }
  if (canvas.tree == nullptr) return;
  // By index, with nothing on the stack that epan's long jumps would leave behind.
  for (std::size_t i = 0; const Story* one = place->story(i); ++i) show_one(canvas, *place, *one, record->time_ns);
}

std::string_view resource_name(std::string_view resource) {
  return open_capture().stories.name_of(resource);
}

void forget_stories() {
  Stories& capture = open_capture();
  capture.stories.clear();
  capture.places.clear();
  capture.newest = 0;
}

}  // namespace peerscope::systems
