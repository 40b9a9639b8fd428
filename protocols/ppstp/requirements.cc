// SPDX-License-Identifier: GPL-2.0-or-later
// RFC 7846 as rows: what a peer (client) and a tracker (server) must, should and may do, in our own words, and what the
// grammar implies. Level kOurs marks our own default where the RFC is silent; such a row never fails anyone.
#include "protocols/base/rows.h"
#include "protocols/ppstp/checks.h"
#include "protocols/ppstp/protocol.h"

namespace peerscope::ppstp {
namespace {

using namespace rows;
using enum Shape;
using L = Level;
constexpr Party P = Party::kClient;
constexpr Party T = Party::kServer;
constexpr Party B = Party::kAny;

// One row a line: it is read as a table.
// clang-format off
constexpr Requirement kRows[] = {
    // HTTP and encoding
    message("P-HTTP-01", "2.2, 4", L::kMust, B, "Requests use HTTP POST.", checks::http_01),
    message("P-HTTP-02", "4", L::kMust, P, "A request's Content-Type is application/ppsp-tracker+json.", checks::http_02),
    message("P-HTTP-03", "4", L::kMust, T, "A response's Content-Type is application/ppsp-tracker+json, for success and failure.", checks::http_03),
    message("P-HTTP-04", "2.2, 4", L::kGrammar, B, "The body is exactly one JSON text.", shapes<kMalformed, kCutShort, kTrailing, kTooDeep>),
    message("P-HTTP-05", "2.2", L::kMust, B, "The body is UTF-8, and texts come back unchanged.", shapes<kNotUtf8>),
    behaviour("P-HTTP-06", "2.2", L::kGrammar, T, "Each request gets exactly one response."),
    behaviour("P-HTTP-07", "4, 6.5", L::kMust, B, "The https scheme is supported."),
    info(message("P-HTTP-08", "6.1", L::kMust, B, "TLS is used between peer and tracker.", checks::http_08)),
    behaviour("P-HTTP-09", "4", L::kMust, T, "HTTP Digest is supported where clients authenticate."),
    behaviour("P-HTTP-10", "6, 6.1", L::kShould, B, "OAuth 2.0 bearer tokens are considered for authentication."),
    behaviour("P-HTTP-11", "6.5", L::kGrammar, B, "Nothing depends on cookies."),
    message("P-HTTP-12", "4.1.1.1", L::kGrammar, T, "A successful answer comes with HTTP status 200.", checks::http_12),
    behaviour("P-HTTP-13", "2.2", L::kOurs, T, "A body split over segments or sent in chunks is accepted."),
    behaviour("P-HTTP-14", "4", L::kOurs, T, "Another media type gets HTTP 415 or error 01, never a success."),
    message("P-HTTP-15", "4.1.1.1", L::kOurs, B, "Absolute and origin form of the request target both work; origin form is usual.", checks::http_15),
    message("P-JSON-01", "3.4", L::kGrammar, B, "The root object has the member PPSPTrackerProtocol, an object.", checks::json_01),
    with(message("P-JSON-02", "4.4", L::kMust, B, "Unknown members are ignored.", checks::json_02), Severity::kChat),
    message("P-JSON-03", "3.2, 3.3", L::kGrammar, B, "Members of array type are arrays with at least one element.", checks::json_03),
    message("P-JSON-04", "3.1", L::kGrammar, B, "Members of integer type are JSON numbers without fraction.", checks::json_04),
    message("P-JSON-05", "3.1", L::kGrammar, B, "Members of string type are JSON strings.", checks::json_05),
    behaviour("P-JSON-06", "RFC 7159, 4", L::kGrammar, B, "The order of members means nothing."),
    message("P-JSON-07", "RFC 7159, 4", L::kOurs, B, "A repeated member name is refused or the last one counts.", shapes<kDuplicate>),
    behaviour("P-JSON-08", "4.1", L::kOurs, B, "The lenient forms of the RFC's own examples are accepted."),

    // Version and request object
    message("P-VER-01", "3.2.1", L::kMust, P, "A request carries version.", checks::ver_01),
    message("P-VER-02", "3.2.1", L::kMust, T, "A response carries version, on failure too.", checks::ver_02),
    with(message("P-VER-03", "3.2.1", L::kGrammar, B, "The version is 1.", checks::ver_03), Severity::kWarn),
    behaviour("P-VER-04", "4.3", L::kMust, T, "A version that is not supported gets error 02."),
    message("P-VER-05", "4.3", L::kMust, T, "An answer with error 02 has neither peer_addr nor swarm_result.", checks::ver_05),
    behaviour("P-VER-06", "3.2.1, 8.2", L::kOurs, T, "A version outside 0..255 or no integer gets error 01."),
    message("P-REQ-01", "3.3.3", L::kMust, P, "A request is a request object.", checks::req_01),
    message("P-REQ-02", "3.3.3", L::kGrammar, P, "request_type is present.", claims_in<kRequestType, kRoot, kMissing>),
    message("P-REQ-03", "3.3.1", L::kGrammar, P, "request_type is CONNECT, FIND or STAT_REPORT.", claims<kRequestType, kUnknownValue>),
    message("P-REQ-04", "7.2", L::kGrammar, B, "request_type is case-sensitive.", checks::req_04),
    message("P-REQ-05", "4.1.1", L::kMust, P, "transaction_id is present.", checks::req_05),
    message("P-REQ-06", "3.3.3", L::kGrammar, P, "peer_id is present.", checks::req_06),
    message("P-REQ-07", "3.3.3", L::kMust, P, "The request data matches request_type.", checks::req_07),
    behaviour("P-REQ-08", "4.3", L::kMust, T, "A request without peer_id, transaction_id or request_type gets error 01."),
    behaviour("P-REQ-09", "3.3.3, 4.3", L::kMust, T, "Request data of another type than request_type gets error 01."),
    behaviour("P-REQ-10", "4.3", L::kMust, T, "An unknown request_type gets error 01."),
    session("P-REQ-11", "1.2.2", L::kMust, P, "A peer ID is unique in the system.", checks::req_11),
    session("P-REQ-12", "1.1, 4.3", L::kGrammar, P, "Different requests in flight have different transaction IDs.", checks::req_12),

    // Addresses and peer selection
    message("P-ADDR-01", "3.2.4", L::kGrammar, B, "ip_address has address_type and address.", checks::addr_01),
    with(message("P-ADDR-02", "3.2.4", L::kGrammar, B, "An ipv4 address is in the dotted form of RFC 3986.", checks::addr_02), Severity::kWarn),
    with(message("P-ADDR-03", "3.2.4", L::kGrammar, B, "An ipv6 address is in the canonical form of RFC 5952.", checks::addr_03), Severity::kWarn),
    message("P-ADDR-04", "3.2.4", L::kGrammar, B, "port is present and within 0..65535.", claims<kPort, kMissing, kWrongType, kOutOfRange, kNotInteger>),
    message("P-ADDR-05", "3.2.4", L::kGrammar, B, "priority is present, an integer.", claims<kPriority, kMissing, kWrongType, kNotInteger>),
    message("P-ADDR-06", "3.2.4", L::kGrammar, B, "type is HOST, REFLEXIVE or PROXY.", checks::addr_06),
    message("P-ADDR-07", "3.2.4", L::kGrammar, B, "connection, if present, is wired or wireless.", claims<kConnection, kUnknownValue, kWrongType>),
    message("P-ADDR-08", "3.2.4", L::kGrammar, B, "asn, if present, is decimal text.", checks::addr_08),
    message("P-ADDR-09", "3.2.4", L::kGrammar, B, "peer_protocol, if present, is a string.", claims<kPeerProtocol, kWrongType>),
    behaviour("P-ADDR-10", "4.1.1", L::kMay, P, "A CONNECT may carry several peer_addr entries, one per interface."),
    info(behaviour("P-ADDR-11", "3.2.4", L::kGrammar, T, "A larger priority is preferred.")),
    behaviour("P-ADDR-12", "3.2.4", L::kOurs, T, "An address_type that does not fit the address text gets error 01."),
    behaviour("P-ADDR-13", "3.2.4", L::kOurs, T, "A port below 0 or above 65535 gets error 01."),
    message("P-PNUM-01", "3.2.2", L::kGrammar, P, "peer_num has peer_count.", claims<kPeerCount, kMissing, kWrongType, kNotInteger>),
    message("P-PNUM-02", "3.2.2", L::kShould, P, "peer_count is below 30.", checks::pnum_02),
    exchange("P-PNUM-03", "3.2.2", L::kGrammar, T, "No list holds more peers than peer_count.", checks::pnum_03),
    message("P-PNUM-04", "3.2.2", L::kGrammar, P, "ability_nat is NO_NAT, STUN or TURN.", claims<kAbilityNat, kUnknownValue, kWrongType>),
    message("P-PNUM-05", "3.2.2", L::kGrammar, P, "concurrent_links is a number.", claims_in<kConcurrentLinks, kPeerNum, kWrongType, kNotInteger, kOutOfRange>),
    message("P-PNUM-06", "3.2.2", L::kGrammar, P, "online_time is a number of seconds.", claims<kOnlineTime, kWrongType, kNotInteger, kOutOfRange>),
    message("P-PNUM-07", "3.2.2", L::kGrammar, P, "upload_bandwidth, under this name, is a number of kbit/s.", checks::pnum_07),
    info(behaviour("P-PNUM-08", "4.1.1, 4.1.2", L::kMay, T, "Without peer_num a random sample may be given.")),
    behaviour("P-PNUM-09", "3.2.2", L::kOurs, T, "A peer_count of 30 or more is clipped to 29, not refused."),
    behaviour("P-PNUM-10", "3.2.2", L::kOurs, T, "A peer_count of 0 gives success without a list."),

    // CONNECT
    message("P-CONN-01", "4.1.1", L::kMust, P, "A connect object comes with request_type CONNECT.", checks::conn_01),
    message("P-CONN-02", "4.1.1", L::kMust, P, "A CONNECT has a transaction_id.", checks::conn_02),
    message("P-CONN-03", "4.1.1", L::kMust, P, "A CONNECT has a peer_id.", checks::conn_03),
    message("P-CONN-04", "4.1.1", L::kMust, P, "A CONNECT names the swarms of interest.", checks::conn_04),
    message("P-CONN-05", "3.2.3", L::kGrammar, P, "action is JOIN or LEAVE.", claims<kAction, kMissing, kUnknownValue, kWrongType>),
    message("P-CONN-06", "3.2.3", L::kGrammar, P, "peer_mode is SEEDER or LEECH.", claims<kPeerMode, kMissing, kUnknownValue, kWrongType>),
    message("P-CONN-07", "4.1.1", L::kMust, P, "Every swarm action states the peer's mode in that swarm.", checks::conn_07),
    behaviour("P-CONN-08", "4.1.1", L::kShould, P, "A peer that has the whole content joins as SEEDER when it starts."),
    behaviour("P-CONN-09", "4.1.1", L::kShould, P, "A peer that wants content joins as LEECH when it starts."),
    behaviour("P-CONN-10", "4.1.1", L::kShould, P, "A swarm is left with action LEAVE, whatever the mode."),
    behaviour("P-CONN-11", "4.1.1", L::kMust, T, "The answer to a LEECH's JOIN lists peers with ID and address when there are any."),
    behaviour("P-CONN-12", "4.1.1", L::kGrammar, T, "A SEEDER that sends peer_num gets a list too."),
    behaviour("P-CONN-13", "4.1.1", L::kGrammar, T, "A SEEDER that joined is found by others."),
    behaviour("P-CONN-14", "4.1.1", L::kGrammar, T, "All JOINs of one SEEDER take effect."),
    behaviour("P-CONN-15", "4.1.1", L::kGrammar, T, "The first CONNECT of a LEECH with JOIN succeeds."),
    behaviour("P-CONN-16", "4.1.1, 2.3.2", L::kGrammar, T, "A first CONNECT with LEAVE only fails and leaves no registration."),
    behaviour("P-CONN-17", "4.1.1", L::kGrammar, T, "LEAVE of the only swarm succeeds and ends the registration."),
    behaviour("P-CONN-18", "4.1.1", L::kGrammar, T, "JOIN and LEAVE in the first CONNECT are invalid."),
    behaviour("P-CONN-19", "4.1.1", L::kGrammar, T, "JOIN and LEAVE of a tracked peer succeed: a channel switch."),
    info(behaviour("P-CONN-20", "4.1.1", L::kGrammar, T, "JOIN of a tracked SEEDER is invalid.")),
    behaviour("P-CONN-21", "4.1.1", L::kGrammar, T, "A SEEDER that leaves all its swarms is no longer registered."),
    session("P-CONN-22", "2.2, 2.3.2", L::kGrammar, T, "A peer that left a swarm is not in its lists.", checks::conn_22),
    message("P-CONN-23", "2.2", L::kGrammar, T, "A peer has one registration and is listed once.", checks::conn_23),
    info(behaviour("P-CONN-24", "4.1.1", L::kMay, T, "A response may carry the requester's public address.")),
    exchange("P-CONN-25", "4.1.1", L::kShouldNot, T, "No peer_addr in the response to a peer that uses STUN or TURN.", checks::conn_25),
    info(behaviour("P-CONN-26", "4.1.1", L::kMay, T, "The tracker may add asn to addresses.")),
    info(exchange("P-CONN-27", "4.1.2.1", L::kOurs, T, "The requester is not in its own list.", checks::conn_27)),
    behaviour("P-CONN-28", "3.3.3, 4.3", L::kMust, T, "A missing or empty swarm_action gets error 01."),
    behaviour("P-CONN-29", "4.3", L::kMust, T, "An unknown action or peer_mode gets error 01."),
    behaviour("P-CONN-30", "2.3.2", L::kOurs, T, "Valid and invalid actions together: success, with a result per swarm."),
    behaviour("P-CONN-31", "4.1.1", L::kOurs, T, "JOIN without peer_addr registers the source address as REFLEXIVE."),
    behaviour("P-CONN-32", "4.1.1", L::kGrammar, T, "Authentication comes before the swarm actions."),

    // FIND
    message("P-FIND-01", "3.3.3", L::kGrammar, P, "find has swarm_id.", checks::find_01),
    behaviour("P-FIND-02", "4.1.2", L::kMay, P, "FIND may carry peer_num."),
    exchange("P-FIND-03", "4.1.2", L::kMust, T, "A successful answer to FIND lists peers with ID and address.", checks::find_03),
    exchange("P-FIND-04", "3.3.4", L::kGrammar, T, "The answer is about the swarm that was asked for.", checks::find_04),
    behaviour("P-FIND-05", "2.2", L::kGrammar, T, "Only peers active in the swarm are listed."),
    behaviour("P-FIND-06", "2.3.1", L::kGrammar, T, "FIND restarts the track timer."),
    behaviour("P-FIND-07", "2.3.2", L::kGrammar, T, "FIND for an invalid swarm gets an error and keeps the registration."),
    behaviour("P-FIND-08", "2.3.2", L::kGrammar, T, "FIND of an unregistered peer gets error 06 or 03."),
    behaviour("P-FIND-09", "4.3", L::kMust, T, "FIND without swarm_id gets error 01."),
    info(behaviour("P-FIND-10", "4.1.2", L::kMay, T, "The answer may carry the requester's public address.")),
    info(behaviour("P-FIND-11", "4.1.2, 3.2.4", L::kOurs, T, "A swarm without other peers gives success with no list, or the asker alone.")),
    info(behaviour("P-FIND-12", "2.2", L::kOurs, T, "FIND for a swarm that the peer has not joined gets error 03.")),

    // STAT_REPORT
    behaviour("P-STAT-01", "2.2", L::kMust, P, "STAT_REPORT is sent periodically while the peer is active."),
    message("P-STAT-02", "4.1.3", L::kMust, P, "A STAT_REPORT has request_type, peer_id and transaction_id.", checks::stat_02),
    message("P-STAT-03", "3.2.5", L::kGrammar, P, "The statistics type is STREAM_STATS.", claims_in<kStatType, kStatReport, kMissing, kUnknownValue, kWrongType>),
    message("P-STAT-04", "3.2.5", L::kGrammar, P, "Every stat element has its five members, with numbers.", checks::stat_04),
    with(message("P-STAT-05", "3.2.5", L::kGrammar, P, "The list of statistics is named stat.", claims<kStat, kMisnamed>), Severity::kNote),
    behaviour("P-STAT-06", "3.2.5, 4.1.3", L::kMay, P, "One report may carry several stat elements."),
    behaviour("P-STAT-07", "4.1.3", L::kGrammar, T, "A report without statistics is a keep-alive and succeeds."),
    behaviour("P-STAT-08", "4.1.3", L::kGrammar, T, "A valid report succeeds."),
    exchange("P-STAT-09", "4.1.3", L::kMust, T, "The answer has the report's transaction_id.", checks::stat_09),
    exchange("P-STAT-10", "3.3.4", L::kShouldNot, T, "The answer to a report carries no peer list.", checks::stat_10),
    behaviour("P-STAT-11", "2.3.1", L::kGrammar, T, "A report restarts the track timer."),
    behaviour("P-STAT-12", "2.3.2", L::kGrammar, T, "A report for an invalid swarm gets an error and keeps the registration."),
    behaviour("P-STAT-13", "2.3.2", L::kGrammar, T, "A report of an unregistered peer gets error 06 or 03."),
    info(session("P-STAT-14", "3.2.5", L::kGrammar, P, "Byte counters do not fall within a session of a swarm.", checks::stat_14)),
    behaviour("P-STAT-15", "3.2.5, 4.4", L::kOurs, T, "An unknown statistics type is accepted and ignored."),

    // Responses and errors
    message("P-RESP-01", "3.3.2, 3.3.4", L::kGrammar, T, "response_type is present, 0 or 1.", claims_in<kResponseType, kRoot, kMissing, kWrongType, kOutOfRange, kNotInteger>),
    message("P-RESP-02", "3.3.4", L::kGrammar, T, "error_code is present, a number.", claims_in<kErrorCode, kRoot, kMissing, kWrongType, kQuotedNumber, kNotInteger>),
    message("P-RESP-03", "3.3.4", L::kMust, T, "error_code is 0 when response_type is 0.", checks::resp_03),
    message("P-RESP-04", "4.3", L::kMust, T, "response_type is 1 when error_code is not 0.", checks::resp_04),
    exchange("P-RESP-05", "4.1.1, 4.2", L::kMust, T, "transaction_id is that of the request, on success and failure.", checks::resp_05),
    exchange("P-RESP-06", "3.3.4", L::kShould, T, "A successful answer has swarm_result.", checks::resp_06),
    message("P-RESP-07", "3.3.4", L::kShouldNot, T, "No swarm_result with error_code 1.", checks::resp_07),
    message("P-RESP-08", "3.3.4", L::kGrammar, T, "swarm_result has swarm_id and result.", checks::resp_08),
    message("P-RESP-09", "3.3.4", L::kShouldNot, T, "No peer list with result 1.", checks::resp_09),
    message("P-RESP-10", "3.2.4", L::kGrammar, T, "A peer list holds at least one peer.", checks::resp_10),
    message("P-RESP-11", "3.2.4", L::kGrammar, T, "peer_info has peer_id and one peer_addr.", checks::resp_11),
    with(message("P-RESP-12", "4.2", L::kShould, T, "A failed answer carries a fitting error_code.", checks::resp_12), Severity::kError),
    message("P-RESP-13", "8.4", L::kGrammar, T, "error_code is one of 0 to 6.", claims<kErrorCode, kOutOfRange>),
    behaviour("P-ERR-01", "4.3", L::kMust, T, "A malformed message gets error 01."),
    message("P-ERR-02", "4.3", L::kMust, T, "An answer with error 01 has neither peer_addr nor swarm_result.", checks::err_02),
    message("P-ERR-03", "4.3", L::kMust, T, "A request not allowed in the state gets error 03, without peer_addr and swarm_result.", checks::err_03),
    // No message provokes an internal error of somebody else's tracker; the reference tracker's own tests inject one.
    message("P-ERR-04", "4.3", L::kShould, T, "An unexpected condition gets error 04, without peer_addr and swarm_result.", checks::err_04),
    message("P-ERR-05", "4.3", L::kShould, T, "An overloaded tracker answers error 05, without peer_addr and swarm_result.", checks::err_05),
    message("P-ERR-06", "4.3", L::kShould, T, "A request without needed credentials gets error 06, without peer_addr and swarm_result.", checks::err_06),
    behaviour("P-ERR-07", "4.3", L::kMust, P, "After an invalid response the identical request is repeated with the same transaction_id."),
    session("P-ERR-08", "4.3", L::kGrammar, P, "A transaction_id is used again for identical content only.", checks::err_08),
    behaviour("P-ERR-09", "4.3", L::kMust, T, "A repeated transaction_id is handled: both are answered, the state stays."),
    info(behaviour("P-ERR-10", "4.3", L::kOurs, T, "The error answer to an unparsable request has transaction_id \"\".")),

    // State machine
    behaviour("P-FSM-01", "2.3.1", L::kGrammar, T, "A new peer ID in CONNECT creates a registration."),
    behaviour("P-FSM-02", "2.3.2", L::kGrammar, T, "When the track timer expires the peer is removed from all its swarms."),
    behaviour("P-FSM-03", "2.3.2", L::kGrammar, T, "After expiry FIND and STAT_REPORT are those of an unregistered peer."),
    behaviour("P-FSM-04", "2.3", L::kGrammar, T, "After expiry a CONNECT registers anew."),
    behaviour("P-FSM-05", "2.3.1", L::kGrammar, T, "A valid CONNECT of a tracked peer restarts the track timer."),
    behaviour("P-FSM-06", "2.3.2", L::kGrammar, T, "A new peer's CONNECT with only invalid actions leaves no registration."),
    behaviour("P-FSM-07", "2.3.2", L::kGrammar, T, "A tracked peer's CONNECT with invalid actions keeps the registration."),
    behaviour("P-FSM-08", "2.3.2", L::kGrammar, T, "An invalid peer ID in CONNECT gets error 06 or 03 and no registration."),
    behaviour("P-FSM-09", "2.3", L::kGrammar, T, "After the last peer left the tracker accepts new peers."),
    behaviour("P-FSM-10", "2.3", L::kGrammar, T, "Registrations of different peer IDs are independent."),
    unchecked("P-FSM-11", "2.3.1", L::kOurs, T, "The init timer bounds the time in PEER REGISTERED.",
              "PEER REGISTERED is transient: from outside it cannot be held open, so the timer cannot be seen. The reference tracker's own tests cover it."),
    behaviour("P-FSM-12", "1.2.1", L::kGrammar, P, "A peer connects again after a disconnection to resume."),

    // Extensions and registries
    unchecked("P-EXT-01", "7", L::kMustNot, B, "An extension does not alter the existing schema.",
              "Binds those who write extensions; messages of one implementation do not show what the schema was before."),
    message("P-EXT-02", "7.2", L::kShould, B, "New method names are all capitals and shorter than 16 characters.", checks::ext_02),
    behaviour("P-EXT-03", "7.2", L::kMust, B, "An extension is backward compatible."),
    message("P-EXT-04", "8.3", L::kGrammar, B, "Version 1 uses registered request types only.", checks::ext_04),
    message("P-EXT-05", "8.4", L::kGrammar, T, "Version 1 uses registered error codes only.", claims<kErrorCode, kOutOfRange>),
};
// clang-format on

}  // namespace

std::span<const Requirement> requirements() {
  return kRows;
}

}  // namespace peerscope::ppstp
