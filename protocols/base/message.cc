// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/message.h"

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

}  // namespace peerscope
