// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/message.h"

#include <algorithm>

namespace peerscope {

std::uint32_t MessagePart::outer(std::uint32_t inner) const {
  // The end of a piece belongs to it, not to the next one.
  auto at = std::upper_bound(pieces.begin(), pieces.end(), inner,
                             [](std::uint32_t offset, const Piece& piece) { return offset < piece.inner; });
  if (at == pieces.begin()) return inner;
  --at;
  return at->outer + (inner - at->inner);
}

void append_part(Message& message, std::uint32_t parent, MessagePart part) {
  const auto base = static_cast<std::uint32_t>(message.events.size());
  const Message& inner = *part.message;
  const auto place = [&](std::uint32_t& offset, std::uint32_t& length) {
    const std::uint32_t from = part.outer(offset);
    const std::uint32_t last = length == 0 ? from : part.outer(offset + length - 1) + 1;
    offset = from;
    length = last - from;
  };
  for (Event event : inner.events) {
    event.inner = true;
    place(event.offset, event.length);
    if (event.key_length > 0) place(event.key_offset, event.key_length);
    event.end += base;
    event.parent = event.parent == Event::kNoParent ? parent : event.parent + base;
    // An empty range at the end of a piece could be taken for the beginning of the next one.
    const Event& around = message.events[event.parent];
    event.offset = std::clamp(event.offset, around.offset, around.offset + around.length);
    event.length = std::min(event.length, around.offset + around.length - event.offset);
    event.depth = static_cast<std::uint16_t>(event.depth + message.events[parent].depth + 1);
    message.events.push_back(event);
  }
  message.events[parent].end = static_cast<std::uint32_t>(message.events.size());
  message.parts.push_back(std::move(part));
}

void Message::clear() {
  type = nullptr;
  direction = Direction::kUnknown;
  bytes.clear();
  size = 0;
  events.clear();
  issues.clear();
  arena.clear();
  body.reset();
  parts.clear();
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
