// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/ppstp/tracker.h"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "protocols/base/json_archive.h"
#include "reference-impl/net/log.h"
#include "reference-impl/ppstp/judge.h"

namespace peerscope::ppstp {
namespace {

using D = TrackerDefect;

// Registrations that one step of the sweep looks at: well under a millisecond, so that requests never wait for it.
constexpr std::size_t kSweepSlice = 256;

// Answers are put together from texts; names and order come from the message's description all the same.
std::string member(const Field& field, std::string_view value = {}) {
  return json_quote(field.name) + ":" + std::string(value);
}

struct Pieces {
  std::string success = "{" + member(kRoot) + "{" + member(kVersion, "1") + "," + member(kResponseType, "0") + "," +
                        member(kErrorCode, "0") + "," + member(kTransactionId);
  std::string peer_addr = "," + member(kPeerAddr);
  std::string results = "," + member(kSwarmResult, "[");
  std::string result = "{" + member(kSwarmId);
  std::string result_ok = "," + member(kResult, "0");
  std::string result_failed = "," + member(kResult, "1");
  std::string list = "," + member(kPeerGroup, "{") + member(kPeerInfo, "[");
};
const Pieces& pieces() {
  static const Pieces kPieces;
  return kPieces;
}

std::string_view media_type_of(const net::HttpRequest& request) {
  std::string_view type = request.headers.get("Content-Type");
  type = type.substr(0, type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  return type;
}

int status_of(ErrorCode code, bool mapping) {
  if (code == kAuthenticationRequired) return 401;  // in both, or HTTP authentication would not work
  if (!mapping) return 200;
  switch (code) {
    case kNoError:
      return 200;
    case kBadRequest:
    case kUnsupportedVersion:
      return 400;
    case kForbiddenAction:
      return 403;
    case kServiceUnavailable:
      return 503;
    default:
      return 500;
  }
}

// P-CONN-25: who gathers candidates with STUN or TURN knows its public address.
bool uses_stun(const Connect& connect) {
  if (connect.peer_num && connect.peer_num->ability_nat && *connect.peer_num->ability_nat != kNatAbilities[0])
    return true;
  return std::any_of(connect.peer_addr.begin(), connect.peer_addr.end(),
                     [](const PeerAddr& addr) { return addr.type && *addr.type != kAddrTypes[kHost]; });
}

std::uint32_t narrow(std::int64_t value) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(value, 0, 0xffffffff));
}

bool is_join(const SwarmAction& action) {
  return action.action != kLeave;
}
bool is_seeder(const SwarmAction& action) {
  return action.peer_mode == kSeeder;
}

RegistryOptions with_defects(RegistryOptions options, const TrackerDefects& defects) {
  options.expire = !defects.has(D::kNoExpiry);
  return options;
}

}  // namespace

Tracker::Tracker(net::Clock& clock, TrackerOptions options, std::unique_ptr<Access> access)
    : clock_(clock),
      options_(std::move(options)),
      access_(std::move(access)),
      registry_(clock, with_defects(options_.registry, options_.defects), options_.seed),
      answers_(clock, registry_, options_.answers),
      tokens_(options_.max_rate),
      tokens_at_(clock.now()) {
  std::mt19937_64 random(options_.seed ^ 0x9e3779b97f4a7c15ULL);
  key_.k0 = random();
  key_.k1 = random();
}

Tracker::~Tracker() {
  clock_.cancel(timer_);
}

net::Reply Tracker::handle(const net::HttpRequest& request, const net::ConnectionInfo& connection) {
  std::variant<net::Reply, Accepted> outcome = begin(request, connection);
  if (auto* reply = std::get_if<net::Reply>(&outcome)) return std::move(*reply);
  return finish(std::get<Accepted>(outcome));
}

std::variant<net::Reply, Accepted> Tracker::begin(const net::HttpRequest& request,
                                                  const net::ConnectionInfo& connection) {
  ++stats_.requests;
  std::variant<net::Reply, Accepted> outcome;
  last_code_ = kNoError;
  try {
    std::optional<net::Reply> distorted;
    if (options_.defects.any()) distorted = distort_request(request, connection);
    if (distorted) {
      outcome = std::move(*distorted);
    } else {
      outcome = serve(request, connection);
    }
  } catch (const std::exception& problem) {
    // Only the standard library throws here, when memory is short.
    net::log_error("tracker", "request failed", {{"reason", problem.what()}});
    outcome = fail(kInternalServerError);
  }
  auto* reply = std::get_if<net::Reply>(&outcome);
  if (reply != nullptr && options_.defects.any()) distort_reply(request.method == "POST", last_code_, *reply);
  arm();
  return outcome;
}

void Tracker::keep(Accepted& accepted) {
  if (!accepted.message) accepted.message = std::exchange(message_, std::make_unique<Message>());
}

net::Reply Tracker::finish(const Accepted& accepted, const Contribution& others) {
  last_code_ = kNoError;
  net::Reply reply;
  try {
    reply = answer(accepted, others);
  } catch (const std::exception& problem) {
    net::log_error("tracker", "answer failed", {{"reason", problem.what()}});
    reply = fail_with(kInternalServerError, accepted.transaction_id);
  }
  if (options_.defects.any()) distort_reply(true, last_code_, reply);
  arm();
  return reply;
}

net::Reply Tracker::refuse(const net::HttpRequest& request, ErrorCode code) {
  ++stats_.requests;
  message_->clear();
  decode(request.body, *message_);
  return fail(code);
}

std::variant<net::Reply, Accepted> Tracker::serve(const net::HttpRequest& request,
                                                  const net::ConnectionInfo& connection) {
  message_->clear();
  if (request.method != "POST" && !defect(D::kAcceptsGet)) return refuse_http(405, request);
  if (!net::iequals(media_type_of(request), kMediaType) && !defect(D::kAcceptsAnyMediaType))
    return refuse_http(415, request);
  if (request.headers.contains("Content-Encoding")) return refuse_http(415, request);

  const auto read = [&] { decode(request.body, *message_); };
  if (!admit()) {
    read();
    return fail(kServiceUnavailable);
  }
  if (options_.fail_every != 0 && stats_.requests % options_.fail_every == 0) {
    read();
    return fail(kInternalServerError);
  }
  std::uint64_t owner = 0;
  net::AuthResult grant;
  if (access_) {
    grant = access_->check(request);
    if (!grant.ok() && !defect(D::kAuthAfterActions)) {
      read();
      return fail(kAuthenticationRequired, &grant.challenges);
    }
    owner = siphash(key_, grant.user) | 1;
  }
  // The same user with the same content: section 4.3's repeated request.
  const Hash128 content = siphash128({key_.k0 ^ owner, key_.k1}, request.body);
  PeerIndex peer = kNone;
  if (auto known = defect(D::kRepeatAsNew) ? nullptr : answers_.find(content, peer)) {
    ++stats_.repeats;
    if (peer != kNone) registry_.touch(peer);
    return succeed(std::move(known));
  }

  read();
  if (const ErrorCode code = judge(*message_, options_.defects); code != kNoError) {
    if (!(code == kBadRequest && defect(D::kSuccessOnGarbage))) return fail(code);
    std::string body;
    begin_success(body, transaction_id_of(*message_));
    return succeed(std::make_shared<const std::string>(distort_answer(body + "}}", kNoError)));
  }
  if (access_) {
    if (!grant.ok()) return fail(kAuthenticationRequired, &grant.challenges);
    if (!access_->may_use(grant.user, request_of(*message_)->peer_id.value_or("")))
      return fail(kAuthenticationRequired);
  }
  Step step = dispatch(*request_of(*message_), connection, owner, content.high);
  if (const ErrorCode* code = std::get_if<ErrorCode>(&step)) return fail(*code);
  std::get<Accepted>(step).content = content;
  return std::get<Accepted>(std::move(step));
}

// The answer to a request that did what it asked for, as far as the others agree.
net::Reply Tracker::answer(const Accepted& accepted, const Contribution& others) {
  const bool gone = accepted.peer != kNone && !registry_.is_current(accepted.peer, accepted.epoch);
  if (gone) return fail_with(kServiceUnavailable, accepted.transaction_id);
  bool any = others.failed.empty();
  for (std::size_t i = 0; i < accepted.results.size() && !others.failed.empty(); ++i) {
    any = any || (accepted.results[i].ok && !others.failed[i]);
    if (others.failed[i] || others.error != kNoError) undo(accepted, accepted.results[i]);
  }
  const auto drop_if_empty = [&] {
    if (!accepted.is_connect || defect(D::kLeaveKeepsRegistration)) return false;
    if (!registry_[accepted.peer].memberships.empty()) return false;
    registry_.remove(accepted.peer);  // V3, V8
    return true;
  };
  if (others.error != kNoError || !any) {
    drop_if_empty();
    return fail_with(others.error != kNoError ? others.error : kServiceUnavailable, accepted.transaction_id);
  }
  std::string body;
  begin_success(body, accepted.transaction_id);
  if (accepted.seen) {
    PeerAddr addr = *accepted.seen;
    body += pieces().peer_addr;
    body.push_back('{');
    JsonWriter writer(body);
    describe(writer, addr);
    body.push_back('}');
  }
  append_results(body, accepted, others);
  if (accepted.is_connect && options_.report_interval)
    body += "," + json_quote(kReportInterval) + ":" + std::to_string(*options_.report_interval);
  body += "}}";
  const bool ended = drop_if_empty();
  if (!accepted.plain) ++stats_.codes[kNoError];
  if (options_.defects.any()) body = distort_answer(body, kNoError);
  auto shared = std::make_shared<const std::string>(std::move(body));
  if (accepted.peer != kNone && !ended) {
    answers_.keep(accepted.content, accepted.peer, shared);
  } else if (!accepted.peer_id.empty()) {
    answers_.keep_last(accepted.content, std::string(accepted.peer_id), shared);
  }
  return succeed(std::move(shared));
}

void Tracker::undo(const Accepted& accepted, const SwarmOutcome& result) {
  using Change = SwarmOutcome::Change;
  if (result.change == Change::kJoined) registry_.leave(accepted.peer, result.swarm_id);
  if (result.change == Change::kLeft) registry_.join(accepted.peer, result.swarm_id, result.seeder);
}

// HTTP's own refusals carry an error 01 as body, so that a peer that looks there only is told as well.
net::Reply Tracker::refuse_http(int status, const net::HttpRequest& request) {
  ++stats_.http_refused;
  if (request.method == "POST") decode(request.body, *message_);
  net::Reply reply = fail(kBadRequest);
  reply.response.status = status;
  if (status == 405) reply.response.headers.add("Allow", "POST");
  if (status == 415) reply.response.headers.add("Accept-Post", kMediaType);
  return reply;
}

net::Reply Tracker::fail(ErrorCode code, const std::vector<std::string>* challenges) {
  return fail_with(code, transaction_id_of(*message_), challenges);
}

net::Reply Tracker::fail_with(ErrorCode code, std::string_view transaction_id,
                              const std::vector<std::string>* challenges) {
  ++stats_.codes[static_cast<std::size_t>(code)];
  last_code_ = code;
  // "Empty message body" of section 4.3: no peer_addr and no swarm_result.
  Response response;
  response.version = kVersion1;
  response.response_type = kFailed;
  response.error_code = code;
  response.transaction_id = std::string(transaction_id);
  net::Reply reply;
  reply.response.status = status_of(code, options_.http_status_mapping);
  reply.response.headers.add("Content-Type", kMediaType);
  if (code == kServiceUnavailable)
    reply.response.headers.add("Retry-After", std::to_string(options_.retry_after_seconds));
  if (code == kAuthenticationRequired && access_) {
    for (const std::string& challenge : challenges != nullptr ? *challenges : access_->challenges()) {
      reply.response.headers.add("WWW-Authenticate", challenge);
    }
  }
  reply.response.body = encode(std::move(response));
  if (options_.defects.any()) reply.response.body = distort_answer(reply.response.body, code);
  return reply;
}

net::Reply Tracker::succeed(std::shared_ptr<const std::string> body) const {
  net::Reply reply;
  reply.response.headers.add("Content-Type", kMediaType);
  reply.shared_body = std::move(body);
  return reply;
}

// A token bucket that holds one second's worth.
bool Tracker::admit() {
  if (options_.max_rate <= 0) return true;
  const net::SteadyTime now = clock_.now();
  const double seconds = std::chrono::duration<double>(now - tokens_at_).count();
  tokens_ = std::min(std::max(options_.max_rate, 1.0), tokens_ + seconds * options_.max_rate);
  tokens_at_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

Accepted Tracker::accept(const Request& request, PeerIndex peer) {
  Accepted accepted;
  accepted.request = &request;
  if (request.transaction_id) accepted.transaction_id = *request.transaction_id;
  if (request.peer_id) accepted.peer_id = *request.peer_id;
  accepted.peer = peer;
  if (peer != kNone) accepted.epoch = registry_[peer].epoch;
  return accepted;
}

Tracker::Step Tracker::dispatch(const Request& request, const net::ConnectionInfo& connection, std::uint64_t owner,
                                std::uint64_t content) {
  const std::string_view type = request_type_of(request, options_.defects);
  const bool known = std::find(kRequestTypes.begin(), kRequestTypes.end(), type) != kRequestTypes.end();
  if (!known || !request.peer_id) {  // with defects only
    Accepted accepted = accept(request, kNone);
    accepted.plain = true;
    return accepted;
  }
  if (type == kRequestConnect) {
    ++stats_.connects;
    return connect(request, connection, owner, content);
  }
  const bool is_find = type == kRequestFind;
  ++(is_find ? stats_.finds : stats_.reports);
  const PeerIndex peer = registry_.find(*request.peer_id);
  if (peer == kNone && !defect(is_find ? D::kUnregisteredFindOk : D::kUnregisteredStatOk)) return unregistered();
  if (peer != kNone && registry_[peer].owner != owner) return unregistered();
  return is_find ? find(request, peer) : report(request, peer);
}

// Section 4.1.1. Validity is that of table 6: a fresh peer may JOIN only; in TRACKING a LEAVE needs a membership and a
// SEEDER does not JOIN. What the table leaves out: a LEECH may join further swarms, and the registration ends with the
// last membership.
Tracker::Step Tracker::connect(const Request& request, const net::ConnectionInfo& connection, std::uint64_t owner,
                               std::uint64_t content) {
  static const Connect kNothing;
  const Connect& asked = request.connect ? *request.connect : kNothing;
  const std::string& id = *request.peer_id;
  PeerIndex peer = registry_.find(id);
  const bool fresh = peer == kNone;
  if (fresh) {
    if (defect(D::kRefusesReturning) && !seen_.insert(id).second) return kForbiddenAction;
    if (defect(D::kStaysTerminated) && stats_.codes[kNoError] != 0 && registry_.peers() == 0)
      return kServiceUnavailable;
    peer = registry_.add(id);
    if (peer == kNone) return kServiceUnavailable;
    registry_[peer].owner = owner;
  } else if (registry_[peer].owner != owner) {
    return unregistered();  // somebody else's peer ID: 2.3.2 B
  }
  // The answer to it is no longer kept, but it is the CONNECT that this registration came from or did last.
  const bool repeat = !fresh && registry_[peer].last_connect == content && !defect(D::kRepeatAsNew);

  const auto& actions = asked.swarm_action;
  const bool joins = std::any_of(actions.begin(), actions.end(), is_join);
  const bool leaves = !std::all_of(actions.begin(), actions.end(), is_join);
  bool all_invalid = fresh && leaves && !defect(joins ? D::kJoinAndLeaveFirst : D::kLeaveInFirstConnect);  // V2, V4
  if (!fresh && joins && leaves && defect(D::kSwitchRefused)) all_invalid = true;
  Accepted accepted = accept(request, peer);
  accepted.is_connect = true;
  std::size_t good = 0;
  for (const SwarmAction& action : actions) {
    if (defect(D::kOnlyFirstAction) && !accepted.results.empty()) break;
    SwarmOutcome outcome{.swarm_id = *action.swarm_id, .seeder = is_seeder(action)};
    outcome.ok = !all_invalid && perform(peer, action, fresh, repeat, outcome);
    good += outcome.ok ? 1 : 0;
    // A LEECH gets a list; a SEEDER when it sends peer_num.
    const bool lists = is_seeder(action) ? asked.peer_num.has_value() && !defect(D::kSeederNeverGetsList)
                                         : !defect(D::kJoinWithoutList);
    outcome.wants_list = outcome.ok && is_join(action) && lists;
    accepted.results.push_back(outcome);
  }
  if (defect(D::kAllOrNothing) && good < actions.size()) good = 0;
  if (good == 0 && !defect(D::kMissingActionsOk)) {
    const bool seeder_joins =
        std::any_of(actions.begin(), actions.end(), [](const SwarmAction& a) { return is_join(a) && is_seeder(a); });
    if (fresh && defect(D::kInvalidConnectRegisters)) {
      for (const SwarmAction& action : actions) registry_.join(peer, *action.swarm_id, is_seeder(action));
      registry_.settle(peer);
    } else if (fresh || (options_.table6_strict && seeder_joins) || defect(D::kForgetsOnInvalidConnect)) {
      registry_.remove(peer);  // T3, or V7 by the letter of table 6
    } else {
      registry_.touch(peer);  // T8
    }
    return kForbiddenAction;
  }

  store_peer(peer, asked, connection, fresh);
  registry_[peer].last_connect = content;
  if (fresh && defect(D::kInitTimerRunsOn)) {
    registry_[peer].state = PeerState::kTracking;
  } else if (fresh) {
    registry_.settle(peer);  // T2
  } else if (!defect(D::kConnectKeepsTimer)) {
    registry_.touch(peer);  // T7
  }
  if (!fresh && defect(D::kDoubleRegistration)) {
    for (const SwarmAction& action : actions) remember_ghost(peer, *action.swarm_id);
  }
  if (defect(D::kListsOtherSwarms)) {
    for (const SwarmAction& action : actions) remember_ghost(peer, *action.swarm_id);
  }

  if (const auto seen = reflexive(connection.remote); seen && (!uses_stun(asked) || defect(D::kRevealsToStun)))
    accepted.seen = to_peer_addr(*seen);
  accepted.wanted = wanted(asked.peer_num);
  return accepted;
}

bool Tracker::perform(PeerIndex peer, const SwarmAction& action, bool fresh, bool repeat, SwarmOutcome& outcome) {
  using Change = SwarmOutcome::Change;
  const std::string& swarm_id = *action.swarm_id;
  if (is_join(action)) {
    if (!fresh && !repeat && is_seeder(action) && !defect(D::kSeederRejoin)) return false;  // V7
    if (!fresh && defect(D::kRepeatAsNew) && registry_.is_member(peer, registry_.find_swarm(swarm_id))) return false;
    const JoinResult joined = registry_.join(peer, swarm_id, is_seeder(action));
    outcome.change = joined == JoinResult::kJoined    ? Change::kJoined
                     : joined == JoinResult::kAlready ? Change::kJoinedAgain
                                                      : Change::kNothing;
    return joined != JoinResult::kLimit;
  }
  // Section 4.1.1: LEAVE has no use for the mode.
  const SwarmIndex swarm = registry_.find_swarm(swarm_id);
  if (!registry_.is_member(peer, swarm))
    return repeat || (fresh && (defect(D::kLeaveInFirstConnect) || defect(D::kJoinAndLeaveFirst)));
  for (const Membership& membership : registry_[peer].memberships) {
    if (membership.swarm == swarm) outcome.seeder = membership.seeder;
  }
  if (defect(D::kLeaveNeedsJoinMode) && outcome.seeder != is_seeder(action)) return false;
  outcome.change = Change::kLeft;
  if (defect(D::kStaleListAfterLeave)) remember_ghost(peer, swarm_id);
  return registry_.leave(peer, swarm_id);
}

void Tracker::store_peer(PeerIndex peer, const Connect& connect, const net::ConnectionInfo& connection, bool fresh) {
  std::vector<Address> addresses;
  for (const PeerAddr& addr : connect.peer_addr) {
    if (auto address = to_address(addr)) addresses.push_back(std::move(*address));
  }
  if (addresses.size() > options_.max_addresses_per_peer) {
    std::stable_sort(addresses.begin(), addresses.end(),
                     [](const Address& a, const Address& b) { return a.priority > b.priority; });
    addresses.resize(options_.max_addresses_per_peer);
  }
  if (addresses.empty() && fresh && !defect(D::kNoSourceAddress)) {
    // P-CONN-31: the source address is all that is known of it.
    if (auto seen = reflexive(connection.remote)) addresses.push_back(std::move(*seen));
  }
  if (!addresses.empty()) registry_.set_addresses(peer, std::move(addresses));
  if (!connect.peer_num) return;
  registry_[peer].abilities = abilities_of(*connect.peer_num, registry_[peer].abilities);
}

// Section 4.1.2.
Tracker::Step Tracker::find(const Request& request, PeerIndex peer) {
  const std::optional<std::string>& asked = find_swarm_id(request);
  const std::string_view swarm_id = asked ? std::string_view(*asked) : std::string_view();
  const std::optional<PeerNum>& peer_num = find_peer_num(request);
  if (defect(D::kFindNeedsPeerNum) && !peer_num) return kBadRequest;
  if (defect(D::kRefusesLargePeerCount) && peer_num && peer_num->peer_count > kMostPeers) return kBadRequest;
  const SwarmIndex swarm = registry_.find_swarm(swarm_id);
  const bool member = peer != kNone && registry_.is_member(peer, swarm);
  if (peer != kNone && !defect(D::kFindKeepsTimer)) registry_.touch(peer);  // T5, T8
  if (!member && peer != kNone && !(swarm_id.empty() && defect(D::kFindMissingSwarmOk))) {
    if (defect(D::kForgetsOnInvalidFind)) registry_.remove(peer);
    return kForbiddenAction;
  }
  Accepted accepted = accept(request, peer);
  accepted.results.push_back({.swarm_id = swarm_id, .ok = true, .wants_list = !defect(D::kFindWithoutList)});
  accepted.wanted = wanted(peer_num);
  return accepted;
}

// Section 4.1.3. Statistics feed the selection: links and spare bandwidth say who can serve one more.
Tracker::Step Tracker::report(const Request& request, PeerIndex peer) {
  if (peer != kNone && !defect(D::kStatKeepsTimer)) registry_.touch(peer);  // T6, T8
  if (defect(D::kReportFails)) return kForbiddenAction;
  const bool statistics = request.stat_report && request.stat_report->type == kStreamStats;
  if (defect(D::kKeepAliveRefused) && !request.stat_report) return kBadRequest;
  if (defect(D::kBatchRefused) && statistics && request.stat_report->stat.size() > 1) return kBadRequest;
  Accepted accepted = accept(request, peer);
  std::size_t good = 0;
  const bool lists = defect(D::kPeerGroupInStat);
  if (statistics) {
    std::int64_t links = 0;
    for (const Stat& stat : request.stat_report->stat) {
      const bool ok = peer == kNone || defect(D::kAnySwarmInStat) ||
                      registry_.is_member(peer, registry_.find_swarm(*stat.swarm_id));
      good += ok ? 1 : 0;
      if (ok) links = std::max(links, stat.concurrent_links.value_or(0));
      accepted.results.push_back({.swarm_id = *stat.swarm_id, .ok = ok, .wants_list = ok && lists});
    }
    if (good == 0) {
      if (defect(D::kForgetsOnInvalidStat)) registry_.remove(peer);
      return kForbiddenAction;
    }
    if (peer != kNone) registry_[peer].abilities.links = narrow(links);
  } else if (peer != kNone) {
    // A keep-alive is about all swarms of the peer.
    for (const Membership& membership : registry_[peer].memberships)
      accepted.results.push_back({.swarm_id = registry_.swarm_id(membership.swarm), .ok = true, .wants_list = lists});
  }
  return accepted;
}

Wanted Tracker::wanted(const std::optional<PeerNum>& peer_num) const {
  if (!peer_num) return {};
  Wanted wanted = wanted_of(*peer_num);
  const std::int64_t asked = peer_num->peer_count.value_or(kMostPeers);
  if (asked == 0 && defect(D::kZeroMeansAll)) wanted.count = kMostPeers;
  if (asked != 0 && defect(D::kListOverPeerCount)) ++wanted.count;
  if (defect(D::kPeerCountIgnored)) wanted.count = 50;
  return wanted;
}

void Tracker::begin_success(std::string& out, std::string_view transaction_id) const {
  out.reserve(512);
  out += pieces().success;
  append_json_quoted(out, transaction_id);
}

void Tracker::append_results(std::string& out, const Accepted& accepted, const Contribution& others) {
  if (accepted.results.empty()) return;
  out += pieces().results;
  for (std::size_t i = 0; i < accepted.results.size(); ++i) {
    const SwarmOutcome& result = accepted.results[i];
    const bool ok = result.ok && (others.failed.empty() || !others.failed[i]);
    if (i != 0) out.push_back(',');
    out += pieces().result;
    append_json_quoted(out, result.swarm_id);
    out += ok ? pieces().result_ok : pieces().result_failed;
    if (ok && result.wants_list) {
      append_list(out, registry_.find_swarm(result.swarm_id), accepted.peer, accepted.wanted,
                  others.members.empty() ? std::span<const ForeignPeer>() : others.members[i]);
    }
    out.push_back('}');
  }
  out.push_back(']');
}

// Without peers there is no peer_group: its grammar (section 3.2.4) wants at least one.
void Tracker::append_list(std::string& out, SwarmIndex swarm, PeerIndex asker, const Wanted& wanted,
                          std::span<const ForeignPeer> foreign) {
  if (!foreign.empty()) {
    registry_.select_with(swarm, asker, wanted, foreign, options_.own_peers_first, listed_);
    bool any = false;
    for (const Listed& one : listed_) {
      if (one.foreign == nullptr && registry_[one.peer].addresses.empty()) continue;
      out += std::exchange(any, true) ? std::string_view(",") : std::string_view(pieces().list);
      out += one.foreign != nullptr ? one.foreign->listing : registry_.listing(one.peer);
    }
    if (any) out += "]}";
    return;
  }
  registry_.select(swarm, asker, wanted, chosen_);
  if (options_.defects.any()) {
    std::vector<std::string> listings;
    for (const PeerIndex peer : chosen_) {
      if (!registry_[peer].addresses.empty()) listings.push_back(registry_.listing(peer));
    }
    distort_list(listings, swarm, asker);
    if (listings.empty() && !defect(D::kEmptyPeerInfo)) return;
    out += pieces().list;
    for (std::size_t i = 0; i < listings.size(); ++i) out.append(i == 0 ? "" : ",").append(listings[i]);
    out += "]}";
    return;
  }
  constexpr std::size_t kUsualListing = 256;
  out.reserve(out.size() + (chosen_.size() + 1) * kUsualListing);
  bool any = false;
  for (const PeerIndex peer : chosen_) {
    if (registry_[peer].addresses.empty()) continue;
    if (!any) {
      out += pieces().list;
    } else {
      out.push_back(',');
    }
    any = true;
    out += registry_.listing(peer);
  }
  if (any) out += "]}";
}

void Tracker::arm() {
  const auto due = timer_ == 0 ? registry_.next_sweep() : std::nullopt;
  if (timer_ != 0 || !due) return;
  timer_ = clock_.schedule(*due - clock_.now(), [this] { sweep(); });
}

void Tracker::sweep() {
  timer_ = 0;
  const std::uint64_t expired = registry_.expired();
  const bool more = registry_.sweep(kSweepSlice);
  if (defect(D::kExpiryRemovesAll) && registry_.expired() != expired) registry_.clear();
  if (more) {
    timer_ = clock_.schedule(net::Duration(0), [this] { sweep(); });
  } else {
    arm();
  }
}

std::string Tracker::metrics() const {
  std::string codes;
  for (std::size_t i = 0; i < kErrorNames.size(); ++i)
    codes += fmt::format("{}\"{:02}\":{}", i == 0 ? "" : ",", i, stats_.codes[i]);
  return fmt::format(
      "{{\"state\":\"{}\",\"registrations\":{},\"swarms\":{},\"expired\":{},\"requests\":{},\"connect\":{},\"find\":{},"
      "\"stat_report\":{},\"repeats\":{},\"http_refused\":{},\"answers\":{{{}}}}}",
      state() == TrackerState::kInit ? "INIT" : "STARTED", registry_.peers(), registry_.swarms(), registry_.expired(),
      stats_.requests, stats_.connects, stats_.finds, stats_.reports, stats_.repeats, stats_.http_refused, codes);
}

}  // namespace peerscope::ppstp
