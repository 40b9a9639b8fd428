// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/socket_node.h"

namespace peerscope::reload {

SocketNode::SocketNode(net::asio::any_io_executor executor, net::Clock& clock, RandomSource& random, OverlayPtr overlay,
                       Identity identity, NodeOptions options, SocketTransportOptions transport)
    : security_(std::make_unique<CertificateSecurity>(std::move(identity), options.defects)),
      checker_(security_.get()),
      clock_(clock),
      transport_(std::move(executor), clock, checker_->identity(), std::move(transport)),
      node_(clock, random, std::move(overlay), std::move(security_), transport_, std::move(options)) {
  transport_.set_peer_check([this](const CertificatePtr& certificate,
                                   std::span<const CertificatePtr> others) -> net::Result<std::vector<NodeId>> {
    const std::int64_t now =
        std::chrono::duration_cast<std::chrono::seconds>(clock_.wall_now().time_since_epoch()).count();
    std::string why;
    if (!checker_->trusts(*node_.overlay(), certificate, others, now, why)) return {net::ErrorKind::kTls, why};
    std::vector<NodeId> nodes;
    for (const std::string& id : certificate->node_ids()) nodes.emplace_back(id);
    if (nodes.empty()) return {net::ErrorKind::kTls, "the certificate names no node"};
    return nodes;
  });
}

}  // namespace peerscope::reload
