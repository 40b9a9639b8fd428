// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/alto/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "protocols/alto/address.h"
#include "protocols/base/json_index.h"

namespace peerscope::alto {
namespace {

constexpr std::string_view kMetrics[] = {"routingcost", "delay-ow", "delay-rt",    "delay-variation", "lossrate",
                                         "hopcount",    "tput",     "bw-residual", "bw-available",    "ane-path"};
constexpr std::string_view kModes[] = {kNumerical, kOrdinal, kArray};
constexpr std::string_view kEntityProperties[] = {kPidProperty, "max-reservable-bandwidth", "persistent-entity-id",
                                                  "cdni-capabilities"};
constexpr std::string_view kCostSources[] = {"nominal", "sla", "estimation"};
constexpr std::string_view kStatistics[] = {"cur", "min", "max", "median", "mean", "stddev", "stdvar"};
constexpr std::string_view kDomains[] = {"ipv4", "ipv6", "pid", "ane", "asn", "countrycode"};

constexpr std::size_t kLongestName = 64;
constexpr std::size_t kLongestMetric = 32;

template <std::size_t N>
bool is_in(std::string_view word, const std::string_view (&words)[N]) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}
bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool is_private(std::string_view name) {
  return name.starts_with(kPrivate) && name.size() > kPrivate.size();
}

std::string fault(std::string_view name, std::size_t longest, std::string_view also) {
  if (name.empty()) return "is empty";
  const std::string shown(clip_text(name, 80));
  // Characters, not bytes: what is beyond ASCII is refused by its first byte anyway.
  if (name.size() > longest)
    return fmt::format("\"{}\" has {} characters, at most {} are allowed", shown, name.size(), longest);
  for (const char c : name) {
    if (is_alnum(c) || also.find(c) != std::string_view::npos) continue;
    return fmt::format("\"{}\" has a character that is none of A-Z a-z 0-9 {}", shown, fmt::join(also, " "));
  }
  return {};
}

}  // namespace

std::string pid_name_fault(std::string_view name, bool dot_allowed) {
  return fault(name, kLongestName, dot_allowed ? "-:@_." : "-:@_");
}

std::string tag_fault(std::string_view tag) {
  if (tag.size() > kLongestName)
    return fmt::format("has {} characters, at most {} are allowed", tag.size(), kLongestName);
  for (const char c : tag) {
    if (c < '!' || c > '~') return "has a character outside U+0021 to U+007E";
  }
  return {};
}

std::string cost_metric_fault(std::string_view metric) {
  return fault(metric, kLongestMetric, "-:_.");
}

std::string cost_mode_fault(std::string_view mode) {
  return fault(mode, kLongestMetric, "-:_");
}

std::string property_name_fault(std::string_view name) {
  const ScopedName parts = split_scoped(name);
  if (parts.scoped && parts.name.find('.') != std::string_view::npos)
    return fmt::format("\"{}\" has more than one dot", clip_text(name, 80));
  if (parts.scoped) {
    if (std::string wrong = pid_name_fault(parts.resource); !wrong.empty()) return "the resource ID " + wrong;
  }
  return fault(parts.name, kLongestMetric, "-:_");
}

bool is_letters_and_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_alnum);
}

bool has_dot(std::string_view name) {
  return name.find('.') != std::string_view::npos;
}

bool is_known_metric(std::string_view base) {
  return is_in(base, kMetrics) || is_private(base);
}
bool is_known_mode(std::string_view mode) {
  return is_in(mode, kModes) || is_private(mode);
}
bool is_known_property(std::string_view name) {
  return is_in(name, kEntityProperties) || is_private(name);
}
bool is_known_cost_source(std::string_view source) {
  return is_in(source, kCostSources);
}

Metric split_metric(std::string_view metric) {
  if (metric.starts_with(kPrivate)) return {metric, {}, false};
  const std::size_t colon = metric.find(':');
  if (colon == std::string_view::npos) return {metric, {}, false};
  return {metric.substr(0, colon), metric.substr(colon + 1), true};
}

bool is_statistic(std::string_view statistic) {
  if (is_in(statistic, kStatistics)) return true;
  if (!statistic.starts_with('p')) return false;
  const std::string_view digits = statistic.substr(1);
  if (digits.empty() || digits.front() == '.' || digits.back() == '.') return false;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (std::count(digits.begin(), digits.end(), '.') > 1) return false;
  if (!std::all_of(digits.begin(), digits.end(), [&](char c) { return is_digit(c) || c == '.'; })) return false;
  double percent = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), percent);
  return percent >= 0 && percent <= 100;
}

ScopedName split_scoped(std::string_view name) {
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return {{}, name, false};
  return {name.substr(0, dot), name.substr(dot + 1), true};
}

std::optional<EntityId> split_entity(std::string_view text) {
  const auto split_at = [&](std::size_t colon) {
    EntityId out;
    out.domain_text = text.substr(0, colon);
    out.domain = split_scoped(out.domain_text);
    out.identifier = text.substr(colon + 1);
    return out;
  };
  const std::size_t first = text.find(':');
  if (first == std::string_view::npos) return std::nullopt;
  EntityId out = split_at(first);
  if (is_known_domain(out.domain.name)) return out;
  const std::size_t dot = text.find('.');
  const std::size_t later = dot == std::string_view::npos ? dot : text.find(':', dot);
  if (later == std::string_view::npos || later == first) return out;
  EntityId longer = split_at(later);
  return is_known_domain(longer.domain.name) ? longer : out;
}

bool is_known_domain(std::string_view type) {
  return is_in(type, kDomains);
}

std::string entity_identifier_fault(std::string_view domain_type, std::string_view identifier) {
  const std::string shown(clip_text(identifier, 80));
  if (domain_type == kIpv4 || domain_type == kIpv6) {
    if (!parse_prefix(domain_type, identifier))
      return fmt::format("\"{}\" is no {} address or prefix", shown, domain_type);
  } else if (domain_type == "pid" || domain_type == "ane") {
    return pid_name_fault(identifier);
  } else if (domain_type == "asn") {
    const std::string_view digits = identifier.starts_with("as") ? identifier.substr(2) : std::string_view{};
    const bool decimal = !digits.empty() && digits.size() <= 10 &&
                         std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!decimal || (digits.size() > 1 && digits.front() == '0'))
      return fmt::format("\"{}\" is not as and a decimal number without leading zeros", shown);
  } else if (domain_type == "countrycode") {
    const bool letters = identifier.size() == 2 && identifier[0] >= 'a' && identifier[0] <= 'z' &&
                         identifier[1] >= 'a' && identifier[1] <= 'z';
    if (!letters) return fmt::format("\"{}\" is not two letters in lower case", shown);
  }
  return {};
}

namespace {

constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

}  // namespace

std::string http_date_text(std::int64_t seconds) {
  const std::chrono::sys_seconds time{std::chrono::seconds(seconds)};
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(days);
  const std::int64_t of_day = (time - days).count();
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[std::chrono::weekday(days).c_encoding()],
                     static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), of_day / 3600, of_day / 60 % 60, of_day % 60);
}

std::optional<HttpDate> parse_http_date(std::string_view text) {
  static constexpr std::string_view kShape = "Www, DD Mmm YYYY HH:MM:SS GMT";
  if (text.size() != kShape.size()) return std::nullopt;
  const auto number = [&](std::size_t at, std::size_t length) {
    int out = 0;
    for (std::size_t i = at; i < at + length; ++i) {
      if (text[i] < '0' || text[i] > '9') return -1;
      out = out * 10 + (text[i] - '0');
    }
    return out;
  };
  for (const std::size_t at : {3U, 4U, 7U, 11U, 16U, 19U, 22U, 25U, 26U, 27U, 28U}) {
    if (text[at] != kShape[at]) return std::nullopt;
  }
  const auto day_name = std::find(std::begin(kDays), std::end(kDays), text.substr(0, 3));
  const auto month_name = std::find(std::begin(kMonths), std::end(kMonths), text.substr(8, 3));
  const int day = number(5, 2);
  const int year = number(12, 4);
  const int hour = number(17, 2);
  const int minute = number(20, 2);
  const int second = number(23, 2);
  if (day_name == std::end(kDays) || month_name == std::end(kMonths)) return std::nullopt;
  if (day < 1 || year < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
    return std::nullopt;
  const auto month = static_cast<unsigned>(month_name - std::begin(kMonths)) + 1;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  const std::chrono::sys_days days(date);
  HttpDate out;
  out.seconds = days.time_since_epoch().count() * std::int64_t{86400} + hour * 3600 + minute * 60 + second;
  out.weekday_fits = std::chrono::weekday(days).c_encoding() == static_cast<unsigned>(day_name - std::begin(kDays));
  return out;
}

}  // namespace peerscope::alto
