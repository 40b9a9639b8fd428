// SPDX-License-Identifier: GPL-2.0-or-later
#include "reference-impl/reload/dtls_transport.h"

#include <fmt/format.h>

#include <array>
#include <boost/asio.hpp>
#include <set>

#include "protocols/reload/overlay_link.h"
#include "reference-impl/reload/icmp_errors.h"
#include "reference-impl/reload/source_address.h"

namespace peerscope::reload {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;

constexpr std::size_t kLargestDatagram = 20'000;                  // no record of DTLS needs more
constexpr net::Duration kPause = std::chrono::milliseconds(100);  // after a failure that is nobody's fault

net::Error error_of(const error_code& code, const std::string& what) {
  net::ErrorKind kind = net::ErrorKind::kLocal;
  if (code == asio::error::connection_refused) kind = net::ErrorKind::kRefused;
  if (code == asio::error::network_unreachable || code == asio::error::host_unreachable)
    kind = net::ErrorKind::kUnreachable;
  if (code == asio::error::address_in_use) kind = net::ErrorKind::kAddressInUse;
  return {kind, what + ": " + code.message()};
}

// The datagram is lost, as the network may lose it: buffers are full, or a way is missing for now (RFC 1122 section
// 4.2.3.9).
bool is_soft(const error_code& code) {
  return code == asio::error::would_block || code == asio::error::no_buffer_space ||
         code == asio::error::host_unreachable || code == asio::error::network_unreachable;
}

// A link that this node opened, with its socket.
struct Outgoing : std::enable_shared_from_this<Outgoing> {
  explicit Outgoing(const asio::any_io_executor& executor) : socket(executor) {}
  udp::socket socket;
  std::shared_ptr<DtlsLink> link;
  std::array<char, kLargestDatagram> buffer{};

  void read() {
    socket.async_receive(asio::buffer(buffer), [self = shared_from_this()](const error_code& failed, std::size_t size) {
      if (!self->link || self->link->done()) return;
      // Hard errors of the network end a link at once (section 6.6.3.1).
      if (failed) return self->link->fail(error_of(failed, "receive"));
      self->link->receive({self->buffer.data(), size});
      self->read();
    });
  }
  void send(std::string_view datagram) {
    error_code failed;
    socket.send(asio::buffer(datagram), 0, failed);
    if (!failed || is_soft(failed)) return;
    asio::post(socket.get_executor(), [self = shared_from_this(), failed] {
      if (self->link) self->link->fail(error_of(failed, "send"));
    });
  }
};

}  // namespace

class DtlsTransport::Impl : public std::enable_shared_from_this<DtlsTransport::Impl> {
 public:
  Impl(asio::any_io_executor executor, net::Clock& clock, const Identity& identity, DtlsTransportOptions options)
      : executor_(std::move(executor)),
        clock_(clock),
        options_(std::move(options)),
        context_(DtlsContext::create(identity, options_.session)),
        socket_(executor_) {}

  net::Result<void> start() {
    if (!context_.ok()) return context_.error();
    acceptor = std::make_shared<DtlsAcceptor>(
        clock_, *context_, options_.acceptor,
        [weak = weak_from_this()](const DtlsAcceptor::Address& to, std::string_view datagram) {
          if (const auto self = weak.lock()) self->send(to, datagram);
        });
    if (!options_.listening) return {};
    error_code failed;
    const auto address = asio::ip::make_address(options_.listen.address, failed);
    const udp::endpoint endpoint(address, options_.listen.port);
    if (!failed) socket_.open(endpoint.protocol(), failed);
    if (!failed) socket_.bind(endpoint, failed);
    if (!failed) socket_.non_blocking(true, failed);
    if (failed) return error_of(failed, "cannot listen on " + options_.listen.to_string());
    const udp::endpoint bound = socket_.local_endpoint(failed);
    local_ = {bound.address().to_string(), bound.port()};
    keep_icmp_errors(socket_);
    read();
    watch_errors();
    return {};
  }

  void stop() {
    if (std::exchange(stopped_, true)) return;
    if (acceptor) acceptor->stop();
    for (const auto& one : std::set<std::shared_ptr<Outgoing>>(outgoing_)) one->link->shut_down();
    outgoing_.clear();
    error_code ignored;
    socket_.close(ignored);
    check = {};
  }

  const net::Endpoint& local() const { return local_; }

  void connect(const net::Endpoint& remote, Connected done) {
    const auto out = std::make_shared<Outgoing>(executor_);
    error_code failed;
    const auto address = asio::ip::make_address(remote.address, failed);
    const udp::endpoint endpoint(address, remote.port);
    if (!failed) out->socket.open(endpoint.protocol(), failed);
    if (const auto source = source_address(local_, address); source && !failed) out->socket.bind({*source, 0}, failed);
    if (!failed) out->socket.connect(endpoint, failed);
    if (!failed) out->socket.non_blocking(true, failed);
    if (failed || !context_.ok() || stopped_) {
      net::Error error = failed ? error_of(failed, remote.to_string()) : net::Error(net::ErrorKind::kLocal, "stopped");
      if (!failed && !context_.ok()) error = context_.error();
      return asio::post(executor_, [done = std::move(done), error] { done(error); });
    }
    auto session = std::make_unique<DtlsSession>(
        *context_, DtlsSession::Side::kClient,
        [weak = std::weak_ptr<Outgoing>(out), shim = options_.shim](std::string_view datagram) {
          const auto to = weak.lock();
          if (!to) return;
          if (!shim) return to->send(datagram);
          shim(std::string(datagram), [weak](const std::string& passed) {
            if (const auto still = weak.lock()) still->send(passed);
          });
        });
    out->link = std::make_shared<DtlsLink>(clock_, std::move(session), remote, check, options_.acceptor.link);
    out->link->set_events(
        [self = shared_from_this(), done = std::move(done)](const std::shared_ptr<DtlsLink>& link,
                                                            const net::Result<void>& result) {
          if (self->stopped_) return link->shut_down();
          done(result.ok() ? net::Result<LinkPtr>(LinkPtr(link)) : net::Result<LinkPtr>(result.error()));
        },
        [weak = weak_from_this(), about = std::weak_ptr<Outgoing>(out)] {
          const auto one = about.lock();
          if (!one) return;
          error_code ignored;
          one->socket.close(ignored);
          if (const auto self = weak.lock()) self->outgoing_.erase(one);
        });
    outgoing_.insert(out);
    out->read();
    asio::post(executor_, [out] { out->link->start(); });
  }

  std::shared_ptr<DtlsAcceptor> acceptor;
  PeerCheck check;

 private:
  void read() {
    socket_.async_receive_from(asio::buffer(buffer_), from_,
                               [self = shared_from_this()](const error_code& failed, std::size_t size) {
                                 if (self->stopped_) return;
                                 if (!failed) self->acceptor->receive(self->from_, {self->buffer_.data(), size});
                                 if (self->stopped_) return;
                                 if (!failed || failed == asio::error::connection_refused) return self->read();
                                 self->clock_.schedule(kPause, [weak = self->weak_from_this()] {
                                   if (const auto again = weak.lock(); again && !again->stopped_) again->read();
                                 });
                               });
  }

  void watch_errors() {
    socket_.async_wait(udp::socket::wait_error, [self = shared_from_this()](const error_code& failed) {
      if (self->stopped_ || failed) return;
      self->take_errors();
      self->watch_errors();
    });
  }
  void take_errors() {
    take_icmp_errors(socket_, [this](const udp::endpoint& to) { acceptor->refused(to); });
  }

  void send(const udp::endpoint& to, std::string_view datagram) {
    const auto pass = [weak = weak_from_this(), to](std::string_view passed) {
      const auto self = weak.lock();
      error_code lost;
      if (!self || !self->socket_.is_open()) return;
      self->socket_.send_to(asio::buffer(passed), to, 0, lost);
      // An error that waited, about some address, is reported instead of sending: once more.
      if (lost == asio::error::connection_refused) self->socket_.send_to(asio::buffer(passed), to, 0, lost);
    };
    if (options_.shim)
      options_.shim(std::string(datagram), pass);
    else
      pass(datagram);
  }

  asio::any_io_executor executor_;
  net::Clock& clock_;
  DtlsTransportOptions options_;
  net::Result<std::shared_ptr<DtlsContext>> context_;
  udp::socket socket_;
  net::Endpoint local_;
  udp::endpoint from_;
  std::array<char, kLargestDatagram> buffer_{};
  std::set<std::shared_ptr<Outgoing>> outgoing_;
  bool stopped_ = false;
};

DtlsTransport::DtlsTransport(net::asio::any_io_executor executor, net::Clock& clock, const Identity& identity,
                             DtlsTransportOptions options)
    : impl_(std::make_shared<Impl>(std::move(executor), clock, identity, std::move(options))) {}

DtlsTransport::~DtlsTransport() {
  stop();
}

void DtlsTransport::set_peer_check(PeerCheck check) {
  impl_->check = std::move(check);
}
net::Result<void> DtlsTransport::start() {
  if (auto started = impl_->start(); !started.ok()) return started;
  impl_->acceptor->set_peer_check(impl_->check);
  impl_->acceptor->set_on_accept([this](LinkPtr link) {
    if (on_accept_)
      on_accept_(std::move(link));
    else
      link->close();
  });
  return {};
}
void DtlsTransport::stop() {
  impl_->stop();
}
net::Endpoint DtlsTransport::local() const {
  return impl_->local();
}
std::uint8_t DtlsTransport::link_type() const {
  return kDtlsUdpSrNoIce;
}
void DtlsTransport::connect(const net::Endpoint& remote, Connected done) {
  impl_->connect(remote, std::move(done));
}

}  // namespace peerscope::reload
