// SPDX-License-Identifier: GPL-2.0-or-later
// Links that others open over DTLS, told apart by the addresses they come from. No sockets: datagrams come and go by
// calls.
//
// Who begins anew from an address that has a link (RFC 6347 section 4.2.8) replaces it only when the new handshake is
// finished; until then both read what comes, and each drops what is not its own.
//
// Ownership: shared, as its links' events hold it weakly; the clock must outlive it. Failure: what cannot be read is
// dropped. Threading: one thread.
#pragma once

#include <boost/asio/ip/udp.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string_view>

#include "reference-impl/reload/dtls_link.h"

namespace peerscope::reload {

struct DtlsAcceptorOptions {
  std::size_t max_handshakes = 256;  // at a time
  std::size_t max_links = 2048;
  DtlsLinkOptions link;
};

class DtlsAcceptor : public std::enable_shared_from_this<DtlsAcceptor> {
 public:
  using Address = boost::asio::ip::udp::endpoint;
  using Send = std::function<void(const Address& to, std::string_view datagram)>;

  DtlsAcceptor(net::Clock& clock, std::shared_ptr<const DtlsContext> context, DtlsAcceptorOptions options, Send send)
      : clock_(clock), context_(std::move(context)), options_(std::move(options)), send_(std::move(send)) {}

  void set_peer_check(PeerCheck check) { check_ = std::move(check); }
  void set_on_accept(std::function<void(LinkPtr)> on_accept) { on_accept_ = std::move(on_accept); }
  void receive(const Address& from, std::string_view datagram);
  // The network says that nobody is there (a hard ICMP error, RFC 6940 section 6.6.3.1).
  void refused(const Address& address);
  // Says goodbye on all links.
  void stop();

  std::size_t handshakes() const { return handshakes_; }
  std::size_t links() const { return slots_.size(); }

 private:
  using LinkOwner = std::shared_ptr<DtlsLink>;
  struct Slot {
    LinkOwner current;
    LinkOwner next;  // in its handshake, while `current` still serves
  };
  void begin(const Address& from, std::string_view hello);
  void opened(const Address& from, const LinkOwner& link);
  void gone(const Address& from, const DtlsLink* link);

  net::Clock& clock_;
  std::shared_ptr<const DtlsContext> context_;
  DtlsAcceptorOptions options_;
  Send send_;
  PeerCheck check_;
  std::function<void(LinkPtr)> on_accept_;
  std::map<Address, Slot> slots_;
  std::unique_ptr<DtlsSession> listener_;  // answers those who have no cookie yet
  std::size_t handshakes_ = 0;
  bool stopped_ = false;
};

}  // namespace peerscope::reload
