// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/ppstp/defects.h"

#include <iterator>

namespace peerscope::ppstp {
namespace {

// clang-format off
constexpr DefectRow kTrackerDefects[] = {
    {"accepts-get", "serves GET like POST", "P-HTTP-01"},
    {"wrong-content-type", "answers are labelled application/json", "P-HTTP-03"},
    {"http-200-html", "errors are an HTML page with status 200", "P-HTTP-03 P-ERR-01"},
    {"loses-non-ascii", "bytes beyond ASCII come back as question marks", "P-HTTP-05"},
    {"answers-once", "the second request on a connection gets no answer", "P-HTTP-06"},
    {"basic-instead-of-digest", "challenges with HTTP Basic only", "P-HTTP-09", "ppstp.auth-digest"},
    {"needs-cookie", "refuses requests that do not return its cookie", "P-HTTP-11"},
    {"http-201-on-success", "successful answers have status 201", "P-HTTP-12"},
    {"refuses-chunked", "answers 411 to chunked transfer coding", "P-HTTP-13"},
    {"accepts-any-media-type", "does not look at Content-Type", "P-HTTP-14"},
    {"refuses-absolute-target", "answers 404 to a target in absolute form", "P-HTTP-15"},
    {"no-root-object", "answers without the PPSPTrackerProtocol object around them", "P-JSON-01"},
    {"rejects-unknown-members", "answers 01 when a member is unknown", "P-JSON-02"},
    {"swarm-result-as-object", "swarm_result is one object instead of an array", "P-JSON-03"},
    {"transaction-id-as-number", "transaction_id comes back as a number", "P-JSON-05 P-RESP-05"},
    {"fixed-member-order", "wants version to be the first member", "P-JSON-06"},
    {"rejects-lenient-forms", "answers 01 to the forms of the RFC's own examples", "P-JSON-08"},
    {"missing-version-in-errors", "error answers have no version", "P-VER-02"},
    {"version-two-in-answers", "answers say version 2", "P-VER-03"},
    {"accepts-unknown-version", "processes any version", "P-VER-04"},
    {"version-error-as-bad-request", "answers 01 where 02 belongs", "P-VER-04"},
    {"swarm-result-in-version-error", "the answer with 02 carries a swarm_result", "P-VER-05"},
    {"accepts-quoted-version", "takes the text \"1\" for version 1", "P-VER-06"},
    {"case-insensitive-method", "takes connect for CONNECT", "P-REQ-04"},
    {"defaults-missing-ids", "works without transaction_id or peer_id", "P-REQ-08"},
    {"ignores-foreign-request-data", "uses whatever request data is there, whatever the request_type", "P-REQ-09"},
    {"unknown-request-type-ok", "answers success to an unknown request_type", "P-REQ-10"},
    {"ipv4-with-leading-zeros", "writes 010.001.002.003", "P-ADDR-02"},
    {"uppercase-ipv6", "writes IPv6 in upper case", "P-ADDR-03"},
    {"missing-port", "addresses in lists have no port", "P-ADDR-04"},
    {"port-as-string", "port is a string", "P-JSON-04 P-ADDR-04"},
    {"missing-priority", "addresses in lists have no priority", "P-ADDR-05"},
    {"unknown-candidate-type", "candidate type is SRFLX", "P-ADDR-06"},
    {"asn-as-number", "asn is a number", "P-ADDR-08 P-JSON-05"},
    {"one-address-only", "answers 01 to more than one peer_addr", "P-ADDR-10"},
    {"accepts-any-address", "does not compare address_type and address", "P-ADDR-12"},
    {"accepts-any-port", "takes ports outside 0..65535", "P-ADDR-13"},
    {"list-over-peer-count", "gives one peer more than asked for", "P-PNUM-03"},
    {"peer-count-ignored", "gives up to 50 peers whatever is asked", "P-PNUM-03 P-PNUM-09"},
    {"refuses-large-peer-count", "answers 01 to a peer_count of 30 or more", "P-PNUM-09"},
    {"zero-means-all", "takes peer_count 0 for no limit", "P-PNUM-10"},
    {"leave-needs-join-mode", "LEAVE fails when its peer_mode is not that of the JOIN", "P-CONN-10"},
    {"join-without-list", "a LEECH JOIN gets no peer list", "P-CONN-11"},
    {"seeder-never-gets-list", "a SEEDER JOIN with peer_num gets no peer list", "P-CONN-12"},
    {"seeder-not-listed", "seeders are in no list", "P-CONN-13"},
    {"only-first-action", "performs the first swarm action only", "P-CONN-14 P-CONN-19"},
    {"leave-in-first-connect-accepted", "a first CONNECT with LEAVE only succeeds", "P-CONN-16"},
    {"leave-keeps-registration", "the last LEAVE does not end the registration", "P-CONN-17 P-CONN-21"},
    {"join-and-leave-first-accepted", "JOIN with LEAVE in the first CONNECT succeeds", "P-CONN-18"},
    {"channel-switch-refused", "JOIN with LEAVE in TRACKING is refused", "P-CONN-19"},
    {"seeder-rejoin-accepted", "a SEEDER JOIN in TRACKING succeeds", "P-CONN-20"},
    {"stale-list-after-leave", "lists peers that have left", "P-CONN-22"},
    {"double-registration", "a second CONNECT makes a second entry", "P-CONN-23"},
    {"peer-addr-for-stun-users", "sends peer_addr to peers that use STUN or TURN", "P-CONN-25"},
    {"missing-swarm-action-ok", "a CONNECT without swarm_action succeeds", "P-CONN-28"},
    {"accepts-unknown-mode", "takes any peer_mode and any action but LEAVE for a JOIN", "P-CONN-29"},
    {"all-or-nothing", "one invalid swarm action fails the whole CONNECT", "P-CONN-30"},
    {"no-source-address", "a JOIN without peer_addr makes no list entry", "P-CONN-31"},
    {"auth-after-actions", "looks at the request before the credentials", "P-CONN-32", "ppstp.auth-digest"},
    {"lists-asker", "puts the asker into its own list", "P-CONN-27"},
    {"find-needs-peer-num", "answers 01 to a FIND without peer_num", "P-FIND-02"},
    {"find-without-list", "a successful FIND has no peer_group", "P-FIND-03"},
    {"wrong-swarm-id-in-find-answer", "the result names another swarm", "P-FIND-04"},
    {"lists-other-swarms", "lists contain members of other swarms", "P-FIND-05"},
    {"find-does-not-restart-timer", "FIND does not restart the track timer", "P-FIND-06"},
    {"forgets-on-invalid-find", "a FIND for an unknown swarm ends the registration", "P-FIND-07"},
    {"find-from-unregistered-ok", "answers FIND of anybody", "P-FIND-08 P-FSM-03"},
    {"find-missing-swarm-ok", "a FIND without swarm_id succeeds", "P-FIND-09"},
    {"batch-report-refused", "answers 01 to more than one stat element", "P-STAT-06"},
    {"keep-alive-refused", "answers 01 to a report without statistics", "P-STAT-07"},
    {"valid-report-forbidden", "answers 03 to a valid report", "P-STAT-08"},
    {"peer-group-in-stat-answer", "the answer to a report carries a peer list", "P-STAT-10"},
    {"stat-does-not-restart-timer", "STAT_REPORT does not restart the track timer", "P-STAT-11"},
    {"report-for-any-swarm-ok", "a report for an unknown swarm succeeds", "P-STAT-12"},
    {"forgets-on-invalid-report", "a report for an unknown swarm ends the registration", "P-STAT-12"},
    {"report-from-unregistered-ok", "answers STAT_REPORT of anybody", "P-STAT-13 P-FSM-03"},
    {"rejects-unknown-stat-type", "answers 01 to another stat type than STREAM_STATS", "P-STAT-15"},
    {"missing-response-type", "answers have no response_type", "P-RESP-01"},
    {"error-code-as-string", "error_code is a string such as \"03\"", "P-RESP-02 P-JSON-04"},
    {"success-with-error-code", "failures have response_type 0", "P-RESP-04 P-RESP-03"},
    {"failed-with-code-zero", "failures have error_code 0", "P-RESP-12"},
    {"no-transaction-echo", "transaction_id is one of the tracker's own", "P-RESP-05 P-STAT-09"},
    {"no-swarm-result-on-success", "success answers have no swarm_result", "P-RESP-06"},
    {"swarm-result-on-bad-request", "answers with 01 carry a swarm_result", "P-RESP-07 P-ERR-02"},
    {"missing-result", "swarm_result elements have no result", "P-RESP-08"},
    {"peer-group-on-failure", "a failed swarm_result has a peer_group", "P-RESP-09"},
    {"empty-peer-info", "an empty list is written as an empty peer_info", "P-RESP-10"},
    {"peer-addr-array-in-peer-info", "peer_addr in peer_info is an array", "P-RESP-11"},
    {"unregistered-error-code", "answers 7 where 03 belongs", "P-RESP-13 P-EXT-05"},
    {"success-on-garbage", "answers success to what it cannot parse", "P-ERR-01"},
    {"swarm-result-on-forbidden", "answers with 03 carry a swarm_result", "P-ERR-03"},
    {"overload-drops-connection", "closes the connection instead of answering 05", "P-ERR-05", "ppstp.overload"},
    {"forbidden-for-missing-credentials", "answers 03 where 06 belongs", "P-ERR-06", "ppstp.auth-digest"},
    {"repeat-treated-as-new", "refuses a repeated transaction_id", "P-ERR-09"},
    {"no-expiry", "registrations never expire", "P-FSM-02 P-FSM-03"},
    {"returning-peer-refused", "a peer ID that was registered before cannot register again", "P-FSM-04"},
    {"connect-does-not-restart-timer", "CONNECT in TRACKING does not restart the track timer", "P-FSM-05"},
    {"invalid-connect-registers", "a first CONNECT with invalid actions leaves a registration", "P-FSM-06"},
    {"forgets-on-invalid-connect", "invalid actions in TRACKING end the registration", "P-FSM-07"},
    {"stays-terminated", "accepts nobody after the last peer has left", "P-FSM-09"},
    {"one-expiry-removes-all", "when one registration expires all do", "P-FSM-10"},
    {"init-timer-runs-on", "the init timer is not stopped and ends the registration", "P-FSM-11 P-FSM-01"},
};
constexpr DefectRow kPeerDefects[] = {
    {"uses-get", "sends requests with GET", "P-HTTP-01"},
    {"uses-put", "sends requests with PUT", "P-HTTP-01"},
    {"content-type-json", "requests are labelled application/json", "P-HTTP-02"},
    {"latin1-body", "bytes beyond ASCII are written as ISO 8859-1, not UTF-8", "P-HTTP-05"},
    {"single-object-for-list", "swarm_action is one object instead of an array", "P-JSON-03"},
    {"quoted-numbers", "numbers of peer_num are quoted", "P-JSON-04 P-PNUM-05 P-PNUM-06 P-PNUM-07"},
    {"transaction-id-as-number", "transaction_id is a number", "P-JSON-05"},
    {"missing-version", "requests have no version", "P-VER-01"},
    {"version-string", "version is the text \"1\"", "P-VER-03 P-JSON-04"},
    {"lower-case-request-type", "writes request_type in lower case", "P-REQ-03 P-REQ-04"},
    {"missing-transaction-id", "requests have no transaction_id", "P-REQ-05 P-CONN-02"},
    {"connect-without-peer-id", "CONNECT has no peer_id", "P-REQ-06 P-CONN-03"},
    {"find-without-find-object", "swarm_id and peer_num of FIND stand beside request_type", "P-REQ-07 P-FIND-01"},
    {"constant-peer-id", "every instance calls itself peer", "P-REQ-11"},
    {"reuses-transaction-id", "all requests have the same transaction_id", "P-REQ-12 P-ERR-08"},
    {"ipv6-uppercase", "writes IPv6 in upper case", "P-ADDR-03"},
    {"missing-priority", "peer_addr has no priority", "P-ADDR-05"},
    {"unknown-candidate-type", "candidate type is SRFLX", "P-ADDR-06"},
    {"missing-peer-count", "peer_num has no peer_count", "P-PNUM-01"},
    {"peer-count-50", "asks for 50 peers", "P-PNUM-02"},
    {"unknown-nat-ability", "ability_nat is FULL_CONE", "P-PNUM-04"},
    {"bandwidth-level", "sends upload_bandwidth_level HIGH, as drafts had it", "P-PNUM-07"},
    {"unknown-action", "joins with the action ENTER", "P-CONN-05"},
    {"seed-mode", "writes SEED for SEEDER", "P-CONN-06"},
    {"missing-peer-mode", "swarm actions have no peer_mode", "P-CONN-07"},
    {"no-leave", "goes without LEAVE", "P-CONN-10"},
    {"no-stat-reports", "sends no STAT_REPORT", "P-STAT-01"},
    {"unknown-stat-type", "stat_report.type is STATS", "P-STAT-03"},
    {"stat-without-links", "stat elements have no concurrent_links", "P-STAT-04"},
    {"capital-stat", "the statistics array is named Stat", "P-STAT-05"},
    {"counters-decrease", "byte counters start again in every report", "P-STAT-14"},
    {"no-retry", "gives up after an invalid response", "P-ERR-07"},
    {"new-transaction-id-on-retry", "a repeated request has a new transaction_id", "P-ERR-07"},
    {"changed-content-on-retry", "a repeated request keeps its transaction_id but not its content", "P-ERR-08 P-ERR-07"},
    {"no-reconnect", "does not CONNECT again when the tracker has forgotten it", "P-FSM-12"},
    {"unregistered-request-type", "announces itself with request_type HELLO", "P-EXT-04 P-REQ-03"},
};
// clang-format on
static_assert(std::size(kTrackerDefects) == static_cast<std::size_t>(TrackerDefect::kCount));
static_assert(std::size(kPeerDefects) == static_cast<std::size_t>(PeerDefect::kCount));

}  // namespace

std::span<const DefectRow> tracker_defects() {
  return kTrackerDefects;
}
std::span<const DefectRow> peer_defects() {
  return kPeerDefects;
}

net::Result<TrackerDefects> parse_tracker_defects(const std::vector<std::string>& names) {
  return parse_defects<TrackerDefect>(kTrackerDefects, names);
}
net::Result<PeerDefects> parse_peer_defects(const std::vector<std::string>& names) {
  return parse_defects<PeerDefect>(kPeerDefects, names);
}

}  // namespace peerscope::ppstp
