// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/alto/tips_views.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "reference-impl/alto/accept.h"
#include "reference-impl/alto/random_name.h"

namespace peerscope::alto {
namespace {

using Form = Feed::Form;

TipsOutcome refused(int status) {
  TipsOutcome out;
  out.status = status;
  return out;
}
TipsOutcome refused(Fault fault) {
  TipsOutcome out;
  out.status = 400;
  out.fault = std::move(fault);
  return out;
}
TipsOutcome found(std::string media_type, Feed::Body body) {
  TipsOutcome out;
  out.media_type = std::move(media_type);
  out.body = std::move(body);
  return out;
}

// "NAME/ug/3/4"
struct Item {
  std::string_view view;
  std::int64_t from = -1;
  std::int64_t to = -1;
};
bool read_number(std::string_view text, std::int64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && out >= 0;
}
std::optional<Item> read_item(std::string_view rest) {
  constexpr std::string_view kGraph = "/ug/";
  const std::size_t graph = rest.find(kGraph);
  if (graph == std::string_view::npos) return std::nullopt;
  Item out;
  out.view = rest.substr(0, graph);
  rest.remove_prefix(graph + kGraph.size());
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos || !read_number(rest.substr(0, slash), out.from) ||
      !read_number(rest.substr(slash + 1), out.to))
    return std::nullopt;
  return out;
}

// A patch for a change that none can say: everything anew.
Feed::Body replacement(const std::string& whole) {
  PatchOperation operation;
  operation.op = "replace";
  operation.path = "";
  const auto value = parse_json(whole);
  operation.value = *value;
  JsonPatch patch;
  patch.operations.push_back(std::move(operation));
  return std::make_shared<const std::string>(encode(std::move(patch)));
}

}  // namespace

// The first edge on the cheaper way to the newest version: from the version that the client holds, or a snapshot.
UpdatesGraphSummary TipsViews::summary_of(const View& view, const std::optional<std::string>& tag) const {
  const Feed& feed = *view.feed;
  UpdatesGraphSummary out;
  out.start_seq = feed.oldest().number;
  out.end_seq = feed.latest().number;
  TipsEdge& first = out.start_edge.emplace();
  first.seq_i = 0;
  first.seq_j = feed.latest().number;
  const Feed::Version* held = tag ? feed.with_tag(*tag) : nullptr;
  if (held == nullptr) return out;
  std::size_t patches = 0;
  for (std::int64_t number = held->number + 1; number <= feed.latest().number; ++number) {
    const Feed::Version& version = *feed.find(number);
    const auto& merge = version.body(Form::kMergePatch);
    const auto& json = version.body(Form::kJsonPatch);
    patches += merge != nullptr ? merge->size() : json != nullptr ? json->size() : version.body(Form::kWhole)->size();
  }
  // The newest version's successor is not there yet: the client waits for it.
  if (held->number == feed.latest().number || patches < feed.latest().body(Form::kWhole)->size()) {
    first.seq_i = held->number;
    first.seq_j = held->number + 1;
  }
  return out;
}

TipsOutcome TipsViews::open(const Services& resources, const Message& request, const Asker& asker,
                            std::string_view base) {
  const auto& asked = *body_of<TipsParams>(request);
  const std::vector<std::string>& served = *resources.find(kTipsId)->entry.uses;
  if (std::find(served.begin(), served.end(), *asked.resource_id) == served.end())
    return refused(Fault{kErrorFieldValue, "resource-id", *asked.resource_id});
  const Services::Service& service = *resources.find(*asked.resource_id);
  if (service.posts() && !asked.input) return refused(Fault{kErrorMissingField, "input", {}});
  Answer answer;
  const auto feed = feeds_.open(resources, service, service.posts() ? json_text(*asked.input) : "", asker, answer);
  if (answer.too_much) return refused(503);
  if (feed == nullptr) return refused(*answer.fault);
  auto at = std::find_if(views_.begin(), views_.end(), [&](const auto& view) { return view.second.feed == feed; });
  if (at == views_.end()) {
    if (views_.size() >= limits_.views) return refused(429);
    const std::string name = random_name();
    at = views_.try_emplace(name).first;
    at->second.uri = fmt::format("{}{}/{}", base, kTipsPath, name);
    at->second.feed = feed;
    feed->keep(limits_.versions);
  }
  at->second.touched = true;
  Tips out;
  out.tips_view_uri = at->second.uri;
  out.summary.emplace().graph = summary_of(at->second, asked.tag);
  return found(message_type<Tips>().media_type, std::make_shared<const std::string>(encode(std::move(out))));
}

TipsOutcome TipsViews::edge(const Feed& feed, std::int64_t from, std::int64_t to, std::string_view accept) const {
  const Feed::Version& version = *feed.find(to);
  const Feed::Body& whole = version.body(Form::kWhole);
  if (from == 0) return accepts(accept, feed.media_type()) ? found(feed.media_type(), whole) : refused(415);
  for (const Form form : {Form::kMergePatch, Form::kJsonPatch}) {
    if (version.body(form) != nullptr && accepts(accept, media_type_of(form)))
      return found(media_type_of(form), version.body(form));
  }
  if (version.body(Form::kJsonPatch) == nullptr && accepts(accept, media_type_of(Form::kJsonPatch)))
    return found(media_type_of(Form::kJsonPatch), replacement(*whole));
  return refused(415);
}

TipsOutcome TipsViews::item(std::string_view rest, std::string_view accept, const net::Responder& respond) {
  const auto asked = read_item(rest);
  const auto at = asked ? views_.find(asked->view) : views_.end();
  if (at == views_.end()) return refused(404);
  View& view = at->second;
  view.touched = true;
  const std::int64_t start = view.feed->oldest().number;
  const std::int64_t end = view.feed->latest().number;
  const auto [name, from, to] = *asked;
  if (to < start || (from != 0 && from < start)) return refused(410);
  if (from != 0 && to != from + 1) return refused(404);
  if (to <= end) return edge(*view.feed, from, to, accept);
  if (to > end + 1) return refused(425);
  if (pending_ >= limits_.pending) return refused(429);
  ++pending_;
  view.polls[to].push_back({from, std::string(accept), respond});
  TipsOutcome out;
  out.held = true;
  return out;
}

TipsOutcome TipsViews::next_edge(std::string_view rest, const Message& request) {
  constexpr std::string_view kGraph = "/ug";
  const auto at = rest.ends_with(kGraph) ? views_.find(rest.substr(0, rest.size() - kGraph.size())) : views_.end();
  if (at == views_.end()) return refused(404);
  const auto& asked = *body_of<TipsParams>(request);
  if (*asked.resource_id != at->second.feed->id())
    return refused(Fault{kErrorFieldValue, "resource-id", *asked.resource_id});
  at->second.touched = true;
  // A merge patch of the answer to the opening (section 7.4): the summary alone.
  Tips out;
  out.summary.emplace().graph = summary_of(at->second, asked.tag);
  return found(media_type_of(Form::kMergePatch), std::make_shared<const std::string>(encode(std::move(out))));
}

void TipsViews::push() {
  for (auto& [name, view] : views_) {
    while (!view.polls.empty() && view.polls.begin()->first <= view.feed->latest().number) {
      const auto node = view.polls.extract(view.polls.begin());
      for (const Poll& poll : node.mapped()) {
        --pending_;
        const bool gone = view.feed->find(node.key()) == nullptr;  // several versions at once
        answer_(poll.respond, gone ? refused(410) : edge(*view.feed, poll.from, node.key(), poll.accept));
      }
    }
  }
}

void TipsViews::tick(net::SteadyTime now) {
  for (auto at = views_.begin(); at != views_.end();) {
    View& view = at->second;
    for (auto& [number, polls] : view.polls)
      pending_ -= std::erase_if(polls, [](const Poll& poll) { return !poll.respond.waiting(); });
    std::erase_if(view.polls, [](const auto& polls) { return polls.second.empty(); });
    if (std::exchange(view.touched, false)) view.used = now;
    // A view with waiting clients stays (A-TIPS-34), unless there will be no more versions.
    const bool unused = view.polls.empty() && now - view.used >= limits_.idle;
    if (!unused && !view.feed->ended()) {
      ++at;
      continue;
    }
    for (const auto& [number, polls] : view.polls) {
      for (const Poll& poll : polls) {
        --pending_;
        answer_(poll.respond, refused(404));
      }
    }
    at = views_.erase(at);
  }
}

}  // namespace peerscope::alto
