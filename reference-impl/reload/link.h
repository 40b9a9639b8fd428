// SPDX-License-Identifier: GPL-2.0-or-later
// Overlay links as a node uses them: whole messages to and from one neighbour (RFC 6940 section 6.6). How they get
// there is the transport's business: TLS over sockets (tls_transport.h), or memory (memory_overlay.h).
//
// Ownership: links are shared; a listener must clear itself before it goes. Failure: a link that cannot go on closes
// and says why. Threading: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocols/reload/context.h"
#include "reference-impl/net/http.h"
#include "reference-impl/net/result.h"

namespace peerscope::reload {

class Link;

class LinkListener {
 public:
  virtual ~LinkListener() = default;
  virtual void on_message(const std::shared_ptr<Link>& link, std::string_view message) = 0;
  // Nothing was acknowledged for too long: not to be routed over (R-LNK-03). `stalled` false: it came back.
  virtual void on_stalled(const std::shared_ptr<Link>& link, bool stalled) = 0;
  virtual void on_closed(const std::shared_ptr<Link>& link, const net::Error& why) = 0;
};

class Link {
 public:
  Link() = default;
  virtual ~Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // One whole message without framing. Dropped when the link is closed.
  virtual void send(std::string message) = 0;
  virtual void close() = 0;
  virtual net::Endpoint remote() const = 0;

  // As the certificate says; several when it has several.
  const std::vector<NodeId>& peers() const { return peers_; }
  void set_listener(LinkListener* listener) { listener_ = listener; }

 protected:
  std::vector<NodeId> peers_;
  LinkListener* listener_ = nullptr;
};
using LinkPtr = std::shared_ptr<Link>;

// Where a node accepts links of one type (overlay_link.h).
struct LinkAddress {
  std::uint8_t type = 0;
  net::Endpoint endpoint;
};

class LinkTransport {
 public:
  using Connected = std::function<void(net::Result<LinkPtr>)>;

  LinkTransport() = default;
  virtual ~LinkTransport() = default;
  LinkTransport(const LinkTransport&) = delete;
  LinkTransport& operator=(const LinkTransport&) = delete;

  // Where this node accepts links, and of which type (overlay_link.h).
  virtual net::Endpoint local() const = 0;
  virtual std::uint8_t link_type() const = 0;
  // The same for transports that have several types; the preferred one first.
  virtual std::vector<LinkAddress> addresses() const { return {{link_type(), local()}}; }
  // Calls back once, never inside this call.
  virtual void connect(const net::Endpoint& remote, Connected done) = 0;
  // With a type out of addresses().
  virtual void connect_by(std::uint8_t, const net::Endpoint& remote, Connected done) {
    connect(remote, std::move(done));
  }
  // Links that others opened.
  void set_on_accept(std::function<void(LinkPtr)> on_accept) { on_accept_ = std::move(on_accept); }

 protected:
  std::function<void(LinkPtr)> on_accept_;
};

}  // namespace peerscope::reload
