// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/binary_archive.h"

#include <algorithm>
#include <charconv>

namespace peerscope {

std::size_t width_of(Type type) {
  switch (type) {
    case Type::kBoolean:
    case Type::kUint8:
      return 1;
    case Type::kUint16:
      return 2;
    case Type::kUint24:
      return 3;
    case Type::kUint32:
      return 4;
    case Type::kUint64:
    case Type::kInt64:
      return 8;
    case Type::kIpv4:
      return 4;
    case Type::kIpv6:
      return 16;
    default:
      return 0;
  }
}

Event& BinaryReader::record(const Field& field, std::size_t offset, std::size_t length) {
  Event event;
  event.field = &field;
  event.offset = static_cast<std::uint32_t>(offset);
  event.length = static_cast<std::uint32_t>(length);
  event.parent = group_;
  event.depth = group_ == Event::kNoParent ? 0 : static_cast<std::uint16_t>(message_.events[group_].depth + 1);
  message_.events.push_back(event);
  message_.events.back().end = static_cast<std::uint32_t>(message_.events.size());
  return message_.events.back();
}

void BinaryReader::issue(Shape shape, const Field* field, std::size_t offset, std::size_t length, std::string seen) {
  const Field* parent = group_ == Event::kNoParent ? nullptr : message_.events[group_].field;
  std::string_view text;
  if (!seen.empty()) text = *message_.arena.emplace_back(std::make_unique<std::string>(std::move(seen)));
  message_.issues.push_back({.shape = shape,
                             .field = field,
                             .parent = parent,
                             .offset = static_cast<std::uint32_t>(offset),
                             .length = static_cast<std::uint32_t>(length),
                             .seen = text});
}

std::uint64_t BinaryReader::read_number(const Field& field) {
  const std::size_t width = width_of(field.type);
  if (width > end_ - at_) {
    if (!failed_) issue(Shape::kCutShort, &field, at_, end_ - at_);
    failed_ = true;
    at_ = end_;
    return 0;
  }
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) value = value << 8 | static_cast<unsigned char>(message_.bytes[at_ + i]);
  Event& event = record(field, at_, width);
  event.number = static_cast<std::int64_t>(value);
  event.has_number = true;
  at_ += width;
  const bool beyond = field.type == Type::kBoolean ? value > 1 : event.number < field.min || event.number > field.max;
  if (field.type != Type::kUint64 && beyond) {
    issue(Shape::kOutOfRange, &field, at_ - width, width, std::to_string(value));
  }
  return value;
}

void BinaryReader::read_bytes(const Field& field, std::string& value, std::size_t size) {
  const std::size_t got = std::min(size, end_ - at_);
  if (got < size && !failed_) issue(Shape::kCutShort, &field, at_, got);
  failed_ = failed_ || got < size;
  value.assign(message_.bytes, at_, got);
  Event& event = record(field, at_, got);
  event.text = std::string_view(message_.bytes).substr(at_, got);
  event.has_text = true;
  at_ += got;
}

std::uint32_t BinaryReader::open(const Field& field, int index) {
  record(field, at_, 0).index = index;
  group_ = static_cast<std::uint32_t>(message_.events.size() - 1);
  return group_;
}

void BinaryReader::close(std::uint32_t event) {
  Event& group = message_.events[event];
  group.length = static_cast<std::uint32_t>(at_ - group.offset);
  group.end = static_cast<std::uint32_t>(message_.events.size());
  group_ = group.parent;
}

std::uint64_t BinaryWriter::overridden(const Field& field, std::uint64_t value) const {
  if (overrides_ == nullptr) return value;
  const auto found = overrides_->find((path_.empty() ? "" : path_ + ".") + field.name);
  if (found == overrides_->end() || found->second.kind != Override::Kind::kSet) return value;
  const std::string& raw = found->second.raw;
  std::uint64_t wrong = value;
  std::from_chars(raw.data(), raw.data() + raw.size(), wrong);
  return wrong;
}

void BinaryWriter::put(const Field& field, std::uint64_t value) {
  const std::size_t at = out_.size();
  out_.append(width_of(field.type), '\0');
  patch(field, at, width_of(field.type), value);
}

void BinaryWriter::patch(const Field& field, std::size_t at, std::size_t width, std::uint64_t value) {
  value = overridden(field, value);
  for (std::size_t i = 0; i < width; ++i) out_[at + width - 1 - i] = static_cast<char>(value >> (8 * i) & 0xff);
}

}  // namespace peerscope
