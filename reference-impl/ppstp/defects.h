// SPDX-License-Identifier: GPL-2.0-or-later
// Named defects of the reference tracker and peer: each is a mistake that real implementers make. They exist so that
// the conformance suites can be measured by what they catch (`--defect NAME`); without one the roles behave as the RFC
// says.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "reference-impl/defect_set.h"
#include "reference-impl/net/result.h"

namespace peerscope::ppstp {

using peerscope::DefectRow;
using peerscope::DefectSet;
using peerscope::print_defects;

// In the order of the tables in defects.cc.
enum class TrackerDefect : std::uint8_t {
  kAcceptsGet,
  kWrongContentType,
  kHtmlErrors,
  kLosesNonAscii,
  kAnswersOnce,
  kBasicInsteadOfDigest,
  kNeedsCookie,
  kHttp201,
  kRefusesChunked,
  kAcceptsAnyMediaType,
  kRefusesAbsoluteTarget,
  kNoRootObject,
  kRejectsUnknownMembers,
  kSwarmResultAsObject,
  kTransactionIdAsNumber,
  kFixedMemberOrder,
  kRejectsLenientForms,
  kMissingVersionInErrors,
  kVersionTwo,
  kAcceptsUnknownVersion,
  kVersionErrorAsBadRequest,
  kSwarmResultInVersionError,
  kAcceptsQuotedVersion,
  kCaseInsensitiveMethod,
  kDefaultsMissingIds,
  kIgnoresForeignData,
  kUnknownTypeIsKeepAlive,
  kMalformedIpv4,
  kUppercaseIpv6,
  kMissingPort,
  kPortAsString,
  kMissingPriority,
  kUnknownCandidateType,
  kAsnAsNumber,
  kOneAddressOnly,
  kAcceptsAnyAddress,
  kAcceptsAnyPort,
  kListOverPeerCount,
  kPeerCountIgnored,
  kRefusesLargePeerCount,
  kZeroMeansAll,
  kLeaveNeedsJoinMode,
  kJoinWithoutList,
  kSeederNeverGetsList,
  kSeederNotListed,
  kOnlyFirstAction,
  kLeaveInFirstConnect,
  kLeaveKeepsRegistration,
  kJoinAndLeaveFirst,
  kSwitchRefused,
  kSeederRejoin,
  kStaleListAfterLeave,
  kDoubleRegistration,
  kRevealsToStun,
  kMissingActionsOk,
  kAcceptsUnknownMode,
  kAllOrNothing,
  kNoSourceAddress,
  kAuthAfterActions,
  kListsAsker,
  kFindNeedsPeerNum,
  kFindWithoutList,
  kWrongSwarmId,
  kListsOtherSwarms,
  kFindKeepsTimer,
  kForgetsOnInvalidFind,
  kUnregisteredFindOk,
  kFindMissingSwarmOk,
  kBatchRefused,
  kKeepAliveRefused,
  kReportFails,
  kPeerGroupInStat,
  kStatKeepsTimer,
  kAnySwarmInStat,
  kForgetsOnInvalidStat,
  kUnregisteredStatOk,
  kRejectsUnknownStat,
  kResponseTypeMissing,
  kErrorCodeAsString,
  kSuccessWithErrorCode,
  kFailedWithCodeZero,
  kNoTransactionEcho,
  kNoSwarmResult,
  kSwarmResultOnBadRequest,
  kResultMissing,
  kPeerGroupOnFailure,
  kEmptyPeerInfo,
  kPeerAddrArray,
  kUnregisteredCode,
  kSuccessOnGarbage,
  kSwarmResultOnForbidden,
  kOverloadDrops,
  kForbiddenForMissingAuth,
  kRepeatAsNew,
  kNoExpiry,
  kRefusesReturning,
  kConnectKeepsTimer,
  kInvalidConnectRegisters,
  kForgetsOnInvalidConnect,
  kStaysTerminated,
  kExpiryRemovesAll,
  kInitTimerRunsOn,
  kCount,
};

enum class PeerDefect : std::uint8_t {
  kUsesGet,
  kUsesPut,
  kContentTypeJson,
  kLatin1,
  kSingleForList,
  kQuotedNumbers,
  kTransactionIdAsNumber,
  kMissingVersion,
  kVersionString,
  kLowerCaseMethod,
  kMissingTransactionId,
  kMissingPeerId,
  kFlatFind,
  kSharedPeerId,
  kReusesTransactionId,
  kIpv6Uppercase,
  kMissingPriority,
  kSrflxType,
  kMissingPeerCount,
  kPeerCount50,
  kNatWord,
  kBandwidthLevel,
  kActionEnter,
  kSeedMode,
  kMissingPeerMode,
  kNoLeave,
  kNoStatReports,
  kStatsType,
  kStatWithoutLinks,
  kStatCapital,
  kCountersDecrease,
  kNoRetry,
  kNewTransactionIdOnRetry,
  kChangedRetry,
  kNoReconnect,
  kUnregisteredMethod,
  kCount,
};

std::span<const DefectRow> tracker_defects();
std::span<const DefectRow> peer_defects();

using TrackerDefects = DefectSet<TrackerDefect>;
using PeerDefects = DefectSet<PeerDefect>;

// The sets for names from a command line. An unknown name is an error that tells the nearest ones.
net::Result<TrackerDefects> parse_tracker_defects(const std::vector<std::string>& names);
net::Result<PeerDefects> parse_peer_defects(const std::vector<std::string>& names);

}  // namespace peerscope::ppstp
