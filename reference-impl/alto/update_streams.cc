// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/alto/update_streams.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocols/alto/names.h"
#include "reference-impl/alto/random_name.h"

namespace peerscope::alto {
namespace {

using Form = Feed::Form;
constexpr const char* kControlType = message_type<UpdateStreamControl>().media_type;

std::string list_text(const std::vector<std::string>& names) {
  JsonValue::Array out(names.begin(), names.end());
  return json_text(out);
}

StreamOutcome refused(Fault fault) {
  StreamOutcome out;
  out.status = 400;
  out.fault = std::move(fault);
  return out;
}
StreamOutcome refused(int status) {
  StreamOutcome out;
  out.status = status;
  return out;
}

bool smaller(const Feed::Body& one, const Feed::Body& other) {
  return one != nullptr && (other == nullptr || one->size() < other->size());
}

}  // namespace

UpdateStreams::UpdateStreams(Feeds& feeds, StreamLimits limits, StreamQuirks quirks, Spoil spoil)
    : feeds_(feeds), limits_(limits), quirks_(quirks), spoil_(std::move(spoil)) {}

UpdateStreams::~UpdateStreams() {
  for (const auto& [name, stream] : streams_) {
    stream->body->on_drained = nullptr;
    stream->body->on_closed = nullptr;
  }
}

// --- requests ---

// RFC 8895 section 6.6.
std::optional<Fault> UpdateStreams::add_fault(const Services& resources, const Message& request,
                                              const Stream& stream) const {
  const auto& asked = *body_of<UpdateStreamParams>(request);
  if (!asked.add) return std::nullopt;
  const std::vector<std::string>& followed = *resources.find(kUpdatesId)->entry.uses;
  std::vector<std::string> again;
  for (const auto& [name, entry] : asked.add->substreams.entries) {
    if (!pid_name_fault(name).empty()) return Fault{kErrorFieldValue, "add", name};
    const std::string path = "add/" + name;
    if (!entry.resource_id) return Fault{kErrorMissingField, path + "/resource-id", {}};
    const bool known = std::find(followed.begin(), followed.end(), *entry.resource_id) != followed.end();
    if (!known) return Fault{kErrorFieldValue, path + "/resource-id", *entry.resource_id};
    const bool posts = resources.find(*entry.resource_id)->posts();
    if (posts && !entry.input) return Fault{kErrorMissingField, path + "/input", {}};
    if (stream.used.contains(name)) again.push_back(name);
  }
  if (!again.empty()) return Fault{kErrorFieldValue, "add", list_text(again)};
  return std::nullopt;
}

// RFC 8895 section 7.6.
std::optional<Fault> UpdateStreams::remove_fault(const UpdateStreamParams& asked, const Stream& stream) const {
  if (!asked.remove) return std::nullopt;
  const bool adds = asked.add && !asked.add->substreams.empty();
  if (adds && asked.remove->empty()) return Fault{kErrorFieldValue, "remove", "[]"};
  std::vector<std::string> unknown;
  for (const std::string& name : *asked.remove) {
    if (!stream.used.contains(name)) unknown.push_back(name);
  }
  if (!unknown.empty()) return Fault{kErrorFieldValue, "remove", list_text(unknown)};
  return std::nullopt;
}

std::optional<Fault> UpdateStreams::open_feeds(const Services& resources, const UpdateStreamParams& asked,
                                               const Asker& asker, std::vector<Substream>& out, bool& too_much) {
  if (!asked.add) return std::nullopt;
  for (const auto& [name, entry] : asked.add->substreams.entries) {
    const Services::Service& service = *resources.find(*entry.resource_id);
    Answer answer;
    const std::string input = service.posts() ? json_text(*entry.input) : "";
    Substream substream;
    substream.name = name;
    substream.feed = feeds_.open(resources, service, input, asker, answer);
    too_much |= answer.too_much;
    if (substream.feed == nullptr) return answer.fault;
    substream.incremental = entry.incremental_changes.value_or(true) || quirks_.patch_unasked;
    // What the client holds already needs not be sent (section 6.5).
    if (entry.tag && !substream.feed->latest().tag.empty() && *entry.tag == substream.feed->latest().tag)
      substream.sent = substream.feed->latest().number;
    out.push_back(std::move(substream));
  }
  return std::nullopt;
}

StreamOutcome UpdateStreams::open(const Services& resources, const Message& request, const Asker& asker,
                                  std::string_view accept) {
  const auto& asked = *body_of<UpdateStreamParams>(request);
  auto stream = std::make_shared<Stream>();
  if (!asked.add || asked.add->substreams.empty()) return refused(Fault{kErrorMissingField, "add", {}});
  if (auto fault = add_fault(resources, request, *stream)) return refused(std::move(*fault));
  if (streams_.size() >= limits_.streams || asked.add->substreams.size() > limits_.substreams) return refused(503);
  std::vector<Substream> added;
  bool too_much = false;
  if (auto fault = open_feeds(resources, asked, asker, added, too_much)) return refused(std::move(*fault));
  if (too_much) return refused(503);
  const bool names_merge = accept.find(media_type_of(Form::kMergePatch)) != std::string_view::npos;
  const bool names_json = accept.find(media_type_of(Form::kJsonPatch)) != std::string_view::npos;
  stream->merge = names_merge || !names_json;
  stream->json = names_json || !names_merge;
  stream->name = random_name();
  stream->body = std::make_shared<net::BodyStream>(limits_.queue);
  stream->body->on_drained = [this, name = stream->name] {
    const auto found = streams_.find(name);
    if (found == streams_.end()) return;
    const auto kept = found->second;  // it may end in here
    push(*kept);
  };
  stream->body->on_closed = [this, name = stream->name] { streams_.erase(name); };
  streams_.emplace(stream->name, stream);
  UpdateStreamControl control;
  control.control_uri = JsonValue(fmt::format("{}/control/{}", kUpdatesPath, stream->name));
  if (!quirks_.no_control_event) send_control(*stream, std::move(control));
  add(*stream, std::move(added));
  push(*stream);
  StreamOutcome out;
  out.stream = stream->body;
  return out;
}

StreamOutcome UpdateStreams::control(const Services& resources, std::string_view name, const Message& request,
                                     const Asker& asker) {
  const auto found = streams_.find(name);
  if (found == streams_.end()) return refused(404);
  const auto stream = found->second;
  const auto& asked = *body_of<UpdateStreamParams>(request);
  if (auto fault = add_fault(resources, request, *stream)) return refused(std::move(*fault));
  if (auto fault = remove_fault(asked, *stream)) return refused(std::move(*fault));
  const std::size_t more = asked.add ? asked.add->substreams.size() : 0;
  if (stream->substreams.size() + more > limits_.substreams || stream->used.size() + more > limits_.names)
    return refused(503);
  std::vector<Substream> added;
  bool too_much = false;
  if (auto fault = open_feeds(resources, asked, asker, added, too_much)) return refused(std::move(*fault));
  if (too_much) return refused(503);
  if (!added.empty()) {
    UpdateStreamControl started;
    for (const Substream& substream : added) started.started.push_back(substream.name);
    send_control(*stream, std::move(started));
    add(*stream, std::move(added));
  }
  if (asked.remove) {
    std::vector<std::string> going;
    for (const Substream& substream : stream->substreams) {
      const auto& names = *asked.remove;
      if (names.empty() || std::find(names.begin(), names.end(), substream.name) != names.end())
        going.push_back(substream.name);
    }
    stop(*stream, going, "removed by the client");
  }
  push(*stream);
  return refused(204);
}

void UpdateStreams::add(Stream& stream, std::vector<Substream> added) {
  for (Substream& substream : added) {
    stream.used.insert(substream.name);
    stream.substreams.push_back(std::move(substream));
  }
  std::stable_sort(stream.substreams.begin(), stream.substreams.end(),
                   [](const Substream& a, const Substream& b) { return a.feed->depth() < b.feed->depth(); });
}

// --- events ---

void UpdateStreams::send_control(Stream& stream, UpdateStreamControl control) {
  auto text = std::make_shared<const std::string>(encode(std::move(control)));
  if (spoil_) text = spoil_(kControlType, text);
  // Small, and as many as there are names at most: never refused.
  (void)stream.body->push(std::make_shared<const std::string>(fmt::format(
      "event: {}{}\n{}", kControlType, quirks_.parameter_in_event ? "; charset=utf-8" : "", event_data_of(*text))));
  stream.fresh = true;
}

Form UpdateStreams::form_for(const Stream& stream, const Substream& substream) const {
  const Feed::Version& newest = substream.feed->latest();
  Form out = Form::kWhole;
  const bool next = substream.sent > 0 && substream.sent + 1 == newest.number;
  if (!substream.incremental || !next) return out;
  if (stream.merge && smaller(newest.body(Form::kMergePatch), newest.body(out))) out = Form::kMergePatch;
  if (stream.json && smaller(newest.body(Form::kJsonPatch), newest.body(out))) out = Form::kJsonPatch;
  return out;
}

bool UpdateStreams::send_newest(Stream& stream, Substream& substream) {
  const Feed::Version& newest = substream.feed->latest();
  const Form form = form_for(stream, substream);
  const bool pretend = quirks_.patch_first && substream.sent == 0;
  const std::string media_type = pretend                ? media_type_of(Form::kMergePatch)
                                 : form == Form::kWhole ? substream.feed->media_type()
                                                        : media_type_of(form);
  const std::string event =
      fmt::format("event: {},{}{}\n", media_type, substream.name, quirks_.foreign_substream ? "x" : "");
  Feed::Body data;
  if (spoil_)
    data = std::make_shared<const std::string>(event_data_of(*spoil_(media_type, newest.body(form))));
  else
    data = newest.event_data(form);
  if (!stream.body->fits(event.size() + data->size())) return false;
  (void)stream.body->push(std::make_shared<const std::string>(event));
  (void)stream.body->push(data);
  substream.sent = newest.number;
  stream.fresh = true;
  return true;
}

void UpdateStreams::push(Stream& stream) {
  std::vector<std::string> ended;
  for (Substream& substream : stream.substreams) {
    if (substream.feed->ended()) {
      ended.push_back(substream.name);
      continue;
    }
    if (substream.sent == substream.feed->latest().number) continue;
    // What depends on this one waits with it: its event must not come first (section 6.7.1).
    if (!send_newest(stream, substream)) return;
  }
  if (!ended.empty()) stop(stream, ended, "the resource no longer answers this request");
}

void UpdateStreams::push() {
  const Streams all = streams_;  // a stream may end
  for (const auto& [name, stream] : all) push(*stream);
}

void UpdateStreams::stop(Stream& stream, const std::vector<std::string>& names, const std::string& why) {
  if (names.empty()) return;
  UpdateStreamControl control;
  control.stopped = names;
  control.description = why;
  send_control(stream, std::move(control));
  if (quirks_.data_after_stop) {
    for (Substream& substream : stream.substreams) (void)send_newest(stream, substream);
  }
  std::erase_if(stream.substreams, [&](const Substream& substream) {
    return std::find(names.begin(), names.end(), substream.name) != names.end();
  });
  if (stream.substreams.empty()) close(stream);
}

void UpdateStreams::close(Stream& stream) {
  stream.body->on_drained = nullptr;
  stream.body->on_closed = nullptr;
  stream.body->end();
  streams_.erase(std::string(stream.name));
}

void UpdateStreams::tick(net::SteadyTime now) {
  static const auto kComment = std::make_shared<const std::string>(": keep-alive\n\n");
  for (const auto& [name, stream] : streams_) {
    if (std::exchange(stream->fresh, false)) stream->wrote = now;
    if (now - stream->wrote < limits_.keep_alive) continue;
    stream->wrote = now;
    (void)stream->body->write(kComment);
  }
}

}  // namespace peerscope::alto
