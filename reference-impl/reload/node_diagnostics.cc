// SPDX-License-Identifier: GPL-2.0-or-later
// What a node tells of itself (RFC 7851): in answers to Pings that ask by the extension Diagnostic_Ping, and to
// PathTrack. Nobody is told anything whom neither the configuration nor the node's own options permit it (section 7).
#include <algorithm>
#include <limits>

#include "protocols/reload/protocol.h"
#include "reference-impl/reload/node.h"

namespace peerscope::reload {
namespace {

constexpr std::uint64_t kMostAhead = 600'000;  // ms; expirations are 1 to 600 s ahead (sections 5.1 and 5.2)
constexpr std::uint64_t kAnswerLife = 60'000;  // ms

DiagnosticInfo info_of(DiagnosticValue value) {
  return {value.kind, encode_part(value)};
}
DiagnosticInfo number_info(std::uint16_t kind, std::uint64_t number) {
  DiagnosticValue value;
  value.kind = kind;
  value.number = number;
  return info_of(std::move(value));
}

}  // namespace

bool Node::may_diagnose(const NodeId& asker, std::uint16_t kind) const {
  return options_.open_diagnostics || overlay_->configuration.may_diagnose(kind, asker.view());
}

// Everything that this node can tell; kinds that it has no figures for are left out.
std::vector<DiagnosticInfo> Node::diagnostics() const {
  const auto share = [](std::size_t used, std::size_t most) { return used * 15 / std::max<std::size_t>(most, 1); };
  const std::size_t load =
      std::max(share(pending_.size(), options_.max_requests), share(links_.size(), options_.max_links));
  DiagnosticValue software;
  software.kind = kSoftwareVersionKind;
  software.text = options_.software;
  software.text.push_back('\0');  // R-DIA-15
  DiagnosticValue instances;
  instances.kind = kInstancesStoredKind;
  std::map<std::uint32_t, std::uint64_t> counts;
  for (const auto& [resource, stored] : storage_.resources()) {
    for (const auto& [kind, values] : stored.kinds) counts[kind] += values.values.size();
  }
  for (const auto& [kind, count] : counts) instances.instances.push_back({kind, count});
  return {number_info(kStatusInfoKind, std::min<std::size_t>(load, 15)),  // R-DIA-16
          number_info(kRoutingTableSizeKind, topology_->routing_table().size()),
          info_of(std::move(software)),
          number_info(kAppUptimeKind, uptime()),
          number_info(kDatasizeStoredKind, storage_.bytes()),
          info_of(std::move(instances))};
}

std::optional<Refusal> Node::diagnose(const Request& request, const DiagnosticsRequest& asked,
                                      DiagnosticsResponse& answer) const {
  const std::uint64_t now = wall_milliseconds();
  if (asked.expiration <= now) return refuse(kMessageExpired, "the request has expired");
  const auto wants = [&](std::uint16_t kind) { return (asked.flags >> kind & 1) != 0; };
  for (DiagnosticInfo& one : diagnostics()) {
    if (!wants(one.kind)) continue;
    if (!may_diagnose(request.signer.node_id, one.kind))
      return refuse(kForbidden, "not permitted to ask for this diagnostic");
    answer.infos.push_back(std::move(one));
  }
  answer.timestamp_initiated = asked.timestamp_initiated;
  answer.timestamp_received = now;
  answer.expiration = now + std::min(kAnswerLife, kMostAhead);
  answer.hop_counter = request.forwarding.ttl;
  return std::nullopt;
}

void Node::handle_ping(const Request& request, const Contents& contents) {
  Contents answer(PingAns{random(), wall_milliseconds()});
  for (const MessageExtension& extension : contents.extensions) {
    if (extension.type != kDiagnosticPing) continue;
    DiagnosticsRequest asked;
    if (!decode_part(extension.contents, asked))
      return respond(request, error_contents(kInvalidMessage, "a Diagnostic_Ping that cannot be read"));
    DiagnosticsResponse told;
    if (const auto refused = diagnose(request, asked, told))
      return respond(request, Contents(ErrorResponse{refused->code, refused->info}));
    answer.extensions.push_back({kDiagnosticPing, false, encode_part(told), true});
    break;
  }
  respond(request, std::move(answer));
}

// Where this node would send it: itself where it is responsible, and the asker stops there (R-DIA-11).
void Node::handle_path_track(const Request& request, const PathTrackReq& body) {
  if (body.destination.type != kNodeDestination && body.destination.type != kResourceDestination)
    return respond(request, error_contents(kInvalidMessage, "PathTrack to something that has no place in the ring"));
  PathTrackAns answer;
  if (const auto refused = diagnose(request, body.request, answer.response))
    return respond(request, Contents(ErrorResponse{refused->code, refused->info}));
  NodeId next = node_id();
  const bool to_node = body.destination.type == kNodeDestination;
  const bool own = to_node && body.destination.id == node_id().view();
  if (!own && to_node && is_linked(NodeId(body.destination.id))) {
    next = NodeId(body.destination.id);
  } else if (!own && !topology_->responsible(body.destination.id)) {
    const auto hop = topology_->next_hop(body.destination.id);
    if (hop && is_linked(*hop)) next = *hop;
  }
  answer.next_hop = Destination::node(next.view());
  respond(request, Contents(std::move(answer)));
}

}  // namespace peerscope::reload
