// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/ppstp/judge.h"

#include <algorithm>

#include "reference-impl/ppstp/address.h"

namespace peerscope::ppstp {
namespace {

using D = TrackerDefect;

bool is_one_of(const Field* field, std::initializer_list<const Field*> fields) {
  return std::find(fields.begin(), fields.end(), field) != fields.end();
}

bool concerns_text(Shape shape) {
  return shape == Shape::kMalformed || shape == Shape::kNotUtf8 || shape == Shape::kTooDeep ||
         shape == Shape::kTrailing || shape == Shape::kCutShort;
}

// Section 4.4 lets an unknown statistics type bring members of its own, so nothing below it is judged.
bool has_unknown_stat_type(const Request& request) {
  return request.stat_report && request.stat_report->type && *request.stat_report->type != kStreamStats;
}

bool is_tolerable(const Issue& issue, bool unknown_stat, const TrackerDefects& defects) {
  if (issue.field != nullptr && issue.field->draft) return true;
  if (unknown_stat && (issue.parent == &kStat || issue.field == &kStat)) return true;
  switch (issue.shape) {
    case Shape::kUnknownMember:
      return !defects.has(D::kRejectsUnknownMembers);
    case Shape::kSingleForList:
    case Shape::kMisplaced:
    case Shape::kMisnamed:
      return !defects.has(D::kRejectsLenientForms);
    case Shape::kDuplicate:
    case Shape::kDraft:
      return true;
    case Shape::kQuotedNumber:
      if (issue.field == &kVersion) return defects.has(D::kAcceptsQuotedVersion);
      return is_one_of(issue.field, {&kConcurrentLinks, &kOnlineTime, &kUploadBandwidth}) &&
             !defects.has(D::kRejectsLenientForms);
    case Shape::kEmptyList:
      if (issue.field == &kSwarmAction) return defects.has(D::kMissingActionsOk);
      return issue.field == &kPeerAddr;  // an optional list without elements says no more than none
    case Shape::kUnknownValue:
      if (issue.field == &kStatType) return !defects.has(D::kRejectsUnknownStat);
      if (issue.field == &kRequestType)
        return defects.has(D::kUnknownTypeIsKeepAlive) || defects.has(D::kCaseInsensitiveMethod) ||
               defects.has(D::kIgnoresForeignData);
      return is_one_of(issue.field, {&kAction, &kPeerMode}) && defects.has(D::kAcceptsUnknownMode);
    case Shape::kMissing:
      if (is_one_of(issue.field, {&kTransactionId, &kPeerId})) return defects.has(D::kDefaultsMissingIds);
      if (issue.field == &kSwarmAction) return defects.has(D::kMissingActionsOk);
      return issue.field == &kSwarmId && issue.parent == &kFind && defects.has(D::kFindMissingSwarmOk);
    case Shape::kOutOfRange:
      return issue.field == &kPort && defects.has(D::kAcceptsAnyPort);
    default:
      return false;
  }
}

// P-VER-06: what is no version number at all is a malformed message; another number is another version.
ErrorCode judge_version(const Message& message, const Request& request, const TrackerDefects& defects) {
  for (const Issue& issue : message.issues) {
    if (issue.field != &kVersion || is_tolerable(issue, false, defects)) continue;
    if (!(issue.shape == Shape::kOutOfRange && defects.has(D::kAcceptsUnknownVersion))) return kBadRequest;
  }
  if (!request.version) return kBadRequest;
  if (*request.version == kVersion1 || defects.has(D::kAcceptsUnknownVersion)) return kNoError;
  return defects.has(D::kVersionErrorAsBadRequest) ? kBadRequest : kUnsupportedVersion;
}

bool fits(const std::optional<std::string>& id) {
  return id && !id->empty() && id->size() <= kLongestId;
}

bool data_matches(const Request& request, const TrackerDefects& defects) {
  const std::string_view type = request_type_of(request, defects);
  const bool known = std::find(kRequestTypes.begin(), kRequestTypes.end(), type) != kRequestTypes.end();
  if (!known) return true;  // judged before: a defect lets it pass
  const bool connect = request.connect.has_value();
  const bool find = request.find.has_value();
  const bool report = request.stat_report.has_value();
  if (defects.has(D::kIgnoresForeignData)) return true;
  if (type == kRequestConnect) return connect && !find && !report;
  if (type == kRequestFind)
    return !connect && !report && (find || request.misplaced_swarm_id || defects.has(D::kFindMissingSwarmOk));
  return !connect && !find;
}

bool addresses_fit(const Connect& connect, const TrackerDefects& defects) {
  if (defects.has(D::kAcceptsAnyAddress) || defects.has(D::kAcceptsAnyPort)) return true;
  return std::all_of(connect.peer_addr.begin(), connect.peer_addr.end(),
                     [](const PeerAddr& addr) { return to_address(addr).has_value(); });
}

bool swarm_ids_fit(const Request& request, const TrackerDefects& defects) {
  if (request.connect) {
    for (const SwarmAction& action : request.connect->swarm_action) {
      if (!fits(action.swarm_id)) return false;
    }
  }
  if (request.stat_report && !has_unknown_stat_type(request)) {
    for (const Stat& stat : request.stat_report->stat) {
      if (!fits(stat.swarm_id)) return false;
    }
  }
  return request_type_of(request, defects) != kRequestFind || fits(find_swarm_id(request)) ||
         defects.has(D::kFindMissingSwarmOk);
}

}  // namespace

std::string_view transaction_id_of(const Message& message) {
  const Event* event = message.first(kTransactionId);
  if (event == nullptr || event->length == 0 || message.bytes[event->offset] != '"') return {};
  return event->text;
}

std::string_view request_type_of(const Request& request, const TrackerDefects& defects) {
  if (defects.has(D::kIgnoresForeignData)) {
    if (request.connect) return kRequestConnect;
    return request.find || request.misplaced_swarm_id ? kRequestFind : kRequestStatReport;
  }
  const std::string_view type = request.request_type ? std::string_view(*request.request_type) : std::string_view{};
  if (!defects.has(D::kCaseInsensitiveMethod)) return type;
  for (const std::string_view known : kRequestTypes) {
    if (net::iequals(type, known)) return known;
  }
  return type;
}

const std::optional<std::string>& find_swarm_id(const Request& request) {
  return request.find ? request.find->swarm_id : request.misplaced_swarm_id;
}

const std::optional<PeerNum>& find_peer_num(const Request& request) {
  return request.find ? request.find->peer_num : request.misplaced_peer_num;
}

ErrorCode judge(const Message& message, const TrackerDefects& defects) {
  const Request* request = request_of(message);
  for (const Issue& issue : message.issues) {
    if (concerns_text(issue.shape)) return kBadRequest;
  }
  if (request == nullptr) return kBadRequest;
  if (const ErrorCode code = judge_version(message, *request, defects); code != kNoError) return code;
  const bool unknown_stat = has_unknown_stat_type(*request);
  for (const Issue& issue : message.issues) {
    if (issue.field != &kVersion && !is_tolerable(issue, unknown_stat, defects)) return kBadRequest;
  }
  if (!request->request_type) return kBadRequest;
  if (defects.has(D::kDefaultsMissingIds)) return kNoError;
  if (!fits(request->peer_id) || !request->transaction_id || request->transaction_id->size() > kLongestId)
    return kBadRequest;
  if (!data_matches(*request, defects)) return kBadRequest;
  if (!swarm_ids_fit(*request, defects)) return kBadRequest;
  if (request->connect && !addresses_fit(*request->connect, defects)) return kBadRequest;
  return kNoError;
}

}  // namespace peerscope::ppstp
