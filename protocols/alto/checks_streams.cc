// SPDX-License-Identifier: GPL-2.0-or-later
// Checks of messages that carry others: update streams (RFC 8895) and path vectors (RFC 9275).
#include <algorithm>
#include <set>

#include "protocols/alto/check_support.h"
#include "protocols/alto/checks.h"
#include "protocols/alto/names.h"

namespace peerscope::alto::checks {
namespace {

const Event* event_type(const CheckInput& in, const StreamEvent& event) {
  return child(in.message, in.message.events[event.index], kSseEventType);
}
template <class F>
void each_event(const CheckInput& in, F&& body) {
  const auto* stream = body_of<EventStream>(in.message);
  if (stream == nullptr) return;
  for (const StreamEvent& event : stream->events) body(event);
}
// With what the events before mean for it.
template <class F>
void each_noted_event(const CheckInput& in, F&& body) {
  const auto* stream = body_of<EventStream>(in.message);
  if (stream == nullptr) return;
  const std::vector<EventNote>& notes = stream->notes();
  for (std::size_t i = 0; i < notes.size(); ++i) body(stream->events[i], notes[i]);
}

const AddEntry* asked_for(const CheckInput& in, const std::string& substream) {
  const auto* request = body_of<UpdateStreamParams>(in.request);
  return request != nullptr && request->add ? request->add->substreams.find(substream) : nullptr;
}

const Multipart* multipart_of(const CheckInput& in) {
  return body_of<Multipart>(in.message);
}
const Event* group_of(const CheckInput& in, const Part& part) {
  return &in.message.events[part.index];
}
bool is_path_vector_part(const Part& part) {
  return part.message != nullptr && (is<CostMap>(*part.message) || is<EndpointCosts>(*part.message));
}
bool is_property_part(const Part& part) {
  return part.message != nullptr && is<PropertyMap>(*part.message);
}

// "<id@domain>" -> id; nothing when it is not of that form.
std::optional<std::string_view> part_id(std::string_view content_id) {
  const std::size_t at = content_id.find('@');
  if (!content_id.starts_with('<') || !content_id.ends_with('>') || at == std::string_view::npos) return std::nullopt;
  if (at + 2 >= content_id.size()) return std::nullopt;
  const std::string_view id = content_id.substr(1, at - 1);
  return pid_name_fault(id).empty() ? std::optional(id) : std::nullopt;
}

const VersionTag* vtag_of(const Message& message) {
  const auto of = [](const auto* m) -> const VersionTag* {
    return m != nullptr && m->meta && m->meta->vtag ? &*m->meta->vtag : nullptr;
  };
  if (const auto* costs = body_of<CostMap>(message); costs != nullptr) return of(costs);
  return of(body_of<EndpointCosts>(message));
}

}  // namespace

void sse_02(const CheckInput& in, Reporter& r) {
  each_event(in, [&](const StreamEvent& event) {
    const bool plain = !event.media_type.empty() && event.media_type.find(' ') == std::string::npos &&
                       event.media_type.find(';') == std::string::npos &&
                       event.media_type.find('/') != std::string::npos;
    if (!plain)
      r.at(event_type(in, event),
           fmt::format("\"{}\" is no media type, comma and data ID", clip_text(event.event, 80)));
  });
}

void sse_03(const CheckInput& in, Reporter& r) {
  each_noted_event(in, [&](const StreamEvent& event, const EventNote& note) {
    if (event.is_control()) return;
    if (!event.has_data_id) return r.at(event_type(in, event), "a data event has no data ID");
    if (const std::string fault = pid_name_fault(event.substream); !fault.empty())
      r.at(event_type(in, event), "the substream ID " + fault);
    else if (body_of<UpdateStreamParams>(in.request) != nullptr && !note.started &&
             asked_for(in, event.substream) == nullptr)
      r.at(event_type(in, event), fmt::format("substream {} was never added", event.substream));
  });
}

void sse_04(const CheckInput& in, Reporter& r) {
  each_event(in, [&](const StreamEvent& event) {
    if (event.message == nullptr || event.message->direction != Direction::kResponse ||
        event.media_type == message_type<Error>().media_type)
      r.at(event_type(in, event), fmt::format("{} is no resource and no patch", clip_text(event.media_type, 80)));
  });
}

void sse_07(const CheckInput& in, Reporter& r) {
  each_noted_event(in, [&](const StreamEvent& event, const EventNote& note) {
    const bool control = event.message != nullptr && is<UpdateStreamControl>(*event.message);
    if (note.first && !control) r.at(event_type(in, event), "the stream does not begin with a control event");
    if (note.uri_again) r.at(event_type(in, event), "control-uri is sent again");
  });
}

void sse_21(const CheckInput& in, Reporter& r) {
  each_event(in, [&](const StreamEvent& event) {
    const AddEntry* entry = asked_for(in, event.substream);
    if (event.is_patch() && entry != nullptr && entry->incremental_changes == false)
      r.at(event_type(in, event), fmt::format("a patch for {}, which asked for none", event.substream));
  });
}

void sse_24(const CheckInput& in, Reporter& r) {
  each_noted_event(in, [&](const StreamEvent& event, const EventNote& note) {
    if (!note.opens || !event.is_patch()) return;
    const AddEntry* entry = asked_for(in, event.substream);
    if (entry != nullptr && !entry->tag)
      r.at(event_type(in, event),
           fmt::format("the first event of {} is a patch, and the client holds nothing", event.substream));
  });
}

void sse_26(const CheckInput& in, Reporter& r) {
  each_noted_event(in, [&](const StreamEvent& event, const EventNote& note) {
    if (note.stopped) r.at(event_type(in, event), fmt::format("data of {} after it stopped", event.substream));
  });
}

void sse_54(const CheckInput& in, Reporter& r) {
  each_noted_event(in, [&](const StreamEvent& event, const EventNote& note) {
    if (note.patch_fault.empty()) return;
    r.at(event_type(in, event), fmt::format("the patch of {}: {}", event.substream, clip_text(note.patch_fault, 200)));
  });
}

void pv_08(const CheckInput& in, Reporter& r) {
  const Multipart* m = multipart_of(in);
  if (m != nullptr && m->parts.empty()) r.whole("no part is found behind a boundary line");
}

void pv_10(const CheckInput& in, Reporter& r) {
  const Multipart* m = multipart_of(in);
  if (m == nullptr || m->parts.empty()) return;
  if (m->parts.size() != 2) r.whole(fmt::format("the answer has {} parts, expected two", m->parts.size()));
  for (const Part& part : m->parts) {
    if (!part.content_id) r.at(group_of(in, part), "a part has no Content-ID");
    if (!part.content_type) r.at(group_of(in, part), "a part has no Content-Type");
  }
}

void pv_11(const CheckInput& in, Reporter& r) {
  const Multipart* m = multipart_of(in);
  if (m == nullptr) return;
  for (const Part& part : m->parts) {
    if (part.content_id && !part_id(*part.content_id))
      r.at(child(in.message, *group_of(in, part), kPartContentId),
           fmt::format("Content-ID {} is not <id@domain>", clip_text(*part.content_id, 80)));
  }
}

void pv_15(const CheckInput& in, Reporter& r) {
  const Multipart* m = multipart_of(in);
  if (m == nullptr) return;
  const auto vector = std::find_if(m->parts.begin(), m->parts.end(), is_path_vector_part);
  const VersionTag* tag = vector != m->parts.end() ? vtag_of(*vector->message) : nullptr;
  if (tag == nullptr) return;
  for (const Part& part : m->parts) {
    if (!is_property_part(part) || !part.message->whole()) continue;
    const auto* map = body_of<PropertyMap>(*part.message);
    const bool named = map->meta && std::any_of(map->meta->dependent_vtags.begin(), map->meta->dependent_vtags.end(),
                                                [&](const DependentTag& one) {
                                                  return one.resource_id == tag->resource_id && one.tag == tag->tag;
                                                });
    if (!named) r.at(group_of(in, part), "dependent-vtags of the property map does not have the path vector's version");
  }
}

void pv_16(const CheckInput& in, Reporter& r) {
  const Multipart* m = multipart_of(in);
  if (m == nullptr) return;
  const auto properties = std::find_if(m->parts.begin(), m->parts.end(), is_property_part);
  if (properties == m->parts.end() || !properties->message->whole()) return;
  std::set<std::string> known;
  each_key(*properties->message, kEntity, [&](const Event& event) { known.insert(std::string(event.label)); });
  std::set<std::string> told;
  for (const Event& event : in.message.events) {
    if (event.field != &kCostAne) continue;
    const std::string entity = ".ane:" + std::string(event.text);
    if (!known.contains(entity) && told.insert(entity).second)
      r.at(&event, fmt::format("the property map has no {}", clip_text(entity, 80)));
  }
}

void pv_17(const CheckInput& in, Reporter& r) {
  const Multipart* m = multipart_of(in);
  const CostRequest* asked = cost_request(in.request);
  if (m == nullptr || asked == nullptr) return;
  for (const CostType* type : requested_types(*asked)) {
    if (type->cost_metric == kAnePath && type->cost_mode == kArray) return;
  }
  for (const Part& part : m->parts) {
    if (!is_property_part(part)) continue;
    bool empty = true;
    each_key(*part.message, kEntity, [&](const Event&) { empty = false; });
    if (!empty) r.at(group_of(in, part), "no path vector was asked for, and the property map is not empty");
  }
}

void pv_19(const CheckInput& in, Reporter& r) {
  const Multipart* m = multipart_of(in);
  if (m != nullptr && m->parts.size() == 2 && is_property_part(m->parts[0]) && is_path_vector_part(m->parts[1]))
    r.at(group_of(in, m->parts[0]), "the property map comes before the path vector");
}

void pv_26(const CheckInput& in, Reporter& r) {
  const Multipart* m = multipart_of(in);
  if (m != nullptr && !m->parts.empty() && !m->closed) r.whole("the closing boundary line does not end with --");
}

}  // namespace peerscope::alto::checks
