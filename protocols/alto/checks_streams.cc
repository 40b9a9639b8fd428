// SPDX-License-Identifier: GPL-2.0-or-later
// Checks of messages that carry others: update streams (RFC 8895) and path vectors (RFC 9275).
#include <algorithm>
#include <set>
#include <vector>

#include "protocols/alto/check_support.h"
#include "protocols/alto/checks.h"
#include "protocols/alto/constraint.h"
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

void sse_05(const CheckInput& in, Reporter& r) {
  each_noted_event(in, [&](const StreamEvent& event, const EventNote& note) {
    if (event.is_control()) return;
    if (note.other_form)
      r.at(event_type(in, event), fmt::format("substream {} has events with and without a part", event.substream));
    if (!event.part.empty() && !pid_name_fault(event.part).empty())
      r.at(event_type(in, event), fmt::format("\"{}\" is no Content-ID of a part", clip_text(event.part, 80)));
  });
}

void sse_11(const CheckInput& in, Reporter& r) {
  each_noted_event(in, [&](const StreamEvent& event, const EventNote& note) {
    if (note.null_means)
      r.at(event_type(in, event), fmt::format("a merge patch of {}, in which null is a value", event.substream));
  });
}

void sse_29(const CheckInput& in, Reporter& r) {
  each_noted_event(in, [&](const StreamEvent& event, const EventNote& note) {
    if (note.new_part)
      r.at(event_type(in, event),
           fmt::format("a patch of part {}, which {} did not begin with", event.part, event.substream));
  });
}

namespace {

// The tests of a substream on a filtered cost map, and calls body(event, cost) for each cost that an event sets and
// that fails one of them.
template <class F>
void each_failing(const CheckInput& in, F&& body) {
  each_event(in, [&](const StreamEvent& event) {
    const AddEntry* entry = event.message != nullptr ? asked_for(in, event.substream) : nullptr;
    const JsonValue* tests = entry != nullptr && entry->input ? entry->input->find(kConstraints.name) : nullptr;
    if (tests == nullptr || tests->array() == nullptr) return;
    std::vector<Constraint> constraints;
    for (const JsonValue& one : *tests->array()) {
      const auto constraint = one.text() != nullptr ? parse_constraint(*one.text()) : std::nullopt;
      if (!constraint || constraint->has_index) return;
      constraints.push_back(*constraint);
    }
    // Costs stand two levels below the map's own member, whatever the message is.
    const auto value = parse_json(event.message->view());
    const JsonValue* map = value != nullptr ? value->find(kCostMapData.name) : nullptr;
    if (map == nullptr || map->object() == nullptr) return;
    for (const auto& [source, row] : *map->object()) {
      if (row.object() == nullptr) continue;
      for (const auto& [destination, cost] : *row.object()) {
        const double* number = cost.number();
        const bool fails =
            number != nullptr && std::any_of(constraints.begin(), constraints.end(),
                                             [&](const Constraint& one) { return !one.passes(*number); });
        if (fails) body(event, fmt::format("{} to {} costs {}", source, destination, *number));
      }
    }
  });
}

}  // namespace

void sse_49(const CheckInput& in, Reporter& r) {
  each_failing(in, [&](const StreamEvent& event, const std::string& cost) {
    if (event.is_patch()) r.at(event_type(in, event), fmt::format("{}, which the tests do not let pass", cost));
  });
}

void sse_50(const CheckInput& in, Reporter& r) {
  each_failing(in, [&](const StreamEvent& event, const std::string& cost) {
    if (!event.is_patch()) r.at(event_type(in, event), fmt::format("{}, which the tests do not let pass", cost));
  });
}

void sse_51(const CheckInput& in, Reporter& r) {
  constexpr std::size_t kLongest = 1 << 20;  // the RFC's example of what is too much: a line of megabytes
  each_event(in, [&](const StreamEvent& event) {
    if (event.longest_line > kLongest)
      r.at(event_type(in, event), fmt::format("a data line of {} bytes", event.longest_line));
  });
}

void sse_52(const CheckInput& in, Reporter& r) {
  each_event(in, [&](const StreamEvent& event) {
    if (event.broken_text) r.at(event_type(in, event), "a data line ends inside a text");
  });
}

void sse_55(const CheckInput& in, Reporter& r) {
  const auto* service = in.request != nullptr ? session_of(in)->target_of(*in.request) : nullptr;
  if (service == nullptr) return;
  each_event(in, [&](const StreamEvent& event) {
    const AddEntry* entry = event.is_patch() ? asked_for(in, event.substream) : nullptr;
    if (entry == nullptr || !entry->resource_id) return;
    const auto& incremental = service->capabilities.incremental;
    const std::string* types = incremental ? incremental->resources.find(*entry->resource_id) : nullptr;
    if (types == nullptr || types->find(event.media_type) == std::string::npos)
      r.at(event_type(in, event),
           fmt::format("{} of {}, which the directory does not announce", event.media_type, *entry->resource_id));
  });
}

void pv_25(const CheckInput& in, Reporter& r) {
  each_event(in, [&](const StreamEvent& event) {
    const AddEntry* entry = event.is_control() ? nullptr : asked_for(in, event.substream);
    const auto* resource = entry != nullptr && entry->resource_id ? session_of(in)->find(*entry->resource_id) : nullptr;
    if (resource != nullptr && resource->media_type.starts_with("multipart/") && event.part.empty())
      r.at(event_type(in, event), fmt::format("{} comes in parts, and the event names none", *entry->resource_id));
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
    if (!note.result_fault.empty())
      r.at(event_type(in, event),
           fmt::format("what the patch of {} makes breaks {}", event.substream, clip_text(note.result_fault, 200)));
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
