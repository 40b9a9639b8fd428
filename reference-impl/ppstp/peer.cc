// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/ppstp/peer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "protocols/base/json_archive.h"
#include "reference-impl/ppstp/address.h"
#include "reference-impl/ppstp/tracker.h"

#if defined(__GNUC__) && !defined(__clang__)
// GCC 12 takes the frame allocator of Asio's coroutines for a mismatch once it has inlined half of it.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
#endif

namespace peerscope::ppstp {
namespace {

using D = PeerDefect;
using net::asio::awaitable;

// Why an answer cannot be accepted (section 4.3: the request is then repeated); empty when it can.
std::string problem_of(const net::HttpResponse& http, const Message& message, const std::string& transaction_id) {
  if (!http.headers.get("Content-Type").starts_with(kMediaType))
    return fmt::format("HTTP {} without a PPSTP body", http.status);
  const Response* response = response_of(message);
  if (response == nullptr) return "the body is no PPSTP response";
  for (const Issue& issue : message.issues) {
    switch (issue.shape) {
      case Shape::kMalformed:
      case Shape::kNotUtf8:
      case Shape::kTooDeep:
      case Shape::kTrailing:
      case Shape::kCutShort:
        return explain(issue);
      default:
        break;
    }
  }
  if (response->version != kVersion1) return "version is not 1";
  if (!response->response_type || !response->error_code) return "response_type or error_code is missing";
  if (response->response_type != kSuccessful && response->response_type != kFailed)
    return "response_type is neither 0 nor 1";
  if ((response->response_type == kSuccessful) != (response->error_code == kNoError))
    return "response_type and error_code contradict each other";
  // A tracker that could not parse the request does not know the transaction (our reading of section 4.3).
  const bool unknown = response->error_code == kBadRequest && response->transaction_id == "";
  if (response->transaction_id != transaction_id && !unknown) return "transaction_id is not that of the request";
  return {};
}

std::optional<std::int64_t> interval_in(const Message& message) {
  for (const Event& event : message.events) {
    if (!event.unknown || event.label != kReportInterval) continue;
    std::int64_t seconds = 0;
    for (const char c : event.text) {
      if (c < '0' || c > '9' || seconds > 86400) return std::nullopt;
      seconds = seconds * 10 + (c - '0');
    }
    if (seconds > 0) return seconds;
  }
  return std::nullopt;
}

Override set(std::string raw) {
  return {.kind = Override::Kind::kSet, .raw = std::move(raw)};
}

std::string quoted(std::int64_t number) {
  return "\"" + std::to_string(number) + "\"";
}

void distort_peer_num(const PeerDefects& defects, std::optional<PeerNum>& num, const std::string& path, Overrides& o) {
  const bool wanted = defects.has(D::kPeerCount50) || defects.has(D::kQuotedNumbers) ||
                      defects.has(D::kMissingPeerCount) || defects.has(D::kNatWord) || defects.has(D::kBandwidthLevel);
  if (!wanted) return;
  if (!num) num.emplace();
  if (!num->peer_count) num->peer_count = kMostPeers;
  if (defects.has(D::kPeerCount50)) num->peer_count = 50;
  if (defects.has(D::kQuotedNumbers)) {
    num->concurrent_links = num->concurrent_links.value_or(5);
    num->online_time = num->online_time.value_or(200);
    num->upload_bandwidth = num->upload_bandwidth.value_or(600);
    o[path + ".peer_count"] = set(quoted(*num->peer_count));
    o[path + ".concurrent_links"] = set(quoted(*num->concurrent_links));
    o[path + ".online_time"] = set(quoted(*num->online_time));
    o[path + ".upload_bandwidth"] = set(quoted(*num->upload_bandwidth));
  }
  if (defects.has(D::kMissingPeerCount)) {
    num->peer_count.reset();
    num->ability_nat = num->ability_nat.value_or("NO_NAT");
  }
  if (defects.has(D::kNatWord)) num->ability_nat = "FULL_CONE";
  if (defects.has(D::kBandwidthLevel))
    o[path] = {.kind = Override::Kind::kAdd, .raw = "\"upload_bandwidth_level\":\"HIGH\""};
}

void distort_connect(const PeerDefects& defects, Request& request, Overrides& o) {
  Connect& connect = *request.connect;
  distort_peer_num(defects, connect.peer_num, "connect.peer_num", o);
  for (PeerAddr& addr : connect.peer_addr) {
    if (defects.has(D::kIpv6Uppercase)) {
      for (char& c : *addr.ip_address->address) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    if (defects.has(D::kMissingPriority)) addr.priority.reset();
    if (defects.has(D::kSrflxType)) addr.type = "SRFLX";
  }
  for (SwarmAction& action : connect.swarm_action) {
    if (defects.has(D::kActionEnter) && action.action == kJoin) action.action = "ENTER";
    if (defects.has(D::kSeedMode) && action.peer_mode == kSeeder) action.peer_mode = "SEED";
    if (defects.has(D::kMissingPeerMode)) action.peer_mode.reset();
  }
  if (defects.has(D::kMissingPeerId)) request.peer_id.reset();
  if (defects.has(D::kSingleForList) && !connect.swarm_action.empty()) {
    std::string one = "{";
    JsonWriter writer(one);
    describe(writer, connect.swarm_action.front());
    o["connect.swarm_action"] = set(one + "}");
  }
}

void distort_find(const PeerDefects& defects, Request& request, Overrides& o) {
  distort_peer_num(defects, request.find->peer_num, "find.peer_num", o);
  if (!defects.has(D::kFlatFind)) return;
  // The members of `find` without the object around them.
  std::string inner;
  JsonWriter writer(inner);
  describe(writer, *request.find);
  request.find.reset();
  o[""] = {.kind = Override::Kind::kAdd, .raw = inner};
}

void distort_report(const PeerDefects& defects, Request& request, Overrides& o) {
  StatReport& report = *request.stat_report;
  if (defects.has(D::kStatsType)) report.type = "STATS";
  for (Stat& stat : report.stat) {
    if (defects.has(D::kStatWithoutLinks)) stat.concurrent_links.reset();
  }
  if (!defects.has(D::kStatCapital)) return;
  std::string list;
  for (Stat& stat : report.stat) {
    list += list.empty() ? "{" : ",{";
    JsonWriter writer(list);
    describe(writer, stat);
    list += "}";
  }
  report.stat.clear();
  o["stat_report"] = {.kind = Override::Kind::kAdd, .raw = "\"Stat\":[" + list + "]"};
}

// UTF-8 of U+0080 to U+00FF as one byte each.
std::string to_latin1(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c == 0xc2 || c == 0xc3) && i + 1 < text.size()) {
      out.push_back(static_cast<char>(((c & 3) << 6) | (static_cast<unsigned char>(text[++i]) & 0x3f)));
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

}  // namespace

std::vector<PeerInfo> Outcome::peers() const {
  std::vector<PeerInfo> all;
  for (const SwarmResult& result : response.swarm_result) {
    if (result.peer_group)
      all.insert(all.end(), result.peer_group->peer_info.begin(), result.peer_group->peer_info.end());
  }
  return all;
}

Peer::Peer(net::Clock& clock, net::HttpChannel& channel, PeerOptions options)
    : clock_(clock),
      channel_(channel),
      options_(std::move(options)),
      interval_(options_.report_interval),
      random_(options_.seed) {
  if (defect(D::kSharedPeerId)) options_.peer_id = "peer";
  session_ = fmt::format("{:08x}", static_cast<std::uint32_t>(random_()));
}

std::string Peer::next_transaction_id() {
  if (defect(D::kReusesTransactionId)) return "12345";
  return fmt::format("{}-{}", session_, ++transactions_);
}

Request Peer::begin(std::string_view request_type) {
  Request request;
  request.version = kVersion1;
  request.request_type = std::string(request_type);
  request.transaction_id = next_transaction_id();
  request.peer_id = options_.peer_id;
  return request;
}

Request Peer::make_connect(const std::vector<SwarmIntent>& joins, const std::vector<std::string>& leaves) {
  Request request = begin(kRequestConnect);
  Connect& connect = request.connect.emplace();
  if (!joins.empty()) {
    connect.peer_num = options_.peer_num;
    connect.peer_addr = options_.addresses;
  }
  for (const std::string& swarm_id : leaves) {
    // The grammar wants a mode, which a LEAVE has no use for; ours is that of the JOIN.
    const auto known = joined_.find(swarm_id);
    const bool seeder = known != joined_.end() && known->second.seeder;
    connect.swarm_action.push_back(
        {.swarm_id = swarm_id, .action = std::string(kLeave), .peer_mode = std::string(seeder ? kSeeder : kLeech)});
  }
  for (const SwarmIntent& join : joins) {
    connect.swarm_action.push_back({.swarm_id = join.swarm_id,
                                    .action = std::string(kJoin),
                                    .peer_mode = std::string(join.seeder ? kSeeder : kLeech)});
  }
  return request;
}

std::string Peer::encode_request(Request request) const {
  if (!options_.defects.any()) return encode(std::move(request));
  const PeerDefects& defects = options_.defects;
  Overrides overrides;
  if (request.connect) distort_connect(defects, request, overrides);
  if (request.find) distort_find(defects, request, overrides);
  if (request.stat_report) distort_report(defects, request, overrides);
  if (defects.has(D::kMissingVersion)) request.version.reset();
  if (defects.has(D::kVersionString)) overrides["version"] = set("\"1\"");
  if (defects.has(D::kMissingTransactionId)) request.transaction_id.reset();
  if (defects.has(D::kTransactionIdAsNumber)) overrides["transaction_id"] = set(std::to_string(transactions_));
  if (defects.has(D::kLowerCaseMethod)) {
    for (char& c : *request.request_type) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (defects.has(D::kUnregisteredMethod) && request.request_type == kRequestConnect) request.request_type = "HELLO";
  std::string text;
  JsonWriter(text, &overrides).root(kRoot, request);
  return defects.has(D::kLatin1) ? to_latin1(text) : text;
}

void Peer::authorize(net::HttpRequest& request) {
  if (!options_.token.empty()) request.headers.set("Authorization", "Bearer " + options_.token);
  if (!challenge_ || !options_.digest) return;
  const std::string cnonce = fmt::format("{:016x}", random_());
  request.headers.set("Authorization", net::make_authorization(*challenge_, request.method, request.target,
                                                               *options_.digest, cnonce, ++nonce_count_));
}

// One request over HTTP. A Digest challenge is answered once; that is not a repetition in the sense of section 4.3.
awaitable<net::Result<net::HttpResponse>> Peer::send(const std::string& body, int& attempts) {
  for (int round = 0;; ++round) {
    net::HttpRequest request;
    request.method = defect(D::kUsesGet) ? "GET" : defect(D::kUsesPut) ? "PUT" : "POST";
    request.target = options_.target;
    request.headers.add("Content-Type", defect(D::kContentTypeJson) ? "application/json" : kMediaType);
    request.headers.add("Accept", kMediaType);
    request.body = body;
    const bool answered_challenge = challenge_.has_value();
    authorize(request);
    ++attempts;
    auto response = co_await channel_.send(std::move(request));
    if (!response.ok() || response->status != 401 || !options_.digest || round > 0) co_return response;
    auto challenge = net::choose_challenge(*response);
    if (!challenge.ok()) co_return response;
    // Credentials that were refused with a fresh nonce would be refused again.
    if (answered_challenge && challenge->nonce == challenge_->nonce && !challenge->stale) co_return response;
    challenge_ = std::move(*challenge);
    nonce_count_ = 0;
  }
}

awaitable<Outcome> Peer::exchange(Request request) {
  Outcome outcome;
  std::string body = encode_request(request);
  const std::size_t tries = defect(D::kNoRetry) ? 1 : options_.pauses.size() + 1;
  for (std::size_t number = 0; number < tries; ++number) {
    if (number > 0) {
      co_await clock_.sleep(options_.pauses[number - 1]);
      if (defect(D::kNewTransactionIdOnRetry)) request.transaction_id = next_transaction_id();
      if (defect(D::kChangedRetry)) request.peer_id = options_.peer_id + "-again";
      if (options_.defects.any()) body = encode_request(request);
    }
    const auto http = co_await send(body, outcome.attempts);
    Message message;
    std::string problem;
    if (!http.ok()) {
      problem = fmt::format("{}: {}", net::to_string(http.error().kind), http.error().message);
    } else {
      message.transport.status = http->status;
      message.transport.content_type = kMediaType;
      message.direction = Direction::kResponse;
      decode(http->body, message);
      problem = problem_of(*http, message, request.transaction_id.value_or(""));
    }
    if (options_.on_attempt) {
      options_.on_attempt({.request = body,
                           .response = http.ok() ? &*http : nullptr,
                           .problem = problem,
                           .number = static_cast<int>(number + 1)});
    }
    if (problem.empty()) {
      outcome.response = *response_of(message);
      outcome.code = *outcome.response.error_code;
      outcome.kind = outcome.code == kNoError ? Outcome::Kind::kOk : Outcome::Kind::kRefused;
      outcome.detail = std::string(value_name(kErrorCode, outcome.code));
      if (const auto seconds = interval_in(message); seconds && options_.follow_tracker_interval)
        interval_ = std::chrono::seconds(*seconds);
      co_return outcome;
    }
    outcome.kind = http.ok() ? Outcome::Kind::kInvalid : Outcome::Kind::kNetwork;
    outcome.detail = problem;
    // Asking again changes nothing about a certificate or about our own settings.
    if (!http.ok() && (http.error().kind == net::ErrorKind::kTls || http.error().kind == net::ErrorKind::kLocal)) break;
  }
  co_return outcome;
}

awaitable<Outcome> Peer::connect(std::vector<SwarmIntent> joins, std::vector<std::string> leaves) {
  Outcome outcome = co_await exchange(make_connect(joins, leaves));
  if (!outcome.ok()) co_return outcome;
  const auto accepted = [&](const std::string& swarm_id) {
    return std::none_of(
        outcome.response.swarm_result.begin(), outcome.response.swarm_result.end(),
        [&](const SwarmResult& result) { return result.swarm_id == swarm_id && result.result == kFailed; });
  };
  for (const std::string& swarm_id : leaves) {
    if (accepted(swarm_id)) joined_.erase(swarm_id), traffic_.erase(swarm_id);
  }
  for (const SwarmIntent& join : joins) {
    if (!accepted(join.swarm_id)) continue;
    joined_[join.swarm_id] = join;
    const auto [traffic, fresh] = traffic_.try_emplace(join.swarm_id);
    constexpr std::int64_t kFirstBytes = 4096;  // something to fall from where there is no traffic
    if (fresh && defect(D::kCountersDecrease))
      traffic->second.uploaded_bytes = traffic->second.downloaded_bytes = kFirstBytes;
  }
  co_return outcome;
}

awaitable<Outcome> Peer::with_registration(std::function<Request()> make) {
  Outcome outcome = co_await exchange(make());
  // Section 2.3.2: 03 or 06 for an unregistered peer ID.
  const bool forgotten = outcome.kind == Outcome::Kind::kRefused &&
                         (outcome.code == kForbiddenAction || outcome.code == kAuthenticationRequired);
  if (!forgotten || joined_.empty() || defect(D::kNoReconnect)) co_return outcome;
  std::vector<SwarmIntent> again;
  for (const auto& [id, intent] : joined_) again.push_back(intent);
  const Outcome connected = co_await exchange(make_connect(again, {}));
  outcome.attempts += connected.attempts;
  if (!connected.ok()) co_return outcome;
  Outcome second = co_await exchange(make());
  second.attempts += outcome.attempts;
  second.reconnected = true;
  co_return second;
}

awaitable<Outcome> Peer::find(std::string swarm_id, std::optional<std::int64_t> peer_count) {
  std::function<Request()> make = [this, &swarm_id, peer_count] {
    Request request = begin(kRequestFind);
    Find& asked = request.find.emplace();
    asked.swarm_id = swarm_id;
    asked.peer_num = options_.peer_num;
    if (peer_count) {
      if (!asked.peer_num) asked.peer_num.emplace();
      asked.peer_num->peer_count = peer_count;
    }
    return request;
  };
  // For a swarm that we are not in, a refusal says nothing about the registration.
  if (!joined_.contains(swarm_id)) co_return co_await exchange(make());
  co_return co_await with_registration(std::move(make));
}

awaitable<Outcome> Peer::report(bool with_statistics) {
  if (defect(D::kNoStatReports)) co_return Outcome{};
  std::function<Request()> make = [this, with_statistics] {
    Request request = begin(kRequestStatReport);
    if (!with_statistics || joined_.empty()) return request;
    StatReport& asked = request.stat_report.emplace();
    asked.type = std::string(kStreamStats);
    for (const auto& [swarm_id, intent] : joined_) {
      Traffic& t = traffic_[swarm_id];
      asked.stat.push_back({.swarm_id = swarm_id,
                            .uploaded_bytes = t.uploaded_bytes,
                            .downloaded_bytes = t.downloaded_bytes,
                            .available_bandwidth = t.available_bandwidth,
                            .concurrent_links = t.concurrent_links});
      if (defect(D::kCountersDecrease)) t.uploaded_bytes = t.downloaded_bytes = 0;
    }
    return request;
  };
  co_return co_await with_registration(std::move(make));
}

awaitable<Outcome> Peer::leave() {
  if (joined_.empty()) co_return Outcome{};
  std::vector<std::string> all;
  for (const auto& [swarm_id, intent] : joined_) all.push_back(swarm_id);
  if (defect(D::kNoLeave)) {
    joined_.clear();
    co_return Outcome{};
  }
  co_return co_await connect({}, std::move(all));
}

awaitable<void> Peer::run(net::Duration duration) {
  const net::SteadyTime end = clock_.now() + duration;
  net::SteadyTime next = clock_.now() + interval_;
  // In short steps, so that stop() is heard soon.
  constexpr net::Duration kStep = std::chrono::milliseconds(200);
  while (!stopped_ && clock_.now() < end) {
    if (clock_.now() >= next) {
      co_await report();
      next = clock_.now() + interval_;
      continue;
    }
    const net::Duration left = std::min(next, end) - clock_.now();
    co_await clock_.sleep(std::min(kStep, left));
  }
}

void Peer::count(const std::string& swarm_id, std::int64_t uploaded, std::int64_t downloaded) {
  traffic_[swarm_id].uploaded_bytes += std::max<std::int64_t>(uploaded, 0);
  traffic_[swarm_id].downloaded_bytes += std::max<std::int64_t>(downloaded, 0);
}

void Peer::set_links(const std::string& swarm_id, std::int64_t links, std::int64_t available_bandwidth) {
  traffic_[swarm_id].concurrent_links = links;
  traffic_[swarm_id].available_bandwidth = available_bandwidth;
}

}  // namespace peerscope::ppstp
