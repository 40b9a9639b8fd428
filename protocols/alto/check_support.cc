// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/alto/check_support.h"

#include "protocols/base/json_value.h"

namespace peerscope::alto::checks {

void each_entry(const CheckInput& in, const std::function<void(const Entry&, const Directory&)>& body) {
  const auto* m = body_of<Directory>(in.message);
  if (m == nullptr || !m->resources) return;
  // Entries and their events stand in the same order; a faulty entry has no event.
  const auto& entries = m->resources->entries.entries;
  std::size_t at = 0;
  for (const Event& event : in.message.events) {
    if (event.field != &kResource) continue;
    while (at < entries.size() && entries[at].first != event.label) ++at;
    if (at == entries.size()) return;
    body({entries[at].first, entries[at].second, &event}, *m);
    ++at;
  }
}

const Event* capability_event(const Message& message, const Entry& entry, const Field& field) {
  const auto index = static_cast<std::uint32_t>(entry.event - message.events.data());
  for (std::uint32_t i = index + 1; i < entry.event->end; ++i) {
    if (message.events[i].field == &field) return &message.events[i];
  }
  return entry.event;
}

bool same_cost_type(const CostType& a, const CostType& b) {
  // The description is for people; a context that is absent means an estimation (RFC 9439 section 3.1).
  const auto source = [](const CostType& type) {
    return type.cost_context && type.cost_context->cost_source ? *type.cost_context->cost_source
                                                               : std::string("estimation");
  };
  return a.cost_metric == b.cost_metric && a.cost_mode == b.cost_mode && source(a) == source(b);
}

std::string cost_type_text(const CostType& type) {
  return fmt::format("{} {}", type.cost_mode.value_or("-"), type.cost_metric.value_or("-"));
}

namespace {

template <class Meta>
std::optional<Costs> costs_in(const std::optional<Meta>& meta) {
  if (!meta) return std::nullopt;
  Costs out;
  for (const CostType& type : meta->multi_cost_types) out.types.push_back(&type);
  out.multi = !out.types.empty();
  if (!out.multi && meta->cost_type) out.types.push_back(&*meta->cost_type);
  if (out.types.empty()) return std::nullopt;
  out.calendars = meta->calendar;
  out.calendar = !meta->calendar.empty();
  return out;
}

}  // namespace

std::optional<Costs> costs_of(const Message& message) {
  if (const auto* m = body_of<CostMap>(message); m != nullptr) return costs_in(m->meta);
  if (const auto* m = body_of<EndpointCosts>(message); m != nullptr) return costs_in(m->meta);
  return std::nullopt;
}

void each_cost(const Message& message, const std::function<void(const Event&)>& body) {
  for (const Event& event : message.events) {
    if (event.key == &kDestinationPid || event.key == &kDestinationEndpoint) body(event);
  }
}

const CostRequest* cost_request(const Message* message) {
  if (const auto* m = body_of<CostMapFilter>(message); m != nullptr) return m;
  if (const auto* m = body_of<EndpointCostParams>(message); m != nullptr) return m;
  return nullptr;
}

std::vector<const CostType*> requested_types(const CostRequest& request) {
  std::vector<const CostType*> out;
  for (const CostType& type : request.multi_cost_types) out.push_back(&type);
  if (out.empty() && request.cost_type) out.push_back(&*request.cost_type);
  return out;
}

}  // namespace peerscope::alto::checks
