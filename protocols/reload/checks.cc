// SPDX-License-Identifier: GPL-2.0-or-later
// Checks of the header, the contents, signatures, links and fragments.
#include "protocols/reload/checks.h"
#include "protocols/reload/check_support.h"

namespace peerscope::reload::checks {

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

}  // namespace peerscope::reload::checks
