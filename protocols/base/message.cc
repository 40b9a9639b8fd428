// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/message.h"

#include <functional>

namespace peerscope {

void Message::clear() {
  type = nullptr;
  direction = Direction::kUnknown;
  bytes.clear();
  size = 0;
  events.clear();
  issues.clear();
  arena.clear();
  body.reset();
  dialect = nullptr;
  context = nullptr;
  transport = {};
  frame = 0;
  time_ns = 0;
  source.clear();
  destination.clear();
}

const Event* Message::first(const Field& field) const {
  for (const Event& event : events) {
    if (event.field == &field && !event.unknown) return &event;
  }
  return nullptr;
}

bool Message::has(Shape shape) const {
  for (const Issue& issue : issues) {
    if (issue.shape == shape) return true;
  }
  return false;
}

const Event* child(const Message& message, const Event& parent, const Field& field) {
  const auto index = static_cast<std::uint32_t>(&parent - message.events.data());
  for (std::uint32_t i = index + 1; i < parent.end; i = std::max(message.events[i].end, i + 1)) {
    if (message.events[i].field == &field) return &message.events[i];
  }
  return nullptr;
}

namespace {
std::uint64_t mix(std::uint64_t seed, std::uint64_t value) {
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15;
  seed ^= value + kOdd + (seed << 6) + (seed >> 2);
  return (seed ^ (seed >> 31)) * kOdd;
}
std::uint64_t hash_of(std::string_view text) {
  return std::hash<std::string_view>{}(text);
}
}  // namespace

std::uint64_t content_hash(const Message& message) {
  if (message.events.empty() || !message.whole()) return hash_of(message.view());
  // Siblings are added up, so that their order does not count; elements of lists carry their position.
  std::vector<std::uint64_t> inside(message.events.size());
  std::uint64_t whole = 0;
  for (std::size_t i = message.events.size(); i-- > 0;) {
    const Event& event = message.events[i];
    std::uint64_t hash = hash_of(event.unknown ? event.label : std::string_view(event.field->name));
    hash = mix(hash, static_cast<std::uint64_t>(event.index));
    hash = mix(hash, event.has_number ? static_cast<std::uint64_t>(event.number) : hash_of(event.text));
    hash = mix(hash, inside[i]);
    (event.parent == Event::kNoParent ? whole : inside[event.parent]) += hash;
  }
  return whole;
}

}  // namespace peerscope
