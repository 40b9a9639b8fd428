// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/message.h"

#include <algorithm>
#include <functional>

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
  fields_ = {};
  indexed_ = 0;
  issues.clear();
  arena.clear();
  body.reset();
  parts.clear();
  dialect = nullptr;
  context = nullptr;
  history.reset();
  transport = {};
  frame = 0;
  time_ns = 0;
  source.clear();
  destination.clear();
}

bool Message::may_have(const Field& field) const {
  const auto place = [](const Field* one) {
    const auto mixed = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(one) >> 3) * 0x9e3779b1U;
    return mixed >> 24;  // 256 of them
  };
  if (events.size() < indexed_) fields_ = {}, indexed_ = 0;
  if (indexed_ < events.size()) {
    auto fields = fields_;
    for (const Event& event : std::span(events).subspan(indexed_)) {
      const std::uint32_t at = place(event.field);
      fields[at / 64] |= std::uint64_t{1} << at % 64;
    }
    fields_ = fields;
    indexed_ = events.size();
  }
  const std::uint32_t at = place(&field);
  return (fields_[at / 64] >> at % 64 & 1) != 0;
}

const Event* Message::first(const Field& field) const {
  if (!may_have(field)) return nullptr;
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
