// SPDX-License-Identifier: GPL-2.0-or-later
// What the checks of ALTO's requirement table share. Included by the checks' own files only.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "protocols/alto/messages.h"
#include "protocols/alto/session.h"
#include "protocols/base/rows.h"

namespace peerscope::alto::checks {

// Where a kind of name stands: as the key of an entry, or as a value.
struct Place {
  const Field* field;
  bool key;
};

// Calls body(event, text) for each name at these places. The elements of an entry's list share its key: it is told
// once.
template <class F>
void each_name(const Message& message, std::span<const Place> places, F&& body) {
  for (const Event& event : message.events) {
    if (event.unknown || event.inner) continue;
    for (const Place& place : places) {
      if (place.key && event.key == place.field && event.index <= 0)
        body(event, event.label);
      else if (!place.key && event.field == place.field && event.has_text)
        body(event, event.text);
    }
  }
}

template <class F>
void each(const Message& message, const Field& field, F&& body) {
  for (const Event& event : message.events) {
    if (event.field == &field && !event.unknown && !event.inner) body(event);
  }
}
template <class F>
void each_key(const Message& message, const Field& key, F&& body) {
  for (const Event& event : message.events) {
    if (event.key == &key && event.index <= 0 && !event.inner) body(event);
  }
}
// The direct children of a group.
template <class F>
void each_child(const Message& message, const Event& parent, F&& body) {
  const auto index = static_cast<std::uint32_t>(&parent - message.events.data());
  for (std::uint32_t i = index + 1; i < parent.end; i = std::max(message.events[i].end, i + 1)) body(message.events[i]);
}
inline const Event* parent_of(const Message& message, const Event& event) {
  return event.parent == Event::kNoParent ? nullptr : &message.events[event.parent];
}

template <class T>
bool is(const Message& message) {
  return message.type == &message_type<T>();
}
template <class T>
bool is(const CheckInput& in) {
  return is<T>(in.message);
}

// Reports issues of these shapes on any of these fields.
inline void claim(const CheckInput& in, Reporter& r, std::initializer_list<const Field*> fields,
                  std::initializer_list<Shape> shapes) {
  for (const Issue& issue : in.message.issues) {
    if (!rows::one_of(issue.shape, shapes)) continue;
    for (const Field* field : fields) {
      if (issue.field == field) r.issue(issue);
    }
  }
}

inline const SessionState* session_of(const CheckInput& in) {
  return static_cast<const SessionState*>(in.session);
}

// An entry of a directory with its event, which findings point at.
struct Entry {
  const std::string& id;
  const Resource& resource;
  const Event* event;
  bool is_a(std::string_view media_type) const { return resource.media_type == media_type; }
  bool posts() const { return resource.accepts.has_value(); }
  const Capabilities* capabilities() const { return resource.capabilities ? &*resource.capabilities : nullptr; }
  bool is_full_cost_map() const { return is_a(message_type<CostMap>().media_type) && !posts(); }
  bool is_multipart() const { return resource.media_type && resource.media_type->starts_with("multipart/related"); }
  // FCM or ECS, also in their path vector forms.
  bool takes_costs() const {
    return resource.accepts == message_type<CostMapFilter>().media_type ||
           resource.accepts == message_type<EndpointCostParams>().media_type;
  }
};
// Calls body(entry, directory) for each entry of a directory.
void each_entry(const CheckInput& in, const std::function<void(const Entry&, const Directory&)>& body);
// The event of a member of an entry's capabilities, or of the entry itself; the entry when there is none.
const Event* capability_event(const Message& message, const Entry& entry, const Field& field);

bool same_cost_type(const CostType& a, const CostType& b);
std::string cost_type_text(const CostType& type);

// What the costs of an answer are: how many types, of which modes, and how deep their arrays go.
struct Costs {
  std::vector<const CostType*> types;  // one, or those of multi-cost
  bool multi = false;
  bool calendar = false;
  std::span<const CalendarResponseAttributes> calendars{};
  bool has_mode(std::string_view mode) const {
    for (std::size_t i = 0; i < types.size(); ++i) {
      if (mode_is(i, mode)) return true;
    }
    return false;
  }
  bool mode_is(std::size_t index, std::string_view mode) const {
    return index < types.size() && types[index]->cost_mode == mode;
  }
};
// Nothing when the message has no costs or does not say their type.
std::optional<Costs> costs_of(const Message& message);
// Calls body(event) for the value of each pair of a cost map or endpoint cost map.
void each_cost(const Message& message, const std::function<void(const Event&)>& body);

// What a request for costs asks for.
const CostRequest* cost_request(const Message* message);
// The requested types in the order of the answer.
std::vector<const CostType*> requested_types(const CostRequest& request);

}  // namespace peerscope::alto::checks
