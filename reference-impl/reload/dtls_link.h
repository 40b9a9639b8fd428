// SPDX-License-Identifier: GPL-2.0-or-later
// One DTLS-UDP-SR-NO-ICE link (RFC 6940 sections 6.6.4 and 6.6.6): handshake, then Simple Reliability, a frame a
// datagram. Messages above the MTU leave as RELOAD fragments (section 6.7). No sockets: datagrams come and go by calls.
//
// Ownership: shared by whoever passes datagrams in and by the node. Failure: closes and says why, once. Threading: one
// thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "reference-impl/net/clock.h"
#include "reference-impl/reload/dtls_session.h"
#include "reference-impl/reload/link.h"
#include "reference-impl/reload/simple_reliability.h"

namespace peerscope::reload {

struct DtlsLinkOptions {
  net::Duration handshake_timeout = std::chrono::seconds(15);
  net::Duration idle_timeout = std::chrono::hours(1);  // nothing came or went for so long: closed
  SimpleReliability::Limits reliability;
};

class DtlsLink final : public Link, public std::enable_shared_from_this<DtlsLink> {
 public:
  // The handshake's end, or the link's before it.
  using Opened = std::function<void(const std::shared_ptr<DtlsLink>& link, const net::Result<void>& result)>;

  DtlsLink(net::Clock& clock, std::unique_ptr<DtlsSession> session, net::Endpoint remote, PeerCheck check,
           DtlsLinkOptions options);
  ~DtlsLink() override;

  // Before start(). `gone` is called once, when no datagram is wanted any more.
  void set_events(Opened opened, std::function<void()> gone);
  void start();
  void receive(std::string_view datagram);
  // Ends it, whatever still waits, and tells the listener why.
  void fail(const net::Error& why);
  // The same by this side's own wish: the listener hears nothing.
  void shut_down();
  bool open() const { return opened_ && !done_; }
  bool done() const { return done_; }

  void send(std::string message) override;
  void close() override;
  net::Endpoint remote() const override { return remote_; }
  const SimpleReliability& reliability() const { return reliability_; }

 private:
  void follow_session();
  void run();
  void look();
  void watch_idleness();
  void end(const net::Error& why);
  void tell_state();
  net::TimerId later(net::Duration delay, void (DtlsLink::*what)());

  net::Clock& clock_;
  std::unique_ptr<DtlsSession> session_;
  net::Endpoint remote_;
  PeerCheck check_;
  DtlsLinkOptions options_;
  Opened on_opened_;
  std::function<void()> on_gone_;
  SimpleReliability reliability_;
  net::SteadyTime last_sign_{};
  net::TimerId timer_ = 0;
  net::TimerId deadline_ = 0;  // of the handshake, of the last words
  net::TimerId idle_timer_ = 0;
  bool opened_ = false;
  bool closing_ = false;
  bool done_ = false;
  bool stalled_ = false;
};

}  // namespace peerscope::reload
