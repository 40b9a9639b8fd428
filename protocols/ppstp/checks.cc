// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/ppstp/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <functional>
#include <set>
#include <string>

#include "protocols/base/rows.h"
#include "protocols/ppstp/address_text.h"
#include "protocols/ppstp/protocol.h"
#include "protocols/ppstp/session.h"

namespace peerscope::ppstp::checks {
namespace {

bool is_request(const CheckInput& in) {
  return in.message.direction == Direction::kRequest;
}

// The reader could build the root object; else one finding (P-HTTP-04, P-JSON-01) says all there is to say.
bool has_object(const CheckInput& in) {
  return in.message.first(kRoot) != nullptr;
}

const Request* asked(const CheckInput& in) {
  return in.request != nullptr ? request_of(*in.request) : nullptr;
}

const Event* event_of(const Message& message, const Event* parent, const Field& field) {
  return parent == nullptr ? message.first(field) : child(message, *parent, field);
}

void missing(const CheckInput& in, Reporter& r, const Field& field, const Field& parent) {
  for (const Issue& issue : in.message.issues) {
    if (issue.field == &field && issue.parent == &parent && issue.shape == Shape::kMissing) r.issue(issue);
  }
}

template <class F>
void each(const Message& message, const Field& field, F&& body) {
  for (const Event& event : message.events) {
    if (event.field == &field && !event.unknown) body(event);
  }
}

template <class F>
void each_child(const Message& message, const Event& parent, const Field& field, F&& body) {
  const auto index = static_cast<std::uint32_t>(&parent - message.events.data());
  for (std::uint32_t i = index + 1; i < parent.end; i = message.events[i].end) {
    if (message.events[i].field == &field) body(message.events[i]);
  }
}

const Event* parent_of(const Message& message, const Event& event) {
  return event.parent == Event::kNoParent ? nullptr : &message.events[event.parent];
}

// A peer_addr or swarm_result in a failed answer, as sections 4.3's codes forbid.
void no_content(const CheckInput& in, Reporter& r, std::int64_t code) {
  const Response* m = response_of(in.message);
  if (m == nullptr || m->error_code != code) return;
  const Event* root = in.message.first(kRoot);
  if (const Event* event = event_of(in.message, root, kPeerAddr); event != nullptr)
    r.at(event, fmt::format("error_code {} comes with a peer_addr", code));
  if (const Event* event = event_of(in.message, root, kSwarmResult); event != nullptr)
    r.at(event, fmt::format("error_code {} comes with a swarm_result", code));
}

}  // namespace

void http_01(const CheckInput& in, Reporter& r) {
  if (!is_request(in) || in.message.transport.method.empty() || in.message.transport.method == "POST") return;
  r.whole(fmt::format("the request uses HTTP {}, expected POST", in.message.transport.method));
}

namespace {
void media_type(const CheckInput& in, Reporter& r) {
  const Transport& transport = in.message.transport;
  if (!transport.has_http || transport.content_type == kMediaType) return;
  if (transport.content_type.empty() && transport.http_version != 11) return;  // a capture of HTTP/2 does not tell
  r.whole(fmt::format("Content-Type is {}, expected {}",
                      transport.content_type.empty() ? "missing" : transport.content_type, kMediaType));
}
}  // namespace

void http_02(const CheckInput& in, Reporter& r) {
  media_type(in, r);
}
void http_03(const CheckInput& in, Reporter& r) {
  media_type(in, r);
}

void http_08(const CheckInput& in, Reporter& r) {
  if (in.message.transport.security == Transport::Security::kClear) r.whole("PPSTP travels in clear text, without TLS");
}

void http_12(const CheckInput& in, Reporter& r) {
  const Response* m = response_of(in.message);
  if (m == nullptr || m->response_type != kSuccessful || in.message.transport.status == 0 ||
      in.message.transport.status == 200)
    return;
  r.whole(fmt::format("a successful answer came with HTTP status {}, expected 200", in.message.transport.status));
}

void http_15(const CheckInput& in, Reporter& r) {
  const std::string& target = in.message.transport.target;
  if (target.starts_with("http://") || target.starts_with("https://")) {
    r.whole(fmt::format("the request target is in absolute form ({}); origin form is usual on a direct connection",
                        target));
  }
}

void json_01(const CheckInput& in, Reporter& r) {
  for (const Issue& issue : in.message.issues) {
    const bool root_shape = issue.field == nullptr && issue.shape == Shape::kWrongType;
    const bool root_member =
        issue.field == &kRoot && (issue.shape == Shape::kMissing || issue.shape == Shape::kWrongType);
    if (root_shape || root_member) r.issue(issue);
  }
}

// The rule binds the reader of a message; on the wire an unknown member is only an observation.
void json_02(const CheckInput& in, Reporter& r) {
  r.soften(Severity::kChat);
  rows::shapes<Shape::kUnknownMember>(in, r);
}

void json_03(const CheckInput& in, Reporter& r) {
  for (const Issue& issue : in.message.issues) {
    const Field* field = issue.field;
    if (field != &kPeerAddr && field != &kSwarmAction && field != &kSwarmResult && field != &kStat &&
        field != &kPeerInfo)
      continue;
    r.reset();
    if (issue.shape == Shape::kSingleForList) {
      r.soften(Severity::kNote);  // L1: the RFC's own examples do it
      r.issue(issue);
    } else if (issue.shape == Shape::kWrongType || (issue.shape == Shape::kEmptyList && field != &kPeerInfo)) {
      r.issue(issue);
    }
  }
}

void json_04(const CheckInput& in, Reporter& r) {
  for (const Issue& issue : in.message.issues) {
    if (issue.field == nullptr || !is_integer(issue.field->type)) continue;
    r.reset();
    if (issue.shape == Shape::kQuotedNumber) {
      // L2: only these three are quoted in the RFC's examples.
      const bool lenient = issue.parent == &kPeerNum && issue.field != &kPeerCount;
      if (lenient) r.soften(Severity::kNote);
      r.issue(issue);
    } else if (issue.shape == Shape::kWrongType || issue.shape == Shape::kNotInteger) {
      r.issue(issue);
    }
  }
}

void json_05(const CheckInput& in, Reporter& r) {
  for (const Issue& issue : in.message.issues) {
    if (issue.shape == Shape::kWrongType && issue.field != nullptr && issue.field->type == Type::kString)
      r.issue(issue);
  }
}

void ver_01(const CheckInput& in, Reporter& r) {
  if (is_request(in)) missing(in, r, kVersion, kRoot);
}
void ver_02(const CheckInput& in, Reporter& r) {
  if (!is_request(in)) missing(in, r, kVersion, kRoot);
}
void ver_03(const CheckInput& in, Reporter& r) {
  const Event* event = in.message.first(kVersion);
  if (event != nullptr && event->has_number && event->number != kVersion1)
    r.at(event, fmt::format("version is {}, expected {}", event->number, kVersion1));
}
void ver_05(const CheckInput& in, Reporter& r) {
  no_content(in, r, kUnsupportedVersion);
}

void req_01(const CheckInput& in, Reporter& r) {
  if (!has_object(in)) return;
  const Event* root = in.message.first(kRoot);
  const auto index = static_cast<std::uint32_t>(root - in.message.events.data());
  for (std::uint32_t i = index + 1; i < root->end; i = in.message.events[i].end) {
    // In a request the member is not described, so it is there as an unknown one.
    const Event& event = in.message.events[i];
    if (event.unknown && event.label == kResponseType.name)
      return r.at(&event, "the request carries response_type: it is a response object");
  }
  const bool bare = in.message.whole() && event_of(in.message, root, kRequestType) == nullptr &&
                    event_of(in.message, root, kPeerId) == nullptr &&
                    event_of(in.message, root, kTransactionId) == nullptr;
  if (bare) r.at(root, "the object holds none of the members of a request");
}

void req_04(const CheckInput& in, Reporter& r) {
  const Request* m = request_of(in.message);
  if (m == nullptr || !m->request_type) return;
  for (const std::string_view known : kRequestTypes) {
    const bool same = std::equal(known.begin(), known.end(), m->request_type->begin(), m->request_type->end(),
                                 [](char a, char b) { return a == std::toupper(static_cast<unsigned char>(b)); });
    if (same && *m->request_type != known)
      r.at(kRequestType,
           fmt::format("request_type is {}, which is not {}: names are case-sensitive", *m->request_type, known));
  }
}

void req_05(const CheckInput& in, Reporter& r) {
  missing(in, r, kTransactionId, kRoot);
}
void req_06(const CheckInput& in, Reporter& r) {
  missing(in, r, kPeerId, kRoot);
}

void req_07(const CheckInput& in, Reporter& r) {
  const Request* m = request_of(in.message);
  if (m == nullptr || !m->request_type) return;
  const Event* root = in.message.first(kRoot);
  const struct {
    std::string_view type;
    const Field& field;
  } pairs[] = {{kRequestConnect, kConnect}, {kRequestFind, kFind}, {kRequestStatReport, kStatReport}};
  for (const auto& [type, field] : pairs) {
    const Event* data = event_of(in.message, root, field);
    const bool wanted = *m->request_type == type;
    if (data != nullptr && !wanted) r.at(data, fmt::format("{} stands in a {} request", field.name, *m->request_type));
    if (data != nullptr || !wanted || !in.message.whole()) continue;
    if (type == kRequestFind && m->misplaced_swarm_id) {
      r.soften(Severity::kNote);  // L3: the RFC's own FIND example
      r.at(kSwarmId, "swarm_id stands directly in the request, expected inside find");
      r.reset();
    } else if (type != kRequestStatReport) {  // section 4.1.3: without statistics it is a keep-alive
      r.at(root, fmt::format("a {} request has no {}", type, field.name));
    }
  }
  // Only FIND has a lenient form; elsewhere the members are simply in the wrong place.
  if (*m->request_type != kRequestFind && (m->misplaced_swarm_id || m->misplaced_peer_num)) {
    r.at(root, fmt::format("swarm_id or peer_num stands directly in a {} request", *m->request_type));
  }
}

void req_11(const CheckInput& in, Reporter& r) {
  const Request* m = request_of(in.message);
  if (m == nullptr || !m->peer_id || in.message.source.empty()) return;
  const auto* peer = static_cast<const SessionState*>(in.session)->find(*m->peer_id);
  const std::string_view host = host_of(in.message.source);
  if (peer == nullptr || peer->address.empty() || peer->address == host) return;
  r.soften(Severity::kNote);  // a peer may have moved to another address
  r.at(kPeerId,
       fmt::format("peer {} was seen from {} before and comes from {} now: it moved, or two peers share the ID",
                   *m->peer_id, peer->address, host));
}

namespace {
const SessionState::Transaction* earlier(const CheckInput& in, const Request& m) {
  if (!m.peer_id || !m.transaction_id) return nullptr;
  const auto* peer = static_cast<const SessionState*>(in.session)->find(*m.peer_id);
  if (peer == nullptr) return nullptr;
  const auto found = peer->transactions.find(*m.transaction_id);
  if (found == peer->transactions.end() || found->second.content == content_hash(in.message)) return nullptr;
  return &found->second;
}
}  // namespace

void req_12(const CheckInput& in, Reporter& r) {
  const Request* m = request_of(in.message);
  if (m == nullptr) return;
  if (const auto* other = earlier(in, *m); other != nullptr && other->pending) {
    r.at(kTransactionId,
         fmt::format("transaction {} of peer {} is still waiting for its answer and is used for a different request",
                     *m->transaction_id, *m->peer_id));
  }
}

void err_08(const CheckInput& in, Reporter& r) {
  const Request* m = request_of(in.message);
  if (m == nullptr) return;
  if (const auto* other = earlier(in, *m); other != nullptr) {
    // A peer that counts from 1 does so again after a restart, which begins with a CONNECT on a new connection.
    const bool restarted = m->connect && !other->pending && other->source != in.message.source;
    if (restarted) r.soften(Severity::kNote);
    r.at(kTransactionId,
         fmt::format("transaction {} of peer {} is used again with other content", *m->transaction_id, *m->peer_id));
  }
}

void addr_01(const CheckInput& in, Reporter& r) {
  rows::claims<kIpAddress, Shape::kMissing, Shape::kWrongType>(in, r);
  rows::claims<kAddressType, Shape::kMissing>(in, r);
  rows::claims<kAddress, Shape::kMissing>(in, r);
}

namespace {
template <class F>
void each_address(const CheckInput& in, F&& body) {
  each(in.message, kAddress, [&](const Event& event) {
    const Event* family = child(in.message, *parent_of(in.message, event), kAddressType);
    if (family == nullptr) return;
    std::string canonical;
    body(event, family->text, judge_address(family->text, event.text, canonical), canonical);
  });
}
}  // namespace

void addr_02(const CheckInput& in, Reporter& r) {
  each_address(in, [&](const Event& event, std::string_view family, AddressFault fault, const std::string&) {
    if (fault == AddressFault::kNotIpv4)
      r.at(&event, fmt::format("\"{}\" is not an IPv4 address, as its address_type {} says", event.text, family));
  });
}

void addr_03(const CheckInput& in, Reporter& r) {
  each_address(in, [&](const Event& event, std::string_view family, AddressFault fault, const std::string& canonical) {
    if (fault == AddressFault::kNotIpv6)
      r.at(&event, fmt::format("\"{}\" is not an IPv6 address, as its address_type {} says", event.text, family));
    if (fault == AddressFault::kNotCanonical)
      r.at(&event, fmt::format("\"{}\" is not the canonical form, which is \"{}\"", event.text, canonical));
  });
}

void addr_06(const CheckInput& in, Reporter& r) {
  // L5: the requester's own address in a response has no type in the RFC's example.
  const Event* root = in.message.first(kRoot);
  const Event* own = root != nullptr && !is_request(in) ? event_of(in.message, root, kPeerAddr) : nullptr;
  for (const Issue& issue : in.message.issues) {
    if (issue.field != &kAddrType || !rows::one_of(issue.shape, {Shape::kMissing, Shape::kUnknownValue})) continue;
    r.reset();
    if (issue.shape == Shape::kMissing && own != nullptr && own->offset == issue.offset) r.soften(Severity::kNote);
    r.issue(issue);
  }
}

void addr_08(const CheckInput& in, Reporter& r) {
  rows::claims<kAsn, Shape::kWrongType>(in, r);
  each(in.message, kAsn, [&](const Event& event) {
    const AsnForm form = asn_form(event.text);
    r.reset();
    if (form == AsnForm::kPrefixed || form == AsnForm::kDotted) r.soften(Severity::kNote);  // it still names one AS
    if (form != AsnForm::kPlain) r.at(&event, fmt::format("asn \"{}\" is not a decimal number in text", event.text));
  });
}

void pnum_02(const CheckInput& in, Reporter& r) {
  each(in.message, kPeerCount, [&](const Event& event) {
    if (event.has_number && (event.number > kMostPeers || event.number < 0))
      r.at(&event, fmt::format("peer_count is {}, it should be below 30", event.number));
  });
}

namespace {
const PeerNum* wanted(const Request* m) {
  if (m == nullptr) return nullptr;
  if (m->connect && m->connect->peer_num) return &*m->connect->peer_num;
  if (m->find && m->find->peer_num) return &*m->find->peer_num;
  return m->misplaced_peer_num ? &*m->misplaced_peer_num : nullptr;
}

std::size_t listed_in(const Message& message, const Event& group) {
  std::size_t count = 0;
  each_child(message, group, kPeerInfo, [&](const Event&) { ++count; });
  return count;
}
}  // namespace

void pnum_03(const CheckInput& in, Reporter& r) {
  const PeerNum* limit = wanted(asked(in));
  if (limit == nullptr || !limit->peer_count) return;
  each(in.message, kPeerGroup, [&](const Event& group) {
    const std::size_t listed = listed_in(in.message, group);
    // That 0 means "none" and not "no limit" is our reading (P-PNUM-10).
    if (*limit->peer_count == 0) r.soften(Severity::kNote);
    if (static_cast<std::int64_t>(listed) > *limit->peer_count)
      r.at(&group, fmt::format("{} peers are listed, {} were asked for", listed, *limit->peer_count));
  });
}

void pnum_07(const CheckInput& in, Reporter& r) {
  rows::claims<kUploadBandwidth, Shape::kWrongType, Shape::kNotInteger, Shape::kOutOfRange>(in, r);
  rows::claims<kUploadBandwidthLevel, Shape::kDraft>(in, r);
}

void conn_01(const CheckInput& in, Reporter& r) {
  const Request* m = request_of(in.message);
  if (m != nullptr && m->connect && m->request_type != kRequestConnect && (m->request_type || in.message.whole())) {
    r.at(kConnect, fmt::format("a connect object comes with request_type {}", m->request_type.value_or("missing")));
  }
}

namespace {
// Rows that repeat a general rule for one method.
void missing_for(const CheckInput& in, Reporter& r, std::string_view method, const Field& field) {
  const Request* m = request_of(in.message);
  if (m != nullptr && m->request_type == method) missing(in, r, field, kRoot);
}
}  // namespace

void conn_02(const CheckInput& in, Reporter& r) {
  missing_for(in, r, kRequestConnect, kTransactionId);
}
void conn_03(const CheckInput& in, Reporter& r) {
  missing_for(in, r, kRequestConnect, kPeerId);
}

void conn_04(const CheckInput& in, Reporter& r) {
  if (!is_request(in)) return;
  rows::claims<kSwarmAction, Shape::kMissing, Shape::kEmptyList>(in, r);
  rows::claims_in<kSwarmId, kSwarmAction, Shape::kMissing>(in, r);
}

void conn_07(const CheckInput& in, Reporter& r) {
  rows::claims<kPeerMode, Shape::kMissing>(in, r);
}

namespace {
// Calls body(peer_id event, swarm id) for every listed peer.
template <class F>
void each_listed(const Message& message, F&& body) {
  each(message, kPeerInfo, [&](const Event& info) {
    const Event* id = child(message, info, kPeerId);
    const Event* group = parent_of(message, info);
    const Event* result = group != nullptr ? parent_of(message, *group) : nullptr;
    const Event* swarm = result != nullptr ? child(message, *result, kSwarmId) : nullptr;
    if (id != nullptr) body(*id, swarm != nullptr ? swarm->text : std::string_view{});
  });
}
}  // namespace

void conn_22(const CheckInput& in, Reporter& r) {
  const auto* state = static_cast<const SessionState*>(in.session);
  each_listed(in.message, [&](const Event& id, std::string_view swarm) {
    const auto* peer = state->find(std::string(id.text));
    // The answer to the CONNECT with which it comes back may list the asker itself.
    const Request* m = asked(in);
    if (m != nullptr && m->connect && m->peer_id == id.text) return;
    const auto left = peer != nullptr ? peer->left.find(swarm) : decltype(peer->left.find(swarm)){};
    if (peer == nullptr || left == peer->left.end()) return;
    // Asked before the LEAVE was answered: the list may be from before it.
    const bool overlaps = in.request != nullptr && in.request->time_ns != 0 && in.request->time_ns <= left->second;
    if (!overlaps) r.at(&id, fmt::format("peer {} left swarm {} and is still listed", id.text, swarm));
  });
}

void conn_23(const CheckInput& in, Reporter& r) {
  each(in.message, kPeerGroup, [&](const Event& group) {
    std::set<std::string_view> seen;
    each_child(in.message, group, kPeerInfo, [&](const Event& info) {
      const Event* id = child(in.message, info, kPeerId);
      if (id != nullptr && !seen.insert(id->text).second)
        r.at(id, fmt::format("peer {} is listed twice: one registration per peer ID", id->text));
    });
  });
}

void conn_25(const CheckInput& in, Reporter& r) {
  const Request* m = asked(in);
  if (m == nullptr || !m->connect) return;
  const Event* own = event_of(in.message, in.message.first(kRoot), kPeerAddr);
  if (own == nullptr) return;
  // ability_nat speaks of the peers wanted; only a gathered candidate shows that the peer itself uses STUN or TURN.
  const bool gathered =
      std::any_of(m->connect->peer_addr.begin(), m->connect->peer_addr.end(),
                  [](const PeerAddr& addr) { return addr.type == "REFLEXIVE" || addr.type == "PROXY"; });
  if (gathered)
    r.at(own, "the peer gathered its addresses with STUN or TURN, and the response still carries peer_addr");
}

void conn_27(const CheckInput& in, Reporter& r) {
  const Request* m = asked(in);
  if (m == nullptr || !m->peer_id) return;
  each_listed(in.message, [&](const Event& id, std::string_view) {
    if (id.text == *m->peer_id) r.at(&id, "the requester is in its own list");
  });
}

void find_01(const CheckInput& in, Reporter& r) {
  missing(in, r, kSwarmId, kFind);
}

void find_03(const CheckInput& in, Reporter& r) {
  const Request* m = asked(in);
  const Response* answer = response_of(in.message);
  if (m == nullptr || m->request_type != kRequestFind || answer == nullptr || answer->response_type != kSuccessful)
    return;
  for (const Issue& issue : in.message.issues) {
    const bool in_info = issue.parent == &kPeerInfo && (issue.field == &kPeerId || issue.field == &kPeerAddr);
    if (in_info && rows::one_of(issue.shape, {Shape::kMissing, Shape::kWrongType})) r.issue(issue);
  }
  if (m->find && m->find->peer_num && m->find->peer_num->peer_count == 0) return;
  if (in.message.first(kPeerGroup) == nullptr && in.message.whole()) {
    // An empty list has no legal form (section 3.2.4 wants one peer at least), so a swarm without other peers looks
    // alike.
    r.soften(Severity::kNote);
    r.whole("the answer to FIND has no peer_group; right only if the swarm has no other peer");
  }
}

void find_04(const CheckInput& in, Reporter& r) {
  const Request* m = asked(in);
  if (m == nullptr || m->request_type != kRequestFind) return;
  const std::optional<std::string>& swarm = m->find ? m->find->swarm_id : m->misplaced_swarm_id;
  if (!swarm) return;
  each(in.message, kSwarmResult, [&](const Event& result) {
    const Event* id = child(in.message, result, kSwarmId);
    if (id != nullptr && id->text != *swarm)
      r.at(id, fmt::format("the answer is about swarm {}, asked was {}", id->text, *swarm));
  });
}

void stat_02(const CheckInput& in, Reporter& r) {
  missing_for(in, r, kRequestStatReport, kPeerId);
  missing_for(in, r, kRequestStatReport, kTransactionId);
  const Request* m = request_of(in.message);
  if (m != nullptr && m->stat_report && !m->request_type && in.message.whole())
    r.at(kStatReport, "a stat_report comes without request_type");
}

void stat_04(const CheckInput& in, Reporter& r) {
  for (const Issue& issue : in.message.issues) {
    if (issue.parent == &kStat && issue.field != nullptr &&
        rows::one_of(issue.shape, {Shape::kMissing, Shape::kWrongType, Shape::kNotInteger, Shape::kOutOfRange}))
      r.issue(issue);
  }
}

namespace {
void echo(const CheckInput& in, Reporter& r) {
  const Request* m = asked(in);
  const Response* answer = response_of(in.message);
  if (m == nullptr || answer == nullptr || !m->transaction_id) return;
  // Who could not parse the request does not know its transaction_id, though we may read it in the remains.
  if (!in.request->whole() || in.request->has(Shape::kNotUtf8)) return;
  // The same holds for who refused it by its media type.
  if (in.request->transport.has_http && in.request->transport.content_type != kMediaType) return;
  if (!answer->transaction_id) {
    if (in.message.whole())
      r.whole(fmt::format("the answer has no transaction_id, expected \"{}\"", *m->transaction_id));
  } else if (*answer->transaction_id != *m->transaction_id) {
    r.at(kTransactionId, fmt::format("transaction_id is \"{}\", expected \"{}\" as in the request",
                                     *answer->transaction_id, *m->transaction_id));
  }
}
}  // namespace

void stat_09(const CheckInput& in, Reporter& r) {
  const Request* m = asked(in);
  if (m != nullptr && m->request_type == kRequestStatReport) echo(in, r);
}

void stat_10(const CheckInput& in, Reporter& r) {
  const Request* m = asked(in);
  if (m == nullptr || m->request_type != kRequestStatReport) return;
  each(in.message, kPeerGroup,
       [&](const Event& group) { r.at(&group, "the answer to a STAT_REPORT carries a peer list"); });
}

void stat_14(const CheckInput& in, Reporter& r) {
  const Request* m = request_of(in.message);
  if (m == nullptr || !m->peer_id || !m->stat_report) return;
  const auto* peer = static_cast<const SessionState*>(in.session)->find(*m->peer_id);
  if (peer == nullptr) return;
  each(in.message, kStat, [&](const Event& stat) {
    const Event* swarm = child(in.message, stat, kSwarmId);
    const auto before = swarm != nullptr ? peer->counters.find(swarm->text) : peer->counters.end();
    if (before == peer->counters.end()) return;
    const auto less = [&](const Field& field, std::int64_t then) {
      const Event* now = child(in.message, stat, field);
      if (now == nullptr || !now->has_number || now->number >= then) return;
      r.at(now, fmt::format("{} of swarm {} fell from {} to {}", field.name, swarm->text, then, now->number));
    };
    less(kUploadedBytes, before->second.uploaded);
    less(kDownloadedBytes, before->second.downloaded);
  });
}

void resp_03(const CheckInput& in, Reporter& r) {
  const Response* m = response_of(in.message);
  if (m != nullptr && m->response_type == kSuccessful && m->error_code && *m->error_code != kNoError) {
    r.at(kErrorCode, fmt::format("response_type 0 (SUCCESSFUL) comes with error_code {}, expected 0", *m->error_code));
  }
}

void resp_04(const CheckInput& in, Reporter& r) {
  const Response* m = response_of(in.message);
  if (m != nullptr && m->error_code && *m->error_code != kNoError && m->response_type && *m->response_type != kFailed) {
    r.at(kResponseType, fmt::format("error_code {} comes with response_type {}, expected 1 (FAILED)", *m->error_code,
                                    *m->response_type));
  }
}

void resp_05(const CheckInput& in, Reporter& r) {
  if (in.request != nullptr) return echo(in, r);
}

void resp_06(const CheckInput& in, Reporter& r) {
  const Request* m = asked(in);
  const Response* answer = response_of(in.message);
  if (m == nullptr || answer == nullptr || answer->response_type != kSuccessful || !in.message.whole()) return;
  if (answer->swarm_result.empty()) {
    // Nothing was asked of any swarm, as with a STAT_REPORT that only says "still here": nothing can be told.
    if (!m->connect && !m->find && (!m->stat_report || m->stat_report->stat.empty())) r.soften(Severity::kNote);
    return r.whole("a successful answer has no swarm_result");
  }
  if (!m->connect) return;
  std::set<std::string_view> told;
  for (const SwarmResult& result : answer->swarm_result)
    told.insert(result.swarm_id ? std::string_view(*result.swarm_id) : std::string_view{});
  for (const SwarmAction& action : m->connect->swarm_action) {
    if (told.contains(action.swarm_id ? std::string_view(*action.swarm_id) : std::string_view{})) continue;
    if (action.action == kLeave) r.soften(Severity::kNote);  // L6: the RFC's channel switch example
    r.whole(fmt::format("no swarm_result for {} {}", action.action.value_or("the action on"),
                        action.swarm_id.value_or("-")));
    r.reset();
  }
}

void resp_07(const CheckInput& in, Reporter& r) {
  const Response* m = response_of(in.message);
  if (m == nullptr || m->error_code != kBadRequest) return;
  if (const Event* event = in.message.first(kSwarmResult); event != nullptr)
    r.at(event, "swarm_result comes with error_code 1");
}

void resp_08(const CheckInput& in, Reporter& r) {
  rows::claims_in<kSwarmId, kSwarmResult, Shape::kMissing, Shape::kWrongType>(in, r);
  rows::claims_in<kResult, kSwarmResult, Shape::kMissing, Shape::kWrongType, Shape::kOutOfRange, Shape::kNotInteger>(in,
                                                                                                                     r);
}

void resp_09(const CheckInput& in, Reporter& r) {
  each(in.message, kSwarmResult, [&](const Event& result) {
    const Event* outcome = child(in.message, result, kResult);
    const Event* group = child(in.message, result, kPeerGroup);
    if (outcome != nullptr && outcome->has_number && outcome->number == kFailed && group != nullptr)
      r.at(group, "a peer list comes with result 1 (failed)");
  });
}

void resp_10(const CheckInput& in, Reporter& r) {
  rows::claims<kPeerInfo, Shape::kMissing>(in, r);
  // An empty list is how some say "no other peer", for which the grammar has no form.
  r.soften(Severity::kNote);
  rows::claims<kPeerInfo, Shape::kEmptyList>(in, r);
}

void resp_11(const CheckInput& in, Reporter& r) {
  rows::claims_in<kPeerId, kPeerInfo, Shape::kMissing, Shape::kWrongType>(in, r);
  rows::claims_in<kPeerAddr, kPeerInfo, Shape::kMissing, Shape::kWrongType>(in, r);
}

void resp_12(const CheckInput& in, Reporter& r) {
  const Response* m = response_of(in.message);
  if (m != nullptr && m->response_type == kFailed && m->error_code == kNoError)
    r.at(kErrorCode, "response_type 1 (FAILED) comes with error_code 0");
}

void err_02(const CheckInput& in, Reporter& r) {
  no_content(in, r, kBadRequest);
}
void err_03(const CheckInput& in, Reporter& r) {
  no_content(in, r, kForbiddenAction);
}
void err_04(const CheckInput& in, Reporter& r) {
  no_content(in, r, kInternalServerError);
}
void err_05(const CheckInput& in, Reporter& r) {
  no_content(in, r, kServiceUnavailable);
}
void err_06(const CheckInput& in, Reporter& r) {
  no_content(in, r, kAuthenticationRequired);
}

void ext_02(const CheckInput& in, Reporter& r) {
  const Request* m = request_of(in.message);
  if (m == nullptr || !m->request_type ||
      std::find(kRequestTypes.begin(), kRequestTypes.end(), *m->request_type) != kRequestTypes.end())
    return;
  constexpr std::size_t kLongestName = 15;
  const bool capitals = std::all_of(m->request_type->begin(), m->request_type->end(),
                                    [](unsigned char c) { return std::islower(c) == 0; });
  if (!capitals || m->request_type->size() > kLongestName)
    r.at(kRequestType,
         fmt::format("method name {} should be all capitals and shorter than 16 characters", *m->request_type));
}

void ext_04(const CheckInput& in, Reporter& r) {
  const Request* m = request_of(in.message);
  if (m != nullptr && m->version == kVersion1) rows::claims<kRequestType, Shape::kUnknownValue>(in, r);
}

}  // namespace peerscope::ppstp::checks
