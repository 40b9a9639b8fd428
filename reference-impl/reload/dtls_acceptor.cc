// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/dtls_acceptor.h"

#include <vector>

#include "reference-impl/net/log.h"

namespace peerscope::reload {
namespace {

net::Endpoint endpoint_of(const DtlsAcceptor::Address& address) {
  return {address.address().to_string(), address.port()};
}

}  // namespace

void DtlsAcceptor::receive(const Address& from, std::string_view datagram) {
  if (stopped_ || datagram.empty()) return;
  const auto self = shared_from_this();
  const auto at = slots_.find(from);
  if (at == slots_.end()) {
    if (begins_with_client_hello(datagram)) begin(from, datagram);
    return;
  }
  const Slot slot = at->second;  // held while the links may end
  if (slot.next) slot.next->receive(datagram);
  const bool was_open = slot.current->open();
  slot.current->receive(datagram);
  if (was_open && !slot.next && begins_with_client_hello(datagram)) begin(from, datagram);
}

void DtlsAcceptor::begin(const Address& from, std::string_view hello) {
  if (stopped_ || handshakes_ >= options_.max_handshakes || slots_.size() >= options_.max_links) return;
  const auto to_here = [this, from](std::string_view datagram) { send_(from, datagram); };
  if (!listener_) listener_ = std::make_unique<DtlsSession>(context_, DtlsSession::Side::kServer, DtlsSession::Send());
  listener_->set_send(to_here);
  const net::Endpoint remote = endpoint_of(from);
  const bool known = listener_->listen(remote.to_string(), hello);
  listener_->set_send({});
  if (!known) return;
  // The listening session is this link's from now on.
  listener_->set_send([weak = weak_from_this(), from](std::string_view datagram) {
    if (const auto acceptor = weak.lock()) acceptor->send_(from, datagram);
  });
  const auto link = std::make_shared<DtlsLink>(clock_, std::move(listener_), remote, check_, options_.link);
  Slot& slot = slots_[from];
  (slot.current ? slot.next : slot.current) = link;
  ++handshakes_;
  link->set_events(
      [weak = weak_from_this(), from](const LinkOwner& opened_link, const net::Result<void>& result) {
        const auto self = weak.lock();
        if (!self) return;
        --self->handshakes_;
        if (!result.ok()) {
          net::log_debug("reload", "no link", {{"why", result.error().message}});
          return;
        }
        self->opened(from, opened_link);
      },
      [weak = weak_from_this(), from, about = link.get()] {
        if (const auto self = weak.lock()) self->gone(from, about);
      });
  link->start();
}

void DtlsAcceptor::opened(const Address& from, const LinkOwner& link) {
  const auto at = slots_.find(from);
  if (at != slots_.end() && at->second.next == link) {
    const LinkOwner old = std::exchange(at->second.current, std::exchange(at->second.next, nullptr));
    old->fail({net::ErrorKind::kReset, "the other side began anew"});
  }
  if (on_accept_)
    on_accept_(link);
  else
    link->close();
}

void DtlsAcceptor::gone(const Address& from, const DtlsLink* link) {
  const auto at = slots_.find(from);
  if (at == slots_.end()) return;
  Slot& slot = at->second;
  if (slot.next.get() == link) slot.next.reset();
  if (slot.current.get() != link) return;
  slot.current = std::exchange(slot.next, nullptr);
  if (!slot.current) slots_.erase(at);
}

void DtlsAcceptor::refused(const Address& address) {
  const auto at = slots_.find(address);
  if (at == slots_.end()) return;
  const auto self = shared_from_this();
  const Slot slot = at->second;
  for (const LinkOwner& link : {slot.next, slot.current}) {
    if (link) link->fail({net::ErrorKind::kRefused, "nobody listens there any more"});
  }
}

void DtlsAcceptor::stop() {
  if (std::exchange(stopped_, true)) return;
  on_accept_ = {};
  std::vector<LinkOwner> all;
  for (const auto& [from, slot] : slots_) {
    for (const LinkOwner& link : {slot.current, slot.next}) {
      if (link) all.push_back(link);
    }
  }
  for (const LinkOwner& link : all) link->shut_down();
  slots_.clear();
}

}  // namespace peerscope::reload
