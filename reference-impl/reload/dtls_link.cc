// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/dtls_link.h"

#include <algorithm>

#include "protocols/reload/fragments.h"
#include "protocols/reload/packet_length.h"
#include "reference-impl/net/log.h"

namespace peerscope::reload {
namespace {

constexpr net::Duration kLastWords = std::chrono::seconds(2);  // for what waits when a link is closed
constexpr std::size_t kFramingHeader = 8;                      // type, sequence, length
constexpr std::size_t kRoomForVia = 32;                        // below the MTU, section 6.7
constexpr std::size_t kLargestRecord = 16384 - kFramingHeader;

}  // namespace

DtlsLink::DtlsLink(net::Clock& clock, std::unique_ptr<DtlsSession> session, net::Endpoint remote, PeerCheck check,
                   DtlsLinkOptions options)
    : clock_(clock),
      session_(std::move(session)),
      remote_(std::move(remote)),
      check_(std::move(check)),
      options_(options),
      reliability_(options.reliability),
      last_sign_(clock.now()) {}

DtlsLink::~DtlsLink() {
  for (const net::TimerId timer : {timer_, deadline_, idle_timer_}) clock_.cancel(timer);
}

net::TimerId DtlsLink::later(net::Duration delay, void (DtlsLink::*what)()) {
  return clock_.schedule(delay, [weak = weak_from_this(), what] {
    if (const auto self = weak.lock()) (*self.*what)();
  });
}

void DtlsLink::set_events(Opened opened, std::function<void()> gone) {
  on_opened_ = std::move(opened);
  on_gone_ = std::move(gone);
}

void DtlsLink::start() {
  const auto self = shared_from_this();
  deadline_ = clock_.schedule(options_.handshake_timeout, [weak = weak_from_this()] {
    const auto link = weak.lock();
    if (link && !link->opened_) link->fail({net::ErrorKind::kTimeout, "the handshake takes too long"});
  });
  session_->start();
  follow_session();
}

void DtlsLink::receive(std::string_view datagram) {
  if (done_) return;
  const auto self = shared_from_this();
  last_sign_ = clock_.now();
  const auto transmit = [this](const std::string& frame) { session_->write(frame); };
  session_->receive(datagram, [&](std::string_view record) {
    // The last handshake message and the first frames may come together.
    if (!opened_) follow_session();
    if (done_) return;
    const auto read = reliability_.receive(record, clock_.now(), transmit, [&](std::string_view message) {
      if (listener_ != nullptr && !closing_) listener_->on_message(self, message);
      return !done_;
    });
    if (!read.ok()) net::log_debug("reload", "a datagram dropped", {{"why", read.error().message}});
  });
  follow_session();
}

// What the session's stage means for the link, and its next timer.
void DtlsLink::follow_session() {
  if (done_) return;
  if (session_->stage() == DtlsSession::Stage::kClosed) return fail(session_->why());
  if (session_->stage() == DtlsSession::Stage::kOpen && !opened_) {
    auto nodes = linked_peers(session_->native(), check_);
    if (!nodes.ok()) return fail(nodes.error());
    opened_ = true;
    peers_ = std::move(*nodes);
    clock_.cancel(deadline_);
    watch_idleness();
    if (const auto opened = std::exchange(on_opened_, nullptr)) opened(shared_from_this(), {});
    if (done_) return;
  }
  run();
}

void DtlsLink::run() {
  clock_.cancel(timer_);
  if (opened_) {
    reliability_.run(clock_.now(), [this](const std::string& frame) {
      last_sign_ = clock_.now();
      session_->write(frame);
    });
    tell_state();
    if (done_) return;
    if (closing_ && !reliability_.due()) return shut_down();
  }
  std::optional<net::Duration> wait = session_->timeout();
  if (const auto due = reliability_.due(); opened_ && due) {
    const net::Duration until = *due - clock_.now();
    wait = wait ? std::min(*wait, until) : until;
  }
  if (wait) timer_ = later(std::max(*wait, net::Duration(0)), &DtlsLink::look);
}

void DtlsLink::look() {
  const auto self = shared_from_this();
  if (done_) return;
  if (const auto left = session_->timeout(); left && *left <= net::Duration(0)) session_->on_timeout();
  follow_session();
}

void DtlsLink::tell_state() {
  const SimpleReliability::State state = reliability_.state();
  if (state == SimpleReliability::State::kDead)
    return fail({net::ErrorKind::kTimeout, "nothing is acknowledged after five transmissions"});
  const bool stalled = state == SimpleReliability::State::kStalled;
  if (stalled == std::exchange(stalled_, stalled)) return;
  if (listener_ != nullptr && !closing_) listener_->on_stalled(shared_from_this(), stalled);
}

void DtlsLink::watch_idleness() {
  if (done_) return;
  const net::Duration silent = clock_.now() - last_sign_;
  if (silent >= options_.idle_timeout) return fail({net::ErrorKind::kTimeout, "nothing came or went for too long"});
  idle_timer_ = later(options_.idle_timeout - silent, &DtlsLink::watch_idleness);
}

void DtlsLink::send(std::string message) {
  if (closing_ || done_ || !opened_) return;
  const auto self = shared_from_this();
  const std::size_t room = session_->room() - std::min(session_->room(), kFramingHeader);
  std::vector<std::string> parts;
  if (message.size() > room) parts = split(message, room - std::min(room, kRoomForVia));
  // Lists too long to leave room for a body: the IP layer fragments (section 6.7).
  if (parts.empty()) parts.push_back(std::move(message));
  for (std::string& part : parts) {
    if (part.size() > kLargestRecord || !reliability_.send(std::move(part), clock_.now())) {
      net::log_debug("reload", "a message dropped", {{"link", remote_.to_string()}});
      break;  // without one fragment the others are of no use
    }
  }
  // Not inside the caller's call: the link may end.
  clock_.cancel(timer_);
  timer_ = later(net::Duration(0), &DtlsLink::look);
}

void DtlsLink::close() {
  if (done_ || std::exchange(closing_, true)) return;
  if (!opened_ || !reliability_.due()) return shut_down();
  deadline_ = later(kLastWords, &DtlsLink::shut_down);
}

void DtlsLink::shut_down() {
  if (done_) return;
  closing_ = true;
  session_->close();
  end({net::ErrorKind::kCancelled, "closed"});
}

void DtlsLink::fail(const net::Error& why) {
  if (done_) return;
  session_->close();
  end(why);
}

void DtlsLink::end(const net::Error& why) {
  if (std::exchange(done_, true)) return;
  const auto self = shared_from_this();
  const bool told = std::exchange(closing_, true);
  for (const net::TimerId timer : {timer_, deadline_, idle_timer_}) clock_.cancel(timer);
  if (const auto gone = std::exchange(on_gone_, nullptr)) gone();
  if (const auto opened = std::exchange(on_opened_, nullptr)) return opened(self, why);
  if (!told && listener_ != nullptr) listener_->on_closed(self, why);
}

}  // namespace peerscope::reload
