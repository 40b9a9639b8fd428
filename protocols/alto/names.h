// SPDX-License-Identifier: GPL-2.0-or-later
// The syntax of ALTO's names (RFC 7285 section 10; RFC 9240 section 5; RFC 9274; RFC 9439), and the registries behind
// them.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace peerscope::alto {

// What is wrong with a name; empty when nothing is.
// PIDName, ResourceID, SubstreamID, ANEName. A dot is of the set but reserved: `dot_allowed` where an extension uses
// it.
std::string pid_name_fault(std::string_view name, bool dot_allowed = false);
std::string tag_fault(std::string_view tag);
std::string cost_metric_fault(std::string_view metric);
std::string cost_mode_fault(std::string_view mode);
// A property name: a global one, or a resource's ID, a dot and such a name.
std::string property_name_fault(std::string_view name);
// AddressType, cost-source.
bool is_letters_and_digits(std::string_view text);
bool has_dot(std::string_view name);

inline constexpr std::string_view kPrivate = "priv:";
inline constexpr std::string_view kNumerical = "numerical";
inline constexpr std::string_view kOrdinal = "ordinal";
inline constexpr std::string_view kArray = "array";
inline constexpr std::string_view kRoutingCost = "routingcost";
inline constexpr std::string_view kAnePath = "ane-path";
inline constexpr std::string_view kHopCount = "hopcount";
inline constexpr std::string_view kPidProperty = "pid";

// Registered, or private with something behind the prefix. The metric's statistic (RFC 9439) is not looked at.
bool is_known_metric(std::string_view base);
bool is_known_mode(std::string_view mode);
bool is_known_property(std::string_view name);
bool is_known_cost_source(std::string_view source);

// "delay-ow:p95" -> "delay-ow" and "p95"; a private metric has no statistic.
struct Metric {
  std::string_view base;
  std::string_view statistic;  // empty: none given
  bool has_statistic = false;
};
Metric split_metric(std::string_view metric);
// One of RFC 9439's list; a percentile is within 0 to 100.
bool is_statistic(std::string_view statistic);

// "nm.pid" -> "nm" and "pid"; ".pid" -> "" and "pid"; "pid" has no resource.
struct ScopedName {
  std::string_view resource;
  std::string_view name;
  bool scoped = false;  // there is a dot
};
ScopedName split_scoped(std::string_view name);

// EntityID (RFC 9240 section 5.1.3): the domain name, and the identifier behind its colon. A resource's ID may hold
// colons itself, so the domain type decides where the domain name ends.
struct EntityId {
  ScopedName domain;
  std::string_view domain_text;
  std::string_view identifier;
};
std::optional<EntityId> split_entity(std::string_view text);
bool is_known_domain(std::string_view type);
// Empty when the identifier fits the domain type.
std::string entity_identifier_fault(std::string_view domain_type, std::string_view identifier);

// IMF-fixdate (RFC 9110 section 5.6.7): seconds since 1970, and whether the day of the week is right.
struct HttpDate {
  std::int64_t seconds = 0;
  bool weekday_fits = true;
};
std::optional<HttpDate> parse_http_date(std::string_view text);
std::string http_date_text(std::int64_t seconds);  // since 1970

}  // namespace peerscope::alto
