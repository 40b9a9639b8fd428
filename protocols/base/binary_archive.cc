// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/binary_archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include "protocols/base/json_index.h"

namespace peerscope {

namespace {

constexpr std::size_t width(Type type) {
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

// Every number asks for it.
constexpr auto kWidths = [] {
  std::array<std::uint8_t, 256> widths{};
  for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = static_cast<std::uint8_t>(width(static_cast<Type>(i)));
  return widths;
}();

}  // namespace

std::size_t width_of(Type type) {
  return kWidths[static_cast<std::uint8_t>(type)];
}

std::uint64_t bits_of(std::uint64_t number, std::uint64_t mask) {
  return (number & mask) >> std::countr_zero(mask);
}

std::uint64_t with_bits(std::uint64_t number, std::uint64_t mask, std::uint64_t bits) {
  return (number & ~mask) | (bits << std::countr_zero(mask) & mask);
}

namespace {

// Every number of every message: whole words where the width is that of one.
std::uint64_t big_endian(const char* bytes, std::size_t width) {
  const auto word = [&]<class T>(T number) {
    std::memcpy(&number, bytes, sizeof number);
    return number;
  };
  static_assert(std::endian::native == std::endian::little);
  switch (width) {
    case 1:
      return static_cast<unsigned char>(*bytes);
    case 2:
      return __builtin_bswap16(word(std::uint16_t{}));
    case 4:
      return __builtin_bswap32(word(std::uint32_t{}));
    case 8:
      return __builtin_bswap64(word(std::uint64_t{}));
    default:
      std::uint64_t value = 0;
      for (std::size_t i = 0; i < width; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
      return value;
  }
}

}  // namespace

// Dozens of times a message, so in place.
[[gnu::always_inline]] inline Event& BinaryReader::record(const Field& field, std::size_t offset, std::size_t length) {
  std::vector<Event>& events = message_.events;
  // Copied whole from memory that is there: cleared in place, GCC would do it byte by byte (rep stos).
  static constexpr Event kBlank{};
  Event& event = events.emplace_back(kBlank);
  event.field = &field;
  event.offset = static_cast<std::uint32_t>(offset);
  event.length = static_cast<std::uint32_t>(length);
  event.end = static_cast<std::uint32_t>(events.size());
  event.parent = group_;
  event.depth = group_ == Event::kNoParent ? 0 : static_cast<std::uint16_t>(events.data()[group_].depth + 1);
  return event;
}

void BinaryReader::issue(Shape shape, const Field* field, std::size_t offset, std::size_t length, std::string seen) {
  // Enough to know that it is no message; that reading stopped is told in any case.
  if (message_.issues.size() >= kMostIssues && shape != Shape::kTooMany) return;
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
  const std::uint64_t value = big_endian(message_.bytes.data() + at_, width);
  Event& event = record(field, at_, width);
  event.number = static_cast<std::int64_t>(value);
  event.has_number = true;
  at_ += width;
  if (field.type == Type::kUint64) return value;
  const bool beyond = field.type == Type::kBoolean ? value > 1 : event.number < field.min || event.number > field.max;
  if (beyond) issue(Shape::kOutOfRange, &field, at_ - width, width, std::to_string(value));
  return value;
}

void BinaryReader::record_bits(std::size_t start, std::uint64_t value, std::span<const Bits> parts) {
  for (const Bits& part : parts) {
    Event& event = record(*part.field, start, at_ - start);
    event.number = static_cast<std::int64_t>(bits_of(value, part.mask));
    event.has_number = true;
  }
}

std::string_view BinaryReader::read_bytes(const Field& field, std::size_t size) {
  const std::size_t got = std::min(size, end_ - at_);
  if (got < size && !failed_) issue(Shape::kCutShort, &field, at_, got);
  failed_ = failed_ || got < size;
  Event& event = record(field, at_, got);
  event.text = message_.view().substr(at_, got);
  event.has_text = true;
  const std::string_view text = event.text;
  if (field.type == Type::kString && !is_utf8(text)) issue(Shape::kNotUtf8, &field, at_, got);
  at_ += got;
  return text;
}

void BinaryReader::element(int index) {
  if (!message_.events.empty()) message_.events.back().index = index;
}

Length BinaryReader::read_length(const Field& field, std::size_t from, bool counts_from) {
  Length length{.field = &field, .at = at_, .from = from, .counts_from = counts_from};
  length.value = read_number(field);
  length.skip = failed_;
  return length;
}

void BinaryReader::narrow(const Length& length) {
  if (length.skip) return;  // told already
  const std::size_t before = length.counts_from ? at_ - length.from : 0;
  if (length.value >= before && length.value - before <= end_ - at_) {
    end_ = at_ + static_cast<std::size_t>(length.value - before);
    return;
  }
  issue(failed_ ? Shape::kCutShort : Shape::kBadLength, length.field, length.at, width_of(length.field->type),
        std::to_string(length.value));
}

void BinaryReader::leftover(const Length& length) {
  issue(Shape::kBadLength, length.field, length.at, std::min(width_of(length.field->type), message_.size - length.at),
        std::to_string(length.value));
}

void BinaryReader::too_many() {
  issue(Shape::kTooMany, nullptr, at_, end_ - at_);
  at_ = end_;
}

void BinaryReader::too_deep() {
  issue(Shape::kTooDeep, nullptr, at_, end_ - at_);
  at_ = end_;
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

bool parse_number(const Field& field, std::string_view text, std::uint64_t& value) {
  for (const ValueName& row : field.names) {
    if (text == row.name) {
      value = static_cast<std::uint64_t>(row.value);
      return true;
    }
  }
  if (field.type == Type::kBoolean && (text == "true" || text == "false")) {
    value = text == "true" ? 1 : 0;
    return true;
  }
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
  if (negative) value = ~value + 1;
  return error == std::errc{} && end == text.data() + text.size();
}

bool parse_hex(std::string_view text, std::string& bytes) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  bytes.clear();
  int high = -1;
  for (const char c : text) {
    if (c == ' ' || c == ':') continue;
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return false;
    if (high >= 0) bytes.push_back(static_cast<char>(high * 16 + digit));
    high = high >= 0 ? -1 : digit;
  }
  return high < 0;
}

std::size_t BinaryWriter::enter(const Field& field, int index) {
  const std::size_t outer = path_.size();
  if (!path_.empty()) path_ += '.';
  path_ += field.name;
  if (index >= 0) path_ += fmt::format("[{}]", index);
  return outer;
}

const Override* BinaryWriter::find(const Field&) {
  const auto found = overrides_->find(path_);
  if (found == overrides_->end() || found->second.kind == Override::Kind::kAdd) return nullptr;
  if (std::find(used_.begin(), used_.end(), path_) == used_.end()) used_.push_back(path_);
  return &found->second;
}

void BinaryWriter::add_here() {
  const auto found = overrides_->find(path_);
  if (found == overrides_->end() || found->second.kind != Override::Kind::kAdd) return;
  if (std::find(used_.begin(), used_.end(), path_) == used_.end()) used_.push_back(path_);
  std::string bytes;
  if (!parse_hex(found->second.raw, bytes) && error_.empty())
    error_ =
        fmt::format("mutate: {}: '{}' is not bytes in hexadecimal", path_.empty() ? "." : path_, found->second.raw);
  out_ += bytes;
}

void BinaryWriter::set_bytes(const Field& field, const Override& override) {
  std::string bytes;
  if (!parse_hex(override.raw, bytes)) fail(field, fmt::format("'{}' is not bytes in hexadecimal", override.raw));
  out_ += bytes;
}

std::uint64_t BinaryWriter::overridden(const Field& field, std::uint64_t value) {
  const std::size_t outer = enter(field, -1);
  const Override* override = find(field);
  if (override != nullptr && override->kind == Override::Kind::kSet && !parse_number(field, override->raw, value))
    fail(field, fmt::format("'{}' is not a number", override->raw));
  path_.resize(outer);
  return value;
}

void BinaryWriter::put(const Field& field, std::uint64_t value, int index) {
  const auto once = [&](std::uint64_t number) {
    const std::size_t at = out_.size();
    out_.append(width_of(field.type), '\0');
    write(field, at, number);
  };
  if (overrides_ == nullptr) return once(value);
  const std::size_t outer = enter(field, index);
  const Override* override = find(field);
  if (override != nullptr && override->kind == Override::Kind::kSet && !parse_number(field, override->raw, value))
    fail(field, fmt::format("'{}' is not a number", override->raw));
  if (override == nullptr || override->kind != Override::Kind::kDrop) once(value);
  if (override != nullptr && override->kind == Override::Kind::kDuplicate) once(value);
  path_.resize(outer);
}

void BinaryWriter::append(const Field& field, std::string_view value, std::size_t size) {
  if (value.size() > size) fail(field, fmt::format("has {} bytes, there is room for {}", value.size(), size));
  out_.append(value.substr(0, size)).append(size - std::min(size, value.size()), '\0');
}

Length BinaryWriter::reserve(const Field& field, std::size_t from, bool counts_from) {
  Length length{.field = &field, .at = out_.size(), .from = from, .counts_from = counts_from};
  if (overrides_ != nullptr) {
    const std::size_t outer = enter(field, -1);
    if (const Override* override = find(field); override != nullptr) {
      length.skip = override->kind != Override::Kind::kDuplicate;
      std::uint64_t wrong = 0;
      if (override->kind == Override::Kind::kSet) {
        if (!parse_number(field, override->raw, wrong)) fail(field, fmt::format("'{}' is not a number", override->raw));
        out_.append(width_of(field.type), '\0');
        write(field, length.at, wrong);
      } else if (override->kind == Override::Kind::kDuplicate) {
        out_.append(width_of(field.type), '\0');
        length.at = out_.size();  // the second one is right, the first one zero
        out_.append(width_of(field.type), '\0');
      }
      path_.resize(outer);
      return length;
    }
    path_.resize(outer);
  }
  out_.append(width_of(field.type), '\0');
  return length;
}

void BinaryWriter::fill(const Length& length, std::uint64_t value) {
  if (!length.skip) write(*length.field, length.at, value);
}

void BinaryWriter::write(const Field& field, std::size_t at, std::uint64_t value) {
  const std::size_t width = width_of(field.type);
  if (width < 8 && value >> (8 * width) != 0) fail(field, fmt::format("{} does not fit into {} bytes", value, width));
  for (std::size_t i = 0; i < width; ++i) out_[at + width - 1 - i] = static_cast<char>(value >> (8 * i) & 0xff);
}

void BinaryWriter::fail(const Field& field, std::string_view what) {
  if (error_.empty()) error_ = fmt::format("{}: {}", field.filter, what);
}

std::vector<std::string> BinaryWriter::unused() const {
  std::vector<std::string> left;
  if (overrides_ == nullptr) return left;
  for (const auto& [path, override] : *overrides_) {
    if (std::find(used_.begin(), used_.end(), path) == used_.end()) left.push_back(path);
  }
  return left;
}

}  // namespace peerscope
