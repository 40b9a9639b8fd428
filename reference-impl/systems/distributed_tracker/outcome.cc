// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/systems/distributed_tracker/outcome.h"

#include "protocols/reload/error.h"

namespace peerscope::distributed_tracker {
namespace {

constexpr std::uint16_t kNoAnswer = 0;

struct Row {
  std::uint16_t code;
  Meaning meaning;
};
// Everything else is an error that repeating does not cure: 04 at once.
constexpr Row kRows[] = {
    {kNoAnswer, {Again::kNow, ppstp::kServiceUnavailable}},
    {reload::kRequestTimeout, {Again::kNow, ppstp::kServiceUnavailable}},
    {reload::kTtlExceeded, {Again::kNow, ppstp::kServiceUnavailable}},
    {reload::kGenerationCounterTooLow, {Again::kNow, ppstp::kInternalServerError}},
    {reload::kInProgress, {Again::kLater, ppstp::kServiceUnavailable}},
    // Either side is about to get the other's configuration.
    {reload::kConfigTooOld, {Again::kLater, ppstp::kServiceUnavailable}},
    {reload::kConfigTooNew, {Again::kLater, ppstp::kServiceUnavailable}},
    // To a store: the node that it reached is not, or not yet, responsible.
    {reload::kNotFound, {Again::kLater, ppstp::kServiceUnavailable}},
};

}  // namespace

Meaning meaning_of(std::uint16_t code, Asked asked) {
  if (asked == Asked::kFetch && code == reload::kNotFound) return {Again::kNo, ppstp::kNoError};
  for (const Row& row : kRows) {
    if (row.code == code) return row.meaning;
  }
  return {};
}

}  // namespace peerscope::distributed_tracker
