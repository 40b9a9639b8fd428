// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/base/exported.h"

#include <charconv>
#include <cstdio>
#include <string>

namespace peerscope {
namespace {

using Security = Transport::Security;

constexpr std::string_view kHttp2 = "h2";
constexpr std::string_view kHttp1 = "h1";
constexpr std::string_view kTls = "; tls";
constexpr std::string_view kClear = "; clear";
constexpr std::string_view kBody = "; body ";
constexpr std::string_view kPart = " part ";

std::string_view security_text(Security security) {
  return security == Security::kTls ? kTls : security == Security::kClear ? kClear : std::string_view();
}

// A number at the beginning of `text`, which it is then taken off; nothing when there is none.
std::optional<std::uint32_t> take_number(std::string_view& text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// Two numbers with something between them.
bool take_pair(std::string_view text, std::string_view between, std::uint32_t& first, std::uint32_t& second) {
  const auto a = take_number(text);
  if (!a || !text.starts_with(between)) return false;
  text.remove_prefix(between.size());
  const auto b = take_number(text);
  if (!b) return false;
  first = *a;
  second = *b;
  return true;
}

int width(std::string_view text) {
  return static_cast<int>(text.size());
}

}  // namespace

ExportedText carriage_text(const Transport& transport) {
  ExportedText out{};
  const std::string_view version = transport.http_version == 20 ? kHttp2 : kHttp1;
  const std::string_view security = security_text(transport.security);
  const int size = std::snprintf(out.data(), out.size(), "%.*s%.*s", width(version), version.data(), width(security),
                                 security.data());
  if (transport.stream != 0)
    std::snprintf(out.data() + size, out.size() - static_cast<std::size_t>(size), "%.*s%u%.*s%u", width(kBody),
                  kBody.data(), transport.stream, width(kPart), kPart.data(), transport.part);
  return out;
}

void read_carriage(std::string_view text, Transport& transport) {
  if (text.starts_with(kHttp2)) transport.http_version = 20;
  if (text.find(kTls) != std::string_view::npos)
    transport.security = Security::kTls;
  else if (text.find(kClear) != std::string_view::npos)
    transport.security = Security::kClear;
  const std::size_t body = text.find(kBody);
  if (body != std::string_view::npos)
    take_pair(text.substr(body + kBody.size()), kPart, transport.stream, transport.part);
}

ExportedText record_part_text(const RecordPart& part) {
  ExportedText out{};
  std::snprintf(out.data(), out.size(), "%.*s%.*s%u/%u", width(part.column.substr(0, 16)), part.column.data(),
                width(kPart), kPart.data(), part.number, part.count);
  return out;
}

std::optional<RecordPart> read_record_part(std::string_view column) {
  const std::size_t mark = column.find(kPart);
  if (mark == std::string_view::npos) return std::nullopt;
  RecordPart out{.column = column.substr(0, mark)};
  take_pair(column.substr(mark + kPart.size()), "/", out.number, out.count);
  return out;
}

}  // namespace peerscope
