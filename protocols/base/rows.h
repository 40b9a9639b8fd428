// SPDX-License-Identifier: GPL-2.0-or-later
// Builders for requirement rows, and the checks that claim what the readers found.
#pragma once

#include "protocols/base/requirement.h"

namespace peerscope::rows {

constexpr Requirement message(const char* id, const char* section, Level level, Party party, const char* text,
                              Check check) {
  return {id, section, level, party, Scope::kMessage, text, check, default_severity(level)};
}
constexpr Requirement exchange(const char* id, const char* section, Level level, Party party, const char* text,
                               Check check) {
  return {id, section, level, party, Scope::kExchange, text, check, default_severity(level)};
}
constexpr Requirement session(const char* id, const char* section, Level level, Party party, const char* text,
                              Check check) {
  return {id, section, level, party, Scope::kSession, text, check, default_severity(level)};
}
// Provoked by scenarios that name the id in their `tests` list.
constexpr Requirement behaviour(const char* id, const char* section, Level level, Party party, const char* text) {
  return {id, section, level, party, Scope::kBehaviour, text, nullptr, default_severity(level)};
}
// Neither a check nor a scenario can decide it; `reason` says why.
constexpr Requirement unchecked(const char* id, const char* section, Level level, Party party, const char* text,
                                const char* reason) {
  return {id, section, level, party, Scope::kBehaviour, text, nullptr, default_severity(level), reason};
}
constexpr Requirement with(Requirement row, Severity severity) {
  row.severity = severity;
  return row;
}
// Reported as info whatever the level: the sheet marks the row INFO.
constexpr Requirement info(Requirement row) {
  row.informational = true;
  row.severity = Severity::kNote;
  return row;
}

constexpr bool one_of(Shape shape, std::initializer_list<Shape> shapes) {
  for (const Shape candidate : shapes) {
    if (candidate == shape) return true;
  }
  return false;
}

// Reports every issue of these shapes, whatever the field.
template <Shape... S>
void shapes(const CheckInput& in, Reporter& r) {
  for (const Issue& issue : in.message.issues) {
    if (one_of(issue.shape, {S...})) r.issue(issue);
  }
}

// Reports every issue of these shapes on one field.
template <const Field& F, Shape... S>
void claims(const CheckInput& in, Reporter& r) {
  for (const Issue& issue : in.message.issues) {
    if (issue.field == &F && one_of(issue.shape, {S...})) r.issue(issue);
  }
}

// The same where the field stands directly in a group of `Parent`.
template <const Field& F, const Field& Parent, Shape... S>
void claims_in(const CheckInput& in, Reporter& r) {
  for (const Issue& issue : in.message.issues) {
    if (issue.field == &F && issue.parent == &Parent && one_of(issue.shape, {S...})) r.issue(issue);
  }
}

}  // namespace peerscope::rows
