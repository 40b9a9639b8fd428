// SPDX-License-Identifier: GPL-2.0-or-later
// What the tracker's defects do to requests, lists and finished answers. Answers are made right, then decoded, changed
// and encoded again with overrides, so the tracker itself knows nothing of wrong encodings.
#include <algorithm>
#include <cctype>
#include <utility>

#include "protocols/base/json_archive.h"
#include "reference-impl/ppstp/judge.h"
#include "reference-impl/ppstp/tracker.h"

namespace peerscope::ppstp {
namespace {

using D = TrackerDefect;

Override set(std::string raw) {
  return {.kind = Override::Kind::kSet, .raw = std::move(raw)};
}

SwarmResult one_result(std::int64_t result) {
  return {.swarm_id = "sw", .result = result, .peer_group = std::nullopt};
}

// A way to change one address, with the path at which the writer meets it.
using AddressChange = void (*)(PeerAddr& addr, const std::string& path, Overrides& overrides);

struct AddressDefect {
  TrackerDefect defect;
  AddressChange change;
};
constexpr AddressDefect kAddressDefects[] = {
    {D::kUppercaseIpv6,
     [](PeerAddr& addr, const std::string&, Overrides&) {
       for (char& c : *addr.ip_address->address) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
     }},
    {D::kMalformedIpv4,
     [](PeerAddr& addr, const std::string&, Overrides&) {
       if (addr.ip_address->address_type == "ipv4") addr.ip_address->address = "010.001.002.003";
     }},
    {D::kMissingPort, [](PeerAddr& addr, const std::string&, Overrides&) { addr.port.reset(); }},
    {D::kPortAsString,
     [](PeerAddr& addr, const std::string& path, Overrides& o) {
       o[path + ".port"] = set("\"" + std::to_string(addr.port.value_or(0)) + "\"");
     }},
    {D::kMissingPriority, [](PeerAddr& addr, const std::string&, Overrides&) { addr.priority.reset(); }},
    {D::kUnknownCandidateType, [](PeerAddr& addr, const std::string&, Overrides&) { addr.type = "SRFLX"; }},
    {D::kAsnAsNumber,
     [](PeerAddr& addr, const std::string& path, Overrides& o) {
       addr.asn = addr.asn.value_or("64496");
       o[path + ".asn"] = set(*addr.asn);
     }},
};

template <class F>
void each_peer_addr(Response& response, F&& change) {
  if (response.peer_addr) change(*response.peer_addr, std::string(kPeerAddr.name));
  for (std::size_t i = 0; i < response.swarm_result.size(); ++i) {
    auto& group = response.swarm_result[i].peer_group;
    if (!group) continue;
    for (std::size_t k = 0; k < group->peer_info.size(); ++k) {
      const std::string path =
          "swarm_result[" + std::to_string(i) + "].peer_group.peer_info[" + std::to_string(k) + "].peer_addr";
      if (group->peer_info[k].peer_addr) change(*group->peer_info[k].peer_addr, path);
    }
  }
}

std::string object_text(PeerAddr addr) {
  std::string text = "{";
  JsonWriter writer(text);
  describe(writer, addr);
  return text + "}";
}

// Sets members of the answer; see defects.cc for what each is.
void distort_members(const TrackerDefects& defects, ErrorCode code, Response& r, Overrides& o) {
  const bool failed = code != kNoError;
  if (failed && defects.has(D::kMissingVersionInErrors)) r.version.reset();
  if (defects.has(D::kVersionTwo)) r.version = 2;
  if (defects.has(D::kResponseTypeMissing)) r.response_type.reset();
  if (defects.has(D::kErrorCodeAsString)) o["error_code"] = set("\"0" + std::to_string(code) + "\"");
  if (failed && defects.has(D::kSuccessWithErrorCode)) r.response_type = kSuccessful;
  if (failed && defects.has(D::kFailedWithCodeZero)) r.error_code = kNoError;
  if (code == kForbiddenAction && defects.has(D::kUnregisteredCode)) r.error_code = 7;
  if (code == kAuthenticationRequired && defects.has(D::kForbiddenForMissingAuth)) r.error_code = kForbiddenAction;
  if (defects.has(D::kNoTransactionEcho)) r.transaction_id = "tracker-1";
  if (defects.has(D::kTransactionIdAsNumber)) o["transaction_id"] = set("12345");
  if (!failed && defects.has(D::kNoSwarmResult)) r.swarm_result.clear();
  const bool adds_result = (code == kBadRequest && defects.has(D::kSwarmResultOnBadRequest)) ||
                           (code == kForbiddenAction && defects.has(D::kSwarmResultOnForbidden)) ||
                           (code == kUnsupportedVersion && defects.has(D::kSwarmResultInVersionError));
  if (adds_result) r.swarm_result.push_back(one_result(kFailed));
  for (SwarmResult& result : r.swarm_result) {
    if (defects.has(D::kResultMissing)) result.result.reset();
    if (defects.has(D::kWrongSwarmId) && r.swarm_result.size() == 1) *result.swarm_id += "-other";
    if (defects.has(D::kPeerGroupOnFailure) && result.result == kFailed) {
      PeerInfo info{.peer_id = "somebody", .peer_addr = PeerAddr{}};
      info.peer_addr->ip_address = IpAddress{.address_type = "ipv4", .address = "192.0.2.1"};
      info.peer_addr->port = 6778;
      info.peer_addr->priority = 1;
      info.peer_addr->type = std::string(kAddrTypes[kHost]);
      result.peer_group.emplace().peer_info.push_back(std::move(info));
    }
  }
  if (defects.has(D::kEmptyPeerInfo)) {
    for (std::size_t i = 0; i < r.swarm_result.size(); ++i) {
      const auto& group = r.swarm_result[i].peer_group;
      if (group && group->peer_info.empty())
        o["swarm_result[" + std::to_string(i) + "].peer_group.peer_info"] = set("[]");
    }
  }
  each_peer_addr(r, [&](PeerAddr& addr, const std::string& path) {
    for (const AddressDefect& row : kAddressDefects) {
      if (defects.has(row.defect)) row.change(addr, path, o);
    }
    if (defects.has(D::kPeerAddrArray) && path != kPeerAddr.name) o[path] = set("[" + object_text(addr) + "]");
  });
}

}  // namespace

void Tracker::remember_ghost(PeerIndex peer, std::string_view swarm_id) {
  const auto found = ghosts_.emplace(swarm_id, std::vector<std::string>{}).first;
  const std::string& listing = registry_.listing(peer);
  if (std::find(found->second.begin(), found->second.end(), listing) == found->second.end())
    found->second.push_back(listing);
}

void Tracker::distort_list(std::vector<std::string>& listings, SwarmIndex swarm, PeerIndex asker) {
  const std::string_view swarm_id = swarm == kNone ? std::string_view{} : registry_.swarm_id(swarm);
  for (const auto& [of, ghosts] : ghosts_) {
    const bool same = of == swarm_id;
    if (same == defect(D::kListsOtherSwarms)) continue;
    listings.insert(listings.end(), ghosts.begin(), ghosts.end());
  }
  if (defect(D::kSeederNotListed)) {
    std::erase_if(listings, [&](const std::string& listing) {
      return std::any_of(chosen_.begin(), chosen_.end(), [&](PeerIndex peer) {
        const auto& of = registry_[peer].memberships;
        return std::any_of(of.begin(), of.end(), [&](const Membership& m) { return m.swarm == swarm && m.seeder; }) &&
               registry_.listing(peer) == listing;
      });
    });
  }
  if (defect(D::kListsAsker) && asker != kNone) listings.push_back(registry_.listing(asker));
}

std::string Tracker::distort_answer(const std::string& body, ErrorCode code) const {
  const TrackerDefects& defects = options_.defects;
  Message message;
  decode(body, message);
  if (response_of(message) == nullptr) return body;
  Response response = *response_of(message);
  Overrides overrides;
  distort_members(defects, code, response, overrides);
  std::string text;
  JsonWriter(text, &overrides).root(kRoot, response);
  if (const Event* element = message.first(kSwarmResult); element != nullptr && defects.has(D::kSwarmResultAsObject)) {
    overrides["swarm_result"] = set(body.substr(element->offset, element->length));
    text.clear();
    JsonWriter(text, &overrides).root(kRoot, response);
  }
  if (defects.has(D::kNoRootObject)) {
    const std::size_t inner = text.find(':') + 1;
    text = text.substr(inner, text.size() - inner - 1);
  }
  if (defects.has(D::kLosesNonAscii)) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  }
  return text;
}

std::optional<net::Reply> Tracker::distort_request(const net::HttpRequest& request,
                                                   const net::ConnectionInfo& connection) {
  net::Reply reply;
  message_->clear();
  if (defect(D::kAnswersOnce) && !served_connections_.insert(connection.id).second) {
    reply.send_only = 0;
    reply.end = net::Reply::End::kStall;
    return reply;
  }
  if (defect(D::kAcceptsGet) && request.method != "POST" && request.body.empty()) {
    std::string body;
    begin_success(body, "");
    return succeed(std::make_shared<const std::string>(body + "}}"));
  }
  if (defect(D::kRefusesChunked) && request.headers.has_token("Transfer-Encoding", "chunked")) {
    reply.response.status = 411;
    return reply;
  }
  if (defect(D::kRefusesAbsoluteTarget) && request.target.find("://") != std::string::npos) {
    reply.response.status = 404;
    return reply;
  }
  const std::size_t version = request.body.find("\"version\"");
  const std::size_t type = request.body.find("\"request_type\"");
  if (defect(D::kFixedMemberOrder) && type < version) return fail(kBadRequest);
  decode(request.body, *message_);
  const Request* asked = request_of(*message_);
  if (defect(D::kNeedsCookie) && asked != nullptr && asked->request_type != kRequestConnect &&
      !request.headers.contains("Cookie")) {
    return fail(kForbiddenAction);
  }
  if (defect(D::kOneAddressOnly) && asked != nullptr && asked->connect && asked->connect->peer_addr.size() > 1)
    return fail(kBadRequest);
  if (defect(D::kRepeatAsNew) && asked != nullptr && asked->transaction_id && asked->peer_id &&
      !seen_.insert(*asked->peer_id + '\n' + *asked->transaction_id).second) {
    return fail(kForbiddenAction);
  }
  return std::nullopt;
}

void Tracker::distort_reply(bool post, ErrorCode code, net::Reply& reply) const {
  net::HttpResponse& response = reply.response;
  if (defect(D::kWrongContentType)) response.headers.set("Content-Type", "application/json");
  if (code != kNoError && defect(D::kHtmlErrors)) {
    response.status = 200;
    response.headers.set("Content-Type", "text/html");
    response.body = "<html><body><h1>Error</h1></body></html>\n";
  }
  if (code == kNoError && response.status == 200 && defect(D::kHttp201)) response.status = 201;
  if (code == kAuthenticationRequired && defect(D::kBasicInsteadOfDigest))
    response.headers.set("WWW-Authenticate", "Basic realm=\"tracker\"");
  if (code == kAuthenticationRequired && defect(D::kForbiddenForMissingAuth)) response.status = 403;
  if (code == kServiceUnavailable && defect(D::kOverloadDrops))
    reply.end = net::Reply::End::kReset, reply.send_only = 0;
  if (post && defect(D::kNeedsCookie)) response.headers.add("Set-Cookie", "session=1");
}

}  // namespace peerscope::ppstp
