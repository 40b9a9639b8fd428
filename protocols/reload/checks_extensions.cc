// SPDX-License-Identifier: GPL-2.0-or-later
// Checks of CHORD-RELOAD and of the extensions: response routing, self-tuning, diagnostics.
#include "protocols/reload/check_support.h"
#include "protocols/reload/checks.h"

namespace peerscope::reload::checks {

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

}  // namespace peerscope::reload::checks
