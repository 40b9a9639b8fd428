// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/ppstp/protocol.h"

#include <fmt/format.h>

#include "protocols/base/json_archive.h"
#include "protocols/base/registrar.h"

namespace peerscope::ppstp {
namespace {

constexpr std::array<const char*, 1> kMediaTypes = {kMediaType};
constexpr const char* kTracker = "tracker";
constexpr const char* kPeer = "peer";
constexpr const char* kTrackTimer = "track_timer";
constexpr Role kRoles[] = {{kTracker, Party::kServer}, {kPeer, Party::kClient}};
constexpr Feature kFeatures[] = {
    {.name = "ppstp.v1", .about = "RFC 7846", .baseline = true},
    {.name = "ppstp.tls", .about = "https; the URL or scheme must be https then", .secure = true},
    {.name = "ppstp.auth-digest", .about = "clients authenticate by HTTP Digest; auth has user and password"},
    {.name = "ppstp.auth-bearer", .about = "clients authenticate by a bearer token; auth has the token"},
    {.name = "ppstp.short-timers",
     .about = "timers short enough to wait for, 1.5 to 3 s are good",
     .role = kTracker,
     .fact = kTrackTimer},
    {.name = "ppstp.http-1", .about = "HTTP/1.1 itself: chunked requests, pipelining, absolute request targets"},
    {.name = "ppstp.ipv6", .about = "IPv6 addresses in lists"},
    {.name = "ppstp.stat-report",
     .about = "sends STAT_REPORT; the fact is the seconds between two",
     .role = kPeer,
     .fact = "report_interval"},
    {.name = "ppstp.retries",
     .about = "repeats a request that got no valid answer; the fact is the most seconds until it does",
     .role = kPeer,
     .fact = "retry_within"},
    {.name = "ppstp.overload",
     .about = "a limit of requests that a burst goes over; the fact is how many in a row it stands",
     .role = kTracker,
     .fact = "request_limit"},
    {.name = "ppstp.own-peer-id", .about = "makes a peer ID of its own each time it is started", .role = kPeer}};
constexpr LaunchVariable kLaunchVariables[] = {
    {"swarm", "sw-${hex(12)}", &kSwarmId, "swarm to join"},
    {"mode", "LEECH", &kPeerMode, "LEECH or SEEDER"},
    {"peer_id", "peer-${hex(12)}", &kPeerId, "its peer ID, unless it makes its own"},
    {"stay", "0", nullptr, "seconds to stay before it leaves"},
    {"finds", "0", nullptr, "FINDs to send"}};

const MessageType* request_message(const std::optional<std::string>& type) {
  for (const MessageType& row : kMessages) {
    if (row.direction == Direction::kRequest && type == row.name) return &row;
  }
  return nullptr;
}

// D2 of the draft era: JSON in today's container, but levels as words, sent as application/json. With the registered
// media type the same members are a broken rule, not a dialect.
bool is_json_draft(const Message& message) {
  if (message.transport.content_type == kMediaType) return false;
  for (const Issue& issue : message.issues) {
    if (issue.shape == Shape::kDraft) return true;
    const bool level = issue.field == &kConcurrentLinks || issue.field == &kOnlineTime;
    if (level && issue.shape == Shape::kWrongType) return true;
  }
  return false;
}

// D3: the XML drafts. Named, not decoded: nobody has one to test against.
bool is_xml_draft(std::string_view bytes) {
  const std::size_t start = bytes.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return false;
  const std::string_view text = bytes.substr(start);
  // An HTML page that only speaks of the protocol is no message of it.
  return text.starts_with("<PPSPTrackerProtocol") ||
         (text.starts_with("<?xml") && text.find("<PPSPTrackerProtocol") != std::string_view::npos);
}

template <class T>
EncodeResult encode_tree(const Tree& tree, T value, const Overrides& overrides) {
  EncodeResult result;
  TreeReader reader(tree);
  reader.root(kRoot, value);
  if (!reader.error().empty()) return {{}, reader.error()};
  JsonWriter writer(result.bytes, &overrides);
  writer.root(kRoot, value);
  if (const auto unused = writer.unused(); !unused.empty())
    return {{}, fmt::format("mutate: this message has no '{}'", unused.front())};
  return result;
}

EncodeResult encode_any(std::string_view type, const Tree& tree, const Overrides& overrides) {
  if (type == kResponseMessage.name)
    return encode_tree(tree,
                       Response{.version = kVersion1,
                                .response_type = {},
                                .error_code = {},
                                .transaction_id = {},
                                .peer_addr = {},
                                .swarm_result = {}},
                       overrides);
  if (request_message(std::string(type)) == nullptr)
    return {{}, fmt::format("no message '{}' in PPSTP; known are CONNECT, FIND, STAT_REPORT, response", type)};
  Request request;
  request.version = kVersion1;
  request.request_type = std::string(type);
  return encode_tree(tree, std::move(request), overrides);
}

std::vector<FieldPlace> fields() {
  Registrar registrar;
  Request request;
  Response response;
  registrar.root(kRoot, request);
  registrar.root(kRoot, response);
  return registrar.take();
}

std::string_view exchange_id(const Message& message) {
  const Event* event = message.first(kTransactionId);
  return event != nullptr ? event->text : std::string_view{};
}

std::string or_dash(const std::optional<std::string>& text) {
  return text.value_or("-");
}

std::string summary(const Message& message, const Message* request) {
  if (message.dialect != nullptr) return fmt::format("PPSTP, {}", message.dialect);
  if (const Request* m = request_of(message); m != nullptr) {
    std::string line = or_dash(m->request_type);
    if (m->connect) {
      for (const SwarmAction& action : m->connect->swarm_action)
        line += fmt::format(" {} {} {}", or_dash(action.action), or_dash(action.swarm_id), or_dash(action.peer_mode));
    }
    if (m->find) line += " " + or_dash(m->find->swarm_id);
    if (m->misplaced_swarm_id) line += " " + *m->misplaced_swarm_id;
    if (m->stat_report) {
      for (const Stat& stat : m->stat_report->stat) line += " " + or_dash(stat.swarm_id);
    }
    return line + fmt::format(", peer {}, tid {}", or_dash(m->peer_id), or_dash(m->transaction_id));
  }
  if (const Response* m = response_of(message); m != nullptr) {
    std::string line = m->response_type == kSuccessful ? "OK" : "FAILED";
    const std::int64_t code = m->error_code.value_or(0);
    if (m->response_type != kSuccessful || code != kNoError)
      line += fmt::format(" {:02} {}", code, value_name(kErrorCode, code));
    if (request != nullptr && request->type != nullptr) line += fmt::format(" {}", request->type->name);
    std::size_t peers = 0;
    bool listed = false;
    for (const SwarmResult& result : m->swarm_result) {
      if (result.peer_group) listed = true, peers += result.peer_group->peer_info.size();
    }
    if (listed) line += fmt::format(", {} peer{}", peers, peers == 1 ? "" : "s");
    return line + fmt::format(", tid {}", or_dash(m->transaction_id));
  }
  return "PPSTP, not decodable";
}

std::vector<Membership> memberships(const Message& message) {
  std::vector<Membership> out;
  const Request* m = request_of(message);
  if (m == nullptr || !m->connect) return out;
  for (const SwarmAction& action : m->connect->swarm_action) {
    if (action.swarm_id) out.push_back({*action.swarm_id, action.action != kLeave});
  }
  return out;
}

template <class T>
void read_body(JsonReader& reader, Message& message) {
  auto body = std::make_shared<T>();
  reader.root(kRoot, *body);
  message.body = std::move(body);
}

}  // namespace

void decode(std::string_view bytes, Message& message) {
  message.bytes.assign(bytes);
  message.size = bytes.size();
  if (is_xml_draft(bytes)) {
    message.dialect = "PPSP-TP XML of the drafts before RFC 7846";
    return;
  }
  thread_local JsonIndex index;
  JsonReader reader(message, index);
  if (!reader.has_root()) return;
  // Section 3.4: the member decides, not the way it travels. Where neither is there, the way it travels is all there
  // is.
  const bool is_request = reader.root_has(kRoot, kRequestType);
  const bool is_response = reader.root_has(kRoot, kResponseType);
  if (is_request || is_response) {
    message.direction =
        is_response && !(is_request && message.transport.status == 0) ? Direction::kResponse : Direction::kRequest;
  } else if (message.direction == Direction::kUnknown) {
    message.direction = message.transport.status != 0 || reader.root_has(kRoot, kErrorCode) ? Direction::kResponse
                                                                                            : Direction::kRequest;
  }
  if (message.direction == Direction::kResponse) {
    message.type = &kMessages.back();
    read_body<Response>(reader, message);
  } else {
    read_body<Request>(reader, message);
    message.type = request_message(message.as<Request>().request_type);
  }
  if (is_json_draft(message)) message.dialect = "PPSP-TP JSON from before RFC 7846";
}

std::string encode(Request request) {
  std::string out;
  JsonWriter(out).root(kRoot, request);
  return out;
}

std::string encode(Response response) {
  std::string out;
  JsonWriter(out).root(kRoot, response);
  return out;
}

const Protocol& protocol() {
  static const Protocol kProtocol{.name = "ppstp",
                                  .title = "PPSP Tracker Protocol",
                                  .document = "RFC 7846",
                                  .media_types = kMediaTypes,
                                  .messages = kMessages,
                                  .requirements = requirements(),
                                  .roles = kRoles,
                                  .features = kFeatures,
                                  .launch_variables = kLaunchVariables,
                                  .decode = decode,
                                  .encode = encode_any,
                                  .fields = fields,
                                  .make_session = make_session,
                                  .track = track,
                                  .exchange_id = exchange_id,
                                  .summary = summary,
                                  .memberships = memberships,
                                  .idle_fact = kTrackTimer};
  return kProtocol;
}

}  // namespace peerscope::ppstp
