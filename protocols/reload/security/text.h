// SPDX-License-Identifier: GPL-2.0-or-later
// Text forms that certificates, URIs and the configuration document share: hex (either case), base64 (RFC 4648 section
// 4) and times (RFC 3339). Plain functions, safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace peerscope::reload::text {

std::string to_hex(std::string_view bytes);
// Nothing unless `hex` is an even number of hex digits.
std::optional<std::string> from_hex(std::string_view hex);

std::string to_base64(std::string_view bytes);
// White space anywhere is skipped, as XML Schema's base64Binary allows; everything else is strict: padding must be
// there, nothing after it, unused bits zero.
std::optional<std::string> from_base64(std::string_view base64);

// Seconds since 1970 for an RFC 3339 date-time; fractions are cut off. `utc` tells whether the text says UTC.
struct Time {
  std::int64_t seconds = 0;
  bool utc = false;
};
std::optional<Time> parse_time(std::string_view text);
// "2024-01-31T12:00:00Z". For the years 0 to 9999; times outside come out as the nearest within.
std::string format_time(std::int64_t seconds);

// Without XML white space at both ends.
std::string_view trim(std::string_view text);

}  // namespace peerscope::reload::text
