// SPDX-License-Identifier: GPL-2.0-or-later
#include "protocols/reload/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>

#include "protocols/base/rows.h"
#include "protocols/reload/protocol.h"
#include "protocols/reload/session.h"

namespace peerscope::reload::checks {
namespace {

const Packet* whole_packet(const CheckInput& in) {
  const Packet* packet = packet_of(in.message);
  return packet != nullptr && !packet->is_ack() && in.message.has(Shape::kCutShort) == false ? packet : nullptr;
}
// None in an acknowledgement, and in contents that were read by themselves.
const ForwardingHeader* header_of(const CheckInput& in) {
  const Packet* packet = packet_of(in.message);
  return packet != nullptr && !packet->is_ack() && in.message.events.front().field == &kReload ? &packet->forwarding
                                                                                               : nullptr;
}
// Whether diagnostics can be anywhere in the message: most have none, and their checks would look through all of it.
bool may_have_diagnostics(const Packet& packet) {
  const std::uint16_t code = packet.contents.code;
  return !packet.contents.extensions.empty() || code == PathTrackReq::kCode || code == PathTrackAns::kCode;
}
template <class T>
const T* body(const CheckInput& in) {
  return body_of<T>(in.message);
}
template <class T>
const T* asked(const CheckInput& in) {
  return in.request != nullptr ? body_of<T>(*in.request) : nullptr;
}
bool is_response(const CheckInput& in) {
  return in.message.direction == Direction::kResponse;
}
const SessionState* state_of(const CheckInput& in) {
  return static_cast<const SessionState*>(in.session);
}
// The events of a field by their number, asked for in ascending order: one pass, however many are wrong.
class Places {
 public:
  Places(const CheckInput& in, const Field& field) : in_(in), field_(field) {}
  const Event* operator[](std::size_t n) {
    const auto& events = in_.message.events;
    for (; at_ < events.size(); ++at_) {
      if (events[at_].field == &field_ && next_++ == n) return &events[at_++];
    }
    return nullptr;
  }

 private:
  const CheckInput& in_;
  const Field& field_;
  std::size_t at_ = 0;
  std::size_t next_ = 0;
};
template <class F>
void each(const CheckInput& in, const Field& field, F&& look) {
  if (!in.message.may_have(field)) return;
  for (const Event& event : in.message.events) {
    if (event.field == &field) look(event);
  }
}
bool is_length_issue(const Issue& issue) {
  return rows::one_of(issue.shape,
                      {Shape::kBadLength, Shape::kCutShort, Shape::kTrailing, Shape::kTooMany, Shape::kTooDeep});
}
// Issues that a more special row tells.
bool is_claimed(const CheckInput& in, const Issue& issue) {
  static constexpr const Field* kOwners[] = {&kLength,
                                             &kConfigUpdateLength,
                                             &kConfigDataLength,
                                             &kKindsLength,
                                             &kProbeLength,
                                             &kSpecifierLength,
                                             &kIndicesLength,
                                             &kKeysLength,
                                             &kDiagnosticsExtLength,
                                             &kDiagnosticsListLength,
                                             &kResponseExtLength,
                                             &kResponseListLength,
                                             &kErrorInfoLength,
                                             &kNextPeer};
  if (std::find(std::begin(kOwners), std::end(kOwners), issue.field) != std::end(kOwners)) return true;
  return issue.field == &kBodyLength && (body<LeaveAns>(in) != nullptr || body<ConfigUpdateAns>(in) != nullptr);
}
template <class F>
void each_value(const CheckInput& in, F&& look) {  // stored values of a StoreReq
  const auto* store = body<StoreReq>(in);
  if (store == nullptr) return;
  std::size_t i = 0;
  for (const StoreKindData& data : store->kind_data) {
    for (const StoredData& value : data.values) look(value, i++);
  }
}
template <class T, class F>
bool has_twice(const std::vector<T>& list, F&& key) {
  std::set<std::uint64_t> seen;
  for (const T& item : list) {
    if (!seen.insert(key(item)).second) return true;
  }
  return false;
}
template <class T, class U>
void same_kinds(Reporter& r, const std::vector<T>& asked_for, const std::vector<U>& answered, const char* what) {
  std::vector<std::uint32_t> wanted;
  std::vector<std::uint32_t> got;
  for (const T& item : asked_for) wanted.push_back(item.kind);
  for (const U& item : answered) got.push_back(item.kind);
  std::ranges::sort(wanted);
  std::ranges::sort(got);
  if (wanted != got) r.whole(fmt::format("{} Kinds were {}, the answer has {}", wanted.size(), what, got.size()));
}
bool all_are(std::string_view id, char c) {
  return !id.empty() && id.find_first_not_of(c) == std::string_view::npos;
}
// The option of RFC 7263 and 7264 in a message, decoded.
bool routing_mode(const ForwardingHeader& header, ExtensiveRoutingMode& mode, std::uint8_t& flags) {
  for (const ForwardingOption& option : header.options) {
    if (option.type != ExtensiveRoutingMode::kCode) continue;
    flags = option.flags;
    return decode_part(option.value, mode);
  }
  return false;
}
template <class F>
void each_extension(const CheckInput& in, std::uint16_t type, F&& look) {
  const Packet* packet = packet_of(in.message);
  if (packet == nullptr || packet->contents.extensions.empty() || whole_packet(in) == nullptr) return;
  Places places(in, kExtension);
  std::size_t i = 0;
  for (const MessageExtension& extension : packet->contents.extensions) {
    if (extension.type == type) look(extension, places[i]);
    ++i;
  }
}
// Diagnostics wherever they stand: in PathTrack and in the extension.
bool request_diagnostics(const Message& message, DiagnosticsRequest& out) {
  if (const auto* track = body_of<PathTrackReq>(message); track != nullptr) {
    out = track->request;
    return true;
  }
  const Packet* packet = packet_of(message);
  if (packet == nullptr) return false;
  for (const MessageExtension& extension : packet->contents.extensions) {
    if (extension.type == kDiagnosticPing && message.direction == Direction::kRequest)
      return decode_part(extension.contents, out);
  }
  return false;
}
bool response_diagnostics(const Message& message, DiagnosticsResponse& out) {
  if (const auto* track = body_of<PathTrackAns>(message); track != nullptr) {
    out = track->response;
    return true;
  }
  const Packet* packet = packet_of(message);
  if (packet == nullptr) return false;
  for (const MessageExtension& extension : packet->contents.extensions) {
    if (extension.type == kDiagnosticPing && message.direction == Direction::kResponse)
      return decode_part(extension.contents, out);
  }
  return false;
}
const std::vector<IceCandidate>* candidates_of(const CheckInput& in) {
  if (const auto* m = body<AttachReq>(in); m != nullptr) return &m->candidates;
  if (const auto* m = body<AttachAns>(in); m != nullptr) return &m->candidates;
  if (const auto* m = body<AppAttachReq>(in); m != nullptr) return &m->candidates;
  if (const auto* m = body<AppAttachAns>(in); m != nullptr) return &m->candidates;
  return nullptr;
}
const std::vector<StoredDataSpecifier>* specifiers_of(const CheckInput& in) {
  if (const auto* m = body<FetchReq>(in); m != nullptr) return &m->specifiers;
  if (const auto* m = body<StatReq>(in); m != nullptr) return &m->specifiers;
  return nullptr;
}
// Of the Resource-ID that a request names in its body.
std::optional<std::size_t> resource_size(const Packet& packet) {
  return std::visit(
      [](const auto& body) -> std::optional<std::size_t> {
        if constexpr (requires { body.resource.size(); })
          return body.resource.size();
        else
          return std::nullopt;
      },
      packet.contents.body);
}
bool same_link(const CheckInput& in) {
  return in.request != nullptr && !in.message.source.empty() && in.message.source == in.request->destination &&
         in.message.destination == in.request->source;
}

}  // namespace

void fwd_01(const CheckInput& in, Reporter& r) {
  const ForwardingHeader* header = header_of(in);
  for (const Issue& issue : in.message.issues) {
    if (issue.shape == Shape::kMalformed) r.issue(issue);
  }
  if (header == nullptr || header->relo_token == kReloToken) return;
  if (const Event* token = in.message.first(kToken); token != nullptr)
    r.at(token, fmt::format("the token is {:#x}, expected {:#x}", header->relo_token, kReloToken));
}
void fwd_02(const CheckInput& in, Reporter& r) {
  const auto* context = static_cast<const Context*>(in.message.context);
  const ForwardingHeader* header = header_of(in);
  if (context == nullptr || context->overlays.empty() || header == nullptr) return;
  const Event* event = in.message.first(kOverlay);
  if (event != nullptr && !context->overlays.contains(header->overlay))
    r.at(event, fmt::format("{:#x} is the hash of no configured overlay's name", header->overlay));
}
void fwd_04(const CheckInput& in, Reporter& r) {
  const ForwardingHeader* header = header_of(in);
  if (header == nullptr || header->version == kVersion10) return;
  const Event* event = in.message.first(kVersion);
  if (event != nullptr && event->number != kVersion10)
    r.at(event, fmt::format("the version is {}, expected {}", event->number, kVersion10));
}
void fwd_06(const CheckInput& in, Reporter& r) {
  const ForwardingHeader* header = header_of(in);
  if (header == nullptr || (header->fragment & kFragmentBit) != 0) return;
  const Event* event = in.message.first(kFragment);
  if (event != nullptr && (event->number & kFragmentBit) == 0) r.at(event, "the top bit of fragment is 0");
}
void fwd_07(const CheckInput& in, Reporter& r) {
  const ForwardingHeader* header = header_of(in);
  if (header == nullptr || (header->fragment & kReservedFragmentBits) == 0) return;
  const Event* event = in.message.first(kFragment);
  if (event != nullptr && (event->number & kReservedFragmentBits) != 0)
    r.at(event, "reserved bits of fragment are set");
}
void fwd_08(const CheckInput& in, Reporter& r) {
  const ForwardingHeader* header = header_of(in);
  if (header == nullptr || header->is_fragment() || header->fragment == kUnfragmented) return;
  const Event* event = in.message.first(kFragment);
  if (event != nullptr)
    r.at(event, fmt::format("a whole message has fragment {:#x}, expected {:#x}", header->fragment, kUnfragmented));
}
void fwd_10(const CheckInput& in, Reporter& r) {
  const ForwardingHeader* header = header_of(in);
  if (header == nullptr || in.message.direction != Direction::kRequest) return;
  const SessionState::Link* link = state_of(in)->link(link_of(in.message));
  constexpr int kInARow = 3;
  if (link == nullptr || link->counting < kInARow) return;
  if (header->transaction_id == link->last_request + 1)
    r.at(kTransactionId, "transaction IDs of this sender count up; they must be random");
}
void fwd_11(const CheckInput& in, Reporter& r) {
  const Packet* request = packet_of(*in.request);
  const ForwardingHeader* header = header_of(in);
  if (request != nullptr && header != nullptr && is_response(in) &&
      header->transaction_id != request->forwarding.transaction_id)
    r.at(kTransactionId, fmt::format("the response has {:#x}, the request {:#x}", header->transaction_id,
                                     request->forwarding.transaction_id));
}
void fwd_13(const CheckInput& in, Reporter& r) {
  const ForwardingHeader* header = header_of(in);
  if (header != nullptr && is_response(in) && header->max_response_length != 0)
    r.at(kMaxResponseLength, "max_response_length of a response is not 0");
}
void fwd_23(const CheckInput& in, Reporter& r) {
  const ForwardingHeader* header = header_of(in);
  if (header == nullptr || in.message.direction != Direction::kRequest || in.message.source.empty()) return;
  const SessionState::Transaction* found = state_of(in)->request(*header);
  if (found == nullptr || found->destination != in.message.source) return;
  // Opaque IDs and kept state shorten the list; more than one new entry nobody can add.
  if (header->via_list.size() > found->via + 1)
    r.at(kVia, fmt::format("the Via List grew from {} to {} entries in one hop", found->via, header->via_list.size()));
}
void fwd_25(const CheckInput& in, Reporter& r) {
  const Packet* request = packet_of(*in.request);
  const ForwardingHeader* header = header_of(in);
  ExtensiveRoutingMode mode;
  std::uint8_t flags = 0;
  if (request == nullptr || header == nullptr || !is_response(in) || !same_link(in)) return;
  if (routing_mode(request->forwarding, mode, flags)) return;  // R-DRR-04, R-RPR-03
  std::vector<Destination> back(request->forwarding.via_list.rbegin(), request->forwarding.via_list.rend());
  const std::vector<Destination>& list = header->destination_list;
  if (list.size() != back.size() + 1 || !std::equal(back.begin(), back.end(), list.begin() + 1))
    r.at(kDestinationListLength,
         "the Destination List is not the previous hop and the reversed Via List of the request");
}
void fwd_31(const CheckInput& in, Reporter& r) {
  const ForwardingHeader* header = header_of(in);
  if (header == nullptr || in.message.direction != Direction::kRequest) return;
  const SessionState::Transaction* found = state_of(in)->request(*header);
  constexpr int kMost = 5;
  constexpr std::int64_t kApart = 2'000'000'000;
  if (found == nullptr || found->transmissions < kMost) return;
  if (found->source == in.message.source && found->destination == in.message.destination &&
      in.message.time_ns - found->time_ns >= kApart)
    r.at(kTransactionId, fmt::format("transmission {} of this request", found->transmissions + 1));
}
void fwd_28(const CheckInput& in, Reporter& r) {
  const ForwardingHeader* header = header_of(in);
  if (header == nullptr || !is_response(in)) return;
  const auto* found = state_of(in)->request(*header);
  if (found == nullptr || found->opaque.empty() || found->opaque_from != in.message.source) return;
  Places places(in, kDestination);
  std::size_t i = 0;
  for (const Destination& destination : header->destination_list) {
    if (destination.type == kOpaqueIdDestination && destination.id == found->opaque)
      r.at(places[i], "the opaque ID that this forwarder put into the Via List is still there");
    ++i;
  }
}
void ttl_02(const CheckInput& in, Reporter& r) {
  const ForwardingHeader* header = header_of(in);
  if (header == nullptr || header->ttl <= kDefaultTtl) return;
  r.soften(Severity::kWarn);  // the configuration may allow more
  r.at(kTtl, fmt::format("ttl is {}; more than {} needs a configuration that says so", header->ttl, kDefaultTtl));
}
void ttl_03(const CheckInput& in, Reporter& r) {
  const ForwardingHeader* header = header_of(in);
  if (header == nullptr || in.message.direction != Direction::kRequest || in.message.source.empty()) return;
  const SessionState::Transaction* found = state_of(in)->request(*header);
  if (found == nullptr || found->destination != in.message.source) return;
  if (header->ttl + 1 != found->ttl)
    r.at(kTtl, fmt::format("ttl is {}, it was {} on the hop before", header->ttl, found->ttl));
}
void dst_03(const CheckInput& in, Reporter& r) {
  Places places(in, kDestination);
  const ForwardingHeader* header = header_of(in);
  if (header == nullptr) return;
  for (std::size_t i = 0; i + 1 < header->destination_list.size(); ++i) {
    if (header->destination_list[i].type == kResourceDestination)
      r.at(places[i], "a resource stands before other entries");
  }
}
void dst_04(const CheckInput& in, Reporter& r) {
  Places places(in, kVia);
  const ForwardingHeader* header = header_of(in);
  if (header == nullptr) return;
  for (std::size_t i = 0; i < header->via_list.size(); ++i) {
    if (header->via_list[i].type == kResourceDestination) r.at(places[i], "a resource in the Via List");
  }
}
void dst_07(const CheckInput& in, Reporter& r) {
  const auto* context = static_cast<const Context*>(in.message.context);
  each(in, kNodeId, [&](const Event& event) {
    const std::size_t size = event.text.size();
    const std::size_t wanted = context != nullptr ? context->node_id_length : 0;
    if (size < kDefaultNodeIdLength || size > kLongestNodeId || (wanted != 0 && size != wanted))
      r.at(&event, fmt::format("a Node-ID of {} bytes", size));
    else if (all_are(event.text, '\0'))
      r.at(&event, "the Node-ID of zeros");
  });
}
void opt_01(const CheckInput& in, Reporter& r) {
  Places places(in, kOptionFlags);
  const ForwardingHeader* header = header_of(in);
  if (header == nullptr || !is_response(in)) return;
  for (std::size_t i = 0; i < header->options.size(); ++i) {
    if ((header->options[i].flags & (kForwardCritical | kDestinationCritical | kResponseCopy)) != 0)
      r.at(places[i], fmt::format("flags {:#x} in a response", header->options[i].flags));
  }
}
void msg_01(const CheckInput& in, Reporter& r) {
  const Packet* packet = packet_of(in.message);
  if (packet == nullptr || packet->contents.code != 0) return;
  const Event* event = in.message.first(kMessageCode);
  if (event != nullptr && event->number == 0) r.at(event, "the message code is 0");
}
void msg_02(const CheckInput& in, Reporter& r) {
  const Packet* request = packet_of(*in.request);
  const Packet* packet = whole_packet(in);
  if (request == nullptr || packet == nullptr || !is_response(in)) return;
  const std::uint16_t code = packet->contents.code;
  if (code != kErrorMethod.code && code != request->contents.code + 1)
    r.at(kMessageCode, fmt::format("the answer has code {:#x}, the request {:#x}", code, request->contents.code));
}
void msg_03(const CheckInput& in, Reporter& r) {
  const auto* error = body<ErrorResponse>(in);
  if (error == nullptr) return;
  for (const Issue& issue : in.message.issues) {
    if (issue.field == &kErrorInfoLength) r.issue(issue);
  }
  if (error->code == 0) r.at(kErrorCode, "the error code is 0");
}
void msg_04(const CheckInput& in, Reporter& r) {
  const Packet* packet = packet_of(in.message);
  const Event* event = in.message.type == nullptr && packet != nullptr ? in.message.first(kMessageCode) : nullptr;
  if (event != nullptr && event->number != 0)
    r.at(event, fmt::format("no method has the code {:#x}", packet->contents.code));
}
void msg_08(const CheckInput& in, Reporter& r) {
  for (const Issue& issue : in.message.issues) {
    if (issue.shape == Shape::kOutOfRange && issue.field != nullptr && issue.field->type == Type::kBoolean)
      r.issue(issue);
  }
}
void msg_09(const CheckInput& in, Reporter& r) {
  const auto* error = body<ErrorResponse>(in);
  if (error != nullptr && error->code == kInvalidMessage && error->info.empty())
    r.at(kErrorInfoLength, "Error_Invalid_Message does not say what is invalid");
}
void msg_10(const CheckInput& in, Reporter& r) {
  const Packet* packet = whole_packet(in);
  if (packet == nullptr) return;
  const std::uint16_t code = packet->contents.code;
  if (code >= kExpAReqMethod.code && code <= kExpBAnsMethod.code) r.at(kMessageCode, "an experimental method");
  const auto* error = body<ErrorResponse>(in);
  if (error != nullptr && (error->code == kExpAError || error->code == kExpBError))
    r.at(kErrorCode, "an experimental error");
  each_extension(in, kExpExtension,
                 [&](const MessageExtension&, const Event* event) { r.at(event, "an experimental extension"); });
}
void msg_11(const CheckInput& in, Reporter& r) {
  bool cut = false;
  for (const Issue& issue : in.message.issues) {
    if (!is_length_issue(issue) || is_claimed(in, issue)) continue;
    if (issue.shape == Shape::kCutShort && cut) continue;  // told once
    cut = cut || issue.shape == Shape::kCutShort;
    r.issue(issue);
  }
}
void sec_01(const CheckInput& in, Reporter& r) {
  const Packet* packet = whole_packet(in);
  if (packet == nullptr || packet->forwarding.is_fragment() || !packet->security.signature.value.empty()) return;
  const Event* signature = in.message.first(kMessageSignature);
  const Event* value = signature == nullptr ? nullptr : child(in.message, *signature, kSignatureValue);
  if (value != nullptr) r.at(value, "the message is not signed");
}
void sec_15(const CheckInput& in, Reporter& r) {
  // Of every message of a capture in clear text: too short for memory of its own.
  if (in.message.transport.security == Transport::Security::kClear) r.whole("no TLS or DTLS");
}
void sec_17(const CheckInput& in, Reporter& r) {
  Places certificate_type_places(in, kCertificateType);
  Places certificate_data_places(in, kCertificateData);
  const Packet* packet = whole_packet(in);
  if (packet == nullptr) return;
  std::size_t i = 0;
  for (const GenericCertificate& certificate : packet->security.certificates) {
    constexpr char kSequence = 0x30;
    if (certificate.type != kX509)
      r.at(certificate_type_places[i], fmt::format("a certificate of type {}", certificate.type));
    else if (certificate.certificate.empty() || certificate.certificate[0] != kSequence)
      r.at(certificate_data_places[i], "the certificate is not DER");
    ++i;
  }
}
void sec_18(const CheckInput& in, Reporter& r) {
  const Packet* packet = whole_packet(in);
  if (packet == nullptr) return;
  const Signature& signature = packet->security.signature;
  const bool no_identity = signature.identity.type == kNoIdentity;
  const bool no_algorithm = signature.hash == 0 && signature.signature == 0;
  const Event* event = no_identity || no_algorithm ? in.message.first(kMessageSignature) : nullptr;
  if (event == nullptr) return;
  const Event* identity = child(in.message, *event, kIdentity);
  if (no_identity && identity != nullptr)
    r.at(child(in.message, *identity, kIdentityType), "the message's signer has no identity");
  else if (no_algorithm)
    r.at(child(in.message, *event, kSignatureHash), "the message's signature has no algorithm");
}
void empty_body(const CheckInput& in, Reporter& r) {
  for (const Issue& issue : in.message.issues) {
    if (issue.field == &kBodyLength) r.issue(issue);
  }
}
void lea_05(const CheckInput& in, Reporter& r) {
  if (body<LeaveAns>(in) != nullptr) empty_body(in, r);
}
void cup_06(const CheckInput& in, Reporter& r) {
  if (body<ConfigUpdateAns>(in) != nullptr) empty_body(in, r);
}
void prb_01(const CheckInput& in, Reporter& r) {
  const auto* request = asked<ProbeReq>(in);
  const auto* answer = body<ProbeAns>(in);
  if (request == nullptr || answer == nullptr) return;
  std::size_t at = 0;
  for (const ProbeInformation& info : answer->probe_info) {
    const auto found = std::find(request->requested_info.begin() + static_cast<std::ptrdiff_t>(at),
                                 request->requested_info.end(), info.type);
    const bool asked_for = std::find(request->requested_info.begin(), request->requested_info.end(), info.type) !=
                           request->requested_info.end();
    if (found == request->requested_info.end() && asked_for)
      return r.at(kProbeInfo, "the items are not in the order in which they were asked for");
    if (asked_for) at = static_cast<std::size_t>(found - request->requested_info.begin());
  }
}
void prb_02(const CheckInput& in, Reporter& r) {
  Places places(in, kProbeType);
  const auto* request = asked<ProbeReq>(in);
  const auto* answer = body<ProbeAns>(in);
  if (request == nullptr || answer == nullptr) return;
  std::size_t i = 0;
  for (const ProbeInformation& info : answer->probe_info) {
    if (std::find(request->requested_info.begin(), request->requested_info.end(), info.type) ==
        request->requested_info.end())
      r.at(places[i], fmt::format("type {} was not asked for", info.type));
    ++i;
  }
}
void prb_03(const CheckInput& in, Reporter& r) {
  const auto* answer = body<ProbeAns>(in);
  if (answer == nullptr) return;
  for (const Issue& issue : in.message.issues) {
    if (issue.field == &kProbeLength) r.issue(issue);
  }
  each(in, kResponsiblePpb, [&](const Event& event) {
    if (event.number > 1'000'000'000) r.at(&event, fmt::format("{} parts per billion are more than all", event.number));
  });
}
void role(const CheckInput& in, Reporter& r, const std::string* seen, const Field& field, std::string_view wanted) {
  if (seen != nullptr && *seen != wanted && in.message.first(field) != nullptr)
    r.at(field, fmt::format("the role is not {}", wanted));
}
void att_01(const CheckInput& in, Reporter& r) {
  const auto* m = body<AttachReq>(in);
  role(in, r, m != nullptr ? &m->role : nullptr, kRole, kPassive);
  const auto* app = body<AppAttachReq>(in);
  role(in, r, app != nullptr ? &app->role : nullptr, kAppRole, kPassive);
}
void att_02(const CheckInput& in, Reporter& r) {
  const auto* m = body<AttachAns>(in);
  role(in, r, m != nullptr ? &m->role : nullptr, kRole, kActive);
  const auto* app = body<AppAttachAns>(in);
  role(in, r, app != nullptr ? &app->role : nullptr, kAppRole, kActive);
}
void att_03(const CheckInput& in, Reporter& r) {
  const auto* candidates = candidates_of(in);
  if (candidates == nullptr || ice_of(*candidates) != SessionState::Ice::kUnknown) return;
  const auto is = [](std::uint8_t link) { return [link](const IceCandidate& c) { return c.overlay_link == link; }; };
  const bool ice = std::any_of(candidates->begin(), candidates->end(), is(kDtlsUdpSr));
  const bool no_ice = std::any_of(candidates->begin(), candidates->end(), is(kDtlsUdpSrNoIce)) ||
                      std::any_of(candidates->begin(), candidates->end(), is(kTlsTcpFhNoIce));
  if (ice && no_ice) r.at(kCandidateLink, "candidates with and without ICE in one message");
}
void att_04(const CheckInput& in, Reporter& r) {
  const auto* candidates = candidates_of(in);
  if (candidates != nullptr && candidates->empty() && in.message.whole()) r.whole("no candidate");
}
void att_05(const CheckInput& in, Reporter& r) {
  Places places(in, kCandidateType);
  const auto* candidates = candidates_of(in);
  if (candidates == nullptr) return;
  for (std::size_t i = 0; i < candidates->size(); ++i) {
    const std::uint8_t type = (*candidates)[i].type;
    if (type != kHostCandidate && type != kServerReflexiveCandidate && type != kRelayCandidate)
      r.at(places[i], fmt::format("a candidate of type {}", type));
  }
}
void att_12(const CheckInput& in, Reporter& r) {
  const Packet* packet = whole_packet(in);
  const auto* candidates = candidates_of(in);
  if (packet == nullptr || candidates == nullptr) return;
  const auto ice = ice_of(*candidates);
  const auto found = state_of(in)->ice.find(packet->forwarding.overlay);
  if (found != state_of(in)->ice.end() && ice != SessionState::Ice::kUnknown && ice != found->second)
    r.at(kCandidateLink, "this overlay's earlier Attach differs in using ICE");
}
void app_02(const CheckInput& in, Reporter& r) {
  const auto* request = asked<AppAttachReq>(in);
  const auto* answer = body<AppAttachAns>(in);
  if (request != nullptr && answer != nullptr && request->application != answer->application)
    r.at(kApplication, fmt::format("application {} was asked for", request->application));
}
void png_01(const CheckInput& in, Reporter& r) {
  const auto* answer = body<PingAns>(in);
  if (answer == nullptr || !in.message.whole()) return;
  if (answer->response_id == 0) r.at(kResponseId, "the response ID is 0");
  constexpr std::int64_t kDay = 86'400'000;
  const std::int64_t now = in.message.time_ns / 1'000'000;
  const std::int64_t apart = static_cast<std::int64_t>(answer->time) - now;
  if (now != 0 && (apart > kDay || apart < -kDay)) r.at(kPingTime, "the time is more than a day off");
}
void cup_07(const CheckInput& in, Reporter& r) {
  for (const Issue& issue : in.message.issues) {
    if (issue.field == &kConfigUpdateLength || issue.field == &kConfigDataLength || issue.field == &kKindsLength)
      r.issue(issue);
  }
}
void cup_08(const CheckInput& in, Reporter& r) {
  Places places(in, kKindBlock);
  const auto* update = body<ConfigUpdateReq>(in);
  if (update == nullptr) return;
  for (std::size_t i = 0; i < update->kinds.size(); ++i) {
    const std::string& text = update->kinds[i].kind_block;
    if (text.find("urn:ietf:params:xml:ns:p2p:config-base") == std::string::npos)
      r.at(places[i], "the Kind's namespace is not config-base");
  }
  for (const Issue& issue : in.message.issues) {
    if (issue.field == &kKindBlock && issue.shape == Shape::kNotUtf8) r.issue(issue);
  }
}
void frm_02(const CheckInput& in, Reporter& r) {
  const Packet* packet = packet_of(in.message);
  if (packet == nullptr || !packet->framed || packet->is_ack()) return;
  const SessionState::Link* link = state_of(in)->link(link_of(in.message));
  if (link == nullptr || !link->has_sequence) return;
  if (packet->frame.sequence != link->sequence + 1)
    r.at(kFrameSequence, fmt::format("sequence {} after {}", packet->frame.sequence, link->sequence));
}
void frm_05(const CheckInput& in, Reporter& r) {
  const Packet* packet = packet_of(in.message);
  if (packet == nullptr || !packet->is_ack() || (packet->frame.received & 1) == 0) return;
  r.soften(Severity::kNote);  // other readings number the bits from N-1 on
  if (in.message.first(kReceived) != nullptr) r.at(kReceived, "bit 0 is set, which stands for the frame itself");
}
void frm_06(const CheckInput& in, Reporter& r) {
  const Packet* packet = packet_of(in.message);
  if (packet == nullptr || !packet->is_ack()) return;
  const SessionState::Link* link = state_of(in)->link(reverse_link_of(in.message));
  if (link == nullptr || !link->has_sequence) return;
  constexpr std::uint32_t kHalf = 0x80000000;
  const std::uint32_t ahead = packet->frame.sequence - link->sequence;
  if (ahead != 0 && ahead < kHalf)
    r.at(kAckSequence,
         fmt::format("frame {} was not sent; the last one was {}", packet->frame.sequence, link->sequence));
}
// What the link's data frames before this one tell of its sender; null where this frame does not follow the last one,
// as something is missing then. Acknowledgements must be in the capture too: else nobody knows what is unacknowledged.
const SessionState::Sender* sender_of(const CheckInput& in, bool repeated_sequence = false) {
  const Packet* packet = packet_of(in.message);
  if (in.message.transport.security != Transport::Security::kDtls || packet == nullptr || !packet->framed ||
      packet->is_ack())
    return nullptr;
  const SessionState::Link* link = state_of(in)->link(link_of(in.message));
  if (link == nullptr || !link->has_sequence || !link->sender.heard) return nullptr;
  const std::uint32_t wanted = link->sequence + (repeated_sequence ? 0 : 1);
  return packet->frame.sequence == wanted ? &link->sender : nullptr;
}
bool is_repetition(const CheckInput& in, const SessionState::Sender& sender) {
  return sender.waiting && content_of(in.message) == sender.content;
}
constexpr int kMostTransmissions = 5;
constexpr std::int64_t kMillisecond = 1'000'000;

void srl_01(const CheckInput& in, Reporter& r) {
  const auto* sender = sender_of(in);
  if (sender == nullptr || sender->pipelines || !sender->waiting || sender->transmissions >= kMostTransmissions) return;
  if (is_repetition(in, *sender)) return;
  r.soften(Severity::kWarn);  // other sender algorithms may have more on their way (section 6.6.3)
  r.at(kFrameSequence, "the message before this one is not acknowledged; a stop-and-wait sender waits for that");
}
void srl_02(const CheckInput& in, Reporter& r) {
  const auto* sender = sender_of(in, true);
  constexpr std::int64_t kNotTheNetwork = 100 * kMillisecond;  // which may deliver a datagram twice
  if (sender == nullptr || !is_repetition(in, *sender) || in.message.time_ns - sender->sent_ns < kNotTheNetwork) return;
  r.at(kFrameSequence, "sent again with the same sequence number");
}
void srl_03(const CheckInput& in, Reporter& r) {
  const auto* sender = sender_of(in);
  if (sender == nullptr || sender->pipelines || sender->gap_ns == 0 || !is_repetition(in, *sender)) return;
  const std::int64_t gap = in.message.time_ns - sender->sent_ns;
  if (2 * gap < 3 * sender->gap_ns)  // half of the doubling is left to late timers
    r.at(kFrameSequence, fmt::format("sent again after {} ms, the time before was {} ms", gap / kMillisecond,
                                     sender->gap_ns / kMillisecond));
}
void srl_04(const CheckInput& in, Reporter& r) {
  const auto* sender = sender_of(in);
  if (sender == nullptr || sender->transmissions < kMostTransmissions || !is_repetition(in, *sender)) return;
  r.at(kFrameSequence, fmt::format("transmission {} of this message", sender->transmissions + 1));
}
void srl_05(const CheckInput& in, Reporter& r) {
  const auto* sender = sender_of(in);
  if (sender == nullptr || !sender->waiting || sender->transmissions < kMostTransmissions) return;
  if (!is_repetition(in, *sender))
    r.at(kFrameSequence, "the link is used on, although a message was sent five times and never acknowledged");
}
void srl_06(const CheckInput& in, Reporter& r) {
  const auto* sender = sender_of(in);
  if (sender == nullptr || sender->pipelines || sender->waiting || sender->acknowledged_ns == 0) return;
  constexpr std::int64_t kPause = 9 * kMillisecond;  // 10 ms, and clocks that are not exact
  const std::int64_t pause = in.message.time_ns - sender->acknowledged_ns;
  if (pause >= 0 && pause < kPause)
    r.at(kFrameSequence, fmt::format("{} microseconds after the acknowledgement of the message before", pause / 1000));
}
const SessionState::Fragments* earlier_fragments(const CheckInput& in, const Packet*& packet) {
  packet = whole_packet(in);
  if (packet == nullptr || !packet->forwarding.is_fragment()) return nullptr;
  const auto found = state_of(in)->fragments.find(SessionState::fragments_key(in.message, packet->forwarding));
  return found == state_of(in)->fragments.end() ? nullptr : &found->second;
}
void frg_01(const CheckInput& in, Reporter& r) {
  const Packet* packet = nullptr;
  const auto* earlier = earlier_fragments(in, packet);
  if (earlier != nullptr && earlier->destination_list != packet->forwarding.destination_list)
    r.at(kDestinationListLength, "the Destination List differs from that of an earlier fragment");
}
void frg_02(const CheckInput& in, Reporter& r) {
  const Packet* packet = whole_packet(in);
  constexpr std::size_t kSmallest = 256;
  if (packet == nullptr || !packet->forwarding.is_fragment() || packet->forwarding.is_last_fragment()) return;
  if (packet->fragment.size() < kSmallest)
    r.at(kFragmentBody, fmt::format("a fragment of {} bytes", packet->fragment.size()));
}
void frg_04(const CheckInput& in, Reporter& r) {
  const Packet* packet = nullptr;
  const auto* earlier = earlier_fragments(in, packet);
  if (earlier == nullptr || !earlier->has_end) return;
  const std::size_t to = packet->forwarding.fragment_offset() + packet->fragment.size();
  if (to > earlier->end || (packet->forwarding.is_last_fragment() && to != earlier->end))
    r.at(kFragment, fmt::format("the message ended at byte {} already", earlier->end));
}
void frg_10(const CheckInput& in, Reporter& r) {
  const Packet* packet = nullptr;
  const auto* earlier = earlier_fragments(in, packet);
  if (earlier == nullptr) return;
  const std::uint32_t from = packet->forwarding.fragment_offset();
  const std::size_t to = from + packet->fragment.size();
  for (const auto& [begin, end] : earlier->ranges) {
    const bool same = begin == from && end == to;
    if (!same && begin < to && from < end) return r.at(kFragment, "the fragment overlaps an earlier one");
  }
}
void frg_06(const CheckInput& in, Reporter& r) {
  const ForwardingHeader* header = header_of(in);
  if (header == nullptr || !is_response(in) || state_of(in)->fragments.empty()) return;
  const auto found = state_of(in)->fragments.find(
      {in.message.destination, in.message.source, {header->overlay, header->transaction_id}});
  if (found == state_of(in)->fragments.end() || !found->second.has_end) return;
  const SessionState::Fragments& set = found->second;
  std::uint32_t bytes = 0;
  for (const auto& [from, to] : set.ranges) bytes += to - from;
  constexpr std::int64_t kKept = 16'000'000'000;  // 15 s, and clocks that are not exact
  // With a fragment that came twice, all of them may have come in time.
  if (bytes == set.end && set.last_ns - set.first_ns > kKept)
    r.at(kTransactionId, fmt::format("answers a request whose fragments came within {} ms",
                                     (set.last_ns - set.first_ns) / kMillisecond));
}
void sto_01(const CheckInput& in, Reporter& r) {
  const auto* store = body<StoreReq>(in);
  if (store != nullptr && has_twice(store->kind_data, [](const StoreKindData& data) { return data.kind; }))
    r.at(kStoreKindDataLength, "a Kind appears twice");
}
void sto_13(const CheckInput& in, Reporter& r) {
  Places places(in, kStoreGeneration);
  const auto* store = body<StoreReq>(in);
  if (store == nullptr || store->replica_number == 0) return;
  for (std::size_t i = 0; i < store->kind_data.size(); ++i) {
    if (store->kind_data[i].generation_counter == 0) r.at(places[i], "a replica with generation counter 0");
  }
}
void sto_19(const CheckInput& in, Reporter& r) {
  Places places(in, kStoreAnsGeneration);
  const auto* answer = body<StoreAns>(in);
  if (answer == nullptr) return;
  for (std::size_t i = 0; i < answer->kind_responses.size(); ++i) {
    if (answer->kind_responses[i].generation_counter == 0) r.at(places[i], "a stored generation counter of 0");
  }
}
void sto_22(const CheckInput& in, Reporter& r) {
  const auto* request = asked<StoreReq>(in);
  const auto* answer = body<StoreAns>(in);
  if (request != nullptr && answer != nullptr) same_kinds(r, request->kind_data, answer->kind_responses, "stored");
}
// The values of an original Store with what is known of their places.
template <class W, class F>
void each_overwritten(const CheckInput& in, W&& is_wanted, F&& look) {
  const auto* store = body<StoreReq>(in);
  const ForwardingHeader* header = header_of(in);
  if (store == nullptr || header == nullptr || store->replica_number != 0 || state_of(in)->written.empty()) return;
  each_value(in, [&](const StoredData& value, std::size_t i) {
    if (!is_wanted(value)) return;
    const auto& written = state_of(in)->written;
    const auto found = written.find(SessionState::place_of(header->overlay, store->resource, value));
    if (found != written.end() && value.storage_time < found->second.until_ms) look(value, i, found->second);
  });
}
void sto_25(const CheckInput& in, Reporter& r) {
  Places places(in, kLifetime);
  const auto removes = [](const StoredData& value) { return !value.exists; };
  each_overwritten(in, removes, [&](const StoredData& value, std::size_t i, const SessionState::Written& old) {
    constexpr std::uint64_t kSecond = 1000;
    const std::uint64_t until = value.storage_time + value.lifetime * kSecond;
    if (old.exists && until + kSecond < old.until_ms)
      r.at(places[i], fmt::format("the removal ends {} s before the lifetime of what it removes",
                                  (old.until_ms - until) / kSecond));
  });
}
void crt_02(const CheckInput& in, Reporter& r) {
  Places places(in, kIndex);
  const auto is_certificate = [](const StoredData& value) {
    return value.exists && (value.kind == kCertificateByNodeKind || value.kind == kCertificateByUserKind);
  };
  each_overwritten(in, is_certificate, [&](const StoredData& value, std::size_t i, const SessionState::Written& old) {
    if (old.exists && hash_of(value.value) != old.value)
      r.at(places[i], fmt::format("overwrites the certificate at index {}", value.index));
  });
}
void sto_28(const CheckInput& in, Reporter& r) {
  Places places(in, kValueSignature);
  if (whole_packet(in) == nullptr) return;
  each_value(in, [&](const StoredData& value, std::size_t i) {
    if (value.signature.value.empty() || value.signature.identity.type == kNoIdentity)
      r.at(places[i], "the value is not signed");
  });
}
void sto_30(const CheckInput& in, Reporter& r) {
  Places places(in, kValue);
  each_value(in, [&](const StoredData& value, std::size_t i) {
    if (!value.exists && !value.value.empty())
      r.at(places[i], fmt::format("a value that does not exist has {} bytes", value.value.size()));
  });
}
void fet_02(const CheckInput& in, Reporter& r) {
  Places places(in, kArrayRange);
  const auto* specifiers = specifiers_of(in);
  if (specifiers == nullptr) return;
  std::size_t i = 0;
  for (const StoredDataSpecifier& specifier : *specifiers) {
    for (const ArrayRange& range : specifier.indices) {
      if (range.first > range.last) r.at(places[i], fmt::format("from {} to {}", range.first, range.last));
      ++i;
    }
  }
}
void fet_03(const CheckInput& in, Reporter& r) {
  const auto* specifiers = specifiers_of(in);
  if (specifiers == nullptr) return;
  for (const StoredDataSpecifier& specifier : *specifiers) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> ranges;
    for (const ArrayRange& range : specifier.indices) ranges.emplace_back(range.first, range.last);
    std::sort(ranges.begin(), ranges.end());
    for (std::size_t i = 1; i < ranges.size(); ++i) {
      if (ranges[i].first <= ranges[i - 1].second)
        return r.at(kIndicesLength, fmt::format("index {} is asked for twice", ranges[i].first));
    }
  }
}
void fet_05(const CheckInput& in, Reporter& r) {
  const auto* request = asked<FetchReq>(in);
  const auto* answer = body<FetchAns>(in);
  if (request != nullptr && answer != nullptr) same_kinds(r, request->specifiers, answer->kind_responses, "asked for");
}
void fet_08(const CheckInput& in, Reporter& r) {
  Places places(in, kFetchValue);
  const auto* answer = body<FetchAns>(in);
  if (answer == nullptr) return;
  std::size_t i = 0;
  for (const FetchKindResponse& response : answer->kind_responses) {
    for (const StoredData& value : response.values) {
      const bool nobody = value.signature.identity.type == kNoIdentity;
      const bool synthetic = !value.exists && value.value.empty() && value.signature.hash == 0 &&
                             value.signature.signature == 0 && value.signature.value.empty();
      if (nobody && !synthetic)
        r.at(places[i], "a value without signer that is not 'does not exist' with an empty signature");
      ++i;
    }
  }
}
void fet_11(const CheckInput& in, Reporter& r) {
  for (const Issue& issue : in.message.issues) {
    if (issue.field == &kSpecifierLength || issue.field == &kIndicesLength || issue.field == &kKeysLength)
      r.issue(issue);
  }
}
void sta_01(const CheckInput& in, Reporter& r) {
  const auto* request = asked<StatReq>(in);
  const auto* answer = body<StatAns>(in);
  if (request != nullptr && answer != nullptr) same_kinds(r, request->specifiers, answer->kind_responses, "asked for");
}
void fnd_01(const CheckInput& in, Reporter& r) {
  const auto* find = body<FindReq>(in);
  if (find != nullptr && has_twice(find->kinds, [](std::uint32_t kind) { return kind; }))
    r.at(kFindKindsLength, "a Kind appears twice");
}
void trn_01(const CheckInput& in, Reporter& r) {
  Places places(in, kTurnAddress);
  const auto* store = body<StoreReq>(in);
  if (store == nullptr) return;
  std::size_t i = 0;
  each_value(in, [&](const StoredData& value, std::size_t) {
    if (value.kind != kTurnServiceKind || !value.exists) return;
    KindValue typed{value.kind, true, {}};
    if (!decode_part(value.value, typed)) return;
    const IpAddressPort& address = std::get<TurnServer>(typed.value).server_address;
    const std::uint32_t ip = address.ipv4;
    const bool is_private = ip >> 24 == 10 || ip >> 20 == 0xac1 || ip >> 16 == 0xc0a8;
    if (address.type == kIpv4Address && is_private) r.at(places[i], "a private address");
    ++i;
  });
}
void chd_01(const CheckInput& in, Reporter& r) {
  const auto* context = static_cast<const Context*>(in.message.context);
  const Packet* packet = packet_of(in.message);
  if (packet == nullptr || (context != nullptr && !context->chord)) return;
  constexpr std::size_t kSize = 16;
  const auto is_wrong = [](const Destination& one) {
    return one.type == kResourceDestination && one.id.size() != kSize;
  };
  const ForwardingHeader& header = packet->forwarding;
  // Destinations stand in options and in a RouteQuery too.
  const bool elsewhere = !header.options.empty() || body<RouteQueryReq>(in) != nullptr;
  const bool wrong = elsewhere || std::ranges::any_of(header.destination_list, is_wrong) ||
                     std::ranges::any_of(header.via_list, is_wrong) || resource_size(*packet).value_or(kSize) != kSize;
  if (!wrong || !in.message.whole()) return;
  for (const Event& event : in.message.events) {
    const bool resource = event.field == &kResourceId || event.field == &kStoreResource ||
                          event.field == &kFetchResource || event.field == &kStatResource ||
                          event.field == &kFindResource;
    if (resource && event.has_text && event.text.size() != kSize)
      r.at(&event, fmt::format("a Resource-ID of {} bytes, expected {}", event.text.size(), kSize));
  }
}
void chd_21(const CheckInput& in, Reporter& r) {
  const auto* update = body<UpdateReq>(in);
  if (update != nullptr && !std::is_sorted(update->fingers.begin(), update->fingers.end()))
    r.at(kFingersLength, "the fingers are not in ascending order");
}
void chd_35(const CheckInput& in, Reporter& r) {
  for (const Issue& issue : in.message.issues) {
    if (issue.field == &kNextPeer) r.issue(issue);
  }
}
void chd_38(const CheckInput& in, Reporter& r) {
  const auto* leave = body<LeaveReq>(in);
  const auto* context = static_cast<const Context*>(in.message.context);
  if (leave == nullptr || !in.message.whole() || (context != nullptr && !context->chord)) return;
  const Event* type = in.message.first(kChordLeaveType);
  if (type == nullptr)
    r.at(kLeaveDataLength, "a Leave without Chord leave data");
  else if (type->number != kFromSuccessor && type->number != kFromPredecessor)
    r.at(type, fmt::format("Chord leave data of type {}", type->number));
}
void routing_option(const CheckInput& in, Reporter& r, std::uint8_t wanted, std::size_t destinations) {
  const ForwardingHeader* header = header_of(in);
  ExtensiveRoutingMode mode;
  std::uint8_t flags = 0;
  if (header == nullptr || header->options.empty() || is_response(in)) return;
  if (!routing_mode(*header, mode, flags) || mode.routemode != wanted) return;
  if ((flags & kIgnoreStateKeeping) == 0) r.at(kOptionFlags, "IGNORE-STATE-KEEPING is not set");
  if (mode.destinations.size() != destinations)
    r.at(kRouteDestinationsLength, fmt::format("{} destinations, expected {}", mode.destinations.size(), destinations));
  for (const Destination& destination : mode.destinations) {
    if (destination.type != kNodeDestination) return r.at(kRouteDestinationsLength, "a destination that is no node");
  }
}
void drr_02(const CheckInput& in, Reporter& r) {
  routing_option(in, r, kDirectResponseRouting, 1);
}
void rpr_01(const CheckInput& in, Reporter& r) {
  routing_option(in, r, kRelayPeerRouting, 2);
}
// The response came by the wanted way: not where the responder chose the symmetric one.
void routed_response(const CheckInput& in, Reporter& r, std::uint8_t wanted) {
  const Packet* request = packet_of(*in.request);
  const ForwardingHeader* header = header_of(in);
  ExtensiveRoutingMode mode;
  std::uint8_t flags = 0;
  if (request == nullptr || header == nullptr || !is_response(in) || in.message.source.empty() || same_link(in)) return;
  if (!routing_mode(request->forwarding, mode, flags) || mode.routemode != wanted) return;
  if (body<ErrorResponse>(in) == nullptr && header->destination_list != mode.destinations)
    r.at(kDestinationListLength, "the Destination List is not the one of the option");
}
// R-DRR-03, R-RPR-02: a request that names another number of nodes than its mode has.
void misrouted(const CheckInput& in, Reporter& r, std::uint8_t wanted, std::size_t destinations) {
  const Packet* request = packet_of(*in.request);
  ExtensiveRoutingMode mode;
  std::uint8_t flags = 0;
  if (request == nullptr || request->forwarding.options.empty() || !is_response(in)) return;
  if (!routing_mode(request->forwarding, mode, flags) || mode.routemode != wanted) return;
  const auto* error = body<ErrorResponse>(in);
  if (mode.destinations.size() == destinations || (error != nullptr && error->code == kUnknownExtension)) return;
  r.at(kMessageCode,
       fmt::format("the option had {} destinations, expected was Error_Unknown_Extension", mode.destinations.size()));
}
void drr_03(const CheckInput& in, Reporter& r) {
  misrouted(in, r, kDirectResponseRouting, 1);
}
void rpr_02(const CheckInput& in, Reporter& r) {
  misrouted(in, r, kRelayPeerRouting, 2);
}
void drr_05(const CheckInput& in, Reporter& r) {
  const ForwardingHeader* header = header_of(in);
  if (header == nullptr || header->options.empty() || in.message.direction != Direction::kRequest) return;
  const bool stateless = std::any_of(header->options.begin(), header->options.end(), [](const ForwardingOption& one) {
    return (one.flags & kIgnoreStateKeeping) != 0;
  });
  const auto* found = stateless ? state_of(in)->request(*header) : nullptr;
  if (found == nullptr || found->destination != in.message.source) return;
  if (header->via_list.size() <= found->via)
    r.at(kViaListLength, fmt::format("the Via List has {} entries, it had {} on the hop before: whoever forwarded it "
                                     "keeps state",
                                     header->via_list.size(), found->via));
}
void drr_06(const CheckInput& in, Reporter& r) {
  const ForwardingHeader* header = header_of(in);
  if (header == nullptr || header->options.empty() || in.message.direction != Direction::kRequest) return;
  const auto* found = state_of(in)->request(*header);
  constexpr std::int64_t kTimeout = 2'000'000'000;  // sooner is a copy of the link
  if (found == nullptr || !found->direct || found->source != in.message.source ||
      found->destination != in.message.destination || in.message.time_ns - found->time_ns < kTimeout)
    return;
  if (asks_directly(*header)) r.at(kOptionType, "the request is sent again and still asks for a direct response");
}
void drr_04(const CheckInput& in, Reporter& r) {
  routed_response(in, r, kDirectResponseRouting);
}
void rpr_03(const CheckInput& in, Reporter& r) {
  routed_response(in, r, kRelayPeerRouting);
}
void tun_01(const CheckInput& in, Reporter& r) {
  each_extension(in, kSelfTuningExtension, [&](const MessageExtension& extension, const Event* event) {
    constexpr std::size_t kSize = 12;
    if (body<ProbeReq>(in) == nullptr && body<ProbeAns>(in) == nullptr) r.at(event, "self_tuning_data outside Probe");
    if (extension.critical) r.at(event, "self_tuning_data is critical");
    if (extension.contents.size() != kSize)
      r.at(event, fmt::format("self_tuning_data has {} bytes, expected {}", extension.contents.size(), kSize));
  });
}
void rdr_01(const CheckInput& in, Reporter& r) {
  Places places(in, kStoreValue);
  const auto* store = body<StoreReq>(in);
  const ForwardingHeader* header = header_of(in);
  if (store == nullptr || header == nullptr || store->replica_number != 0 || !header->via_list.empty()) return;
  const auto& fetched = state_of(in)->fetched;
  const auto any = fetched.lower_bound({in.message.source, ""});
  // Whoever never fetched a tree node here does so on another link.
  if (any == fetched.end() || any->first != in.message.source) return;
  if (fetched.contains({in.message.source, store->resource})) return;
  each_value(in, [&](const StoredData& value, std::size_t i) {
    if (value.kind == kRedirKind && value.exists) r.at(places[i], "this tree node was not fetched before");
  });
}
void rdr_06(const CheckInput& in, Reporter& r) {
  const auto* answer = body<FetchAns>(in);
  if (answer == nullptr || in.message.time_ns == 0) return;
  Places places(in, kFetchValue);
  std::size_t i = 0;
  const auto now = static_cast<std::uint64_t>(in.message.time_ns / kMillisecond);
  for (const FetchKindResponse& response : answer->kind_responses) {
    for (const StoredData& value : response.values) {
      constexpr std::uint64_t kSecond = 1000;
      constexpr std::uint64_t kApart = 300 * kSecond;  // the provider's clock and the capture's
      const std::uint64_t until = value.storage_time + value.lifetime * kSecond;
      if (response.kind == kRedirKind && value.exists && until + kApart < now)
        r.at(places[i], fmt::format("the record expired {} s ago", (now - until) / kSecond));
      ++i;
    }
  }
}
void rdr_07(const CheckInput& in, Reporter& r) {
  const auto* leave = body<LeaveReq>(in);
  const ForwardingHeader* header = header_of(in);
  if (leave == nullptr || header == nullptr || !header->via_list.empty() || in.message.time_ns == 0) return;
  const auto provided = state_of(in)->provided.find(leave->leaving_peer_id.str());
  if (provided == state_of(in)->provided.end()) return;
  const auto now = static_cast<std::uint64_t>(in.message.time_ns / kMillisecond);
  for (const SessionState::Place& place : provided->second) {
    const auto record = state_of(in)->written.find(place);
    if (record == state_of(in)->written.end() || !record->second.exists || record->second.until_ms < now) continue;
    if (record->second.source == in.message.source)
      return r.at(kLeavingPeerId, "its record in a ReDiR tree is still there");
  }
}
void dia_01(const CheckInput& in, Reporter& r) {
  each_extension(in, kDiagnosticPing, [&](const MessageExtension&, const Event* event) {
    const bool ping = body<PingReq>(in) != nullptr || body<PingAns>(in) != nullptr;
    if (!ping && body<ErrorResponse>(in) == nullptr) r.at(event, "Diagnostic_Ping outside Ping");
  });
}
void lifetime(Reporter& r, const Field& field, std::uint64_t from, std::uint64_t to) {
  constexpr std::uint64_t kLeast = 1'000;
  constexpr std::uint64_t kMost = 600'000;
  if (to < from + kLeast || to > from + kMost)
    r.at(field, fmt::format("expires {} ms after its time stamp, allowed are {} to {}",
                            static_cast<std::int64_t>(to - from), kLeast, kMost));
}
void dia_04(const CheckInput& in, Reporter& r) {
  DiagnosticsRequest request;
  DiagnosticsResponse response;
  if (request_diagnostics(in.message, request) && in.message.whole())
    lifetime(r, kDiagnosticsExpiration, request.timestamp_initiated, request.expiration);
  if (response_diagnostics(in.message, response) && in.message.whole())
    lifetime(r, kResponseExpiration, response.timestamp_received, response.expiration);
}
void dia_05(const CheckInput& in, Reporter& r) {
  DiagnosticsResponse response;
  const Packet* request = packet_of(*in.request);
  if (request == nullptr || !same_link(in) || !response_diagnostics(in.message, response)) return;
  // Only the last link shows the TTL that the responder saw.
  if (request->forwarding.destination_list.size() == 1 && in.message.first(kVia) == nullptr &&
      response.hop_counter > request->forwarding.ttl)
    r.at(kHopCounter,
         fmt::format("hop_counter is {}, the request's ttl was {}", response.hop_counter, request->forwarding.ttl));
}
void dia_06(const CheckInput& in, Reporter& r) {
  DiagnosticsRequest request;
  DiagnosticsResponse response;
  if (!request_diagnostics(*in.request, request) || !response_diagnostics(in.message, response)) return;
  if (request.timestamp_initiated != response.timestamp_initiated)
    r.at(kResponseInitiated, "timestamp_initiated is not that of the request");
}
void dia_07(const CheckInput& in, Reporter& r) {
  if (const Packet* packet = packet_of(in.message); packet == nullptr || !may_have_diagnostics(*packet)) return;
  each(in, kDiagnosticExtensionKind, [&](const Event& event) {
    if (event.number <= kLastFlagKind) r.at(&event, fmt::format("kind {:#x} is asked for by its flag", event.number));
  });
}
void dia_08(const CheckInput& in, Reporter& r) {
  for (const Issue& issue : in.message.issues) {
    if (rows::one_of(issue.shape, {Shape::kBadLength, Shape::kCutShort}) &&
        (issue.field == &kDiagnosticsExtLength || issue.field == &kDiagnosticsListLength ||
         issue.field == &kResponseExtLength || issue.field == &kResponseListLength))
      r.issue(issue);
  }
}
void dia_12(const CheckInput& in, Reporter& r) {
  if (const Packet* packet = packet_of(in.message); packet == nullptr || !may_have_diagnostics(*packet)) return;
  each(in, kDmFlags, [&](const Event& event) {
    const auto flags = static_cast<std::uint64_t>(event.number);
    constexpr std::uint64_t kReserved = 1ULL << 63 | 1;
    if (flags != ~0ULL && (flags & kReserved) != 0) r.at(&event, "a reserved bit of dMFlags is set");
  });
}
void dia_13(const CheckInput& in, Reporter& r) {
  const ForwardingHeader* header = header_of(in);
  if (header == nullptr || header->destination_list.empty()) return;
  const Destination& last = header->destination_list.back();
  if (last.type != kNodeDestination || !all_are(last.id, '\xff')) return;
  each_extension(in, kDiagnosticPing, [&](const MessageExtension&, const Event* event) {
    r.at(event, "diagnostics of the wildcard Node-ID");
  });
}
void dia_14(const CheckInput& in, Reporter& r) {
  const ForwardingHeader* header = header_of(in);
  DiagnosticsRequest request;
  if (header == nullptr || header->via_list.size() < 2 || !request_diagnostics(in.message, request)) return;
  std::set<std::string_view> seen;
  Places places(in, kVia);
  std::size_t i = 0;
  for (const Destination& via : header->via_list) {
    const Event* place = places[i++];
    if (via.type == kNodeDestination && !seen.insert(via.id).second)
      r.at(place, "passed this node twice; whoever saw that should have said Error_Loop_Detected");
  }
}
void dia_15(const CheckInput& in, Reporter& r) {
  if (const Packet* packet = packet_of(in.message); packet == nullptr || !may_have_diagnostics(*packet)) return;
  each(in, kSoftwareVersion, [&](const Event& event) {
    if (event.text.find('\0') != event.text.size() - 1)
      r.at(&event, "SOFTWARE_VERSION does not end with one zero byte");
  });
}
void dia_16(const CheckInput& in, Reporter& r) {
  if (const Packet* packet = packet_of(in.message); packet == nullptr || !may_have_diagnostics(*packet)) return;
  each(in, kStatusInfo, [&](const Event& event) {
    if (event.number > 0xf) r.at(&event, fmt::format("STATUS_INFO is {:#x}", event.number));
  });
}
void sip_04(const CheckInput& in, Reporter& r) {
  Places places(in, kFetchSpecifier);
  const auto* fetch = body<FetchReq>(in);
  if (fetch == nullptr) return;
  for (std::size_t i = 0; i < fetch->specifiers.size(); ++i) {
    if (fetch->specifiers[i].kind == kSipRegistrationKind && !fetch->specifiers[i].keys.empty())
      r.at(places[i], "a look-up of SIP registrations with keys");
  }
}

}  // namespace peerscope::reload::checks
