// SPDX-License-Identifier: GPL-2.0-or-later
// Direct response routing (RFC 7263): where the configuration has the mode DRR, a request says where its response may
// go without the way back. The requester's retransmissions ask for the way back, which always works.
#include <algorithm>

#include "protocols/reload/protocol.h"
#include "reference-impl/reload/candidates.h"
#include "reference-impl/reload/node.h"

namespace peerscope::reload {
namespace {

constexpr net::Duration kDirectLinkLife = std::chrono::seconds(30);  // unless it becomes more than that

const ForwardingOption* mode_option(const ForwardingHeader& header) {
  const auto at = std::find_if(header.options.begin(), header.options.end(), [](const ForwardingOption& option) {
    return option.type == ExtensiveRoutingMode::kCode;
  });
  return at == header.options.end() ? nullptr : &*at;
}

}  // namespace

bool Node::wants_direct_response(const Destination& to) const {
  if (overlay_->configuration.route_mode != "DRR" || transport_.local().port == 0) return false;
  return to.type != kNodeDestination || (to.id != node_id().view() && !is_linked(NodeId(to.id)));
}

ForwardingOption Node::direct_response_option() const {
  const LinkAddress own = transport_.addresses().front();
  ExtensiveRoutingMode mode;
  mode.transport = own.type;
  mode.address = address_of(own.endpoint);
  mode.destinations = {Destination::node(node_id().view())};
  return {ExtensiveRoutingMode::kCode, kIgnoreStateKeeping, encode_part(mode)};
}

// R-DRR-03: what is no direct response to one destination is not understood here.
bool Node::understands_route_mode(const ForwardingHeader& header) const {
  const ForwardingOption* option = mode_option(header);
  if (option == nullptr) return true;
  ExtensiveRoutingMode mode;
  return decode_part(option->value, mode) && mode.routemode == kDirectResponseRouting &&
         (mode.destinations.size() == 1 || has_defect(NodeDefect::kDirectAnyDestinations));
}

bool Node::respond_directly(const Request& request, const std::string& payload) {
  const ForwardingOption* option = mode_option(request.forwarding);
  ExtensiveRoutingMode mode;
  if (option == nullptr || request.link == nullptr || !understands_route_mode(request.forwarding) ||
      !decode_part(option->value, mode))
    return false;
  // Only to the one who signed: nobody shall make this node open links to others.
  const NodeId& to = request.signer.node_id;
  if (to.empty() || mode.destinations[0] != Destination::node(to.view())) return false;
  const auto message = [this, payload, tid = request.forwarding.transaction_id, to] {
    Envelope envelope;
    envelope.forwarding.overlay = overlay_->hash;
    envelope.forwarding.configuration_sequence = overlay_->sequence;
    envelope.forwarding.ttl = static_cast<std::uint8_t>(overlay_->configuration.initial_ttl);
    envelope.forwarding.transaction_id = tid;
    envelope.forwarding.destination_list = {Destination::node(to.view())};  // R-DRR-04
    envelope.payload = payload;
    return encode_part(envelope, &overlay_->context);
  };
  if (const LinkPtr link = link_to(to)) {
    send(link, message());
    return true;
  }
  const auto types = transport_.addresses();
  const auto speaks = [&](const LinkAddress& own) { return own.type == mode.transport; };
  const net::Endpoint address = endpoint_of(mode.address);
  if (address.port == 0 || std::none_of(types.begin(), types.end(), speaks) || answering_.contains(to) ||
      answering_.size() >= options_.max_connecting)
    return false;
  answering_.insert(to);
  Request back;
  back.forwarding = request.forwarding;
  std::erase_if(back.forwarding.options,
                [](const ForwardingOption& one) { return one.type == ExtensiveRoutingMode::kCode; });
  back.from = request.from;
  back.link = request.link;
  back.signer = request.signer;
  transport_.connect_by(
      mode.transport, address,
      [this, to, back, payload, message, alive = std::weak_ptr<bool>(alive_)](net::Result<LinkPtr> link) {
        if (alive.expired()) return;
        answering_.erase(to);
        const bool right = link.ok() && std::count((*link)->peers().begin(), (*link)->peers().end(), to) != 0;
        if (link.ok() && !right) {
          ++stats_.forged;
          (*link)->close();
        }
        if (!right) return send_response(back, payload);
        add_link(*link, false);
        send(*link, message());
        later(kDirectLinkLife, [this, to, weak = std::weak_ptr<Link>(*link)] {
          const auto connection = connections_.find(to);
          const LinkPtr still = weak.lock();
          if (!still || connection == connections_.end() || connection->second.attached) return;
          still->close();
          remove_link(still);
        });
      });
  return true;
}

}  // namespace peerscope::reload
